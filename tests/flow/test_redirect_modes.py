"""Who is followed: the modes, what marks a browser, what a request asks for itself, and the rules."""

import signal
import subprocess
import threading

import pytest

from kit.origin import always
from kit.proxy import Viaduct, config_file, environment
from kit.redirects import FOLLOW, HOSTS, decisions, following, moved, routes, there
from kit.wait import until
from kit.wire import answer, get, post

shared_proxy = following({'redirects.mode': 'auto'})

CHROME = 'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36'
FIREFOX = 'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:102.0) Gecko/20100101 Firefox/102.0'
HTML = 'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'
SAME, CROSS = 'Sec-Fetch-Site: same-origin', 'Sec-Fetch-Site: cross-site'

FOLLOWED = {
    'nothing': [], 'curl': ['User-Agent: curl/8.5.0', 'Accept: */*'], 'requests': ['User-Agent: python-requests/2.28', 'Accept: */*'],
    'URLSession': ['User-Agent: App/1 CFNetwork/1490 Darwin/23', 'Accept: */*', 'Accept-Language: en-US,en;q=0.9'],
    'OkHttp': ['User-Agent: okhttp/4.12.0'], 'Go': ['User-Agent: Go-http-client/1.1'],
    'Accept of an app': ['User-Agent: MyApp/1', 'Accept: text/html, application/json'],
    'wget': ['User-Agent: Wget/1.21.3', 'Accept: */*'],
    'no-cors at home': ['Sec-Fetch-Mode: no-cors', SAME], 'browser, no navigation': [FIREFOX, 'Accept: */*'],
    'Upgrade-Insecure-Requests 0': ['Upgrade-Insecure-Requests: 0'],
}
PASSED = {
    'navigation': ['Sec-Fetch-Mode: navigate', 'Sec-Fetch-Dest: document', 'Sec-Fetch-Site: none', 'Upgrade-Insecure-Requests: 1'],
    'mode navigate': ['Sec-Fetch-Mode: navigate'], 'mode cors': ['Sec-Fetch-Mode: cors', SAME],
    'mode websocket': ['Sec-Fetch-Mode: websocket'],
    'mode in capitals': ['SEC-FETCH-MODE: navigate'], 'no-cors elsewhere': ['Sec-Fetch-Mode: no-cors', CROSS],
    **{f'dest {d}': [f'Sec-Fetch-Dest: {d}'] for d in ('document', 'iframe', 'frame', 'object', 'embed', 'worker', 'sharedworker',
                                                       'serviceworker')},
    'Origin': ['Origin: http://app.test'], 'Origin null': ['Origin: null'],
    'Upgrade-Insecure-Requests': ['Upgrade-Insecure-Requests: 1'],
    'old Chrome': [CHROME, HTML], 'old Firefox': [FIREFOX, HTML],
}


@pytest.fixture(scope='module')
def proxies(tmp_path_factory):
    """proxies(mode) -> a proxy of that mode, shared by the file."""
    made = {}

    def get_one(mode):
        if mode not in made:
            made[mode] = Viaduct(tmp_path_factory.mktemp(mode), {**FOLLOW, 'redirects.mode': mode})
        return made[mode]
    yield get_one
    for viaduct in made.values():
        viaduct.stop()


@pytest.mark.parametrize('fields', FOLLOWED.values(), ids=FOLLOWED)
@pytest.mark.parametrize('method', ['GET', 'HEAD'])
def test_auto_follows_programs(proxy, origin, fields, method):
    o = origin(routes({'/end': there}, moved('/end', body=b'')))
    assert proxy.ask(get(o.url('/'), *fields, method=method)).status == 200


@pytest.mark.parametrize('fields', PASSED.values(), ids=PASSED)
@pytest.mark.parametrize('method', ['GET', 'HEAD'])
def test_auto_passes_browsers(proxy, origin, fields, method):
    o = origin(always(moved('/end', body=b'')))
    response = proxy.ask(get(o.url('/'), *fields, method=method))
    assert (response.status, response.get('location')) == (302, '/end')
    assert len(o.requests) == 1


@pytest.mark.parametrize('fields', [*PASSED.values(), *FOLLOWED.values()], ids=[*PASSED, *FOLLOWED])
def test_follow_follows_all(proxies, origin, fields):
    """Mode follow asks for no marks."""
    o = origin(routes({'/end': there}, moved('/end')))
    assert proxies('follow').ask(get(o.url('/'), *fields)).status == 200


