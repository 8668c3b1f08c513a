"""The inspector: its routes, who may see them, and that nobody gets there through the proxy."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess

import pytest

from kit.origin import always, hello, serve
from kit.proxy import Viaduct, command
from kit.wait import until
from kit.wire import Closed, answer, connect, get

NODE = shutil.which('node')


class Inspector:
    """The inspector of a running viaduct."""

    def __init__(self, viaduct):
        self.viaduct = viaduct
        self.url = viaduct.ready['inspector']
        self.authority = self.url.removeprefix('http://')
        host, _, port = self.authority.rpartition(':')
        self.host, self.port = host.strip('[]'), int(port)
        self.token = viaduct.ready['token']

    def ask(self, path='/', *fields, method='GET', host=None, bearer=True):
        lines = [f'{method} {path} HTTP/1.1', f'Host: {host or self.authority}', *fields]
        if bearer:
            lines.append(f'Authorization: Bearer {self.token}')
        wire = connect((self.host, self.port))
        try:
            return wire.ask('\r\n'.join([*lines, '', '']).encode())
        finally:
            wire.close()

    def metric(self, sample):
        """The value of one sample, by its name with labels."""
        found = re.search(rf'^{re.escape(sample)} (\S+)$', self.ask('/metrics').text, re.MULTILINE)
        assert found, f'{sample} is not among the metrics'
        return float(found.group(1))

    def wait_metric(self, sample, value):
        """Flows are counted when they end, a moment after the client has its response."""
        return until(lambda: self.metric(sample) == value, f'{sample} {value:g}')


@pytest.fixture(scope='module')
def shared_proxy(tmp_path_factory):
    viaduct = Viaduct(tmp_path_factory.mktemp('inspector'), {'redirects.mode': 'follow', 'hosts': 'inspector.test=127.0.0.1'},
                      inspector='127.0.0.1:0')
    try:
        yield viaduct
        viaduct.stop()
    finally:
        viaduct.kill()


@pytest.fixture
def inspector(proxy):
    return Inspector(proxy)


# start

def test_ready(proxy, inspector):
    assert re.fullmatch(r'http://127\.0\.0\.1:\d+', inspector.url)
    assert re.fullmatch(r'[0-9a-f]{32}', inspector.token)
    assert f'viaduct: inspector {inspector.url}/?token={inspector.token}\n' in proxy.stdout()


def test_ready_file_is_private(proxy):
    assert os.stat(proxy.ready_file).st_mode & 0o777 == 0o600


def test_token_is_new_at_each_start(start):
    tokens = {start(inspector='127.0.0.1:0').ready['token'] for _ in range(2)}
    assert len(tokens) == 2


def test_off(start):
    viaduct = start(inspector='off')
    assert viaduct.ready['inspector'] is None and viaduct.ready['token'] is None
    assert 'inspector' not in viaduct.stdout()


def test_port_in_use(tmp_path):
    with socket.create_server(('127.0.0.1', 0)) as taken:
        address = f'127.0.0.1:{taken.getsockname()[1]}'
        done = command('serve', '--listen', '127.0.0.1:0', '--inspector', address, '--data', tmp_path / 'd')
    assert done.returncode == 2
    assert f'viaduct: inspector: {address}: Address already in use\n' in done.stderr


def test_port_of_another_viaduct(inspector, tmp_path):
    done = command('serve', '--listen', '127.0.0.1:0', '--inspector', inspector.authority, '--data', tmp_path / 'd')
    assert done.returncode == 2 and 'Address already in use' in done.stderr


def test_ipv6(start):
    inspector = Inspector(start(inspector='[::1]:0'))
    assert inspector.ask().status == 200
    assert inspector.ask(host=f'localhost:{inspector.port}').status == 200


def test_wildcard(start):
    """Reached under any address of the machine; the printed URL is one that can be opened."""
    inspector = Inspector(start(inspector='0.0.0.0:0', listen=('0.0.0.0:0',)))
    assert inspector.host == '127.0.0.1'
    inspector.host = '127.0.0.2'
    authority = f'127.0.0.2:{inspector.port}'
    assert inspector.ask(host=authority).status == 200
    assert f'PROXY 127.0.0.2:{inspector.viaduct.port}; DIRECT' in inspector.ask('/proxy.pac', host=authority).text
    assert inspector.ask(host=f'127.0.0.3:{inspector.port}').status == 421


# who may see it

@pytest.mark.parametrize('path', ['/', '/metrics', '/api/v1/status'])
def test_token_is_needed(inspector, path):
    response = inspector.ask(path, bearer=False)
    assert response.status == 401
    assert response.get('www-authenticate').startswith('Bearer')
    assert 'ready-file' in response.text and inspector.token not in response.text
    assert inspector.ask(path, 'Authorization: Bearer ' + '0' * 32, bearer=False).status == 401
    assert inspector.ask(path).status == 200


def test_link_sets_a_cookie(inspector):
    response = inspector.ask(f'/?token={inspector.token}', bearer=False)
    assert (response.status, response.get('location')) == (303, '/')
    cookie, *attributes = response.get('set-cookie').split('; ')
    assert set(attributes) == {'HttpOnly', 'SameSite=Strict', 'Path=/'}
    assert inspector.ask('/', f'Cookie: {cookie}', bearer=False).status == 200


@pytest.mark.parametrize('name', ['evil.test', 'evil.test:{port}', 'localhost:1', '127.0.0.1', '127.0.0.2:{port}', 'localhost'])
def test_host_of_another(inspector, name):
    """DNS rebinding: a page of evil.test whose name came to mean 127.0.0.1."""
    for path in '/', '/proxy.pac', '/none':
        response = inspector.ask(path, host=name.format(port=inspector.port))
        assert (response.status, response.body) == (421, b'')


def test_no_other_page_reads_it(inspector):
    for path in '/', '/metrics', '/proxy.pac', '/none':
        response = inspector.ask(path, 'Origin: http://evil.test')
        assert not [n for n in response.names() if n.lower().startswith('access-control-')]
        assert "default-src 'none'" in response.get('content-security-policy')
        assert "frame-ancestors 'none'" in response.get('content-security-policy')
        assert response.get('x-content-type-options') == 'nosniff'
        assert response.get('referrer-policy') == 'no-referrer'
        assert response.get('cache-control') == 'no-store'


def test_clients_outside_are_refused(start):
    inspector = Inspector(start({'access.clients': '127.0.0.8/32'}, inspector='127.0.0.1:0'))
    assert inspector.ask('/').status == 403
    assert inspector.ask('/proxy.pac').status == 403


# not through the proxy

HOSTS = ['127.0.0.1', 'localhost', 'inspector.test', '0.0.0.0', '[::ffff:127.0.0.1]', '[::ffff:0.0.0.0]']


@pytest.mark.parametrize('host', HOSTS)
def test_not_by_request(proxy, inspector, host):
    response = proxy.ask(get(f'http://{host}:{inspector.port}/proxy.pac'))
    assert response.status >= 400 and 'FindProxyForURL' not in response.text


@pytest.mark.parametrize('host', HOSTS)
def test_not_by_connect(proxy, inspector, host):
    wire = proxy.connect()
    authority = f'{host}:{inspector.port}'
    response = wire.ask(f'CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n'.encode())
    assert response.status >= 400


@pytest.mark.parametrize('host', HOSTS)
def test_not_by_redirect(proxy, inspector, origin, token, host):
    o = origin(always(answer(302, b'', f'Location: http://{host}:{inspector.port}/proxy.pac')))
    response = proxy.ask(get(o.url(token)))
    assert response.status == 302 and 'FindProxyForURL' not in response.text
    assert proxy.wait_shown(token)['chain'][0]['decision'] == 'returned: target is the proxy itself'


def test_is_no_proxy(inspector, origin):
    o = origin(hello())
    wire = connect((inspector.host, inspector.port))
    assert wire.ask(get(o.url())).status == 421
    wire = connect((inspector.host, inspector.port))
    assert wire.ask(f'CONNECT {o.authority} HTTP/1.1\r\nHost: {o.authority}\r\n\r\n'.encode()).status == 421
    assert not o.peers


# routes

@pytest.mark.parametrize('path', ['/', '/metrics', '/api/v1/status', '/proxy.pac'])
def test_methods(inspector, path):
    head = inspector.ask(path, method='HEAD')
    assert head.status == 200 and int(head.get('content-length')) > 0
    for method in 'POST', 'PUT', 'DELETE', 'OPTIONS':
        response = inspector.ask(path, 'Content-Length: 0', method=method)
        assert (response.status, response.get('allow')) == (405, 'GET, HEAD')


def test_unknown(inspector):
    assert inspector.ask('/none').status == 404
    assert inspector.ask('/api/v1/', bearer=False).status == 404


def test_page(proxy, inspector):
    response = inspector.ask()
    assert response.get('content-type') == 'text/html; charset=utf-8'
    assert response.text.startswith('<!doctype html>') and response.text.endswith('</html>\n')
    for part in (proxy.ready['proxy'], f'{inspector.url}/proxy.pac', str(proxy.data), 'viaduct flows', 'export http_proxy='):
        assert part in response.text
    assert '<script' not in response.text and inspector.token not in response.text


def test_status(start, origin, token):
    viaduct = start(inspector='127.0.0.1:0')
    inspector = Inspector(viaduct)
    o = origin(hello())
    viaduct.ask(get(o.url(token)))
    viaduct.ask(get('http://127.0.0.1:1/'))
    status = until(lambda: (s := json.loads(inspector.ask('/api/v1/status').text))['flows']['done'] == 2 and s, 'two flows')
    assert status['flows'] == {'done': 2, 'in_flight': 0, 'delivered': 1, 'failed': 1, 'cancelled': 0}
    assert status['errors'] == {'connect_refused': 1}
    assert status['clients']['ever'] == 2
    assert status['listen'] == [viaduct.ready['proxy']] and status['proxy'] == viaduct.ready['proxy']
    assert os.path.samefile(status['store']['folder'], viaduct.data)


def test_metrics(start, origin, token):
    viaduct = start({'redirects.mode': 'follow'}, inspector='127.0.0.1:0')
    inspector = Inspector(viaduct)
    o = origin(serve(lambda r: answer(302, b'moved', 'Location: /end') if r.target == token else answer(200, b'twelve bytes')))
    client = viaduct.connect()
    assert client.ask(get(o.url(token))).status == 200
    viaduct.ask(get('http://127.0.0.1:1/'))
    inspector.wait_metric('viaduct_flows_total{outcome="delivered"}', 1)
    inspector.wait_metric('viaduct_flows_total{outcome="failed"}', 1)
    assert inspector.metric('viaduct_flow_errors_total{error="connect_refused",blame="origin"}') == 1
    assert inspector.metric('viaduct_responses_total{class="2xx"}') == 1
    assert inspector.metric('viaduct_responses_total{class="5xx"}') == 1
    assert inspector.metric('viaduct_hops_total{reason="first"}') == 2
    assert inspector.metric('viaduct_hops_total{reason="redirect"}') == 1
    inspector.wait_metric('viaduct_clients', 1)
    inspector.wait_metric('viaduct_store_flows_written_total', 2)
    client.close()
    inspector.wait_metric('viaduct_clients', 0)
    response = inspector.ask(f'/metrics?token={inspector.token}', bearer=False)
    assert response.get('content-type') == 'text/plain; version=0.0.4; charset=utf-8'


def test_metrics_of_chains(start, origin):
    """What became of each redirect, and how often something was tried again."""
    viaduct = start({'redirects.mode': 'follow', 'retry.enabled': 'true', 'retry.backoff_scale': '1ms'}, inspector='127.0.0.1:0')
    inspector = Inspector(viaduct)
    redirects = {'/two': '/one', '/one': '/end', '/app': 'app:there'}

    def responder(request):
        if request.target == '/failing':
            return answer(503)
        to = redirects.get(request.target)
        return answer(302, b'', f'Location: {to}') if to else answer(200)
    o = origin(serve(responder))
    assert [viaduct.ask(get(o.url(path))).status for path in ('/two', '/app', '/failing')] == [200, 302, 503]
    assert viaduct.ask(get(o.url('/two'), 'Viaduct-Redirects: pass')).status == 302
    inspector.wait_metric('viaduct_flows_total{outcome="delivered"}', 4)
    assert inspector.metric('viaduct_redirects_total{decision="followed"}') == 2
    assert inspector.metric('viaduct_redirects_total{decision="passed"}') == 1
    assert inspector.metric('viaduct_redirects_total{decision="returned"}') == 1
    assert inspector.metric('viaduct_retries_total') == 2
    assert inspector.metric('viaduct_hops_total{reason="retry"}') == 2


def test_metrics_of_a_tunnel(start, origin):
    viaduct = start(inspector='127.0.0.1:0')
    inspector = Inspector(viaduct)
    o = origin(lambda peer: (peer.read_exact(4), peer.send(b'answer'), peer.read_eof()))
    wire = viaduct.tunnel(o.authority)
    wire.send(b'ping')
    assert wire.read_exact(6) == b'answer'
    assert inspector.metric('viaduct_flows_in_flight') == 1
    wire.close()
    inspector.wait_metric('viaduct_tunnels_total{handling="relayed"}', 1)
    assert inspector.metric('viaduct_tunnel_bytes_total{direction="up"}') == 4
    assert inspector.metric('viaduct_tunnel_bytes_total{direction="down"}') == 6
    assert inspector.metric('viaduct_client_body_bytes_total{direction="down"}') == 0


def test_its_requests_are_no_flows(start):
    viaduct = start(inspector='127.0.0.1:0')
    inspector = Inspector(viaduct)
    for _ in range(3):
        inspector.ask('/metrics')
    assert inspector.metric('viaduct_flows_in_flight') == 0
    assert inspector.metric('viaduct_clients_total') == 0
    assert viaduct.flows() == []


# the PAC file

PAC_HELPERS = 'const isPlainHostName = h => !h.includes(".");'


def test_pac_as_a_browser_runs_it(proxy, inspector):
    response = inspector.ask('/proxy.pac', bearer=False)
    assert response.status == 200 and response.get('content-type') == 'application/x-ns-proxy-autoconfig'
    ours = f'PROXY {proxy.ready["proxy"]}; DIRECT'
    expected = {
        'http://example.com/': ours, 'https://www.example.com:8443/x': ours, 'HTTP://example.com/': ours, 'wss://example.com/': ours,
        'http://192.0.2.1/': ours, 'http://127.0.0.1.example.com/': ours, 'http://notlocalhost.example/': ours,
        'http://localhost/': 'DIRECT', 'http://localhost:3000/': 'DIRECT', 'http://a.localhost/': 'DIRECT',
        'http://127.0.0.1/': 'DIRECT', 'http://127.9.8.7:80/': 'DIRECT', 'http://printer/': 'DIRECT', 'http://[::1]:8080/': 'DIRECT',
        'ftp://example.com/': 'DIRECT',
    }
    calls = '\n'.join(f'console.log(FindProxyForURL({url!r}, new URL({url!r}).hostname))' for url in expected)
    done = subprocess.run([NODE, '-e', f'{PAC_HELPERS}\n{response.text}\n{calls}'], capture_output=True, text=True, timeout=20, check=True)
    assert dict(zip(expected, done.stdout.splitlines())) == expected


# its life

def test_reload_keeps_it(start):
    viaduct = start({'access.clients': '127.0.0.1'}, inspector='127.0.0.1:0')
    inspector = Inspector(viaduct)
    viaduct.signal(signal.SIGHUP)
    until(lambda: 'configuration reloaded' in viaduct.stderr(), 'the reload')
    assert inspector.ask().status == 200
    assert viaduct.ready['proxy'] in inspector.ask().text


def test_reload_reaches_it(start, tmp_path):
    """Who may use the proxy may see the inspector, and the list can change."""
    file = tmp_path / 'viaduct.yaml'
    file.write_text('access:\n  clients: [127.0.0.0/8]\n')
    viaduct = start(args=['-c', file], inspector='127.0.0.1:0')
    inspector = Inspector(viaduct)
    assert inspector.ask().status == 200
    file.write_text('access:\n  clients: [192.0.2.0/24]\n')
    viaduct.signal(signal.SIGHUP)
    until(lambda: inspector.ask().status == 403, 'the new list')


def test_ends_with_the_proxy(start):
    viaduct = start(inspector='127.0.0.1:0')
    inspector = Inspector(viaduct)
    idle = connect((inspector.host, inspector.port))
    assert idle.ask(f'GET /proxy.pac HTTP/1.1\r\nHost: {inspector.authority}\r\n\r\n'.encode()).status == 200
    viaduct.signal(signal.SIGTERM)
    assert viaduct.wait_end() == 0
    viaduct.is_over = True
    viaduct.check_stderr()
    with pytest.raises((Closed, ConnectionError)):
        idle.read_head()


def test_garbage(inspector):
    for garbage in b'\x16\x03\x01\x00\x00', b'GET / HTTP/9.9\r\n\r\n', b'GET /\r\n\r\n', b'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n':
        wire = connect((inspector.host, inspector.port))
        wire.send(garbage)
        wire.half_close()
        assert b' 200 ' not in wire.read_eof()
        wire.close()
    assert inspector.ask().status == 200
