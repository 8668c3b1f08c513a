"""HAR files: read, checked against the published JSON schema, and taken apart."""

import base64
import json
import os
import pathlib
import subprocess

from kit.proxy import ROOT, command, environment

CHECK = ROOT / 'tests/flow/har/check.js'
MODULES = pathlib.Path(os.environ.get('HAR_MODULES') or ROOT / '.build/har')


def read(path):
    """The log of a file."""
    with open(path, encoding='utf-8') as f:
        return json.load(f)['log']


def assert_valid(*paths):
    """By the schema, and by what it does not say."""
    assert (MODULES / 'node_modules').is_dir(), f'{MODULES} is not there: `tests/run flow` makes it, with npm'
    done = subprocess.run(['node', CHECK, *map(str, paths)], capture_output=True, text=True, timeout=120, check=False,
                          env=environment(HAR_CHECK_MODULES=str(MODULES)))
    assert done.returncode == 0, done.stdout + done.stderr
    for path in paths:
        for entry in read(path)['entries']:
            assert_sound(entry)


def assert_sound(entry):
    """What HAR demands in words: the time is the sum of its parts, ssl is part of connect, texts are what they say."""
    timings = entry['timings']
    parts = [timings[p] for p in ('blocked', 'dns', 'connect', 'send', 'wait', 'receive')]
    assert abs(entry['time'] - sum(p for p in parts if p > 0)) < 0.01, entry
    assert timings['ssl'] <= timings['connect'], timings
    assert min(timings['send'], timings['wait'], timings['receive']) >= 0, timings
    assert '://' in entry['request']['url'] or entry['request']['url'] == 'about:invalid', entry['request']['url']
    body(entry['response']['content'])
    if 'postData' in entry['request']:
        body(entry['request']['postData'])


def body(holder):
    """The bytes of postData, or of content."""
    encoding = holder.get('encoding') or holder.get('_encoding')
    assert encoding in (None, 'base64'), encoding
    text = holder.get('text', '')
    return base64.b64decode(text, validate=True) if encoding else text.encode()


def pairs(items):
    """Headers, cookies and the like as pairs; exact bytes where there are some."""
    return [(i['name'], bytes.fromhex(i['_valueHex']) if '_valueHex' in i else i['value']) for i in items]


def value(message, name):
    """The first header of that name; None if there is none."""
    return next((v for n, v in pairs(message['headers']) if n.lower() == name.lower()), None)


def export(viaduct, path, *args):
    """`viaduct export har` to a file; its log."""
    done = command('export', 'har', '--data', viaduct.data, '-o', path, *args, timeout_s=60)
    assert done.returncode == 0, done.stderr
    return read(path)


def by_path(log, part):
    """The entries whose URL holds that text, in their order."""
    return [e for e in log['entries'] if part in e['request']['url']]
