"""Retries: what is tried again, when, how often, and what never is."""

import email.utils
import itertools
import threading
import time

import pytest

from kit.dns import SERVFAIL, NameServer
from kit.origin import Origin, hang, hello, serve
from kit.proxy import Viaduct, config_file
from kit.redirects import decisions, moved, routes
from kit.wire import answer, chunked, get, post

SCALE_MS = 40
RETRY = {'redirects.mode': 'follow', 'retry.enabled': 'true', 'retry.backoff_scale': f'{SCALE_MS}ms', 'retry.backoff_base': '2',
         'hosts': 'a.test=127.0.0.1, b.test=127.0.0.1'}


@pytest.fixture(scope='module')
def shared_proxy(tmp_path_factory):
    """For the tests that need no options of their own; its budget is never the reason."""
    viaduct = Viaduct(tmp_path_factory.mktemp('retrying'), {**RETRY, 'retry.budget': '1000'})
    try:
        yield viaduct
        viaduct.stop()
    finally:
        viaduct.kill()


@pytest.fixture
def retrying(proxy, start):
    return lambda options=None, **how: start({**RETRY, **options}, **how) if options else proxy


def failing(times, status=503, *fields, then=b'there'):
    """A script: that status so many times, then 200."""
    count = itertools.count()
    return serve(lambda r: answer(status, b'not now', *fields) if next(count) < times else answer(200, then))


def reasons(record):
    return [h['reason'] for h in record['chain']]


@pytest.mark.parametrize('status', [408, 500, 502, 503, 504])
def test_statuses(retrying, origin, token, status):
    o = origin(failing(2, status))
    viaduct = retrying()
    response = viaduct.ask(get(o.url(token)))
    assert (response.status, response.body) == (200, b'there')
    record = viaduct.wait_shown(token)
    assert reasons(record) == ['first', 'retry', 'retry'] and (record['retries'], record['redirects']) == (2, 0)
    assert [h['status'] for h in record['chain']] == [status, status, 200]
    assert str(status) in decisions(record)[0] and 'retr' in decisions(record)[0]


@pytest.mark.parametrize('status', [400, 404, 409, 429, 501, 505, 200, 304])
def test_other_statuses_are_delivered(retrying, origin, status):
    o = origin(failing(1, status) if status != 304 else serve(lambda r: answer(304, length=False)))
    assert retrying().ask(get(o.url('/'))).status == status
    assert len(o.requests) == 1


def test_off_by_default(start, origin):
    o = origin(failing(1))
    assert start().ask(get(o.url('/'))).status == 503
    assert len(o.requests) == 1


@pytest.mark.parametrize('limit', [0, 1, 4])
def test_limit(retrying, origin, token, limit):
    """The last answer is delivered as it came."""
    o = origin(failing(100, 503, 'X-Of: the origin'))
    viaduct = retrying({'retry.limit': limit, 'retry.backoff_scale': '1ms'})
    response = viaduct.ask(get(o.url(token)))
    assert (response.status, response.body, response.get('x-of')) == (503, b'not now', 'the origin')
    assert len(o.requests) == limit + 1
    assert viaduct.wait_flow(token)['outcome'] == 'delivered'


@pytest.mark.parametrize('method, tried',
                         [('GET', 2), ('HEAD', 2), ('OPTIONS', 2), ('TRACE', 2), ('PUT', 2), ('DELETE', 2), ('POST', 1), ('PATCH', 1)])
def test_methods(retrying, origin, method, tried):
    count = itertools.count()
    o = origin(serve(lambda r: answer(503 if next(count) < 1 else 200, b'')))
    assert retrying().ask(get(o.url('/'), *(['Content-Length: 0'] if method in ('PUT', 'POST', 'PATCH') else []),
                              method=method)).status == (200 if tried == 2 else 503)
    assert [r.method for r in o.requests] == [method] * tried


