"""Real programs through opened tunnels: curl, wget, requests, httpx, Node, Java, openssl."""

import json
import ssl
import subprocess

import httpx
import pytest
import requests

from kit.origin import hello, serve
from kit.proxy import binary, environment
from kit.wait import until
from kit.wire import answer


def run(*args, timeout_s=60, text=None, cwd=None, **env):
    return subprocess.run([str(a) for a in args], capture_output=True, timeout=timeout_s, check=False, env=environment(**env), cwd=cwd,
                          input=text, stdin=None if text is not None else subprocess.DEVNULL)


def told(request):
    """The method and the body that came."""
    return answer(200, request.method.encode() + b' ' + request.body, 'Content-Type: text/plain')


@pytest.fixture
def secure(origin, certs):
    made = origin(serve(told), tls=certs.server(certs.good))
    made.address = f'https://good.test:{made.port}'
    return made


@pytest.fixture(autouse=True)
def is_opened(opener, secure):
    """Whatever the client, its tunnels were opened: the requests inside are flows."""
    before = {f['id'] for f in opener.flows()}
    yield
    until(lambda: [f for f in opener.flows() if f['id'] not in before and (f['url'] or '').startswith('https://')], 'flows inside', every_s=0.1)


def test_curl(opener, secure):
    done = run('curl', '-sS', '-x', opener.url, '--cacert', opener.ca, secure.address + '/a', secure.address + '/b')
    assert (done.returncode, done.stdout) == (0, b'GET GET '), done.stderr


def test_curl_post(opener, secure, tmp_path):
    (tmp_path / 'body').write_bytes(b'x' * 1500000)
    done = run('curl', '-sS', '-x', opener.url, '--cacert', opener.ca, '--data-binary', f'@{tmp_path}/body', secure.address)
    assert (done.returncode, len(done.stdout)) == (0, 1500005), done.stderr


@pytest.mark.parametrize('options', [['--tlsv1.2', '--tls-max', '1.2'], ['--tlsv1.3'], ['--http1.1'], ['--http2'], ['--no-alpn'],
                                     ['--no-sessionid'], ['--ciphers', 'ECDHE-ECDSA-CHACHA20-POLY1305', '--tls-max', '1.2']])
def test_curl_options(opener, secure, options):
    done = run('curl', '-sS', '-x', opener.url, '--cacert', opener.ca, *options, secure.address)
    assert (done.returncode, done.stdout) == (0, b'GET '), done.stderr


def test_curl_follows_by_itself(opener, origin, certs):
    o = origin(serve(lambda r: answer(302, b'', 'Location: /end') if r.target == '/' else answer(200, b'end')), tls=certs.server(certs.good))
    done = run('curl', '-sSL', '-x', opener.url, '--cacert', opener.ca, f'https://good.test:{o.port}/')
    assert done.stdout == b'end', done.stderr


def test_curl_clear_in_a_tunnel(opener, origin, secure):
    """curl --proxytunnel http://: recorded as what it is."""
    o = origin(hello(b'clear'))
    done = run('curl', '-sS', '-p', '-x', opener.url, f'http://a.test:{o.port}/clear')
    assert done.stdout == b'clear', done.stderr
    assert opener.wait_shown(f':{o.port}/clear')['parent_id']
    run('curl', '-sS', '-x', opener.url, '--cacert', opener.ca, secure.address)


def test_curl_in_parallel(opener, secure):
    done = run('curl', '-sS', '--parallel', '--parallel-max', '20', '--fail', '-x', opener.url, '--cacert', opener.ca, '-o', '/dev/null',
               secure.address + '/[1-100]')
    assert done.returncode == 0, done.stderr
    assert len(secure.requests) == 100


def test_wget(opener, secure):
    done = run('wget', '-q', '-O', '-', f'--ca-certificate={opener.ca}', secure.address, https_proxy=opener.url)
    assert (done.returncode, done.stdout) == (0, b'GET '), done.stderr


def test_requests(opener, secure):
    with requests.Session() as client:
        client.trust_env = False
        client.proxies, client.verify = {'https': opener.url}, opener.ca
        for _ in range(3):
            assert client.get(secure.address, timeout=20).content == b'GET '
        assert client.put(secure.address, data=iter([b'stream', b'ed']), timeout=20).content == b'PUT streamed'


def test_httpx(opener, secure):
    transport = httpx.HTTPTransport(proxy=httpx.Proxy(opener.url), verify=ssl.create_default_context(cafile=opener.ca))
    with httpx.Client(transport=transport, timeout=20) as client:
        for _ in range(3):
            assert client.get(secure.address).content == b'GET '
        assert client.post(secure.address, content=b'posted').content == b'POST posted'


