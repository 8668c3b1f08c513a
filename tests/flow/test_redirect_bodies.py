"""Request bodies over redirects: kept while they are sent, sent again whole or the redirect is handed over; and the bodies of redirects
themselves, which are read within a bound and go nowhere."""

import hashlib
import os
import random
import threading

import pytest

from kit.origin import hang, serve
from kit.proxy import environment
from kit.redirects import FOLLOW, decisions, following, moved, routes, there
from kit.wait import until
from kit.wire import answer, chunked, get, post

shared_proxy = following()

MIB = 1 << 20


def pattern(size):
    return random.Random(size).randbytes(size)


def digest(data):
    return hashlib.sha256(data).hexdigest()


def digest_of(request):
    """For routes: says what body arrived."""
    return answer(200, digest(request.body).encode())


def upload(url, body, framing, *fields, method='POST'):
    if framing == 'length':
        return post(url, body, *fields, method=method)
    pieces = [body[i:i + 30_011] for i in range(0, len(body), 30_011)]
    return get(url, 'Transfer-Encoding: chunked', *fields, method=method) + chunked(*pieces)


SIZES = [0, 1, 1000, 65535, 65536, 262144, MIB - 1, MIB, MIB + 1, 3 * MIB + 7]


@pytest.mark.parametrize('framing', ['length', 'chunked'])
@pytest.mark.parametrize('size', SIZES)
def test_replay(proxy, origin, size, framing):
    """Byte by byte, in memory and from the file, framed as the client framed it."""
    body = pattern(size)
    o = origin(routes({'/': moved('/two', 307), '/two': moved('/end', 308), '/end': digest_of}))
    response = proxy.ask(upload(o.url('/'), body, framing, method='PUT'))
    assert (response.status, response.text) == (200, digest(body))
    assert [digest(r.body) for r in o.requests] == [digest(body)] * 3
    assert len({(r.method, r.get('content-length'), r.get('transfer-encoding')) for r in o.requests}) == 1


@pytest.mark.parametrize('memory', ['0', '1', '64k', '16M'])
def test_where_it_is_kept_makes_no_difference(start, origin, memory):
    body = pattern(2 * MIB + 1)
    o = origin(routes({'/': moved('/end', 307), '/end': digest_of}))
    viaduct = start({**FOLLOW, 'redirects.replay_memory': memory, 'upstream.max_idle': '0'})
    def names():
        return {name for _, _, files in os.walk(viaduct.data) for name in files if not name.startswith('flows.')}
    before, lying = viaduct.open_files(), names()
    wire = viaduct.connect()
    for _ in range(3):
        assert wire.ask(post(o.url('/'), body)).text == digest(body)
        assert names() == lying, 'the file has no name'
    wire.close()
    until(lambda: viaduct.open_files() <= before, 'the files to be closed')


def nameless_files(viaduct):
    """How many files without a name it has open."""
    folder, n = f'/proc/{viaduct.process.pid}/fd', 0
    for fd in os.listdir(folder):
        try:
            n += os.readlink(f'{folder}/{fd}').endswith('(deleted)')
        except FileNotFoundError:  # closed since it was listed
            pass
    return n


@pytest.mark.parametrize('memory, files', [('0', 1), ('1k', 0)])
def test_without_memory_all_is_in_the_file(start, origin, memory, files):
    """Down to the first byte."""
    go = threading.Event()
    o = origin(routes({'/': moved('/end', 307), '/end': lambda r: go.wait(10) and digest_of(r)}))
    viaduct = start({**FOLLOW, 'redirects.replay_memory': memory})
    before = nameless_files(viaduct)
    wire = viaduct.connect()
    wire.send(post(o.url('/'), b'x'))
    o.wait_requests(2)
    assert nameless_files(viaduct) - before == files
    go.set()
    assert wire.read_response('POST').text == digest(b'x')
    until(lambda: nameless_files(viaduct) == before, 'the file to be closed')


