/* What begins a tunnel: a table of beginnings, each whole and cut at every byte, with the byte at which it is decided. */
#include "core/sniff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

/* A ClientHello of 50 bytes: TLS 1.2, one cipher, no extensions. */
#define RANDOM_8 "rrrrrrrr"
#define HELLO_BODY "\x03\x03" RANDOM_8 RANDOM_8 RANDOM_8 RANDOM_8 "\0\0\x02\x13\x01\x01\0"
#define HELLO "\x16\x03\x01\0\x2d\x01\0\0\x29" HELLO_BODY

/* at: how many bytes decide; 0: none do, it is SNIFF_MORE to the end. */
struct beginning {
	const char *text;
	size_t n, at;
	enum sniff_verdict verdict;
};
#define ROW(text, at, verdict) {text, sizeof(text) - 1, at, verdict}
/* Decided by the last byte that is given, and not by fewer. */
#define LAST(text, verdict) {text, sizeof(text) - 1, sizeof(text) - 1, verdict}

static const struct beginning requests[] = {
	ROW("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 15, SNIFF_HTTP),
	ROW("GET / HTTP/1.0\r\n\r\n", 15, SNIFF_HTTP),
	LAST("OPTIONS * HTTP/1.1\r", SNIFF_HTTP),
	LAST("OPTIONS /a HTTP/1.1\r", SNIFF_HTTP),
	LAST("M-SEARCH / HTTP/1.1\r", SNIFF_HTTP),
	LAST("BITS_POST /x HTTP/1.1\r", SNIFF_HTTP),
	LAST("FROBNICATE /x HTTP/1.1\r", SNIFF_HTTP),
	LAST("G / HTTP/1.1\r", SNIFF_HTTP),
	LAST("GET /http://a/?b=c#\\\xff HTTP/1.1\r", SNIFF_HTTP), /* the codec refuses it in words */
	LAST("GET / HTTP/1.1\n", SNIFF_HTTP),
	LAST("\r\nGET / HTTP/1.1\r", SNIFF_HTTP),
	LAST("\r\n\r\n\r\n\r\nGET / HTTP/1.1\r", SNIFF_HTTP),
	ROW("", 0, SNIFF_MORE),
	ROW("G", 0, SNIFF_MORE),
	ROW("GET ", 0, SNIFF_MORE),
	ROW("GET /", 0, SNIFF_MORE),
	ROW("GET /a HTTP/1.1", 0, SNIFF_MORE),
	ROW("OPTIONS *", 0, SNIFF_MORE),
	ROW("\r\n\r", 0, SNIFF_MORE),
};

static const struct beginning others[] = {
	/* nearly HTTP */
	LAST("\r\n\r\n\r\n\r\n\r", SNIFF_OTHER), LAST("\n", SNIFF_OTHER), LAST("\rG", SNIFF_OTHER), LAST("g", SNIFF_OTHER),
	LAST("-", SNIFF_OTHER), LAST(" ", SNIFF_OTHER), LAST("GET\t", SNIFF_OTHER), LAST("GET  ", SNIFF_OTHER),
	LAST("Ge", SNIFF_OTHER), LAST("GET /\r", SNIFF_OTHER), /* HTTP/0.9 */
	LAST("GET /\0", SNIFF_OTHER), LAST("GET /\x7f", SNIFF_OTHER), LAST("GET / \r", SNIFF_OTHER),
	LAST("GET / HTTP/2", SNIFF_OTHER), LAST("GET / HTTP/1.2", SNIFF_OTHER), LAST("GET / HTTP/1.11", SNIFF_OTHER),
	LAST("GET / HTTP/1.1 ", SNIFF_OTHER), LAST("GET / h", SNIFF_OTHER), LAST("GET *", SNIFF_OTHER),
	LAST("OPTIONS *x", SNIFF_OTHER), LAST("GET h", SNIFF_OTHER), /* absolute-form: for a proxy */
	LAST("CONNECT ", SNIFF_OTHER), LAST("PRI *", SNIFF_OTHER),   /* HTTP/2 */
	LAST("HTTP/", SNIFF_OTHER),                                  /* a response */
	LAST("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG", SNIFF_OTHER),
	/* other protocols of text */
	ROW("SSH-2.0-x\r\n", 5, SNIFF_OTHER), ROW("EHLO x\r\n", 6, SNIFF_OTHER), ROW("USER x\r\n", 6, SNIFF_OTHER),
	ROW("HELP\r\n", 5, SNIFF_OTHER), ROW("RFB 003.008\n", 5, SNIFF_OTHER), ROW("220 smtp\r\n", 1, SNIFF_OTHER),
	ROW("*1\r\n", 1, SNIFF_OTHER), ROW("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n", 7, SNIFF_OTHER),
	ROW("DESCRIBE rtsp://x RTSP/1.0\r\n", 10, SNIFF_OTHER), ROW("OPTIONS * RTSP/1.0\r\n", 11, SNIFF_OTHER),
	ROW("SOURCE /x ICE/1.0\r\n", 11, SNIFF_OTHER), ROW("INVITE sip:a@b SIP/2.0\r\n", 8, SNIFF_OTHER),
	ROW("<?xml", 1, SNIFF_OTHER), ROW("AMQP\0\0\x09\x01", 5, SNIFF_OTHER),
	/* and of bytes */
	ROW("\x10\x10\0\x04MQTT", 1, SNIFF_OTHER),
	ROW("\0\0\0\x08\x04\xd2\x16\x2f", 1, SNIFF_OTHER), /* PostgreSQL asks for TLS */
	ROW("\x20\0\0\x01\x85\xa6", 1, SNIFF_OTHER),       /* MySQL asks for TLS */
	ROW("\x03\0\0\x13\x0e\xe0", 1, SNIFF_OTHER),       /* RDP */
	ROW("\x13"
	    "BitTorrent protocol",
		1, SNIFF_OTHER),
	ROW("\x80\x2e\x01\x03\x01", 1, SNIFF_OTHER), /* a hello of SSLv2 */
	ROW("\r\n\r\n\0\r\nQUIT\n", 5, SNIFF_OTHER), /* the PROXY protocol in binary */
};

static const struct beginning hellos[] = {
	LAST(HELLO, SNIFF_TLS), ROW(HELLO "\x14\x03\x03", sizeof(HELLO) - 1, SNIFF_TLS),
	LAST("\x16\x03\x01\0\x02\x01\0"
	     "\x16\x03\x01\0\x2b\0\x29" HELLO_BODY,
		SNIFF_TLS),
	ROW("\x16", 0, SNIFF_MORE), ROW("\x16\x03\x01\0\x2d\x01\0\0\x29\x03\x03", 0, SNIFF_MORE), LAST("\x16\x02", SNIFF_OTHER),
	LAST("\x16\x03\x05", SNIFF_OTHER), LAST("\x16\x03\x01\0\0", SNIFF_OTHER), /* an empty record */
	LAST("\x16\x03\x01\xff\xff", SNIFF_OTHER),                                /* longer than records are */
	LAST("\x16\x03\x01\0\x2d\x02", SNIFF_OTHER),                              /* a ServerHello */
	LAST("\x16\x03\x01\0\x2d\x01\0\0\x28", SNIFF_OTHER),                      /* shorter than any hello */
	LAST("\x16\x03\x01\0\x2d\x01\0\x40\0", SNIFF_OTHER),                      /* longer than we read */
	LAST("\x16\x03\x01\0\x2d\x01\0\0\x29\x02", SNIFF_OTHER),                  /* no version of TLS */
	LAST("\x16\x03\x01\0\x02\x01\0\x17", SNIFF_OTHER),                        /* another record in between */
	ROW("\x15\x03\x01\0\x02\x02\x28", 1, SNIFF_OTHER),                        /* an alert */
};

/* In memory of exactly that size, so that a sanitizer sees what looks further. */
static enum sniff_verdict sniff_first(const char *text, size_t n, struct clienthello *ret_hello)
{
	uint8_t *bytes = malloc(n + (n == 0));
	enum sniff_verdict v;

	assert_non_null(bytes);
	memcpy(bytes, text, n);
	v = sniff(bytes, n, ret_hello);
	free(bytes);
	return v;
}

static void check_rows(const struct beginning *rows, size_t rows_n)
{
	for (size_t i = 0; i < rows_n; i++) {
		const struct beginning *row = &rows[i];
		size_t at = 0;

		for (size_t n = 0; n <= row->n; n++) {
			struct clienthello h = {.version = 7};
			enum sniff_verdict v = sniff_first(row->text, n, &h);

			if (v != SNIFF_MORE && at == 0)
				at = n;
			if (v != (at != 0 ? row->verdict : SNIFF_MORE) || (n == row->n && at != row->at))
				fail_msg("\"%s\" (row %zu): %s after %zu bytes", row->text, i, sniff_verdict_name(v), n);
			assert_int_equal(h.version, v == SNIFF_TLS ? 0x0303 : 7);
		}
	}
}

static void test_requests(void **state)
{
	(void)state;
	check_rows(requests, sizeof(requests) / sizeof(requests[0]));
}

static void test_others(void **state)
{
	(void)state;
	check_rows(others, sizeof(others) / sizeof(others[0]));
}

static void test_hellos(void **state)
{
	(void)state;
	check_rows(hellos, sizeof(hellos) / sizeof(hellos[0]));
}

/* A line may be SNIFF_LINE_MAX_BYTES long as far as it is looked at, and is given up then. */
static void test_long_line(void **state)
{
	static const char tail[] = " HTTP/1.1\r";
	static char line[SNIFF_LINE_MAX_BYTES + 100];
	struct clienthello h;
	size_t fits = SNIFF_LINE_MAX_BYTES - strlen(tail);

	(void)state;
	memset(line, 'a', sizeof(line));
	memcpy(line, "GET /", 5);
	assert_int_equal(sniff_first(line, SNIFF_LINE_MAX_BYTES - 1, &h), SNIFF_MORE);
	assert_int_equal(sniff_first(line, SNIFF_LINE_MAX_BYTES, &h), SNIFF_OTHER);
	memcpy(line + fits + 1, tail, strlen(tail));
	assert_int_equal(sniff_first(line, SNIFF_LINE_MAX_BYTES - 1, &h), SNIFF_MORE);
	assert_int_equal(sniff_first(line, SNIFF_LINE_MAX_BYTES, &h), SNIFF_OTHER);
	assert_int_equal(sniff_first(line, sizeof(line), &h), SNIFF_OTHER);
	memcpy(line + fits, tail, strlen(tail));
	assert_int_equal(sniff_first(line, SNIFF_LINE_MAX_BYTES - 1, &h), SNIFF_MORE);
	assert_int_equal(sniff_first(line, SNIFF_LINE_MAX_BYTES, &h), SNIFF_HTTP);
	assert_int_equal(sniff_first(line, sizeof(line), &h), SNIFF_HTTP);
}

static uint32_t draw(uint32_t *seed, uint32_t below)
{
	*seed = *seed * 1664525u + 1013904223u;
	return (*seed >> 8) % below;
}

/* Beginnings spoilt at random: what is decided early is what is decided of the whole. */
static void test_bytewise_is_as_whole(void **state)
{
	enum { ROUNDS = 4000, BYTES = 256 };
	uint32_t seed = 1;

	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		const struct beginning *row = i % 2 == 0 ? &hellos[i / 2 % 3] : &requests[i / 2 % 12];
		char bytes[BYTES];
		struct clienthello whole_hello, h;
		enum sniff_verdict whole, v = SNIFF_MORE;

		assert_true(row->n <= BYTES);
		memcpy(bytes, row->text, row->n);
		for (uint32_t spoilt = draw(&seed, 3); spoilt > 0; spoilt--)
			bytes[draw(&seed, (uint32_t)row->n)] = (char)draw(&seed, 256);
		whole = sniff_first(bytes, row->n, &whole_hello);
		for (size_t n = 0; n <= row->n && v == SNIFF_MORE; n++)
			v = sniff_first(bytes, n, &h);
		assert_int_equal(v, whole);
		if (v == SNIFF_TLS)
			assert_memory_equal(&h, &whole_hello, sizeof(h));
	}
}

