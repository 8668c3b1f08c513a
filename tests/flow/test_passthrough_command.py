"""Learned pass-through as its owner sees it: viaduct passthrough, the API below it, the inspector's page and the metrics."""

import json
import re
import ssl

import pytest

from kit.origin import hello
from kit.proxy import command
from kit.wait import until
from kit.wire import Wire, connect, get

NAMES = 'good.test=127.0.0.1,a.test=127.0.0.1,b.test=127.0.0.1'


@pytest.fixture
def viaduct(start, certs):
    return start({'intercept': 'all', 'hosts': NAMES, 'upstream.ca_file': certs.ca}, inspector='127.0.0.1:0')


@pytest.fixture
def tls_origin(origin, certs):
    return origin(hello(b'over tls'), tls=certs.server(certs.many))


def shake(viaduct, origin, name, context):
    """A handshake, and a request, in a tunnel to that name; the certificate that was shown, or the error."""
    wire = viaduct.tunnel(f'{name}:{origin.port}')
    try:
        with context.wrap_socket(wire.sock, server_hostname=name) as tls:
            assert Wire(tls).ask(get('/', host=name)).body == b'over tls'
            return tls.getpeercert()
    except ssl.SSLError as e:
        return e
    finally:
        wire.close()


def refuse(viaduct, origin, name, certs):
    """A client that knows the origin's root only: it refuses our certificate as often as it takes."""
    for _ in range(2):
        assert isinstance(shake(viaduct, origin, name, certs.client()), ssl.SSLError)
    return until(lambda: [e for e in listed(viaduct) if e['name'] == name], f'{name} to be learnt')


def listed(viaduct):
    done = command('passthrough', '--json', '--data', viaduct.data)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def ask(viaduct, path, *fields, method='GET'):
    authority = viaduct.ready['inspector'].removeprefix('http://')
    host, _, port = authority.rpartition(':')
    wire = connect((host, int(port)))
    try:
        return wire.ask('\r\n'.join([f'{method} {path} HTTP/1.1', f'Host: {authority}', *fields, '', '']).encode())
    finally:
        wire.close()


def bearer(viaduct):
    return f'Authorization: Bearer {viaduct.ready["token"]}'


def test_nothing_learnt(viaduct):
    assert listed(viaduct) == []
    done = command('passthrough', '--data', viaduct.data)
    assert done.returncode == 0 and done.stdout.startswith('nothing is passed through')


def test_listed_and_passed(viaduct, tls_origin, certs):
    (entry,) = refuse(viaduct, tls_origin, 'a.test', certs)
    assert entry['client'] == '127.0.0.1' and re.fullmatch(r't13\w+_\w+_\w+', entry['ja4'])
    assert entry['refusals'] == 2 and 0 < entry['left_s'] <= 900
    assert 'unknown CA' in entry['why']
    # the origin's own certificate now
    assert shake(viaduct, tls_origin, 'a.test', certs.client())['subject'] == ((('commonName', 'many'),),)
    until(lambda: listed(viaduct)[0]['passed'] == 1, 'the tunnel to be counted')
    shown = command('passthrough', 'list', '--data', viaduct.data).stdout
    assert 'a.test' in shown and '127.0.0.1' in shown and 'unknown CA' in shown


def test_retry(viaduct, tls_origin, certs):
    refuse(viaduct, tls_origin, 'a.test', certs)
    refuse(viaduct, tls_origin, 'b.test', certs)
    done = command('passthrough', 'retry', 'A.test', '--data', viaduct.data)
    assert (done.returncode, done.stdout) == (0, 'forgotten: 1; the next tunnel is opened again\n')
    assert [e['name'] for e in listed(viaduct)] == ['b.test']
    assert isinstance(shake(viaduct, tls_origin, 'a.test', certs.client()), ssl.SSLError)
    done = command('passthrough', 'retry', 'c.test', '--data', viaduct.data)
    assert (done.returncode, done.stdout) == (0, 'nothing had been learnt of c.test\n')
    done = command('passthrough', 'retry', '--all', '--json', '--data', viaduct.data)
    assert json.loads(done.stdout)['forgotten'] == 1
    assert listed(viaduct) == []


def test_inspector_shows_it(viaduct, tls_origin, certs):
    refuse(viaduct, tls_origin, 'a.test', certs)
    page = ask(viaduct, '/', bearer(viaduct)).text
    assert '<code>a.test</code>' in page and 'viaduct passthrough retry' in page
    assert json.loads(ask(viaduct, '/api/v1/status', bearer(viaduct)).text)['intercept']['passthrough'] == 1


