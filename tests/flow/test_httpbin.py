"""Python's httpbin as the origin: what curl gets when it follows by itself, it gets from a proxy that follows."""

import json
import subprocess

import pytest

from kit.httpbin import Httpbin
from kit.proxy import environment
from kit.redirects import following
from kit.wire import get

shared_proxy = following({'redirects.mode': 'auto'})


@pytest.fixture(scope='module')
def httpbin(tmp_path_factory):
    made = Httpbin(tmp_path_factory.mktemp('httpbin'))
    yield made
    made.close()


def curl(*args, proxy=None, stdin=None):
    """(status, redirects that curl followed, body bytes)"""
    line = ['curl', '-sS', '--max-time', '20', '-w', '\n%{http_code} %{num_redirects}', *(['--proxy', proxy] if proxy else []), *args]
    done = subprocess.run(line, capture_output=True, input=stdin, timeout=30, check=False, env=environment())
    assert done.returncode == 0, done.stderr
    body, _, figures = done.stdout.rpartition(b'\n')
    return (*map(int, figures.split()), body)


@pytest.fixture
def both(proxy, httpbin):
    """both(path, curl options) -> what curl -L got itself, and through the proxy without -L; the latter must not have followed."""
    def ask(path, *args, **how):
        own = curl('-L', *args, httpbin.url(path), **how)
        ours = curl(*args, httpbin.url(path), proxy=proxy.url, **how)
        assert ours[1] == 0, 'nothing is left for curl to follow'
        return own, ours
    return ask


@pytest.mark.parametrize('kind', ['redirect', 'relative-redirect', 'absolute-redirect'])
@pytest.mark.parametrize('n', [1, 3, 10, 20])
def test_chains(both, proxy, kind, n):
    own, ours = both(f'/{kind}/{n}?x={kind}{n}')
    assert own[:2] == (200, n) and ours[0] == 200
    assert seen(own) == seen(ours)
    record = proxy.wait_shown(f'/{kind}/{n}?x={kind}{n}')
    assert record['redirects'] == n and record['final_url'].endswith('/get')


def seen(result):
    """What httpbin says of a request, but for its fields: curl has no Via."""
    said = json.loads(result[2])
    said.pop('headers')
    return said


def test_one_more_than_the_limit(httpbin, proxy):
    assert curl(httpbin.url('/redirect/21'), proxy=proxy.url)[0] == 502


# curl's options for each method, without -X, which would stick to hops that are a GET
ASKING = {
    'GET': [], 'POST': ['--data-binary', 'a=b&c=d'], 'POST json': ['--json', '{"a": [1, 2]}'],
    'POST file': ['-F', 'x=y', '-F', 'file=@-;filename=f'],
    'POST chunked': ['-H', 'Transfer-Encoding: chunked', '--data-binary', '@-'], 'PUT': ['-T', __file__], 'DELETE': ['-X', 'DELETE'],
}
# Where curl itself goes wrong there is nothing to compare: its own Transfer-Encoding stays when the body goes, and -X stays DELETE.
MATRIX = [(asking, status) for asking in ASKING for status in (301, 302, 303, 307, 308)
          if (asking != 'POST chunked' or status > 303) and (asking != 'DELETE' or status != 303)]


@pytest.mark.parametrize('asking, status', MATRIX)
def test_methods_and_bodies(both, asking, status):
    own, ours = both(f'/redirect-to?url=/anything&status_code={status}', *ASKING[asking], stdin=b'hello world')
    assert own[:2] == (200, 1) and ours[0] == 200
    assert seen(own) == seen(ours)


STABLE = ['/bytes/100000?seed=7', '/stream-bytes/100000?seed=7&chunk_size=999', '/image/png', '/html', '/robots.txt', '/encoding/utf8',
          '/range/5000', '/status/404', '/status/204', '/status/500', '/base64/SGVsbG8%3D', '/drip?duration=0&numbytes=100',
          '/xml', '/deny']


@pytest.mark.parametrize('path', STABLE)
@pytest.mark.parametrize('status', [302, 308])
def test_the_same_bytes(both, path, status):
    quoted = path.replace('%', '%25').replace('?', '%3F').replace('&', '%26')
    own, ours = both(f'/redirect-to?status_code={status}&url={quoted}')
    assert own[0] == ours[0] and own[2] == ours[2]


@pytest.mark.parametrize('path', ['/gzip', '/deflate'])
def test_coded_bodies_are_left_alone(both, path):
    own, ours = both(f'/redirect-to?url={path}', '--compressed')
    assert json.loads(own[2])['method'] == json.loads(ours[2])['method'] == 'GET'


@pytest.mark.parametrize('path, cookies', [
    ('/cookies/set?a=1&b=2', {'a': '1', 'b': '2'}), ('/cookies/set/c/3', {'c': '3'}),
    ('/redirect-to?url=/cookies/set%3Fd%3D4', {'d': '4'}),
])
def test_cookies(both, path, cookies):
    """curl with its cookie engine; the proxy for a client that has none."""
    own, ours = both(path, '-b', '')
    assert json.loads(own[2]) == json.loads(ours[2]) == {'cookies': cookies}


def test_cookies_over_and_out(both):
    own, ours = both('/cookies/delete?mine', '-b', 'mine=1; other=2')
    assert json.loads(ours[2]) == {'cookies': {'other': '2'}}
    assert own[0] == 200


def test_cookies_reach_the_client(httpbin, proxy, tmp_path):
    jar = tmp_path / 'jar'
    curl('-c', str(jar), httpbin.url('/cookies/set?kept=yes'), proxy=proxy.url)
    assert json.loads(curl('-b', str(jar), httpbin.url('/cookies'))[2]) == {'cookies': {'kept': 'yes'}}


def test_credentials_stay_at_their_origin(httpbin, proxy):
    assert curl('-u', 'u:p', httpbin.url('/redirect-to?url=/basic-auth/u/p'), proxy=proxy.url)[0] == 200
    elsewhere = httpbin.url('/basic-auth/u/p').replace('127.0.0.1', 'a.test')
    assert curl('-u', 'u:p', httpbin.url(f'/redirect-to?url={elsewhere}'), proxy=proxy.url)[0] == 401


def test_ranges_and_conditions(both):
    own, ours = both('/redirect-to?url=/range/1000', '-r', '10-29')
    assert own[0] == ours[0] == 206 and own[2] == ours[2] and len(ours[2]) == 20
    own, ours = both('/redirect-to?url=/etag/x', '-H', 'If-None-Match: "x"')
    assert own[0] == ours[0] == 304


def test_elsewhere(httpbin, proxy):
    """What leads nowhere that http goes is httpbin's own answer."""
    for url in 'myapp://x', 'ftp://127.0.0.1/x', 'javascript:1':
        response = proxy.ask(get(httpbin.url(f'/redirect-to?url={url}')))
        assert (response.status, response.get('location')) == (302, url)


def test_large_uploads(httpbin, proxy):
    body = bytes(range(256)) * 12_000
    status, _, said = curl('--data-binary', '@-', '-H', 'Content-Type: application/octet-stream',
                           httpbin.url('/redirect-to?url=/anything&status_code=307'), proxy=proxy.url, stdin=body)
    assert status == 200 and json.loads(said)['method'] == 'POST' and len(json.loads(said)['data']) > len(body)
