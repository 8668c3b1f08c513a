"""HAR: one run with everything that can happen to a request, as it was written while the traffic flowed and as it is exported, valid
by the published schema."""

import gzip
import json
import re
import sqlite3

import pytest

from kit import har
from kit.dns import NXDOMAIN, NameServer
from kit.intercept import Opener
from kit.origin import Origin, echo, serve
from kit.proxy import command
from kit.wait import until
from kit.websocket import echoing, frame, handshake, read_frame
from kit.wire import answer, get, post

BINARY = bytes(range(256))
BR_HELLO = b'\x0b\x02\x80hello\x03'
LARGE = 100_000
LIMIT = 65536
FORM = '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n\u00e9\r\n--b\r\nContent-Disposition: form-data; name="f"; ' \
    'filename="x.bin"\r\nContent-Type: image/png\r\n\r\nPNG\r\n--b--\r\n'
SECRET = 's3cret-that-nobody-may-see'

ANSWERS = {
    '/gzip': answer(200, gzip.compress(b'{"a": "\xc3\xa9"}' * 50), 'Content-Encoding: gzip', 'Content-Type: application/json'),
    '/br': answer(200, BR_HELLO, 'Content-Encoding: br', 'Content-Type: text/plain'),
    '/unknown': answer(200, b'uryyb', 'Content-Encoding: rot13', 'Content-Type: text/plain'),
    '/latin1': answer(200, b'caf\xe9', 'Content-Type: text/plain; charset=iso-8859-1'),
    '/png': answer(200, b'\x89PNG\r\n\x1a\n\0', 'Content-Type: image/png'),
    '/cookies': answer(200, b'x', 'Set-Cookie: a=1; Path=/; Max-Age=60; HttpOnly; SameSite=Lax',
                       'Set-Cookie: b=2; Expires=Wed, 21 Oct 2065 07:28:00 GMT; Secure'),
    '/large': answer(200, b'x' * LARGE, 'Content-Type: text/plain'),
    '/odd': b'HTTP/1.1 200 OK\r\nX-Odd: caf\xe9\r\nx-odd: \xff\r\nContent-Length: 1\r\n\r\nx',
    '/reason': b'HTTP/1.1 200 \r\nContent-Length: 1\r\n\r\nx',
    '/end': answer(200, b'the end', 'Content-Type: text/plain'),
    '/query': answer(200, b'x'),
}


def respond(request):
    path = request.target.partition('?')[0]
    if path in ('/one', '/two', '/three'):
        to = {'/one': '/two?x=1', '/two': 'three', '/three': '/end#part'}[path]
        return answer(302, b'moved', f'Location: {to}', f'Set-Cookie: at={path[1:]}', reason='Found')
    return ANSWERS[path] if path in ANSWERS else echo(request)


def flaky(peer):
    """503 for the first request of each connection that is asked for /flaky, then 200."""
    while (request := peer.read_request()) is not None:
        n = sum(1 for r in peer.origin.requests if r.target == request.target)
        peer.send(answer(503 if n == 1 else 200, b'later' if n == 1 else b'now'))