@pytest.mark.parametrize('framing', ['length', 'chunked'])
def test_no_file_can_be_made(start, origin, tmp_path, framing):
    """The upload goes on, its redirect is handed over and says why; what fits into memory is followed."""
    env = environment(TMPDIR=str(tmp_path / 'missing'))
    viaduct = start({**FOLLOW, 'capture.enabled': 'false', 'redirects.replay_memory': '64k'}, env=env)
    o = origin(routes({'/': moved('/end', 307), '/303': moved('/end', 303), '/end': digest_of}))
    for _ in range(2):
        body = pattern(3 * MIB)
        response = viaduct.ask(upload(o.url('/'), body, framing))
        assert (response.status, response.get('location'), response.body) == (307, '/end', b'moved')
        assert 'returned: the copy of the body failed' in response.get('proxy-status')
        assert digest(o.last().body) == digest(body)
        assert viaduct.ask(upload(o.url('/303'), body, framing)).status == 200
        response = viaduct.ask(upload(o.url('/'), b'small', framing))
        assert (response.status, response.text) == (200, digest(b'small'))


@pytest.mark.parametrize('framing', ['length', 'chunked'])
@pytest.mark.parametrize('size', [102_400, 102_401, 3 * MIB])
def test_limit(start, origin, token, size, framing):
    """A body past redirects.replay_limit streams to the first origin all the same; its 307 is handed over, and the record says why."""
    body = pattern(size)
    o = origin(routes({token: moved('/end', 307), '/end': digest_of}))
    viaduct = start({**FOLLOW, 'redirects.replay_limit': '100k', 'redirects.replay_memory': '10k'})
    response = viaduct.ask(upload(o.url(token), body, framing))
    assert digest(o.requests[0].body) == digest(body)
    if size == 102_400:
        assert (response.status, response.text) == (200, digest(body))
        return
    assert (response.status, response.get('location'), response.body) == (307, '/end', b'moved')
    said = decisions(viaduct.wait_shown(token))[0]
    assert said.startswith('returned: ') and 'replay_limit' in said


def test_no_copy_is_kept_at_limit_0(start, origin):
    """What drops the body, or has none, is followed all the same."""
    o = origin(routes({'/307': moved('/end', 307), '/303': moved('/end', 303)}, there))
    viaduct = start({**FOLLOW, 'redirects.replay_limit': '0'})
    assert viaduct.ask(post(o.url('/307'), b'x')).status == 307
    assert viaduct.ask(post(o.url('/303'), b'x')).body.startswith(b'GET ')
    assert viaduct.ask(get(o.url('/307'))).status == 200
    assert viaduct.ask(post(o.url('/307'), b'')).status == 200


def test_body_too_large_for_memory_and_limit_is_not_held(start, origin):
    o = origin(routes({'/': moved('/end', 303), '/end': there}))
    viaduct = start({**FOLLOW, 'redirects.replay_limit': '0', 'limits.buffer': '64k', 'capture.body_limit': '0'})
    body = pattern(40 * MIB)
    before = viaduct.rss_bytes()
    assert viaduct.ask(post(o.url('/'), body)).status == 200
    assert digest(o.requests[0].body) == digest(body)
    assert viaduct.rss_bytes() - before < 20 * MIB


def test_body_of_a_get_stays(proxy, origin):
    """The method stays, so does the body."""
    o = origin(routes({'/': moved('/end'), '/end': digest_of}))
    assert proxy.ask(post(o.url('/'), b'a query', method='GET')).text == digest(b'a query')


def test_several_origins(proxy, origin):
    body = pattern(MIB + 5)
    c = origin(routes({}, digest_of))
    b = origin(routes({}, lambda r: moved(c.url('/', host='c.test'), 308)))
    a = origin(routes({}, lambda r: moved(b.url('/', host='b.test'), 307)))
    assert proxy.ask(post(a.url('/', host='a.test'), body)).text == digest(body)
    assert [digest(o.last().body) for o in (a, b, c)] == [digest(body)] * 3


