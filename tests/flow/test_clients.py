"""Real clients, plain and tunnelled: curl, wget, urllib, httpx, Node."""

import json
import ssl
import subprocess
import sys
import urllib.request

import httpx
import pytest

from kit.origin import hello, serve
from kit.proxy import environment
from kit.wire import answer


def run(*args, env=None, timeout_s=20):
    return subprocess.run([str(a) for a in args], capture_output=True, timeout=timeout_s, check=False, env=env or environment(),
                          stdin=subprocess.DEVNULL)


def told(request):
    """The method and the body that came."""
    return answer(200, request.method.encode() + b' ' + request.body, 'Content-Type: text/plain')


@pytest.fixture
def plain(origin):
    return origin(serve(told))


@pytest.fixture
def secure(origin, certs):
    return origin(serve(told), tls=certs.server(certs.good))


def test_curl_plain(proxy, plain):
    done = run('curl', '-sS', '-x', proxy.url, plain.url('/a'), plain.url('/b'))
    assert (done.returncode, done.stdout) == (0, b'GET GET '), done.stderr


def test_curl_post_with_expect(proxy, plain, tmp_path):
    body = tmp_path / 'body'
    body.write_bytes(b'x' * 1500000)
    done = run('curl', '-sS', '-x', proxy.url, '--data-binary', f'@{body}', plain.url('/'))
    assert done.returncode == 0, done.stderr
    assert len(done.stdout) == 1500000 + 5


def test_curl_chunked_upload(proxy, plain, tmp_path):
    body = tmp_path / 'body'
    body.write_bytes(b'y' * 300000)
    done = run('curl', '-sS', '-x', proxy.url, '-H', 'Transfer-Encoding: chunked', '-T', body, plain.url('/'))
    assert done.returncode == 0 and len(done.stdout) == 300000 + 4, done.stderr


def test_curl_tunnelled(proxy, secure, certs):
    done = run('curl', '-sS', '-x', proxy.url, '--cacert', certs.ca, secure.url('/', host='localhost'))
    assert (done.returncode, done.stdout) == (0, b'GET '), done.stderr


def test_curl_tunnels_plain(proxy, plain):
    done = run('curl', '-sS', '-p', '-x', proxy.url, plain.url('/'))
    assert (done.returncode, done.stdout) == (0, b'GET '), done.stderr


def test_curl_http_1_0(proxy, plain):
    done = run('curl', '-sS', '-0', '--proxy1.0', proxy.url.removeprefix('http://'), plain.url('/'))
    assert (done.returncode, done.stdout) == (0, b'GET '), done.stderr


def test_curl_head(proxy, nginx):
    done = run('curl', '-sSI', '-x', proxy.url, nginx.url('/file.txt'))
    assert done.returncode == 0 and b'Content-Length: 16' in done.stdout, done.stderr


def test_curl_shows_the_reason(proxy, origin):
    dead = origin(hello())
    dead.close()
    done = run('curl', '-sS', '-x', proxy.url, dead.url('/'))
    assert b'connect_refused' in done.stdout


def test_curl_many_in_parallel(proxy, nginx, tmp_path):
    done = run('curl', '-sS', '--parallel', '--parallel-max', '20', '--fail', '-x', proxy.url, '-o', '/dev/null',
               nginx.url('/file.txt?[1-100]'))
    assert done.returncode == 0, done.stderr


def test_wget_plain(proxy, nginx):
    done = run('wget', '-q', '-O', '-', nginx.url('/file.txt'), env=environment(http_proxy=proxy.url))
    assert (done.returncode, done.stdout) == (0, b'a file of nginx\n'), done.stderr


def test_wget_tunnelled(proxy, nginx, certs):
    done = run('wget', '-q', '-O', '-', f'--ca-certificate={certs.ca}', nginx.url('/file.txt', 'https', 'localhost'),
               env=environment(https_proxy=proxy.url))
    assert (done.returncode, done.stdout) == (0, b'a file of nginx\n'), done.stderr


def test_wget_recurses(proxy, nginx, tmp_path):
    for i in range(30):
        nginx.write(f'page{i}.html', b'x')
    nginx.write('index.html', b''.join(b'<a href="/page%d.html">x</a>' % i for i in range(30)))
    done = run('wget', '-q', '-r', '-P', tmp_path, nginx.url('/'), env=environment(http_proxy=proxy.url))
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.rglob('page*.html'))) == 30


def opener(proxy, context=None):
    handlers = [urllib.request.ProxyHandler({'http': proxy.url, 'https': proxy.url})]
    if context:
        handlers.append(urllib.request.HTTPSHandler(context=context))
    return urllib.request.build_opener(*handlers)


def test_urllib_plain(proxy, plain):
    with opener(proxy).open(plain.url('/'), timeout=10) as response:
        assert response.read() == b'GET '
    with opener(proxy).open(plain.url('/'), data=b'posted', timeout=10) as response:
        assert response.read() == b'POST posted'


def test_urllib_tunnelled(proxy, secure, certs):
    context = ssl.create_default_context(cafile=str(certs.ca))
    with opener(proxy, context).open(secure.url('/', host='localhost'), timeout=10) as response:
        assert response.read() == b'GET '


def test_httpx(proxy, plain, secure, certs):
    # the client's own argument changed its name between the versions of Debian 12 and 13
    transport = httpx.HTTPTransport(proxy=httpx.Proxy(proxy.url), verify=str(certs.ca))
    with httpx.Client(transport=transport, timeout=10) as client:
        for _ in range(3):
            assert client.get(plain.url('/')).content == b'GET '
            assert client.get(secure.url('/', host='localhost')).content == b'GET '
        assert client.put(plain.url('/'), content=iter([b'stream', b'ed'])).content == b'PUT streamed'


NODE = '''
const http = require('http'), tls = require('tls');
const [proxyHost, proxyPort, plain, secureHost, securePort, ca] = process.argv.slice(1);
const read = res => new Promise((done, fail) => {
  let all = '';
  res.on('data', d => all += d).on('end', () => done([res.statusCode, all])).on('error', fail);
});
const agent = new http.Agent({ keepAlive: true });
const ask = () => new Promise((done, fail) => http.get({ host: proxyHost, port: proxyPort, path: plain, agent,
  headers: { Host: new URL(plain).host } }, res => done(read(res))).on('error', fail));
const tunnel = () => new Promise((done, fail) => http.request({
  host: proxyHost, port: proxyPort, method: 'CONNECT', path: `${secureHost}:${securePort}` })
  .on('connect', (res, socket) => {
    const secure = tls.connect({ socket, servername: secureHost, ca: require('fs').readFileSync(ca) }, () => {
      http.get({ createConnection: () => secure, headers: { Host: secureHost } }, r => done(read(r))).on('error', fail);
    }).on('error', fail);
  }).on('error', fail).end());
(async () => {
  console.log(JSON.stringify([await ask(), await ask(), await tunnel()]));
  process.exit(0);
})().catch(e => { console.error(e); process.exit(1); });
'''


def test_node(proxy, plain, secure, certs):
    done = run('node', '-e', NODE, proxy.host, proxy.port, plain.url('/'), 'localhost', secure.port, certs.ca)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [[200, 'GET ']] * 3


def test_python_http_client_in_a_process(proxy, plain):
    """A client with the environment alone."""
    code = f'import urllib.request as u; print(u.urlopen({plain.url("/")!r}).read())'
    done = run(sys.executable, '-c', code, env=environment(http_proxy=proxy.url, no_proxy=''))
    assert done.stdout.strip() == b"b'GET '", done.stderr
