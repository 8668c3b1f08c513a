"""Starting, draining, reloading, ending."""

import json
import os
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

from kit.origin import hang, hello, once
from kit.proxy import binary, config_file, environment, over
from kit.wait import until
from kit.wire import Closed, answer, get


# ready

def test_ready_file(start, tmp_path):
    viaduct = start(inspector='127.0.0.1:0')
    ready = viaduct.ready
    assert ready['proxy'] == f'127.0.0.1:{viaduct.port}' and viaduct.port > 0
    assert ready['inspector'].startswith('http://127.0.0.1:')
    assert ready['pid'] == viaduct.process.pid
    assert os.path.samefile(ready['data'], viaduct.data)
    assert 'token' in ready and 'ca' in ready
    assert viaduct.ready_file.read_text().count('\n') <= 1
    assert os.listdir(viaduct.folder).count('ready.json') == 1, 'no temporary file is left'


def test_ready_without_inspector(start):
    assert not start().ready['inspector']


def test_ready_file_replaces_an_old_one(start, tmp_path):
    viaduct = start(folder=tmp_path / 'v')
    first = viaduct.port
    over(viaduct).stop()
    again = start(folder=tmp_path / 'v')
    assert again.ready['pid'] == again.process.pid
    assert first


def test_several_listeners(start, origin):
    o = origin(hello())
    viaduct = start(listen=['127.0.0.1:0', '[::1]:0'])
    assert viaduct.ask(get(o.url('/'))).status == 200
    ports = set()
    with open(f'/proc/{viaduct.process.pid}/net/tcp6', encoding='ascii') as f:
        ports = {int(line.split()[1].split(':')[1], 16) for line in f if line.split()[3] == '0A'}
    assert ports


