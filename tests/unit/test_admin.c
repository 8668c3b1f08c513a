/* inspector.h behind its socket: Host, route, method, token, and what every answer carries. */
#include "admin/routes.h"

#include "admin/host_check.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

#define TOKEN "00112233445566778899aabbccddeeff"
#define WRONG "00112233445566778899aabbccddeefe"
#define BEARER "Authorization", "Bearer " TOKEN

struct fixture {
	struct arena *arena;
	struct bufpool *pool;
	struct address here, proxy;
	struct status status;
	struct settings *settings;
	struct stream *reply;
};

static int set_up(void **state)
{
	struct fixture *f = mem_calloc(1, sizeof(*f));
	const char *set[] = {"data=/var/<b>&\"here\""};
	struct settings_source source = {.set = set, .set_n = 1};
	char why[300] = "";

	f->settings = settings_load(&source, why, sizeof(why));
	if (f->settings == NULL || !address_parse_listen(STR("192.0.2.1:8081"), &f->here) ||
		!address_parse_listen(STR("192.0.2.1:8080"), &f->proxy))
		return -1;
	f->arena = arena_new(1 << 20);
	f->pool = bufpool_new(1 << 20);
	f->status = (struct status){
		.settings = f->settings,
		.version = "1.2.3",
		.inspector = STR("http://192.0.2.1:8081/"),
		.proxy = STR("192.0.2.1:8080"),
	};
	*state = f;
	return 0;
}

static void drop_reply(struct fixture *f)
{
	if (f->reply != NULL)
		stream_close(f->reply, false);
	f->reply = NULL;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	drop_reply(f);
	bufpool_free(f->pool);
	arena_free(f->arena);
	settings_unref(f->settings);
	mem_free(f);
	return 0;
}

/* The status of the answer to a request with one more field, or none (name NULL); the reply stays in f. */
static int ask_as(struct fixture *f, enum method method, const char *target, const char *host, const char *name,
	const char *value)
{
	struct message m = {.is_request = true, .version = VERSION_1_1, .method = method, .target = str_of(target)};
	struct visit v = {
		.request = &m,
		.here = &f->here,
		.token = TOKEN,
		.proxy = &f->proxy,
		.status = &f->status,
		.arena = f->arena,
		.pool = f->pool,
	};

	drop_reply(f);
	if (host != NULL)
		assert_true(fields_add(f->arena, &m.fields, STR("Host"), str_of(host)));
	if (name != NULL)
		assert_true(fields_add(f->arena, &m.fields, str_of(name), str_of(value)));
	f->reply = routes_answer(&v);
	assert_non_null(f->reply);
	return f->reply->head->status;
}

static int ask(struct fixture *f, const char *target, const char *name, const char *value)
{
	return ask_as(f, METHOD_GET, target, "localhost:8081", name, value);
}

static void assert_field(const struct fixture *f, const char *name, const char *expected)
{
	struct str value = fields_value(&f->reply->head->fields, str_of(name));

	if (!str_eq(value, str_of(expected)))
		fail_msg("%s is \"%.*s\", not \"%s\"", name, STR_ARG(value), expected);
}

/* The body of the reply, terminated, in the arena. */
static const char *body(const struct fixture *f)
{
	size_t n = f->reply->in.len;
	char *text = arena_alloc(f->arena, n + 1);

	assert_non_null(text);
	assert_int_equal(bufq_copy(&f->reply->in, 0, text, n), n);
	text[n] = '\0';
	return text;
}

static void test_token_is_random(void **state)
{
	char one[TOKEN_TEXT_BYTES], two[TOKEN_TEXT_BYTES];

	(void)state;
	assert_true(token_make(one) && token_make(two));
	assert_int_equal(strlen(one), 32);
	assert_int_equal(strspn(one, "0123456789abcdef"), 32);
	assert_string_not_equal(one, two);
}

