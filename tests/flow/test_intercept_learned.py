"""Learned pass-through: clients that refuse our certificate are tunnelled after the second time, visibly, for a while."""

import signal
import socket
import ssl
import subprocess

import pytest

from kit.intercept import Opener, client_context
from kit.origin import hello
from kit.proxy import command, environment
from kit.wait import until


# Longer than what counts as right after the handshake.
STOOD_S = 2.5
LEARN = {'intercept.learned_ttl': '15m'}


@pytest.fixture(scope='module')
def shared_opener(tmp_path_factory, certs):
    viaduct = Opener(tmp_path_factory.mktemp('opener'), certs, LEARN)
    try:
        yield viaduct
        viaduct.stop()
    finally:
        viaduct.kill()


@pytest.fixture
def secure(origin, certs):
    return origin(hello(b'of the origin'), tls=certs.server(certs.wild))


@pytest.fixture
def fresh(secure, counter=iter(range(40))):
    """An authority whose name no other test has used."""
    return f'n{next(counter)}.wild.test:{secure.port}'


def tunnels(viaduct, authority, n):
    """The first n CONNECTs to it, as records."""
    return [viaduct.wait_tunnel(authority, i + 1) for i in range(n)]


def handled(record):
    return record['tunnel']['handling'] if record.get('tunnel') else None


def passes(viaduct, certs, authority, alpn=('http/1.1',), **how):
    """True if the client, which trusts the origin's root only, gets through to the origin."""
    wire = viaduct.connect(**how)
    assert wire.ask(f'CONNECT {authority} HTTP/1.1\r\nHost: x\r\n\r\n'.encode()).status == 200
    try:
        inside = viaduct.secure(wire, authority, context=client_context(certs.ca, alpn=alpn))
    except ssl.SSLCertVerificationError:
        wire.close()
        return False
    assert inside.get('/').body == b'of the origin'
    inside.close()
    return True


def test_third_tunnel_is_passed(opener, certs, fresh):
    """A client without the CA, which says unknown_ca: two rows of failure, then one that passed, with the reason."""
    assert not passes(opener, certs, fresh)
    opener.wait_tunnel(fresh, 1)
    assert not passes(opener, certs, fresh)
    opener.wait_tunnel(fresh, 2)
    assert passes(opener, certs, fresh)
    first, second, third = tunnels(opener, fresh, 3)
    for record in first, second:
        assert (record['outcome'], record['error']) == ('failed', 'client_tls_refused')
        assert 'unknown ca' in record['detail'].lower()
    # A client that closes with a session ticket unread resets the connection: that is how its system ends it.
    assert third['outcome'] in ('delivered', 'cancelled') and third['error'] is None
    assert handled(third) == 'passed'
    why = third['tunnel']['why']
    assert 'refused our certificate' in why and 'unknown ca' in why.lower() and 'min' in why


def test_likely_cause_is_said(opener, certs, fresh):
    """For people: what the alert probably means."""
    passes(opener, certs, fresh)
    record = opener.wait_tunnel(fresh)
    done = command('show', record['id'], '--data', opener.data)
    assert 'pins' in done.stdout and 'does not trust the CA' in done.stdout


