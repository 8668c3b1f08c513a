"""Every buffer and list has its limit; here each is reached."""

import pytest

from kit.origin import always, hang, hello, once, serve
from kit.wait import until
from kit.wire import answer, chunked, get

K = 1024


def refused(viaduct, request, status, error, token=None):
    wire = viaduct.connect()
    try:
        wire.send(request)
    except (BrokenPipeError, ConnectionResetError):
        pass
    response = wire.read_response()
    assert response.status == status
    wire.assert_closed()
    until(lambda: any(f['error'] == error and (token or '') in (f['url'] or '') for f in viaduct.flows()), f'a flow with {error}')
    return response


def test_request_line_default(proxy, origin):
    o = origin(hello())
    assert proxy.ask(get(o.url('/' + 'l' * (15 * K)))).status == 200
    refused(proxy, get(o.url('/' + 'l' * (17 * K))), 414, 'request_line_too_long')


def test_request_line_of_64_kib(proxy):
    refused(proxy, b'GET http://x.test/' + b'l' * (64 * K) + b' HTTP/1.1\r\nHost: x.test\r\n\r\n', 414, 'request_line_too_long')


def test_request_line_that_never_ends(proxy):
    refused(proxy, b'GET http://x.test/' + b'l' * (100 * K), 414, 'request_line_too_long')


def test_request_line_option(start, origin):
    o = origin(hello())
    viaduct = start({'limits.request_line': '1k'})
    assert viaduct.ask(get(o.url('/' + 'l' * 900))).status == 200
    refused(viaduct, get(o.url('/' + 'l' * 1100)), 414, 'request_line_too_long')


def test_head_default(proxy, origin):
    o = origin(hello())
    assert proxy.ask(get(o.url('/'), *[f'X-{i}: ' + 'v' * 1000 for i in range(60)])).status == 200
    refused(proxy, get(o.url('/'), 'X: ' + 'v' * (65 * K)), 431, 'head_too_large')


def test_head_that_never_ends(proxy):
    refused(proxy, b'GET http://x.test/ HTTP/1.1\r\nHost: x.test\r\n' + b'X: y\r\n' * 30 + b'Y: ' + b'v' * (100 * K), 431, 'head_too_large')


def test_head_option(start, origin):
    o = origin(hello())
    viaduct = start({'limits.head': '4k', 'limits.request_line': '1k'})
    assert viaduct.ask(get(o.url('/'), 'X: ' + 'v' * 3500)).status == 200
    refused(viaduct, get(o.url('/'), 'X: ' + 'v' * 4100), 431, 'head_too_large')


def test_fields_default(proxy, origin):
    o = origin(hello())
    assert proxy.ask(get(o.url('/'), *[f'X-{i}: 1' for i in range(190)])).status == 200
    refused(proxy, get(o.url('/'), *[f'X-{i}: 1' for i in range(200)]), 431, 'too_many_fields')


def test_ten_thousand_fields(proxy, origin):
    wire = proxy.connect()
    try:
        wire.send(get(origin(hello()).url('/'), *['X: 1'] * 10000))
    except (BrokenPipeError, ConnectionResetError):
        pass
    assert wire.read_response().status == 431


def test_fields_option(start, origin):
    o = origin(hello())
    viaduct = start({'limits.fields': '16'})
    assert viaduct.ask(get(o.url('/'), *['X: 1'] * 15)).status == 200
    refused(viaduct, get(o.url('/'), *['X: 1'] * 16), 431, 'too_many_fields')


def test_empty_lines(proxy, origin):
    o = origin(hello())
    assert proxy.ask(b'\r\n' * 4 + get(o.url('/')), 'GET').status == 200
    wire = proxy.connect()
    try:
        wire.send(b'\r\n' * 100000 + get(o.url('/')))
    except (BrokenPipeError, ConnectionResetError):
        pass
    rest = wire.read_eof()
    assert rest == b'' or rest.startswith(b'HTTP/1.1 400')


def post_chunked(o, body):
    return get(o.url('/'), 'Transfer-Encoding: chunked', method='POST') + body


CHUNKS = {
    'a chunk line over 4 KiB': b'1;' + b'e' * (5 * K) + b'\r\nx\r\n0\r\n\r\n',
    'a chunk line without end': b'1;' + b'e' * (100 * K),
    'extensions over 16 KiB in all': (b'1;' + b'e' * K + b'\r\nx\r\n') * 20 + b'0\r\n\r\n',
    'trailers over 8 KiB': b'0\r\nX: ' + b'v' * (9 * K) + b'\r\n\r\n',
    'more than 50 trailers': b'0\r\n' + b'X: y\r\n' * 60 + b'\r\n',
    'a trailer without end': b'0\r\nX: ' + b'v' * (100 * K),
}


@pytest.mark.parametrize('name', CHUNKS)
def test_chunked_request(proxy, origin, name):
    def script(peer):
        peer.read_request(body=False)
        peer.read_eof()
    wire = proxy.connect()
    try:
        wire.send(post_chunked(origin(script), CHUNKS[name]))
    except (BrokenPipeError, ConnectionResetError):
        pass
    assert wire.read_response().status in (400, 431)
    wire.assert_closed()


