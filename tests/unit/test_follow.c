/* The decision after a hop: what is followed, what is delivered and why, what is tried again. */
#include "core/follow.h"

#include "heads.h"

/* A hop that got a response; the zero value is a GET of http://a.example/dir/one answered by 302. */
struct hop_case {
	const char *method, *url, *request;
	int status;
	const char *response;
	bool has_body, is_upgrade;
};

static void judge(struct arena *a, const struct hop_case *c, struct verdict *ret)
{
	struct url *url = arena_alloc(a, sizeof(*url));
	struct trail trail = {.url = url};
	struct follow_input in = {.arena = a, .mode = REDIRECTS_FOLLOW, .max_hops = 20, .url = url, .trail = &trail};

	assert_non_null(url);
	*url = url_read(a, c->url != NULL ? c->url : "http://a.example/dir/one");
	in.request = request_read(a, c->method != NULL ? c->method : "GET", "http://a.example/dir/one", c->request);
	in.method = trail.method = in.request->method;
	in.response = response_read(a, c->status != 0 ? c->status : 302, c->response);
	in.has_body = c->has_body;
	in.is_upgrade = c->is_upgrade;
	follow(&in, ret);
}

static void expect_redirect(struct arena *a, const struct hop_case *c, const char *url, const char *words)
{
	struct verdict v;

	judge(a, c, &v);
	assert_int_equal(v.kind, VERDICT_REDIRECT);
	str_expect(url_text(a, &v.url), url);
	assert_int_equal(v.method, method_of(str_of(c->method != NULL ? c->method : "GET")));
	assert_string_equal(v.words, words);
}

static void expect_delivery(struct arena *a, const struct hop_case *c, const char *words)
{
	struct verdict v;

	judge(a, c, &v);
	assert_int_equal(v.kind, VERDICT_DELIVER);
	assert_string_equal(v.words == NULL ? "(none)" : v.words, words);
}

static void test_get_and_head_follow_the_five(void **state)
{
	static const int statuses[] = {301, 302, 303, 307, 308};
	static const char *const methods[] = {"GET", "HEAD"};
	struct arena *a = arena_new(1 << 20);

	(void)state;
	for (size_t m = 0; m < COUNT(methods); m++) {
		for (size_t s = 0; s < COUNT(statuses); s++) {
			struct hop_case c = {.method = methods[m], .status = statuses[s], .response = "Location: two?q\n"};
			char words[40];

			snprintf(words, sizeof(words), "followed: %d", statuses[s]);
			expect_redirect(a, &c, "http://a.example/dir/two?q", words);
		}
	}
	arena_free(a);
}

static void test_other_methods_are_delivered(void **state)
{
	static const char *const methods[] = {"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "SEARCH"};
	static const int statuses[] = {301, 302, 303, 307, 308};
	struct arena *a = arena_new(1 << 20);

	(void)state;
	for (size_t m = 0; m < COUNT(methods); m++) {
		for (size_t s = 0; s < COUNT(statuses); s++) {
			struct hop_case c = {.method = methods[m], .status = statuses[s], .response = "Location: /two\n"};

			expect_delivery(a, &c, "passed: the method is neither GET nor HEAD");
		}
	}
	arena_free(a);
}

static void test_other_statuses_are_delivered(void **state)
{
	static const int statuses[] = {
		200, 201, 202, 204, 206, 300, 304, 305, 306, 309, 310, 399, 401, 404, 407, 410, 500, 503, 599};
	struct arena *a = arena_new(1 << 20);

	(void)state;
	for (size_t s = 0; s < COUNT(statuses); s++) {
		struct hop_case c = {.status = statuses[s], .response = "Location: /two\nSet-Cookie: a=b\n"};

		expect_delivery(a, &c, "delivered");
	}
	arena_free(a);
}

static void test_locations_that_are_followed(void **state)
{
	static const struct {
		const char *location, *url;
	} cases[] = {
		{"Location: http://b.example/x\n", "http://b.example/x"},
		{"LOCATION: HTTP://B.Example:80/x\n", "http://b.example/x"},
		{"Location: //b.example\n", "http://b.example/"},
		{"Location: ../../up\n", "http://a.example/up"},
		{"Location: ?page=2\n", "http://a.example/dir/one?page=2"},
		{"Location: /x#part\n", "http://a.example/x"},
		{"Location: http://[::1]:8080/\n", "http://[::1]:8080/"},
		{"Location: /x\nServer: s\nLocation: /x\n", "http://a.example/x"},
		{"Location: /a b%0d%0a\n", "http://a.example/a%20b%0d%0a"},
	};
	struct arena *a = arena_new(1 << 20);

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct hop_case c = {.response = cases[i].location};

		expect_redirect(a, &c, cases[i].url, "followed: 302");
	}
	arena_free(a);
}

