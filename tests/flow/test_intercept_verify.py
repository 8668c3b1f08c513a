"""Origins are verified inside tunnels as a careful client does: what each of a row of bad origins comes to, and, so that these tests
can fail, what comes of the same ones where a rule says verify: false."""

import json
import re
import ssl

import pytest

from kit.certs import openssl
from kit.flows import identity
from kit.intercept import Opener
from kit.matrix import LEAF, ROWS, Matrix
from kit.origin import hello

BAD = [name for name, row in ROWS.items() if row.wrong]
GOOD = [name for name, row in ROWS.items() if not row.wrong]


@pytest.fixture(scope='module')
def matrix(tmp_path_factory, certs):
    made = Matrix(tmp_path_factory.mktemp('matrix'), certs)
    yield made
    made.close()


@pytest.fixture(scope='module')
def shared_careless(tmp_path_factory, certs):
    viaduct = Opener(tmp_path_factory.mktemp('careless'), certs, rules='''
  - name: anything goes
    when: host == "good.test"
    verify: false
''')
    try:
        yield viaduct
        viaduct.stop()
    finally:
        viaduct.kill()


@pytest.mark.parametrize('name', BAD)
def test_refused(opener, matrix, token, name):
    """502 with what is wrong in words, in the body and the record; the origin gets no request; the row knows who it was."""
    before = matrix.requests(name)
    response = opener.fetch(f'https://{matrix.authority(name)}{token}', 'Accept: text/plain')
    assert response.status == 502 and b'shown' not in response.body
    assert re.search('tls_(certificate|protocol)_error|tls_alert_received', response.get('proxy-status'))
    record = opener.wait_shown(token)
    assert record['outcome'] == 'failed'
    assert record['error'] == 'tls_certificate' if ROWS[name].excusable else record['error'].startswith('tls_')
    hop = record['chain'][0]
    assert re.search(ROWS[name].wrong, hop['detail'], re.I), hop['detail']
    if ROWS[name].excusable:
        assert hop['detail'] in response.text, response.text
        assert identity(hop)['subject'] and (identity(hop)['staple'] or '') == ROWS[name].staple
    assert matrix.requests(name) == before


@pytest.mark.parametrize('name', [n for n in BAD if ROWS[n].excusable])
def test_let_pass_by_rule(shared_careless, matrix, token, name):
    """The mutation check: without verification each is answered 200, so nothing else than that has refused it above."""
    response = shared_careless.fetch(f'https://{matrix.authority(name)}{token}')
    assert (response.status, response.body) == (200, b'shown')
    record = shared_careless.wait_shown(token)
    assert (record['outcome'], record['error']) == ('delivered', None)
    assert re.search(ROWS[name].wrong, identity(record['chain'][0])['unverified'], re.I), identity(record['chain'][0])


@pytest.mark.parametrize('name', [n for n in BAD if not ROWS[n].excusable])
def test_too_weak_for_any_rule(shared_careless, matrix, token, name):
    """No rule brings back ciphers and versions that protect nothing."""
    assert shared_careless.fetch(f'https://{matrix.authority(name)}{token}').status == 502
    assert matrix.requests(name) == 0


@pytest.mark.parametrize('name', GOOD)
def test_accepted(opener, matrix, token, name):
    response = opener.fetch(f'https://{matrix.authority(name)}{token}')
    assert (response.status, response.body) == (200, b'shown')
    who = identity(opener.wait_shown(token)['chain'][0])
    assert (who['unverified'] or '', who['staple'] or '') == ('', ROWS[name].staple)


@pytest.mark.parametrize('name', GOOD)
def test_good_origin_stays_good_without_verification(shared_careless, matrix, token, name):
    assert shared_careless.fetch(f'https://{matrix.authority(name)}{token}').status == 200
    assert not identity(shared_careless.wait_shown(token)['chain'][0])['unverified']


def test_page_for_people(opener, matrix):
    """A browser gets a page that names the origin and what is wrong."""
    response = opener.fetch(f'https://{matrix.authority("expired")}/', 'Accept: text/html')
    assert response.status == 502 and response.get('content-type').startswith('text/html')
    assert 'expired' in response.text and 'good.test' in response.text


def test_page_for_programs(opener, matrix):
    response = opener.fetch(f'https://{matrix.authority("expired")}/', 'Accept: application/json')
    said = json.loads(response.body)
    assert 'tls_certificate' in str(said) and 'expired' in str(said)


def test_verified_for_the_name_in_the_hello(opener, origin, certs):
    """CONNECT to an address, SNI good.test: the client verifies that name, so the origin is verified for it as well, and gets it."""
    seen = []
    server = certs.server(certs.good)
    server.sni_callback = lambda sock, name, ctx: seen.append(name)
    o = origin(hello(b'by name'), tls=server)
    wire = opener.inside(f'127.0.0.1:{o.port}', sni='good.test', host='good.test')
    assert wire.get('/').body == b'by name'
    assert seen == ['good.test']


