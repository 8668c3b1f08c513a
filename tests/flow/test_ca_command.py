"""viaduct ca: where the CA is, what it is, and who trusts it. What changes the system's store runs on a machine of the test's
own."""

import json
import os
import re
import shutil
import ssl
import subprocess

import pytest

from kit.certs import openssl
from kit.machine import Machine, as_user, certutil, new_database, trusted
from kit.proxy import binary, command, config_file, environment

NSSDB = '.pki/nssdb'


@pytest.fixture
def home(tmp_path):
    path = tmp_path / 'home'
    path.mkdir()
    return path


@pytest.fixture
def ca(home):
    """ca(words, …) -> viaduct ca, in that home."""
    env = environment(HOME=str(home))
    for name in ('XDG_STATE_HOME', 'XDG_CONFIG_HOME', 'XDG_DATA_HOME', 'SUDO_USER'):
        env.pop(name, None)
    return lambda *words, **more: command('ca', *words, env={**env, **more})


@pytest.fixture
def machine(tmp_path, home):
    return Machine(tmp_path / 'machine', home)


def ok(done):
    assert done.returncode == 0, (done.returncode, done.stdout, done.stderr)
    return done.stdout


def failed(done, *words, status=1):
    assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
    assert all(word in done.stderr for word in words), done.stderr
    return done.stderr


def sha256(path):
    words = ['openssl', 'x509', '-in', str(path), '-noout', '-fingerprint', '-sha256']
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return done.stdout.strip().partition('=')[2]


def id_of(path):
    return sha256(path).replace(':', '').lower()[:16]


def commands(text):
    """The lines that are no comments."""
    return [line for line in text.splitlines() if not line.startswith('#')]


# where and what

def test_path_makes_it_once(ca, home):
    first = ok(ca('path')).strip()
    assert first == f'{home}/.local/state/viaduct/ca/ca.pem'
    before = sha256(first)
    assert ok(ca('path')).strip() == first
    assert sha256(first) == before


def test_the_data_folder(ca, tmp_path):
    for words in (['--data', tmp_path / 'd'], ['--set', f'data={tmp_path}/d'],
                  ['-c', config_file(tmp_path, 'data: d\n')]):
        assert ok(ca('path', *words)).strip() == f'{tmp_path}/d/ca/ca.pem'
    assert ok(ca('path', VIADUCT_DATA=f'{tmp_path}/e')).strip() == f'{tmp_path}/e/ca/ca.pem'


def test_show(ca, home):
    assert 'viaduct ca path' in failed(ca('show'))
    assert not (home / '.local').exists()
    path = ok(ca('path', '--set', 'ca.name_constraints=test.example, 10.0.0.0/8')).strip()
    shown = json.loads(ok(ca('show', '--json')))
    assert shown['sha256'] == sha256(path)
    assert 'viaduct CA' in shown['subject']
    assert shown['name_constraints'] == ['test.example', '10.0.0.0/8']
    assert shown['not_before'] < shown['not_after']
    assert shown['is_given'] is False and shown['remark'] is None
    for kind in ('pem', 'der', 'pkcs12', 'key'):
        assert os.path.exists(shown[kind]), kind
    text = ok(ca('show'))
    for part in (shown['subject'], shown['sha256'], 'test.example, 10.0.0.0/8', shown['pem'], shown['der']):
        assert part in text
    assert 'PRIVATE' not in text


def test_bundle_holds_the_systems_roots_and_ours(ca, home):
    bundle = ok(ca('bundle')).strip()
    ours = f'{home}/.local/state/viaduct/ca/ca.pem'
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trust.load_verify_locations(bundle)
    assert len(trust.get_ca_certs()) > 20
    openssl('verify', '-CAfile', bundle, '-no-CApath', ours)


def given(certs, name='root'):
    return ['--set', f'ca.cert={certs.folder}/{name}.pem', '--set', f'ca.key={certs.folder}/{name}.key']


