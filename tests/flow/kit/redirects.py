"""What the tests of redirects share: answers that redirect, origins by route, and a proxy that follows."""

import pytest

from kit.origin import serve
from kit.proxy import Viaduct
from kit.wire import answer

NAMES = ('a.test', 'b.test', 'c.test', 'sub.a.test', 'www.b.test', 'deep.sub.a.test', 'one.co.uk', 'two.co.uk', 'A-2.test')
HOSTS = ', '.join(f'{name}=127.0.0.1' for name in NAMES)
FOLLOW = {'redirects.mode': 'follow', 'hosts': HOSTS}


def moved(to, status=302, *fields, body=b'moved'):
    """A redirect."""
    return answer(status, body, f'Location: {to}', *fields)


def routes(table, default=None):
    """A script: what is found under the host with the target ('b.test/x'), else under the target: bytes, or a function of the
    request that returns them."""
    def responder(request):
        host = request.get('host', '').rsplit(':', 1)[0]
        found = table.get(host + request.target) or table.get(request.target) or default
        if found is None:
            found = answer(404, b'no ' + request.target.encode())
        return found(request) if callable(found) else found
    return serve(responder)


def there(request):
    """For routes: the end of a chain; its body says what arrived."""
    body = f'{request.method} {request.get("host").rsplit(":", 1)[0]}{request.target} {len(request.body)}'.encode()
    if request.method == 'HEAD':
        return answer(200, b'', f'Content-Length: {len(body)}', length=False)
    return answer(200, body)


def following(options=None, **how):
    """A fixture: the file's proxy follows. `shared_proxy = following()`."""
    @pytest.fixture(scope='module', name='shared_proxy')
    def shared(tmp_path_factory):
        viaduct = Viaduct(tmp_path_factory.mktemp('follow'), {**FOLLOW, **(options or {})}, **how)
        try:
            yield viaduct
            viaduct.stop()
        finally:
            viaduct.kill()
    return shared


def decisions(record):
    """What was decided after each hop."""
    return [hop['decision'] or '' for hop in record['chain']]


def dropped(hop):
    """Fields that were withheld from a hop: lower-case name -> why."""
    return {d['name'].lower(): d['why'] for d in hop['dropped'] or ()}
