/* The decision after a hop: the table of status and method, the Locations, the schemes, and why a redirect is returned. */
#include "follow_rig.h"

#define FOLLOWED "followed: "

/* What becomes of a method: P passed, G GET without a body, S the same with its body. */
static void expect_cell(int status, const char *method, enum body_state body, char cell)
{
	struct follow_rig r;
	struct verdict v;

	rig_init(&r);
	rig_request(&r, method, "http://a.example/dir/one", "");
	rig_response(&r, status, "Location: two?q\n");
	r.in.body = body;
	follow(&r.in, &v);
	if (cell == 'P' ? v.kind != VERDICT_DELIVER : v.kind != VERDICT_REDIRECT)
		fail_msg("%d %s: %s", status, method, v.words);
	assert_non_null(v.words);
	assert_false(v.was_wished);
	if (cell != 'P') {
		str_expect(url_text(r.a, &v.url), "http://a.example/dir/two?q");
		assert_memory_equal(v.words, FOLLOWED, sizeof(FOLLOWED) - 1);
		assert_int_equal(v.method, cell == 'G' ? METHOD_GET : r.in.method);
		assert_int_equal(v.drops_body, cell == 'G');
	}
	rig_fini(&r);
}

/* The table of the page on redirects, row by row: a letter for each method of the columns. */
static void test_status_and_method(void **state)
{
	static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND",
		"QUERY", "REPORT", "MKCOL", "LOCK", "PURGE"};
	static const struct {
		int status;
		const char *cells;
	} rows[] = {
		{300, "PPPPPPPPPPPPPP"},
		{301, "SSGSSSSSSSSSSS"},
		{302, "SSGSSSSSSSSSSS"},
		{303, "SSGGGGGGGGGGGG"},
		{304, "PPPPPPPPPPPPPP"},
		{305, "PPPPPPPPPPPPPP"},
		{306, "PPPPPPPPPPPPPP"},
		{307, "SSSSSSSSSSSSSS"},
		{308, "SSSSSSSSSSSSSS"},
		{309, "PPPPPPPPPPPPPP"},
		{310, "PPPPPPPPPPPPPP"},
		{399, "PPPPPPPPPPPPPP"},
		{200, "PPPPPPPPPPPPPP"},
		{201, "PPPPPPPPPPPPPP"},
		{202, "PPPPPPPPPPPPPP"},
		{204, "PPPPPPPPPPPPPP"},
		{206, "PPPPPPPPPPPPPP"},
		{401, "PPPPPPPPPPPPPP"},
		{404, "PPPPPPPPPPPPPP"},
		{407, "PPPPPPPPPPPPPP"},
		{410, "PPPPPPPPPPPPPP"},
		{500, "PPPPPPPPPPPPPP"},
		{503, "PPPPPPPPPPPPPP"},
		{599, "PPPPPPPPPPPPPP"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(strlen(rows[i].cells), COUNT(methods));
		for (size_t m = 0; m < COUNT(methods); m++)
			expect_cell(rows[i].status, methods[m], BODY_STATE_NONE, rows[i].cells[m]);
	}
}

/* With a body that is kept the table is the same, but that a 303 takes the body of a GET too. */
static void test_a_kept_body_goes_along(void **state)
{
	static const int same[] = {301, 302, 307, 308};

	(void)state;
	for (size_t i = 0; i < COUNT(same); i++) {
		expect_cell(same[i], "PUT", BODY_STATE_KEPT, 'S');
		expect_cell(same[i], "PATCH", BODY_STATE_KEPT, 'S');
		expect_cell(same[i], "GET", BODY_STATE_KEPT, 'S');
		expect_cell(same[i], "POST", BODY_STATE_KEPT, same[i] < 303 ? 'G' : 'S');
	}
	expect_cell(303, "PUT", BODY_STATE_KEPT, 'G');
	expect_cell(303, "GET", BODY_STATE_KEPT, 'G');
}

static void test_head_with_a_body_stays_head(void **state)
{
	struct follow_rig r;
	struct verdict v;

	(void)state;
	rig_init(&r);
	rig_request(&r, "HEAD", "http://a.example/", "");
	rig_response(&r, 303, "Location: /two\n");
	r.in.body = BODY_STATE_KEPT;
	follow(&r.in, &v);
	assert_int_equal(v.method, METHOD_HEAD);
	assert_true(v.drops_body);
	assert_string_equal(v.words, "followed: 303, the body was dropped");
	rig_fini(&r);
}

