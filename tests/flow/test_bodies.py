"""Bodies stream: nothing is held back, nothing is piled up, in either direction."""

import threading

import pytest

from kit.origin import serve
from kit.wait import until
from kit.wire import answer, get

MIB = 1 << 20


def system_holds():
    """What the system may keep in the four socket buffers of a transfer through the proxy: those grow up to these maxima on
    their own, with the speed of the first moments."""
    def largest(name):
        with open(f'/proc/sys/net/ipv4/{name}') as f:
            return int(f.read().split()[2])
    return 2 * (largest('tcp_rmem') + largest('tcp_wmem'))


def test_response_pieces_pass_at_once(proxy, origin):
    """Each piece is sent only after the one before has reached the client."""
    seen = [threading.Event() for _ in range(5)]

    def script(peer):
        peer.read_request()
        peer.send(answer(200, b'', 'Transfer-Encoding: chunked', length=False))
        for event in seen:
            peer.send(b'1\r\nx\r\n')
            assert event.wait(5), 'the piece did not reach the client before the next one'
        peer.send(b'0\r\n\r\n')
    o = origin(script)
    wire = proxy.connect()
    wire.send(get(o.url('/')))
    wire.read_response(body=False)
    for event in seen:
        assert wire.read_chunk() == b'x'
        event.set()
    assert wire.read_chunk() == b''


def test_head_passes_before_the_body(proxy, origin):
    go = threading.Event()

    def script(peer):
        peer.read_request()
        peer.send(answer(200, b'', 'Content-Length: 1', length=False))
        assert go.wait(5), 'the head did not reach the client'
        peer.send(b'x')
    o = origin(script)
    wire = proxy.connect()
    wire.send(get(o.url('/')))
    wire.read_response(body=False)
    go.set()
    assert wire.read_exact(1) == b'x'


def test_server_sent_events(proxy, origin):
    turns = [threading.Event() for _ in range(3)]

    def script(peer):
        peer.read_request()
        peer.send(answer(200, b'', 'Content-Type: text/event-stream', 'Cache-Control: no-cache', length=False))
        for number, turn in enumerate(turns):
            peer.send(b'data: %d\n\n' % number)
            assert turn.wait(5), 'an event was held back'
    o = origin(script)
    wire = proxy.connect()
    wire.send(get(o.url('/'), 'Accept: text/event-stream'))
    wire.read_response(body=False)
    for number, turn in enumerate(turns):
        assert wire.read_until(b'data: %d\n\n' % number)
        turn.set()


def test_request_pieces_pass_at_once(proxy, origin):
    arrived = [threading.Event() for _ in range(5)]

    def script(peer):
        peer.read_request(body=False)
        for event in arrived:
            assert peer.read_chunk() == b'y'
            event.set()
        assert peer.read_chunk() == b''
        peer.read_exact(2)
        peer.send(answer(200, b'ok'))
    o = origin(script)
    wire = proxy.connect()
    wire.send(get(o.url('/'), 'Transfer-Encoding: chunked', method='POST'))
    for event in arrived:
        wire.send(b'1\r\ny\r\n')
        assert event.wait(5), 'the piece did not reach the origin before the next one'
    wire.send(b'0\r\n\r\n')
    assert wire.read_response().body == b'ok'


def test_both_directions_at_once(proxy, origin):
    """An origin that echoes while it still reads."""
    def script(peer):
        peer.read_request(body=False)
        peer.send(answer(200, b'', 'Transfer-Encoding: chunked', length=False))
        while piece := peer.read_chunk():
            peer.send(b'%x\r\n%s\r\n' % (len(piece), piece))
        peer.read_exact(2)
        peer.send(b'0\r\n\r\n')
    o = origin(script)
    wire = proxy.connect()
    wire.send(get(o.url('/'), 'Transfer-Encoding: chunked', method='POST'))
    wire.send(b'2\r\nhi\r\n')
    wire.read_response(body=False)
    assert wire.read_chunk() == b'hi'
    for i in range(20):
        piece = b'ping %d' % i
        wire.send(b'%x\r\n%s\r\n' % (len(piece), piece))
        assert wire.read_chunk() == piece
    wire.send(b'0\r\n\r\n')
    assert wire.read_chunk() == b''


def settle(count):
    """Waits until count() stands still, and returns it."""
    last = [-1, 0]

    def still():
        now = count()
        last[1] = last[1] + 1 if now == last[0] else 0
        last[0] = now
        return last[1] >= 10
    until(still, 'the transfer to stand still', every_s=0.05)
    return last[0]


