"""Who the origins are by their certificates: recorded, listed, and what changes told; tunnels and what went through them."""

import json
import re
import ssl
import subprocess

import pytest

from kit.intercept import x509
from kit.origin import hello
from kit.proxy import command
from kit.wait import until

HOST = 'good.test'


def fingerprint(cert):
    """SHA-256 of the first certificate in a PEM file, in hexadecimal."""
    der = ssl.PEM_cert_to_DER_cert(cert.read_text())
    return x509(der, '-fingerprint', '-sha256').strip().rpartition('=')[2].replace(':', '').lower()


def pin(cert):
    """SHA-256 of its public key in base64, as openssl makes it."""
    shell = (f"openssl x509 -in '{cert}' -pubkey -noout | openssl pkey -pubin -outform DER"
             ' | openssl dgst -sha256 -binary | openssl base64')
    return subprocess.run(shell, shell=True, capture_output=True, text=True, check=True).stdout.strip()


def identities(viaduct, *args):
    done = command('identities', '--json', '--data', viaduct.data, *args)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def texts(viaduct, *args):
    done = command(*args, '--data', viaduct.data)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def meet(start_opener, origin, certs):
    """meet(kind, kind, …) -> a proxy, restarted for each of these certificates, which one origin showed in turn; its authority."""
    def in_turn(*kinds):
        viaduct, context = None, certs.server(getattr(certs, kinds[0]))
        o = origin(hello(), tls=context)
        for number, kind in enumerate(kinds):
            cert = getattr(certs, kind)
            context.load_cert_chain(cert, certs.key_of(cert))
            if viaduct:
                viaduct.stop()
                viaduct.is_over = True
            viaduct = start_opener(folder=viaduct.folder) if viaduct else start_opener()
            viaduct.fetch(f'https://{HOST}:{o.port}/{number}')
            viaduct.wait_flow(f'/{number}')
        return viaduct, f'{HOST}:{o.port}'
    return in_turn


def test_identity_of_a_hop(start_opener, origin, certs):
    o = origin(hello(), tls=certs.server(certs.good))
    viaduct = start_opener()
    for i in range(3):
        assert viaduct.fetch(f'https://{HOST}:{o.port}/{i}').status == 200
    hop = viaduct.wait_shown('/2')['chain'][0]
    seen = hop['identity']
    assert (seen['host'], seen['port']) == (HOST, o.port)
    assert 'CN' in seen['subject'] and 'good' in seen['subject']
    assert 'flow test root' in seen['issuer']
    assert 'flow test root' in seen['chain']
    assert seen['certificate_sha256'].lower() == fingerprint(certs.good)
    assert seen['spki_sha256'] == pin(certs.good)
    assert seen['not_before_s'] < seen['first_us'] / 1e6 <= seen['last_us'] / 1e6 < seen['not_after_s']
    assert hop['identity_change'] is None and hop['tls_unverified'] is None and hop['tls_pin'] is None
    assert (hop['tls_version'], hop['tls_alpn'] or 'http/1.1', hop['tls_server_name']) == ('TLSv1.3', 'http/1.1', HOST)
    rows = identities(viaduct)
    assert [(r['host'], r['flows']) for r in rows] == [(HOST, 3)]
    assert rows[0]['first_exchange_id'] == viaduct.wait_flow('/0')['id']


def test_refused_certificates_are_seen_too(start_opener, origin, certs):
    """Who it was is what one wants to know then."""
    o = origin(hello(), tls=certs.server(certs.expired))
    viaduct = start_opener()
    assert viaduct.fetch(f'https://{HOST}:{o.port}/e').status == 502
    hop = viaduct.wait_shown('/e')['chain'][0]
    assert hop['error'] == 'tls_certificate'
    seen = hop['identity']
    assert seen['certificate_sha256'].lower() == fingerprint(certs.expired)
    assert [seen[k] for k in ('flows', 'refused_flows', 'is_accepted', 'is_verified')] == [1, 1, False, False]
    assert re.search(r'refused: .*flow test root', texts(viaduct, 'identities'))
    assert ', expired' in texts(viaduct, 'show', viaduct.wait_flow('/e')['id'])


def test_let_pass_by_a_rule(start_opener, origin, certs):
    o = origin(hello(), tls=certs.server(certs.expired))
    viaduct = start_opener(rules=f'  - {{when: host == "{HOST}", verify: false}}\n')
    assert viaduct.fetch(f'https://{HOST}:{o.port}/v').status == 200
    hop = viaduct.wait_shown('/v')['chain'][0]
    assert 'expired' in hop['tls_unverified']
    assert [hop['identity'][k] for k in ('refused_flows', 'is_accepted', 'is_verified')] == [0, True, False]
    assert 'not verified: ' in texts(viaduct, 'identities')
    assert re.search('not verified: .*expired', texts(viaduct, 'show', viaduct.wait_flow('/v')['id']))


def test_pin(start_opener, origin, certs):
    o = origin(hello(), tls=certs.server(certs.good))
    rule = f'  - {{when: host == "{HOST}", pins: ["sha256/{pin(certs.good)}"]}}\n'
    viaduct = start_opener(rules=rule)
    assert viaduct.fetch(f'https://{HOST}:{o.port}/p').status == 200
    assert viaduct.wait_shown('/p')['chain'][0]['tls_pin'] == 'matched'


def test_no_change(meet):
    viaduct, _ = meet('good', 'good')
    assert identities(viaduct, '--changes') == []
    assert 'no origin that was known has shown another certificate' in texts(viaduct, 'identities', '--changes')
    assert [r['flows'] for r in identities(viaduct)] == [2]


