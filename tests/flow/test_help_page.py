"""A request to the proxy itself: a page that helps, not a puzzle."""

import pytest

from kit.proxy import Viaduct
from kit.wait import until


def ask(viaduct, path='/', *fields, method='GET', version='1.1'):
    lines = [f'{method} {path} HTTP/{version}', f'Host: {viaduct.ready["proxy"]}', *fields, '', '']
    return viaduct.ask('\r\n'.join(lines).encode())


def test_text_for_programs(proxy):
    response = ask(proxy, '/', 'Accept: */*')
    assert response.status == 200
    assert response.get('content-type').startswith('text/plain')
    assert proxy.ready['proxy'] in response.text, 'how to set it up'


def test_html_for_browsers(proxy):
    response = ask(proxy, '/', 'Accept: text/html,*/*;q=0.8', 'User-Agent: Mozilla/5.0')
    assert response.status == 200
    assert response.get('content-type').startswith('text/html')
    assert response.text.lower().startswith('<!doctype html>') and '</html>' in response.text.lower()
    assert response.get('x-content-type-options') == 'nosniff'


def test_names_the_inspector(tmp_path):
    viaduct = Viaduct(tmp_path, inspector='127.0.0.1:0')
    try:
        assert viaduct.ready['inspector'].startswith('http://127.0.0.1:')
        assert viaduct.ready['inspector'].rstrip('/') in ask(viaduct).text
        viaduct.stop()
    finally:
        viaduct.kill()


def test_head(proxy):
    full, head = ask(proxy), ask(proxy, method='HEAD')
    assert head.status == 200
    assert head.get('content-length') == full.get('content-length')


def test_other_paths(proxy):
    for path in '/favicon.ico', '/x?y':
        response = ask(proxy, path)
        assert response.status == 404
        assert proxy.ready['proxy'] in response.text or response.text


@pytest.mark.parametrize('method', ['POST', 'DELETE', 'OPTIONS'])
def test_other_methods(proxy, method):
    assert ask(proxy, '/', 'Content-Length: 0', method=method).status in (200, 404, 405)


def test_any_host(proxy):
    """The Host says nothing here: transparent use is not supported, and no foreign page is made."""
    response = proxy.ask(b'GET / HTTP/1.1\r\nHost: <script>.test\r\n\r\n', 'GET')
    assert response.status in (200, 400) and '<script>' not in response.text
    assert proxy.ask(b'GET / HTTP/1.1\r\nHost: example.test\r\n\r\n', 'GET').status == 200


def test_http_1_0(proxy):
    assert ask(proxy, version='1.0').status == 200


def test_is_recorded_as_a_reply(proxy):
    wanted = '/help-flow'
    assert ask(proxy, wanted).status == 404
    record = until(lambda: [f for f in proxy.flows() if wanted in (f['url'] or '')], 'the flow')[0]
    assert (record['outcome'], record['status']) == ('delivered', 404)
