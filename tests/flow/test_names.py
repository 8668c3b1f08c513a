"""Names and connecting: overrides, name servers, the cache, literals, Happy Eyeballs (RFC 8305)."""

import time

import pytest

from kit.dns import A, AAAA, NXDOMAIN, SERVFAIL, SILENT, NameServer
from kit.origin import hello
from kit.wire import get


@pytest.fixture
def name_server():
    made = []

    def start_one(table, **how):
        made.append(NameServer(table, **how))
        return made[-1]

    yield start_one
    for server in made:
        server.close()


def test_localhost_of_the_hosts_file(proxy, origin):
    o = origin(hello())
    assert proxy.ask(get(o.url('/', host='localhost'))).status == 200


def test_ipv6_literal(proxy, origin):
    o = origin(hello(), host='::1')
    assert proxy.ask(get(o.url('/'))).status == 200
    assert o.last().all('host') == [f'[::1]:{o.port}']


def test_ipv6_literal_in_connect(proxy, origin):
    o = origin(hello(), host='::1')
    wire = proxy.tunnel(o.authority)
    assert wire.ask(b'GET / HTTP/1.1\r\nHost: x\r\n\r\n').status == 200


def test_listening_on_ipv6(start, origin):
    o = origin(hello())
    viaduct = start(listen=['[::1]:0'])
    assert viaduct.ready['proxy'].startswith('[::1]:')
    assert viaduct.ask(get(o.url('/'))).status == 200


def test_override(start, origin):
    o = origin(hello())
    viaduct = start({'hosts': 'Fixed.Example=127.0.0.1'})
    assert viaduct.ask(get(o.url('/', host='fixed.example'))).status == 200
    assert viaduct.ask(get(o.url('/', host='FIXED.example'))).status == 200
    assert o.last().get('host').lower() == f'fixed.example:{o.port}'


def test_override_comes_before_the_name_server(start, origin, name_server):
    o, dns = origin(hello()), name_server({'both.test': {A: ['127.0.0.9']}})
    viaduct = start({'hosts': 'both.test=127.0.0.1', 'dns.servers': dns.address})
    assert viaduct.ask(get(o.url('/', host='both.test'))).status == 200
    assert dns.count('both.test') == 0


def test_override_with_ipv6(start, origin):
    o = origin(hello(), host='::1')
    viaduct = start({'hosts': 'six.test=::1'})
    assert viaduct.ask(get(o.url('/', host='six.test'))).status == 200


def test_name_server(start, origin, name_server):
    o, dns = origin(hello()), name_server({'named.test': {A: ['127.0.0.1'], AAAA: []}})
    viaduct = start({'dns.servers': dns.address}, workers=1)
    for _ in range(3):
        assert viaduct.ask(get(o.url('/named', host='named.test'), 'Connection: close')).status == 200
    first = viaduct.wait_flows('/named', 3)[0]
    hop = viaduct.show(first['id'])['chain'][0]
    assert hop['peer'].startswith('127.0.0.1')
    assert hop['resolve_us'] >= 0


def test_answers_are_kept(start, origin, name_server):
    o, dns = origin(hello()), name_server({'kept.test': {A: ['127.0.0.1']}})
    viaduct = start({'dns.servers': dns.address, 'upstream.max_idle': '0'}, workers=1)
    for _ in range(5):
        assert viaduct.ask(get(o.url('/', host='kept.test'))).status == 200
    assert len(o.peers) == 5
    assert dns.count('kept.test') <= 2, 'A and AAAA, once each'


def test_answers_expire(start, origin, name_server):
    o, dns = origin(hello()), name_server({'brief.test': {A: ['127.0.0.1']}}, ttl=0)
    viaduct = start({'dns.servers': dns.address, 'upstream.max_idle': '0', 'dns.min_ttl': '0', 'dns.max_ttl': '0'}, workers=1)
    for _ in range(2):
        assert viaduct.ask(get(o.url('/', host='brief.test'))).status == 200
    assert dns.asked.count(('brief.test', A)) == 2


def test_truncated_answer_comes_by_tcp(start, origin, name_server):
    o, dns = origin(hello()), name_server({'long.test': {A: ['127.0.0.1']}}, truncate=True)
    viaduct = start({'dns.servers': dns.address})
    assert viaduct.ask(get(o.url('/', host='long.test'))).status == 200


def test_name_that_does_not_exist(start, name_server, token):
    dns = name_server({'gone.test': NXDOMAIN})
    viaduct = start({'dns.servers': dns.address}, workers=1)
    for _ in range(2):
        response = viaduct.ask(get(f'http://gone.test{token}'))
        assert response.status == 502
        assert 'dns_error' in response.get('proxy-status')
    assert viaduct.wait_flows(token, 2)[0]['error'] == 'name_not_found'
    assert dns.count('gone.test') <= 2, 'a failure is remembered'


