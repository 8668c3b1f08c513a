"""The certificates that clients are shown: names, dates, serials, keys, chains, as strict verifiers want them."""

import datetime
import ipaddress
import re
import ssl
import subprocess

import pytest

from kit.intercept import client_context, x509
from kit.origin import hello
from kit.proxy import over


@pytest.fixture
def secure(origin, certs):
    return origin(hello(), tls=certs.server(certs.many))


def leaf_of(viaduct, authority, sni=''):
    wire = viaduct.inside(authority, sni, client_context(None))
    der = wire.leaf()
    wire.close()
    return der


def names_of(der):
    """The subject alternative names, sorted: 'DNS:a', 'IP Address:127.0.0.1'."""
    text = x509(der, '-ext', 'subjectAltName')
    return sorted(n.strip() for n in text.splitlines()[1].split(','))


def serial_of(der):
    return int(x509(der, '-serial').partition('=')[2], 16)


def test_name(opener, secure):
    der = leaf_of(opener, f'a.test:{secure.port}')
    assert names_of(der) == ['DNS:a.test']
    assert re.search(r'CN ?= ?a\.test', x509(der, '-subject'))


def test_name_in_the_hello_counts(opener, secure):
    """The client verifies what it named there, not what it asked the proxy for."""
    assert names_of(leaf_of(opener, f'a.test:{secure.port}', 'b.test')) == ['DNS:b.test']


def test_name_in_another_case(opener, secure):
    assert names_of(leaf_of(opener, f'A.Test:{secure.port}', 'A.TEST')) == ['DNS:a.test']


def test_no_name_in_the_hello(opener, secure):
    assert names_of(leaf_of(opener, f'a.test:{secure.port}', None)) == ['DNS:a.test']


@pytest.mark.parametrize('host', ['127.0.0.1', '[::1]'])
def test_address(opener, origin, certs, host):
    o = origin(hello(), host=host.strip('[]'), tls=certs.server(certs.address))
    names = names_of(leaf_of(opener, f'{host}:{o.port}', None))
    assert len(names) == 1 and names[0].startswith('IP Address:')
    assert ipaddress.ip_address(names[0].partition(':')[2]) == ipaddress.ip_address(host.strip('[]'))


def test_address_with_a_name_in_the_hello(opener, secure):
    assert names_of(leaf_of(opener, f'127.0.0.1:{secure.port}', 'a.test')) == ['DNS:a.test']


def test_punycode(opener, secure):
    assert names_of(leaf_of(opener, f'xn--bcher-kva.test:{secure.port}')) == ['DNS:xn--bcher-kva.test']


def test_long_name(opener, origin, certs):
    """Longer than a common name may be: the subject is empty, and the alternative names are critical."""
    o = origin(hello(), tls=certs.server(certs.good))
    name = '.'.join(['a' * 50] * 3 + ['test'])
    der = leaf_of(opener, f'127.0.0.1:{o.port}', name)
    assert names_of(der) == [f'DNS:{name}']
    assert 'CN' not in x509(der, '-subject')
    assert 'critical' in x509(der, '-ext', 'subjectAltName').splitlines()[0]


@pytest.mark.parametrize('name', ['a..test', '-a.test', 'a_b.test', '*.test', 'a.test.'])
def test_odd_names_in_the_hello(opener, certs, secure, name):
    """None of them ends the proxy; what is shown, if anything, is a certificate that openssl can read."""
    context = client_context(None)
    wire = opener.tunnel(f'a.test:{secure.port}')
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    placeholder = 'q' * len(name)
    tls = context.wrap_bio(incoming, outgoing, server_hostname=placeholder)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    raw = outgoing.read()
    assert raw.count(placeholder.encode()) == 1
    wire.send(raw.replace(placeholder.encode(), name.encode()))
    wire.read_some()
    wire.close()
    assert names_of(leaf_of(opener, f'a.test:{secure.port}')) == ['DNS:a.test']


def test_extensions(opener, secure):
    der = leaf_of(opener, f'a.test:{secure.port}')
    text = x509(der, '-text')
    assert 'Version: 3' in text and 'ecdsa-with-SHA256' in text and 'P-256' in text
    assert re.search(r'Key Usage: critical\s+Digital Signature\n', text)
    assert re.search(r'Extended Key Usage:\s+TLS Web Server Authentication\n', text)
    assert re.search(r'Basic Constraints: ?(critical)?\s+CA:FALSE', text)
    ca = subprocess.run(['openssl', 'x509', '-in', opener.ca, '-noout', '-ext', 'subjectKeyIdentifier'], capture_output=True, text=True,
                        check=True).stdout.splitlines()[1].strip()
    assert ca in x509(der, '-ext', 'authorityKeyIdentifier')
    assert x509(der, '-ext', 'subjectKeyIdentifier').splitlines()[1].strip() != ca


def test_dates(opener, secure):
    """From about a day ago, for no longer than browsers accept now and soon, and not beyond the CA."""
    der = leaf_of(opener, f'a.test:{secure.port}')
    begin, end = (datetime.datetime.strptime(line.partition('=')[2], '%b %d %H:%M:%S %Y %Z')
                  for line in x509(der, '-dates').splitlines())
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    assert datetime.timedelta(hours=20) < now - begin < datetime.timedelta(days=2)
    assert datetime.timedelta(days=7) < end - now < datetime.timedelta(days=47)


