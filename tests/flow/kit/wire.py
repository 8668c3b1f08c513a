"""One end of a byte channel that speaks HTTP/1 by hand: scripted, strict about what it reads, with a time-out on everything."""

import socket
import struct
import time

TIMEOUT_S = 10.0


class Head:
    """A start line and fields as they stood on the wire."""

    def __init__(self, raw):
        self.raw = raw
        lines = raw.decode('latin-1').split('\r\n')
        self.start = lines[0]
        self.fields = []
        for line in lines[1:]:
            if line:
                name, colon, value = line.partition(':')
                assert colon, f'a field line without colon: {line!r}'
                self.fields.append((name, value.strip(' \t')))

    def all(self, name):
        return [v for n, v in self.fields if n.lower() == name.lower()]

    def get(self, name, default=None):
        values = self.all(name)
        return ', '.join(values) if values else default

    def has(self, name):
        return bool(self.all(name))

    def names(self):
        return [n for n, _ in self.fields]

    def list_of(self, name):
        """The items of a comma-separated list, in lower case."""
        return [i.strip().lower() for v in self.all(name) for i in v.split(',') if i.strip()]


class Request(Head):
    def __init__(self, raw):
        super().__init__(raw)
        self.method, self.target, self.version = self.start.split(' ')
        self.body = b''
        self.trailers = []


class Response(Head):
    def __init__(self, raw):
        super().__init__(raw)
        self.version, status, self.reason = (self.start + ' ').split(' ', 2)
        self.status = int(status)
        self.body = b''
        self.trailers = []
        self.interim = []

    @property
    def text(self):
        return self.body.decode('utf-8', 'replace')


class Closed(AssertionError):
    """The peer ended the channel where more was expected."""