def test_default_command_is_serve(start, origin, tmp_path):
    """`viaduct` alone serves."""
    ready = tmp_path / 'ready'
    process = subprocess.Popen([binary(), '--listen', '127.0.0.1:0', '--inspector', 'off', '--data', str(tmp_path / 'd'),
                                '--ready-file', str(ready)],
                               env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until(ready.exists, 'the ready file')
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0


def test_data_folder_is_private(start):
    viaduct = start()
    assert os.stat(viaduct.data).st_mode & 0o777 == 0o700
    assert os.stat(viaduct.data / 'flows.db').st_mode & 0o777 == 0o600


def test_data_folder_by_xdg(tmp_path):
    ready = tmp_path / 'ready'
    process = subprocess.Popen([binary(), '--listen', '127.0.0.1:0', '--inspector', 'off', '--ready-file', str(ready)],
                               env=environment(XDG_STATE_HOME=str(tmp_path / 'state')),
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until(ready.exists, 'the ready file')
    assert (tmp_path / 'state/viaduct/flows.db').exists()
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_an_idle_one(start, number):
    viaduct = over(start())
    idle = viaduct.connect()
    begin = time.monotonic()
    viaduct.signal(number)
    assert viaduct.wait_end() == 0
    assert time.monotonic() - begin < 3, 'idle clients must not hold it'
    idle.assert_closed()
    viaduct.check_stderr()


def test_sigpipe_is_harmless(start):
    viaduct = start()
    viaduct.signal(signal.SIGPIPE)
    assert viaduct.is_alive()


# drain

def slow_origin(origin, go):
    def script(peer):
        peer.read_request()
        peer.send(answer(200, b'', 'Content-Length: 4', length=False) + b'ha')
        go.wait(10)
        peer.send(b'lf')
    return origin(script)


def test_drain_lets_a_request_end(start, origin):
    go = threading.Event()
    o = slow_origin(origin, go)
    viaduct = over(start())
    wire = viaduct.connect()
    wire.send(get(o.url('/drained')))
    wire.read_response(body=False)
    wire.read_exact(2)
    viaduct.signal(signal.SIGTERM)

    def refuses():
        try:
            viaduct.connect(timeout_s=1).close()
        except OSError:
            return True
        return False
    until(refuses, 'the listeners to close')
    go.set()
    assert wire.read_exact(2) == b'lf'
    wire.assert_closed()
    assert viaduct.wait_end() == 0
    assert viaduct.wait_flow('/drained')['outcome'] == 'delivered'


def test_drain_has_a_limit(start, origin):
    o = origin(hang)
    viaduct = over(start({'timeouts.drain': '300ms'}))
    wire = viaduct.connect()
    wire.send(get(o.url('/cut')))
    o.wait_requests(1) if o.requests else o.wait_peers(1)
    tunnel = viaduct.tunnel(origin(hang).authority)
    begin = time.monotonic()
    viaduct.signal(signal.SIGTERM)
    assert viaduct.wait_end() == 0
    assert time.monotonic() - begin < 4
    wire.read_eof()
    tunnel.read_eof()
    assert viaduct.wait_flow('/cut')['outcome'] in ('failed', 'cancelled')


def test_second_signal_cuts(start, origin):
    o = origin(hang)
    viaduct = over(start({'timeouts.drain': '1m'}))
    wire = viaduct.connect()
    wire.send(get(o.url('/cut')))
    o.wait_peers(1)
    begin = time.monotonic()
    viaduct.signal(signal.SIGTERM)
    with pytest.raises((OSError, AssertionError)):
        while time.monotonic() - begin < 5:
            viaduct.connect(timeout_s=1).close()
    viaduct.signal(signal.SIGTERM)
    viaduct.wait_end()
    assert time.monotonic() - begin < 5
    viaduct.check_stderr()


def test_keep_alive_client_while_draining(start, origin):
    """A client with a request under way is told to close, and gets no second one."""
    go = threading.Event()

    def script(peer):
        peer.read_request()
        go.wait(10)
        peer.send(answer(200, b'x'))
    o = origin(script)
    viaduct = over(start())
    wire = viaduct.connect()
    wire.send(get(o.url('/')))
    o.wait_requests(1)
    viaduct.signal(signal.SIGTERM)

    def refuses():
        try:
            viaduct.connect(timeout_s=1).close()
        except OSError:
            return True
        return False
    until(refuses, 'the listeners to close')
    go.set()
    assert 'close' in wire.read_response().list_of('connection')
    wire.assert_closed()
    assert viaduct.wait_end() == 0


# reload

def test_reload(start, origin, tmp_path):
    o = origin(once(answer(302, b'', 'Location: /end')))
    path = config_file(tmp_path, 'redirects:\n  mode: pass\nvia: before\n')
    viaduct = start(args=['-c', path])
    assert '1.1 before' in viaduct.ask(get(o.url('/'))).list_of('via')
    path.write_text('redirects:\n  mode: pass\nvia: after\n')
    viaduct.signal(signal.SIGHUP)
    until(lambda: '1.1 after' in viaduct.ask(get(o.url('/'))).list_of('via'), 'the new configuration')


def test_reload_does_not_disturb_what_is_under_way(start, origin, tmp_path):
    go = threading.Event()
    o = slow_origin(origin, go)
    path = config_file(tmp_path, 'via: before\n')
    viaduct = start(args=['-c', path])
    wire = viaduct.connect()
    wire.send(get(o.url('/')))
    wire.read_response(body=False)
    path.write_text('via: after\n')
    viaduct.signal(signal.SIGHUP)
    plain = origin(hello())
    until(lambda: '1.1 after' in viaduct.ask(get(plain.url('/'))).list_of('via'), 'the new configuration')
    go.set()
    assert wire.read_exact(4) == b'half'


@pytest.mark.parametrize('text, name', [('timeouts:\n  connect: never\n', 'timeouts.connect'), ('nonsense: 1\n', 'nonsense'),
                                        ('via: [\n', ''), ('redirects:\n  mode: sideways\n', 'redirects.mode')])
def test_reload_of_a_bad_file(start, origin, tmp_path, text, name):
    """The old one goes on, and one line says why."""
    o = origin(hello())
    path = config_file(tmp_path, 'via: before\n')
    viaduct = start(args=['-c', path])
    viaduct.expected_complaints.append(str(path))
    path.write_text(text)
    viaduct.signal(signal.SIGHUP)
    said = until(lambda: [line for line in viaduct.stderr().splitlines() if str(path) in line and name in line], 'the complaint')
    assert re.search(re.escape(str(path)) + r':\d+', said[-1]), said
    assert '1.1 before' in viaduct.ask(get(o.url('/'))).list_of('via')


def test_reload_of_a_missing_file(start, origin, tmp_path):
    o = origin(hello())
    path = config_file(tmp_path, 'via: before\n')
    viaduct = start(args=['-c', path])
    viaduct.expected_complaints.append(str(path))
    path.unlink()
    viaduct.signal(signal.SIGHUP)
    until(lambda: str(path) in viaduct.stderr(), 'the complaint')
    assert '1.1 before' in viaduct.ask(get(o.url('/'))).list_of('via')


def test_reload_names_options_that_need_a_restart(start, tmp_path):
    path = config_file(tmp_path, 'via: x\n')
    viaduct = start(args=['-c', path])
    path.write_text('via: x\nlog:\n  terminal: always\n')
    viaduct.signal(signal.SIGHUP)
    until(lambda: 'log.terminal' in viaduct.stderr(), 'the note')


def test_terminal_lines(start, origin):
    """log.terminal: one line per flow on stdout."""
    o = origin(hello())
    viaduct = start({'log.terminal': 'always'})
    for i in range(3):
        assert viaduct.ask(get(o.url(f'/line{i}'))).status == 200

    def printed():
        return [line for line in viaduct.stdout().splitlines() if '/line' in line]
    until(lambda: len(printed()) >= 3, 'three lines')
    lines = printed()
    assert len(lines) == 3 and all('200' in line and 'GET' in line for line in lines)


def test_no_terminal_lines_into_a_file(start, origin):
    viaduct = start()
    assert viaduct.ask(get(origin(hello()).url('/no-line'))).status == 200
    viaduct.wait_flow('/no-line')
    assert '/no-line' not in viaduct.stdout()


def test_notify_socket(tmp_path, start):
    """systemd is told READY=1, and STOPPING=1."""
    path = tmp_path / 'notify'
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(str(path))
        s.settimeout(10)
        viaduct = over(start(env=environment(NOTIFY_SOCKET=str(path))))
        assert 'READY=1' in s.recv(4096).decode()
        viaduct.signal(signal.SIGTERM)
        assert viaduct.wait_end() == 0
        assert 'STOPPING=1' in s.recv(4096).decode()


def test_ready_json_is_one_object(start):
    json.loads(start().ready_file.read_text())


def test_client_sees_the_end_when_it_is_killed(start, origin):
    viaduct = over(start())
    wire = viaduct.connect()
    assert wire.ask(get(origin(hello()).url('/'))).status == 200
    viaduct.kill()
    with pytest.raises((Closed, ConnectionResetError, BrokenPipeError)):
        wire.ask(get('http://x.test/'))
