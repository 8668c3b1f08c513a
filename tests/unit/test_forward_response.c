/* Responses on their way to the client: what is taken out, what a chain of redirects does to them, what the client is told of
 * it. */
#include "core/forward.h"
#include "core/forward_status.h"

#include "heads.h"

/* What a response becomes; f has the rest. */
static const struct message *relayed(struct arena *a, int status, const char *fields, struct forward_response f,
	const struct drop **ret_drops)
{
	const struct message *m;

	f.received = response_read(a, status, fields);
	f.via = STR("me");
	m = forward_response(a, &f, ret_drops);
	assert_non_null(m);
	return m;
}

static void expect_response(int status, const char *fields, bool keep_upgrade, const char *expected)
{
	struct arena *a = arena_new(1 << 20);
	struct forward_response f = {.keep_upgrade = keep_upgrade};
	const struct drop *drops;

	fields_expect(&relayed(a, status, fields, f, &drops)->fields, expected);
	assert_null(drops);
	arena_free(a);
}

static void test_the_status_line_is_ours(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct forward_response f = {0};
	const struct message *m = relayed(a, 404, "Server: s\nSet-Cookie: a\nSet-Cookie: b\n", f, NULL);

	(void)state;
	assert_false(m->is_request);
	assert_int_equal(m->version, VERSION_1_1);
	assert_int_equal(m->status, 404);
	str_expect(m->reason, "Not Found");
	fields_expect(&m->fields, "Server: s\nSet-Cookie: a\nSet-Cookie: b\nVia: 1.1 me\n");
	arena_free(a);
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
		"Viaduct-Hops",
		"viaduct-final-url",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		char fields[80];

		snprintf(fields, sizeof(fields), "X-A: 1\n%s: 1\nX-B: 2\n", names[i]);
		expect_response(200, fields, false, "X-A: 1\nX-B: 2\nVia: 1.1 me\n");
	}
}

static void test_what_connection_names(void **state)
{
	(void)state;
	expect_response(200, "X-A: 1\nConnection: X-A\nX-B: 2\n", false, "X-B: 2\nVia: 1.1 me\n");
	expect_response(200, "X-A: 1\nConnection: close, X-A\nX-B: 2\n", false, "X-B: 2\nVia: 1.1 me\n");
	expect_response(200, "X-A: 1\nConnection: Keep-Alive\n", false, "X-A: 1\nVia: 1.1 me\n");
	expect_response(200, "Connection: via\nVia: 1.1 other\n", false, "Via: 1.1 other\nVia: 1.1 me\n");
}

static void test_upgrade_only_where_wanted(void **state)
{
	(void)state;
	expect_response(101, "Upgrade: websocket\nConnection: upgrade\n", true, "Upgrade: websocket\nVia: 1.1 me\n");
	expect_response(426, "Upgrade: h2c\nConnection: upgrade\n", false, "Via: 1.1 me\n");
}

static void test_via_tells_the_version_received(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct message *received = response_read(a, 200, "Via: 1.1 far\n");
	struct forward_response f = {.received = received, .via = STR("me")};
	const struct message *m;

	(void)state;
	received->version = VERSION_1_0;
	m = forward_response(a, &f, NULL);
	assert_non_null(m);
	fields_expect(&m->fields, "Via: 1.1 far\nVia: 1.0 me\n");
	assert_int_equal(m->version, VERSION_1_1);
	arena_free(a);
}

