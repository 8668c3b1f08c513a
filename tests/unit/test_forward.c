/* Heads on their way through: what is taken out, what is put in, what stays as it is. */
#include "core/forward.h"

#include "heads.h"

/* What a GET of http://a.example/p by the name of "me" becomes; f is taken where it is set. */
static const struct message *send(struct arena *a, const char *method, const char *fields, struct forward_request f,
	struct str *ret_dropped)
{
	struct url *url = arena_alloc(a, sizeof(*url));
	const struct message *m;

	assert_non_null(url);
	*url = url_read(a, "http://a.example/p?q");
	f.original = f.original != NULL ? f.original : request_read(a, method, "http://a.example/p?q", fields);
	f.url = f.url != NULL ? f.url : url;
	f.method = f.method != METHOD_UNKNOWN ? f.method : f.original->method;
	f.via = STR("me");
	m = forward_request(a, &f, ret_dropped);
	assert_non_null(m);
	return m;
}

static void expect_request(const char *method, const char *fields, struct forward_request f, const char *expected)
{
	struct arena *a = arena_new(1 << 20);
	struct str dropped;

	fields_expect(&send(a, method, fields, f, &dropped)->fields, expected);
	assert_int_equal(dropped.len, 0);
	arena_free(a);
}

static void expect_response(int status, const char *fields, bool keep_upgrade, const char *expected)
{
	struct arena *a = arena_new(1 << 20);
	struct message *m = forward_response(a, response_read(a, status, fields), STR("me"), keep_upgrade);

	assert_non_null(m);
	fields_expect(&m->fields, expected);
	arena_free(a);
}

static void test_the_request_line(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct forward_request plain = {.has_body = true}, star = {.asterisk = true}, redirected = {.method = METHOD_GET};
	struct url v6 = url_read(a, "https://[::1]:8443/x?y");
	struct forward_request other = {.url = &v6};
	const struct message *m;
	struct str dropped;

	(void)state;
	m = send(a, "GET", "Host: whatever:99\nAccept: */*\n", plain, &dropped);
	assert_true(m->is_request);
	assert_int_equal(m->version, VERSION_1_1);
	str_expect(m->target, "/p?q");
	fields_expect(&m->fields, "Host: a.example\nAccept: */*\nVia: 1.1 me\n");
	m = send(a, "GET", "Accept: a\nHost: a.example\n", other, &dropped);
	str_expect(m->target, "/x?y");
	fields_expect(&m->fields, "Host: [::1]:8443\nAccept: a\nVia: 1.1 me\n");
	str_expect(send(a, "OPTIONS", "Host: a.example\n", star, &dropped)->target, "*");
	m = send(a, "M-SEARCH", "", plain, &dropped);
	str_expect(m->method_name, "M-SEARCH");
	m = send(a, "POST", "Host: a.example\n", redirected, &dropped);
	assert_int_equal(m->method, METHOD_GET);
	str_expect(m->method_name, "GET");
	arena_free(a);
}

static void test_fields_that_pass(void **state)
{
	static const char fields[] =
		"user-AGENT: x\nAuthorization: Basic eA==\nCookie: a=b\nCookie: c=d\nX-Empty: \nAccept-Encoding: br\n"
		"Range: bytes=0-\nIf-None-Match: \"x\"\nTrailer: X-Sum\nExpect: 100-continue\nVia: 1.0 other\n"
		"Content-Type: text/plain\nContent-Encoding: gzip\nMax-Forwards: 5\n";
	struct forward_request f = {.has_body = true};
	char expected[sizeof(fields) + 40];

	(void)state;
	snprintf(expected, sizeof(expected), "Host: a.example\n%sVia: 1.1 me\n", fields);
	expect_request("POST", fields, f, expected);
}

static void test_fields_that_end_here(void **state)
{
	static const char *const names[] = {
		"Connection",
		"Keep-Alive",
		"Proxy-Connection",
		"TE",
		"Upgrade",
		"Transfer-Encoding",
		"HTTP2-Settings",
		"Proxy-Authorization",
		"Content-Length",
		"Proxy-Authenticate",
		"Proxy-Authentication-Info",
		"proxy-authorization",
		"te",
	};
	struct forward_request f = {.has_body = true};

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		char fields[80];

		snprintf(fields, sizeof(fields), "X-A: 1\n%s: 1\nX-B: 2\n", names[i]);
		expect_request("POST", fields, f, "Host: a.example\nX-A: 1\nX-B: 2\nVia: 1.1 me\n");
		expect_response(200, fields, false, "X-A: 1\nX-B: 2\nVia: 1.1 me\n");
	}
}

