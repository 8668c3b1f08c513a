"""The store: sessions, limits, readers beside the writer, and what happens when the file or the disk is not as it should be."""

import json
import os
import pathlib
import random
import resource
import signal
import sqlite3
import subprocess
import threading
import time

import pytest

from kit.captured import ask, body, integrity
from kit.origin import always, serve
from kit.proxy import Viaduct, command, over
from kit.wait import until
from kit.wire import answer, get

MIB = 1 << 20


class Load:
    """Clients that ask as fast as they can, on kept connections; each request's URL holds its number, noted with the time when its answer was
    there."""

    def __init__(self, viaduct, url, clients=4):
        self.viaduct, self.url, self.answered, self.over = viaduct, url, [], threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(i,), daemon=True) for i in range(clients)]

    def _run(self, client):
        number = 0
        try:
            wire = self.viaduct.connect()
            while not self.over.is_set():
                path = f'/c{client}n{number}.'
                if wire.ask(get(self.url + path)).status != 200:
                    return
                self.answered.append((time.monotonic(), path))
                number += 1
        except Exception:  # the proxy was killed
            return

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *args):
        self.over.set()
        for thread in self.threads:
            thread.join(10)


class Slow(threading.Thread):
    """A disk that is slow: the database's lock is held again and again, for a while each time, and free for a moment in between."""

    def __init__(self, viaduct, hold_s):
        super().__init__(daemon=True)
        self.path, self.hold_s, self.over = f'{viaduct.data}/flows.db', hold_s, threading.Event()

    def run(self):
        db = sqlite3.connect(self.path, timeout=30, isolation_level=None)
        while not self.over.is_set():
            db.execute('BEGIN IMMEDIATE')
            self.over.wait(self.hold_s)
            db.execute('COMMIT')
            time.sleep(0.25)
        db.close()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *args):
        self.over.set()
        self.join()


def ask_for_bodies(viaduct, o, n, size):
    """One after the other, on a connection each; the longest wait in seconds."""
    longest = 0
    for i in range(n):
        begin = time.monotonic()
        response = viaduct.connect(timeout_s=30).ask(get(o.url(f'/b{i}.')))
        assert (response.status, len(response.body)) == (200, size)
        longest = max(longest, time.monotonic() - begin)
    return longest


def random_bodies(size):
    return serve(lambda request: answer(200, os.urandom(size)))


def test_overload_wait(start, origin):
    """No new request is taken while too much waits; nothing is cut, nothing lost."""
    viaduct = start({'capture.overload': 'wait', 'capture.memory': '1M'})
    o = origin(random_bodies(200_000))
    with Slow(viaduct, 0.7):
        longest = ask_for_bodies(viaduct, o, 40, 200_000)
    assert longest > 0.3
    flows = viaduct.wait_flows('/b', 40)
    assert len(flows) == 40
    assert ask(viaduct, 'SELECT count(*) FROM hops WHERE response_body_cut IS NOT NULL') == [(0,)]
    assert ask(viaduct, 'SELECT count(*) FROM hops h JOIN bodies b ON b.id = h.response_body_id WHERE b.bytes = 200000') == [(40,)]


def test_overload_shed(start, origin):
    """Nobody waits; bodies are cut and marked, flows are all there."""
    viaduct = start({'capture.overload': 'shed', 'capture.memory': '1M'})
    o = origin(random_bodies(200_000))
    with Slow(viaduct, 1.5):
        longest = ask_for_bodies(viaduct, o, 40, 200_000)
    assert longest < 1.0
    viaduct.wait_flows('/b', 40)
    (whole, cut), = ask(viaduct, 'SELECT sum(response_body_cut IS NULL), sum(response_body_cut = \'overload\') FROM hops')
    assert whole + cut == 40 and cut > 5


def test_a_body_that_passes_is_never_delayed(start, nginx):
    """One download goes on while the database stands still, whatever the mode; beyond a bound its record is cut."""
    viaduct = start({'capture.overload': 'wait', 'capture.memory': '1M', 'capture.body_limit': '1G'})
    nginx.write_sparse('long', 64 * MIB)
    with Slow(viaduct, 1.9):
        time.sleep(0.1)  # the lock is held
        begin = time.monotonic()
        wire = viaduct.connect(timeout_s=30)
        wire.send(get(nginx.url('/long')))
        wire.read_response(body=False)
        left = 64 * MIB - len(wire.take(len(wire.pending)))
        while left:
            left -= len(wire.sock.recv(MIB))
        assert time.monotonic() - begin < 1.7
    flow = viaduct.wait_flow('/long')
    assert flow['response_body_bytes'] == 64 * MIB
    (cut, kept), = ask(viaduct, 'SELECT h.response_body_cut, b.bytes FROM hops h JOIN bodies b ON b.id = h.response_body_id')
    assert cut == 'overload' and MIB < kept < 32 * MIB


