"""viaduct export: HAR, lines of JSON, and curl commands that send the same bytes again."""

import base64
import gzip
import json
import os
import signal
import stat
import subprocess
import time

import pytest

from kit.origin import always, hello, serve
from kit.proxy import binary, command, environment
from kit.wait import until
from kit.wire import answer, chunked, get, post

EVERY_BYTE = bytes(range(256))


def export(viaduct, *args, expect=0):
    done = command('export', *args, '--data', viaduct.data)
    assert done.returncode == expect, (done.returncode, done.stdout, done.stderr)
    return done


def lines(viaduct, *args):
    return [json.loads(line) for line in export(viaduct, 'jsonl', *args).stdout.splitlines()]


def by_path(token):
    return f'path == "{token}"'


# curl

def run(shell, text):
    """Runs an exported command; it must end well."""
    done = subprocess.run([shell], input=text.encode(), capture_output=True, timeout=30, check=False, env=environment())
    assert done.returncode == 0, (text, done.stderr)


def recorded(request):
    return request.raw, request.body


def again(viaduct, origin, token, hop, shell='dash'):
    """Runs the command of the flow with that path: what the origin had got before, what it gets now, and the text of the command."""
    viaduct.wait_flow(token)
    before = recorded(origin.last())
    text = export(viaduct, 'curl', f'url contains "{token}"', '--hop', hop, '--with-secrets').stdout
    n = len(origin.requests)
    run(shell, text)
    assert len(origin.requests) == n + 1
    return before, recorded(origin.last()), text


ODD = {
    'plain': lambda url: get(url),
    'no_fields_of_its_own': lambda url: get(url, 'Accept: a', 'accept: b', 'X-Empty:', 'X-Quote: it\'s "$HOME" `id` \\', 'USER-agent: me'),
    'bytes': lambda url: get(url, 'X-Bytes: \x80\xff\xe9 \t tab'),
    'query': lambda url: get(url + '?a=b&c=%00&d[]={x,y}&e=1;f=(2)*!$~'),
    'empty_query': lambda url: get(url + '?'),
    'dots': lambda url: get(url + '/../.././%2e%2E/.hidden/...'),
    'slashes': lambda url: get(url + '//a///b/'),
    'odd_target': lambda url: get(url + '/|^"<>`{}'),
    'duplicates': lambda url: get(url, 'X-Twice: 1', 'Cookie: a=1', 'X-Twice: 2', 'Cookie: b=2', 'Range: bytes=0-1', 'Referer: r',
                                  'Authorization: Basic eDp5', 'Accept-Encoding: gzip, br', 'If-None-Match: "x"'),
    'method': lambda url: get(url, method='PROPFIND'),
    'delete': lambda url: get(url, method='DELETE'),
    'head': lambda url: get(url, method='HEAD'),
    'options': lambda url: get(url, method='OPTIONS'),
    'post_of_nothing': lambda url: post(url, b''),
    'post_text': lambda url: post(url, b'@it\'s "text"\n\\ $HOME %s\n', 'Content-Type: text/plain'),
    'post_untyped': lambda url: post(url, b'a=b'),
    'post_bytes': lambda url: post(url, EVERY_BYTE * 100, 'Content-Type: application/octet-stream'),
    'post_long_text': lambda url: post(url, b'0123456789abcdef' * 10000, 'Content-Type: text/plain'),
    'put': lambda url: post(url, b'x\n\n', 'Content-Type: a', method='PUT'),
    'get_with_body': lambda url: post(url, b'{"a":1}', 'Content-Type: application/json', method='GET'),
    'chunked': lambda url: get(url, 'Transfer-Encoding: chunked', 'Content-Type: a', method='POST') + chunked(b'abc', EVERY_BYTE),
    'chunked_nothing': lambda url: get(url, 'Transfer-Encoding: chunked', method='POST') + chunked(),
    'gzip': lambda url: post(url, gzip.compress(b'x' * 1000, mtime=0), 'Content-Encoding: gzip', 'Content-Type: text/plain'),
    'terminal': lambda url: post(url, b'\x1b]0;title\x07\xe2\x80\xae'),
}


