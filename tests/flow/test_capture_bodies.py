"""Bodies: of every hop, in both directions, as they were sent; cut at a limit, and marked."""

import concurrent.futures
import gzip
import hashlib
import os
import subprocess
import threading
import zlib

import pytest

from kit.captured import ask, body
from kit.origin import always, echo, once, serve
from kit.proxy import command
from kit.redirects import FOLLOW, moved, routes, there
from kit.wait import until
from kit.wire import answer, get, post

KIB, MIB = 1 << 10, 1 << 20


def test_both_directions(proxy, origin, token):
    o = origin(always(answer(200, b'the answer')))
    assert proxy.ask(post(o.url(token), b'the question')).status == 200
    flow = proxy.wait_flow(token)
    assert body(proxy, flow['id'], 'request') == b'the question'
    assert body(proxy, flow['id'], 'response') == b'the answer'


@pytest.mark.parametrize('size', (0, 1, 1023, 16 * KIB, 64 * KIB - 1, 64 * KIB, 64 * KIB + 1, 3 * MIB + 17))
def test_every_size(proxy, origin, token, size):
    sent, got = os.urandom(size), os.urandom(size)
    o = origin(always(answer(200, got)))
    assert proxy.ask(post(o.url(token), sent)).body == got
    flow = proxy.wait_flow(token)
    assert body(proxy, flow['id'], 'request') == (sent or None)
    assert body(proxy, flow['id'], 'response') == (got or None)


