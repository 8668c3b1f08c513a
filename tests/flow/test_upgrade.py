"""Upgrade (RFC 9110 section 7.8): WebSocket is relayed, h2c is not, nothing is switched unasked."""

import pytest

from kit.origin import always, hello, once
from kit.websocket import KEY, accept_of, echoing, frame, handshake, read_frame
from kit.wire import answer, get


def test_websocket(proxy, origin, token):
    o = origin(echoing)
    wire = proxy.connect()
    response = wire.ask(handshake(o.url(token)))
    assert response.status == 101
    assert response.get('upgrade').lower() == 'websocket'
    assert 'upgrade' in response.list_of('connection')
    assert response.get('sec-websocket-accept') == accept_of(KEY)
    for payload in (b'hello', b'x' * 5000, b''):
        wire.send(frame(payload))
        assert read_frame(wire) == (1, payload)
    wire.send(frame(b'', opcode=8))
    assert read_frame(wire) == (8, b'')
    wire.assert_closed()
    wire.close()
    record = proxy.wait_shown(token)
    assert record['outcome'] == 'delivered'
    assert record['tunnel']['up_bytes'] > 5000 and record['tunnel']['down_bytes'] > 5000


def test_client_that_stays_silent_after_the_end(start, origin, token):
    """The origin has closed its side; a client that neither sends nor closes is let go after timeouts.client_idle."""
    o = origin(echoing)
    viaduct = start({'timeouts.client_idle': '300ms'})
    wire = viaduct.connect()
    assert wire.ask(handshake(o.url(token))).status == 101
    wire.send(frame(b'', opcode=8))
    assert read_frame(wire) == (8, b'')
    assert viaduct.wait_shown(token)['outcome'] == 'delivered'


def test_frames_sent_along_with_the_handshake(proxy, origin):
    """The client may not wait; the origin may not either."""
    def script(peer):
        peer.read_request()
        peer.send(b'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n' + frame(b'first', mask=False))
        assert read_frame(peer) == (1, b'early')
        peer.send(frame(b'last', mask=False))
    o = origin(script)
    wire = proxy.connect()
    wire.send(handshake(o.url('/')) + frame(b'early'))
    assert wire.read_response().status == 101
    assert read_frame(wire) == (1, b'first')
    assert read_frame(wire) == (1, b'last')


def test_upgraded_channel_half_closes(proxy, origin):
    def script(peer):
        peer.read_request()
        peer.send(b'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: thing\r\n\r\n')
        assert peer.read_eof() == b'all I say'
        peer.send(b'all you hear')
    o = origin(script)
    wire = proxy.connect()
    assert wire.ask(get(o.url('/'), 'Connection: upgrade', 'Upgrade: thing')).status == 101
    wire.send(b'all I say')
    wire.half_close()
    assert wire.read_eof() == b'all you hear'


@pytest.mark.parametrize('status', [200, 400, 426])
def test_upgrade_that_is_refused(proxy, origin, status):
    """The refusal is an ordinary answer; bytes after it are requests again."""
    fields = ['Upgrade: websocket', 'Connection: upgrade'] if status == 426 else []
    o = origin(always(answer(status, b'no', *fields)))
    wire = proxy.connect()
    response = wire.ask(handshake(o.url('/')))
    assert (response.status, response.body) == (status, b'no')
    assert wire.ask(get(o.url('/next'))).status == status
    assert o.last().target == '/next'


@pytest.mark.parametrize('fields', [
    ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__'],
    ['Connection: Upgrade', 'Upgrade: H2C'],
    ['Upgrade: websocket'],
])
def test_upgrade_that_is_not_forwarded(proxy, origin, fields):
    """h2c never; others only when Connection names them."""
    o = origin(hello())
    assert proxy.ask(get(o.url('/'), *fields)).body == b'hello'
    assert not o.last().has('upgrade') and not o.last().has('http2-settings')
    assert 'upgrade' not in o.last().list_of('connection')


def test_upgrade_from_http_1_0_is_not_forwarded(proxy, origin):
    o = origin(hello())
    assert proxy.ask(get(o.url('/'), 'Connection: upgrade', 'Upgrade: websocket', version='1.0')).status == 200
    assert not o.last().has('upgrade')


@pytest.mark.parametrize('fields', [[], ['Connection: Upgrade', 'Upgrade: h2c']])
def test_switch_unasked(proxy, origin, token, fields):
    o = origin(once(b'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n', 'hold'))
    response = proxy.ask(get(o.url(token), *fields))
    assert response.status == 502
    assert 'http_upgrade_failed' in response.get('proxy-status')
    assert proxy.wait_flow(token)['error'] == 'upgrade_unasked'


def test_switch_to_another_protocol(proxy, origin, token):
    o = origin(once(b'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: something-else\r\n\r\n', 'hold'))
    assert proxy.ask(handshake(o.url(token))).status == 502
    assert proxy.wait_flow(token)['error'] == 'upgrade_unasked'
