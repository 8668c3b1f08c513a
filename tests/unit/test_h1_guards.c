/* Guards 1 to 3 and 5 to 9 around the HTTP parser, and the rows of the hostile-input tables that belong to them: the verdict must
 * depend neither on the pieces nor on the version of llhttp. Guard 4 stands in test_h1_limits.c, 10 to 14 in test_h1_guards_flow.c. */
#include "http/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "h1_verdicts.h"

static void guard_01_the_parser_is_strict(void **state)
{
	(void)state;
	assert_true(h1_parser_is_strict());
}

static void guard_02_raw_bytes_of_a_head(void **state)
{
	(void)state;
	refuse(STR(HEAD "X: a\0b\r\n\r\n"), ERR_bad_request);
	refuse(STR("GET http://h/\0 HTTP/1.1\r\nHost: h\r\n\r\n"), ERR_bad_request);
	refuse(STR(HEAD "X:\rTransfer-Encoding: chunked\r\n\r\n"), ERR_bad_request);
	refuse(STR(HEAD "X: a\rb\r\n\r\n"), ERR_bad_request);
	refuse(STR(HEAD "X: y\r\n\rGET / HTTP/1.1\r\nHost: h\r\n\r\n"), ERR_bad_request);
	refuse(STR(HEAD "X: y\r\r\n\r\n"), ERR_bad_request);
	refuse(STR(HEAD "X: y\n\r\n"), ERR_bad_request);
	refuse(STR("GET http://h/ HTTP/1.1\nHost: h\n\n"), ERR_bad_request);
	refuse(STR(HEAD "X: y\r\n z\r\n\r\n"), ERR_bad_request);
	refuse(STR(HEAD "X: y\r\n\tz\r\n\r\n"), ERR_bad_request);
	refuse(STR(HEAD "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"), ERR_bad_request);
	refuse(STR(HEAD "X: y\r\n Content-Length: 3\r\n\r\nabc"), ERR_bad_request);
	refuse(STR("GET http://h/ HTTP/1.1\r\n Host: h\r\n\r\n"), ERR_bad_request);
	refuse(STR(" " HEAD "\r\n"), ERR_bad_request);
	bad_response(STR("HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n"), ERR_response_malformed);
	bad_response(STR("HTTP/1.1 200 OK\r\nContent-Length: 0\n\r\n"), ERR_response_malformed);
	bad_response(STR("HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n"), ERR_response_malformed);
	bad_response(STR("HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n"), ERR_response_malformed);
	bad_response(STR("HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n"), ERR_response_malformed);
	bad_response(STR("HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\n chunked\r\n\r\n"), ERR_response_malformed);
}