def test_environment_with_the_bundle(opener, secure):
    """The variables that replace the trust store, with ours in it: a program that knows nothing of the proxy."""
    bundle = run(binary(), 'ca', 'bundle', '--data', opener.data).stdout.decode().strip()
    code = f'import requests; print(requests.get({secure.address!r}, timeout=20).text)'
    done = run('/usr/bin/python3', '-c', code, https_proxy=opener.url, no_proxy='', REQUESTS_CA_BUNDLE=bundle)
    assert done.stdout.strip() == b'GET', done.stderr
    code = f'import urllib.request as u; print(u.urlopen({secure.address!r}).read())'
    done = run('/usr/bin/python3', '-c', code, https_proxy=opener.url, no_proxy='', SSL_CERT_FILE=bundle)
    assert done.stdout.strip() == b"b'GET '", done.stderr


NODE = '''
const http = require('http'), https = require('https'), tls = require('tls');
const [proxyHost, proxyPort, url] = process.argv.slice(1);
const { hostname, port } = new URL(url);
const connect = (done) => http.request({ host: proxyHost, port: proxyPort, method: 'CONNECT', path: `${hostname}:${port}` })
  .on('connect', (res, socket) => {
    const secure = tls.connect({ socket, servername: hostname, ALPNProtocols: ['http/1.1'] }, () => done(null, secure));
    secure.on('error', done);
  }).on('error', done).end();
class Tunnel extends https.Agent {
  createConnection(options, done) { connect(done); }
}
const agent = new Tunnel({ keepAlive: true, maxSockets: 2 });
const ask = (method, body) => new Promise((done, fail) => {
  const request = https.request(url, { agent, method }, res => {
    let all = '';
    res.on('data', d => all += d).on('end', () => done([res.statusCode, all])).on('error', fail);
  }).on('error', fail);
  request.end(body);
});
const viaFetch = async () => {
  await fetch('data:,x');  // makes the dispatcher that comes with Node
  const key = Symbol.for('undici.globalDispatcher.1');
  const Agent = globalThis[key].constructor;
  globalThis[key] = new Agent({ connect: (options, done) => connect(done) });
  const res = await fetch(url, { method: 'POST', body: 'fetched' });
  return [res.status, await res.text()];
};
(async () => {
  const all = [await ask('GET'), await ask('PUT', 'body'), ...await Promise.all([ask('GET'), ask('GET')]), await viaFetch()];
  console.log(JSON.stringify(all));
  process.exit(0);
})().catch(e => { console.error(e); process.exit(1); });
'''


def test_node(opener, secure):
    """https with an agent, and fetch, whose connections are made by the same few lines."""
    done = run('node', '-e', NODE, opener.host, opener.port, secure.address + '/', NODE_EXTRA_CA_CERTS=opener.ca)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [[200, 'GET '], [200, 'PUT body'], [200, 'GET '], [200, 'GET '], [200, 'POST fetched']]


JAVA = '''
import java.net.*;
import java.net.http.*;

public class Ask {
    public static void main(String[] args) throws Exception {
        var client = HttpClient.newBuilder().proxy(ProxySelector.of(new InetSocketAddress(args[0], Integer.parseInt(args[1])))).build();
        for (int i = 0; i < 2; i++) {
            var request = HttpRequest.newBuilder(URI.create(args[2])).version(HttpClient.Version.HTTP_1_1)
                .POST(HttpRequest.BodyPublishers.ofString("java" + i)).build();
            System.out.println(client.send(request, HttpResponse.BodyHandlers.ofString()).body());
        }
    }
}
'''


def test_java(opener, secure, tmp_path):
    """java.net.http with a trust store that holds our CA alone."""
    store = tmp_path / 'trust.p12'
    done = run('keytool', '-importcert', '-noprompt', '-alias', 'viaduct', '-file', opener.ca, '-keystore', store, '-storetype', 'PKCS12',
               '-storepass', 'changeit')
    assert done.returncode == 0, done.stdout
    (tmp_path / 'Ask.java').write_text(JAVA)
    done = run('java', '-XX:TieredStopAtLevel=1', f'-Djavax.net.ssl.trustStore={store}', '-Djavax.net.ssl.trustStorePassword=changeit',
               tmp_path / 'Ask.java', opener.host, opener.port, secure.address + '/', timeout_s=90)
    assert done.stdout.split(b'\n')[:2] == [b'POST java0', b'POST java1'], done.stderr


def test_s_client(opener, secure):
    ask = 'GET / HTTP/1.1\r\nHost: good.test\r\nConnection: close\r\n\r\n'.encode()
    done = run('openssl', 's_client', '-proxy', opener.ready['proxy'], '-connect', f'good.test:{secure.port}', '-servername', 'good.test',
               '-CAfile', opener.ca, '-verify_return_error', '-ign_eof', '-quiet', text=ask)
    assert b'GET ' in done.stdout, done.stderr