def test_a_ca_that_is_given(ca, certs, home):
    words = given(certs)
    assert ok(ca('path', *words)).strip() == str(certs.ca)
    shown = json.loads(ok(ca('show', '--json', *words)))
    assert (shown['is_given'], shown['pem'], shown['sha256']) == (True, str(certs.ca), sha256(certs.ca))
    assert 'ca.cert' in failed(ca('renew', '--dry-run', *words))
    text = ok(ca('show', *words))
    assert 'the CA ends in ' in text and 'ask who made it' in text  # the root of the tests has but 30 days
    assert 'viaduct ca renew' not in text
    assert failed(ca('renew', *words))
    ok(ca('install', '--nss', *words))
    assert trusted(home / NSSDB) == {f'viaduct {id_of(certs.ca)}': 'C,,'}


def test_renew(ca, home):
    folder = home / '.local/state/viaduct/ca'
    path = ok(ca('path')).strip()
    before = sha256(path)
    assert 'would' in ok(ca('renew', '--dry-run'))
    assert sha256(path) == before
    assert sha256(path) in ok(ca('show'))
    bundle = ok(ca('bundle')).strip()
    done = ca('renew')
    assert sha256(path) != before and sha256(path) in ok(done)
    assert 'kill -HUP' in done.stderr and bundle in done.stderr and 'restart' not in done.stderr
    openssl('verify', '-CAfile', bundle, '-no-CApath', path)
    kept = [p for p in folder.glob('ca-*.pem') if sha256(p) == before]
    assert len(kept) == 1 and kept[0].with_suffix('.key').exists()


@pytest.mark.parametrize('words, part', [
    ([], 'path'), (['frobnicate'], 'frobnicate'), (['path', 'more'], 'more'), (['path', '--dry-run'], '--dry-run'),
    (['path', '--json'], '--json'), (['show', '--nss'], '--nss'), (['install', '--json'], '--json'),
    (['renew', '--system'], '--system'), (['path', '--nonsense'], '--nonsense'), (['path', '--data'], '--data'),
    (['path', '--set', 'ca.key=/nonexistent'], 'ca.key'), (['path', '-c', '/nonexistent/file'], '/nonexistent/file'),
    (['path', '--set', 'ca.name_constraints=*'], 'ca.name_constraints'),
])
def test_bad_usage(ca, home, words, part):
    assert len(failed(ca(*words), part, status=2).splitlines()) == 1
    assert not (home / '.local').exists()


def test_help(ca):
    text = ok(ca('--help'))
    assert text == ok(ca('install', '--help'))
    for word in ('path', 'show', 'bundle', 'install', 'uninstall', 'renew', 'SSL_CERT_FILE', '--dry-run'):
        assert word in text
    assert all(len(line) <= 120 for line in text.splitlines())


# the databases of browsers

def test_nss_install_and_uninstall(ca, certs, home):
    profiles = [new_database(home / p) for p in ('.mozilla/firefox/a.default', '.config/mozilla/firefox/b.dev',
                                                 'snap/firefox/common/.mozilla/firefox/c.default')]
    certutil(profiles[0], '-A', '-n', 'viaduct of Segovia', '-t', 'C,,', '-i', str(certs.ca))
    ok(ca('install', '--nss'))
    name = f'viaduct {id_of(ok(ca("path")).strip())}'
    for folder in (home / NSSDB, *profiles):
        assert trusted(folder)[name] == 'C,,'
    ok(ca('install', '--nss'))
    assert trusted(home / NSSDB) == {name: 'C,,'}
    ok(ca('uninstall', '--nss'))
    assert not trusted(home / NSSDB)
    assert [*trusted(profiles[0])] == ['viaduct of Segovia']
    assert 'nothing of ours' in ok(ca('uninstall', '--nss'))


def test_nss_uninstall_when_the_files_are_gone(ca, home):
    """Renewed and lost CAs go too."""
    ok(ca('install', '--nss'))
    ok(ca('renew'))
    ok(ca('install', '--nss'))
    shutil.rmtree(home / '.local')
    ok(ca('install', '--nss'))
    assert len(trusted(home / NSSDB)) == 3
    shutil.rmtree(home / '.local')
    would = commands(ok(ca('uninstall', '--nss', '--dry-run')))
    assert len(would) == 3 and all(' -D -n ' in line for line in would)
    assert len(trusted(home / NSSDB)) == 3
    ok(ca('uninstall', '--nss'))
    assert not trusted(home / NSSDB)
    assert not (home / '.local').exists()


