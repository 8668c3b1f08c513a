"""What following on the server side is for: a client at a distance pays for one round trip, not for one per redirect. Each chain has a
client connection of its own. The figures are printed as rows of the README's table (pytest -s)."""

import statistics
import subprocess

import pytest

from kit.proxy import environment
from kit.redirects import FOLLOW, moved, routes
from kit.relay import Relay
from kit.wire import answer

ONE_WAY_S = 0.025
ROUND_TRIP_S = 2 * ONE_WAY_S
RUNS = 5


@pytest.fixture
def far(start):
    """far(options) -> the URL of a proxy that is 50 ms away, there and back."""
    relays = []

    def make(options):
        relays.append(Relay(start(options).address, ONE_WAY_S))
        return relays[-1].url
    yield make
    for relay in relays:
        relay.close()


def fetch_s(url, proxy, *more):
    """(seconds in all, redirects that curl followed): the median of some runs."""
    times, redirects = [], set()
    for _ in range(RUNS):
        done = subprocess.run(['curl', '-sS', '-o', '/dev/null', '--max-time', '20', '--proxy', proxy, *more,
                               '-w', '%{http_code} %{num_redirects} %{time_total}', url],
                              capture_output=True, text=True, env=environment(), timeout=30, check=True)
        status, followed, total = done.stdout.split()
        assert status == '200', done.stdout
        times.append(float(total))
        redirects.add(int(followed))
    assert len(redirects) == 1
    return statistics.median(times), redirects.pop()


@pytest.mark.parametrize('hops', [3, 10])
def test_round_trips_saved(far, origin, hops):
    """Each redirect costs a client a round trip; the proxy, beside its origins, none."""
    o = origin(routes({f'/{n}': moved(f'/{n + 1}') for n in range(hops)}, answer(200, b'there')))
    by_client, followed = fetch_s(o.url('/0'), far({**FOLLOW, 'redirects.mode': 'pass'}), '--location')
    assert followed == hops
    by_proxy, followed = fetch_s(o.url('/0'), far(FOLLOW))
    assert followed == 0
    saved = (by_client - by_proxy) / ROUND_TRIP_S
    print(f'\n| {hops} | {by_client * 1000:.0f} ms | {by_proxy * 1000:.0f} ms |')
    assert saved >= hops - 0.4


def test_round_trips_saved_over_hosts(far, origin):
    """Also where each hop is another origin: the proxy's connections are short."""
    end = origin(routes({}, answer(200, b'there')))
    second = origin(routes({}, moved(end.url('/', 'c.test'))))
    first = origin(routes({}, moved(second.url('/', 'b.test'))))
    by_client, _ = fetch_s(first.url('/', 'a.test'), far({**FOLLOW, 'redirects.mode': 'pass'}), '--location')
    by_proxy, _ = fetch_s(first.url('/', 'a.test'), far(FOLLOW))
    assert (by_client - by_proxy) / ROUND_TRIP_S >= 1.6
