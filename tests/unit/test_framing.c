/* Body lengths, persistence, Host, Expect and Upgrade as decisions on heads. */
#include "http/framing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* "Name: value|Name: value" into fields. */
static void add_fields(struct arena *a, struct message *m, const char *text)
{
	struct str rest = str_of(text);

	while (rest.len > 0) {
		struct str line = str_first(rest, str_find(rest, '|'));
		size_t colon = str_find(line, ':');

		assert_true(colon < line.len);
		assert_true(fields_add(a, &m->fields, str_first(line, colon), str_trim(str_from(line, colon + 1))));
		rest = str_from(rest, line.len < rest.len ? line.len + 1 : line.len);
	}
}

static enum error request(enum method method, enum version version, const char *fields, struct framing *ret)
{
	struct arena *a = arena_new(1 << 16);
	struct message m = {.is_request = true, .version = version, .method = method};
	enum error error;

	add_fields(a, &m, fields);
	error = framing_of_request(&m, ret);
	arena_free(a);
	return error;
}

static enum error response(int status, enum version version, enum method asked, bool upgrade, const char *fields,
	struct framing *ret)
{
	struct arena *a = arena_new(1 << 16);
	struct message m = {.version = version, .status = status};
	enum error error;

	add_fields(a, &m, fields);
	error = framing_of_response(&m, asked, upgrade, ret);
	arena_free(a);
	return error;
}

