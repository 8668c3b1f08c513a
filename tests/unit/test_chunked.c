/* The chunk decoder, whole, in two pieces at every place, and byte by byte. */
#include "http/chunked.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct chunked_limits limits = {.line = 64, .extensions = 100, .trailers = 100, .trailer_fields = 3};

struct outcome {
	enum chunked_verdict verdict;
	char body[4096];
	size_t body_len, rest;
	const char *why;
};

/* Feeds the first `first` bytes, then pieces of `piece`. */
static void decode(struct str text, size_t first, size_t piece, size_t max, struct outcome *o)
{
	struct bufpool *pool = bufpool_new(1 << 16);
	struct bufq in, out;
	struct chunked k;
	size_t at = 0, n = first;

	bufq_init(&in, pool);
	bufq_init(&out, pool);
	chunked_init(&k, &limits);
	*o = (struct outcome){.verdict = CHUNKED_MORE};
	while (o->verdict == CHUNKED_MORE && at < text.len) {
		if (n > text.len - at)
			n = text.len - at;
		bufq_append(&in, text.p + at, n);
		at += n;
		n = piece;
		for (size_t before = SIZE_MAX; o->verdict == CHUNKED_MORE && in.len != before;) {
			before = in.len;
			o->verdict = chunked_read(&k, &in, &out, max, &o->why);
		}
	}
	if (o->verdict == CHUNKED_TRAILERS)
		bufq_drain(&in, k.trailers.taken);
	o->rest = in.len + text.len - at;
	o->body_len = bufq_copy(&out, 0, o->body, sizeof(o->body));
	bufq_clear(&in);
	bufq_clear(&out);
	bufpool_free(pool);
}

static void check(struct str text, enum chunked_verdict verdict, struct str body, size_t rest)
{
	for (size_t i = 0; i <= text.len + 2; i++) {
		size_t max = i == text.len + 1 ? 1 : SIZE_MAX;
		struct outcome o;

		/* every first cut, then everything in one piece; at last whole by one body byte at a time, and byte by byte */
		decode(text, i > 0 && i <= text.len ? i : text.len, i == text.len + 2 ? 1 : text.len, max, &o);
		if (i == text.len + 2)
			decode(text, 1, 1, SIZE_MAX, &o);
		if (o.verdict != verdict || (verdict != CHUNKED_BAD && !str_eq((struct str){o.body, o.body_len}, body)))
			fail_msg("%.*s (cut at %zu): verdict %d, body %.*s", STR_ARG(text), i, o.verdict, (int)o.body_len,
				o.body);
		if (verdict == CHUNKED_TRAILERS)
			assert_int_equal(o.rest, rest);
		if (verdict == CHUNKED_BAD)
			assert_non_null(o.why);
	}
}

static void bodies_are_decoded(void **state)
{
	(void)state;
	check(STR("0\r\n\r\n"), CHUNKED_TRAILERS, STR(""), 0);
	check(STR("5\r\nhello\r\n0\r\n\r\n"), CHUNKED_TRAILERS, STR("hello"), 0);
	check(STR("5\r\nhello\r\n6\r\n world\r\n000\r\n\r\nGET /"), CHUNKED_TRAILERS, STR("hello world"), 5);
	check(STR("A\r\n0123456789\r\na\r\nabcdefghij\r\n0\r\n\r\n"), CHUNKED_TRAILERS, STR("0123456789abcdefghij"), 0);
	check(STR("000000000000001\r\nx\r\n0\r\n\r\n"), CHUNKED_TRAILERS, STR("x"), 0);
	check(STR("2;a\r\nhi\r\n0;b=c;d=\"e;\\\"f\r g\"\r\n\r\n"), CHUNKED_BAD, STR(""), 0);
	check(STR("2;a\r\nhi\r\n0;b=c;d=\"e;\\\" f\"\r\n\r\n"), CHUNKED_TRAILERS, STR("hi"), 0);
	check(STR("2;a=b;c=d\r\nhi\r\n0\r\nA: b\r\nC: d\r\n\r\nX"), CHUNKED_TRAILERS, STR("hi"), 1);
	check(STR("5\r\nhel"), CHUNKED_MORE, STR("hel"), 0);
	check(STR("7fffffffffffffff\r\nhel"), CHUNKED_MORE, STR("hel"), 0);
}

