"""The engine inside a tunnel: redirects followed on the proxy, retries, rules, credentials; the same as for plain HTTP."""

import subprocess

import pytest

from kit.intercept import Opener
from kit.origin import always, hello, serve
from kit.redirects import moved, routes, there
from kit.wire import answer


@pytest.fixture(scope='module')
def shared_opener(tmp_path_factory, certs):
    viaduct = Opener(tmp_path_factory.mktemp('opener'), certs, {'redirects.mode': 'follow'})
    try:
        yield viaduct
        viaduct.stop()
    finally:
        viaduct.kill()


@pytest.fixture
def many(origin, certs):
    """many(script) -> an origin of a.test, b.test, c.test."""
    return lambda script: origin(script, tls=certs.server(certs.many))


def test_redirect_to_another_origin(opener, many, token):
    """https to https: the client sees the end only, the origin of the redirect is verified for its own name."""
    target = many(routes({'/end': there}))
    first = many(always(moved(f'https://b.test:{target.port}/end')))
    response = opener.fetch(f'https://a.test:{first.port}{token}')
    assert (response.status, response.body) == (200, b'GET b.test/end 0')
    record = opener.wait_shown(token)
    assert [h['url'] for h in record['chain']] == [f'https://a.test:{first.port}{token}', f'https://b.test:{target.port}/end']
    assert record['final_url'] == f'https://b.test:{target.port}/end'
    assert record['parent_id']


def test_redirect_within_an_origin(opener, many):
    o = many(routes({'/go': moved('/end'), '/end': there}))
    assert opener.fetch(f'https://a.test:{o.port}/go').body == b'GET a.test/end 0'


def test_redirect_chain_over_three_origins(opener, many):
    c = many(routes({'/3': there}))
    b = many(routes({'/2': moved(f'https://c.test:{c.port}/3')}))
    a = many(routes({'/1': moved(f'https://b.test:{b.port}/2', 307)}))
    response = opener.fetch(f'https://a.test:{a.port}/1', method='POST', body=b'12345')
    assert response.body == b'GET c.test/3 0'


def test_redirect_keeps_the_body(opener, many):
    b = many(routes({'/end': there}))
    a = many(always(moved(f'https://b.test:{b.port}/end', 308)))
    assert opener.fetch(f'https://a.test:{a.port}/', method='PUT', body=b'12345').body == b'PUT b.test/end 5'
    assert b.last().body == b'12345'


def test_credentials_do_not_go_along(opener, many):
    b = many(hello())
    a = many(always(moved(f'https://b.test:{b.port}/end')))
    opener.fetch(f'https://a.test:{a.port}/', 'Authorization: Basic eA==', 'Cookie: a=b')
    assert a.last().has('authorization')
    assert not b.last().has('authorization') and not b.last().has('cookie')


def test_redirect_to_an_origin_that_does_not_verify(opener, origin, many, certs, token):
    bad = origin(hello(b'must not be seen'), tls=certs.server(certs.expired))
    a = many(always(moved(f'https://good.test:{bad.port}/end')))
    response = opener.fetch(f'https://a.test:{a.port}{token}')
    assert response.status == 502 and b'must not be seen' not in response.body
    assert not bad.requests
    assert opener.wait_flow(token)['error'] == 'tls_certificate'


def test_downgrade_is_passed(opener, many, origin, token):
    plain = origin(hello())
    a = many(always(moved(plain.url('/plain'))))
    response = opener.fetch(f'https://a.test:{a.port}{token}')
    assert (response.status, response.get('location')) == (302, plain.url('/plain'))
    assert not plain.requests


def test_pass_by_rule(start_opener, many):
    b = many(hello())
    a = many(always(moved(f'https://b.test:{b.port}/end')))
    viaduct = start_opener({'redirects.mode': 'follow'}, rules='''
  - when: host == "a.test"
    redirects: pass
''')
    assert viaduct.fetch(f'https://a.test:{a.port}/').status == 302
    assert not b.requests


def test_block_by_rule(start_opener, many, token):
    """By what is inside: the path cannot be known of the CONNECT."""
    o = many(hello())
    viaduct = start_opener(rules='''
  - name: no admin
    when: scheme == "https" && path ~ "^/admin"
    block: true
''')
    wire = viaduct.inside(f'a.test:{o.port}')
    assert wire.get(token).status == 200
    assert wire.get('/admin/x').status == 403
    assert wire.get(token).status == 200
    assert [r.target for r in o.requests] == [token, token]