class Run:
    """The proxy, its peers, and what it wrote."""

    def __init__(self, folder, certs):
        self.folder, self.peers = folder, []
        self.plain, self.flaky, self.websocket = (self.origin(s) for s in (serve(respond), flaky, echoing))
        self.secure = self.origin(serve(respond), tls=certs.server(certs.good))
        self.names = NameServer({'gone.test': NXDOMAIN})
        self.peers.append(self.names)
        self.path = folder / 'live.har'
        self.viaduct = Opener(folder / 'viaduct', certs, {
            'har.path': self.path, 'capture.redact': 'off', 'capture.body_limit': LIMIT, 'redirects.mode': 'follow',
            'dns.servers': self.names.address, 'retry.enabled': 'true', 'retry.backoff_scale': '5ms', 'redirects.targets': 'loopback'},
            rules='  - when: host == "b.test"\n    intercept: false\n')

    def origin(self, script, **how):
        self.peers.append(Origin(script, **how))
        return self.peers[-1]

    def ask(self, path, *fields):
        return self.viaduct.ask(get(self.plain.url(path), *fields))

    def traffic(self):
        for path in ('/one', *(p for p in ANSWERS if p != '/end'), '/query?a=1&b=%C3%A9+x&c'):
            assert self.ask(path, 'Cookie: sid=1; theme="dark"', 'X-Twice: one', 'x-tWICE: two').status == 200, path
        assert self.viaduct.ask(get(self.flaky.url('/flaky'))).status == 200
        assert self.viaduct.ask(get('http://gone.test/nowhere')).status == 502
        for n, (body, kind) in enumerate([(BINARY, 'application/octet-stream'), (b'a=1+2&b=%C3%A9', 'application/x-www-form-urlencoded'),
                                          (FORM.encode(), 'multipart/form-data; boundary=b'), (b'{"a": 1}', 'application/json')]):
            assert self.viaduct.ask(post(self.plain.url(f'/post{n}'), body, f'Content-Type: {kind}')).status == 200
        assert self.viaduct.ask(b'GET nonsense HTTP/1.1\r\nHost: x\r\n\r\n').status == 400
        self.tunnels()
        wire = self.viaduct.connect()
        assert wire.ask(handshake(self.websocket.url('/ws'))).status == 101
        wire.send(frame(b'hello') + frame(b'', opcode=8))
        assert read_frame(wire) == (1, b'hello')
        wire.close()

    def tunnels(self):
        port = self.secure.port
        inside = self.viaduct.inside(f'good.test:{port}')
        assert inside.get('/gzip').status == 200
        inside.close()
        wire = self.viaduct.tunnel(f'b.test:{port}')
        wire.close()

    def stop(self):
        self.viaduct.stop()
        self.log = har.read(self.path)
        self.exported_path = self.folder / 'exported.har'
        self.exported = har.export(self.viaduct, self.exported_path, '--with-secrets')

    def close(self):
        self.viaduct.kill()
        for peer in self.peers:
            peer.close()

    def one(self, part):
        entries = har.by_path(self.log, part)
        assert len(entries) == 1, (part, [e['request']['url'] for e in entries])
        return entries[0]

    def content(self, part):
        return self.one(part)['response']['content']


@pytest.fixture(scope='module')
def run(tmp_path_factory, certs):
    made = Run(tmp_path_factory.mktemp('har'), certs)
    try:
        made.traffic()
        made.stop()
        yield made
    finally:
        made.close()


def test_valid_by_the_published_schema(run):
    har.assert_valid(run.path, run.exported_path)


def test_live_and_exported_are_the_same(run):
    def by_flow(log):
        return sorted(log['entries'], key=lambda e: (e['_flowId'], e.get('_redirectChain', {}).get('index', 0)))
    assert by_flow(run.log) == by_flow(run.exported)


def test_every_flow_is_there(run):
    db = sqlite3.connect(f'file:{run.viaduct.data}/flows.db?mode=ro', uri=True)
    ids = {i for i, in db.execute('SELECT id FROM exchanges')}
    hops = dict(db.execute('SELECT exchange_id, count(*) FROM hops GROUP BY 1'))
    db.close()
    assert {e['_flowId'] for e in run.log['entries']} == ids
    assert len(run.log['entries']) == sum(hops.get(i, 1) for i in ids)


def test_a_chain_reads_as_a_browser_shows_it(run):
    first = run.one('/one')
    chain = [e for e in run.log['entries'] if e['_flowId'] == first['_flowId']]
    url = run.plain.url
    assert [e['request']['url'] for e in chain] == [url('/one'), url('/two?x=1'), url('/three'), url('/end')]
    assert [e['response']['redirectURL'] for e in chain] == [url('/two?x=1'), url('/three'), url('/end'), '']
    assert [e['response']['status'] for e in chain] == [302, 302, 302, 200]
    assert [(e['_redirectChain']['index'], e['_redirectChain']['parent']) for e in chain] == [(0, None), (1, 0), (2, 1), (3, 2)]
    assert [e['_redirectChain']['reason'] for e in chain] == ['first'] + ['redirect'] * 3
    assert all(e['_redirectChain']['decision'].startswith('followed') for e in chain[:3])
    assert [e['startedDateTime'] for e in chain] == sorted(e['startedDateTime'] for e in chain)
    assert chain[3]['response']['content']['text'] == 'the end'
    assert ('at', 'three') in har.pairs(chain[3]['request']['cookies'])
    assert chain[0]['_hop']['cookiesSet'][0]['name'] == 'at'
    assert chain[0]['_flow']['redirects'] == 3 and '_flow' not in chain[1]