/* What a client can make it do at worst by sending 16 KiB in 16,384 pieces. The bound is far above what it takes: it is for costs of
 * another order. */
static void test_bytewise_is_cheap(void **state)
{
	enum { RECORD_BYTES = 6, SECONDS = 5 };
	static const uint8_t message[] = {1, 0, 0x3f, 0xe0, 3, 3};
	static uint8_t bytes[HELLO_MAX_BYTES + RECORD_BYTES];
	struct clienthello h;
	clock_t start = clock();

	(void)state;
	for (size_t i = 0; i < HELLO_MAX_BYTES; i += RECORD_BYTES) {
		memcpy(bytes + i, "\x16\x03\x01\0\x01", RECORD_BYTES);
		if (i / RECORD_BYTES < sizeof(message))
			bytes[i + RECORD_BYTES - 1] = message[i / RECORD_BYTES];
	}
	for (size_t n = 0; n < HELLO_MAX_BYTES; n++)
		assert_int_equal(sniff(bytes, n, &h), SNIFF_MORE);
	assert_true(clock() - start < SECONDS * CLOCKS_PER_SEC);
}

static bool name_of(const char *text, char ret[SERVER_NAME_BYTES])
{
	struct clienthello h = {0};

	assert_true(strlen(text) < sizeof(h.server_name));
	snprintf(h.server_name, sizeof(h.server_name), "%s", text);
	return sniff_server_name(&h, ret);
}