static void test_locations_that_are_delivered(void **state)
{
	static const struct {
		const char *response, *words;
	} cases[] = {
		{"Server: s\n", "passed: no Location"},
		{"Location:\n", "passed: Location empty"},
		{"Location: /x\nLocation: /y\n", "passed: several Locations that differ"},
		{"Location: /x\nLocation: /X\n", "passed: several Locations that differ"},
		{"Location: ftp://b.example/\n", "passed: Location scheme"},
		{"Location: file:///etc/passwd\n", "passed: Location scheme"},
		{"Location: javascript:alert(1)\n", "passed: Location scheme"},
		{"Location: com.example.app:/callback?code=1\n", "passed: Location scheme"},
		{"Location: http://u:p@b.example/\n", "passed: Location userinfo"},
		{"Location: http://a.example\\@b.example/\n", "passed: Location backslash"},
		{"Location: http:///x\n", "passed: Location host"},
		{"Location: http://127.1/\n", "passed: Location host"},
		{"Location: http://b.example:0/\n", "passed: Location port"},
		{"Location: http://b.example:65616/\n", "passed: Location port"},
		{"Location: /x\x01y\n", "passed: Location bytes"},
		{"Location: /two\nSet-Cookie: id=1\n", "passed: the redirect sets a cookie"},
		{"Location: /two\nset-cookie: id=1\n", "passed: the redirect sets a cookie"},
	};
	struct arena *a = arena_new(1 << 20);

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct hop_case c = {.response = cases[i].response};

		expect_delivery(a, &c, cases[i].words);
	}
	arena_free(a);
}

static void test_requests_that_are_not_followed(void **state)
{
	struct hop_case body = {.has_body = true, .response = "Location: /x\n"};
	struct hop_case upgrade = {.is_upgrade = true, .response = "Location: /x\n"};
	struct arena *a = arena_new(1 << 20);

	(void)state;
	expect_delivery(a, &body, "passed: the request has a body");
	expect_delivery(a, &upgrade, "passed: the request asks for an upgrade");
	arena_free(a);
}

static void test_schemes(void **state)
{
	struct hop_case up = {.response = "Location: https://a.example/dir/one\n"};
	struct hop_case down = {.url = "https://a.example/", .response = "Location: http://a.example/x\n"};
	struct hop_case same = {.url = "https://a.example/", .response = "Location: /x\n"};
	struct arena *a = arena_new(1 << 20);

	(void)state;
	expect_redirect(a, &up, "https://a.example/dir/one", "followed: 302, upgraded to https");
	expect_delivery(a, &down, "passed: from https to http");
	expect_redirect(a, &same, "https://a.example/x", "followed: 302");
	arena_free(a);
}

/* A chain of GETs that stands at the newest of the URLs and is sent to location. */
static void judge_chain(struct arena *a, const char *const *urls, const enum method *methods, size_t n, const char *location,
	int64_t max_hops, struct verdict *ret)
{
	struct url parsed[8];
	struct trail trail[8];
	char fields[200];
	struct follow_input in = {.arena = a, .mode = REDIRECTS_FOLLOW, .max_hops = max_hops, .redirects = (unsigned)n - 1};

	assert_true(n <= COUNT(parsed));
	for (size_t i = 0; i < n; i++) {
		parsed[i] = url_read(a, urls[i]);
		trail[i] = (struct trail){
			&parsed[i], methods != NULL ? methods[i] : METHOD_GET, false, i > 0 ? &trail[i - 1] : NULL};
	}
	snprintf(fields, sizeof(fields), "Location: %s\n", location);
	in.url = &parsed[n - 1];
	in.trail = &trail[n - 1];
	in.method = trail[n - 1].method;
	in.request = request_read(a, "GET", urls[0], "");
	in.response = response_read(a, 302, fields);
	follow(&in, ret);
}

