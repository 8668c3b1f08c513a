"""Who may use the proxy: networks (403), names and passwords (407)."""

import base64
import signal
import subprocess
import time

import pytest

from kit.namespace import OUTSIDE, OUTSIDE6, run_in_namespace
from kit.origin import Origin, hello
from kit.proxy import Viaduct
from kit.wait import until
from kit.wire import get


def basic(name, password):
    return 'Proxy-Authorization: Basic ' + base64.b64encode(f'{name}:{password}'.encode()).decode()


SALTS = {'sha512': '$6$saltsalt$', 'sha256': '$5$saltsalt$', 'bcrypt': '$2b$05$abcdefghijklmnopqrstuu', 'yescrypt': '$y$j9T$saltsalt$',
         'bcrypt-12': '$2b$12$abcdefghijklmnopqrstuu', 'bcrypt-14': '$2b$14$abcdefghijklmnopqrstuu'}


def hashed(method, password):
    """A crypt(3) hash, by way of perl, which every Debian has."""
    args = ['perl', '-e', 'print crypt($ARGV[0], $ARGV[1])', password, SALTS[method]]
    done = subprocess.run(args, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(SALTS[method].rstrip('$')[:3]), done.stdout
    return done.stdout


@pytest.fixture
def users_file(tmp_path):
    path = tmp_path / 'users'
    path.write_text('# people\n\n' + ''.join(f'{m}:{hashed(m, "pass:" + m)}\n' for m in ('sha512', 'sha256', 'bcrypt', 'yescrypt')))
    path.chmod(0o600)
    return path


def test_network_that_is_not_allowed(start, origin, token):
    o = origin(hello())
    viaduct = start({'access.clients': '10.0.0.0/8, fd00::/8'})
    wire = viaduct.connect()
    response = wire.ask(get(o.url(token)))
    assert response.status == 403
    assert 'http_request_denied' in response.get('proxy-status')
    assert not o.requests
    assert viaduct.wait_flow(token)['error'] == 'access_denied'


def test_network_that_is_not_allowed_to_connect(start, origin):
    o = origin(hello())
    viaduct = start({'access.clients': '127.0.0.2/32'})
    wire = viaduct.connect()
    assert wire.ask(f'CONNECT {o.authority} HTTP/1.1\r\nHost: {o.authority}\r\n\r\n'.encode()).status == 403
    wire.assert_closed()
    assert not o.peers
    wire = viaduct.connect(source='127.0.0.2')
    assert wire.ask(f'CONNECT {o.authority} HTTP/1.1\r\nHost: {o.authority}\r\n\r\n'.encode()).status == 200


def test_default_is_loopback_only(tmp_path):
    def body():
        o = Origin(hello(), host=OUTSIDE)
        viaduct = Viaduct(tmp_path / 'viaduct', listen=['0.0.0.0:0'])
        viaduct.address = (OUTSIDE, viaduct.port)
        assert viaduct.connect(source=OUTSIDE).ask(get(o.url('/'))).status == 403
        viaduct.address = ('127.0.0.1', viaduct.port)
        assert viaduct.connect().ask(get(o.url('/'))).status == 200
        viaduct.stop()
        o.close()
    run_in_namespace(body)


@pytest.mark.parametrize('outside, listen, allowed', [(OUTSIDE, '0.0.0.0:0', f'{OUTSIDE}/32'), (OUTSIDE, '0.0.0.0:0', '10.77.0.0/16'),
                                                      (OUTSIDE6, '[::]:0', 'fd77::/16'), (OUTSIDE, '0.0.0.0:0', 'all')])
def test_allowed_network(tmp_path, outside, listen, allowed):
    def body():
        o = Origin(hello(), host=outside)
        viaduct = Viaduct(tmp_path / 'viaduct', {'access.clients': allowed}, listen=[listen])
        viaduct.address = (outside, viaduct.port)
        assert viaduct.connect(source=outside).ask(get(o.url('/'))).status == 200
        viaduct.stop()
        o.close()
    run_in_namespace(body)


def test_authentication_is_asked_for(start, origin, users_file, token):
    o = origin(hello())
    viaduct = start({'access.users_file': users_file, 'access.realm': 'our proxy'})
    response = viaduct.ask(get(o.url(token)))
    assert response.status == 407
    assert response.get('proxy-authenticate').startswith('Basic realm="our proxy"')
    assert not o.requests
    assert viaduct.wait_flow(token)['error'] == 'auth_required'


@pytest.mark.parametrize('method', ['sha512', 'sha256', 'bcrypt', 'yescrypt'])
def test_right_password(start, origin, users_file, token, method):
    o = origin(hello())
    viaduct = start({'access.users_file': users_file})
    wire = viaduct.connect()
    for _ in range(3):
        assert wire.ask(get(o.url(token), basic(method, f'pass:{method}'))).status == 200
    assert not any(r.has('proxy-authorization') for r in o.requests)
    assert viaduct.wait_flows(token, 3)[0]['user'] == method


@pytest.mark.parametrize('field', [
    basic('sha512', 'wrong'), basic('nobody', 'pass:sha512'), basic('sha512', ''), basic('', ''), basic('sha512', 'pass:sha256'),
    'Proxy-Authorization: Basic', 'Proxy-Authorization: Basic !!!', 'Proxy-Authorization: Bearer abc', 'Proxy-Authorization: Basic eA==',
    'Proxy-Authorization: ' + 'x' * 5000, 'Authorization: Basic c2hhNTEyOnBhc3M6c2hhNTEy',
])
def test_wrong_password(start, origin, users_file, field):
    o = origin(hello())
    wire = start({'access.users_file': users_file}).connect()
    for _ in range(2):
        response = wire.ask(get(o.url('/'), field))
        assert response.status == 407
        if 'close' in response.list_of('connection'):
            break
    assert not o.requests


def test_right_after_wrong(start, origin, users_file):
    o = origin(hello())
    viaduct = start({'access.users_file': users_file})
    for password, status in ('wrong', 407), ('pass:sha512', 200), ('wrong', 407), ('pass:sha512', 200):
        assert viaduct.ask(get(o.url('/'), basic('sha512', password))).status == status


def test_verified_passwords_are_remembered(start, origin, tmp_path):
    """A costly hash is computed once, not per request: 30 requests take less time than 30 hashes."""
    path = tmp_path / 'costly'
    path.write_text(f'slow:{hashed("bcrypt-12", "pw")}\n')
    path.chmod(0o600)
    o = origin(hello())
    viaduct = start({'access.users_file': path}, workers=1)
    wire = viaduct.connect()
    begin = time.monotonic()
    assert wire.ask(get(o.url('/'), basic('slow', 'pw'))).status == 200
    one = time.monotonic() - begin
    begin = time.monotonic()
    for _ in range(30):
        assert wire.ask(get(o.url('/'), basic('slow', 'pw'))).status == 200
    assert time.monotonic() - begin < 10 * one + 0.5


def test_hashing_does_not_stall_others(start, origin, tmp_path):
    """While a costly hash is computed, the same worker serves requests that need none."""
    path = tmp_path / 'costly'
    path.write_text(f'slow:{hashed("bcrypt-14", "pw")}\nquick:{hashed("sha256", "pw")}\n')
    path.chmod(0o600)
    o = origin(hello())
    viaduct = start({'access.users_file': path}, workers=1)
    quick = viaduct.connect()
    assert quick.ask(get(o.url('/'), basic('quick', 'pw'))).status == 200
    slow = viaduct.connect()
    slow.send(get(o.url('/slow'), basic('slow', 'pw')))
    assert quick.ask(get(o.url('/'), basic('quick', 'pw'))).status == 200
    assert not any(r.target == '/slow' for r in o.requests), 'the quick one waited for the slow hash'
    assert slow.read_response().status == 200


def test_connect_with_a_password(start, origin, users_file):
    o = origin(hello())
    viaduct = start({'access.users_file': users_file})
    wire = viaduct.connect()
    response = wire.ask(f'CONNECT {o.authority} HTTP/1.1\r\nHost: {o.authority}\r\n\r\n'.encode())
    assert response.status == 407 and response.has('proxy-authenticate')
    wire = viaduct.tunnel(o.authority, basic('sha256', 'pass:sha256'))
    assert wire.ask(b'GET / HTTP/1.1\r\nHost: x\r\n\r\n').status == 200
    assert not o.last().has('proxy-authorization')


def test_bytes_behind_a_connect_that_waits_for_its_password(start, origin, users_file):
    """What is sent along waits, and goes into the tunnel in order."""
    o = origin(hello())
    viaduct = start({'access.users_file': users_file})
    wire = viaduct.connect()
    wire.send('\r\n'.join([f'CONNECT {o.authority} HTTP/1.1', f'Host: {o.authority}', basic('bcrypt', 'pass:bcrypt'), '', '']).encode()
              + b'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    assert wire.read_response('CONNECT').status == 200
    assert wire.read_response().body == b'hello'


def test_client_that_leaves_while_its_password_is_checked(start, origin, users_file):
    o = origin(hello())
    viaduct = start({'access.users_file': users_file})
    for _ in range(10):
        wire = viaduct.connect()
        wire.send(get(o.url('/'), basic('sha512', 'pass:sha512')))
        wire.reset()
    assert viaduct.ask(get(o.url('/'), basic('sha512', 'pass:sha512'))).status == 200


def test_users_file_is_read_anew_on_reload(start, origin, users_file):
    o = origin(hello())
    viaduct = start({'access.users_file': users_file})
    assert viaduct.ask(get(o.url('/'), basic('sha512', 'pass:sha512'))).status == 200
    users_file.write_text(f'sha512:{hashed("sha512", "changed")}\n')
    viaduct.signal(signal.SIGHUP)
    until(lambda: viaduct.ask(get(o.url('/'), basic('sha512', 'changed'))).status == 200, 'the new password')
    assert viaduct.ask(get(o.url('/'), basic('sha512', 'pass:sha512'))).status == 407


def test_password_is_not_in_the_logs(start, origin, users_file, token, tmp_path):
    o = origin(hello())
    log = tmp_path / 'access.log'
    viaduct = start({'access.users_file': users_file, 'log.level': 'debug', 'log.terminal': 'always', 'log.access': log})
    field = basic('sha512', 'pass:sha512')
    assert viaduct.ask(get(o.url(token), field)).status == 200
    secret = field.rsplit(' ', 1)[1]
    said = until(lambda: log.exists() and log.read_text(), 'the line of the access log')
    until(viaduct.stdout, 'the line in the terminal')
    assert all(secret not in text and 'pass:sha512' not in text for text in (said, viaduct.stderr(), viaduct.stdout()))
