"""Tunnels that are to be opened and carry something else than TLS: HTTP is served inside, the rest is relayed raw and at once."""

import ssl
import threading
import time

import pytest

from kit.intercept import request
from kit.origin import echo as echo_request
from kit.origin import hello, serve
from kit.wire import answer, get

# Far below every time-out of the defaults (the shortest that could be waited for is seconds), far above what a busy machine needs.
AT_ONCE_S = 3.0


def echo(peer):
    while piece := peer.read_some():
        peer.send(piece)


def name(o):
    return f'a.test:{o.port}'


def handling(viaduct, authority):
    said = viaduct.wait_tunnel(authority)['tunnel']
    return said['handling'], said.get('why') or ''


@pytest.mark.parametrize('greeting', [b'220 mail.test ESMTP\r\n', b'SSH-2.0-OpenSSH_9.2\r\n', b'\x4a\x00\x00\x00\x0a8.0.30\x00', b'+OK\r\n'],
                         ids=['smtp', 'ssh', 'mysql', 'pop3'])
def test_origin_speaks_first(opener, origin, greeting):
    def script(peer):
        peer.send(greeting)
        assert peer.read_until(b'\n') == b'QUIT\n'
        peer.send(b'bye')
    o = origin(script)
    begin = time.monotonic()
    wire = opener.tunnel(name(o))
    assert wire.read_exact(len(greeting)) == greeting
    assert time.monotonic() - begin < AT_ONCE_S
    wire.send(b'QUIT\n')
    assert wire.read_eof() == b'bye'
    wire.close()
    assert handling(opener, name(o))[0] == 'relayed'


def test_both_speak_first(opener, origin):
    """As SSH does: each side sends its version without waiting for the other's."""
    def script(peer):
        peer.send(b'SSH-2.0-server\r\n')
        assert peer.read_until(b'\r\n') == b'SSH-2.0-client\r\n'
        echo(peer)
    o = origin(script)
    wire = opener.tunnel(name(o))
    wire.send(b'SSH-2.0-client\r\n')
    assert wire.read_until(b'\r\n') == b'SSH-2.0-server\r\n'
    wire.send(b'\0' * 100000)
    assert wire.read_exact(100000) == b'\0' * 100000


@pytest.mark.parametrize('first', [b'\x00\x01\xff', b'\xff' * 4000, b'EHLO me\r\n', b'\x16', b'\x16\x03\x01\x00\x05\x01\x00\x00\xff\xff',
                                   b'\x16\x03\x01\xff\xff' + b'\x01' * 40000, b'\x16\x03\x01\x00\x02\x02\x00', b'\r\nfoo\r\n', b'HELO'],
                         ids=['bytes', 'many', 'text', 'one byte like TLS', 'malformed', 'too large', 'no ClientHello', 'blank line', 'short'])
def test_client_speaks_first(opener, origin, first):
    """What is neither TLS nor HTTP goes through as it is; what may still become either goes at the latest with the end."""
    o = origin(echo)
    wire = opener.tunnel(name(o))
    sender = threading.Thread(target=wire.send, args=(first,))
    sender.start()
    sender.join()
    wire.half_close()
    assert wire.read_eof() == first
    wire.close()
    assert handling(opener, name(o))[0] == 'relayed'


@pytest.mark.parametrize('first', [b'\x00', b'EHLO me\r\n', b'\x16\x02', b'SSH-2.0-x\r\n'])
def test_client_is_relayed_at_once(opener, origin, first):
    """Without an end of its side and without a time-out: the verdict falls at the first byte that can be neither."""
    o = origin(echo)
    begin = time.monotonic()
    wire = opener.tunnel(name(o))
    wire.send(first)
    assert wire.read_exact(len(first)) == first
    assert time.monotonic() - begin < AT_ONCE_S


def test_half_close_of_the_client(opener, origin):
    def script(peer):
        assert peer.read_eof() == b'\0question'
        peer.send(b'a long answer ' * 10000)
    o = origin(script)
    wire = opener.tunnel(name(o))
    wire.send(b'\0question')
    wire.half_close()
    assert wire.read_eof() == b'a long answer ' * 10000


def test_half_close_without_a_byte(opener, origin):
    """A client that ends its side at once may still be one that listens."""
    def script(peer):
        assert peer.read_eof() == b''
        peer.send(b'only I speak')
    o = origin(script)
    wire = opener.tunnel(name(o))
    wire.half_close()
    assert wire.read_eof() == b'only I speak'


def test_half_close_of_the_origin(opener, origin):
    got = []

    def script(peer):
        peer.send(b'banner')
        peer.half_close()
        got.append(peer.read_eof())
    o = origin(script)
    wire = opener.tunnel(name(o))
    assert wire.read_eof() == b'banner'
    wire.send(b'still ' * 1000)
    wire.half_close()
    o.threads[0].join(5)
    assert got == [b'still ' * 1000]


def test_bytes_sent_along_with_connect(opener, origin, certs):
    """The ClientHello in one segment with the CONNECT."""
    o = origin(hello(b'early'), tls=certs.server(certs.many))
    context = opener.trusting()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname='a.test')
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    wire = opener.connect()
    wire.send(f'CONNECT {name(o)} HTTP/1.1\r\nHost: x\r\n\r\n'.encode() + outgoing.read())
    assert wire.read_response('CONNECT').status == 200
    while True:
        try:
            tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            incoming.write(wire.read_some())
    tls.write(request('/', name(o)))
    wire.send(outgoing.read())
    got = b''
    while b'early' not in got:
        incoming.write(wire.read_some())
        try:
            got += tls.read(65536)
        except ssl.SSLWantReadError:
            pass


