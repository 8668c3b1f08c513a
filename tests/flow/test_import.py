"""viaduct import: HAR files of browsers and of our own become flows, into a database that lies still or under a proxy that runs."""

import base64
import json
import os
import pathlib
import pty
import signal
import subprocess

import pytest

from kit.origin import hello, serve
from kit.proxy import binary, command, environment, over
from kit.redirects import moved, routes
from kit.wait import until
from kit.wire import answer, connect, get, post

LATER = '2024-05-06T07:08:09.250Z'


def entry(url='http://a.test/', status=200, **more):
    response = {'status': status, 'statusText': 'OK', 'httpVersion': 'HTTP/1.1', 'headers': [], 'cookies': [], 'redirectURL': '',
                'content': {'size': 2, 'mimeType': 'text/plain', 'text': 'hi'}, 'headersSize': -1, 'bodySize': 2}
    request = {'method': 'GET', 'url': url, 'httpVersion': 'HTTP/1.1', 'headers': [], 'queryString': [], 'cookies': [], 'headersSize': -1,
               'bodySize': 0}
    return {'startedDateTime': LATER, 'time': 5, 'request': request, 'response': response, 'cache': {},
            'timings': {'send': 0, 'wait': 4, 'receive': 1}, **more}


def har_of(entries, **more):
    return {'log': {'version': '1.2', 'creator': {'name': 'test', 'version': '1'}, 'entries': entries, **more}}


@pytest.fixture
def write(tmp_path):
    """write(entries) -> the file."""
    def write_one(entries, name='some.har', **more):
        path = tmp_path / name
        path.write_text(json.dumps(har_of(entries, **more)))
        return path
    return write_one


def imported(path, data, *args):
    done = command('import', path, '--data', data, *args)
    assert done.returncode == 0 and not done.stderr, (done.stdout, done.stderr)
    return done.stdout


def exported(data, *args):
    done = command('export', 'har', '--with-secrets', '--data', data, *args)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)['log']


def flows(data):
    done = command('flows', '--json', '-n', '100000', '--data', data)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


# Without a proxy

def test_import(write, tmp_path):
    path = write([entry('https://a.test/x?y=z'), entry('http://b.test/', 404)])
    assert imported(path, tmp_path / 'data') == f'2 flows of {path} are session 1, "some.har"\n'
    first, second = flows(tmp_path / 'data')
    assert (first['url'], first['method'], first['status'], first['host'], first['outcome']) == (
        'https://a.test/x?y=z', 'GET', 200, 'a.test', 'delivered')
    assert first['started_us'] == 1714979289250000 and first['duration_us'] == 5000
    assert second['status'] == 404 and second['id'] > first['id']
    assert os.stat(tmp_path / 'data/flows.db').st_mode & 0o777 == 0o600


def test_body_and_comment(write, tmp_path):
    imported(write([entry(comment='look here')]), tmp_path)
    done = command('show', '1', '--response-body', '--data', tmp_path)
    assert (done.returncode, done.stdout) == (0, 'hi')
    shown = json.loads(command('show', '1', '--json', '--data', tmp_path).stdout)
    assert shown['comment'] == 'look here' and shown['chain'][0]['wait_us'] == 4000


def test_decoded_bodies_are_not_decoded_again(write, tmp_path):
    """The browser has undone the gzip that the head still tells of, and put ISO 8859-1 into UTF-8."""
    one = entry()
    one['response']['headers'] = [{'name': 'Content-Encoding', 'value': 'gzip'}, {'name': 'Content-Type', 'value': 'text/plain; charset=iso-8859-1'}]
    one['response']['content']['text'] = 'caf\xe9 olé'
    imported(write([one]), tmp_path)
    done = command('show', '1', '--response-body', '--data', tmp_path)
    assert (done.returncode, done.stdout) == (0, 'caf\xe9 olé')
    assert exported(tmp_path)['entries'] == [one]
    found = command('flows', 'res.body contains "olé"', '--json', '--data', tmp_path)
    assert found.returncode == 0 and len(found.stdout.splitlines()) == 1, found.stderr


