"""Redirects, first cut: followed for GET and HEAD, each hop in the record, all else handed over."""

import pytest

from kit.origin import always, hello, serve
from kit.proxy import Viaduct
from kit.wire import answer, get, post

FOLLOW = {'redirects.mode': 'follow'}


def moved(to, status=302, *fields):
    return answer(status, b'moved', f'Location: {to}', *fields)


def routes(table, default=None):
    """A script: target -> bytes, or a function of the request."""
    def responder(request):
        found = table.get(request.target, default or answer(404, b'no ' + request.target.encode()))
        return found(request) if callable(found) else found
    return serve(responder)


@pytest.fixture(scope='module')
def shared_proxy(tmp_path_factory):
    viaduct = Viaduct(tmp_path_factory.mktemp('follow'), {**FOLLOW, 'hosts': 'a.test=127.0.0.1, b.test=127.0.0.1, A-2.test=127.0.0.1'})
    try:
        yield viaduct
        viaduct.stop()
    finally:
        viaduct.kill()


@pytest.mark.parametrize('status', [301, 302, 303, 307, 308])
def test_follow(proxy, origin, token, status):
    o = origin(routes({token: moved('/end', status), '/end': answer(200, b'there')}))
    response = proxy.ask(get(o.url(token), 'X-Mine: kept'))
    assert (response.status, response.body) == (200, b'there')
    assert not response.has('location')
    assert [(r.method, r.target) for r in o.requests] == [('GET', token), ('GET', '/end')]
    assert o.last().get('x-mine') == 'kept'
    record = proxy.wait_shown(token)
    assert [h['reason'] for h in record['chain']] == ['first', 'redirect']
    assert [h['status'] for h in record['chain']] == [status, 200]
    assert [h['url'] for h in record['chain']] == [o.url(token), o.url('/end')]
    assert str(status) in record['chain'][0]['decision'] and 'follow' in record['chain'][0]['decision']
    assert record['url'] == o.url(token)


def test_head_stays_head(proxy, origin, token):
    head = answer(200, b'', 'Content-Length: 5', length=False)
    o = origin(routes({token: answer(303, b'', 'Location: /end'), '/end': head}))
    wire = proxy.connect()
    response = wire.ask(get(o.url(token), method='HEAD'))
    assert (response.status, response.get('content-length')) == (200, '5')
    assert [r.method for r in o.requests] == ['HEAD', 'HEAD']


@pytest.mark.parametrize('status', [300, 304, 305, 306, 399, 200, 201, 404])
def test_other_statuses_are_passed(proxy, origin, status):
    o = origin(always(answer(status, b'', 'Location: /end', length=status != 304)))
    response = proxy.ask(get(o.url('/')))
    assert response.status == status
    assert response.get('location') == '/end'
    assert len(o.requests) == 1


@pytest.mark.parametrize('method', ['POST', 'PUT', 'DELETE', 'PATCH'])
@pytest.mark.parametrize('status', [302, 307])
def test_methods_that_are_passed(proxy, origin, method, status):
    o = origin(always(moved('/end', status)))
    response = proxy.ask(post(o.url('/'), b'body', method=method))
    assert (response.status, response.get('location'), response.body) == (status, '/end', b'moved')
    assert len(o.requests) == 1


def test_pass_mode(start, origin, token):
    o = origin(always(moved('/end')))
    viaduct = start({'redirects.mode': 'pass'})
    response = viaduct.ask(get(o.url(token)))
    assert (response.status, response.get('location'), response.body) == (302, '/end', b'moved')
    assert 'pass' in viaduct.wait_shown(token)['chain'][0]['decision']


NAVIGATION = ['Sec-Fetch-Mode: navigate', 'Sec-Fetch-Dest: document', 'Upgrade-Insecure-Requests: 1']


@pytest.mark.parametrize('fields, status', [
    ([], 200), (['User-Agent: curl/8'], 200), (NAVIGATION, 302), (['Upgrade-Insecure-Requests: 1'], 302),
    (['Origin: http://x.test'], 302), (['Sec-Fetch-Mode: cors'], 302), (['Sec-Fetch-Dest: iframe'], 302),
])
def test_auto_mode(start, origin, fields, status):
    """Programs are followed, browsers get the redirect."""
    o = origin(routes({'/': moved('/end'), '/end': answer(200, b'there')}))
    assert start({'redirects.mode': 'auto'}).ask(get(o.url('/'), *fields)).status == status


BASE = '/dir/sub/page?q=1'
RELATIVE = [
    ('/abs', '/abs'), ('other', '/dir/sub/other'), ('./x', '/dir/sub/x'), ('../x', '/dir/x'), ('../../../../x', '/x'),
    ('?only=query', '/dir/sub/page?only=query'), ('/a/./b/../c', '/a/c'), ('..', '/dir/'), ('x#frag', '/dir/sub/x'),
    ('/a%2fb%0d%0a%41', '/a%2fb%0d%0a%41'), ('/with space', '/with%20space'), ('/<">', '/%3C%22%3E'), ('  /trimmed\t', '/trimmed'),
    ('/\xe4', '/%E4'), ('/a;b=c?d=e/../f', '/a;b=c?d=e/../f'), ('/' + 'l' * 8000, '/' + 'l' * 8000),
]


