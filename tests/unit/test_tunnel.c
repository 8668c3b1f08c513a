/* The look at the first bytes of a tunnel: a hello in one piece or many, what is none, and what is too long. */
#include "core/tunnel.h"

#include "heads.h"

static size_t put16(uint8_t *to, size_t n)
{
	to[0] = (uint8_t)(n >> 8);
	to[1] = (uint8_t)n;
	return 2;
}

/* The smallest ClientHello with a server name, and padding bytes of extension (RFC 7685). */
static size_t hello_make(uint8_t *to, const char *name, size_t padding)
{
	static const uint8_t start[] = {22, 3, 1, 0, 0, 1, 0, 0, 0, 3, 3};
	static const uint8_t middle[] = {0, 0, 2, 0x13, 0x01, 1, 0};
	size_t n = sizeof(start), len = strlen(name), extensions;

	memcpy(to, start, sizeof(start));
	memset(to + n, 0x55, 32);
	n += 32;
	memcpy(to + n, middle, sizeof(middle));
	n += sizeof(middle);
	extensions = n;
	n += 2;
	n += put16(to + n, 0);
	n += put16(to + n, len + 5);
	n += put16(to + n, len + 3);
	to[n++] = 0;
	n += put16(to + n, len);
	memcpy(to + n, name, len);
	n += len;
	n += put16(to + n, 21);
	n += put16(to + n, padding);
	memset(to + n, 0, padding);
	n += padding;
	put16(to + extensions, n - extensions - 2);
	put16(to + 3, n - 5);
	put16(to + 7, n - 9);
	return n;
}

static void peek(struct tunnel *t, const uint8_t *bytes, size_t n)
{
	tunnel_peek(t, (struct str){(const char *)bytes, n});
}

static void test_in_one_piece(void **state)
{
	struct tunnel_facts facts = {0};
	uint8_t bytes[1024];
	struct tunnel t;

	(void)state;
	tunnel_init(&t, &facts);
	assert_false(t.is_peek_over);
	peek(&t, bytes, hello_make(bytes, "a.example", 0));
	assert_true(t.is_peek_over);
	assert_true(facts.has_hello);
	assert_string_equal(facts.hello.server_name, "a.example");
	assert_null(t.seen);
	tunnel_fini(&t);
}

static void test_byte_by_byte(void **state)
{
	struct tunnel_facts facts = {0};
	uint8_t bytes[1024];
	size_t n = hello_make(bytes, "a.example", 100);
	struct tunnel t;

	(void)state;
	tunnel_init(&t, &facts);
	for (size_t i = 0; i < n; i++) {
		assert_false(t.is_peek_over);
		peek(&t, bytes + i, 1);
	}
	assert_true(t.is_peek_over);
	assert_true(facts.has_hello);
	assert_string_equal(facts.hello.server_name, "a.example");
	assert_null(t.seen);
	/* What follows is none of our business. */
	peek(&t, bytes, n);
	assert_null(t.seen);
	tunnel_fini(&t);
}

static void test_not_tls(void **state)
{
	static const uint8_t ssh[] = "SSH-2.0-OpenSSH_9.2\r\n";
	struct tunnel_facts facts = {0};
	struct tunnel t;

	(void)state;
	tunnel_init(&t, &facts);
	peek(&t, ssh, sizeof(ssh) - 1);
	assert_true(t.is_peek_over);
	assert_false(facts.has_hello);
	assert_null(t.seen);
	tunnel_fini(&t);
}

static void test_a_hello_without_end(void **state)
{
	struct tunnel_facts facts = {0};
	uint8_t bytes[20000];
	size_t n = hello_make(bytes, "a.example", 17000), given = 0;
	struct tunnel t;

	(void)state;
	tunnel_init(&t, &facts);
	while (given < n && !t.is_peek_over) {
		size_t piece = n - given < 1000 ? n - given : 1000;

		peek(&t, bytes + given, piece);
		given += piece;
		assert_true(t.seen_n <= HELLO_MAX_BYTES);
	}
	assert_true(t.is_peek_over);
	assert_false(facts.has_hello);
	assert_null(t.seen);
	tunnel_fini(&t);
}

static void test_a_tunnel_that_ends_early(void **state)
{
	struct tunnel_facts facts = {0};
	uint8_t bytes[1024];
	struct tunnel t;

	(void)state;
	hello_make(bytes, "a.example", 0);
	tunnel_init(&t, &facts);
	tunnel_fini(&t);
	tunnel_init(&t, &facts);
	peek(&t, bytes, 10);
	assert_non_null(t.seen);
	assert_false(t.is_peek_over);
	tunnel_fini(&t);
	assert_null(t.seen);
	assert_false(facts.has_hello);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_one_piece),
		cmocka_unit_test(test_byte_by_byte),
		cmocka_unit_test(test_not_tls),
		cmocka_unit_test(test_a_hello_without_end),
		cmocka_unit_test(test_a_tunnel_that_ends_early),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
