"""The set-up page and the CA's certificate: through the proxy at http://viaduct.proxy/ and at the inspector; when the CA is made;
and ready.json, by which commands find the proxy that runs."""

import json
import os
import plistlib
import re
import signal
import ssl
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from kit.origin import always, hello
from kit.proxy import Viaduct, binary, command, config_file, environment, over
from kit.wait import until
from kit.wire import answer, connect, get

SITE = 'http://viaduct.proxy'
FILES = ['/ca.pem', '/ca.cer', '/ca.p12', '/ca.mobileconfig']


@pytest.fixture(scope='module')
def shared_proxy(tmp_path_factory):
    viaduct = Viaduct(tmp_path_factory.mktemp('setup'), inspector='127.0.0.1:0')
    try:
        yield viaduct
        viaduct.stop()
    finally:
        viaduct.kill()


@pytest.fixture
def at_inspector(proxy):
    """at_inspector(path, fields…) -> the inspector's answer, without a token."""
    authority = proxy.ready['inspector'].removeprefix('http://')
    host, _, port = authority.rpartition(':')

    def ask(path, *fields, method='GET', host_field=authority):
        wire = connect((host, int(port)))
        try:
            return wire.ask('\r\n'.join([f'{method} {path} HTTP/1.1', f'Host: {host_field}', *fields, '', '']).encode(), method)
        finally:
            wire.close()
    return ask


