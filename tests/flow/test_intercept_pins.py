"""Pins and client certificates, by rule and host."""

import re
import ssl
import subprocess

import pytest

from kit.flows import identity
from kit.origin import always, hello, serve
from kit.proxy import command, config_file
from kit.redirects import moved
from kit.wire import answer, get

STRANGE = 'sha256/' + 'A' * 43 + '='


def spki_pin(cert):
    done = subprocess.run(f'openssl x509 -in {cert} -noout -pubkey | openssl pkey -pubin -outform DER | openssl dgst -sha256 -binary | base64',
                          shell=True, capture_output=True, text=True, check=True)
    return 'sha256/' + done.stdout.strip()


def certificate_pin(cert, colons=False):
    done = subprocess.run(['openssl', 'x509', '-in', cert, '-noout', '-fingerprint', '-sha256'], capture_output=True, text=True, check=True)
    digest = done.stdout.strip().partition('=')[2]
    return 'cert-sha256/' + (digest if colons else digest.replace(':', '').lower())


def pinned(*pins, mode=None, host='good.test'):
    listed = ', '.join(f'"{p}"' for p in pins)
    return f'  - name: the pins\n    when: host == "{host}"\n    pins: [{listed}]\n' + (f'    pin_mode: {mode}\n' if mode else '')


@pytest.fixture
def secure(origin, certs):
    made = origin(hello(b'pinned'), tls=certs.server(certs.good))
    made.address = f'https://good.test:{made.port}'
    return made


@pytest.mark.parametrize('which', ['key', 'certificate', 'certificate with colons', 'key of the root', 'certificate of the root', 'backup'])
def test_pin_that_matches(start_opener, secure, certs, token, which):
    pins = {'key': [spki_pin(certs.good)], 'certificate': [certificate_pin(certs.good)],
            'certificate with colons': [certificate_pin(certs.good, True)], 'key of the root': [spki_pin(certs.ca)],
            'certificate of the root': [certificate_pin(certs.ca)], 'backup': [STRANGE, spki_pin(certs.good)]}[which]
    viaduct = start_opener(rules=pinned(*pins))
    assert viaduct.fetch(secure.address + token).body == b'pinned'
    assert identity(viaduct.wait_shown(token)['chain'][0])['pin'] == 'matched'


@pytest.mark.parametrize('mode', [None, 'enforce'])
def test_pin_that_does_not_match(start_opener, secure, certs, token, mode):
    """502, named; the origin, whose certificate is good else, gets no request."""
    viaduct = start_opener(rules=pinned(STRANGE, spki_pin(certs.many), mode=mode))
    response = viaduct.fetch(secure.address + token)
    assert response.status == 502 and b'pin' in response.body
    record = viaduct.wait_shown(token)
    assert record['error'] == 'pin_mismatch'
    assert identity(record['chain'][0])['pin'] == 'mismatched'
    assert spki_pin(certs.good).endswith(identity(record['chain'][0])['spki_sha256'])
    assert not secure.requests


def test_pin_that_only_warns(start_opener, secure, token):
    viaduct = start_opener(rules=pinned(STRANGE, mode='warn'))
    assert viaduct.fetch(secure.address + token).body == b'pinned'
    record = viaduct.wait_shown(token)
    assert (record['error'], identity(record['chain'][0])['pin']) == (None, 'mismatched')


def test_pins_of_one_host_are_not_for_another(start_opener, secure, token):
    viaduct = start_opener(rules=pinned(STRANGE, host='other.test'))
    assert viaduct.fetch(secure.address + token).status == 200
    assert identity(viaduct.wait_shown(token)['chain'][0])['pin'] is None


def test_pin_does_not_replace_verification(start_opener, origin, certs):
    o = origin(hello(), tls=certs.server(certs.expired))
    viaduct = start_opener(rules=pinned(spki_pin(certs.expired)))
    assert viaduct.fetch(f'https://good.test:{o.port}/').status == 502
    assert not o.requests


