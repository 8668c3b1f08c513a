"""Redirects to and from https: upgrades are followed and verified, downgrades are handed over, and a change of scheme is a
change of origin."""

import pytest

from kit.redirects import FOLLOW, decisions, dropped, moved, routes, there
from kit.wire import answer, get, post

SECRET = 'c2VjcmV0'
CREDENTIALS = [f'Authorization: Basic {SECRET}', f'X-Api-Key: {SECRET}']


@pytest.fixture
def web(origin, certs):
    """web(table) -> (plain, secure): two origins with one table; {plain} and {secure} in an answer are their URLs at a.test,
    {other} is the secure one's at b.test."""
    def make(table):
        def respond(request):
            where = request.get('host').rsplit(':', 1)[0] + request.target
            found = table.get(where) or table.get(request.target) or there
            if callable(found):
                return found(request)
            urls = {b'{plain}': plain.url('', 'a.test'), b'{secure}': secure.url('', 'a.test'), b'{other}': secure.url('', 'b.test')}
            for name, url in urls.items():
                found = found.replace(name, url.encode())
            return found
        plain = origin(routes({}, respond))
        secure = origin(routes({}, respond), tls=certs.server(certs.many))
        return plain, secure
    return make


@pytest.fixture
def follower(start, certs):
    """follower(options) -> a proxy that follows and trusts the origins' certificates."""
    return lambda options=None: start({**FOLLOW, 'upstream.ca_file': certs.ca, **(options or {})}, workers=1)


@pytest.mark.parametrize('status', [301, 302, 303, 307, 308])
def test_upgrade_is_followed_and_marked(follower, web, status, token):
    plain, secure = web({token: moved('{secure}/end', status)})
    viaduct = follower()
    assert viaduct.ask(get(plain.url(token, 'a.test'), 'Cookie: mine=1', *CREDENTIALS)).status == 200
    last = secure.last()
    assert SECRET.encode() not in last.raw, 'another scheme is another origin'
    assert last.get('cookie') == 'mine=1', 'cookies go by host'
    assert last.all('host') == [f'a.test:{secure.port}']
    record = viaduct.wait_shown(token)
    assert 'upgrade' in decisions(record)[0]
    assert record['final_url'] == secure.url('/end', 'a.test')
    assert {'authorization', 'x-api-key'} <= set(dropped(record['chain'][1]))


def test_upgrade_can_be_passed(follower, web, token):
    plain, secure = web({token: moved('{secure}/end')})
    viaduct = follower({'redirects.upgrade': 'pass'})
    response = viaduct.ask(get(plain.url(token, 'a.test')))
    assert (response.status, response.get('location')) == (302, secure.url('/end', 'a.test'))
    assert not secure.peers
    assert decisions(viaduct.wait_shown(token))[0].startswith('returned: ')


def test_upgrade_of_a_body(follower, web):
    body = b'x' * 100_000
    plain, secure = web({'/': moved('{secure}/end', 307)})
    assert follower().ask(post(plain.url('/', 'a.test'), body)).status == 200
    assert (secure.last().method, secure.last().body) == ('POST', body)


def test_https_to_https(follower, web):
    plain, secure = web({'/': moved('{secure}/two'), '/two': moved('/three'), '/three': moved('{other}/end')})
    assert follower().ask(get(plain.url('/', 'a.test'), 'Cookie: mine=1')).status == 200
    assert [(r.get('host').split(':')[0], r.target, r.get('cookie')) for r in secure.requests] == [
        ('a.test', '/two', 'mine=1'), ('a.test', '/three', 'mine=1'), ('b.test', '/end', None)]


def test_downgrade_is_handed_over(follower, web, token):
    plain, secure = web({token: moved('{secure}/two'), '/two': moved('{plain}/end')})
    viaduct = follower()
    response = viaduct.ask(get(plain.url(token, 'a.test')))
    assert (response.status, response.get('location'), response.body) == (302, plain.url('/end', 'a.test'), b'moved')
    assert [r.target for r in plain.requests] == [token]
    record = viaduct.wait_shown(token)
    assert decisions(record)[1].startswith('returned: ') and 'https' in decisions(record)[1]
    assert (record['outcome'], record['redirects']) == ('delivered', 1)


def test_downgrade_followed_takes_nothing_along(follower, web):
    """CVE-2018-18074, CVE-2022-0536: the same host over http is another origin, for credentials, cookies and Referer."""
    back = moved('{plain}/end', 302, 'Set-Cookie: safe=1; Secure; Path=/', 'Set-Cookie: any=1; Path=/')
    plain, _ = web({'/': moved('{secure}/two'), '/two': back})
    viaduct = follower({'redirects.downgrade': 'follow'})
    fields = [*CREDENTIALS, 'Cookie: mine=1', 'Referer: https://page.test/x']
    assert viaduct.ask(get(plain.url('/', 'a.test'), *fields)).status == 200
    last = plain.last()
    assert last.target == '/end' and SECRET.encode() not in last.raw
    assert last.get('cookie') == 'any=1'
    assert not last.has('referer')


def test_secure_cookies(follower, web):
    """Set over https they go to https only; over http they cannot be set."""
    table = {'/': moved('{secure}/two', 302, 'Set-Cookie: no=1; Secure; Path=/'),
             '/two': moved('/three', 302, 'Set-Cookie: __Host-h=1; Secure; Path=/', 'Set-Cookie: s=1; Secure; Path=/',
                           'Set-Cookie: __Host-d=1; Secure; Path=/; Domain=a.test')}
    plain, secure = web(table)
    assert follower().ask(get(plain.url('/', 'a.test'))).status == 200
    assert [r.get('cookie') for r in secure.requests] == [None, '__Host-h=1; s=1']


def test_fields_for_a_whole_origin_after_an_upgrade(follower, web):
    """The client speaks http: what acts on the https origin is not for it."""
    end = answer(200, b'x', 'Strict-Transport-Security: max-age=9', 'Clear-Site-Data: "*"')
    plain, _ = web({'/': moved('{secure}/end'), '/end': end})
    response = follower().ask(get(plain.url('/', 'a.test')))
    assert response.status == 200 and not response.has('strict-transport-security') and not response.has('clear-site-data')


def test_certificate_of_a_hop_is_verified(start, origin, certs, token):
    """The client cannot see it, so the proxy must: nothing is sent to whoever has no certificate."""
    liar = origin(routes({}, answer(200, b'a lie')), tls=certs.server(certs.untrusted))
    o = origin(routes({}, moved(liar.url('/', 'good.test'), 307)))
    viaduct = start({'redirects.mode': 'follow', 'hosts': 'good.test=127.0.0.1', 'upstream.ca_file': certs.ca})
    response = viaduct.ask(post(o.url(token), b'secret', *CREDENTIALS))
    assert response.status == 502 and b'a lie' not in response.body
    assert not liar.requests
    assert viaduct.wait_flow(token)['error'] == 'tls_certificate'


def test_inside_a_tunnel_nothing_is_followed(follower, web, certs):
    """What is encrypted to the end cannot be seen."""
    _, secure = web({'/': moved('/end')})
    wire = follower().tunnel(f'a.test:{secure.port}')
    wire.sock = certs.client(alpn=['http/1.1']).wrap_socket(wire.sock, server_hostname='a.test')
    assert wire.ask(get('/', host='a.test')).status == 302
