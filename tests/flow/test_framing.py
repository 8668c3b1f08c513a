"""Where messages end: lengths, chunks, early answers, and what must not become a request (RFC 9112 sections 6 to 9)."""

import pytest

from kit.origin import always, echo, hello, once, serve
from kit.wire import answer, chunked, get, post


@pytest.mark.parametrize('n', [0, 1, 65535, 65536, 300000])
def test_content_length_request(proxy, origin, n):
    o = origin(serve(lambda r: answer(200, b'%d' % len(r.body))))
    body = bytes(i % 251 for i in range(n))
    assert proxy.ask(post(o.url('/'), body)).body == b'%d' % n
    assert o.last().body == body
    assert o.last().get('content-length') == str(n)


def test_chunked_request(proxy, origin):
    o = origin(serve(echo))
    wire = proxy.connect()
    for body in (b'abc', b'', b'x' * 100000):
        response = wire.ask(get(o.url('/'), 'Transfer-Encoding: chunked', method='POST') + chunked(body[:2], body[2:]))
        assert response.status == 200
        assert o.last().body == body
        assert not (o.last().has('content-length') and o.last().has('transfer-encoding'))


def test_chunked_with_extensions_and_trailers(proxy, origin):
    """Extensions end here; of the trailers nothing that frames, routes or authorises goes on."""
    o = origin(serve(echo))
    body = (b'3;name=value\r\nabc\r\n2;quoted="a;b\\"c"\r\nde\r\n1;bare\r\nf\r\n0;last=1\r\n'
            b'X-Sum: 42\r\nContent-Length: 99\r\nTransfer-Encoding: chunked\r\nHost: evil.test\r\nAuthorization: Basic eA==\r\n\r\n')
    wire = proxy.connect()
    response = wire.ask(get(o.url('/'), 'Transfer-Encoding: chunked', 'Trailer: X-Sum', method='POST') + body)
    assert response.status == 200
    assert o.last().body == b'abcdef'
    assert {n.lower() for n, _ in o.last().trailers} <= {'x-sum'}
    assert wire.ask(get(o.url('/next'))).status == 200


def test_coding_name_in_any_case(proxy, origin):
    o = origin(serve(echo))
    assert proxy.ask(get(o.url('/'), 'Transfer-Encoding: \t CHUNKED ', method='POST') + chunked(b'abc')).status == 200
    assert o.last().body == b'abc'


def test_chunked_response(proxy, origin):
    o = origin(always(answer(200, b'', 'Transfer-Encoding: chunked', length=False) + chunked(b'hello ', b'world')))
    wire = proxy.connect()
    for _ in range(2):
        assert wire.ask(get(o.url('/'))).body == b'hello world'


def test_chunked_response_with_extensions_and_trailers(proxy, origin):
    o = origin(always(answer(200, b'', 'Transfer-Encoding: chunked', 'Trailer: X-Sum', length=False)
                      + b'5;a=b;c="d"\r\nhello\r\n0\r\nX-Sum: 1\r\nSet-Cookie: a=b\r\nContent-Length: 3\r\n\r\n'))
    wire = proxy.connect()
    response = wire.ask(get(o.url('/'), 'TE: trailers', 'Connection: TE'))
    assert response.body == b'hello'
    assert {n.lower() for n, _ in response.trailers} <= {'x-sum'}
    assert wire.ask(get(o.url('/'))).body == b'hello'


def test_chunked_response_for_http_1_0(proxy, origin):
    """Decoded, and ended by the close."""
    o = origin(always(answer(200, b'', 'Transfer-Encoding: chunked', length=False) + chunked(b'abc', b'def')))
    wire = proxy.connect()
    response = wire.ask(get(o.url('/'), 'Connection: keep-alive', version='1.0'))
    assert response.body == b'abcdef'
    assert not response.has('transfer-encoding')
    wire.assert_closed()