NEVER = {
    'WebSocket': ('GET',
                  ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13',
                   'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==']),
    'preflight': ('OPTIONS', ['Origin: http://app.test', 'Access-Control-Request-Method: PUT']),
    'gRPC': ('POST', ['Content-Type: application/grpc', 'TE: trailers', 'Content-Length: 0']),
    'gRPC with a suffix': ('POST', ['Content-Type: application/grpc+proto', 'Content-Length: 0']),
}


@pytest.mark.parametrize('method, fields', NEVER.values(), ids=NEVER)
@pytest.mark.parametrize('mode', ['follow', 'auto'])
@pytest.mark.parametrize('status', [301, 303, 307])
def test_never_followed(proxies, origin, method, fields, mode, status):
    """Not even where the request asks for it."""
    o = origin(always(moved('/end', status)))
    for wish in [], ['Viaduct-Redirects: follow']:
        assert proxies(mode).ask(get(o.url('/'), *fields, *wish, method=method)).status == status
    assert len(o.requests) == 2


def test_plain_options_is_followed(proxy, origin):
    """Not every OPTIONS is a preflight."""
    o = origin(routes({'/end': there}, moved('/end')))
    assert proxy.ask(get(o.url('/'), method='OPTIONS')).status == 200


def test_pass_mode(proxies, origin, token):
    o = origin(always(moved('/end')))
    viaduct = proxies('pass')
    response = viaduct.ask(get(o.url(token)))
    assert (response.status, response.get('location'), response.body) == (302, '/end', b'moved')
    assert not [n for n in response.names() if n.lower().startswith('viaduct-')] and not response.has('proxy-status')
    said = decisions(viaduct.wait_shown(token))[0]
    assert said.startswith('passed: ') and 'redirects.mode' in said


def test_why_a_browser_was_passed(proxy, origin, token):
    o = origin(always(moved('/end')))
    marks = [(['Sec-Fetch-Mode: navigate'], 'Sec-Fetch-Mode'), (['Sec-Fetch-Dest: iframe'], 'Sec-Fetch-Dest'),
             (['Origin: http://x.test'], 'Origin'), ([CHROME, HTML], 'browser')]
    for i, (fields, word) in enumerate(marks):
        assert proxy.ask(get(o.url(f'{token}-{i}'), *fields)).status == 302
        said = decisions(proxy.wait_shown(f'{token}-{i}'))[0]
        assert said.startswith('passed: ') and word.lower() in said.lower(), said


# what a request asks for itself

@pytest.mark.parametrize('mode', ['auto', 'follow', 'pass'])
@pytest.mark.parametrize('wish, status', [('follow', 200), ('pass', 302), ('FOLLOW', None), ('nonsense', None), ('', None)])
def test_wish(proxies, origin, mode, wish, status):
    o = origin(routes({'/end': there}, moved('/end')))
    response = proxies(mode).ask(get(o.url('/'), f'Viaduct-Redirects: {wish}'))
    if status:
        assert response.status == status
    elif wish != 'FOLLOW':
        assert response.status == (302 if mode == 'pass' else 200), 'a wish that is not understood is none'
    assert not any(r.has('viaduct-redirects') for r in o.requests)


def test_browser_that_wishes_to_be_followed(proxy, origin):
    o = origin(routes({'/end': there}, moved('/end')))
    assert proxy.ask(get(o.url('/'), 'Sec-Fetch-Mode: navigate', 'Viaduct-Redirects: follow')).status == 200


@pytest.mark.parametrize('mode, status', [('follow', 200), ('pass', 302)])
def test_wishes_can_be_switched_off(start, origin, mode, status):
    """Still not forwarded."""
    o = origin(routes({'/end': there}, moved('/end')))
    viaduct = start({'redirects.mode': mode, 'redirects.by_request': 'false'})
    assert viaduct.ask(get(o.url('/'), f'Viaduct-Redirects: {"pass" if mode == "follow" else "follow"}')).status == status
    assert not any(r.has('viaduct-redirects') for r in o.requests)


def test_wish_is_recorded(proxy, origin, token):
    o = origin(always(moved('/end')))
    assert proxy.ask(get(o.url(token), 'Viaduct-Redirects: pass')).status == 302
    assert 'viaduct-redirects' in decisions(proxy.wait_shown(token))[0].lower()


