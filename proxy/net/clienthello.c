/* Reading a ClientHello: records (RFC 8446 section 5.1), the message (4.1.2), the extensions that say who talks to whom
 * (RFC 6066 section 3, RFC 7301, RFC 8446 section 4.2.1, RFC 9849). Strict: every length must fit exactly into what is around
 * it. Not for the fingerprint's text (ja4.c). */
#include "net/clienthello.h"

#include "net/ja4.h"

#include <string.h>

enum {
	RECORD_HANDSHAKE = 22,
	RECORD_HEAD_BYTES = 5,
	RECORD_MAX_BYTES = 16384,
	MESSAGE_CLIENT_HELLO = 1,
	MESSAGE_HEAD_BYTES = 4,
	MESSAGE_CHECKED_BYTES = MESSAGE_HEAD_BYTES + 1, /* and the first of the version */
	RANDOM_BYTES = 32,
	SESSION_ID_MAX_BYTES = 32,
	/* version, random, no session id, one cipher, one compression method, no extensions */
	HELLO_MIN_BYTES = 2 + RANDOM_BYTES + 1 + 4 + 2,
	NAME_TYPE_HOST = 0,
	EXT_SERVER_NAME = 0x0000,
	EXT_SIGNATURE_ALGORITHMS = 0x000d,
	EXT_ALPN = 0x0010,
	EXT_SUPPORTED_VERSIONS = 0x002b,
	EXT_ENCRYPTED_CLIENT_HELLO = 0xfe0d,
	VERSION_MAJOR = 3,
	VERSION_SSL3 = 0x0300,
	VERSION_TLS13 = 0x0304
};

/* Bytes not read yet. Reading past the end reads zeros and is noted. */
struct reader {
	const uint8_t *p;
	size_t n;
	bool is_bad;
};

/* The next n bytes as a reader of their own. */
static struct reader take(struct reader *r, size_t n)
{
	struct reader part = {.p = r->p, .n = n};

	if (n > r->n) {
		r->is_bad = true;
		part.n = 0;
		part.is_bad = true;
		return part;
	}
	r->p += n;
	r->n -= n;
	return part;
}

static unsigned take_u8(struct reader *r)
{
	struct reader part = take(r, 1);

	return part.n == 1 ? part.p[0] : 0;
}

static uint16_t take_u16(struct reader *r)
{
	struct reader part = take(r, 2);

	return part.n == 2 ? (uint16_t)(part.p[0] << 8 | part.p[1]) : 0;
}

/* What is being made of a hello. */
struct hello {
	struct clienthello out;
	struct ja4_input ja4;
	uint16_t legacy_version;
};

/* Adds the 16-bit values of a list that is used up; GREASE is left out. False if the list is odd, empty or too long. */
static bool read_values(struct reader *r, uint16_t *to, size_t max, size_t *ret_n)
{
	size_t n = 0;

	if (r->is_bad || r->n == 0 || r->n % 2 != 0 || r->n / 2 > max)
		return false;
	while (r->n != 0) {
		uint16_t value = take_u16(r);

		if (!ja4_is_grease(value))
			to[n++] = value;
	}
	*ret_n = n;
	return true;
}

/* One host name, of printable ASCII. */
static bool read_server_name(struct reader *r, struct hello *h)
{
	struct reader list = take(r, take_u16(r));

	if (r->n != 0 || list.n == 0)
		return false;
	while (list.n != 0) {
		unsigned type = take_u8(&list);
		struct reader name = take(&list, take_u16(&list));

		if (list.is_bad || name.n == 0)
			return false;
		if (type != NAME_TYPE_HOST)
			continue;
		if (name.n >= sizeof(h->out.server_name) || h->out.server_name[0] != '\0')
			return false;
		for (size_t i = 0; i < name.n; i++) {
			if (name.p[i] < 0x21 || name.p[i] > 0x7e)
				return false;
		}
		memcpy(h->out.server_name, name.p, name.n);
	}
	return true;
}