def test_session_name(write, tmp_path):
    path = write([entry()])
    assert imported(path, tmp_path, '--session', 'my\x1b run').endswith('session 1, "my\\x1b run"\n')
    assert 'session 2' in imported(path, tmp_path)
    assert [f['id'] for f in flows(tmp_path)] == [1, 2]


def test_left_out(write, tmp_path):
    done = command('import', write([entry(), {'request': 7}, 'x', *[{}] * 9, entry()]), '--data', tmp_path)
    assert done.returncode == 0 and done.stdout.startswith('2 flows') and '; 11 entries were left out' in done.stdout
    lines = done.stderr.splitlines()
    assert len(lines) == 5 and 'entry 2 at byte' in lines[0] and lines[0].endswith('is left out: it has no request')
    assert len(flows(tmp_path)) == 2


def test_broken_off(write, tmp_path):
    """What stands before the place where it breaks off stays."""
    path = write([entry(), entry()])
    path.write_bytes(path.read_bytes()[:-60])
    done = command('import', path, '--data', tmp_path)
    assert done.returncode == 1 and '(entry 2): the file ends in the middle' in done.stderr
    assert done.stdout.startswith('1 flow ') and len(flows(tmp_path)) == 1


@pytest.mark.parametrize('content', [b'', b'\x7fELF', b'{}', b'[]', b'{"log":1}', b'\xff\xfe{\x00'])
def test_no_har(tmp_path, content):
    (tmp_path / 'x').write_bytes(content)
    done = command('import', tmp_path / 'x', '--data', tmp_path)
    assert done.returncode == 1 and done.stdout == '' and len(done.stderr.splitlines()) == 1


def test_no_file(tmp_path):
    done = command('import', tmp_path / 'none', '--data', tmp_path)
    assert done.returncode == 1 and 'No such file' in done.stderr
    done = command('import', tmp_path, '--data', tmp_path)
    assert done.returncode == 1 and 'not a regular file' in done.stderr
    os.mkfifo(tmp_path / 'pipe')
    done = command('import', tmp_path / 'pipe', '--data', tmp_path)
    assert done.returncode == 1 and 'not a regular file' in done.stderr


@pytest.mark.parametrize('args', [[], ['a', 'b'], ['--nonsense'], ['a', '--session']])
def test_bad_arguments(args):
    done = command('import', *args)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1


def test_help():
    done = command('import', '--help')
    assert done.returncode == 0 and '--session' in done.stdout


def test_redacted(write, tmp_path):
    """capture.redact: all holds for what is imported, also for what is kept of the entry."""
    one = entry('http://a.test/?token=s3cr3t-query')
    one['request']['headers'] = [{'name': 'Authorization', 'value': 'Bearer s3cr3t-field'}]
    one['request']['queryString'] = [{'name': 'token', 'value': 's3cr3t-query'}]
    done = command('import', write([one]), '--data', tmp_path, env=environment(VIADUCT_CAPTURE_REDACT='all'))
    assert done.returncode == 0, done.stderr
    for file in pathlib.Path(tmp_path).glob('flows.db*'):
        assert b's3cr3t' not in file.read_bytes(), file


def large(path, n, body=20000):
    """A file that takes a moment."""
    with open(path, 'w', encoding='ascii') as f:
        f.write('{"log":{"version":"1.2","creator":{"name":"t","version":"1"},"entries":[')
        for i in range(n):
            one = entry(f'http://a.test/{i}')
            one['response']['content']['text'] = f'{i} ' + 'x' * body
            f.write((',' if i else '') + json.dumps(one))
        f.write(']}}')
    return path


