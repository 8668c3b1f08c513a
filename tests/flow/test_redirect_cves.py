"""What went wrong in other followers of redirects, one test for each lesson that applies to a proxy; named after the advisories."""

import socket

import pytest

from kit.dns import A, NameServer
from kit.origin import once
from kit.redirects import FOLLOW, following, moved, routes, there
from kit.wire import answer, get, post

shared_proxy = following()

SECRET = 'c2VjcmV0'


@pytest.fixture
def crossing(proxy, origin):
    """crossing(request fields, redirect's fields, location) -> the request that arrives at b.test, from a.test over a redirect."""
    def cross(fields, *redirect, status=302, location='http://b.test:{port}/end'):
        b = origin(routes({}, there))
        a = origin(routes({}, moved(location.format(port=b.port), status, *redirect)))
        assert proxy.ask(post(a.url('/', host='a.test'), b'x', *fields)).status == 200
        return b.last()
    return cross


@pytest.mark.parametrize('name',
                         ['Authorization', 'AUTHORIZATION', 'Proxy-Authorization', 'proxy-authorization',
                          'Proxy-Authenticate', 'Cookie',
                                  'cookie', 'Cookie2', 'X-Api-Key'])
@pytest.mark.parametrize('status', [302, 307])
def test_credentials_at_another_host(crossing, name, status):
    """CVE-2003-1605, 2014-1829, 2014-1830, 2018-1000007, 2018-20060, 2018-25091, 2021-31879, 2021-41125, 2022-0155, 2022-0235,
    2022-0577, 2022-29248, 2022-31042, 2022-31090, 2022-31151, 2023-32681, 2023-43804, 2023-45143, 2024-1968, 2024-24758, 2024-28849,
    2024-30260, 2024-37891,
    2025-4673, 2025-46421, 2026-1539, 2026-40895, 2026-44431, 2026-44979, 2026-47265."""
    assert SECRET.encode() not in crossing([f'{name}: Basic {SECRET}'], status=status).raw


def test_cve_2009_0037_a_redirect_chooses_no_other_protocol(proxy, origin, tmp_path):
    secret = tmp_path / 'secret'
    secret.write_text('TOP SECRET')
    for location in f'file://{secret}', f'FILE:///{secret}', f'scp://b.test{secret}', 'gopher://127.0.0.1:1/_x', 'dict://127.0.0.1:1/x':
        o = origin(routes({}, moved(location)))
        response = proxy.ask(get(o.url('/')))
        assert response.status == 302 and b'TOP SECRET' not in response.body


def test_cve_2015_2296_a_cookie_of_a_hop_goes_to_its_host_only(crossing):
    assert not crossing([], 'Set-Cookie: a=1; Path=/').has('cookie')


@pytest.mark.parametrize('cookie', ['a=1\rSet-Cookie: b=2; Domain=b.test', 'a=1\x00b=2', 'a=1\r\n evil=1'])
def test_cve_2018_0494_a_cookie_writes_no_other_lines(proxy, origin, token, cookie):
    """Nothing of such a head is believed."""
    o = origin(routes({token: moved('/end', 302, f'Set-Cookie: {cookie}')}, there))
    response = proxy.ask(get(o.url(token, host='a.test')))
    assert response.status == 502 and not response.has('set-cookie')
    assert len(o.requests) == 1 and proxy.wait_flow(token)['error'] == 'response_malformed'


def test_cve_2020_8169_userinfo_reaches_no_name_server(start, origin):
    """CVE-2024-47081 too: the host is what the parser says, not what stands before a colon or behind an @."""
    server = NameServer({'b.test': {A: ['127.0.0.1']}})
    viaduct = start({'redirects.mode': 'follow', 'redirects.userinfo': 'drop', 'dns.servers': server.address})
    odd = ('http://us#er@b.test/', 'http://p@ss:w0rd@b.test/', 'http://a.test:80@b.test:1/', 'http://user:p/w@b.test/',
           'http://b.test:1:2/')
    for location in odd:
        o = origin(routes({}, moved(location)))
        assert viaduct.ask(get(o.url('/'))).status in (302, 502)
    assert {name for name, _ in server.asked} <= {'b.test', 'us', 'user', 'p'}
    assert 'a.test' not in {name for name, _ in server.asked}
    server.close()


