/* Reading ClientHellos: one that OpenSSL makes, ones made by hand, cut, split and spoilt. */
#include "net/clienthello.h"
#include "net/ja4.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/ssl.h>

/* What OpenSSL sends first. */
static size_t openssl_hello(uint8_t *to, size_t size, const char *name)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = SSL_new(ctx);
	BIO *out = BIO_new(BIO_s_mem());
	int n;

	if (name != NULL)
		assert_int_equal(SSL_set_tlsext_host_name(ssl, name), 1);
	assert_int_equal(SSL_set_alpn_protos(ssl, (const unsigned char *)"\x02h2\x08http/1.1", 12), 0);
	SSL_set_bio(ssl, BIO_new(BIO_s_mem()), out);
	SSL_set_connect_state(ssl);
	SSL_do_handshake(ssl);
	n = BIO_read(out, to, (int)size);
	assert_true(n > 0);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	return (size_t)n;
}

static void test_openssl(void **state)
{
	uint8_t bytes[4096];
	size_t n = openssl_hello(bytes, sizeof(bytes), "www.example.org");
	struct clienthello h;

	(void)state;
	assert_int_equal(clienthello_parse(bytes, n, &h), HELLO_DONE);
	assert_string_equal(h.server_name, "www.example.org");
	assert_string_equal(h.alpn, "h2,http/1.1");
	assert_int_equal(h.version, 0x0304);
	assert_false(h.has_ech);
	assert_memory_equal(h.ja4, "t13d", 4);
	assert_int_equal(strlen(h.ja4), 36);
	assert_memory_equal(h.ja4 + 8, "h2_", 3);
	n = openssl_hello(bytes, sizeof(bytes), NULL);
	assert_int_equal(clienthello_parse(bytes, n, &h), HELLO_DONE);
	assert_string_equal(h.server_name, "");
	assert_memory_equal(h.ja4, "t13i", 4);
}

/* Every cut asks for more; bytes behind change nothing. */
static void test_prefixes(void **state)
{
	uint8_t bytes[8192] = {0};
	size_t n = openssl_hello(bytes, sizeof(bytes), "www.example.org");
	struct clienthello h;

	(void)state;
	for (size_t i = 0; i < n; i++)
		assert_int_equal(clienthello_parse(bytes, i, &h), HELLO_MORE);
	for (size_t i = n; i < n + 100; i++)
		assert_int_equal(clienthello_parse(bytes, i, &h), HELLO_DONE);
}

/* Cuts a hello of one record into records of size bytes. */
static size_t split(const uint8_t *from, size_t n, size_t size, uint8_t *to)
{
	size_t at = 0;

	for (size_t done = 5; done < n; done += size) {
		size_t part = n - done < size ? n - done : size;

		memcpy(to + at, from, 3);
		to[at + 3] = (uint8_t)(part >> 8);
		to[at + 4] = (uint8_t)part;
		memcpy(to + at + 5, from + done, part);
		at += 5 + part;
	}
	return at;
}

static void test_several_records(void **state)
{
	uint8_t bytes[4096], parts[16384];
	size_t n = openssl_hello(bytes, sizeof(bytes), "www.example.org");
	struct clienthello whole, h;

	(void)state;
	assert_int_equal(clienthello_parse(bytes, n, &whole), HELLO_DONE);
	for (size_t size = 1; size < 64; size++) {
		size_t m = split(bytes, n, size, parts);

		assert_int_equal(clienthello_parse(parts, m, &h), HELLO_DONE);
		assert_memory_equal(&h, &whole, sizeof(h));
		assert_int_equal(clienthello_parse(parts, m - 1, &h), HELLO_MORE);
	}
	n = split(bytes, n, 100, parts);
	parts[105] = 23; /* another kind of record in between */
	assert_int_equal(clienthello_parse(parts, n, &h), HELLO_NONE);
}

struct maker {
	uint8_t bytes[32768];
	size_t n;
};

static void add(struct maker *m, const void *bytes, size_t n)
{
	memcpy(m->bytes + m->n, bytes, n);
	m->n += n;
}

static void add_u16(struct maker *m, unsigned value)
{
	const uint8_t bytes[2] = {(uint8_t)(value >> 8), (uint8_t)value};

	add(m, bytes, 2);
}

/* A hello around extensions. */
static void make(struct maker *m, const void *ciphers, size_t ciphers_n, const void *extensions, size_t extensions_n)
{
	static const uint8_t head[43] = {22, 3, 1, 0, 0, 1, 0, 0, 0, 3, 3};
	size_t length;

	m->n = 0;
	add(m, head, sizeof(head));
	add(m, "", 1); /* no session id */
	add_u16(m, (unsigned)ciphers_n);
	add(m, ciphers, ciphers_n);
	add(m, "\x01", 2);
	add_u16(m, (unsigned)extensions_n);
	add(m, extensions, extensions_n);
	length = m->n - 5;
	m->bytes[3] = (uint8_t)(length >> 8);
	m->bytes[4] = (uint8_t)length;
	m->bytes[7] = (uint8_t)((length - 4) >> 8);
	m->bytes[8] = (uint8_t)(length - 4);
}

