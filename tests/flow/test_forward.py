"""Plain forwarding: targets, Host, hop-by-hop fields, Via, methods, statuses (RFC 9110 sections 7, 9 and 15)."""

import pytest

from kit.origin import always, echo, hello, once, serve
from kit.wire import answer, get, post


def test_get(proxy, origin):
    o = origin(hello(b'hello world'))
    response = proxy.ask(get(o.url('/a?b=c')))
    assert (response.status, response.body) == (200, b'hello world')
    assert response.get('content-type') == 'text/plain'
    assert o.last().start == 'GET /a?b=c HTTP/1.1'
    assert o.last().all('host') == [o.authority]


def test_real_nginx(proxy, nginx):
    response = proxy.ask(get(nginx.url('/file.txt')))
    assert (response.status, response.body) == (200, b'a file of nginx\n')
    assert response.has('etag') and response.has('last-modified')


def test_target_without_path_becomes_slash(proxy, origin):
    o = origin(hello())
    assert proxy.ask(get(f'http://{o.authority}')).status == 200
    assert o.last().target == '/'


def test_query_without_path(proxy, origin):
    o = origin(hello())
    assert proxy.ask(get(f'http://{o.authority}?x=1', host=o.authority)).status == 200
    assert o.last().target == '/?x=1'


def test_target_is_not_rewritten(proxy, origin):
    o = origin(hello())
    path = '/%41%2f%2F%0d%0a/../a//b/./c;p=1?x=%20&y=[]'.replace('[]', '%5B%5D')
    assert proxy.ask(get(o.url(path))).status == 200
    assert o.last().target == path


def test_scheme_and_host_in_capitals(proxy, origin):
    o = origin(hello())
    assert proxy.ask(get(f'HTTP://LOCALHOST:{o.port}/x', host=f'localhost:{o.port}')).status == 200
    assert o.last().get('host').lower() == f'localhost:{o.port}'


def test_host_is_made_from_the_target(proxy, origin):
    o = origin(hello())
    assert proxy.ask(get(o.url('/'), host='elsewhere.test')).status == 200
    assert o.last().all('host') == [o.authority]


def test_absolute_target_without_host_is_refused(proxy, origin):
    o = origin(hello())
    response = proxy.ask(f'GET {o.url("/")} HTTP/1.1\r\n\r\n'.encode())
    assert response.status == 400
    assert not o.requests


def test_http_1_0_needs_no_host(proxy, origin):
    o = origin(hello())
    wire = proxy.connect()
    response = wire.ask(f'GET {o.url("/")} HTTP/1.0\r\n\r\n'.encode())
    assert (response.status, response.body) == (200, b'hello')
    wire.assert_closed()
    assert o.last().version == 'HTTP/1.1'
    assert o.last().all('host') == [o.authority]


@pytest.mark.parametrize('name', ['Proxy-Connection', 'Keep-Alive', 'TE', 'Proxy-Authorization', 'Proxy-Authenticate', 'Upgrade'])
def test_hop_by_hop_request_fields_end_here(proxy, origin, name):
    o = origin(hello())
    assert proxy.ask(get(o.url('/'), f'{name}: something')).status == 200
    assert not o.last().has(name)


def test_fields_named_by_connection_end_here(proxy, origin):
    o = origin(hello())
    assert proxy.ask(get(o.url('/'), 'Connection: X-One, x-two', 'X-ONE: 1', 'X-Two: 2', 'X-Three: 3',
                         'Connection: X-Four', 'X-Four: 4')).status == 200
    assert not any(o.last().has(n) for n in ('x-one', 'x-two', 'x-four'))
    assert o.last().get('x-three') == '3'


def test_connection_cannot_remove_host_framing_or_via(proxy, origin):
    o = origin(hello())
    assert proxy.ask(post(o.url('/'), b'body', 'Connection: Host, Content-Length, Via, Transfer-Encoding', 'Via: 1.1 first')).status == 200
    request = o.last()
    assert request.body == b'body'
    assert request.all('host') == [o.authority]
    assert 'first' in request.get('via')


def test_fields_named_by_connection_in_a_response_end_here(proxy, origin):
    o = origin(always(answer(200, b'x', 'Connection: X-Secret, keep-alive', 'X-Secret: 1', 'Keep-Alive: timeout=5', 'X-Open: 2',
                             'Proxy-Authenticate: Basic realm="x"', 'Upgrade: h2c')))
    response = proxy.ask(get(o.url('/')))
    assert response.status == 200
    assert not any(response.has(n) for n in ('x-secret', 'keep-alive', 'proxy-authenticate', 'upgrade'))
    assert response.get('x-open') == '2'