@pytest.mark.parametrize('location, target', RELATIVE, ids=[r[0][:20] for r in RELATIVE])
def test_relative_location(proxy, origin, location, target):
    o = origin(routes({BASE: moved(location)}, answer(200, b'there')))
    assert proxy.ask(get(o.url(BASE))).body == b'there'
    assert o.last().target == target


ABSOLUTE = [('http://{b}/end', '/end'), ('HTTP://B.TEST:{port}/end', '/end'), ('//{b}/end', '/end'), ('http://{b}', '/'),
            ('http://{b}?x', '/?x'), ('http://{b}/end#frag', '/end')]


@pytest.mark.parametrize('location, target', ABSOLUTE)
def test_absolute_location(proxy, origin, location, target):
    b = origin(hello(b'at b'))
    a = origin(always(moved(location.format(b=f'b.test:{b.port}', port=b.port))))
    assert proxy.ask(get(a.url('/', host='a.test'))).body == b'at b'
    assert b.last().target == target
    assert b.last().all('host') == [f'b.test:{b.port}']


REFUSED = ['', 'ftp://b.test/x', 'javascript:alert(1)', 'file:///etc/passwd', 'myapp://callback', 'http://user:pw@b.test/',
           'http:\\\\b.test\\x','/a\\b', 'http://b.test:0/', 'http://b.test:99999/', 'http://b.test:8x/', 'http:///x', 'http://[::1/',
           'http://[fe80::1%25eth0]/', 'http://127.1/', 'http://0x7f000001/', 'http://2130706433/', 'http://' + 'a' * 64 + '.test/',
           'http://b\xe4.test/']


@pytest.mark.parametrize('location', REFUSED)
def test_location_that_is_passed(proxy, origin, token, location):
    """What cannot be followed exactly right is handed over, with the reason in the record."""
    o = origin(always(moved(location)))
    response = proxy.ask(get(o.url(token)))
    assert (response.status, response.body) == (302, b'moved')
    assert response.all('location') == [location]
    assert len(o.requests) == 1
    assert proxy.wait_shown(token)['chain'][0]['decision']


def test_location_is_missing(proxy, origin):
    o = origin(always(answer(302, b'where?')))
    response = proxy.ask(get(o.url('/')))
    assert (response.status, response.body) == (302, b'where?')


def test_location_twice(proxy, origin):
    same = origin(routes({'/': answer(302, b'', 'Location: /end', 'Location: /end'), '/end': answer(200, b'there')}))
    assert proxy.ask(get(same.url('/'))).body == b'there'
    other = origin(always(answer(302, b'', 'Location: /one', 'Location: /two')))
    response = proxy.ask(get(other.url('/')))
    assert (response.status, response.all('location')) == (302, ['/one', '/two'])


def chain(request):
    n = int(request.target.rsplit('/', 1)[1])
    return moved(f'/chain/{n - 1}') if n else answer(200, b'there')


def test_limit(proxy, origin, token):
    """20 redirects are followed, the 21st is an error."""
    o = origin(serve(chain))
    assert proxy.ask(get(o.url('/chain/20'))).body == b'there'
    assert len(proxy.wait_shown('/chain/20')['chain']) == 21
    response = proxy.ask(get(o.url('/chain/21')))
    assert response.status == 502
    record = proxy.wait_shown('/chain/21')
    assert (record['outcome'], record['error'], len(record['chain'])) == ('failed', 'redirect_limit', 21)


def test_limit_is_an_option(start, origin, token):
    o = origin(serve(chain))
    viaduct = start({**FOLLOW, 'redirects.max_hops': '2'})
    assert viaduct.ask(get(o.url('/chain/2'))).body == b'there'
    response = viaduct.ask(get(o.url('/chain/3')))
    assert response.status == 502
    assert viaduct.wait_flow('/chain/3')['error'] == 'redirect_limit'


@pytest.mark.parametrize('to', ['{token}', '{url}', '/other'])
def test_loop(proxy, origin, token, to):
    o = origin(serve(lambda r: moved(to.format(token=token, url=o.url(token)) if r.target == token else token)))
    response = proxy.ask(get(o.url(token)))
    assert response.status == 502
    record = proxy.wait_shown(token)
    assert record['error'] in ('redirect_loop', 'redirect_limit')
    assert len(o.requests) <= 21


