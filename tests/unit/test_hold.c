/* hold.h while the backend works: batches, sessions, when old flows are looked for. */
#include "hold_rig.h"

/* A batch is due by its age, by its records or by its bytes, and never larger than that. */
static void test_batches(void **state)
{
	struct bench *b = *state;

	add_flow(b, 0);
	pass(b, 199 * MS);
	assert_int_equal(b->fake.batches, 0);
	pass(b, 1 * MS);
	assert_int_equal(b->fake.batches, 1);
	for (int i = 0; i < STORE_BATCH_RECORDS; i++) {
		assert_true(hold_has_room(&b->hold));
		add_flow(b, 0);
	}
	assert_false(hold_has_room(&b->hold));
	pass(b, 0);
	assert_int_equal(b->fake.batches, 2);
	assert_int_equal(b->fake.last_n, STORE_BATCH_RECORDS);
}

static void test_batch_ends_by_bytes(void **state)
{
	struct bench *b = *state;
	size_t pieces = 0, batch;

	for (; hold_has_room(&b->hold); pieces++)
		add_piece(b, 1, pieces * BODY_PART_BYTES, BODY_PART_BYTES);
	batch = pieces;
	assert_in_range(batch, STORE_BATCH_BYTES / BODY_PART_BYTES - 4, STORE_BATCH_BYTES / BODY_PART_BYTES);
	for (; pieces < batch * 3 / 2; pieces++)
		add_piece(b, 1, pieces * BODY_PART_BYTES, BODY_PART_BYTES);
	pass(b, 0);
	assert_int_equal(b->fake.batches, 1);
	assert_int_equal(b->fake.last_n, batch);
	assert_true(hold_has_room(&b->hold));
	pass(b, 200 * MS);
	assert_int_equal(b->fake.records, pieces);
	assert_int_equal(count(&b->counts.written), 0); /* pieces are no flows */
	assert_int_equal(b->fake.cut_parts, 0);
	assert_int_equal(backlog_bytes(&b->backlog), 0);
}

/* Old flows are looked for without traffic, twice a minute. */
static void test_age_strikes_when_idle(void **state)
{
	struct bench *b = *state;
	struct hold_limits limits = {.max_flows = 1000, .max_bytes = 5, .max_age_us = 60 * S, .memory = MEMORY};
	size_t prunes;
	int64_t oldest_us;

	assert_int_equal(hold_due_us(&b->hold), INT64_MAX);
	hold_set_limits(&b->hold, &limits);
	assert_true(hold_due_us(&b->hold) <= b->now_us);
	pass(b, 0);
	oldest_us = clock_wall_us() - 60 * S;
	assert_true(b->fake.limits.oldest_start_us <= oldest_us && b->fake.limits.oldest_start_us > oldest_us - 10 * S);
	assert_int_equal(b->fake.limits.max_bytes, 5);
	prunes = b->fake.prunes;
	for (int i = 0; i < 10; i++) {
		assert_true(hold_due_us(&b->hold) <= b->now_us + 60 * S);
		pass(b, hold_due_us(&b->hold) - b->now_us);
	}
	assert_int_equal(b->fake.prunes, prunes + 10);
}

/* Goes on while there is more to do; how many steps fit beside the batches is for the clock to say. */
static void test_prunes_in_steps(void **state)
{
	struct bench *b = *state;
	size_t prunes = b->fake.prunes;

	b->fake.has_more = true;
	add_flow(b, 0);
	pass(b, 200 * MS);
	for (int i = 0; i < 5; i++) {
		assert_true(b->fake.prunes > prunes);
		prunes = b->fake.prunes;
		assert_int_equal(hold_due_us(&b->hold), 0);
		pass(b, 0);
	}
	prunes = b->fake.prunes;
	b->fake.has_more = false;
	pass(b, 0);
	assert_int_equal(b->fake.prunes, prunes + 1);
	assert_int_equal(hold_due_us(&b->hold), INT64_MAX);
}

/* A step that failed is tried again, also where nothing is to be written. */
static void test_prune_fails(void **state)
{
	struct bench *b = *state;

	b->hold.has_excess = true;
	b->fake.fault = FAULT_LATER;
	pass(b, 0);
	assert_int_equal(count(&b->counts.errors), 1);
	assert_true(hold_due_us(&b->hold) > b->now_us);
	b->fake.fault = FAULT_NONE;
	pass(b, 300 * MS);
	assert_int_equal(b->hold.retry_us, 0);
	assert_int_equal(hold_due_us(&b->hold), INT64_MAX);
}

/* What has come belongs to the session before. */
static void test_session(void **state)
{
	struct bench *b = *state;
	int64_t id = 0;
	char why[128] = "";

	add_flow(b, 0);
	assert_true(hold_begin_session(&b->hold, b->now_us, STR("x"), false, STR_NONE, &id, why, sizeof(why)));
	assert_int_equal(id, 1);
	assert_int_equal(b->fake.records, 1);
	b->fake.fault = FAULT_LATER;
	assert_false(hold_begin_session(&b->hold, b->now_us, STR("x"), false, STR_NONE, &id, why, sizeof(why)));
	assert_string_equal(why, "told to");
	add_flow(b, 0);
	assert_false(hold_begin_session(&b->hold, b->now_us, STR("x"), false, STR_NONE, &id, why, sizeof(why)));
	assert_string_equal(why, "the flow database cannot be written at the moment");
	assert_int_equal(id, 1);
	b->fake.fault = FAULT_NONE;
	pass(b, 20 * S);
	assert_true(hold_begin_session(&b->hold, b->now_us, STR("x"), false, STR_NONE, &id, why, sizeof(why)));
	assert_int_equal(id, 2);
}

static void test_no_backend(void **state)
{
	struct bench *b = *state;
	struct hold hold;
	struct hold_limits limits = {.max_flows = 1, .max_age_us = 1};
	struct exchange_facts x = {.id = 1, .outcome = OUTCOME_DELIVERED};
	struct record *r = record_new(&x);
	int64_t id;
	char why[128] = "";

	hold_init(&hold, NULL, &b->backlog, &b->counts, &limits);
	record_weigh(r, &b->backlog);
	hold_add(&hold, r, b->now_us);
	assert_int_equal(backlog_bytes(&b->backlog), 0);
	hold_work(&hold, b->now_us, true);
	assert_int_equal(hold_due_us(&hold), INT64_MAX);
	assert_false(hold_begin_session(&hold, b->now_us, STR("x"), false, STR_NONE, &id, why, sizeof(why)));
	assert_string_equal(why, "flows are not kept (capture.enabled)");
	hold_fini(&hold);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HOLD_TEST(test_batches),
		HOLD_TEST(test_batch_ends_by_bytes),
		HOLD_TEST(test_age_strikes_when_idle),
		HOLD_TEST(test_prunes_in_steps),
		HOLD_TEST(test_prune_fails),
		HOLD_TEST(test_session),
		HOLD_TEST(test_no_backend),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
