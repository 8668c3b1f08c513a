"""Larger programs through opened tunnels: Chromium, git, npm, apt; each trusts the CA in its own way."""

import base64
import hashlib
import io
import json
import os
import subprocess
import tarfile

import pytest

from kit.intercept import Opener
from kit.origin import serve
from kit.proxy import binary, environment
from kit.wait import until
from kit.wire import answer


def run(*args, timeout_s=60, cwd=None, **env):
    return subprocess.run([str(a) for a in args], capture_output=True, timeout=timeout_s, check=False, env=environment(**env), cwd=cwd,
                          stdin=subprocess.DEVNULL)


def good(*args, **how):
    done = run(*args, **how)
    assert done.returncode == 0, (args, done.stdout[-3000:], done.stderr[-3000:])
    return done.stdout


@pytest.fixture(scope='module')
def shared_opener(tmp_path_factory, certs):
    """Knows good.test alone: what a browser asks for besides finds nothing."""
    viaduct = Opener(tmp_path_factory.mktemp('opener'), certs, {'hosts': 'good.test=127.0.0.1', 'dns.servers': '127.0.0.1:9'})
    try:
        yield viaduct
        viaduct.stop()
    finally:
        viaduct.kill()


@pytest.fixture
def served(origin, certs):
    """served({target: body or (type, body)}) -> an https origin of these files."""
    def start_one(files):
        def responder(request):
            found = files.get(request.target.partition('?')[0])
            if found is None:
                return answer(404, b'no such file')
            kind, body = found if isinstance(found, tuple) else ('application/octet-stream', found)
            return answer(200, body, f'Content-Type: {kind}')
        made = origin(serve(responder), tls=certs.server(certs.good))
        made.address = f'https://good.test:{made.port}'
        return made
    return start_one


@pytest.fixture
def bundle(opener):
    """The system's roots and our CA in one file, for what takes one file in place of its own."""
    return good(binary(), 'ca', 'bundle', '--data', opener.data).decode().strip()


def wait_inside(viaduct, o, *paths):
    """Until these were asked for inside tunnels to that origin."""
    def found():
        return set(paths) <= {f['path'] for f in viaduct.flows() if (f['url'] or '').startswith(f'https://good.test:{o.port}/')}
    until(found, f'flows of {paths}', every_s=0.1)


PAGE = b'''<!doctype html><meta charset="utf-8"><title>waits</title><link rel="icon" href="data:,"><script src="/script.js"></script>
<p id="out">nothing</p><script>
fetch('/asked', {method: 'POST', body: 'posted'}).then(r => r.text()).then(t => document.getElementById('out').textContent = made(t));
</script>'''


def test_chromium(opener, served, tmp_path):
    """With the CA in its NSS store: a page, a script and a fetch, all of them flows, without a warning to click away."""
    home = tmp_path / 'home'
    store = home / '.pki/nssdb'
    store.mkdir(parents=True)
    good('certutil', '-N', '-d', f'sql:{store}', '--empty-password')
    good('certutil', '-A', '-d', f'sql:{store}', '-n', 'viaduct', '-t', 'C,,', '-i', opener.ca)
    o = served({'/': ('text/html', PAGE), '/script.js': ('text/javascript', b'const made = t => `made of ${t}`;'),
                '/asked': ('text/plain', b'an answer')})
    dom = good('chromium', '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
               '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage', f'--user-data-dir={home}/profile',
               f'--proxy-server={opener.ready["proxy"]}', '--proxy-bypass-list=<-loopback>', '--virtual-time-budget=10000', '--dump-dom',
               o.address + '/', timeout_s=90, HOME=str(home), XDG_CONFIG_HOME=str(home))
    assert b'made of an answer' in dom, dom[-2000:]
    wait_inside(opener, o, '/', '/script.js', '/asked')
    tunnel = opener.wait_tunnel(f'good.test:{o.port}')['tunnel']
    assert tunnel['handling'] == 'opened' and 'h2' in tunnel['alpn']


def test_git_clone(opener, served, bundle, tmp_path):
    """Over https from a server of files."""
    work, bare = tmp_path / 'work', tmp_path / 'bare.git'
    who = {'GIT_CONFIG_GLOBAL': '/dev/null', 'GIT_CONFIG_SYSTEM': '/dev/null', 'GIT_AUTHOR_NAME': 'a', 'GIT_AUTHOR_EMAIL': 'a@a.test',
           'GIT_COMMITTER_NAME': 'a', 'GIT_COMMITTER_EMAIL': 'a@a.test'}
    good('git', 'init', '-q', '-b', 'main', work, **who)
    (work / 'file').write_text('content\n')
    good('git', '-C', work, 'add', 'file', **who)
    good('git', '-C', work, 'commit', '-q', '-m', 'first', **who)
    good('git', 'clone', '-q', '--bare', work, bare, **who)
    good('git', '-C', bare, 'update-server-info', **who)
    files = {f'/bare.git/{p.relative_to(bare)}': p.read_bytes() for p in bare.rglob('*') if p.is_file()}
    o = served(files)
    good('git', '-c', f'http.proxy={opener.url}', 'clone', '-q', o.address + '/bare.git', tmp_path / 'cloned', GIT_SSL_CAINFO=bundle, **who)
    assert (tmp_path / 'cloned/file').read_text() == 'content\n'
    wait_inside(opener, o, '/bare.git/info/refs')


