"""CONNECT (RFC 9110 section 9.3.6): raw tunnels, half-close, early bytes, ports, and what is read of a ClientHello."""

import ssl
import threading

import pytest

from kit.namespace import OUTSIDE, run_in_namespace
from kit.origin import Origin, hello
from kit.proxy import Viaduct
from kit.wait import until
from kit.wire import Wire, get


def connect_request(authority, *fields):
    return '\r\n'.join([f'CONNECT {authority} HTTP/1.1', f'Host: {authority}', *fields, '', '']).encode()


def echo(peer):
    """Gives back all it reads, then ends."""
    while piece := peer.read_some():
        peer.send(piece)


def test_tunnel(proxy, origin):
    o = origin(echo)
    wire = proxy.connect()
    response = wire.ask(connect_request(o.authority))
    assert response.status == 200
    assert not response.has('content-length') and not response.has('transfer-encoding')
    for piece in (b'\x00\x01\xff', b'GET / HTTP/1.1\r\n\r\n', b'z' * 500000):
        sender = threading.Thread(target=wire.send, args=(piece,))
        sender.start()
        assert wire.read_exact(len(piece)) == piece
        sender.join()


def test_tunnel_to_a_dead_port(proxy, origin):
    o = origin(echo)
    o.close()
    wire = proxy.connect()
    response = wire.ask(connect_request(o.authority))
    assert response.status == 502
    assert 'connection_refused' in response.get('proxy-status')
    assert proxy.wait_flow(o.authority)['error'] == 'connect_refused'


def test_client_half_closes_first(proxy, origin):
    def script(peer):
        assert peer.read_eof() == b'question'
        peer.send(b'a long answer ' * 10000)
    o = origin(script)
    wire = proxy.tunnel(o.authority)
    wire.send(b'question')
    wire.half_close()
    assert wire.read_eof() == b'a long answer ' * 10000


def test_origin_half_closes_first(proxy, origin):
    got = []

    def script(peer):
        peer.send(b'banner')
        peer.half_close()
        got.append(peer.read_eof())
    o = origin(script)
    wire = proxy.tunnel(o.authority)
    assert wire.read_eof() == b'banner'
    wire.send(b'still ' * 10000)
    wire.half_close()
    until(lambda: got, 'the end at the origin')
    assert got[0] == b'still ' * 10000


def test_origin_speaks_first(proxy, origin):
    def script(peer):
        peer.send(b'220 ready\r\n')
        assert peer.read_until(b'\r\n') == b'QUIT\r\n'
    o = origin(script)
    wire = proxy.tunnel(o.authority)
    assert wire.read_until(b'\r\n') == b'220 ready\r\n'
    wire.send(b'QUIT\r\n')
    wire.assert_closed()


def test_bytes_sent_along_with_connect(proxy, origin):
    o = origin(echo)
    wire = proxy.connect()
    wire.send(connect_request(o.authority) + b'early ')
    wire.send(b'bytes')
    assert wire.read_response('CONNECT').status == 200
    assert wire.read_exact(11) == b'early bytes'


def test_large_early_bytes(proxy, origin):
    early = bytes(i % 253 for i in range(300000))
    o = origin(echo)
    wire = proxy.connect()
    sender = threading.Thread(target=wire.send, args=(connect_request(o.authority) + early,))
    sender.start()
    assert wire.read_response('CONNECT').status == 200
    assert wire.read_exact(len(early)) == early
    sender.join()


def test_client_resets(proxy, origin):
    ended = threading.Event()

    def script(peer):
        try:
            peer.read_eof()
        finally:
            ended.set()
    o = origin(script)
    wire = proxy.tunnel(o.authority)
    wire.send(b'x')
    wire.reset()
    assert ended.wait(5)
    assert proxy.wait_flow(o.authority)['outcome'] in ('cancelled', 'delivered')


def test_origin_resets(proxy, origin):
    def script(peer):
        peer.read_exact(1)
        peer.reset()
    o = origin(script)
    wire = proxy.tunnel(o.authority)
    wire.send(b'x')
    wire.assert_closed()
    flow = proxy.wait_flow(o.authority)
    assert (flow['outcome'], flow['error']) == ('failed', 'tunnel_broken')


