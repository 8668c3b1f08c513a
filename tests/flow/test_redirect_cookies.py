"""Cookies over a chain (RFC 6265): what a hop sets reaches the hops it belongs to; the client gets only what it may keep for the
host that it asked."""

import pytest

from kit.redirects import following, moved, routes, there
from kit.wire import answer, get, post

shared_proxy = following()


@pytest.fixture
def web(proxy, origin):
    """web({'a.test/x': (status, location or None, [Set-Cookie values])}, client cookies) -> (response, requests, origin).
    A location may begin with a host of the table, without scheme and port."""
    def ask(table, *fields, first='a.test/', method='GET'):
        o = origin(routes({where: respond(*what) for where, what in table.items()}, there))
        host, _, path = first.partition('/')
        response = proxy.ask(get(o.url('/' + path, host=host), *fields, method=method))
        return response, o.requests, o

    def respond(status, location, cookies):
        def made(request):
            lines = [f'Set-Cookie: {c}' for c in cookies]
            if not location:
                return answer(status, b'there', *lines)
            to = location if location.startswith('/') else 'http://{}:{}/{}'.format(
                location.split('/')[0], request.get('host').rsplit(':')[-1], location.partition('/')[2])
            return moved(to, status, *lines)
        return made
    return ask


def cookies(request):
    return [c.strip() for c in request.get('cookie', '').split(';') if c.strip()]


def test_the_cookie_dance(proxy, origin):
    """The same URL again, with the cookie that it has just set: without it, a loop."""
    def gate(request):
        return answer(200, b'in') if request.get('cookie') == 'ok=1' else moved('/', 302, 'Set-Cookie: ok=1')
    o = origin(routes({'/': gate}))
    response = proxy.ask(get(o.url('/', host='a.test')))
    assert (response.status, response.body) == (200, b'in')
    assert len(response.all('set-cookie')) == 1 and response.get('set-cookie').startswith('ok=1')


# (Set-Cookie of http://a.test/dir/page, where the next hop is, whether it gets the cookie)
REACH = [
    ('c=1', 'a.test/dir/x', True), ('c=1', 'a.test/dir/sub/x', True), ('c=1', 'a.test/other', False), ('c=1', 'a.test/dirt', False),
    ('c=1; Path=/', 'a.test/other', True), ('c=1; Path=/oth', 'a.test/other', False), ('c=1; Path=/other', 'a.test/other', True),
    ('c=1; Path=/other/', 'a.test/other', False), ('c=1; path="/x"', 'a.test/dir/x', True), ('c=1; Path=x', 'a.test/dir/x', True),
    ('c=1; Path=/', 'sub.a.test/', False), ('c=1; Path=/; Domain=a.test', 'sub.a.test/', True),
    ('c=1; Path=/; Domain=.a.test', 'deep.sub.a.test/', True), ('c=1; Path=/; DOMAIN=A.TEST', 'sub.a.test/', True),
    ('c=1; Path=/; Domain=a.test', 'b.test/', False), ('c=1; Path=/; Domain=b.test', 'b.test/', False),
    ('c=1; Path=/; Domain=sub.a.test', 'sub.a.test/', False), ('c=1; Path=/; Domain=test', 'b.test/', False),
    ('c=1; Path=/; Domain=.', 'b.test/', False), ('c=1; Path=/; Domain=', 'a.test/x', True),
    ('c=1; Path=/; Secure', 'a.test/x', False), ('__Host-c=1; Path=/; Secure', 'a.test/x', False),
    ('__Secure-c=1; Secure; Path=/', 'a.test/x', False),
    ('__Host-c=1; Path=/', 'a.test/x', False), ('c=1; Path=/; HttpOnly; SameSite=Strict; Partitioned; X=y', 'a.test/x', True),
    ('c=1; Path=/; Max-Age=0', 'a.test/x', False), ('c=1; Path=/; Max-Age=-1', 'a.test/x', False),
    ('c=1; Path=/; Max-Age=60', 'a.test/x', True),
    ('c=1; Path=/; Max-Age=x', 'a.test/x', True), ('c=1; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT', 'a.test/x', False),
    ('c=1; Path=/; Expires=Tue, 15 Nov 2044 12:45:26 GMT', 'a.test/x', True),
    ('c=1; Path=/; Expires=Tuesday, 15-Nov-44 12:45:26 GMT', 'a.test/x', True),
    ('c=1; Path=/; Expires=nonsense', 'a.test/x', True),
    ('c=1; Path=/; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT', 'a.test/x', True),
    ('c=' + 'v' * 4000 + '; Path=/', 'a.test/x', True), ('c=' + 'v' * 5000 + '; Path=/', 'a.test/x', False),
]


