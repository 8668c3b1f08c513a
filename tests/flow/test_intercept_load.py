"""Opened tunnels in numbers: floods of names and of handshakes, many clients, large bodies; bounded in time and memory."""

import concurrent.futures
import re
import threading
import time

import pytest

from kit.intercept import Handshake, client_context, request
from kit.origin import hello, serve
from kit.peak import Peak
from kit.wait import until
from kit.wire import answer, connect

MIB = 1 << 20


@pytest.fixture
def secure(origin, certs):
    made = origin(hello(), tls=certs.server(certs.good))
    made.name = f'good.test:{made.port}'
    return made


class HelloMaker:
    """ClientHellos for any name, made from one by replacing the name."""

    def __init__(self):
        self.raw = Handshake(client_context(None), 'host-00000.flood.test').hello()
        assert self.raw.count(b'host-00000') == 1

    def of(self, i):
        return self.raw.replace(b'host-00000', b'host-%05d' % i)


def flood(viaduct, authority, numbers, hello_maker):
    """One tunnel after the other, each with a name that was not seen before; until the certificate has come."""
    connect_bytes = f'CONNECT {authority} HTTP/1.1\r\nHost: x\r\n\r\n'.encode()
    for i in numbers:
        wire = connect(viaduct.address)
        wire.send(connect_bytes + hello_maker.of(i))
        wire.read_until(b'\r\n\r\n')
        wire.read_exact(200)
        wire.reset()


def metric(viaduct, pattern):
    host, _, port = viaduct.ready['inspector'].removeprefix('http://').rpartition(':')
    wire = connect((host, int(port)))
    text = wire.ask(f'GET /metrics HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {viaduct.ready["token"]}\r\n\r\n'.encode()).text
    wire.close()
    found = re.search(rf'^viaduct_{pattern} (\d+)', text, re.MULTILINE)
    assert found, re.findall(r'^viaduct_\S*(?:leaf|leaves|cert)\S* .*', text, re.MULTILINE)
    return int(found.group(1))


@pytest.mark.slow
def test_flood_of_names(start_opener, secure):
    """3,000 names from four clients at once: another client is served all the while, and no more leaves are kept than allowed."""
    viaduct = start_opener({'intercept.max_leaves': '100', 'capture.enabled': 'false'}, inspector='127.0.0.1:0')
    hello_maker, slowest, stop = HelloMaker(), [0.0], threading.Event()

    def another():
        while not stop.is_set():
            begin = time.monotonic()
            assert viaduct.fetch(f'https://{secure.name}/').status == 200
            slowest[0] = max(slowest[0], time.monotonic() - begin)
    with concurrent.futures.ThreadPoolExecutor(5) as pool:
        served = pool.submit(another)
        floods = [pool.submit(flood, viaduct, secure.name, range(n, 3000, 4), hello_maker) for n in range(4)]
        try:
            for one in floods:
                one.result(120)
        finally:
            stop.set()
        served.result(20)
    assert slowest[0] < 3
    assert metric(viaduct, 'leaf_made_total') >= 3000
    assert metric(viaduct, 'leaf_cache_entries') <= 100


def test_many_idle_handshakes(start_opener, secure):
    """300 clients that stop behind their hello hold up nobody."""
    viaduct = start_opener()
    wires, first = [viaduct.tunnel(secure.name) for _ in range(300)], HelloMaker()
    for i, wire in enumerate(wires):
        wire.send(first.of(i))
    begin = time.monotonic()
    assert viaduct.fetch(f'https://{secure.name}/').status == 200
    assert time.monotonic() - begin < 3
    for wire in wires:
        wire.close()


def test_nothing_is_left_behind(start_opener, secure):
    """Files and memory after a thousand handshakes, good and bad."""
    viaduct = start_opener({'capture.enabled': 'false'})
    viaduct.fetch(f'https://{secure.name}/')
    before = viaduct.open_files()
    for i in range(100):
        if i % 3 == 0:
            viaduct.fetch(f'https://{secure.name}/')
        elif i % 3 == 1:
            viaduct.refuse(secure.name)
        else:
            viaduct.tunnel(secure.name).reset()
    secure.end_connections()
    until(lambda: viaduct.open_files() <= before + 4, 'all files to be closed')


