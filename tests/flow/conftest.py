"""Fixtures of the flow tests: the real program between real peers, on loopback only."""

import itertools
import shutil

import pytest

from kit.certs import Certificates
from kit.intercept import Opener
from kit.nginx import Nginx
from kit.origin import FullListener, Origin
from kit.proxy import Viaduct, binary

TOOLS = ('curl', 'wget', 'openssl', 'nginx', 'ip', 'node', 'perl', 'git', 'npm', 'java', 'keytool', 'chromium', 'certutil', 'unshare', 'apt-get', 'htpasswd')


def pytest_sessionstart(session):
    """A missing prerequisite is said once and ends the run: nothing is skipped."""
    if session.config.option.collectonly:
        return
    missing = [t for t in TOOLS if not shutil.which(t, path='/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin')]
    if missing:
        pytest.exit(f'the flow tests need these programs: {", ".join(missing)}', 3)
    try:
        binary()
    except RuntimeError as e:
        pytest.exit(str(e), 3)


def pytest_collection_modifyitems(config, items):
    """Release tests run when asked for: -m release."""
    if 'release' not in (config.option.markexpr or ''):
        chosen = [i for i in items if not i.get_closest_marker('release')]
        config.hook.pytest_deselected(items=[i for i in items if i.get_closest_marker('release')])
        items[:] = chosen


@pytest.fixture(scope='session')
def certs(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp('certs'))


@pytest.fixture(scope='module')
def shared_proxy(tmp_path_factory):
    """One proxy with defaults (redirects passed) for all tests of a file; use `proxy`."""
    viaduct = Viaduct(tmp_path_factory.mktemp('viaduct'), {'redirects.mode': 'pass'})
    try:
        yield viaduct
        viaduct.stop()
    finally:
        viaduct.kill()


@pytest.fixture
def proxy(shared_proxy):
    """The file's proxy; it must live before and after each test."""
    assert shared_proxy.is_alive(), f'an earlier test ended it: {shared_proxy.stderr()[-3000:]}'
    yield shared_proxy
    assert shared_proxy.is_alive(), f'viaduct died with {shared_proxy.process.poll()}: {shared_proxy.stderr()[-4000:]}'


@pytest.fixture
def start(tmp_path):
    """start(options, …) -> a Viaduct of the test's own; ended in order and inspected when the test is over."""
    running, number = [], itertools.count(1)

    def start_one(options=None, kind=Viaduct, **how):
        how.setdefault('folder', tmp_path / f'viaduct{next(number)}')
        viaduct = kind(options=options, **how)
        running.append(viaduct)
        return viaduct

    yield start_one
    try:
        for viaduct in running:
            if not viaduct.is_over:
                viaduct.stop()
    finally:
        for viaduct in running:
            viaduct.kill()


@pytest.fixture(scope='module')
def shared_opener(tmp_path_factory, certs):
    """One proxy that opens tunnels for all tests of a file; use `opener`."""
    viaduct = Opener(tmp_path_factory.mktemp('opener'), certs)
    try:
        yield viaduct
        viaduct.stop()
    finally:
        viaduct.kill()


@pytest.fixture
def opener(shared_opener):
    """The file's proxy that opens tunnels; it must live before and after each test."""
    assert shared_opener.is_alive(), f'an earlier test ended it: {shared_opener.stderr()[-3000:]}'
    yield shared_opener
    assert shared_opener.is_alive(), f'viaduct died with {shared_opener.process.poll()}: {shared_opener.stderr()[-4000:]}'


@pytest.fixture
def start_opener(start, certs):
    """start_opener(options, rules=…) -> an Opener of the test's own."""
    def start_one(options=None, **how):
        return start(options, kind=Opener, certs=certs, **how)
    return start_one


@pytest.fixture
def origin():
    """origin(script, …) -> an Origin; what its scripts found wrong fails the test at its end."""
    running = []

    def start_one(script, **how):
        made = Origin(script, **how)
        running.append(made)
        return made

    yield start_one
    for made in running:
        made.close()


@pytest.fixture
def full_listener():
    """full_listener(host) -> a port that never accepts."""
    made = []

    def start_one(host='127.0.0.1', port=0):
        made.append(FullListener(host, port))
        return made[-1]

    yield start_one
    for listener in made:
        listener.close()


@pytest.fixture
def token(request, counter=itertools.count(1)):
    """A path that no other test uses, by which the test finds its flows."""
    return f'/t{next(counter)}-{request.node.originalname.removeprefix("test_")}'


@pytest.fixture(scope='session')
def nginx(tmp_path_factory, certs):
    made = Nginx(tmp_path_factory.mktemp('nginx'), certs)
    yield made
    made.close()
