"""TLS on both sides of an opened tunnel: versions, resumption, key log, ends that are not in order."""

import re
import subprocess

import pytest

from kit.flows import client_leg, origin_leg
from kit.intercept import TLS_1_2, TLS_1_3, Opener
from kit.matrix import free_ports
from kit.origin import hello
from kit.proxy import environment
from kit.wait import until
from kit.wire import answer

VERSION = {TLS_1_2: 'TLSv1.2', TLS_1_3: 'TLSv1.3'}


@pytest.mark.parametrize('client', VERSION)
@pytest.mark.parametrize('far', VERSION)
def test_versions(opener, origin, certs, token, client, far):
    """Each side for itself."""
    o = origin(hello(), tls=certs.server(certs.good, minimum=far, maximum=far))
    opener.fetch(f'https://good.test:{o.port}{token}', context=opener.trusting(minimum=client, maximum=client))
    record = opener.wait_shown(token)
    assert client_leg(record)['version'] == VERSION[client]
    assert origin_leg(record['chain'][0])['version'] == VERSION[far]


def s_client(viaduct, authority, *options, text=b''):
    return subprocess.run(['openssl', 's_client', '-proxy', viaduct.ready['proxy'], '-connect', authority, '-CAfile', viaduct.ca,
                           '-verify_return_error', '-verify_hostname', authority.partition(':')[0], '-ign_eof', *options],
                          input=text, capture_output=True, timeout=20, check=False, env=environment())


@pytest.mark.parametrize('option,version', [('-tls1_2', 'TLSv1.2'), ('-tls1_3', 'TLSv1.3')])
def test_s_client(opener, origin, certs, option, version):
    o = origin(hello(b'to s_client'), tls=certs.server(certs.good))
    authority = f'good.test:{o.port}'
    done = s_client(opener, authority, option, text=f'GET / HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n'.encode())
    assert b'to s_client' in done.stdout, done.stderr
    assert version.encode() in done.stdout and b'Verification: OK' in done.stdout


@pytest.mark.parametrize('options', [['-tls1_1', '-cipher', 'ALL:@SECLEVEL=0'], ['-tls1_2', '-cipher', 'eNULL:@SECLEVEL=0'],
                                     ['-tls1_2', '-cipher', 'aNULL:@SECLEVEL=0']], ids=['TLS 1.1', 'null cipher', 'anonymous'])
def test_weak_clients_are_refused(opener, origin, certs, options):
    o = origin(hello(), tls=certs.server(certs.good))
    authority = f'good.test:{o.port}'
    done = s_client(opener, authority, *options, text=f'GET / HTTP/1.1\r\nHost: {authority}\r\n\r\n'.encode())
    assert done.returncode != 0 and b'hello' not in done.stdout
    assert opener.wait_tunnel(authority)['error'] == 'client_tls_failed'
    assert not o.requests


