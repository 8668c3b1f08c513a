"""ClientHellos as no client should send them, in tunnels that are to be opened: what is no whole, right one is relayed as it is, and
nobody else is the worse for it."""

import os
import ssl
import threading

import pytest

from kit.intercept import Inside, request
from kit.origin import hello
from kit.wait import until

RECORD_HEAD, MESSAGE_HEAD, HELLO_MAX = 5, 4, 16384
SERVER_HELLO = 2


def echo(peer):
    while piece := peer.read_some():
        peer.send(piece)


def hello_of(context, name='a.test'):
    """A TLS client and the ClientHello that it begins with."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return tls, incoming, outgoing, outgoing.read()


def go_on(wire, incoming, outgoing, step):
    """step() of a TLS client, again until it does not want more."""
    while True:
        try:
            done = step()
            wire.send(outgoing.read())
            return done
        except ssl.SSLWantReadError:
            wire.send(outgoing.read())
            incoming.write(wire.read_some())


def in_records(message, size):
    return b''.join(b'\x16\x03\x01' + len(message[at:at + size]).to_bytes(2, 'big') + message[at:at + size]
                    for at in range(0, len(message), size))


def with_extensions(raw, *more):
    """A hello of one record with further extensions (type, content) at its end."""
    body = raw[RECORD_HEAD + MESSAGE_HEAD:]
    at = 2 + 32
    at += 1 + body[at]
    at += 2 + int.from_bytes(body[at:at + 2], 'big')
    at += 1 + body[at]
    extensions = body[at + 2:] + b''.join(kind.to_bytes(2, 'big') + len(content).to_bytes(2, 'big') + content for kind, content in more)
    body = body[:at] + len(extensions).to_bytes(2, 'big') + extensions
    message = b'\x01' + len(body).to_bytes(3, 'big') + body
    return raw[:3] + len(message).to_bytes(2, 'big') + message


@pytest.fixture
def raw(certs):
    """A right one, to be spoilt. For a name of its own: who breaks off is taken for one that refuses our certificate for it."""
    return hello_of(certs.client(alpn=('http/1.1',)), 'b.test')[3]


def assert_relayed(opener, origin, data, half_closes=True):
    """All of it comes to the origin and back, and the tunnel is recorded as one that was not opened."""
    o = origin(echo)
    authority = f'a.test:{o.port}'
    wire = opener.tunnel(authority)
    sender = threading.Thread(target=wire.send, args=(data,))
    sender.start()
    if half_closes:
        sender.join()
        wire.half_close()
    assert wire.read_exact(len(data)) == data
    sender.join()
    wire.close()
    assert opener.wait_tunnel(authority)['tunnel']['handling'] == 'relayed'


@pytest.mark.parametrize('at', [1, 4, 5, 6, 9, 50, -1])
def test_truncated(opener, origin, raw, at):
    """What may still become one waits; with the end of the client's side it goes to the origin as it is."""
    assert_relayed(opener, origin, raw[:at])


def test_truncated_and_silent(start_opener, origin, raw):
    """A client that begins a hello and does not go on has timeouts.tls for it."""
    viaduct = start_opener({'timeouts.tls': '300ms'})
    o = origin(echo)
    authority = f'a.test:{o.port}'
    wire = viaduct.tunnel(authority)
    wire.send(raw[:100])
    wire.assert_closed()
    record = viaduct.wait_tunnel(authority)
    assert (record['outcome'], record['error']) == ('failed', 'client_tls_timeout')


@pytest.mark.parametrize('at', [1, 5, 100])
def test_reset_within(opener, origin, secure, raw, at):
    o = origin(echo)
    authority = f'a.test:{o.port}'
    wire = opener.tunnel(authority)
    wire.send(raw[:at])
    wire.reset()
    assert opener.wait_tunnel(authority)['outcome'] in ('cancelled', 'failed')
    assert opener.fetch(secure.url('/', 'a.test')).status == 200


@pytest.fixture
def secure(origin, certs):
    return origin(hello(b'of the origin'), tls=certs.server(certs.many))


@pytest.mark.parametrize('size', [1, 2, 7, 500])
@pytest.mark.parametrize('pace', ['whole', 'bytes'])
def test_in_small_records(opener, secure, size, pace):
    """One message over many records, and each byte in a segment of its own (RFC 8446 section 5.1)."""
    tls, incoming, outgoing, raw = hello_of(opener.trusting())
    wire = opener.tunnel(f'a.test:{secure.port}')
    data = in_records(raw[RECORD_HEAD:], size)
    if pace == 'whole':
        wire.send(data)
    else:
        wire.send_slowly(data)
    go_on(wire, incoming, outgoing, tls.do_handshake)
    assert tls.getpeercert()['subjectAltName'] == (('DNS', 'a.test'),)
    # Who leaves without a request did not like the certificate: the next tunnel would be passed.
    tls.write(request('/', 'a.test'))
    assert go_on(wire, incoming, outgoing, lambda: tls.read(65536)).startswith(b'HTTP/1.1 200 ')
    wire.close()


def test_as_long_as_is_read(opener, secure, raw):
    """A hello of 16 KiB is answered by a ServerHello of ours."""
    padding = HELLO_MAX - len(raw) - 4
    data = with_extensions(raw, (0x7777, bytes(padding)))
    assert len(data) == HELLO_MAX
    authority = f'a.test:{secure.port}'
    wire = opener.tunnel(authority)
    wire.send(data)
    answer = wire.read_exact(RECORD_HEAD + 1)
    assert (answer[0], answer[RECORD_HEAD]) == (0x16, SERVER_HELLO)
    wire.close()
    assert opener.wait_tunnel(authority)['tunnel']['handling'] == 'opened'


