/* Whether redirects of a request are followed at all: the modes, what a request says itself, what shows a browser. */
#include "follow_rig.h"

#define WISH "passed: Viaduct-Redirects asks for it"

static void expect_mode(struct follow_rig *r, enum redirects_mode mode, const char *words)
{
	const char *said = NULL;

	if (follow_mode(&r->in, &said) != mode)
		fail_msg("%s", words != NULL ? words : said);
	if (words == NULL)
		assert_null(said);
	else
		assert_string_equal(said, words);
}

static void test_what_shows_a_browser(void **state)
{
	static const struct {
		const char *fields, *words;
	} rows[] = {
		{"", NULL},
		{"User-Agent: curl/8\nAccept: */*\n", NULL},
		{"Sec-Fetch-Mode: navigate\n", "passed: Sec-Fetch-Mode shows a browser"},
		{"sec-fetch-mode: cors\nSec-Fetch-Site: same-origin\n", "passed: Sec-Fetch-Mode shows a browser"},
		{"Sec-Fetch-Mode: websocket\n", "passed: Sec-Fetch-Mode shows a browser"},
		{"Sec-Fetch-Mode: no-cors\n", "passed: Sec-Fetch-Mode shows a browser"},
		{"Sec-Fetch-Mode: no-cors\nSec-Fetch-Site: cross-site\n", "passed: Sec-Fetch-Mode shows a browser"},
		{"Sec-Fetch-Mode: no-cors\nSec-Fetch-Site: same-origin\n", NULL},
		{"Sec-Fetch-Mode: no-cors\nSec-Fetch-Site: same-origin\nSec-Fetch-Dest: image\n", NULL},
		{"Sec-Fetch-Mode: no-cors\nSec-Fetch-Site: same-origin\nSec-Fetch-Dest: embed\n",
			"passed: Sec-Fetch-Dest shows a browser"},
		{"Sec-Fetch-Mode: no-cors\nSec-Fetch-Site: same-origin\nSec-Fetch-Dest: Worker\n",
			"passed: Sec-Fetch-Dest shows a browser"},
		{"Sec-Fetch-Dest: document\n", "passed: Sec-Fetch-Dest shows a browser"},
		{"Sec-Fetch-Dest: iframe\n", "passed: Sec-Fetch-Dest shows a browser"},
		{"Sec-Fetch-Dest: frame\n", "passed: Sec-Fetch-Dest shows a browser"},
		{"Sec-Fetch-Dest: object\n", "passed: Sec-Fetch-Dest shows a browser"},
		{"Sec-Fetch-Dest: sharedworker\n", "passed: Sec-Fetch-Dest shows a browser"},
		{"Sec-Fetch-Dest: serviceworker\n", "passed: Sec-Fetch-Dest shows a browser"},
		{"Sec-Fetch-Dest: empty\n", NULL},
		{"Origin: http://a.example\n", "passed: Origin shows a browser"},
		{"Origin: null\n", "passed: Origin shows a browser"},
		{"Upgrade-Insecure-Requests: 1\n", "passed: Upgrade-Insecure-Requests shows a browser"},
		{"Upgrade-Insecure-Requests: 0\n", NULL},
		{"Accept: text/html,*/*\nUser-Agent: Mozilla/5.0 (X11)\n", "passed: Accept and User-Agent show a browser"},
		{"Accept: text/html,*/*\nUser-Agent: Wget/1.21\n", NULL},
		{"Accept: */*\nUser-Agent: Mozilla/5.0 (X11)\n", NULL},
		{"Accept: text/html\n", NULL},
		{"Service-Worker: script\n", "passed: Service-Worker shows a browser"},
		{"Sec-Purpose: prefetch;prerender\n", "passed: Purpose shows a browser"},
		{"Purpose: prefetch\n", "passed: Purpose shows a browser"},
		{"X-Moz: prefetch\n", "passed: Purpose shows a browser"},
		{"X-Purpose: preview\n", "passed: Purpose shows a browser"},
		{"Purpose: testing\n", NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct follow_rig r;

		rig_init(&r);
		rig_request(&r, "GET", "http://a.example/", rows[i].fields);
		r.in.mode = REDIRECTS_AUTO;
		expect_mode(&r, rows[i].words == NULL ? REDIRECTS_FOLLOW : REDIRECTS_PASS, rows[i].words);
		r.in.mode = REDIRECTS_FOLLOW;
		expect_mode(&r, REDIRECTS_FOLLOW, NULL);
		r.in.mode = REDIRECTS_PASS;
		expect_mode(&r, REDIRECTS_PASS, "passed: redirects.mode is pass");
		rig_fini(&r);
	}
}

/* Programs send Origin with a POST too. */
static void test_origin_marks_get_and_head_only(void **state)
{
	static const struct {
		const char *method;
		enum redirects_mode mode;
	} rows[] = {
		{"GET", REDIRECTS_PASS},
		{"HEAD", REDIRECTS_PASS},
		{"POST", REDIRECTS_FOLLOW},
		{"PUT", REDIRECTS_FOLLOW},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct follow_rig r;

		rig_init(&r);
		r.in.mode = REDIRECTS_AUTO;
		rig_request(&r, rows[i].method, "http://a.example/", "Origin: http://a.example\n");
		expect_mode(&r, rows[i].mode, rows[i].mode == REDIRECTS_PASS ? "passed: Origin shows a browser" : NULL);
		rig_fini(&r);
	}
}

/* Whatever the mode is and the request asks for. */
static void test_what_is_never_followed(void **state)
{
	static const struct {
		const char *method, *fields, *words;
		bool is_upgrade;
	} rows[] = {
		{"GET", "", "passed: the request asks for an upgrade", true},
		{"OPTIONS", "Access-Control-Request-Method: PUT\nOrigin: http://a.example\n",
			"passed: the request is a CORS preflight", false},
		{"OPTIONS", "Origin: http://a.example\n", NULL, false},
		{"GET", "Access-Control-Request-Method: PUT\n", NULL, false},
		{"POST", "Content-Type: application/grpc\n", "passed: the request is gRPC", false},
		{"POST", "content-type: Application/gRPC+proto\n", "passed: the request is gRPC", false},
		{"POST", "Content-Type: application/grpc-web\n", "passed: the request is gRPC", false},
		{"POST", "Content-Type: application/json\n", NULL, false},
		{"CONNECT", "", "passed: the request is a CONNECT", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		for (int wish = 0; wish < 2; wish++) {
			char fields[200];
			struct follow_rig r;

			rig_init(&r);
			snprintf(fields, sizeof(fields), "%s%s", rows[i].fields, wish ? "Viaduct-Redirects: follow\n" : "");
			rig_request(&r, rows[i].method, "http://a.example/", fields);
			r.in.is_upgrade = rows[i].is_upgrade;
			expect_mode(&r, rows[i].words == NULL ? REDIRECTS_FOLLOW : REDIRECTS_PASS, rows[i].words);
			rig_fini(&r);
		}
	}
}

static void test_the_wish_of_a_request(void **state)
{
	static const struct {
		const char *fields;
		enum redirects_mode mode, expected;
		bool by_request;
		const char *words;
	} rows[] = {
		{"Viaduct-Redirects: follow\n", REDIRECTS_PASS, REDIRECTS_FOLLOW, true, NULL},
		{"viaduct-redirects: FOLLOW\n", REDIRECTS_PASS, REDIRECTS_FOLLOW, true, NULL},
		{"Viaduct-Redirects: pass\n", REDIRECTS_FOLLOW, REDIRECTS_PASS, true, WISH},
		{"Viaduct-Redirects: Pass\n", REDIRECTS_AUTO, REDIRECTS_PASS, true, WISH},
		{"Viaduct-Redirects: follow\nSec-Fetch-Mode: navigate\n", REDIRECTS_AUTO, REDIRECTS_FOLLOW, true, NULL},
		{"Viaduct-Redirects: auto\n", REDIRECTS_PASS, REDIRECTS_PASS, true, "passed: redirects.mode is pass"},
		{"Viaduct-Redirects: \n", REDIRECTS_FOLLOW, REDIRECTS_FOLLOW, true, NULL},
		{"Viaduct-Redirects: followed\n", REDIRECTS_PASS, REDIRECTS_PASS, true, "passed: redirects.mode is pass"},
		{"Viaduct-Redirects: no\nViaduct-Redirects: pass\n", REDIRECTS_FOLLOW, REDIRECTS_PASS, true, WISH},
		{"Viaduct-Redirects: follow\n", REDIRECTS_PASS, REDIRECTS_PASS, false, "passed: redirects.mode is pass"},
		{"Viaduct-Redirects: pass\n", REDIRECTS_FOLLOW, REDIRECTS_FOLLOW, false, NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct follow_rig r;

		rig_init(&r);
		r.settings.redirects_by_request = rows[i].by_request;
		r.in.mode = rows[i].mode;
		rig_request(&r, "GET", "http://a.example/", rows[i].fields);
		expect_mode(&r, rows[i].expected, rows[i].words);
		rig_fini(&r);
	}
}

static void test_the_words_of_a_rule(void **state)
{
	struct follow_rig r;
	const char *words;

	(void)state;
	rig_init(&r);
	r.in.mode = REDIRECTS_PASS;
	r.in.mode_words = "rule 3";
	expect_mode(&r, REDIRECTS_PASS, "passed: rule 3");
	r.in.mode_words = "the login page";
	expect_mode(&r, REDIRECTS_PASS, "passed: rule the login page");
	r.in.mode_words = NULL;
	expect_mode(&r, REDIRECTS_PASS, "passed: redirects.mode is pass");
	r.in.mode_words = "rule 3";
	r.in.arena = arena_new(0);
	assert_int_equal(follow_mode(&r.in, &words), REDIRECTS_PASS);
	assert_string_equal(words, "passed: a rule says so");
	arena_free(r.in.arena);
	rig_fini(&r);
}

static void test_the_mode_is_asked(void **state)
{
	struct follow_rig r;

	(void)state;
	rig_init(&r);
	rig_request(&r, "GET", "http://a.example/", "Sec-Fetch-Mode: navigate\n");
	r.in.mode = REDIRECTS_PASS;
	expect_delivery(&r, "passed: redirects.mode is pass");
	r.in.mode = REDIRECTS_AUTO;
	expect_delivery(&r, "passed: Sec-Fetch-Mode shows a browser");
	r.in.mode = REDIRECTS_FOLLOW;
	expect_redirect(&r, "GET", "http://a.example/two", "followed: 302");
	rig_fini(&r);
}

/* A 1xx waits wherever the hop may yet turn out not to be the last. */
static void test_when_nothing_can_come_of_a_hop(void **state)
{
	static const struct {
		const char *method;
		enum redirects_mode mode;
		bool retry_enabled;
		unsigned retries;
		bool is_off;
	} rows[] = {
		{"GET", REDIRECTS_FOLLOW, false, 0, false},
		{"GET", REDIRECTS_AUTO, false, 0, false},
		{"GET", REDIRECTS_PASS, false, 0, true},
		{"GET", REDIRECTS_PASS, true, 0, false},
		{"GET", REDIRECTS_PASS, true, 2, true},
		{"POST", REDIRECTS_PASS, true, 0, true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct follow_rig r;

		rig_init(&r);
		rig_request(&r, rows[i].method, "http://a.example/", "");
		r.in.response = NULL;
		r.in.mode = rows[i].mode;
		r.in.retry_enabled = rows[i].retry_enabled;
		r.in.retries = rows[i].retries;
		assert_int_equal(follow_is_off(&r.in), rows[i].is_off);
		rig_fini(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_shows_a_browser),
		cmocka_unit_test(test_origin_marks_get_and_head_only),
		cmocka_unit_test(test_what_is_never_followed),
		cmocka_unit_test(test_the_wish_of_a_request),
		cmocka_unit_test(test_the_words_of_a_rule),
		cmocka_unit_test(test_the_mode_is_asked),
		cmocka_unit_test(test_when_nothing_can_come_of_a_hop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
