"""Each phase has its time-out, and the flow's error names it."""

import threading
import time

import pytest

from kit.origin import hang, hello, once
from kit.wait import until
from kit.wire import answer, get, post

SHORT = '300ms'


def check(viaduct, token, error):
    flow = viaduct.wait_flow(token)
    assert (flow['outcome'], flow['error']) == ('failed', error)


@pytest.mark.parametrize('part', [b'G', b'GET http://x.test/ HTTP/1.1\r\n', b'GET http://x.test/ HTTP/1.1\r\nHost: x.test\r\nX: '])
def test_request_head(start, part):
    viaduct = start({'timeouts.request_head': SHORT})
    wire = viaduct.connect()
    wire.send(part)
    begin = time.monotonic()
    response = wire.read_response()
    assert response.status == 408
    assert time.monotonic() - begin < 3
    wire.assert_closed()
    until(lambda: [f for f in viaduct.flows() if f['error'] == 'request_head_timeout'], 'the flow')


def test_request_head_that_trickles(start):
    """The limit is for the whole head, not between bytes."""
    viaduct = start({'timeouts.request_head': '600ms'})
    wire = viaduct.connect()
    begin = time.monotonic()
    try:
        for byte in b'GET http://x.test/' + b'l' * 100:
            wire.send(bytes([byte]))
            wire.sock.settimeout(0.1)
            try:
                wire.pending += wire.sock.recv(65536)
                break
            except (TimeoutError, OSError):
                pass
    except (BrokenPipeError, ConnectionResetError):
        pass
    assert time.monotonic() - begin < 4
    assert wire.pending == b'' or wire.pending.startswith(b'HTTP/1.1 408')


def test_request_body(start, origin, token):
    o = origin(hang)
    viaduct = start({'timeouts.request_body': SHORT})
    wire = viaduct.connect()
    wire.send(get(o.url(token), 'Content-Length: 10', method='POST') + b'half')
    assert wire.read_response().status == 408
    wire.assert_closed()
    check(viaduct, token, 'request_body_timeout')


def test_client_idle(start, origin):
    o = origin(hello())
    viaduct = start({'timeouts.client_idle': SHORT})
    wire = viaduct.connect()
    assert wire.ask(get(o.url('/'))).status == 200
    wire.assert_closed()


def test_client_that_never_speaks(start):
    viaduct = start({'timeouts.client_idle': SHORT, 'timeouts.request_head': SHORT})
    wire = viaduct.connect()
    assert wire.read_eof().split(b'\r\n')[0] in (b'', b'HTTP/1.1 408 Request Timeout')


def test_client_write(start, origin, token):
    def script(peer):
        peer.read_request()
        peer.send(answer(200, b'', 'Content-Length: 1000000000', length=False))
        try:
            for _ in range(1000):
                peer.send(b'z' * 1000000)
        except OSError:
            pass
    o = origin(script)
    viaduct = start({'timeouts.client_write': SHORT})
    wire = viaduct.connect(receive_buffer=16384)
    wire.send(get(o.url(token)))
    check(viaduct, token, 'client_write_timeout')
    wire.close()


def test_slow_but_steady_client_is_not_cut(start, origin):
    """A client that takes a little now and then makes progress."""
    body = b'z' * 3000000
    o = origin(once(answer(200, body)))
    viaduct = start({'timeouts.client_write': '500ms', 'limits.buffer': '16k'})
    wire = viaduct.connect(receive_buffer=65536)
    wire.send(get(o.url('/')))
    wire.read_response(body=False)
    got = 0
    for _ in range(10):
        got += len(wire.read_exact(100000))
        time.sleep(0.1)  # the pace is what is tested
    assert got + len(wire.read_exact(len(body) - got)) == len(body)


def test_client_far_slower_than_the_buffers(start, origin, token):
    """With the buffers of proxy and system as they are by default, a slow reader shows itself only by what it acknowledges."""
    o = origin(once(answer(200, b'z' * 30_000_000)))
    viaduct = start({'timeouts.client_write': '600ms'})
    wire = viaduct.connect(receive_buffer=65536)
    wire.send(get(o.url(token)))
    wire.read_response(body=False)
    begin = time.monotonic()
    while time.monotonic() - begin < 2.5:
        wire.read_exact(20000)
        time.sleep(0.05)  # the pace is what is tested
    assert viaduct.wait_flow(token, ended=False)['outcome'] == 'pending'
    wire.reset()


def test_queue(start, origin, token):
    o = origin(hang)
    viaduct = start({'upstream.max_per_origin': '1', 'timeouts.queue': SHORT}, workers=1)
    first = viaduct.connect()
    first.send(get(o.url('/first')))
    o.wait_peers(1)
    response = viaduct.ask(get(o.url(token)))
    assert response.status == 503
    check(viaduct, token, 'queue_timeout')
    first.close()


def test_connect(start, full_listener, token):
    viaduct = start({'timeouts.connect': SHORT})
    begin = time.monotonic()
    response = viaduct.ask(get(f'http://127.0.0.1:{full_listener().port}{token}'))
    assert response.status == 504
    assert time.monotonic() - begin < 3
    check(viaduct, token, 'connect_timeout')


