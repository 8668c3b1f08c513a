"""TLS towards origins: reached by a followed redirect; verified by name, address, chain and date."""

import ssl

import pytest

from kit.origin import always, hello, once
from kit.wire import answer, get

HOSTS = 'good.test=127.0.0.1'


@pytest.fixture
def follow(start, certs, origin):
    """follow(target URL, options) -> (proxy, response): the redirect to it, followed."""
    def ask(to, options=None, path='/go', viaduct=None):
        viaduct = viaduct or start({'redirects.mode': 'follow', 'hosts': HOSTS, 'upstream.ca_file': certs.ca, **(options or {})}, workers=1)
        o = origin(always(answer(302, b'', f'Location: {to}')))
        return viaduct, viaduct.ask(get(o.url(path)))
    return ask


def test_verified_by_name(follow, origin, certs):
    o = origin(hello(b'over tls'), tls=certs.server(certs.good))
    viaduct, response = follow(o.url('/end', host='good.test'))
    assert (response.status, response.body) == (200, b'over tls')
    hop = viaduct.wait_shown('/go')['chain'][1]
    assert hop['tls_version'] == 'TLSv1.3' and hop['tls_cipher'].startswith('TLS_')
    assert hop['tls_us'] > 0
    assert o.last().all('host') == [f'good.test:{o.port}']


@pytest.mark.parametrize('host', ['127.0.0.1', '::1'])
def test_verified_by_address(follow, origin, certs, host):
    o = origin(hello(b'over tls'), host=host, tls=certs.server(certs.address))
    assert follow(o.url('/end'))[1].body == b'over tls'


def test_server_name_is_sent_for_names_only(follow, origin, certs):
    seen = []
    server = certs.server(certs.good)
    server.sni_callback = lambda sock, name, ctx: seen.append(name)
    follow(origin(hello(), tls=server).url('/end', host='good.test'))
    server = certs.server(certs.address)
    server.sni_callback = lambda sock, name, ctx: seen.append(name)
    follow(origin(hello(), tls=server).url('/end'))
    assert seen == ['good.test', None]


@pytest.mark.parametrize('kind', ['wrong_host', 'expired', 'not_yet', 'untrusted', 'self_signed', 'client_only', 'address'])
def test_certificate_that_does_not_verify(follow, origin, certs, kind):
    """502 with the reason, and the origin never sees a request."""
    o = origin(hello(b'over tls'), tls=certs.server(getattr(certs, kind)))
    viaduct, response = follow(o.url('/end', host='good.test'))
    assert response.status == 502
    assert 'tls_certificate_error' in response.get('proxy-status')
    assert b'over tls' not in response.body
    assert not o.requests
    record = viaduct.wait_shown('/go')
    assert (record['outcome'], record['error']) == ('failed', 'tls_certificate')
    assert record['chain'][1]['detail']


def test_address_without_address_name(follow, origin, certs):
    """A certificate for names does not stand for an address."""
    o = origin(hello(), tls=certs.server(certs.good))
    viaduct, response = follow(o.url('/end'))
    assert response.status == 502
    assert viaduct.wait_flow('/go')['error'] == 'tls_certificate'


def test_system_store_alone_does_not_trust_the_root(follow, origin, certs):
    o = origin(hello(), tls=certs.server(certs.good))
    viaduct, response = follow(o.url('/end', host='good.test'), {'upstream.ca_file': ''})
    assert response.status == 502
    assert viaduct.wait_flow('/go')['error'] == 'tls_certificate'


def test_clear_text_behind_https(follow, origin):
    def script(peer):
        peer.read_some()
        peer.send(answer(400, b'this is no TLS'))
    o = origin(script)
    viaduct, response = follow(f'https://good.test:{o.port}/end')
    assert response.status == 502
    assert viaduct.wait_flow('/go')['error'] in ('tls_protocol', 'origin_closed', 'tls_alert')


def test_origin_that_speaks_garbage(follow, origin):
    def script(peer):
        peer.read_some()
        peer.send(b'220 mail.test ESMTP\r\n' * 10)
    o = origin(script)
    viaduct, response = follow(f'https://good.test:{o.port}/end')
    assert response.status == 502
    assert viaduct.wait_flow('/go')['error'] == 'tls_protocol'