static void test_token_is_compared_whole(void **state)
{
	(void)state;
	assert_true(token_is(TOKEN, STR(TOKEN)));
	assert_false(token_is(TOKEN, STR(WRONG)));
	assert_false(token_is(TOKEN, STR("10112233445566778899aabbccddeeff")));
	assert_false(token_is(TOKEN, STR("00112233")));
	assert_false(token_is(TOKEN, STR(TOKEN "0")));
	assert_false(token_is(TOKEN, STR("")));
	assert_false(token_is("", STR("")));
}

static void test_token_in_query(void **state)
{
	(void)state;
	assert_true(str_eq(token_of_query(STR("a=b&token=x&c")), STR("x")));
	assert_true(str_eq(token_of_query(STR("token=")), STR("")));
	assert_null(token_of_query(STR("nottoken=x&tokens=y")).p);
	assert_null(token_of_query(STR_NONE).p);
}

static void test_token_is_needed(void **state)
{
	static const char *const closed[] = {"/", "/api/v1/status", "/api/v1/passthrough", "/metrics"};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(closed) / sizeof(closed[0]); i++) {
		assert_int_equal(ask(f, closed[i], NULL, NULL), 401);
		assert_field(f, "WWW-Authenticate", "Bearer realm=\"viaduct inspector\"");
		assert_non_null(strstr(body(f), "--ready-file"));
		assert_null(strstr(body(f), TOKEN));
		assert_int_equal(ask(f, closed[i], "Authorization", "Bearer " WRONG), 401);
		assert_int_equal(ask(f, closed[i], "Authorization", "Basic " TOKEN), 401);
		assert_int_equal(ask(f, closed[i], "Authorization", TOKEN), 401);
		assert_int_equal(ask(f, closed[i], "Cookie", "viaduct_token=" WRONG), 401);
		assert_int_equal(ask(f, closed[i], "Cookie", "xviaduct_token=" TOKEN), 401);
		assert_int_equal(ask(f, closed[i], BEARER), 200);
		assert_int_equal(ask(f, closed[i], "authorization", "bearer  " TOKEN), 200);
		assert_int_equal(ask(f, closed[i], "Cookie", "viaduct_token=" TOKEN), 200);
		assert_int_equal(ask(f, closed[i], "Cookie", "a=b; viaduct_token=" WRONG ";viaduct_token=" TOKEN "; c"), 200);
	}
	assert_int_equal(ask(f, "/metrics?token=" TOKEN, NULL, NULL), 200);
	assert_int_equal(ask(f, "/metrics?token=" WRONG, NULL, NULL), 401);
	assert_int_equal(ask(f, "/metrics?", NULL, NULL), 401);
}

static void test_query_becomes_cookie(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(ask(f, "/?token=" TOKEN, NULL, NULL), 303);
	assert_field(f, "Location", "/");
	assert_field(f, "Set-Cookie", "viaduct_token=" TOKEN "; HttpOnly; SameSite=Strict; Path=/");
	assert_int_equal(f->reply->in.len, 0);
	assert_int_equal(ask(f, "/?token=" WRONG, NULL, NULL), 401);
	assert_null(fields_value(&f->reply->head->fields, STR("Set-Cookie")).p);
}

static void test_refusal_is_a_page_for_browsers(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(ask(f, "/", "Accept", "text/html,*/*;q=0.8"), 401);
	assert_field(f, "Content-Type", "text/html; charset=utf-8");
	assert_non_null(strstr(body(f), "viaduct: inspector http"));
	assert_int_equal(ask(f, "/", "Accept", "*/*"), 401);
	assert_field(f, "Content-Type", "text/plain; charset=utf-8");
}