def test_until_close_response(proxy, origin):
    """Its client stays: the length becomes chunks."""
    o = origin(once(answer(200, b'until the end', length=False)))
    wire = proxy.connect()
    for _ in range(2):
        response = wire.ask(get(o.url('/')))
        assert response.body == b'until the end'
        assert response.all('transfer-encoding') == ['chunked']


def test_until_close_response_that_breaks(proxy, origin, token):
    """A reset is not an end."""
    o = origin(once(answer(200, b'half a', length=False), 'reset'))
    wire = proxy.connect()
    wire.send(get(o.url(token)))
    try:
        wire.read_response(body=False)
        assert not wire.read_eof().endswith(b'0\r\n\r\n')
    except (ConnectionResetError, AssertionError):
        pass
    assert proxy.wait_flow(token)['outcome'] == 'failed'


def test_chunked_response_of_http_1_0(start, origin):
    o = origin(once(b'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n' + chunked(b'abc'), 'hold'))
    response = start(workers=1).ask(get(o.url('/')))
    assert (response.status, response.body) == (200, b'abc')


def test_early_answer_to_an_unread_body(proxy, origin, token):
    """An origin that answers before it has read: the client gets the answer."""
    def script(peer):
        peer.read_request(body=False)
        peer.send(answer(413, b'too much', 'Connection: close'))
    o = origin(script)
    wire = proxy.connect()
    wire.send(get(o.url(token), 'Content-Length: 1000000', method='POST') + b'x' * 1000)
    response = wire.read_response()
    assert (response.status, response.body) == (413, b'too much')


def test_early_answer_while_the_client_still_sends(proxy, origin, token):
    def script(peer):
        peer.read_request(body=False)
        peer.send(answer(403, b'no'))
        peer.read_eof()
    o = origin(script)
    wire = proxy.connect()
    wire.send(get(o.url(token), 'Content-Length: 2000000', method='POST'))
    sent = 0
    try:
        for _ in range(20):
            wire.send(b'x' * 100000)
            sent += 100000
    except (BrokenPipeError, ConnectionResetError):
        pass
    response = wire.read_response()
    assert (response.status, response.body) == (403, b'no')
    if 'close' not in response.list_of('connection') and sent == 2000000:
        assert wire.ask(get(origin(hello()).url('/'))).status == 200


def test_body_of_a_refused_request_is_no_request(proxy, origin):
    """It is read as the body that it is, or the client is closed."""
    o = origin(hello())
    wire = proxy.connect()
    inner = get(o.url('/smuggled'))
    wire.send(b'POST ftp://x/ HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n' % len(inner) + inner)
    assert wire.read_response().status == 400
    wire.half_close()
    wire.assert_closed()
    assert not o.requests


def test_body_of_an_error_answer_is_read_or_the_client_closed(proxy, origin):
    """The body behind a request to a dead origin does not become the next request."""
    dead = origin(hello())
    dead.close()
    o = origin(hello())
    wire = proxy.connect()
    inner = get(o.url('/smuggled'))
    wire.send(post(dead.url('/'), inner) + get(o.url('/next')))
    assert wire.read_response().status == 502
    try:
        wire.read_response()
    except (AssertionError, ConnectionResetError):
        pass
    assert '/smuggled' not in [r.target for r in o.requests]


def test_get_with_a_body(proxy, origin):
    o = origin(serve(echo))
    wire = proxy.connect()
    assert wire.ask(get(o.url('/'), 'Content-Length: 3') + b'abc').status == 200
    assert o.last().body == b'abc'
    assert wire.ask(get(o.url('/'))).status == 200


def test_leading_zeros_of_a_length(proxy, origin):
    o = origin(serve(echo))
    assert proxy.ask(get(o.url('/'), 'Content-Length: 0003', method='POST') + b'abc').status == 200
    assert (o.last().body, o.last().get('content-length')) == (b'abc', '3')


def test_post_without_length_has_no_body(proxy, origin):
    o = origin(serve(echo))
    wire = proxy.connect()
    for _ in range(2):
        assert wire.ask(get(o.url('/'), method='POST')).status == 200
    assert o.last().body == b''