@pytest.mark.parametrize('shell', ['dash', 'bash'])
@pytest.mark.parametrize('name', ODD)
def test_curl_sends_the_same_bytes(proxy, origin, token, name, shell):
    """As it was sent to the origin, all of the head and the body, in order and case."""
    o = origin(always(answer(200, b'')))
    assert proxy.ask(ODD[name](o.url(token))).status == 200
    before, after, text = again(proxy, o, token, 1, shell)
    # We send a field without a value with a blank; the comment says that curl does not.
    assert after == (before[0].replace(b'X-Empty: \r', b'X-Empty:\r'), before[1]), text
    assert ('# fields without a value' in text) == (name == 'no_fields_of_its_own')
    assert '\x1b' not in text and '\x07' not in text


@pytest.mark.parametrize('name', ['plain', 'no_fields_of_its_own', 'post_bytes', 'dots', 'empty_query', 'duplicates'])
def test_curl_of_the_client_request(proxy, origin, token, name):
    """What the client sent to the proxy, as an origin would get it: in origin-form, without the fields that were for the proxy."""
    o = origin(always(answer(200, b'')))
    sent = ODD[name](o.url(token)).replace(b'\r\n\r\n', b'\r\nProxy-Connection: Keep-Alive\r\n\r\n', 1)
    assert proxy.ask(sent).status == 200
    _, after, text = again(proxy, o, token, 0)
    head, _, body = sent.partition(b'\r\n\r\n')
    head = head.replace(o.url('').encode(), b'', 1).replace(b'\r\nProxy-Connection: Keep-Alive', b'', 1)
    assert after == (head + b'\r\n\r\n', body), text
    assert '# Proxy-Connection is left out' in text


def test_curl_puts_host_first(proxy, origin, token):
    """What curl cannot do is said."""
    o = origin(always(answer(200, b'')))
    sent = f'GET {o.url(token)} HTTP/1.1\r\nX-First: 1\r\nhOsT: {o.authority}\r\nX-Last: 2\r\n\r\n'
    assert proxy.ask(sent.encode()).status == 200
    _, after, text = again(proxy, o, token, 0)
    assert after[0] == f'GET {token} HTTP/1.1\r\nHost: {o.authority}\r\nX-First: 1\r\nX-Last: 2\r\n\r\n'.encode()
    assert '# Host was field 2' in text and '# Host was written hOsT' in text


def test_curl_of_http_1_0(proxy, origin, token):
    o = origin(always(answer(200, b'')))
    assert proxy.ask(f'GET {o.url(token)} HTTP/1.0\r\nX-A: b\r\n\r\n'.encode(), 'GET').status == 200
    _, after, _ = again(proxy, o, token, 0)
    assert after[0] == f'GET {token} HTTP/1.0\r\nX-A: b\r\n\r\n'.encode()


def test_curl_of_a_cut_body(start, origin, token):
    o = origin(always(answer(200, b'')))
    viaduct = start({'capture.body_limit': '10', 'redirects.mode': 'pass'})
    assert viaduct.ask(post(o.url(token), b'0123456789abcdef')).status == 200
    _, after, text = again(viaduct, o, token, 0)
    assert '# the last 6 bytes of the body are missing' in text
    assert after[1] == b'0123456789' and b'Content-Length: 10\r\n' in after[0]


def test_curl_of_each_hop(start, origin, token):
    o = origin(serve(lambda r: answer(302, b'', f'Location: {token}-next') if r.target == token else answer(200, b'')))
    viaduct = start({'redirects.mode': 'follow'})
    assert viaduct.ask(post(o.url(token), b'abc')).status == 200
    viaduct.wait_flow(token)
    for hop, method, target in ((0, 'POST', token), (1, 'POST', token), (2, 'GET', f'{token}-next')):
        n = len(o.requests)
        run('dash', export(viaduct, 'curl', '--hop', hop).stdout)
        assert len(o.requests) == n + 1
        assert (o.last().method, o.last().target) == (method, target)
    done = export(viaduct, 'curl', '--hop', 3)
    assert done.stdout == '# flow 1 has no hop 3, but 2\n' and 'secrets' not in done.stderr


