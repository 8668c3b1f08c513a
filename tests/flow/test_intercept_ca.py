"""The CA: made on first need, or given; what is refused, and how; where its certificate is to be had."""

import os
import re
import ssl
import stat
import subprocess

import pytest

from kit.certs import openssl
from kit.intercept import client_context, x509
from kit.origin import hello
from kit.proxy import binary, command, environment, over
from kit.wait import until
from kit.wire import connect, get


@pytest.fixture
def secure(origin, certs):
    return origin(hello(b'of the origin'), tls=certs.server(certs.many))


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def text_of(cert):
    return subprocess.run(['openssl', 'x509', '-in', cert, '-noout', '-text'], capture_output=True, text=True, check=True).stdout


def test_made_on_first_need(start_opener):
    viaduct = start_opener()
    folder = viaduct.data / 'ca'
    assert viaduct.ca == str(folder / 'ca.pem')
    assert mode(folder) == 0o700 and mode(folder / 'ca.key') == 0o600
    text = text_of(viaduct.ca)
    assert 'P-256' in text and 'viaduct' in text
    assert re.search(r'Basic Constraints: critical\s+CA:TRUE, pathlen:0', text)
    assert re.search(r'Key Usage: critical\s+Certificate Sign, CRL Sign', text)
    der = (folder / 'ca.cer').read_bytes()
    assert der == ssl.PEM_cert_to_DER_cert((folder / 'ca.pem').read_text())
    done = subprocess.run(['openssl', 'pkcs12', '-in', folder / 'ca.p12', '-passin', 'pass:', '-nokeys'], capture_output=True, check=False)
    assert b'BEGIN CERTIFICATE' in done.stdout, done.stderr
    done = subprocess.run(['openssl', 'pkcs12', '-in', folder / 'ca.p12', '-passin', 'pass:', '-nocerts', '-nodes'], capture_output=True,
                          check=False)
    assert b'PRIVATE KEY' not in done.stdout


def test_kept_over_a_restart(start_opener, tmp_path):
    first = start_opener(folder=tmp_path / 'kept')
    before = open(first.ca, encoding='ascii').read()
    over(first).stop()
    assert open(start_opener(folder=tmp_path / 'kept').ca, encoding='ascii').read() == before


def test_every_installation_has_its_own(start_opener):
    first, second = start_opener(), start_opener()
    assert open(first.ca, encoding='ascii').read() != open(second.ca, encoding='ascii').read()


def test_three_years(start_opener):
    viaduct = start_opener()
    for days, good in (3 * 365 - 5, True), (3 * 365 + 5, False):
        done = subprocess.run(['openssl', 'x509', '-in', viaduct.ca, '-noout', '-checkend', str(days * 86400)], capture_output=True,
                              check=False)
        assert (done.returncode == 0) == good


# given by options

def make_ca(folder, name, key_options, issuer=None, extensions='basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n'):
    """(certificate, key) of a CA."""
    key, cert, csr, ext = (folder / f'{name}.{e}' for e in ('key', 'pem', 'csr', 'ext'))
    openssl('genpkey', *key_options, '-out', str(key))
    key.chmod(0o600)
    ext.write_text(extensions + 'subjectKeyIdentifier=hash\n' + ('authorityKeyIdentifier=keyid\n' if issuer else ''))
    openssl('req', '-new', '-key', str(key), '-subj', f'/CN=given {name}', '-out', str(csr))
    signer = ['-CA', str(issuer[0]), '-CAkey', str(issuer[1])] if issuer else ['-signkey', str(key)]
    openssl('x509', '-req', '-in', str(csr), *signer, '-days', '20', '-set_serial', str(7 if issuer else 6), '-extfile', str(ext),
            '-out', str(cert))
    return cert, key


EC = ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256']
EC384 = ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384']
RSA = ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048']


def given(pair):
    return {'ca.cert': pair[0], 'ca.key': pair[1]}


@pytest.mark.parametrize('key', [EC, EC384, RSA], ids=['P-256', 'P-384', 'RSA'])
def test_given(start_opener, secure, tmp_path, key):
    cert, private = make_ca(tmp_path, 'root', key)
    viaduct = start_opener(given((cert, private)))
    assert viaduct.ca == str(cert)
    assert viaduct.fetch(f'https://a.test:{secure.port}/', context=client_context(cert)).body == b'of the origin'
    assert not (viaduct.data / 'ca' / 'ca.key').exists()