def openssl(*args, stdin=None):
    done = subprocess.run(['openssl', *map(str, args)], input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def fingerprint(pem):
    return openssl('x509', '-noout', '-fingerprint', '-sha256', stdin=pem).decode().strip().rpartition('=')[2]


# what is served

def test_ready_names_the_ca(proxy):
    path = proxy.ready['ca']
    assert os.path.samefile(path, proxy.data / 'ca/ca.pem')
    openssl('x509', '-in', path, '-noout')


def test_files_through_the_proxy(proxy):
    pem = proxy.ask(get(f'{SITE}/ca.pem'))
    assert pem.get('content-type') == 'application/x-pem-file'
    assert ssl.PEM_cert_to_DER_cert(pem.text) == ssl.PEM_cert_to_DER_cert(open(proxy.ready['ca'], encoding='ascii').read())
    cer = proxy.ask(get(f'{SITE}/ca.cer'))
    assert cer.get('content-type') == 'application/x-x509-ca-cert'
    assert cer.body == ssl.PEM_cert_to_DER_cert(pem.text)
    p12 = proxy.ask(get(f'{SITE}/ca.p12'))
    unpacked = openssl('pkcs12', '-passin', 'pass:', '-nodes', stdin=p12.body)
    assert b'BEGIN CERTIFICATE' in unpacked and b'PRIVATE KEY' not in unpacked


def test_profile_for_phones(proxy):
    response = proxy.ask(get(f'{SITE}/ca.mobileconfig'))
    assert response.get('content-type') == 'application/x-apple-aspen-config'
    profile = plistlib.loads(response.body)
    assert (profile['PayloadType'], profile['PayloadVersion']) == ('Configuration', 1)
    (payload,) = profile['PayloadContent']
    assert payload['PayloadType'] == 'com.apple.security.root'
    assert payload['PayloadContent'] == proxy.ask(get(f'{SITE}/ca.cer')).body
    assert profile['PayloadUUID'] != payload['PayloadUUID']
    assert proxy.ask(get(f'{SITE}/ca.mobileconfig')).body == response.body


def test_page_for_browsers(proxy):
    response = proxy.ask(get(f'{SITE}/', 'Accept: text/html,*/*'))
    assert response.status == 200 and response.get('content-type') == 'text/html; charset=utf-8'
    assert fingerprint(proxy.ask(get(f'{SITE}/ca.pem')).body) in response.text
    for part in (f'curl -x http://{proxy.ready["proxy"]} ', 'intercept=all', 'NODE_EXTRA_CA_CERTS', 'keytool', 'href="/ca.mobileconfig"'):
        assert part in response.text
    assert '<script' not in response.text and str(proxy.data) not in response.text
    assert "default-src 'none'" in response.get('content-security-policy')


def test_page_for_curl(proxy):
    done = subprocess.run(['curl', '-sS', '-x', proxy.url, f'{SITE}/'], capture_output=True, text=True, timeout=20, check=True, env=environment())
    assert done.stdout.startswith('Trust the CA of this viaduct\n') and '<' not in done.stdout.split('== Get')[0]


@pytest.mark.parametrize('path', ['/', *FILES])
def test_head(proxy, path):
    head, body = proxy.ask(get(f'{SITE}{path}').replace(b'GET', b'HEAD', 1), 'HEAD'), proxy.ask(get(f'{SITE}{path}'))
    assert head.status == 200
    assert head.get('content-length') == body.get('content-length') and head.get('content-type') == body.get('content-type')


def test_nothing_else_is_there(proxy):
    for path in '/ca.key', '/setup', '/ca/ca.key', '/api/v1/status', '/metrics', '/../ca.key':
        assert proxy.ask(get(f'{SITE}{path}')).status == 404
    response = proxy.ask(f'POST {SITE}/ca.pem HTTP/1.1\r\nHost: viaduct.proxy\r\nContent-Length: 1\r\n\r\nx'.encode())
    assert (response.status, response.get('allow')) == (405, 'GET, HEAD')


def test_key_is_nowhere(proxy, at_inspector):
    key = ''.join((proxy.data / 'ca/ca.key').read_text().splitlines()[1:-1])[:60].encode()
    for path in ['/', *FILES]:
        assert key not in proxy.ask(get(f'{SITE}{path}')).body.replace(b'\n', b'')
        assert b'PRIVATE KEY' not in at_inspector(path).body


@pytest.mark.parametrize('path', FILES)
def test_files_at_the_inspector(proxy, at_inspector, path):
    here, there = at_inspector(path), proxy.ask(get(f'{SITE}{path}'))
    assert here.status == 200 and here.get('content-type') == there.get('content-type')
    # PKCS#12 has a salt, which is new each time
    assert here.body == there.body or path == '/ca.p12' and len(here.body) == len(there.body)
    assert (at_inspector(path, host_field='evil.test').status, at_inspector(path, host_field='evil.test').body) == (421, b'')
    assert at_inspector(path, method='HEAD').status == 200
    assert at_inspector(path, 'Content-Length: 0', method='POST').status == 405


def test_page_at_the_inspector(proxy, at_inspector):
    page = at_inspector('/setup', 'Accept: text/html')
    assert page.status == 200 and f'curl -x http://{proxy.ready["proxy"]} ' in page.text
    assert at_inspector('/setup').get('content-type').startswith('text/plain')


# when it is made

class Bare:
    """A viaduct without a ready file: found by ready.json in its data folder."""

    def __init__(self, folder, *args):
        self.data = folder / 'data'
        self.stderr_file = folder / 'stderr'
        with open(self.stderr_file, 'ab') as err, open(folder / 'stdout', 'ab') as out:
            self.process = subprocess.Popen([binary(), 'serve', '--listen', '127.0.0.1:0', '--inspector', '127.0.0.1:0', '--workers', '2',
                                             '--data', str(self.data), *args], stdout=out, stderr=err, stdin=subprocess.DEVNULL, env=environment())

    def ready(self):
        path = self.data / 'ready.json'
        until(path.exists, 'ready.json')
        return json.loads(path.read_text())

    def ask(self, data):
        host, _, port = self.ready()['proxy'].rpartition(':')
        wire = connect((host, int(port)))
        try:
            return wire.ask(data)
        finally:
            wire.close()


@pytest.fixture
def bare(tmp_path):
    running = []

    def start_one(*args):
        running.append(Bare(tmp_path, *args))
        return running[-1]
    yield start_one
    for one in running:
        if one.process.poll() is None:
            one.process.kill()
        one.process.wait()


def test_made_when_somebody_asks(bare):
    """With interception off and nobody asking there is none; a download makes it, and ready.json tells."""
    viaduct = bare()
    assert viaduct.ready()['ca'] is None
    assert not (viaduct.data / 'ca').exists()
    with ThreadPoolExecutor(8) as many:
        pem, *others = many.map(lambda _: viaduct.ask(get(f'{SITE}/ca.pem')), range(8))
    assert pem.status == 200 and {p.body for p in others} == {pem.body}
    assert (viaduct.data / 'ca/ca.pem').read_bytes() == pem.body
    assert (viaduct.data / 'ca/ca.key').stat().st_mode & 0o777 == 0o600
    until(lambda: viaduct.ready()['ca'] == str(viaduct.data / 'ca/ca.pem'), 'ready.json to name it')
    assert viaduct.ask(get(f'{SITE}/ca.pem')).body == pem.body


def test_the_same_at_the_next_start(start):
    first = start()
    pem = first.ask(get(f'{SITE}/ca.pem')).body
    over(first).stop()
    assert start(folder=first.folder).ask(get(f'{SITE}/ca.pem')).body == pem


def test_interception_needs_it(tmp_path):
    """A folder that others can read is no place for a key: one line, exit 2."""
    (tmp_path / 'd').mkdir(mode=0o700)
    (tmp_path / 'd/ca').mkdir(mode=0o755)
    done = command('serve', '--inspector', 'off', '--listen', '127.0.0.1:0', '--data', tmp_path / 'd', '--set', 'intercept=all')
    assert done.returncode == 2
    assert len([line for line in done.stderr.splitlines() if ': warn: ' not in line]) == 1 and str(tmp_path / 'd/ca') in done.stderr


def test_without_interception_it_is_said(start, tmp_path):
    (tmp_path / 'f/data').mkdir(mode=0o700, parents=True)
    (tmp_path / 'f/data/ca').mkdir(mode=0o755)
    viaduct = start(folder=tmp_path / 'f')
    viaduct.expected_complaints.append('/data/ca')
    assert viaduct.ready['ca'] is None
    assert f'viaduct: warn: {viaduct.data}/ca' in viaduct.stderr()
    response = viaduct.ask(get(f'{SITE}/ca.pem'))
    assert response.status == 503 and str(viaduct.data) not in response.text
    assert viaduct.ask(get(f'{SITE}/')).status == 200


def test_renewed_and_reloaded(start):
    viaduct = start({'intercept': 'all'})
    before = viaduct.ask(get(f'{SITE}/ca.pem')).body
    done = command('ca', 'renew', '--data', viaduct.data)
    assert done.returncode == 0, done.stderr
    assert viaduct.ask(get(f'{SITE}/ca.pem')).body == before
    viaduct.signal(signal.SIGHUP)
    until(lambda: viaduct.ask(get(f'{SITE}/ca.pem')).body != before, 'the new CA')
    assert viaduct.ask(get(f'{SITE}/ca.pem')).body == (viaduct.data / 'ca/ca.pem').read_bytes()


@pytest.fixture
def short(tmp_path, certs):
    """A CA of somebody's own that ends soon: the options for it."""
    cert, key = tmp_path / 'own.pem', tmp_path / 'own.key'
    openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', cert, '-days', '5',
            '-subj', '/CN=own', '-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign,cRLSign')
    key.chmod(0o600)
    return {'ca.cert': cert, 'ca.key': key}