def test_credentials_are_dropped_for_good_at_another_origin(proxy, origin, token):
    """Another port is another origin; back at the first they stay gone. Cookies go by host."""
    b = origin(always(b''))
    a = origin(serve(lambda r: moved(f'http://b.test:{b.port}/') if r.target == token else answer(200, b'back')))
    b.script = always(moved(f'http://a.test:{a.port}/back'))
    secrets = ['Authorization: Bearer x', 'Cookie: sid=1', 'X-Other: stays']
    assert proxy.ask(get(a.url(token, host='a.test'), *secrets)).body == b'back'
    first, second, third = a.requests[0], b.requests[0], a.requests[1]
    assert first.get('authorization') == 'Bearer x' and first.get('cookie') == 'sid=1'
    for r in (second, third):
        assert not r.has('authorization')
        assert r.get('x-other') == 'stays'
    assert not second.has('cookie')
    hops = proxy.wait_shown(token)['chain']
    assert 'authorization' in str(hops[1]['dropped']).lower()


def test_credentials_at_another_port(proxy, origin):
    b = origin(hello())
    a = origin(always(moved(f'http://a.test:{b.port}/')))
    assert proxy.ask(get(a.url('/', host='a.test'), 'Authorization: Basic x')).status == 200
    assert not b.last().has('authorization')


def test_credentials_stay_at_the_same_origin(proxy, origin, token):
    o = origin(routes({token: moved('/end'), '/end': answer(200, b'x')}))
    assert proxy.ask(get(o.url(token), 'Authorization: Basic x', 'Cookie: a=1')).status == 200
    assert (o.last().get('authorization'), o.last().get('cookie')) == ('Basic x', 'a=1')


def test_fields_of_a_followed_hop_do_not_leak(proxy, origin):
    o = origin(routes({'/': moved('/end', 302, 'X-Hop: 1', 'Server: hop'), '/end': answer(200, b'x', 'X-End: 1')}))
    response = proxy.ask(get(o.url('/')))
    assert response.has('x-end') and not response.has('x-hop') and not response.has('server')


def test_interim_responses_of_a_followed_hop_do_not_leak(proxy, origin):
    hints = b'HTTP/1.1 103 Early Hints\r\nLink: </hop>\r\n\r\n'
    o = origin(routes({'/': hints + moved('/end'), '/end': answer(200, b'x')}))
    assert proxy.ask(get(o.url('/'))).interim == []


def test_huge_body_of_a_redirect_is_not_read_to_its_end(proxy, origin):
    def script(peer):
        request = peer.read_request()
        if request.target == '/end':
            peer.send(answer(200, b'there'))
            return
        peer.send(answer(302, b'', 'Location: /end', 'Content-Length: 1000000000', length=False))
        try:
            for _ in range(1000):
                peer.send(b'z' * 1000000)
        except OSError:
            return
        raise AssertionError('a gigabyte of a redirect was read')
    assert proxy.ask(get(origin(script).url('/'))).body == b'there'


def test_body_of_a_redirect_that_never_ends(proxy, origin):
    def script(peer):
        request = peer.read_request()
        if request.target == '/end':
            peer.send(answer(200, b'there'))
            return
        peer.send(answer(302, b'', 'Location: /end', 'Content-Length: 10', length=False))
        peer.read_eof()
    assert proxy.ask(get(origin(script).url('/'))).body == b'there'


def test_dead_end(proxy, origin, token):
    dead = origin(hello())
    dead.close()
    o = origin(always(moved(dead.url('/gone'))))
    assert proxy.ask(get(o.url(token))).status == 502
    record = proxy.wait_shown(token)
    assert record['error'] == 'connect_refused'
    assert [h['error'] for h in record['chain']] == [None, 'connect_refused']


def test_followed_hop_that_points_at_the_proxy(proxy, origin, token):
    """Never the proxy itself, in no spelling: refused or handed over."""
    o = origin(always(moved(f'{proxy.url}/')))
    response = proxy.ask(get(o.url(token)))
    assert response.status in (302, 508)


def test_upgrade_requests_are_passed(proxy, origin):
    o = origin(always(moved('/end')))
    assert proxy.ask(get(o.url('/'), 'Connection: upgrade', 'Upgrade: websocket')).status == 302


def test_client_stays_for_more(proxy, origin):
    o = origin(routes({'/': moved('/end'), '/end': answer(200, b'there')}))
    wire = proxy.connect()
    for _ in range(5):
        assert wire.ask(get(o.url('/'))).body == b'there'


def test_viaduct_fields_of_an_origin_are_not_believed(proxy, origin):
    o = origin(always(answer(200, b'x', 'Viaduct-Hops: 77', 'Viaduct-Final-URL: http://x/')))
    response = proxy.ask(get(o.url('/')))
    assert '77' not in response.all('viaduct-hops') and 'http://x/' not in response.all('viaduct-final-url')


def test_real_nginx(proxy, nginx):
    for path in ('/moved', '/there'):
        assert proxy.ask(get(nginx.url(path))).body == b'a file of nginx\n'