def test_chunked_is_kept_without_framing(proxy, origin, token):
    o = origin(always(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n'))
    sent = b'3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n'
    assert proxy.ask(get(o.url(token), 'Transfer-Encoding: chunked', method='POST') + sent).status == 200
    flow = proxy.wait_flow(token)
    assert body(proxy, flow['id'], 'request') == b'abcde'
    assert body(proxy, flow['id'], 'response') == b'hello, world'


def brotli(data):
    return subprocess.run(['node', '-e', 'process.stdin.pipe(require("zlib").createBrotliCompress()).pipe(process.stdout)'],
                          input=data, capture_output=True, check=True, timeout=20).stdout


@pytest.mark.parametrize('codings, encode', (
    ('gzip', gzip.compress), ('x-gzip', gzip.compress), ('deflate', zlib.compress),
    ('deflate', lambda data: zlib.compress(data)[2:-4]), ('br', brotli), ('gzip, gzip', lambda data: gzip.compress(gzip.compress(data))),
    ('deflate, br', lambda data: brotli(zlib.compress(data)))), ids=str)
def test_codings_are_kept_and_undone_for_view(proxy, origin, token, codings, encode):
    plain = b'{"a": "' + b'text that repeats ' * 5000 + b'"}'
    coded = encode(plain)
    o = origin(always(answer(200, coded, f'Content-Encoding: {codings}', 'Content-Type: application/json')))
    assert proxy.ask(get(o.url(token))).body == coded
    flow = proxy.wait_flow(token)
    assert body(proxy, flow['id'], raw=True) == coded
    assert body(proxy, flow['id']) == plain


def test_each_hop_of_a_chain(start, origin, token):
    """A redirect's own body, the request's body as it was sent again, and what the last one answered."""
    viaduct = start(FOLLOW)
    o = origin(routes({'/two' + token: moved('/three' + token, 307, body=b'go on'), '/three' + token: there}))
    first = origin(serve(lambda request: moved(o.url('/two' + token), 307, body=b'over there ' * 100)))
    assert viaduct.ask(post(first.url(token), b'carried along')).status == 200
    flow = viaduct.wait_flow(token)
    for hop in (1, 2, 3):
        assert body(viaduct, flow['id'], 'request', hop) == b'carried along'
    assert body(viaduct, flow['id'], 'response', 1) == b'over there ' * 100
    assert body(viaduct, flow['id'], 'response', 2) == b'go on'
    assert body(viaduct, flow['id'], 'response', 3).startswith(b'POST 127.0.0.1/three')
    assert body(viaduct, flow['id']) == body(viaduct, flow['id'], 'response', 3)


def test_a_body_dropped_by_a_303(start, origin, token):
    viaduct = start(FOLLOW)
    o = origin(routes({'/then' + token: there, token: moved('/then' + token, 303)}))
    assert viaduct.ask(post(o.url(token), b'once')).status == 200
    flow = viaduct.wait_flow(token)
    assert body(viaduct, flow['id'], 'request', 1) == b'once'
    assert body(viaduct, flow['id'], 'request', 2) is None


def test_each_attempt_of_a_retry(start, origin, token):
    replies = iter((answer(503, b'not now'), answer(200, b'now')))
    o = origin(serve(lambda request: next(replies)))
    viaduct = start({'retry.enabled': 'true'})
    assert viaduct.ask(get(o.url(token))).body == b'now'
    flow = viaduct.wait_flow(token)
    assert [body(viaduct, flow['id'], 'response', n) for n in (1, 2)] == [b'not now', b'now']


def test_a_response_made_here(proxy, token):
    response = proxy.ask(get(f'http://127.0.0.1:1{token}'))
    assert response.status == 502
    assert body(proxy, proxy.wait_flow(token)['id']) == response.body


def test_a_head_has_no_body(proxy, origin, token):
    o = origin(always(answer(200, b'', 'Content-Length: 1000', length=False)))
    assert proxy.ask(get(o.url(token), method='HEAD'), 'HEAD').status == 200
    assert body(proxy, proxy.wait_flow(token)['id']) is None


@pytest.mark.parametrize('size, cut', ((99_999, None), (100_000, None), (100_001, 'limit'), (5_000_000, 'limit')))
def test_limit(start, origin, token, size, cut):
    """Cut at capture.body_limit, marked, and what passes is whole."""
    sent, got = os.urandom(size), os.urandom(size)
    o = origin(always(answer(200, got)))
    viaduct = start({'capture.body_limit': '100000'})
    assert hashlib.sha256(viaduct.ask(post(o.url(token), sent)).body).digest() == hashlib.sha256(got).digest()
    assert o.last().body == sent
    flow = viaduct.wait_flow(token)
    assert flow['response_body_bytes'] == size
    assert body(viaduct, flow['id'], 'request', raw=True) == sent[:100_000]
    assert body(viaduct, flow['id'], raw=True) == got[:100_000]
    cuts = ask(viaduct, 'SELECT request_body_cut, response_body_cut FROM hops WHERE exchange_id = ?', flow['id'])
    assert cuts == [(cut, cut)]


def test_a_cut_gzip_is_shown_as_far_as_it_goes(start, origin, token):
    plain = os.urandom(400_000).hex().encode()
    o = origin(always(answer(200, gzip.compress(plain), 'Content-Encoding: gzip')))
    viaduct = start({'capture.body_limit': '100000'})
    viaduct.ask(get(o.url(token)))
    shown = body(viaduct, viaduct.wait_flow(token)['id'])
    assert len(shown) > 100_000 and plain.startswith(shown)


def test_no_bodies_at_all(start, origin, token):
    o = origin(always(answer(200, b'x' * 1000)))
    viaduct = start({'capture.body_limit': '0'})
    assert viaduct.ask(post(o.url(token), b'y' * 1000)).status == 200
    flow = viaduct.wait_flow(token)
    assert body(viaduct, flow['id']) is None and body(viaduct, flow['id'], 'request') is None
    assert ask(viaduct, 'SELECT count(*) FROM bodies') == [(0,)]


def test_equal_bodies_are_stored_once(start, origin, token):
    """Small ones and large ones, requests and responses."""
    small, large = os.urandom(700), os.urandom(700_000)
    o = origin(serve(lambda request: answer(200, small if 'small' in request.target else large)))
    viaduct = start()
    for i in range(20):
        viaduct.ask(post(o.url(f'/{("small", "large")[i % 2]}{token}{i}'), (small, large)[i % 2]))
    flows = viaduct.wait_flows(token, 20)
    assert ask(viaduct, 'SELECT count(*), sum(bytes) FROM bodies') == [(2, len(small) + len(large))]
    for i, flow in enumerate(flows):
        assert body(viaduct, flow['id'], ('request', 'response')[i % 2]) == (large if 'large' in flow['url'] else small)


def test_text_is_compressed_in_the_file(start, origin, token):
    o = origin(always(answer(200, b'the same words again and again, ' * 30_000, 'Content-Type: text/plain')))
    viaduct = start()
    viaduct.ask(get(o.url(token)))
    flow = viaduct.wait_flow(token)
    (size, stored), = ask(viaduct, 'SELECT bytes, stored_bytes FROM bodies')
    assert size == 960_000 and stored < size / 10
    assert len(body(viaduct, flow['id'])) == size


def test_a_body_that_breaks_off(start, origin, token):
    """What came is kept; the record says that it was not all."""
    o = origin(once(answer(200, b'half', 'Content-Length: 1000', length=False), then='reset'))
    viaduct = start()
    with pytest.raises(Exception):
        viaduct.ask(get(o.url(token)))
    flow = viaduct.wait_flow(token)
    assert flow['outcome'] == 'failed'
    assert body(viaduct, flow['id'], raw=True) in (b'half', None)


def test_a_growing_body_can_be_seen(start, origin, token):
    """Half of an answer that is still coming, and half of an upload."""
    over = threading.Event()

    def script(peer):
        peer.read_request()
        peer.send(b'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 4000000\r\n\r\n' + b'd' * 1_000_000)
        over.wait(20)
    viaduct = start()
    wire = viaduct.connect()
    wire.send(get(origin(script).url(token)))
    wire.read_response(body=False)
    assert wire.take(1_000_000)
    flow = until(lambda: next((f for f in viaduct.flows() if token in f['url'] and f['response_body_bytes'] == 1_000_000), None), 'the bytes so far')
    assert flow['outcome'] == 'pending' and flow['response_length_bytes'] == 4_000_000
    assert until(lambda: len(body(viaduct, flow['id'], raw=True) or b'') == 1_000_000, 'the body so far')
    until(lambda: '25 %' in viaduct_text(viaduct, token), 'the per cent')
    wire.close()
    over.set()


def viaduct_text(viaduct, token):
    """The line of `viaduct flows` for people."""
    done = command('flows', '--data', viaduct.data)
    assert done.returncode == 0, done.stderr
    return '\n'.join(line for line in done.stdout.splitlines() if token in line)


def test_an_upload_that_still_runs(start, origin, token):
    def script(peer):
        peer.read_request(body=False)
        over.wait(20)
    over = threading.Event()
    viaduct = start()
    wire = viaduct.connect()
    wire.send(get(origin(script).url(token), 'Content-Length: 10000000', method='POST') + b'u' * 100_000)

    def seen():
        return next((f for f in viaduct.flows() if token in f['url'] and f['request_body_bytes'] == 100_000), None)
    flow = until(seen, 'the bytes so far')
    assert flow['outcome'] == 'pending' and flow['request_length_bytes'] == 10_000_000
    until(lambda: body(viaduct, flow['id'], 'request', raw=True) == b'u' * 100_000, 'the body so far')
    wire.close()
    over.set()


def test_echo_of_many_sizes_at_once(start, origin, token):
    """Bodies of many flows at once are not mixed up."""
    viaduct, o = start(), origin(serve(echo))
    bodies = {f'{token}/{i}': os.urandom((i * 7919) % 200_000 + 1) for i in range(60)}

    def run(item):
        path, sent = item
        assert viaduct.ask(post(o.url(path), sent)).status == 200
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        list(pool.map(run, bodies.items()))
    flows = viaduct.wait_flows(token, 60)
    for flow in flows:
        path = flow['url'].split(str(o.port), 1)[1]
        assert body(viaduct, flow['id'], 'request', raw=True) == bodies[path]
