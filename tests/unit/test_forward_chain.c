/* Requests behind redirects: what is withheld from a hop for good, and why; what the chain's cookies, Referer and Origin
 * become. */
#include "core/forward.h"

#include "heads.h"

/* Builds the request for the end of a chain of URLs. */
static struct forwarded built_for(struct arena *a, const char *fields, const char *const *urls, struct forward_request f)
{
	struct url url = url_read(a, urls[0]);
	struct url *last = arena_alloc(a, sizeof(*last));
	struct forwarded out;

	assert_non_null(last);
	f.original = request_read(a, "POST", urls[0], fields);
	f.method = f.method != METHOD_UNKNOWN ? f.method : METHOD_POST;
	f.via = STR("me");
	*last = url;
	for (size_t i = 1; urls[i] != NULL; i++) {
		*last = url_read(a, urls[i]);
		taint_add(&f.taint, &url, last);
		url = *last;
	}
	f.url = last;
	assert_true(forward_request(a, &f, &out));
	return out;
}

/* "Name: why" a line. */
static void drops_expect(const struct drop *d, const char *expected)
{
	char text[2048] = "";
	size_t n = 0;

	for (; d != NULL; d = d->next)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%.*s: %s\n", STR_ARG(d->name), d->why);
	assert_string_equal(text, expected);
}

/* What is sent, without Host and Via. */
static void rest_expect(const struct message *m, const char *expected)
{
	assert_true(m->fields.n >= 2);
	str_expect(m->fields.v[0].name, "Host");
	str_expect(m->fields.v[m->fields.n - 1].name, "Via");
	fields_expect(&(struct fields){.v = m->fields.v + 1, .n = m->fields.n - 2}, expected);
}

static void test_taint_of_a_chain(void **state)
{
	static const struct {
		const char *from, *to;
		struct taint taint;
	} rows[] = {
		{"http://a.example/1", "http://a.example/2?x", {0}},
		{"http://a.example/", "http://A.example:80/", {0}},
		{"http://a.example/", "http://a.example./", {0}},
		{"http://[::1]/", "http://[0:0::1]/", {0}},
		{"http://a.example/", "http://a.example:81/", {.origin = true, .changes = 1}},
		{"http://a.example/", "https://a.example/", {.origin = true, .changes = 1}},
		{"https://a.example/", "http://a.example/", {.origin = true, .host = true, .downgraded = true, .changes = 1}},
		{"http://a.example/", "http://b.example/", {.origin = true, .host = true, .changes = 1}},
		{"http://a.example/", "http://sub.a.example/", {.origin = true, .host = true, .changes = 1}},
		{"http://sub.a.example/", "http://a.example/", {.origin = true, .host = true, .changes = 1}},
		{"https://a.example/", "https://b.example/", {.origin = true, .host = true, .changes = 1}},
	};
	struct arena *a = arena_new(1 << 20);

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct url from = url_read(a, rows[i].from), to = url_read(a, rows[i].to);
		const struct taint *expected = &rows[i].taint;
		struct taint t = {0};

		taint_add(&t, &from, &to);
		if (t.origin != expected->origin || t.host != expected->host || t.downgraded != expected->downgraded ||
			t.changes != expected->changes)
			fail_msg("%s to %s", rows[i].from, rows[i].to);
		/* What was withheld once is so for good, also on the way back. */
		taint_add(&t, &to, &to);
		taint_add(&t, &to, &from);
		assert_true(t.origin >= expected->origin && t.host >= expected->host && t.downgraded >= expected->downgraded);
		assert_int_equal(t.changes, 2 * expected->changes);
	}
	arena_free(a);
}

#define KEPT "AUTHORIZATION: Basic eA==\n"
#define KEYS "x-api-key: 1\nPrivate-Token: 2\n"
#define OTHERS "X-A: 1\n"
#define KEYS_DROPPED                                                                                                           \
	"AUTHORIZATION: the origin changed\nx-api-key: the origin changed\n"                                                   \
	"Private-Token: the origin changed\n"

