"""A real nginx as the origin: static files, redirects, uploads thrown away, clear and TLS."""

import os
import pathlib
import shutil
import socket
import subprocess

from kit.wait import until

CONFIG = '''
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log notice;
events {{ worker_connections 4096; }}
http {{
    access_log {folder}/access.log; client_max_body_size 0; keepalive_requests 100000; sendfile on;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port}; {tls}
        root {folder}/root;
        location /packed/ {{ gzip on; gzip_types *; gzip_min_length 1; }}
        location /posted {{ default_type text/plain; return 201 "got $request_method\n"; }}
        location /moved {{ return 302 /file.txt; }}
        location /there {{ return 301 http://$http_host/file.txt; }}
    }}
}}
'''


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


class Nginx:
    def __init__(self, folder, certs=None):
        self.folder = pathlib.Path(folder)
        self.root = self.folder / 'root'
        self.root.mkdir(parents=True)
        os.chmod(self.folder, 0o755)
        os.chmod(self.root, 0o755)
        self.write('file.txt', b'a file of nginx\n')
        self.port, self.tls_port = free_port(), free_port() if certs else None
        tls = ''
        if certs:
            tls = f'listen 127.0.0.1:{self.tls_port} ssl; ssl_certificate {certs.good}; ssl_certificate_key {certs.key_of(certs.good)};'
        config = self.folder / 'nginx.conf'
        user = 'user root;' if os.getuid() == 0 else ''
        config.write_text(user + CONFIG.format(folder=self.folder, port=self.port, tls=tls))
        program = shutil.which('nginx', path='/usr/sbin:/usr/bin:/usr/local/sbin')
        self.process = subprocess.Popen([program, '-p', str(self.folder), '-c', str(config), '-e', str(self.folder / 'error.log')],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        until(lambda: (self.folder / 'pid').exists() or self.process.poll() is not None, 'nginx')
        assert self.process.poll() is None, self.process.stderr.read().decode()

    def write(self, name, content):
        (self.root / name).write_bytes(content)

    def write_sparse(self, name, size):
        with open(self.root / name, 'wb') as f:
            f.truncate(size)

    def url(self, path='/', scheme='http', host='127.0.0.1'):
        return f'{scheme}://{host}:{self.tls_port if scheme == "https" else self.port}{path}'

    def close(self):
        self.process.terminate()
        self.process.wait(10)
