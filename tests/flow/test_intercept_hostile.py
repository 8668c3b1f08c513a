"""Clients and origins that mean ill, or die, in the TLS handshakes of opened tunnels; floods; the end of the proxy."""

import signal
import socket
import struct
import threading

import pytest

from kit.intercept import Handshake, client_context, request
from kit.origin import hello
from kit.proxy import over
from kit.wait import until


@pytest.fixture
def secure(origin, certs):
    made = origin(hello(), tls=certs.server(certs.good))
    made.name = f'good.test:{made.port}'
    return made


def pending(viaduct):
    return [f['url'] for f in viaduct.flows() if f['outcome'] == 'pending']


# where a client stops

@pytest.mark.parametrize('how', ['close', 'reset', 'half close'])
@pytest.mark.parametrize('stage', ['nothing', 'a byte', 'half a hello', 'hello', 'half a flight', 'finished', 'request'])
def test_client_goes(opener, secure, token, stage, how):
    """At each stage, in each way: the tunnel ends, its row has one end, the proxy serves on."""
    wire = opener.tunnel(secure.name)
    shake = Handshake(opener.trusting(), 'good.test')
    first = shake.hello()
    if stage == 'a byte':
        wire.send(first[:1])
    elif stage == 'half a hello':
        wire.send(first[:len(first) // 2])
    elif stage in ('hello', 'half a flight', 'finished', 'request'):
        wire.send(first)
    if stage == 'half a flight':
        wire.read_exact(100)
    if stage in ('finished', 'request'):
        while not shake.step():
            shake.incoming.write(wire.read_some())
        wire.send(shake.outgoing.read())
    if stage == 'request':
        shake.tls.write(request(token, secure.name))
        wire.send(shake.outgoing.read())
        secure.wait_requests(1)
    if how == 'half close':
        wire.half_close()
        wire.read_eof()
        wire.close()
    else:
        wire.reset() if how == 'reset' else wire.close()
    assert opener.wait_tunnel(secure.name)['outcome'] in ('delivered', 'failed', 'cancelled')
    assert opener.fetch(f'https://{secure.name}/').status == 200


@pytest.mark.parametrize('stage', ['nothing', 'half a hello', 'hello'])
def test_client_stalls(start_opener, secure, stage):
    """timeouts.tls ends a handshake, from its first byte; before that the tunnel is only idle."""
    viaduct = start_opener({'timeouts.tls': '500ms', 'timeouts.tunnel_idle': '700ms'})
    wire = viaduct.tunnel(secure.name)
    first = Handshake(viaduct.trusting(), 'good.test').hello()
    wire.send({'nothing': b'', 'half a hello': first[:60], 'hello': first}[stage])
    wire.read_eof()
    record = viaduct.wait_tunnel(secure.name)
    assert record['outcome'] != 'pending'
    if stage == 'hello':
        assert (record['outcome'], record['error']) == ('failed', 'client_tls_timeout')


def test_garbage_in_the_handshake(opener, secure):
    for i, junk in enumerate([b'\x16\x03\x03\xff\xff' + b'x' * 100, b'\x17\x03\x03\x00\x01x', b'GET / HTTP/1.1\r\n\r\n', b'\0' * 5000]):
        wire = opener.tunnel(secure.name)
        wire.send(Handshake(opener.trusting(), 'good.test').hello())
        wire.read_some()
        wire.send(junk)
        wire.read_eof()
        wire.close()
        assert opener.wait_tunnel(secure.name, i + 1)['error'] == 'client_tls_failed'
    assert not secure.requests


def test_garbage_after_the_handshake(opener, secure):
    wire = opener.tunnel(secure.name)
    Handshake(opener.trusting(), 'good.test').run(wire)
    wire.send(b'\x17\x03\x03\x00\x20' + b'not what the key makes of it at a')
    wire.read_eof()
    assert opener.wait_tunnel(secure.name)['outcome'] in ('failed', 'cancelled', 'delivered')
    assert not secure.requests


def test_no_clear_text_behind_the_200(opener, secure):
    """What goes wrong inside is an alert and an end; words of ours never stand in the clear."""
    wire = opener.tunnel(secure.name)
    wire.send(Handshake(opener.trusting(), 'good.test').hello() + b'\x15\x03\x03\x00\x02\x02\x28')
    got = wire.read_eof()
    at = 0
    while at < len(got):
        kind, _, size = struct.unpack_from('!BHH', got, at)
        assert 20 <= kind <= 23, got[at:at + 60]
        at += 5 + size


def test_hellos_of_all_lengths(opener, secure):
    """Cut at each of many places: no crash, and no row left behind."""
    first = Handshake(opener.trusting(), 'good.test').hello()
    cuts = list(range(1, len(first), 23))
    for cut in cuts:
        wire = opener.tunnel(secure.name)
        wire.send(first[:cut])
        wire.close()
    until(lambda: not pending(opener), 'the end of every row', every_s=0.1)


def test_large_hello(opener, secure):
    """More than a ClientHello may have: no TLS, relayed raw; below that with 15 kB of padding it is opened."""
    name = 'good.test'
    first = Handshake(opener.trusting(), name).hello()
    wire = opener.tunnel(secure.name)
    wire.send(padded(first, 14000))
    assert wire.read_exact(1) in (b'\x16', b'\x15')
    wire.close()
    opener.wait_tunnel(secure.name, 1)
    wire = opener.tunnel(secure.name)
    wire.send(b'\x16\x03\x01\x40\x00' + b'\x01\x00\xff\xff' + b'p' * 16380)
    wire.half_close()
    wire.read_eof()
    assert opener.wait_tunnel(secure.name, 2)['tunnel']['handling'] == 'relayed'
    assert opener.fetch(f'https://{secure.name}/').status == 200


def padded(hello_record, n):
    """A ClientHello of one record with an extension of n zero bytes (RFC 7685)."""
    body = bytearray(hello_record[5:])
    at = 4 + 2 + 32
    at += 1 + body[at]
    at += 2 + int.from_bytes(body[at:at + 2], 'big')
    at += 1 + body[at]
    added = b'\x00\x15' + n.to_bytes(2, 'big') + bytes(n)
    body[at:at + 2] = (int.from_bytes(body[at:at + 2], 'big') + len(added)).to_bytes(2, 'big')
    body[at + 2:at + 2] = added
    body[1:4] = (len(body) - 4).to_bytes(3, 'big')
    return hello_record[:3] + len(body).to_bytes(2, 'big') + bytes(body)


# where an origin stops

def dies(stage):
    """A script: ends the TLS handshake at that stage."""
    def script(peer):
        peer.read_some()
        if stage == 'after the hello':
            return
        if stage == 'reset':
            peer.reset()
        elif stage == 'half a record':
            peer.send(b'\x16\x03\x03\x00\x7a\x02\x00')
        elif stage == 'alert':
            peer.send(b'\x15\x03\x03\x00\x02\x02\x28')
        elif stage == 'garbage':
            peer.send(b'no TLS at all, and much of it ' * 10)
    return script


@pytest.mark.parametrize('stage', ['after the hello', 'reset', 'half a record', 'alert', 'garbage'])
def test_origin_goes(opener, origin, token, stage):
    """The client, whose handshake is done, gets a 502 inside."""
    o = origin(dies(stage))
    response = opener.fetch(f'https://good.test:{o.port}{token}')
    assert response.status == 502
    record = opener.wait_shown(token)
    assert record['outcome'] == 'failed' and record['error']


def test_origin_stalls(start_opener, origin, token):
    o = origin(lambda peer: peer.read_eof())
    viaduct = start_opener({'timeouts.tls': '400ms'})
    assert viaduct.fetch(f'https://good.test:{o.port}{token}').status == 504
    assert viaduct.wait_flow(token)['error'] == 'tls_timeout'


def test_origin_of_endless_certificates(opener, origin, token):
    """A Certificate message that announces 16 MB: refused, not gathered."""
    def script(peer):
        peer.read_some()
        try:
            for _ in range(1 << 12):
                peer.send(b'\x16\x03\x03\x40\x00' + b'\x0b\xff\xff\xff' + b'c' * 16380)
        except OSError:
            pass
    o = origin(script)
    before = opener.rss_bytes()
    assert opener.fetch(f'https://good.test:{o.port}{token}').status == 502
    assert opener.rss_bytes() - before < 32 << 20


# the end

def test_drain(start_opener, secure, origin, certs):
    """SIGTERM: the request in an opened tunnel is answered to its end, idle tunnels are closed, then it is over."""
    go = threading.Event()

    def script(peer):
        peer.read_request()
        peer.send(b'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst')
        go.wait(10)
        peer.send(b'later')
    o = origin(script, tls=certs.server(certs.good))
    viaduct = over(start_opener({'timeouts.drain': '20s'}))
    busy, idle = viaduct.inside(f'good.test:{o.port}'), viaduct.inside(secure.name)
    idle.get('/')
    busy.request('/busy')
    head = busy.read_response(body=False)
    assert head.status == 200 and busy.read_exact(5) == b'first'
    viaduct.signal(signal.SIGTERM)
    idle.read_eof()
    go.set()
    assert busy.read_exact(5) == b'later'
    busy.close()
    assert viaduct.wait_end() == 0
    viaduct.check_stderr()
    assert viaduct.wait_flow(f'{o.port}/busy')['outcome'] == 'delivered'


def test_cut_off(start_opener, secure, origin, certs):
    """What does not end within timeouts.drain is cut; every row has its end."""
    o = origin(lambda peer: peer.read_eof(), tls=certs.server(certs.good))
    viaduct = over(start_opener({'timeouts.drain': '300ms'}))
    hanging, idle, silent = viaduct.inside(f'good.test:{o.port}'), viaduct.inside(secure.name), viaduct.tunnel(secure.name)
    hanging.request('/hanging')
    until(lambda: o.peers, 'the request to be under way')
    half, whole = viaduct.tunnel(secure.name), viaduct.tunnel(secure.name)
    half.send(Handshake(viaduct.trusting(), 'good.test').hello()[:50])
    whole.send(Handshake(viaduct.trusting(), 'good.test').hello())
    whole.read_exact(100)
    viaduct.signal(signal.SIGTERM)
    assert viaduct.wait_end() == 0
    viaduct.check_stderr()
    assert not pending(viaduct)
    for wire in hanging, idle, silent, half, whole:
        wire.close()


def test_reload_amid_handshakes(start_opener, secure):
    """SIGHUP while clients shake hands: none of them fails."""
    viaduct = start_opener()
    failures = []

    def client():
        for _ in range(20):
            try:
                assert viaduct.fetch(f'https://{secure.name}/').status == 200
            except (AssertionError, OSError) as e:
                failures.append(e)
    threads = [threading.Thread(target=client) for _ in range(4)]
    for thread in threads:
        thread.start()
    while alive := [thread for thread in threads if thread.is_alive()]:
        viaduct.signal(signal.SIGHUP)
        alive[0].join(0.1)
    assert not failures, failures[0]


def test_tunnel_to_the_proxy_itself(opener):
    """Through TLS of ours to ourselves: it ends, it does not go round."""
    wire = opener.connect()
    authority = opener.ready['proxy']
    response = wire.ask(f'CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n'.encode())
    if response.status != 200:
        assert response.status == 508
        return
    inside = opener.secure(wire, authority, None, client_context(None))
    assert inside.get('/').status in (502, 508)
    inside.sock.shutdown(socket.SHUT_RDWR)