def test_api_guards(viaduct, tls_origin, certs):
    refuse(viaduct, tls_origin, 'a.test', certs)
    path, cookie = '/api/v1/passthrough', f'Cookie: viaduct_token={viaduct.ready["token"]}'
    assert ask(viaduct, path).status == 401
    assert ask(viaduct, path, method='DELETE').status == 401
    assert ask(viaduct, path, cookie, method='DELETE').status == 403
    assert ask(viaduct, path, cookie, 'Viaduct-Request: 1', 'Origin: http://evil.test', method='DELETE').status == 403
    assert ask(viaduct, f'{path}?nam=a.test', bearer(viaduct), method='DELETE').status == 400
    assert len(listed(viaduct)) == 1
    assert ask(viaduct, path, cookie, 'Viaduct-Request: 1', method='DELETE').text == '{"forgotten":1}\n'


def test_metrics(viaduct, tls_origin, certs):
    refuse(viaduct, tls_origin, 'a.test', certs)
    shake(viaduct, tls_origin, 'a.test', certs.client())
    context = certs.client()
    context.load_verify_locations(viaduct.ready['ca'])
    shake(viaduct, tls_origin, 'b.test', context)

    def metrics():
        return dict(line.rsplit(' ', 1) for line in ask(viaduct, '/metrics', bearer(viaduct)).text.splitlines() if line[0] != '#')
    until(lambda: metrics()['viaduct_tunnels_total{handling="passed"}'] == '1', 'the passed tunnel to end')
    until(lambda: metrics()['viaduct_tls_handshakes_total{side="client",result="full"}'] == '1', 'the opened tunnel to end')
    now = metrics()
    assert now['viaduct_client_tls_refusals_total'] == '2'
    assert now['viaduct_tls_handshakes_total{side="client",result="failed"}'] == '2'
    assert now['viaduct_leaf_made_total'] == '2' and now['viaduct_leaf_cache_entries'] == '2'
    assert now['viaduct_leaf_cache_hits_total'] == '1'
    assert now['viaduct_passthrough_entries'] == '1'


# finding the proxy

def test_no_proxy(tmp_path):
    done = command('passthrough', '--data', tmp_path)
    assert done.returncode == 1
    assert done.stderr == f'viaduct passthrough: no viaduct runs with the data folder {tmp_path}\n'


def test_inspector_is_off(start):
    done = command('passthrough', '--data', start(inspector='off').data)
    assert done.returncode == 1 and 'inspector off' in done.stderr


@pytest.mark.parametrize('content', ['', '{', '[]', '{"pid":1}', '{"pid":1,"inspector":"http://example.com","token":"x"}',
                                     '{"pid":1,"inspector":"http://127.0.0.1:1","token":"x\\r\\ny"}', '{"pid":-1,"inspector":"x"}'])
def test_file_that_is_not_ours(tmp_path, content):
    (tmp_path / 'ready.json').write_text(content)
    done = command('passthrough', '--data', tmp_path)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize('answer', [b'', b'SSH-2.0-x\r\n', b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[]', b'HTTP/1.1 200 OK\r\n\r\n[]',
                                    b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}', b'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n[',
                                    b'HTTP/1.1 500 No\r\nContent-Length: 4\r\n\r\n\x1b[2J'])
def test_answer_that_is_not_ours(tmp_path, origin, answer):
    """Nothing that came from elsewhere is believed, or reaches the terminal."""
    def script(peer):
        peer.read_request()
        peer.send(answer)
    o = origin(script)
    (tmp_path / 'ready.json').write_text(json.dumps({'pid': 1, 'inspector': f'http://{o.authority}', 'token': 'x'}))
    done = command('passthrough', '--data', tmp_path)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert '\x1b' not in done.stdout + done.stderr


@pytest.mark.parametrize('args', [['frob'], ['list', 'x'], ['retry'], ['retry', 'a', 'b'], ['retry', 'a', '--all'], ['--all'],
                                  ['retry', ''], ['--nonsense'], ['--data']])
def test_bad_arguments(args):
    done = command('passthrough', *args)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1


def test_help():
    done = command('passthrough', '--help')
    assert done.returncode == 0 and 'retry' in done.stdout
