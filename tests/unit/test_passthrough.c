/* passthrough.h behind the inspector's routes: what was learnt is listed, and forgotten only by who means it. */
#include "admin/passthrough.h"

#include "admin/routes.h"
#include "heads.h"

#include <stdlib.h>

#define TOKEN "00112233445566778899aabbccddeeff"
#define HOST "Host: localhost:8081\n"
#define BEARER "Authorization: Bearer " TOKEN "\n"
#define COOKIE "Cookie: viaduct_token=" TOKEN "\n"
#define MINUTE_US INT64_C(60000000)

struct rig {
	struct arena *arena;
	struct bufpool *pool;
	struct learned *learned;
	struct address here, client;
	char text[65536];
};

static int set_up(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	assert_true(address_parse_listen(STR("127.0.0.1:8081"), &r->here));
	assert_true(address_parse_listen(STR("192.0.2.7:1234"), &r->client));
	r->arena = arena_new(1 << 20);
	r->pool = bufpool_new(1 << 20);
	r->learned = learned_new();
	*state = r;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *r = *state;

	learned_free(r->learned);
	bufpool_free(r->pool);
	arena_free(r->arena);
	free(r);
	return 0;
}

/* The client has refused our certificate for the name as often as it takes. */
static void learn(struct rig *r, const char *name, int64_t now_us)
{
	struct learned_key key = {.client = &r->client, .ja4 = "t13d1516h2_8daaf6152771_b186095e22b6", .name = str_of(name)};

	for (int i = 0; i < LEARNED_REFUSALS; i++)
		learned_refusal(r->learned, &key, "alert: unknown <ca>", now_us, 15 * MINUTE_US);
}

/* The status of the answer at a minute; its body is in r->text. */
static int ask(struct rig *r, const char *method, const char *target, const char *fields)
{
	struct status status = {.learned = r->learned, .now_us = MINUTE_US, .version = "1", .proxy = STR("127.0.0.1:8080")};
	struct visit v = {
		.request = request_read(r->arena, method, target, fields),
		.here = &r->here,
		.token = TOKEN,
		.proxy = &r->here,
		.status = &status,
		.arena = r->arena,
		.pool = r->pool,
	};
	struct stream *s = routes_answer(&v);
	int result;
	size_t n;

	assert_non_null(s);
	n = bufq_copy(&s->in, 0, r->text, sizeof(r->text) - 1);
	r->text[n] = '\0';
	result = s->head->status;
	stream_close(s, false);
	return result;
}

static void test_empty(void **state)
{
	struct rig *r = *state;

	assert_int_equal(ask(r, "GET", "/api/v1/passthrough", HOST BEARER), 200);
	assert_string_equal(r->text, "[]\n");
	assert_int_equal(passthrough_count(NULL, MINUTE_US), 0);
}

static void test_list(void **state)
{
	struct rig *r = *state;

	learn(r, "older.example", 1);
	learn(r, "pinned.example", MINUTE_US / 2);
	assert_int_equal(passthrough_count(r->learned, MINUTE_US), 2);
	assert_int_equal(ask(r, "GET", "/api/v1/passthrough", HOST BEARER), 200);
	assert_ptr_equal(
		strstr(r->text,
			"{\"client\":\"192.0.2.7\",\"ja4\":\"t13d1516h2_8daaf6152771_b186095e22b6\","
			"\"name\":\"pinned.example\",\"why\":\"alert: unknown <ca>\",\"refusals\":2,\"passed\":0,\"left_s\":870}"),
		r->text + 1);
	assert_non_null(strstr(r->text, ",{\"client\":\"192.0.2.7\""));
	assert_non_null(strstr(r->text, "\"name\":\"older.example\""));
	assert_int_equal(ask(r, "HEAD", "/api/v1/passthrough", HOST BEARER), 200);
	assert_int_equal(ask(r, "GET", "/api/v1/passthrough", HOST), 401);
}

static void test_table(void **state)
{
	struct rig *r = *state;
	struct text t = {0};

	passthrough_write_table(&t, r->learned, MINUTE_US);
	assert_int_equal(t.len, 0);
	learn(r, "pinned.example", MINUTE_US / 2);
	passthrough_write_table(&t, r->learned, MINUTE_US);
	text_byte(&t, '\0');
	assert_non_null(strstr(t.p, "<code>pinned.example</code>"));
	assert_non_null(strstr(t.p, "alert: unknown &lt;ca&gt;"));
	text_fini(&t);
}

static void test_table_is_bounded(void **state)
{
	struct rig *r = *state;
	struct text t = {0};
	char name[32];

	for (int i = 0; i < 103; i++) {
		snprintf(name, sizeof(name), "n%d.example", i);
		learn(r, name, MINUTE_US / 2 + i);
	}
	passthrough_write_table(&t, r->learned, MINUTE_US);
	text_byte(&t, '\0');
	assert_non_null(strstr(t.p, "n102.example"));
	assert_null(strstr(t.p, "n2.example"));
	assert_non_null(strstr(t.p, "And 3 more."));
	text_fini(&t);
}

