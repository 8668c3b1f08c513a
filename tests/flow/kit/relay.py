"""A relay that delays what passes, each direction by the same time: a distance between client and proxy."""

import collections
import socket
import threading
import time


class _Direction:
    """Hands bytes on, each piece when it has been under way for delay_s; the end too."""

    def __init__(self, source, sink, delay_s):
        self.source, self.sink, self.delay_s = source, sink, delay_s
        self.under_way, self.has_some = collections.deque(), threading.Condition()
        for target in self._take, self._give:
            threading.Thread(target=target, daemon=True).start()

    def _take(self):
        piece = b'x'
        while piece:
            try:
                piece = self.source.recv(65536)
            except OSError:
                piece = b''
            with self.has_some:
                self.under_way.append((time.monotonic() + self.delay_s, piece))
                self.has_some.notify()

    def _give(self):
        piece = b'x'
        while piece:
            with self.has_some:
                while not self.under_way:
                    self.has_some.wait()
                due, piece = self.under_way.popleft()
            time.sleep(max(0.0, due - time.monotonic()))  # the distance
            try:
                if piece:
                    self.sink.sendall(piece)
                else:
                    self.sink.shutdown(socket.SHUT_WR)
            except OSError:
                return


class Relay:
    """Listens on loopback and connects on to target for every connection; accepted: how many there were."""

    def __init__(self, target, delay_s):
        self.target, self.delay_s, self.accepted = target, delay_s, 0
        self.sockets = []
        self.listener = socket.create_server(('127.0.0.1', 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.url = f'http://127.0.0.1:{self.port}'
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            time.sleep(self.delay_s * 2)  # the handshake, which loopback makes without us
            self.accepted += 1
            server = socket.create_connection(self.target)
            for sock in client, server:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sockets += [client, server]
            _Direction(client, server, self.delay_s)
            _Direction(server, client, self.delay_s)

    def close(self):
        self.listener.close()
        for sock in self.sockets:
            sock.close()