static void guard_03_names_and_values(void **state)
{
	(void)state;
	refuse(STR(HEAD "X : y\r\n\r\n"), ERR_bad_request);
	refuse(STR(HEAD "X\t: y\r\n\r\n"), ERR_bad_request);
	refuse(STR("GET http://h/ HTTP/1.1\r\nHost : h\r\n\r\n"), ERR_bad_request);
	refuse(STR(POST "Content-Length : 3\r\n\r\nabc"), ERR_bad_request);
	refuse(STR(POST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"), ERR_bad_request);
	refuse(STR(HEAD ": y\r\n\r\n"), ERR_bad_request);
	refuse(STR(HEAD "no colon\r\n\r\n"), ERR_bad_request);
	refuse(STR(HEAD "nocolon\r\n\r\n"), ERR_bad_request);
	refuse(STR(HEAD "X\x80: y\r\n\r\n"), ERR_bad_request);
	refuse(STR(HEAD "X\x01: y\r\n\r\n"), ERR_bad_request);
	refuse(STR(HEAD "X(: y\r\n\r\n"), ERR_bad_request);
	refuse(STR(HEAD "X: a\x01\r\n\r\n"), ERR_bad_request);
	refuse(STR(HEAD "X: a\x7f\r\n\r\n"), ERR_bad_request);
	refuse(STR(HEAD "X: a\x0b"
			"b\r\n\r\n"),
		ERR_bad_request);
	take(STR(HEAD "X: a\tb \xe4\r\nY:\r\n\r\n"), STR(""));
	/* in a response control bytes pass; names must be fine */
	answered(get, STR("HTTP/1.1 200 OK\r\nX: a\x01\x7f\r\nContent-Length: 1\r\n\r\na"), ERR_none, STR("a"), true);
	answered(get, STR("HTTP/1.1 200 O\x02K\r\nContent-Length: 1\r\n\r\na"), ERR_none, STR("a"), true);
	bad_response(STR("HTTP/1.1 200 OK\r\nX : a\r\nContent-Length: 0\r\n\r\n"), ERR_response_malformed);
	bad_response(STR("HTTP/1.1 200 OK\r\n: a\r\nContent-Length: 0\r\n\r\n"), ERR_response_malformed);
	bad_response(STR("HTTP/1.1 200 OK\r\nnocolon\r\nContent-Length: 0\r\n\r\n"), ERR_response_malformed);
	bad_response(STR("HTTP/1.1 200 OK\r\nX\x01: a\r\nContent-Length: 0\r\n\r\n"), ERR_response_malformed);
}

static void guard_05_framing_of_requests(void **state)
{
	(void)state;
	refuse(STR(POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), ERR_bad_framing);
	refuse(STR(POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"), ERR_bad_framing);
	refuse(STR(POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"), ERR_bad_framing);
	refuse(STR(POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello"), ERR_bad_framing);
	refuse(STR(POST "Content-Length: 5, 5\r\n\r\nhello"), ERR_bad_framing);
	refuse(STR(POST "Content-Length: +5\r\n\r\nhello"), ERR_bad_framing);
	refuse(STR(POST "Content-Length: -5\r\n\r\nhello"), ERR_bad_framing);
	refuse(STR(POST "Content-Length: 0x5\r\n\r\nhello"), ERR_bad_framing);
	refuse(STR(POST "Content-Length: 5 5\r\n\r\nhello"), ERR_bad_framing);
	refuse(STR(POST "Content-Length: 5a\r\n\r\nhello"), ERR_bad_framing);
	refuse(STR(POST "Content-Length:\r\n\r\nhello"), ERR_bad_framing);
	refuse(STR(POST "Content-Length: 18446744073709551616\r\n\r\n"), ERR_bad_framing);
	refuse(STR(POST "Content-Length: 18446744073709551615\r\n\r\n"), ERR_bad_framing);
	refuse(STR(POST "Content-Length: 9223372036854775808\r\n\r\n"), ERR_bad_framing);
	refuse(STR(POST "Transfer-Encoding:\r\n\r\n" HEAD "\r\n"), ERR_bad_framing);
	refuse(STR(POST "Transfer-Encoding:\r\nContent-Length: 5\r\n\r\nhello"), ERR_bad_framing);
	refuse(STR(POST "Content-Length: 5\r\nTransfer-Encoding:\r\n\r\nhello"), ERR_bad_framing);
	refuse(STR(POST "Transfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n"), ERR_bad_framing);
	refuse(STR(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), ERR_bad_framing);
	refuse(STR(POST "Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), ERR_bad_framing);
	refuse(STR(POST "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"), ERR_bad_framing);
	refuse(STR(POST "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"), ERR_bad_framing);
	refuse(STR(POST "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"), ERR_bad_framing);
	refuse(STR(POST "Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n"), ERR_bad_framing);
	refuse(STR(POST "Transfer-Encoding: identity\r\n\r\n"), ERR_bad_framing);
	refuse(STR(POST "Transfer-Encoding: chunked\x0b\r\n\r\n0\r\n\r\n"), ERR_bad_request);
	refuse(STR(POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), ERR_coding_unsupported);
	refuse(STR(POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"), ERR_coding_unsupported);
	refuse(STR("POST http://h/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), ERR_bad_framing);
	take(STR(POST "Content-Length: 0005\r\n\r\nhello"), STR("hello"));
	take(STR(POST "Transfer-Encoding: \tChunked \r\n\r\n5\r\nhello\r\n0\r\n\r\n"), STR("hello"));
}

static void guard_05_framing_of_responses(void **state)
{
	(void)state;
	bad_response(STR("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello"), ERR_response_framing);
	bad_response(STR("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello"), ERR_response_framing);
	bad_response(STR("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"), ERR_response_framing);
	bad_response(STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"), ERR_response_framing);
	bad_response(STR("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"), ERR_response_framing);
	bad_response(STR("HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n"), ERR_response_framing);
	bad_response(STR("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n"), ERR_response_framing);
	bad_response(STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n"), ERR_response_framing);
	bad_response(STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n"), ERR_response_framing);
	bad_response(STR("HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\n\r\n"), ERR_response_framing);
	bad_response(STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
		ERR_response_framing);
	bad_response(STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"), ERR_response_coding);
	bad_response(STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"), ERR_response_coding);
	answered(get, STR("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"), ERR_none, STR("ab"),
		false);
}

static void guard_05_chunks(void **state)
{
	static const char *const bodies[] = {
		"0x5\r\nhello\r\n0\r\n\r\n",
		"+5\r\nhello\r\n0\r\n\r\n",
		"-5\r\nhello\r\n0\r\n\r\n",
		"5_\r\nhello\r\n0\r\n\r\n",
		"\r\nhello\r\n0\r\n\r\n",
		"5 \r\nhello\r\n0\r\n\r\n",
		" 5\r\nhello\r\n0\r\n\r\n",
		"5 ;a=b\r\nhello\r\n0\r\n\r\n",
		"5\nhello\r\n0\r\n\r\n",
		"5\r\r;a\nhello\r\n0\r\n\r\n",
		"5;a\nhello\r\n0\r\n\r\n",
		"5;a\rx\nhello\r\n0\r\n\r\n",
		"5\r\nhelloXX0\r\n\r\n",
		"5\r\nhello\n0\r\n\r\n",
		"5\r\nhello0\r\n\r\n",
		"5\r\nhello!\r\n0\r\n\r\n",
		"ffffffffffffffff\r\nhello",
		"00000000000000000005\r\nhello\r\n0\r\n\r\n",
		"0\r\n\nX",
		"0\n\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
		struct str text = repeat(POST "Transfer-Encoding: chunked\r\n\r\n", bodies[i], 1, "");

		refuse(text, ERR_bad_chunk);
		free((char *)(uintptr_t)text.p);
		text = repeat("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", bodies[i], 1, "");
		bad_response(text, ERR_response_chunk);
		free((char *)(uintptr_t)text.p);
	}
	take(STR(POST "Transfer-Encoding: chunked\r\n\r\n5;a=b;c=d;e\r\nhello\r\n0\r\n\r\n"), STR("hello"));
}

static void guard_06_host(void **state)
{
	(void)state;
	refuse(STR("GET http://h/ HTTP/1.1\r\n\r\n"), ERR_bad_host);
	refuse(STR("GET http://h/ HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n"), ERR_bad_host);
	refuse(STR("GET http://h/ HTTP/1.1\r\nHost: h\r\nhOST: i\r\n\r\n"), ERR_bad_host);
	refuse(STR("GET http://h/ HTTP/1.1\r\nHost:\r\n\r\n"), ERR_bad_host);
	refuse(STR("GET http://h/ HTTP/1.1\r\nHost: a, b\r\n\r\n"), ERR_bad_host);
	refuse(STR("GET http://h/ HTTP/1.1\r\nHost: u@h\r\n\r\n"), ERR_bad_host);
	refuse(STR("GET http://h/ HTTP/1.1\r\nHost: h:99999\r\n\r\n"), ERR_bad_host);
	refuse(STR("GET http://h/ HTTP/1.1\r\nHost: h:8x\r\n\r\n"), ERR_bad_host);
	refuse(STR("GET http://h/ HTTP/1.1\r\nHost: h/x\r\n\r\n"), ERR_bad_host);
	refuse(STR("GET http://h/ HTTP/1.0\r\nHost: h\r\nHost: h\r\n\r\n"), ERR_bad_host);
	take(STR("GET http://h/ HTTP/1.0\r\n\r\n"), STR(""));
	/* a Host beside an absolute target is overruled, not compared */
	take(STR("GET http://h/ HTTP/1.1\r\nHost: other:81\r\n\r\n"), STR(""));
}

static void guard_07_version(void **state)
{
	(void)state;
	refuse(STR("GET http://h/ HTTP/2.0\r\nHost: h\r\n\r\n"), ERR_version_unsupported);
	refuse(STR("GET http://h/ HTTP/1.2\r\nHost: h\r\n\r\n"), ERR_version_unsupported);
	refuse(STR("GET http://h/ HTTP/0.9\r\nHost: h\r\n\r\n"), ERR_version_unsupported);
	refuse(STR("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), ERR_version_unsupported);
	refuse(STR("GET http://h/ http/1.1\r\nHost: h\r\n\r\n"), ERR_bad_request);
	refuse(STR("GET http://h/ HTTP/1.10\r\nHost: h\r\n\r\n"), ERR_bad_request);
	refuse(STR("GET http://h/ HTTP/11\r\nHost: h\r\n\r\n"), ERR_bad_request);
	refuse(STR("GET http://h/ HTTP/1.1 \r\nHost: h\r\n\r\n"), ERR_bad_request);
	refuse(STR("SOURCE http://h/ ICE/1.0\r\nHost: h\r\n\r\n"), ERR_bad_request);
	refuse(STR("DESCRIBE http://h/ RTSP/1.0\r\nHost: h\r\n\r\n"), ERR_bad_request);
	/* HTTP/0.9 sends nothing behind its line: the answer cannot wait for more */
	refuse(STR("GET http://h/\r\n"), ERR_bad_request);
	refuse(STR("GET\r\n"), ERR_bad_request);
	refuse(STR("G\r\n"), ERR_bad_request);
	bad_response(STR("HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"), ERR_response_malformed);
	bad_response(STR("HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n"), ERR_response_malformed);
	bad_response(STR("HTTP/0.9 200 OK\r\nContent-Length: 0\r\n\r\n"), ERR_response_malformed);
	bad_response(STR("RTSP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"), ERR_response_malformed);
}

static void guard_08_methods(void **state)
{
	(void)state;
	refuse(STR("get http://h/ HTTP/1.1\r\nHost: h\r\n\r\n"), ERR_method_unsupported);
	refuse(STR("BREW http://h/ HTTP/1.1\r\nHost: h\r\n\r\n"), ERR_method_unsupported);
	refuse(STR("BASELINE-CONTROL http://h/ HTTP/1.1\r\nHost: h\r\n\r\n"), ERR_method_unsupported);
	refuse(STR("DESCRIBE http://h/ HTTP/1.1\r\nHost: h\r\n\r\n"), ERR_method_unsupported);
	refuse(STR("SOURCE http://h/ HTTP/1.1\r\nHost: h\r\n\r\n"), ERR_method_unsupported);
	refuse(STR("PRI http://h/ HTTP/1.1\r\nHost: h\r\n\r\n"), ERR_method_unsupported);
	refuse(STR("G@T http://h/ HTTP/1.1\r\nHost: h\r\n\r\n"), ERR_bad_request);
	/* TLS on the plain port */
	refuse(STR("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), ERR_bad_request);
}

static void guard_09_bytes_of_targets(void **state)
{
	(void)state;
	refuse(STR("GET http://h/a b HTTP/1.1\r\nHost: h\r\n\r\n"), ERR_bad_target);
	refuse(STR("GET  http://h/ HTTP/1.1\r\nHost: h\r\n\r\n"), ERR_bad_target);
	refuse(STR("GET http://h/  HTTP/1.1\r\nHost: h\r\n\r\n"), ERR_bad_target);
	refuse(STR("GET  HTTP/1.1\r\nHost: h\r\n\r\n"), ERR_bad_target);
	refuse(STR("GET http://h/\t HTTP/1.1\r\nHost: h\r\n\r\n"), ERR_bad_target);
	refuse(STR("GET http://h/\x01 HTTP/1.1\r\nHost: h\r\n\r\n"), ERR_bad_target);
	refuse(STR("GET http://h/\x7f HTTP/1.1\r\nHost: h\r\n\r\n"), ERR_bad_target);
	refuse(STR("GET http://h/\xc3\xa4 HTTP/1.1\r\nHost: h\r\n\r\n"), ERR_bad_target);
	refuse(STR("GET http://h/\\ HTTP/1.1\r\nHost: h\r\n\r\n"), ERR_bad_target);
	refuse(STR("GET http://h/#f HTTP/1.1\r\nHost: h\r\n\r\n"), ERR_bad_target);
}

static void guard_09_forms_of_targets(void **state)
{
	static const char *const bad[] = {"http://u@h/", "http://u:p@h/", "http://h:99999/", "http://h:8x/", "http://a@b@c/",
		"http:///x", "http://", "http://[::1", "http://127.1/", "http://h:0/"};
	struct arena *a = arena_new(1 << 16);
	struct url u;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(url_parse_target(a, str_of(bad[i]), &u), ERR_bad_target);
	assert_int_equal(url_parse_target(a, STR("ftp://h/"), &u), ERR_scheme_unsupported);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(guard_01_the_parser_is_strict),
		cmocka_unit_test(guard_02_raw_bytes_of_a_head),
		cmocka_unit_test(guard_03_names_and_values),
		cmocka_unit_test(guard_05_framing_of_requests),
		cmocka_unit_test(guard_05_framing_of_responses),
		cmocka_unit_test(guard_05_chunks),
		cmocka_unit_test(guard_06_host),
		cmocka_unit_test(guard_07_version),
		cmocka_unit_test(guard_08_methods),
		cmocka_unit_test(guard_09_bytes_of_targets),
		cmocka_unit_test(guard_09_forms_of_targets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