def test_order_case_and_repetition_are_kept(proxy, origin):
    o = origin(serve(lambda r: answer(200, b'', 'X-b: 1', 'x-A: 2', 'X-B: 3', 'Set-Cookie: a=1', 'Set-Cookie: b=2')))
    response = proxy.ask(get(o.url('/'), 'x-lower: 1', 'X-UPPER: 2', 'X-lower: 3', 'Accept: a', 'Accept: b'))
    sent = [f for f in o.last().fields if f[0].lower() in ('x-lower', 'x-upper', 'accept')]
    assert sent == [('x-lower', '1'), ('X-UPPER', '2'), ('X-lower', '3'), ('Accept', 'a'), ('Accept', 'b')]
    got = [f for f in response.fields if f[0].lower() in ('x-b', 'x-a', 'set-cookie')]
    assert got == [('X-b', '1'), ('x-A', '2'), ('X-B', '3'), ('Set-Cookie', 'a=1'), ('Set-Cookie', 'b=2')]


def test_via_is_added_in_both_directions(proxy, origin):
    o = origin(always(answer(200, b'', 'Via: 1.0 their-cache')))
    response = proxy.ask(get(o.url('/'), 'Via: 1.1 my-laptop'))
    up, down = o.last().list_of('via'), response.list_of('via')
    assert up[0] == '1.1 my-laptop' and len(up) == 2 and up[1].startswith('1.1 ')
    assert down[0] == '1.0 their-cache' and len(down) == 2 and down[1].startswith('1.1 ')


def test_via_of_our_own_is_a_loop(start, origin):
    o = origin(hello())
    viaduct = start({'via': 'this-one'})
    assert viaduct.ask(get(o.url('/fine'), 'Via: 1.1 another')).status == 200
    assert o.last().list_of('via')[-1] == '1.1 this-one'
    response = viaduct.ask(get(o.url('/loop'), 'Via: 1.1 another, 1.1 This-One (comment)'))
    assert response.status == 508
    assert 'proxy_loop_detected' in response.get('proxy-status')
    assert len(o.requests) == 1
    assert viaduct.wait_flow('/loop')['error'] == 'loop_detected'


@pytest.mark.parametrize('host', ['127.0.0.1', 'localhost', '127.0.0.2', 'self.test', '[::ffff:127.0.0.1]'])
def test_target_that_is_the_proxy(start, host):
    """In any spelling it ends as a loop, not as a flood."""
    viaduct = start({'hosts': 'self.test=127.0.0.1'}, listen=['0.0.0.0:0'])
    response = viaduct.ask(get(f'http://{host}:{viaduct.port}/self'))
    assert response.status == 508
    assert viaduct.wait_flows('/self')[-1]['error'] == 'loop_detected'


