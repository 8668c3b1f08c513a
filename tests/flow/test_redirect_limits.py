"""Limits, loops, and redirects that lead nowhere good: a clear answer, a named outcome, nothing hung."""

import time

import pytest

from kit.origin import FullListener, hang, hello, serve
from kit.redirects import FOLLOW, decisions, following, moved, routes, there
from kit.wait import until
from kit.wire import answer, get, post

shared_proxy = following()


def countdown(request):
    """/chain/N: N redirects to go."""
    n = int(request.target.rsplit('/', 1)[1])
    return moved(f'/chain/{n - 1}') if n else answer(200, b'there')


def test_limit(proxy, origin):
    """20 redirects are followed, one more is an error that says from where."""
    o = origin(serve(countdown))
    assert proxy.ask(get(o.url('/chain/20'))).body == b'there'
    record = proxy.wait_shown('/chain/20')
    assert (len(record['chain']), record['redirects']) == (21, 20)
    assert [h['number'] for h in record['chain']] == list(range(1, 22))
    response = proxy.ask(get(o.url('/chain/21')))
    assert response.status == 502
    assert o.url('') in response.text and '/chain' not in response.text and '/chain' not in response.get('proxy-status')
    assert 'http_protocol_error' in response.get('proxy-status')
    record = proxy.wait_shown('/chain/21')
    assert (record['outcome'], record['error'], len(record['chain'])) == ('failed', 'redirect_limit', 21)
    assert [h['url'] for h in record['chain']] == [o.url(f'/chain/{n}') for n in range(21, 0, -1)]


@pytest.mark.parametrize('limit', [0, 1, 5, 60])
def test_limit_is_an_option(start, origin, limit):
    o = origin(serve(countdown))
    viaduct = start({**FOLLOW, 'redirects.max_hops': limit})
    assert viaduct.ask(get(o.url(f'/chain/{limit}'))).body == b'there'
    assert viaduct.ask(get(o.url(f'/chain/{limit + 1}'))).status == 502
    assert viaduct.wait_flow(f'/chain/{limit + 1}')['error'] == 'redirect_limit'


LOOPS = {
    'to itself': {'/': '/'}, 'to itself with a fragment': {'/': '/#x'}, 'a fragment only': {'/': '#x'},
    'of two': {'/': '/b', '/b': '/'},
    'of three, entered later': {'/': '/1', '/1': '/2', '/2': '/3', '/3': '/1'}, 'spelt in another way': {'/': '/x/..', '/x/': '/'},
}


@pytest.mark.parametrize('table', LOOPS.values(), ids=LOOPS)
def test_loop(proxy, origin, token, table):
    """Found as soon as URL, method and cookies are all as before."""
    o = origin(routes({path: moved(to) for path, to in table.items()}))
    response = proxy.ask(get(o.url('/'), f'X: {token}'))
    assert response.status == 502 and 'proxy_loop_detected' in response.get('proxy-status')
    assert len(o.requests) <= len(table) + 1


def test_loop_is_recorded(proxy, origin, token):
    o = origin(routes({token: moved('/b'), '/b': moved(token)}))
    assert proxy.ask(get(o.url(token))).status == 502
    record = proxy.wait_shown(token)
    assert (record['outcome'], record['error'], len(record['chain'])) == ('failed', 'redirect_loop', 2)


def test_loop_of_two_hosts(proxy, origin):
    b = origin(routes({}))
    a = origin(routes({}, lambda r: moved(b.url('/', host='b.test'))))
    b.script = routes({}, lambda r: moved(a.url('/', host='a.test')))
    assert proxy.ask(get(a.url('/', host='a.test'))).status == 502
    assert len(a.requests) + len(b.requests) <= 3


def test_post_then_get_of_one_url_is_no_loop(proxy, origin):
    o = origin(serve(lambda r: moved('/', 303) if r.method == 'POST' else there(r)))
    assert proxy.ask(post(o.url('/'), b'form')).status == 200


def test_cookie_that_changes_is_no_loop(proxy, origin):
    """Three visits to one URL, each with another cookie."""
    def count(request):
        n = int((request.get('cookie') or 'n=0').rpartition('=')[2])
        return there(request) if n == 3 else moved('/', 302, f'Set-Cookie: n={n + 1}')
    o = origin(serve(count))
    assert proxy.ask(get(o.url('/', host='a.test'))).status == 200
    assert len(o.requests) == 4


