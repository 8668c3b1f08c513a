"""upstream.max_per_origin: so many connections to an origin over all workers, and a line for the rest, first come, first served."""

import socket
import threading
import time

import pytest

from kit.origin import hang, hello
from kit.redirects import FOLLOW, moved, there
from kit.wait import until
from kit.wire import Closed, answer, connect, get

ONE = {'upstream.max_per_origin': '1'}


class Counter:
    """A script that counts how many requests are in it at once; each is held until released, if it is told to hold."""

    def __init__(self, holds=False, pause_s=0.0, body=b'x'):
        self.lock = threading.Lock()
        self.now = self.most = 0
        self.targets = []
        self.gate = threading.Semaphore(0)
        self.holds, self.pause_s, self.body = holds, pause_s, body

    def __call__(self, peer):
        while (request := peer.read_request()) is not None:
            with self.lock:
                self.now += 1
                self.most = max(self.most, self.now)
                self.targets.append(request.target)
            if self.holds:
                while not self.gate.acquire(timeout=0.05) and not peer.origin.stop.is_set():
                    pass
            if self.pause_s:
                time.sleep(self.pause_s)  # how long a request takes
            with self.lock:
                self.now -= 1
            peer.send(answer(200, self.body))


def in_flight(viaduct):
    """By the metrics."""
    host, _, port = viaduct.ready['inspector'].removeprefix('http://').rpartition(':')
    wire = connect((host, int(port)))
    text = wire.ask(get('/metrics', f'Authorization: Bearer {viaduct.ready["token"]}', host=f'{host}:{port}')).text
    wire.close()
    return int(float([line.split()[1] for line in text.splitlines() if line.startswith('viaduct_flows_in_flight ')][0]))


@pytest.fixture
def line(start):
    """line(options) -> a proxy of four workers with an inspector."""
    return lambda options=None, **how: start({**FOLLOW, **ONE, **(options or {})}, **{'workers': 4, 'inspector': '127.0.0.1:0', **how})


def send_all(viaduct, urls):
    """Sends each request on a connection of its own, each when the one before has been seen."""
    wires = []
    for n, url in enumerate(urls, 1):
        wires.append(viaduct.connect())
        wires[-1].send(get(url))
        until(lambda n=n: in_flight(viaduct) >= n, f'flow {n} to begin')
    return wires