def test_not_verified_for_the_host_of_the_connect(opener, origin, certs, token):
    """CONNECT to good.test, SNI other.test: a certificate for good.test is no proof."""
    o = origin(hello(), tls=certs.server(certs.good))
    wire = opener.inside(f'good.test:{o.port}', sni='other.test')
    assert wire.get(token).status == 502
    assert opener.wait_flow(token)['error'] == 'tls_certificate'
    assert not o.requests


def test_connections_are_not_shared_between_names(opener, origin, certs):
    """Kept connections to one address that were verified for different names."""
    o = origin(hello(), tls=certs.server(certs.many))
    first = opener.inside(f'127.0.0.1:{o.port}', sni='a.test')
    assert first.get('/').status == 200
    second = opener.inside(f'127.0.0.1:{o.port}', sni='b.test')
    assert second.get('/').status == 200
    assert len(o.peers) == 2
    third = opener.inside(f'127.0.0.1:{o.port}', sni='good.test')
    assert third.get('/').status == 502


def test_unverified_connection_is_not_for_others(start_opener, origin, certs):
    """A connection that a rule let pass for one path is not used for a request to which the rule does not apply."""
    o = origin(hello(), tls=certs.server(certs.expired))
    viaduct = start_opener(rules='''
  - when: host == "good.test" && path == "/careless"
    verify: false
''', workers=1)
    wire = viaduct.inside(f'good.test:{o.port}')
    assert wire.get('/careless').status == 200
    assert wire.get('/careful').status == 502
    assert wire.get('/careless').status == 200
    assert [r.target for r in o.requests] == ['/careless'] * 2


def test_unverified_session_is_not_resumed_for_others(start_opener, origin, certs):
    """The same with sessions: one that was made without verification is not resumed with it."""
    def script(peer):
        peer.read_request()
        peer.send(b'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
        peer.sock.unwrap()
    o = origin(script, tls=certs.server(certs.expired))
    viaduct = start_opener(rules='''
  - when: path == "/careless"
    verify: false
''', workers=1)
    assert viaduct.fetch(f'https://good.test:{o.port}/careless').status == 200
    assert viaduct.fetch(f'https://good.test:{o.port}/careful').status == 502


def test_own_ca_is_not_trusted_for_origins(start_opener, certs, tmp_path, origin):
    """An origin with a certificate of the proxy's own CA, which upstream.ca_file names too: refused."""
    first = start_opener()
    bundle = tmp_path / 'bundle.pem'
    bundle.write_text(certs.ca.read_text() + open(first.ca, encoding='ascii').read())
    data = first.data / 'ca'
    leaf = signed_by(tmp_path, certs.key_of(certs.good), data / 'ca.pem', data / 'ca.key')
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(leaf, certs.key_of(certs.good))
    o = origin(hello(), tls=server)
    viaduct = start_opener({'ca.cert': data / 'ca.pem', 'ca.key': data / 'ca.key', 'upstream.ca_file': bundle})
    assert viaduct.fetch(f'https://good.test:{o.port}/own').status == 502
    assert viaduct.wait_flow('/own')['error'] == 'tls_certificate'
    trusting = start_opener({'upstream.ca_file': bundle}, folder=tmp_path / 'another')
    assert trusting.fetch(f'https://good.test:{o.port}/other').status == 200


def signed_by(folder, leaf_key, ca, key):
    (folder / 'ext').write_text(LEAF)
    openssl('req', '-new', '-key', str(leaf_key), '-subj', '/CN=good.test', '-out', str(folder / 'csr'))
    openssl('x509', '-req', '-in', str(folder / 'csr'), '-CA', str(ca), '-CAkey', str(key), '-days', '20', '-set_serial', '99',
            '-extfile', str(folder / 'ext'), '-out', str(folder / 'leaf.pem'))
    return folder / 'leaf.pem'


def test_system_store_alone(start_opener, origin, certs):
    """Without upstream.ca_file the root of the tests is a stranger's."""
    o = origin(hello(), tls=certs.server(certs.good))
    viaduct = start_opener({'upstream.ca_file': ''})
    assert viaduct.fetch(f'https://good.test:{o.port}/').status == 502
    assert not o.requests


def test_identity_that_changes_is_seen(opener, origin, certs, token):
    """Two runs of an origin with different certificates: the records tell them apart."""
    first = origin(hello(), tls=certs.server(certs.good))
    opener.fetch(f'https://localhost:{first.port}{token}/0')
    second = origin(hello(), tls=certs.server(certs.many))
    opener.fetch(f'https://a.test:{second.port}{token}/1')
    one, two = (identity(opener.show(f['id'])['chain'][0]) for f in opener.wait_flows(token, 2))
    assert one['certificate_sha256'] != two['certificate_sha256'] and one['spki_sha256'] != two['spki_sha256']


def test_failure_is_counted_once_an_attempt(opener, matrix, token):
    """A certificate that does not verify is no reason to try again."""
    opener.fetch(f'https://{matrix.authority("expired")}{token}')
    record = opener.wait_shown(token)
    assert (record['hops'], record['retries']) == (1, 0)


def test_client_may_go_on_after_a_refusal(opener, matrix, origin, certs):
    """The 502 is an answer like others: the client's connection lives on."""
    wire = opener.inside(matrix.authority('expired'))
    assert [wire.get('/').status for _ in range(3)] == [502] * 3