static void test_loops_are_stopped(void **state)
{
	static const char *const urls[] = {"http://a.example/1", "http://b.example/2", "http://a.example/3?x"};
	static const enum method methods[] = {METHOD_HEAD, METHOD_GET, METHOD_GET};
	static const struct {
		const char *location;
		enum verdict_kind kind;
	} cases[] = {
		{"/3?x", VERDICT_FAIL},
		{"http://a.example:80/3?x#f", VERDICT_FAIL},
		{"http://b.example/2", VERDICT_FAIL},
		{"/1", VERDICT_REDIRECT},
		{"/3", VERDICT_REDIRECT},
		{"/3?X", VERDICT_REDIRECT},
		{"/2", VERDICT_REDIRECT},
		{"http://b.example:81/2", VERDICT_REDIRECT},
		{"https://b.example/2", VERDICT_REDIRECT},
	};
	struct arena *a = arena_new(1 << 20);

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct verdict v;

		judge_chain(a, urls, methods, 3, cases[i].location, 20, &v);
		assert_int_equal(v.kind, cases[i].kind);
		if (v.kind == VERDICT_FAIL)
			assert_int_equal(v.error, ERR_redirect_loop);
	}
	arena_free(a);
}

static void test_the_limit(void **state)
{
	static const char *const urls[] = {"http://a.example/1", "http://a.example/2", "http://a.example/3"};
	struct arena *a = arena_new(1 << 20);
	struct verdict v;

	(void)state;
	judge_chain(a, urls, NULL, 3, "/4", 3, &v);
	assert_int_equal(v.kind, VERDICT_REDIRECT);
	judge_chain(a, urls, NULL, 3, "/4", 2, &v);
	assert_int_equal(v.kind, VERDICT_FAIL);
	assert_int_equal(v.error, ERR_redirect_limit);
	assert_string_equal(v.words, "stopped: redirects.max_hops");
	judge_chain(a, urls, NULL, 1, "/2", 0, &v);
	assert_int_equal(v.error, ERR_redirect_limit);
	/* What cannot be followed does not count. */
	judge_chain(a, urls, NULL, 3, "ftp://a.example/", 2, &v);
	assert_int_equal(v.kind, VERDICT_DELIVER);
	arena_free(a);
}

static void test_what_shows_a_browser(void **state)
{
	static const struct {
		const char *fields;
		enum redirects_mode mode;
	} cases[] = {
		{"", REDIRECTS_FOLLOW},
		{"User-Agent: curl/8\nAccept: */*\n", REDIRECTS_FOLLOW},
		{"Sec-Fetch-Mode: navigate\n", REDIRECTS_PASS},
		{"sec-fetch-mode: cors\nSec-Fetch-Site: same-origin\n", REDIRECTS_PASS},
		{"Sec-Fetch-Mode: websocket\n", REDIRECTS_PASS},
		{"Sec-Fetch-Mode: no-cors\n", REDIRECTS_PASS},
		{"Sec-Fetch-Mode: no-cors\nSec-Fetch-Site: cross-site\n", REDIRECTS_PASS},
		{"Sec-Fetch-Mode: no-cors\nSec-Fetch-Site: same-origin\n", REDIRECTS_FOLLOW},
		{"Sec-Fetch-Mode: no-cors\nSec-Fetch-Site: same-origin\nSec-Fetch-Dest: image\n", REDIRECTS_FOLLOW},
		{"Sec-Fetch-Mode: no-cors\nSec-Fetch-Site: same-origin\nSec-Fetch-Dest: embed\n", REDIRECTS_PASS},
		{"Sec-Fetch-Mode: no-cors\nSec-Fetch-Site: same-origin\nSec-Fetch-Dest: Worker\n", REDIRECTS_PASS},
		{"Sec-Fetch-Dest: document\n", REDIRECTS_PASS},
		{"Sec-Fetch-Dest: iframe\n", REDIRECTS_PASS},
		{"Sec-Fetch-Dest: frame\n", REDIRECTS_PASS},
		{"Sec-Fetch-Dest: object\n", REDIRECTS_PASS},
		{"Sec-Fetch-Dest: empty\n", REDIRECTS_FOLLOW},
		{"Origin: http://a.example\n", REDIRECTS_PASS},
		{"Origin: null\n", REDIRECTS_PASS},
		{"Upgrade-Insecure-Requests: 1\n", REDIRECTS_PASS},
		{"Upgrade-Insecure-Requests: 0\n", REDIRECTS_FOLLOW},
		{"Accept: text/html,*/*\nUser-Agent: Mozilla/5.0 (X11)\n", REDIRECTS_PASS},
		{"Accept: text/html,*/*\nUser-Agent: Wget/1.21\n", REDIRECTS_FOLLOW},
		{"Accept: */*\nUser-Agent: Mozilla/5.0 (X11)\n", REDIRECTS_FOLLOW},
		{"Accept: text/html\n", REDIRECTS_FOLLOW},
	};
	struct arena *a = arena_new(1 << 20);

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *words = NULL;
		const struct message *m = request_read(a, "GET", "http://a.example/", cases[i].fields);

		if (follow_mode(m, REDIRECTS_AUTO, &words) != cases[i].mode)
			fail_msg("%s", cases[i].fields);
		if (cases[i].mode == REDIRECTS_PASS)
			assert_memory_equal(words, "passed: ", 8);
		assert_int_equal(follow_mode(m, REDIRECTS_FOLLOW, &words), REDIRECTS_FOLLOW);
		assert_int_equal(follow_mode(m, REDIRECTS_PASS, &words), REDIRECTS_PASS);
		assert_string_equal(words, "passed: redirects.mode is pass");
	}
	arena_free(a);
}

