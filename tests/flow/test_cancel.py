"""A client that goes away: the hop in progress is stopped wherever it is, the origin sees it at once, the flow ends `cancelled`, and
nothing is left behind."""

import threading

import pytest

from kit.dns import SILENT, NameServer
from kit.origin import FullListener, hang, hello, serve
from kit.redirects import FOLLOW, moved
from kit.wait import until
from kit.wire import Wire, answer, get

SOON_S = 5.0

CONNECTING = 'while connecting to the origin'
SENDING = 'while sending the request'
WAITING = 'while waiting for the response head'
DELIVERING = 'while the response was being delivered'


class Watched:
    """A script that knows when its connection has ended."""

    def __init__(self, script):
        self.script = script
        self.is_there, self.has_ended = threading.Event(), threading.Event()

    def __call__(self, peer):
        try:
            self.script(peer, self.is_there.set)
        except OSError:
            pass
        finally:
            self.has_ended.set()


def never_answers(peer, arrived):
    peer.read_request()
    arrived()
    peer.read_eof()


def never_shakes_hands(peer, arrived):
    peer.read_some()
    arrived()
    peer.read_eof()


def half_a_response(peer, arrived):
    peer.read_request()
    peer.send(answer(200, b'half', 'Content-Length: 1000', length=False))
    arrived()
    peer.read_eof()


def endless_response(peer, arrived):
    peer.read_request()
    peer.send(answer(200, b'', 'Content-Length: 100000000000', length=False))
    arrived()
    while True:
        peer.send(b'z' * 65536)


@pytest.fixture
def viaduct(start):
    return lambda options=None, **how: start({**FOLLOW, 'upstream.max_idle': '0', **(options or {})}, workers=1, **how)


@pytest.fixture
def check(token):
    """check(viaduct, files before, where it was) once the client has left."""
    def check_one(viaduct, before, where):
        flow = until(lambda: [f for f in viaduct.flows() if token in f['url'] and f['outcome'] != 'pending'], 'the flow to end')[0]
        assert (flow['outcome'], flow['error'], flow['detail']) == ('cancelled', None, where)
        until(lambda: viaduct.open_files() <= before, f'no more than {before} files to be open')
    return check_one


HOW = pytest.mark.parametrize('leave', [Wire.reset, Wire.close], ids=['reset', 'close'])


@pytest.mark.parametrize('script, where', [(never_answers, WAITING), (half_a_response, DELIVERING), (endless_response, DELIVERING)])
def test_while_the_origin_is_at_it(viaduct, origin, token, check, script, where):
    watched = Watched(script)
    v, o = viaduct(), origin(watched)
    before = v.open_files()
    wire = v.connect()
    wire.send(get(o.url(token)))
    assert watched.is_there.wait(10)
    if where is DELIVERING:  # what the origin has sent need not have come through yet
        wire.read_response(body=False)
    wire.reset()
    assert watched.has_ended.wait(SOON_S), 'the origin was kept waiting'
    check(v, before, where)


def test_that_closes_while_it_receives(viaduct, origin, token, check):
    """A close and not a reset; the bytes that come answer with one."""
    watched = Watched(endless_response)
    v, o = viaduct(), origin(watched)
    before = v.open_files()
    wire = v.connect()
    wire.send(get(o.url(token)))
    wire.read_response(body=False)
    wire.close()
    assert watched.has_ended.wait(SOON_S)
    check(v, before, DELIVERING)


def test_that_ends_its_side_and_goes_while_it_receives(viaduct, origin, token, check):
    """The orderly end has been heard of; that nobody is there any more shows at the next write only."""
    watched = Watched(endless_response)
    v, o = viaduct(), origin(watched)
    before = v.open_files()
    wire = v.connect()
    wire.send(get(o.url(token)))
    wire.half_close()
    wire.read_response(body=False)
    wire.close()
    assert watched.has_ended.wait(SOON_S), 'the origin was kept waiting'
    check(v, before, DELIVERING)


