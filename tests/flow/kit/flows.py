"""The records of flows as `viaduct flows --json` and `viaduct show ID --json` print them."""

import json

PHASES = ('queue', 'resolve', 'connect', 'tls', 'send', 'wait', 'receive')


def parse(text):
    """JSON lines, or one array."""
    text = text.strip()
    if text.startswith('['):
        return json.loads(text)
    return [json.loads(line) for line in text.splitlines() if line]


def times(hop):
    """The phases of a hop in microseconds; None where one was not reached."""
    return {phase: hop[f'{phase}_us'] for phase in PHASES}


def names(fields):
    """Field names of a recorded head, in order."""
    return [f[0] if isinstance(f, list) else f['name'] for f in fields]


def pairs(fields):
    return [tuple(f) if isinstance(f, list) else (f['name'], f['value']) for f in fields]


LEG = ('version', 'cipher', 'alpn', 'server_name', 'resumed')


def _leg(row, prefix):
    return {name: row[f'{prefix}_{name}'] for name in LEG} if row[f'{prefix}_version'] else None


def client_leg(record):
    """TLS with the client: version, cipher, alpn, server_name, resumed; None for clear text."""
    return _leg(record, 'client_tls')


def origin_leg(hop):
    """TLS with the origin, the same; None for clear text."""
    return _leg(hop, 'tls')


def identity(hop):
    """Who the origin is: subject, issuer, chain, certificate_sha256, spki_sha256, not_before_s, not_after_s; and what was made of
    it: pin, staple, unverified (None: nothing)."""
    return {**(hop['identity'] or {}), **{name: hop[f'tls_{name}'] for name in ('pin', 'staple', 'unverified')}}