static void test_server_name(void **state)
{
	static const char *const wrong[] = {"", ".", "..", "a..b", ".a", "a..", "127.0.0.1", "127.1", "0x7f.1", "::1", "[::1]",
		"a:443", "a b", "a/b", "*.a", "user@a", "a%41", "\xc3\xa4.test", "a,b", "a\\b"};
	static const char *const right[][2] = {{"example.org", "example.org"}, {"WWW.Example.ORG.", "www.example.org"},
		{"localhost", "localhost"}, {"_dmarc.a_b.test", "_dmarc.a_b.test"},
		{"xn--bcher-kva.test", "xn--bcher-kva.test"}, {"1.2.3.test", "1.2.3.test"}};
	char name[SERVER_NAME_BYTES] = "untouched", text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (name_of(wrong[i], name))
			fail_msg("\"%s\" was taken for \"%s\"", wrong[i], name);
	}
	assert_string_equal(name, "untouched");
	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		assert_true(name_of(right[i][0], name));
		assert_string_equal(name, right[i][1]);
	}
	/* 63 bytes in a label, 253 in all, and one more. */
	memset(text, 'a', sizeof(text));
	text[63] = text[127] = text[191] = '.';
	text[253] = '\0';
	assert_true(name_of(text, name));
	memcpy(text + 253, "a", 2);
	assert_false(name_of(text, name));
	memcpy(text + 64, ".", 2);
	assert_false(name_of(text, name));
	memset(text, 'a', 64);
	text[64] = '\0';
	assert_false(name_of(text, name));
}