def test_issuer_change(meet):
    """The origin's certificate is by another CA than yesterday: told by the list, by the flow, and by one query."""
    viaduct, authority = meet('good', 'untrusted')
    changes = identities(viaduct, '--changes', '--since', '1d')
    assert [(c['what'], f'{c["host"]}:{c["port"]}') for c in changes] == [('issuer', authority)]
    assert 'root' in changes[0]['before'] and 'stranger' in changes[0]['after']
    flow = viaduct.wait_flow('/1')
    assert changes[0]['exchange_id'] == flow['id']
    assert 'root' in viaduct.show(flow['id'])['chain'][0]['identity_change']['before']
    assert re.search(r'changed +the issuer; before it was .*root', texts(viaduct, 'show', flow['id']))
    assert viaduct.show(viaduct.wait_flow('/0')['id'])['chain'][0]['identity_change'] is None
    assert re.search(rf'issuer +{authority}.*\n +before .*root\n +after .*stranger', texts(viaduct, 'identities', '--changes'))


def test_to_and_fro(meet):
    """Somebody in the middle who comes and goes: refused each time, and told each time."""
    viaduct, authority = meet('good', 'untrusted', 'good', 'untrusted')
    changes = identities(viaduct, authority, '--changes')
    assert sorted((c['before_id'], c['after_id'], c['times'], c['is_accepted']) for c in changes) == [
        (1, 2, 2, False), (2, 1, 1, True)]
    for number, is_change in enumerate([False, True, True, True]):
        change = viaduct.show(viaduct.wait_flow(f'/{number}')['id'])['chain'][0]['identity_change']
        assert (change is not None) == is_change
    assert re.search(rf'issuer +{authority} .*, refused, 2 times since ', texts(viaduct, 'identities', '--changes'))


def test_key_change(meet):
    viaduct, authority = meet('good', 'wrong_host', 'good')
    changes = identities(viaduct, authority, '--changes')
    assert [(c['what'], c['times']) for c in changes] == [('key', 2)], 'an identity that returns is counted'
    for number, change_of in enumerate([None, changes[0]['id'], changes[0]['id']]):
        assert viaduct.show(viaduct.wait_flow(f'/{number}')['id'])['chain'][0]['identity_change_id'] == change_of
    assert 'changed    the key; before it was' in texts(viaduct, 'show', viaduct.wait_flow('/2')['id'])
    assert len(identities(viaduct, HOST)) == 2
    assert identities(viaduct, 'other.test') == []


def test_tunnel_and_its_flows(start_opener, origin, certs):
    """The CONNECT says that it was opened and what is inside; a flow inside says of which."""
    o = origin(hello(), tls=certs.server(certs.good))
    viaduct = start_opener()
    authority = f'{HOST}:{o.port}'
    wire = viaduct.inside(authority)
    for i in range(2):
        assert wire.get(f'/in{i}').status == 200
    wire.close()
    tunnel = viaduct.wait_tunnel(authority)
    inside = viaduct.wait_flows('/in', 2)
    assert tunnel['children'] == [f['id'] for f in inside]
    assert [f['parent_id'] for f in inside] == [tunnel['id']] * 2
    assert tunnel['parent_id'] is None
    assert tunnel['tunnel']['handling'] == 'opened'
    for flow in [tunnel, *inside]:
        assert (flow['client_tls_version'], flow['client_tls_server_name']) == ('TLSv1.3', HOST)
        assert flow['client_tls_resumed'] is False
    assert re.search(rf'{authority}  opened\n', texts(viaduct, 'flows'))
    assert re.search(r'tunnel +opened', texts(viaduct, 'show', tunnel['id']))
    assert f'2 flows: {inside[0]["id"]}, {inside[1]["id"]}' in texts(viaduct, 'show', tunnel['id'])
    assert f'flow {tunnel["id"]}, a CONNECT' in texts(viaduct, 'show', inside[0]['id'])


def test_refusals_in_the_list(start_opener, origin, certs):
    """A client that does not trust the CA: the alert and the likely cause, then a tunnel that is passed; in the terminal too."""
    o = origin(hello(), tls=certs.server(certs.good))
    viaduct = start_opener({'log.terminal': 'always', 'intercept.learned_ttl': '15m'})
    authority = f'{HOST}:{o.port}'
    for _ in range(2):
        viaduct.refuse(authority)
    viaduct.wait_tunnel(authority, 2)
    wire = viaduct.tunnel(authority)
    context = ssl.create_default_context(cafile=certs.ca)
    context.set_alpn_protocols(['http/1.1'])
    context.wrap_socket(wire.sock, server_hostname=HOST).close()
    assert viaduct.wait_tunnel(authority, 3)['tunnel']['handling'] == 'passed'
    until(lambda: 'passed: ' in viaduct.stdout(), 'the line of the tunnel that was passed')
    for said in (texts(viaduct, 'flows'), viaduct.stdout()):
        refused = re.findall(r'client_tls_refused \(.*unknown ca.*\): the client pins .* or does not trust the CA', said, re.I)
        assert len(refused) == 2, said
        assert len(re.findall(r'passed: .*refused', said)) == 1, said


def test_arguments(proxy, tmp_path):
    assert 'usage: viaduct identities' in command('identities', '--help').stdout
    assert 'identities' in command('--help').stdout
    assert command('identities', '--since', 'yesterday', '--data', proxy.data).returncode == 2
    assert command('identities', '--data', tmp_path / 'nothing').returncode == 1