#define MAKE(m, ciphers, extensions) make(m, ciphers, sizeof(ciphers) - 1, extensions, sizeof(extensions) - 1)

static enum hello_verdict parse(const struct maker *m, struct clienthello *ret)
{
	return clienthello_parse(m->bytes, m->n, ret);
}

static void test_by_hand(void **state)
{
	static struct maker m;
	struct clienthello h;

	(void)state;
	MAKE(&m, "\x0a\x0a\x13\x01",
		"\xfe\x0d\0\0"
		"\x00\x2b\0\x07\x06\x8a\x8a\x03\x03\x03\x02"
		"\x00\x10\0\x06\0\x04\x03"
		"a\xff"
		",");
	assert_int_equal(parse(&m, &h), HELLO_DONE);
	assert_true(h.has_ech);
	assert_int_equal(h.version, 0x0303);
	assert_string_equal(h.alpn, "a\\xff,");
	assert_memory_equal(h.ja4, "t12i01036c_", 11);
	MAKE(&m, "\x00\x2f", "");
	assert_int_equal(parse(&m, &h), HELLO_DONE);
	assert_memory_equal(h.ja4, "t12i010000_", 11);
	assert_string_equal(h.ja4 + 24, "000000000000");
	m.n -= 2; /* no extensions at all */
	m.bytes[4] = (uint8_t)(m.bytes[4] - 2);
	m.bytes[8] = (uint8_t)(m.bytes[8] - 2);
	assert_int_equal(parse(&m, &h), HELLO_DONE);
}

static void test_malformed(void **state)
{
	static struct maker m;
	struct clienthello h = {.version = 7};

	(void)state;
	MAKE(&m, "\x13\x01", "\x00\x00\0\x05\0\x03\0\0\0"); /* empty server name */
	assert_int_equal(parse(&m, &h), HELLO_NONE);
	MAKE(&m, "\x13\x01", "\x00\x00\0\x06\0\x04\0\0\x01\x07"); /* a control character in it */
	assert_int_equal(parse(&m, &h), HELLO_NONE);
	MAKE(&m, "\x13\x01",
		"\x00\x00\0\x06\0\x04\0\0\x02"
		"a"); /* longer than its list */
	assert_int_equal(parse(&m, &h), HELLO_NONE);
	MAKE(&m, "\x13\x01",
		"\x00\x00\0\x06\0\x04\0\0\x01"
		"a"
		"\x00\x00\0\x06\0\x04\0\0\x01"
		"b"); /* twice */
	assert_int_equal(parse(&m, &h), HELLO_NONE);
	MAKE(&m, "\x13\x01", "\x00\x10\0\x03\0\x01\0"); /* empty protocol */
	assert_int_equal(parse(&m, &h), HELLO_NONE);
	MAKE(&m, "\x13\x01", "\x00\x2b\0\x02\x01\x03"); /* odd list of versions */
	assert_int_equal(parse(&m, &h), HELLO_NONE);
	MAKE(&m, "\x13\x01", "\x12\x34\0\x02\x01"); /* extension longer than all of them */
	assert_int_equal(parse(&m, &h), HELLO_NONE);
	MAKE(&m, "\x13", ""); /* odd list of ciphers */
	assert_int_equal(parse(&m, &h), HELLO_NONE);
	MAKE(&m, "", ""); /* no ciphers */
	assert_int_equal(parse(&m, &h), HELLO_NONE);
	assert_int_equal(h.version, 7); /* untouched */
}

