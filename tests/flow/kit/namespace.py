"""Runs a piece of a test in a network namespace of its own, where loopback has addresses that are not loopback's."""

import contextlib
import ctypes
import os
import signal
import subprocess
import traceback

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
OUTSIDE = '10.77.0.1'
OUTSIDE6 = 'fd77::1'


def _enter(addresses):
    libc = ctypes.CDLL(None, use_errno=True)
    uid, gid = os.getuid(), os.getgid()
    flags = CLONE_NEWNET if uid == 0 else CLONE_NEWNET | CLONE_NEWUSER
    if libc.unshare(flags):
        why = os.strerror(ctypes.get_errno())
        raise RuntimeError(f'this test needs a network namespace, and unshare says: {why} (root or user namespaces are needed)')
    if uid:
        for name, text in ('setgroups', 'deny'), ('uid_map', f'0 {uid} 1'), ('gid_map', f'0 {gid} 1'):
            with open(f'/proc/self/{name}', 'w') as f:
                f.write(text)
    subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
    for address in addresses:
        is_six = ':' in address
        subprocess.run(['ip', '-6' if is_six else '-4', 'addr', 'add', f'{address}/{128 if is_six else 32}', 'dev', 'lo',
                        *(['nodad'] if is_six else [])], check=True)


def run_in_namespace(body, addresses=(OUTSIDE, OUTSIDE6)):
    """Calls body() in a child inside a fresh namespace, where loopback has these addresses too; what it raises is raised here as
    AssertionError."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        code = 1
        try:
            os.close(reader)
            os.setpgid(0, 0)
            _enter(addresses)
            body()
            code = 0
        except BaseException:  # the child must never return into pytest
            os.write(writer, traceback.format_exc()[-6000:].encode())
        finally:
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader, 'rb') as f:
        said = f.read().decode('utf-8', 'replace')
    _, status = os.waitpid(child, 0)
    # What a body that failed has left running goes with it.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    if status:
        raise AssertionError(f'in the namespace:\n{said or status}')