@pytest.mark.parametrize('version', [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_refusal_in_both_versions(opener, fresh, version):
    """In TLS 1.3 the server has ended its part of the handshake before the alert may come."""
    context = ssl.create_default_context()
    context.minimum_version = context.maximum_version = version
    with pytest.raises(ssl.SSLCertVerificationError):
        context.wrap_socket(opener.tunnel(fresh).sock, server_hostname=fresh.partition(':')[0])
    assert opener.wait_tunnel(fresh)['error'] == 'client_tls_refused'


def test_client_that_succeeds_is_not_passed(opener, fresh):
    """One that trusts the CA is opened time after time."""
    for i in range(4):
        assert opener.fetch(f'https://{fresh}/{i}').body == b'of the origin'
    assert [handled(r) for r in tunnels(opener, fresh, 4)] == ['opened'] * 4


def test_success_between_refusals(opener, certs, fresh):
    """A single refusal is forgotten when the same client then takes the certificate."""
    for _ in range(2):
        assert not passes(opener, certs, fresh)
        assert opener.fetch(f'https://{fresh}/').body == b'of the origin'
    assert not passes(opener, certs, fresh)


def test_close_right_after_the_handshake(opener, fresh):
    """Apps that pin close without a word once they have seen the certificate."""
    for i in range(2):
        inside = opener.inside(fresh)
        inside.sock.shutdown(socket.SHUT_RDWR)
        inside.close()
        opener.wait_tunnel(fresh, i + 1)
    third = opener.tunnel(fresh)
    with pytest.raises(ssl.SSLCertVerificationError):
        opener.secure(third, fresh)
    third.close()
    third = opener.wait_tunnel(fresh, 3)
    assert handled(third) == 'passed' and third['tunnel']['why']


def test_closed_before_finished(opener, fresh):
    """The bare close in the middle of the handshake, after the certificate."""
    for i in range(2):
        wire = opener.tunnel(fresh)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = opener.trusting().wrap_bio(incoming, outgoing, server_hostname=fresh.partition(':')[0])
        with pytest.raises(ssl.SSLWantReadError):
            tls.do_handshake()
        wire.send(outgoing.read())
        wire.read_exact(500)
        wire.close()
        assert opener.wait_tunnel(fresh, i + 1)['error'] == 'client_tls_refused'


def test_end_after_a_while_is_no_refusal(opener, fresh):
    """A connection that was kept ready and not needed, as browsers make them: nothing is learnt of it."""
    ready = [opener.inside(fresh) for _ in range(2)]
    ready[-1].assert_silent(STOOD_S)
    for i, inside in enumerate(ready):
        inside.sock.unwrap()
        assert opener.wait_tunnel(fresh, i + 1)['outcome'] == 'delivered'
    assert opener.fetch(f'https://{fresh}/').body == b'of the origin'


def test_other_failures_teach_nothing(opener, fresh):
    """A client that sends garbage in the handshake has not refused a certificate."""
    for i in range(3):
        wire = opener.tunnel(fresh)
        tls_hello(opener, wire, fresh)
        wire.send(b'\x17\x03\x03\x00\x05hello')
        wire.read_eof()
        wire.close()
        assert opener.wait_tunnel(fresh, i + 1)['error'] == 'client_tls_failed'
    assert opener.fetch(f'https://{fresh}/').body == b'of the origin'


def tls_hello(opener, wire, authority):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = opener.trusting().wrap_bio(incoming, outgoing, server_hostname=authority.partition(':')[0])
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    wire.send(outgoing.read())


def teach(viaduct, certs, authority, **how):
    """Two refusals, and the proof that they were learnt."""
    for i in range(2):
        assert not passes(viaduct, certs, authority, **how)
        viaduct.wait_tunnel(authority, i + 1)
    assert passes(viaduct, certs, authority, **how)


def test_other_names_are_not_affected(opener, certs, fresh, secure):
    teach(opener, certs, fresh)
    assert not passes(opener, certs, f'n39.wild.test:{secure.port}')


def test_other_clients_are_not_affected(opener, certs, fresh):
    """By address and by the fingerprint of the TLS library (ALPN is part of it)."""
    teach(opener, certs, fresh)
    assert not passes(opener, certs, fresh, source='127.0.0.2')
    assert not passes(opener, certs, fresh, alpn=('h2', 'http/1.1'))
    assert passes(opener, certs, fresh)


def test_forgotten_after_its_time(start_opener, certs, secure):
    authority = f'n1.wild.test:{secure.port}'
    viaduct = start_opener({'intercept.learned_ttl': '1s'})
    teach(viaduct, certs, authority)
    until(lambda: not passes(viaduct, certs, authority), 'the tunnel to be opened again', deadline_s=5, every_s=0.1)


def test_nothing_is_learnt(start_opener, certs, secure):
    authority = f'n1.wild.test:{secure.port}'
    viaduct = start_opener({'intercept.learned_ttl': '0'})
    assert [passes(viaduct, certs, authority) for _ in range(4)] == [False] * 4


def test_reload_keeps_what_was_learnt(start_opener, certs, secure, tmp_path):
    authority = f'n1.wild.test:{secure.port}'
    viaduct = start_opener(LEARN)
    teach(viaduct, certs, authority)
    viaduct.signal(signal.SIGHUP)
    viaduct.ask(b'OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n')
    assert passes(viaduct, certs, authority)


def test_learnt_by_one_worker_known_to_all(start_opener, certs, secure):
    authority = f'n1.wild.test:{secure.port}'
    viaduct = start_opener(LEARN, workers=4)
    teach(viaduct, certs, authority)
    assert [passes(viaduct, certs, authority) for _ in range(12)] == [True] * 12


def test_pinning_curl(opener, certs, origin, tmp_path):
    """curl --pinnedpubkey, trusting the CA: it closes with an alert or without; the third time it reaches the origin."""
    o = origin(hello(b'of the origin'), tls=certs.server(certs.good))
    both = tmp_path / 'both.pem'
    both.write_text(certs.ca.read_text() + open(opener.ca, encoding='ascii').read())
    key = tmp_path / 'key.pem'
    key.write_bytes(subprocess.run(['openssl', 'x509', '-in', certs.good, '-noout', '-pubkey'], capture_output=True, check=True).stdout)
    authority = f'good.test:{o.port}'

    def curl():
        return subprocess.run(['curl', '-sS', '-x', opener.url, '--cacert', both, '--pinnedpubkey', key, f'https://{authority}/'],
                              capture_output=True, timeout=20, check=False, env=environment())
    for i in range(2):
        assert curl().returncode == 90
        assert opener.wait_tunnel(authority, i + 1)
    done = curl()
    assert (done.returncode, done.stdout) == (0, b'of the origin'), done.stderr
    assert handled(opener.wait_tunnel(authority, 3)) == 'passed'


def test_passed_tunnel_is_listed_and_retried(start_opener, certs, secure):
    """viaduct passthrough list, and retry, after which the next tunnel is opened."""
    authority = f'n1.wild.test:{secure.port}'
    viaduct = start_opener(LEARN, inspector='127.0.0.1:0')
    teach(viaduct, certs, authority)
    where = ['--data', viaduct.data]
    listed = command('passthrough', 'list', *where)
    assert listed.returncode == 0 and 'n1.wild.test' in listed.stdout and '127.0.0.1' in listed.stdout, (listed.stdout, listed.stderr)
    done = command('passthrough', 'retry', 'n1.wild.test', *where)
    assert done.returncode == 0, done.stderr
    assert not passes(viaduct, certs, authority)


@pytest.mark.parametrize('alert,words,error', [(42, 'bad certificate', 'client_tls_refused'), (46, 'certificate unknown', 'client_tls_refused'),
                                               (48, 'unknown ca', 'client_tls_refused'), (45, 'certificate expired', 'client_tls_refused'),
                                               (40, 'handshake failure', 'client_tls_failed'), (80, 'internal error', 'client_tls_failed')])
def test_alerts_in_words(opener, fresh, alert, words, error):
    """Sent in the clear, as TLS 1.2 does before the keys change."""
    wire = opener.tunnel(fresh)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = opener.trusting(maximum=ssl.TLSVersion.TLSv1_2)
    tls = context.wrap_bio(incoming, outgoing, server_hostname=fresh.partition(':')[0])
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    wire.send(outgoing.read())
    wire.read_exact(500)
    wire.send(b'\x15\x03\x03\x00\x02\x02' + bytes([alert]))
    wire.read_eof()
    wire.close()
    record = opener.wait_tunnel(fresh)
    assert record['error'] == error
    assert words in record['detail'].lower().replace('_', ' ')