def test_origin_that_ends_the_handshake_with_an_alert(follow, origin, certs):
    server = certs.server(certs.good)
    server.sni_callback = lambda sock, name, ctx: ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
    viaduct, response = follow(origin(hello(), tls=server).url('/end', host='good.test'))
    assert response.status == 502
    assert viaduct.wait_flow('/go')['error'] == 'tls_alert'


def test_tls_1_2(follow, origin, certs):
    o = origin(hello(b'1.2'), tls=certs.server(certs.good, maximum=ssl.TLSVersion.TLSv1_2))
    viaduct, response = follow(o.url('/end', host='good.test'))
    assert response.body == b'1.2'
    assert viaduct.wait_shown('/go')['chain'][1]['tls_version'] == 'TLSv1.2'


@pytest.mark.parametrize('is_in_order', [True, False], ids=['close_notify', 'without'])
@pytest.mark.parametrize('maximum', [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_resumption(follow, origin, certs, maximum, is_in_order):
    """A second handshake with the same origin resumes the session of the first, however the first has ended."""
    def script(peer):
        peer.read_request()
        peer.send(answer(200, b'x', 'Connection: close'))
        if is_in_order:
            peer.sock.unwrap()
    o = origin(script, tls=certs.server(certs.good, maximum=maximum))
    viaduct, response = follow(o.url('/end', host='good.test'))
    assert response.status == 200
    assert follow(o.url('/end', host='good.test'), path='/again', viaduct=viaduct)[1].status == 200
    assert not viaduct.wait_shown('/go')['chain'][1]['tls_resumed']
    assert viaduct.wait_shown('/again')['chain'][1]['tls_resumed']


def test_session_is_not_used_for_another_name(follow, origin, certs):
    """What verified for one name must not stand for another."""
    o = origin(once(answer(200, b'x', 'Connection: close')), tls=certs.server(certs.good))
    viaduct, response = follow(o.url('/end', host='good.test'), {'hosts': f'{HOSTS}, other.test=127.0.0.1'})
    assert response.status == 200
    response = follow(o.url('/end', host='other.test'), path='/again', viaduct=viaduct)[1]
    assert response.status == 502
    assert viaduct.wait_flow('/again')['error'] == 'tls_certificate'


def test_truncated_body(start, origin, certs):
    """The end of TLS without close_notify in the middle of a length is an incomplete response."""
    o = origin(once(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf'), tls=certs.server(certs.good))
    seed = origin(always(answer(302, b'', f'Location: {o.url("/end", host="good.test")}')))
    viaduct = start({'redirects.mode': 'follow', 'hosts': HOSTS, 'upstream.ca_file': certs.ca})
    wire = viaduct.connect()
    wire.send(get(seed.url('/go')))
    wire.read_response(body=False)
    assert wire.read_eof() == b'half'
    assert viaduct.wait_flow('/go')['error'] == 'response_incomplete'


def test_downgrade_is_passed(follow, origin, certs):
    """https to http is handed over."""
    plain = origin(hello())
    o = origin(always(answer(302, b'down', f'Location: {plain.url("/plain")}')), tls=certs.server(certs.good))
    viaduct, response = follow(o.url('/end', host='good.test'))
    assert (response.status, response.get('location')) == (302, plain.url('/plain'))
    assert not plain.requests


def test_large_body_over_tls(follow, origin, certs):
    body = bytes(range(256)) * 8192
    o = origin(always(answer(200, body)), tls=certs.server(certs.good))
    assert follow(o.url('/end', host='good.test'))[1].body == body


def test_credentials_are_dropped_on_the_way_to_https(start, origin, certs):
    o = origin(hello(), tls=certs.server(certs.good))
    first = origin(always(answer(302, b'', f'Location: {o.url("/end", host="good.test")}')))
    viaduct = start({'redirects.mode': 'follow', 'hosts': HOSTS, 'upstream.ca_file': certs.ca})
    assert viaduct.ask(get(first.url('/', host='good.test'), 'Authorization: Basic x')).status == 200
    assert not o.last().has('authorization')