@HOW
def test_while_waiting(viaduct, origin, token, check, leave):
    """A close looks like a half close until something is written; then it is known."""
    watched = Watched(never_answers)
    v, o = viaduct(), origin(watched)
    before = v.open_files()
    wire = v.connect()
    wire.send(get(o.url(token)))
    assert watched.is_there.wait(10)
    leave(wire)
    assert watched.has_ended.wait(SOON_S), 'the origin was kept waiting'
    check(v, before, WAITING)


@HOW
def test_while_resolving(viaduct, token, leave):
    server = NameServer({'silent.test': SILENT})
    v = viaduct({'dns.servers': server.address})
    before = v.open_files()
    wire = v.connect()
    wire.send(get(f'http://silent.test{token}'))
    until(lambda: server.asked, 'the question')
    leave(wire)
    flow = until(lambda: [f for f in v.flows() if token in f['url'] and f['outcome'] != 'pending'], 'the flow to end')[0]
    assert (flow['outcome'], flow['detail']) == ('cancelled', CONNECTING)
    until(lambda: v.open_files() <= before + 2, 'the files to be closed')
    server.close()


@HOW
def test_while_connecting(viaduct, token, check, leave):
    full = FullListener()
    v = viaduct()
    before = v.open_files()
    wire = v.connect()
    wire.send(get(f'http://127.0.0.1:{full.port}{token}'))
    until(lambda: v.open_files() >= before + 2, 'the attempt')
    leave(wire)
    check(v, before, CONNECTING)
    full.close()


@HOW
def test_in_tls(viaduct, origin, token, check, leave):
    """Reached by a redirect."""
    watched = Watched(never_shakes_hands)
    v, silent = viaduct(), origin(watched)
    o = origin(lambda peer: (peer.read_request(), peer.send(moved(f'https://a.test:{silent.port}/'))))
    before = v.open_files()
    wire = v.connect()
    wire.send(get(o.url(token, 'a.test')))
    assert watched.is_there.wait(10)
    leave(wire)
    assert watched.has_ended.wait(SOON_S)
    check(v, before, CONNECTING)


@HOW
def test_while_sending(viaduct, origin, token, check, leave):
    """The origin does not read, the client's body is half through."""
    ready = threading.Event()

    def script(peer):
        peer.read_request(body=False)
        ready.set()
        left.wait(10)
        peer.read_eof()
        ended.set()
    left, ended = threading.Event(), threading.Event()
    v, o = viaduct(), origin(script, receive_buffer=4096)
    before = v.open_files()
    wire = v.connect()
    wire.send(get(o.url(token), 'Content-Length: 100000000', method='POST') + b'x' * 1_000_000)
    assert ready.wait(10)
    leave(wire)
    left.set()
    assert ended.wait(SOON_S)
    check(v, before, SENDING)


@HOW
def test_while_the_body_is_awaited(viaduct, origin, token, check, leave):
    watched = Watched(lambda peer, arrived: (peer.read_request(body=False), arrived(), peer.read_eof()))
    v, o = viaduct(), origin(watched)
    before = v.open_files()
    wire = v.connect()
    wire.send(get(o.url(token), 'Content-Length: 100', method='POST') + b'x')
    assert watched.is_there.wait(10)
    leave(wire)
    assert watched.has_ended.wait(SOON_S)
    check(v, before, SENDING)


@HOW
def test_with_a_hop_that_is_being_drained(viaduct, origin, token, check, leave):
    """The redirect's endless body and the next hop's silence both end."""
    def endless(peer, arrived):
        peer.read_request()
        peer.send(answer(302, b'', f'Location: {silent.url("/")}', 'Transfer-Encoding: chunked', length=False))
        arrived()
        peer.read_eof()
    waiting, draining = Watched(never_answers), Watched(endless)
    v, silent, o = viaduct({'redirects.drain_time': '30s'}), origin(waiting), origin(draining)
    before = v.open_files()
    wire = v.connect()
    wire.send(get(o.url(token)))
    assert waiting.is_there.wait(10)
    leave(wire)
    assert waiting.has_ended.wait(SOON_S)
    assert draining.has_ended.wait(SOON_S)
    check(v, before, WAITING)