def test_dry_run_does_nothing_and_can_be_run_by_a_shell(ca, home, tmp_path):
    data = tmp_path / "it's a folder; $(date)"
    assert 'FINGERPRINT' in ok(ca('install', '--dry-run', '--data', data))
    assert not list(home.iterdir()) and not data.exists()
    path = ok(ca('path', '--data', data)).rstrip('\n')
    script = ok(ca('install', '--dry-run', '--nss', '--data', data))
    assert not list(home.iterdir())
    subprocess.run(['sh', '-e', '-c', script], check=True, stdin=subprocess.DEVNULL)
    assert trusted(home / NSSDB) == {f'viaduct {id_of(path)}': 'C,,'}


def test_nss_failure_names_the_step(ca, home):
    broken = home / '.mozilla/firefox/a.default'
    broken.mkdir(parents=True)
    (broken / 'cert9.db').write_bytes(b'this is no database' * 100)
    said = failed(ca('install', '--nss'), f'certutil -d sql:{broken} -A', 'exit status 255')
    assert 'SEC_ERROR' in said  # what certutil itself says
    assert trusted(home / NSSDB)  # the others are done all the same
    failed(ca('uninstall', '--nss'), f'certutil -d sql:{broken} -L', 'exit status 255')
    assert not trusted(home / NSSDB)


def test_certutil_is_missing(machine):
    machine.hide('certutil')
    failed(machine.viaduct('ca', 'install', '--nss'), 'libnss3-tools')
    machine.fake('update-ca-certificates')
    assert 'libnss3-tools' in ok(machine.viaduct('ca', 'install'))  # there is no browser: not needed
    profile = machine.home / '.mozilla/firefox/a.default'
    profile.mkdir(parents=True)
    (profile / 'cert9.db').touch()
    failed(machine.viaduct('ca', 'install'), 'libnss3-tools')
    failed(machine.viaduct('ca', 'uninstall'), 'libnss3-tools')


# the system's store

def bundle_of(machine):
    return (machine.etc / 'ssl/certs/ca-certificates.crt').read_text()


def test_system_install_and_uninstall(machine):
    """With the real update-ca-certificates."""
    ok(machine.run('update-ca-certificates', '--fresh'))
    before = bundle_of(machine)
    said = ok(machine.viaduct('ca', 'install', '--system'))
    path = machine.home / '.local/state/viaduct/ca/ca.pem'
    pem, name = path.read_text().strip(), f'viaduct-{id_of(path)}'
    assert commands(said)[0] == f'install -m 0644 {path} /usr/local/share/ca-certificates/{name}.crt'
    assert pem in bundle_of(machine) and pem not in before
    ok(machine.run('openssl', 'verify', '-CApath', '/etc/ssl/certs', '-no-CAfile', path))
    ok(machine.viaduct('ca', 'install', '--system'))
    assert bundle_of(machine).count(pem) == 1
    shutil.rmtree(machine.home / '.local')
    ok(machine.viaduct('ca', 'uninstall', '--system'))
    assert bundle_of(machine) == before
    assert not os.path.lexists(machine.etc / f'ssl/certs/{name}.pem')
    assert not list(machine.local.iterdir())
    assert 'nothing of ours' in ok(machine.viaduct('ca', 'uninstall', '--system'))
    assert not (machine.home / '.local').exists() and not (machine.home / NSSDB).exists()


def test_system_uninstall_leaves_others_alone(machine):
    others = ['viaduct-0123456789abcdef.crt.bak', 'viaduct-of-segovia.crt', 'viaduct.crt']
    for name in others:
        (machine.local / name).write_text('')
    (machine.local / 'viaduct-0123456789abcdef.crt').write_text('')
    machine.fake('update-ca-certificates')
    ok(machine.viaduct('ca', 'uninstall', '--system'))
    assert sorted(p.name for p in machine.local.iterdir()) == others
    assert machine.log() == ['update-ca-certificates --fresh']