@pytest.mark.parametrize('method', ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND', 'REPORT', 'PURGE', 'M-SEARCH'])
def test_methods(proxy, origin, method):
    o = origin(serve(echo))
    response = proxy.ask(post(o.url('/m'), b'some body', method=method), method)
    assert response.status == 200
    assert (o.last().method, o.last().body) == (method, b'some body')


def test_head(proxy, origin):
    o = origin(hello(b'0123456789'))
    wire = proxy.connect()
    response = wire.ask(get(o.url('/'), method='HEAD'))
    assert (response.status, response.get('content-length')) == (200, '10')
    assert wire.ask(get(o.url('/'))).body == b'0123456789'


@pytest.mark.parametrize('fields', [['Transfer-Encoding: chunked'], ['Content-Length: 7'], []])
def test_head_framing_fields_do_not_make_a_body(proxy, origin, fields):
    o = origin(always(answer(200, b'', *fields, length=False)))
    wire = proxy.connect()
    for _ in range(2):
        assert wire.ask(get(o.url('/'), method='HEAD')).status == 200


def test_options_asterisk(proxy, origin):
    o = origin(hello())
    assert proxy.ask(get(f'http://{o.authority}', method='OPTIONS'), 'OPTIONS').status == 200
    assert o.last().start == 'OPTIONS * HTTP/1.1'


@pytest.mark.parametrize('status', [200, 201, 202, 203, 206, 300, 301, 302, 303, 307, 308, 400, 401, 404, 410, 418, 429, 451, 500, 503,
                                    599])
def test_statuses_pass(proxy, origin, status):
    fields = ['Location: http://elsewhere.test/'] if status // 100 == 3 else []
    o = origin(always(answer(status, b'the body', *fields)))
    response = proxy.ask(get(o.url('/')))
    assert (response.status, response.body) == (status, b'the body')
    assert response.all('location') == [f.split(': ')[1] for f in fields]


@pytest.mark.parametrize('status', [204, 304])
def test_statuses_without_body(proxy, origin, status):
    o = origin(always(answer(status, b'', 'ETag: "x"', length=False)))
    wire = proxy.connect()
    for _ in range(2):
        response = wire.ask(get(o.url('/')))
        assert (response.status, response.get('etag')) == (status, '"x"')
        assert not response.has('transfer-encoding')


def test_205_has_no_body(proxy, origin):
    o = origin(always(answer(205, b'')))
    response = proxy.ask(get(o.url('/')))
    assert (response.status, response.body) == (205, b'')


def test_reason_phrase_is_ours(proxy, origin):
    o = origin(always(b'HTTP/1.1 200 \x1b[31mred\r\nContent-Length: 0\r\n\r\n'))
    response = proxy.ask(get(o.url('/')))
    assert response.status == 200
    assert '\x1b' not in response.start


def test_interim_responses_are_relayed(proxy, origin):
    def script(peer):
        peer.read_request()
        peer.send(b'HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n' + answer(200, b'ok'))
    o = origin(script)
    response = proxy.ask(get(o.url('/')))
    assert (response.status, response.body) == (200, b'ok')
    assert [i.status for i in response.interim] == [103, 102]
    assert response.interim[0].get('link') == '</a.css>'


def test_interim_responses_are_not_for_http_1_0(proxy, origin):
    o = origin(once(b'HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n' + answer(200, b'ok')))
    response = proxy.ask(get(o.url('/'), version='1.0'))
    assert (response.status, response.interim) == (200, [])


def test_max_forwards(proxy, origin):
    o = origin(serve(echo))
    assert proxy.ask(get(o.url('/'), 'Max-Forwards: 3', method='OPTIONS'), 'OPTIONS').status == 200
    assert o.last().get('max-forwards') == '2'
    assert proxy.ask(get(o.url('/'), 'Max-Forwards: 3')).status == 200
    assert o.last().get('max-forwards') == '3'
    seen = len(o.requests)
    assert proxy.ask(get(o.url('/'), 'Max-Forwards: 0', method='OPTIONS'), 'OPTIONS').status == 200
    assert len(o.requests) == seen, 'at 0 the proxy answers itself (RFC 9110 section 7.6.2)'


def test_head_in_single_bytes(proxy, origin):
    o = origin(hello())
    wire = proxy.connect()
    wire.send_slowly(get(o.url('/slow'), 'X-Field: value'))
    assert wire.read_response().body == b'hello'
    assert o.last().get('x-field') == 'value'


def test_response_in_single_bytes(proxy, origin):
    def script(peer):
        peer.read_request()
        peer.send_slowly(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n')
    response = proxy.ask(get(origin(script).url('/')))
    assert (response.status, response.body) == (200, b'abcde')


def test_response_of_http_1_0(proxy, origin):
    o = origin(once(b'HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nold but well'))
    response = proxy.ask(get(o.url('/')))
    assert (response.status, response.body) == (200, b'old but well')
    assert response.version == 'HTTP/1.1'


def test_dead_origin(proxy, origin, token):
    o = origin(hello())
    o.close()
    response = proxy.ask(get(o.url(token)))
    assert response.status == 502
    assert 'connection_refused' in response.get('proxy-status')
    assert proxy.wait_flow(token)['error'] == 'connect_refused'


def test_origin_closes_before_it_answers(proxy, origin, token):
    o = origin(once(b''))
    response = proxy.ask(post(o.url(token), b'x'))
    assert response.status == 502
    assert proxy.wait_flow(token)['error'] == 'origin_closed'


def test_origin_resets_before_it_answers(proxy, origin, token):
    o = origin(once(b'', 'reset'))
    assert proxy.ask(post(o.url(token), b'x')).status == 502
    assert proxy.wait_flow(token)['error'] == 'origin_closed'


def test_origin_closes_within_the_head(proxy, origin, token):
    o = origin(once(b'HTTP/1.1 200 OK\r\nContent-Le'))
    assert proxy.ask(post(o.url(token), b'x')).status == 502
    assert proxy.wait_flow(token)['error'] in ('origin_closed', 'response_incomplete')


def test_origin_closes_within_the_body(proxy, origin, token):
    """A truncated body must not look complete."""
    o = origin(once(b'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234'))
    wire = proxy.connect()
    wire.send(get(o.url(token)))
    response = wire.read_response(body=False)
    assert response.get('content-length') == '10'
    assert wire.read_eof() == b'01234'
    flow = proxy.wait_flow(token)
    assert (flow['outcome'], flow['error']) == ('failed', 'response_incomplete')


def test_origin_closes_within_a_chunked_body(proxy, origin, token):
    o = origin(once(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n'))
    wire = proxy.connect()
    wire.send(get(o.url(token)))
    wire.read_response(body=False)
    assert not wire.read_eof().endswith(b'0\r\n\r\n')
    assert proxy.wait_flow(token)['error'] == 'response_incomplete'