@pytest.mark.parametrize('options, location, fields, detail', [
    ({'redirects.mode': 'pass'}, '/end', [], 'passed: redirects.mode is pass'),
    ({'redirects.mode': 'auto'}, '/end', ['Sec-Fetch-Mode: navigate'], 'passed: Sec-Fetch-Mode shows a browser'),
    ({}, '/end', ['Viaduct-Redirects: pass'], 'passed: Viaduct-Redirects asks for it'),
    ({}, 'app:there', [], 'returned: Location has another scheme'),
    ({'access.deny_targets': 'private'}, 'http://10.1.2.3/', [], 'returned: target is private'),
])
def test_list_of_flows_says_why_it_was_not_followed(start, origin, token, options, location, fields, detail):
    viaduct = start({**FOLLOW, **options})
    o = origin(routes({token: moved(location)}, there))
    assert viaduct.ask(get(o.url(token), *fields)).status == 302
    assert viaduct.wait_flow(token)['detail'] == detail


def test_list_of_flows_is_silent_about_what_was_followed(proxy, origin, token):
    o = origin(routes({token: moved('/gone', 302)}))
    assert proxy.ask(get(o.url(token), 'Viaduct-Redirects: follow')).status == 404
    assert proxy.wait_flow(token)['detail'] is None


# rules

RULES = '''
rules:
  - name: the login page shows its own
    when: host == "a.test"
    redirects: pass
  - when: host == "b.test" && path ~ "^/browse"
    redirects: auto
  - when: host in ["b.test", "sub.a.test"] && method != "PUT"
    redirects: follow
  - name: no adverts
    when: host == "c.test" && path ~ "^/ads"
    block: true
  - name: not so often
    when: path == "/rare"
    rate: 1/h
  - name: second hops only
    when: hop > 1 && path == "/once"
    redirects: pass
'''


@pytest.fixture
def ruled(start, tmp_path):
    return lambda options=None, **how: start({'hosts': HOSTS, **(options or {})}, args=['-c', config_file(tmp_path, RULES)], **how)


@pytest.mark.parametrize('mode', ['follow', 'pass'])
@pytest.mark.parametrize('host, path, method, fields, status', [
    ('a.test', '/', 'GET', [], 302), ('a.test', '/', 'GET', ['Sec-Fetch-Mode: navigate'], 302), ('b.test', '/', 'GET', [], 200),
    ('b.test', '/', 'GET', ['Sec-Fetch-Mode: navigate'], 200), ('b.test', '/browse/x', 'GET', ['Sec-Fetch-Mode: navigate'], 302),
    ('b.test', '/browse/x', 'GET', [], 200), ('sub.a.test', '/', 'POST', [], 200), ('B.TEST', '/', 'GET', [], 200),
])
def test_mode_by_rule(ruled, origin, token, mode, host, path, method, fields, status):
    o = origin(routes({'/end': there}, moved('/end')))
    viaduct = ruled({'redirects.mode': mode})
    response = viaduct.ask(get(o.url(path + '?' + token[1:], host=host), *fields,
                               *(['Content-Length: 0'] if method == 'POST' else []), method=method))
    assert response.status == status
    if host == 'a.test':
        assert 'the login page shows its own' in decisions(viaduct.wait_shown(token[1:]))[0]


def test_first_rule_that_matches_counts_else_the_option(ruled, origin):
    o = origin(routes({'/end': there}, moved('/end')))
    assert ruled({'redirects.mode': 'pass'}).ask(post(o.url('/', host='b.test'), b'', method='PUT')).status == 302


def test_request_wins_over_a_rule(ruled, origin):
    o = origin(routes({'/end': there}, moved('/end')))
    assert ruled({'redirects.mode': 'follow'}).ask(get(o.url('/', host='a.test'), 'Viaduct-Redirects: follow')).status == 200


def test_rule_of_a_later_hop(ruled, origin, token):
    """Each hop is asked about anew: what comes from a.test is passed, however the chain got there."""
    o = origin(routes({f'b.test{token}': lambda r: moved(f'http://a.test:{o.port}/x'), 'a.test/x': moved('/end')}, there))
    viaduct = ruled({'redirects.mode': 'follow'})
    response = viaduct.ask(get(o.url(token, host='b.test')))
    assert response.status == 302
    # A relative one would be resolved against what the client asked for.
    assert response.get('location') == o.url('/end', host='a.test')
    record = viaduct.wait_shown(token)
    assert record['redirects'] == 1 and len(record['chain']) == 2


def test_rule_about_the_hop(ruled, origin):
    o = origin(routes({'/': moved('/once'), '/once': moved('/end')}, there))
    viaduct = ruled({'redirects.mode': 'follow'})
    assert viaduct.ask(get(o.url('/once', host='c.test'))).status == 200
    assert viaduct.ask(get(o.url('/', host='c.test'))).status == 302