static void test_host(void **state)
{
	static const char *const right[] = {
		"localhost:8081", "LOCALHOST:8081", "127.0.0.1:8081", "[::1]:8081", "192.0.2.1:8081"};
	static const char *const wrong[] = {"localhost", "localhost:8080", "127.0.0.1", "evil.example:8081", "192.0.2.2:8081",
		"127.0.0.1.evil.example:8081", "localhost.evil.example:8081", "127.1:8081", "0.0.0.0:8081", "", ":8081",
		"[::1]", "a@localhost:8081", "localhost:8081:8081"};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++)
		assert_int_equal(ask_as(f, METHOD_GET, "/", right[i], BEARER), 200);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (ask_as(f, METHOD_GET, "/", wrong[i], BEARER) != 421)
			fail_msg("Host: %s was let in", wrong[i]);
		assert_int_equal(f->reply->in.len, 0);
		/* in front of everything else: what is there does not show */
		assert_int_equal(ask_as(f, METHOD_GET, "/none", wrong[i], NULL, NULL), 421);
		assert_int_equal(ask_as(f, METHOD_POST, "/proxy.pac", wrong[i], NULL, NULL), 421);
	}
	assert_int_equal(ask_as(f, METHOD_GET, "/", NULL, BEARER), 421);
	assert_int_equal(ask_as(f, METHOD_GET, "/", "localhost:8081", "Host", "localhost:8081"), 421);
}

static void test_host_at_port_80(void **state)
{
	struct fixture *f = *state;

	address_set_port(&f->here, 80);
	assert_int_equal(ask_as(f, METHOD_GET, "/", "localhost", BEARER), 200);
	assert_int_equal(ask_as(f, METHOD_GET, "/", "localhost:80", BEARER), 200);
	assert_int_equal(ask_as(f, METHOD_GET, "/", "evil.example", BEARER), 421);
}

static void test_methods(void **state)
{
	static const enum method others[] = {
		METHOD_POST, METHOD_PUT, METHOD_DELETE, METHOD_OPTIONS, METHOD_TRACE, METHOD_UNKNOWN};
	struct fixture *f = *state;

	assert_int_equal(ask_as(f, METHOD_HEAD, "/", "localhost:8081", BEARER), 200);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_int_equal(ask_as(f, others[i], "/", "localhost:8081", BEARER), 405);
		assert_field(f, "Allow", "GET, HEAD");
		assert_int_equal(ask_as(f, others[i], "/?token=" TOKEN, "localhost:8081", NULL, NULL), 405);
	}
}

static void test_unknown_paths(void **state)
{
	static const char *const paths[] = {"*", "//", "/x", "/metrics/", "/../metrics", "/%6detrics", "/api/v1/status2",
		"/METRICS", "http://localhost:8081/"};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		assert_int_equal(ask(f, paths[i], BEARER), 404);
}

/* What protects a browser is on every answer, and nothing lets another page read it. */
static void test_fields_of_every_answer(void **state)
{
	static const char *const targets[] = {"/", "/x", "/proxy.pac", "/metrics", "/?token=" TOKEN, "/?token=" TOKEN};
	struct fixture *f = *state;

	for (size_t i = 0; i < 6; i++) {
		struct str policy;

		ask_as(f, METHOD_GET, targets[i], i == 5 ? "evil.example" : "localhost:8081", "Origin", "http://evil.example");
		policy = fields_value(&f->reply->head->fields, STR("Content-Security-Policy"));
		assert_true(str_starts(policy, STR("default-src 'none'; style-src 'unsafe-inline'")));
		assert_true(str_iends(policy, STR("frame-ancestors 'none'")));
		assert_field(f, "X-Content-Type-Options", "nosniff");
		assert_field(f, "Referrer-Policy", "no-referrer");
		assert_field(f, "Cache-Control", "no-store");
		assert_null(fields_value(&f->reply->head->fields, STR("Access-Control-Allow-Origin")).p);
	}
}

static void test_pac_is_open(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(ask(f, "/proxy.pac", NULL, NULL), 200);
	assert_field(f, "Content-Type", "application/x-ns-proxy-autoconfig");
	assert_non_null(strstr(body(f), "PROXY 192.0.2.1:8080; DIRECT"));
}

