"""Which tunnels are opened: the option, rules by host, port and client, what the ClientHello says; why the others are passed."""

import signal
import ssl

import pytest

from kit.certs import Certificates
from kit.intercept import Inside, Opener, client_context
from kit.namespace import run_in_namespace
from kit.origin import Origin, hello
from kit.wait import until


@pytest.fixture
def secure(origin, certs):
    return origin(hello(b'of the origin'), tls=certs.server(certs.many))


def is_opened(viaduct, certs, authority, sni='', wire=None):
    """Whose certificate the client is shown: True if it is ours; one request is made in it."""
    context = client_context(None)
    inside = viaduct.secure(wire or viaduct.tunnel(authority), authority, sni, context)
    assert inside.get('/').body == b'of the origin'
    origins = {ssl.PEM_cert_to_DER_cert(c.read_text()[c.read_text().index('-----BEGIN'):]) for c in (certs.many, certs.good, certs.wild)}
    is_ours = inside.leaf() not in origins
    inside.close()
    return is_ours


def handling(viaduct, authority, n=1):
    said = viaduct.wait_tunnel(authority, n)['tunnel']
    return said['handling'], said.get('why') or ''


def test_none_is_the_default(start, certs, secure):
    viaduct = start({'hosts': 'a.test=127.0.0.1'}, kind=Opener, certs=certs)
    plain = start({'intercept': None}, kind=Opener, certs=certs)
    assert is_opened(viaduct, certs, f'a.test:{secure.port}')
    assert not is_opened(plain, certs, f'a.test:{secure.port}')
    assert handling(plain, f'a.test:{secure.port}')[0] == 'relayed'


def test_all_but_what_a_rule_excepts(start_opener, certs, secure):
    viaduct = start_opener(rules='''
  - name: not b
    when: host == "b.test"
    intercept: false
''')
    assert is_opened(viaduct, certs, f'a.test:{secure.port}')
    assert not is_opened(viaduct, certs, f'b.test:{secure.port}')
    assert handling(viaduct, f'a.test:{secure.port}')[0] == 'opened'
    how, why = handling(viaduct, f'b.test:{secure.port}')
    assert how == 'passed' and 'not b' in why


def test_only_what_a_rule_lists(start_opener, certs, secure):
    viaduct = start_opener({'intercept': 'list'}, rules='''
  - when: host == "b.test"
    intercept: true
''')
    assert not is_opened(viaduct, certs, f'a.test:{secure.port}')
    assert is_opened(viaduct, certs, f'b.test:{secure.port}')


def test_none_whatever_rules_list(start_opener, certs, secure):
    viaduct = start_opener({'intercept': 'none'}, rules='''
  - when: host == "b.test"
    intercept: true
''')
    assert not is_opened(viaduct, certs, f'b.test:{secure.port}')


def test_first_rule_counts(start_opener, certs, secure):
    viaduct = start_opener(rules='''
  - when: host == "sub.a.test"
    intercept: true
  - when: host ~ "(^|\\\\.)a\\\\.test$"
    intercept: false
''')
    assert is_opened(viaduct, certs, f'sub.a.test:{secure.port}')
    assert not is_opened(viaduct, certs, f'a.test:{secure.port}')


def test_rule_by_port(start_opener, origin, certs, secure):
    other = origin(hello(b'of the origin'), tls=certs.server(certs.many))
    viaduct = start_opener(rules=f'''
  - when: port == {other.port}
    intercept: false
''')
    assert is_opened(viaduct, certs, f'a.test:{secure.port}')
    assert not is_opened(viaduct, certs, f'a.test:{other.port}')


def test_rule_by_client(start_opener, certs, secure):
    viaduct = start_opener(rules='''
  - when: client == "127.0.0.2"
    intercept: false
''')
    authority = f'a.test:{secure.port}'
    assert is_opened(viaduct, certs, authority)
    wire = viaduct.connect(source='127.0.0.2')
    assert wire.ask(f'CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n'.encode()).status == 200
    assert not is_opened(viaduct, certs, authority, wire=wire)