static void test_what_connection_names(void **state)
{
	struct forward_request f = {.has_body = true};

	(void)state;
	expect_request("GET", "X-A: 1\nConnection: x-a , \"q, X-Q\"\nX-B: 2\nConnection: close,X-C,,x-none\nX-C: 3\nX-Q: 4\n",
		f, "Host: a.example\nX-B: 2\nX-Q: 4\nVia: 1.1 me\n");
	expect_response(200, "X-A: 1\nConnection: X-A\nX-B: 2\n", false, "X-B: 2\nVia: 1.1 me\n");
}

/* A request that loses its Host, its trace or its framing by the word of the client would mean something else. */
static void test_what_connection_may_not_name(void **state)
{
	struct forward_request f = {.has_body = true};

	(void)state;
	expect_request("POST", "Host: x\nConnection: host, VIA, content-length, transfer-encoding\nVia: 1.1 other\n", f,
		"Host: a.example\nVia: 1.1 other\nVia: 1.1 me\n");
	expect_response(200, "Connection: via\nVia: 1.1 other\n", false, "Via: 1.1 other\nVia: 1.1 me\n");
}

static void test_upgrade_only_where_wanted(void **state)
{
	static const char fields[] = "Upgrade: websocket\nConnection: Upgrade, X-A\nX-A: 1\nSec-WebSocket-Key: k\n";
	struct forward_request with = {.is_upgrade = true}, without = {0};

	(void)state;
	expect_request("GET", fields, with, "Host: a.example\nUpgrade: websocket\nSec-WebSocket-Key: k\nVia: 1.1 me\n");
	expect_request("GET", fields, without, "Host: a.example\nSec-WebSocket-Key: k\nVia: 1.1 me\n");
	expect_response(101, "Upgrade: websocket\nConnection: upgrade\n", true, "Upgrade: websocket\nVia: 1.1 me\n");
	expect_response(426, "Upgrade: h2c\nConnection: upgrade\n", false, "Via: 1.1 me\n");
}

static void test_without_a_body_nothing_describes_one(void **state)
{
	static const char fields[] =
		"Content-Type: a\ncontent-encoding: b\nContent-Language: c\nContent-Location: d\nContent-Digest: e\n"
		"Repr-Digest: f\nDigest: g\nLast-Modified: h\nExpect: 100-continue\nTrailer: X\nX-Stays: 1\n"
		"Content-Disposition: i\n";
	struct forward_request f = {.method = METHOD_GET};

	(void)state;
	expect_request("POST", fields, f, "Host: a.example\nX-Stays: 1\nContent-Disposition: i\nVia: 1.1 me\n");
}

static void test_via_tells_the_version_received(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct message *request = request_read(a, "GET", "http://a.example/", "Via: 1.1 first\n");
	struct message *response = response_read(a, 200, "Via: 1.1 far\n");
	struct forward_request f = {.original = request};
	struct message *m;
	struct str dropped;

	(void)state;
	request->version = response->version = VERSION_1_0;
	fields_expect(&send(a, "GET", "", f, &dropped)->fields, "Host: a.example\nVia: 1.1 first\nVia: 1.0 me\n");
	m = forward_response(a, response, STR("me"), false);
	assert_non_null(m);
	fields_expect(&m->fields, "Via: 1.1 far\nVia: 1.0 me\n");
	assert_int_equal(m->version, VERSION_1_1);
	arena_free(a);
}

static void test_the_status_line_is_ours(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct message *m =
		forward_response(a, response_read(a, 404, "Server: s\nSet-Cookie: a\nSet-Cookie: b\n"), STR("me"), false);

	(void)state;
	assert_non_null(m);
	assert_false(m->is_request);
	assert_int_equal(m->status, 404);
	str_expect(m->reason, "Not Found");
	fields_expect(&m->fields, "Server: s\nSet-Cookie: a\nSet-Cookie: b\nVia: 1.1 me\n");
	arena_free(a);
}

static void test_max_forwards_counts_down(void **state)
{
	static const struct {
		const char *method, *value, *expected;
	} cases[] = {
		{"OPTIONS", "5", "4"},
		{"TRACE", "1", "0"},
		{"TRACE", "010", "9"},
		{"OPTIONS", "4294967295", "4294967294"},
		/* RFC 9110 section 7.6.2: at most what the recipient supports. */
		{"OPTIONS", "4294967296", "4294967295"},
		{"OPTIONS", "99999999999999999999999999", "4294967295"},
		/* Only the first is looked at before it is forwarded; a second must not wrap. */
		{"OPTIONS", "0", "0"},
		{"OPTIONS", "x", "x"},
		{"OPTIONS", "-1", "-1"},
		{"OPTIONS", "", ""},
		{"GET", "5", "5"},
		{"PROPFIND", "0", "0"},
	};
	struct forward_request f = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char fields[80], expected[120];

		snprintf(fields, sizeof(fields), "max-FORWARDS: %s\n", cases[i].value);
		snprintf(expected, sizeof(expected), "Host: a.example\nmax-FORWARDS: %s\nVia: 1.1 me\n", cases[i].expected);
		expect_request(cases[i].method, fields, f, expected);
	}
}

