"""Which fields reach which hop, and which come back (RFC 9110 sections 7.6 and 15.4, the Fetch standard). Every hop is built anew
from the client's own request; what was withheld once stays withheld."""

import pytest

from kit.namespace import run_in_namespace
from kit.origin import Origin, always
from kit.proxy import Viaduct
from kit.redirects import FOLLOW, dropped, following, moved, routes, there
from kit.wire import answer, get, post

shared_proxy = following()

SECRET = 'c2VjcmV0'
SENSITIVE = ['X-Api-Key', 'Api-Key', 'X-Auth-Token', 'X-Access-Token', 'X-Amz-Security-Token', 'X-Goog-Api-Key', 'Private-Token',
             'X-Vault-Token']
CREDENTIALS = [f'Authorization: Basic {SECRET}', *(f'{n}: {SECRET}' for n in SENSITIVE)]


@pytest.fixture
def web(origin):
    """web(table) -> (url, requests): a.test and b.test on two ports, one table for both; requests of both in order of arrival."""
    def make(table, default=there):
        requests = []
        def noted(request):
            requests.append(request)
            found = table.get(request.get('host').rsplit(':', 1)[0] + request.target) or table.get(request.target) or default
            if callable(found):
                return found(request)
            return found.replace(b'{a}', a.authority.replace('127.0.0.1', 'a.test').encode()).replace(
                b'{b}', b.authority.replace('127.0.0.1', 'b.test').encode()).replace(b'{ab}', f'a.test:{b.port}'.encode())
        a, b = origin(routes({}, noted)), origin(routes({}, noted))
        return a.url('/', host='a.test'), requests
    return make


# credentials

TO_ANOTHER = {'host and port': 'http://{b}/end', 'port only': 'http://{ab}/end', 'scheme-relative': '//{b}/end'}


@pytest.mark.parametrize('to', TO_ANOTHER.values(), ids=TO_ANOTHER)
@pytest.mark.parametrize('status', [301, 302, 303, 307, 308])
def test_credentials_do_not_cross(proxy, web, status, to):
    """Scheme, host and port make an origin."""
    url, requests = web({'/': moved(to, status)})
    assert proxy.ask(get(url, *CREDENTIALS, 'X-Mine: kept')).status == 200
    first, last = requests
    assert first.get('authorization') == f'Basic {SECRET}' and all(first.has(n) for n in SENSITIVE)
    assert SECRET.encode() not in last.raw
    assert last.get('x-mine') == 'kept'


@pytest.mark.parametrize('method', ['POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS'])
def test_credentials_do_not_cross_with_any_method(proxy, web, method):
    url, requests = web({'/': moved('http://{b}/end', 307, body=b'')})
    ask = get(url, *CREDENTIALS, method=method) if method == 'HEAD' else post(url, b'x', *CREDENTIALS, method=method)
    assert proxy.ask(ask).status == 200
    assert SECRET.encode() not in requests[1].raw


@pytest.mark.parametrize('name', ['AUTHORIZATION', 'authorization', 'aUtHoRiZaTiOn'])
def test_names_in_any_case(proxy, web, name):
    url, requests = web({'/': moved('http://{b}/end')})
    assert proxy.ask(get(url, f'{name}: Bearer {SECRET}', f'COOKIE: a={SECRET}', f'x-API-key: {SECRET}')).status == 200
    assert SECRET.encode() in requests[0].raw and SECRET.encode() not in requests[1].raw


def test_every_line_of_a_repeated_field(proxy, web):
    url, requests = web({'/': moved('http://{b}/end')})
    twice = [f'Authorization: Basic {SECRET}', 'X: y', f'Authorization: Bearer {SECRET}', f'Cookie: a={SECRET}', f'Cookie: b={SECRET}']
    assert proxy.ask(get(url, *twice)).status == 200
    assert SECRET.encode() not in requests[1].raw


def test_stripped_stays_stripped(proxy, web, token):
    """Back at the first origin, and on later hops there."""
    url, requests = web({token: moved('http://{b}/away'), '/away': moved('http://{a}/back'), '/back': moved('/end')})
    assert proxy.ask(get(url[:-1] + token, *CREDENTIALS, 'Cookie: sid=' + SECRET)).status == 200
    assert len(requests) == 4
    assert all(SECRET.encode() not in r.raw for r in requests[1:])
    chain = proxy.wait_shown(token)['chain']
    assert not dropped(chain[0])
    for hop in chain[1:]:
        assert {'authorization', 'cookie', 'x-api-key'} <= set(dropped(hop)) and all(dropped(hop).values())
    assert SECRET not in str([hop['dropped'] for hop in chain])