def test_methods_and_statuses_are_options(retrying, origin):
    viaduct = retrying({'retry.methods': 'POST', 'retry.statuses': '418'})
    o = origin(failing(1, 418))
    assert viaduct.ask(post(o.url('/'), b'x')).status == 200
    assert [r.body for r in o.requests] == [b'x', b'x']
    for o, request in ((origin(failing(1, 503)), 'POST'), (origin(failing(1, 418)), 'PUT')):
        assert viaduct.ask(post(o.url('/'), b'x', method=request)).status in (503, 418)
        assert len(o.requests) == 1


@pytest.mark.parametrize('size', [0, 1, 100_000, 3_000_000])
@pytest.mark.parametrize('framing', ['length', 'chunked'])
def test_body_is_sent_again(retrying, origin, size, framing):
    body = bytes(i % 251 for i in range(1000)) * (size // 1000) or b'x' * size
    o = origin(failing(2))
    url = o.url('/')
    request = post(url, body, method='PUT') if framing == 'length' else get(url, 'Transfer-Encoding: chunked',
                                                                            method='PUT') + chunked(body)
    assert retrying({'redirects.replay_memory': '64k'}).ask(request).status == 200
    assert [r.body == body for r in o.requests] == [True] * 3


def test_body_past_the_limit_is_not_sent_again(retrying, origin, token):
    o = origin(failing(1))
    viaduct = retrying({'redirects.replay_limit': '1k'})
    assert viaduct.ask(post(o.url(token), b'x' * 2000, method='PUT')).status == 503
    assert len(o.requests) == 1


def test_body_that_is_still_coming(retrying, origin):
    """An early failure: the second try gets what was kept, then the rest."""
    failed = threading.Event()

    def first(peer):
        peer.read_request(body=False)
        peer.send(answer(503, b'not now'))
        failed.set()
        peer.read_eof()
    o = origin([first, serve(lambda r: answer(200, str(len(r.body)).encode()))])
    wire = retrying().connect()
    wire.send(get(o.url('/'), 'Content-Length: 200000', method='PUT') + b'x' * 100_000)
    assert failed.wait(10)
    wire.send(b'x' * 100_000)
    assert wire.read_response('PUT').body == b'200000'


def test_expect(retrying, origin):
    """Nothing of the body was asked for: the second try asks again."""
    def second(peer):
        request = peer.read_request(body=False)
        assert request.has('expect')
        peer.send(b'HTTP/1.1 100 Continue\r\n\r\n')
        peer.read_body(request, until_close=False)
        peer.send(answer(200, request.body))
        peer.read_eof()
    o = origin([lambda peer: (peer.read_request(body=False), peer.send(answer(503, b'', 'Connection: close'))), second])
    wire = retrying().connect()
    wire.send(get(o.url('/'), 'Content-Length: 5', 'Expect: 100-continue', method='PUT'))
    assert wire.read_head().startswith(b'HTTP/1.1 100 ')
    wire.send(b'12345')
    assert wire.read_response('PUT').body == b'12345'


# errors

def test_closed_without_an_answer(retrying, origin, token):
    o = origin([lambda peer: peer.read_request(), hello(b'there')])
    viaduct = retrying()
    assert viaduct.ask(get(o.url(token))).body == b'there'
    record = viaduct.wait_shown(token)
    assert [h['error'] for h in record['chain']] == ['origin_closed', None]
    assert (record['outcome'], record['error']) == ('delivered', None)


def test_reset_without_an_answer(retrying, origin):
    o = origin([lambda peer: (peer.read_request(), peer.reset()), hello(b'there')])
    assert retrying().ask(get(o.url('/'))).body == b'there'


def test_refused(retrying, origin, token):
    """Each try is a hop; the error is that of the last."""
    dead = origin(hello())
    dead.close()
    viaduct = retrying()
    assert viaduct.ask(get(dead.url(token))).status == 502
    record = viaduct.wait_shown(token)
    assert (record['error'], record['retries']) == ('connect_refused', 2)
    assert [h['error'] for h in record['chain']] == ['connect_refused'] * 3


def test_origin_that_comes_up(retrying, origin):
    """Between two tries."""
    gone = origin(hello())
    gone.close()
    made = []
    timer = threading.Timer(0.1, lambda: made.append(Origin(hello(b'up again'), port=gone.port)))
    timer.start()
    response = retrying({'retry.limit': 10}).ask(get(gone.url('/')))
    timer.join()
    assert response.body == b'up again'
    made[0].close()


def test_silent_origin(retrying, origin, token):
    o = origin([hang, hello(b'there')])
    viaduct = retrying({'timeouts.response_head': '200ms'})
    assert viaduct.ask(get(o.url(token))).body == b'there'
    assert [h['error'] for h in viaduct.wait_shown(token)['chain']] == ['response_head_timeout', None]


def test_name_server_that_fails(retrying, token):
    server = NameServer({'x.test': SERVFAIL})
    viaduct = retrying({'dns.servers': server.address, 'dns.failure_ttl': '0'})
    assert viaduct.ask(get(f'http://x.test{token}')).status == 502
    assert [h['error'] for h in viaduct.wait_shown(token)['chain']] == ['resolve_failed'] * 3
    server.close()


def test_name_that_does_not_exist_is_not_asked_again(retrying, token):
    server = NameServer({})
    viaduct = retrying({'dns.servers': server.address})
    assert viaduct.ask(get(f'http://x.test{token}')).status == 502
    assert viaduct.wait_shown(token)['retries'] == 0
    server.close()


def test_errors_are_an_option(retrying, origin, token):
    viaduct = retrying({'retry.errors': 'connect_refused'})
    o = origin([lambda peer: peer.read_request(), hello()])
    assert viaduct.ask(get(o.url(token))).status == 502
    assert viaduct.wait_shown(token)['retries'] == 0


def test_malformed_answers_are_not_retried(retrying, origin):
    o = origin(serve(lambda r: b'nonsense\r\n\r\n'))
    assert retrying().ask(get(o.url('/'))).status == 502
    assert len(o.requests) == 1


@pytest.mark.parametrize('rest', [b'', b'half'])
def test_never_after_anything_was_delivered(retrying, origin, token, rest):
    """The head has gone to the client."""
    def script(peer):
        peer.read_request()
        peer.send(answer(200, rest, 'Content-Length: 100', length=False))
    o = origin(script)
    viaduct = retrying()
    wire = viaduct.connect()
    wire.send(get(o.url(token)))
    assert wire.read_response(body=False).status == 200
    wire.read_eof()
    assert viaduct.wait_flow(token)['error'] == 'response_incomplete'
    assert len(o.requests) == 1


def test_body_of_a_failure_does_not_matter(retrying, origin):
    """Endless or stalled: the retry does not wait for it."""
    def first(peer):
        peer.read_request()
        peer.send(answer(503, b'', 'Content-Length: 1000', length=False))
        peer.read_eof()
    assert retrying().ask(get(origin([first, hello(b'there')]).url('/'))).body == b'there'


def test_interim_responses_of_a_failure_are_not_told(retrying, origin):
    hints = b'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n'
    count = itertools.count()
    o = origin(serve(lambda r: hints + answer(503) if next(count) < 1 else answer(200, b'there')))
    response = retrying().ask(get(o.url('/')))
    assert response.status == 200 and not response.interim


# when

def test_back_off(retrying, origin, token):
    """The scale, then each time base times as long, less up to half of it at random; the record has it, and the origin saw it."""
    at = []
    count = itertools.count()

    def respond(_):
        at.append(time.monotonic())
        return answer(503 if next(count) < 4 else 200, b'')
    o = origin(serve(respond))
    viaduct = retrying({'retry.limit': '4'})
    assert viaduct.ask(get(o.url(token))).status == 200
    delays = [h['delay_us'] for h in viaduct.wait_shown(token)['chain']]
    assert not delays[0]
    for n, delay in enumerate(delays[1:], 1):
        whole = SCALE_MS * 1000 * 2 ** (n - 1)
        assert whole / 2 - 1000 <= delay <= whole + 1000, (n, delay)
        assert at[n] - at[n - 1] >= delay / 1e6 - 0.005
        assert at[n] - at[n - 1] < delay / 1e6 + 5


def test_back_off_is_random(retrying, origin):
    viaduct = retrying({'retry.limit': '1', 'retry.budget': '1000'})
    o = origin(serve(lambda r: answer(503)))
    for i in range(8):
        viaduct.ask(get(o.url(f'/random{i}')))
    delays = [viaduct.show(f['id'])['chain'][1]['delay_us'] for f in viaduct.wait_flows('/random', 8)]
    assert len(set(delays)) > 1


def test_longest_back_off(retrying, origin, token):
    o = origin(failing(3))
    viaduct = retrying({'retry.limit': '3', 'retry.backoff_scale': '10s', 'retry.backoff_max': '60ms'})
    assert viaduct.ask(get(o.url(token))).status == 200
    assert all(h['delay_us'] <= 61_000 for h in viaduct.wait_shown(token)['chain'])


@pytest.mark.parametrize('form', ['seconds', 'date'])
def test_retry_after(retrying, origin, token, form):
    """Wins where it is longer."""
    at = []

    def respond(_):
        at.append(time.monotonic())
        value = '1' if form == 'seconds' else email.utils.formatdate(time.time() + 2.5, usegmt=True)
        return answer(503, b'', f'Retry-After: {value}') if len(at) == 1 else answer(200, b'')
    o = origin(serve(respond))
    viaduct = retrying()
    assert viaduct.ask(get(o.url(token))).status == 200
    # A date has whole seconds.
    assert at[1] - at[0] >= 0.95
    assert 950_000 <= viaduct.wait_shown(token)['chain'][1]['delay_us'] <= 3_000_000


@pytest.mark.parametrize('value', ['61', '99999999999999999999', 'Tue, 15 Nov 2044 12:45:26 GMT'])
def test_retry_after_that_is_too_long(retrying, origin, token, value):
    """What asks for more than retry.max_retry_after is not retried."""
    o = origin(failing(1, 503, f'Retry-After: {value}'))
    viaduct = retrying()
    response = viaduct.ask(get(o.url(token)))
    assert (response.status, response.get('retry-after')) == (503, value)
    assert len(o.requests) == 1
    assert 'etry' in decisions(viaduct.wait_shown(token))[0]


@pytest.mark.parametrize('value', ['', 'soon', '-1', '1.5', 'Tue, 15 Nov 1994 12:45:26 GMT', '0'])
def test_retry_after_that_says_nothing(retrying, origin, token, value):
    o = origin(failing(1, 503, f'Retry-After: {value}'))
    viaduct = retrying()
    assert viaduct.ask(get(o.url(token))).status == 200
    assert viaduct.wait_shown(token)['chain'][1]['delay_us'] <= SCALE_MS * 1000 + 1000


def test_budget(retrying, origin):
    """An outage is not multiplied: ten retries are free, then a fifth of the requests may be tried again."""
    o = origin(serve(lambda r: answer(503)))
    viaduct = retrying({'retry.limit': '1', 'retry.backoff_scale': '0'}, workers=1)
    wire = viaduct.connect()
    begin = time.monotonic()
    for i in range(100):
        assert wire.ask(get(o.url(f'/{i}'))).status == 503
    free = 10 + (time.monotonic() - begin) + 1
    retries = len(o.requests) - 100
    assert 25 <= retries <= 20 + free + 1, retries


def test_empty_budget(retrying, origin):
    o = origin(serve(lambda r: answer(503)))
    viaduct = retrying({'retry.limit': '20', 'retry.budget': '0', 'retry.backoff_scale': '0'}, workers=1)
    assert viaduct.ask(get(o.url('/one'))).status == 503
    assert 10 <= len(o.requests) <= 13
    assert 'budget' in ' '.join(decisions(viaduct.wait_shown('/one')))


def test_retry_that_would_come_too_late(retrying, origin, token):
    """The answer that there is is delivered at once."""
    o = origin(serve(lambda r: answer(503, b'not now')))
    viaduct = retrying({'retry.backoff_scale': '60s', 'retry.backoff_max': '60s', 'timeouts.chain': '20s'})
    response = viaduct.ask(get(o.url(token)))
    assert (response.status, response.body) == (503, b'not now')
    assert decisions(viaduct.wait_shown(token)) == ['not retried: timeouts.chain would be over']
    assert viaduct.wait_flow(token)['detail'] == 'not retried: timeouts.chain would be over'


def test_chain_timeout_ends_retries(retrying, origin, token):
    o = origin([lambda peer: (peer.read_request(), peer.send(answer(503))), hang])
    viaduct = retrying({'timeouts.chain': '1s'})
    assert viaduct.ask(get(o.url(token))).status == 504
    record = viaduct.wait_shown(token)
    assert (record['error'], record['retries']) == ('chain_timeout', 1)
    assert [h['error'] for h in record['chain']] == [None, 'chain_timeout']


def test_client_is_told(retrying, origin):
    for times, words in (1, '1 retry'), (2, '2 retries'), (9, '2 retries'):
        response = retrying().ask(get(origin(failing(times)).url('/')))
        assert response.get('proxy-status') == f'viaduct; received-status={response.status}; details="{words}"'
    end = origin(failing(1))
    response = retrying().ask(get(origin(routes({}, moved(end.url('/')))).url('/')))
    assert 'details="1 redirect followed, 1 retry"' in response.get('proxy-status')
    for viaduct in retrying(), retrying({'redirects.tell': 'off'}):
        assert not viaduct.ask(get(origin(failing(0)).url('/'))).has('proxy-status')
    assert not viaduct.ask(get(origin(failing(1)).url('/'))).has('proxy-status')


# together with redirects and rules

def test_redirect_and_retry(retrying, origin, token):
    """Each hop may be tried again; the retry goes where the hop went, with what the hop had."""
    end = origin(failing(1))
    o = origin(routes({token: moved(end.url('/end', host='b.test'))}))
    viaduct = retrying()
    assert viaduct.ask(get(o.url(token, host='a.test'), 'Authorization: Basic x')).status == 200
    record = viaduct.wait_shown(token)
    assert reasons(record) == ['first', 'redirect', 'retry'] and (record['redirects'], record['retries']) == (1, 1)
    assert [(r.target, r.has('authorization')) for r in end.requests] == [('/end', False)] * 2


def test_retry_of_a_post_that_became_get(retrying, origin):
    o = origin(routes({'/': moved('/end', 303), '/end': lambda r: answer(503 if len(o.requests) < 3 else 200, b'')}))
    assert retrying().ask(post(o.url('/'), b'form')).status == 200
    assert [r.method for r in o.requests] == ['POST', 'GET', 'GET']


RULES = '''
rules:
  - name: flaky
    when: host == "a.test"
    retry: true
  - name: careful
    when: host == "b.test"
    retry: false
'''


@pytest.mark.parametrize('enabled', ['true', 'false'])
def test_by_rule(start, origin, tmp_path, enabled):
    viaduct = start({**RETRY, 'retry.enabled': enabled}, args=['-c', config_file(tmp_path, RULES)])
    for host, status in ('a.test', 200), ('b.test', 503), ('127.0.0.1', 200 if enabled == 'true' else 503):
        assert viaduct.ask(get(origin(failing(1)).url('/', host=host))).status == status


def test_kept_connection_that_was_closed_is_always_safe(start, origin, token):
    """Also without retry.enabled, at once, and also for POST: nothing had been heard."""
    def first(peer):
        peer.read_request()
        peer.send(answer(200, b'x'))
        closed.wait(10)
    closed = threading.Event()
    o = origin([first, hello(b'again')])
    viaduct = start(workers=1)
    wire = viaduct.connect()
    assert wire.ask(get(o.url('/'))).status == 200
    closed.set()
    response = wire.ask(get(o.url(token)))
    assert response.body == b'again'
    assert all(not h['delay_us'] for h in viaduct.wait_shown(token)['chain'])