def test_serials(opener, secure):
    """The same certificate for a name within a run; another name has another serial; positive, at most 20 bytes, hard to guess."""
    first, again = (leaf_of(opener, f'a.test:{secure.port}') for _ in range(2))
    other = leaf_of(opener, f'b.test:{secure.port}')
    assert first == again
    assert serial_of(first) != serial_of(other)
    for der in first, other:
        assert 64 < serial_of(der).bit_length() <= 159


def test_same_leaf_at_every_worker(start_opener, secure):
    viaduct = start_opener(workers=4)
    assert len({leaf_of(viaduct, f'a.test:{secure.port}') for _ in range(12)}) == 1


def test_next_run_has_other_serials(start_opener, certs, secure, tmp_path):
    """The CA stays, the key of leaves is new: no two different certificates of the CA share a serial."""
    folder = tmp_path / 'kept'
    first = start_opener(folder=folder)
    one, ca = leaf_of(first, f'a.test:{secure.port}'), open(first.ca, encoding='ascii').read()
    over(first).stop()
    second = start_opener(folder=folder)
    two = leaf_of(second, f'a.test:{secure.port}')
    assert open(second.ca, encoding='ascii').read() == ca
    assert one == two or serial_of(one) != serial_of(two)


def test_one_key_for_all(opener, secure):
    keys = {x509(leaf_of(opener, f'{name}:{secure.port}'), '-pubkey') for name in ('a.test', 'b.test')}
    assert len(keys) == 1


@pytest.mark.parametrize('name', ['a.test', '127.0.0.1'])
def test_strict_verification(opener, secure, tmp_path, name):
    leaf = tmp_path / 'leaf.pem'
    leaf.write_text(ssl.DER_cert_to_PEM_cert(leaf_of(opener, f'{name}:{secure.port}', None)))
    which = '-verify_ip' if name[0].isdigit() else '-verify_hostname'
    done = subprocess.run(['openssl', 'verify', '-x509_strict', '-purpose', 'sslserver', '-auth_level', '2', '-CAfile', opener.ca, which, name,
                           leaf], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_strict_client(opener, secure):
    """Python's own strict mode, which is its default from 3.13 on."""
    context = opener.trusting()
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    assert opener.inside(f'a.test:{secure.port}', context=context).get('/').status == 200


def test_root_is_not_sent(opener, secure):
    """Clients have it; it would only be bytes."""
    done = subprocess.run(['openssl', 's_client', '-proxy', opener.ready['proxy'], '-connect', f'a.test:{secure.port}', '-showcerts'],
                          input=b'', capture_output=True, timeout=20, check=False)
    assert done.stdout.count(b'-----BEGIN CERTIFICATE-----') == 1


def test_wildcards(start_opener, secure):
    """One leaf for the hosts of a domain; none for a public suffix or an address."""
    viaduct = start_opener({'intercept.wildcards': 'true'})
    der = leaf_of(viaduct, f'n1.wild.test:{secure.port}')
    assert 'DNS:*.wild.test' in names_of(der)
    assert leaf_of(viaduct, f'n2.wild.test:{secure.port}') == der
    for name, shown in ('a.test', 'DNS:a.test'), ('one.co.uk', 'DNS:one.co.uk'):
        names = names_of(leaf_of(viaduct, f'127.0.0.1:{secure.port}', name))
        assert shown in names and not any('*' in n for n in names), names
    assert names_of(leaf_of(viaduct, f'127.0.0.1:{secure.port}', None)) == ['IP Address:127.0.0.1']
    context = viaduct.trusting()
    assert viaduct.inside(f'n3.wild.test:{secure.port}', context=context).sock.version()


def test_names_of_the_origin(start_opener, secure, certs):
    """Copied from the origin's certificate, the one asked for among them."""
    viaduct = start_opener({'intercept.copy_names': 'true'})
    names = names_of(leaf_of(viaduct, f'a.test:{secure.port}'))
    assert set(names) == {'DNS:a.test', 'DNS:b.test', 'DNS:c.test', 'DNS:sub.a.test'}
    assert viaduct.fetch(f'https://a.test:{secure.port}/').status == 200


def test_names_of_an_origin_that_does_not_verify(start_opener, origin, certs):
    """Nothing of it is taken over, and the client gets the 502 as without."""
    o = origin(hello(), tls=certs.server(certs.untrusted))
    viaduct = start_opener({'intercept.copy_names': 'true'})
    wire = viaduct.inside(f'good.test:{o.port}')
    assert names_of(wire.leaf()) == ['DNS:good.test']
    assert wire.get('/').status == 502
    assert not o.requests


def test_names_of_an_origin_that_is_dead(start_opener, origin, certs):
    o = origin(hello(), tls=certs.server(certs.good))
    o.close()
    viaduct = start_opener({'intercept.copy_names': 'true'})
    assert viaduct.fetch(f'https://good.test:{o.port}/').status == 502
