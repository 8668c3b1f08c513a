"""Which Location is followed, and to where: RFC 3986 section 5 from the hop that answered; what is not exactly right is handed over."""

import pytest

from kit.origin import always, hello
from kit.redirects import decisions, following, moved, routes, there
from kit.wire import answer, get

shared_proxy = following()

BASE = '/dir/sub/page?q=1'
RELATIVE = [
    ('/abs', '/abs'), ('other', '/dir/sub/other'), ('./x', '/dir/sub/x'), ('../x', '/dir/x'), ('../../../../x', '/x'),
    ('?only=query', '/dir/sub/page?only=query'), ('/a/./b/../c', '/a/c'), ('..', '/dir/'), ('.', '/dir/sub/'), ('x#frag', '/dir/sub/x'),
    ('x/', '/dir/sub/x/'), ('x?y/../z', '/dir/sub/x?y/../z'), ('../..', '/'), ('/..', '/'), ('/a/b/..', '/a/'),
    ('/a%2fb%0d%0a%41', '/a%2fb%0d%0a%41'), ('/with space', '/with%20space'), ('/<">', '/%3C%22%3E'),
    ('/^{|}`', '/%5E%7B%7C%7D%60'), ('  /trimmed\t', '/trimmed'), ('/\xe4', '/%E4'), ('/\xff\xfe', '/%FF%FE'),
    ('/a;b=c?d=e/../f', '/a;b=c?d=e/../f'), ('/x?', '/x?'), ('/x?a#b?c', '/x?a'), ("/!$&'()*+,;=:@-._~", "/!$&'()*+,;=:@-._~"),
    ('/a//b', '/a//b'), (';x', '/dir/sub/;x'), ('g;x=1/../y', '/dir/sub/y'),
    # What cannot be a scheme begins a path, as browsers have it.
    ('://b.test/', '/dir/sub/://b.test/'), ('1http://b.test/', '/dir/sub/1http://b.test/'),
    ('h t://b.test/', '/dir/sub/h%20t://b.test/'),
    ('/' + 'l' * 8000, '/' + 'l' * 8000),
]


@pytest.mark.parametrize('location, target', RELATIVE, ids=[r[0][:20] for r in RELATIVE])
def test_relative(proxy, origin, location, target):
    o = origin(routes({BASE: moved(location)}, answer(200, b'there')))
    assert proxy.ask(get(o.url(BASE))).body == b'there'
    assert o.last().target == target


# RFC 3986 section 5.4, from http://a/b/c/d;p?q: what is http and stays there.
RFC_3986 = [
    ('g', '/b/c/g'), ('./g', '/b/c/g'), ('g/', '/b/c/g/'), ('/g', '/g'), ('?y', '/b/c/d;p?y'), ('g?y', '/b/c/g?y'), ('g#s', '/b/c/g'),
    ('g?y#s', '/b/c/g?y'), (';x', '/b/c/;x'), ('g;x', '/b/c/g;x'), ('g;x?y#s', '/b/c/g;x?y'), ('.', '/b/c/'), ('./', '/b/c/'),
    ('..', '/b/'), ('../', '/b/'), ('../g', '/b/g'), ('../..', '/'), ('../../', '/'), ('../../g', '/g'), ('../../../g', '/g'),
    ('../../../../g', '/g'), ('/./g', '/g'), ('/../g', '/g'), ('g.', '/b/c/g.'), ('.g', '/b/c/.g'), ('g..', '/b/c/g..'),
    ('..g', '/b/c/..g'), ('./../g', '/b/g'), ('./g/.', '/b/c/g/'), ('g/./h', '/b/c/g/h'), ('g/../h', '/b/c/h'),
    ('g;x=1/./y', '/b/c/g;x=1/y'), ('g;x=1/../y', '/b/c/y'), ('g?y/./x', '/b/c/g?y/./x'), ('g?y/../x', '/b/c/g?y/../x'),
    ('g#s/./x', '/b/c/g'), ('g#s/../x', '/b/c/g'),
]


@pytest.mark.parametrize('location, target', RFC_3986, ids=[r[0] for r in RFC_3986])
def test_examples_of_rfc_3986(proxy, origin, location, target):
    o = origin(routes({'/b/c/d;p?q': moved(location)}, there))
    assert proxy.ask(get(o.url('/b/c/d;p?q'))).status == 200
    assert o.last().target == target


