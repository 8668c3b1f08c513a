"""HTTP inside an opened tunnel: methods, bodies, framing, kept connections; all as without TLS."""

import ssl

import pytest

from kit.intercept import request
from kit.origin import always, echo, hello, once, serve
from kit.websocket import frame, handshake, read_frame
from kit.websocket import echoing as websocket_echo
from kit.wire import answer, chunked


@pytest.fixture
def secure(origin, certs):
    """secure(script) -> (an origin, its authority)."""
    def start_one(script, **how):
        made = origin(script, tls=certs.server(certs.good), **how)
        return made, f'good.test:{made.port}'
    return start_one


@pytest.fixture
def tell(secure):
    """The authority of an origin that answers with the request as it saw it."""
    return secure(serve(echo))[1]


def test_get(opener, secure):
    o, authority = secure(hello(b'opened'))
    response = opener.fetch(f'https://{authority}/a?b=c')
    assert (response.status, response.body) == (200, b'opened')
    seen = o.last()
    assert seen.start == 'GET /a?b=c HTTP/1.1'
    assert seen.all('host') == [authority]


def test_forwarded_as_without_tls(opener, secure):
    """Hop-by-hop fields stay here, Via is added on both ways, nothing tells of the tunnel."""
    o, authority = secure(hello())
    response = opener.fetch(f'https://{authority}/', 'Connection: x-one', 'X-One: 1', 'X-Two: 2', 'Proxy-Authorization: Basic eA==')
    seen = o.last()
    assert not seen.has('x-one') and not seen.has('proxy-authorization')
    assert seen.get('x-two') == '2'
    assert seen.has('via') and response.has('via')


@pytest.mark.parametrize('method', ['POST', 'PUT', 'PATCH', 'DELETE'])
@pytest.mark.parametrize('size', [1, 70000])
def test_body_with_a_length(opener, secure, method, size):
    o, authority = secure(hello())
    body = bytes(i % 251 for i in range(size))
    assert opener.fetch(f'https://{authority}/', method=method, body=body).status == 200
    assert (o.last().method, o.last().body) == (method, body)


def test_chunked_body_with_trailers(opener, secure):
    o, authority = secure(serve(lambda r: answer(200, b'', 'Transfer-Encoding: chunked', 'Trailer: X-Sum', length=False)
                                + chunked(b'an', b'swer', trailers=['X-Sum: 6'])))
    wire = opener.inside(authority)
    wire.request('/', 'Transfer-Encoding: chunked', 'TE: trailers', method='POST')
    wire.send(chunked(b'one', b'two'))
    response = wire.read_response()
    assert o.last().body == b'onetwo'
    assert response.body == b'answer'
    assert ('X-Sum', '6') in response.trailers


def test_head(opener, secure):
    _, authority = secure(hello(b'sixteen bytes ..'))
    wire = opener.inside(authority)
    response = wire.get('/', method='HEAD')
    assert (response.status, response.get('content-length'), response.body) == (200, '16', b'')
    assert wire.get('/').body == b'sixteen bytes ..'


def test_kept_open(opener, secure):
    """Many requests on one client connection; the origin keeps one connection as well."""
    o, authority = secure(hello())
    wire = opener.inside(authority)
    for i in range(20):
        assert wire.get(f'/{i}').body == b'hello'
    assert len(o.peers) == 1


def test_closed_on_request(opener, secure):
    _, authority = secure(hello())
    wire = opener.inside(authority)
    assert wire.get('/', 'Connection: close').body == b'hello'
    wire.assert_closed()


def test_http_1_0(opener, secure):
    _, authority = secure(hello())
    wire = opener.inside(authority)
    wire.request('/', version='1.0')
    assert wire.read_response().body == b'hello'
    wire.assert_closed()


def test_pipelined(opener, tell):
    wire = opener.inside(tell)
    wire.send(b''.join(request(f'/{i}', tell) for i in range(10)))
    for i in range(10):
        assert wire.read_response().body.startswith(b'GET /%d ' % i)


def test_request_with_the_first_flight(opener, tell):
    """A request sent with the client's Finished, in one segment of many records."""
    wire = opener.inside(tell)
    for i in range(300):
        wire.request(f'/{i}')
    for i in range(300):
        assert wire.read_response().body.startswith(b'GET /%d ' % i)


def test_expect_continue(opener, secure):
    def script(peer):
        peer.read_request(body=False)
        peer.send(b'HTTP/1.1 100 Continue\r\n\r\n')
        assert peer.read_exact(5) == b'later'
        peer.send(answer(200, b'had it'))
    _, authority = secure(script)
    wire = opener.inside(authority)
    wire.request('/', 'Expect: 100-continue', 'Content-Length: 5', method='POST')
    assert wire.read_until(b'\r\n\r\n').startswith(b'HTTP/1.1 100 ')
    wire.send(b'later')
    assert wire.read_response('POST').body == b'had it'


