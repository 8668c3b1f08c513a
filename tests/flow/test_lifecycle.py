"""Starting, draining, reloading, refusing to start; the command line around it."""

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
from kit.proxy import ROOT, binary, command, environment
from kit.wait import until
from kit.wire import Closed, answer, get


def over(viaduct):
    viaduct.is_over = True
    return viaduct


def one_line(text):
    """The one line that says why; a warning about the machine may stand before it."""
    lines = [line for line in text.splitlines() if ': warn: ' not in line]
    assert len(lines) == 1, text
    return lines[0]


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
    process = subprocess.Popen([binary(), '--listen', '127.0.0.1:0', '--inspector', 'off', '--data', str(tmp_path / 'd'), '--ready-file', str(ready)],
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
                               env=environment(XDG_STATE_HOME=str(tmp_path / 'state')), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
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

def config_file(tmp_path, text):
    path = tmp_path / 'viaduct.yaml'
    path.write_text(text)
    return path


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


@pytest.mark.parametrize('text, name', [('timeouts:\n  connect: never\n', 'timeouts.connect'), ('nonsense: 1\n', 'nonsense'), ('via: [\n', ''),
                                        ('redirects:\n  mode: sideways\n', 'redirects.mode')])
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


# refusing to start

def refuse(*args, env=None):
    begin = time.monotonic()
    done = command('serve', '--inspector', 'off', '--listen', '127.0.0.1:0', *args, env=env)
    assert done.returncode == 2, (done.returncode, done.stderr)
    assert time.monotonic() - begin < 5
    return one_line(done.stderr)


def test_port_in_use(tmp_path):
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        s.listen()
        address = f'127.0.0.1:{s.getsockname()[1]}'
        said = refuse('--data', tmp_path / 'd', '--listen', address)
        assert address in said and 'in use' in said.lower()


def test_port_of_another_viaduct(start, tmp_path):
    """SO_REUSEPORT must not let two of them share a port unseen."""
    viaduct = start()
    said = refuse('--data', tmp_path / 'd', '--listen', viaduct.ready['proxy'])
    assert viaduct.ready['proxy'] in said


def test_data_folder_of_another_viaduct(start):
    viaduct = start()
    assert str(viaduct.data) in refuse('--data', viaduct.data)


def test_address_that_is_not_ours(tmp_path):
    assert '192.0.2.77' in refuse('--data', tmp_path / 'd', '--listen', '192.0.2.77:0')


@pytest.mark.parametrize('setting, name', [
    ('workers=many', 'workers'), ('workers=-1', 'workers'), ('workers=65', 'workers'), ('nonsense=1', 'nonsense'), ('timeouts.connect=5', None),
    ('timeouts.connect=1x', 'timeouts.connect'), ('limits.head=1', 'limits.head'), ('limits.head=99999999999999999999', 'limits.head'),
    ('redirects.mode=sideways', 'redirects.mode'), ('access.clients=300.0.0.0/8', 'access.clients'), ('access.clients=10.0.0.0/40', 'access.clients'),
    ('connect.ports=70000', 'connect.ports'), ('hosts=nothing', 'hosts'), ('hosts=a=b', 'hosts'), ('dns.servers=x', 'dns.servers'),
    ('capture.enabled=perhaps', 'capture.enabled'), ('log.level=loud', 'log.level'), ('workers', 'workers'), ('=1', ''),
    ('access.users_file=/nonexistent/users', 'users_file'), ('upstream.ca_file=/nonexistent/ca.pem', 'ca_file'),
])
def test_bad_option(tmp_path, setting, name):
    if name is None:
        assert command('check', '--set', setting).returncode == 0
        return
    said = refuse('--data', tmp_path / 'd', '--set', setting)
    assert name in said


def test_unknown_option_names_the_nearest(tmp_path):
    assert 'redirects.max_hops' in refuse('--data', tmp_path / 'd', '--set', 'redirects.maxhops=3')


@pytest.mark.parametrize('text, line, name', [
    ('via: x\ntimeouts:\n  connect: never\n', 3, 'timeouts.connect'), ('via: x\n\nnonsense: 1\n', 3, 'nonsense'), ('via: x\nvia: y\n', 2, 'via'),
    ('via: [\n', None, ''), ('- a\n- b\n', None, ''), ('via: x\n\ttabs: y\n', None, ''), ('timeouts: 5\n', 1, 'timeouts'), ('via: {a: b}\n', 1, 'via'),
])
def test_bad_file(tmp_path, text, line, name):
    """One line that names the file, the line and the option."""
    path = config_file(tmp_path, text)
    said = refuse('--data', tmp_path / 'd', '-c', path)
    assert re.search(re.escape(str(path)) + (f':{line}\\b' if line else r'(:\d+)?'), said), said
    assert name in said


@pytest.mark.parametrize('make', ['missing', 'folder', 'binary'])
def test_unreadable_file(tmp_path, make):
    path = tmp_path / 'viaduct.yaml'
    if make == 'folder':
        path.mkdir()
    if make == 'binary':
        path.write_bytes(bytes(range(256)) * 20)
    assert str(path) in refuse('--data', tmp_path / 'd', '-c', path)


def test_data_folder_that_cannot_be_made(tmp_path):
    (tmp_path / 'file').write_text('')
    assert str(tmp_path / 'file') in refuse('--data', tmp_path / 'file/d')


def test_database_that_is_none(tmp_path):
    (tmp_path / 'd').mkdir(mode=0o700)
    (tmp_path / 'd/flows.db').write_bytes(b'this is not SQLite' * 100)
    assert 'flows.db' in refuse('--data', tmp_path / 'd')


def test_ready_file_that_cannot_be_written(tmp_path):
    assert '/nonexistent/ready' in refuse('--data', tmp_path / 'd', '--ready-file', '/nonexistent/ready')


def test_users_file_with_an_error(tmp_path):
    path = tmp_path / 'users'
    path.write_text('good:$6$x$y\nno colon here\n')
    said = refuse('--data', tmp_path / 'd', '--set', f'access.users_file={path}')
    assert f'{path}:' in said


@pytest.mark.parametrize('args', [['--nonsense'], ['-c'], ['--listen', 'nowhere'], ['--listen', '127.0.0.1:99999'], ['--workers', 'x'], ['extra'],
                                  ['--inspector', 'x'], ['--redirects', 'x']])
def test_bad_argument(tmp_path, args):
    assert args[-1] in refuse('--data', tmp_path / 'd', *args)


def test_unknown_command():
    done = command('frobnicate')
    assert done.returncode == 2
    assert 'frobnicate' in one_line(done.stderr)


def test_environment_sets_options(start, origin, tmp_path):
    o = origin(hello())
    viaduct = start(env=environment(VIADUCT_VIA='from-environment'))
    assert '1.1 from-environment' in viaduct.ask(get(o.url('/'))).list_of('via')
    viaduct = start({'via': 'from-line'}, env=environment(VIADUCT_VIA='from-environment'))
    assert '1.1 from-line' in viaduct.ask(get(o.url('/'))).list_of('via')
    said = refuse('--data', tmp_path / 'd', env=environment(VIADUCT_REDIRECTS_MAX_HOPS='many'))
    assert 'VIADUCT_REDIRECTS_MAX_HOPS' in said or 'redirects.max_hops' in said


# the other commands

def test_version():
    done = command('--version')
    assert (done.returncode, done.stderr) == (0, '')
    assert done.stdout.startswith('viaduct ')
    assert 'llhttp' in done.stdout and 'strict' in done.stdout and 'OpenSSL' in done.stdout


def test_help():
    done = command('--help')
    assert (done.returncode, done.stderr) == (0, '')
    assert all(word in done.stdout for word in ('serve', 'flows', 'show', 'check', '--listen', '--set', '--ready-file'))
    assert all(len(line) <= 120 for line in done.stdout.splitlines())


@pytest.mark.parametrize('name', ['serve', 'flows', 'show', 'check'])
def test_help_of_a_command(name):
    done = command(name, '--help')
    assert done.returncode == 0
    assert name in done.stdout


def test_check(tmp_path):
    assert command('check', '-c', config_file(tmp_path, 'via: x\n')).returncode == 0
    done = command('check', '-c', config_file(tmp_path, 'workers: many\n'))
    assert done.returncode == 2
    assert 'viaduct.yaml:1' in one_line(done.stderr)


def test_check_print_round_trip(tmp_path):
    """What is printed is a file that means the same."""
    first = command('check', '--print', '--set', 'via=xy', '--set', 'hosts=a.test=127.0.0.1,b.test=::1', '--set', 'timeouts.connect=1500ms',
                    '--set', 'limits.head=100k', '--set', 'access.realm=a \'quoted\' one: # {x}')
    assert first.returncode == 0, first.stderr
    second = command('check', '--print', '-c', config_file(tmp_path, first.stdout))
    assert second.returncode == 0, second.stderr
    assert first.stdout == second.stdout
    assert 'a.test=127.0.0.1' in first.stdout


def test_check_print_has_every_option():
    """Each row of the option table."""
    printed = command('check', '--print').stdout
    table = (ROOT / 'proxy/config/options.def').read_text()
    for name in re.findall(r'^OPTION(?:_ENUM)?\((\S+?),', table, re.M):
        assert re.search(rf'^\s*{re.escape(name.split(".")[-1])}:', printed, re.M), name


def test_check_shipped_file():
    path = ROOT / 'conf/viaduct.yaml'
    assert command('check', '-c', path).returncode == 0


def test_check_live(start, tmp_path):
    viaduct = start()
    alive = command('check', '--live', '--set', f'listen={viaduct.ready["proxy"]}')
    assert alive.returncode == 0, alive.stderr
    over(viaduct).stop()
    assert command('check', '--live', '--set', f'listen={viaduct.ready["proxy"]}').returncode == 1


def test_flows_without_a_database(tmp_path):
    done = command('flows', '--data', tmp_path / 'nothing')
    assert done.returncode == 1
    assert str(tmp_path / 'nothing') in one_line(done.stderr)


def test_show_of_a_flow_that_is_not_there(start):
    viaduct = start()
    done = command('show', '999', '--data', viaduct.data)
    assert done.returncode == 1
    assert '999' in one_line(done.stderr)
    assert command('show', 'x', '--data', viaduct.data).returncode == 2
    assert command('show', '--data', viaduct.data).returncode == 2


def test_terminal_lines(start, origin):
    """log.terminal: one line per flow on stdout."""
    o = origin(hello())
    viaduct = start({'log.terminal': 'always'})
    for i in range(3):
        assert viaduct.ask(get(o.url(f'/line{i}'))).status == 200
    lines = until(lambda: (found := [x for x in viaduct.stdout().splitlines() if '/line' in x]) and len(found) >= 3 and found, 'three lines')
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