@pytest.mark.parametrize('line, to, reaches', REACH, ids=[f'{i}:{r[0][:40]}-{r[1]}' for i, r in enumerate(REACH)])
def test_reach(web, line, to, reaches):
    response, requests, _ = web({'a.test/dir/page': (302, to, [line])}, first='a.test/dir/page')
    assert response.status == 200
    name = line.partition('=')[0]
    assert [c.partition('=')[0] == name for c in cookies(requests[1])] == ([True] if reaches else [])


def test_value_is_kept_byte_by_byte(web):
    _, requests, _ = web({'a.test/': (302, '/x', ['c="q=\xe4,:/?"; Path=/'])})
    assert requests[1].get('cookie') == 'c="q=\xe4,:/?"'


def test_ports_do_not_matter(proxy, origin):
    b = origin(routes({}, there))
    a = origin(routes({}, lambda r: moved(f'http://a.test:{b.port}/', 302, 'Set-Cookie: hop=1; Path=/')))
    assert proxy.ask(get(a.url('/', host='a.test'), 'Cookie: mine=1')).status == 200
    assert sorted(cookies(b.last())) == ['hop=1', 'mine=1']


def test_client_cookies_stay_at_their_host(web):
    response, requests, _ = web({'a.test/': (302, 'b.test/', []), 'b.test/': (302, 'a.test/x', [])}, 'Cookie: mine=1; other=2')
    assert response.status == 200
    assert [cookies(r) for r in requests] == [['mine=1', 'other=2'], [], []]


def test_jar_overlays_the_clients_cookies(web):
    """The same name is replaced, a new one comes behind, a deleted one goes."""
    lines = ['b=new; Path=/', 'd=4; Path=/', 'c=; Path=/; Max-Age=0']
    _, requests, _ = web({'a.test/': (302, '/x', lines)}, 'Cookie: a=1; b=old; c=3')
    assert cookies(requests[1]) == ['a=1', 'b=new', 'd=4']


def test_later_hops_overwrite(web):
    table = {'a.test/': (302, '/2', ['c=1; Path=/']), 'a.test/2': (302, '/3', ['c=2; Path=/']),
             'a.test/3': (302, '/4', ['c=; Path=/; Max-Age=0'])}
    _, requests, _ = web(table)
    assert [cookies(r) for r in requests] == [[], ['c=1'], ['c=2'], []]


def test_longer_paths_come_first(web):
    _, requests, _ = web({'a.test/': (302, '/d/e/', ['c=root; Path=/', 'c=deep; Path=/d/e', 'c=mid; Path=/d'])})
    assert cookies(requests[1]) == ['c=deep', 'c=mid', 'c=root']


def test_fifty_cookies_and_not_more(web):
    _, requests, _ = web({'a.test/': (302, '/x', [f'c{i}={i}; Path=/' for i in range(80)])})
    assert len(cookies(requests[1])) == 50


# (host that is asked, hop that sets, Set-Cookie, the line that the client gets or None)
GIVEN = [
    ('a.test', 'a.test', 'c=1; Path=/', 'c=1; Path=/'),
    ('a.test', 'a.test', 'c=1; Path=/x; HttpOnly; SameSite=Lax; Priority=High', 'c=1; Path=/x; HttpOnly; SameSite=Lax; Priority=High'),
    ('a.test', 'a.test', 'c=1; Path=/; Secure', 'c=1; Path=/; Secure'),
    ('a.test', 'b.test', 'c=1; Path=/', None), ('a.test', 'b.test', 'c=1; Domain=b.test; Path=/', None),
    ('a.test', 'b.test', 'c=1; Domain=a.test; Path=/', None), ('sub.a.test', 'a.test', 'c=1; Path=/', None),
    ('sub.a.test', 'a.test', 'c=1; Domain=a.test; Path=/', 'c=1; Domain=a.test; Path=/'),
    ('a.test', 'sub.a.test', 'c=1; Domain=a.test; Path=/', 'c=1; Domain=a.test; Path=/'),
    ('a.test', 'sub.a.test', 'c=1; Domain=sub.a.test; Path=/', None),
    ('one.co.uk', 'two.co.uk', 'c=1; Domain=co.uk; Path=/', None), ('one.co.uk', 'one.co.uk', 'c=1; Domain=co.uk; Path=/', None),
]