static void test_alpn(void **state)
{
	static const char *const yes[] = {"", "http/1.1", "h2,http/1.1", "http/1.1,h2", "\"h3,http/1.1"};
	static const char *const no[] = {
		"h2", "h2,h3", "http/1.0", "http/1.1x", "x-http/1.1", "imap", "HTTP/1.1", "h2, http/1.1"};

	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		assert_true(sniff_alpn_is_http1(yes[i]));
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		assert_false(sniff_alpn_is_http1(no[i]));
}

static void test_ports(void **state)
{
	static const uint16_t web[] = {0, 80, 443, 4443, 8080, 8443, 9443, 65535};

	(void)state;
	for (size_t i = 0; i < sizeof(web) / sizeof(web[0]); i++)
		assert_null(sniff_port_purpose(web[i]));
	assert_string_equal(sniff_port_purpose(993), "IMAP over TLS");
	assert_string_equal(sniff_port_purpose(465), "SMTP over TLS");
	assert_string_equal(sniff_port_purpose(8883), "MQTT over TLS");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_hellos),
		cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_bytewise_is_as_whole),
		cmocka_unit_test(test_bytewise_is_cheap),
		cmocka_unit_test(test_server_name),
		cmocka_unit_test(test_alpn),
		cmocka_unit_test(test_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