def test_credentials_stay_at_the_origin(proxy, web, token):
    url, requests = web({token: moved('/two'), '/two': moved('http://{a}/end')})
    assert proxy.ask(get(url[:-1] + token, *CREDENTIALS, 'Cookie: a=1')).status == 200
    assert len(requests) == 3
    credentials = [(r.get('authorization'), r.get('x-api-key'), r.get('cookie')) for r in requests]
    assert credentials == [(f'Basic {SECRET}', SECRET, 'a=1')] * 3
    assert all(not dropped(hop) for hop in proxy.wait_shown(token)['chain'])


def test_case_of_a_host_makes_no_other_origin(proxy, origin):
    o = origin(routes({'/': lambda r: moved(f'http://A.TEST:{o.port}/end')}, there))
    assert proxy.ask(get(o.url('/', host='a.test'), *CREDENTIALS)).status == 200
    assert o.last().get('authorization') == f'Basic {SECRET}'


def test_subdomains_are_other_origins(proxy, origin):
    o = origin(routes({'a.test/': lambda r: moved(f'http://sub.a.test:{o.port}/end'),
                       'sub.a.test/': lambda r: moved(f'http://a.test:{o.port}/end')}, there))
    for host in 'a.test', 'sub.a.test':
        assert proxy.ask(get(o.url('/', host=host), *CREDENTIALS, f'Cookie: a={SECRET}')).status == 200
        assert SECRET.encode() not in o.last().raw


def test_default_port_makes_no_other_origin(tmp_path):
    """http://a.test:80 is http://a.test: the credentials stay, and Host goes without the port."""
    def body():
        o = Origin(routes({'/': moved('http://a.test:80/two'), '/two': moved('http://a.test/end')}, there), port=80)
        viaduct = Viaduct(tmp_path / 'viaduct', FOLLOW)
        assert viaduct.ask(get('http://a.test/', *CREDENTIALS)).status == 200
        assert [(r.get('host'), r.get('authorization')) for r in o.requests] == [('a.test', f'Basic {SECRET}')] * 3
        viaduct.stop()
        o.close()
    run_in_namespace(body)


@pytest.mark.parametrize('location', ['http://a.test.b.test/', 'http://xa.test/', 'http://b.test/http://a.test/'])
def test_hosts_are_compared_whole(start, origin, location):
    o = origin(routes({'a.test/': lambda r: moved(location.replace('.test/', f'.test:{o.port}/', 1))}, there))
    viaduct = start({'redirects.mode': 'follow',
                     'hosts': 'a.test=127.0.0.1, a.test.b.test=127.0.0.1, xa.test=127.0.0.1, b.test=127.0.0.1'})
    assert viaduct.ask(get(o.url('/', host='a.test'), *CREDENTIALS, f'Cookie: a={SECRET}')).status == 200
    assert len(o.requests) == 2 and SECRET.encode() not in o.last().raw


def test_sensitive_fields_are_an_option(start, web):
    url, requests = web({'/': moved('http://{b}/end')})
    viaduct = start({'redirects.mode': 'follow', 'redirects.sensitive_fields': 'X-Mine', 'hosts': 'a.test=127.0.0.1,b.test=127.0.0.1'})
    assert viaduct.ask(get(url, 'x-mine: secret', 'X-Api-Key: not any more', 'Authorization: Basic always')).status == 200
    assert [requests[1].has(n) for n in ('X-Mine', 'X-Api-Key', 'Authorization')] == [False, True, False]


def test_what_is_for_the_proxy_never_leaves(start, web):
    """On no hop, to no origin."""
    url, requests = web({'/': moved('/two'), '/two': moved('http://{b}/end')})
    viaduct = start({'redirects.mode': 'follow', 'hosts': 'a.test=127.0.0.1,b.test=127.0.0.1'})
    ours = [f'Proxy-Authorization: Basic {SECRET}', 'Proxy-Authenticate: Basic', 'Proxy-Connection: keep-alive',
            'Viaduct-Redirects: follow']
    assert viaduct.ask(get(url, *ours)).status == 200
    for r in requests:
        assert not [n for n in r.names() if n.lower().startswith(('proxy-', 'viaduct-'))]


