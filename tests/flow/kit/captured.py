"""What was kept: bodies by the command line, and the database read with SQLite's own library."""

import sqlite3
import subprocess

from kit.proxy import SANITIZER, binary, environment


def body(viaduct, flow_id, which='response', hop=None, raw=False):
    """The bytes of a kept body; None where none was kept."""
    words = [binary(), 'show', str(flow_id), f'--{which}-body', '--data', str(viaduct.data)]
    words += ['--hop', str(hop)] if hop else []
    words += ['--raw'] if raw else []
    done = subprocess.run(words, capture_output=True, timeout=30, check=False, stdin=subprocess.DEVNULL, env=environment())
    assert not SANITIZER.search(done.stderr.decode()), done.stderr
    if done.returncode != 0 and b'no such body' in done.stderr:
        return None
    assert done.returncode == 0, done.stderr
    return done.stdout


def ask(viaduct, sql, *parameters, timeout_s=10):
    """All rows of a question to the live database."""
    db = sqlite3.connect(f'file:{viaduct.data}/flows.db?mode=ro', uri=True, timeout=timeout_s)
    try:
        return db.execute(sql, parameters).fetchall()
    finally:
        db.close()


def integrity(folder):
    """What SQLite says of the whole file: 'ok'."""
    db = sqlite3.connect(f'{folder}/flows.db')
    try:
        return db.execute('PRAGMA integrity_check').fetchone()[0]
    finally:
        db.close()
