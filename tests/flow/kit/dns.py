"""A name server on loopback whose answers are a table. Knows A and AAAA over UDP and, for truncated answers, TCP."""

import socket
import struct
import threading

A, AAAA = 1, 28
SILENT, SERVFAIL, NXDOMAIN = 'silent', 2, 3


class NameServer:
    """table: {'name': {A: ['127.0.0.1'], AAAA: []}} or {'name': SILENT | SERVFAIL | NXDOMAIN}; ttl in seconds.
    asked: the questions in order, as (name, type)."""

    def __init__(self, table, ttl=60, truncate=False):
        self.table, self.ttl, self.truncate = table, ttl, truncate
        self.asked = []
        self._bind()
        self.is_closed = False
        self.threads = [threading.Thread(target=t, daemon=True) for t in (self._serve_udp, self._serve_tcp)]
        for thread in self.threads:
            thread.start()

    def _bind(self):
        """The same free port for both transports."""
        for _ in range(50):
            self.udp, self.tcp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.socket()
            self.tcp.bind(('127.0.0.1', 0))
            self.port = self.tcp.getsockname()[1]
            try:
                self.udp.bind(('127.0.0.1', self.port))
            except OSError:
                self.udp.close()
                self.tcp.close()
                continue
            self.tcp.listen(8)
            return
        raise RuntimeError('no port is free for both UDP and TCP')

    @property
    def address(self):
        return f'127.0.0.1:{self.port}'

    def close(self):
        self.is_closed = True
        self.udp.sendto(b'', ('127.0.0.1', self.port))
        socket.create_connection(('127.0.0.1', self.port), 1).close()
        for thread in self.threads:
            thread.join(5)
        self.udp.close()
        self.tcp.close()

    def count(self, name):
        return sum(1 for n, _ in self.asked if n == name)

    def _serve_udp(self):
        while True:
            question, peer = self.udp.recvfrom(4096)
            if self.is_closed:
                return
            reply = self._reply(question, self.truncate)
            if reply:
                self.udp.sendto(reply, peer)

    def _serve_tcp(self):
        while True:
            sock, _ = self.tcp.accept()
            with sock:
                if self.is_closed:
                    return
                sock.settimeout(5)
                try:
                    while size := sock.recv(2):
                        reply = self._reply(sock.recv(struct.unpack('!H', size)[0]), False)
                        if reply:
                            sock.sendall(struct.pack('!H', len(reply)) + reply)
                except OSError:
                    pass

    def _reply(self, question, truncate):
        name, at = [], 12
        while question[at]:
            name.append(question[at + 1:at + 1 + question[at]].decode())
            at += question[at] + 1
        kind = struct.unpack('!H', question[at + 1:at + 3])[0]
        section = question[12:at + 5]
        name = '.'.join(name).lower()
        self.asked.append((name, kind))
        entry = self.table.get(name, NXDOMAIN)
        if entry == SILENT:
            return None
        code, records = (entry, []) if isinstance(entry, int) else (0, entry.get(kind, []))
        if records == SILENT:
            return None
        if truncate:
            return question[:2] + struct.pack('!HHHHH', 0x8380, 1, 0, 0, 0) + section
        head = question[:2] + struct.pack('!HHHHH', 0x8180 | code, 1, len(records), 0, 0)
        family = socket.AF_INET if kind == A else socket.AF_INET6
        packed = [socket.inet_pton(family, r) for r in records]
        return head + section + b''.join(b'\xc0\x0c' + struct.pack('!HHIH', kind, 1, self.ttl, len(p)) + p for p in packed)