@pytest.mark.parametrize('option', ['-tls1_2', '-tls1_3'])
def test_s_server(opener, certs, token, option, tmp_path):
    """openssl s_server of one version as the origin."""
    port = free_ports(1)[0]
    with open(tmp_path / 'log', 'wb') as log:
        server = subprocess.Popen(['openssl', 's_server', '-accept', f'127.0.0.1:{port}', '-cert', certs.good, '-key', certs.key_of(certs.good),
                                   '-www', option], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        until(lambda: b'ACCEPT' in (tmp_path / 'log').read_bytes(), 's_server')
        response = opener.fetch(f'https://good.test:{port}{token}')
        assert response.status == 200 and b'Ciphers supported' in response.body
        assert origin_leg(opener.wait_shown(token)['chain'][0])['version'] == 'TLSv' + option[-3:].replace('_', '.')
    finally:
        server.terminate()
        server.wait(10)


@pytest.mark.parametrize('version', VERSION)
def test_client_resumes(opener, origin, certs, token, version):
    o = origin(hello(), tls=certs.server(certs.good))
    context = opener.trusting(minimum=version, maximum=version)
    first = opener.inside(f'good.test:{o.port}', context=context)
    first.get(f'{token}/0')
    assert first.sock.session.has_ticket and not first.sock.session_reused
    again = opener.inside(f'good.test:{o.port}', context=context, session=first.sock.session)
    again.get(f'{token}/1')
    assert again.sock.session_reused
    legs = [client_leg(opener.show(f['id'])) for f in opener.wait_flows(token, 2)]
    assert [leg['resumed'] for leg in legs] == [False, True]


def test_client_resumes_at_any_worker(start_opener, origin, certs):
    """The keys of tickets are the same for all."""
    o = origin(hello(), tls=certs.server(certs.good))
    viaduct = start_opener(workers=4)
    context = viaduct.trusting(maximum=TLS_1_2)
    first = viaduct.inside(f'good.test:{o.port}', context=context)
    first.get('/')
    for _ in range(12):
        assert viaduct.inside(f'good.test:{o.port}', context=context, session=first.sock.session).sock.session_reused


def test_client_does_not_resume_for_another_name(opener, origin, certs):
    """A session of one host is none of another's: a full handshake, with the certificate of the name that is asked for."""
    o = origin(hello(), tls=certs.server(certs.many))
    context = opener.trusting()
    context.check_hostname = False
    first = opener.inside(f'a.test:{o.port}', context=context)
    first.get('/')
    other = opener.inside(f'b.test:{o.port}', context=context, session=first.sock.session)
    assert other.get('/').status == 200
    assert not other.sock.session_reused
    assert ('DNS', 'b.test') in other.sock.getpeercert()['subjectAltName']


@pytest.mark.parametrize('version', VERSION)
def test_origin_is_resumed(opener, origin, certs, token, version):
    """Also when the sessions' tunnels are different ones."""
    def script(peer):
        peer.read_request()
        peer.send(answer(200, b'x', 'Connection: close'))
        peer.sock.unwrap()
    o = origin(script, tls=certs.server(certs.good, maximum=version))
    wire = opener.inside(f'good.test:{o.port}')
    for i in range(2):
        wire.get(f'{token}/{i}')
    legs = [origin_leg(opener.show(f['id'])['chain'][0]) for f in opener.wait_flows(token, 2)]
    assert [leg['resumed'] for leg in legs] == [False, True]


def test_key_log(start, certs, origin, tmp_path):
    """SSLKEYLOGFILE holds the secrets of both legs, and nobody else can read it."""
    o = origin(hello(), tls=certs.server(certs.good))
    keys = tmp_path / 'keys'
    viaduct = start({}, kind=Opener, certs=certs, env=environment(SSLKEYLOGFILE=str(keys)))
    context = viaduct.trusting()
    context.keylog_filename = str(tmp_path / 'client-keys')
    viaduct.fetch(f'https://good.test:{o.port}/', context=context)
    lines = keys.read_text().splitlines()
    client = [line for line in (tmp_path / 'client-keys').read_text().splitlines() if not line.startswith('#')]
    assert client and set(client) <= set(lines)
    assert len({line.split()[1] for line in lines if not line.startswith('#')}) == 2
    assert keys.stat().st_mode & 0o777 == 0o600


def test_no_key_log_by_itself(opener, origin, certs):
    o = origin(hello(), tls=certs.server(certs.good))
    opener.fetch(f'https://good.test:{o.port}/')
    assert not [p for p in opener.folder.rglob('*') if p.is_file() and re.search(rb'CLIENT_RANDOM|TRAFFIC_SECRET', p.read_bytes())]


def test_renegotiation_is_refused(opener, origin, certs):
    """openssl s_client's command R asks for it in TLS 1.2."""
    o = origin(hello(), tls=certs.server(certs.good))
    authority = f'good.test:{o.port}'
    process = subprocess.Popen(['openssl', 's_client', '-proxy', opener.ready['proxy'], '-connect', authority, '-CAfile', opener.ca, '-tls1_2'],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment())
    out = b''
    while b'Verify return code' not in out:
        piece = process.stdout.read1()
        assert piece, out
        out += piece
    process.stdin.write(b'R\n')
    process.stdin.flush()
    out, _ = process.communicate(timeout=10)
    assert b'RENEGOTIATING' in out, out  # it did ask: this it says itself
    assert b'no renegotiation' in out, out  # and this is the alert that came back
    assert process.returncode != 0, out
    assert opener.fetch(f'https://{authority}/').status == 200


def test_early_data_is_not_taken(opener, origin, certs, tmp_path):
    """A ticket allows none; a client that sends some all the same gets it refused and may go on without."""
    o = origin(hello(b'late'), tls=certs.server(certs.good))
    authority = f'good.test:{o.port}'
    ask = f'GET / HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n'.encode()
    session, early = tmp_path / 'session', tmp_path / 'early'
    early.write_bytes(ask)
    done = s_client(opener, authority, '-tls1_3', '-sess_out', str(session), text=ask)
    assert b'late' in done.stdout and session.exists(), done.stderr
    assert b'Max Early Data: 0' in done.stdout
    done = s_client(opener, authority, '-tls1_3', '-sess_in', str(session), '-early_data', str(early), text=ask)
    assert b'Early data was accepted' not in done.stdout
    assert opener.fetch(f'https://{authority}/').status == 200


def test_version_is_not_shown_higher_than_it_is(opener, origin, certs, token):
    """What the client sees of its own leg is on record beside what the origin's leg really is."""
    o = origin(hello(), tls=certs.server(certs.good, maximum=TLS_1_2))
    opener.fetch(f'https://good.test:{o.port}{token}')
    record = opener.wait_shown(token)
    assert (client_leg(record)['version'], origin_leg(record['chain'][0])['version']) == ('TLSv1.3', 'TLSv1.2')


def test_compression_is_never_used(opener, origin, certs):
    o = origin(hello(), tls=certs.server(certs.good))
    wire = opener.inside(f'good.test:{o.port}', context=opener.trusting(maximum=TLS_1_2))
    assert wire.sock.compression() is None
    assert wire.sock.cipher()[2] >= 128