def test_given(start, short):
    viaduct = start({'intercept': 'all', **short})
    assert viaduct.ready['ca'] == str(short['ca.cert'])
    assert ssl.PEM_cert_to_DER_cert(viaduct.ask(get(f'{SITE}/ca.pem')).text) == ssl.PEM_cert_to_DER_cert(short['ca.cert'].read_text())
    assert not (viaduct.data / 'ca').exists()


def test_end_is_near(start, short):
    viaduct = start({'intercept': 'all', **short})
    assert re.search(r'viaduct: warn: the CA ends in [45] days', viaduct.stderr())
    assert 'soon: ask who made it' in viaduct.ask(get(f'{SITE}/')).text


@pytest.fixture
def between(short, tmp_path):
    """An intermediate of that CA, with and without it: the options for either."""
    key, request, cert, chain, extensions = (tmp_path / n for n in ('i.key', 'i.csr', 'i.pem', 'chain.pem', 'i.ext'))
    openssl('req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-subj', '/CN=between',
            '-out', request)
    extensions.write_text('basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n')
    openssl('x509', '-req', '-in', request, '-CA', short['ca.cert'], '-CAkey', short['ca.key'], '-set_serial', '7', '-days', '4',
            '-extfile', extensions, '-out', cert)
    chain.write_text(cert.read_text() + short['ca.cert'].read_text())
    key.chmod(0o600)
    return {'ca.cert': chain, 'ca.key': key}, {'ca.cert': cert, 'ca.key': key}