static void test_taint_of_a_chain(void **state)
{
	static const struct {
		const char *from, *to;
		bool origin, host;
	} cases[] = {
		{"http://a.example/1", "http://a.example/2?x", false, false},
		{"http://a.example/", "http://A.example:80/", false, false},
		{"http://a.example/", "http://a.example:81/", true, false},
		{"http://a.example/", "https://a.example/", true, false},
		{"https://a.example/", "http://a.example/", true, true},
		{"http://a.example/", "http://b.example/", true, true},
		{"http://a.example/", "http://sub.a.example/", true, true},
	};
	struct arena *a = arena_new(1 << 20);

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct url from = url_read(a, cases[i].from), to = url_read(a, cases[i].to);
		struct taint t = {0};

		taint_add(&t, &from, &to);
		assert_int_equal(t.origin, cases[i].origin);
		assert_int_equal(t.host, cases[i].host);
		/* What was withheld once is so for good, also on the way back. */
		taint_add(&t, &from, &from);
		taint_add(&t, &to, &from);
		assert_true(t.origin >= cases[i].origin && t.host >= cases[i].host);
	}
	arena_free(a);
}

static void test_tainted_credentials_are_withheld(void **state)
{
	static const char fields[] = "AUTHORIZATION: Basic eA==\ncookie: a=b\nX-A: 1\nCookie2: c\nCookie: d=e\n";
	static const struct {
		struct taint taint;
		const char *expected, *dropped;
	} cases[] = {
		{{true, false}, "Host: a.example\ncookie: a=b\nX-A: 1\nCookie2: c\nCookie: d=e\nVia: 1.1 me\n",
			"AUTHORIZATION"},
		{{true, true}, "Host: a.example\nX-A: 1\nVia: 1.1 me\n", "AUTHORIZATION, cookie, Cookie2, Cookie"},
		{{false, false},
			"Host: a.example\nAUTHORIZATION: Basic eA==\ncookie: a=b\nX-A: 1\nCookie2: c\nCookie: d=e\nVia: 1.1 me\n",
			""},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct arena *a = arena_new(1 << 20);
		struct forward_request f = {.taint = cases[i].taint};
		struct str dropped;

		fields_expect(&send(a, "GET", fields, f, &dropped)->fields, cases[i].expected);
		str_expect(dropped, cases[i].dropped);
		arena_free(a);
	}
}

static void test_a_full_arena(void **state)
{
	static const char fields[] = "Host: a\nAuthorization: x\nMax-Forwards: 3\nX-A: 1\nVia: 1.1 other\n";
	struct arena *big = arena_new(1 << 20);
	struct url url = url_read(big, "http://a.example/");
	struct forward_request f = {.url = &url, .method = METHOD_OPTIONS, .via = STR("me"), .taint = {true, true}};
	size_t limit = 0;
	struct message *m = NULL;

	(void)state;
	f.original = request_read(big, "OPTIONS", "http://a.example/", fields);
	for (; limit < 4096 && m == NULL; limit += 8) {
		struct arena *a = arena_new(limit);
		struct str dropped = STR("untouched");

		m = forward_request(a, &f, &dropped);
		if (m == NULL)
			str_expect(dropped, "untouched");
		arena_free(a);
	}
	assert_non_null(m);
	assert_true(limit > 64);
	arena_free(big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_request_line),
		cmocka_unit_test(test_fields_that_pass),
		cmocka_unit_test(test_fields_that_end_here),
		cmocka_unit_test(test_what_connection_names),
		cmocka_unit_test(test_what_connection_may_not_name),
		cmocka_unit_test(test_upgrade_only_where_wanted),
		cmocka_unit_test(test_without_a_body_nothing_describes_one),
		cmocka_unit_test(test_via_tells_the_version_received),
		cmocka_unit_test(test_the_status_line_is_ours),
		cmocka_unit_test(test_max_forwards_counts_down),
		cmocka_unit_test(test_taint_of_a_chain),
		cmocka_unit_test(test_tainted_credentials_are_withheld),
		cmocka_unit_test(test_a_full_arena),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
