"""Many clients, large bodies: bounded in time, flat in memory."""

import asyncio
import resource
import time

import pytest

from kit.origin import hello, serve
from kit.peak import Peak
from kit.wait import until
from kit.wire import answer, get

MIB = 1 << 20


def many(viaduct, url, clients, requests_each):
    """All connect first, then all ask at once; returns how many good answers came."""
    async def one(gate, arrived):
        reader, writer = await asyncio.open_connection(*viaduct.address)
        arrived.append(1)
        await gate.wait()
        good = 0
        for _ in range(requests_each):
            writer.write(get(url))
            head = await reader.readuntil(b'\r\n\r\n')
            length = int(head.lower().split(b'content-length: ')[1].split(b'\r\n')[0])
            await reader.readexactly(length)
            good += head.startswith(b'HTTP/1.1 200')
        writer.close()
        return good

    async def all_of_them():
        gate, arrived = asyncio.Event(), []
        tasks = [asyncio.create_task(one(gate, arrived)) for _ in range(clients)]
        while len(arrived) < clients:
            await asyncio.sleep(0.01)
        gate.set()
        return sum(await asyncio.wait_for(asyncio.gather(*tasks), 60))
    return asyncio.run(all_of_them())


def test_hundred_clients(start, nginx):
    viaduct = start()
    assert many(viaduct, nginx.url('/file.txt'), 100, 10) == 1000
    until(lambda: len(viaduct.flows()) == 1000, 'every flow in the record', every_s=0.2)


@pytest.mark.release
def test_thousand_clients(start, nginx):
    """No error, and every flow is kept."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    viaduct = start()
    begin = time.monotonic()
    assert many(viaduct, nginx.url('/file.txt'), 1000, 10) == 10000
    assert time.monotonic() - begin < 60
    until(lambda: len(viaduct.flows()) == 10000, 'every flow in the record', deadline_s=30, every_s=0.5)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def download(viaduct, url, size):
    wire = viaduct.connect(timeout_s=30)
    wire.send(get(url))
    response = wire.read_response(body=False)
    assert response.get('content-length') == str(size)
    left = size - len(wire.take(len(wire.pending)))
    block = bytearray(MIB)
    while left:
        n = wire.sock.recv_into(block, min(left, MIB))
        assert n, f'{left} bytes are missing'
        left -= n


def upload(viaduct, o, size):
    wire = viaduct.connect(timeout_s=30)
    wire.send(get(o.url('/up'), f'Content-Length: {size}', method='POST'))
    block = b'u' * MIB
    for _ in range(size // MIB):
        wire.send(block)
    response = wire.read_response()
    assert (response.status, response.body) == (200, b'%d' % size)


def counting(peer):
    """A script that counts a body without keeping it."""
    request = peer.read_request(body=False)
    left = size = int(request.get('content-length'))
    left -= len(peer.take(len(peer.pending)))
    block = bytearray(MIB)
    while left:
        n = peer.sock.recv_into(block, min(left, MIB))
        assert n
        left -= n
    peer.send(answer(200, b'%d' % size))


def test_large_download_and_upload(start, origin, nginx):
    """A little of what the release tests do."""
    nginx.write_sparse('large', 128 * MIB)
    viaduct = start({'capture.body_limit': '0'})
    before = viaduct.rss_bytes()
    with Peak(viaduct) as peak:
        download(viaduct, nginx.url('/large'), 128 * MIB)
        upload(viaduct, origin(counting), 128 * MIB)
    assert peak.bytes - before < 30 * MIB


@pytest.mark.release
def test_two_gigabytes_down(start, nginx):
    nginx.write_sparse('huge', 2048 * MIB)
    viaduct = start()
    begin = time.monotonic()
    with Peak(viaduct) as peak:
        download(viaduct, nginx.url('/huge'), 2048 * MIB)
    assert time.monotonic() - begin < 60
    assert peak.bytes < 60 * MIB
    assert viaduct.wait_flow('/huge')['response_body_bytes'] == 2048 * MIB


@pytest.mark.release
def test_two_gigabytes_up(start, origin):
    viaduct = start()
    begin = time.monotonic()
    with Peak(viaduct) as peak:
        upload(viaduct, origin(counting), 2048 * MIB)
    assert time.monotonic() - begin < 60
    assert peak.bytes < 60 * MIB
    assert viaduct.wait_flow('/up')['request_body_bytes'] == 2048 * MIB


def test_memory_of_idle_clients(start, origin):
    """Kept clients cost little."""
    o = origin(hello())
    viaduct = start()
    wires = [viaduct.connect() for _ in range(10)]
    for wire in wires:
        assert wire.ask(get(o.url('/'))).status == 200
    before = viaduct.rss_bytes()
    more = [viaduct.connect() for _ in range(300)]
    for wire in more:
        assert wire.ask(get(o.url('/'))).status == 200
    grown = viaduct.rss_bytes() - before
    assert grown < 300 * 100 * 1024, f'{grown // 300} bytes per idle client'


def test_descriptors_are_given_back(start, origin):
    o = origin(serve(lambda r: answer(200, b'x', 'Connection: close')))
    viaduct = start({'upstream.max_idle': '0'})
    assert viaduct.ask(get(o.url('/'))).status == 200
    before = viaduct.open_files()
    for _ in range(100):
        assert viaduct.ask(get(o.url('/'), 'Connection: close')).status == 200
    until(lambda: viaduct.open_files() <= before + 2, 'the descriptors to be given back')
