"""Python's httpbin behind gunicorn: a real server with real redirects."""

import pathlib
import socket
import subprocess
import sys

from kit.nginx import free_port
from kit.proxy import environment
from kit.wait import until


class Httpbin:
    def __init__(self, folder):
        self.log = pathlib.Path(folder) / 'httpbin.log'
        self.port = free_port()
        self.authority = f'127.0.0.1:{self.port}'
        with open(self.log, 'wb') as log:
            self.process = subprocess.Popen(
                [sys.executable, '-m', 'gunicorn', '--bind', self.authority, '--worker-class', 'gthread', '--threads', '8',
                 '--keep-alive', '30',
                 '--log-level', 'warning', '--worker-tmp-dir', str(folder), 'httpbin:app'],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment(), cwd=folder)
        until(lambda: self._answers() or self.process.poll() is not None, 'httpbin', 30)
        assert self.process.poll() is None, self.log.read_text()

    def _answers(self):
        with socket.socket() as s:
            return s.connect_ex(('127.0.0.1', self.port)) == 0

    def url(self, path):
        return f'http://{self.authority}{path}'

    def close(self):
        self.process.terminate()
        self.process.wait(10)
