/* admin/import.h behind the inspector's routes, into a store of its own. */
#include "admin/routes.h"
#include "heads.h"
#include "http/stream.h"
#include "store_run.h"

#include <stdlib.h>
#include <string.h>

#define TOKEN "00112233445566778899aabbccddeeff"
#define HOST "Host: localhost:8081\n"
#define BEARER "Authorization: Bearer " TOKEN "\n"

enum { MAX_FLOWS = 1000000, PATH_BYTES = 256, TEXT_BYTES = 4096 };

struct rig {
	struct arena *arena;
	struct bufpool *pool;
	struct store *store;
	struct shared shared;
	struct importer *importer;
	struct address here;
	char file[PATH_BYTES];
	char text[TEXT_BYTES];
};

static void make_importer(struct rig *r, size_t backlog)
{
	struct importer_needs needs = {.store = r->store, .shared = &r->shared, .backlog_bytes = backlog};

	r->importer = importer_new(&needs);
	assert_non_null(r->importer);
}

static struct rig *rig_new(void)
{
	struct rig *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	assert_true(address_parse_listen(STR("127.0.0.1:8081"), &r->here));
	r->arena = arena_new(1 << 20);
	r->pool = bufpool_new(1 << 20);
	r->store = start(MAX_FLOWS);
	r->shared.next_flow_id = store_next_id(r->store);
	snprintf(r->file, sizeof(r->file), "%s/some.har", folder.path);
	return r;
}

static void rig_free(struct rig *r)
{
	importer_free(r->importer);
	store_stop(r->store);
	bufpool_free(r->pool);
	arena_free(r->arena);
	free(r);
}