def test_size_of_the_file(start, origin):
    """The oldest flows leave, the newest stay, nobody is kept waiting."""
    viaduct = start({'capture.max_bytes': '16M', 'capture.body_limit': '1M'})
    o = origin(random_bodies(500_000))
    longest = ask_for_bodies(viaduct, o, 150, 500_000)
    assert longest < 2.0
    until(lambda: any('/b149.' in f['url'] for f in viaduct.flows()), 'the newest flow')
    # Nothing leaves any more while it is being read.
    over(viaduct).stop()
    size = (pathlib.Path(viaduct.data) / 'flows.db').stat().st_size
    flows = viaduct.flows()
    assert size < 24 * MIB
    assert 10 <= len(flows) <= 40
    assert not any('/b0.' in f['url'] for f in flows)
    for flow in flows:
        assert len(body(viaduct, flow['id'])) == 500_000
    assert integrity(viaduct.data) == 'ok'


def test_a_smaller_limit_shrinks_the_file(start, origin):
    viaduct = start({'capture.max_bytes': '1G'})
    ask_for_bodies(viaduct, origin(random_bodies(1_000_000)), 60, 1_000_000)
    viaduct.wait_flows('/b', 60)
    over(viaduct).stop()
    again = start({'capture.max_bytes': '16M', 'capture.body_limit': '1M'}, folder=viaduct.folder)
    path = pathlib.Path(again.data) / 'flows.db'
    until(lambda: path.stat().st_size < 24 * MIB, 'a smaller file', deadline_s=20, every_s=0.2)
    assert again.flows()


def test_age(start, origin, tmp_path):
    """Flows leave when they are too old, without traffic too."""
    viaduct = start({'capture.max_age': '2s'})
    o = origin(always(answer(200, b'x')))
    assert viaduct.ask(get(o.url('/old'))).status == 200
    viaduct.wait_flow('/old')
    until(lambda: not viaduct.flows(), 'an empty database', deadline_s=75, every_s=0.5)


def sessions(viaduct):
    done = command('session', 'list', '--json', '--data', viaduct.data)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_sessions_tell_runs_apart(start, origin):
    o = origin(always(answer(200, b'x')))
    first = start({'capture.session': 'before the change'})
    first.ask(get(o.url('/one')))
    first.wait_flow('/one')
    over(first).stop()
    second = start({'capture.session': 'after'}, folder=first.folder)
    second.ask(get(o.url('/two')))
    second.wait_flow('/two')
    assert [s['name'] for s in sessions(second)] == ['before the change', 'after']
    assert sessions(second)[0]['ended_us'] and sessions(second)[1]['ended_us'] is None
    urls = [f['url'] for f in second.flows('session == "before the change"')]
    assert urls == [o.url('/one')]


def test_a_session_begins_while_it_runs(start, origin):
    o = origin(always(answer(200, b'x')))
    viaduct = start(inspector='127.0.0.1:0')
    viaduct.ask(get(o.url('/one')))
    viaduct.wait_flow('/one')
    done = command('session', 'start', 'a test', '--data', viaduct.data)
    assert done.returncode == 0, done.stderr
    viaduct.ask(get(o.url('/two')))
    viaduct.wait_flow('/two')
    assert command('session', 'end', '--data', viaduct.data).returncode == 0
    viaduct.ask(get(o.url('/three')))
    viaduct.wait_flow('/three')
    assert [f['url'] for f in viaduct.flows('session == "a test"')] == [o.url('/two')]
    assert len(sessions(viaduct)) == 3