@pytest.mark.parametrize('framing', ['length', 'chunked', 'close'])
def test_slow_client_makes_the_origin_wait(start, origin, framing):
    """limits.buffer bounds what is read ahead; memory does not grow with the body."""
    total = 200 * MIB
    block = b'z' * MIB

    def script(peer):
        peer.read_request()
        fields = {'length': [f'Content-Length: {total}'], 'chunked': ['Transfer-Encoding: chunked'], 'close': []}[framing]
        peer.send(answer(200, b'', *fields, length=False))
        for _ in range(200):
            peer.send(b'100000\r\n' + block + b'\r\n' if framing == 'chunked' else block)
    o = origin(script)
    viaduct = start({'limits.buffer': '64k'})
    before = viaduct.rss_bytes()
    wire = viaduct.connect(receive_buffer=65536)
    wire.send(get(o.url('/')))
    o.wait_peers(1)
    sent = settle(lambda: o.peers[0].sent)
    assert sent < system_holds() + 4 * MIB, f'{sent} bytes went ahead of a client that does not read'
    assert viaduct.rss_bytes() - before < 16 * MIB
    wire.close()


def test_slow_origin_makes_the_client_wait(start, origin):
    release = threading.Event()

    def script(peer):
        peer.read_request(body=False)
        release.wait(20)
    o = origin(script, receive_buffer=65536)
    viaduct = start({'limits.buffer': '64k'})
    before = viaduct.rss_bytes()
    wire = viaduct.connect()
    wire.send(get(o.url('/'), f'Content-Length: {200 * MIB}', method='POST'))

    def push():
        try:
            for _ in range(200):
                wire.send(b'z' * MIB)
        except OSError:
            pass
    pusher = threading.Thread(target=push, daemon=True)
    pusher.start()
    o.wait_requests(1)
    sent = settle(lambda: wire.sent)
    assert sent < system_holds() + 4 * MIB, f'{sent} bytes were taken for an origin that does not read'
    assert viaduct.rss_bytes() - before < 16 * MIB
    wire.reset()
    release.set()
    pusher.join(10)


def test_slow_client_gets_all_in_the_end(start, origin):
    body = bytes(range(256)) * 4096 * 8
    o = origin(serve(lambda r: answer(200, body)))
    viaduct = start({'limits.buffer': '16k'})
    wire = viaduct.connect(receive_buffer=8192)
    wire.send(get(o.url('/')))
    wire.read_response(body=False)
    assert wire.read_exact(len(body)) == body


def test_memory_limit_slows_but_delivers(start, origin):
    """limits.memory at its least with several large bodies under way: all arrive."""
    body = b'm' * (4 * MIB)
    o = origin(serve(lambda r: answer(200, body)))
    viaduct = start({'limits.memory': '16M', 'limits.buffer': '4M'})
    wires = [viaduct.connect(receive_buffer=16384) for _ in range(12)]
    for wire in wires:
        wire.send(get(o.url('/')))
    for wire in wires:
        wire.read_response(body=False)
        assert len(wire.read_exact(len(body))) == len(body)


def test_client_that_leaves_is_cancelled(proxy, origin, token):
    gone = threading.Event()

    def script(peer):
        peer.read_request()
        peer.send(answer(200, b'', f'Content-Length: {64 * MIB}', length=False))
        try:
            for _ in range(64):
                peer.send(b'z' * MIB)
        except OSError:
            gone.set()
    o = origin(script)
    wire = proxy.connect()
    wire.send(get(o.url(token)))
    wire.read_response(body=False)
    wire.read_exact(1000)
    wire.reset()
    assert gone.wait(5), 'the origin was not told'
    flow = proxy.wait_flow(token)
    assert flow['outcome'] == 'cancelled'
    assert not flow['error']


def test_client_that_leaves_while_waiting(proxy, origin, token):
    gone = threading.Event()

    def script(peer):
        peer.read_request()
        try:
            peer.read_eof()
        finally:
            gone.set()
    o = origin(script)
    wire = proxy.connect()
    wire.send(get(o.url(token)))
    o.wait_requests(1)
    wire.reset()
    assert gone.wait(5), 'the origin was not told'
    assert proxy.wait_flow(token)['outcome'] == 'cancelled'


def test_client_that_leaves_within_its_body(proxy, origin, token):
    """The origin must not take half a body for a whole one."""
    ends = []

    def script(peer):
        peer.read_request(body=False)
        ends.append(peer.read_eof())
    o = origin(script)
    wire = proxy.connect()
    wire.send(get(o.url(token), 'Transfer-Encoding: chunked', method='POST') + b'3\r\nabc\r\n')
    o.wait_requests(1)
    wire.reset()
    until(lambda: ends, 'the upstream to end')
    assert b'0\r\n\r\n' not in ends[0]
    assert proxy.wait_flow(token)['outcome'] == 'cancelled'


def test_coded_bodies_are_not_touched(proxy, origin):
    body = bytes.fromhex('1f8b0800000000000003cb48cdc9c9070086a6103605000000')
    o = origin(serve(lambda r: answer(200, body, 'Content-Encoding: gzip')))
    response = proxy.ask(get(o.url('/'), 'Accept-Encoding: gzip'))
    assert (response.body, response.get('content-encoding')) == (body, 'gzip')
    assert o.last().get('accept-encoding') == 'gzip'


def test_ranges_pass(proxy, nginx):
    response = proxy.ask(get(nginx.url('/file.txt'), 'Range: bytes=2-5'))
    assert (response.status, response.body) == (206, b'file')
    assert response.get('content-range').startswith('bytes 2-5/')