/* A body that cannot be sent again does not matter where it is dropped. */
static void test_bodies_that_cannot_be_sent_again(void **state)
{
	static const struct {
		enum body_state body;
		const char *words;
	} rows[] = {
		{BODY_STATE_TOO_LARGE, "returned: the body is longer than redirects.replay_limit"},
		{BODY_STATE_LOST, "returned: the copy of the body failed"},
		{BODY_STATE_EXPECTED, "returned: the client waits for 100 (Continue)"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct follow_rig r;

		rig_init(&r);
		r.in.body = rows[i].body;
		rig_request(&r, "POST", "http://a.example/", "");
		rig_response(&r, 307, "Location: /two\n");
		expect_delivery(&r, rows[i].words);
		rig_response(&r, 308, "Location: /two\n");
		expect_delivery(&r, rows[i].words);
		rig_response(&r, 302, "Location: /two\n");
		expect_redirect(&r, "GET", "http://a.example/two", "followed: 302, POST became GET");
		rig_request(&r, "PUT", "http://a.example/", "");
		expect_delivery(&r, rows[i].words);
		rig_response(&r, 303, "Location: /two\n");
		expect_redirect(&r, "GET", "http://a.example/two", "followed: 303, PUT became GET");
		rig_fini(&r);
	}
}

static void test_unsafe_methods_can_be_passed(void **state)
{
	static const struct {
		const char *method;
		int status;
		bool is_returned;
	} rows[] = {
		{"PUT", 301, true},
		{"PATCH", 302, true},
		{"DELETE", 301, true},
		{"DELETE", 302, true},
		{"MKCOL", 302, true},
		{"PUT", 303, false},
		{"PUT", 307, false},
		{"DELETE", 308, false},
		{"POST", 301, false},
		{"POST", 302, false},
		{"GET", 302, false},
		{"HEAD", 301, false},
		{"PROPFIND", 301, false},
		{"OPTIONS", 302, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct follow_rig r;
		struct verdict v;

		rig_init(&r);
		r.settings.redirects_unsafe_methods = REDIRECTS_OTHER_PASS;
		rig_request(&r, rows[i].method, "http://a.example/", "");
		rig_response(&r, rows[i].status, "Location: /two\n");
		follow(&r.in, &v);
		assert_int_equal(v.kind, rows[i].is_returned ? VERDICT_DELIVER : VERDICT_REDIRECT);
		if (rows[i].is_returned)
			expect_delivery(&r, "returned: redirects.unsafe_methods is pass");
		rig_fini(&r);
	}
}

static void test_words_for_what_is_not_a_redirect(void **state)
{
	static const struct {
		int status;
		const char *words;
	} rows[] = {
		{200, "delivered"},
		{201, "delivered"},
		{304, "delivered"},
		{404, "delivered"},
		{503, "delivered"},
		{300, "passed: this status is never followed"},
		{305, "passed: this status is never followed"},
		{306, "passed: this status is never followed"},
		{399, "passed: this status is never followed"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct follow_rig r;

		rig_init(&r);
		rig_response(&r, rows[i].status, "Location: /two\nSet-Cookie: a=b\n");
		expect_delivery(&r, rows[i].words);
		rig_fini(&r);
	}
}

static void test_locations_that_are_followed(void **state)
{
	static const struct {
		const char *location, *url;
	} rows[] = {
		{"Location: http://b.example/x\n", "http://b.example/x"},
		{"LOCATION: HTTP://B.Example:80/x\n", "http://b.example/x"},
		{"Location: //b.example\n", "http://b.example/"},
		{"Location: http://b.example?x\n", "http://b.example/?x"},
		{"Location: ../../up\n", "http://a.example/up"},
		{"Location: ../../../../up\n", "http://a.example/up"},
		{"Location: ./x\n", "http://a.example/dir/x"},
		{"Location: ?page=2\n", "http://a.example/dir/one?page=2"},
		{"Location: /x#part\n", "http://a.example/x"},
		{"Location: http://[::1]:8080/\n", "http://[::1]:8080/"},
		{"Location: /x\nServer: s\nLocation: /x\n", "http://a.example/x"},
		{"Location: /x\nlocation: /x\nLOCATION: /x\n", "http://a.example/x"},
		{"Location: /a b%0d%0a%2f\n", "http://a.example/a%20b%0d%0a%2f"},
		{"Location: /\xc3\xa4\xff\n", "http://a.example/%C3%A4%FF"},
		{"Set-Cookie: id=1\nLocation: /two\n", "http://a.example/two"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct follow_rig r;

		rig_init(&r);
		rig_response(&r, 302, rows[i].location);
		expect_redirect(&r, "GET", rows[i].url, "followed: 302");
		rig_fini(&r);
	}
}

static void test_locations_that_are_returned(void **state)
{
	static const struct {
		const char *response, *words;
	} rows[] = {
		{"Server: s\n", "returned: no Location"},
		{"Refresh: 0; url=/x\nContent-Location: /x\n", "returned: no Location"},
		{"Location:\n", "returned: Location is empty"},
		{"Location: /x\nLocation: /y\n", "returned: several Locations that differ"},
		{"Location: /x\nLocation: /x\nLocation: /X\n", "returned: several Locations that differ"},
		{"Location: /x\nLocation:\n", "returned: several Locations that differ"},
		{"Location: ftp://b.example/\n", "returned: Location has another scheme"},
		{"Location: file:///etc/passwd\n", "returned: Location has another scheme"},
		{"Location: javascript:alert(1)\n", "returned: Location has another scheme"},
		{"Location: data:text/html,x\n", "returned: Location has another scheme"},
		{"Location: gopher://b.example:70/\n", "returned: Location has another scheme"},
		{"Location: com.example.app:/callback?code=1\n", "returned: Location has another scheme"},
		{"Location: http://u:p@b.example/\n", "returned: Location has userinfo (redirects.userinfo)"},
		{"Location: http://a.example\\@b.example/\n", "returned: Location has a backslash"},
		{"Location: http:///x\n", "returned: Location has no usable host"},
		{"Location: http://127.1/\n", "returned: Location has no usable host"},
		{"Location: http://[fe80::1%25eth0]/\n", "returned: Location has no usable host"},
		{"Location: http://b.example:0/\n", "returned: Location has no usable port"},
		{"Location: http://b.example:65616/\n", "returned: Location has no usable port"},
		{"Location: /x\x01y\n", "returned: Location has control bytes"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct follow_rig r;

		rig_init(&r);
		rig_response(&r, 302, rows[i].response);
		expect_delivery(&r, rows[i].words);
		rig_fini(&r);
	}
}

static void test_a_location_that_is_too_long(void **state)
{
	static char location[20000];
	struct follow_rig r;

	(void)state;
	rig_init(&r);
	snprintf(location, sizeof(location), "Location: /%019000d\n", 0);
	rig_response(&r, 302, location);
	expect_delivery(&r, "returned: Location is too long");
	rig_fini(&r);
}

static void test_userinfo_can_be_dropped(void **state)
{
	struct follow_rig r;

	(void)state;
	rig_init(&r);
	r.settings.redirects_userinfo = REDIRECTS_OTHER_FOLLOW;
	rig_response(&r, 302, "Location: http://u:p@b.example/x\n");
	expect_redirect(&r, "GET", "http://b.example/x", "followed: 302");
	rig_fini(&r);
}

static void test_schemes(void **state)
{
	static const struct {
		const char *from, *to;
		int64_t upgrade, downgrade;
		const char *words;
	} rows[] = {
		{"http://a.example/x", "http://b.example/y", REDIRECTS_OTHER_PASS, REDIRECTS_OTHER_PASS, "followed: 302"},
		{"https://a.example/x", "https://b.example/y", REDIRECTS_OTHER_PASS, REDIRECTS_OTHER_PASS, "followed: 302"},
		{"http://a.example/x", "https://a.example/x", REDIRECTS_OTHER_FOLLOW, REDIRECTS_OTHER_PASS,
			"followed: 302, upgraded to https"},
		{"http://a.example/x", "https://a.example/x", REDIRECTS_OTHER_PASS, REDIRECTS_OTHER_FOLLOW,
			"returned: from http to https (redirects.upgrade)"},
		{"https://a.example/x", "http://a.example/y", REDIRECTS_OTHER_FOLLOW, REDIRECTS_OTHER_PASS,
			"returned: from https to http (redirects.downgrade)"},
		{"https://a.example/x", "http://a.example/y", REDIRECTS_OTHER_PASS, REDIRECTS_OTHER_FOLLOW,
			"followed: 302, downgraded to http"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char location[80];
		struct follow_rig r;

		rig_init(&r);
		r.settings.redirects_upgrade = rows[i].upgrade;
		r.settings.redirects_downgrade = rows[i].downgrade;
		rig_request(&r, "GET", rows[i].from, "");
		snprintf(location, sizeof(location), "Location: %s\n", rows[i].to);
		rig_response(&r, 302, location);
		if (rows[i].words[0] == 'f')
			expect_redirect(&r, "GET", rows[i].to, rows[i].words);
		else
			expect_delivery(&r, rows[i].words);
		rig_fini(&r);
	}
}

/* The name of a changed method is the hop's, not the client's: it may have changed before. */
static void test_words_on_a_changed_method(void **state)
{
	struct follow_rig r;

	(void)state;
	rig_init(&r);
	rig_request(&r, "POST", "http://a.example/", "");
	rig_response(&r, 301, "Location: https://a.example/\n");
	expect_redirect(&r, "GET", "https://a.example/", "followed: 301, POST became GET, upgraded to https");
	rig_request(&r, "M-SEARCH", "http://a.example/", "");
	rig_response(&r, 303, "Location: /x\n");
	expect_redirect(&r, "GET", "http://a.example/x", "followed: 303, M-SEARCH became GET");
	r.in.method = METHOD_GET;
	r.in.method_name = STR("GET");
	expect_redirect(&r, "GET", "http://a.example/x", "followed: 303");
	rig_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status_and_method),
		cmocka_unit_test(test_a_kept_body_goes_along),
		cmocka_unit_test(test_head_with_a_body_stays_head),
		cmocka_unit_test(test_bodies_that_cannot_be_sent_again),
		cmocka_unit_test(test_unsafe_methods_can_be_passed),
		cmocka_unit_test(test_words_for_what_is_not_a_redirect),
		cmocka_unit_test(test_locations_that_are_followed),
		cmocka_unit_test(test_locations_that_are_returned),
		cmocka_unit_test(test_a_location_that_is_too_long),
		cmocka_unit_test(test_userinfo_can_be_dropped),
		cmocka_unit_test(test_schemes),
		cmocka_unit_test(test_words_on_a_changed_method),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
