"""HAR between Chromium's DevTools and us, both ways: what it saves is imported and exported again with nothing lost, and what we export is what
its Network panel can open."""

import base64
import json
import socket
import subprocess

import pytest

from kit.devtools import DevTools
from kit.origin import hello
from kit.proxy import binary, command, environment, over
from kit.redirects import moved, routes
from kit.wait import until
from kit.wire import answer, get, post

PNG = base64.b64decode('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABVqLTwAAAAABJRU5ErkJggg==')
STYLE = 'body { color: #123456 }\n' * 100

PAGE = '''<!doctype html><meta charset="utf-8"><title>caf\xe9</title><link rel="stylesheet" href="/packed/style.css"><img src="/image.png">
<script>
(async () => {
    await fetch('/posted?form', {method: 'POST', body: new URLSearchParams({a: 'b c', d: '\xe9'})});
    await fetch('/posted?json', {method: 'POST', body: JSON.stringify({e: [1, '\\ud83d\\ude00', '\\ud83d']}), headers: {'X-Twice': 'one'}});
    await fetch('/posted?binary', {method: 'POST', body: new Uint8Array([0, 255, 1])});
    await fetch('/moved');
    await fetch('/missing').catch(() => 0);
    await fetch('http://127.0.0.1:1/refused').catch(() => 0);
    const cut = new AbortController();
    setTimeout(() => cut.abort(), 200);
    await fetch('http://127.0.0.1:HANGING/hangs', {signal: cut.signal, mode: 'no-cors'}).catch(() => 0);
    await fetch('/posted?last', {method: 'POST', body: ''});
})();
</script>
'''


@pytest.fixture(scope='module')
def devtools(tmp_path_factory):
    made = DevTools(tmp_path_factory.mktemp('devtools'), '--no-proxy-server')
    yield made
    made.close()


@pytest.fixture(scope='module')
def saved(devtools, nginx, tmp_path_factory):
    """A HAR saved by the browser: HTML, CSS with gzip, an image, redirects, forms, JSON, binary, failures. Its path."""
    hanging = hang_forever()
    (nginx.root / 'packed').mkdir(exist_ok=True)
    nginx.write('page.html', PAGE.replace('HANGING', str(hanging.getsockname()[1])).encode())
    nginx.write('packed/style.css', STYLE.encode())
    nginx.write('image.png', PNG)
    text = devtools.visit(nginx.url('/page.html'), until_seen=('/posted?last', 1))
    hanging.close()
    path = tmp_path_factory.mktemp('saved') / 'chromium.har'
    path.write_text(text)
    return path


def hang_forever():
    """A port that takes connections and never answers."""
    listener = socket.socket()
    listener.bind(('127.0.0.1', 0))
    listener.listen(10)
    return listener


def entries_of(path):
    return json.loads(path.read_text())['log']['entries']


def entry_of(entries, part):
    """The first whose URL holds that text."""
    return next(e for e in entries if part in e['request']['url'])


def load_into(path, data):
    done = command('import', path, '--data', data)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout


def export(data):
    done = command('export', 'har', '--with-secrets', '--data', data)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_saved_by_chromium(saved):
    """That the file is what these tests are about."""
    entries = entries_of(saved)
    assert entry_of(entries, 'style.css')['response']['content']['text'] == STYLE
    assert any(h['name'].lower() == 'content-encoding' and h['value'] == 'gzip' for h in entry_of(entries, 'style.css')['response']['headers'])
    assert base64.b64decode(entry_of(entries, 'image.png')['response']['content']['text']) == PNG
    assert entry_of(entries, '?form')['request']['postData']['params']
    assert entry_of(entries, '/moved')['response']['redirectURL'].endswith('/file.txt')
    assert entry_of(entries, '/refused')['response']['_error'].startswith('net::')
    assert entry_of(entries, '/hangs')['response']['status'] == 0


def test_nothing_is_lost(saved, tmp_path):
    """Imported and exported again, every member of every entry is as it was; so is what stands beside them."""
    load_into(saved, tmp_path)
    before, after = json.loads(saved.read_text())['log'], json.loads(export(tmp_path))['log']
    assert len(before['entries']) >= 11
    for one, other in zip(before['entries'], after['entries'], strict=True):
        assert other == one
    assert after['pages'] == before['pages']
    (source,) = after['_importedFrom']
    assert source['creator'] == before['creator'] and source['_session'] == 'chromium.har'


def test_flows(saved, tmp_path):
    """They are flows like those that went through the proxy."""
    load_into(saved, tmp_path)
    done = command('flows', '--json', '--data', tmp_path)
    rows = {f['url'].partition('127.0.0.1')[2].partition('/')[2]: f for f in map(json.loads, done.stdout.splitlines())}
    assert rows['page.html']['status'] == 200 and rows['page.html']['content_type'].startswith('text/html')
    assert rows['packed/style.css']['outcome'] == 'delivered'
    assert rows['posted?form']['method'] == 'POST' and rows['posted?form']['status'] == 201
    assert (rows['refused']['outcome'], rows['refused']['status']) == ('failed', None)
    assert rows['hangs']['outcome'] == 'cancelled'
    shown = json.loads(command('show', rows['page.html']['id'], '--json', '--data', tmp_path).stdout)
    (hop,) = shown['chain']
    assert hop['peer'].startswith('127.0.0.1:') and hop['wait_us'] > 0
    for part, body in (('packed/style.css', STYLE.encode()), ('image.png', PNG)):
        # gzip was undone by the browser, though the head tells of it
        done = command_bytes('show', rows[part]['id'], '--response-body', '--data', tmp_path)
        assert done == body, part
    assert command_bytes('show', rows['posted?form']['id'], '--request-body', '--data', tmp_path) == b'a=b+c&d=%C3%A9'


