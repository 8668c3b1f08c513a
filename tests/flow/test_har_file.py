"""har.path: a valid HAR at every moment, while traffic flows, for whoever reads it, and after kill -9."""

import json
import os
import resource
import subprocess
import sys
import threading
import time

import pytest

from kit import har, har_reader
from kit.origin import hello, serve
from kit.proxy import command
from kit.wait import until
from kit.wire import answer, get

KILLS = 40


class Reader:
    """A process that parses the file all the time."""

    def __init__(self, path):
        self.process = subprocess.Popen([sys.executable, har_reader.__file__, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def stop(self):
        """What it saw; it was a valid HAR each time."""
        said = json.loads(self.process.communicate(timeout=60)[0])
        assert not said['faults'], said['faults'][:3]
        return said


class Load:
    """Clients that ask one after the other until they are told to stop, or cut off."""

    def __init__(self, viaduct, url, clients=4):
        self.viaduct, self.url, self.done, self.is_over = viaduct, url, 0, False
        self.threads = [threading.Thread(target=self._run, daemon=True) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def _run(self):
        try:
            wire = self.viaduct.connect()
            while not self.is_over:
                wire.ask(get(self.url))
                self.done += 1
            wire.close()
        except (OSError, AssertionError):
            pass  # it was killed

    def stop(self):
        self.is_over = True
        for thread in self.threads:
            thread.join(30)


def entries(path):
    return har.read(path)['entries']


def test_it_is_there_from_the_start(start, tmp_path):
    path = tmp_path / 'x.har'
    path.write_text('of another run')
    (tmp_path / 'x.har.next').write_text('left by a run that was killed')
    viaduct = start({'har.path': path})
    assert entries(path) == []
    assert path.stat().st_mode & 0o777 == 0o600
    viaduct.stop()
    viaduct.is_over = True
    assert sorted(p.name for p in tmp_path.glob('x.har*')) == ['x.har']
    har.assert_valid(path)


def test_flows_appear_within_seconds_and_all_at_the_end(start, origin, tmp_path):
    path = tmp_path / 'x.har'
    o = origin(hello())
    viaduct = start({'har.path': path})
    for n in range(3):
        assert viaduct.ask(get(o.url(f'/{n}'))).status == 200
        until(lambda n=n: len(entries(path)) == n + 1, 'the entry', deadline_s=5)
    wire = viaduct.connect()
    for n in range(200):
        assert wire.ask(get(o.url(f'/more{n}'))).status == 200
    viaduct.stop()
    viaduct.is_over = True
    assert len(entries(path)) == 203
    assert not (tmp_path / 'x.har.next').exists()


def test_a_request_that_is_cut_off_by_the_end_is_there(start, origin, tmp_path):
    path = tmp_path / 'x.har'
    o = origin(lambda peer: (peer.read_request(), peer.read_eof()))
    viaduct = start({'har.path': path, 'timeouts.drain': '100ms'})
    wire = viaduct.connect()
    wire.send(get(o.url('/hangs')))
    o.wait_requests(1)
    viaduct.stop()
    viaduct.is_over = True
    entry, = entries(path)
    assert entry['request']['url'] == o.url('/hangs') and entry['_flow']['outcome'] != 'pending'
    wire.close()


def test_only_what_the_filter_takes(start, origin, tmp_path):
    path = tmp_path / 'x.har'
    o = origin(serve(lambda r: answer(404 if 'no' in r.target else 200, b'x')))
    viaduct = start({'har.path': path, 'har.filter': 'status >= 400 && path contains "no"'})
    for n in range(5):
        viaduct.ask(get(o.url(f'/yes{n}')))
        viaduct.ask(get(o.url(f'/no{n}')))
    viaduct.stop()
    viaduct.is_over = True
    assert [e['request']['url'] for e in entries(path)] == [o.url(f'/no{n}') for n in range(5)]


def test_a_bad_filter_or_place_ends_the_start(tmp_path):
    for options, said in (({'har.filter': 'statu == 1', 'har.path': tmp_path / 'x.har'}, 'har.filter'),
                          ({'har.path': tmp_path / 'no/such/folder/x.har'}, 'No such file')):
        words = [w for k, v in options.items() for w in ('--set', f'{k}={v}')]
        done = command('serve', '--data', tmp_path / 'data', '--listen', '127.0.0.1:0', '--inspector', 'off', *words)
        assert done.returncode == 2 and said in done.stderr, done.stderr


def test_another_file_begins_when_it_is_large(start, origin, tmp_path):
    path, old = tmp_path / 'x.har', tmp_path / 'x.har.1'
    o = origin(serve(lambda r: answer(200, b'x' * 20000, 'Content-Type: text/plain')))
    viaduct = start({'har.path': path, 'har.max_bytes': '1M'})
    reader = Reader(path)
    wire = viaduct.connect()
    for n in range(80):
        assert wire.ask(get(o.url(f'/{n}'))).status == 200
    until(old.exists, 'the former file')
    viaduct.stop()
    viaduct.is_over = True
    reader.stop()
    har.assert_valid(path, old)
    assert len(entries(path)) + len(entries(old)) == 80
    assert old.stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_deleted_or_moved_comes_back(start, origin, tmp_path):
    path, kept = tmp_path / 'x.har', tmp_path / 'kept.har'
    o = origin(hello())
    viaduct = start({'har.path': path})
    viaduct.ask(get(o.url('/1')))
    until(lambda: len(entries(path)) == 1, 'the entry')
    path.rename(kept)
    until(path.exists, 'the file, again')
    viaduct.ask(get(o.url('/2')))
    until(lambda: len(entries(path)) == 2, 'the second entry')
    assert len(entries(kept)) == 1
    path.unlink()
    viaduct.ask(get(o.url('/3')))
    until(lambda: path.exists() and len(entries(path)) == 3, 'the third entry')


def test_a_slow_reader_reads_to_the_end(start, origin, tmp_path):
    """Who opened the file reads it as it was then, however long it takes."""
    path = tmp_path / 'x.har'
    o = origin(serve(lambda r: answer(200, b'y' * 50000, 'Content-Type: text/plain')))
    viaduct = start({'har.path': path})
    wire = viaduct.connect()
    for n in range(40):
        wire.ask(get(o.url(f'/{n}')))
    until(lambda: len(entries(path)) == 40, 'the entries')
    with open(path, encoding='utf-8') as f:
        text = f.read(1000)
        for n in range(40, 60):
            wire.ask(get(o.url(f'/{n}')))
            time.sleep(0.1)  # so that there are steps between
        text += f.read()
    assert len(json.loads(text)['log']['entries']) == 40
    until(lambda: len(entries(path)) == 60, 'the rest', deadline_s=30)




def test_a_full_disk(start, origin, tmp_path):
    """It is said once, the file stays whole, and what is missing is written when there is room again. Files may not be larger than a
    limit, which has the same effect as a disk that is full, and can be lifted; bodies that the database holds compressed make the HAR
    the one that meets it."""
    path = tmp_path / 'x.har'
    o = origin(serve(lambda r: answer(200, b'z' * 500_000, 'Content-Type: text/plain')))
    viaduct = start({'har.path': path})
    wire = viaduct.connect()
    for n in range(10):
        assert wire.ask(get(o.url(f'/{n}'))).status == 200
    until(lambda: len(entries(path)) == 10, 'the first entries')
    resource.prlimit(viaduct.process.pid, resource.RLIMIT_FSIZE, (path.stat().st_size, resource.RLIM_INFINITY))
    for n in range(10, 15):
        assert wire.ask(get(o.url(f'/{n}'))).status == 200
    until(lambda: 'is behind: it cannot be written' in viaduct.stderr(), 'the complaint')
    assert len(entries(path)) == 10
    har.assert_valid(path)
    resource.prlimit(viaduct.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    until(lambda: len(entries(path)) == 15, 'the rest', deadline_s=30)
    until(lambda: 'is written again' in viaduct.stderr(), 'the good news')
    assert viaduct.stderr().count('har.path:') == 2, viaduct.stderr()


@pytest.mark.slow
def test_kill_9_while_somebody_reads(start, origin, tmp_path):
    path = tmp_path / 'x.har'
    o = origin(hello(b'x' * 1024))
    reader = Reader(path)
    for n in range(KILLS):
        viaduct = start({'har.path': path, 'capture.session': f'run {n}'}, folder=tmp_path / 'same')
        load = Load(viaduct, o.url('/load'), clients=2)
        until(lambda: entries(path), 'an entry', deadline_s=20)  # noqa: B023
        time.sleep(n % 10 * 0.02)  # another moment each time
        viaduct.process.kill()
        viaduct.process.wait()
        viaduct.is_over = True
        load.stop()
        log = har.read(path)
        ids = [e['_flowId'] for e in log['entries']]
        assert len(ids) == len(set(ids)) > 0
    har.assert_valid(path)
    said = reader.stop()
    assert said['reads'] > KILLS and said['largest'] > 10
    assert os.listdir(tmp_path).count('x.har') == 1
