"""Origins whose behaviour is a script: a function that is given each accepted connection as a Wire."""

import socket
import ssl
import threading

from kit.wait import until
from kit.wire import Wire, answer


class Peer(Wire):
    """An accepted connection; its requests are noted at the origin too."""

    def __init__(self, sock, origin, number):
        super().__init__(sock)
        self.origin = origin
        self.number = number

    def read_request(self, body=True):
        """The next request; None at the end of the connection, or when it stays idle."""
        try:
            if not self.pending and not self.fill():
                return None
        except (AssertionError, ConnectionResetError):
            return None
        request = super().read_request(body)
        if request is not None:
            request.peer = self
            with self.origin.lock:
                self.origin.requests.append(request)
        return request


class Origin:
    """script: called for every connection in a thread of its own; or a list: the n-th connection is given to the n-th."""

    ports = set()

    def __init__(self, script, host='127.0.0.1', port=0, tls=None, receive_buffer=None):
        self.script, self.host, self.tls = script, host, tls
        self.lock = threading.Lock()
        self.requests, self.peers, self.failures = [], [], []
        self.threads = []
        self.stop = threading.Event()
        self.listener = self._bind(host, port, receive_buffer)
        self.listener.listen(1024)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    @classmethod
    def _bind(cls, host, port, receive_buffer):
        """A port that no origin of this run has had: records of one proxy are told apart by it."""
        while True:
            listener = socket.socket(socket.AF_INET6 if ':' in host else socket.AF_INET)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if receive_buffer:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            listener.bind((host, port))
            if port or listener.getsockname()[1] not in cls.ports:
                cls.ports.add(listener.getsockname()[1])
                return listener
            listener.close()

    @property
    def authority(self):
        return f'[{self.host}]:{self.port}' if ':' in self.host else f'{self.host}:{self.port}'

    def url(self, path='/', host=None):
        authority = f'{host}:{self.port}' if host else self.authority
        return f'{"https" if self.tls else "http"}://{authority}{path}'

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            if self.stop.is_set():
                sock.close()
                return
            with self.lock:
                number = len(self.peers)
                peer = Peer(sock, self, number)
                self.peers.append(peer)
            thread = threading.Thread(target=self._run, args=(peer,), daemon=True)
            thread.start()
            self.threads.append(thread)

    def _run(self, peer):
        try:
            if self.tls:
                peer.sock = self.tls.wrap_socket(peer.sock, server_side=True)
            script = self.script
            if isinstance(script, (list, tuple)):
                assert peer.number < len(script), f'connection {peer.number + 1} came, only {len(script)} are expected'
                script = script[peer.number]
            script(peer)
        except (ConnectionError, ssl.SSLError, OSError) as e:
            peer.ended_by = e
        except AssertionError as e:
            if not self.stop.is_set():
                self.failures.append(e)
        finally:
            peer.close()

    def wait_requests(self, n):
        return until(lambda: len(self.requests) >= n and self.requests, f'{n} requests at the origin')

    def wait_peers(self, n):
        return until(lambda: len(self.peers) >= n and self.peers, f'{n} connections at the origin')

    def last(self):
        return self.requests[-1]

    def end_connections(self):
        for peer in self.peers:
            try:
                peer.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        """Ends everything; what a script found wrong is raised here."""
        self.stop.set()
        try:
            socket.create_connection((self.host, self.port), 1).close()
        except OSError:
            pass
        # While a thread is in accept, the port lives on, whoever closes it.
        self.thread.join(5)
        self.listener.close()
        self.end_connections()
        for thread in self.threads:
            thread.join(5)
        assert not self.failures, f'the origin saw something wrong: {self.failures[0]}'


def serve(responder):
    """A script: answers every request of a connection with the bytes that responder(request) returns, until the end."""
    def script(peer):
        while (request := peer.read_request()) is not None:
            peer.send(responder(request))
    return script


def always(data):
    """A script that gives the same bytes for each request."""
    return serve(lambda request: data)


def once(data, then='close'):
    """A script: reads one request, sends the bytes, then closes, resets or holds the connection."""
    def script(peer):
        peer.read_request()
        peer.send(data)
        if then == 'reset':
            peer.reset()
        elif then == 'hold':
            peer.read_eof()
    return script


def hang(peer):
    """A script that reads and never answers."""
    peer.read_eof()


def echo(request):
    """For serve(): the request as the origin saw it, as the body."""
    body = request.raw + request.body
    if request.method == 'HEAD':
        return answer(200, b'', f'Content-Length: {len(body)}', length=False)
    return answer(200, body, 'Content-Type: application/octet-stream')


def hello(body=b'hello'):
    """A script: 200 with that body for everything."""
    def responder(request):
        if request.method == 'HEAD':
            return answer(200, b'', f'Content-Length: {len(body)}', 'Content-Type: text/plain', length=False)
        return answer(200, body, 'Content-Type: text/plain')
    return serve(responder)


class FullListener:
    """A listening socket whose queue is full: a further SYN is dropped, as by a host that is not there."""

    def __init__(self, host='127.0.0.1', port=0):
        family = socket.AF_INET6 if ':' in host else socket.AF_INET
        self.listener = socket.socket(family)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((host, port))
        self.listener.listen(0)
        self.port = self.listener.getsockname()[1]
        self.fillers = []
        for _ in range(8):
            filler = socket.socket(family)
            filler.settimeout(0.2)
            self.fillers.append(filler)
            try:
                filler.connect((host, self.port))
            except (TimeoutError, socket.timeout):
                return
        raise RuntimeError('the queue of a listener with backlog 0 did not fill: this system accepts beyond it')

    def close(self):
        for filler in self.fillers:
            filler.close()
        self.listener.close()