def test_blocked(ruled, origin, token):
    o = origin(routes({}, there))
    viaduct = ruled()
    response = viaduct.ask(get(o.url(f'/ads{token}', host='c.test')))
    assert response.status == 403 and 'no adverts' in response.text + response.get('proxy-status', '') + str(viaduct.wait_shown(token))
    assert viaduct.wait_flow(token)['error'] == 'blocked'
    assert not o.requests
    assert viaduct.ask(get(o.url('/else', host='c.test'))).status == 200


def test_redirect_to_what_is_blocked_is_handed_over(ruled, origin, token):
    o = origin(routes({token: lambda r: moved(f'http://c.test:{o.port}/ads/x')}, there))
    viaduct = ruled({'redirects.mode': 'follow'})
    response = viaduct.ask(get(o.url(token, host='c.test')))
    assert response.status == 302 and len(o.requests) == 1
    record = viaduct.wait_shown(token)
    assert record['outcome'] == 'delivered' and 'no adverts' in str(record['chain'])


def test_rate(ruled, origin):
    """Of a first request 429 with Retry-After; of a redirect, the redirect."""
    o = origin(routes({'/go': moved('/rare')}, there))
    viaduct = ruled({'redirects.mode': 'follow'})
    assert viaduct.ask(get(o.url('/go', host='c.test'))).status == 200
    response = viaduct.ask(get(o.url('/rare', host='c.test')))
    assert response.status == 429
    assert viaduct.wait_flow('/rare')['error'] == 'rate_limited'
    assert viaduct.ask(get(o.url('/go', host='c.test'))).status == 302
    assert [r.target for r in o.requests] == ['/go', '/rare', '/go']


def test_rules_are_taken_over_by_sighup(ruled, origin, tmp_path):
    o = origin(routes({'/end': there}, moved('/end')))
    viaduct = ruled({'redirects.mode': 'follow'})
    assert viaduct.ask(get(o.url('/', host='a.test'))).status == 302
    config_file(tmp_path, RULES.replace('redirects: pass', 'redirects: follow', 1))
    viaduct.signal(signal.SIGHUP)
    until(lambda: viaduct.ask(get(o.url('/', host='a.test'))).status == 200, 'the new rule')


def test_rules_outlive_a_reload_in_the_flows_that_they_decided(ruled, origin, tmp_path, token):
    """The rules change while a chain is under way; its record still names the old one."""
    go = threading.Event()

    def last(request):
        go.wait(10)
        return moved('/x')
    o = origin(routes({token: lambda r: moved(f'http://a.test:{o.port}/held'), 'a.test/held': last}))
    viaduct = ruled({'redirects.mode': 'follow', 'log.level': 'debug'})
    wire = viaduct.connect()
    wire.send(get(o.url(token, host='b.test')))
    o.wait_requests(2)
    for n in range(3):
        config_file(tmp_path, f'rules:\n  - name: number {n}\n    when: host == "x{n}.test"\n    block: true\n')
        viaduct.signal(signal.SIGHUP)
        until(lambda n=n: viaduct.ask(get(f'http://x{n}.test/')).status == 403, 'the new rules')
    go.set()
    response = wire.read_response()
    assert (response.status, response.get('location')) == (302, o.url('/x', host='a.test'))
    record = viaduct.wait_shown(token)
    assert len(record['chain']) == 2 and 'the login page shows its own' in decisions(record)[1]


def test_shutdown_lets_a_chain_end(ruled, origin):
    """SIGTERM drains: what is under way is followed to its end."""
    go = threading.Event()
    o = origin(routes({'/': moved('/held'), '/held': lambda r: go.wait(10) and moved('/end'), '/end': there}))
    viaduct = ruled({'redirects.mode': 'follow'})
    wire = viaduct.connect()
    wire.send(get(o.url('/')))
    o.wait_requests(2)
    viaduct.is_over = True
    viaduct.signal(signal.SIGTERM)
    until(lambda: not can_connect(viaduct), 'the listener to close')
    go.set()
    assert wire.read_response().status == 200
    assert viaduct.wait_end() == 0
    viaduct.check_stderr()


def can_connect(viaduct):
    try:
        viaduct.connect().close()
    except OSError:
        return False
    return True


def test_real_curl_and_wget(proxy, origin):
    """They follow themselves if they must; here nothing is left to follow."""
    o = origin(routes({'/': moved('/end'), '/end': answer(200, b'there')}))
    env = environment(http_proxy=proxy.url)
    for line in (['curl', '-sS', '--max-time', '10', '-w', '%{num_redirects}', o.url('/', host='a.test')],
                 ['wget', '-q', '-O', '-', '--max-redirect=0', '--tries=1', o.url('/', host='a.test')]):
        done = subprocess.run(line, capture_output=True, text=True, env=env, timeout=20, check=True)
        assert done.stdout in ('there0', 'there')