def test_rule_for_the_name_in_the_hello(start_opener, origin, certs):
    """CONNECT to an address, the ClientHello names a host that is not to be opened."""
    o = origin(hello(b'of the origin'), tls=certs.server(certs.many))
    viaduct = start_opener(rules='''
  - when: host == "b.test"
    intercept: false
''')
    assert is_opened(viaduct, certs, f'127.0.0.1:{o.port}', sni='a.test')
    assert not is_opened(viaduct, certs, f'127.0.0.1:{o.port}', sni='b.test')


def test_rule_for_the_host_asked_for(start_opener, certs, secure):
    """CONNECT to a host that is not to be opened; the name in the ClientHello does not change that."""
    viaduct = start_opener(rules='''
  - when: host == "b.test"
    intercept: false
''')
    assert not is_opened(viaduct, certs, f'b.test:{secure.port}', sni='a.test')


def test_list_by_the_name_in_the_hello(start_opener, certs, secure):
    viaduct = start_opener({'intercept': 'list'}, rules='''
  - when: host == "b.test"
    intercept: true
''')
    assert is_opened(viaduct, certs, f'127.0.0.1:{secure.port}', sni='b.test')
    assert not is_opened(viaduct, certs, f'127.0.0.1:{secure.port}', sni='a.test')


def test_changed_by_reload(start, certs, secure, tmp_path):
    file = tmp_path / 'viaduct.yaml'
    file.write_text('intercept: none\n')
    viaduct = start({'intercept': None}, kind=Opener, certs=certs, args=['-c', file])
    authority = f'a.test:{secure.port}'
    assert not is_opened(viaduct, certs, authority)
    file.write_text('intercept: all\n')
    viaduct.signal(signal.SIGHUP)
    until(lambda: is_opened(viaduct, certs, authority), 'a tunnel that is opened')
    assert (viaduct.data / 'ca' / 'ca.pem').exists()


# what the ClientHello says

def test_h2_only_client_is_passed(opener, certs, origin):
    o = origin(lambda peer: peer.read_eof(), tls=h2_server(certs))
    authority = f'a.test:{o.port}'
    context = certs.client(alpn=['h2'])
    sock = context.wrap_socket(opener.tunnel(authority).sock, server_hostname='a.test')
    assert sock.selected_alpn_protocol() == 'h2'
    sock.close()
    how, why = handling(opener, authority)
    assert how == 'passed' and 'h2' in why


def h2_server(certs):
    made = certs.server(certs.many)
    made.set_alpn_protocols(['h2', 'http/1.1'])
    return made


@pytest.mark.parametrize('offered,chosen', [(('h2', 'http/1.1'), 'http/1.1'), (('http/1.1',), 'http/1.1'), ((), None),
                                            (('http/1.0', 'http/1.1'), 'http/1.1')])
def test_alpn(opener, secure, offered, chosen):
    wire = opener.inside(f'a.test:{secure.port}', context=opener.trusting(alpn=offered))
    assert wire.sock.selected_alpn_protocol() == chosen
    assert wire.get('/').body == b'of the origin'


def test_other_protocol_by_alpn_is_passed(opener, certs, origin):
    server = certs.server(certs.many)
    server.set_alpn_protocols(['imap'])
    o = origin(lambda peer: peer.read_eof(), tls=server)
    sock = certs.client(alpn=['imap']).wrap_socket(opener.tunnel(f'a.test:{o.port}').sock, server_hostname='a.test')
    assert sock.selected_alpn_protocol() == 'imap'
    sock.close()
    assert handling(opener, f'a.test:{o.port}')[0] == 'passed'


@pytest.mark.parametrize('port', [993, 995, 465, 853, 636])
def test_port_of_another_protocol_is_passed(tmp_path, port):
    """IMAP, POP3, SMTP, DNS, LDAP over TLS."""
    def body():
        certs = Certificates(tmp_path)
        o = Origin(hello(b'of the origin'), port=port, tls=certs.server(certs.many))
        viaduct = Opener(tmp_path / 'viaduct', certs)
        assert not is_opened(viaduct, certs, f'a.test:{port}')
        how, why = handling(viaduct, f'a.test:{port}')
        assert how == 'passed' and why, (how, why)
        o.close()
        viaduct.stop()
    run_in_namespace(body)