static void test_forget_one(void **state)
{
	struct rig *r = *state;

	learn(r, "a.example", 1);
	learn(r, "b.example", 1);
	assert_int_equal(ask(r, "DELETE", "/api/v1/passthrough?name=A%2Eexample", HOST BEARER), 200);
	assert_string_equal(r->text, "{\"forgotten\":1}\n");
	assert_int_equal(passthrough_count(r->learned, MINUTE_US), 1);
	assert_int_equal(ask(r, "DELETE", "/api/v1/passthrough?name=a.example", HOST BEARER), 200);
	assert_string_equal(r->text, "{\"forgotten\":0}\n");
}

static void test_forget_all(void **state)
{
	struct rig *r = *state;

	learn(r, "a.example", 1);
	learn(r, "b.example", 1);
	assert_int_equal(ask(r, "DELETE", "/api/v1/passthrough", HOST BEARER), 200);
	assert_string_equal(r->text, "{\"forgotten\":2}\n");
}

/* Nothing is forgotten by mistake. */
static void test_query_is_strict(void **state)
{
	static const char *const wrong[] = {
		"nam=a.example", "name=", "name", "name=a&x=y", "all", "name=%4", "name=%zz", "NAME=a", ("token=" TOKEN)};
	struct rig *r = *state;
	char target[400], room[4];
	struct str name;

	learn(r, "a.example", 1);
	for (size_t i = 0; i < COUNT(wrong); i++) {
		snprintf(target, sizeof(target), "/api/v1/passthrough?%s", wrong[i]);
		if (ask(r, "DELETE", target, HOST BEARER) != 400)
			fail_msg("%s was understood", wrong[i]);
	}
	memset(target, 'a', sizeof(target));
	memcpy(target, "/api/v1/passthrough?name=", 25);
	target[sizeof(target) - 1] = '\0';
	assert_int_equal(ask(r, "DELETE", target, HOST BEARER), 400);
	assert_int_equal(passthrough_count(r->learned, MINUTE_US), 1);
	assert_true(passthrough_parse_query(STR("name=%41b.%3a"), room, sizeof(room), &name));
	assert_true(str_eq(name, STR("ab.:")));
	assert_false(passthrough_parse_query(STR("name=abcde"), room, sizeof(room), &name));
}

/* A page of somebody else makes a browser send the cookie, too. */
static void test_forgetting_has_to_be_meant(void **state)
{
	static const struct {
		const char *fields;
		int status;
	} cases[] = {
		{HOST, 401},
		{HOST "Viaduct-Request: 1\n", 401},
		{HOST COOKIE, 403},
		{HOST COOKIE "Viaduct-Request: 0\n", 403},
		{HOST COOKIE "Viaduct-Request: 1\nOrigin: http://evil.example\n", 403},
		{HOST COOKIE "Viaduct-Request: 1\nOrigin: null\n", 403},
		{HOST COOKIE "Viaduct-Request: 1\nOrigin: https://localhost:8081\n", 403},
		{HOST COOKIE "Viaduct-Request: 1\nOrigin: http://localhost:8081\nOrigin: http://evil.example\n", 403},
		{HOST COOKIE "Viaduct-Request: 1\nSec-Fetch-Site: cross-site\n", 403},
		{HOST COOKIE "Viaduct-Request: 1\nSec-Fetch-Site: same-site\n", 403},
		{HOST BEARER "Origin: http://evil.example\n", 403},
		{HOST BEARER "Sec-Fetch-Site: cross-site\n", 403},
		{"Host: evil.example:8081\n" BEARER, 421},
		{HOST COOKIE "Viaduct-Request: 1\n", 200},
		{HOST COOKIE "Viaduct-Request: 1\nOrigin: http://localhost:8081\nSec-Fetch-Site: same-origin\n", 200},
		{HOST BEARER, 200},
		{HOST BEARER "Sec-Fetch-Site: none\n", 200},
	};
	struct rig *r = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		int status;

		learn(r, "a.example", 1);
		status = ask(r, "DELETE", "/api/v1/passthrough", cases[i].fields);
		if (status != cases[i].status)
			fail_msg("%d for:\n%s", status, cases[i].fields);
		assert_int_equal(passthrough_count(r->learned, MINUTE_US), status == 200 ? 0 : 1);
	}
	learn(r, "a.example", 1);
	assert_int_equal(ask(r, "DELETE", "/api/v1/passthrough?token=" TOKEN, HOST), 401);
}

static void test_delete_is_for_this_alone(void **state)
{
	struct rig *r = *state;

	assert_int_equal(ask(r, "DELETE", "/", HOST BEARER), 405);
	assert_int_equal(ask(r, "DELETE", "/setup", HOST BEARER), 405);
	assert_int_equal(ask(r, "POST", "/api/v1/passthrough", HOST BEARER), 405);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_empty),
		TEST(test_list),
		TEST(test_table),
		TEST(test_table_is_bounded),
		TEST(test_forget_one),
		TEST(test_forget_all),
		TEST(test_query_is_strict),
		TEST(test_forgetting_has_to_be_meant),
		TEST(test_delete_is_for_this_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