def test_rate_by_rule(start_opener, many):
    o = many(hello())
    viaduct = start_opener(rules='''
  - when: path == "/limited"
    rate: 1/h
''')
    wire = viaduct.inside(f'a.test:{o.port}')
    assert [wire.get('/limited').status for _ in range(3)] == [200, 429, 429]
    assert wire.get('/free').status == 200


def test_retry_on_a_kept_connection_that_ends(opener, origin, certs, token):
    """The origin closes a kept connection under the request: it is sent again on a new one."""
    def first(peer):
        peer.read_request()
        peer.send(answer(200, b'first'))
        peer.read_request()
        peer.reset()
    o = origin([first, hello(b'again')], tls=certs.server(certs.many))
    wire = opener.inside(f'a.test:{o.port}')
    assert wire.get('/').body == b'first'
    assert wire.get(token).body == b'again'
    assert opener.wait_flow(token)['retries'] == 1


def test_retry_by_rule(start_opener, origin, certs, token):
    answers = [answer(503, b'', 'Retry-After: 0'), answer(200, b'well')]
    o = origin(serve(lambda r: answers.pop(0)), tls=certs.server(certs.many))
    viaduct = start_opener({'retry.enabled': 'true'})
    assert viaduct.fetch(f'https://a.test:{o.port}{token}').body == b'well'
    assert viaduct.wait_flow(token)['retries'] == 1


def test_prime_is_used_once(opener, many):
    """The connection made while the client shook hands carries the first request; no second is made."""
    o = many(hello())
    opener.fetch(f'https://a.test:{o.port}/1')
    assert len(o.peers) == 1


def test_host_inside_differs(opener, many, token):
    """The request goes where the tunnel leads, whatever its Host says; the record notes it."""
    o = many(serve(lambda r: answer(200, r.get('host').encode())))
    wire = opener.inside(f'a.test:{o.port}', host='b.test')
    assert wire.get(token).body == b'b.test'
    record = opener.wait_shown(token)
    assert 'b.test' in str(record)
    assert o.requests


def test_host_inside_differs_and_is_refused(start_opener, many, token):
    o = many(hello())
    viaduct = start_opener({'intercept.host_mismatch': 'refuse'})
    wire = viaduct.inside(f'a.test:{o.port}', host='b.test')
    assert wire.get(token).status == 421
    assert not o.requests
    assert viaduct.wait_flow(token)['error'] == 'host_mismatch'
    assert viaduct.fetch(f'https://a.test:{o.port}/').status == 200


def test_target_classes_hold_inside(start_opener, many, token):
    """What the rules refuse of redirects outside, they refuse inside."""
    b = many(hello())
    a = many(always(moved(f'https://127.0.0.1:{b.port}/end')))
    viaduct = start_opener({'redirects.mode': 'follow', 'access.deny_targets': 'loopback'})
    wire = viaduct.connect()
    response = wire.ask(f'CONNECT a.test:{a.port} HTTP/1.1\r\nHost: x\r\n\r\n'.encode())
    if response.status == 200:
        assert viaduct.secure(wire, f'a.test:{a.port}').get(token).status == 403
    else:
        assert response.status == 403
    assert not a.requests and not b.requests


def test_user_of_the_connect(start_opener, many, token, tmp_path):
    """The proxy's password is asked for once, at the CONNECT; its user is that of all flows inside."""
    o = many(hello())
    users = tmp_path / 'users'
    users.write_text(subprocess.run(['htpasswd', '-nbB', '-C', '4', 'ann', 'secret'], capture_output=True, text=True, check=True).stdout)
    users.chmod(0o600)
    viaduct = start_opener({'access.users_file': users})
    wire = viaduct.tunnel(f'a.test:{o.port}', 'Proxy-Authorization: Basic YW5uOnNlY3JldA==')
    wire = viaduct.secure(wire, f'a.test:{o.port}')
    assert wire.get(token).status == 200
    assert viaduct.wait_shown(token)['user'] == 'ann'
    assert not o.last().has('proxy-authorization')
