"""Random chains: properties that hold whatever the origins answer. Each seed is one world of chains; a failure prints it."""

import random
import threading

import pytest

from kit.origin import serve
from kit.proxy import Viaduct
from kit.redirects import FOLLOW
from kit.wire import answer, get, post

SEEDS = range(200)
REQUESTS = 12
HOSTS = ('a.test', 'b.test', 'c.test', 'sub.a.test')
METHODS = ('GET', 'GET', 'HEAD', 'POST', 'POST', 'PUT', 'PATCH', 'DELETE')
FOLLOWED = (301, 302, 303, 307, 308)
SECRETS = {'Authorization': 'Bearer AUTHORIZATION-OF-{}', 'X-Api-Key': 'KEY-OF-{}', 'Proxy-Authorization': 'Basic UFJPWFk6e30='}


class World:
    """Two to four origins. A request to /N/I is the I-th step of plan N; steps that are not redirects end it."""

    def __init__(self, seed, origin):
        self.random = random.Random(seed)
        self.lock = threading.Lock()
        self.seen = {}
        self.origins = [origin(serve(self._respond)) for _ in range(self.random.randint(2, 4))]
        self.plans = [self._plan(n) for n in range(REQUESTS)]

    def _authority(self):
        return f'{self.random.choice(HOSTS)}:{self.random.choice(self.origins).port}'

    def _plan(self, n):
        length = self.random.choice((0, 1, 1, 2, 3, 4, 6, 9))
        authority = self._authority()
        steps = []
        for i in range(length + 1):
            step = {'authority': authority,
                    'status': self.random.choice(FOLLOWED) if i < length else self.random.choice((200, 404, 204)),
                    'cookies': [f'c{n}-{i}={authority}; Path=/' for _ in range(self.random.randint(0, 2))],
                    'body': b'' if self.random.random() < 0.3 else self.random.randbytes(self.random.randint(1, 3000)),
                    'is_chunked': self.random.random() < 0.3, 'closes': self.random.random() < 0.2}
            authority = authority if self.random.random() < 0.4 else self._authority()
            relative = authority == step['authority'] and self.random.random() < 0.5
            step['location'] = f'{"" if relative else "http://" + authority}/{n}/{i + 1}'
            steps.append(step)
        method = self.random.choice(METHODS)
        body = self.random.randbytes(self.random.choice((0, 1, 100, 70_000))) if method in ('POST', 'PUT', 'PATCH') else None
        return {'method': method, 'body': body, 'steps': steps, 'is_chunked': self.random.random() < 0.3}

    def _respond(self, request):
        _, n, i = request.target.split('/')
        with self.lock:
            self.seen.setdefault(int(n), []).append(request)
        step = self.plans[int(n)]['steps'][int(i)]
        fields = [f'Set-Cookie: {c}' for c in step['cookies']]
        if step['status'] in FOLLOWED:
            fields.append(f'Location: {step["location"]}')
        if step['closes']:
            fields.append('Connection: close')
        bodiless = step['status'] == 204 or request.method == 'HEAD'
        if step['is_chunked'] and not bodiless:
            body = b'%x\r\n%s\r\n' % (len(step['body']), step['body']) if step['body'] else b''
            return answer(step['status'], b'', 'Transfer-Encoding: chunked', *fields, length=False) + body + b'0\r\n\r\n'
        return answer(step['status'], b'' if bodiless else step['body'], *fields, length=step['status'] != 204)

    def request(self, n):
        plan = self.plans[n]
        url = f'http://{plan["steps"][0]["authority"]}/{n}/0'
        fields = [f'{name}: {value.format(n)}' for name, value in SECRETS.items()] + [f'Cookie: mine={n}']
        if plan['body'] is None:
            return get(url, *fields, method=plan['method'])
        if plan['is_chunked'] and plan['body']:
            return get(url, *fields, 'Transfer-Encoding: chunked',
                       method=plan['method']) + b'%x\r\n%s\r\n0\r\n\r\n' % (len(plan['body']), plan['body'])
        return post(url, plan['body'], *fields, method=plan['method'])