# other request fields

def test_hop_by_hop_fields_reach_no_hop(proxy, web):
    url, requests = web({'/': moved('/two'), '/two': moved('http://{b}/end')})
    fields = ['Connection: X-Named, keep-alive', 'X-Named: 1', 'Keep-Alive: timeout=5', 'TE: gzip', 'Trailer: X',
              'HTTP2-Settings: AAMAAABk']
    assert proxy.ask(get(url, *fields)).status == 200
    assert len(requests) == 3
    for r in requests:
        assert not [n for n in ('X-Named', 'Keep-Alive', 'TE', 'Trailer', 'Upgrade', 'HTTP2-Settings') if r.has(n)]


def test_host_and_target_are_the_urls(proxy, web):
    url, requests = web({'/': moved('http://{b}/x?y')})
    assert proxy.ask(get(url)).status == 200
    last = requests[1]
    assert last.target == '/x?y' and last.names()[0].lower() == 'host'
    assert len(last.all('host')) == 1 and last.get('host').startswith('b.test:')


def test_via_is_on_every_hop_once(proxy, web):
    url, requests = web({'/': moved('/two'), '/two': moved('/end')})
    assert proxy.ask(get(url, 'Via: 1.1 before')).status == 200
    for r in requests:
        assert r.list_of('via')[0] == '1.1 before' and len(r.list_of('via')) == 2


KEPT = ['Range: bytes=0-4', 'If-Range: "x"', 'If-None-Match: "x"', 'If-Modified-Since: Tue, 15 Nov 1994 12:45:26 GMT', 'If-Match: "x"',
        'If-Unmodified-Since: Tue, 15 Nov 1994 12:45:26 GMT', 'Accept: text/x', 'Accept-Language: nn', 'User-Agent: mine',
        'Cache-Control: no-cache',
        'Pragma: no-cache', 'X-Requested-With: x', 'DNT: 1', 'Priority: u=1', 'From: x@a.test']


def test_fields_of_the_client_that_every_hop_gets(proxy, web):
    """In their order and case."""
    url, requests = web({'/': moved('/two'), '/two': moved('http://{b}/end')})
    assert proxy.ask(get(url, *KEPT)).status == 200
    assert len(requests) == 3
    for r in requests:
        names = {k.partition(':')[0] for k in KEPT}
        assert [f'{n}: {v}' for n, v in r.fields if n in names] == KEPT


@pytest.mark.parametrize('status', [206, 304, 412, 416])
def test_conditions_are_answered_by_the_last_hop(proxy, web, status):
    end = answer(status, b'' if status == 304 else b'part', 'ETag: "x"', length=status != 304)
    url, _ = web({'/': moved('/end'), '/end': end})
    response = proxy.ask(get(url, 'If-None-Match: "x"', 'Range: bytes=0-3'))
    assert (response.status, response.get('etag')) == (status, '"x"')


REFERER = 'http://page.test/where?secret=1'


def test_referer(proxy, web, token):
    """Whole at the first origin, its origin at another, and never made up."""
    url, requests = web({token: moved('/two'), '/two': moved('http://{b}/end')})
    assert proxy.ask(get(url[:-1] + token, f'Referer: {REFERER}')).status == 200
    assert [r.get('referer') for r in requests] == [REFERER, REFERER, 'http://page.test/']
    url, requests = web({'/': moved('http://{b}/end')})
    assert proxy.ask(get(url)).status == 200
    assert not any(r.has('referer') for r in requests)


@pytest.mark.parametrize('referer', ['http://user:pw@page.test/x#frag', 'no url at all', 'http://page.test/a\\b', 'about:blank', '/x'])
def test_referer_never_tells_more(proxy, web, referer):
    """What cannot be cut safely does not cross."""
    url, requests = web({'/': moved('http://{b}/end')})
    assert proxy.ask(get(url, f'Referer: {referer}')).status == 200
    assert requests[1].get('referer', '') in ('', 'http://page.test/')


def test_origin_becomes_null_at_the_second_change(proxy, web):
    url, requests = web({'/': moved('/two', 307), '/two': moved('http://{b}/three', 307), '/three': moved('http://{a}/end', 307)})
    assert proxy.ask(post(url, b'x', 'Origin: http://app.test')).status == 200
    assert [r.get('origin') for r in requests] == ['http://app.test'] * 3 + ['null']