static void malformed_bodies_are_refused(void **state)
{
	static const char *const cases[] = {
		"\r\n",
		"g\r\n",
		"0x5\r\nhello\r\n",
		"+5\r\nhello\r\n",
		"-5\r\nhello\r\n",
		"5_0\r\nhello\r\n",
		" 5\r\nhello\r\n",
		"5 \r\nhello\r\n",
		"5\t;a\r\nhello\r\n",
		"5 ;a\r\nhello\r\n",
		"5; a\r\nhello\r\n",
		"5;\r\nhello\r\n",
		"5;a=\r\nhello\r\n",
		"5;a=b c\r\nhello\r\n",
		"5;a \r\nhello\r\n",
		"5;a=\"b\"c\r\nhello\r\n",
		"5;a=\"b\x01\"\r\nhello\r\n",
		"5;\x80\r\nhello\r\n",
		"5;a\nhello\r\n",
		"5\nhello\r\n",
		"5\rhello\r\n",
		"5\r\r\nhello\r\n",
		"5\r;\nhello\r\n",
		"5;a\rb\r\nhello\r\n",
		"5\r\nhello\n0\r\n\r\n",
		"5\r\nhello\r0\r\n\r\n",
		"5\r\nhelloXX0\r\n\r\n",
		"5\r\nhello0\r\n\r\n",
		"5\r\nhello world\r\n",
		"8000000000000000\r\nx",
		"ffffffffffffffff\r\nx",
		"00000000000000005\r\nhello\r\n",
		"0\r\n\n",
		"0\n\r\n",
		"0\r\nA: b\n\r\n",
		"0\r\nA: b\r\n c\r\n\r\n",
		"0\r\n A: b\r\n\r\n",
		"0\r\nA: b\rc\r\n\r\n",
		"0\r\n\rX",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		check(str_of(cases[i]), CHUNKED_BAD, STR(""), 0);
	check((struct str){"0\r\nA: \0\r\n\r\n", 11}, CHUNKED_BAD, STR(""), 0);
}

/* text, then n times c, then end. */
static struct str fill(char *buffer, const char *text, char c, size_t n, const char *end)
{
	size_t len = strlen(text);

	memcpy(buffer, text, len);
	memset(buffer + len, c, n);
	memcpy(buffer + len + n, end, strlen(end));
	return (struct str){buffer, len + n + strlen(end)};
}

static void lengths_are_limited(void **state)
{
	char buffer[4096];
	struct str many = {buffer, 0};
	struct outcome o;

	(void)state;
	check(fill(buffer, "1;", 'a', 62, "\r\nx\r\n0\r\n\r\n"), CHUNKED_TRAILERS, STR("x"), 0);
	check(fill(buffer, "1;", 'a', 63, "\r\nx\r\n0\r\n\r\n"), CHUNKED_BAD, STR(""), 0);
	check(fill(buffer, "1;", 'a', 500, ""), CHUNKED_BAD, STR(""), 0);
	/* 100 bytes of extensions in all: 20 chunks of 5 pass, one more does not */
	for (size_t i = 0; i < 20; i++) {
		memcpy(buffer + many.len, "1;a=bc\r\nx\r\n", 11);
		many.len += 11;
	}
	decode(many, many.len, 1, SIZE_MAX, &o);
	assert_int_equal(o.verdict, CHUNKED_MORE);
	memcpy(buffer + many.len, "1;a\r\nx\r\n", 8);
	many.len += 8;
	decode(many, 1, 1, SIZE_MAX, &o);
	assert_int_equal(o.verdict, CHUNKED_BAD);
	check(fill(buffer, "0\r\nA:", 'a', 200, "\r\n\r\n"), CHUNKED_BAD, STR(""), 0);
	check(fill(buffer, "0\r\nA:", 'a', 200, ""), CHUNKED_BAD, STR(""), 0);
	check(STR("0\r\nA:1\r\nB:1\r\nC:1\r\n\r\n"), CHUNKED_TRAILERS, STR(""), 0);
	check(STR("0\r\nA:1\r\nB:1\r\nC:1\r\nD:1\r\n\r\n"), CHUNKED_BAD, STR(""), 0);
}

static void data_are_moved_up_to_max(void **state)
{
	struct bufpool *pool = bufpool_new(1 << 16);
	struct bufq in, out;
	struct chunked k;
	const char *why;

	(void)state;
	bufq_init(&in, pool);
	bufq_init(&out, pool);
	chunked_init(&k, &limits);
	bufq_append_str(&in, STR("a\r\n0123456789\r\n0\r\n\r\n"));
	assert_int_equal(chunked_read(&k, &in, &out, 4, &why), CHUNKED_MORE);
	assert_int_equal(out.len, 4);
	assert_int_equal(chunked_read(&k, &in, &out, 0, &why), CHUNKED_MORE);
	assert_int_equal(out.len, 4);
	assert_int_equal(chunked_read(&k, &in, &out, 6, &why), CHUNKED_TRAILERS);
	assert_int_equal(out.len, 10);
	bufq_clear(&in);
	bufq_clear(&out);
	bufpool_free(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies_are_decoded),
		cmocka_unit_test(malformed_bodies_are_refused),
		cmocka_unit_test(lengths_are_limited),
		cmocka_unit_test(data_are_moved_up_to_max),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