def test_cve_2020_15168_limits_hold_after_a_redirect(proxy, origin, token):
    o = origin(routes({token: moved('/end'), '/end': answer(200, b'', 'X: ' + 'y' * 100_000)}))
    assert proxy.ask(get(o.url(token))).status == 502
    assert proxy.wait_flow(token)['error'] == 'response_head_too_large'


def test_cve_2021_21330_two_slashes_make_no_redirect(proxy, origin):
    o = origin(routes({}, there))
    for target in '//evil.test', '//evil.test/..', '/%2e%2e//evil.test':
        response = proxy.ask(get(o.url(target)))
        assert response.status == 200 and not response.has('location')
        assert o.last().get('host') == o.authority


def test_cve_2021_22876_referer_carries_no_credentials(crossing):
    last = crossing(['Referer: http://user:pw@page.test/x#y'])
    assert 'pw' not in last.get('referer', '')


def test_cve_2022_27774_another_port_is_another_origin(proxy, origin):
    """CVE-2022-27776, 2022-31043, 2022-31091 too."""
    b = origin(routes({}, there))
    a = origin(routes({}, moved(f'http://a.test:{b.port}/')))
    assert proxy.ask(get(a.url('/', host='a.test'), f'Authorization: Basic {SECRET}')).status == 200
    assert not b.last().has('authorization')


@pytest.mark.parametrize('framing', ['length', 'chunked'])
def test_cve_2022_32221_no_body_and_no_length_after_post_became_get(proxy, origin, framing):
    """CVE-2023-28322, 2023-45803 too: on the same connection, and for the next request of the client."""
    o = origin(routes({'/': moved('/end', 303), '/end': there}))
    wire = proxy.connect()
    for _ in range(3):
        if framing == 'length':
            wire.send(post(o.url('/'), b'form'))
        else:
            wire.send(get(o.url('/'), 'Transfer-Encoding: chunked', method='POST') + b'4\r\nform\r\n0\r\n\r\n')
        assert wire.read_response('POST').body.endswith(b'/end 0')
    assert all(not r.has('content-length') and not r.has('transfer-encoding') for r in o.requests if r.method == 'GET')


def test_cve_2022_33987_no_unix_socket(proxy, origin, tmp_path):
    path = tmp_path / 's'
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(path))
        s.listen()
        s.settimeout(0.1)
        for location in f'unix:{path}', f'unix://{path}:/x', f'http://unix:{path}:/x', f'http+unix://{str(path).replace("/", "%2F")}/x':
            o = origin(routes({}, moved(location)))
            assert proxy.ask(get(o.url('/'))).status in (302, 502)
        with pytest.raises(TimeoutError):
            s.accept()


def test_cve_2022_42916_hosts_are_compared_as_they_are_resolved(proxy, origin):
    """CVE-2022-43551, 2022-30115: a dot at the end makes no way round."""
    o = origin(routes({'a.test/': lambda r: moved(f'http://a.test.:{o.port}/end', 302,
                                                  'Set-Cookie: c=1; Domain=test.; Path=/')}, there))
    response = proxy.ask(get(o.url('/', host='a.test'), 'Cookie: mine=1'))
    assert response.body == b'GET a.test/end 0'
    assert o.last().get('cookie') == 'mine=1'
    assert not response.has('set-cookie')