def methods_of(plan):
    """What each hop must be asked with."""
    method, methods = plan['method'], []
    for step in plan['steps']:
        methods.append(method)
        if step['status'] == 303 and method != 'HEAD' or step['status'] in (301, 302) and method == 'POST':
            method = 'GET'
    return methods


def check_requests(world, n):
    """What the origins saw of one chain."""
    plan, seen = world.plans[n], world.seen[n]
    authorities = [s['authority'] for s in plan['steps']]
    assert [(r.method, r.get('host'), r.target) for r in seen] == [
        (m, a, f'/{n}/{i}') for i, (m, a) in enumerate(zip(methods_of(plan), authorities))]
    is_at_home = is_with_body = is_host_same = True
    for i, request in enumerate(seen):
        is_at_home = is_at_home and authorities[i] == authorities[0]
        is_host_same = is_host_same and authorities[i].split(':')[0] == authorities[0].split(':')[0]
        is_with_body = is_with_body and methods_of(plan)[i] == plan['method']
        assert not request.has('proxy-authorization')
        assert request.has('authorization') == request.has('x-api-key') == is_at_home, f'hop {i}'
        cookies = [c.strip() for c in request.get('cookie', '').split(';') if c.strip()]
        assert (f'mine={n}' in cookies) == is_host_same, f'hop {i}'
        for cookie in cookies:
            if not cookie.startswith('mine='):
                setter = cookie.partition('=')[2].split(':')[0]
                assert setter == request.get('host').split(':')[0], f'a cookie of another host at hop {i}: {cookie}'
        assert request.body == ((plan['body'] or b'') if is_with_body else b''), f'hop {i}'
        if not is_with_body:
            assert not request.has('content-length') and not request.has('transfer-encoding')


def check_response(world, n, response):
    plan = world.plans[n]
    last = plan['steps'][-1]
    assert response.status == last['status'] and not response.has('location')
    assert response.body == (b'' if last['status'] == 204 or methods_of(plan)[-1] == 'HEAD' else last['body'])
    home = plan['steps'][0]['authority'].split(':')[0]
    given = [c.split(';')[0] for c in response.all('set-cookie')]
    assert all(c.partition('=')[2].split(':')[0] == home for c in given), given


@pytest.fixture(scope='module')
def viaduct(tmp_path_factory):
    made = Viaduct(tmp_path_factory.mktemp('random'), {**FOLLOW, 'redirects.replay_memory': '16k'})
    yield made
    made.stop()


@pytest.mark.parametrize('seed', SEEDS)
def test_chains(viaduct, origin, seed):
    world = World(seed, origin)
    wires = [viaduct.connect() for _ in range(3)]
    asked = []
    for n in range(REQUESTS):
        wire = wires[n % 3]
        wire.send(world.request(n))
        asked.append((n, wire))
        if len(asked) == 3 or n == REQUESTS - 1:
            for m, w in asked:
                response = w.read_response(methods_of(world.plans[m])[-1])
                try:
                    check_response(world, m, response)
                    check_requests(world, m)
                except AssertionError as e:
                    raise AssertionError(f'seed {seed}, chain {m}: {world.plans[m]["method"]} '
                                         f'{[(s["authority"], s["status"]) for s in world.plans[m]["steps"]]}: {e}') from e
            asked = []
    for wire in wires:
        wire.close()


def test_one_end_for_each(start, origin):
    """Exactly one flow per request, ended once, with as many hops as the origins saw."""
    viaduct = start(FOLLOW)
    world = World('ends', origin)
    wire = viaduct.connect()
    for n in range(REQUESTS):
        wire.send(world.request(n))
        wire.read_response(methods_of(world.plans[n])[-1])
    firsts = [f'http://{p["steps"][0]["authority"]}/{n}/0' for n, p in enumerate(world.plans)]
    for n, url in enumerate(firsts):
        record = viaduct.wait_shown(url)
        assert record['outcome'] == 'delivered'
        assert [(h['url'], h['status']) for h in record['chain']] == [
            (f'http://{s["authority"]}/{n}/{i}', s['status']) for i, s in enumerate(world.plans[n]['steps'])]
        assert record['redirects'] == len(record['chain']) - 1 and record['retries'] == 0
        assert all(h['decision'] for h in record['chain'][:-1])
    assert len(viaduct.flows()) == REQUESTS