def test_an_intermediate_and_its_root(start, between, short):
    """What is handed out is what clients can trust: the root."""
    viaduct = start(between[0])
    root = ssl.PEM_cert_to_DER_cert(short['ca.cert'].read_text())
    assert ssl.PEM_cert_to_DER_cert(viaduct.ask(get(f'{SITE}/ca.pem')).text) == root
    assert viaduct.ask(get(f'{SITE}/ca.cer')).body == root
    assert root in viaduct.ask(get(f'{SITE}/ca.p12')).body
    page = viaduct.ask(get(f'{SITE}/')).text
    assert 'its root, CN = own' in page and 'its issuer' not in page


def test_an_intermediate_without_its_root(start, between):
    page = start(between[1]).ask(get(f'{SITE}/')).text
    assert 'its issuer, CN = own, whose certificate is not here' in page


def test_reload_with_a_ca_that_nobody_needs(start, tmp_path):
    """As at the start, it is only warned of that it cannot be read."""
    file = config_file(tmp_path, 'intercept: none\n')
    viaduct = start(args=['-c', str(file)])
    viaduct.expected_complaints.append('others than its owner')
    command('ca', 'path', '--data', viaduct.data)
    (viaduct.data / 'ca/ca.key').chmod(0o644)
    viaduct.signal(signal.SIGHUP)
    until(lambda: 'configuration reloaded' in viaduct.stderr(), 'the reload')
    assert f'viaduct: warn: {viaduct.data}/ca/ca.key: others than its owner' in viaduct.stderr()


def test_reload_that_finds_none(start, tmp_path):
    """The old configuration stays, CA and all."""
    file = config_file(tmp_path, 'intercept: all\n')
    viaduct = start(args=['-c', str(file)])
    viaduct.expected_complaints.append('the old configuration stays')
    pem = viaduct.ask(get(f'{SITE}/ca.pem')).body
    file.write_text('intercept: all\nca: {cert: none.pem, key: none.key}\n')
    viaduct.signal(signal.SIGHUP)
    until(lambda: 'the old configuration stays' in viaduct.stderr(), 'the refusal')
    assert viaduct.ask(get(f'{SITE}/ca.pem')).body == pem


def redirected(viaduct, origin, certs):
    """What comes of a redirect to an origin whose certificate the CA has signed, which the proxy is told to trust."""
    there = origin(hello(b'over tls'), tls=certs.server(certs.good))
    here = origin(always(answer(302, b'', f'Location: {there.url("/end", host="good.test")}')))
    return viaduct.ask(get(here.url('/go')))


def test_vouches_for_no_origin(start, origin, certs, tmp_path):
    """Though the system trust it, for clients' sake: at the start, and from a reload on. Also while interception is off."""
    own = f'ca: {{cert: {certs.ca}, key: {certs.key_of(certs.ca)}}}\n'
    plain = f'redirects: {{mode: follow}}\nhosts: [good.test=127.0.0.1]\nupstream: {{ca_file: {certs.ca}}}\n'
    file = config_file(tmp_path, plain + own)
    refused = redirected(start(args=['-c', str(file)]), origin, certs)
    assert refused.status == 502 and 'tls_certificate_error' in refused.get('proxy-status')
    file.write_text(plain)
    viaduct = start(args=['-c', str(file)])
    assert redirected(viaduct, origin, certs).body == b'over tls'
    file.write_text(plain + own)
    viaduct.signal(signal.SIGHUP)
    until(lambda: 'configuration reloaded' in viaduct.stderr(), 'the reload')
    assert redirected(viaduct, origin, certs).status == 502


