"""Capture at full rate: everything is there, memory stays flat, and it costs a bounded part of the whole."""

import os
import subprocess

import pytest

from kit.captured import ask, body
from kit.peak import Peak
from kit.wait import until
from kit.wire import get

MIB, GIB = 1 << 20, 1 << 30
ROUNDS = 8


def cpu_s(viaduct):
    with open(f'/proc/{viaduct.process.pid}/stat', encoding='ascii') as f:
        fields = f.read().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def load(viaduct, url, requests):
    done = subprocess.run(['ab', '-q', '-k', '-n', str(requests), '-c', '64', '-X', f'{viaduct.host}:{viaduct.port}', url],
                          capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert f'Complete requests:      {requests}\n' in done.stdout and 'Non-2xx' not in done.stdout, done.stdout
    assert 'Failed requests:        0\n' in done.stdout, done.stdout


def run_rate(start, nginx, requests):
    """CPU of the proxy with capture in times of that without, until all is stored; by turns, since machines have moods."""
    nginx.write('kilobyte', os.urandom(1024))
    url = nginx.url('/kilobyte')
    bare, full = start({'capture.enabled': 'false'}), start()
    load(bare, url, 2000), load(full, url, 2000)
    before = cpu_s(bare), cpu_s(full)
    with Peak(full) as peak:
        for _ in range(ROUNDS):
            load(bare, url, requests // ROUNDS), load(full, url, requests // ROUNDS)
        until(lambda: ask(full, 'SELECT count(*) FROM exchanges') == [(requests + 2000,)], 'every flow in the database', deadline_s=60, every_s=0.5)
    kept = ask(full, 'SELECT count(*) FROM hops h JOIN bodies b ON b.id = h.response_body_id WHERE b.bytes = 1024')
    assert kept == [(requests + 2000,)]
    return (cpu_s(full) - before[1]) / (cpu_s(bare) - before[0]), peak.bytes


def test_every_flow_is_kept(start, nginx):
    _, memory = run_rate(start, nginx, 10_000)
    assert memory < 600 * MIB  # with sanitizers


@pytest.mark.release
def test_two_hundred_thousand_flows(start, nginx):
    ratio, memory = run_rate(start, nginx, 200_000)
    assert memory < 150 * MIB
    assert ratio < 1.6, ratio


@pytest.mark.release
def test_five_gigabytes_are_cut_at_the_limit(start, nginx):
    nginx.write_sparse('huge', 5 * GIB)
    viaduct = start()
    wire = viaduct.connect(timeout_s=60)
    wire.send(get(nginx.url('/huge')))
    wire.read_response(body=False)
    left, block = 5 * GIB - len(wire.take(len(wire.pending))), bytearray(4 * MIB)
    with Peak(viaduct) as peak:
        while left:
            left -= wire.sock.recv_into(block, min(left, len(block)))
    assert peak.bytes < 100 * MIB
    flow = viaduct.wait_flow('/huge')
    assert flow['response_body_bytes'] == 5 * GIB
    assert len(body(viaduct, flow['id'], raw=True)) == 10 * MIB
    assert ask(viaduct, 'SELECT response_body_cut FROM hops') == [('limit',)]