/* Credentials by where the chain has been; the CVEs are those of others that got it wrong. */
static void test_credentials(void **state)
{
	static const struct {
		const char *urls[5];
		const char *expected, *drops;
	} rows[] = {
		{{"http://a.example/", "http://a.example/x"}, KEPT KEYS "Cookie: a=b\nCookie2: c\n" OTHERS, ""},
		/* CVE-2022-27774, 2022-27776: another port is another origin, but cookies know no ports. */
		{{"http://a.example/", "http://a.example:81/x"}, "Cookie: a=b\nCookie2: c\n" OTHERS, KEYS_DROPPED},
		{{"http://a.example/", "https://a.example/x"}, "Cookie: a=b\nCookie2: c\n" OTHERS, KEYS_DROPPED},
		/* CVE-2018-18074, 2022-0536: https to http on the same host. */
		{{"https://a.example/", "http://a.example/x"}, OTHERS,
			KEYS_DROPPED "Cookie: https became http\nCookie2: https became http\n"},
		/* CVE-2018-1000007, 2023-43804, 2022-0155: another host. */
		{{"http://a.example/", "http://b.example/x"}, OTHERS,
			KEYS_DROPPED "Cookie: the host changed\nCookie2: the host changed\n"},
		/* CVE-2023-45289: a host below is another host. */
		{{"http://a.example/", "http://a.a.example/x"}, OTHERS,
			KEYS_DROPPED "Cookie: the host changed\nCookie2: the host changed\n"},
		/* CVE-2024-45336: stripped stays stripped, also when the chain comes back. */
		{{"http://a.example/", "http://b.example/x", "http://a.example/"}, OTHERS,
			KEYS_DROPPED "Cookie: the host changed\nCookie2: the host changed\n"},
		{{"http://a.example/", "http://a.example:81/x", "http://a.example/", "http://a.example/y"},
			"Cookie: a=b\nCookie2: c\n" OTHERS, KEYS_DROPPED},
	};
	static const char fields[] = "Proxy-Authorization: Basic eA==\nProxy-Authenticate: x\n" KEPT KEYS
				     "Cookie: a=b\nCookie2: c\n" OTHERS;
	char *names[] = {(char[]){"X-Api-Key"}, (char[]){"private-token"}};
	struct text_list sensitive = {names, COUNT(names)};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena *a = arena_new(1 << 20);
		struct forward_request f = {.sensitive = &sensitive};
		struct forwarded out = built_for(a, fields, rows[i].urls, f);

		rest_expect(out.message, rows[i].expected);
		drops_expect(out.drops, rows[i].drops);
		arena_free(a);
	}
}

/* What is withheld from a head is withheld from the trailers behind its body. */
static void test_trailers(void **state)
{
	struct arena *a = arena_new(1 << 20);
	char *names[] = {"X-Api-Key"};
	struct text_list sensitive = {names, 1};
	struct message *m = request_read(a, "POST", "http://a.example/", "");
	const struct drop *before = &(const struct drop){STR("Authorization"), "the origin changed", NULL}, *drops = before;
	struct forward_request f = {.original = m, .method = METHOD_POST, .sensitive = &sensitive};

	(void)state;
	assert_true(fields_add(a, &m->trailers, STR("x-api-key"), STR("secret")));
	assert_true(fields_add(a, &m->trailers, STR("X-Sum"), STR("1")));
	assert_ptr_equal(forward_trailers(a, &f, &drops), &m->trailers);
	assert_ptr_equal(drops, before);
	f.taint.origin = true;
	fields_expect(forward_trailers(a, &f, &drops), "X-Sum: 1\n");
	str_expect(drops->name, "x-api-key");
	assert_string_equal(drops->why, "the origin changed");
	assert_ptr_equal(drops->next, before);
	arena_free(a);
}

static void test_without_a_list_of_names(void **state)
{
	static const char *const urls[] = {"http://a.example/", "http://b.example/", NULL};
	struct arena *a = arena_new(1 << 20);
	struct forward_request f = {0};

	(void)state;
	rest_expect(built_for(a, KEPT KEYS, urls, f).message, KEYS);
	arena_free(a);
}

/* CVE-2022-32221, 2023-45803: method, body and what describes it change together. */
static void test_without_a_body_nothing_describes_one(void **state)
{
	static const char fields[] =
		"Content-Type: a\ncontent-encoding: b\nContent-Language: c\nContent-Location: d\nContent-Digest: e\n"
		"Repr-Digest: f\nDigest: g\nLast-Modified: h\nExpect: 100-continue\nTrailer: X\nX-Stays: 1\n"
		"Content-Disposition: i\nContent-Range: bytes 0-1/2\nContent-MD5: j\nContent-Length: 5\nRange: bytes=1-\n";
	static const char *const urls[] = {"http://a.example/", "http://a.example/x", NULL};
	struct arena *a = arena_new(1 << 20);
	struct forward_request with = {0}, without = {.method = METHOD_GET, .drops_body = true};
	struct forwarded out = built_for(a, fields, urls, without);
	size_t n = 0;

	(void)state;
	rest_expect(out.message, "X-Stays: 1\nContent-Disposition: i\nRange: bytes=1-\n");
	str_expect(out.message->method_name, "GET");
	for (const struct drop *d = out.drops; d != NULL; d = d->next, n++)
		assert_string_equal(d->why, "the body was dropped");
	assert_int_equal(n, 12);
	out = built_for(a, fields, urls, with);
	str_expect(out.message->method_name, "POST");
	assert_int_equal(fields_count(&out.message->fields, STR("Content-Type")), 1);
	assert_int_equal(fields_count(&out.message->fields, STR("Last-Modified")), 1);
	drops_expect(out.drops, "Expect: it was for the first hop\n");
	arena_free(a);
}

