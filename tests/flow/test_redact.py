"""Secrets: replaced in exports, in the flow database where the options say so, and nowhere else."""

import gzip
import json
import stat

import pytest

from kit.origin import serve
from kit.proxy import command
from kit.wait import until
from kit.wire import answer, get, post

JSON = 'Content-Type: application/json'
FORM = 'Content-Type: application/x-www-form-urlencoded'
PARTS = 'Content-Type: multipart/form-data; boundary=B'
MULTIPART = b'--B\r\nContent-Disposition: form-data; name="password"\r\n\r\nhush\r\n--B--\r\n'


def respond(request):
    return answer(200, json.dumps({'access_token': 'hush', 'open': 'shown'}).encode(), JSON, 'Set-Cookie: sid=hush; Path=/; HttpOnly',
                  'Location: /next?code=hush&x=shown')


def talk(viaduct, o):
    """Flows with the word hush wherever a secret may stand; the word shown stands elsewhere."""
    secret = ('Authorization: Bearer hush', 'Cookie: a=hush; b=hush', 'X-Api-Key: hush', 'Referer: http://u:hush@h/?token=hush#x',
              'X-Open: shown')
    url = o.url('/a?token=hush&%74oken=hush&open=shown')
    for request in (get(url, *secret), post(url, b'{"password":"hush","open":"shown"}', JSON), post(url, b'open=shown&password=hush', FORM),
                    post(url, MULTIPART, PARTS), post(url, gzip.compress(b'{"a":[{"token":"hush"}]}'), JSON, 'Content-Encoding: gzip')):
        assert viaduct.ask(request).status == 200
    viaduct.wait_flows('/a', 5)


def exported(viaduct, form, *args):
    done = command('export', form, *args, '--data', viaduct.data)
    assert done.returncode == 0, done.stderr
    return done


def raw_bytes(viaduct):
    """The database and its log, as they lie on the disk."""
    return b''.join(p.read_bytes() for p in viaduct.data.glob('flows.db*'))


@pytest.mark.parametrize('form', ['har', 'jsonl', 'curl'])
def test_exports(start, origin, form):
    """On by default in exports, off in the store."""
    viaduct = start({'redirects.mode': 'pass'})
    talk(viaduct, origin(serve(respond)))
    done = exported(viaduct, form)
    assert 'hush' not in done.stdout, done.stdout[max(0, done.stdout.index('hush') - 300):][:600]
    assert 'shown' in done.stdout and 'redacted-' in done.stdout
    assert 'secrets are replaced in 5 of 5 flows' in done.stderr
    assert 'hush' in exported(viaduct, form, '--with-secrets').stdout
    assert b'hush' in raw_bytes(viaduct)


def test_equal_secrets_stay_comparable(start, origin):
    """One hash for one secret, wherever it stands, and in every run."""
    viaduct = start({'redirects.mode': 'pass'})
    talk(viaduct, origin(serve(respond)))
    first = exported(viaduct, 'jsonl').stdout
    hashes = {part[:12] for part in first.split('redacted-')[1:]}
    assert len(hashes) == 2, hashes  # "hush", and "u:hush" of a URL
    assert exported(viaduct, 'jsonl').stdout == first
    key = viaduct.data / 'redact.key'
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    key.unlink()
    assert {part[:12] for part in exported(viaduct, 'jsonl').stdout.split('redacted-')[1:]}.isdisjoint(hashes)


def test_all(start, origin):
    """capture.redact: all: no secret reaches the disk, and exports are none the worse."""
    viaduct = start({'redirects.mode': 'pass', 'capture.redact': 'all'})
    talk(viaduct, origin(serve(respond)))
    viaduct.stop()
    viaduct.is_over = True
    assert b'hush' not in raw_bytes(viaduct)
    stored = exported(viaduct, 'jsonl', '--with-secrets').stdout
    assert 'hush' not in stored and 'shown' in stored
    assert len({part[:12] for part in stored.split('redacted-')[1:]}) == 2
    assert exported(viaduct, 'jsonl').stdout == stored
    # What was packed is stored unpacked, and read so, whatever its head says.
    posts = [e['request']['postData']['text'] for e in json.loads(exported(viaduct, 'har').stdout)['log']['entries'] if 'postData' in e['request']]
    assert len(posts) == 4 and all('redacted-' in p for p in posts), posts
    assert '_contentEncoding' not in exported(viaduct, 'har', '--with-secrets').stdout
    found = command('flows', 'req.header["content-encoding"] == "gzip" && req.body contains "redacted-"', '--data', viaduct.data)
    assert '/a' in found.stdout, found
    shown = command('sql', "SELECT body_text(request_body_id, 'gzip', NULL, request_body_cut) FROM hops WHERE request_body_cut = 'redacted'",
                    '--data', viaduct.data).stdout
    assert '{"a":[{"token":"redacted-' in shown, shown


def test_off(start, origin, tmp_path):
    viaduct = start({'redirects.mode': 'pass', 'capture.redact': 'off'})
    talk(viaduct, origin(serve(respond)))
    file = tmp_path / 'viaduct.yaml'
    file.write_text('capture:\n  redact: "off"\n')
    done = exported(viaduct, 'jsonl', '-c', file)
    assert 'redacted-' not in done.stdout and done.stderr == ''
    assert not (viaduct.data / 'redact.key').exists()


