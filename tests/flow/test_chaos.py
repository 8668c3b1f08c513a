"""Clients and origins that break off anywhere, many at once, in a repeatable disorder: the proxy serves on and forgets nobody."""

import json
import random
import threading
import time

import pytest

from kit.origin import hello
from kit.wait import until
from kit.wire import answer, chunked, get, post

CLIENTS, TURNS = 8, 40
BODY = b'z' * 70000


def pieces(rng, data):
    """Cuts it at a few places."""
    cuts = sorted(rng.sample(range(1, len(data)), min(3, len(data) - 1)))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)])]


ANSWERS = [
    answer(200, BODY), answer(200, b'', 'Transfer-Encoding: chunked', length=False) + chunked(BODY[:100], BODY),
    answer(204, b'', length=False),
    b'HTTP/1.1 103 Early Hints\r\n\r\n' + answer(200, b'x'), answer(302, b'moved', 'Location: /elsewhere'),
    answer(200, BODY, 'Connection: close'),
    answer(101, b'', 'Upgrade: thing', 'Connection: upgrade', length=False), b'garbage\r\n\r\n', answer(200, BODY, length=False),
]


def disorderly(seed):
    """A script: reads and answers, and now and then breaks off somewhere in the answer. What it reads may be cut off too."""
    def script(peer):
        try:
            answer_in_disorder(peer)
        except AssertionError:
            pass

    def answer_in_disorder(peer):
        rng = random.Random(seed * 1000 + peer.number)
        while peer.read_request(body=rng.random() < 0.8) is not None:
            data = rng.choice(ANSWERS)
            for piece in pieces(rng, data):
                if rng.random() < 0.08:
                    if rng.random() < 0.5:
                        peer.reset()
                    return
                peer.send(piece)
            if b'\r\nContent-Length' not in data and b'chunked' not in data:
                return
    return script


def requests(rng, o):
    """One to three requests, some with a body, some upgrades, some tunnels."""
    url = o.url(f'/{rng.random()}')
    return rng.choice([
        get(url), get(url) * 3, post(url, BODY), get(url, 'Transfer-Encoding: chunked', method='POST') + chunked(BODY[:5], BODY),
        get(url, 'Connection: upgrade', 'Upgrade: thing'), get(url, 'Expect: 100-continue', 'Content-Length: 5', method='POST') + b'abcde',
        f'CONNECT {o.authority} HTTP/1.1\r\nHost: x\r\n\r\n'.encode() + get('/', host='x'), get(url, method='HEAD'), b'garbage\r\n\r\n',
    ])


def client(viaduct, o, seed):
    rng = random.Random(seed)
    for _ in range(TURNS):
        wire = viaduct.connect(timeout_s=0.3)
        try:
            for piece in pieces(rng, requests(rng, o)):
                if rng.random() < 0.1:
                    break
                wire.send(piece)
            if rng.random() < 0.7:
                wire.read_some()
            if rng.random() < 0.5:
                wire.half_close()
                wire.read_eof()
        except (AssertionError, OSError):
            pass
        wire.reset() if rng.random() < 0.5 else wire.close()


@pytest.mark.slow
@pytest.mark.parametrize('mode', ['pass', 'follow'])
@pytest.mark.parametrize('seed', [1, 2])
def test_disorder(start, origin, mode, seed):
    o = origin(disorderly(seed))
    short = ('request_head', 'request_body', 'response_head', 'response_body', 'tunnel_idle', 'client_idle', 'queue')
    viaduct = start({'redirects.mode': mode, 'limits.buffer': '16k', 'upstream.max_per_origin': '6', 'upstream.idle_timeout': '500ms',
                     **{f'timeouts.{name}': '500ms' for name in short}})
    before = viaduct.open_files()
    threads = [threading.Thread(target=client, args=(viaduct, o, seed * 100 + i)) for i in range(CLIENTS)]
    begin = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert time.monotonic() - begin < 60
    assert viaduct.ask(get(origin(hello()).url('/well'))).status == 200
    until(lambda: viaduct.open_files() <= before + 2, 'every socket to be given back')
    flows = until(lambda: (f := viaduct.flows()) and all(x['outcome'] != 'pending' for x in f) and f, 'every flow to end', every_s=0.2)
    assert len(flows) > CLIENTS * TURNS / 2
    assert {'delivered', 'failed', 'cancelled'} <= {f['outcome'] for f in flows}
    odd = [f for f in flows if (f['error'] is not None) != (f['outcome'] == 'failed')]
    assert not odd, json.dumps(odd)
    assert 'internal' not in {f['error'] for f in flows}
