"""Which status is followed with which method: every cell of the table (RFC 9110 section 15.4, the Fetch standard's HTTP-redirect
fetch)."""

import pytest

from kit.redirects import decisions, following, moved, routes, there
from kit.wire import answer, get, post

shared_proxy = following()

SAME, TO_GET, PASS = 'same', 'GET', 'pass'
METHODS = ('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'TRACE')
SAFE = dict.fromkeys(METHODS, SAME)
OLD = {**SAFE, 'POST': TO_GET}
SEE_OTHER = {**dict.fromkeys(METHODS, TO_GET), 'GET': SAME, 'HEAD': SAME}
NEVER = dict.fromkeys(METHODS, PASS)
TABLE = {301: OLD, 302: OLD, 303: SEE_OTHER, 307: SAFE, 308: SAFE,
         **dict.fromkeys((300, 305, 306, 309, 350, 399, 200, 201, 202, 400, 404, 500, 503), NEVER)}
CELLS = [(status, method, what) for status, row in TABLE.items() for method, what in row.items()]

BODY = b'the body \x00\xff of it'
ABOUT_BODY = ['Content-Type: text/x-mine', 'Content-Encoding: x-mine', 'Content-Language: nn', 'Content-Location: /mine',
              'Content-Digest: sha-256=:AAAA:', 'Repr-Digest: sha-256=:AAAA:', 'Digest: x=y',
              'Last-Modified: Tue, 15 Nov 1994 12:45:26 GMT']
NAMES_ABOUT_BODY = [field.partition(':')[0] for field in ABOUT_BODY]


def request(url, method, *fields):
    """With a body where the method usually has one."""
    if method in ('GET', 'HEAD', 'TRACE'):
        return get(url, *fields, method=method)
    return post(url, BODY, *ABOUT_BODY, *fields, method=method)


@pytest.mark.parametrize('status, method, what', CELLS, ids=[f'{s}-{m}' for s, m, _ in CELLS])
def test_cell(proxy, origin, status, method, what):
    o = origin(routes({'/end': there}, moved('/end', status, body=b'' if method == 'HEAD' else b'moved')))
    response = proxy.ask(request(o.url('/'), method, 'X-Mine: kept'))
    if what == PASS:
        assert (response.status, response.get('location')) == (status, '/end')
        assert response.body == (b'' if method == 'HEAD' else b'moved')
        assert [r.target for r in o.requests] == ['/']
        return
    assert response.status == 200 and not response.has('location')
    first, last = o.requests
    assert (first.method, last.method) == (method, method if what == SAME else 'GET')
    assert last.target == '/end' and last.get('x-mine') == 'kept'
    if what == SAME:
        assert last.body == first.body
        assert [last.get(n) for n in NAMES_ABOUT_BODY] == [first.get(n) for n in NAMES_ABOUT_BODY]
    else:
        assert last.body == b''
        unwanted = [n for n in (*NAMES_ABOUT_BODY, 'Content-Length', 'Transfer-Encoding', 'Expect', 'Trailer') if last.has(n)]
        assert not unwanted, f'{unwanted} without a body'


def test_decisions_are_recorded(start, origin):
    """The same cells as the record tells them: one flow each, followed or not, in words."""
    o = origin(routes({'/end': there}, lambda r: moved('/end', int(r.target[1:4]), body=b'' if r.method == 'HEAD' else b'moved')))
    viaduct = start({'redirects.mode': 'follow'})
    cells = [c for c in CELLS if c[1] in ('GET', 'POST', 'DELETE') and c[0] in (300, 301, 303, 305, 308)]
    for status, method, _ in cells:
        viaduct.ask(request(o.url(f'/{status}-{method}'), method))
    for flow in viaduct.wait_flows(o.authority, len(cells)):
        record = viaduct.show(flow['id'])
        status, method = int(flow['url'].rpartition('/')[2].partition('-')[0]), flow['method']
        what = TABLE[status][method]
        assert flow['outcome'] == 'delivered'
        assert record['redirects'] == (0 if what == PASS else 1)
        assert len(record['chain']) == (1 if what == PASS else 2)
        if what != PASS:
            said = decisions(record)[0]
            assert said.startswith('followed') and str(status) in said, said
            assert ('GET' in said) == (what == TO_GET), said
            assert [h['reason'] for h in record['chain']] == ['first', 'redirect']
            assert record['final_url'] == o.url('/end')
            assert record['url'] == flow['url'] != record['final_url']


def test_head_stays_head_behind_a_303(proxy, origin):
    o = origin(routes({'/': answer(303, b'', 'Location: /end'), '/end': answer(200, b'', 'Content-Length: 5', length=False)}))
    response = proxy.ask(get(o.url('/'), method='HEAD'))
    assert (response.status, response.get('content-length'), response.body) == (200, '5', b'')
    assert [r.method for r in o.requests] == ['HEAD', 'HEAD']


def test_304_belongs_to_the_client(proxy, origin):
    o = origin(routes({}, answer(304, b'', 'Location: /end', 'ETag: "1"', length=False)))
    response = proxy.ask(get(o.url('/'), 'If-None-Match: "1"'))
    assert (response.status, response.get('location'), response.get('etag')) == (304, '/end', '"1"')
    assert len(o.requests) == 1


def test_method_that_became_get_stays_get(proxy, origin):
    """POST, 303, 307: the 307 repeats the GET, not the POST."""
    o = origin(routes({'/': moved('/two', 303), '/two': moved('/end', 307), '/end': there}))
    assert proxy.ask(post(o.url('/'), BODY)).status == 200
    assert [(r.method, r.body) for r in o.requests] == [('POST', BODY), ('GET', b''), ('GET', b'')]


def test_method_changes_late_in_a_chain(proxy, origin):
    o = origin(routes({'/': moved('/two', 307), '/two': moved('/three', 308), '/three': moved('/end', 301), '/end': there}))
    assert proxy.ask(post(o.url('/'), BODY)).status == 200
    assert [(r.method, r.body) for r in o.requests] == [('POST', BODY)] * 3 + [('GET', b'')]


def test_query_is_safe_where_it_is_known(proxy, origin):
    """QUERY keeps its method and body but for 303; parsers before llhttp 9.2 do not know it."""
    o = origin(routes({'/302': moved('/end'), '/303': moved('/end', 303), '/end': there}))
    for status, method in (302, 'QUERY'), (303, 'GET'):
        response = proxy.ask(post(o.url(f'/{status}'), BODY, method='QUERY'))
        assert response.status in (200, 501)
        if response.status == 200:
            assert o.last().method == method


@pytest.mark.parametrize('status', [301, 302, 303, 307, 308])
@pytest.mark.parametrize('method', ['PUT', 'PATCH', 'DELETE'])
def test_unsafe_methods_can_be_passed(start, origin, method, status):
    """redirects.unsafe_methods is about 301 and 302 only."""
    o = origin(routes({'/end': there}, moved('/end', status)))
    viaduct = start({'redirects.mode': 'follow', 'redirects.unsafe_methods': 'pass'})
    response = viaduct.ask(post(o.url('/'), BODY, method=method))
    assert response.status == (status if status in (301, 302) else 200)
    assert [r.method for r in o.requests] == ([method] if status in (301, 302) else [method, 'GET' if status == 303 else method])


def test_unsafe_methods_option_leaves_post_and_get_alone(start, origin):
    o = origin(routes({'/end': there}, moved('/end')))
    viaduct = start({'redirects.mode': 'follow', 'redirects.unsafe_methods': 'pass'})
    assert viaduct.ask(post(o.url('/'), BODY)).body.startswith(b'GET ')
    assert viaduct.ask(get(o.url('/'))).body.startswith(b'GET ')


def test_connect_answered_with_a_redirect_is_the_tunnels_own(proxy, origin):
    """The proxy answers CONNECT itself; what an origin says inside the tunnel is not looked at."""
    o = origin(routes({}, moved('/end')))
    wire = proxy.tunnel(o.authority)
    assert wire.ask(get(o.url('/'))).status == 302
    assert len(o.requests) == 1


@pytest.mark.parametrize('location, urls', [
    # RFC 9110 section 10.2.2
    ('/People.html#tim', ['http://a.test:{port}/~tim', 'http://a.test:{port}/People.html']),
    ('/index.html', ['http://a.test:{port}/~tim', 'http://a.test:{port}/index.html']),
])
def test_examples_of_rfc_9110(proxy, origin, location, urls):
    o = origin(routes({'/~tim': moved(location, 303)}, there))
    assert proxy.ask(post(o.url('/~tim', host='a.test'), b'name=tim')).status == 200
    assert [f'http://{r.get("host")}{r.target}' for r in o.requests] == [u.format(port=o.port) for u in urls]
    assert [r.method for r in o.requests] == ['POST', 'GET']


def test_interim_responses_before_a_redirect(proxy, origin):
    """None are told once a redirect was followed: they would be taken for those of the URL that was asked for."""
    hints = b'HTTP/1.1 103 Early Hints\r\nLink: </%s>\r\n\r\n'
    o = origin(routes({'/': hints % b'hop' + moved('/end'), '/end': hints % b'end' + answer(200, b'x')}))
    response = proxy.ask(get(o.url('/')))
    assert response.status == 200
    assert not response.interim


def test_interim_responses_of_a_redirect_that_is_returned(proxy, origin):
    o = origin(routes({}, b'HTTP/1.1 103 Early Hints\r\nLink: </hop>\r\n\r\n' + moved('mailto:x@a.test')))
    response = proxy.ask(get(o.url('/')))
    assert response.status == 302 and [r.get('link') for r in response.interim] == ['</hop>']


def test_client_stays_for_more(proxy, origin):
    o = origin(routes({'/': moved('/end'), '/end': there}))
    wire = proxy.connect()
    for _ in range(5):
        assert wire.ask(get(o.url('/'))).status == 200


def test_pipelined_requests_are_answered_in_order(proxy, origin):
    o = origin(routes({'/0': moved('/end0'), '/2': moved('/end2')}, there))
    wire = proxy.connect()
    wire.send(b''.join(get(o.url(f'/{i}')) for i in range(4)))
    assert [wire.read_response().body.split()[1].split(b'/')[1] for _ in range(4)] == [b'end0', b'1', b'end2', b'3']


def test_real_nginx(proxy, nginx):
    for path in '/moved', '/there':
        assert proxy.ask(get(nginx.url(path))).body == b'a file of nginx\n'