/* Names as they come, and lists of names that say more or less than they should. */
static void test_server_names(void **state)
{
	static struct maker m;
	struct clienthello h;

	(void)state;
	MAKE(&m, "\x13\x01",
		"\x00\x00\0\x0b\0\x09\0\0\x06"
		"A.b..~");
	assert_int_equal(parse(&m, &h), HELLO_DONE);
	assert_string_equal(h.server_name, "A.b..~");
	MAKE(&m, "\x13\x01",
		"\x00\x00\0\x0a\0\x08\x07\0\x01\xff\0\0\x01"
		"a"); /* one of another type in front */
	assert_int_equal(parse(&m, &h), HELLO_DONE);
	assert_string_equal(h.server_name, "a");
	MAKE(&m, "\x13\x01", "\x00\x00\0\x06\0\x04\x07\0\x01\xff"); /* no other */
	assert_int_equal(parse(&m, &h), HELLO_DONE);
	assert_string_equal(h.server_name, "");
	assert_memory_equal(h.ja4, "t12d", 4);
	MAKE(&m, "\x13\x01",
		"\x00\x00\0\x0a\0\x08\0\0\x01"
		"a"
		"\0\0\x01"
		"b"); /* two hosts */
	assert_int_equal(parse(&m, &h), HELLO_NONE);
	MAKE(&m, "\x13\x01",
		"\x00\x00\0\x07\0\x04\0\0\x01"
		"a"
		"x"); /* a byte behind the list */
	assert_int_equal(parse(&m, &h), HELLO_NONE);
	MAKE(&m, "\x13\x01",
		"\x00\x00\0\x06\0\x05\0\0\x01"
		"a"); /* a list longer than the extension */
	assert_int_equal(parse(&m, &h), HELLO_NONE);
	MAKE(&m, "\x13\x01", "\x00\x00\0\x02\0\0"); /* an empty list */
	assert_int_equal(parse(&m, &h), HELLO_NONE);
	MAKE(&m, "\x13\x01", "\x00\x00\0\0"); /* as servers answer it */
	assert_int_equal(parse(&m, &h), HELLO_NONE);
	MAKE(&m, "\x13\x01",
		"\x00\x00\0\x07\0\x05\0\0\x02"
		"a\0"); /* a NUL in the name */
	assert_int_equal(parse(&m, &h), HELLO_NONE);
}

/* The longest name that is kept, and one byte more. */
static void test_long_server_name(void **state)
{
	static struct maker m;
	uint8_t extension[4 + 2 + 3 + 256] = {0, 0, 1, 4, 1, 2, 0, 0, 255};
	struct clienthello h;

	(void)state;
	memset(extension + 9, 'n', 256);
	make(&m, "\x13\x01", 2, extension, 4 + 2 + 3 + 255);
	assert_int_equal(parse(&m, &h), HELLO_DONE);
	assert_int_equal(strlen(h.server_name), 255);
	memcpy(extension + 2, "\x01\x05\x01\x03\0\x01\0", 7);
	make(&m, "\x13\x01", 2, extension, sizeof(extension));
	assert_int_equal(parse(&m, &h), HELLO_NONE);
}

static void test_repeated_extensions(void **state)
{
	static struct maker m;
	struct clienthello h;

	(void)state;
	MAKE(&m, "\x13\x01",
		"\x00\x10\0\x04\0\x02\x01"
		"a"
		"\x00\x10\0\x04\0\x02\x01"
		"b");
	assert_int_equal(parse(&m, &h), HELLO_NONE);
	MAKE(&m, "\x13\x01", "\x00\x2b\0\x03\x02\x03\x04\x00\x2b\0\x03\x02\x03\x03");
	assert_int_equal(parse(&m, &h), HELLO_NONE);
	MAKE(&m, "\x13\x01", "\x00\x0d\0\x04\0\x02\x04\x03\x00\x0d\0\x04\0\x02\x04\x03");
	assert_int_equal(parse(&m, &h), HELLO_NONE);
	MAKE(&m, "\x13\x01", "\x0a\x0a\0\0\x0a\x0a\0\0"); /* what means nothing may come as often as it likes */
	assert_int_equal(parse(&m, &h), HELLO_DONE);
}

/* More protocols than are kept: those that fit are. */
static void test_many_protocols(void **state)
{
	enum { MANY = 200 };
	static struct maker m;
	uint8_t extension[4 + 2 + 2 * MANY] = {
		0, 16, (2 + 2 * MANY) >> 8, (uint8_t)(2 + 2 * MANY), 2 * MANY >> 8, (uint8_t)(2 * MANY)};
	struct clienthello h;

	(void)state;
	for (size_t i = 6; i < sizeof(extension); i += 2) {
		extension[i] = 1;
		extension[i + 1] = 'p';
	}
	make(&m, "\x13\x01", 2, extension, sizeof(extension));
	assert_int_equal(parse(&m, &h), HELLO_DONE);
	assert_memory_equal(h.alpn, "p,p,p,", 6);
	assert_int_equal(strlen(h.alpn), sizeof(h.alpn) - 1);
}