ABSOLUTE = [('http://{b}/end', '/end'), ('HTTP://B.TEST:{port}/end', '/end'), ('//{b}/end', '/end'), ('http://{b}', '/'),
            ('http://{b}?x', '/?x'), ('http://{b}#x', '/'), ('http://{b}/end#frag', '/end'), ('//{b}', '/'),
            ('http://{b}/../../end', '/end')]


@pytest.mark.parametrize('location, target', ABSOLUTE)
def test_absolute(proxy, origin, location, target):
    b = origin(hello(b'at b'))
    a = origin(always(moved(location.format(b=f'b.test:{b.port}', port=b.port))))
    assert proxy.ask(get(a.url('/', host='a.test'))).body == b'at b'
    assert b.last().target == target
    assert b.last().all('host') == [f'b.test:{b.port}']


def test_resolved_against_the_hop_that_answered(proxy, origin):
    """Not against the first URL."""
    o = origin(routes({'/x/y/z': moved('/one/two/three'), '/one/two/three': moved('four'), '/one/two/four': there}))
    assert proxy.ask(get(o.url('/x/y/z'))).status == 200


def test_ipv6_literal(proxy, origin):
    o = origin(hello(b'over six'), host='::1')
    a = origin(always(moved(o.url('/end'))))
    assert proxy.ask(get(a.url('/'))).body == b'over six'
    assert o.last().all('host') == [f'[::1]:{o.port}']


def test_names_in_other_scripts(start, origin):
    """Raw UTF-8 goes as A-labels."""
    o = origin(routes({'/': lambda r: moved(f'http://B\xc3\xbccher.test:{o.port}/end')}, there))
    viaduct = start({'redirects.mode': 'follow', 'hosts': 'xn--bcher-kva.test=127.0.0.1'})
    response = viaduct.ask(get(o.url('/'), 'Authorization: Basic x'))
    assert response.status == 200 and o.last().get('host') == f'xn--bcher-kva.test:{o.port}'
    assert response.get('viaduct-final-url') == f'http://xn--bcher-kva.test:{o.port}/end'


REFUSED = [
    '', 'ftp://b.test/x', 'javascript:alert(1)', 'file:///etc/passwd', 'myapp://callback', 'data:text/html,x', 'mailto:x@b.test',
    'gopher://b.test:70/x', 'about:blank', 'blob:http://b.test/1', 'ws://b.test/', 'view-source:http://b.test/', 'unix:/run/x.sock',
    'http+unix://%2Frun%2Fx.sock/', 'http://user:pw@b.test/', 'http://@b.test/', '//user@b.test/',
    'http:\\\\b.test\\x', '/a\\b', 'http://a.test\\@b.test/', 'http://b.test\\/', 'http://b.test:0/', 'http://b.test:99999/',
    'http://b.test:65536/', 'http://b.test:4294967376/', 'http://b.test:8x/', 'http://b.test:+80/', 'http://b.test:-1/', 'http:///x',
    'http:/x', 'http:x', 'http:', 'http://:80/', 'http://[::1/', 'http://::1/', 'http://[fe80::1%25eth0]/', 'http://[fe80::1%eth0]/',
    'http://127.1/', 'http://0x7f000001/', 'http://2130706433/', 'http://0177.0.0.1/', 'http://127.0.0.1.5/', 'http://256.0.0.1/',
    'http://' + 'a' * 64 + '.test/', 'http://' + '.'.join(['a' * 60] * 5) + '/', 'http://b\xe4.test/', 'http://b test/',
    'http://b%20.test/',
    'http://b%2etest/', 'http://b..test/', 'http://.b.test/', 'http://b.test/\x01', '/\x7f', 'h\x0bttp://b.test/',
    'http://*.test/', 'http://b,c.test/', 'http://[v1.x]/',
]


@pytest.mark.parametrize('location', REFUSED, ids=[f'{i}:{r[:24]!a}' for i, r in enumerate(REFUSED)])
def test_handed_over(proxy, origin, location):
    o = origin(always(moved(location)))
    response = proxy.ask(get(o.url('/')))
    assert (response.status, response.body) == (302, b'moved')
    assert response.all('location') == [location]
    assert len(o.requests) == 1


