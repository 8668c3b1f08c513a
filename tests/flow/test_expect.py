"""Expect: 100-continue (RFC 9110 section 10.1.1)."""

import pytest

from kit.origin import hello, serve
from kit.wire import answer, get


def continuing(peer):
    """Says 100 first, then reads the body and answers with it."""
    request = peer.read_request(body=False)
    assert request.get('expect') == '100-continue'
    peer.send(b'HTTP/1.1 100 Continue\r\n\r\n')
    peer.read_body(request)
    peer.send(answer(200, b'got ' + request.body))
    peer.read_eof()


def test_continue_is_relayed(proxy, origin):
    o = origin(continuing)
    wire = proxy.connect()
    wire.send(get(o.url('/'), 'Expect: 100-continue', 'Content-Length: 4', method='POST'))
    assert wire.read_head().startswith(b'HTTP/1.1 100 ')
    wire.send(b'body')
    response = wire.read_response()
    assert (response.status, response.body, response.interim) == (200, b'got body', [])


def test_refusal_is_relayed_without_the_body(proxy, origin):
    def script(peer):
        peer.read_request(body=False)
        peer.send(answer(401, b'who?'))
        peer.read_eof()
    o = origin(script)
    wire = proxy.connect()
    wire.send(get(o.url('/'), 'Expect: 100-continue', 'Content-Length: 1000000', method='POST'))
    response = wire.read_response()
    assert (response.status, response.body, response.interim) == (401, b'who?', [])


def test_upstream_of_a_refusal_is_not_reused(start, origin):
    """Its body was never sent: the next request must not become that body."""
    def refusing(peer):
        peer.read_request(body=False)
        peer.send(answer(401, b'who?'))
        rest = peer.read_eof()
        assert rest == b'', f'the proxy went on with {rest[:80]!r}'
    o = origin([refusing, hello()])
    viaduct = start(workers=1)
    wire = viaduct.connect()
    wire.send(get(o.url('/'), 'Expect: 100-continue', 'Content-Length: 100', method='POST'))
    assert wire.read_response().status == 401
    assert viaduct.ask(get(o.url('/'))).body == b'hello'


def test_client_that_does_not_wait(proxy, origin):
    o = origin(continuing)
    wire = proxy.connect()
    wire.send(get(o.url('/'), 'Expect: 100-continue', 'Content-Length: 4', method='POST') + b'body')
    assert wire.read_response().body == b'got body'


def test_origin_that_does_not_know_it(proxy, origin):
    """An origin that waits for the body and never says 100: somebody has to begin. Here the client does."""
    o = origin(serve(lambda r: answer(200, b'got ' + r.body)))
    wire = proxy.connect()
    wire.send(get(o.url('/'), 'Expect: 100-continue', 'Content-Length: 4', method='POST'))
    o.wait_peers(1)
    wire.send(b'body')
    assert wire.read_response().body == b'got body'


@pytest.mark.parametrize('value', ['200-ok', '100-continue, x', '100-continue;x', '"100-continue"', 'x 100-continue'])
def test_unknown_expectation(proxy, origin, value):
    o = origin(hello())
    wire = proxy.connect()
    response = wire.ask(get(o.url('/'), f'Expect: {value}', 'Content-Length: 0', method='POST'))
    assert response.status == 417
    wire.assert_closed()
    assert not o.requests


def test_expectation_in_http_1_0_is_ignored(proxy, origin):
    o = origin(serve(lambda r: answer(200, b'got ' + r.body)))
    wire = proxy.connect()
    wire.send(get(o.url('/'), 'Expect: 100-continue', 'Content-Length: 4', method='POST', version='1.0') + b'body')
    response = wire.read_response()
    assert (response.status, response.body, response.interim) == (200, b'got body', [])


def test_two_interim_continues(proxy, origin):
    def script(peer):
        request = peer.read_request(body=False)
        peer.send(b'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n')
        peer.read_body(request)
        peer.send(answer(200, request.body))
        peer.read_eof()
    o = origin(script)
    wire = proxy.connect()
    wire.send(get(o.url('/'), 'Expect: 100-continue', 'Content-Length: 4', method='POST'))
    assert wire.read_head().startswith(b'HTTP/1.1 100 ')
    wire.send(b'body')
    assert wire.read_response().body == b'body'
