"""Connections that live on: towards clients, pipelining, towards origins, and the retry of a stale one."""

import threading
import time

import pytest

from kit.origin import always, hello, once, serve
from kit.wait import until
from kit.wire import answer, get, post


def test_leftover_of_an_answer_is_no_answer(start, origin, token):
    """Bytes too many that come when the next request is already out: it is asked again elsewhere."""
    def script(peer):
        request = peer.read_request()
        if request.target == token:
            peer.send(answer(200, b'right'))
            return
        peer.send(answer(200, b'one'))
        if peer.read_request() is not None:
            peer.send(b'leftover')
    o = origin(script)
    viaduct = start(workers=1)
    assert viaduct.ask(get(o.url('/first'))).body == b'one'
    response = viaduct.ask(get(o.url(token)))
    assert (response.status, response.body) == (200, b'right')
    chain = viaduct.wait_shown(token)['chain']
    assert [hop['error'] for hop in chain] == ['response_malformed', None]
    assert chain[1]['reason'] == 'retry'


def test_body_does_not_go_out_on_an_old_upstream(proxy, origin):
    """What cannot be sent twice is sent where it will be read: here the kept connection dies with the second request."""
    def script(peer):
        peer.read_request()
        peer.send(answer(200, b'one'))
        if not o.peers[1:]:
            peer.read_until(b'\r\n\r\n')  # what comes on the kept connection is its end
    o = origin(script)
    assert proxy.ask(get(o.url('/1'))).status == 200
    time.sleep(1.1)  # older than a request that may not be repeated trusts
    assert proxy.ask(post(o.url('/2'), b'hello', method='PUT')).status == 200


def test_many_requests_on_one_client(proxy, origin):
    o = origin(serve(lambda r: answer(200, r.target.encode())))
    wire = proxy.connect()
    for i in range(50):
        assert wire.ask(get(o.url(f'/{i}'))).body == b'/%d' % i
    assert len(o.peers) == 1, 'one upstream is enough for requests one after another'


def test_connection_close_of_the_client(proxy, origin):
    o = origin(hello())
    wire = proxy.connect()
    response = wire.ask(get(o.url('/'), 'Connection: close'))
    assert 'close' in response.list_of('connection')
    wire.assert_closed()


@pytest.mark.parametrize('field', ['Connection: close\t', 'Connection: CLOSE', 'Connection: x, close'])
def test_close_in_other_spellings(proxy, origin, field):
    o = origin(hello())
    wire = proxy.connect()
    assert wire.ask(get(o.url('/'), field)).status == 200
    wire.assert_closed()


def test_http_1_0_client_keeps_alive_if_it_asks(proxy, origin):
    """Either the answer says keep-alive and holds, or it closes."""
    o = origin(hello())
    wire = proxy.connect()
    response = wire.ask(get(o.url('/'), 'Connection: keep-alive', version='1.0'))
    assert response.status == 200
    if 'keep-alive' in response.list_of('connection'):
        assert wire.ask(get(o.url('/'), version='1.0')).status == 200
    wire.assert_closed()


def test_pipelined_requests_are_answered_in_order(proxy, origin):
    o = origin(serve(lambda r: answer(200, r.target.encode())))
    wire = proxy.connect()
    wire.send(b''.join(get(o.url(f'/{i}')) for i in range(40)))
    for i in range(40):
        assert wire.read_response().body == b'/%d' % i


def test_pipelined_with_bodies_to_different_origins(proxy, origin):
    a, b = origin(serve(lambda r: answer(200, b'a' + r.body))), origin(serve(lambda r: answer(200, b'b' + r.body)))
    wire = proxy.connect()
    wire.send(post(a.url('/'), b'1') + post(b.url('/'), b'2') + get(a.url('/')) + post(b.url('/'), b'3'))
    assert [wire.read_response().body for _ in range(4)] == [b'a1', b'b2', b'a', b'b3']


def test_pipelined_then_half_close(proxy, origin):
    """A client that has said all it wants to say still gets its answers."""
    o = origin(serve(lambda r: answer(200, r.target.encode())))
    wire = proxy.connect()
    wire.send(get(o.url('/1')) + get(o.url('/2')))
    wire.half_close()
    assert [wire.read_response().body for _ in range(2)] == [b'/1', b'/2']
    wire.assert_closed()


def test_pipelined_garbage_after_a_good_request(proxy, origin):
    o = origin(hello())
    wire = proxy.connect()
    wire.send(get(o.url('/')) + b'\x00\x01garbage\r\n\r\n')
    assert wire.read_response().status == 200
    assert wire.read_response().status == 400
    wire.assert_closed()


def test_empty_lines_before_a_request(proxy, origin):
    o = origin(hello())
    wire = proxy.connect()
    assert wire.ask(b'\r\n\r\n' + get(o.url('/')), 'GET').status == 200
    assert wire.ask(b'\r\n' + get(o.url('/')), 'GET').status == 200


def test_upstream_is_reused_by_another_client(start, origin):
    o = origin(hello())
    viaduct = start(workers=1)
    for _ in range(5):
        assert viaduct.ask(get(o.url('/'))).status == 200
    assert len(o.peers) == 1


