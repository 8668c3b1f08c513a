"""Origins that a careful client refuses, each wrong in one way, and good ones beside them: one nginx, one port for each."""

import collections
import os
import shutil
import socket
import subprocess

from kit.certs import openssl
from kit.wait import until

# wrong: what the detail of the refusal says (a regular expression; None: nothing is wrong). excusable: a rule with verify: false
# lets it pass. staple: what the record says of the OCSP response.
Row = collections.namedtuple('Row', 'wrong excusable staple', defaults=(None, True, ''))

CERTIFICATE_ROWS = {
    'good': Row(),
    'expired': Row('expired on 2021-01-01'),
    'not yet valid': Row('not valid before 2090-01-01'),
    'wrong host': Row('not for good.test, but for other.test'),
    'wildcard parent': Row(r'not for good.test, but for \*.good.test'),
    'address only': Row('not for good.test, but for 127.0.0.1'),
    'no SAN': Row('no subject alternative names'),
    'self-signed': Row('is self-signed'),
    'untrusted root': Row('issuer .*stranger.* neither sent nor trusted'),
    'complete chain': Row(),
    'incomplete chain': Row('issuer .*middle.* neither sent nor trusted'),
    'issuer is no CA': Row('not that of a CA'),
    'issuer may not sign': Row('may not issue certificates'),
    'path too long': Row('path length'),
    'name constraint': Row('name constraints'),
    'wrong purpose': Row('not for servers'),
    'sha1': Row('SHA-1, which is too weak'),
    'weak key': Row('too weak .*1024 bits'),
    'root of its own': Row('is self-signed'),
}
STAPLE_ROWS = {
    'staple good': Row(staple='good'),
    'staple of a delegate': Row(staple='good'),
    'staple revoked': Row('revoked on 2025-01-01', staple='revoked'),
    'staple unknown': Row(staple='unknown'),
    'staple of a stranger': Row('OCSP response is not signed by the issuer', staple='malformed'),
    'staple of a false delegate': Row('OCSP response is not signed by the issuer', staple='malformed'),
    'staple of another certificate': Row('OCSP', staple='malformed'),
    'must-staple with': Row(staple='good'),
    'must-staple without': Row('demands a stapled OCSP response'),
}
HANDSHAKE_ROWS = {
    'null cipher': Row('handshake failure', excusable=False),
    'anonymous': Row('handshake failure', excusable=False),
    'TLS 1.1 only': Row('version', excusable=False),
    'weak Diffie-Hellman': Row('too small|handshake failure', excusable=False),
}
ROWS = {**CERTIFICATE_ROWS, **STAPLE_ROWS, **HANDSHAKE_ROWS}

CONFIG = '''
{user}
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log info;
events {{ worker_connections 256; }}
http {{
    log_format row '$server_port $request'; access_log {folder}/access.log row;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    {servers}
}}
'''
SERVER = '''
    server {{
        listen 127.0.0.1:{port} ssl; ssl_certificate {cert}; ssl_certificate_key {key}; {more}
        location / {{ return 200 "shown"; }}
    }}
'''
LEAF = 'subjectAltName=DNS:good.test\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n'
IDENTIFIERS = 'subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n'
CA = 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n'
WEAK = 'ssl_ciphers DEFAULT:@SECLEVEL=0;'