@pytest.mark.parametrize('cert,status', [('self_signed', 200), ('expired', 502)])
def test_pins_hold_without_verification(start_opener, origin, certs, cert, status):
    """verify: false with a pin: exactly that certificate will do."""
    o = origin(hello(), tls=certs.server(getattr(certs, cert)))
    viaduct = start_opener(rules=pinned(spki_pin(certs.self_signed)) + '    verify: false\n')
    assert viaduct.fetch(f'https://good.test:{o.port}/').status == status


def test_pins_of_a_resumed_session(start_opener, origin, certs, token):
    """The second handshake brings no certificates: what was pinned holds on."""
    def script(peer):
        peer.read_request()
        peer.send(answer(200, b'', 'Connection: close'))
        peer.sock.unwrap()
    o = origin(script, tls=certs.server(certs.good))
    viaduct = start_opener(rules=pinned(spki_pin(certs.good)), workers=1)
    for i in range(2):
        assert viaduct.fetch(f'https://good.test:{o.port}{token}/{i}').status == 200
    hops = [viaduct.show(f['id'])['chain'][0] for f in viaduct.wait_flows(token, 2)]
    assert [identity(h)['pin'] for h in hops] == ['matched'] * 2
    assert identity(hops[0])['spki_sha256'] == identity(hops[1])['spki_sha256']


def test_pins_by_path_share_no_connection(start_opener, secure, certs):
    viaduct = start_opener(rules=f'  - when: path == "/pinned"\n    pins: ["{STRANGE}"]\n', workers=1)
    wire = viaduct.inside(f'good.test:{secure.port}')
    assert [wire.get(p).status for p in ('/free', '/pinned', '/free')] == [200, 502, 200]


def test_pins_of_the_end_of_a_redirect(start_opener, origin, certs):
    """Each hop is asked for the pins of its own host."""
    end = origin(hello(), tls=certs.server(certs.good))
    first = origin(always(moved(f'https://good.test:{end.port}/')), tls=certs.server(certs.many))
    viaduct = start_opener({'redirects.mode': 'follow'}, rules=pinned(STRANGE))
    assert viaduct.fetch(f'https://a.test:{first.port}/').status == 502
    assert not end.requests


def test_pins_hold_outside_tunnels(start_opener, origin, certs, token):
    """Also where a clear request is redirected to https."""
    end = origin(hello(), tls=certs.server(certs.good))
    first = origin(always(moved(f'https://good.test:{end.port}/')))
    viaduct = start_opener({'redirects.mode': 'follow'}, rules=pinned(STRANGE))
    assert viaduct.ask(get(first.url(token))).status == 502
    assert viaduct.wait_flow(token)['error'] == 'pin_mismatch'


@pytest.mark.parametrize('pins', ['[nonsense]', '[]', '["sha256/AAAA"]', '["sha1/AAAA"]', '["cert-sha256/zz"]', '"sha256/x"'])
def test_malformed_pins(tmp_path, pins):
    done = command('check', '-c', config_file(tmp_path, f'rules:\n  - when: host == "a"\n    pins: {pins}\n'))
    assert done.returncode == 2 and re.search(r'viaduct.yaml:3', done.stderr), done.stderr


def test_pin_mode_without_pins(tmp_path):
    done = command('check', '-c', config_file(tmp_path, 'rules:\n  - when: host == "a"\n    pin_mode: warn\n'))
    assert done.returncode == 2 and 'pin' in done.stderr


# client certificates

@pytest.fixture
def asking(origin, certs):
    """asking(mode) -> an origin that asks for a client certificate and answers with its subject."""
    def start_one(mode=ssl.CERT_REQUIRED):
        server = certs.server(certs.good)
        server.verify_mode = mode
        server.load_verify_locations(certs.ca)

        def responder(r):
            cert = r.peer.sock.getpeercert()
            return answer(200, (dict(x[0] for x in cert['subject'])['commonName'] if cert else 'nobody').encode())
        return origin(serve(responder), tls=server)
    return start_one


def showing(cert, key=None, host='good.test'):
    return f'  - when: host == "{host}"\n    client_cert: {cert}\n' + (f'    client_key: {key}\n' if key else '')


