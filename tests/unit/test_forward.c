/* Requests on their way through, without a redirect: what is taken out, what is put in, what stays as it is. */
#include "core/forward.h"

#include "heads.h"

/* What a GET of http://a.example/p by the name of "me" becomes as a first hop; f is taken where it is set. */
static const struct message *sent_for(struct arena *a, const char *method, const char *fields, struct forward_request f)
{
	struct url *url = arena_alloc(a, sizeof(*url));
	struct forwarded out;

	assert_non_null(url);
	*url = url_read(a, "http://a.example/p?q");
	f.original = f.original != NULL ? f.original : request_read(a, method, "http://a.example/p?q", fields);
	f.url = f.url != NULL ? f.url : url;
	f.method = f.method != METHOD_UNKNOWN ? f.method : f.original->method;
	f.via = STR("me");
	f.is_first = true;
	assert_true(forward_request(a, &f, &out));
	assert_null(out.drops);
	assert_int_equal(out.jar_names.len, 0);
	return out.message;
}

static void expect_request(const char *method, const char *fields, struct forward_request f, const char *expected)
{
	struct arena *a = arena_new(1 << 20);

	fields_expect(&sent_for(a, method, fields, f)->fields, expected);
	arena_free(a);
}

static void test_the_request_line(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct forward_request plain = {0}, star = {.asterisk = true}, redirected = {.method = METHOD_GET};
	struct url v6 = url_read(a, "https://[::1]:8443/x?y");
	struct forward_request other = {.url = &v6};
	const struct message *m;

	(void)state;
	m = sent_for(a, "GET", "Host: whatever:99\nAccept: */*\n", plain);
	assert_true(m->is_request);
	assert_int_equal(m->version, VERSION_1_1);
	str_expect(m->target, "/p?q");
	fields_expect(&m->fields, "Host: a.example\nAccept: */*\nVia: 1.1 me\n");
	m = sent_for(a, "GET", "Accept: a\nHost: a.example\n", other);
	str_expect(m->target, "/x?y");
	fields_expect(&m->fields, "Host: [::1]:8443\nAccept: a\nVia: 1.1 me\n");
	str_expect(sent_for(a, "OPTIONS", "Host: a.example\n", star)->target, "*");
	m = sent_for(a, "M-SEARCH", "", plain);
	str_expect(m->method_name, "M-SEARCH");
	m = sent_for(a, "POST", "Host: a.example\n", redirected);
	assert_int_equal(m->method, METHOD_GET);
	str_expect(m->method_name, "GET");
	arena_free(a);
}

static void test_fields_that_pass(void **state)
{
	static const char fields[] =
		"user-AGENT: x\nAuthorization: Basic eA==\nCookie: a=b\nCookie2: c\nX-Empty: \nAccept-Encoding: br\n"
		"Range: bytes=0-\nIf-None-Match: \"x\"\nTrailer: X-Sum\nExpect: 100-continue\nVia: 1.0 other\n"
		"Content-Type: text/plain\nContent-Encoding: gzip\nMax-Forwards: 5\n";
	struct forward_request f = {0};
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
		"Viaduct-Redirects",
		"proxy-authorization",
		"te",
	};
	struct forward_request f = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		char fields[80];

		snprintf(fields, sizeof(fields), "X-A: 1\n%s: 1\nX-B: 2\n", names[i]);
		expect_request("POST", fields, f, "Host: a.example\nX-A: 1\nX-B: 2\nVia: 1.1 me\n");
	}
}

static void test_what_connection_names(void **state)
{
	struct forward_request f = {0};

	(void)state;
	expect_request("GET", "X-A: 1\nConnection: x-a , \"q, X-Q\"\nX-B: 2\nConnection: close,X-C,,x-none\nX-C: 3\nX-Q: 4\n",
		f, "Host: a.example\nX-B: 2\nX-Q: 4\nVia: 1.1 me\n");
}

/* A request that loses its Host, its trace or its framing by the word of the client would mean something else. */
static void test_what_connection_may_not_name(void **state)
{
	struct forward_request f = {0};

	(void)state;
	expect_request("POST", "Host: x\nConnection: host, VIA, content-length, transfer-encoding\nVia: 1.1 other\n", f,
		"Host: a.example\nVia: 1.1 other\nVia: 1.1 me\n");
}