/* What a browser or a phone has to reach before it trusts anything; there is no CA in this test, which is 503 and no 401. */
static void test_set_up_is_open(void **state)
{
	static const char *const files[] = {"/ca.pem", "/ca.cer", "/ca.p12", "/ca.mobileconfig", "/ca.pem?x"};
	struct fixture *f = *state;

	assert_int_equal(ask(f, "/setup", "Accept", "text/html"), 200);
	assert_non_null(strstr(body(f), "curl -x http://192.0.2.1:8080 "));
	assert_null(strstr(body(f), "/var/"));
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		assert_int_equal(ask(f, files[i], NULL, NULL), 503);
	assert_int_equal(ask_as(f, METHOD_GET, "/ca.pem", "evil.example:8081", NULL, NULL), 421);
	assert_int_equal(ask(f, "/ca.key", BEARER), 404);
}

static void test_page_tells_of_https(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(ask(f, "/", BEARER), 200);
	assert_non_null(strstr(body(f), "<code>none</code>: tunnels are not opened"));
	assert_non_null(strstr(body(f), "href=\"/setup\""));
	f->status.intercept = INTERCEPT_LIST;
	assert_int_equal(ask(f, "/", BEARER), 200);
	assert_non_null(strstr(body(f), "<code>list</code>: tunnels are opened"));
	assert_int_equal(ask(f, "/api/v1/status", BEARER), 200);
	assert_non_null(strstr(body(f),
		"\"intercept\":{\"mode\":\"list\",\"ca_sha256\":null,\"leaves_made\":0,\"passthrough\":0}"));
}

static void test_page(void **state)
{
	struct fixture *f = *state;
	const char *page;

	f->status.counts.cells[METER_OUTCOME + OUTCOME_FAILED] = 12;
	f->status.counts.cells[METER_ERROR + ERR_tls_certificate] = 12;
	assert_int_equal(ask(f, "/", BEARER), 200);
	assert_field(f, "Content-Type", "text/html; charset=utf-8");
	page = body(f);
	assert_non_null(strstr(page, "export http_proxy=http://192.0.2.1:8080 https_proxy=http://192.0.2.1:8080"));
	assert_non_null(strstr(page, "http://192.0.2.1:8081/proxy.pac"));
	assert_non_null(strstr(page, "<code>tls_certificate</code></th><td>12</td>"));
	assert_non_null(strstr(page, "1.2.3"));
	assert_non_null(strstr(page, "viaduct flows"));
	assert_non_null(strstr(page, "/var/&lt;b&gt;&amp;&quot;here&quot;"));
	assert_null(strstr(page, "<b>"));
	assert_null(strstr(page, "<script"));
	assert_null(strstr(page, TOKEN));
}

static void test_json(void **state)
{
	struct fixture *f = *state;
	const char *json;

	f->status.counts.cells[METER_BEGUN] = 15;
	f->status.counts.cells[METER_OUTCOME + OUTCOME_FAILED] = 12;
	f->status.counts.cells[METER_ERROR + ERR_tls_certificate] = 12;
	f->status.clients = 4;
	assert_int_equal(ask(f, "/api/v1/status", BEARER), 200);
	assert_field(f, "Content-Type", "application/json");
	json = body(f);
	assert_non_null(strstr(json, "\"version\":\"1.2.3\""));
	assert_non_null(strstr(json, "\"flows\":{\"done\":12,\"in_flight\":3,\"delivered\":0,\"failed\":12,\"cancelled\":0}"));
	assert_non_null(strstr(json, "\"errors\":{\"tls_certificate\":12}"));
	assert_non_null(strstr(json, "\"clients\":{\"open\":4,"));
	assert_non_null(strstr(json, "\"folder\":\"/var/<b>&\\\"here\\\"\""));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_token_is_random),
		cmocka_unit_test(test_token_is_compared_whole),
		cmocka_unit_test(test_token_in_query),
		TEST(test_token_is_needed),
		TEST(test_query_becomes_cookie),
		TEST(test_refusal_is_a_page_for_browsers),
		TEST(test_host),
		TEST(test_host_at_port_80),
		TEST(test_methods),
		TEST(test_unknown_paths),
		TEST(test_fields_of_every_answer),
		TEST(test_pac_is_open),
		TEST(test_set_up_is_open),
		TEST(test_page_tells_of_https),
		TEST(test_page),
		TEST(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