def test_curl_without_secrets(proxy, origin, token):
    o = origin(always(answer(200, b'')))
    assert proxy.ask(post(o.url(token + '?token=hush1'), b'{"password":"hush2"}', 'Authorization: Bearer hush3',
                          'Content-Type: application/json')).status == 200
    proxy.wait_flow(token)
    done = export(proxy, 'curl', by_path(token))
    assert 'hush' not in done.stdout and done.stdout.count('redacted-') > 3
    assert 'secrets are replaced in 1 of 1 flows' in done.stderr and '--with-secrets' in done.stdout
    run('dash', done.stdout)
    kept = export(proxy, 'curl', by_path(token), '--with-secrets')
    assert all(f'hush{i}' in kept.stdout for i in (1, 2, 3)) and kept.stderr == ''


# lines of JSON

def test_jsonl(proxy, origin, token):
    text = 'grün'.encode()
    o = origin(always(answer(200, gzip.compress(text), 'Content-Type: text/plain; charset=utf-8', 'Content-Encoding: gzip')))
    assert proxy.ask(post(o.url(token), EVERY_BYTE, 'Content-Type: application/octet-stream')).status == 200
    shown = proxy.wait_shown(token)
    flow, = lines(proxy, by_path(token))
    hop, = flow['chain']
    assert base64.b64decode(hop['request_content']['base64']) == EVERY_BYTE
    assert hop['request_content']['bytes'] == 256 and hop['request_content']['cut'] is None
    assert hop['response_content'] == {'bytes': 5, 'coding': None, 'cut': None, 'text': 'grün'}
    for part in (hop, flow):
        for key in [k for k in part if k.endswith('_content')]:
            del part[key]
    assert flow == shown


def test_jsonl_of_an_unknown_coding(proxy, origin, token):
    o = origin(always(answer(200, b'abc', 'Content-Encoding: unheard-of', 'Content-Type: image/png')))
    assert proxy.ask(get(o.url(token))).status == 200
    proxy.wait_flow(token)
    content = lines(proxy, by_path(token))[0]['chain'][0]['response_content']
    assert content == {'bytes': 3, 'coding': 'unheard-of', 'cut': None, 'base64': base64.b64encode(b'abc').decode()}


def test_jsonl_of_a_cut_body(start, origin, token):
    viaduct = start({'capture.body_limit': '4'})
    assert viaduct.ask(get(origin(hello(b'hello')).url(token))).status == 200
    viaduct.wait_flow(token)
    content = lines(viaduct)[0]['chain'][0]['response_content']
    assert (content['text'], content['cut']) == ('hell', 'limit')


# which flows

def test_filter_and_count(start, origin):
    o = origin(serve(lambda r: answer(404 if 'no' in r.target else 200, b'')))
    viaduct = start()
    for path in ('/a', '/no', '/b', '/c'):
        viaduct.ask(get(o.url(path)))
    viaduct.wait_flows('/', 4)
    assert [f['path'] for f in lines(viaduct)] == ['/a', '/no', '/b', '/c']
    assert [f['path'] for f in lines(viaduct, 'status == 200')] == ['/a', '/b', '/c']
    assert [f['path'] for f in lines(viaduct, 'status == 200', '-n', '2')] == ['/b', '/c']
    assert [f['path'] for f in lines(viaduct, 'path ~ "^/[ab]$"')] == ['/a', '/b']
    none = export(viaduct, 'jsonl', 'status == 500')
    assert none.stdout == '' and 'no flow matches' in none.stderr


def test_session(start, origin):
    o = origin(hello())
    viaduct = start({'capture.session': 'the "first"'})
    viaduct.ask(get(o.url('/a')))
    viaduct.stop()
    viaduct.is_over = True
    second = start({'capture.session': 'second'}, folder=viaduct.folder)
    second.ask(get(o.url('/b')))
    second.wait_flows('/b')
    assert [f['path'] for f in lines(second)] == ['/a', '/b']
    assert [f['path'] for f in lines(second, '--session', 'the "first"')] == ['/a']
    assert [f['path'] for f in lines(second, 'status == 200 || status == 1', '--session', 'second')] == ['/b']