def test_a_retry(run):
    entries = har.by_path(run.log, '/flaky')
    assert [e['response']['status'] for e in entries] == [503, 200]
    assert [e['_redirectChain']['reason'] for e in entries] == ['first', 'retry']
    assert entries[0]['response']['redirectURL'] == '' and entries[1]['_hop']['delay'] > 0
    assert entries[0]['_flow']['retries'] == 1


def test_a_name_that_does_not_resolve(run):
    entry = run.one('/nowhere')
    assert entry['_error'] == 'name_not_found' and entry['response']['status'] == 0
    assert entry['timings']['dns'] >= 0 and entry['timings']['connect'] == -1
    assert har.value(entry['request'], 'host') == 'gone.test'
    assert '502' in entry['_asDelivered']['line'] and entry['_asDelivered']['content']['text']
    assert 'serverIPAddress' not in entry


def test_bodies_of_requests(run):
    binary, pairs, parts, text = (run.one(f'/post{n}')['request'] for n in range(4))
    assert binary['postData']['_encoding'] == 'base64' and har.body(binary['postData']) == BINARY
    assert binary['bodySize'] == 256
    assert har.pairs(pairs['postData']['params']) == [('a', '1 2'), ('b', '\u00e9')]
    assert pairs['postData']['text'] == 'a=1+2&b=%C3%A9'
    assert parts['postData']['params'][0] == {'name': 'a', 'value': '\u00e9'}
    assert parts['postData']['params'][1] == {'name': 'f', 'fileName': 'x.bin', 'contentType': 'image/png'}
    assert parts['postData']['text'] == FORM
    assert text['postData'] == {'mimeType': 'application/json', 'text': '{"a": 1}'}


def test_bodies_of_responses(run):
    entries = har.by_path(run.log, '/gzip')
    assert len(entries) == 2
    for entry in entries:
        content = entry['response']['content']
        assert content['text'] == '{"a": "\u00e9"}' * 50 and content['size'] == 550
        assert content['compression'] == 550 - entry['response']['bodySize'] > 0
    assert run.content('/br')['text'] == 'hello'
    assert run.content('/latin1')['text'] == 'caf\u00e9'
    assert run.content('/png')['encoding'] == 'base64' and har.body(run.content('/png')) == b'\x89PNG\r\n\x1a\n\0'
    assert run.content('/unknown')['_contentEncoding'] == 'rot13' and har.body(run.content('/unknown')) == b'uryyb'


def test_a_cut_body(run):
    content = run.content('/large')
    assert content['_cut'] == 'limit' and content['text'] == 'x' * LIMIT and content['size'] == LARGE
    assert str(LARGE) in content['comment']
    assert run.one('/large')['response']['bodySize'] == LARGE


def test_heads_are_exact(run):
    entry = run.one('/odd')
    assert [v for n, v in har.pairs(entry['response']['headers']) if n.lower() == 'x-odd'] == [b'caf\xe9', b'\xff']
    assert [n for n, _ in har.pairs(entry['response']['headers'])][:2] == ['X-Odd', 'x-odd']
    assert entry['response']['headers'][0]['value'] == 'caf\u00e9'
    request = har.pairs(entry['request']['headers'])
    assert ('X-Twice', 'one') in request and ('x-tWICE', 'two') in request
    assert run.one('/reason')['response']['statusText'] == ''
    assert entry['response']['httpVersion'] == entry['request']['httpVersion'] == 'HTTP/1.1'


def test_what_changed_on_the_way(run):
    entry = run.one('/odd')
    received = entry['_asReceived']
    assert received['line'] == f'GET {run.plain.url("/odd")} HTTP/1.1'
    assert har.value(entry['request'], 'via') and not any(h['name'].lower() == 'via' for h in received['headers'])
    assert any(h['name'].lower() == 'via' for h in entry['_asDelivered']['headers'])
    assert 'line' not in entry['_asDelivered']


def test_queries_and_cookies(run):
    entry = next(e for e in har.by_path(run.log, '/query') if '?' in e['request']['url'])
    assert har.pairs(entry['request']['queryString']) == [('a', '1'), ('b', '\u00e9 x'), ('c', '')]
    assert har.pairs(entry['request']['cookies']) == [('sid', '1'), ('theme', '"dark"')]
    a, b = run.one('/cookies')['response']['cookies']
    assert (a['httpOnly'], a['secure'], a['sameSite'], a['path']) == (True, False, 'Lax', '/')
    assert b['expires'] == '2065-10-21T07:28:00.000000Z' and b['secure']
    assert re.fullmatch(r'20\d\d-.*Z', a['expires'])