def test_system_needs_root(home):
    """What is root's to do is printed; it is not done, and the rest is."""
    env = environment(HOME=str(home))
    done = as_user([binary(), 'ca', 'install'], env)
    said = failed(done, 'sudo')
    path = home / '.local/state/viaduct/ca/ca.pem'
    anchor = f'/usr/local/share/ca-certificates/viaduct-{id_of(path)}.crt'
    assert commands(done.stdout)[:2] == [f'sudo install -m 0644 {path} {anchor}', 'sudo update-ca-certificates'], said
    assert not os.path.exists(anchor)
    assert trusted(home / NSSDB) == {f'viaduct {id_of(path)}': 'C,,'}
    assert as_user([binary(), 'ca', 'install', '--system', '--dry-run'], env).returncode == 0


def test_sudo_is_not_what_it_seems(machine, certs, tmp_path):
    def by_sudo(*words, user='ann', **more):
        names = [f'{name}={value}' for name, value in {'SUDO_USER': user, **more}.items()]
        return machine.run('env', *names, binary(), 'ca', *words)

    machine.fake('install')
    machine.fake('update-ca-certificates')
    for words in (['install'], ['install', '--system'], ['install', '--dry-run']):
        assert len(failed(by_sudo(*words), 'without sudo', status=2).splitlines()) == 1
    assert not (machine.home / '.local').exists() and machine.log() == []
    dry = ['install', '--system', '--dry-run']
    ok(by_sudo(*dry, '--data', tmp_path / 'd'))
    ok(by_sudo(*dry, '-c', config_file(tmp_path, '')))
    ok(by_sudo(*dry, *given(certs)))
    ok(by_sudo(*dry, VIADUCT_DATA=f'{tmp_path}/d'))
    ok(by_sudo(*dry, user='root'))
    assert 'browsers of root' in by_sudo('uninstall', '--dry-run').stderr


def test_what_is_printed_for_sudo_can_be_pasted(machine):
    """As it stands, by root, who finds the CA of the user."""
    data = machine.home / 'it is a folder'
    said = as_user([binary(), 'ca', 'install', '--system', '--data', data], environment(HOME=str(machine.home))).stdout
    lines = commands(said)
    assert len(lines) == 2 and all(line.startswith('sudo ') for line in lines)
    machine.fake('sudo', 'exec "$@"')
    ok(machine.run('sh', '-e', '-c', '\n'.join(lines)))
    assert (data / 'ca/ca.pem').read_text().strip() in bundle_of(machine)


def test_a_tool_fails(machine):
    machine.fake('update-ca-certificates', 'echo the disk is full >&2; exit 3')
    failed(machine.viaduct('ca', 'install', '--system'), 'the disk is full\n',
           'viaduct ca: update-ca-certificates: exit status 3\n')
    machine.fake('install', 'exit 4')
    (machine.tools / 'log').unlink()
    failed(machine.viaduct('ca', 'install', '--system'), 'viaduct ca: install -m 0644 ', ': exit status 4\n')
    assert [line.split()[0] for line in machine.log()] == ['install']  # nothing after it


@pytest.mark.parametrize('tool, folder, after, removed', [
    ('update-ca-certificates', '/etc/pki/trust/anchors', '', ' --fresh'),
    ('update-ca-trust', '/etc/pki/ca-trust/source/anchors', ' extract', ' extract'),
    ('update-ca-trust', '/etc/ca-certificates/trust-source/anchors', ' extract', ' extract'),
])
def test_other_platforms(machine, tool, folder, after, removed):
    machine.hide('update-ca-certificates', 'update-ca-trust', 'trust')
    anchors = machine.etc / folder.removeprefix('/etc/')
    anchors.mkdir(parents=True)
    if tool == 'update-ca-certificates':  # SUSE has it, but not Debian's folder
        machine.binds.pop(1)
        machine.binds.append((anchors.parent, '/usr/local/share'))
    machine.fake(tool)
    ok(machine.viaduct('ca', 'install', '--system'))
    assert [re.fullmatch('viaduct-[0-9a-f]{16}.crt', p.name) is not None for p in anchors.iterdir()] == [True]
    ok(machine.viaduct('ca', 'uninstall', '--system'))
    assert not list(anchors.iterdir())
    assert machine.log() == [tool + after, tool + removed]