def test_client_certificate(start_opener, asking, certs, token):
    o = asking()
    viaduct = start_opener(rules=showing(certs.client_only, certs.key_of(certs.client_only)))
    assert viaduct.fetch(f'https://good.test:{o.port}{token}').body == b'client_only'


def test_client_certificate_with_its_key_in_one_file(start_opener, asking, certs, tmp_path):
    both = tmp_path / 'both.pem'
    both.write_text(certs.client_only.read_text() + certs.key_of(certs.client_only).read_text())
    o = asking()
    assert start_opener(rules=showing(both)).fetch(f'https://good.test:{o.port}/').body == b'client_only'


def test_client_certificate_relative_to_the_file(start_opener, asking, certs, tmp_path):
    folder = tmp_path / 'here'
    folder.mkdir()
    (folder / 'client.pem').write_text(certs.client_only.read_text())
    (folder / 'client.key').write_text(certs.key_of(certs.client_only).read_text())
    o = asking()
    viaduct = start_opener(rules=showing('client.pem', 'client.key'), folder=folder)
    assert viaduct.fetch(f'https://good.test:{o.port}/').body == b'client_only'


def test_no_client_certificate_for_another_host(start_opener, asking, certs):
    o = asking(ssl.CERT_OPTIONAL)
    viaduct = start_opener(rules=showing(certs.client_only, certs.key_of(certs.client_only), host='other.test'))
    assert viaduct.fetch(f'https://good.test:{o.port}/').body == b'nobody'


@pytest.mark.parametrize('maximum,alert', [(ssl.TLSVersion.TLSv1_2, 'handshake failure'),
                                           (ssl.TLSVersion.TLSv1_3, 'certificate required')])
def test_origin_demands_a_client_certificate_in_vain(opener, asking, token, maximum, alert):
    """502 that says so: the origin's alert, in words; in TLS 1.3 it comes when the handshake is over for us."""
    o = asking()
    o.tls.maximum_version = maximum
    response = opener.fetch(f'https://good.test:{o.port}{token}')
    assert response.status == 502
    record = opener.wait_shown(token)
    assert record['error'] in ('tls_alert', 'origin_closed')
    assert alert in record['chain'][0]['detail']


def test_connection_with_a_client_certificate_is_not_for_others(start_opener, asking, certs):
    o = asking(ssl.CERT_OPTIONAL)
    viaduct = start_opener(rules=f'  - when: path == "/known"\n    client_cert: {certs.client_only}\n'
                           f'    client_key: {certs.key_of(certs.client_only)}\n', workers=1)
    wire = viaduct.inside(f'good.test:{o.port}')
    assert [wire.get(p).body for p in ('/known', '/unknown', '/known')] == [b'client_only', b'nobody', b'client_only']


def test_client_certificate_does_not_follow_a_redirect(start_opener, origin, asking, certs):
    end = asking(ssl.CERT_OPTIONAL)
    first = origin(always(moved(f'https://localhost:{end.port}/')), tls=certs.server(certs.good))
    viaduct = start_opener({'redirects.mode': 'follow'}, rules=showing(certs.client_only, certs.key_of(certs.client_only)))
    assert viaduct.fetch(f'https://good.test:{first.port}/').body == b'nobody'


@pytest.mark.parametrize('broken', ['missing', 'no certificate', 'another key', 'no key'])
def test_bad_client_certificate(tmp_path, certs, broken):
    """The start is refused with one line that names the file."""
    cert, key = tmp_path / 'c.pem', tmp_path / 'c.key'
    cert.write_text(certs.client_only.read_text() if broken != 'no certificate' else 'nothing')
    key.write_text(certs.key_of(certs.many if broken == 'another key' else certs.client_only).read_text())
    if broken == 'missing':
        cert.unlink()
    done = command('check', '-c', config_file(tmp_path, f'rules:\n{showing(cert, None if broken == "no key" else key)}'))
    assert done.returncode == 2 and re.search(r'c\.(pem|key)', done.stderr), done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