def test_tunnels(run):
    opened = next(e for e in har.by_path(run.log, 'good.test') if e['request']['method'] == 'CONNECT')
    assert opened['request']['url'] == f'https://good.test:{run.secure.port}/' and opened['_tunnel']['handling'] == 'opened'
    inner = next(e for e in har.by_path(run.log, 'good.test') if e['request']['method'] == 'GET')
    assert inner['_flow']['parentId'] == opened['_flowId']
    assert inner['_tls']['version'].startswith('TLSv1.') and 'CN=' in inner['_tls']['subject']
    assert inner['timings']['ssl'] > 0 and inner['_flow']['clientTls']['version'].startswith('TLSv1.')
    relayed = run.one('b.test')
    assert relayed['_tunnel']['handling'] in ('relayed', 'passed') and relayed['request']['bodySize'] == -1
    upgraded = run.one('/ws')
    assert upgraded['response']['status'] == 101 and upgraded['_tunnel']['downBytes'] > 5


def test_who_and_where(run):
    entry = run.one('/br')
    assert entry['serverIPAddress'] == '127.0.0.1' and entry['_hop']['peer'] == run.plain.authority
    assert entry['connection'] == str(run.plain.port)
    assert 0 <= entry['_proxy']['overheadMs'] < 10_000
    assert abs(entry['_flow']['duration'] - entry['time'] - entry['_proxy']['overheadMs']) < 0.01


def test_a_head_that_is_refused(run):
    entry = next(e for e in run.log['entries'] if e['response']['status'] == 400)
    assert entry['_error'] == 'bad_request' and '_hop' not in entry
    assert entry['request']['url'] == 'about:invalid' and 'nonsense' in json.dumps(entry['request'])


NUMBERS = ('_flowId', 'id', 'parentId')


def without_numbers(value):
    """Flows have other numbers in another database."""
    if isinstance(value, dict):
        return {k: without_numbers(v) for k, v in value.items() if k not in NUMBERS}
    return [without_numbers(v) for v in value] if isinstance(value, list) else value


def test_nothing_is_lost_by_import_and_export(run, start):
    other = start({'capture.redact': 'off'})
    other.stop()
    other.is_over = True
    done = command('import', run.exported_path, '--data', other.data, timeout_s=60)
    assert done.returncode == 0, done.stderr
    again_path = run.folder / 'again.har'
    again = har.export(other, again_path, '--with-secrets')
    har.assert_valid(again_path)
    before, after = ({e['startedDateTime'] + e['request']['url']: e for e in log['entries']} for log in (run.exported, again))
    assert before.keys() == after.keys()
    for key, entry in before.items():
        assert without_numbers(after[key]) == without_numbers(entry), key
    assert again['_importedFrom'][0]['creator'] == run.exported['creator']


def test_secrets_are_replaced_unless_asked_for(start, origin, tmp_path):
    path = tmp_path / 'live.har'
    o = origin(serve(lambda r: answer(200, json.dumps({'password': SECRET, 'name': 'x'}).encode(), f'Set-Cookie: sid={SECRET}',
                                      'Content-Type: application/json')))
    viaduct = start({'har.path': path})
    assert viaduct.ask(post(o.url(f'/?token={SECRET}&x=1'), f'password={SECRET}&user=u'.encode(), f'Authorization: Bearer {SECRET}',
                            f'Cookie: sid={SECRET}', 'Content-Type: application/x-www-form-urlencoded')).status == 200
    until(lambda: har.read(path)['entries'], 'the entry')
    viaduct.stop()
    viaduct.is_over = True
    exported = har.export(viaduct, tmp_path / 'x.har')
    for log in har.read(path), exported:
        assert SECRET not in json.dumps(log)
        entry, = log['entries']
        assert ('x', '1') in har.pairs(entry['request']['queryString'])
        assert ('user', 'u') in har.pairs(entry['request']['postData']['params'])
        hashed = entry['request']['cookies'][0]['value']
        assert hashed.startswith('redacted-') and entry['response']['cookies'][0]['value'] == hashed
        assert json.loads(entry['response']['content']['text']) == {'password': hashed, 'name': 'x'}
    har.assert_valid(path)
    assert SECRET in json.dumps(har.export(viaduct, tmp_path / 'y.har', '--with-secrets'))