static void test_upgrade_only_where_wanted(void **state)
{
	static const char fields[] = "Upgrade: websocket\nConnection: Upgrade, X-A\nX-A: 1\nSec-WebSocket-Key: k\n";
	struct forward_request with = {.is_upgrade = true}, without = {0};

	(void)state;
	expect_request("GET", fields, with, "Host: a.example\nUpgrade: websocket\nSec-WebSocket-Key: k\nVia: 1.1 me\n");
	expect_request("GET", fields, without, "Host: a.example\nSec-WebSocket-Key: k\nVia: 1.1 me\n");
}

static void test_via_tells_the_version_received(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct message *request = request_read(a, "GET", "http://a.example/", "Via: 1.1 first\n");
	struct forward_request f = {.original = request};

	(void)state;
	request->version = VERSION_1_0;
	fields_expect(&sent_for(a, "GET", "", f)->fields, "Host: a.example\nVia: 1.1 first\nVia: 1.0 me\n");
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

/* HTTP/1.1 knows one Cookie field only (RFC 6265 section 5.4); a single one is not touched. */
static void test_cookies_are_one_field(void **state)
{
	static const struct {
		const char *fields, *expected, *cookies;
	} rows[] = {
		{"X-A: 1\n", "Host: a.example\nX-A: 1\nVia: 1.1 me\n", NULL},
		{"cookie: a=b;c\n", "Host: a.example\ncookie: a=b;c\nVia: 1.1 me\n", "a=b;c"},
		{"Cookie:\n", "Host: a.example\nCookie: \nVia: 1.1 me\n", ""},
		{"cookie: a=b\nX-A: 1\nCookie: c=d\nCookie: e\n", "Host: a.example\ncookie: a=b; c=d; e\nX-A: 1\nVia: 1.1 me\n",
			"a=b; c=d; e"},
		{"Cookie:\nCookie: c=d\n", "Host: a.example\nCookie: c=d\nVia: 1.1 me\n", "c=d"},
		{"Connection: Cookie\nCookie: c=d\n", "Host: a.example\nVia: 1.1 me\n", NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena *a = arena_new(1 << 20);
		struct url url = url_read(a, "http://a.example/");
		struct forward_request f = {.url = &url, .method = METHOD_GET, .via = STR("me"), .is_first = true};
		struct forwarded out;
		struct str cookies;

		f.original = request_read(a, "GET", "http://a.example/", rows[i].fields);
		assert_true(forward_request(a, &f, &out));
		fields_expect(&out.message->fields, rows[i].expected);
		assert_int_equal(out.cookies.p != NULL, rows[i].cookies != NULL);
		str_expect(out.cookies, rows[i].cookies != NULL ? rows[i].cookies : "");
		/* What loops are told by is what is sent. */
		assert_true(forward_cookies(a, f.original, NULL, f.taint, &url, 0, &cookies));
		assert_true(str_eq(cookies, out.cookies));
		arena_free(a);
	}
}

static void test_a_full_arena(void **state)
{
	static const char fields[] =
		"Host: a\nAuthorization: x\nMax-Forwards: 3\nReferer: http://c.example/x\nOrigin: x\nCookie: a\nCookie: b\n"
		"Via: 1.1 other\n";
	struct arena *big = arena_new(1 << 20);
	struct url url = url_read(big, "http://a.example/");
	struct forward_request f = {.url = &url, .method = METHOD_OPTIONS, .via = STR("me")};
	bool is_done = false;
	size_t limit = 0;

	(void)state;
	f.original = request_read(big, "OPTIONS", "http://a.example/", fields);
	f.taint = (struct taint){.origin = true, .changes = 2};
	for (; limit < 4096 && !is_done; limit += 8) {
		struct arena *a = arena_new(limit);
		struct forwarded out = {.cookies = STR("untouched")};

		is_done = forward_request(a, &f, &out);
		str_expect(out.cookies, is_done ? "a; b" : "untouched");
		arena_free(a);
	}
	assert_true(is_done);
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
		cmocka_unit_test(test_via_tells_the_version_received),
		cmocka_unit_test(test_max_forwards_counts_down),
		cmocka_unit_test(test_cookies_are_one_field),
		cmocka_unit_test(test_a_full_arena),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