def test_names_of_the_settings(start, origin, tmp_path):
    viaduct = start({'redirects.mode': 'pass'})
    o = origin(serve(respond))
    assert viaduct.ask(post(o.url('/a?mine=hush1&token=shown1'), b'{"Mine":"hush2","password":"shown2"}', JSON, 'X-Mine: hush3',
                            'X-Api-Key: shown3')).status == 200
    viaduct.wait_flows('/a')
    file = tmp_path / 'viaduct.yaml'
    file.write_text('capture: {redact_fields: [x-mine], redact_query: [MINE], redact_json: [mine]}\n')
    text = exported(viaduct, 'jsonl', '-c', file).stdout
    for i in '123':
        assert f'hush{i}' not in text and f'shown{i}' in text


def test_what_cannot_be_looked_through(start, origin):
    """JSON in an unknown coding may hold anything: it is left out, and marked."""
    viaduct = start({'redirects.mode': 'pass'})
    o = origin(serve(lambda r: answer(200, b'\x01hush', JSON, 'Content-Encoding: unheard-of')))
    assert viaduct.ask(get(o.url('/a'))).status == 200
    viaduct.wait_flows('/a')
    content = json.loads(exported(viaduct, 'jsonl').stdout)['chain'][0]['response_content']
    assert content['cut'] == 'redacted' and content['bytes'] == 0
    assert 'hush' not in exported(viaduct, 'har').stdout


LOOSE = [
    (b'{"password":"hush"}', 'application/x-amz-json-1.1'), (b'{"password":"hush"}', 'application/csp-report'),
    (b'{"password":"hush"}', 'application/octet-stream'), (b'data: {"password":"hush"}\n\n', 'text/event-stream'),
    (b'password=hush&a=1', 'text/plain;charset=UTF-8'), (b'{"a":1},{"token":"hush"}', 'text/plain'),
    (b'{"token":"abc\\","x":"hush"}', 'application/json'), (b'next=https%3A%2F%2Fx%2F%3Ftoken%3Dhush', FORM.split(': ')[1]),
    (MULTIPART.replace(b'name="password"', b"name*=UTF-8''password"), PARTS.split(': ')[1]),
]


@pytest.mark.parametrize('where', ['exports', 'all'])
def test_loose_bodies(start, origin, where):
    """Secrets under other types than theirs, in what is nearly JSON, and in URLs within URLs."""
    viaduct = start({'redirects.mode': 'pass', 'capture.redact': where})
    o = origin(serve(lambda r: answer(200, b'{"password":"hush"}', 'Content-Type: text/html', JSON)))
    url = o.url('/a?next=https%3A%2F%2Fx%2F%3Ftoken%3Dhush&open=shown')
    for body, kind in LOOSE:
        assert viaduct.ask(post(url, body, f'Content-Type: {kind}')).status == 200
    viaduct.wait_flows('/a', len(LOOSE))
    for form in ('har', 'jsonl', 'curl'):
        text = exported(viaduct, form).stdout
        assert 'hush' not in text, text[max(0, text.index('hush') - 300):][:600]
        assert 'shown' in text
    viaduct.stop()
    viaduct.is_over = True
    assert (b'hush' in raw_bytes(viaduct)) == (where == 'exports')


def test_large_body_of_another_type_is_kept(start, origin):
    """Of a type that says nothing, only what begins as JSON is kept back until it is whole."""
    size = 6 * 1024 * 1024
    viaduct = start({'redirects.mode': 'pass', 'capture.redact': 'all', 'capture.body_limit': 16 * 1024 * 1024})
    o = origin(serve(lambda r: answer(200, b'<' * size, 'Content-Type: application/octet-stream')))
    assert viaduct.ask(get(o.url('/a'))).status == 200
    viaduct.wait_flows('/a')
    content = json.loads(exported(viaduct, 'jsonl').stdout)['chain'][0]['response_content']
    assert content['bytes'] == size and content['cut'] is None


def test_key_that_cannot_be_made(start, origin):
    viaduct = start({'redirects.mode': 'pass'})
    talk(viaduct, origin(serve(respond)))
    (viaduct.data / 'redact.key').write_text('no key\n')
    done = command('export', 'jsonl', '--data', viaduct.data)
    assert done.returncode == 1 and done.stdout == ''
    assert 'redact.key' in done.stderr and '--with-secrets' in done.stderr
    assert 'hush' in exported(viaduct, 'jsonl', '--with-secrets').stdout


def test_access_log(start, origin, tmp_path):
    """URLs in the access log have no secrets whatever the options say."""
    log = tmp_path / 'access.log'
    viaduct = start({'redirects.mode': 'pass', 'log.access': log, 'capture.redact': 'off'})
    talk(viaduct, origin(serve(respond)))
    until(lambda: log.exists() and len(log.read_text().splitlines()) == 5, 'five lines')
    assert 'hush' not in log.read_text() and 'shown' in log.read_text()


def test_what_is_passed_on_is_untouched(start, origin):
    viaduct = start({'redirects.mode': 'pass', 'capture.redact': 'all'})
    o = origin(serve(respond))
    wire = viaduct.connect()
    response = wire.ask(post(o.url('/a?token=hush'), b'{"password":"hush"}', JSON, 'Authorization: Bearer hush'))
    assert json.loads(response.body)['access_token'] == 'hush' and response.get('Set-Cookie').startswith('sid=hush')
    assert o.last().target == '/a?token=hush' and o.last().body == b'{"password":"hush"}' and o.last().get('Authorization') == 'Bearer hush'