/* The status of the answer; its body is in r->text. */
static int ask(struct rig *r, const char *method, const char *target, const char *fields)
{
	struct status status = {.version = "1", .proxy = STR("127.0.0.1:8080")};
	struct visit v = {
		.request = request_read(r->arena, method, target, fields),
		.here = &r->here,
		.token = TOKEN,
		.proxy = &r->here,
		.status = &status,
		.importer = r->importer,
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

static void write_file(const struct rig *r, const char *content)
{
	FILE *f = fopen(r->file, "w");

	assert_non_null(f);
	assert_true(fputs(content, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int begin(struct rig *r, const char *more)
{
	char target[2 * PATH_BYTES];

	snprintf(target, sizeof(target), "/api/v1/import?path=%s%s", r->file, more);
	return ask(r, "POST", target, HOST BEARER);
}

/* Until the import of that number has ended so. */
static void wait_state(struct rig *r, uint64_t id, enum import_state state)
{
	int64_t until_us = clock_mono_us() + GIVE_UP_MS * INT64_C(1000);
	struct import_progress p = {.state = IMPORT_RUNNING};

	while (p.state == IMPORT_RUNNING && clock_mono_us() < until_us) {
		assert_true(importer_progress(r->importer, id, &p));
		poll(NULL, 0, 1);
	}
	assert_int_equal(p.state, state);
}

#define ENTRY "{\"request\":{\"method\":\"GET\",\"url\":\"http://a.test/\"},\"response\":{\"status\":200}}"

static void test_whole(void **state)
{
	struct rig *r = rig_new();

	(void)state;
	make_importer(r, SIZE_MAX);
	write_file(r, "{\"log\":{\"creator\":{\"name\":\"t\"},\"entries\":[" ENTRY ",7," ENTRY "]}}");
	assert_int_equal(begin(r, "&name=by%20hand"), 202);
	assert_non_null(strstr(r->text, "{\"id\":1,\"state\":\""));
	wait_state(r, 1, IMPORT_DONE);
	assert_int_equal(ask(r, "GET", "/api/v1/import/1", HOST BEARER), 200);
	assert_non_null(strstr(r->text, "\"state\":\"done\",\"name\":\"by hand\",\"session_id\":2,"));
	assert_non_null(strstr(r->text, "\"flows\":2,\"left_out\":1,\"left_out_first\":[\"entry 2 at byte "));
	wait_written(r->store, 2);
	rig_free(r);
	assert_answer(&folder, "SELECT group_concat(id || ' ' || session_id) FROM exchanges", "1 2,2 2");
	assert_answer(&folder, "SELECT name || is_import || log_json FROM sessions WHERE id = 2",
		"by hand1{\"creator\":{\"name\":\"t\"}}");
}

static void test_failures(void **state)
{
	struct rig *r = rig_new();

	(void)state;
	make_importer(r, SIZE_MAX);
	assert_int_equal(begin(r, ""), 202);
	wait_state(r, 1, IMPORT_FAILED);
	assert_int_equal(ask(r, "GET", "/api/v1/import/1", HOST BEARER), 200);
	assert_non_null(strstr(r->text, "some.har: No such file or directory\"}"));
	write_file(r, "{\"log\":{\"entries\":[" ENTRY ",");
	assert_int_equal(begin(r, ""), 202);
	wait_state(r, 2, IMPORT_FAILED);
	assert_int_equal(ask(r, "GET", "/api/v1/import/2", HOST BEARER), 200);
	assert_non_null(strstr(r->text, "\"flows\":1,"));
	assert_int_equal(ask(r, "GET", "/api/v1/import/1", HOST BEARER), 404);
	rig_free(r);
}

/* While the store is behind nothing is pushed, no second one begins, and the end of the proxy ends it. */
static void test_waits_for_the_store(void **state)
{
	struct rig *r = rig_new();
	struct import_progress p;

	(void)state;
	atomic_store(&store_backlog(r->store)->bytes, 10);
	make_importer(r, 9);
	write_file(r, "{\"log\":{\"entries\":[" ENTRY "]}}");
	assert_int_equal(begin(r, ""), 202);
	do {
		assert_true(importer_progress(r->importer, 1, &p));
	} while (p.session_id == 0 && p.state == IMPORT_RUNNING);
	assert_int_equal(begin(r, ""), 409);
	assert_int_equal(ask(r, "GET", "/api/v1/import/1", HOST BEARER), 200);
	assert_non_null(strstr(r->text, "\"state\":\"running\""));
	assert_non_null(strstr(r->text, "\"flows\":0,"));
	rig_free(r);
	assert_answer(&folder, "SELECT count(*) FROM exchanges", "0");
}

static void test_guards(void **state)
{
	static const char *const bad[] = {
		"", "?", "?path=", "?path=some.har", "?name=x", "?path=/a&path=/b", "?path=/a&x=y", "?path=/a%00b"};
	struct rig *r = rig_new();
	char target[PATH_BYTES];

	(void)state;
	assert_int_equal(begin(r, ""), 503); /* no importer */
	make_importer(r, SIZE_MAX);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(target, sizeof(target), "/api/v1/import%s", bad[i]);
		assert_int_equal(ask(r, "POST", target, HOST BEARER), 400);
	}
	assert_int_equal(ask(r, "POST", "/api/v1/import?path=/a", HOST), 401);
	assert_int_equal(ask(r, "POST", "/api/v1/import?path=/a", HOST "Cookie: viaduct_token=" TOKEN "\n"), 403);
	assert_int_equal(ask(r, "GET", "/api/v1/import?path=/a", HOST BEARER), 405);
	assert_int_equal(ask(r, "POST", "/api/v1/import/1", HOST BEARER), 405);
	assert_int_equal(ask(r, "GET", "/api/v1/import/1", HOST), 401);
	assert_int_equal(ask(r, "GET", "/api/v1/import/1", HOST BEARER), 404);
	assert_int_equal(ask(r, "GET", "/api/v1/import/0", HOST BEARER), 404);
	assert_int_equal(ask(r, "GET", "/api/v1/import/", HOST BEARER), 404);
	rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failures, setup, teardown),
		cmocka_unit_test_setup_teardown(test_waits_for_the_store, setup, teardown),
		cmocka_unit_test_setup_teardown(test_guards, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