def test_chunk_limits_that_are_not_reached(proxy, origin):
    o = origin(serve(lambda r: answer(200, r.body)))
    body = (b'1;' + b'e' * 1000 + b'\r\nx\r\n') * 10 + b'0\r\n' + b'X: y\r\n' * 40 + b'\r\n'
    wire = proxy.connect()
    for _ in range(3):
        assert wire.ask(post_chunked(o, body)).body == b'x' * 10


@pytest.mark.parametrize('name', CHUNKS)
def test_chunked_response(proxy, origin, token, name):
    o = origin(once(answer(200, b'', 'Transfer-Encoding: chunked', length=False) + b'3\r\nabc\r\n' + CHUNKS[name], 'hold'))
    wire = proxy.connect()
    wire.send(get(o.url(token)))
    assert not wire.read_eof().endswith(b'0\r\n\r\n')
    flow = proxy.wait_flow(token)
    assert (flow['outcome'], flow['error']) == ('failed', 'response_chunk')


def test_many_small_chunks(proxy, origin):
    o = origin(always(answer(200, b'', 'Transfer-Encoding: chunked', length=False) + chunked(*[b'x'] * 50000)))
    assert proxy.ask(get(o.url('/'))).body == b'x' * 50000


@pytest.mark.parametrize('head', [
    b'HTTP/1.1 200 OK\r\nX: ' + b'v' * (65 * K) + b'\r\nContent-Length: 0\r\n\r\n',
    b'HTTP/1.1 200 OK\r\n' + b'X: y\r\n' * 201 + b'Content-Length: 0\r\n\r\n',
    b'HTTP/1.1 200 ' + b'r' * (100 * K),
], ids=['large', 'fields', 'endless'])
def test_response_head(proxy, origin, token, head):
    o = origin(once(head, 'hold'))
    response = proxy.ask(get(o.url(token)))
    assert response.status == 502
    assert 'http_response_header_section_size' in response.get('proxy-status')
    assert proxy.wait_flow(token)['error'] == 'response_head_too_large'


def test_interim_responses(proxy, origin, token):
    interim = b'HTTP/1.1 103 Early Hints\r\n\r\n'
    assert len(proxy.ask(get(origin(once(interim * 20 + answer(200, b'x'))).url('/'))).interim) == 20
    o = origin(once(interim * 1000 + answer(200, b'x'), 'hold'))
    wire = proxy.connect()
    wire.send(get(o.url(token)))
    assert wire.read_response().status == 502
    assert proxy.wait_flow(token)['error'] == 'too_many_interim'


def test_clients(start, origin):
    """One more than limits.clients gets 503; when one leaves there is room again."""
    o = origin(hello())
    viaduct = start({'limits.clients': '3'}, workers=1)
    kept = [viaduct.connect() for _ in range(3)]
    for wire in kept:
        assert wire.ask(get(o.url('/'))).status == 200
    wire = viaduct.connect()
    wire.send(get(o.url('/')))
    assert wire.read_response().status == 503
    wire.assert_closed()
    kept.pop().close()

    def has_room():
        try:
            return viaduct.ask(get(o.url('/'))).status == 200
        except (AssertionError, ConnectionError):
            return False
    until(has_room, 'room for a client')
    for wire in kept:
        assert wire.ask(get(o.url('/'))).status == 200


def test_clients_over_all_workers(start, origin):
    o = origin(hello())
    viaduct = start({'limits.clients': '4'}, workers=4)
    wires, statuses = [], []
    for _ in range(12):
        wire = viaduct.connect()
        wires.append(wire)
        try:
            wire.send(get(o.url('/')))
            statuses.append(wire.read_response().status)
        except (ConnectionError, AssertionError):
            statuses.append('closed')
    assert statuses[:4] == [200] * 4
    assert 200 not in statuses[4:]


def test_max_per_origin(start, origin):
    """Requests beyond it wait their turn; all are answered."""
    o = origin(serve(lambda r: answer(200, r.target.encode())))
    viaduct = start({'upstream.max_per_origin': '2'}, workers=1)
    wires = [viaduct.connect() for _ in range(20)]
    for i, wire in enumerate(wires):
        wire.send(get(o.url(f'/{i}')))
    assert [w.read_response().body for w in wires] == [b'/%d' % i for i in range(20)]
    assert len(o.peers) <= 2


def test_one_waiting_client_that_leaves(start, origin):
    """A request that waits for an upstream and is cancelled does not take the next one's turn."""
    o = origin(hang)
    quick = origin(hello())
    viaduct = start({'upstream.max_per_origin': '1'}, workers=1)
    first, second = viaduct.connect(), viaduct.connect()
    first.send(get(o.url('/1')))
    o.wait_peers(1)
    second.send(get(o.url('/waiting')))
    viaduct.wait_flow('/waiting', ended=False)
    second.reset()
    assert viaduct.wait_flow('/waiting')['outcome'] == 'cancelled'
    first.reset()
    assert viaduct.ask(get(quick.url('/'))).status == 200
    third = viaduct.connect()
    third.send(get(o.url('/3')))
    o.wait_peers(2)
    third.close()


def test_thousand_pipelined_requests(start, origin):
    """At most a few are read ahead: memory stays flat, all are answered in order."""
    o = origin(serve(lambda r: answer(200, r.target.encode())))
    viaduct = start()
    wire = viaduct.connect()
    wire.send(b''.join(get(o.url(f'/{i}'), 'X: ' + 'v' * 100) for i in range(1000)))
    for i in range(1000):
        assert wire.read_response().body == b'/%d' % i