def test_many_requests_in_many_tunnels(start_opener, secure):
    """50 tunnels with 20 requests each: all are answered, all are flows with their CONNECT as parent."""
    viaduct = start_opener(workers=2)

    def client(_):
        wire = viaduct.inside(secure.name)
        for _ in range(20):
            assert wire.get('/').body == b'hello'
        wire.close()
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        list(pool.map(client, range(50)))
    flows = until(lambda: (f := viaduct.flows()) and len(f) == 1050 and all(r['outcome'] != 'pending' for r in f) and f,
                  'every flow in the record', every_s=0.2)
    parents = {f['id'] for f in flows if f['method'] == 'CONNECT'}
    assert len(parents) == 50
    assert {f['parent_id'] for f in flows if f['method'] == 'GET'} == parents


def test_slow_reader(start_opener, origin, certs):
    """A client that does not read makes the origin wait; what lies here is bounded."""
    def script(peer):
        peer.read_request()
        peer.send(b'HTTP/1.1 200 OK\r\nContent-Length: 209715200\r\n\r\n')
        try:
            for _ in range(200):
                peer.send(b'z' * MIB)
        except OSError:
            pass
    o = origin(script, tls=certs.server(certs.good))
    viaduct = start_opener({'limits.buffer': '64k', 'capture.body_limit': '0'})
    before = viaduct.rss_bytes()
    wire = viaduct.connect(receive_buffer=65536)
    wire.ask(f'CONNECT good.test:{o.port} HTTP/1.1\r\nHost: x\r\n\r\n'.encode())
    wire = viaduct.secure(wire, f'good.test:{o.port}')
    wire.request('/')
    o.wait_requests(1)
    seen = []

    def still():
        seen.append(o.peers[0].sent)
        return len(seen) > 10 and len(set(seen[-10:])) == 1
    until(still, 'the transfer to stand still', every_s=0.05)
    assert o.peers[0].sent < 20 * MIB
    assert viaduct.rss_bytes() - before < 16 * MIB
    wire.reset()


@pytest.mark.release
@pytest.mark.parametrize('direction', ['up', 'down'])
def test_gigabyte(start_opener, origin, certs, direction):
    """Through TLS on both sides, in bounded memory."""
    size = 1024 * MIB

    def script(peer):
        head = peer.read_request(body=False)
        if direction == 'up':
            left = int(head.get('content-length'))
            left -= len(peer.take(len(peer.pending)))
            while left > 0:
                left -= len(peer.sock.recv(MIB))
            peer.send(answer(200, b'all'))
        else:
            peer.send(b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n' % size)
            for _ in range(size // MIB):
                peer.send(b'z' * MIB)
    o = origin(script, tls=certs.server(certs.good))
    viaduct = start_opener({'timeouts.request_body': '60s'})
    before = viaduct.rss_bytes()
    with Peak(viaduct) as peak:
        wire = viaduct.inside(f'good.test:{o.port}')
        if direction == 'up':
            wire.request('/', f'Content-Length: {size}', method='PUT')
            for _ in range(size // MIB):
                wire.send(b'z' * MIB)
            assert wire.read_response('PUT').body == b'all'
        else:
            wire.request('/')
            wire.read_response(body=False)
            left = size - len(wire.take(len(wire.pending)))
            while left > 0:
                left -= len(wire.sock.recv(MIB))
    assert peak.bytes - before < 32 * MIB


@pytest.mark.release
def test_handshakes_do_not_block_a_worker(start_opener, secure, origin, certs):
    """Full handshakes one after the other on the same worker: another client's requests wait for one at a time at most."""
    viaduct = start_opener(workers=1)
    other = origin(serve(lambda r: answer(200, b'x')))
    stop, slowest = threading.Event(), [0.0]

    def shake():
        while not stop.is_set():
            viaduct.inside(secure.name).close()
    threads = [threading.Thread(target=shake) for _ in range(4)]
    for thread in threads:
        thread.start()
    wire = viaduct.tunnel(f'a.test:{other.port}')
    for _ in range(500):
        begin = time.monotonic()
        assert wire.ask(request('/', f'a.test:{other.port}')).status == 200
        slowest[0] = max(slowest[0], time.monotonic() - begin)
    stop.set()
    for thread in threads:
        thread.join()
    assert slowest[0] < 0.5