@HOW
def test_while_a_body_is_replayed(viaduct, origin, token, check, leave):
    body = b'x' * 3_000_000
    watched = Watched(lambda peer,
                      arrived: (peer.read_request(body=False), arrived(), peer.read_exact(1000), left.wait(10), peer.read_eof()))
    left = threading.Event()
    v = viaduct({'redirects.replay_memory': '64k'})
    silent = origin(watched, receive_buffer=4096)
    o = origin(lambda peer: (peer.read_request(), peer.send(moved(silent.url('/'), 307)), peer.read_eof()))
    before = v.open_files()
    wire = v.connect()
    wire.send(get(o.url(token), f'Content-Length: {len(body)}', method='PUT') + body)
    assert watched.is_there.wait(10)
    leave(wire)
    left.set()
    assert watched.has_ended.wait(SOON_S)
    check(v, before, SENDING)


@HOW
def test_while_backing_off(viaduct, origin, token, check, leave):
    o = origin(lambda peer: (peer.read_request(), peer.send(answer(503))))
    v = viaduct({'retry.enabled': 'true', 'retry.backoff_scale': '20s'})
    before = v.open_files()
    wire = v.connect()
    wire.send(get(o.url(token)))
    o.wait_requests(1)
    until(lambda: [f for f in v.flows() if token in f['url'] and v.show(f['id'])['chain'][0]['status'] == 503], 'the first answer')
    leave(wire)
    check(v, before, 'while waiting before a retry')
    assert len(o.requests) == 1


@HOW
def test_while_in_line(viaduct, origin, token, check, leave):
    o = origin(hang)
    v = viaduct({'upstream.max_per_origin': '1'})
    first = v.connect()
    first.send(get(o.url('/first')))
    o.wait_peers(1)
    before = v.open_files()
    wire = v.connect()
    wire.send(get(o.url(token)))
    v.wait_flow(token, ended=False)
    leave(wire)
    check(v, before, 'while waiting for a free connection to the origin')
    first.reset()


def test_a_pipelined_request_leaves_with_its_client(viaduct, origin, token, check):
    watched = Watched(never_answers)
    v, o = viaduct(), origin(watched)
    before = v.open_files()
    wire = v.connect()
    wire.send(get(o.url(token)) + get(o.url('/second')) + get(o.url('/third')))
    assert watched.is_there.wait(10)
    wire.reset()
    assert watched.has_ended.wait(SOON_S)
    check(v, before, WAITING)
    assert len(o.requests) == 1


@pytest.mark.parametrize('version', ['1.0', '1.1'])
def test_half_close_is_no_cancel(viaduct, origin, version):
    """A client may shut its side behind the request and wait for the answer."""
    end = threading.Event()

    def script(peer):
        peer.read_request()
        end.wait(10)
        peer.send(answer(200, b'there'))
    o = origin(script)
    wire = viaduct().connect()
    wire.send(get(o.url('/'), version=version))
    o.wait_requests(1)
    wire.half_close()
    end.set()
    assert wire.read_response().body == b'there'


def test_half_close_behind_a_chain(viaduct, origin):
    o = origin(serve(lambda r: moved(f'{r.target}x') if len(r.target) < 5 else answer(200, b'there')))
    for version in '1.0', '1.1':
        wire = viaduct().connect()
        wire.send(get(o.url('/'), version=version))
        wire.half_close()
        assert wire.read_response().body == b'there'


def test_many_at_once(viaduct, origin):
    """Clients that come and go; afterwards nothing is left and the proxy works on."""
    v, o = viaduct(), origin(hang)
    healthy = origin(hello(b'well'))
    assert v.ask(get(healthy.url('/'))).body == b'well'
    before = v.open_files()
    wires = [v.connect() for _ in range(100)]
    for n, wire in enumerate(wires):
        wire.send(get(o.url(f'/gone{n}')))
    until(lambda: len(o.peers) == 100, 'all at the origin')
    for wire in wires:
        wire.reset()
    flows = v.wait_flows('/gone', 100)
    assert {f['outcome'] for f in flows} == {'cancelled'}
    until(lambda: v.open_files() <= before, 'the files to be closed')
    assert v.ask(get(healthy.url('/'))).body == b'well'
