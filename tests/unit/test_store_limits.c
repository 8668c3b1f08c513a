/* The limits of the store: by bytes and by age, while flows come and without them, and none of it at the cost of those that
 * come. */
#include "store_run.h"

enum { BODY_BYTES = 40000, LIMIT_BYTES = 32 << 20 };

static struct store *start_limited(int64_t max_bytes, int64_t max_age_us)
{
	struct store_options o = options(1000000);
	char why[WHY_BYTES] = "";
	struct store *s;

	o.max_bytes = max_bytes;
	o.max_age_us = max_age_us;
	s = store_start(&o, why, sizeof(why));
	assert_string_equal(why, "");
	assert_non_null(s);
	return s;
}

/* A flow that began then, with a body that is like no other and cannot be compressed; no body where bytes is 0. */
static void push_flow(struct ring *ring, uint64_t id, int64_t started_us, size_t bytes)
{
	struct flow_fixture f;
	struct body_part *p = body_part_new(2, BODY_DOWN, 0, bytes);
	struct record *r;
	uint64_t x = id * 0x9e3779b97f4a7c15u + 1;

	fixture_init(&f, id);
	f.x.started_us = started_us;
	r = record_new(&f.x);
	for (p->len = 0; p->len < bytes; p->len++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		p->bytes[p->len] = (char)x;
	}
	record_add_part(r, p);
	push_record(ring, r);
}

static uint64_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static bool is_small(const struct store_counts *c)
{
	return c->file_bytes > 0 && c->file_bytes <= LIMIT_BYTES;
}

static void test_bytes(void **state)
{
	enum { FLOWS = 3000 };
	struct store *s = start_limited(LIMIT_BYTES, 0);
	struct ring *ring = store_add_ring(s);
	struct store_counts counts;
	uint64_t largest = 0;

	(void)state;
	for (uint64_t id = 1; id <= FLOWS; id++) {
		push_flow(ring, id, clock_wall_us(), BODY_BYTES);
		if (id % 50 == 0 && size_of(folder.db) > largest)
			largest = size_of(folder.db);
	}
	wait_written(s, FLOWS);
	wait_counts(s, is_small);
	store_counts(s, &counts);
	assert_int_equal(counts.flows_lost, 0);
	assert_true(counts.pruned > FLOWS / 2);
	store_stop(s);
	assert_sound();
	assert_true(largest < LIMIT_BYTES + 2 * STORE_BATCH_BYTES);
	assert_true(size_of(folder.db) <= LIMIT_BYTES);
	/* The newest are there, with their bodies. */
	assert_answer(&folder, "SELECT max(id) FROM exchanges", "3000");
	assert_answer(&folder, "SELECT count(*) > 200 FROM exchanges", "1");
	assert_answer(&folder, "SELECT max(id) - min(id) + 1 = count(*) FROM exchanges", "1");
	assert_answer(&folder,
		"SELECT count(*) FROM hops LEFT JOIN bodies ON bodies.id = response_body_id"
		" WHERE number = 2 AND bodies.bytes IS NOT 40000",
		"0");
	assert_answer(&folder, "SELECT count(*) - (SELECT count(*) FROM exchanges) < 50 FROM bodies", "1");
}

static bool has_pruned(const struct store_counts *c)
{
	return c->pruned >= 100;
}

/* Those that are too old leave when they come in, and those that become so when they are looked for. */
static void test_age(void **state)
{
	struct store *s = start_limited(0, 3600 * INT64_C(1000000));
	struct ring *ring = store_add_ring(s);
	int64_t now_us = clock_wall_us();
	struct store_counts counts;

	(void)state;
	for (uint64_t id = 1; id <= 100; id++)
		push_flow(ring, id, now_us - 7200 * INT64_C(1000000), 0);
	for (uint64_t id = 101; id <= 150; id++)
		push_flow(ring, id, now_us, 0);
	wait_written(s, 150);
	wait_answer("SELECT min(id) || ' ' || count(*) FROM exchanges", "101 50");
	wait_counts(s, has_pruned);
	store_counts(s, &counts);
	assert_int_equal(counts.pruned, 100);
	store_stop(s);
}

/* A limit that is set while it runs. */
static void test_reload(void **state)
{
	struct store *s = start_limited(0, 0);
	struct ring *ring = store_add_ring(s);
	struct store_options fewer = options(1000000);

	(void)state;
	for (uint64_t id = 1; id <= 1200; id++)
		push_flow(ring, id, clock_wall_us(), BODY_BYTES);
	wait_written(s, 1200);
	assert_true(size_of(folder.db) > 0);
	fewer.max_bytes = LIMIT_BYTES;
	store_reload(s, &fewer);
	wait_counts(s, is_small);
	while (size_of(folder.db) > LIMIT_BYTES + LIMIT_BYTES / 8) /* or the test takes too long: the system gets it back */
		poll(NULL, 0, 10);
	assert_answer(&folder, "SELECT max(id) FROM exchanges", "1200");
	fewer.max_bytes = 0;
	fewer.max_age_us = 1;
	store_reload(s, &fewer);
	wait_answer("SELECT (SELECT count(*) FROM exchanges) + (SELECT count(*) FROM bodies)",
		"0"); /* bodies take steps of their own */
	store_stop(s);
	assert_sound();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_bytes),
		STORE_TEST(test_age),
		STORE_TEST(test_reload),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