def test_cookie_that_changes_for_ever_ends_at_the_limit(proxy, origin, token):
    o = origin(serve(lambda r: moved(token, 302, f'Set-Cookie: n={len(o.requests)}; Path=/')))
    assert proxy.ask(get(o.url(token, host='a.test'))).status == 502
    assert proxy.wait_flow(token)['error'] == 'redirect_limit'
    assert len(o.requests) == 21


def test_endless_chain_of_new_urls(proxy, origin, token):
    o = origin(serve(lambda r: moved(f'{token}?{len(o.requests)}')))
    assert proxy.ask(get(o.url(token))).status == 502
    assert proxy.wait_flow(token)['error'] == 'redirect_limit'


def test_chain_through_the_proxy_again(proxy, origin):
    """Via of our own: 508 for the request, whoever sends it round."""
    o = origin(serve(lambda r: answer(200, r.get('via').encode())))
    via = proxy.ask(get(o.url('/'))).text
    assert proxy.ask(get(o.url('/'), f'Via: {via}')).status == 508


# time

def test_chain_timeout(start, origin, token):
    """For all hops together."""
    def slow(peer):
        while (request := peer.read_request()) is not None:
            time.sleep(0.45)  # each hop takes a part of the whole
            peer.send(moved(f'{token}?{len(request.target)}' + 'x' * len(peer.origin.requests)))
    o = origin(slow)
    viaduct = start({**FOLLOW, 'timeouts.chain': '2s', 'timeouts.hop': '60s'})
    begin = time.monotonic()
    response = viaduct.ask(get(o.url(token)))
    # It runs from the first redirect on.
    assert response.status == 504 and 2.4 <= time.monotonic() - begin < 12
    assert viaduct.wait_flow(token)['error'] == 'chain_timeout'
    assert 3 <= len(o.requests) <= 6


def test_hop_timeout(start, origin, token):
    """For one redirect, from its start to its head; the first request has its own time-outs."""
    slow = origin(hang)
    o = origin(routes({token: moved(slow.url('/'))}))
    viaduct = start({**FOLLOW, 'timeouts.hop': '300ms'})
    assert viaduct.ask(get(o.url(token))).status == 504
    record = viaduct.wait_shown(token)
    assert record['error'] == 'hop_timeout' and [h['error'] for h in record['chain']] == [None, 'hop_timeout']


def test_hop_timeout_is_not_for_the_body(start, origin):
    """Nor for the first hop."""
    def script(peer):
        request = peer.read_request()
        time.sleep(1.5 if request.target == '/' else 0)  # longer than the limit of a hop
        peer.send(moved('/end') if request.target == '/' else answer(200, b'', 'Content-Length: 2', length=False))
        if request.target == '/end':
            for letter in b'ok':
                time.sleep(0.7)  # the body is slower than that limit
                peer.send(bytes([letter]))
    viaduct = start({**FOLLOW, 'timeouts.hop': '1s'})
    assert viaduct.ask(get(origin(script).url('/'))).body == b'ok'


# dead ends

def test_nobody_listens(proxy, origin, token):
    dead = origin(hello())
    dead.close()
    o = origin(routes({}, moved(dead.url('/gone'))))
    response = proxy.ask(get(o.url(token)))
    assert response.status == 502
    record = proxy.wait_shown(token)
    assert (record['outcome'], record['error']) == ('failed', 'connect_refused')
    assert [h['error'] for h in record['chain']] == [None, 'connect_refused']


def test_name_that_does_not_exist(proxy, origin, token):
    o = origin(routes({}, moved('http://nowhere.invalid/')))
    assert proxy.ask(get(o.url(token))).status in (502, 504)
    assert proxy.wait_shown(token)['chain'][1]['error'] in ('name_not_found', 'resolve_failed', 'resolve_timeout')


def test_host_that_never_accepts(start, origin, token):
    full = FullListener()
    o = origin(routes({}, moved(f'http://127.0.0.1:{full.port}/')))
    viaduct = start({**FOLLOW, 'timeouts.connect': '300ms'})
    assert viaduct.ask(get(o.url(token))).status == 504
    assert viaduct.wait_flow(token)['error'] == 'connect_timeout'
    full.close()


def test_target_that_speaks_no_http(proxy, origin, token):
    def script(peer):
        peer.read_some()
        peer.send(b'SSH-2.0-x\r\n')
    o = origin(routes({}, moved(origin(script).url('/'))))
    assert proxy.ask(get(o.url(token))).status == 502
    assert proxy.wait_flow(token)['error'] in ('response_malformed', 'origin_closed')