/* RFC 9110 section 15.4: the request is repeated; its range and conditions are the client's own. */
static void test_ranges_and_conditions_are_kept(void **state)
{
	static const char fields[] =
		"Range: bytes=5-\nIf-Range: \"x\"\nIf-None-Match: \"y\"\nIf-Modified-Since: z\nIf-Match: *\n"
		"If-Unmodified-Since: z\n";
	static const char *const urls[] = {"http://a.example/", "https://b.example:81/x", NULL};
	struct arena *a = arena_new(1 << 20);
	struct forward_request f = {.method = METHOD_GET, .drops_body = true};
	struct forwarded out = built_for(a, fields, urls, f);

	(void)state;
	rest_expect(out.message, fields);
	assert_null(out.drops);
	fields_expect(&(struct fields){.v = out.message->fields.v, .n = 1}, "Host: b.example:81\n");
	arena_free(a);
}

static void test_referer(void **state)
{
	static const struct {
		const char *urls[4];
		const char *referer, *expected, *drops;
	} rows[] = {
		{{"http://a.example/", "http://a.example/x"}, "http://a.example/page?q", "Referer: http://a.example/page?q\n",
			""},
		{{"http://a.example/", "http://b.example/x"}, "http://a.example/page?q", "Referer: http://a.example/\n",
			"Referer: cut to its origin: the origin changed\n"},
		{{"http://a.example/", "http://a.example:81/"}, "https://c.example:8443?q#f",
			"Referer: https://c.example:8443/\n", "Referer: cut to its origin: the origin changed\n"},
		{{"http://a.example/", "http://b.example/"}, "http://a.example/", "Referer: http://a.example/\n", ""},
		/* CVE-2021-22876: no userinfo. */
		{{"http://a.example/", "http://b.example/"}, "http://u:p@x@a.example:80/", "Referer: http://a.example/\n",
			"Referer: cut to its origin: the origin changed\n"},
		{{"http://a.example/", "http://b.example/", "http://a.example/"}, "http://a.example/page",
			"Referer: http://a.example/\n", "Referer: cut to its origin: the origin changed\n"},
		{{"http://a.example/", "http://b.example/"}, "/page", "", "Referer: the origin changed\n"},
		{{"http://a.example/", "http://b.example/"}, "about:blank", "", "Referer: the origin changed\n"},
		{{"http://a.example/", "http://b.example/"}, "http:///page", "", "Referer: the origin changed\n"},
		{{"https://a.example/", "http://a.example/"}, "https://a.example/page", "", "Referer: https became http\n"},
		{{"https://a.example/", "http://a.example/", "https://a.example/"}, "https://a.example/", "",
			"Referer: https became http\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena *a = arena_new(1 << 20);
		struct forward_request f = {0};
		struct forwarded out;
		char fields[200];

		snprintf(fields, sizeof(fields), "Referer: %s\n", rows[i].referer);
		out = built_for(a, fields, rows[i].urls, f);
		rest_expect(out.message, rows[i].expected);
		drops_expect(out.drops, rows[i].drops);
		arena_free(a);
	}
}

/* The Fetch standard's tainted origin. */
static void test_origin(void **state)
{
	static const struct {
		const char *urls[4];
		const char *origin, *expected, *drops;
	} rows[] = {
		{{"http://a.example/", "http://a.example/x"}, "http://c.example", "Origin: http://c.example\n", ""},
		{{"http://a.example/", "http://b.example/"}, "http://c.example", "Origin: http://c.example\n", ""},
		{{"http://a.example/", "http://b.example/", "http://d.example/"}, "http://c.example", "Origin: null\n",
			"Origin: became null: the origin changed twice\n"},
		{{"http://a.example/", "http://b.example/", "http://a.example/"}, "http://a.example", "Origin: null\n",
			"Origin: became null: the origin changed twice\n"},
		{{"http://a.example/", "http://b.example/", "http://d.example/"}, "null", "Origin: null\n", ""},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena *a = arena_new(1 << 20);
		struct forward_request f = {0};
		struct forwarded out;
		char fields[200];

		snprintf(fields, sizeof(fields), "Origin: %s\n", rows[i].origin);
		out = built_for(a, fields, rows[i].urls, f);
		rest_expect(out.message, rows[i].expected);
		drops_expect(out.drops, rows[i].drops);
		arena_free(a);
	}
}

/* Every hop is told one less than the client said, as if the client followed for itself. */
static void test_max_forwards_on_each_hop(void **state)
{
	static const char *const urls[] = {"http://a.example/", "http://b.example/", "http://c.example/", NULL};
	struct arena *a = arena_new(1 << 20);
	struct forward_request f = {.method = METHOD_OPTIONS};

	(void)state;
	rest_expect(built_for(a, "Max-Forwards: 5\n", urls, f).message, "Max-Forwards: 4\n");
	arena_free(a);
}

/* A jar into which http://a.example/ has put these Set-Cookie lines. */
static void jar_fill(struct arena *a, struct jar *jar, const char *from, const char *lines)
{
	struct url url = url_read(a, from);
	struct cookie_fate *fates;

	assert_true(jar_take(jar, a, &url, &response_read(a, 302, lines)->fields, 1700000000, &fates));
}

static void test_cookies_of_the_chain(void **state)
{
	static const struct {
		const char *from, *lines, *fields;
		const char *urls[4];
		const char *expected, *names, *drops;
	} rows[] = {
		{"http://a.example/", "Set-Cookie: id=1\n", "X-A: 1\n", {"http://a.example/", "http://a.example/x"},
			"X-A: 1\nCookie: id=1\n", "id", ""},
		{"http://a.example/", "Set-Cookie: id=1\n", "cookie: a=b\nX-A: 1\n",
			{"http://a.example/", "http://a.example/x"}, "cookie: a=b; id=1\nX-A: 1\n", "id", ""},
		{"http://a.example/", "Set-Cookie: id=2\n", "Cookie: id=1\nX-A: 1\nCookie: c=d\n",
			{"http://a.example/", "http://a.example/x"}, "Cookie: id=2; c=d\nX-A: 1\n", "id", ""},
		{"http://a.example/", "Set-Cookie: id=; Max-Age=0\n", "Cookie: id=1\nX-A: 1\n",
			{"http://a.example/", "http://a.example/x"}, "X-A: 1\n", "", ""},
		/* CVE-2015-2296: not sent to another host, and the client's neither. */
		{"http://a.example/", "Set-Cookie: id=1\n", "Cookie: a=b\n", {"http://a.example/", "http://b.example/"}, "", "",
			"Cookie: the host changed\n"},
		/* What the new host has set takes the place of what is withheld. */
		{"http://b.example/", "Set-Cookie: id=1\n", "Cookie: a=b\nX-A: 1\n",
			{"http://a.example/", "http://b.example/", "http://b.example/x"}, "Cookie: id=1\nX-A: 1\n", "id",
			"Cookie: the host changed\n"},
		{"https://a.example/", "Set-Cookie: id=1; Secure\n", "", {"https://a.example/", "http://a.example/x"}, "", "",
			""},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena *a = arena_new(1 << 20);
		struct jar jar = {0};
		struct forward_request f = {.jar = &jar, .now_s = 1700000000};
		struct forwarded out;

		jar_fill(a, &jar, rows[i].from, rows[i].lines);
		out = built_for(a, rows[i].fields, rows[i].urls, f);
		rest_expect(out.message, rows[i].expected);
		str_expect(out.jar_names, rows[i].names);
		drops_expect(out.drops, rows[i].drops);
		str_expect(out.cookies,
			fields_value(&out.message->fields, STR("Cookie")).p == NULL
				? ""
				: arena_printf(a, "%.*s", STR_ARG(fields_value(&out.message->fields, STR("Cookie")))).p);
		arena_free(a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_taint_of_a_chain),
		cmocka_unit_test(test_credentials),
		cmocka_unit_test(test_trailers),
		cmocka_unit_test(test_without_a_list_of_names),
		cmocka_unit_test(test_without_a_body_nothing_describes_one),
		cmocka_unit_test(test_ranges_and_conditions_are_kept),
		cmocka_unit_test(test_referer),
		cmocka_unit_test(test_origin),
		cmocka_unit_test(test_max_forwards_on_each_hop),
		cmocka_unit_test(test_cookies_of_the_chain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