def test_given_intermediate(start_opener, secure, tmp_path):
    """One that is no root is sent along with its chain, so that clients which know the root verify."""
    root = make_ca(tmp_path, 'root', EC)
    cert, key = make_ca(tmp_path, 'middle', EC, issuer=root)
    chain = tmp_path / 'chain.pem'
    chain.write_text(cert.read_text() + root[0].read_text())
    viaduct = start_opener(given((chain, key)))
    context = client_context(root[0])
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    assert viaduct.fetch(f'https://a.test:{secure.port}/', context=context).body == b'of the origin'


def broken(folder, what):
    """Files that are refused, and what the line must name."""
    cert, key = make_ca(folder, 'root', EC)
    other = make_ca(folder, 'other', EC)
    if what == 'key of another':
        return (cert, other[1]), 'other.key|root.pem'
    if what == 'no CA':
        return make_ca(folder, 'leaf', EC, extensions='basicConstraints=CA:FALSE\n'), 'leaf.pem'
    if what == 'may not sign':
        extensions = 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,digitalSignature\n'
        return make_ca(folder, 'usage', EC, extensions=extensions), 'usage.pem'
    if what == 'weak key':
        return make_ca(folder, 'weak', ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:1024']), 'weak'
    if what == 'garbage':
        cert.write_text('-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n')
    elif what == 'empty':
        cert.write_text('')
    elif what == 'missing certificate':
        cert.unlink()
    elif what == 'missing key':
        key.unlink()
        return (cert, key), 'root.key'
    elif what == 'encrypted key':
        openssl('pkey', '-in', str(key), '-aes128', '-passout', 'pass:x', '-out', str(folder / 'locked.key'))
        return (cert, folder / 'locked.key'), 'locked.key'
    elif what == 'exchanged':
        return (key, cert), 'root.(key|pem)'
    return (cert, key), 'root.pem'


BROKEN = ['key of another', 'no CA', 'may not sign', 'weak key', 'garbage', 'empty', 'missing certificate', 'missing key', 'encrypted key',
          'exchanged']


def refused(*args):
    """One line, exit code 2."""
    done = command('serve', '--listen', '127.0.0.1:0', '--inspector', 'off', *args)
    assert done.returncode == 2, done
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    return done.stderr


@pytest.mark.parametrize('what', BROKEN)
def test_bad_files_refuse_the_start(tmp_path, what):
    (cert, key), named = broken(tmp_path, what)
    said = refused('--data', tmp_path / 'data', '--set', 'intercept=all', '--set', f'ca.cert={cert}', '--set', f'ca.key={key}')
    assert re.search(named, said), said


@pytest.mark.parametrize('option', ['ca.cert', 'ca.key'])
def test_one_without_the_other(tmp_path, option):
    cert, key = make_ca(tmp_path, 'root', EC)
    said = refused('--data', tmp_path / 'data', '--set', 'intercept=all', '--set', f'{option}={cert if option == "ca.cert" else key}')
    assert 'ca.cert' in said and 'ca.key' in said


@pytest.mark.parametrize('path,bits', [('ca', 0o755), ('ca/ca.key', 0o640), ('ca/ca.key', 0o644)])
def test_own_key_that_others_can_read(start_opener, tmp_path, path, bits):
    viaduct = start_opener(folder=tmp_path / 'kept')
    over(viaduct).stop()
    (viaduct.data / path).chmod(bits)
    said = refused('--data', viaduct.data, '--set', 'intercept=all')
    assert 'ca' in said


def test_given_key_that_others_can_read(start_opener, secure, tmp_path):
    """Its owner's affair: a warning."""
    cert, key = make_ca(tmp_path, 'root', EC)
    key.chmod(0o644)
    viaduct = start_opener(given((cert, key)))
    assert 'root.key' in viaduct.stderr()
    assert viaduct.fetch(f'https://a.test:{secure.port}/', context=client_context(cert)).status == 200


def test_key_is_told_to_nobody(start_opener, secure):
    """Not in the log, not over the proxy, not over the inspector, not in the database."""
    viaduct = start_opener({'log.level': 'debug'}, inspector='127.0.0.1:0')
    viaduct.fetch(f'https://a.test:{secure.port}/')
    secret = ''.join((viaduct.data / 'ca' / 'ca.key').read_text().splitlines()[1:-1]).encode()[:48]
    for path in viaduct.folder.rglob('*'):
        if path.is_file() and path.name != 'ca.key':
            assert secret not in path.read_bytes().replace(b'\n', b''), path


# name constraints

def test_name_constraints(start_opener, secure):
    """A CA for one's own domains: it says so itself, strict clients agree, and other hosts are passed."""
    viaduct = start_opener({'ca.name_constraints': 'a.test, 127.0.0.0/8'})
    assert re.search(r'Name Constraints: critical\s+Permitted:\s+DNS:a\.test', text_of(viaduct.ca))
    for name in 'a.test', 'sub.a.test':
        assert viaduct.fetch(f'https://{name}:{secure.port}/').body == b'of the origin'
    wire = viaduct.inside(f'b.test:{secure.port}', context=client_context(None))
    assert 'flow test root' in x509(wire.leaf(), '-issuer')
    wire.close()
    said = viaduct.wait_tunnel(f'b.test:{secure.port}')['tunnel']
    assert said['handling'] == 'passed' and 'may sign only for a.test, 127.0.0.0/8' in said['why']


# where it is to be had

MAGIC = 'http://viaduct.proxy'


@pytest.mark.parametrize('path,kind', [('/ca.pem', 'pem'), ('/ca.cer', 'der'), ('/ca.mobileconfig', 'xml')])
def test_magic_host(opener, path, kind):
    response = opener.ask(get(MAGIC + path))
    assert response.status == 200
    pem = open(opener.ca, encoding='ascii').read()
    if kind == 'pem':
        assert response.body.decode().strip() == pem.strip()
        assert 'x-pem-file' in response.get('content-type') or 'x-x509-ca-cert' in response.get('content-type')
    elif kind == 'der':
        assert response.body == ssl.PEM_cert_to_DER_cert(pem)
        assert response.get('content-type') in ('application/x-x509-ca-cert', 'application/pkix-cert')
    else:
        assert response.get('content-type') == 'application/x-apple-aspen-config'
        payload = re.sub(rb'\s', b'', response.body)
        assert pem.splitlines()[1].encode() in payload and b'com.apple.security.root' in payload


def test_magic_host_page(opener):
    response = opener.ask(get(MAGIC + '/', 'Accept: text/html'))
    assert response.status == 200 and 'text/html' in response.get('content-type')
    for word in 'curl', 'Firefox', 'Chrom', 'Windows', 'macOS', 'Debian', 'Python', 'Node', 'Java', 'Android', 'iPhone':
        assert word in response.text, word
    assert 'PRIVATE' not in response.text


def test_inspector_gives_the_certificate(start_opener):
    viaduct = start_opener(inspector='127.0.0.1:0')
    host, _, port = viaduct.ready['inspector'].removeprefix('http://').rpartition(':')
    for path in '/ca.pem', '/ca.cer', '/ca.mobileconfig':
        wire = connect((host, int(port)))
        response = wire.ask(f'GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n'.encode())
        assert response.status == 200, (path, response.text)
        wire.close()


def test_not_made_without_need(tmp_path):
    """Interception is off, and no script asks for the path: no key lies about. Whoever downloads the certificate, to set a client
    up first, gets the one that will count later."""
    data = tmp_path / 'data'
    with open(tmp_path / 'said', 'wb') as said:
        process = subprocess.Popen([binary(), 'serve', '--data', data, '--listen', '127.0.0.1:0', '--inspector', 'off'],
                                   stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=environment())
    try:
        port = until(lambda: re.search(r'listening on 127\.0\.0\.1:(\d+)', (tmp_path / 'said').read_text()), 'the listener').group(1)
        assert not (data / 'ca').exists()
        wire = connect(('127.0.0.1', int(port)))
        assert wire.ask(get(MAGIC + '/ca.pem')).text.strip() == (data / 'ca' / 'ca.pem').read_text().strip()
        process.terminate()
        assert process.wait(10) == 0
    finally:
        process.kill()


def test_check_finds_what_serve_would(certs, tmp_path):
    """viaduct check looks at the CA, too, and makes none."""
    how = ['--set', 'intercept=all', '--set', f'data={tmp_path}']
    assert command('check', *how).returncode == 0
    assert not (tmp_path / 'ca').exists()
    done = command('check', *how, '--set', f'ca.cert={certs.ca}', '--set', f'ca.key={certs.key_of(certs.good)}')
    assert done.returncode == 2 and 'the key is not that of the certificate' in done.stderr


def test_limits_that_came_too_late_are_told_of(start_opener, tmp_path):
    first = start_opener(folder=tmp_path / 'kept')
    over(first).stop()
    second = start_opener({'ca.name_constraints': 'only.test'}, folder=tmp_path / 'kept')
    until(lambda: 'may sign for any name' in second.stderr() and 'viaduct ca renew' in second.stderr(), 'the warning')
