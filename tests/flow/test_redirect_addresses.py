"""Where a redirect may lead: never to an address more private than the one the client's own request reached (server-side request
forgery). In a network namespace whose loopback has addresses of every class."""

import pytest

from kit.dns import A, NameServer
from kit.namespace import run_in_namespace
from kit.origin import Origin
from kit.proxy import Viaduct, config_file
from kit.redirects import decisions, moved, routes, there
from kit.wire import get

# name: (address, class as recorded, depth: 3 is never)
PLACES = {
    'public.test': ('93.184.215.14', 'public', 0),
    'public6.test': ('2606:2800:21f::7', 'public', 0),
    'documentation.test': ('192.0.2.7', 'reserved', 1),
    'benchmark.test': ('198.18.0.7', 'reserved', 1),
    'ten.test': ('10.1.2.3', 'private', 1),
    'onesixeight.test': ('192.168.7.7', 'private', 1),
    'oneseven.test': ('172.16.7.7', 'private', 1),
    'shared.test': ('100.64.7.7', 'shared', 1),
    'unique.test': ('fd12::7', 'unique-local', 1),
    'loop.test': ('127.0.0.1', 'loopback', 2),
    'loop9.test': ('127.9.9.9', 'loopback', 2),
    'loop6.test': ('::1', 'loopback', 2),
    'mapped.test': ('::ffff:10.1.2.3', 'private', 1),
    'mappedloop.test': ('::ffff:127.0.0.1', 'loopback', 2),
    'nat64.test': ('64:ff9b::a01:203', 'private', 1),
    'nat64loop.test': ('64:ff9b::7f00:1', 'loopback', 2),
    'sixtofour.test': ('2002:a01:203::1', 'private', 1),
    'teredo.test': ('2001:0:5db8:d70e::f5fe:fdfc', 'private', 1),
    'link.test': ('169.254.7.7', 'link-local', 3),
    'link6.test': ('fe80::7', 'link-local', 3),
    'metadata.test': ('169.254.169.254', 'metadata', 3),
    'metadata6.test': ('fd00:ec2::254', 'metadata', 3),
    'multicast.test': ('224.0.0.251', 'multicast', 3),
    'multicast6.test': ('ff02::fb', 'multicast', 3),
    'broadcast.test': ('255.255.255.255', 'broadcast', 3),
    'any.test': ('0.0.0.0', 'unspecified', 3),
    'any6.test': ('::', 'unspecified', 3),
}
UNOWNED = ('loopback', 'multicast', 'broadcast', 'unspecified')
ADDRESSES = [a for a, kind, _ in PLACES.values() if kind not in UNOWNED and not a.startswith(('::ffff', 'fe80'))] + ['64:ff9b::7f00:1']
HOSTS = ', '.join(f'{name}={address}' for name, (address, _, _) in PLACES.items())


class World:
    """In the namespace: one origin on all addresses, whose /go?URL leads there, and a proxy that follows."""

    def __init__(self, folder, options=None, args=(), listen=('127.0.0.1:0',), **how):
        self.origin = Origin(routes({}, self._answer), host='::')
        self.viaduct = Viaduct(folder / 'viaduct',
                               {'redirects.mode': 'follow', 'hosts': HOSTS, 'timeouts.connect': '2s', **(options or {})},
                               args, listen, **how)

    @staticmethod
    def _answer(request):
        path, _, to = request.target.partition('?')
        return moved(to) if path == '/go' else there(request)

    def url(self, host, path='/'):
        return f'http://{f"[{host}]" if ":" in host else host}:{self.origin.port}{path}'

    def go(self, first, to):
        """-> (response of a request to first that leads to the URL, what the origin saw)"""
        before = len(self.origin.requests)
        response = self.viaduct.ask(get(self.url(first, f'/go?{to}')))
        return response, self.origin.requests[before:]

    def close(self):
        self.viaduct.stop()
        self.origin.close()


def is_handed_over(response, seen):
    return response.status == 302 and len(seen) == 1


@pytest.mark.parametrize('first', ['public.test', 'public6.test', 'ten.test', 'unique.test', 'shared.test', 'loop.test', 'loop6.test'])
def test_matrix(tmp_path, first):
    """From each class to each class: as public as where the chain began, or handed over; and the class is in the record."""
    def body():
        world = World(tmp_path, workers=1)
        wrong = []
        for name, (address, _, depth) in PLACES.items():
            may = depth < 3 and depth <= PLACES[first][2]
            for host in (name, address) if not address.startswith('::ffff') else (name,):
                response, seen = world.go(first, world.url(host))
                if (len(seen) == 2 and response.status == 200) if may else is_handed_over(response, seen):
                    continue
                wrong.append((host, response.status, len(seen), may))
        assert not wrong, f'(to, status, requests, allowed): {wrong}'
        for flow in world.viaduct.wait_flows('/go', len(PLACES)):
            record = world.viaduct.show(flow['id'])
            chain, target = record['chain'], flow['url'].partition('?')[2]
            assert chain[0]['peer_class'] == PLACES[first][1]
            if record['status'] == 200:
                name = target.removeprefix('http://').rpartition(':')[0]
                expected = [c for n, (a, c, _) in PLACES.items() if name in (n, a, f'[{a}]')]
                assert chain[1]['peer_class'] in expected, (target, chain[1]['peer_class'])
            else:
                assert flow['detail'] == decisions(record)[0] and flow['detail'].startswith('returned: '), (target, decisions(record))
        world.close()
    run_in_namespace(body, ADDRESSES)