def free_ports(n):
    """n ports that are free at once."""
    sockets = [socket.socket() for _ in range(n)]
    for s in sockets:
        s.bind(('127.0.0.1', 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


class Maker:
    """Makes the certificates, all of one key but for the weak one."""

    def __init__(self, folder, certs):
        self.folder, self.certs, self.serial = folder, certs, 1000
        self.key = certs.key_of(certs.good)
        self.root = (certs.ca, certs.key_of(certs.ca))

    def issue(self, name, extensions=LEAF, issuer=None, key=None, digest='sha256', subject='/CN=good.test', chain=()):
        """A certificate, with those of chain behind it in its file; .serial of it is noted by name."""
        self.serial += 1
        cert, request = self.folder / f'{name}.pem', self.folder / f'{name}.csr'
        file = self.folder / f'{name}.ext'
        file.write_text(extensions + IDENTIFIERS)
        issuer_cert, issuer_key = issuer or self.root
        openssl('req', '-new', '-key', str(key or self.key), '-subj', subject, '-out', str(request))
        openssl('x509', '-req', '-in', str(request), '-CA', str(issuer_cert), '-CAkey', str(issuer_key), f'-{digest}', '-days', '20',
                '-set_serial', str(self.serial), '-extfile', str(file), '-out', str(cert))
        if chain:
            cert.write_text(cert.read_text() + ''.join(c.read_text() for c in chain))
        return cert

    def authority(self, name, extensions=CA, issuer=None):
        """An intermediate CA with a key of its own: (certificate, key)."""
        key = self.certs._key(f'matrix_{name}')
        return self.issue(name, extensions, issuer, key, subject=f'/CN=flow test {name}'), key

    def through(self, name, *authorities, sent=True):
        """A leaf of the last of a row of authorities, which are sent along or not."""
        chain = [cert for cert, _ in reversed(authorities)] if sent else ()
        return self.issue(name, issuer=authorities[-1], chain=chain)

    def staple(self, name, cert, status='V', signer=None, issuer=None):
        """An OCSP response about a certificate."""
        serial = int(subprocess.run(['openssl', 'x509', '-in', cert, '-noout', '-serial'], capture_output=True, text=True,
                                    check=True).stdout.partition('=')[2], 16)
        text = f'{serial:X}' if len(f'{serial:X}') % 2 == 0 else f'0{serial:X}'
        when = '250101000000Z,keyCompromise' if status == 'R' else ''
        index, out = self.folder / f'{name}.index', self.folder / f'{name}.der'
        index.write_text('' if status == 'unknown' else f'{status}\t600101000000Z\t{when}\t{text}\tunknown\t/CN=good.test\n')
        issuer_cert, _ = issuer or self.root
        signer_cert, signer_key = signer or self.root
        openssl('ocsp', '-index', str(index), '-CA', str(issuer_cert), '-rsigner', str(signer_cert), '-rkey', str(signer_key),
                '-issuer', str(issuer_cert), '-cert', str(cert), '-respout', str(out), '-ndays', '7', '-noverify')
        return f'ssl_stapling on; ssl_stapling_file {out};'


def certificate_rows(make, certs):
    """name -> (certificate with its chain, key, further directives)."""
    key = make.key
    rows = {'good': (certs.good, key, ''), 'self-signed': (certs.self_signed, certs.key_of(certs.self_signed), '')}
    for name, cert in {'expired': certs.expired, 'not yet valid': certs.not_yet, 'wrong host': certs.wrong_host,
                       'address only': certs.address, 'untrusted root': certs.untrusted, 'wrong purpose': certs.client_only}.items():
        rows[name] = (cert, certs.key_of(cert), '')
    middle = make.authority('middle')
    rows['complete chain'] = (make.through('complete', middle), key, '')
    rows['incomplete chain'] = (make.through('incomplete', middle, sent=False), key, '')
    no_ca = make.authority('no_ca', 'basicConstraints=critical,CA:FALSE\n')
    rows['issuer is no CA'] = (make.through('of_no_ca', no_ca), key, '')
    no_sign = make.authority('no_sign', 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,digitalSignature\n')
    rows['issuer may not sign'] = (make.through('of_no_sign', no_sign), key, '')
    short = make.authority('short', 'basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign\n')
    rows['path too long'] = (make.through('too_long', short, make.authority('below', issuer=short)), key, '')
    bound = make.authority('bound', CA + 'nameConstraints=critical,permitted;DNS:other.test\n')
    rows['name constraint'] = (make.through('out_of_bounds', bound), key, '')
    rows['wildcard parent'] = (make.issue('wildcard', LEAF.replace('DNS:', 'DNS:*.')), key, '')
    rows['no SAN'] = (make.issue('no_san', LEAF.partition('\n')[2]), key, '')
    rows['sha1'] = (make.issue('sha1', digest='sha1'), key, WEAK)
    weak = make.folder / 'weak.key'
    openssl('genrsa', '-out', str(weak), '1024')
    rows['weak key'] = (make.issue('weak', key=weak), weak, WEAK)
    root = make.folder / 'own_root.pem'
    openssl('req', '-x509', '-new', '-key', str(key), '-subj', '/CN=good.test', '-days', '20', '-out', str(root),
            '-addext', 'subjectAltName=DNS:good.test', '-addext', 'basicConstraints=critical,CA:TRUE')
    rows['root of its own'] = (root, key, '')
    return rows


def staple_rows(make, certs):
    key, leaf, must = make.key, make.issue('stapled'), make.issue('must', LEAF + 'tlsfeature=status_request\n')
    stranger = (certs.folder / 'stranger.pem', certs.folder / 'stranger.key')
    delegates = {}
    for name, usage in ('delegate', 'extendedKeyUsage=OCSPSigning\n'), ('false_delegate', 'extendedKeyUsage=serverAuth\n'):
        delegates[name] = (make.issue(name, 'basicConstraints=CA:FALSE\n' + usage, subject=f'/CN={name}'), key)
    return {
        'staple good': (leaf, key, make.staple('good', leaf)),
        'staple of a delegate': (leaf, key, make.staple('delegated', leaf, signer=delegates['delegate'])),
        'staple revoked': (leaf, key, make.staple('revoked', leaf, 'R')),
        'staple unknown': (leaf, key, make.staple('unknown', leaf, 'unknown')),
        'staple of a stranger': (leaf, key, make.staple('stranger', leaf, signer=stranger)),
        'staple of a false delegate': (leaf, key, make.staple('falsely', leaf, signer=delegates['false_delegate'])),
        'staple of another certificate': (leaf, key, make.staple('another', must)),
        'must-staple with': (must, key, make.staple('must_with', must)),
        'must-staple without': (must, key, ''),
    }


def handshake_rows(make, certs):
    rsa, dh = make.folder / 'rsa.key', make.folder / 'dh.pem'
    openssl('genrsa', '-out', str(rsa), '2048')
    openssl('dhparam', '-dsaparam', '-out', str(dh), '1024')
    cert = make.issue('rsa', key=rsa)
    return {
        'null cipher': (certs.good, make.key, 'ssl_protocols TLSv1.2; ssl_ciphers eNULL:@SECLEVEL=0;'),
        'anonymous': (certs.good, make.key, 'ssl_protocols TLSv1.2; ssl_ciphers aNULL:@SECLEVEL=0;'),
        'TLS 1.1 only': (cert, rsa, 'ssl_protocols TLSv1.1; ssl_ciphers ALL:@SECLEVEL=0;'),
        'weak Diffie-Hellman': (cert, rsa, f'ssl_protocols TLSv1.2; ssl_ciphers DHE+AESGCM:@SECLEVEL=0; ssl_dhparam {dh};'),
    }


class Matrix:
    """port of a row's name; requests(name): how many reached it."""

    def __init__(self, folder, certs):
        self.folder = folder
        os.chmod(folder, 0o755)
        make = Maker(folder, certs)
        rows = {**certificate_rows(make, certs), **staple_rows(make, certs), **handshake_rows(make, certs)}
        assert rows.keys() == ROWS.keys(), rows.keys() ^ ROWS.keys()
        self.port = dict(zip(rows, free_ports(len(rows))))
        servers = [SERVER.format(port=self.port[name], cert=cert, key=key, more=more) for name, (cert, key, more) in rows.items()]
        config = folder / 'nginx.conf'
        config.write_text(CONFIG.format(folder=folder, servers=''.join(servers), user='user root;' if os.getuid() == 0 else ''))
        program = shutil.which('nginx', path='/usr/sbin:/usr/bin:/usr/local/sbin')
        self.process = subprocess.Popen([program, '-p', str(folder), '-c', str(config), '-e', str(folder / 'error.log')],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        until(lambda: (folder / 'pid').exists() or self.process.poll() is not None, 'nginx')
        assert self.process.poll() is None, self.process.stderr.read().decode()

    def authority(self, name):
        return f'good.test:{self.port[name]}'

    def requests(self, name):
        return sum(line.startswith(f'{self.port[name]} ') for line in (self.folder / 'access.log').read_text().splitlines())

    def close(self):
        self.process.terminate()
        self.process.wait(10)
