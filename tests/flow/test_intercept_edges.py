"""Where opening meets the other capabilities: reloads, address rules, the line of an origin, the Host field, origins that are dead."""

import contextlib
import json
import signal
import ssl
import threading
import time

import pytest

from kit.dns import A, AAAA, NameServer
from kit.flows import identity
from kit.origin import hello, serve
from kit.proxy import command
from kit.wait import until
from kit.wire import answer

SILENT_S = 20


class HeldNames(NameServer):
    """Answers when it may."""

    def __init__(self, table):
        self.may = threading.Event()
        super().__init__(table)

    def _reply(self, question, truncate):
        self.may.wait(20)
        return super()._reply(question, truncate)


@pytest.mark.parametrize('how', ['inside', 'redirect'])
def test_reload_while_a_name_is_looked_up(start_opener, origin, certs, how):
    """The trust of the old settings is used to its end by whoever began with it."""
    names = HeldNames({'slow.test': {A: ['127.0.0.1'], AAAA: []}})
    secure = origin(hello(b'there'), tls=certs.server(certs.many))
    plain = origin(serve(lambda r: answer(302, b'', f'Location: https://slow.test:{secure.port}/')))
    viaduct = start_opener({'dns.servers': names.address, 'hosts': 'a.test=127.0.0.1', 'redirects.mode': 'follow'}, workers=1)
    answers = []

    def ask():
        if how == 'inside':
            answers.append(viaduct.fetch(f'https://slow.test:{secure.port}/').status)
        else:
            answers.append(viaduct.ask(f'GET http://a.test:{plain.port}/ HTTP/1.1\r\nHost: a.test\r\n\r\n'.encode()).status)
    thread = threading.Thread(target=ask)
    thread.start()
    try:
        if how == 'redirect':
            plain.wait_requests(1)
        until(lambda: [f for f in viaduct.flows() if f['outcome'] == 'pending'], 'the request under way', every_s=0.1)
        viaduct.signal(signal.SIGHUP)
        until(lambda: 'configuration reloaded' in viaduct.stderr(), 'the reload')
    finally:
        names.may.set()
        thread.join(20)
        names.close()
    assert len(answers) == 1 and answers[0] in (200, 502)
    assert viaduct.is_alive()


@pytest.mark.parametrize('copies', ['false', 'true'])
def test_denied_address_is_never_reached(start_opener, origin, certs, copies):
    secure = origin(hello(), tls=certs.server(certs.many))
    viaduct = start_opener({'access.deny_targets': 'loopback', 'intercept.copy_names': copies})
    assert viaduct.fetch(f'https://a.test:{secure.port}/').status == 403
    assert not secure.peers


def test_names_are_not_waited_for_in_line(start_opener, origin, certs):
    """A nicety must not cost more than it is worth: the handshake goes on, and the request has the line's own time-out."""
    release = threading.Event()

    def slowly(r):
        release.wait(20)
        return answer(200, b'at last')
    secure = origin(serve(slowly), tls=certs.server(certs.many))
    viaduct = start_opener({'intercept.copy_names': 'true', 'upstream.max_per_origin': '1', 'timeouts.queue': '500ms'}, workers=1)
    first = viaduct.inside(f'a.test:{secure.port}')
    first.request('/')
    secure.wait_requests(1)
    second = viaduct.inside(f'a.test:{secure.port}')
    assert second.get('/').status == 503
    release.set()
    assert first.read_response('GET').body == b'at last'
    second.close()
    first.close()


STRANGE = 'sha256/' + 'A' * 43 + '='


def test_tls_rules_go_by_the_name_that_is_verified(start_opener, origin, certs, token):
    """The Host field is the client's to fill; it neither lifts a pin, nor verification, nor asks for somebody's certificate."""
    server = certs.server(certs.many)
    server.verify_mode = ssl.CERT_OPTIONAL
    server.load_verify_locations(certs.ca)
    shown = []

    def note(r):
        shown.append(r.peer.sock.getpeercert())
        return answer(200, b'fronted')
    many = origin(serve(note), tls=server)
    strange = origin(hello(), tls=certs.server(certs.untrusted))
    viaduct = start_opener(rules=f'  - when: host == "a.test"\n    client_cert: {certs.client_only}\n    client_key: {certs.key_of(certs.client_only)}\n'
                           f'  - when: host == "other.test"\n    verify: false\n'
                           f'  - when: host == "b.test"\n    pins: ["{STRANGE}"]\n', workers=1)
    assert viaduct.fetch(f'https://b.test:{many.port}/').status == 502
    assert viaduct.fetch(f'https://b.test:{many.port}/', host='c.test').status == 502
    assert viaduct.fetch(f'https://good.test:{strange.port}/', host='other.test').status == 502
    assert not shown
    assert viaduct.fetch(f'https://c.test:{many.port}{token}', host='a.test').body == b'fronted'
    assert shown == [None] or shown == [{}]
    assert 'another host' in viaduct.wait_shown(token)['detail']


def test_identity_is_of_the_name_that_is_verified(start_opener, origin, certs, token):
    many = origin(hello(), tls=certs.server(certs.many))
    viaduct = start_opener()
    assert viaduct.fetch(f'https://b.test:{many.port}{token}', host='bank.example').status == 200
    record = viaduct.wait_shown(token)
    assert record['url'].startswith('https://bank.example/') and identity(record['chain'][0])
    rows = [json.loads(line) for line in command('identities', '--json', '--data', viaduct.data).stdout.splitlines()]
    assert [(row['host'], row['port']) for row in rows] == [('b.test', many.port)]


def test_dead_origin_is_not_waited_for(start_opener, origin):
    """A client that waits for a greeting is let go soon, not when the tunnel is too long idle."""
    dead = origin(hello())
    port = dead.port
    dead.close()
    viaduct = start_opener()
    wire = viaduct.tunnel(f'a.test:{port}')
    began = time.monotonic()
    with contextlib.suppress(OSError):
        assert wire.read_eof() == b''
    assert time.monotonic() - began < SILENT_S
    record = viaduct.wait_tunnel(f'a.test:{port}')
    assert (record['outcome'], record['error']) == ('failed', 'connect_refused')
    # Who begins TLS at once is told inside.
    assert viaduct.fetch(f'https://a.test:{port}/').status == 502


def test_connection_without_a_request_is_given_back(start_opener, origin):
    """A browser opens tunnels in advance; what was begun for them does not stand at the origin for as long as they do."""
    ended = threading.Event()

    def script(peer):
        assert peer.read_eof() == b''
        ended.set()
    o = origin(script)
    viaduct = start_opener({'timeouts.client_idle': '60s'})
    wire = viaduct.inside(f'a.test:{o.port}')
    until(ended.is_set, 'the end of the connection that nobody used')
    wire.assert_silent()
    wire.close()


def test_blocked_by_the_name_in_the_hello(start_opener, origin, certs):
    """A tunnel by address is blocked by its name once that is known, though it cannot be opened."""
    many = origin(hello(), tls=certs.server(certs.many))
    viaduct = start_opener(rules='  - when: host == "a.test"\n    block: true\n')
    authority = f'127.0.0.1:{many.port}'
    context = ssl._create_unverified_context()
    context.set_alpn_protocols(['h2'])
    wire = viaduct.tunnel(authority)
    with pytest.raises((ssl.SSLError, OSError)):
        context.wrap_socket(wire.sock, server_hostname='a.test')
    assert viaduct.wait_tunnel(authority)['error'] == 'blocked'
    assert not many.requests