def test_reasons_are_recorded(start, origin):
    """Each redirect that is handed over says why, in the record and to the client."""
    table = {f'/{i}': moved(location) for i, location in enumerate(REFUSED)}
    o = origin(routes({**table, '/twice': answer(302, b'', 'Location: /one', 'Location: /two'), '/none': answer(302, b'')}))
    viaduct = start({'redirects.mode': 'follow'})
    wire = viaduct.connect()
    for target in [*table, '/twice', '/none']:
        response = wire.ask(get(o.url(target)))
        assert response.status == 302, target
    for flow in viaduct.wait_flows(o.authority, len(table) + 2):
        said = decisions(viaduct.show(flow['id']))
        assert len(said) == 1 and said[0].startswith('returned: '), (flow['url'], said)


def test_returned_redirect_is_told(proxy, origin):
    o = origin(always(moved('myapp://callback')))
    response = proxy.ask(get(o.url('/')))
    assert response.status == 302
    assert response.has('proxy-status') and not response.has('viaduct-final-url')


def test_missing(proxy, origin):
    o = origin(always(answer(302, b'where?')))
    response = proxy.ask(get(o.url('/')))
    assert (response.status, response.body) == (302, b'where?')
    assert len(o.requests) == 1


def test_twice(proxy, origin):
    same = origin(routes({'/': answer(302, b'', 'Location: /end', 'Location: /end'), '/end': answer(200, b'there')}))
    assert proxy.ask(get(same.url('/'))).body == b'there'
    other = origin(always(answer(302, b'', 'Location: /one', 'Location: /two')))
    response = proxy.ask(get(other.url('/')))
    assert (response.status, response.all('location')) == (302, ['/one', '/two'])
    assert len(other.requests) == 1


def test_field_in_any_case(proxy, origin):
    for name in 'location', 'LOCATION', 'LoCaTiOn':
        o = origin(routes({'/': answer(302, b'', f'{name}: /end'), '/end': there}))
        assert proxy.ask(get(o.url('/'))).status == 200


def test_other_fields_are_not_location(proxy, origin):
    fields = ['Content-Location: /end', 'Refresh: 0; url=/end', 'X-Location: /end', 'Link: </end>; rel="canonical"', 'URI: /end']
    o = origin(always(answer(302, b'', *fields)))
    assert proxy.ask(get(o.url('/'))).status == 302
    o = origin(always(answer(200, b'<meta http-equiv=refresh content="0; url=/end">', *fields)))
    assert proxy.ask(get(o.url('/'))).status == 200
    assert len(o.requests) == 1


@pytest.mark.parametrize('wish, userinfo', [('drop', 'user:pw@'), ('drop', 'user@'), ('drop', '@')])
def test_userinfo_can_be_dropped(start, origin, wish, userinfo):
    """Followed without it, and no Basic credentials are made of it."""
    b = origin(hello(b'there'))
    a = origin(always(moved(f'http://{userinfo}127.0.0.1:{b.port}/end')))
    viaduct = start({'redirects.mode': 'follow', 'redirects.userinfo': wish})
    response = viaduct.ask(get(a.url('/go'), 'Authorization: Basic mine'))
    assert (response.status, response.body) == (200, b'there')
    assert b.last().target == '/end' and not b.last().has('authorization')
    record = viaduct.wait_shown('/go')
    assert 'pw' not in record['final_url'] and 'user' not in response.get('viaduct-final-url')


def test_fragments_are_reported_and_never_sent(proxy, origin, token):
    """A fragment lasts until another replaces it, as a browser would have it."""
    o = origin(routes({token: moved('/one#first'), '/one': moved('/two'), '/two': moved('/three#last?x'),
                       '/three': moved('/four')}, there))
    response = proxy.ask(get(o.url(token)))
    assert response.status == 200
    assert all('#' not in r.target for r in o.requests)
    assert proxy.wait_shown(token)['final_url'] == o.url('/four#last?x')
    assert response.get('viaduct-final-url') == o.url('/four')


def test_fragment_of_an_early_hop_is_inherited(proxy, origin, token):
    o = origin(routes({token: moved('/one#kept'), '/one': moved('/two')}, there))
    assert proxy.ask(get(o.url(token))).status == 200
    assert proxy.wait_shown(token)['final_url'] == o.url('/two#kept')