def test_many_at_once(proxy, origin):
    o = origin(routes({'/end': digest_of}, lambda r: moved('/end', 307)))
    bodies = [pattern(MIB + i * 1000) for i in range(8)]
    texts = [None] * len(bodies)

    def one(i):
        texts[i] = proxy.ask(post(o.url(f'/{i}'), bodies[i])).text
    threads = [threading.Thread(target=one, args=(i,)) for i in range(len(bodies))]
    for t in threads:
        t.start()
    for t in threads:
        t.join(20)
    assert texts == [digest(b) for b in bodies]


# an answer before the body was read

class Hasty:
    """An origin that redirects as soon as it has the head. What it does then is how: 'read' the body and stay, 'never read'
    but hold on, 'half close' or 'close'; 'rudely': without having said so."""

    def __init__(self, status, how):
        self.status, self.how = status, how
        self.answered, self.arrived = threading.Event(), threading.Event()

    def __call__(self, peer):
        while (request := peer.read_request(body=False)) is not None:
            if request.target != '/':
                peer.read_body(request, until_close=False)
                self.arrived.set()
                peer.send(digest_of(request) if request.body else there(request))
                continue
            peer.send(moved('/end', self.status, *([] if self.how == 'read' or 'rudely' in self.how else ['Connection: close'])))
            self.answered.set()
            if self.how.startswith('close'):
                return
            if self.how == 'read':
                peer.read_body(request, until_close=False)
                continue
            if self.how.startswith('half close'):
                peer.half_close()
            if self.how == 'never read':
                self.arrived.wait(10)
                return
            peer.read_eof()


@pytest.mark.parametrize('how', ['read', 'never read', 'half close', 'close', 'half close rudely', 'close rudely'])
@pytest.mark.parametrize('size', [10, 100_000, 3 * MIB])
def test_307_before_the_body_was_read(proxy, origin, how, size):
    """It costs neither a hang nor the body; an origin that closes while we write has still answered."""
    body = pattern(size)
    o = origin(Hasty(307, how))
    response = proxy.ask(post(o.url('/'), body))
    assert (response.status, response.text) == (200, digest(body))


@pytest.mark.parametrize('how', ['read', 'never read', 'half close', 'close', 'half close rudely', 'close rudely'])
@pytest.mark.parametrize('size', [10, 100_000, 3 * MIB])
def test_303_before_the_body_was_read(proxy, origin, how, size):
    o = origin(Hasty(303, how))
    wire = proxy.connect()
    wire.send(post(o.url('/'), pattern(size)))
    assert wire.read_response('POST').body.startswith(b'GET ')


def test_307_while_the_client_still_sends(proxy, origin):
    body = pattern(400_000)
    hasty = Hasty(307, 'read')
    o = origin(hasty)
    wire = proxy.connect()
    wire.send(get(o.url('/'), f'Content-Length: {len(body)}', method='POST') + body[:200_000])
    assert hasty.answered.wait(10)
    wire.send(body[200_000:300_000])
    wire.send(body[300_000:])
    response = wire.read_response('POST')
    assert (response.status, response.text) == (200, digest(body))
    assert wire.ask(get(o.url('/again'))).status == 200


def test_chunks_after_the_307(proxy, origin):
    """The end of the body is not known when the redirect comes."""
    hasty = Hasty(307, 'read')
    o = origin(hasty)
    wire = proxy.connect()
    wire.send(get(o.url('/'), 'Transfer-Encoding: chunked', method='POST') + b'5\r\nfirst\r\n')
    assert hasty.answered.wait(10)
    wire.send(chunked(b'second', b'third'))
    assert wire.read_response('POST').text == digest(b'firstsecondthird')