/* Adds one protocol to the text, if there is room for all of it. */
static void add_protocol(struct hello *h, struct str protocol)
{
	size_t at = strlen(h->out.alpn);
	char text[4 * 255 + 1];
	size_t n = str_escape(protocol, text, sizeof(text));

	if (at + 1 + n >= sizeof(h->out.alpn))
		return;
	if (at != 0)
		h->out.alpn[at++] = ',';
	memcpy(h->out.alpn + at, text, n + 1);
}

static bool read_alpn(struct reader *r, struct hello *h)
{
	struct reader list = take(r, take_u16(r));

	if (r->n != 0 || list.n == 0)
		return false;
	while (list.n != 0) {
		struct reader item = take(&list, take_u8(&list));
		struct str protocol = {(const char *)item.p, item.n};

		if (list.is_bad || item.n == 0)
			return false;
		if (h->ja4.alpn.len == 0)
			h->ja4.alpn = protocol;
		add_protocol(h, protocol);
	}
	return true;
}

/* The highest version that exists. */
static bool read_versions(struct reader *r, struct hello *h)
{
	struct reader list = take(r, take_u8(r));
	uint16_t versions[127];
	size_t n;

	if (r->n != 0 || !read_values(&list, versions, sizeof(versions) / sizeof(versions[0]), &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (versions[i] >= VERSION_SSL3 && versions[i] <= VERSION_TLS13 && versions[i] > h->out.version)
			h->out.version = versions[i];
	}
	return true;
}

static bool read_algorithms(struct reader *r, struct hello *h)
{
	struct reader list = take(r, take_u16(r));

	return r->n == 0 && read_values(&list, h->ja4.algorithms, HELLO_ALGORITHMS_MAX, &h->ja4.algorithms_n);
}

/* One extension; r is its content. */
static bool read_extension(struct reader *r, uint16_t type, struct hello *h)
{
	switch (type) {
	case EXT_SERVER_NAME:
		h->ja4.has_server_name = true;
		return read_server_name(r, h);
	case EXT_ALPN:
		return read_alpn(r, h);
	case EXT_SUPPORTED_VERSIONS:
		return read_versions(r, h);
	case EXT_SIGNATURE_ALGORITHMS:
		return read_algorithms(r, h);
	case EXT_ENCRYPTED_CLIENT_HELLO:
		h->out.has_ech = true;
		return true;
	default:
		return true;
	}
}

/* True if an extension of the type has come before (RFC 8446 section 4.2 forbids that). Only those we read matter here. */
static bool is_repeated(const struct hello *h, uint16_t type)
{
	if (type != EXT_SERVER_NAME && type != EXT_ALPN && type != EXT_SUPPORTED_VERSIONS && type != EXT_SIGNATURE_ALGORITHMS)
		return false;
	for (size_t i = 0; i < h->ja4.extensions_n; i++) {
		if (h->ja4.extensions[i] == type)
			return true;
	}
	return false;
}

static bool read_extensions(struct reader *r, struct hello *h)
{
	while (r->n != 0) {
		uint16_t type = take_u16(r);
		struct reader content = take(r, take_u16(r));

		if (r->is_bad || is_repeated(h, type) || h->ja4.extensions_n == HELLO_EXTENSIONS_MAX)
			return false;
		if (!read_extension(&content, type, h))
			return false;
		if (!ja4_is_grease(type))
			h->ja4.extensions[h->ja4.extensions_n++] = type;
	}
	return true;
}

/* The message without its head. */
static bool read_hello(struct reader *r, struct hello *h)
{
	struct reader part;

	h->legacy_version = take_u16(r);
	take(r, RANDOM_BYTES);
	part = take(r, take_u8(r));
	if (part.n > SESSION_ID_MAX_BYTES)
		return false;
	part = take(r, take_u16(r));
	if (!read_values(&part, h->ja4.ciphers, HELLO_CIPHERS_MAX, &h->ja4.ciphers_n))
		return false;
	part = take(r, take_u8(r));
	if (r->is_bad || part.n == 0 || h->legacy_version < VERSION_SSL3 || h->legacy_version > VERSION_TLS13)
		return false;
	if (r->n == 0)
		return true; /* a hello of old has no extensions */
	part = take(r, take_u16(r));
	return !r->is_bad && r->n == 0 && read_extensions(&part, h);
}

/* The whole message. */
static enum hello_verdict read_message(const uint8_t *bytes, size_t n, struct clienthello *ret)
{
	struct hello h;
	struct reader r = {.p = bytes, .n = n};

	memset(&h.out, 0, sizeof(h.out));
	h.ja4.has_server_name = false;
	h.ja4.alpn = STR_NONE;
	h.ja4.ciphers_n = h.ja4.extensions_n = h.ja4.algorithms_n = 0;
	if (!read_hello(&r, &h))
		return HELLO_NONE;
	if (h.out.version == 0)
		h.out.version = h.legacy_version;
	h.ja4.version = h.out.version;
	ja4_format(&h.ja4, h.out.ja4);
	*ret = h.out;
	return HELLO_DONE;
}

/* True if the first n bytes (at most five count) can be the head of a record of the handshake. */
static bool can_be_record(const uint8_t *p, size_t n)
{
	if (p[0] != RECORD_HANDSHAKE || (n > 1 && p[1] != 3) || (n > 2 && p[2] > 4))
		return false;
	return n < RECORD_HEAD_BYTES || ((p[3] | p[4]) != 0 && (p[3] << 8 | p[4]) <= RECORD_MAX_BYTES);
}

/* The length of the message, head included; 0: not known yet. False if it is no ClientHello, or too short or too long for one;
 * have: how much of it there is, of which only the first bytes are looked at. */
static bool message_length(const uint8_t *message, size_t have, size_t *ret_length)
{
	size_t length;

	if (have > 0 && message[0] != MESSAGE_CLIENT_HELLO)
		return false;
	if (have < MESSAGE_HEAD_BYTES)
		return true;
	length = (size_t)message[1] << 16 | (size_t)message[2] << 8 | message[3];
	if (length < HELLO_MIN_BYTES || length + MESSAGE_HEAD_BYTES + RECORD_HEAD_BYTES > HELLO_MAX_BYTES)
		return false;
	if (have < MESSAGE_CHECKED_BYTES)
		return true;
	*ret_length = length + MESSAGE_HEAD_BYTES;
	return message[MESSAGE_HEAD_BYTES] == VERSION_MAJOR;
}

/* Puts the parts of the message together that lie in the records: as much as there is room for, but walks over all. HELLO_DONE
 * if the message is whole. */
static enum hello_verdict gather(const uint8_t *bytes, size_t n, uint8_t *to, size_t room, size_t *ret_length)
{
	size_t have = 0, length = 0;

	while (n > 0) {
		size_t part;

		if (!can_be_record(bytes, n))
			return HELLO_NONE;
		if (n <= RECORD_HEAD_BYTES)
			break;
		part = (size_t)bytes[3] << 8 | bytes[4];
		bytes += RECORD_HEAD_BYTES;
		n -= RECORD_HEAD_BYTES;
		if (part > n)
			part = n;
		if (have < room)
			memcpy(to + have, bytes, part < room - have ? part : room - have);
		have += part;
		bytes += part;
		n -= part;
		if (length == 0 && !message_length(to, have, &length))
			return HELLO_NONE;
		if (length != 0 && have >= length) {
			*ret_length = length;
			return HELLO_DONE;
		}
	}
	return HELLO_MORE;
}

enum hello_verdict clienthello_parse(const uint8_t *bytes, size_t n, struct clienthello *ret)
{
	size_t seen = n < HELLO_MAX_BYTES ? n : HELLO_MAX_BYTES, length = 0;
	uint8_t first[MESSAGE_CHECKED_BYTES], message[HELLO_MAX_BYTES];
	/* A hello that comes byte by byte is walked over each time, but copied and read only once. */
	enum hello_verdict v = gather(bytes, seen, first, sizeof(first), &length);

	if (v == HELLO_MORE)
		return n < HELLO_MAX_BYTES ? HELLO_MORE : HELLO_NONE;
	if (v == HELLO_DONE)
		v = gather(bytes, seen, message, sizeof(message), &length);
	if (v != HELLO_DONE)
		return HELLO_NONE;
	return read_message(message + MESSAGE_HEAD_BYTES, length - MESSAGE_HEAD_BYTES, ret);
}
