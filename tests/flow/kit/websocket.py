"""Just enough of RFC 6455: the handshake's key, frames of one piece, an echoing origin."""

import base64
import hashlib
import os

from kit.wire import get

KEY = 'dGhlIHNhbXBsZSBub25jZQ=='


def accept_of(key):
    return base64.b64encode(hashlib.sha1((key + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').encode()).digest()).decode()


def handshake(url, *fields):
    return get(url, 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', f'Sec-WebSocket-Key: {KEY}', *fields)


def frame(payload, mask=True, opcode=1):
    n = len(payload)
    head = bytes([0x80 | opcode])
    flag = 0x80 if mask else 0
    head += bytes([flag | n]) if n < 126 else bytes([flag | 126]) + n.to_bytes(2, 'big')
    if not mask:
        return head + payload
    key = os.urandom(4)
    return head + key + bytes(b ^ key[i % 4] for i, b in enumerate(payload))


def read_frame(wire):
    first, second = wire.read_exact(2)
    n = second & 0x7f
    if n == 126:
        n = int.from_bytes(wire.read_exact(2), 'big')
    key = wire.read_exact(4) if second & 0x80 else bytes(4)
    return first & 15, bytes(b ^ key[i % 4] for i, b in enumerate(wire.read_exact(n)))


def echoing(peer):
    """A script: accepts the upgrade and echoes frames until a close frame."""
    request = peer.read_request()
    assert request.get('upgrade', '').lower() == 'websocket' and 'upgrade' in request.list_of('connection'), request.fields
    peer.send(f'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n'
              f'Sec-WebSocket-Accept: {accept_of(request.get("sec-websocket-key"))}\r\n\r\n'.encode())
    while True:
        opcode, payload = read_frame(peer)
        peer.send(frame(payload, mask=False, opcode=opcode))
        if opcode == 8:
            return
