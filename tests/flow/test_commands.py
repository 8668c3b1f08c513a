"""The command line: refusing to start with one clear line, and the commands that are not the server."""

import re
import socket
import sqlite3
import time

import pytest

from kit.origin import hello
from kit.proxy import ROOT, command, config_file, environment, over
from kit.wire import get


def one_line(text):
    """The one line that says why; a warning about the machine may stand before it."""
    lines = [line for line in text.splitlines() if ': warn: ' not in line]
    assert len(lines) == 1, text
    return lines[0]


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
    ('workers=many', 'workers'), ('workers=-1', 'workers'), ('workers=65', 'workers'), ('nonsense=1', 'nonsense'),
    ('timeouts.connect=5', None), ('timeouts.connect=1x', 'timeouts.connect'), ('limits.head=1', 'limits.head'),
    ('limits.head=99999999999999999999', 'limits.head'),
    ('redirects.mode=sideways', 'redirects.mode'), ('access.clients=300.0.0.0/8', 'access.clients'),
    ('access.clients=10.0.0.0/40', 'access.clients'), ('connect.ports=70000', 'connect.ports'),
    ('hosts=nothing', 'hosts'), ('hosts=a=b', 'hosts'), ('dns.servers=x', 'dns.servers'),
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
    ('via: x\ntimeouts:\n  connect: never\n', 3, 'timeouts.connect'),
    ('via: x\n\nnonsense: 1\n', 3, 'nonsense'), ('via: x\nvia: y\n', 2, 'via'),
    ('via: [\n', None, ''), ('- a\n- b\n', None, ''), ('via: x\n\ttabs: y\n', None, ''), ('timeouts: 5\n', 1, 'timeouts'),
    ('via: {a: b}\n', 1, 'via'),
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


def test_database_of_another_program(tmp_path):
    """It is not ours to set aside."""
    (tmp_path / 'd').mkdir(mode=0o700)
    with sqlite3.connect(tmp_path / 'd/flows.db') as db:
        db.execute('CREATE TABLE theirs (x)')
    assert 'not a flow database' in refuse('--data', tmp_path / 'd')
    assert [p.name for p in (tmp_path / 'd').glob('flows.db.*')] == []


def test_ready_file_that_cannot_be_written(tmp_path):
    assert '/nonexistent/ready' in refuse('--data', tmp_path / 'd', '--ready-file', '/nonexistent/ready')


def test_users_file_with_an_error(tmp_path):
    path = tmp_path / 'users'
    path.write_text('good:$6$x$y\nno colon here\n')
    said = refuse('--data', tmp_path / 'd', '--set', f'access.users_file={path}')
    assert f'{path}:' in said


@pytest.mark.parametrize('args', [['--nonsense'], ['-c'], ['--listen', 'nowhere'], ['--listen', '127.0.0.1:99999'],
                                  ['--workers', 'x'], ['extra'], ['--inspector', 'x'], ['--redirects', 'x']])
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
    assert all(word in done.stdout for word in ('serve', 'flows', 'show', 'ca path', 'check', '--listen', '--set', '--ready-file'))
    assert all(len(line) <= 120 for line in done.stdout.splitlines())


@pytest.mark.parametrize('name', ['serve', 'flows', 'show', 'ca', 'check'])
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
        section, _, last = name.rpartition('.')
        assert re.search(rf'^\s*({re.escape(section)}\.)?{re.escape(last)}:', printed, re.M), name


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


def test_show_last_is_the_request_that_was_just_made(start, origin, token):
    """It waits a moment for what has not been written yet."""
    o = origin(hello())
    viaduct = start()
    for n in range(5):
        assert viaduct.ask(get(o.url(f'{token}-{n}'))).status == 200
        assert viaduct.show('last')['url'] == o.url(f'{token}-{n}')