def test_readers_beside_the_writer(start, origin):
    """SQLite's own shell and library, several at once, while traffic runs; nobody meets a lock or a half written flow."""
    viaduct = start()
    o = origin(always(answer(200, b'y' * 1000)))
    stop, faults, reads = threading.Event(), [], []

    def read():
        while not stop.is_set():
            try:
                rows = ask(viaduct, 'SELECT e.id, e.hops, count(h.number) FROM exchanges e LEFT JOIN hops h ON h.exchange_id = e.id'
                           " WHERE e.outcome = 'delivered' GROUP BY e.id HAVING e.hops <> count(h.number)")
                faults.extend(rows)
                reads.append(1)
            except sqlite3.Error as e:
                faults.append(str(e))

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    with Load(viaduct, o.url('')) as load:
        for _ in range(5):
            shell = subprocess.run(['sqlite3', '-readonly', f'{viaduct.data}/flows.db', 'SELECT count(*) FROM exchanges; SELECT name FROM header_fields LIMIT 1'],
                                   capture_output=True, text=True, timeout=20, check=False)
            assert shell.returncode == 0 and not shell.stderr, shell.stderr
            time.sleep(0.2)
    stop.set()
    for thread in threads:
        thread.join()
    assert not faults, faults[:5]
    assert len(reads) > 5 and len(load.answered) > 50


def kill_again_and_again(folder, origin, times):
    o = origin(always(answer(200, b'z' * 3000)))
    chance = random.Random(5)
    for n in range(times):
        viaduct = over(Viaduct(folder, {'capture.max_flows': '1000000'}))
        try:
            with Load(viaduct, o.url(f'/round{n}')) as load:
                time.sleep(1.2 + chance.random() * 0.5)
                killed = time.monotonic()
                viaduct.process.send_signal(signal.SIGKILL)
                viaduct.process.wait(10)
        finally:
            viaduct.kill()
        assert integrity(viaduct.data) == 'ok'
        db = sqlite3.connect(f'{viaduct.data}/flows.db')
        there = {url.split('?')[0].split(f':{o.port}')[1] for url, in db.execute('SELECT url FROM exchanges WHERE url LIKE ?', (f'%/round{n}/%',))}
        dangling = db.execute('SELECT count(*) FROM hops WHERE response_body_id IS NOT NULL AND response_body_id NOT IN (SELECT id FROM bodies)').fetchone()
        db.close()
        old = [path for at, path in load.answered if at < killed - 1]
        assert old, 'there was no load'
        missing = [path for path in old if f'/round{n}{path}' not in there]
        assert not missing, (n, len(missing), len(old), missing[:5])
        assert dangling == (0,)


def test_kill_9_under_load(tmp_path, origin):
    """Nothing that ended more than a second ago is lost, and the file is sound."""
    kill_again_and_again(tmp_path / 'viaduct', origin, 6)


@pytest.mark.release
def test_kill_9_fifty_times(tmp_path, origin):
    kill_again_and_again(tmp_path / 'viaduct', origin, 50)


