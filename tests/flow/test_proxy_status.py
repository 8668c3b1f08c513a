"""Responses made here: Proxy-Status (RFC 9209), a body in the form that was asked for, nothing hostile in it."""

import json
import re

import pytest

from kit.origin import always, hello, once
from kit.wire import answer, get


@pytest.fixture
def dead(origin):
    o = origin(hello())
    o.close()
    return o


FORMS = [
    (['Accept: application/json'], 'application/json'),
    (['Accept: application/problem+json, application/json;q=0.9'], 'json'),
    (['Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'], 'text/html'),
    (['Accept: */*'], 'text/plain'),
    ([], 'text/plain'),
    (['Accept: image/png'], 'text/plain'),
]


@pytest.mark.parametrize('fields, form', FORMS)
def test_form(proxy, dead, fields, form):
    response = proxy.ask(get(dead.url('/secret-path?secret-query'), *fields, 'Cookie: secret-cookie', 'X: secret-field'))
    assert response.status == 502
    assert form in response.get('content-type')
    assert response.get('x-content-type-options') == 'nosniff'
    assert 'no-store' in response.get('cache-control', 'no-store')
    assert response.get('content-length') == str(len(response.body))
    assert 'secret' not in response.text, 'no request data but the host'
    assert 'connect_refused' in response.text
    if 'json' in form:
        assert json.loads(response.text)['error'] == 'connect_refused'
    if 'html' in form:
        assert response.text.lower().startswith('<!doctype html>')


def test_page_names_the_host_that_failed(start, origin):
    """After a redirect that is not the host that was asked for."""
    o = origin(once(answer(302, b'', 'Location: http://gone.invalid/x')))
    viaduct = start({'redirects.mode': 'follow', 'dns.servers': '127.0.0.1:1', 'timeouts.resolve': '300ms'})
    response = viaduct.ask(get(o.url('/'), 'Accept: application/json'))
    assert response.status in (502, 504)
    assert json.loads(response.body)['host'] == 'gone.invalid'


@pytest.mark.parametrize('begin, word', [(b'\x16\x03\x01\x02\x00\x01\x00', b'TLS'), (b'\x05\x01\x00\r\n', b'SOCKS')])
def test_slips_of_the_proxy_url_are_named(proxy, begin, word):
    wire = proxy.connect()
    wire.send(begin + b'\r\n\r\n')
    response = wire.read_response()
    assert response.status == 400
    assert word in response.body


def test_proxy_status(proxy, dead):
    response = proxy.ask(get(dead.url('/')))
    assert re.match(r'[A-Za-z*][A-Za-z0-9:/!#$%&\'*+.^_`|~-]*; ?error=connection_refused(;|$)', response.get('proxy-status'))


def test_head_gets_no_body(proxy, dead):
    wire = proxy.connect()
    response = wire.ask(get(dead.url('/'), method='HEAD'))
    assert response.status == 502 and response.has('proxy-status')
    wire.send(get(dead.url('/'), 'Connection: close'))
    assert wire.read_response().status == 502
    wire.assert_closed()


def test_client_goes_on_after_an_error(proxy, dead, origin):
    wire = proxy.connect()
    assert wire.ask(get(dead.url('/'))).status == 502
    assert wire.ask(get(origin(hello()).url('/'))).body == b'hello'


def test_error_of_an_origin_is_its_own(proxy, origin):
    """A 502 that an origin sends carries no error of ours."""
    o = origin(always(answer(502, b'mine', 'Content-Type: text/x')))
    response = proxy.ask(get(o.url('/')))
    assert (response.body, response.get('content-type')) == (b'mine', 'text/x')
    assert 'error=' not in response.get('proxy-status', '')


@pytest.mark.parametrize('accept', ['text/html', 'application/json', '*/*'])
def test_hostile_host_is_escaped(start, accept):
    """Whatever of a target gets into a page is escaped."""
    viaduct = start()
    for target in ('http://<script>alert(1)</script>.test/', 'http://"onload=x.test/', "http://x.test/<script>alert(1)</script>"):
        wire = viaduct.connect()
        wire.send(f'GET {target} HTTP/1.1\r\nHost: x.test\r\nAccept: {accept}\r\n\r\n'.encode())
        response = wire.read_response()
        assert '<script>' not in response.text and '"onload' not in response.text
        assert '<script>' not in str(response.fields)


def test_rejected_head_gets_text(proxy):
    response = proxy.ask(b'GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n', 'GET')
    assert response.status == 400
    assert response.get('content-type').startswith('text/plain')
    assert response.has('date')