def test_depth_is_the_first_requests(tmp_path):
    """A detour over a public host gives nothing back, and takes nothing away."""
    def body():
        world = World(tmp_path)
        home = world.url('loop.test')
        detour = world.url('public.test', f'/go?{home}')
        response, seen = world.go('loop.test', detour)
        assert (response.status, len(seen)) == (200, 3)
        response, seen = world.go('public.test', world.url('public6.test', f'/go?{home}'))
        assert (response.status, len(seen)) == (302, 2)
        assert response.get('location') == home
        world.close()
    run_in_namespace(body, ADDRESSES)


@pytest.mark.parametrize('targets, reached', [
    ('private', ['ten.test', 'mapped.test']), ('private, loopback', ['ten.test', 'mapped.test', 'loop.test', 'loop6.test']),
    ('link-local', ['link.test']), ('metadata', ['metadata.test']), ('unique-local, shared', ['unique.test', 'shared.test']),
])
def test_classes_can_be_allowed(tmp_path, targets, reached):
    def body():
        world = World(tmp_path, {'redirects.targets': targets})
        for name in 'ten.test', 'mapped.test', 'loop.test', 'loop6.test', 'link.test', 'metadata.test', 'unique.test', 'shared.test':
            response, seen = world.go('public.test', world.url(name))
            assert (response.status == 200) == (name in reached), (name, response.status)
            assert len(seen) == (2 if name in reached else 1)
        world.close()
    run_in_namespace(body, ADDRESSES)


def test_rule_allows_one_host(tmp_path):
    rules = '''
rules:
  - name: our own login
    when: host == "ten.test"
    redirect_targets: private
'''
    def body():
        world = World(tmp_path, args=['-c', config_file(tmp_path, rules)])
        assert world.go('public.test', world.url('ten.test'))[0].status == 200
        for name in 'oneseven.test', 'loop.test', '10.1.2.3':
            assert is_handed_over(*world.go('public.test', world.url(name))), name
        world.close()
    run_in_namespace(body, ADDRESSES)


def test_kept_connection_is_no_way_in(tmp_path):
    """The address of an upstream that is open already is judged as well."""
    def body():
        world = World(tmp_path, workers=1)
        wire = world.viaduct.connect()
        assert wire.ask(get(world.url('loop.test'))).status == 200
        assert wire.ask(get(world.url('public.test', f'/go?{world.url("loop.test")}'))).status == 302
        assert wire.ask(get(world.url('loop.test'))).status == 200
        assert len(world.origin.peers) == 2
        world.close()
    run_in_namespace(body, ADDRESSES)


def test_second_address_of_a_name_is_judged(tmp_path):
    """The class is that of the address dialled: a dead public one in front hides nothing."""
    def body():
        server = NameServer({'trap.test': {A: ['93.184.215.99', '127.0.0.1']}, 'inner.test': {A: ['127.0.0.1', '10.1.2.3']}})
        world = World(tmp_path, {'dns.servers': server.address})
        for name in 'trap.test', 'inner.test':
            response, seen = world.go('public.test', world.url(name))
            assert is_handed_over(response, seen), (name, response.status, len(seen))
        world.close()
        server.close()
    run_in_namespace(body, ADDRESSES)


def test_rebinding(tmp_path):
    """A name that was public a moment ago is judged by what it is now."""
    def body():
        server = NameServer({'flip.test': {A: ['93.184.215.14']}}, ttl=0)
        world = World(tmp_path, {'dns.servers': server.address, 'dns.min_ttl': '0', 'upstream.max_idle': '0'}, workers=1)
        assert world.go('public.test', world.url('flip.test'))[0].status == 200
        server.table['flip.test'] = {A: ['127.0.0.1']}
        assert is_handed_over(*world.go('public.test', world.url('flip.test')))
        world.close()
        server.close()
    run_in_namespace(body, ADDRESSES)


def test_denied_targets_are_denied_to_redirects(tmp_path):
    """access.deny_targets holds for every hop, whatever redirects.targets says."""
    def body():
        world = World(tmp_path, {'access.deny_targets': 'private', 'redirects.targets': 'private, loopback'})
        assert world.viaduct.ask(get(world.url('ten.test'))).status == 403
        response, seen = world.go('public.test', world.url('ten.test'))
        assert response.status in (302, 403) and len(seen) == 1
        assert world.go('public.test', world.url('loop.test'))[0].status == 200
        world.close()
    run_in_namespace(body, ADDRESSES)


def test_never_to_the_proxy_itself(tmp_path):
    """In no spelling, by no name, to no listener, and no option allows it."""
    def body():
        everything = 'reserved, private, shared, unique-local, loopback, link-local, metadata, multicast, broadcast, unspecified'
        world = World(tmp_path, {'redirects.targets': everything}, listen=('0.0.0.0:0',), inspector='127.0.0.1:0')
        ports = [world.viaduct.port, int(world.viaduct.ready['inspector'].rsplit(':', 1)[1])]
        hosts = ['127.0.0.1', 'localhost', 'loop.test', 'mappedloop.test', '[::ffff:127.0.0.1]', '0.0.0.0', 'any.test']
        for port in ports:
            for host in [*hosts, *(['127.9.9.9', 'ten.test', '10.1.2.3', 'public.test'] if port == ports[0] else [])]:
                for path in '/', '/metrics', '/api/v1/status':
                    response, seen = world.go('loop.test', f'http://{host}:{port}{path}')
                    assert is_handed_over(response, seen), (host, port, response.status)
        world.viaduct.wait_flows('/go', 3 * (2 * len(hosts) + 4))
        assert all('/go' in f['url'] for f in world.viaduct.flows()), 'the proxy asked itself'
        world.close()
    run_in_namespace(body, ADDRESSES)