def test_trailers_are_sent_again(proxy, origin):
    o = origin(routes({'/': moved('/end', 307), '/end': digest_of}))
    wire = proxy.connect()
    wire.send(get(o.url('/'), 'Transfer-Encoding: chunked', 'Trailer: X-Sum', method='POST') + chunked(b'abc', trailers=['X-Sum: 1']))
    assert wire.read_response('POST').text == digest(b'abc')
    assert o.requests[0].trailers == o.requests[1].trailers


def test_303_with_much_of_the_body_to_come(proxy, origin):
    """The answer does not wait for it; what is too much to be read for nothing ends the connection behind the answer."""
    o = origin(Hasty(303, 'close'))
    wire = proxy.connect()
    wire.send(get(o.url('/'), 'Content-Length: 1000000000', method='POST') + b'x' * 1000)
    response = wire.read_response('POST')
    assert response.body.startswith(b'GET ') and 'close' in response.list_of('connection')
    try:
        for _ in range(1000):
            wire.send(b'x' * 1_000_000)
        raise AssertionError('a gigabyte was read for nothing')
    except OSError:
        pass


def test_what_is_read_for_nothing_is_bounded(start, origin):
    """While the next hop is waited for: at most redirects.replay_limit, beside what the system holds."""
    go = threading.Event()
    o = origin(routes({}, lambda r: there(r) if go.wait(10) else b''))
    hasty = origin(lambda peer: (peer.read_request(body=False), peer.send(moved(o.url('/end'), 303, 'Connection: close'))))
    viaduct = start({**FOLLOW, 'redirects.replay_limit': '1M'})
    wire = viaduct.connect()
    wire.send(get(hasty.url('/'), 'Content-Length: 1000000000', method='POST'))
    o.wait_requests(1)
    wire.sock.settimeout(1)
    with pytest.raises(OSError):
        while wire.sent < 100 * MIB:
            wire.sent += wire.sock.send(b'x' * 65536)
    go.set()
    assert wire.sent < 40 * MIB


def test_303_while_the_client_still_sends(proxy, origin):
    """Answered at once; the rest of the body is read and dropped, so the connection stays in step."""
    hasty = Hasty(303, 'read')
    o = origin(hasty)
    wire = proxy.connect()
    wire.send(get(o.url('/'), 'Content-Length: 10000', method='POST') + b'x' * 5000)
    assert wire.read_response('POST').body.startswith(b'GET ')
    wire.send(b'x' * 5000)
    assert wire.ask(get(o.url('/again'))).body.startswith(b'GET ')
    assert [r.target for r in o.requests] == ['/', '/end', '/again']


def test_client_that_leaves_half_a_body(proxy, origin, token):
    """The next origin never gets a whole one."""
    whole = []

    def script(peer):
        request = peer.read_request(body=False)
        if request is None:
            return
        if request.target == token:
            peer.send(moved('/end', 307))
            answered.set()
            peer.read_eof()
            return
        peer.read_body(request, until_close=False)
        whole.append(request)
    answered = threading.Event()
    o = origin(script)
    wire = proxy.connect()
    wire.send(get(o.url(token), 'Content-Length: 1000', method='POST') + b'half')
    assert answered.wait(10)
    wire.reset()
    assert proxy.wait_flow(token)['outcome'] == 'cancelled'
    assert not whole


def test_broken_chunks_after_the_307(proxy, origin):
    """A body that turns out malformed is never sent whole anywhere."""
    hasty = Hasty(307, 'read')
    o = origin(hasty)
    wire = proxy.connect()
    wire.send(get(o.url('/'), 'Transfer-Encoding: chunked', method='POST') + b'5\r\nfirst\r\n')
    assert hasty.answered.wait(10)
    wire.send(b'zz\r\n')
    assert wire.read_response('POST').status == 400
    assert not hasty.arrived.is_set()


# Expect: 100-continue

def expecting(url, size, *fields):
    return get(url, f'Content-Length: {size}', 'Expect: 100-continue', *fields, method='POST')


