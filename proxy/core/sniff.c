/* Tells what begins a tunnel: a TLS ClientHello, a request line of HTTP/1 (RFC 9112 section 3), or something else. Not for the
 * ClientHello's content (net/clienthello.c), nor for whether a request is well-formed: the codec of the opened tunnel judges. */
#include "core/sniff.h"

#include "base/str.h"

#include <string.h>

enum {
	TLS_FIRST_BYTE = 22, /* a record of the handshake */
	BLANK_LINES_MAX = 4,
	METHOD_MAX_BYTES = 32
};

const char *sniff_verdict_name(enum sniff_verdict v)
{
	static const char *const names[] = {
		[SNIFF_MORE] = "more",
		[SNIFF_TLS] = "tls",
		[SNIFF_HTTP] = "http",
		[SNIFF_OTHER] = "other",
	};
	return names[v];
}

static enum sniff_verdict sniff_tls(const uint8_t *bytes, size_t n, struct clienthello *ret_hello)
{
	switch (clienthello_parse(bytes, n, ret_hello)) {
	case HELLO_MORE:
		return SNIFF_MORE;
	case HELLO_DONE:
		return SNIFF_TLS;
	case HELLO_NONE:
		break;
	}
	return SNIFF_OTHER;
}

/* The steps below each look at one part of the line, in front of text. They take it off and return SNIFF_HTTP if it is right. */

static enum sniff_verdict take_blank_lines(struct str *text)
{
	for (unsigned i = 0; text->len != 0 && text->p[0] == '\r'; i++) {
		if (i == BLANK_LINES_MAX)
			return SNIFF_OTHER;
		if (text->len == 1)
			return SNIFF_MORE;
		if (text->p[1] != '\n')
			return SNIFF_OTHER;
		*text = str_from(*text, 2);
	}
	return text->len == 0 ? SNIFF_MORE : SNIFF_HTTP;
}

/* RFC 9110 allows any token, but what is in use is upper-case letters, "-" and "_" ("M-SEARCH", "BITS_POST"): with digits or dots
 * it would take longer to tell "SSH-2.0" from a method. */
static bool is_method_byte(char c, size_t at)
{
	return (c >= 'A' && c <= 'Z') || (at != 0 && (c == '-' || c == '_'));
}

static enum sniff_verdict take_method(struct str *text, struct str *ret_method)
{
	size_t n = 0;

	while (n < text->len && n < METHOD_MAX_BYTES && is_method_byte(text->p[n], n))
		n++;
	if (n == text->len)
		return SNIFF_MORE;
	if (n == 0 || text->p[n] != ' ')
		return SNIFF_OTHER;
	*ret_method = str_first(*text, n);
	*text = str_from(*text, n + 1);
	/* Addressed to a proxy: whatever it names is no origin-form. */
	return str_eq(*ret_method, STR("CONNECT")) ? SNIFF_OTHER : SNIFF_HTTP;
}

/* Whether there is a control byte in s. Looks at all of it: that way the loop is turned into one of vectors, and a target that
 * comes byte by byte costs little. */
static bool has_controls(struct str s)
{
	unsigned found = 0;

	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];

		found |= (unsigned)(c < 0x20) | (unsigned)(c == 0x7f);
	}
	return found != 0;
}

/* Bytes of a path which no URL has are left to the codec, which refuses them in words. */
static enum sniff_verdict take_target(struct str *text, struct str method)
{
	size_t n = str_find(*text, ' ');

	if (text->len == 0)
		return SNIFF_MORE;
	if (text->p[0] == '*') {
		if (!str_eq(method, STR("OPTIONS")) || (text->len > 1 && n != 1))
			return SNIFF_OTHER;
	} else if (text->p[0] != '/') {
		return SNIFF_OTHER;
	}
	if (has_controls(str_first(*text, n)))
		return SNIFF_OTHER;
	if (n == text->len)
		return SNIFF_MORE;
	*text = str_from(*text, n + 1);
	return SNIFF_HTTP;
}

/* The version and the byte behind it: a bare LF is the codec's to refuse. */
static enum sniff_verdict take_version(struct str *text)
{
	static const char stem[] = "HTTP/1.";
	const size_t stem_n = sizeof(stem) - 1;
	size_t n = text->len < stem_n ? text->len : stem_n;

	if (!str_eq(str_first(*text, n), (struct str){stem, n}))
		return SNIFF_OTHER;
	*text = str_from(*text, n);
	if (text->len == 0)
		return SNIFF_MORE;
	if (text->p[0] != '0' && text->p[0] != '1')
		return SNIFF_OTHER;
	if (text->len == 1)
		return SNIFF_MORE;
	return text->p[1] == '\r' || text->p[1] == '\n' ? SNIFF_HTTP : SNIFF_OTHER;
}

static enum sniff_verdict sniff_http(struct str text)
{
	struct str method;
	enum sniff_verdict v = take_blank_lines(&text);

	if (v == SNIFF_HTTP)
		v = take_method(&text, &method);
	if (v == SNIFF_HTTP)
		v = take_target(&text, method);
	if (v == SNIFF_HTTP)
		v = take_version(&text);
	return v;
}

enum sniff_verdict sniff(const uint8_t *bytes, size_t n, struct clienthello *ret_hello)
{
	size_t looked_at = n < SNIFF_LINE_MAX_BYTES ? n : SNIFF_LINE_MAX_BYTES;
	enum sniff_verdict v;

	if (n == 0)
		return SNIFF_MORE;
	if (bytes[0] == TLS_FIRST_BYTE)
		return sniff_tls(bytes, n, ret_hello);
	v = sniff_http((struct str){(const char *)bytes, looked_at});
	return v == SNIFF_MORE && n >= SNIFF_LINE_MAX_BYTES ? SNIFF_OTHER : v;
}

bool sniff_server_name(const struct clienthello *h, char ret[SERVER_NAME_BYTES])
{
	return server_name_read(str_of(h->server_name), ret);
}

const char *sniff_port_purpose(uint16_t port)
{
	static const struct {
		uint16_t port;
		const char *purpose;
	} known[] = {
		{465, "SMTP over TLS"},
		{563, "NNTP over TLS"},
		{636, "LDAP over TLS"},
		{853, "DNS over TLS"},
		{989, "FTP over TLS"},
		{990, "FTP over TLS"},
		{992, "Telnet over TLS"},
		{993, "IMAP over TLS"},
		{994, "IRC over TLS"},
		{995, "POP3 over TLS"},
		{2762, "DICOM over TLS"},
		{3269, "LDAP over TLS"},
		{5061, "SIP over TLS"},
		{5223, "XMPP over TLS"},
		{5349, "STUN over TLS"},
		{5671, "AMQP over TLS"},
		{6514, "syslog over TLS"},
		{6697, "IRC over TLS"},
		{8883, "MQTT over TLS"},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (known[i].port == port)
			return known[i].purpose;
	}
	return NULL;
}

bool sniff_alpn_is_http1(const char *alpn)
{
	struct str rest = str_of(alpn);

	if (rest.len == 0)
		return true;
	/* No list of RFC 9110: quotes and blanks are bytes as any other here. */
	while (rest.len != 0) {
		size_t n = str_find(rest, ',');

		if (str_eq(str_first(rest, n), STR("http/1.1")))
			return true;
		rest = str_from(rest, n < rest.len ? n + 1 : n);
	}
	return false;
}