def test_tunnel_is_recorded_with_its_bytes(proxy, origin):
    o = origin(echo)
    wire = proxy.tunnel(o.authority)
    wire.send(b'12345')
    assert wire.read_exact(5) == b'12345'
    wire.half_close()
    wire.assert_closed()
    record = proxy.wait_shown(o.authority)
    assert record['url'] == o.authority
    assert (record['method'], record['status'], record['outcome']) == ('CONNECT', 200, 'delivered')
    assert (record['tunnel']['up_bytes'], record['tunnel']['down_bytes']) == (5, 5)


def test_slow_reader_in_a_tunnel(start, origin):
    def script(peer):
        try:
            for _ in range(200):
                peer.send(b'z' * (1 << 20))
        except OSError:
            pass
    o = origin(script)
    viaduct = start({'limits.buffer': '64k'})
    before = viaduct.rss_bytes()
    wire = viaduct.connect(receive_buffer=65536)
    wire.send(connect_request(o.authority))
    o.wait_peers(1)
    seen = []

    def still():
        seen.append(o.peers[0].sent)
        return len(seen) > 10 and len(set(seen[-10:])) == 1
    until(still, 'the transfer to stand still', every_s=0.05)
    assert o.peers[0].sent < 20 << 20
    assert viaduct.rss_bytes() - before < 16 << 20
    wire.reset()


@pytest.mark.parametrize('target', ['/', '127.0.0.1', '127.0.0.1:', '127.0.0.1:0', '127.0.0.1:99999', '127.0.0.1:8x',
                                    'http://127.0.0.1:80/', 'user@127.0.0.1:80', '127.0.0.1:80/', ':443', '[::1:443', '*', '127.0.0.1:-1',
                                    '127.0.0.1:+443'])
def test_bad_authority(proxy, target):
    wire = proxy.connect()
    response = wire.ask(f'CONNECT {target} HTTP/1.1\r\nHost: x\r\n\r\n'.encode())
    assert response.status == 400
    wire.assert_closed()


@pytest.mark.parametrize('field', ['Content-Length: 3', 'Content-Length: 0', 'Transfer-Encoding: chunked'])
def test_connect_with_a_body(proxy, origin, field):
    o = origin(echo)
    wire = proxy.connect()
    assert wire.ask(connect_request(o.authority, field)).status == 400
    wire.assert_closed()
    assert not o.peers


def test_tunnel_to_the_proxy_itself(start):
    """The tunnel may be refused, or what is asked for in it; it must not go round."""
    viaduct = start()
    wire = viaduct.connect()
    response = wire.ask(connect_request(viaduct.ready['proxy']))
    if response.status == 200:
        inner = wire.ask(get(f'{viaduct.url}/inner'))
        assert inner.status == 508
    else:
        assert response.status == 508


def test_request_behind_a_refused_connect_is_not_parsed(proxy, origin):
    o = origin(hello())
    wire = proxy.connect()
    wire.send(b'CONNECT nowhere HTTP/1.1\r\nHost: x\r\n\r\n' + get(o.url('/smuggled')))
    assert wire.read_response('CONNECT').status == 400
    wire.assert_closed()
    assert not o.requests


def test_request_behind_a_failed_connect_is_not_parsed(proxy, origin):
    dead, o = origin(echo), origin(hello())
    dead.close()
    wire = proxy.connect()
    wire.send(connect_request(dead.authority) + get(o.url('/smuggled')))
    assert wire.read_response('CONNECT').status == 502
    wire.assert_closed()
    assert not o.requests


def test_connect_behind_a_request(proxy, origin):
    """Pipelined behind a GET: the tunnel begins after the answer."""
    plain, o = origin(hello()), origin(echo)
    wire = proxy.connect()
    wire.send(get(plain.url('/')) + connect_request(o.authority) + b'early')
    assert wire.read_response().body == b'hello'
    assert wire.read_response('CONNECT').status == 200
    assert wire.read_exact(5) == b'early'