static void test_origin_marks_safe_methods_only(void **state)
{
	struct arena *a = arena_new(1 << 20);
	const char *words;

	(void)state;
	assert_int_equal(follow_mode(request_read(a, "HEAD", "http://a/", "Origin: x\n"), REDIRECTS_AUTO, &words),
		REDIRECTS_PASS);
	assert_int_equal(follow_mode(request_read(a, "POST", "http://a/", "Origin: x\n"), REDIRECTS_AUTO, &words),
		REDIRECTS_FOLLOW);
	arena_free(a);
}

static void test_the_mode_is_asked(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct url url = url_read(a, "http://a.example/");
	struct follow_input in = {.arena = a, .mode = REDIRECTS_PASS, .max_hops = 20, .method = METHOD_GET, .url = &url};
	struct verdict v;

	(void)state;
	in.request = request_read(a, "GET", "http://a.example/", "Sec-Fetch-Mode: navigate\n");
	in.response = response_read(a, 301, "Location: /x\n");
	follow(&in, &v);
	assert_int_equal(v.kind, VERDICT_DELIVER);
	assert_string_equal(v.words, "passed: redirects.mode is pass");
	in.mode = REDIRECTS_AUTO;
	follow(&in, &v);
	assert_int_equal(v.kind, VERDICT_DELIVER);
	assert_string_equal(v.words, "passed: Sec-Fetch-Mode shows a browser");
	in.mode = REDIRECTS_FOLLOW;
	follow(&in, &v);
	assert_int_equal(v.kind, VERDICT_REDIRECT);
	arena_free(a);
}

/* A failed hop is tried again only if it cannot have had an effect, and its kept connection was the cause. */
static void test_retries(void **state)
{
	static const struct {
		enum method method;
		enum error error;
		bool may_retry, was_kept, got_bytes, was_sent;
		enum verdict_kind kind;
	} cases[] = {
		{METHOD_GET, ERR_origin_closed, true, true, false, true, VERDICT_RETRY},
		{METHOD_GET, ERR_origin_closed, true, true, false, false, VERDICT_RETRY},
		{METHOD_PUT, ERR_origin_closed, true, true, false, true, VERDICT_RETRY},
		{METHOD_DELETE, ERR_origin_closed, true, true, false, true, VERDICT_RETRY},
		{METHOD_POST, ERR_origin_closed, true, true, false, true, VERDICT_FAIL},
		{METHOD_PATCH, ERR_origin_closed, true, true, false, true, VERDICT_FAIL},
		{METHOD_POST, ERR_origin_closed, true, true, false, false, VERDICT_RETRY},
		{METHOD_GET, ERR_origin_closed, false, true, false, true, VERDICT_FAIL},
		{METHOD_GET, ERR_origin_closed, true, false, false, true, VERDICT_FAIL},
		{METHOD_GET, ERR_origin_closed, true, true, true, true, VERDICT_FAIL},
		{METHOD_GET, ERR_response_incomplete, true, true, false, true, VERDICT_FAIL},
		{METHOD_GET, ERR_response_head_timeout, true, true, false, true, VERDICT_FAIL},
		{METHOD_GET, ERR_connect_refused, true, false, false, false, VERDICT_FAIL},
	};
	struct arena *a = arena_new(1 << 20);
	struct url url = url_read(a, "http://a.example/");

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct follow_input in = {
			.arena = a,
			.mode = REDIRECTS_FOLLOW,
			.max_hops = 20,
			.request = request_read(a, "GET", "http://a.example/", ""),
			.method = cases[i].method,
			.url = &url,
			.error = cases[i].error,
			.may_retry = cases[i].may_retry,
			.was_kept = cases[i].was_kept,
			.got_bytes = cases[i].got_bytes,
			.was_sent = cases[i].was_sent,
		};
		struct verdict v;

		follow(&in, &v);
		if (v.kind != cases[i].kind)
			fail_msg("case %zu", i);
		if (v.kind == VERDICT_FAIL)
			assert_int_equal(v.error, cases[i].error);
	}
	arena_free(a);
}