@pytest.mark.parametrize('method', ['OPTIONS', 'TRACE'])
def test_max_forwards_goes_down(proxy, web, method):
    """Once: a redirect does not go through the proxy again."""
    url, requests = web({'/': moved('/end')})
    assert proxy.ask(get(url, 'Max-Forwards: 5', method=method)).status == 200
    assert [r.get('max-forwards') for r in requests] == ['4', '4']


def test_max_forwards_zero_goes_nowhere(proxy, web):
    url, requests = web({'/': moved('/end')})
    assert proxy.ask(get(url, 'Max-Forwards: 0', method='OPTIONS')).status == 200
    assert not requests


# the response

def test_nothing_of_a_hop_comes_back(proxy, web):
    hop = moved('/end', 302, 'X-Hop: 1', 'Server: hop', 'WWW-Authenticate: Basic', 'ETag: "hop"', 'Link: </x>', 'Alt-Svc: h2=":1"',
                'Refresh: 1', 'Viaduct-Final-URL: http://lie.test/', 'Viaduct-Hops: 77', 'Proxy-Status: lie', body=b'HOP' * 1000)
    url, _ = web({'/': hop, '/end': answer(200, b'x', 'X-End: 1')})
    response = proxy.ask(get(url))
    assert response.body == b'x' and response.get('x-end') == '1'
    assert b'HOP' not in response.raw + response.body and b'lie' not in response.raw.replace(b'client', b'')
    assert response.all('viaduct-hops') == ['2']
    assert not [n for n in ('X-Hop', 'Server', 'WWW-Authenticate', 'ETag', 'Link', 'Alt-Svc', 'Refresh', 'Location') if response.has(n)]
    assert response.all('content-length') == ['1']


def test_trailers_come_from_the_last_hop(proxy, web):
    chunks = b'\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Of: %s\r\n\r\n'
    url, _ = web({'/': b'HTTP/1.1 302 Found\r\nLocation: /end' + chunks % b'hop', '/end': b'HTTP/1.1 200 OK' + chunks % b'end'})
    response = proxy.ask(get(url))
    assert response.body == b'abc' and ('X-Of', 'hop') not in response.trailers


WHOLE_ORIGIN = ['Clear-Site-Data: "*"', 'Strict-Transport-Security: max-age=9', 'Alt-Svc: h2=":443"', 'Service-Worker-Allowed: /',
                'Public-Key-Pins: x', 'NEL: {}', 'Report-To: {}', 'Accept-CH: DPR']
WHOLE_NAMES = [f.partition(':')[0] for f in WHOLE_ORIGIN]
CORS = ['Access-Control-Allow-Origin: *', 'Access-Control-Allow-Credentials: true', 'Access-Control-Expose-Headers: X']
CORS_NAMES = [f.partition(':')[0] for f in CORS]


def test_fields_that_act_on_a_whole_origin_stay_where_they_are_true(proxy, web, token):
    end = answer(200, b'x', *WHOLE_ORIGIN, *CORS, 'X-Mine: 1')
    url, _ = web({token + '-same': moved('/end'), token + '-other': moved('http://{b}/end'), '/end': end})
    same = proxy.ask(get(url[:-1] + token + '-same', 'Origin: http://app.test'))
    assert all(same.has(n) for n in WHOLE_NAMES + CORS_NAMES)
    plain = proxy.ask(get(url[:-1] + token + '-other'))
    assert not [n for n in WHOLE_NAMES if plain.has(n)]
    assert all(plain.has(n) for n in CORS_NAMES) and plain.has('x-mine')
    record = proxy.wait_shown(token + '-other')
    gone = {d['name'].lower() for d in record['response_dropped']}
    assert {n.lower() for n in WHOLE_NAMES} <= gone
    assert not proxy.wait_shown(token + '-same')['response_dropped']


def test_permissions_of_another_origin_are_not_given(proxy, web):
    """A CORS request (in mode follow) whose answer came from elsewhere."""
    url, _ = web({'/': moved('http://{b}/end'), '/end': answer(200, b'x', *CORS)})
    response = proxy.ask(get(url, 'Origin: http://app.test'))
    assert response.status == 200
    assert not [n for n in CORS_NAMES if response.has(n)]