def test_upstream_is_shared_by_name_not_by_address(start, origin):
    """Two names of one address are two origins."""
    o = origin(hello())
    viaduct = start({'hosts': 'a.test=127.0.0.1, b.test=127.0.0.1'}, workers=1)
    for host in ('a.test', 'b.test', 'a.test'):
        assert viaduct.ask(get(o.url('/', host=host))).status == 200
    assert len(o.peers) == 2


def test_origin_that_says_close_is_not_reused(start, origin):
    o = origin(always(answer(200, b'x', 'Connection: close')))
    viaduct = start(workers=1)
    for _ in range(3):
        assert viaduct.ask(get(o.url('/'))).body == b'x'
    assert len(o.peers) == 3


def test_origin_of_http_1_0_is_not_reused(start, origin):
    o = origin(once(b'HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx'))
    viaduct = start(workers=1)
    for _ in range(2):
        assert viaduct.ask(get(o.url('/'))).body == b'x'
    assert len(o.peers) == 2


def test_client_stays_when_the_origin_closes(proxy, origin):
    o = origin(once(answer(200, b'x', 'Connection: close')))
    wire = proxy.connect()
    for _ in range(3):
        assert wire.ask(get(o.url('/'))).body == b'x'


def test_idle_upstream_is_given_up(start, origin):
    o = origin(hello())
    viaduct = start({'upstream.idle_timeout': '200ms'}, workers=1)
    assert viaduct.ask(get(o.url('/'))).status == 200
    until(lambda: o.threads and not o.threads[0].is_alive(), 'the idle upstream to be closed')


def test_max_idle_0_keeps_none(start, origin):
    o = origin(hello())
    viaduct = start({'upstream.max_idle': '0'}, workers=1)
    for _ in range(2):
        assert viaduct.ask(get(o.url('/'))).status == 200
    assert len(o.peers) == 2


def stale(then):
    """Answers once, then waits for a second request and breaks the connection without an answer."""
    def script(peer):
        peer.read_request()
        peer.send(answer(200, b'first'))
        peer.read_request(body=False)
        if then == 'reset':
            peer.reset()
    return script


@pytest.mark.parametrize('then', ['close', 'reset'])
@pytest.mark.parametrize('method', ['GET', 'HEAD', 'DELETE', 'OPTIONS', 'PROPFIND'])
def test_stale_upstream_is_retried(start, origin, token, method, then):
    o = origin([stale(then), hello()])
    viaduct = start(workers=1)
    wire = viaduct.connect()
    assert wire.ask(get(o.url('/first'))).body == b'first'
    assert wire.ask(get(o.url(token), method=method)).status == 200
    assert len(o.peers) == 2
    record = viaduct.wait_shown(token)
    assert record['outcome'] == 'delivered'
    assert [h['reason'] for h in record['chain']] == ['first', 'retry']
    assert record['chain'][0]['error'] == 'origin_closed'
    assert [bool(h['is_reused']) for h in record['chain']] == [True, False]


@pytest.mark.parametrize('then', ['close', 'reset'])
@pytest.mark.parametrize('method', ['POST', 'PATCH'])
def test_unsafe_request_that_was_sent_is_not_repeated(start, origin, token, method, then):
    o = origin([stale(then), hello()])
    viaduct = start(workers=1)
    wire = viaduct.connect()
    assert wire.ask(get(o.url('/first'))).body == b'first'
    assert wire.ask(post(o.url(token), b'pay 100', method=method)).status == 502
    assert viaduct.wait_flow(token)['error'] == 'origin_closed'
    assert sum(r.target == token for r in o.requests) == 1


def test_fresh_upstream_is_not_retried(proxy, origin, token):
    o = origin([once(b''), hello()])
    assert proxy.ask(get(o.url(token))).status == 502
    assert len(o.peers) == 1


def test_upstream_closed_while_idle(start, origin):
    """The origin's close is seen, or met by a retry; the client never sees it, not even with POST."""
    o = origin([once(answer(200, b'1')), hello(b'2')])
    viaduct = start(workers=1)
    assert viaduct.ask(get(o.url('/'))).body == b'1'
    until(lambda: o.threads and not o.threads[0].is_alive(), 'the origin to close')
    assert viaduct.ask(post(o.url('/'), b'x')).body == b'2'


def test_bytes_after_a_response_end_the_upstream(start, origin):
    """Never a response of its own (RFC 9112 section 6.3)."""
    smuggled = answer(200, b'smuggled')
    o = origin([once(answer(200, b'1') + smuggled, 'hold'), hello(b'2')])
    viaduct = start(workers=1)
    wire = viaduct.connect()
    assert wire.ask(get(o.url('/'))).body == b'1'
    assert wire.ask(get(o.url('/'))).body == b'2'


def test_late_bytes_on_an_idle_upstream(start, origin):
    """What an origin says unasked between two requests is no answer to the next."""
    def script(peer):
        peer.read_request()
        peer.send(answer(200, b'1'))
        peer.origin.release.wait(10)
        peer.send(answer(408, b'unasked'))
        peer.read_eof()
    o = origin([script, hello(b'2')])
    o.release = threading.Event()
    viaduct = start(workers=1)
    wire = viaduct.connect()
    assert wire.ask(get(o.url('/'))).body == b'1'
    o.release.set()
    until(lambda: o.threads and not o.threads[0].is_alive(), 'the proxy to close the upstream that spoke unasked')
    assert wire.ask(get(o.url('/'))).body == b'2'
