/* The decision after a hop that is one of many: loops, the limit, and what is tried again. */
#include "follow_rig.h"

enum { CHAIN = 3 };

/* Hops, oldest first, as the trail has them; the rig stands at the newest. */
struct chain {
	struct url urls[CHAIN];
	struct trail trail[CHAIN];
};

static void stand_at_the_end(struct follow_rig *r, struct chain *c, const char *const *urls, const enum method *methods,
	const char *const *cookies)
{
	for (size_t i = 0; i < CHAIN; i++) {
		c->urls[i] = url_read(r->a, urls[i]);
		c->trail[i] = (struct trail){
			.url = &c->urls[i],
			.method = methods != NULL ? methods[i] : METHOD_GET,
			.cookies = cookies != NULL ? str_of(cookies[i]) : STR_NONE,
			.before = i > 0 ? &c->trail[i - 1] : NULL,
		};
		if (i > 0)
			taint_add(&r->in.taint, &c->urls[i - 1], &c->urls[i]);
	}
	r->in.url = &c->urls[CHAIN - 1];
	r->in.trail = &c->trail[CHAIN - 1];
	r->in.redirects = CHAIN - 1;
}

static void test_loops_are_stopped(void **state)
{
	static const char *const urls[CHAIN] = {"http://a.example/1", "http://b.example/2", "http://a.example/3?x"};
	static const enum method methods[CHAIN] = {METHOD_HEAD, METHOD_GET, METHOD_GET};
	static const struct {
		const char *location;
		bool is_loop;
	} rows[] = {
		{"/3?x", true},
		{"#fragment", true},
		{"http://a.example:80/3?x#f", true},
		{"http://b.example/2", true},
		{"/1", false}, /* it was a HEAD */
		{"/3", false},
		{"/3?X", false},
		{"/2", false},
		{"http://b.example:81/2", false},
		{"https://b.example/2", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char fields[200];
		struct follow_rig r;
		struct chain c;
		struct verdict v;

		rig_init(&r);
		stand_at_the_end(&r, &c, urls, methods, NULL);
		snprintf(fields, sizeof(fields), "Location: %s\n", rows[i].location);
		rig_response(&r, 302, fields);
		if (rows[i].is_loop)
			expect_failure(&r, ERR_redirect_loop, "stopped: the same URL, method and cookies again");
		follow(&r.in, &v);
		assert_int_equal(v.kind, rows[i].is_loop ? VERDICT_FAIL : VERDICT_REDIRECT);
		rig_fini(&r);
	}
}

/* POST, 303, GET of one URL is what forms do. */
static void test_a_changed_method_is_no_loop(void **state)
{
	struct follow_rig r;

	(void)state;
	rig_init(&r);
	rig_request(&r, "POST", "http://a.example/form", "");
	rig_response(&r, 303, "Location: /form\n");
	expect_redirect(&r, "GET", "http://a.example/form", "followed: 303, POST became GET");
	rig_response(&r, 307, "Location: /form\n");
	expect_failure(&r, ERR_redirect_loop, "stopped: the same URL, method and cookies again");
	rig_fini(&r);
}

/* "Set a cookie and come back" is the commonest redirect to the same URL. */
static void test_a_cookie_of_the_chain_is_no_loop(void **state)
{
	struct follow_rig r;
	struct cookie_fate *fates;

	(void)state;
	rig_init(&r);
	rig_response(&r, 302, "Location: /dir/one\nSet-Cookie: seen=1; Path=/\n");
	assert_true(jar_take(&r.jar, r.a, &r.url, &r.in.response->fields, r.in.now_s, &fates));
	expect_redirect(&r, "GET", "http://a.example/dir/one", "followed: 302");
	/* Once it has been sent, it makes no difference any more. */
	r.trail.cookies = STR("seen=1");
	expect_failure(&r, ERR_redirect_loop, "stopped: the same URL, method and cookies again");
	rig_fini(&r);
}

/* The client's cookies are withheld on the way back: another request than the first, and the same as the one after it. */
static void test_withheld_cookies_make_a_difference(void **state)
{
	static const char *const urls[CHAIN] = {"http://a.example/", "http://b.example/1", "http://b.example/2"};
	static const struct {
		const char *fields;
		const char *cookies[CHAIN];
		bool is_loop;
	} rows[] = {
		{"Cookie: a=1\n", {"a=1", "", ""}, false},
		{"Cookie: a=1\n", {"", "", ""}, true},
		{"", {"", "", ""}, true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct follow_rig r;
		struct chain c;
		struct verdict v;

		rig_init(&r);
		rig_request(&r, "GET", "http://a.example/", rows[i].fields);
		stand_at_the_end(&r, &c, urls, NULL, rows[i].cookies);
		rig_response(&r, 302, "Location: http://a.example/\n");
		follow(&r.in, &v);
		assert_int_equal(v.kind, rows[i].is_loop ? VERDICT_FAIL : VERDICT_REDIRECT);
		rig_fini(&r);
	}
}

static void test_the_limit(void **state)
{
	struct follow_rig r;

	(void)state;
	rig_init(&r);
	r.settings.redirects_max_hops = 3;
	r.in.redirects = 2;
	expect_redirect(&r, "GET", "http://a.example/two", "followed: 302");
	r.in.redirects = 3;
	expect_failure(&r, ERR_redirect_limit, "stopped: redirects.max_hops");
	/* What cannot be followed does not count. */
	rig_response(&r, 302, "Location: ftp://a.example/\n");
	expect_delivery(&r, "returned: Location has another scheme");
	r.settings.redirects_max_hops = 0;
	r.in.redirects = 0;
	rig_response(&r, 302, "Location: /two\n");
	expect_failure(&r, ERR_redirect_limit, "stopped: redirects.max_hops");
	rig_fini(&r);
}

/* What is always safe: the kept connection was the cause, and nothing can come of sending the request twice. */
static void test_stale_connections(void **state)
{
	static const struct {
		const char *method;
		enum error error;
		enum body_state body;
		bool was_kept, got_bytes, was_sent, nothing_delivered, nothing_moved, is_retried;
	} rows[] = {
		{"GET", ERR_origin_closed, BODY_STATE_NONE, true, false, true, true, true, true},
		{"GET", ERR_origin_closed, BODY_STATE_NONE, true, false, false, true, true, true},
		{"GET", ERR_response_malformed, BODY_STATE_NONE, true, true, true, true, true, true},
		{"PUT", ERR_origin_closed, BODY_STATE_KEPT, true, false, true, true, false, true},
		{"PUT", ERR_origin_closed, BODY_STATE_TOO_LARGE, true, false, true, true, false, false},
		{"PUT", ERR_origin_closed, BODY_STATE_TOO_LARGE, true, false, true, true, true, true},
		{"PUT", ERR_origin_closed, BODY_STATE_LOST, true, false, true, true, false, false},
		{"PUT", ERR_origin_closed, BODY_STATE_EXPECTED, true, false, true, true, true, true},
		{"DELETE", ERR_origin_closed, BODY_STATE_NONE, true, false, true, true, true, true},
		{"POST", ERR_origin_closed, BODY_STATE_NONE, true, false, true, true, true, false},
		{"PATCH", ERR_origin_closed, BODY_STATE_KEPT, true, false, true, true, false, false},
		{"POST", ERR_response_malformed, BODY_STATE_NONE, true, true, true, true, true, false},
		{"POST", ERR_origin_closed, BODY_STATE_KEPT, true, false, false, true, false, true},
		{"GET", ERR_origin_closed, BODY_STATE_NONE, true, false, true, false, true, false},
		{"GET", ERR_origin_closed, BODY_STATE_NONE, false, false, true, true, true, false},
		{"GET", ERR_origin_closed, BODY_STATE_NONE, true, true, true, true, true, false},
		{"GET", ERR_response_malformed, BODY_STATE_NONE, false, true, true, true, true, false},
		{"GET", ERR_response_incomplete, BODY_STATE_NONE, true, false, true, true, true, false},
		{"GET", ERR_response_head_timeout, BODY_STATE_NONE, true, false, true, true, true, false},
		{"GET", ERR_connect_refused, BODY_STATE_NONE, false, false, false, true, true, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct follow_rig r;
		struct verdict v;

		rig_init(&r);
		rig_request(&r, rows[i].method, "http://a.example/", "");
		r.in.response = NULL;
		r.in.error = rows[i].error;
		r.in.body = rows[i].body;
		r.in.was_kept = rows[i].was_kept;
		r.in.got_bytes = rows[i].got_bytes;
		r.in.was_sent = rows[i].was_sent;
		r.in.nothing_delivered = rows[i].nothing_delivered;
		r.in.nothing_moved = rows[i].nothing_moved;
		follow(&r.in, &v);
		if ((v.kind == VERDICT_RETRY) != rows[i].is_retried)
			fail_msg("row %zu", i);
		if (rows[i].is_retried) {
			assert_string_equal(v.words, "retried: the kept connection was of no more use");
			assert_false(v.takes_budget);
			assert_int_equal(v.delay_ms, 0);
		} else {
			expect_failure(&r, rows[i].error, NULL);
		}
		rig_fini(&r);
	}
}

static void expect_retry(struct follow_rig *r, int64_t delay_ms, const char *words)
{
	struct verdict v;

	follow(&r->in, &v);
	assert_int_equal(v.kind, VERDICT_RETRY);
	assert_true(v.takes_budget);
	assert_int_equal(v.delay_ms, delay_ms);
	assert_string_equal(v.words, words);
}

static void test_retries_by_policy(void **state)
{
	struct follow_rig r;

	(void)state;
	rig_init(&r);
	rig_response(&r, 503, "Location: /two\n");
	expect_delivery(&r, "delivered");
	r.in.retry_enabled = true;
	r.in.random = UINT32_MAX / 25;
	expect_retry(&r, 259, "retried: 503, after 259 ms");
	rig_response(&r, 503, "Retry-After: 7\n");
	expect_retry(&r, 7000, "retried: 503, after 7000 ms");
	rig_response(&r, 503, "Retry-After: 61\n");
	expect_delivery(&r, "not retried: Retry-After is longer than retry.max_retry_after");
	rig_response(&r, 404, "");
	expect_delivery(&r, "delivered");
	rig_response(&r, 502, "");
	r.in.retries = 2;
	expect_delivery(&r, "not retried: retry.limit is reached");
	r.in.retries = 0;
	r.in.nothing_delivered = false;
	expect_delivery(&r, "not retried: the request cannot be sent again");
	rig_request(&r, "POST", "http://a.example/", "");
	expect_delivery(&r, "not retried: the method is not among retry.methods");
	rig_fini(&r);
}

static void test_retries_of_errors(void **state)
{
	struct follow_rig r;
	struct verdict v;

	(void)state;
	rig_init(&r);
	r.in.response = NULL;
	r.in.error = ERR_connect_refused;
	expect_failure(&r, ERR_connect_refused, NULL);
	r.in.retry_enabled = true;
	expect_retry(&r, 250, "retried: connect_refused, after 250 ms");
	/* A kept connection comes first, at once and for nothing. */
	r.in.error = ERR_origin_closed;
	expect_retry(&r, 250, "retried: origin_closed, after 250 ms");
	r.in.was_kept = true;
	follow(&r.in, &v);
	assert_int_equal(v.kind, VERDICT_RETRY);
	assert_false(v.takes_budget);
	r.in.error = ERR_tls_certificate;
	expect_failure(&r, ERR_tls_certificate, NULL);
	r.in.error = ERR_connect_timeout;
	r.in.retries = 2;
	expect_failure(&r, ERR_connect_timeout, "not retried: retry.limit is reached");
	rig_fini(&r);
}

/* A redirect is no failure, whatever the policy says. */
static void test_redirects_are_not_retried(void **state)
{
	struct follow_rig r;

	(void)state;
	rig_init(&r);
	r.in.retry_enabled = true;
	r.settings.retry_status_set[302] = true;
	expect_redirect(&r, "GET", "http://a.example/two", "followed: 302");
	r.in.mode = REDIRECTS_PASS;
	expect_delivery(&r, "passed: redirects.mode is pass");
	rig_fini(&r);
}

/* Without room for the new URL, the cookies or the words nothing is read that is not there. */
static void test_a_full_arena(void **state)
{
	(void)state;
	for (size_t limit = 0; limit < 400; limit++) {
		struct follow_rig r;
		struct verdict v;

		rig_init(&r);
		rig_request(&r, "GET", "http://a.example/", "Cookie: a=1\nCookie: b=2\n");
		rig_response(&r, 301, "Location: /\n");
		r.in.arena = arena_new(limit);
		follow(&r.in, &v);
		assert_true(v.kind == VERDICT_DELIVER || v.kind == VERDICT_REDIRECT);
		assert_int_equal(v.was_wished, v.kind == VERDICT_DELIVER);
		assert_non_null(v.words);
		r.in.retry_enabled = true;
		rig_response(&r, 503, "");
		follow(&r.in, &v);
		assert_int_equal(v.kind, VERDICT_RETRY);
		assert_non_null(v.words);
		arena_free(r.in.arena);
		rig_fini(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_loops_are_stopped),
		cmocka_unit_test(test_a_changed_method_is_no_loop),
		cmocka_unit_test(test_a_cookie_of_the_chain_is_no_loop),
		cmocka_unit_test(test_withheld_cookies_make_a_difference),
		cmocka_unit_test(test_the_limit),
		cmocka_unit_test(test_stale_connections),
		cmocka_unit_test(test_retries_by_policy),
		cmocka_unit_test(test_retries_of_errors),
		cmocka_unit_test(test_redirects_are_not_retried),
		cmocka_unit_test(test_a_full_arena),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
