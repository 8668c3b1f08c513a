"""What the record says of opened tunnels: the CONNECT, the requests inside, both TLS legs, who the origin is."""

import hashlib
import re
import ssl
import subprocess

import pytest

from kit.flows import client_leg, identity, origin_leg
from kit.intercept import TLS_1_2, request
from kit.origin import hello, serve
from kit.proxy import command
from kit.wire import answer


@pytest.fixture
def secure(origin, certs):
    made = origin(hello(), tls=certs.server(certs.good))
    made.name = f'good.test:{made.port}'
    return made


def test_flow_inside(opener, secure, token):
    opener.fetch(f'https://{secure.name}{token}?q=1')
    record = opener.wait_shown(token)
    assert record['url'] == f'https://{secure.name}{token}?q=1'
    assert (record['scheme'], record['host'], record['port'], record['path'], record['query']) == \
        ('https', 'good.test', secure.port, token, 'q=1')
    assert (record['method'], record['status'], record['outcome']) == ('GET', 200, 'delivered')


def test_parent(opener, secure, token):
    """Every request inside names its CONNECT, counts on with it, and has the same client."""
    wire = opener.inside(secure.name)
    for i in range(3):
        wire.get(f'{token}/{i}')
    wire.close()
    inside = [opener.show(f['id']) for f in opener.wait_flows(token, 3)]
    around = opener.wait_tunnel(secure.name)
    assert {r['parent_id'] for r in inside} == {around['id']}
    assert sorted(around['children']) == sorted(r['id'] for r in inside)
    assert {r['client'] for r in inside} == {around['client']}
    assert {r['client_id'] for r in inside} == {around['client_id']}
    assert sorted(r['client_request'] for r in [around, *inside]) == [1, 2, 3, 4]
    assert around['parent_id'] is None


def test_connect_that_was_opened(opener, secure):
    opener.fetch(f'https://{secure.name}/')
    record = opener.wait_tunnel(secure.name)
    assert (record['method'], record['url'], record['status'], record['outcome']) == ('CONNECT', secure.name, 200, 'delivered')
    said = record['tunnel']
    assert said['handling'] == 'opened'
    assert (said['sni'], said['alpn']) == ('good.test', 'http/1.1')
    assert said['ja4'].startswith('t13d')
    assert said['up_bytes'] > 0 and said['down_bytes'] > 0


def test_client_leg(opener, secure, token):
    opener.fetch(f'https://{secure.name}{token}')
    leg = client_leg(opener.wait_shown(token))
    assert leg['version'] == 'TLSv1.3' and leg['cipher'].startswith('TLS_')
    assert (leg['alpn'], leg['server_name'], leg['resumed']) == ('http/1.1', 'good.test', False)
    assert client_leg(opener.wait_tunnel(secure.name)) == leg


def test_client_leg_of_tls_1_2(opener, secure, token):
    opener.fetch(f'https://{secure.name}{token}', context=opener.trusting(maximum=TLS_1_2, alpn=()))
    leg = client_leg(opener.wait_shown(token))
    assert (leg['version'], leg['alpn'] or '') == ('TLSv1.2', '')


def test_origin_leg(opener, secure, token):
    opener.fetch(f'https://{secure.name}{token}')
    hop = opener.wait_shown(token)['chain'][0]
    leg = origin_leg(hop)
    assert leg['version'] == 'TLSv1.3' and leg['cipher'].startswith('TLS_')
    assert leg['server_name'] == 'good.test'
    assert hop['tls_us'] > 0


def test_identity_of_the_origin(opener, secure, certs, token):
    opener.fetch(f'https://{secure.name}{token}')
    who = identity(opener.wait_shown(token)['chain'][0])
    der = ssl.PEM_cert_to_DER_cert(certs.good.read_text()[certs.good.read_text().index('-----BEGIN'):])
    spki = subprocess.run(f'openssl x509 -in {certs.good} -noout -pubkey | openssl pkey -pubin -outform DER | openssl dgst -sha256 -binary'
                          ' | base64', shell=True, capture_output=True, text=True, check=True).stdout.strip()
    assert who['certificate_sha256'] == hashlib.sha256(der).hexdigest()
    assert who['spki_sha256'] == spki
    assert re.search(r'CN ?= ?good\b', who['subject']) and 'flow test root' in who['issuer']
    assert re.search(r'good.*flow test root', who['chain'])
    assert (who['not_before_s'], who['not_after_s']) == (1577836800, 2840140800)
    assert (who['pin'], who['unverified'], who['staple']) == (None, None, None)