def package(name, version):
    """A tarball as npm packs it."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w:gz') as tar:
        for path, text in {'package/package.json': json.dumps({'name': name, 'version': version, 'main': 'index.js'}),
                           'package/index.js': 'module.exports = "installed";\n'}.items():
            member = tarfile.TarInfo(path)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    return out.getvalue()


def test_npm_install(opener, origin, certs, bundle, tmp_path):
    """From a registry of one package."""
    tarball = package('little', '1.0.0')

    def responder(request):
        base = f'https://{request.get("host")}'
        if request.target == '/little':
            digest = base64.b64encode(hashlib.sha512(tarball).digest()).decode()
            dist = {'tarball': f'{base}/little/-/little-1.0.0.tgz', 'integrity': f'sha512-{digest}'}
            version = {'name': 'little', 'version': '1.0.0', 'dist': dist}
            said = {'name': 'little', 'dist-tags': {'latest': '1.0.0'}, 'versions': {'1.0.0': version}}
            return answer(200, json.dumps(said).encode(), 'Content-Type: application/json')
        return answer(200, tarball) if request.target.endswith('.tgz') else answer(404, b'{}', 'Content-Type: application/json')
    o = origin(serve(responder), tls=certs.server(certs.good))
    (tmp_path / 'package.json').write_text('{"name": "x", "version": "1.0.0"}')
    good('npm', 'install', 'little', f'--registry=https://good.test:{o.port}/', f'--https-proxy={opener.url}', f'--proxy={opener.url}',
         '--noproxy=',
         '--no-audit', '--no-fund', '--no-update-notifier', '--fetch-retries=0', '--userconfig=/dev/null', f'--globalconfig={tmp_path}/none',
         f'--cache={tmp_path}/cache',
         cwd=tmp_path, timeout_s=90, HOME=str(tmp_path), NODE_EXTRA_CA_CERTS=bundle)
    assert (tmp_path / 'node_modules/little/index.js').exists()
    wait_inside(opener, o, '/little', '/little/-/little-1.0.0.tgz')


RELEASE = ('Origin: test\nLabel: test\nSuite: test\nCodename: test\nDate: {date}\nArchitectures: all\nComponents: main\nSHA256:\n'
           ' {sum} {size} main/binary-all/Packages\n')
PACKAGES = (b'Package: little\nVersion: 1.0\nArchitecture: all\nMaintainer: a <a@a.test>\nFilename: little.deb\nSize: 1\n'
            b'SHA256: ' + b'0' * 64 + b'\nDescription: one package\n\n')


def test_apt_update(opener, served, bundle, tmp_path):
    """From a repository of one index."""
    date = subprocess.run(['date', '-Ru'], capture_output=True, text=True, check=True, env=environment()).stdout.strip().replace('+0000', 'UTC')
    release = RELEASE.format(date=date, sum=hashlib.sha256(PACKAGES).hexdigest(), size=len(PACKAGES)).encode()
    o = served({'/dists/test/Release': release, '/dists/test/main/binary-all/Packages': PACKAGES})
    for folder in 'state/lists/partial', 'cache/archives/partial', 'etc', 'log':
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / 'etc/sources.list').write_text(f'deb [trusted=yes arch=all] {o.address} test main\n')
    (tmp_path / 'state/status').touch()
    os.chmod(tmp_path, 0o755)
    options = {'Dir::Etc': tmp_path / 'etc', 'Dir::State': tmp_path / 'state', 'Dir::State::status': tmp_path / 'state/status',
               'Dir::Cache': tmp_path / 'cache', 'Dir::Log': tmp_path / 'log', 'Acquire::https::CAInfo': bundle,
               'Acquire::https::Proxy': opener.url, 'APT::Sandbox::User': '', 'Acquire::Languages': 'none', 'Debug::NoLocking': 'true'}
    args = [a for name, value in options.items() for a in ('-o', f'{name}={value}')]
    said = good('apt-get', *args, 'update')
    assert b'Err' not in said and b'Fail' not in said, said
    assert b'one package' in good('apt-cache', *args, 'show', 'little')
    wait_inside(opener, o, '/dists/test/main/binary-all/Packages')