def test_p11_kit(machine):
    machine.hide('update-ca-certificates', 'update-ca-trust')
    machine.fake('trust', '''[ "$1" = list ] || exit 0
        cat <<END
pkcs11:id=%01;type=cert
    type: certificate
    label: Some Root
    trust: anchor

pkcs11:id=%02%AB;type=cert
    type: certificate
    label: viaduct CA (host, 2026-01-01)
    trust: anchor
END''')
    ok(machine.viaduct('ca', 'install', '--system'))
    ok(machine.viaduct('ca', 'uninstall', '--system'))
    pem = machine.home / '.local/state/viaduct/ca/ca.pem'
    assert machine.log() == [f'trust anchor --store {pem}', 'trust list --filter=ca-anchors',
                             'trust anchor --remove pkcs11:id=%02%AB;type=cert']


def test_p11_kit_and_a_given_ca(machine, certs):
    """Nothing in p11-kit's store says that we have put it there, so it goes by its certificate."""
    machine.hide('update-ca-certificates', 'update-ca-trust')
    machine.fake('trust')
    ok(machine.viaduct('ca', 'uninstall', '--system', *given(certs)))
    assert machine.log() == ['trust list --filter=ca-anchors', f'trust anchor --remove {certs.ca}']


def test_no_known_platform(machine):
    machine.hide('update-ca-certificates', 'update-ca-trust', 'trust')
    failed(machine.viaduct('ca', 'install', '--system'), 'update-ca-certificates')
    failed(machine.viaduct('ca', 'uninstall', '--system'), 'update-ca-certificates')


# what must not be made trusted

def test_a_private_key_is_never_published(machine, certs, tmp_path):
    both = tmp_path / 'both.pem'
    both.write_text(certs.ca.read_text() + certs.key_of(certs.ca).read_text())
    both.chmod(0o600)
    machine.fake('install')
    failed(machine.viaduct('ca', 'install', '--set', f'ca.cert={both}', '--set', f'ca.key={both}'), str(both), 'private key')
    assert machine.log() == []


@pytest.fixture
def between(certs, tmp_path):
    """An intermediate: its certificate, its key, and a file with it and its root."""
    key, request, cert, chain = (tmp_path / n for n in ('i.key', 'i.csr', 'i.pem', 'chain.pem'))
    openssl('req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', str(key),
            '-subj', '/CN=between', '-out', str(request))
    extensions = tmp_path / 'i.ext'
    extensions.write_text('basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n')
    openssl('x509', '-req', '-in', str(request), '-CA', str(certs.ca), '-CAkey', str(certs.key_of(certs.ca)), '-CAcreateserial',
            '-CAserial', str(tmp_path / 'serial'), '-days', '10', '-extfile', str(extensions), '-out', str(cert))
    chain.write_text(cert.read_text() + certs.ca.read_text())
    return cert, key, chain


def test_show_of_an_intermediate(ca, certs, between):
    cert, key, chain = between
    words = ['--set', f'ca.key={key}', '--set']
    text = ok(ca('show', *words, f'ca.cert={chain}'))
    assert 'its root' in text and sha256(certs.ca) in text and sha256(cert) in text
    shown = json.loads(ok(ca('show', '--json', *words, f'ca.cert={chain}')))
    assert (shown['anchor_sha256'], shown['anchor_is_root']) == (sha256(certs.ca), True)
    text = ok(ca('show', *words, f'ca.cert={cert}'))
    assert 'its issuer' in text and sha256(certs.ca) not in text
    shown = json.loads(ok(ca('show', '--json', *words, f'ca.cert={cert}')))
    assert (shown['anchor_sha256'], shown['anchor_is_root']) == (sha256(cert), False)


def test_an_intermediate_is_not_installed(machine, between):
    _, key, chain = between
    machine.fake('install')
    failed(machine.viaduct('ca', 'install', '--set', f'ca.cert={chain}', '--set', f'ca.key={key}'),
           'between', 'signed by another CA')
    assert machine.log() == []