def test_target_that_closes(proxy, origin, token):
    o = origin(routes({}, moved(origin(lambda peer: peer.read_request()).url('/'))))
    assert proxy.ask(get(o.url(token))).status == 502
    assert proxy.wait_flow(token)['error'] == 'origin_closed'


@pytest.mark.parametrize('spelling', ['{url}/', 'http://localhost:{port}/', 'http://127.0.0.1:{port}', '//127.0.0.1:{port}/x'])
def test_the_proxy_itself(proxy, origin, token, spelling):
    """Never, in any spelling; the record of the flow says so."""
    o = origin(routes({}, moved(spelling.format(url=proxy.url, port=proxy.port))))
    assert proxy.ask(get(o.url(token))).status == 302
    record = proxy.wait_shown(token)
    assert decisions(record)[0] == 'returned: target is the proxy itself'
    assert (record['chain'][1]['error'], record['chain'][1]['peer_class'], record['outcome']) == ('loop_detected', 'self', 'delivered')


def test_the_inspector(start, origin, token):
    viaduct = start(FOLLOW, inspector='127.0.0.1:0')
    port = viaduct.ready['inspector'].rsplit(':', 1)[1]
    for host in '127.0.0.1', 'localhost', 'a.test':
        o = origin(routes({}, moved(f'http://{host}:{port}/metrics?token={viaduct.ready["token"]}')))
        response = viaduct.ask(get(o.url(token)))
        assert response.status == 302 and response.body == b'moved'


# huge and malformed heads

@pytest.mark.parametrize('size, status', [(8192, 200), (30_000, 302), (10_000_000, 502)])
def test_long_location(start, origin, token, size, status):
    """Followed, handed over whole, or refused with the head that carries it; never cut."""
    location = '/' + 'l' * (size - 1)
    o = origin(routes({token: moved(location)}, there))
    viaduct = start(FOLLOW)
    response = viaduct.ask(get(o.url(token)))
    assert response.status == status
    if response.status == 302:
        assert response.get('location') == location
    elif response.status == 200:
        assert o.last().target == location
    else:
        assert viaduct.wait_flow(token)['error'] == 'response_head_too_large'
    assert viaduct.ask(get(o.url('/after'))).status == 200


def test_many_locations(proxy, origin):
    o = origin(routes({}, answer(302, b'', *(f'Location: /{i}' for i in range(150)))))
    response = proxy.ask(get(o.url('/')))
    assert response.status == 302 and len(response.all('location')) == 150


def test_many_interim_responses(proxy, origin, token):
    o = origin(routes({token: b'HTTP/1.1 103 Early Hints\r\n\r\n' * 50 + moved('/end')}, there))
    assert proxy.ask(get(o.url(token))).status == 502
    assert proxy.wait_flow(token)['error'] == 'too_many_interim'


def test_many_cookies_over_many_hops(proxy, origin):
    """The Cookie of the last hop, and the response, stay within what a head may hold."""
    def hop(request):
        n = int(request.target[1:] or 0)
        cookies = [f'Set-Cookie: c{n}-{i}={"v" * 700}; Path=/' for i in range(60)]
        return moved(f'/{n + 1}', 302, *cookies) if n < 10 else there(request)
    o = origin(serve(hop))
    response = proxy.ask(get(o.url('/', host='a.test')))
    assert response.status == 200
    assert max(len(r.raw) for r in o.requests) < 65_536
    assert len(response.raw) < 65_536 and len(response.fields) <= 200


def test_memory_and_files_are_given_back(start, origin):
    """Hundreds of chains, whatever became of them."""
    o = origin(routes({'/loop': moved('/loop'), '/end': there, '/ok': moved('/end'), '/bad': moved('x:y'),
                       '/body': moved('/end', 307)}))
    viaduct = start({**FOLLOW, 'upstream.max_idle': '0'})
    viaduct.ask(get(o.url('/ok')))
    before = viaduct.open_files()
    wire = viaduct.connect()
    for _ in range(40):
        for path, status in ('/loop', 502), ('/ok', 200), ('/bad', 302):
            assert wire.ask(get(o.url(path))).status == status
        assert wire.ask(post(o.url('/body'), b'x' * 1000)).status == 200
    wire.close()
    until(lambda: viaduct.open_files() <= before, 'the files to be closed')