def test_kept_connection_has_the_same_facts(opener, secure, token):
    """The second hop on a connection says of it what the first said."""
    wire = opener.inside(secure.name)
    wire.get(f'{token}/0')
    wire.get(f'{token}/1')
    first, second = (opener.show(f['id'])['chain'][0] for f in opener.wait_flows(token, 2))
    assert second['is_reused'] and not first['is_reused']
    assert origin_leg(first)['cipher'] == origin_leg(second)['cipher']
    assert identity(first) == identity(second)


def test_times(opener, secure, token):
    """Connecting is the CONNECT's, TLS with the origin that of the first request inside, which uses that connection."""
    opener.fetch(f'https://{secure.name}{token}')
    around, hop = opener.wait_tunnel(secure.name)['chain'][0], opener.wait_shown(token)['chain'][0]
    assert around['connect_us'] is not None and around['resolve_us'] is not None
    assert hop['tls_us'] > 0 and hop['wait_us'] is not None and hop['receive_us'] is not None
    assert around['peer'] == hop['peer']


def test_heads_are_those_inside(opener, secure, token):
    opener.fetch(f'https://{secure.name}{token}', 'X-Marked: yes')
    record = opener.wait_shown(token)
    text = str(record)
    assert 'X-Marked' in text and 'GET ' in text


def test_tunnel_in_which_nothing_is_asked(opener, secure):
    """A connection kept ready that was not needed: a row, opened, without flows inside; that is no failure."""
    wire = opener.inside(secure.name)
    wire.assert_silent(2.5)
    wire.sock.unwrap()
    record = opener.wait_tunnel(secure.name)
    assert (record['outcome'], record['tunnel']['handling']) == ('delivered', 'opened')
    assert record['children'] == []


def test_client_that_goes_during_an_answer(opener, origin, certs, token):
    def script(peer):
        peer.read_request()
        peer.send(b'HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nbegin')
        peer.read_eof()
    o = origin(script, tls=certs.server(certs.good))
    wire = opener.inside(f'good.test:{o.port}')
    wire.request(token)
    wire.read_response(body=False)
    wire.reset()
    assert opener.wait_flow(token)['outcome'] == 'cancelled'
    assert opener.wait_tunnel(f'good.test:{o.port}')['outcome'] in ('delivered', 'cancelled')


def test_failed_request_inside_fails_no_tunnel(opener, origin, certs, token):
    o = origin(serve(lambda r: b'nonsense\r\n\r\n'), tls=certs.server(certs.good))
    assert opener.fetch(f'https://good.test:{o.port}{token}').status == 502
    assert opener.wait_flow(token)['outcome'] == 'failed'
    assert opener.wait_tunnel(f'good.test:{o.port}')['outcome'] == 'delivered'


def test_client_id_of_other_tunnels(opener, secure, token):
    for i in range(2):
        opener.fetch(f'https://{secure.name}{token}/{i}')
    first, second = opener.wait_flows(token, 2)
    assert first['client_id'] != second['client_id']
    assert opener.show(first['id'])['parent_id'] != opener.show(second['id'])['parent_id']


def test_several_workers(start_opener, origin, certs, token):
    """Tunnels spread over workers; every flow inside has its own CONNECT as parent."""
    o = origin(hello(), tls=certs.server(certs.good))
    viaduct = start_opener(workers=4)
    for i in range(24):
        viaduct.fetch(f'https://good.test:{o.port}{token}/{i}')
    inside = [viaduct.show(f['id']) for f in viaduct.wait_flows(token, 24)]
    assert len({r['parent_id'] for r in inside}) == 24
    assert len({r['worker'] for r in inside}) > 1
    for record in inside:
        assert viaduct.show(record['parent_id'])['worker'] == record['worker']


def test_record_in_text(opener, secure, token):
    """For people: both legs and the origin's certificate stand there."""
    opener.fetch(f'https://{secure.name}{token}')
    flow = opener.wait_flow(token)
    done = command('show', flow['id'], '--data', opener.data)
    assert done.returncode == 0
    assert 'TLSv1.3' in done.stdout and 'flow test root' in done.stdout


def test_head_request(opener, secure, token):
    wire = opener.inside(secure.name)
    wire.send(request(token, secure.name, method='HEAD'))
    assert wire.read_response('HEAD').status == 200
    record = opener.wait_shown(token)
    assert (record['method'], record['response_body_bytes']) == ('HEAD', 0)


def test_answer_of_many_sizes(opener, origin, certs, token):
    sizes = [0, 1, 16384, 100000]
    o = origin(serve(lambda r: answer(200, b'z' * sizes[int(r.target.rsplit('/', 1)[1])])), tls=certs.server(certs.good))
    wire = opener.inside(f'good.test:{o.port}')
    for i, size in enumerate(sizes):
        assert len(wire.get(f'{token}/{i}').body) == size
    assert [f['response_body_bytes'] for f in opener.wait_flows(token, len(sizes))] == sizes