class Wire:
    def __init__(self, sock, timeout_s=TIMEOUT_S):
        self.sock = sock
        self.sock.settimeout(timeout_s)
        self.pending = b''
        self.received = 0
        self.sent = 0

    # sending

    def send(self, data):
        self.sock.sendall(data)
        self.sent += len(data)

    def send_slowly(self, data, pause_s=0.0):
        """One byte a segment."""
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for i in range(len(data)):
            self.send(data[i:i + 1])
            if pause_s:
                time.sleep(pause_s)

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self):
        """Ends with a TCP reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.sock.close()

    def close(self):
        self.sock.close()

    # reading

    def fill(self):
        """Reads once; False at the end."""
        try:
            piece = self.sock.recv(65536)
        except (TimeoutError, socket.timeout):
            raise AssertionError(f'nothing came within {self.sock.gettimeout():g} s; so far: {self.pending[:200]!r}') from None
        self.pending += piece
        self.received += len(piece)
        return bool(piece)

    def take(self, n):
        out, self.pending = self.pending[:n], self.pending[n:]
        return out

    def read_until(self, end):
        while end not in self.pending:
            if not self.fill():
                raise Closed(f'closed before {end!r}; so far: {self.pending[:300]!r}')
        return self.take(self.pending.index(end) + len(end))

    def read_exact(self, n):
        pieces, have = [self.take(n)], 0
        have = len(pieces[0])
        while have < n:
            if not self.fill():
                raise Closed(f'closed after {have} of {n} bytes')
            pieces.append(self.take(n - have))
            have += len(pieces[-1])
        return b''.join(pieces)

    def read_some(self):
        """What is there, at least one byte; b'' at the end."""
        if not self.pending:
            self.fill()
        return self.take(len(self.pending))

    def read_eof(self):
        """All that comes until the end. A reset counts as an end."""
        try:
            while self.fill():
                pass
        except (ConnectionResetError, BrokenPipeError):
            pass
        return self.take(len(self.pending))

    def count_eof(self):
        """How many bytes come until the end, without keeping them."""
        n = len(self.take(len(self.pending)))
        while piece := self.sock.recv(1 << 20):
            n += len(piece)
        return n

    def assert_closed(self):
        rest = self.read_eof()
        assert not rest, f'more bytes before the end: {rest[:300]!r}'

    def assert_silent(self, for_s=0.15):
        """Nothing comes for a moment and the channel stays open."""
        assert not self.pending, f'unexpected bytes: {self.pending[:300]!r}'
        before = self.sock.gettimeout()
        self.sock.settimeout(for_s)
        try:
            piece = self.sock.recv(1)
        except (TimeoutError, socket.timeout):
            return
        finally:
            self.sock.settimeout(before)
        raise AssertionError(f'expected silence, got {piece!r}' if piece else 'expected silence, got the end')

    # HTTP

    def read_head(self):
        return self.read_until(b'\r\n\r\n')

    def read_chunk(self):
        """One chunk; b'' is the last one, after which the trailer section follows."""
        line = self.read_until(b'\r\n')[:-2]
        assert line and all(c in b'0123456789abcdefABCDEF' for c in line), f'a chunk line of ours is bare hex, not {line!r}'
        piece = self.read_exact(int(line, 16))
        if piece:
            assert self.read_exact(2) == b'\r\n'
        return piece

    def read_chunked(self):
        pieces = []
        while piece := self.read_chunk():
            pieces.append(piece)
        trailers = []
        while (line := self.read_until(b'\r\n')) != b'\r\n':
            name, _, value = line.decode('latin-1').rstrip('\r\n').partition(':')
            trailers.append((name, value.strip()))
        return b''.join(pieces), trailers

    def read_body(self, head, has_body=True, until_close=True):
        """By the framing of the head; checks that it is unambiguous."""
        lengths, codings = head.all('content-length'), head.all('transfer-encoding')
        assert len(lengths) <= 1 and not (lengths and codings), f'ambiguous framing: {head.fields}'
        if not has_body:
            return
        if codings:
            assert codings == ['chunked']
            head.body, head.trailers = self.read_chunked()
        elif lengths:
            head.body = self.read_exact(int(lengths[0]))
        elif until_close:
            head.body = self.read_eof()

    def read_request(self, body=True):
        """The next request; None at the end of the channel."""
        while not self.pending:
            try:
                if not self.fill():
                    return None
            except ConnectionResetError:
                return None
        request = Request(self.read_head())
        if body:
            self.read_body(request, until_close=False)
        return request

    def read_response(self, method='GET', body=True):
        """The next final response with the interim ones before it."""
        interim = []
        while True:
            response = Response(self.read_head())
            if response.status < 200 and response.status != 101:
                interim.append(response)
                continue
            break
        response.interim = interim
        bodiless = method == 'HEAD' or response.status in (101, 204, 304) or (method == 'CONNECT' and response.status // 100 == 2)
        if body:
            self.read_body(response, has_body=not bodiless)
        return response

    def ask(self, data, method=None):
        """Sends a request and reads its response."""
        self.send(data)
        return self.read_response(method or data.split(b' ', 1)[0].decode('latin-1'))


def connect(address, timeout_s=TIMEOUT_S, source=None, receive_buffer=None):
    """A wire to (host, port); receive_buffer makes the window small."""
    family = socket.AF_INET6 if ':' in address[0] else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.settimeout(timeout_s)
    if source:
        sock.bind((source, 0))
    sock.connect(address)
    return Wire(sock, timeout_s)


def get(url, *fields, method='GET', version='1.1', host=None):
    """The bytes of a request to a proxy: absolute-form, with a Host that fits."""
    authority = url.split('://', 1)[1].split('/', 1)[0] if host is None else host
    lines = [f'{method} {url} HTTP/{version}', f'Host: {authority}', *fields]
    return ('\r\n'.join(lines) + '\r\n\r\n').encode('latin-1')


def post(url, body, *fields, method='POST'):
    return get(url, f'Content-Length: {len(body)}', *fields, method=method) + body


def chunked(*pieces, trailers=()):
    """A chunked body."""
    out = b''.join(b'%x\r\n%s\r\n' % (len(p), p) for p in pieces if p)
    return out + b'0\r\n' + b''.join(t.encode() + b'\r\n' for t in trailers) + b'\r\n'


def answer(status=200, body=b'', *fields, reason='OK', length=True):
    """The bytes of a response."""
    lines = [f'HTTP/1.1 {status} {reason}', *fields]
    if length:
        lines.append(f'Content-Length: {len(body)}')
    return ('\r\n'.join(lines) + '\r\n\r\n').encode('latin-1') + body
