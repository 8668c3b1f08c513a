"""What must hold between the hops: interim responses, trailers, deadlines and back-off, connections that are held."""

import time

import pytest

from kit.origin import serve
from kit.redirects import FOLLOW, decisions, dropped, following, moved, routes, there
from kit.wait import until
from kit.wire import answer, get, post

shared_proxy = following()

EVIL = b'HTTP/1.1 103 Early Hints\r\nSet-Cookie: sid=evil\r\nStrict-Transport-Security: max-age=1\r\n\r\n'


@pytest.fixture
def proxy(shared_proxy):
    return shared_proxy


def test_interim_responses_of_a_later_hop_are_dropped(proxy, origin):
    """They would act on the host that the client believes to have asked."""
    b = origin(serve(lambda r: EVIL + answer(200, b'at b')))
    a = origin(serve(lambda r: EVIL + moved(f'http://b.test:{b.port}/')))
    response = proxy.ask(get(a.url('/', host='a.test')))
    assert (response.status, response.body, response.interim) == (200, b'at b', [])
    assert b'evil' not in response.raw


def test_go_on_of_a_later_hop_has_no_fields(proxy, origin, token):
    """The client is told once, and nothing but to go on."""
    def at_b(peer):
        request = peer.read_request()
        peer.send(b'HTTP/1.1 100 Continue\r\nSet-Cookie: sid=evil\r\n\r\n' + there(request))
        peer.read_eof()
    b = origin(at_b)

    a = origin(serve(lambda r: b'HTTP/1.1 100 Continue\r\nSet-Cookie: sid=a\r\n\r\n' + moved(f'http://b.test:{b.port}/', 307)))
    wire = proxy.connect()
    wire.send(get(a.url(token, host='a.test'), 'Content-Length: 4', 'Expect: 100-continue', method='POST'))
    wire.send(b'body')
    response = wire.read_response('POST')
    assert response.status == 200 and b'evil' not in response.raw
    assert len(response.interim) <= 1


def test_held_interim_responses_do_not_precede_an_error(proxy, origin):
    o = origin(lambda peer: (peer.read_request(), peer.send(b'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n')))
    response = proxy.ask(get(o.url('/')))
    assert (response.status, response.interim) == (502, [])


def test_trailers_are_withheld_as_fields_are(proxy, origin, token):
    b = origin(serve(there))
    a = origin(serve(lambda r: moved(f'http://b.test:{b.port}/', 307)))
    body = b'4\r\nbody\r\n0\r\nX-Api-Key: secret\r\nX-Sum: 1\r\n\r\n'
    head = get(a.url(token, host='a.test'), 'Transfer-Encoding: chunked', 'Trailer: X-Api-Key, X-Sum', method='POST')
    wire = proxy.connect()
    wire.send(head + body)
    assert wire.read_response('POST').status == 200
    assert sorted(a.last().trailers) == [('X-Api-Key', 'secret'), ('X-Sum', '1')]
    assert b.last().trailers == [('X-Sum', '1')]
    assert 'x-api-key' in dropped(proxy.wait_shown(token)['chain'][1])


# Deadlines and retries

RETRY = {**FOLLOW, 'retry.enabled': 'true', 'retry.backoff_scale': '20ms'}


def test_hop_timeout_does_not_run_during_back_off(start, origin, token):
    answers = iter([answer(503, b''), answer(503, b'', 'Retry-After: 3'), answer(200, b'there')])
    o = origin(serve(lambda r: next(answers)))
    viaduct = start({**RETRY, 'timeouts.hop': '2s'})
    assert viaduct.ask(get(o.url(token))).body == b'there'
    assert viaduct.wait_shown(token)['retries'] == 2


def test_slow_attempts_are_all_made(start, origin, token):
    """The time-out of a retry is as worth retrying as that of the first attempt."""
    o = origin(lambda peer: (peer.read_request(), peer.read_eof()))
    viaduct = start({**RETRY, 'timeouts.hop': '500ms', 'timeouts.response_head': '500ms'})
    assert viaduct.ask(get(o.url(token))).status == 504
    record = viaduct.wait_shown(token)
    assert len(record['chain']) == 3 and record['retries'] == 2
    assert all(hop['error'] in ('hop_timeout', 'response_head_timeout') for hop in record['chain'])


def test_kept_redirect_gives_its_connection_back_during_back_off(start, origin, token):
    """A redirect whose body has not come whole must not hold the only place while its target is being retried."""
    def slow(peer):
        while (request := peer.read_request()) is not None:
            if request.target == '/other':
                peer.send(there(request))
            else:
                peer.send(answer(302, b'', 'Location: http://127.0.0.1:9/', 'Content-Length: 1000', length=False))
                peer.read_eof()
    o = origin(slow)
    viaduct = start({**FOLLOW, 'retry.enabled': 'true', 'retry.backoff_scale': '8s', 'upstream.max_per_origin': '1'})
    wire = viaduct.connect()
    wire.send(get(o.url(token)))
    until(lambda: [f for f in viaduct.flows() if f['retries']], 'the back-off')
    before = time.monotonic()
    assert viaduct.ask(get(o.url('/other'))).status == 200
    assert time.monotonic() - before < 3
    wire.reset()


@pytest.mark.parametrize('options, size', [({}, 20_000_000), ({'redirects.replay_limit': '0'}, 1000)])
def test_what_cannot_be_replayed_uses_no_old_connection(start, origin, options, size):
    """A PUT whose body is not kept could not be sent again if the origin had given the connection up."""
    def script(peer):
        request = peer.read_request()
        peer.send(there(request))
        if peer.read_request(body=False) is not None:
            peer.sock.close()
    o = origin([script, serve(there)])
    viaduct = start({**FOLLOW, **options}, workers=1)
    assert viaduct.ask(get(o.url('/'))).status == 200
    time.sleep(1.2)  # the connection is no longer young
    assert viaduct.ask(post(o.url('/'), b'x' * size, method='PUT')).status == 200


def test_bodies_in_files_are_bounded_together(start, origin, token):
    o = origin(routes({token: moved('/end', 307), '/end': there}))
    viaduct = start({**FOLLOW, 'redirects.replay_memory': '0', 'redirects.spool_limit': '100k'})
    response = viaduct.ask(post(o.url(token), b'x' * 200_000))
    assert (response.status, response.get('location')) == (307, '/end')
    assert decisions(viaduct.wait_shown(token))[0] == 'returned: the copy of the body failed'
    assert viaduct.ask(post(o.url(token), b'x' * 50_000)).status == 200


def test_errors_behind_redirects_tell_where(proxy, origin):
    o = origin(routes({'/': moved('http://127.0.0.1:9/gone')}))
    response = proxy.ask(get(o.url('/')))
    assert response.status == 502
    assert response.get('viaduct-hops') == '2' and response.get('viaduct-final-url') == 'http://127.0.0.1:9/gone'


@pytest.mark.parametrize('status', [301, 303])
def test_post_without_a_body_becomes_get(proxy, origin, status):
    o = origin(routes({'/': moved('/end', status), '/end': there}))
    response = proxy.ask(get(o.url('/'), 'Content-Length: 0', method='POST'))
    assert (response.status, [r.method for r in o.requests]) == (200, ['POST', 'GET'])