def redirected_to_former(viaduct, origin, server):
    there = origin(hello(b'over tls'), tls=server)
    here = origin(always(answer(302, b'', f'Location: {there.url("/end", host="former.test")}')))
    return viaduct.ask(get(here.url('/go')))


@pytest.mark.parametrize('how', ['renewed', 'given'])
def test_a_former_ca_vouches_for_no_origin(start, origin, tmp_path, short, how):
    """A machine trusts it until somebody takes it away, and its key is still there."""
    data, key, request, cert, names = (tmp_path / n for n in ('v/data', 'l.key', 'l.csr', 'l.pem', 'l.ext'))
    done = command('ca', 'path', '--data', data)
    assert done.returncode == 0, done.stderr
    ca, trusted = data / 'ca', tmp_path / 'trusted.pem'
    trusted.write_bytes((ca / 'ca.pem').read_bytes())
    openssl('req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-subj', '/CN=former.test',
            '-out', request)
    names.write_text('subjectAltName=DNS:former.test\nextendedKeyUsage=serverAuth\n')
    openssl('x509', '-req', '-in', request, '-CA', ca / 'ca.pem', '-CAkey', ca / 'ca.key', '-set_serial', '8', '-days', '9',
            '-extfile', names, '-out', cert)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(cert, key)
    plain = f'redirects: {{mode: follow}}\nhosts: [former.test=127.0.0.1]\nupstream: {{ca_file: {trusted}}}\n'
    file = config_file(tmp_path, plain)
    viaduct = start(args=['-c', str(file)], folder=tmp_path / 'v')
    assert redirected_to_former(viaduct, origin, server).status == 502
    if how == 'renewed':
        assert command('ca', 'renew', '--data', data).returncode == 0
    else:
        file.write_text(plain + f'ca: {{cert: {short["ca.cert"]}, key: {short["ca.key"]}}}\n')
    viaduct.signal(signal.SIGHUP)
    until(lambda: 'configuration reloaded' in viaduct.stderr(), 'the reload')
    refused = redirected_to_former(viaduct, origin, server)
    assert refused.status == 502 and 'tls_certificate_error' in refused.get('proxy-status')


# what it says when it starts

@pytest.mark.parametrize('mode,where', [('all', ''), ('list', ' where a rule lists it')])
def test_start_says_that_https_is_opened(start, mode, where):
    viaduct = start({'intercept': mode})
    assert f'viaduct: HTTPS is opened{where}; trust its CA: http://viaduct.proxy/ through the proxy, or: ' in viaduct.stdout()
    assert f' ca install --data {viaduct.data}\n' in viaduct.stdout()


def test_start_says_how_to_open_https(proxy):
    assert '--set intercept=all\n' in proxy.stdout()


# ready.json

def test_ready_json(proxy):
    path = proxy.data / 'ready.json'
    assert json.loads(path.read_text()) == proxy.ready
    assert path.stat().st_mode & 0o777 == 0o600


def test_ready_json_goes_with_the_proxy(start):
    viaduct = over(start())
    viaduct.stop()
    assert not (viaduct.data / 'ready.json').exists()


def test_ready_json_of_a_killed_proxy(start):
    viaduct = over(start(inspector='127.0.0.1:0'))
    viaduct.kill()
    assert (viaduct.data / 'ready.json').exists()
    done = command('passthrough', '--data', viaduct.data)
    assert done.returncode == 1 and 'no viaduct runs' in done.stderr
    again = start(folder=viaduct.folder)
    assert json.loads((viaduct.data / 'ready.json').read_text())['pid'] == again.process.pid


def test_ready_json_without_a_flow_database(start):
    """Who keeps no flows does not take the file of who does."""
    first = start()
    second = start({'capture.enabled': 'false'}, args=['--data', str(first.data)])
    assert json.loads((first.data / 'ready.json').read_text())['pid'] == first.process.pid
    over(second).stop()
    assert json.loads((first.data / 'ready.json').read_text())['pid'] == first.process.pid
