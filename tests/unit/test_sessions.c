/* Sessions over the API: what is understood, what is answered, and that who must not change anything does not. */
#include "admin/routes.h"
#include "base/mem.h"
#include "store_run.h"

#define TOKEN "00112233445566778899aabbccddeeff"

struct rig {
	struct store *store;
	struct arena *arena;
	struct bufpool *pool;
	struct address here;
	struct status status;
	struct stream *reply;
	bool is_off; /* no flows are kept */
};

static void drop_reply(struct rig *r)
{
	if (r->reply != NULL)
		stream_close(r->reply, false);
	r->reply = NULL;
}

static int set_up(void **state)
{
	struct rig *r = mem_calloc(1, sizeof(*r));

	if (setup(state) != 0 || !address_parse_listen(STR("127.0.0.1:8081"), &r->here))
		return -1;
	r->store = start(1000);
	r->arena = arena_new(1 << 20);
	r->pool = bufpool_new(1 << 20);
	*state = r;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *r = *state;

	drop_reply(r);
	store_stop(r->store);
	bufpool_free(r->pool);
	arena_free(r->arena);
	mem_free(r);
	return teardown(state);
}

/* The status of the answer; the reply stays in r. */
static int ask_with(struct rig *r, enum method method, const char *target, const char *bearer)
{
	struct message m = {.is_request = true, .version = VERSION_1_1, .method = method, .target = str_of(target)};
	struct visit v = {
		.request = &m,
		.here = &r->here,
		.token = TOKEN,
		.proxy = &r->here,
		.status = &r->status,
		.sessions = {r->store, r->is_off ? NULL : folder.data},
		.arena = r->arena,
		.pool = r->pool,
	};

	drop_reply(r);
	assert_true(fields_add(r->arena, &m.fields, STR("Host"), STR("localhost:8081")));
	if (bearer != NULL)
		assert_true(fields_add(r->arena, &m.fields, STR("Authorization"), str_of(bearer)));
	r->reply = routes_answer(&v);
	assert_non_null(r->reply);
	return r->reply->head->status;
}

static int ask(struct rig *r, enum method method, const char *target)
{
	return ask_with(r, method, target, "Bearer " TOKEN);
}

/* The body of the reply, terminated, in the arena. */
static const char *body(const struct rig *r)
{
	size_t n = r->reply->in.len;
	char *text = arena_alloc(r->arena, n + 1);

	assert_non_null(text);
	assert_int_equal(bufq_copy(&r->reply->in, 0, text, n), n);
	text[n] = '\0';
	return text;
}

static void assert_says(const struct rig *r, const char *part)
{
	if (strstr(body(r), part) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", body(r), part);
}

static void test_list(void **state)
{
	struct rig *r = *state;

	assert_int_equal(ask(r, METHOD_GET, "/api/v1/sessions"), 200);
	assert_true(str_eq(fields_value(&r->reply->head->fields, STR("Content-Type")), STR("application/json")));
	assert_says(r, "[{\"id\":1,");
	assert_says(r, "\"ended_us\":null");
	assert_says(r, "\"flows\":0}]\n");
}

static void test_begin(void **state)
{
	struct rig *r = *state;

	assert_int_equal(ask(r, METHOD_POST, "/api/v1/sessions?name=Log%20in+%E2%82%AC%26"), 201);
	assert_says(r, "{\"id\":2,\"name\":\"Log in \xe2\x82\xac&\",\"started\":\"2");
	assert_answer(&folder, "SELECT name FROM sessions WHERE id = 2", "Log in \xe2\x82\xac&");
	assert_int_equal(ask(r, METHOD_POST, "/api/v1/sessions/end"), 201);
	assert_says(r, "{\"id\":3,\"name\":\"2");
	assert_int_equal(ask(r, METHOD_GET, "/api/v1/sessions"), 200);
	assert_says(r, "Log in");
	assert_answer(&folder, "SELECT count(*) FROM sessions WHERE ended_us IS NULL", "1");
}

static void test_not_understood(void **state)
{
	static const char *const targets[] = {
		"/api/v1/sessions",
		"/api/v1/sessions?",
		"/api/v1/sessions?name=",
		"/api/v1/sessions?name=a&name=b",
		"/api/v1/sessions?nam=a",
		"/api/v1/sessions?name=a&x=1",
		"/api/v1/sessions?name=a%0Ab",
		"/api/v1/sessions?name=a%1Bb",
		"/api/v1/sessions?name=a%00b",
		"/api/v1/sessions?name=%FF",
		"/api/v1/sessions?name=%E2%80%AEabc",
		"/api/v1/sessions/end?name=a",
	};
	struct rig *r = *state;
	char target[400];

	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		if (ask(r, METHOD_POST, targets[i]) != 400)
			fail_msg("%s: %d", targets[i], r->reply->head->status);
		assert_true(str_istarts(fields_value(&r->reply->head->fields, STR("Content-Type")), STR("text/plain")));
		assert_says(r, "400: ");
	}
	snprintf(target, sizeof(target), "/api/v1/sessions?name=%0256d", 1);
	assert_int_equal(ask(r, METHOD_POST, target), 400);
	target[strlen(target) - 1] = '\0';
	assert_int_equal(ask(r, METHOD_POST, target), 201);
	assert_answer(&folder, "SELECT count(*) || ' ' || max(length(name)) FROM sessions", "2 255");
}

static void test_who_may(void **state)
{
	struct rig *r = *state;

	assert_int_equal(ask_with(r, METHOD_GET, "/api/v1/sessions", NULL), 401);
	assert_int_equal(ask_with(r, METHOD_POST, "/api/v1/sessions?name=x", NULL), 401);
	assert_int_equal(ask_with(r, METHOD_POST, "/api/v1/sessions?name=x&token=" TOKEN, NULL), 401);
	assert_int_equal(ask_with(r, METHOD_POST, "/api/v1/sessions/end", "Bearer wrong"), 401);
	assert_int_equal(ask(r, METHOD_DELETE, "/api/v1/sessions"), 405);
	assert_true(str_eq(fields_value(&r->reply->head->fields, STR("Allow")), STR("GET, HEAD, POST")));
	assert_int_equal(ask(r, METHOD_GET, "/api/v1/sessions/end"), 405);
	assert_true(str_eq(fields_value(&r->reply->head->fields, STR("Allow")), STR("POST")));
	assert_int_equal(ask(r, METHOD_POST, "/api/v1/status"), 405);
	assert_answer(&folder, "SELECT count(*) FROM sessions", "1");
}

static void test_no_database(void **state)
{
	struct rig *r = *state;
	struct store_options o = {.max_flows = 1000};
	struct store *store = r->store;
	char why[WHY_BYTES] = "";

	r->is_off = true;
	r->store = store_start(&o, why, sizeof(why));
	assert_non_null(r->store);
	assert_int_equal(ask(r, METHOD_GET, "/api/v1/sessions"), 503);
	assert_says(r, "503: flows are not kept (capture.enabled)\n");
	assert_int_equal(ask(r, METHOD_POST, "/api/v1/sessions?name=x"), 503);
	assert_says(r, "503: flows are not kept (capture.enabled)\n");
	store_stop(r->store);
	r->store = store;
}

#define SESSIONS_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SESSIONS_TEST(test_list),
		SESSIONS_TEST(test_begin),
		SESSIONS_TEST(test_not_understood),
		SESSIONS_TEST(test_who_may),
		SESSIONS_TEST(test_no_database),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