static void request_bodies(void **state)
{
	static const struct {
		const char *fields;
		enum error error;
		enum body_kind kind;
		uint64_t length;
	} cases[] = {
		{"Host: h", ERR_none, BODY_NONE, 0},
		{"Host: h|Content-Length: 5", ERR_none, BODY_LENGTH, 5},
		{"Host: h|content-length: 0", ERR_none, BODY_LENGTH, 0},
		{"Host: h|Content-Length: 007", ERR_none, BODY_LENGTH, 7},
		{"Host: h|Content-Length: 999999999999999999", ERR_none, BODY_LENGTH, 999999999999999999},
		{"Host: h|Transfer-Encoding: chunked", ERR_none, BODY_CHUNKED, 0},
		{"Host: h|Transfer-Encoding: ChunkeD", ERR_none, BODY_CHUNKED, 0},
		{"Host: h|Content-Length: 1000000000000000000", ERR_bad_framing, 0, 0},
		{"Host: h|Content-Length: 18446744073709551615", ERR_bad_framing, 0, 0},
		{"Host: h|Content-Length:", ERR_bad_framing, 0, 0},
		{"Host: h|Content-Length: +5", ERR_bad_framing, 0, 0},
		{"Host: h|Content-Length: -5", ERR_bad_framing, 0, 0},
		{"Host: h|Content-Length: 0x5", ERR_bad_framing, 0, 0},
		{"Host: h|Content-Length: 5 5", ERR_bad_framing, 0, 0},
		{"Host: h|Content-Length: 5, 5", ERR_bad_framing, 0, 0},
		{"Host: h|Content-Length: 5|Content-Length: 5", ERR_bad_framing, 0, 0},
		{"Host: h|Content-Length: 5|Content-Length: 6", ERR_bad_framing, 0, 0},
		{"Host: h|Content-Length: 5|Transfer-Encoding: chunked", ERR_bad_framing, 0, 0},
		{"Host: h|Transfer-Encoding: chunked|Content-Length: 5", ERR_bad_framing, 0, 0},
		{"Host: h|Transfer-Encoding:", ERR_bad_framing, 0, 0},
		{"Host: h|Transfer-Encoding:|Content-Length: 5", ERR_bad_framing, 0, 0},
		{"Host: h|Transfer-Encoding: chunked|Transfer-Encoding: chunked", ERR_bad_framing, 0, 0},
		{"Host: h|Transfer-Encoding: x|Transfer-Encoding: chunked", ERR_bad_framing, 0, 0},
		{"Host: h|Transfer-Encoding: chunked, chunked", ERR_bad_framing, 0, 0},
		{"Host: h|Transfer-Encoding: chunked, gzip", ERR_bad_framing, 0, 0},
		{"Host: h|Transfer-Encoding: ,chunked", ERR_bad_framing, 0, 0},
		{"Host: h|Transfer-Encoding: chunked,", ERR_bad_framing, 0, 0},
		{"Host: h|Transfer-Encoding: identity", ERR_bad_framing, 0, 0},
		{"Host: h|Transfer-Encoding: identity, chunked", ERR_bad_framing, 0, 0},
		{"Host: h|Transfer-Encoding: chunked, identity", ERR_bad_framing, 0, 0},
		{"Host: h|Transfer-Encoding: chunked;x=1", ERR_bad_framing, 0, 0},
		{"Host: h|Transfer-Encoding: \"chunked\"", ERR_bad_framing, 0, 0},
		{"Host: h|Transfer-Encoding: chunked\x0b", ERR_bad_framing, 0, 0},
		{"Host: h|Transfer-Encoding: gzip, chunked", ERR_coding_unsupported, 0, 0},
		{"Host: h|Transfer-Encoding: gzip;q=1, chunked", ERR_coding_unsupported, 0, 0},
		{"Host: h|Transfer-Encoding: xchunked", ERR_coding_unsupported, 0, 0},
		{"Host: h|Transfer-Encoding: gzip", ERR_coding_unsupported, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct framing f = {0};
		enum error error = request(METHOD_POST, VERSION_1_1, cases[i].fields, &f);

		if (error != cases[i].error || f.kind != cases[i].kind || f.length != cases[i].length)
			fail_msg("%s: %s", cases[i].fields, error_name(error));
	}
}

static void codings_need_1_1(void **state)
{
	struct framing f;

	(void)state;
	assert_int_equal(request(METHOD_POST, VERSION_1_0, "Transfer-Encoding: chunked", &f), ERR_bad_framing);
	assert_int_equal(request(METHOD_POST, VERSION_1_0, "Transfer-Encoding: gzip, chunked", &f), ERR_bad_framing);
}

static void hosts(void **state)
{
	static const struct {
		const char *fields;
		enum error in_1_1, in_1_0;
	} cases[] = {
		{"Host: h", ERR_none, ERR_none},
		{"Host: H.example:8080", ERR_none, ERR_none},
		{"Host: [::1]:80", ERR_none, ERR_none},
		{"", ERR_bad_host, ERR_none},
		{"Host:", ERR_bad_host, ERR_bad_host},
		{"Host: h|Host: h", ERR_bad_host, ERR_bad_host},
		{"Host: h|host: i", ERR_bad_host, ERR_bad_host},
		{"Host: h, i", ERR_bad_host, ERR_bad_host},
		{"Host: u@h", ERR_bad_host, ERR_bad_host},
		{"Host: h/x", ERR_bad_host, ERR_bad_host},
		{"Host: h:99999", ERR_bad_host, ERR_bad_host},
		{"Host: http://h", ERR_bad_host, ERR_bad_host},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct framing f;

		assert_int_equal(request(METHOD_GET, VERSION_1_1, cases[i].fields, &f), cases[i].in_1_1);
		assert_int_equal(request(METHOD_GET, VERSION_1_0, cases[i].fields, &f), cases[i].in_1_0);
	}
}

static void connect_has_no_body(void **state)
{
	struct framing f;

	(void)state;
	assert_int_equal(request(METHOD_CONNECT, VERSION_1_1, "Host: h:443", &f), ERR_none);
	assert_int_equal(f.kind, BODY_NONE);
	assert_int_equal(request(METHOD_CONNECT, VERSION_1_1, "Host: h:443|Content-Length: 0", &f), ERR_bad_framing);
	assert_int_equal(request(METHOD_CONNECT, VERSION_1_1, "Host: h:443|Transfer-Encoding: chunked", &f), ERR_bad_framing);
}

static void expectations(void **state)
{
	struct framing f;

	(void)state;
	assert_int_equal(request(METHOD_PUT, VERSION_1_1, "Host: h|Content-Length: 5|Expect: 100-Continue", &f), ERR_none);
	assert_true(f.expects_100);
	assert_int_equal(request(METHOD_PUT, VERSION_1_1, "Host: h|Transfer-Encoding: chunked|Expect: 100-continue", &f),
		ERR_none);
	assert_true(f.expects_100);
	assert_int_equal(request(METHOD_GET, VERSION_1_1, "Host: h|Expect: 100-continue", &f), ERR_none);
	assert_false(f.expects_100);
	assert_int_equal(request(METHOD_PUT, VERSION_1_0, "Content-Length: 5|Expect: 100-continue", &f), ERR_none);
	assert_false(f.expects_100);
	assert_int_equal(request(METHOD_PUT, VERSION_1_1, "Host: h|Expect: 100-continue, x", &f), ERR_expect_unsupported);
	assert_int_equal(request(METHOD_PUT, VERSION_1_1, "Host: h|Expect: y 100-continue", &f), ERR_expect_unsupported);
	assert_int_equal(request(METHOD_PUT, VERSION_1_1, "Host: h|Expect:", &f), ERR_expect_unsupported);
	assert_int_equal(request(METHOD_PUT, VERSION_1_1, "Host: h|Expect: 100-continue|Expect: 100-continue", &f),
		ERR_expect_unsupported);
}

static void upgrades(void **state)
{
	struct framing f;

	(void)state;
	assert_int_equal(request(METHOD_GET, VERSION_1_1, "Host: h|Connection: Upgrade|Upgrade: websocket", &f), ERR_none);
	assert_true(f.asks_upgrade);
	assert_int_equal(request(METHOD_GET, VERSION_1_1, "Host: h|Upgrade: websocket", &f), ERR_none);
	assert_false(f.asks_upgrade);
	assert_int_equal(request(METHOD_GET, VERSION_1_1, "Host: h|Connection: upgrade|Upgrade: h2c", &f), ERR_none);
	assert_false(f.asks_upgrade);
	assert_int_equal(request(METHOD_GET, VERSION_1_1, "Host: h|Connection: upgrade|Upgrade: websocket, h2c", &f), ERR_none);
	assert_false(f.asks_upgrade);
	assert_int_equal(request(METHOD_GET, VERSION_1_0, "Connection: upgrade|Upgrade: websocket", &f), ERR_none);
	assert_false(f.asks_upgrade);
	assert_int_equal(request(METHOD_POST, VERSION_1_1, "Host: h|Content-Length: 1|Connection: upgrade|Upgrade: websocket",
				 &f),
		ERR_none);
	assert_false(f.asks_upgrade);
}

static void keep_alive(void **state)
{
	static const struct {
		const char *fields;
		bool in_1_1, in_1_0;
	} cases[] = {
		{"Host: h", true, false},
		{"Host: h|Connection: close", false, false},
		{"Host: h|Connection: x,\tCLOSE", false, false},
		{"Host: h|Connection: close\t", false, false},
		{"Host: h|Connection: keep-alive", true, true},
		{"Host: h|Proxy-Connection: keep-alive", true, true},
		{"Host: h|Connection: keep-alive|Connection: close", false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct framing f;

		assert_int_equal(request(METHOD_GET, VERSION_1_1, cases[i].fields, &f), ERR_none);
		assert_int_equal(f.keep_alive, cases[i].in_1_1);
		assert_int_equal(request(METHOD_GET, VERSION_1_0, cases[i].fields, &f), ERR_none);
		assert_int_equal(f.keep_alive, cases[i].in_1_0);
	}
}

static void response_bodies(void **state)
{
	static const struct {
		int status;
		enum method asked;
		const char *fields;
		enum error error;
		enum body_kind kind;
		uint64_t length;
		bool keep_alive;
	} cases[] = {
		{200, METHOD_GET, "Content-Length: 5", ERR_none, BODY_LENGTH, 5, true},
		{200, METHOD_GET, "Content-Length: 5|Connection: close", ERR_none, BODY_LENGTH, 5, false},
		{200, METHOD_GET, "Transfer-Encoding: chunked", ERR_none, BODY_CHUNKED, 0, true},
		{200, METHOD_GET, "", ERR_none, BODY_CLOSE, 0, false},
		{200, METHOD_HEAD, "Content-Length: 5", ERR_none, BODY_NONE, 5, true},
		{200, METHOD_HEAD, "", ERR_none, BODY_NONE, 0, true},
		{200, METHOD_HEAD, "Transfer-Encoding: chunked", ERR_none, BODY_NONE, 0, true},
		{204, METHOD_GET, "Content-Length: 5", ERR_none, BODY_NONE, 5, true},
		{304, METHOD_GET, "Content-Length: 5", ERR_none, BODY_NONE, 5, true},
		{100, METHOD_GET, "Content-Length: 5", ERR_none, BODY_NONE, 5, true},
		{103, METHOD_GET, "", ERR_none, BODY_NONE, 0, true},
		{205, METHOD_GET, "Content-Length: 5", ERR_none, BODY_NONE, 5, false},
		{200, METHOD_CONNECT, "", ERR_none, BODY_RAW, 0, false},
		{200, METHOD_CONNECT, "Content-Length: 5", ERR_none, BODY_RAW, 0, false},
		{200, METHOD_CONNECT, "Transfer-Encoding: chunked", ERR_none, BODY_RAW, 0, false},
		{407, METHOD_CONNECT, "Content-Length: 5", ERR_none, BODY_LENGTH, 5, true},
		{101, METHOD_GET, "", ERR_upgrade_unasked, 0, 0, false},
		{200, METHOD_GET, "Content-Length: 5|Content-Length: 5", ERR_response_framing, 0, 0, false},
		{200, METHOD_GET, "Content-Length: 5|Content-Length: 6", ERR_response_framing, 0, 0, false},
		{200, METHOD_GET, "Content-Length: 5|Transfer-Encoding: chunked", ERR_response_framing, 0, 0, false},
		{200, METHOD_GET, "Content-Length: x", ERR_response_framing, 0, 0, false},
		{200, METHOD_HEAD, "Content-Length: x", ERR_response_framing, 0, 0, false},
		{200, METHOD_GET, "Transfer-Encoding: chunked, gzip", ERR_response_framing, 0, 0, false},
		{200, METHOD_GET, "Transfer-Encoding: chunked, chunked", ERR_response_framing, 0, 0, false},
		{200, METHOD_GET, "Transfer-Encoding:", ERR_response_framing, 0, 0, false},
		{200, METHOD_GET, "Transfer-Encoding: identity", ERR_response_framing, 0, 0, false},
		{200, METHOD_GET, "Transfer-Encoding: gzip, chunked", ERR_response_coding, 0, 0, false},
		{200, METHOD_GET, "Transfer-Encoding: gzip", ERR_response_coding, 0, 0, false},
		{99, METHOD_GET, "", ERR_response_malformed, 0, 0, false},
		{600, METHOD_GET, "", ERR_response_malformed, 0, 0, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct framing f = {0};
		enum error error = response(cases[i].status, VERSION_1_1, cases[i].asked, false, cases[i].fields, &f);

		if (error != cases[i].error || f.kind != cases[i].kind || f.length != cases[i].length ||
			f.keep_alive != cases[i].keep_alive)
			fail_msg("%zu: %d %s: %s", i, cases[i].status, cases[i].fields, error_name(error));
	}
}

static void responses_of_1_0(void **state)
{
	struct framing f;

	(void)state;
	assert_int_equal(response(200, VERSION_1_0, METHOD_GET, false, "Transfer-Encoding: chunked|Connection: keep-alive", &f),
		ERR_none);
	assert_int_equal(f.kind, BODY_CHUNKED);
	assert_false(f.keep_alive);
	assert_int_equal(response(200, VERSION_1_0, METHOD_GET, false, "Content-Length: 1|Connection: keep-alive", &f),
		ERR_none);
	assert_true(f.keep_alive);
	assert_int_equal(response(200, VERSION_1_0, METHOD_GET, false, "Content-Length: 1", &f), ERR_none);
	assert_false(f.keep_alive);
}

static void switching_needs_asking(void **state)
{
	struct framing f;

	(void)state;
	assert_int_equal(response(101, VERSION_1_1, METHOD_GET, true, "Upgrade: websocket", &f), ERR_none);
	assert_int_equal(f.kind, BODY_RAW);
	assert_int_equal(response(101, VERSION_1_0, METHOD_GET, true, "Upgrade: websocket", &f), ERR_upgrade_unasked);
	assert_int_equal(response(426, VERSION_1_1, METHOD_GET, true, "Content-Length: 0", &f), ERR_none);
	assert_int_equal(f.kind, BODY_LENGTH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(request_bodies),
		cmocka_unit_test(codings_need_1_1),
		cmocka_unit_test(hosts),
		cmocka_unit_test(connect_has_no_body),
		cmocka_unit_test(expectations),
		cmocka_unit_test(upgrades),
		cmocka_unit_test(keep_alive),
		cmocka_unit_test(response_bodies),
		cmocka_unit_test(responses_of_1_0),
		cmocka_unit_test(switching_needs_asking),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
