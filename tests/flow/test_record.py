"""Every flow is kept: what the record says, where it can be read, and that it survives."""

import json
import re
import signal
import sqlite3
import subprocess
import time

import pytest

from kit import flows
from kit.origin import always, hang, hello, once, serve
from kit.proxy import binary, command, environment
from kit.wait import until
from kit.wire import answer, get, post


def test_a_delivered_flow(proxy, origin, token):
    o = origin(always(answer(200, b'12345', 'Content-Type: text/plain; charset=utf-8')))
    before = time.time()
    assert proxy.ask(post(o.url(token + '?q=1'), b'abc')).status == 200
    flow = proxy.wait_flow(token)
    assert flow['url'] == o.url(token + '?q=1')
    assert (flow['method'], flow['status'], flow['outcome'], flow['error']) == ('POST', 200, 'delivered', None)
    assert (flow['request_body_bytes'], flow['response_body_bytes']) == (3, 5)
    assert flow['request_head_bytes'] > 40 and flow['response_head_bytes'] > 40
    assert flow['duration_us'] > 0
    assert before - 2 < started(flow) < time.time() + 1
    assert isinstance(flow['id'], int)


def started(flow):
    """Seconds since the epoch."""
    return flow['started_us'] / 1e6


def test_sizes_are_without_framing(proxy, origin, token):
    o = origin(always(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\n\r\n'))
    body = b'3\r\nabc\r\n0\r\nX: y\r\n\r\n'
    assert proxy.ask(get(o.url(token), 'Transfer-Encoding: chunked', method='POST') + body).status == 200
    flow = proxy.wait_flow(token)
    assert (flow['request_body_bytes'], flow['response_body_bytes']) == (3, 5)


def test_phases(proxy, origin, token):
    o = origin(hello())
    assert proxy.ask(get(o.url(token, host='localhost'))).status == 200
    record = proxy.wait_shown(token)
    times = flows.times(record['chain'][0])
    for phase in ('resolve', 'connect', 'send', 'wait', 'receive'):
        assert times[phase] is not None and 0 <= times[phase] < 5_000_000, (phase, times)
    assert times['tls'] is None
    assert sum(v for v in times.values() if v) <= record['duration_us'] + 20_000


def test_phases_of_a_reused_upstream(start, origin, token):
    o = origin(hello())
    viaduct = start(workers=1)
    wire = viaduct.connect()
    assert wire.ask(get(o.url('/first'))).status == 200
    assert wire.ask(get(o.url(token))).status == 200
    hop = viaduct.wait_shown(token)['chain'][0]
    assert hop['is_reused']
    assert hop['resolve_us'] is None and hop['connect_us'] is None and hop['wait_us'] >= 0
    assert hop['peer'] == o.authority


def test_waiting_is_measured(proxy, origin, token):
    def script(peer):
        peer.read_request()
        time.sleep(0.2)  # what is measured
        peer.send(answer(200, b'x'))
    assert proxy.ask(get(origin(script).url(token))).status == 200
    hop = proxy.wait_shown(token)['chain'][0]
    assert 180_000 < hop['wait_us'] < 3_000_000


def test_heads_as_received_and_as_sent(proxy, origin, token):
    """In original case and order, the client's, ours, the origin's, and what the client got."""
    o = origin(always(answer(201, b'', 'X-b: 1', 'x-A: 2', 'Set-Cookie: s=1', reason='Made here')))
    assert proxy.ask(get(o.url(token), 'x-lower: 1', 'X-UPPER: 2', 'Proxy-Connection: keep-alive')).status == 201
    record = proxy.wait_shown(token)
    assert flows.names(record['request']['fields']) == ['Host', 'x-lower', 'X-UPPER', 'Proxy-Connection']
    hop = record['chain'][0]
    sent = flows.names(hop['request']['fields'])
    assert [n for n in sent if n.lower().startswith('x-')] == ['x-lower', 'X-UPPER']
    assert 'Via' in sent and 'Proxy-Connection' not in sent
    assert flows.names(hop['response']['fields'])[:3] == ['X-b', 'x-A', 'Set-Cookie']
    assert 'Made here' in hop['response']['start_line']
    assert 'Via' in flows.names(record['response']['fields'])


def test_hostile_bytes_in_a_record(proxy, origin, token):
    """Not UTF-8, quotes, backslashes: still JSON."""
    o = origin(always(b'HTTP/1.1 200 OK\r\nX: \xff\xfe"\\\x1b\r\nContent-Length: 0\r\n\r\n'))
    assert proxy.ask(get(o.url(token), 'Y: \xe4"\\\t')).status == 200
    record = proxy.wait_shown(token)
    assert record['status'] == 200


def test_in_flight_flows_are_visible(proxy, origin, token):
    o = origin(hang)
    wire = proxy.connect()
    wire.send(get(o.url(token)))
    flow = proxy.wait_flow(token, ended=False)
    assert (flow['outcome'], flow['status']) == ('pending', None)
    shown = proxy.show(flow['id'])
    assert shown['url'] == o.url(token)
    wire.reset()
    assert proxy.wait_flow(token)['outcome'] == 'cancelled'


def test_in_flight_tunnel_is_visible(proxy, origin):
    o = origin(hang)
    wire = proxy.tunnel(o.authority)
    wire.send(b'x' * 1000)
    flow = proxy.wait_flow(o.authority, ended=False)
    assert flow['outcome'] == 'pending'
    until(lambda: (proxy.show(flow['id']).get('tunnel') or {}).get('up_bytes') == 1000, 'the bytes so far')
    wire.close()


def test_in_flight_download_shows_its_sizes(proxy, origin, token):
    def script(peer):
        peer.read_request()
        peer.send(answer(200, b'y' * 5000, 'Content-Length: 10000', length=False))
        peer.read_eof()
    o = origin(script)
    wire = proxy.connect()
    wire.send(get(o.url(token)))
    wire.read_response(body=False)
    wire.read_exact(5000)
    flow = proxy.wait_flow(token, ended=False)
    until(lambda: proxy.show(flow['id'])['response_body_bytes'] == 5000, 'the bytes so far')
    assert proxy.show(flow['id'])['chain'][0]['status'] == 200
    wire.reset()


def test_client_that_closes_while_waiting(start, origin, token):
    """A close looks like a half close until something is sent; then it is known that nobody was there to be failed."""
    o = origin(hang)
    viaduct = start({'timeouts.response_head': '400ms', 'log.terminal': 'always'})
    wire = viaduct.connect()
    wire.send(get(o.url(token)))
    wire.close()
    flow = viaduct.wait_flow(token)
    assert (flow['outcome'], flow['error']) == ('cancelled', None)
    until(lambda: token in viaduct.stdout(), 'the line of the flow')
    assert viaduct.stdout().count(token) == 1


def test_password_is_not_kept(start, origin, token, tmp_path):
    """Of the credentials for the proxy itself only the scheme is recorded."""
    o = origin(hello())
    viaduct = start()
    assert viaduct.ask(get(o.url(token), 'Proxy-Authorization: Basic c2VjcmV0OnBhc3M=')).status == 200
    shown = viaduct.show(viaduct.wait_flow(token)['id'])
    assert 'c2VjcmV0OnBhc3M' not in str(shown)
    assert 'Proxy-Authorization' in str(shown)


def test_health_checks_are_no_flows(start, origin, token):
    viaduct = start()
    assert command('check', '--live', '--listen', viaduct.ready['proxy'], '--set', 'inspector=off').returncode == 0
    o = origin(hello())
    assert viaduct.ask(get(o.url(token))).status == 200
    viaduct.wait_flow(token)
    assert len(viaduct.flows()) == 1


def test_client_and_numbers(start, origin):
    o = origin(hello())
    viaduct = start(workers=1)
    wire = viaduct.connect()
    for i in range(3):
        assert wire.ask(get(o.url(f'/n{i}'))).status == 200
    assert viaduct.ask(get(o.url('/n3'))).status == 200
    records = [viaduct.show(f['id']) for f in viaduct.wait_flows('/n', 4)]
    assert [r['client_request'] for r in records] == [1, 2, 3, 1]
    assert len({r['client_id'] for r in records}) == 2
    assert records[0]['client'].startswith('127.0.0.1:')
    ids = [r['id'] for r in records]
    assert ids == sorted(set(ids))


def test_show_for_people(proxy, origin, token):
    o = origin(serve(lambda r: answer(302, b'', 'Location: /x')))
    assert proxy.ask(get(o.url(token), 'X-Field: of mine')).status == 302
    done = command('show', proxy.wait_flow(token)['id'], '--data', proxy.data)
    assert done.returncode == 0
    assert token in done.stdout and 'X-Field: of mine' in done.stdout and 'Location: /x' in done.stdout
    assert '\x1b' not in done.stdout, 'no colour into a pipe'


def test_flows_for_people(proxy, origin, token):
    o = origin(hello())
    assert proxy.ask(get(o.url(token))).status == 200
    proxy.wait_flow(token)
    done = command('flows', '--data', proxy.data)
    line = [x for x in done.stdout.splitlines() if token in x]
    assert len(line) == 1 and '200' in line[0] and 'GET' in line[0]
    assert '\x1b' not in done.stdout


def test_flows_count(start, origin):
    o = origin(hello())
    viaduct = start()
    wire = viaduct.connect()
    for i in range(10):
        wire.ask(get(o.url(f'/c{i}')))
    viaduct.wait_flows('/c', 10)
    done = command('flows', '--json', '-n', '3', '--data', viaduct.data)
    got = flows.parse(done.stdout)
    assert sorted(f['url'][-3:] for f in got) == ['/c7', '/c8', '/c9']


@pytest.mark.parametrize('json_lines', [True, False])
def test_follow(start, origin, json_lines):
    """flows --follow prints a flow as it ends, and ends itself by a signal."""
    o = origin(hello())
    viaduct = start()
    args = [binary(), 'flows', '--follow', '--data', str(viaduct.data)] + (['--json'] if json_lines else [])
    out = viaduct.folder / 'followed'
    with open(out, 'wb') as f:
        follower = subprocess.Popen(args, stdout=f, stderr=subprocess.STDOUT, env=environment(), stdin=subprocess.DEVNULL)
    try:
        for i in range(2):
            assert viaduct.ask(get(o.url(f'/followed{i}'))).status == 200
            line = until(lambda: [x for x in out.read_text().splitlines() if f'/followed{i}' in x], f'line {i}')
            if json_lines:
                assert json.loads(line[-1])['url'] == o.url(f'/followed{i}')
    finally:
        follower.send_signal(signal.SIGINT)
        follower.wait(10)


def test_access_log_json(start, origin, tmp_path):
    path = tmp_path / 'access.log'
    o = origin(hello())
    viaduct = start({'log.access': path})
    for i in range(3):
        assert viaduct.ask(get(o.url(f'/{i}'))).status == 200
    lines = until(lambda: path.exists() and len(found := path.read_text().splitlines()) == 3 and found, 'three lines')
    entries = [json.loads(line) for line in lines]
    assert sorted(e['url'] for e in entries) == [o.url(f'/{i}') for i in range(3)]
    assert all(e['status'] == 200 and e['outcome'] == 'delivered' for e in entries)


QUOTED = r'"([^"\\]|\\.)*"'
COMBINED = re.compile(r'^\S+ - \S+ \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] ' + QUOTED + r' (\d{3}|-) (\d+|-) '
                      + QUOTED + ' ' + QUOTED + '$')


def test_access_log_combined(start, origin, tmp_path):
    path = tmp_path / 'access.log'
    o = origin(hello())
    viaduct = start({'log.access': path, 'log.access_format': 'combined'})
    assert viaduct.ask(get(o.url('/q%22uote'), 'User-Agent: evil"\\agent', 'Referer: http://r.test/')).status == 200
    viaduct.ask(b'GET http://x.test/\x1b HTTP/1.1\r\nHost: x\r\n\r\n', 'GET')
    lines = until(lambda: path.exists() and len(found := path.read_text().splitlines()) == 2 and found, 'two lines')
    for line in lines:
        assert COMBINED.match(line), line
    good = [x for x in lines if 'uote' in x][0]
    assert '127.0.0.1' in good and ' 200 5 ' in good and 'http://r.test/' in good


def test_access_log_is_opened_anew(start, origin, tmp_path):
    """For logrotate: SIGHUP."""
    path = tmp_path / 'access.log'
    o = origin(hello())
    viaduct = start({'log.access': path})
    assert viaduct.ask(get(o.url('/before'))).status == 200
    until(lambda: path.exists() and '/before' in path.read_text(), 'the first line')
    path.rename(tmp_path / 'access.log.1')
    viaduct.signal(signal.SIGHUP)
    until(path.exists, 'the new file')
    assert viaduct.ask(get(o.url('/after'))).status == 200
    until(lambda: '/after' in path.read_text(), 'the line in the new file')
    assert '/after' not in (tmp_path / 'access.log.1').read_text()


def test_capture_can_be_off(start, origin):
    o = origin(hello())
    viaduct = start({'capture.enabled': 'false'})
    assert viaduct.ask(get(o.url('/'))).status == 200
    assert not (viaduct.data / 'flows.db').exists()


def test_flows_survive_kill_9(start, origin):
    """Those that ended more than a second before; the file opens and is whole; those under way are marked at the next start."""
    o = origin(serve(lambda r: answer(200, b'x')))
    hung = origin(hang)
    viaduct = start()
    wire = viaduct.connect()
    for i in range(200):
        assert wire.ask(get(o.url(f'/kept{i}'))).status == 200
    pending = viaduct.connect()
    pending.send(get(hung.url('/pending')))
    viaduct.wait_flow('/pending', ended=False)
    ended = time.monotonic()
    while time.monotonic() - ended < 1.1:  # the promise is about flows that ended a second before
        time.sleep(0.05)
    viaduct.process.send_signal(signal.SIGKILL)
    viaduct.process.wait()
    viaduct.is_over = True
    with sqlite3.connect(f'file:{viaduct.data}/flows.db', uri=True) as db:
        assert db.execute('PRAGMA integrity_check').fetchone() == ('ok',)
        assert db.execute("SELECT count(*) FROM exchanges WHERE url LIKE '%/kept%' AND outcome = 'delivered'").fetchone() == (200,)
    assert len(viaduct.wait_flows('/kept', 200)) == 200
    again = start(folder=viaduct.folder)
    flow = again.wait_flow('/pending')
    assert flow['outcome'] != 'pending'
    assert again.ask(get(o.url('/new'))).status == 200
    assert again.wait_flow('/new')['id'] > flow['id']


def test_flows_survive_a_restart(start, origin):
    o = origin(hello())
    viaduct = start()
    assert viaduct.ask(get(o.url('/old'))).status == 200
    viaduct.is_over = True
    viaduct.stop()
    assert viaduct.wait_flow('/old')['outcome'] == 'delivered', 'a drained proxy has written everything'
    again = start(folder=viaduct.folder)
    assert again.ask(get(o.url('/new'))).status == 200
    assert again.wait_flow('/new')['id'] > again.wait_flow('/old')['id']


def test_everything_is_written_at_the_end(start, origin):
    """Flows that end just before SIGTERM are in the file."""
    o = origin(hello())
    viaduct = start()
    wire = viaduct.connect()
    for i in range(300):
        assert wire.ask(get(o.url(f'/last{i}'))).status == 200
    viaduct.is_over = True
    viaduct.stop()
    assert len([f for f in viaduct.flows() if '/last' in f['url']]) == 300


def test_max_flows(start, origin):
    """The oldest go first."""
    o = origin(hello())
    viaduct = start({'capture.max_flows': '1000'})
    wire = viaduct.connect()
    for start_at in range(0, 2600, 100):
        wire.send(b''.join(get(o.url(f'/f{i}')) for i in range(start_at, start_at + 100)))
        for _ in range(100):
            assert wire.read_response().status == 200

    def trimmed():
        kept = viaduct.flows()
        return kept if len(kept) <= 1300 and any(f['url'].endswith('/f2599') for f in kept) else None
    kept = until(trimmed, 'the oldest to go', every_s=0.2)
    assert len(kept) >= 900
    assert not any(f['url'].endswith('/f0') for f in kept)


def test_error_names(proxy, origin, token):
    o = origin(once(b''))
    assert proxy.ask(get(o.url(token))).status == 502
    record = proxy.wait_shown(token)
    assert (record['outcome'], record['error'], record['status']) == ('failed', 'origin_closed', 502)
    assert record['chain'][0]['error'] == 'origin_closed'
