"""A proxy that opens tunnels, and clients inside them: CONNECT, TLS that trusts the proxy's CA, requests."""

import ssl
import subprocess

from kit.proxy import Viaduct, config_file
from kit.wait import until
from kit.wire import Wire

NAMES = ('good.test', 'other.test', 'a.test', 'b.test', 'c.test', 'sub.a.test', 'xn--bcher-kva.test',
         *(f'n{i}.wild.test' for i in range(40)))
HOSTS = ', '.join(f'{name}=127.0.0.1' for name in NAMES)
TLS_1_2, TLS_1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


def request(path, host, *fields, method='GET', body=b'', version='1.1'):
    """The bytes of a request to an origin: origin-form. A body gets its length."""
    lines = [f'{method} {path} HTTP/{version}', f'Host: {host}', *fields]
    if body:
        lines.append(f'Content-Length: {len(body)}')
    return ('\r\n'.join(lines) + '\r\n\r\n').encode('latin-1') + body


class Inside(Wire):
    """A wire inside a tunnel; host is what its requests name."""

    def __init__(self, sock, host):
        super().__init__(sock)
        self.host = host

    def get(self, path='/', *fields, method='GET', body=b''):
        return self.ask(request(path, self.host, *fields, method=method, body=body), method)

    def request(self, path='/', *fields, **how):
        self.send(request(path, self.host, *fields, **how))

    def leaf(self):
        """The certificate that was shown, in DER."""
        return self.sock.getpeercert(True)


def client_context(ca=None, alpn=('http/1.1',), minimum=None, maximum=None):
    """An ssl context for a client; without a CA it takes any certificate."""
    made = ssl.create_default_context(cafile=str(ca)) if ca else ssl._create_unverified_context()
    if alpn:
        made.set_alpn_protocols(list(alpn))
    if minimum:
        made.minimum_version = minimum
    if maximum:
        made.maximum_version = maximum
    return made


class Opener(Viaduct):
    """A viaduct with intercept: all, which trusts the root of the tests. rules: YAML, the items of the list. It learns nothing of
    clients unless told so, since those of all tests have one address and one TLS library."""

    def __init__(self, folder, certs, options=None, rules='', args=(), **how):
        folder.mkdir(parents=True, exist_ok=True)
        if rules:
            args = [*args, '-c', config_file(folder, f'rules:\n{rules}')]
        made = {'intercept': 'all', 'upstream.ca_file': certs.ca, 'hosts': HOSTS, 'redirects.mode': 'pass',
                'intercept.learned_ttl': '0', **(options or {})}
        super().__init__(folder, {k: v for k, v in made.items() if v is not None}, args, **how)
        self.ca = self.ready.get('ca')

    def trusting(self, **how):
        return client_context(self.ca, **how)

    def inside(self, authority, sni='', context=None, session=None, host=None):
        """A client in the tunnel to authority, after its handshake. sni None: none is sent."""
        wire = self.tunnel(authority)
        return self.secure(wire, authority, sni, context, session, host)

    def secure(self, wire, authority, sni='', context=None, session=None, host=None):
        """TLS on a wire that is a tunnel already."""
        context = context or self.trusting()
        name = authority.rpartition(':')[0].strip('[]') if sni == '' else sni
        if name is None:
            context.check_hostname = False
        sock = context.wrap_socket(wire.sock, server_hostname=name, session=session)
        return Inside(sock, host or authority)

    def fetch(self, url, *fields, method='GET', body=b'', **how):
        """One request inside a tunnel of its own."""
        authority, slash, path = url.removeprefix('https://').partition('/')
        wire = self.inside(authority, **how)
        try:
            return wire.get(slash + path, *fields, method=method, body=body)
        finally:
            wire.close()

    def refuse(self, authority, sni=''):
        """A client that does not trust the CA: its handshake ends with the alert unknown_ca."""
        wire = self.tunnel(authority)
        name = authority.rpartition(':')[0] if sni == '' else sni
        context = ssl.create_default_context()
        context.set_alpn_protocols(['http/1.1'])
        try:
            context.wrap_socket(wire.sock, server_hostname=name).close()
        except ssl.SSLCertVerificationError:
            wire.close()
            return
        raise AssertionError('a client without the CA took the certificate')

    # records

    def wait_tunnel(self, authority, n=1, ended=True):
        """The record of the n-th CONNECT to authority."""
        def found():
            rows = [f for f in self.flows() if f['method'] == 'CONNECT' and f['url'] == authority]
            rows = sorted((f for f in rows if not ended or f['outcome'] != 'pending'), key=lambda f: f['id'])
            return rows[n - 1] if len(rows) >= n else None
        return self.show(until(found, f'the record of CONNECT {n} to {authority}', every_s=0.1)['id'])


def x509(der, *options):
    """What openssl x509 says of a certificate in DER."""
    done = subprocess.run(['openssl', 'x509', '-inform', 'DER', '-noout', *options], input=der, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()


class Handshake:
    """A client's TLS by hand: its messages as bytes, sent or kept back."""

    def __init__(self, context, name):
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname=name)

    def step(self):
        """True when it is over."""
        try:
            self.tls.do_handshake()
            return True
        except ssl.SSLWantReadError:
            return False

    def hello(self):
        self.step()
        return self.outgoing.read()

    def run(self, wire):
        wire.send(self.hello())
        while not self.step():
            self.incoming.write(wire.read_some())
        wire.send(self.outgoing.read())