def test_name_without_addresses(start, name_server, token):
    dns = name_server({'empty.test': {}})
    viaduct = start({'dns.servers': dns.address})
    assert viaduct.ask(get(f'http://empty.test{token}')).status == 502
    assert viaduct.wait_flow(token)['error'] == 'name_not_found'


def test_name_server_that_fails(start, name_server, token):
    dns = name_server({'fail.test': SERVFAIL})
    viaduct = start({'dns.servers': dns.address})
    assert viaduct.ask(get(f'http://fail.test{token}')).status == 502
    assert viaduct.wait_flow(token)['error'] == 'resolve_failed'


def test_name_server_that_is_silent(start, name_server, token):
    dns = name_server({'silent.test': SILENT})
    viaduct = start({'dns.servers': dns.address, 'timeouts.resolve': '300ms'})
    begin = time.monotonic()
    response = viaduct.ask(get(f'http://silent.test{token}'))
    assert response.status == 504
    assert 'dns_timeout' in response.get('proxy-status')
    assert time.monotonic() - begin < 2
    assert viaduct.wait_flow(token)['error'] == 'resolve_timeout'


def test_connect_to_a_name_that_does_not_exist(start, name_server):
    dns = name_server({})
    viaduct = start({'dns.servers': dns.address})
    wire = viaduct.connect()
    assert wire.ask(b'CONNECT gone.test:443 HTTP/1.1\r\nHost: gone.test:443\r\n\r\n').status == 502
    assert viaduct.wait_flow('gone.test:443')['error'] == 'name_not_found'


def test_eyeballs_first_address_is_dead(start, origin, name_server):
    """IPv6 refuses, IPv4 answers."""
    o, dns = origin(hello()), name_server({'dual.test': {A: ['127.0.0.1'], AAAA: ['::1']}})
    viaduct = start({'dns.servers': dns.address})
    assert viaduct.ask(get(o.url('/', host='dual.test'))).status == 200


def test_eyeballs_first_address_is_silent(start, origin, name_server, full_listener, token):
    """IPv6 drops the SYN: after the attempt delay IPv4 is tried, well before any time-out."""
    o = origin(hello())
    full_listener('::1', o.port)
    dns = name_server({'dual.test': {A: ['127.0.0.1'], AAAA: ['::1']}})
    viaduct = start({'dns.servers': dns.address})
    begin = time.monotonic()
    assert viaduct.ask(get(o.url(token, host='dual.test'))).status == 200
    assert time.monotonic() - begin < 1.5
    assert viaduct.wait_shown(token)['chain'][0]['peer'].startswith('127.0.0.1')


def test_eyeballs_prefers_ipv6(start, origin, name_server):
    six = origin(hello(b'six'), host='::1')
    origin(hello(b'four'), port=six.port)
    dns = name_server({'dual.test': {A: ['127.0.0.1'], AAAA: ['::1']}})
    viaduct = start({'dns.servers': dns.address})
    assert viaduct.ask(get(six.url('/', host='dual.test'))).body == b'six'


def test_eyeballs_does_not_wait_for_a_silent_aaaa(start, origin, name_server):
    o, dns = origin(hello()), name_server({'half.test': {A: ['127.0.0.1'], AAAA: SILENT}})
    viaduct = start({'dns.servers': dns.address})
    begin = time.monotonic()
    assert viaduct.ask(get(o.url('/', host='half.test'))).status == 200
    assert time.monotonic() - begin < 1.5


def test_all_addresses_are_dead(start, origin, name_server, token):
    o = origin(hello())
    o.close()
    dns = name_server({'dual.test': {A: ['127.0.0.1', '127.0.0.2'], AAAA: ['::1']}})
    viaduct = start({'dns.servers': dns.address})
    assert viaduct.ask(get(o.url(token, host='dual.test'))).status == 502
    assert viaduct.wait_flow(token)['error'] == 'connect_refused'


@pytest.mark.parametrize('host', ['127.1', '2130706433', '0x7f000001', '0177.0.0.1', 'a' * 64 + '.test', '.'.join(['a' * 60] * 5),
                                  '[fe80::1%25lo]', '[::g]', 'a..test', '-'])
def test_odd_hosts_are_refused(proxy, host):
    """Numbers in disguise and impossible names: 400, or at most a name that does not resolve; never an address."""
    response = proxy.ask(get(f'http://{host}:1/', host='x.test'))
    assert response.status == 400 or (host == '-' and response.status in (502, 504))