def test_tls_through_a_tunnel(proxy, origin, certs):
    o = origin(hello(b'secret'), tls=certs.server(certs.good))
    wire = proxy.tunnel(f'localhost:{o.port}')
    inner = Wire(certs.client(alpn=['http/1.1']).wrap_socket(wire.sock, server_hostname='localhost'))
    assert inner.ask(b'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n').body == b'secret'


def test_client_hello_is_recorded(proxy, origin, certs):
    o = origin(hello(), tls=certs.server(certs.good))
    wire = proxy.tunnel(f'localhost:{o.port}')
    inner = certs.client(alpn=['h2', 'http/1.1']).wrap_socket(wire.sock, server_hostname='good.test')
    inner.close()
    said = proxy.wait_shown(f'localhost:{o.port}')['tunnel']
    assert (said['sni'], said['alpn'], said['has_ech']) == ('good.test', 'h2,http/1.1', False)
    assert '1.3' in said['tls_version']
    assert said['ja4'].startswith('t13d') and len(said['ja4'].split('_')) == 3


def hello_bytes(certs, server_name):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = certs.client().wrap_bio(incoming, outgoing, server_hostname=server_name)
    with pytest.raises(ssl.SSLWantReadError):
        session.do_handshake()
    return outgoing.read()


def test_client_hello_in_pieces_is_not_delayed(proxy, origin, certs):
    """Every byte goes on at once; the facts are there all the same."""
    arrived = []

    def script(peer):
        while piece := peer.read_some():
            arrived.append(piece)
    o = origin(script)
    raw = hello_bytes(certs, 'pieces.test')
    wire = proxy.tunnel(o.authority)
    for at in range(0, len(raw), 50):
        wire.send(raw[at:at + 50])
        expected = raw[:at + 50]
        until(lambda: b''.join(arrived) == expected, 'the piece at the origin')
    wire.half_close()
    wire.assert_closed()
    assert proxy.wait_shown(o.authority)['tunnel']['sni'] == 'pieces.test'


@pytest.mark.parametrize('first', [b'\x16\x03\x01\x00\x05\x01\x00\x00\xff\xff', b'\x16\x03\x01\xff\xff' + b'\x01' * 40000,
                                   b'SSH-2.0-x\r\n'], ids=['malformed', 'too large', 'another protocol'])
def test_what_is_no_client_hello(proxy, origin, first):
    o = origin(echo)
    wire = proxy.tunnel(o.authority)
    sender = threading.Thread(target=wire.send, args=(first,))
    sender.start()
    assert wire.read_exact(len(first)) == first
    sender.join()
    wire.half_close()
    wire.assert_closed()
    said = proxy.wait_shown(o.authority)['tunnel']
    assert said['sni'] is None and said['ja4'] is None


def test_ports_for_clients_outside_loopback(tmp_path):
    """443 and 8443 by default; the refusal is 403, port_denied, and closes."""
    def body():
        viaduct = Viaduct(tmp_path / 'viaduct', {'access.clients': 'all', 'hosts': f'origin.test={OUTSIDE}'}, listen=[f'{OUTSIDE}:0'])
        refused = Origin(echo, host=OUTSIDE)
        allowed = Origin(echo, host=OUTSIDE, port=8443)
        wire = viaduct.connect(source=OUTSIDE)
        response = wire.ask(connect_request(refused.authority))
        assert response.status == 403, response.start
        wire.assert_closed()
        assert not refused.peers
        assert viaduct.wait_flow(refused.authority)['error'] == 'port_denied'
        wire = viaduct.connect(source=OUTSIDE)
        assert wire.ask(connect_request('origin.test:8443')).status == 200
        wire.send(b'x')
        assert wire.read_exact(1) == b'x'
        wire.close()
        refused.close()
        allowed.close()
        viaduct.stop()
    run_in_namespace(body)


def test_ports_can_be_opened(tmp_path):
    def body():
        viaduct = Viaduct(tmp_path / 'viaduct', {'access.clients': f'{OUTSIDE}/32', 'connect.ports': 'all'}, listen=[f'{OUTSIDE}:0'])
        o = Origin(echo, host=OUTSIDE)
        wire = viaduct.connect(source=OUTSIDE)
        assert wire.ask(connect_request(o.authority)).status == 200
        wire.close()
        o.close()
        viaduct.stop()
    run_in_namespace(body)