def with_extension(hello_record, kind, content):
    """A ClientHello of one record with one more extension at its end."""
    body = bytearray(hello_record[5:])
    at = 4 + 2 + 32
    at += 1 + body[at]
    at += 2 + int.from_bytes(body[at:at + 2], 'big')
    at += 1 + body[at]
    added = kind.to_bytes(2, 'big') + len(content).to_bytes(2, 'big') + content
    body[at:at + 2] = (int.from_bytes(body[at:at + 2], 'big') + len(added)).to_bytes(2, 'big')
    body += added
    body[1:4] = (len(body) - 4).to_bytes(3, 'big')
    return hello_record[:3] + len(body).to_bytes(2, 'big') + bytes(body)


def first_flight(context, name):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


def test_ech_is_noticed(opener, secure):
    """An outer ClientHello, or a GREASE one as browsers send with every handshake: it is answered, and noted."""
    authority = f'a.test:{secure.port}'
    wire = opener.tunnel(authority)
    wire.send(with_extension(first_flight(opener.trusting(), 'a.test'), 0xfe0d, bytes([0, 0, 1, 0, 1, 7]) + bytes([0, 32]) + b'e' * 32
                             + bytes([0, 64]) + b'p' * 64))
    assert wire.read_exact(1) == b'\x16'
    wire.close()
    said = opener.wait_tunnel(authority)['tunnel']
    assert (said['has_ech'], said['sni']) == (True, 'a.test')


# that passing is no way round what holds for tunnels

def test_passed_tunnel_obeys_the_rules(start_opener, certs, secure):
    viaduct = start_opener(rules='''
  - when: host == "b.test"
    intercept: false
  - when: host == "b.test"
    block: true
''')
    wire = viaduct.connect()
    assert wire.ask(f'CONNECT b.test:{secure.port} HTTP/1.1\r\nHost: x\r\n\r\n'.encode()).status == 403
    assert not secure.peers


def test_blocked_host_is_refused_before_it_is_opened(start_opener, secure):
    viaduct = start_opener(rules='''
  - when: host == "b.test"
    block: true
''')
    wire = viaduct.connect()
    assert wire.ask(f'CONNECT b.test:{secure.port} HTTP/1.1\r\nHost: x\r\n\r\n'.encode()).status == 403
    wire.assert_closed()


def test_passed_tunnel_uses_fixed_addresses(start_opener, certs, secure):
    viaduct = start_opener({'hosts': 'b.test=127.0.0.1'}, rules='''
  - when: host == "b.test"
    intercept: false
''')
    assert not is_opened(viaduct, certs, f'b.test:{secure.port}')


def test_hello_after_a_pause(opener, secure):
    """The client thinks before it begins; the origin, too, says nothing first. No time-out decides."""
    authority = f'a.test:{secure.port}'
    wire = opener.tunnel(authority)
    secure.wait_peers(1)
    wire.assert_silent(0.4)
    inside = opener.secure(wire, authority)
    assert isinstance(inside, Inside) and inside.get('/').body == b'of the origin'


@pytest.mark.parametrize('piece', [1, 3, 50, 200])
def test_hello_in_pieces(opener, secure, piece):
    """A ClientHello in segments of so many bytes is opened all the same."""
    context = opener.trusting()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname='a.test')
    wire = opener.tunnel(f'a.test:{secure.port}')
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    raw = outgoing.read()
    for at in range(0, len(raw), piece):
        wire.send_slowly(raw[at:at + piece]) if piece == 1 else wire.send(raw[at:at + piece])
    while True:
        try:
            tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            incoming.write(wire.read_some())
    assert tls.getpeercert()['subjectAltName'] == (('DNS', 'a.test'),)
    wire.close()


def test_hello_in_several_records(opener, secure):
    """One handshake message in many records (RFC 8446 section 5.1)."""
    context = opener.trusting()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname='a.test')
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    raw = outgoing.read()
    message = raw[5:]
    parts = [message[i:i + 40] for i in range(0, len(message), 40)]
    wire = opener.tunnel(f'a.test:{secure.port}')
    wire.send(b''.join(raw[:3] + len(p).to_bytes(2, 'big') + p for p in parts))
    while True:
        try:
            tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            incoming.write(wire.read_some())
    assert tls.version() == 'TLSv1.3'
    wire.close()