def test_cve_2024_24791_a_final_answer_to_expect_leaves_no_half_used_connection(start, origin):
    bodies = []

    def script(peer):
        while (request := peer.read_request(body=False)) is not None:
            if request.has('expect'):
                peer.send(moved('/end', 302))
                assert peer.read_eof() == b'', 'the next request came where a body was expected'
                return
            bodies.append(request.has('content-length'))
            peer.send(there(request))
    o = origin(script)
    viaduct = start(FOLLOW, workers=1)
    for _ in range(3):
        wire = viaduct.connect()
        wire.send(get(o.url('/'), 'Content-Length: 4', 'Expect: 100-continue', method='POST'))
        assert wire.read_response('POST').status == 200
        wire.close()
    assert bodies == [False] * 3


def test_cve_2024_45336_stripped_stays_stripped(proxy, origin):
    b = origin(routes({'/1': moved('/2')}, there))
    a = origin(routes({}, moved(f'http://b.test:{b.port}/1')))
    assert proxy.ask(get(a.url('/', host='a.test'), f'Authorization: Basic {SECRET}')).status == 200
    assert len(b.requests) == 2 and not any(r.has('authorization') for r in b.requests)


@pytest.mark.parametrize('line', ['Location: /one\r\n /two', 'X: y\r\n\tLocation: /two', 'no colon here', 'Location /two', ': /two'])
def test_cve_2025_1217_odd_lines_do_not_hide_or_make_a_location(proxy, origin, line):
    """CVE-2025-1734, 2025-1736 too."""
    o = origin(once(f'HTTP/1.1 302 Found\r\n{line}\r\nContent-Length: 0\r\n\r\n'.encode()))
    assert proxy.ask(get(o.url('/'))).status == 502
    assert len(o.requests) == 1


def test_cve_2025_1219_the_last_answer_says_what_the_body_is(proxy, origin):
    o = origin(routes({'/': moved('/end', 302, 'Content-Type: text/html', 'Content-Encoding: gzip'),
                       '/end': answer(200, b'x', 'Content-Type: text/plain')}))
    response = proxy.ask(get(o.url('/')))
    assert response.all('content-type') == ['text/plain'] and not response.has('content-encoding')


def test_cve_2025_1861_a_location_is_never_cut(proxy, origin):
    for size in 1024, 1025, 4096, 8000:
        target = '/' + 'l' * (size - 1)
        o = origin(routes({'/': moved(target)}, there))
        assert proxy.ask(get(o.url('/'))).status == 200
        assert o.last().target == target


def test_cve_2025_50181_off_is_off(start, origin):
    """Wherever it is said. CVE-2025-50182 too."""
    o = origin(routes({'/end': there}, moved('/end')))
    assert start({'redirects.mode': 'pass'}).ask(get(o.url('/'))).status == 302
    assert start(FOLLOW).ask(get(o.url('/'), 'Viaduct-Redirects: pass')).status == 302
    assert len(o.requests) == 2


def test_cve_2026_6276_a_host_field_does_not_decide_about_cookies(proxy, origin):
    """The target does (RFC 9112 section 3.2.2)."""
    o = origin(routes({'/': moved('/end', 302, 'Set-Cookie: mine=1; Path=/', 'Set-Cookie: theirs=1; Domain=b.test; Path=/')}, there))
    response = proxy.ask(get(o.url('/', host='a.test'), host='b.test'))
    assert response.body == b'GET a.test/end 0'
    assert [r.get('host') for r in o.requests] == [f'a.test:{o.port}'] * 2 and o.last().get('cookie') == 'mine=1'
    assert response.all('set-cookie') == ['mine=1; Path=/']


def test_cve_2026_86413_userinfo_revives_nothing(start, origin):
    """CVE-2026-94265 too: Negotiate and NTLM are bound to the origin."""
    b = origin(routes({}, there))
    a = origin(routes({}, moved(f'http://user:{SECRET}@b.test:{b.port}/')))
    viaduct = start({**FOLLOW, 'redirects.userinfo': 'drop'})
    for scheme in 'Negotiate', 'NTLM', 'Basic':
        assert viaduct.ask(get(a.url('/', host='a.test'), f'Authorization: {scheme} {SECRET}')).status == 200
        assert not b.last().has('authorization') and SECRET.encode() not in b.last().raw