def test_expect_answered_with_a_redirect_to_get(proxy, origin):
    """The body is never asked for."""
    o = origin(Hasty(302, 'read'))
    wire = proxy.connect()
    wire.send(expecting(o.url('/'), 10))
    response = wire.read_response('POST')
    assert response.body.startswith(b'GET ') and not response.interim
    assert [(r.method, r.has('expect'), r.has('content-length')) for r in o.requests] == [('POST', True, True), ('GET', False, False)]


@pytest.mark.parametrize('status', [307, 308])
def test_expect_answered_with_a_redirect_that_keeps_the_method(proxy, origin, token, status):
    """Handed over: nobody has told the client to send its body."""
    def script(peer):
        peer.read_request(body=False)
        peer.send(moved('/end', status))
        peer.read_eof()
    o = origin(script)
    wire = proxy.connect()
    wire.send(expecting(o.url(token), 10))
    response = wire.read_response('POST')
    assert (response.status, response.get('location'), response.body) == (status, '/end', b'moved')
    assert len(o.requests) == 1 and not response.interim
    assert decisions(proxy.wait_shown(token))[0].startswith('returned: ')


def test_expect_then_continue_then_redirect(proxy, origin):
    """Once the body was asked for it can be sent again."""
    body = pattern(100_000)

    def script(peer):
        while (request := peer.read_request(body=False)) is not None:
            if request.has('expect'):
                peer.send(b'HTTP/1.1 100 Continue\r\n\r\n')
            peer.read_body(request, until_close=False)
            peer.send(moved('/end', 307) if request.target == '/' else digest_of(request))
    o = origin(script)
    wire = proxy.connect()
    wire.send(expecting(o.url('/'), len(body)))
    assert wire.read_head().startswith(b'HTTP/1.1 100 ')
    wire.send(body)
    response = wire.read_response('POST')
    assert (response.status, response.text) == (200, digest(body))
    assert not o.last().has('expect')


def test_expect_with_a_client_that_does_not_wait(proxy, origin):
    body = pattern(100_000)
    o = origin(Hasty(307, 'read'))
    wire = proxy.connect()
    wire.send(expecting(o.url('/'), len(body)) + body)
    response = wire.read_response('POST')
    assert response.status in (200, 307)
    assert response.status == 307 or response.text == digest(body)


# the body of a redirect

def test_small_bodies_keep_the_connection(start, origin, token):
    o = origin(routes({token: moved('/end', body=b'x' * 1000), '/end': there}))
    viaduct = start(FOLLOW, workers=1)
    wire = viaduct.connect()
    for _ in range(4):
        assert wire.ask(get(o.url(token))).status == 200
    assert len(o.peers) <= 2
    assert any(viaduct.show(f['id'])['chain'][1]['is_reused'] for f in viaduct.wait_flows(token, 4))


@pytest.mark.parametrize('options, size, sent, is_kept', [
    ({}, 1000, 1000, True),
    ({}, 65536, 65536, True),
    ({}, 200_000, 65537, False),
    ({'redirects.drain_bytes': '999'}, 999, 999, True),
    ({'redirects.drain_bytes': '999'}, 2000, 1000, False),
    ({'redirects.drain_time': '1s'}, 1000, 999, False),
    ({'redirects.drain_time': '0'}, 1000, 0, False),
])
def test_late_body(start, origin, token, options, size, sent, is_kept):
    """What comes behind the head of a redirect while the next hop is under way: the connection is kept once all of it was read, and given
    up when that is too much or takes too long."""
    elsewhere, settled = threading.Event(), threading.Event()

    def first(peer):
        peer.read_request()
        peer.send(answer(302, b'', f'Location: {b.url("/0")}', f'Content-Length: {size}', length=False))
        assert elsewhere.wait(10)
        if sent:
            peer.send(b'z' * sent)
        if not is_kept:
            peer.read_eof()
        settled.set()
        if is_kept:
            peer.send(there(peer.read_request()))

    def detour(request):
        """Some more hops, in which the proxy takes note of what became of the first."""
        elsewhere.set()
        assert settled.wait(10)
        n = int(request.target[1:])
        return moved(f'/{n + 1}') if n < 5 else moved(a.url('/end'))
    b = origin(routes({}, detour))
    a = origin([first, *([] if is_kept else [serve(there)])])
    viaduct = start({**FOLLOW, 'redirects.drain_time': '60s', **options}, workers=1)
    assert viaduct.ask(get(a.url(token))).status == 200
    chain = viaduct.wait_shown(token)['chain']
    assert (len(chain), chain[-1]['url'], chain[-1]['is_reused']) == (8, a.url('/end'), is_kept)