def test_longer_than_is_read(opener, origin, raw):
    """At the first byte that shows it, without waiting for the rest."""
    data = with_extensions(raw, (0x7777, bytes(HELLO_MAX - len(raw) - 3)))
    assert len(data) == HELLO_MAX + 1
    assert_relayed(opener, origin, data[:RECORD_HEAD + MESSAGE_HEAD], half_closes=False)
    assert_relayed(opener, origin, data, half_closes=False)


def test_records_without_end(opener, origin):
    """A message of which a byte comes per record: given up at 16 KiB, and relayed from its first byte on."""
    message = b'\x01\x00\x3f\xe0\x03\x03' + bytes(10000)
    assert_relayed(opener, origin, in_records(message, 1), half_closes=False)


MALFORMED = {
    'an empty record': b'\x16\x03\x01\x00\x00',
    'an empty record in between': b'\x16\x03\x01\x00\x02\x01\x00\x16\x03\x01\x00\x00',
    'another record in between': b'\x16\x03\x01\x00\x02\x01\x00\x17\x03\x03\x00\x01x',
    'a ServerHello': b'\x16\x03\x03\x00\x2d\x02\x00\x00\x29',
    'SSLv2': b'\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10',
    'version 2': b'\x16\x02\x00\x00\x2d',
    'version 4 within': b'\x16\x03\x01\x00\x2d\x01\x00\x00\x29\x04\x00',
    'too short': b'\x16\x03\x01\x00\x04\x01\x00\x00\x00',
    'a huge record': b'\x16\x03\x01\xff\xff\x01',
    'a huge message': b'\x16\x03\x01\x40\x00\x01\xff\xff\xff',
    'an alert': b'\x15\x03\x01\x00\x02\x02\x28',
    'early data': b'\x17\x03\x03\x00\x10' + bytes(16),
}


@pytest.mark.parametrize('name', MALFORMED)
def test_malformed(opener, origin, name):
    """Relayed at once, though neither side ends."""
    assert_relayed(opener, origin, MALFORMED[name], half_closes=False)


EXTENSIONS = {
    'two lists of names': [(0, b'\x00\x04\x00\x00\x01b')],
    'two lists of protocols': [(16, b'\x00\x03\x02h2')],
    'two lists of versions': [(43, b'\x02\x03\x04')],
}


@pytest.mark.parametrize('name', EXTENSIONS)
def test_repeated_extension(opener, origin, raw, name):
    """One list for us and another for somebody else: not ours to choose."""
    assert_relayed(opener, origin, with_extensions(raw, *EXTENSIONS[name]), half_closes=False)


def test_bytes_changed_at_random(opener, origin, secure, raw):
    """Whatever comes of each, the tunnel ends with its client, and the next client is served."""
    seed = int.from_bytes(os.urandom(4), 'big')
    state = seed
    o = origin(echo)
    for _ in range(60):
        data = bytearray(raw)
        for _ in range(3):
            state = (state * 1664525 + 1013904223) % 2 ** 32
            data[(state >> 8) % len(data)] = state >> 24
        wire = opener.tunnel(f'a.test:{o.port}')
        wire.send(bytes(data))
        wire.half_close()
        assert wire.read_eof(), f'seed {seed}'
        wire.close()
    until(lambda: len([f for f in opener.flows() if f['method'] == 'CONNECT' and f['url'] == f'a.test:{o.port}'
                       and f['outcome'] != 'pending']) == 60, f'the end of all tunnels (seed {seed})')
    assert opener.fetch(secure.url('/', 'a.test')).body == b'of the origin'


def test_flood_of_names(start_opener, origin, certs):
    """New names all the time: each gets its leaf, memory stays as it is, and another client is served meanwhile."""
    viaduct = start_opener({'intercept.max_leaves': '16', 'capture.enabled': 'false'})
    secure = origin(hello(b'of the origin'), tls=certs.server(certs.many))
    authority, stop, served, failures = f'a.test:{secure.port}', threading.Event(), [], []

    def flood(first):
        for number in range(first, first + 300):
            name = f'n{number}.flood.test'
            inside = viaduct.inside(authority, sni=name)
            if (('DNS', name),) != inside.sock.getpeercert()['subjectAltName']:
                failures.append(name)
            inside.close()

    def be_served():
        inside = viaduct.inside(authority)
        while not stop.is_set():
            served.append(inside.get('/').body)
        inside.close()
    flood(0)
    threads = [threading.Thread(target=flood, args=(first,)) for first in (1000, 2000)]
    other = threading.Thread(target=be_served)
    for thread in (other, *threads):
        thread.start()
    for thread in threads:
        thread.join()
    until(lambda: served, 'an answer for the other client')
    stop.set()
    other.join()
    assert not failures and set(served) == {b'of the origin'}


def test_silence(opener, secure):
    """A client that says nothing is waited for, and may still begin."""
    authority = f'a.test:{secure.port}'
    wire = opener.tunnel(authority)
    wire.assert_silent(1.5)
    inside = opener.secure(wire, authority)
    assert isinstance(inside, Inside) and inside.get('/').body == b'of the origin'
