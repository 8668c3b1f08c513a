/* What leaves, in which order, how much at a time, and what must stay. */
#include "base/clock.h"
#include "body_rig.h"
#include "store/sqlite_prune.h"

enum { BODY = 200000, MANY = 1000 };

static char body[BODY];

static int64_t ended(struct body_rig *r)
{
	return rig_number(r, "SELECT count(*) FROM exchanges WHERE outcome <> 'pending'");
}

static struct sqlite_prune_end step(struct body_rig *r, const struct backend_limits *limits, size_t limit)
{
	struct sqlite_prune_needs needs = {.limits = limits, .limit = limit, .ended_n = ended(r)};
	struct sqlite_prune_end end;

	assert_int_equal(sqlite_prune(r->pruner, &needs, &end), SQLITE_OK);
	assert_int_equal(ended(r), needs.ended_n - end.deleted);
	if (end.first_kept != 0)
		body_book_pruned(r->book, end.first_kept);
	return end;
}

static void prune(struct body_rig *r, const struct backend_limits *limits)
{
	for (int i = 0; i < 10000 && step(r, limits, MANY).has_more; i++)
		;
	assert_false(step(r, limits, MANY).has_more);
}

/* Flows with an id each from first to last, with a small body of their own. */
static void add(struct body_rig *r, uint64_t first, uint64_t last)
{
	char small[64];

	rig_begin(r);
	for (uint64_t id = first; id <= last; id++) {
		rig_take(r, id, parts_of(make_text(small, sizeof(small), (unsigned)id), 0, sizeof(small), sizeof(small), 1),
			true);
		rig_flow(r, id, true);
	}
	rig_commit(r);
}

static void test_nothing(void **state)
{
	struct body_rig *r = *state;
	struct backend_limits limits = {.max_flows = 10, .max_bytes = INT64_C(1) << 30};
	struct sqlite_prune_end end = step(r, &limits, MANY);

	assert_false(end.has_more);
	add(r, 1, 10);
	end = step(r, &limits, MANY);
	assert_int_equal(end.deleted, 0);
	assert_int_equal(end.first_kept, 0);
	assert_false(end.has_more);
}

static void test_count(void **state)
{
	struct body_rig *r = *state;
	struct backend_limits limits = {.max_flows = 70};
	struct sqlite_prune_end end;

	add(r, 1, 300);
	rig_exec(r,
		"INSERT INTO drops VALUES (30, 1, 1, 'Cookie', ''), (299, 1, 1, 'Cookie', '');"
		"INSERT INTO cookies VALUES (30, 1, 1, 'sid', '', ''), (299, 1, 1, 'sid', '', '');"
		"INSERT INTO tunnels (exchange_id, up_bytes, down_bytes) VALUES (30, 0, 0), (299, 0, 0)");
	end = step(r, &limits, 100);
	assert_true(end.deleted >= 64 && end.deleted <= 164);
	assert_true(end.has_more);
	assert_int_equal(end.first_kept, end.deleted + 1);
	prune(r, &limits);
	assert_int_equal(rig_number(r, "SELECT min(id) FROM exchanges"), 231);
	assert_int_equal(rig_number(r, "SELECT min(exchange_id) FROM hops"), 231);
	assert_int_equal(rig_number(r, "SELECT count(*) FROM bodies"), 70);
	assert_int_equal(rig_number(r, "SELECT count(*) FROM bodies WHERE id NOT IN (SELECT response_body_id FROM hops)"), 0);
	assert_int_equal(rig_number(r,
				 "SELECT (SELECT sum(exchange_id) FROM drops) + (SELECT sum(exchange_id) FROM cookies)"
				 " + (SELECT sum(exchange_id) FROM tunnels)"),
		3 * 299);
}

static void test_age(void **state)
{
	struct body_rig *r = *state;
	struct backend_limits limits = {.max_flows = MANY, .oldest_start_us = 21 * 1000000};

	add(r, 1, 30);
	prune(r, &limits);
	assert_int_equal(rig_number(r, "SELECT min(id) FROM exchanges"), 21);
}

/* Of what was imported the day of the import counts, before and behind it that of each flow. */
static void test_age_of_imports(void **state)
{
	struct body_rig *r = *state;
	struct backend_limits limits = {.max_flows = MANY, .oldest_start_us = 21 * 1000000};

	rig_exec(r,
		"INSERT INTO sessions (id, run, name, started_us, is_import) VALUES (1, 1, 'a', 0, 0),"
		" (2, 1, 'b', 22000000, 1)");
	add(r, 1, 30);
	rig_exec(r, "UPDATE exchanges SET session_id = iif(id BETWEEN 10 AND 12, 2, 1)");
	prune(r, &limits);
	assert_int_equal(rig_number(r, "SELECT min(id) FROM exchanges"), 10);
	limits.oldest_start_us = 25 * 1000000;
	prune(r, &limits);
	assert_int_equal(rig_number(r, "SELECT min(id) FROM exchanges"), 25);
}