def test_many_pages(start, origin):
    """More flows than are read at once; those that come meanwhile are not waited for."""
    o = origin(hello())
    viaduct = start({'log.terminal': 'never'})
    wire = viaduct.connect()
    for i in range(450):
        assert wire.ask(get(o.url(f'/{i}'))).status == 200
    until(lambda: len(viaduct.flows()) == 450, '450 flows', every_s=0.2)
    assert [f['path'] for f in lines(viaduct)] == [f'/{i}' for i in range(450)]
    har = json.loads(export(viaduct, 'har').stdout)
    assert len(har['log']['entries']) == 450


@pytest.mark.parametrize('args, words', [
    ((), 'har, jsonl or curl'), (('pdf',), 'har, jsonl or curl'), (('har', 'statu == 1'), 'status'), (('har', 'id =='), 'end'),
    (('har', '-n', 'x'), 'not a number'), (('har', '--hop', '1'), 'curl'), (('har', 'id == 1', 'id == 2'), 'quotes'),
    (('har', '-o'), 'needs a value'),
])
def test_bad_arguments(tmp_path, args, words):
    done = command('export', '--data', tmp_path, *args)
    assert done.returncode == 2 and done.stdout == ''
    said = done.stderr.splitlines()
    assert words in said[0], done.stderr
    assert len(said) == (3 if 'the filter:' in said[0] else 1), done.stderr  # the filter with the place under it


# where it goes

def test_file_appears_whole(start, origin, tmp_path):
    viaduct = start()
    viaduct.ask(get(origin(hello()).url('/a')))
    viaduct.wait_flows('/a')
    to = tmp_path / 'out.har'
    done = export(viaduct, 'har', '-o', to)
    assert done.stdout == ''
    assert len(json.loads(to.read_text())['log']['entries']) == 1
    assert stat.S_IMODE(to.stat().st_mode) == 0o600
    link = tmp_path / 'link'
    link.symlink_to(to)
    export(viaduct, 'jsonl', '-o', link)
    assert link.is_symlink() and json.loads(to.read_text())['path'] == '/a'
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == ['link', 'out.har']


def test_what_cannot_be_written(start, origin, tmp_path):
    viaduct = start()
    viaduct.ask(get(origin(hello()).url('/a')))
    viaduct.wait_flows('/a')
    assert 'it is a folder' in export(viaduct, 'har', '-o', tmp_path, expect=1).stderr
    assert 'No such file' in export(viaduct, 'har', '-o', tmp_path / 'no' / 'such', expect=1).stderr
    assert 'No space left' in export(viaduct, 'har', '-o', '/dev/full', expect=1).stderr


def test_a_reader_that_goes_away(start, origin):
    """head, for one: no message, no hanging."""
    o = origin(hello(b'x' * 100000))
    viaduct = start()
    for _ in range(20):
        viaduct.ask(get(o.url('/a')))
    viaduct.wait_flows('/a', 20)
    with subprocess.Popen([binary(), 'export', 'jsonl', '--data', viaduct.data], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env=environment()) as done:
        assert done.stdout.read(10)
        done.stdout.close()
        assert done.wait(10) != 0
        assert done.stderr.read() == b''


def test_interrupted(start, origin, tmp_path):
    """Nothing is left lying about."""
    o = origin(hello())
    viaduct = start()
    wire = viaduct.connect()
    for _ in range(3):
        wire.ask(get(o.url('/a')))
    viaduct.wait_flows('/a', 3)
    to = tmp_path / 'out.jsonl'
    with subprocess.Popen([binary(), 'export', 'jsonl', '-o', to, '--data', viaduct.data], stderr=subprocess.PIPE,
                          env=environment()) as running:
        until(lambda: running.poll() is not None or any(p.name.startswith('out.jsonl.') for p in tmp_path.iterdir()), 'the file beside')
        running.send_signal(signal.SIGINT)
        running.wait(10)
    # It may have been whole already.
    assert [p.name for p in tmp_path.iterdir() if p.is_file() and p.name != 'out.jsonl'] == []
    assert to.exists() == (running.returncode == 0)


def test_while_traffic_runs(start, origin):
    """An export ends, and takes nothing away from the proxy."""
    o = origin(hello())
    viaduct = start()
    wire, ends = viaduct.connect(), time.monotonic() + 1.5
    exports = []
    while time.monotonic() < ends:
        for _ in range(20):
            assert wire.ask(get(o.url('/a'))).status == 200
        exports.append(export(viaduct, 'jsonl', '-o', os.devnull))
    assert exports