def endless(peer):
    try:
        for _ in range(1000):
            peer.send(b'z' * MIB)
    except OSError:
        return
    raise AssertionError('a gigabyte of a redirect was read')


ENDLESS = {
    'length': ['Content-Length: 1000000000'], 'until close': [], 'chunked': ['Transfer-Encoding: chunked'],
    'compressed': ['Content-Length: 1000000000', 'Content-Encoding: gzip'],
}


@pytest.mark.parametrize('fields', ENDLESS.values(), ids=ENDLESS)
def test_endless_body(start, origin, fields):
    """Not read to its end, and not decoded: it is cut off at redirects.drain_bytes, while the next hop is still waited for."""
    cut = threading.Event()

    def script(peer):
        request = peer.read_request()
        if request.target == '/end':
            assert cut.wait(8), 'an endless redirect was read on'
            peer.send(there(request))
            return
        peer.send(answer(302, b'', 'Location: /end', *fields, length=False))
        if 'chunked' in str(fields):
            peer.send(b'fffffff\r\n')
        endless(peer)
        cut.set()
    viaduct = start({**FOLLOW, 'redirects.drain_time': '60s'})
    assert viaduct.ask(get(origin(script).url('/'))).status == 200


@pytest.mark.parametrize('rest', ['Content-Length: 10', 'Transfer-Encoding: chunked', 'Connection: close'])
def test_stalled_body(start, origin, rest):
    """The next hop does not wait for it, and the connection is given up after redirects.drain_time, whatever the next hop does."""
    ended = threading.Event()

    def script(peer):
        request = peer.read_request()
        if request.target == '/end':
            assert ended.wait(5), 'a stalled redirect was kept'
            peer.send(there(request))
            peer.read_eof()
            return
        peer.send(answer(302, b'', 'Location: /end', rest, length=False))
        peer.read_eof()
        ended.set()
    viaduct = start({**FOLLOW, 'redirects.drain_time': '200ms'})
    o = origin(script)
    wire = viaduct.connect()
    assert wire.ask(get(o.url('/'))).status == 200


def test_broken_body_of_a_redirect_does_not_matter(proxy, origin):
    head = b'HTTP/1.1 302 Found\r\nLocation: /end\r\nTransfer-Encoding: chunked\r\n\r\n'
    for junk in b'zz\r\n', b'5\r\nab', b'5\r\nabcdeXX':
        o = origin(routes({'/': head + junk, '/end': there}))
        assert proxy.ask(get(o.url('/'))).status == 200


def test_excess_bytes_behind_a_redirect_reach_nobody(proxy, origin):
    """The connection is not used again."""
    smuggled = b'HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nSMUGGLED'
    o = origin(routes({'/': moved('/end') + smuggled, '/end': there}))
    wire = proxy.connect()
    for _ in range(3):
        assert b'SMUGGLED' not in wire.ask(get(o.url('/'))).body


def test_origin_that_hangs_at_the_end_of_a_chain_with_a_body(start, origin, token):
    """Time-outs of a hop name their phase."""
    end = origin(hang)
    o = origin(routes({}, lambda r: moved(end.url('/'), 307)))
    viaduct = start({**FOLLOW, 'timeouts.response_head': '300ms'})
    assert viaduct.ask(post(o.url(token), b'x' * 1000)).status == 504
    assert viaduct.wait_flow(token)['error'] == 'response_head_timeout'