/* What is in flight stays, with its body and the lines of its heads; it leaves when it has ended. */
static void test_in_flight(void **state)
{
	struct body_rig *r = *state;
	struct backend_limits limits = {.max_flows = 0};
	struct body_ref ref = rig_put(r, 1, part(NULL, 1, BODY_DOWN, 0, STR("so far"), CUT_NONE), false);

	rig_exec(r,
		"INSERT INTO head_fields (id, name, value, used_until) VALUES (1, 'A', 'a', 1), (2, 'B', 'b', 1),"
		" (3, 'C', 'c', 1), (4, 'D', 'd', 1), (5, 'E', 'e', 1);"
		"UPDATE exchanges SET request_fields = '[1,[\"X\",\"5\"]]', response_trailers = '[2]';"
		"UPDATE hops SET response_fields = '[[\"Y\",\"\"],3]', request_fields = 'damaged'");
	add(r, 2, 100);
	prune(r, &limits);
	assert_int_equal(rig_number(r, "SELECT sum(id) FROM exchanges"), 1);
	assert_int_equal(rig_number(r, "SELECT count(*) FROM hops"), 1);
	assert_int_equal(rig_number(r, "SELECT sum(id) FROM head_fields"), 1 + 2 + 3);
	assert_body(r, ref.id, STR("so far"));
	ref = rig_put(r, 1, part(NULL, 1, BODY_DOWN, 6, STR(" good"), CUT_NONE), true);
	assert_body(r, ref.id, STR("so far good"));
	prune(r, &limits);
	assert_int_equal(rig_number(r, "SELECT (SELECT count(*) FROM exchanges) + (SELECT count(*) FROM bodies)"), 0);
	assert_int_equal(rig_number(r, "SELECT (SELECT count(*) FROM head_fields) + (SELECT count(*) FROM body_pieces)"), 0);
}

/* A body that is shared leaves after the last flow that refers to it. */
static void test_shared(void **state)
{
	struct body_rig *r = *state;
	struct backend_limits limits = {.max_flows = 2};
	struct str text = make_text(body, 1000, 1);
	int64_t id = rig_put_whole(r, 1, text).id;

	add(r, 2, 3);
	assert_int_equal(rig_put_whole(r, 4, text).id, id);
	prune(r, &limits);
	assert_body(r, id, text);
	limits.max_flows = 0;
	prune(r, &limits);
	assert_int_equal(rig_number(r, "SELECT count(*) FROM bodies"), 0);
	assert_int_not_equal(rig_put_whole(r, 5, text).id, 0);
	assert_body(r, rig_put_whole(r, 6, text).id, text);
}

/* A late flow finds a body that is about to be deleted, and keeps it. */
static void test_late(void **state)
{
	struct body_rig *r = *state;
	struct backend_limits limits = {.max_flows = 0};
	struct str noise = make_noise(body, 20000, 1);
	int64_t id;

	(void)rig_put(r, 1, part(NULL, 1, BODY_UP, 0, STR("slow"), CUT_NONE), false);
	id = rig_put_whole(r, 50, noise).id;
	rig_exec(r, "DELETE FROM exchanges WHERE id = 50; DELETE FROM hops WHERE exchange_id = 50");
	assert_int_equal(rig_put(r, 1, parts_of(noise, 0, noise.len, noise.len, 1), true).id, id);
	add(r, 100, 200);
	limits.max_flows = 102;
	prune(r, &limits);
	assert_body(r, id, noise);
	limits.max_flows = 101;
	prune(r, &limits);
	assert_int_equal(rig_number(r, "SELECT min(id) FROM exchanges"), 100);
	assert_int_equal(rig_number(r, "SELECT count(*) FROM bodies WHERE bytes = 20000"), 0);
}