def on_terminal(*args):
    """Runs viaduct with a terminal for stderr; the process, and where what it writes there can be read."""
    inside, outside = pty.openpty()
    process = subprocess.Popen([binary(), *map(str, args)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=outside, env=environment())
    os.close(outside)
    return process, inside


def read_until(fd, what):
    seen = b''
    while what not in seen:
        try:
            piece = os.read(fd, 65536)
        except OSError:
            piece = b''
        assert piece, (what, seen)
        seen += piece
    return seen


def test_progress_and_stop(tmp_path):
    """On a terminal it says how far it is; Ctrl-C ends it, and what was imported stays."""
    process, terminal = on_terminal('import', large(tmp_path / 'big.har', 4000), '--data', tmp_path / 'data')
    read_until(terminal, b' flows')
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 130, out
    assert b'stopped; what was imported stays' in read_until(terminal, b'stays')
    os.close(terminal)
    assert int(out.split()[0]) == len(flows(tmp_path / 'data')) < 4000


# Beside a proxy that runs

@pytest.fixture
def viaduct(start):
    return start(inspector='127.0.0.1:0')


def ask(viaduct, method, path, *fields):
    authority = viaduct.ready['inspector'].removeprefix('http://')
    host, _, port = authority.rpartition(':')
    wire = connect((host, int(port)))
    try:
        return wire.ask('\r\n'.join([f'{method} {path} HTTP/1.1', f'Host: {authority}', *fields, '', '']).encode(), method)
    finally:
        wire.close()


def bearer(viaduct):
    return f'Authorization: Bearer {viaduct.ready["token"]}'


def begin(viaduct, path, query=''):
    return ask(viaduct, 'POST', f'/api/v1/import?path={path}{query}', bearer(viaduct), 'Content-Length: 0')


def told(viaduct, number):
    return json.loads(ask(viaduct, 'GET', f'/api/v1/import/{number}', bearer(viaduct)).text)


def test_import_while_running(viaduct, origin, write, token):
    o = origin(serve(lambda r: answer(200, b'live')))
    assert viaduct.ask(get(o.url(token))).status == 200
    out = imported(write([entry('http://a.test/' + str(i)) for i in range(50)]), viaduct.data, '--session', 'beside')
    assert out.startswith('50 flows of ') and out.endswith(', "beside"\n')
    assert viaduct.ask(get(o.url(token))).status == 200
    assert len(viaduct.wait_flows(token, 2)) == 2
    assert len(viaduct.flows()) == 52
    ids = [f['id'] for f in viaduct.flows()]
    assert len(set(ids)) == 52
    # flows that went through belong to the session that they had before
    sessions = json.loads(ask(viaduct, 'GET', '/api/v1/sessions', bearer(viaduct)).text)
    assert sorted((s['is_import'], s['flows']) for s in sessions) == [(False, 2), (True, 50)]


def test_imported_flows_are_not_logged(start, write, tmp_path):
    """The access log tells of what went through the proxy."""
    log = tmp_path / 'access.log'
    viaduct = start({'log.access': log, 'log.terminal': 'always'}, inspector='127.0.0.1:0')
    imported(write([entry()]), viaduct.data)
    viaduct.stop()
    over(viaduct)
    assert log.read_text() == '' and 'a.test' not in viaduct.stdout()


def test_api(viaduct, write):
    path = write([entry(), 7])
    begun = begin(viaduct, path, '&name=by%20hand')
    assert begun.status == 202
    first = json.loads(begun.text)
    assert first['id'] == 1 and first['name'] == 'by hand' and first['why'] is None
    until(lambda: told(viaduct, 1)['state'] == 'done', 'the import')
    end = told(viaduct, 1)
    assert (end['flows'], end['left_out'], end['bytes'], end['size']) == (1, 1, path.stat().st_size, path.stat().st_size)
    assert end['session_id'] == 2 and end['left_out_first'][0].endswith('it is not an object')
    assert ask(viaduct, 'GET', '/api/v1/import/2', bearer(viaduct)).status == 404
    assert ask(viaduct, 'GET', '/api/v1/import/x', bearer(viaduct)).status == 404


def test_api_guards(viaduct, write):
    path, cookie = write([entry()]), f'Cookie: viaduct_token={viaduct.ready["token"]}'
    target = f'/api/v1/import?path={path}'
    assert ask(viaduct, 'POST', target, 'Content-Length: 0').status == 401
    assert ask(viaduct, 'POST', target, cookie, 'Content-Length: 0').status == 403
    assert ask(viaduct, 'POST', target, cookie, 'Viaduct-Request: 1', 'Origin: http://evil.test', 'Content-Length: 0').status == 403
    assert ask(viaduct, 'GET', target, bearer(viaduct)).status == 405
    assert ask(viaduct, 'GET', '/api/v1/import/1').status == 401
    for query in ('', '?', '?path=', '?path=some.har', '?name=x', f'?path={path}&path={path}', f'?path={path}&x=y', '?path=/a%00b'):
        assert ask(viaduct, 'POST', '/api/v1/import' + query, bearer(viaduct), 'Content-Length: 0').status == 400, query
    assert ask(viaduct, 'GET', '/api/v1/import/1', bearer(viaduct)).status == 404
    assert viaduct.flows() == []


def test_api_failures(viaduct, tmp_path):
    """What goes wrong is told in words, and never cites what stands in the file."""
    (tmp_path / 'secret').write_text('root:s3cr3t:0:0\n')
    (tmp_path / 'half').write_text('{"log":{"entries":[{"s3cr3t":')
    for n, name in enumerate(('none', 'secret', 'half', ''), 1):
        assert begin(viaduct, tmp_path / name).status == 202
        end = until(lambda n=n: (t := told(viaduct, n))['state'] == 'failed' and t, 'the failure')
        assert end['why'] and 's3cr3t' not in json.dumps(end)


def test_one_at_a_time(viaduct, tmp_path, write):
    path = large(tmp_path / 'big.har', 4000)
    assert begin(viaduct, path).status == 202
    assert begin(viaduct, path).status == 409
    assert command('import', path, '--data', viaduct.data).returncode == 1
    until(lambda: told(viaduct, 1)['state'] == 'done', 'the import', 60)
    assert told(viaduct, 1)['flows'] == 4000
    assert 'session 3' in imported(write([entry()]), viaduct.data)


def test_interrupted_command(viaduct, tmp_path):
    """The proxy goes on without it."""
    process, terminal = on_terminal('import', large(tmp_path / 'big.har', 4000), '--data', viaduct.data)
    read_until(terminal, b' flows')
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 130
    assert b'the proxy goes on importing' in read_until(terminal, b'importing')
    os.close(terminal)
    until(lambda: told(viaduct, 1)['state'] == 'done', 'the import', 60)
    assert told(viaduct, 1)['flows'] == 4000


def test_stopped_proxy(start, tmp_path):
    """It ends at once, and what was taken stays."""
    viaduct = start(inspector='127.0.0.1:0')
    assert begin(viaduct, large(tmp_path / 'big.har', 8000)).status == 202
    until(lambda: told(viaduct, 1)['flows'] > 100, 'some flows')
    at_least = told(viaduct, 1)['flows']
    over(viaduct).stop()
    assert at_least <= len(flows(viaduct.data)) <= 8000


def test_traffic_goes_on(viaduct, origin, tmp_path, token):
    """Requests are answered all the while."""
    o = origin(serve(lambda r: answer(200, b'live')))
    assert begin(viaduct, large(tmp_path / 'big.har', 4000)).status == 202
    n = 0
    while told(viaduct, 1)['state'] == 'running':
        assert viaduct.ask(get(o.url(token))).status == 200
        n += 1
    assert told(viaduct, 1)['state'] == 'done'
    assert len(viaduct.wait_flows(token, n)) == n


def test_inspector_off(start, write):
    viaduct = start(inspector='off')
    done = command('import', write([entry()]), '--data', viaduct.data)
    assert done.returncode == 1 and 'inspector off' in done.stderr and len(done.stderr.splitlines()) == 1


# There and back: our own

def without_numbers(entries):
    """Entries as they are in any database: flows numbered from 1 in the order of the file."""
    numbers = {}
    for e in entries:
        number = numbers.setdefault(e['_flowId'], len(numbers) + 1)
        e['_flowId'] = number
        if '_redirectChain' in e:
            e['_redirectChain']['id'] = number
    for e in entries:
        if 'parentId' in e.get('_flow', {}):
            e['_flow']['parentId'] = numbers[e['_flow']['parentId']]
    return entries


def test_round_trip_of_ours(start, origin, tmp_path, certs):
    """Redirects, errors, tunnels, binary bodies: what comes out of the second database is what came out of the first."""
    opener = start({'redirects.mode': 'follow', 'intercept': 'all', 'upstream.ca_file': certs.ca, 'hosts': 'good.test=127.0.0.1,a.test=127.0.0.1'})
    clear = origin(routes({'/start?x=y': moved('/next', 302, 'Set-Cookie: a=b'), '/next': moved('/end', 307), '/end': always_of(bytes(range(256)) * 300)}))
    secure = origin(hello(b'over tls'), tls=certs.server(certs.good))
    gone = origin(lambda peer: peer.read_request())
    opener.ask(get(clear.url('/start?x=y'), 'Cookie: c=d', 'X-Twice: 1', 'x-twice: 2'))
    opener.ask(post(clear.url('/end'), b'\x00\xff\xfe'))
    opener.ask(post(clear.url('/end'), b'a=b&c=d%20e', 'Content-Type: application/x-www-form-urlencoded'))
    opener.ask(get(gone.url('/gone')))
    opener.ask(b'GET /not-a-proxy-request HTTP/1.1\r\nHost: a.test\r\n\r\n')
    inside(opener, secure)
    until(lambda: len([f for f in opener.flows() if f['outcome'] != 'pending']) >= 7, 'all flows')
    opener.stop()
    over(opener)
    first = exported(opener.data)
    (tmp_path / 'first.har').write_text(json.dumps({'log': first}))
    imported(tmp_path / 'first.har', tmp_path / 'second')
    again = exported(tmp_path / 'second')
    assert len(first['entries']) >= 9
    assert without_numbers(again['entries']) == without_numbers(first['entries'])
    # and what stands beside the entries in the database is that of the flows, too
    for before, after in zip(opener.flows(), flows(tmp_path / 'second'), strict=True):
        for name in ('url', 'method', 'status', 'outcome', 'error', 'started_us', 'redirects', 'retries', 'final_url', 'request_body_bytes'):
            assert after[name] == before[name], (name, before, after)


def always_of(body):
    return answer(200, body, 'Content-Type: application/octet-stream')


def inside(opener, secure):
    """A request in a tunnel that is opened."""
    done = subprocess.run(['curl', '-sS', '-x', opener.url, '--cacert', opener.ready['ca'], f'https://good.test:{secure.port}/inside'],
                          capture_output=True, timeout=30, check=False, env=environment())
    assert done.stdout == b'over tls', done.stderr


def test_other_order(start, origin, tmp_path):
    """Hops of one flow are joined wherever they stand."""
    viaduct = start({'redirects.mode': 'follow'})
    o = origin(routes({'/a': moved('/b'), '/b': moved('/c'), '/c': answer(200, b'end')}))
    for _ in range(3):
        assert viaduct.ask(get(o.url('/a'))).status == 200
    until(lambda: len([f for f in viaduct.flows() if f['outcome'] != 'pending']) == 3, 'three flows')
    log = exported(viaduct.data)
    assert len(log['entries']) == 9
    log['entries'].sort(key=lambda e: (e['request']['url'][-1], e['_flowId']), reverse=True)
    (tmp_path / 'shuffled.har').write_text(json.dumps({'log': log}))
    assert imported(tmp_path / 'shuffled.har', tmp_path / 'second').startswith('3 flows')
    assert [f['redirects'] for f in flows(tmp_path / 'second')] == [2, 2, 2]


def test_text_in_base64_comes_back(write, tmp_path):
    one = entry()
    one['response']['content'] = {'size': 3, 'mimeType': 'image/x', 'encoding': 'base64', 'text': base64.b64encode(b'\0\xff\1').decode()}
    one['request']['method'] = 'POST'
    one['request']['postData'] = {'mimeType': 'application/x-www-form-urlencoded', 'params': [{'name': 'a', 'value': 'b c'}]}
    one['_new'] = {'deep': [1, 2.5, 1e300, None, {'x': '\u2028'}]}
    imported(write([one]), tmp_path)
    assert exported(tmp_path)['entries'] == [one]
    assert command('show', '1', '--request-body', '--raw', '--data', tmp_path).stdout == 'a=b+c'