@pytest.mark.parametrize('is_in_order', [True, False], ids=['close_notify', 'without'])
def test_websocket(opener, secure, token, is_in_order):
    """The origin ends it; then the client goes, in order or, as browsers do, without a word."""
    def script(peer):
        websocket_echo(peer)
        peer.sock.unwrap()
    _, authority = secure(script)
    wire = opener.inside(authority)
    absolute = handshake(f'http://{authority}{token}')
    response = wire.ask(absolute.replace(f'http://{authority}'.encode(), b'', 1))
    assert response.status == 101
    for payload in (b'hello', b'x' * 5000, b''):
        wire.send(frame(payload))
        assert read_frame(wire) == (1, payload)
    wire.send(frame(b'', opcode=8))
    assert read_frame(wire) == (8, b'')
    wire.assert_closed()
    if is_in_order:
        wire.sock.unwrap()
    wire.close()
    record = opener.wait_shown(token)
    assert (record['outcome'], record['tunnel']['up_bytes'] > 5000) == ('delivered', True)


def test_body_until_the_end(opener, secure):
    """A response without framing ends with the origin's close_notify."""
    def script(peer):
        peer.read_request()
        peer.send(b'HTTP/1.1 200 OK\r\n\r\n' + b'to the end ' * 1000)
        peer.sock.unwrap()
    _, authority = secure(script)
    assert opener.fetch(f'https://{authority}/').body == b'to the end ' * 1000


def test_truncated_body_is_no_whole_one(opener, secure):
    """The origin goes in the middle of a length: the client's TLS does not end in order with fewer bytes taken for all."""
    _, authority = secure(once(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf'))
    wire = opener.inside(authority)
    wire.request('/cut-short')
    wire.read_response(body=False)
    try:
        assert wire.read_eof() == b'half'
    except ssl.SSLError:
        pass
    assert opener.wait_flow(f'{authority}/cut-short')['error'] == 'response_incomplete'


def test_large_bodies_both_ways(opener, secure):
    body = bytes(range(256)) * 32768
    o, authority = secure(serve(lambda r: answer(200, r.body)))
    response = opener.inside(authority).get('/', method='POST', body=body)
    assert response.body == body
    assert o.last().body == body


def test_bytes_one_by_one(opener, tell):
    """Each byte of the request in a record of its own."""
    wire = opener.inside(tell)
    wire.send_slowly(request('/slow', tell))
    assert wire.read_response().body.startswith(b'GET /slow ')


def test_records_of_all_sizes(opener, secure):
    o, authority = secure(hello())
    wire = opener.inside(authority)
    sizes = [1, 16383, 16384, 16385, 1, 40000, 2]
    wire.request('/', f'Content-Length: {sum(sizes)}', method='POST')
    for size in sizes:
        wire.send(b'r' * size)
    assert wire.read_response('POST').status == 200
    assert len(o.last().body) == sum(sizes)


def test_bad_request_inside(opener, secure):
    """Refused as outside, in words, and closed; the origin sees nothing."""
    o, authority = secure(hello())
    wire = opener.inside(authority)
    wire.send(f'GET / HTTP/1.1\r\nHost: {authority}\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx'.encode())
    response = wire.read_response()
    assert response.status == 400 and response.has('proxy-status')
    wire.assert_closed()
    assert not o.requests


def test_dead_origin(opener, origin):
    """The tunnel was answered 200 before that was known: the request inside gets the error."""
    dead = origin(hello())
    dead.close()
    response = opener.fetch(f'https://good.test:{dead.port}/')
    assert response.status == 502
    assert 'connection_refused' in response.get('proxy-status')


def test_unknown_host(opener):
    response = opener.fetch('https://nowhere.invalid:443/')
    assert response.status in (502, 504)
    assert 'dns_error' in response.get('proxy-status')


def test_address_instead_of_a_name(opener, origin, certs):
    o = origin(hello(b'by address'), tls=certs.server(certs.address))
    wire = opener.inside(f'127.0.0.1:{o.port}')
    assert wire.get('/').body == b'by address'


def test_ipv6(opener, origin, certs):
    o = origin(hello(b'by address'), host='::1', tls=certs.server(certs.address))
    wire = opener.inside(f'[::1]:{o.port}')
    assert wire.get('/').body == b'by address'


def test_interim_responses(opener, secure):
    def responder(r):
        return b'HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n' + answer(200, b'then')
    _, authority = secure(serve(responder))
    response = opener.fetch(f'https://{authority}/')
    assert [i.status for i in response.interim] == [103]
    assert response.body == b'then'


def test_two_tunnels_to_one_origin(opener, secure):
    """Requests of two clients do not mix."""
    _, authority = secure(serve(echo))
    first, second = opener.inside(authority), opener.inside(authority)
    for i in range(5):
        assert b'X-Who: first' in first.get(f'/{i}', 'X-Who: first').body
        assert b'X-Who: second' in second.get(f'/{i}', 'X-Who: second').body


def test_hundred_in_parallel(opener, secure):
    _, authority = secure(serve(echo))
    wires = [opener.inside(authority) for _ in range(100)]
    for i, wire in enumerate(wires):
        wire.request(f'/{i}')
    for i, wire in enumerate(wires):
        assert wire.read_response().body.startswith(b'GET /%d ' % i)
        wire.close()


def test_closed_in_order(opener, secure):
    """After an idle client's close_notify the proxy ends its side with one as well."""
    _, authority = secure(always(answer(200, b'x')))
    wire = opener.inside(authority)
    assert wire.get('/').body == b'x'
    plain = wire.sock.unwrap()
    assert plain.recv(1) == b''
    assert opener.wait_tunnel(authority)['outcome'] == 'delivered'
