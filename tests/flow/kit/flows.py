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
