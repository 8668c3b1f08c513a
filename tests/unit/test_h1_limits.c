/* Guard 4 around the HTTP parser: every length and count has a limit, and each is reached here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "h1_verdicts.h"

static void refuse_repeated(const char *prefix, const char *pattern, size_t n, const char *suffix, enum error error)
{
	struct str text = repeat(prefix, pattern, n, suffix);

	refuse(text, error);
	free((char *)(uintptr_t)text.p);
}

static void take_repeated(const char *prefix, const char *pattern, size_t n, const char *suffix, struct str body)
{
	struct str text = repeat(prefix, pattern, n, suffix);

	take(text, body);
	free((char *)(uintptr_t)text.p);
}

static void guard_04_lengths_of_heads(void **state)
{
	(void)state;
	refuse_repeated("GET http://h/", "a", 16384 - 21, " HTTP/1.1\r\nHost: h\r\n\r\n", ERR_request_line_too_long);
	take_repeated("GET http://h/", "a", 16384 - 22, " HTTP/1.1\r\nHost: h\r\n\r\n", STR(""));
	refuse_repeated("GET http://h/", "a", 70000, "", ERR_request_line_too_long);
	refuse_repeated(HEAD "X: ", "a", 65536, "\r\n\r\n", ERR_head_too_large);
	refuse_repeated(HEAD "X: ", "a", 65536, "", ERR_head_too_large);
	take_repeated(HEAD "X: ", "a", 65536 - 40, "\r\n\r\n", STR(""));
	refuse_repeated(HEAD, "X: y\r\n", 200, "\r\n", ERR_too_many_fields);
	refuse_repeated(HEAD, "X: y\r\n", 10000, "\r\n", ERR_too_many_fields);
	take_repeated(HEAD, "X: y\r\n", 199, "\r\n", STR(""));
	refuse_repeated("", "\r\n", 5, HEAD "\r\n", ERR_bad_request);
	refuse_repeated("", "\r\n", 100000, "", ERR_bad_request);
	take_repeated("", "\r\n", 4, HEAD "\r\n", STR(""));
}

/* Nothing grows with what a peer sends before the limit strikes. */
static void guard_04_limits_strike_before_memory(void **state)
{
	struct codec_limits l = limits_default();
	struct wire w;
	char bytes[1024];

	(void)state;
	memset(bytes, 'a', sizeof(bytes));
	wire_server(&w, &l);
	wire_feed(&w, STR(HEAD "X: "), 0);
	for (size_t fed = 0; w.streams == 0; fed += sizeof(bytes)) {
		assert_true(fed <= 65536);
		wire_feed(&w, (struct str){bytes, sizeof(bytes)}, 0);
	}
	assert_int_equal(w.stream->error, ERR_head_too_large);
	assert_null(w.stream->head);
	assert_int_equal(w.stream->rejected.len, 256);
	assert_memory_equal(w.stream->rejected.p, HEAD, strlen(HEAD));
	assert_true(arena_used(w.stream->arena) < 1024);
	wire_free(&w);
}

static void guard_04_lengths_of_chunks(void **state)
{
	(void)state;
	refuse_repeated(POST "Transfer-Encoding: chunked\r\n\r\n5;", "a", 4096, "\r\nhello\r\n0\r\n\r\n", ERR_bad_chunk);
	refuse_repeated(POST "Transfer-Encoding: chunked\r\n\r\n5;", "a", 100000, "", ERR_bad_chunk);
	take_repeated(POST "Transfer-Encoding: chunked\r\n\r\n5;", "a", 4094, "\r\nhello\r\n0\r\n\r\n", STR("hello"));
	refuse_repeated(POST "Transfer-Encoding: chunked\r\n\r\n", "1;a=bcdefgh\r\nx\r\n", 2000, "0\r\n\r\n", ERR_bad_chunk);
	refuse_repeated(POST "Transfer-Encoding: chunked\r\n\r\n0\r\n", "A: b\r\n", 51, "\r\n", ERR_bad_chunk);
	take_repeated(POST "Transfer-Encoding: chunked\r\n\r\n0\r\n", "A: b\r\n", 50, "\r\n", STR(""));
	refuse_repeated(POST "Transfer-Encoding: chunked\r\n\r\n0\r\nA: ", "b", 8192, "\r\n\r\n", ERR_bad_chunk);
	refuse_repeated(POST "Transfer-Encoding: chunked\r\n\r\n0\r\nA: ", "b", 100000, "", ERR_bad_chunk);
}

static void guard_04_lengths_of_responses(void **state)
{
	static const struct {
		const char *prefix, *pattern;
		size_t n;
		const char *suffix;
		enum error error;
	} cases[] = {
		{"HTTP/1.1 200 ", "a", 65536, "", ERR_response_head_too_large},
		{"HTTP/1.1 200 OK\r\nX: ", "a", 65536, "", ERR_response_head_too_large},
		{"HTTP/1.1 200 OK\r\n", "X: y\r\n", 201, "\r\n", ERR_response_head_too_large},
		{"\r\n", "\r\n", 1, "HTTP/1.1 200 OK\r\n\r\n", ERR_response_malformed},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", "a", 4096, "", ERR_response_chunk},
		{"", "HTTP/1.1 103 Hints\r\n\r\n", 21, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ERR_too_many_interim},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct str text = repeat(cases[i].prefix, cases[i].pattern, cases[i].n, cases[i].suffix);

		bad_response(text, cases[i].error);
		free((char *)(uintptr_t)text.p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(guard_04_lengths_of_heads),
		cmocka_unit_test(guard_04_limits_strike_before_memory),
		cmocka_unit_test(guard_04_lengths_of_chunks),
		cmocka_unit_test(guard_04_lengths_of_responses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
