"""A machine of the test's own, as far as its store of roots goes: commands run where /etc and a few other places are copies,
so that the real tools of the system change nothing outside. And browsers' databases, by certutil."""

import functools
import os
import pathlib
import shutil
import subprocess

from kit.proxy import COMMAND_S, SANITIZER, binary, environment

# What programs need of /etc to run at all.
NEEDED = ('passwd', 'group', 'nsswitch.conf', 'ld.so.cache', 'alternatives', 'ca-certificates.conf', 'ca-certificates',
          'ssl/certs', 'ssl/openssl.cnf')
LOCAL = '/usr/local/share/ca-certificates'


def works(*words):
    return subprocess.run([*words, 'true'], capture_output=True, timeout=COMMAND_S, check=False).returncode == 0


@functools.cache
def own_mounts():
    """Runs a program with mounts of its own. Below a chroot the root is no mount whose propagation could be cut; then nothing may
    propagate in the first place."""
    as_root = [] if os.getuid() == 0 else ['--map-root-user']
    if works('unshare', '--mount', *as_root):
        return ['unshare', '--mount', *as_root]
    roots = [line for line in pathlib.Path('/proc/1/mountinfo').read_text().splitlines() if line.split()[4] == '/']
    assert roots and not any('shared:' in line for line in roots), 'mounts made here would be seen outside'
    return ['unshare', '--mount', '--propagation', 'unchanged', *as_root]


@functools.cache
def another_user():
    """Runs a program as somebody who is not root, though the files of the test are theirs. Below a chroot there are no user namespaces."""
    if os.getuid() != 0:
        return []
    if works('unshare', '--user', '--map-user=1000', '--map-group=1000'):
        return ['unshare', '--user', '--map-user=1000', '--map-group=1000']
    return ['setpriv', '--reuid=1000', '--regid=1000', '--clear-groups', '--inh-caps=+dac_override', '--ambient-caps=+dac_override']


class Machine:
    """etc and local are the folders that stand for /etc and for the administrator's certificates."""

    def __init__(self, folder, home):
        self.etc, self.local, self.tools, self.home = folder / 'etc', folder / 'local', folder / 'tools', home
        for path in (self.local, self.tools, self.home):
            path.mkdir(parents=True, exist_ok=True)
        for name in NEEDED:
            source, copy = pathlib.Path('/etc') / name, self.etc / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, copy, symlinks=True)
            elif source.exists():
                shutil.copy(source, copy)
        self.binds = [(self.etc, '/etc'), (self.local, LOCAL)]

    def hide(self, *programs):
        """Takes programs away."""
        for name in programs:
            for folder in ('/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin'):
                if os.path.exists(f'{folder}/{name}'):
                    self.binds.append(('/dev/null', f'{folder}/{name}'))

    def fake(self, name, script='exit 0'):
        """A program that writes its words down and then runs the script."""
        path = self.tools / name
        path.write_text(f'#!/bin/sh\necho {name} "$@" >>{self.tools}/log\n{script}\n')
        path.chmod(0o755)

    def log(self):
        path = self.tools / 'log'
        return path.read_text().splitlines() if path.exists() else []

    def run(self, *words):
        """Runs them as root of this machine."""
        script = ' && '.join([*(f'mount --bind {a} {b}' for a, b in self.binds), 'exec "$@"'])
        env = environment(HOME=str(self.home), PATH=f'{self.tools}:{os.environ["PATH"]}')
        for name in ('XDG_STATE_HOME', 'XDG_CONFIG_HOME', 'XDG_DATA_HOME', 'SUDO_USER'):
            env.pop(name, None)
        done = subprocess.run([*own_mounts(), 'sh', '-c', script, 'sh', *map(str, words)], capture_output=True,
                              text=True, timeout=COMMAND_S, check=False, stdin=subprocess.DEVNULL, env=env)
        assert not SANITIZER.search(done.stderr), done.stderr
        return done

    def viaduct(self, *words):
        return self.run(binary(), *words)


def as_user(words, env):
    return subprocess.run([*another_user(), *map(str, words)], capture_output=True, text=True, timeout=COMMAND_S, check=False,
                          stdin=subprocess.DEVNULL, env=env)


def certutil(folder, *words):
    done = subprocess.run(['certutil', '-d', f'sql:{folder}', *words], capture_output=True, text=True, timeout=COMMAND_S,
                          check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    return done.stdout


def new_database(folder):
    folder.mkdir(parents=True)
    certutil(folder, '-N', '--empty-password')
    return folder


def trusted(folder):
    """{nickname: trust} of a database."""
    lines = [line.rsplit(None, 1) for line in certutil(folder, '-L').splitlines()[3:] if line.strip()]
    return {name.strip(): trust for name, trust in lines}