def test_connect_of_a_tunnel(start, full_listener):
    viaduct = start({'timeouts.connect': SHORT})
    authority = f'127.0.0.1:{full_listener().port}'
    assert viaduct.connect().ask(f'CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n'.encode()).status == 504
    check(viaduct, authority, 'connect_timeout')


def test_tls(start, origin, token):
    silent = origin(hang)
    o = origin(once(answer(302, b'', f'Location: https://{silent.authority}/')))
    viaduct = start({'timeouts.tls': SHORT, 'redirects.mode': 'follow'})
    assert viaduct.ask(get(o.url(token))).status == 504
    check(viaduct, token, 'tls_timeout')


def test_send(start, origin, token):
    release = threading.Event()

    def script(peer):
        peer.read_request(body=False)
        release.wait(10)
    o = origin(script, receive_buffer=16384)
    viaduct = start({'timeouts.send': SHORT, 'limits.buffer': '64k'})
    wire = viaduct.connect()
    wire.send(get(o.url(token), 'Content-Length: 1000000000', method='POST'))

    def push():
        try:
            while True:
                wire.send(b'z' * 1000000)
        except OSError:
            pass
    pusher = threading.Thread(target=push, daemon=True)
    pusher.start()
    try:
        assert wire.read_response().status == 504
    except ConnectionResetError:
        pass  # bytes were under way when it closed
    check(viaduct, token, 'send_timeout')
    wire.close()
    release.set()
    pusher.join(5)


def test_response_head(start, origin, token):
    o = origin(hang)
    viaduct = start({'timeouts.response_head': SHORT})
    response = viaduct.ask(get(o.url(token)))
    assert response.status == 504
    assert 'http_response_timeout' in response.get('proxy-status')
    check(viaduct, token, 'response_head_timeout')


def test_response_head_that_stays_half(start, origin, token):
    o = origin(once(b'HTTP/1.1 200 OK\r\nX: ', 'hold'))
    viaduct = start({'timeouts.response_head': SHORT})
    assert viaduct.ask(get(o.url(token))).status == 504
    check(viaduct, token, 'response_head_timeout')


def test_response_head_time_does_not_run_while_the_body_is_sent(start, origin):
    o = origin(once(answer(200, b'ok'), 'hold'))
    viaduct = start({'timeouts.response_head': '400ms'})
    wire = viaduct.connect()
    wire.send(get(o.url('/'), 'Content-Length: 8', method='POST'))
    for _ in range(8):
        time.sleep(0.1)  # a client that takes longer to send than the origin may take to answer
        wire.send(b'x')
    assert wire.read_response().body == b'ok'


def test_response_body(start, origin, token):
    o = origin(once(answer(200, b'half', 'Content-Length: 10', length=False), 'hold'))
    viaduct = start({'timeouts.response_body': SHORT})
    wire = viaduct.connect()
    wire.send(get(o.url(token)))
    assert wire.read_response(body=False).status == 200
    assert wire.read_eof() == b'half'
    check(viaduct, token, 'response_body_timeout')


def test_server_sent_events_are_exempt(start, origin):
    go = threading.Event()

    def script(peer):
        peer.read_request()
        peer.send(answer(200, b'', 'Content-Type: text/event-stream; charset=utf-8', length=False) + b'data: 1\n\n')
        go.wait(10)
        peer.send(b'data: 2\n\n')
    o = origin(script)
    viaduct = start({'timeouts.response_body': SHORT})
    wire = viaduct.connect()
    wire.send(get(o.url('/')))
    wire.read_response(body=False)
    wire.read_until(b'data: 1\n\n')
    wire.pending = b''
    wire.sock.settimeout(1.0)
    with pytest.raises(AssertionError, match='nothing came'):
        wire.fill()
    wire.sock.settimeout(10)
    go.set()
    wire.read_until(b'data: 2\n\n')


def test_tunnel_idle(start, origin):
    o = origin(hang)
    viaduct = start({'timeouts.tunnel_idle': SHORT})
    viaduct.tunnel(o.authority).assert_closed()
    check(viaduct, o.authority, 'tunnel_idle')


def test_tunnel_that_moves_is_not_idle(start, origin):
    def script(peer):
        while piece := peer.read_some():
            peer.send(piece)
    o = origin(script)
    wire = start({'timeouts.tunnel_idle': '500ms'}).tunnel(o.authority)
    for _ in range(8):
        wire.send(b'x')
        assert wire.read_exact(1) == b'x'
        time.sleep(0.1)  # the pace is what is tested


def test_time_out_leaves_the_client_usable(start, origin):
    """After a 504 the same client may go on, or is told that it ends."""
    slow, quick = origin(hang), origin(hello())
    wire = start({'timeouts.response_head': SHORT}).connect()
    response = wire.ask(get(slow.url('/')))
    assert response.status == 504
    if 'close' in response.list_of('connection'):
        wire.assert_closed()
    else:
        assert wire.ask(get(quick.url('/'))).status == 200


def test_post_after_a_time_out_is_not_repeated(start, origin):
    o = origin(hang)
    viaduct = start({'timeouts.response_head': SHORT})
    assert viaduct.ask(post(o.url('/'), b'x')).status == 504
    assert len(o.peers) == 1
