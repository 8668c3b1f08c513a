"""Certificates made with openssl at the start of a run: one root, leaves that are good and leaves that are wrong in one way."""

import ssl
import subprocess


def openssl(*args):
    done = subprocess.run(['openssl', *args], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f'openssl {" ".join(args)}: {done.stderr}'


class Certificates:
    """Lives in one folder; ca is the file to trust."""

    def __init__(self, folder):
        self.folder = folder
        self.ca = self._root('root')
        self._root('stranger')
        self.good = self._leaf('good', 'DNS:good.test,DNS:localhost')
        self.many = self._leaf('many', 'DNS:a.test,DNS:b.test,DNS:c.test,DNS:sub.a.test')
        self.wild = self._leaf('wild', 'DNS:*.wild.test')
        self.address = self._leaf('address', 'IP:127.0.0.1,IP:::1')
        self.wrong_host = self._leaf('wrong_host', 'DNS:other.test')
        self.expired = self._leaf('expired', 'DNS:good.test', dates=('20200101000000Z', '20210101000000Z'))
        self.not_yet = self._leaf('not_yet', 'DNS:good.test', dates=('20900101000000Z', '20910101000000Z'))
        self.untrusted = self._leaf('untrusted', 'DNS:good.test', root='stranger')
        self.self_signed = self._self_signed()
        self.client_only = self._leaf('client_only', 'DNS:good.test', usage='clientAuth')

    def _key(self, name):
        key = self.folder / f'{name}.key'
        openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', str(key))
        return key

    def _root(self, name):
        key, cert = self._key(name), self.folder / f'{name}.pem'
        openssl('req', '-x509', '-new', '-key', str(key), '-subj', f'/CN=flow test {name}', '-days', '30', '-out', str(cert),
                '-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign,cRLSign')
        return cert

    def _leaf(self, name, names, root='root', dates=None, usage='serverAuth'):
        key, request, cert = self._key(name), self.folder / f'{name}.csr', self.folder / f'{name}.pem'
        openssl('req', '-new', '-key', str(key), '-subj', f'/CN={name}', '-out', str(request))
        extensions = self.folder / f'{name}.ext'
        extensions.write_text(f'subjectAltName={names}\nextendedKeyUsage={usage}\nbasicConstraints=CA:FALSE\n')
        dates = dates or ('20200101000000Z', '20600101000000Z')
        database = self.folder / f'{name}.db'
        database.mkdir()
        (database / 'index.txt').touch()
        (database / 'serial').write_text('01\n')
        config = self.folder / f'{name}.cnf'
        config.write_text(f'[ca]\ndefault_ca=c\n[c]\ndatabase={database}/index.txt\nserial={database}/serial\n'
                          f'new_certs_dir={database}\ndefault_md=sha256\npolicy=p\nunique_subject=no\n[p]\ncommonName=supplied\n')
        openssl('ca', '-batch', '-notext', '-config', str(config), '-cert', str(self.folder / f'{root}.pem'),
                '-keyfile', str(self.folder / f'{root}.key'), '-in', str(request), '-out', str(cert),
                '-startdate', dates[0], '-enddate', dates[1], '-extfile', str(extensions))
        return cert

    def _self_signed(self):
        key, cert = self._key('self_signed'), self.folder / 'self_signed.pem'
        openssl('req', '-x509', '-new', '-key', str(key), '-subj', '/CN=good.test', '-days', '30', '-out', str(cert),
                '-addext', 'subjectAltName=DNS:good.test')
        return cert

    def key_of(self, cert):
        return cert.with_suffix('.key')

    def server(self, cert, minimum=ssl.TLSVersion.TLSv1_2, maximum=None):
        """An ssl context for an origin."""
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.minimum_version = minimum
        if maximum:
            made.maximum_version = maximum
        made.load_cert_chain(cert, self.key_of(cert))
        return made

    def client(self, alpn=('h2', 'http/1.1')):
        """An ssl context for a client that trusts the root."""
        made = ssl.create_default_context(cafile=str(self.ca))
        made.set_alpn_protocols(list(alpn))
        return made