/* What acts on a whole origin would act on the one that the client believes to have asked. */
static void test_fields_of_another_origin(void **state)
{
	static const char *const names[] = {
		"Clear-Site-Data",
		"strict-transport-security",
		"Alt-Svc",
		"Service-Worker-Allowed",
		"Public-Key-Pins",
		"Public-Key-Pins-Report-Only",
		"Expect-CT",
		"NEL",
		"Report-To",
		"Reporting-Endpoints",
		"Accept-CH",
		"Accept-CH-Lifetime",
		"Critical-CH",
		"Origin-Agent-Cluster",
	};
	static const struct {
		const char *final;
		bool is_dropped;
	} rows[] = {
		{"http://a.example/other", false},
		{"http://a.example:81/", true},
		{"https://a.example/", true},
		{"http://b.example/", true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		for (size_t k = 0; k < COUNT(rows); k++) {
			struct arena *a = arena_new(1 << 20);
			struct url first = url_read(a, "http://a.example/"), final = url_read(a, rows[k].final);
			struct forward_response f = {.first = &first, .final = &final};
			const struct drop *drops;
			const struct message *m;
			char fields[80];

			snprintf(fields, sizeof(fields), "X-A: 1\n%s: 1\n", names[i]);
			f.request = request_read(a, "GET", "http://a.example/", "");
			m = relayed(a, 200, fields, f, &drops);
			assert_int_equal(m->fields.n, rows[k].is_dropped ? 2 : 3);
			assert_int_equal(drops != NULL, rows[k].is_dropped);
			if (drops != NULL) {
				str_expect(drops->name, names[i]);
				assert_string_equal(drops->why, "it is for another origin");
				assert_null(drops->next);
			}
			arena_free(a);
		}
	}
}

static void test_answers_to_cors(void **state)
{
	static const char fields[] = "access-control-allow-origin: *\nAccess-Control-Expose-Headers: x\nX-A: 1\n";
	static const struct {
		const char *request, *final, *expected;
		size_t drops;
	} rows[] = {
		{"", "http://b.example/",
			"access-control-allow-origin: *\nAccess-Control-Expose-Headers: x\nX-A: 1\nVia: 1.1 me\n", 0},
		{"Origin: http://c.example\n", "http://a.example/x",
			"access-control-allow-origin: *\nAccess-Control-Expose-Headers: x\nX-A: 1\nVia: 1.1 me\n", 0},
		{"Origin: http://c.example\n", "http://b.example/", "X-A: 1\nVia: 1.1 me\n", 2},
		{"Origin: null\n", "https://a.example/", "X-A: 1\nVia: 1.1 me\n", 2},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena *a = arena_new(1 << 20);
		struct url first = url_read(a, "http://a.example/"), final = url_read(a, rows[i].final);
		struct forward_response f = {.first = &first, .final = &final};
		const struct drop *drops;
		size_t n = 0;

		f.request = request_read(a, "GET", "http://a.example/", rows[i].request);
		fields_expect(&relayed(a, 200, fields, f, &drops)->fields, rows[i].expected);
		for (; drops != NULL; drops = drops->next, n++)
			assert_string_equal(drops->why, "it answers a CORS request for another origin");
		assert_int_equal(n, rows[i].drops);
		arena_free(a);
	}
}

/* Challenges are the client's to answer, wherever they come from. */
static void test_challenges_pass(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct url first = url_read(a, "http://a.example/"), final = url_read(a, "http://b.example/");
	struct forward_response f = {.first = &first, .final = &final};

	(void)state;
	fields_expect(&relayed(a, 401, "WWW-Authenticate: Basic realm=x\n", f, NULL)->fields,
		"WWW-Authenticate: Basic realm=x\nVia: 1.1 me\n");
	arena_free(a);
}

/* The client would resolve these against the URL that it asked for. */
static void test_references_become_absolute(void **state)
{
	static const struct {
		const char *fields, *expected;
	} rows[] = {
		{"Location: up\n", "Location: http://b.example/dir/up\nVia: 1.1 me\n"},
		{"Location: /x?y#z\n", "Location: http://b.example/x?y#z\nVia: 1.1 me\n"},
		{"Location: //c.example/\n", "Location: http://c.example/\nVia: 1.1 me\n"},
		{"Content-Location: ?q\n", "Content-Location: http://b.example/dir/end?q\nVia: 1.1 me\n"},
		{"Location: HTTP://c.example:80/x\n", "Location: HTTP://c.example:80/x\nVia: 1.1 me\n"},
		{"Location: my-app:x\n", "Location: my-app:x\nVia: 1.1 me\n"},
		{"Location: /a\\b\n", "Location: /a\\b\nVia: 1.1 me\n"},
		{"Location:\n", "Location: \nVia: 1.1 me\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena *a = arena_new(1 << 20);
		struct url first = url_read(a, "http://a.example/"), final = url_read(a, "http://b.example/dir/end");
		struct forward_response behind = {.first = &first, .final = &final}, alone = {0};
		const struct message *received = response_read(a, 302, rows[i].fields);

		fields_expect(&relayed(a, 302, rows[i].fields, behind, NULL)->fields, rows[i].expected);
		/* Without a redirect nothing is touched. */
		assert_true(str_eq(relayed(a, 302, rows[i].fields, alone, NULL)->fields.v[0].value,
			received->fields.v[0].value));
		arena_free(a);
	}
}

static void test_cookies_come_from_the_jar(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct url first = url_read(a, "http://a.example/"), final = url_read(a, "http://b.example/");
	struct message *hop = response_read(a, 302, "Set-Cookie: one=1; Path=/\n");
	struct message *end = response_read(a, 200, "Set-Cookie: two=2\nX-A: 1\n");
	struct jar jar = {0};
	struct forward_response f = {.received = end, .via = STR("me"), .first = &first, .final = &final, .jar = &jar};
	struct cookie_fate *fates;
	const struct message *m;

	(void)state;
	assert_true(jar_take(&jar, a, &first, &hop->fields, 0, &fates));
	assert_true(jar_take(&jar, a, &final, &end->fields, 0, &fates));
	m = forward_response(a, &f, NULL);
	assert_non_null(m);
	fields_expect(&m->fields, "X-A: 1\nSet-Cookie: one=1; Path=/\nVia: 1.1 me\n");
	assert_string_equal(fates->client_words, "held back: of another host");
	arena_free(a);
}

static void test_freshness_is_applied(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct url first = url_read(a, "http://a.example/"), final = url_read(a, "http://a.example/x");
	struct freshness freshness = {0};
	struct forward_response f = {.first = &first, .final = &final, .freshness = &freshness};

	(void)state;
	freshness_add(&freshness, response_read(a, 302, "Location: /x\n"), 0);
	str_expect(fields_value(&relayed(a, 200, "Cache-Control: max-age=31536000\n", f, NULL)->fields, STR("Cache-Control")),
		"no-cache");
	arena_free(a);
}

static void test_what_the_client_is_told(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct message *m = response_read(a, 200, "Proxy-Status: origin; hit\n");

	(void)state;
	assert_true(forward_tell(a, m, STR("viaduct-1f"), 3, STR("http://b.example/x"), "2 redirects followed"));
	fields_expect(&m->fields,
		"Proxy-Status: origin; hit\nViaduct-Hops: 3\nViaduct-Final-URL: http://b.example/x\n"
		"Proxy-Status: viaduct-1f; received-status=200; details=\"2 redirects followed\"\n");
	m = response_read(a, 302, "Location: my-app:x\n");
	assert_true(forward_tell(a, m, STR("9 lives"), 0, STR_NONE, "returned: \"x\" \\ \xc3\xa4"));
	fields_expect(&m->fields,
		"Location: my-app:x\nProxy-Status: \"9 lives\"; received-status=302; details=\"returned: \\\"x\\\" \\\\ ?\"\n");
	m = response_read(a, 302, "");
	assert_true(forward_tell(a, m, STR("me"), 0, STR_NONE, NULL));
	fields_expect(&m->fields, "Proxy-Status: me; received-status=302\n");
	arena_free(a);
}

static void test_a_full_arena(void **state)
{
	struct arena *big = arena_new(1 << 20);
	struct url first = url_read(big, "http://a.example/"), final = url_read(big, "http://b.example/");
	struct forward_response f = {.via = STR("me"), .first = &first, .final = &final};
	struct message *m = NULL;
	size_t limit = 0;
	bool is_told = false;

	(void)state;
	f.received = response_read(big, 200, "X-A: 1\nNEL: x\nLocation: /x\n");
	for (; limit < 4096 && !is_told; limit += 8) {
		struct arena *a = arena_new(limit);
		const struct drop *drops = NULL;

		m = forward_response(a, &f, &drops);
		assert_int_equal(m != NULL, drops != NULL);
		is_told = m != NULL && forward_tell(a, m, STR("me"), 2, STR("http://b.example/"), "words");
		arena_free(a);
	}
	assert_true(is_told);
	arena_free(big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_status_line_is_ours),
		cmocka_unit_test(test_fields_that_end_here),
		cmocka_unit_test(test_what_connection_names),
		cmocka_unit_test(test_upgrade_only_where_wanted),
		cmocka_unit_test(test_via_tells_the_version_received),
		cmocka_unit_test(test_fields_of_another_origin),
		cmocka_unit_test(test_answers_to_cors),
		cmocka_unit_test(test_challenges_pass),
		cmocka_unit_test(test_references_become_absolute),
		cmocka_unit_test(test_cookies_come_from_the_jar),
		cmocka_unit_test(test_freshness_is_applied),
		cmocka_unit_test(test_what_the_client_is_told),
		cmocka_unit_test(test_a_full_arena),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