def command_bytes(*args):
    """What viaduct writes to stdout."""
    done = subprocess.run([binary(), *map(str, args)], capture_output=True, timeout=20, check=False, env=environment())
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_twice(saved, tmp_path):
    """Pages of two files do not get mixed up."""
    load_into(saved, tmp_path)
    load_into(saved, tmp_path)
    log = json.loads(export(tmp_path))['log']
    pages = [p['id'] for p in log['pages']]
    assert len(pages) == len(set(pages)) and len(log['entries']) == 2 * len(entries_of(saved))
    used = [e['pageref'] for e in log['entries'] if 'pageref' in e]
    assert set(used) <= set(pages) and len(set(used[:len(used) // 2]) & set(used[len(used) // 2:])) == 0


def test_devtools_opens_it(saved, devtools, tmp_path):
    """After the round trip the browser reads it as it reads its own file."""
    load_into(saved, tmp_path)
    assert devtools.load(export(tmp_path)) == devtools.load(saved.read_text())


@pytest.fixture
def captured(start, origin, certs):
    """The HAR of what went through the proxy: chains, an error, TLS inside a tunnel, binary both ways."""
    viaduct = start({'redirects.mode': 'follow', 'intercept': 'all', 'upstream.ca_file': certs.ca, 'hosts': 'good.test=127.0.0.1'})
    o = origin(routes({'/start': moved('/next', 302, 'Set-Cookie: a=b; Path=/'), '/next': moved('/end?x=y', 307),
                       '/end?x=y': answer(200, '<p>caf\xe9'.encode('latin-1'), 'Content-Type: text/html; charset=iso-8859-1'),
                       '/binary': answer(200, PNG, 'Content-Type: image/png')}))
    secure, gone = origin(hello(b'over tls'), tls=certs.server(certs.good)), origin(lambda peer: peer.read_request())
    assert viaduct.ask(get(o.url('/start'), 'Cookie: c=d')).status == 200
    assert viaduct.ask(post(o.url('/binary'), bytes([0, 255, 1]))).status == 200
    assert viaduct.ask(get(gone.url('/gone'))).status == 502
    ask_inside(viaduct, secure)
    until(lambda: len([f for f in viaduct.flows() if f['outcome'] != 'pending']) == 5, 'five flows')
    over(viaduct).stop()
    return export(viaduct.data), o


def ask_inside(viaduct, secure):
    """A request in a tunnel that is opened."""
    done = subprocess.run(['curl', '-sS', '-x', viaduct.url, '--cacert', viaduct.ready['ca'], f'https://good.test:{secure.port}/inside'],
                          capture_output=True, timeout=30, check=False, env=environment())
    assert done.stdout == b'over tls', done.stderr


def test_devtools_opens_ours(captured, devtools):
    """Chains, bodies, forms, times and failures in the Network panel."""
    text, o = captured
    rows = devtools.load(text)
    entries = json.loads(text)['log']['entries']
    assert len(rows) == len(entries)
    for row, e in zip(rows, entries, strict=True):
        assert row['url'] == e['request']['url'] and row['method'] == e['request']['method'] and row['status'] == e['response']['status']
        assert row['end'] >= row['start'] > 1.7e9
    chain = [r for r in rows if f':{o.port}/' in r['url']][:3]
    assert [r['status'] for r in chain] == [302, 307, 200]
    assert chain[2]['content'] == '<p>caf\xe9' and chain[2]['remote'] == o.authority
    assert {h['name'] for h in chain[0]['response']} >= {'Location', 'Set-Cookie'}
    (image,) = [r for r in rows if r['url'].endswith('/binary')]
    assert base64.b64decode(image['content']) == PNG and image['type'] == 'image/png'
    (gone,) = [r for r in rows if r['url'].endswith('/gone')]
    assert gone['status'] == 0
    assert [r['content'] for r in rows if r['url'].endswith('/inside')] == ['over tls']


REQUIRED = {
    '': {'startedDateTime', 'time', 'request', 'response', 'cache', 'timings'},
    'request': {'method', 'url', 'httpVersion', 'cookies', 'headers', 'queryString', 'headersSize', 'bodySize'},
    'response': {'status', 'statusText', 'httpVersion', 'cookies', 'headers', 'content', 'redirectURL', 'headersSize', 'bodySize'},
    'timings': {'send', 'wait', 'receive'},
}


def test_strict_reader(captured):
    """What any importer may rely on: required members, times that add up, chains that lead on."""
    log = json.loads(captured[0])['log']
    assert log['version'] == '1.2' and log['creator']['name'] == 'viaduct' and log['creator']['version']
    pages = {p['id'] for p in log.get('pages', [])}
    for e in log['entries']:
        for part, names in REQUIRED.items():
            assert names <= set(e[part] if part else e), (part, e)
        assert 'pageref' not in e or e['pageref'] in pages
        times = e['timings']
        spent = sum(t for name, t in times.items() if name in ('blocked', 'dns', 'connect', 'send', 'wait', 'receive') and t > 0)
        assert abs(e['time'] - spent) < 0.01 and times.get('ssl', -1) <= max(times.get('connect', -1), -1)
        assert all(times[name] >= 0 for name in REQUIRED['timings'])
        assert {'size', 'mimeType'} <= set(e['response']['content'])
        assert all(set(h) >= {'name', 'value'} for h in e['request']['headers'] + e['response']['headers'])
    chain = [e for e in log['entries'] if e['response']['status'] in (302, 307)]
    assert len(chain) == 2
    for e in chain:
        after = log['entries'][log['entries'].index(e) + 1]
        assert e['response']['redirectURL'] == after['request']['url'] and after['_flowId'] == e['_flowId']