/* The file stays within its bound while bodies are written; when that is lowered, it shrinks. */
static void test_bytes(void **state)
{
	struct body_rig *r = *state;
	struct backend_limits limits = {.max_flows = 1000000, .max_bytes = 4 << 20};
	int64_t file = 0;

	for (uint64_t id = 1; id <= 100; id++) {
		(void)rig_put_whole(r, id, make_noise(body, sizeof(body), id));
		(void)step(r, &limits, MANY);
		file = rig_number(r, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size");
		assert_true(file <= limits.max_bytes + 2 * BODY);
	}
	assert_true(file >= limits.max_bytes / 2);
	assert_body(r, rig_number(r, "SELECT response_body_id FROM hops WHERE exchange_id = 100"),
		make_noise(body, sizeof(body), 100));
	limits.max_bytes = 2 << 20;
	prune(r, &limits);
	file = rig_number(r, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size");
	assert_true(file <= limits.max_bytes);
	assert_true(ended(r) > 2);
	assert_answer(&r->folder, "PRAGMA integrity_check", "ok");
}

/* Where a limit cannot be kept, since all is in flight, it is not tried for ever. */
static void test_nothing_to_gain(void **state)
{
	struct body_rig *r = *state;
	struct backend_limits limits = {.max_flows = MANY, .max_bytes = 1};
	struct str noise = make_noise(body, sizeof(body), 1);

	(void)rig_put(r, 1, parts_of(noise, 0, noise.len, BODY_PART_BYTES, 1), false);
	prune(r, &limits);
	assert_int_equal(rig_number(r, "SELECT count(*) FROM exchanges"), 1);
}

/* Where bodies in flight take more than there may be, the history is not given up for them; when they have ended, they count. */
static void test_history_stays(void **state)
{
	enum { LONG = 8 << 20 };
	struct body_rig *r = *state;
	struct backend_limits limits = {.max_flows = MANY, .max_bytes = 4 << 20};
	char *bytes = mem_alloc(LONG);
	struct str noise = make_noise(bytes, LONG, 1);

	add(r, 1, 300);
	(void)rig_put(r, 301, parts_of(noise, 0, noise.len / 2, BODY_PART_BYTES, 1), false);
	prune(r, &limits);
	(void)rig_put(r, 301, parts_of(noise, noise.len / 2, noise.len, 20000, 1), false);
	prune(r, &limits);
	assert_int_equal(ended(r), 300);
	(void)rig_put(r, 301, NULL, true);
	prune(r, &limits);
	assert_true(rig_number(r, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size") <=
		limits.max_bytes);
	mem_free(bytes);
}

/* But what can be had by it is: bodies in flight drive the history out, down to a part of it. */
static void test_history_makes_room(void **state)
{
	struct body_rig *r = *state;
	struct backend_limits limits = {.max_flows = MANY, .max_bytes = 4 << 20};

	for (uint64_t id = 1; id <= 18; id++)
		(void)rig_put_whole(r, id, make_noise(body, sizeof(body), id));
	prune(r, &limits);
	assert_in_range(ended(r), 15, 18);
	for (uint64_t id = 19; id <= 40; id++) {
		(void)rig_put(r, id, parts_of(make_noise(body, sizeof(body), id), 0, sizeof(body), BODY_PART_BYTES, 1), false);
		prune(r, &limits);
	}
	assert_in_range(ended(r), 3, 6);
}

/* A body that takes more than a step: nothing comes to refer to what is left of it. */
static void test_long_body(void **state)
{
	enum { LONG = 64 * 1024 * 1024 };
	struct body_rig *r = *state;
	struct backend_limits limits = {.max_flows = 0};
	char *bytes = mem_alloc(LONG);
	struct str noise = make_noise(bytes, LONG, 1);
	int steps = 0;

	(void)rig_put(r, 1, parts_of(noise, 0, noise.len, BODY_PART_BYTES, 1), true);
	rig_exec(r, "PRAGMA secure_delete = ON"); /* which takes its time */
	while (step(r, &limits, MANY).has_more && steps++ < 1000) {
		assert_int_equal(rig_number(r, "SELECT count(*) FROM bodies WHERE sha256 IS NOT NULL"), 0);
		assert_int_equal(rig_number(r, "SELECT count(*) FROM bodies"), 1);
	}
	assert_true(steps > 0 && steps < 1000);
	assert_int_equal(rig_number(r, "SELECT (SELECT count(*) FROM bodies) + (SELECT count(*) FROM body_pieces)"), 0);
	mem_free(bytes);
}

/* A step that fails changes nothing, and says so. */
static void test_failure(void **state)
{
	struct body_rig *r = *state;
	struct backend_limits limits = {.max_flows = 0};
	struct sqlite_prune_needs needs = {.limits = &limits, .limit = MANY, .ended_n = 10};
	struct sqlite_prune_end end = {.deleted = -1};

	add(r, 1, 10);
	rig_exec(r, "CREATE TRIGGER no BEFORE DELETE ON bodies BEGIN SELECT raise(ABORT, 'no'); END");
	assert_int_equal(sqlite_prune(r->pruner, &needs, &end) & 0xff, SQLITE_CONSTRAINT);
	assert_int_equal(end.deleted, -1);
	assert_string_equal(sqlite3_errmsg(r->db), "no");
	assert_int_equal(sqlite3_errcode(r->db) & 0xff, SQLITE_CONSTRAINT);
	assert_true(sqlite3_get_autocommit(r->db));
	assert_int_equal(rig_number(r, "SELECT (SELECT count(*) FROM exchanges) + (SELECT count(*) FROM hops)"), 20);
	rig_exec(r, "DROP TRIGGER no");
	prune(r, &limits);
	assert_int_equal(rig_number(r, "SELECT count(*) FROM bodies"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {BODY_TEST(test_nothing), BODY_TEST(test_count), BODY_TEST(test_age),
		BODY_TEST(test_age_of_imports), BODY_TEST(test_in_flight), BODY_TEST(test_shared), BODY_TEST(test_late),
		BODY_TEST(test_bytes), BODY_TEST(test_nothing_to_gain), BODY_TEST(test_history_stays),
		BODY_TEST(test_history_makes_room), BODY_TEST(test_long_body), BODY_TEST(test_failure)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