def test_a_file_that_may_not_grow(start, origin):
    """As on a full disk: the proxy serves on, says so once, and writes again when it can."""
    viaduct = start({'capture.memory': '1M'})
    o = origin(random_bodies(100_000))
    ask_for_bodies(viaduct, o, 3, 100_000)
    viaduct.wait_flows('/b', 3)
    resource.prlimit(viaduct.process.pid, resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
    longest = ask_for_bodies(viaduct, o, 40, 100_000)
    assert longest < 2.0
    until(lambda: 'cannot be written' in viaduct.stderr(), 'a word about it')
    assert len(viaduct.flows()) >= 3
    resource.prlimit(viaduct.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    until(lambda: 'written again' in viaduct.stderr(), 'a word that it works again', deadline_s=25)
    until(lambda: len(viaduct.flows()) == 43, 'every flow', deadline_s=20)
    said = [line for line in viaduct.stderr().splitlines() if 'cannot be written' in line]
    assert len(said) == 1, said
    viaduct.expected_complaints.append('cannot be written')
    over(viaduct).stop()
    assert integrity(viaduct.data) == 'ok'


def asides(viaduct):
    return sorted(p.name for p in pathlib.Path(viaduct.data).glob('flows.db.damaged-*') if not p.name.endswith(('-wal', '-shm')))


def test_a_damaged_file_at_the_start(start, origin):
    """It is set aside under another name, and a new one begun."""
    o = origin(always(answer(200, b'x')))
    viaduct = start()
    for i in range(50):
        viaduct.ask(get(o.url(f'/n{i}.')))
    viaduct.wait_flows('/n', 50)
    over(viaduct).stop()
    path = pathlib.Path(viaduct.data) / 'flows.db'
    content = bytearray(path.read_bytes())
    content[:4096] = os.urandom(4096)
    path.write_bytes(content)
    again = start(folder=viaduct.folder)
    again.expected_complaints.append('damaged')
    again.ask(get(o.url('/after')))
    flow = again.wait_flow('/after')
    assert len(asides(again)) == 1
    assert asides(again)[0] in again.stderr()
    assert flow['id'] >= 1
    over(again).stop()
    assert (pathlib.Path(viaduct.data) / asides(again)[0]).read_bytes() == bytes(content)


def test_a_file_that_is_damaged_while_it_runs(start, origin):
    o = origin(always(answer(200, b'x')))
    viaduct = start()
    viaduct.expected_complaints.append('flows.db')
    for i in range(300):
        viaduct.ask(get(o.url(f'/n{i}.')))
    last = viaduct.wait_flows('/n', 300)[-1]['id']
    with sqlite3.connect(f'{viaduct.data}/flows.db') as db:
        db.execute('PRAGMA wal_checkpoint(TRUNCATE)')
    path = pathlib.Path(viaduct.data) / 'flows.db'
    with path.open('r+b') as f:
        f.seek(8192)
        f.write(os.urandom(path.stat().st_size - 8192))
    for i in range(20):
        assert viaduct.ask(get(o.url(f'/m{i}.'))).status == 200
        time.sleep(0.05)
    until(lambda: asides(viaduct), 'the damaged file under another name', deadline_s=20)
    assert viaduct.ask(get(o.url('/after'))).status == 200
    assert viaduct.wait_flow('/after')['id'] > last


def test_a_file_that_is_deleted_while_it_runs(start, origin):
    o = origin(always(answer(200, b'x')))
    viaduct = start()
    viaduct.expected_complaints.append('flows.db')
    viaduct.ask(get(o.url('/before')))
    last = viaduct.wait_flow('/before')['id']
    for path in pathlib.Path(viaduct.data).glob('flows.db*'):
        path.unlink()
    until(lambda: viaduct.ask(get(o.url('/after'))).status == 200 and (pathlib.Path(viaduct.data) / 'flows.db').exists(), 'a new file', every_s=0.3)
    viaduct.ask(get(o.url('/newest')))
    assert viaduct.wait_flow('/newest')['id'] > last
    assert viaduct.is_alive()


def test_files_are_private(start, origin, tmp_path):
    o = origin(always(answer(200, b'x' * 100_000)))
    viaduct = start({'har.path': str(tmp_path / 'viaduct1' / 'live.har')})
    viaduct.ask(get(o.url('/x')))
    viaduct.wait_flow('/x')
    for path in viaduct.folder.rglob('*'):
        if path.is_file() and path.suffix not in ('.pem', '.cer', '.p12') and path.name not in ('stderr', 'stdout'):
            assert path.stat().st_mode & 0o077 == 0, path


def test_what_is_settled_at_the_start_stays(start, origin, tmp_path):
    """A reload that turns capture off takes effect with a restart, all of it: secrets stay replaced, bodies stay kept."""
    config = tmp_path / 'c.yaml'
    config.write_text('capture: {redact: all}\n')
    o = origin(always(answer(200, b'kept')))
    viaduct = start(args=['-c', str(config)])
    viaduct.ask(get(o.url('/one?token=SECRET'), 'Authorization: Bearer SECRET'))
    viaduct.wait_flow('/one')
    config.write_text('capture: {redact: all, enabled: false}\n')
    viaduct.signal(signal.SIGHUP)
    until(lambda: 'a restart is needed' in viaduct.stderr(), 'the reload')
    viaduct.ask(get(o.url('/two?token=SECRET'), 'Authorization: Bearer SECRET'))
    flow = viaduct.wait_flow('/two')
    assert body(viaduct, flow['id']) == b'kept'
    for path in pathlib.Path(viaduct.data).glob('flows.db*'):
        assert b'SECRET' not in path.read_bytes(), path


def test_an_export_hides_what_the_proxy_hides(start, origin):
    """Without a configuration of its own, it goes by the options that the proxy of that folder has."""
    o = origin(always(answer(200, b'{"pin": "SECRET1"}', 'Content-Type: application/json')))
    viaduct = start({'capture.redact_fields': 'X-Mine', 'capture.redact_query': 'mine', 'capture.redact_json': 'pin'})
    viaduct.ask(get(o.url('/x?mine=SECRET2'), 'X-Mine: SECRET3'))
    viaduct.wait_flow('/x')
    for what in ('har', 'jsonl', 'curl'):
        done = command('export', what, '--data', viaduct.data)
        assert done.returncode == 0 and 'SECRET' not in done.stdout, done.stdout
        assert 'redacted-' in done.stdout
    over(viaduct).stop()
    off = start({'capture.redact': 'off'}, folder=viaduct.folder)
    done = command('export', 'har', '--data', off.data)
    assert all(f'SECRET{n}' in done.stdout for n in (1, 2, 3))