def test_strictly_one_after_the_other(line, origin):
    """Many clients at once on four workers; kept and closed connections alike."""
    script = Counter(pause_s=0.005)
    o = origin(script)
    viaduct = line()
    failures = []

    def client(n):
        try:
            wire = viaduct.connect()
            for i in range(10):
                assert wire.ask(get(o.url(f'/{n}/{i}'), *(['Connection: close'] if i == 9 else []))).status == 200
            wire.close()
        except AssertionError as e:
            failures.append(e)
    threads = [threading.Thread(target=client, args=(n,)) for n in range(12)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(30)
    assert not failures, failures[0]
    assert script.most == 1 and len(script.targets) == 120


@pytest.mark.parametrize('workers', [1, 4])
def test_first_come_first_served(line, origin, workers):
    script = Counter(holds=True)
    o = origin(script)
    viaduct = line(workers=workers)
    wires = send_all(viaduct, [o.url(f'/{n}') for n in range(12)])
    assert script.targets == ['/0']
    for wire in wires:
        script.gate.release()
        assert wire.read_response().status == 200
    assert script.targets == [f'/{n}' for n in range(12)] and script.most == 1


def test_the_wait_is_in_the_record(line, origin, token):
    script = Counter(holds=True)
    o = origin(script)
    viaduct = line()
    wires = send_all(viaduct, [o.url(f'{token}-{n}') for n in range(3)])
    for wire in wires:
        time.sleep(0.2)  # what the next ones wait at least
        script.gate.release()
        assert wire.read_response().status == 200
    waits = [viaduct.wait_shown(f'{token}-{n}')['chain'][0]['queue_us'] for n in range(3)]
    assert not waits[0] and waits[1] >= 190_000 and waits[2] >= 390_000, waits


@pytest.mark.parametrize('limit', [2, 5])
def test_as_many_as_allowed(line, origin, limit):
    script = Counter(holds=True)
    o = origin(script)
    viaduct = line({'upstream.max_per_origin': limit})
    wires = send_all(viaduct, [o.url(f'/{n}') for n in range(limit + 3)])
    until(lambda: script.now == limit, 'as many as allowed')
    for _ in wires:
        script.gate.release()
    assert all(w.read_response().status == 200 for w in wires)
    assert script.most == limit


def test_origins_do_not_wait_for_each_other(line, origin):
    stuck, free = origin(hang), origin(hello(b'free'))
    viaduct = line()
    wires = send_all(viaduct, [stuck.url('/'), stuck.url('/')])
    assert viaduct.ask(get(free.url('/'))).body == b'free'
    for wire in wires:
        wire.reset()


def test_timeout(line, origin, token):
    """503 with the error's name; the line goes on behind it."""
    script = Counter(holds=True)
    o = origin(script)
    viaduct = line({'timeouts.queue': '300ms'})
    first, second = send_all(viaduct, [o.url('/'), o.url(token)])
    response = second.read_response()
    assert response.status == 503 and 'connection_limit_reached' in response.get('proxy-status')
    record = viaduct.wait_shown(token)
    assert (record['outcome'], record['error']) == ('failed', 'queue_timeout')
    assert record['chain'][0]['queue_us'] >= 290_000
    script.gate.release()
    assert first.read_response().status == 200
    script.gate.release()
    assert viaduct.ask(get(o.url('/after'))).status == 200
    assert script.targets == ['/', '/after']


def test_client_that_leaves_the_line(line, origin, token):
    script = Counter(holds=True)
    o = origin(script)
    viaduct = line()
    first, second, third = send_all(viaduct, [o.url('/0'), o.url(token), o.url('/2')])
    second.reset()
    assert viaduct.wait_flow(token)['outcome'] == 'cancelled'
    for wire in first, third:
        script.gate.release()
        assert wire.read_response().status == 200
    assert script.targets == ['/0', '/2']


def test_client_that_leaves_at_the_head_of_the_line(line, origin):
    """Its place is given on: the request in progress is cut."""
    script = Counter(holds=True)
    o = origin(script)
    viaduct = line()
    first, second = send_all(viaduct, [o.url('/0'), o.url('/1')])
    first.reset()
    until(lambda: '/1' in script.targets, 'the next in line')
    script.gate.release()
    script.gate.release()
    assert second.read_response().status == 200


@pytest.mark.parametrize('how', ['refused', 'closed', 'malformed', 'timeout'])
def test_failures_give_their_place_back(line, origin, how):
    scripts = {'refused': hello(), 'closed': lambda peer: peer.read_request(), 'timeout': hang,
               'malformed': lambda peer: (peer.read_request(), peer.send(b'nonsense\r\n\r\n'))}
    o = origin(scripts[how])
    if how == 'refused':
        o.close()
    viaduct = line({'timeouts.response_head': '100ms', 'timeouts.queue': '60s'})
    wires = [viaduct.connect() for _ in range(6)]
    for wire in wires:
        wire.send(get(o.url('/')))
    assert all(w.read_response().status in (502, 504) for w in wires)


def test_redirect_to_the_same_origin(line, origin):
    """A chain does not wait for itself, whatever the redirect's body does."""
    def script(peer):
        while (request := peer.read_request()) is not None:
            if request.target == '/end':
                peer.send(there(request))
                continue
            if request.target == '/ends':
                peer.send(moved('/end'))
                continue
            peer.send(answer(302, b'', 'Location: /end', 'Content-Length: 10', length=False))
    o = origin(script)
    viaduct = line({'redirects.drain_time': '30s', 'timeouts.queue': '3s'})
    for target in '/ends', '/stalls', '/ends':
        assert viaduct.ask(get(o.url(target))).status == 200


def test_kept_connections_of_other_workers_are_no_obstacle(line, origin):
    """Whichever worker holds the one idle connection, the next request gets through at once."""
    o = origin(hello())
    viaduct = line()
    begin = time.monotonic()
    for _ in range(30):
        assert viaduct.ask(get(o.url('/'))).status == 200
    assert time.monotonic() - begin < 10


def test_connections_are_counted_not_only_requests(line, origin):
    """At no time are there more than allowed, idle ones included."""
    open_now, most, lock = [], [0], threading.Lock()

    def is_over(peer):
        """The end may lie there unread: a thread of the origin comes to it when the machine lets it."""
        try:
            with peer.sock.dup() as look:
                look.setblocking(False)  # as it is underneath: a time-out is Python's own
                return look.recv(1, socket.MSG_PEEK) == b''
        except BlockingIOError:
            return False
        except OSError:
            return True

    def script(peer):
        with lock:
            open_now[:] = [p for p in open_now if not is_over(p)] + [peer]
            most[0] = max(most[0], len(open_now))
        while peer.read_request() is not None:
            peer.send(answer(200, b'x'))
    o = origin(script)
    viaduct = line({'upstream.max_per_origin': '2'})
    wires = [viaduct.connect() for _ in range(10)]
    for _ in range(5):
        for wire in wires:
            wire.send(get(o.url('/')))
        for wire in wires:
            assert wire.read_response().status == 200
    # The end of a connection may be seen a moment after the next one came.
    assert most[0] <= 4


def test_shutdown_with_a_line(line, origin):
    o = origin(hang)
    viaduct = line({'timeouts.drain': '200ms'})
    wires = send_all(viaduct, [o.url(f'/{n}') for n in range(4)])
    viaduct.is_over = True
    viaduct.stop()
    for wire in wires:
        try:
            assert wire.read_response().status in (502, 503, 504)
        except (Closed, ConnectionResetError):
            pass
