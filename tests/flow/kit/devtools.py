"""Chromium with its own DevTools: a page, and the DevTools front end that the browser brings along opened beside it on that page. So what it
saves and reads as HAR is what the browser's own code makes of it."""

import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import urllib.parse
import urllib.request

from kit.proxy import environment
from kit.wait import until

START_S = 60
KEY = 'dGhlIHNhbXBsZSBub25jZQ=='

# The front end's modules.
PRELUDE = '''
const har = await import(`${location.origin}/devtools/models/har/har.js`);
const logs = await import(`${location.origin}/devtools/models/logs/logs.js`);
const requests = logs.NetworkLog.NetworkLog.instance().requests();
'''

SAVE = PRELUDE + '''
const pieces = [];
await har.Writer.Writer.write({write: async piece => { pieces.push(piece); return true; }, close: async () => {}}, requests, {sanitize: false},
    new Proxy({}, {get: (o, name) => name === 'canceled' ? false : () => false, set: () => true}));
return pieces.join('');
'''

DONE = PRELUDE + 'return requests.filter(r => r.finished || r.failed).map(r => r.requestMethod + " " + r.url());'

# What the importer of the Network panel makes of a file; it throws where a member is missing that it needs.
LOAD = PRELUDE + '''
const root = new har.HARFormat.HARRoot(JSON.parse(await (await fetch(FILE)).text()));
const loaded = har.Importer.Importer.requestsFromHARLog(root.log);
return Promise.all(loaded.map(async r => {
    const content = await r.requestContentData();
    return {url: r.url(), method: r.requestMethod, status: r.statusCode, type: r.mimeType, protocol: r.protocol, failed: r.failed,
        start: r.startTime, end: r.endTime, size: r.resourceSize, remote: r.remoteAddress(), form: await r.requestFormData(),
        request: r.requestHeaders(), response: r.responseHeaders, redirect: r.redirectSource() !== null, error: r.localizedFailDescription,
        content: 'error' in content ? null : content.isTextContent ? content.text : content.base64};
}));
'''


class Target:
    """One tab over the DevTools protocol: questions and their answers, nothing else is listened to."""

    def __init__(self, port, path):
        self.sock = socket.create_connection(('127.0.0.1', port), timeout=START_S)
        self.numbers, self.rest = itertools.count(1), b''
        self.sock.sendall(f'GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n'
                          f'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n'.encode())
        while b'\r\n\r\n' not in self.rest:
            self._fill()
        head, _, self.rest = self.rest.partition(b'\r\n\r\n')
        assert b' 101 ' in head, head

    def _fill(self):
        piece = self.sock.recv(1 << 20)
        assert piece, 'the browser closed'
        self.rest += piece

    def _take(self, n):
        while len(self.rest) < n:
            self._fill()
        part, self.rest = self.rest[:n], self.rest[n:]
        return part

    def _send(self, payload):
        n = len(payload)
        length = bytes([0x80 | n]) if n < 126 else b'\xfe' + n.to_bytes(2, 'big') if n < 65536 else b'\xff' + n.to_bytes(8, 'big')
        self.sock.sendall(b'\x81' + length + bytes(4) + payload)

    def _read(self):
        whole, is_last = b'', False
        while not is_last:
            first, n = self._take(2)
            if n > 125:
                n = int.from_bytes(self._take(2 if n == 126 else 8), 'big')
            whole, is_last = whole + self._take(n), first & 0x80
        return whole

    def ask(self, method, **params):
        number = next(self.numbers)
        self._send(json.dumps({'id': number, 'method': method, 'params': params}).encode())
        while True:
            told = json.loads(self._read())
            if told.get('id') == number:
                assert 'error' not in told, told
                return told['result']

    def run(self, code):
        """The value of the body of an async function."""
        done = self.ask('Runtime.evaluate', expression=f'(async () => {{{code}}})()', awaitPromise=True, returnByValue=True)
        assert 'exceptionDetails' not in done, done['exceptionDetails']
        return done['result'].get('value')


class DevTools:
    """args: further arguments of the browser."""

    def __init__(self, folder, *args):
        self.folder = folder / 'chromium'
        self.folder.mkdir(parents=True)
        port_file = self.folder / 'DevToolsActivePort'
        line = [shutil.which('chromium'), '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
                '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage',
                f'--user-data-dir={self.folder}', '--remote-debugging-port=0', '--remote-allow-origins=*', *args, 'about:blank']
        with open(folder / 'chromium.log', 'wb') as log:
            self.process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                                            env=environment(HOME=str(folder), XDG_CONFIG_HOME=str(folder)))
        try:
            until(lambda: port_file.exists() and '\n' in port_file.read_text(), 'the port of DevTools', START_S)
            self.port = int(port_file.read_text().split('\n')[0])
            self._open()
        except BaseException:
            self.close()
            raise

    def _open(self):
        first = until(lambda: [t for t in self._ask('/json/list') if t['type'] == 'page'], 'the page', START_S)[0]
        self.page = self._target(first)
        where = f'http://127.0.0.1:{self.port}/devtools/devtools_app.html?ws=127.0.0.1:{self.port}/devtools/page/{first["id"]}%26panel=network'
        self.front_end = self._target(self._ask(f'/json/new?{where}', 'PUT'))
        until(lambda: self._is_recording(), 'the Network panel', START_S, every_s=0.2)

    def _ask(self, path, method='GET'):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(urllib.request.Request(f'http://127.0.0.1:{self.port}{path}', method=method), timeout=START_S) as answer:
            return json.loads(answer.read())

    def _target(self, told):
        return Target(self.port, f'/devtools/page/{told["id"]}')

    def _is_recording(self):
        """A page that is fetched is seen: the front end is at work."""
        try:
            self.front_end.run(PRELUDE)
        except AssertionError:
            return False
        self.page.run('await fetch("data:,seen").then(r => r.text())')
        return self.front_end.run(DONE)

    def visit(self, url, *, until_seen):
        """Opens a page, and waits until as many requests that hold that text have ended; the HAR, as text."""
        part, n = until_seen
        self.page.ask('Page.navigate', url=url)
        until(lambda: len([r for r in self.front_end.run(DONE) if part in r]) >= n, f'{n} requests of {part}', START_S, every_s=0.2)
        return self.front_end.run(SAVE)

    def load(self, text):
        """What the Network panel shows after Import HAR file."""
        url = 'data:application/json,' + urllib.parse.quote(text)
        return self.front_end.run(LOAD.replace('FILE', json.dumps(url)))

    def close(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
