"""Hostile requests and responses with what must come of them. {authority} is the origin's host:port."""

OK = 200

A = 'http://{authority}'
HOST = 'Host: {authority}\r\n'


def request(line=f'GET {A}/ HTTP/1.1', *fields, host=HOST, body=''):
    return f'{line}\r\n{host}' + ''.join(f'{f}\r\n' for f in fields) + '\r\n' + body


def posted(*fields, body=''):
    return request(f'POST {A}/ HTTP/1.1', *fields, body=body)


def chunks(body):
    return posted('Transfer-Encoding: chunked', body=body)


# name: (bytes as latin-1 text, status or statuses). All but 200 also close and reach no origin.
REQUEST_LINES = {
    'version 2.0': (request(f'GET {A}/ HTTP/2.0'), 505),
    'version 0.9': (request(f'GET {A}/ HTTP/0.9'), (400, 505)),
    'version 1.2': (request(f'GET {A}/ HTTP/1.2'), (OK, 505)),
    'version 3.1': (request(f'GET {A}/ HTTP/3.1'), 505),
    'version of one digit': (request(f'GET {A}/ HTTP/1'), 400),
    'version of many digits': (request(f'GET {A}/ HTTP/1.1111111111111111111'), 400),
    'version in lower case': (request(f'GET {A}/ http/1.1'), 400),
    'no version': (f'GET {A}/\r\n\r\n', 400),
    'prior knowledge of h2': ('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505),
    'two spaces': (request(f'GET  {A}/ HTTP/1.1'), (OK, 400)),
    'space in the target': (request(f'GET {A}/a b HTTP/1.1'), 400),
    'tab as separator': (request(f'GET\t{A}/ HTTP/1.1'), (400, 501)),
    'leading space': (' ' + request(), 400),
    'NUL in the target': (request(f'GET {A}/\0 HTTP/1.1'), 400),
    'control in the target': (request(f'GET {A}/\x01 HTTP/1.1'), 400),
    'byte above 0x7f in the target': (request(f'GET {A}/\xe4 HTTP/1.1'), 400),
    'backslash in the target': (request(f'GET {A}\\@x/ HTTP/1.1'), 400),
    'backslash in the path': (request(f'GET {A}/a\\b HTTP/1.1'), 400),
    'fragment in the target': (request(f'GET {A}/#f HTTP/1.1'), 400),
    'userinfo in the target': (request('GET http://user:pw@{authority}/ HTTP/1.1'), 400),
    'two at signs': (request('GET http://a@b@{authority}/ HTTP/1.1'), 400),
    'port 0': (request('GET http://127.0.0.1:0/ HTTP/1.1'), 400),
    'port 99999': (request('GET http://127.0.0.1:99999/ HTTP/1.1'), 400),
    'port that wraps': (request('GET http://127.0.0.1:65616/ HTTP/1.1'), 400),
    'port with letters': (request('GET http://127.0.0.1:8x/ HTTP/1.1'), 400),
    'port with a sign': (request('GET http://127.0.0.1:+80/ HTTP/1.1'), 400),
    'no host in the target': (request('GET http:///x HTTP/1.1'), 400),
    'unfinished brackets': (request('GET http://[::1/ HTTP/1.1'), 400),
    'scheme without slashes': (request('GET http:{authority}/ HTTP/1.1'), 400),
    'relative target': (request('GET x HTTP/1.1'), 400),
    'asterisk with GET': (request('GET * HTTP/1.1'), 400),
    'method unknown': (request(f'FROB {A}/ HTTP/1.1'), 501),
    'method in lower case': (request(f'get {A}/ HTTP/1.1'), 501),
    'method of RTSP': (request(f'DESCRIBE {A}/ HTTP/1.1'), 501),
    'method SOURCE of ICE': (request(f'SOURCE {A}/ ICE/1.0'), (400, 501, 505)),
    'method with a brace': (request('G{{T ' + A + '/ HTTP/1.1'), (400, 501)),
    'TLS at the plain port': ('\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' + 'r' * 40 + '\r\n\r\n', (400, 501)),
    'binary': ('\x00\x01\x02\x03\x04\r\n\r\n', 400),
    'text that is no request': ('hello\r\n\r\n', (400, 501)),
}

# Refused, and the next request of the same client may be served or not.
SCHEMES = {
    'scheme ftp': (request('GET ftp://{authority}/ HTTP/1.1'), 400),
    'scheme https': (request('GET https://{authority}/ HTTP/1.1'), 400),
    'scheme unknown': (request('GET gopher://{authority}/ HTTP/1.1'), 400),
}

FIELDS = {
    'no Host': (request(host=''), 400),
    'two equal Hosts': (request(host=HOST * 2), 400),
    'two different Hosts': (request(host=HOST + 'Host: evil.test\r\n'), 400),
    'Host list': (request(host='Host: {authority}, evil.test\r\n'), 400),
    'empty Host': (request(host='Host:\r\n'), 400),
    'Host with a path': (request(host='Host: x.test/y\r\n'), 400),
    'Host with userinfo': (request(host='Host: a@x.test\r\n'), 400),
    'Host with a space': (request(host='Host: x.test y\r\n'), 400),
    'Host with a bad port': (request(host='Host: x.test:8x\r\n'), 400),
    'Host differs from the target': (request(host='Host: evil.test\r\n'), OK),
    'leading space before Host': (request(host=' Host: evil.test\r\n'), 400),
    'space before the colon': (request(f'GET {A}/ HTTP/1.1', 'X : y'), 400),
    'tab before the colon': (request(f'GET {A}/ HTTP/1.1', 'X\t: y'), 400),
    'folded line': (request(f'GET {A}/ HTTP/1.1', 'X: a\r\n b'), 400),
    'folded line by tab': (request(f'GET {A}/ HTTP/1.1', 'X: a\r\n\tb'), 400),
    'first field folded': (f'GET {A}/ HTTP/1.1\r\n X: y\r\n{HOST}\r\n', 400),
    'bare LF as line end': (f'GET {A}/ HTTP/1.1\n{HOST}\r\n', 400),
    'bare LF after a field': (f'GET {A}/ HTTP/1.1\r\n{HOST}X: y\n\r\n', 400),
    'bare LF at the end of the head': (f'GET {A}/ HTTP/1.1\r\n{HOST}\n', 400),
    'bare CR in a value': (request(f'GET {A}/ HTTP/1.1', 'X: a\rb'), 400),
    'CR CR LF': (request(f'GET {A}/ HTTP/1.1', 'X: a\r'), 400),
    'bare CR, then a field': (request(f'GET {A}/ HTTP/1.1', 'X:\rTransfer-Encoding: chunked'), 400),
    'head ended by CR and another byte': (f'GET {A}/ HTTP/1.1\r\n{HOST}\rXGET {A}/smuggled HTTP/1.1\r\n{HOST}\r\n', 400),
    'NUL in a value': (request(f'GET {A}/ HTTP/1.1', 'X: a\0b'), 400),
    'control in a value': (request(f'GET {A}/ HTTP/1.1', 'X: a\x01b'), 400),
    'DEL in a value': (request(f'GET {A}/ HTTP/1.1', 'X: a\x7fb'), 400),
    'tab in a value': (request(f'GET {A}/ HTTP/1.1', 'X: a\tb'), OK),
    'byte above 0x7f in a value': (request(f'GET {A}/ HTTP/1.1', 'X: a\xe4b'), OK),
    'byte above 0x7f in a name': (request(f'GET {A}/ HTTP/1.1', 'X\xe4: y'), 400),
    'NUL in a name': (request(f'GET {A}/ HTTP/1.1', 'X\0: y'), 400),
    'line without colon': (request(f'GET {A}/ HTTP/1.1', 'nonsense'), 400),
    'empty name': (request(f'GET {A}/ HTTP/1.1', ': y'), 400),
    'name with brackets': (request(f'GET {A}/ HTTP/1.1', 'X(y): z'), 400),
    'Expect unknown': (posted('Expect: 200-maybe', 'Content-Length: 0'), 417),
    'Expect that is obfuscated': (posted('Expect: y 100-continue', 'Content-Length: 0'), 417),
}

FRAMING = {
    'Content-Length twice, same': (posted('Content-Length: 3', 'Content-Length: 3', body='abc'), 400),
    'Content-Length twice, different': (posted('Content-Length: 3', 'Content-Length: 5', body='abc'), 400),
    'Content-Length list': (posted('Content-Length: 3, 3', body='abc'), 400),
    'Content-Length +5': (posted('Content-Length: +5', body='abcde'), 400),
    'Content-Length -5': (posted('Content-Length: -5', body='abcde'), 400),
    'Content-Length empty': (posted('Content-Length:'), 400),
    'Content-Length 0x5': (posted('Content-Length: 0x5', body='abcde'), 400),
    'Content-Length 5 5': (posted('Content-Length: 5 5', body='abcde'), 400),
    'Content-Length 5.0': (posted('Content-Length: 5.0', body='abcde'), 400),
    'Content-Length 5e0': (posted('Content-Length: 5e0', body='abcde'), 400),
    'Content-Length 1_0': (posted('Content-Length: 1_0', body='abcde'), 400),
    'Content-Length 2^63': (posted('Content-Length: 9223372036854775808'), 400),
    'Content-Length 2^64-1': (posted('Content-Length: 18446744073709551615'), 400),
    'Content-Length 2^64+3': (posted('Content-Length: 18446744073709551619', body='abc'), 400),
    'CL and TE': (posted('Content-Length: 3', 'Transfer-Encoding: chunked', body='0\r\n\r\n'), 400),
    'TE and CL': (posted('Transfer-Encoding: chunked', 'Content-Length: 3', body='0\r\n\r\n'), 400),
    'TE twice': (posted('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked', body='0\r\n\r\n'), 400),
    'TE chunked twice in a list': (posted('Transfer-Encoding: chunked, chunked', body='0\r\n\r\n'), 400),
    'TE unknown': (posted('Transfer-Encoding: xchunked', body='0\r\n\r\n'), (400, 501)),
    'TE chunked, then gzip': (posted('Transfer-Encoding: chunked, gzip', body='0\r\n\r\n'), 400),
    'TE gzip, then chunked': (posted('Transfer-Encoding: gzip, chunked', body='0\r\n\r\n'), 501),
    'TE on two lines': (posted('Transfer-Encoding: x', 'Transfer-Encoding: chunked', body='0\r\n\r\n'), (400, 501)),
    'TE with a leading comma': (posted('Transfer-Encoding: ,chunked', body='0\r\n\r\n'), 400),
    'TE empty': (posted('Transfer-Encoding:'), 400),
    'TE empty before a CL': (posted('Transfer-Encoding:', 'Content-Length: 3', body='abc'), 400),
    'TE identity': (posted('Transfer-Encoding: identity'), 400),
    'TE identity, chunked': (posted('Transfer-Encoding: identity, chunked', body='0\r\n\r\n'), 400),
    'TE with a parameter': (posted('Transfer-Encoding: chunked;x=y', body='0\r\n\r\n'), 400),
    'TE with a control before it': (posted('Transfer-Encoding: \x0bchunked', body='0\r\n\r\n'), 400),
    'TE quoted': (posted('Transfer-Encoding: "chunked"', body='0\r\n\r\n'), (400, 501)),
    'TE in HTTP/1.0': (request(f'POST {A}/ HTTP/1.0', 'Transfer-Encoding: chunked', body='0\r\n\r\n'), 400),
    'TE folded': (posted('Transfer-Encoding:\r\n chunked', body='0\r\n\r\n'), 400),
    'CL folded into another field': (posted('X: y', ' Content-Length: 3', body='abc'), 400),
    'name with an underscore': (posted('Content_Length: 3', 'Content-Length: 0'), OK),
    'TE with a space before the colon': (posted('Transfer-Encoding : chunked', body='0\r\n\r\n'), 400),
}

# The head is good, so the origin may have been reached; it must never see the body as complete, nor a second request.
CHUNKS = {
    'size 0x5': (chunks('0x5\r\nabcde\r\n0\r\n\r\n'), 400),
    'size +5': (chunks('+5\r\nabcde\r\n0\r\n\r\n'), 400),
    'size -5': (chunks('-5\r\nabcde\r\n0\r\n\r\n'), 400),
    'size 5_0': (chunks('5_0\r\nabcde\r\n0\r\n\r\n'), 400),
    'size empty': (chunks('\r\nabcde\r\n0\r\n\r\n'), 400),
    'size with a space after': (chunks('5 \r\nabcde\r\n0\r\n\r\n'), 400),
    'size with a space before': (chunks(' 5\r\nabcde\r\n0\r\n\r\n'), 400),
    'size of 17 digits': (chunks('00000000000000005\r\nabcde\r\n0\r\n\r\n'), 400),
    'size 2^64-1': (chunks('ffffffffffffffff\r\nabcde\r\n0\r\n\r\n'), 400),
    'size 2^63': (chunks('8000000000000000\r\nabcde\r\n0\r\n\r\n'), 400),
    'LF after the size': (chunks('5\nabcde\r\n0\r\n\r\n'), 400),
    'CR CR after the size': (chunks('5\r\r;x\r\nabcde\r\n0\r\n\r\n'), 400),
    'CR and a byte in an extension': (chunks('5;a\rX\r\nabcde\r\n0\r\n\r\n'), 400),
    'LF in an extension': (chunks('5;a\nb\r\nabcde\r\n0\r\n\r\n'), 400),
    'extension that is no token': (chunks('5;a[b]=c\r\nabcde\r\n0\r\n\r\n'), 400),
    'extension without a name': (chunks('5;=c\r\nabcde\r\n0\r\n\r\n'), 400),
    'extension with an open quote': (chunks('5;a="b\r\nabcde\r\n0\r\n\r\n'), 400),
    'NUL in an extension': (chunks('5;a\0\r\nabcde\r\n0\r\n\r\n'), 400),
    'junk after the data': (chunks('5\r\nabcdeXX0\r\n\r\n'), 400),
    'LF after the data': (chunks('5\r\nabcde\n0\r\n\r\n'), 400),
    'one byte instead of CRLF': (chunks('5\r\nabcdeX0\r\n\r\n'), 400),
    'data longer than its size': (chunks('3\r\nabcde\r\n0\r\n\r\n'), 400),
    'trailer line folded': (chunks('5\r\nabcde\r\n0\r\nX: a\r\n b\r\n\r\n'), 400),
    'trailer without colon': (chunks('5\r\nabcde\r\n0\r\nGET /smuggled HTTP/1.1\r\n\r\n'), 400),
    'trailers ended by LF': (chunks('5\r\nabcde\r\n0\r\nX: a\n\n'), 400),
    'last chunk ended by LF': (chunks('5\r\nabcde\r\n0\n\n'), 400),
}

# name: (response bytes, what the client gets: a status, or 'cut' for a broken body). The upstream is never reused.
RESPONSES = {
    'garbage': (b'this is no HTTP\r\n\r\n', 502, 'response_malformed'),
    'binary': (b'\x00\x01\x02\x03' * 50, 502, 'response_malformed'),
    'status of two digits': (b'HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n', 502, 'response_malformed'),
    'status 099': (b'HTTP/1.1 099 X\r\nContent-Length: 0\r\n\r\n', 502, 'response_malformed'),
    'status 000': (b'HTTP/1.1 000 X\r\nContent-Length: 0\r\n\r\n', 502, 'response_malformed'),
    'status of four digits': (b'HTTP/1.1 2000 X\r\nContent-Length: 0\r\n\r\n', 502, 'response_malformed'),
    'version 2.0': (b'HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n', 502, 'response_malformed'),
    'Content-Lengths that differ': (b'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde', 502, 'response_framing'),
    'Content-Length +3': (b'HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\nabc', 502, 'response_framing'),
    'Content-Length -3': (b'HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\nabc', 502, 'response_framing'),
    'Content-Length empty': (b'HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n', 502, 'response_framing'),
    'Content-Length 2^64': (b'HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616\r\n\r\n', 502, 'response_framing'),
    'CL and TE': (b'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 502, 'response_framing'),
    'TE unknown': (b'HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\nabc', 502, None),
    'TE gzip, chunked': (b'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n', 502, None),
    'TE chunked, gzip': (b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n', 502, None),
    'TE twice': (b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 502, None),
    'TE empty': (b'HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\n\r\nabc', 502, None),
    'bare CR in a value': (b'HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 0\r\n\r\n', 502, 'response_malformed'),
    'NUL in a value': (b'HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n', 502, 'response_malformed'),
    'folded line': (b'HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n', 502, 'response_malformed'),
    'bare LF': (b'HTTP/1.1 200 OK\nContent-Length: 0\n\n', 502, 'response_malformed'),
    'head split by CR': (b'HTTP/1.1 200 OK\r\nX: y\r\n\rXHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', 502, 'response_malformed'),
    'empty name': (b'HTTP/1.1 200 OK\r\n: y\r\nContent-Length: 0\r\n\r\n', 502, 'response_malformed'),
    'line without colon': (b'HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: 0\r\n\r\n', 502, 'response_malformed'),
    'switch unasked': (b'HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n', 502, 'upgrade_unasked'),
    'chunk size 0x3': (b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n', 'cut', 'response_chunk'),
    'junk after chunk data': (b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcXX0\r\n\r\n', 'cut', 'response_chunk'),
    'chunk size 2^64-1': (b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nabc', 'cut', 'response_chunk'),
    'LF after the chunk size': (b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n', 'cut', 'response_chunk'),
}

# These pass, the excess does not: never a byte of it, neither in this answer nor in the next.
EXCESS = {
    '204 with a length': (b'HTTP/1.1 204 No Content\r\nContent-Length: 8\r\n\r\nSMUGGLED', 204, b''),
    '304 with a body': (b'HTTP/1.1 304 Not Modified\r\nContent-Length: 8\r\n\r\nSMUGGLED', 304, b''),
    '205 with a body': (b'HTTP/1.1 205 Reset Content\r\nContent-Length: 8\r\n\r\nSMUGGLED', 205, b''),
    '103 with a length': (b'HTTP/1.1 103 Early Hints\r\nContent-Length: 2\r\n\r\n'
                          b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', 200, b'ok'),
    'a second response': (b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
                          b'HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nSMUGGLED', 200, b'ok'),
    'bytes behind the last chunk': (b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nSMUGGLED', 200, b'ok'),
    'space before the colon': (b'HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok', (200, 502), None),
    'control in a value': (b'HTTP/1.1 200 OK\r\nX: a\x01b\r\nContent-Length: 2\r\n\r\nok', 200, b'ok'),
    'equal lengths twice': (b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok', (200, 502), None),
}