def test_fields_of_an_answer_without_redirects_are_untouched(proxy, web):
    url, _ = web({'/': answer(200, b'x', *WHOLE_ORIGIN, *CORS, 'Cache-Control: max-age=9')})
    response = proxy.ask(get(url))
    assert all(response.has(n) for n in WHOLE_NAMES + CORS_NAMES) and response.get('cache-control') == 'max-age=9'


# how long the answer may be kept under the first URL: status, fields of the hop, Cache-Control of the end, what the client gets

YEAR = 'max-age=31536000'
FRESHNESS = [
    (302, [], YEAR, 'no-cache'), (303, [], YEAR, 'no-cache'), (307, [], YEAR, 'no-cache'),
    (301, [], YEAR, YEAR), (308, [], YEAR, YEAR),
    (302, ['Cache-Control: max-age=60'], YEAR, 'max-age=60'), (301, ['Cache-Control: max-age=60'], YEAR, 'max-age=60'),
    (302, ['Cache-Control: max-age=60'], 'max-age=5', 'max-age=5'),
    (301, ['Cache-Control: no-store'], YEAR, 'no-cache'), (308, ['Cache-Control: no-cache'], YEAR, 'no-cache'),
    (302, [], 'no-store', ('no-store', 'no-cache, no-store')), (307, ['Cache-Control: max-age=0'], YEAR, ('max-age=0', 'no-cache')),
    (302, ['Cache-Control: max-age=60, private'], YEAR, ('max-age=60, private', 'private, max-age=60')),
]


def directives(value):
    return sorted(d.strip() for d in (value or '').split(','))


@pytest.mark.parametrize('status, fields, end, expected', FRESHNESS, ids=[f'{r[0]}-{len(r[1]) and r[1][0]}-{r[2]}' for r in FRESHNESS])
def test_freshness(proxy, web, status, fields, end, expected):
    url, _ = web({'/': moved('/end', status, *fields), '/end': answer(200, b'x', f'Cache-Control: {end}')})
    response = proxy.ask(get(url))
    got = directives(response.get('cache-control'))
    assert got in [directives(e) for e in ([expected] if isinstance(expected, str) else expected)]


def test_freshness_of_shared_caches_goes(proxy, web):
    far = 'Tue, 15 Nov 2044 12:45:26 GMT'
    url, _ = web({'/': moved('/end'), '/end': answer(200, b'x', 'Cache-Control: s-maxage=900', f'Expires: {far}', 'ETag: "1"')})
    response = proxy.ask(get(url))
    assert 'no-cache' in response.list_of('cache-control') and not response.has('expires')
    assert not [d for d in response.list_of('cache-control') if d.startswith('s-maxage')]
    assert response.get('etag') == '"1"'


def test_a_permanent_redirect_is_not_remembered(proxy, origin):
    """The proxy keeps no mapping: the next request asks again."""
    o = origin(routes({'/': moved('/end', 301, 'Cache-Control: max-age=999')}, there))
    for _ in range(2):
        assert proxy.ask(get(o.url('/'))).status == 200
    assert [r.target for r in o.requests] == ['/', '/end'] * 2


def test_strict_transport_is_not_enforced(proxy, origin):
    o = origin(always(answer(200, b'x', 'Strict-Transport-Security: max-age=99999')))
    for _ in range(2):
        assert proxy.ask(get(o.url('/', host='a.test'))).status == 200


# what the client is told

def test_told(proxy, web):
    url, requests = web({'/': moved('/two#f'), '/two': moved('http://{b}/end?q=1')})
    response = proxy.ask(get(url))
    assert response.get('viaduct-hops') == '3'
    assert response.get('viaduct-final-url') == f'http://{requests[2].get("host")}/end?q=1'
    assert response.has('proxy-status')


def test_nothing_is_told_without_redirects(proxy, web):
    url, _ = web({'/': answer(200, b'x', 'Viaduct-Hops: 77', 'Viaduct-Final-URL: http://lie.test/')})
    response = proxy.ask(get(url))
    assert not [n for n in response.names() if n.lower().startswith('viaduct-')]


def test_telling_can_be_off(start, web):
    url, _ = web({'/': moved('/end')})
    viaduct = start({'redirects.mode': 'follow', 'redirects.tell': 'off', 'hosts': 'a.test=127.0.0.1'})
    response = viaduct.ask(get(url))
    assert response.status == 200 and not [n for n in ('Viaduct-Hops', 'Viaduct-Final-URL', 'Proxy-Status') if response.has(n)]
    assert not response.has('content-location')