@pytest.mark.parametrize('asked, setter, line, given', GIVEN, ids=[f'{i}:{r[0]}-{r[1]}' for i, r in enumerate(GIVEN)])
def test_given_to_the_client(web, asked, setter, line, given):
    """The setter is a hop in the middle; the end is where the chain began, or at the third host."""
    for end in asked + '/end', 'c.test/end':
        table = {f'{asked}/': (302, f'{setter}/mid', []), f'{setter}/mid': (302, end, [line])}
        response, requests, _ = web(table, first=f'{asked}/')
        assert response.status == 200 and len(requests) == 3
        assert response.all('set-cookie') == ([given] if given else [])


def test_cookie_of_the_end_at_another_host(web):
    """Host-only cookies of the last hop are another host's too."""
    table = {'a.test/': (302, 'b.test/end', []), 'b.test/end': (200, None, ['session=fixed; Path=/', 'd=1; Domain=a.test'])}
    response, _, _ = web(table)
    assert response.body == b'there' and not response.has('set-cookie')


def test_lines_come_in_order_each_on_its_own(web):
    table = {'a.test/': (302, '/2', ['a=1; Path=/', 'b=2; Path=/']), 'a.test/2': (302, 'b.test/3', ['a=3; Path=/']),
             'b.test/3': (302, 'a.test/4', ['x=1; Path=/']), 'a.test/4': (200, None, ['c=4; Path=/'])}
    response, _, _ = web(table)
    given = [v.split(';')[0] for v in response.all('set-cookie')]
    assert given in (['a=1', 'b=2', 'a=3', 'c=4'], ['b=2', 'a=3', 'c=4'])


def test_default_path_is_made_explicit(web):
    """The client would take it from the first URL, the hop meant its own."""
    table = {'a.test/': (302, '/deep/er/hop', []), 'a.test/deep/er/hop': (302, '/end', ['c=1; HttpOnly'])}
    response, _, _ = web(table)
    line = response.get('set-cookie')
    assert line.startswith('c=1; HttpOnly') and 'path=/deep/er' in line.lower().replace(' ', '').split(';')


def test_without_redirects_nothing_is_touched(web):
    lines = ['c=1', 'd=2; Domain=test', 'e=3; Domain=b.test', '__Host-x=1', 'no equals sign', 'c=1']
    response, _, _ = web({'a.test/': (200, None, lines)})
    assert response.all('set-cookie') == lines


def test_a_redirect_that_is_returned_keeps_its_cookies(web):
    response, _, _ = web({'a.test/': (302, '/x\\y', ['c=1', 'd=2; Domain=test'])})
    assert response.status == 302 and response.all('set-cookie') == ['c=1', 'd=2; Domain=test']


def test_fates_are_recorded(proxy, web, token):
    table = {f'a.test{token}': (302, 'b.test/mid', ['mine=1; Path=/']),
             'b.test/mid': (302, 'a.test/end', ['theirs=1; Path=/', 'bad=1; Domain=c.test'])}
    response, requests, _ = web(table, first=f'a.test{token}')
    assert [cookies(r) for r in requests] == [[], [], ['mine=1']]
    assert len(response.all('set-cookie')) == 1
    chain = proxy.wait_shown(token)['chain']
    assert [h['cookies_added'] for h in chain] == [[], [], ['mine']]
    fates = {f['name']: f for h in chain for f in h['cookies_set'] or []}
    assert set(fates) == {'mine', 'theirs', 'bad'}
    assert fates['mine']['fate'] == fates['theirs']['fate'] == 'kept for the chain'
    assert fates['bad']['fate'].startswith('refused: ')
    assert fates['mine']['client'].startswith('given') and not (fates['theirs']['client'] or 'held').startswith('given')


def test_an_address_has_no_domain(proxy, origin):
    o = origin(routes({'/': moved('/x', 302, 'Set-Cookie: d=1; Domain=0.0.1; Path=/', 'Set-Cookie: e=1; Domain=1',
                                  'Set-Cookie: c=1; Path=/')}, there))
    assert proxy.ask(get(o.url('/'))).status == 200
    assert cookies(o.last()) == ['c=1']


def test_a_login(proxy, origin):
    """POST, 303 with a session, GET with it."""
    o = origin(routes({'/login': moved('/home', 303, 'Set-Cookie: sid=42; HttpOnly; Path=/')}, there))
    response = proxy.ask(post(o.url('/login', host='a.test'), b'user=x'))
    assert response.body.startswith(b'GET a.test/home') and cookies(o.last()) == ['sid=42']
    assert response.get('set-cookie') == 'sid=42; HttpOnly; Path=/'
