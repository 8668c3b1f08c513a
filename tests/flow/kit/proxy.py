"""viaduct as a process: started with options, waited for, asked for its flows, ended and inspected."""

import json
import os
import pathlib
import re
import signal
import subprocess

from kit import flows
from kit.wait import until
from kit.wire import connect

ROOT = pathlib.Path(__file__).resolve().parents[3]
COMMAND_S = 20
SANITIZER = re.compile(r'AddressSanitizer|LeakSanitizer|ThreadSanitizer|UndefinedBehavior|runtime error:', re.I)


def binary():
    path = pathlib.Path(os.environ.get('VIADUCT_BIN') or ROOT / 'build/proxy/viaduct')
    path = path if path.is_absolute() else pathlib.Path.cwd() / path
    if not os.access(path, os.X_OK):
        raise RuntimeError(f'{path} is not there: build it, or name the program in VIADUCT_BIN')
    return str(path)


# What makes programs use a proxy, other trust stores, or a key log.
STEERING = re.compile(r'VIADUCT_.*|.*_proxy|npm_config_.*|.*_CA_(BUNDLE|CERTS|INFO)|GIT_SSL_.*|SSL_CERT_.*|SSLKEYLOGFILE', re.I)


def environment(**more):
    """A clean environment: no proxy variables, no trust stores, no options of the caller."""
    kept = {k: v for k, v in os.environ.items() if not STEERING.fullmatch(k)}
    kept.setdefault('ASAN_OPTIONS', 'detect_leaks=1:abort_on_error=0')
    kept.setdefault('UBSAN_OPTIONS', 'print_stacktrace=1:halt_on_error=1')
    return {**kept, 'LC_ALL': 'C.UTF-8', **more}


def command(*args, timeout_s=COMMAND_S, env=None, cwd=None):
    """Runs viaduct with those arguments to its end; sanitizer reports fail."""
    done = subprocess.run([binary(), *map(str, args)], capture_output=True, text=True, timeout=timeout_s, check=False,
                          stdin=subprocess.DEVNULL, env=env or environment(), cwd=cwd)
    assert not SANITIZER.search(done.stderr), done.stderr
    return done


def config_file(folder, text):
    """A configuration with that text; its path."""
    path = folder / 'viaduct.yaml'
    path.write_text(text)
    return path


def over(viaduct):
    """Says that the test ends it itself."""
    viaduct.is_over = True
    return viaduct


class Viaduct:
    """options: {'redirects.mode': 'follow', …}; args: further arguments; a config file goes with args=['-c', file]."""

    def __init__(self, folder, options=None, args=(), listen=('127.0.0.1:0',), workers=2, env=None, inspector='off'):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.data, self.ready_file = self.folder / 'data', self.folder / 'ready.json'
        self.stderr_file, self.stdout_file = self.folder / 'stderr', self.folder / 'stdout'
        self.ready_file.unlink(missing_ok=True)
        self.expected_complaints, self.is_over = [], False
        line = [binary(), 'serve', '--data', str(self.data), '--ready-file', str(self.ready_file), '--workers', str(workers)]
        for address in listen:
            line += ['--listen', address]
        if inspector:
            line += ['--inspector', inspector]
        for name, value in (options or {}).items():
            line += ['--set', f'{name}={value}']
        with open(self.stdout_file, 'ab') as out, open(self.stderr_file, 'ab') as err:
            self.process = subprocess.Popen([*line, *map(str, args)], stdout=out, stderr=err, stdin=subprocess.DEVNULL,
                                            env=env or environment())
        until(lambda: self.ready_file.exists() or not self.is_alive(), 'the ready file')
        assert self.ready_file.exists(), f'viaduct ended with {self.process.returncode}: {self.stderr()}'
        self.ready = json.loads(self.ready_file.read_text())
        host, _, port = self.ready['proxy'].rpartition(':')
        self.host, self.port = host.strip('[]'), int(port)
        self.address = (self.host, self.port)
        self.url = f'http://{self.ready["proxy"]}'

    # the process

    def is_alive(self):
        return self.process.poll() is None

    def stderr(self):
        return self.stderr_file.read_text(errors='replace')

    def stdout(self):
        return self.stdout_file.read_text(errors='replace')

    def signal(self, number):
        self.process.send_signal(number)

    def rss_bytes(self):
        with open(f'/proc/{self.process.pid}/status', encoding='ascii') as f:
            return int(re.search(r'VmRSS:\s+(\d+) kB', f.read()).group(1)) * 1024

    def open_files(self):
        return len(os.listdir(f'/proc/{self.process.pid}/fd'))

    def wait_end(self, timeout_s=15):
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f'viaduct did not end within {timeout_s} s: {self.stderr()[-2000:]}') from None

    def stop(self):
        """Ends it in order and checks that it was well to the last."""
        assert self.is_alive(), f'viaduct has died with {self.process.returncode}: {self.stderr()[-4000:]}'
        self.signal(signal.SIGTERM)
        code = self.wait_end()
        self.check_stderr()
        assert code == 0, f'SIGTERM ended it with {code}: {self.stderr()[-4000:]}'

    def kill(self):
        if self.is_alive():
            self.process.kill()
        self.process.wait()

    def complaints(self):
        """Lines of stderr at level error."""
        return [line for line in self.stderr().splitlines() if re.search(r'viaduct: (error|ERROR)\b|\bERROR\b', line)]

    def check_stderr(self):
        text = self.stderr()
        assert not SANITIZER.search(text), text[-6000:]
        unexpected = [c for c in self.complaints() if not any(e in c for e in self.expected_complaints)]
        assert not unexpected, unexpected

    # clients

    def connect(self, **how):
        return connect(self.address, **how)

    def ask(self, data, method=None):
        """One request on a client connection of its own."""
        wire = self.connect()
        try:
            return wire.ask(data, method)
        finally:
            wire.close()

    def tunnel(self, authority, *fields):
        """A wire through a tunnel, ready for its first byte."""
        wire = self.connect()
        response = wire.ask('\r\n'.join([f'CONNECT {authority} HTTP/1.1', f'Host: {authority}', *fields, '', '']).encode())
        assert response.status == 200, (response.status, response.text)
        return wire

    # records

    def flows(self, *args):
        done = command('flows', '--json', '-n', '100000', '--data', self.data, *args)
        assert done.returncode == 0, done.stderr
        return flows.parse(done.stdout)

    def show(self, flow_id):
        done = command('show', flow_id, '--json', '--data', self.data)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def wait_flows(self, part_of_url, n=1, ended=True):
        """The n or more flows whose URL holds that text, oldest first."""
        def found():
            hits = [f for f in self.flows() if part_of_url in (f['url'] or '') and (not ended or f['outcome'] != 'pending')]
            return sorted(hits, key=lambda f: f['id']) if len(hits) >= n else None
        return until(found, f'{n} flows with {part_of_url}', every_s=0.1)

    def wait_flow(self, part_of_url, ended=True):
        hits = self.wait_flows(part_of_url, 1, ended)
        assert len(hits) == 1, hits
        return hits[0]

    def wait_shown(self, part_of_url, ended=True):
        """The whole record of the one flow whose URL holds that text."""
        return self.show(self.wait_flow(part_of_url, ended)['id'])