/* What stands in the record behind the message, or comes in between. */
static void test_records(void **state)
{
	static struct maker m;
	uint8_t parts[512];
	struct clienthello h;
	size_t n;

	(void)state;
	MAKE(&m, "\x13\x01", "");
	add(&m, "\x0b\0\0\0", 4);
	m.bytes[4] = (uint8_t)(m.bytes[4] + 4);
	assert_int_equal(parse(&m, &h), HELLO_DONE);
	MAKE(&m, "\x13\x01", "");
	n = split(m.bytes, m.n, 20, parts);
	assert_int_equal(clienthello_parse(parts, n, &h), HELLO_DONE);
	memmove(parts + 30, parts + 25, n - 25);
	memcpy(parts + 25, "\x16\x03\x01\0\0", 5); /* an empty record */
	assert_int_equal(clienthello_parse(parts, n + 5, &h), HELLO_NONE);
	assert_int_equal(clienthello_parse(parts, 30, &h), HELLO_NONE);
	assert_int_equal(clienthello_parse(parts, 29, &h), HELLO_MORE);
	memcpy(parts + 25, "\x15\x03\x01\0\x02", 5); /* an alert */
	assert_int_equal(clienthello_parse(parts, 26, &h), HELLO_NONE);
}

static void test_not_tls(void **state)
{
	static const char *const others[] = {"GET / HTTP/1.1\r\n", "SSH-2.0-x", "\x16\x02\x01", "\x16\x03\x05",
		"\x16\x03\x01\x00\x00", "\x16\x03\x01\xff\xff", "\x16\x03\x01\x00\x05\x02",
		"\x16\x03\x01\x40\x00\x01\x00\x40\x00", "\x17", "\x16\x03\x01\x00\x40\x01\x00\x00\x28",
		"\x16\x03\x01\x00\x40\x01\x00\x00\x29\x02"};
	static const size_t lengths[] = {16, 9, 2, 3, 5, 5, 6, 9, 1, 9, 10};
	struct clienthello h;

	(void)state;
	assert_int_equal(clienthello_parse((const uint8_t *)"", 0, &h), HELLO_MORE);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(clienthello_parse((const uint8_t *)others[i], lengths[i], &h), HELLO_NONE);
}

/* The largest hello that is taken, and one that never ends. */
static void test_limit(void **state)
{
	static struct maker m;
	static uint8_t parts[200000], extensions[16384];
	const size_t room = HELLO_MAX_BYTES - 5 - 4 - 34 - 1 - 4 - 2 - 2;
	struct clienthello h;

	(void)state;
	extensions[0] = 0x12;
	extensions[2] = (uint8_t)((room - 4) >> 8);
	extensions[3] = (uint8_t)(room - 4);
	make(&m, "\x13\x01", 2, extensions, room);
	assert_int_equal(m.n, HELLO_MAX_BYTES);
	assert_int_equal(parse(&m, &h), HELLO_DONE);
	assert_int_equal(clienthello_parse(m.bytes, m.n - 1, &h), HELLO_MORE);
	assert_true(split(m.bytes, m.n, 1, parts) > HELLO_MAX_BYTES);
	assert_int_equal(clienthello_parse(parts, HELLO_MAX_BYTES - 1, &h), HELLO_MORE);
	assert_int_equal(clienthello_parse(parts, HELLO_MAX_BYTES, &h), HELLO_NONE);
	extensions[2] = (uint8_t)((room - 3) >> 8);
	extensions[3] = (uint8_t)(room - 3);
	make(&m, "\x13\x01", 2, extensions, room + 1);
	assert_int_equal(parse(&m, &h), HELLO_NONE);
}

/* The example that the method's description gives. */
static void test_ja4_example(void **state)
{
	static const uint16_t ciphers[] = {0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013,
		0xc014, 0x009c, 0x009d, 0x002f, 0x0035};
	static const uint16_t extensions[] = {0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023,
		0x0012, 0x002b, 0xff01, 0x000b, 0x000a, 0x0015};
	static const uint16_t algorithms[] = {0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601};
	static struct ja4_input in;
	char text[JA4_BYTES];

	(void)state;
	in.version = 0x0304;
	in.has_server_name = true;
	in.alpn = STR("h2");
	in.ciphers_n = sizeof(ciphers) / 2;
	memcpy(in.ciphers, ciphers, sizeof(ciphers));
	in.extensions_n = sizeof(extensions) / 2;
	memcpy(in.extensions, extensions, sizeof(extensions));
	in.algorithms_n = sizeof(algorithms) / 2;
	memcpy(in.algorithms, algorithms, sizeof(algorithms));
	ja4_format(&in, text);
	assert_string_equal(text, "t13d1516h2_8daaf6152771_e5627efa2ab1");
	assert_true(ja4_is_grease(0x0a0a) && ja4_is_grease(0xfafa));
	assert_false(ja4_is_grease(0x0a1a) || ja4_is_grease(0x1301));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_openssl),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_several_records),
		cmocka_unit_test(test_by_hand),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_server_names),
		cmocka_unit_test(test_long_server_name),
		cmocka_unit_test(test_repeated_extensions),
		cmocka_unit_test(test_many_protocols),
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_not_tls),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_ja4_example),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