/* A with cookies, B, then A without: another request. Without cookies at all, or lost both times, it is the same. */
static void test_cookies_make_a_difference_on_the_trail(void **state)
{
	static const struct {
		const char *fields;
		bool lost_at_a;
		enum verdict_kind kind;
	} cases[] = {
		{"Cookie: a=1\n", false, VERDICT_REDIRECT},
		{"Cookie: a=1\n", true, VERDICT_FAIL},
		{"", false, VERDICT_FAIL},
	};
	struct arena *a = arena_new(1 << 20);
	struct url at_a = url_read(a, "http://a.example/"), at_b = url_read(a, "http://b.example/");

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct trail first = {&at_a, METHOD_GET, cases[i].lost_at_a, NULL}, second = {&at_b, METHOD_GET, true, &first};
		struct follow_input in = {
			.arena = a,
			.mode = REDIRECTS_FOLLOW,
			.max_hops = 20,
			.method = METHOD_GET,
			.url = &at_b,
			.trail = &second,
			.taint = {.origin = true, .host = true},
		};
		struct verdict v;

		in.request = request_read(a, "GET", "http://a.example/", cases[i].fields);
		in.response = response_read(a, 302, "Location: http://a.example/\n");
		follow(&in, &v);
		assert_int_equal(v.kind, cases[i].kind);
	}
	arena_free(a);
}

/* Without room for the new URL or the words nothing is read that is not there. */
static void test_a_full_arena(void **state)
{
	struct arena *big = arena_new(1 << 20);
	struct url url = url_read(big, "http://a.example/");
	struct trail trail = {&url, METHOD_GET, false, NULL};
	struct follow_input in = {.mode = REDIRECTS_FOLLOW, .max_hops = 20, .method = METHOD_GET, .url = &url, .trail = &trail};

	(void)state;
	in.request = request_read(big, "GET", "http://a.example/", "");
	in.response = response_read(big, 301, "Location: http://b.example/x\n");
	for (size_t limit = 0; limit < 200; limit++) {
		struct verdict v;

		in.arena = arena_new(limit);
		follow(&in, &v);
		assert_true(v.kind == VERDICT_DELIVER || v.kind == VERDICT_REDIRECT);
		if (v.kind == VERDICT_DELIVER)
			assert_non_null(v.words);
		arena_free(in.arena);
	}
	arena_free(big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_get_and_head_follow_the_five),
		cmocka_unit_test(test_other_methods_are_delivered),
		cmocka_unit_test(test_other_statuses_are_delivered),
		cmocka_unit_test(test_locations_that_are_followed),
		cmocka_unit_test(test_locations_that_are_delivered),
		cmocka_unit_test(test_requests_that_are_not_followed),
		cmocka_unit_test(test_schemes),
		cmocka_unit_test(test_loops_are_stopped),
		cmocka_unit_test(test_the_limit),
		cmocka_unit_test(test_what_shows_a_browser),
		cmocka_unit_test(test_origin_marks_safe_methods_only),
		cmocka_unit_test(test_the_mode_is_asked),
		cmocka_unit_test(test_retries),
		cmocka_unit_test(test_cookies_make_a_difference_on_the_trail),
		cmocka_unit_test(test_a_full_arena),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
