"""Hostile input from both sides: each is refused as the table says, in one piece and byte by byte, and leaves the proxy serving."""

import pytest

from kit import hostile
from kit.origin import hello, once
from kit.wait import until
from kit.wire import get

HEADS = {**hostile.REQUEST_LINES, **hostile.FIELDS, **hostile.FRAMING}


def send(wire, data, pace):
    try:
        if pace == 'whole':
            wire.send(data)
        else:
            wire.send_slowly(data)
    except (BrokenPipeError, ConnectionResetError):
        pass


def allowed(expected):
    return expected if isinstance(expected, tuple) else (expected,)


@pytest.mark.parametrize('pace', ['whole', 'bytes'])
@pytest.mark.parametrize('name', HEADS)
def test_head(proxy, origin, name, pace):
    o = origin(hello())
    text, expected = HEADS[name]
    wire = proxy.connect()
    send(wire, text.replace('{authority}', o.authority).replace('{{', '{').encode('latin-1'), pace)
    response = wire.read_response()
    assert response.status in allowed(expected)
    if response.status == 200:
        assert len(o.requests) == 1
        assert o.last().all('host') == [o.authority]
        assert not any('evil' in v for _, v in o.last().fields)
    else:
        assert 'close' in response.list_of('connection')
        assert response.has('proxy-status')
        wire.assert_closed()
        assert not o.requests
    assert proxy.ask(get(o.url('/well'))).status == 200


@pytest.mark.parametrize('name', hostile.SCHEMES)
def test_scheme(proxy, origin, name):
    o = origin(hello())
    text, expected = hostile.SCHEMES[name]
    response = proxy.ask(text.replace('{authority}', o.authority).encode('latin-1'))
    assert response.status in allowed(expected)
    assert not o.requests


@pytest.mark.parametrize('name', ['NUL in the target', 'bare LF as line end', 'binary', 'no Host', 'CL and TE', 'method unknown'])
def test_rejected_head_is_recorded(start, name):
    """With a named error, and with what was readable of it."""
    viaduct = start()
    wire = viaduct.connect()
    text, expected = HEADS[name]
    wire.send(text.replace('{authority}', 'rejected.test').encode('latin-1'))
    assert wire.read_response().status in allowed(expected)
    flow = until(viaduct.flows, 'the flow')[0]
    assert flow['outcome'] == 'failed' and flow['error']
    assert flow['status'] in allowed(expected)
    assert len(flow['url'] or '') < 1100


@pytest.mark.parametrize('pace', ['whole', 'bytes'])
@pytest.mark.parametrize('name', hostile.CHUNKS)
def test_chunks(proxy, origin, token, name, pace):
    whole = []

    def script(peer):
        request = peer.read_request(body=False)
        if request is None:
            return
        if request.target.endswith('/well'):
            peer.send(b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
            return
        peer.read_body(request)
        whole.append(request)
    o = origin(script)
    text, expected = hostile.CHUNKS[name]
    wire = proxy.connect()
    send(wire, text.replace('{authority}/', o.authority + token).replace('{authority}', o.authority).encode('latin-1'), pace)
    response = wire.read_response()
    assert response.status in allowed(expected)
    wire.assert_closed()
    assert proxy.wait_flow(token)['error'] == 'bad_chunk'
    assert not whole, 'the origin took the body for a whole one'
    assert proxy.ask(get(o.url('/well'))).status == 200


@pytest.mark.parametrize('pace', ['whole', 'bytes'])
@pytest.mark.parametrize('name', hostile.RESPONSES)
def test_response(proxy, origin, token, name, pace):
    data, expected, error = hostile.RESPONSES[name]

    def script(peer):
        peer.read_request()
        send(peer, data, pace)
        peer.read_eof()
    o = origin(script)
    wire = proxy.connect()
    wire.send(get(o.url(token)))
    if expected == 'cut':
        rest = wire.read_eof()
        assert rest.startswith(b'HTTP/1.1 502') or not rest.endswith(b'0\r\n\r\n')
    else:
        response = wire.read_response()
        assert response.status == expected
        assert response.has('proxy-status')
        if 'close' not in response.list_of('connection'):
            assert wire.ask(get(origin(hello()).url('/'))).body == b'hello'
    flow = proxy.wait_flow(token)
    assert flow['outcome'] == 'failed'
    assert flow['error'] == error if error else flow['error'] in ('response_framing', 'response_coding')
    until(lambda: o.threads and not o.threads[0].is_alive(), 'the upstream to be closed')


@pytest.mark.parametrize('name', hostile.EXCESS)
def test_excess(start, origin, name):
    data, expected, body = hostile.EXCESS[name]
    o = origin([once(data, 'hold'), hello(b'second')])
    viaduct = start(workers=1)
    wire = viaduct.connect()
    first = wire.ask(get(o.url('/')))
    assert first.status in allowed(expected)
    assert body is None or first.body == body
    if name == 'equal lengths twice':
        assert len(first.all('content-length')) <= 1
    elif name not in ('space before the colon', 'control in a value', '103 with a length'):
        second = wire.ask(get(o.url('/'))) if 'close' not in first.list_of('connection') else viaduct.ask(get(o.url('/')))
        assert second.body == b'second'


def test_flood_of_bad_clients(proxy, origin):
    """A hundred that begin and vanish."""
    o = origin(hello())
    before = proxy.open_files()
    for i in range(100):
        wire = proxy.connect()
        wire.send(get(o.url('/'))[:i % 40])
        wire.reset() if i % 2 else wire.close()
    assert proxy.ask(get(o.url('/well'))).status == 200
    until(lambda: proxy.open_files() <= before + 4, 'the sockets to be given back')


def test_log_and_record_are_escaped(start, origin):
    """Terminal escapes and line ends of a hostile peer reach no terminal and no log line."""
    viaduct = start({'log.terminal': 'always', 'log.level': 'debug'})
    wire = viaduct.connect()
    wire.send(b'GET http://x.test/\x1b[31mred\x07 HTTP/1.1\r\nHost: x.test\r\n\r\n')
    assert wire.read_response().status == 400
    o = origin(once(b'HTTP/1.1 200 \x1b[31m\r\nX: \x1b]0;title\x07\r\nContent-Length: 0\r\n\r\n'))
    assert viaduct.ask(get(o.url('/escape'))).status == 200
    viaduct.wait_flow('/escape')
    until(lambda: '/escape' in viaduct.stdout(), 'the line of the flow')
    assert '\x1b]' not in viaduct.stdout() and '\x1b[31mred' not in viaduct.stdout() and '\x07' not in viaduct.stdout()
    assert '\x1b' not in viaduct.stderr()