def test_dead_port_of_a_raw_tunnel(opener, origin):
    """The 200 is out already: the tunnel ends, and the row says why."""
    o = origin(echo)
    o.close()
    wire = opener.connect()
    response = wire.ask(f'CONNECT {name(o)} HTTP/1.1\r\nHost: x\r\n\r\n'.encode())
    if response.status == 200:
        wire.send(b'\0\0\0')
        wire.assert_closed()
    record = opener.wait_tunnel(name(o))
    assert (record['outcome'], record['error']) == ('failed', 'connect_refused')


# HTTP without TLS

@pytest.fixture
def plain(origin):
    made = origin(serve(echo_request))
    made.name = f'a.test:{made.port}'
    return made


def test_http_is_opened(opener, plain, token):
    wire = opener.tunnel(plain.name)
    for i in range(3):
        assert wire.ask(request(f'{token}/{i}', plain.name)).body.startswith(f'GET {token}/{i} '.encode())
    wire.close()
    inside = [opener.show(f['id']) for f in opener.wait_flows(token, 3)]
    around = opener.wait_tunnel(plain.name)
    assert {r['parent_id'] for r in inside} == {around['id']}
    assert inside[0]['url'] == f'http://{plain.name}{token}/0'
    assert around['tunnel']['handling'] == 'opened (clear)'
    assert not inside[0].get('client_tls')


def test_http_post(opener, plain):
    wire = opener.tunnel(plain.name)
    assert wire.ask(request('/', plain.name, method='POST', body=b'posted')).body.endswith(b'posted')
    assert plain.last().has('via')


def test_http_in_pieces(opener, plain):
    wire = opener.tunnel(plain.name)
    wire.send_slowly(request('/slow', plain.name))
    assert wire.read_response().body.startswith(b'GET /slow ')


def test_http_behind_a_blank_line(opener, plain):
    """RFC 9112 section 2.2."""
    wire = opener.tunnel(plain.name)
    wire.send(b'\r\n' + request('/', plain.name))
    assert wire.read_response().status == 200


def test_http_with_another_host(opener, plain):
    """The request goes where the tunnel leads."""
    wire = opener.tunnel(plain.name)
    assert b'Host: b.test' in wire.ask(request('/', 'b.test')).body
    assert plain.requests


def test_http_rules_hold(start_opener, plain):
    viaduct = start_opener(rules='''
  - when: path == "/blocked"
    block: true
''')
    wire = viaduct.tunnel(plain.name)
    assert wire.ask(request('/blocked', plain.name)).status == 403
    assert not plain.requests


def test_prior_knowledge_of_h2_is_relayed(opener, origin):
    preface = b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
    o = origin(echo)
    wire = opener.tunnel(name(o))
    wire.send(preface)
    assert wire.read_exact(len(preface)) == preface
    wire.close()
    assert handling(opener, name(o))[0] in ('relayed', 'passed')


@pytest.mark.parametrize('first', [get('http://b.test/x'), b'CONNECT b.test:443 HTTP/1.1\r\nHost: b.test:443\r\n\r\n', b'GET /\r\n'],
                         ids=['absolute', 'connect', 'http 0.9'])
def test_requests_to_a_proxy_are_relayed(opener, origin, first):
    """In a tunnel they are for the proxy behind it, as in a chain of proxies."""
    o = origin(echo)
    wire = opener.tunnel(name(o))
    wire.send(first)
    assert wire.read_exact(len(first)) == first


def test_proxy_form_later_in_an_opened_tunnel(opener, plain):
    """Behind a request of an origin it cannot be relayed any more; it must not become a way to anywhere else."""
    wire = opener.tunnel(plain.name)
    assert wire.ask(request('/', plain.name)).status == 200
    wire.send(b'CONNECT b.test:443 HTTP/1.1\r\nHost: b.test:443\r\n\r\n')
    response = wire.read_response('CONNECT')
    assert 400 <= response.status < 500
    assert len(plain.requests) == 1


def test_clear_text_to_a_tls_port(opener, origin, certs):
    """The client speaks HTTP, the origin TLS: what it answers to that comes back, or an error; nothing hangs."""
    o = origin(hello(), tls=certs.server(certs.many))
    wire = opener.tunnel(name(o))
    wire.send(request('/', name(o)))
    response = wire.read_response()
    assert response.status in (400, 502)


def test_tls_to_a_clear_port(opener, origin):
    """The client speaks TLS, the origin does not: 502 inside."""
    def script(peer):
        peer.read_some()
        peer.send(answer(400, b'this is no TLS'))
    o = origin(script)
    response = opener.fetch(f'https://{name(o)}/')
    assert response.status == 502
    assert b'this is no TLS' not in response.body


def test_tls_without_http_inside(start_opener, origin, certs):
    """TLS is ended here before it can be known that it carries no HTTP: this once it fails, from the next tunnel on it is passed."""
    def script(peer):
        assert peer.read_until(b'\n') == b'\x01binary\n'
        peer.send(b'understood')
    opener = start_opener({'intercept.learned_ttl': '15m'})
    o = origin(script, tls=certs.server(certs.many))
    first = opener.inside(name(o), context=opener.trusting(alpn=()))
    first.send(b'\x01binary\n')
    first.read_eof()
    opener.wait_tunnel(name(o))
    second = opener.secure(opener.tunnel(name(o)), name(o), context=certs.client(alpn=()))
    second.send(b'\x01binary\n')
    assert second.read_eof() == b'understood'
    second.close()
    said = opener.wait_tunnel(name(o), 2)['tunnel']
    assert said['handling'] == 'passed' and said['why']
