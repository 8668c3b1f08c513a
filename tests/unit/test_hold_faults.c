/* hold.h while the backend fails: what is held and what is cut, when it is tried again, when it is opened anew. */
#include "hold_rig.h"

/* While it fails nothing weighs on the workers; memory is flat; what was there before is written when it works again. */
static void test_failing_cuts_bodies(void **state)
{
	struct bench *b = *state;
	size_t held;

	add_flow(b, 1000);
	assert_true(backlog_bytes(&b->backlog) > 1000);
	b->fake.fault = FAULT_LATER;
	pass(b, 200 * MS);
	assert_int_equal(backlog_bytes(&b->backlog), 0);
	assert_true(count(&b->counts.held_bytes) > 1000);
	for (int i = 0; i < 100; i++)
		add_piece(b, 500, (uint64_t)i * BODY_PART_BYTES, BODY_PART_BYTES);
	held = b->hold.bytes;
	assert_true(held > MEMORY / 4 && held <= MEMORY / 2);
	assert_int_equal(count(&b->backlog.bodies_cut_store), 1);
	for (int i = 0; i < 100; i++)
		add_flow(b, BODY_PART_BYTES);
	assert_int_equal(count(&b->backlog.bodies_cut_store), 101);
	assert_true(b->hold.bytes < held + 100 * 4096);
	assert_int_equal(backlog_bytes(&b->backlog), 0);
	assert_true(hold_has_room(&b->hold));

	b->fake.fault = FAULT_NONE;
	pass(b, 300 * MS);
	assert_int_equal(b->hold.n, 0);
	assert_int_equal(count(&b->counts.written), 101);
	assert_int_equal(count(&b->counts.lost), 0);
	assert_int_equal(count(&b->counts.held_bytes), 0);
	assert_int_equal(b->fake.cut_parts, 101); /* of the long one the first piece that is missing */
	assert_in_range(b->fake.whole_parts, 1 + MEMORY / 2 / BODY_PART_BYTES - 2, 1 + MEMORY / 2 / BODY_PART_BYTES);
}

static void test_failing_loses_beyond_bounds(void **state)
{
	struct bench *b = *state;

	b->fake.fault = FAULT_LATER;
	add_flow(b, 0);
	pass(b, 200 * MS);
	for (int i = 0; i < STORE_HELD_MAX; i++)
		add_flow(b, 0);
	assert_int_equal(b->hold.n, STORE_HELD_MAX);
	assert_int_equal(count(&b->counts.lost), 1);
	b->fake.fault = FAULT_NONE;
	pass(b, 300 * MS);
	assert_int_equal(count(&b->counts.written), STORE_HELD_MAX);
	assert_int_equal(count(&b->counts.lost), 1);
}

/* By weight too: heads can be long. */
static void test_failing_bytes_are_bounded(void **state)
{
	enum { HEAD_BYTES = 64 * 1024, MANY = 2 * STORE_HELD_BYTES / HEAD_BYTES };
	static char value[HEAD_BYTES];
	struct bench *b = *state;
	struct field field = {STR("X-Long"), {value, sizeof(value)}};
	struct message m = {.is_request = true, .fields = {&field, 1, 1}};

	memset(value, 'v', sizeof(value));
	b->fake.fault = FAULT_LATER;
	add_flow(b, 0);
	pass(b, 200 * MS);
	for (int i = 0; i < MANY; i++) {
		struct exchange_facts x = {.id = b->next_id++, .outcome = OUTCOME_DELIVERED, .request = &m};

		hold_add(&b->hold, record_new(&x), b->now_us);
	}
	assert_true(b->hold.bytes <= STORE_HELD_BYTES);
	assert_true(b->hold.bytes > STORE_HELD_BYTES * 9 / 10);
	assert_true(count(&b->counts.lost) > MANY / 3);
}

/* Ever more seldom, and now and then with the file opened anew. */
static void test_backoff(void **state)
{
	struct bench *b = *state;
	int64_t last_us = 0, gap_us = 0;

	b->fake.fault = FAULT_LATER;
	add_flow(b, 0);
	pass(b, 200 * MS);
	for (int i = 0; i < 10; i++) {
		int64_t due_us = hold_due_us(&b->hold);

		assert_true(due_us - b->now_us >= gap_us || gap_us > 10 * S);
		gap_us = due_us - b->now_us;
		assert_true(gap_us <= 20 * S);
		pass(b, gap_us);
		assert_true(b->now_us > last_us);
		last_us = b->now_us;
	}
	assert_int_equal(count(&b->counts.errors), 11);
	assert_int_equal(b->fake.renewals, 2);
	assert_int_equal(b->fake.damaged, 0);
	b->fake.fault = FAULT_NONE;
	pass(b, 20 * S);
	assert_int_equal(count(&b->counts.written), 1);
}

/* A damaged file is replaced at once, and what was to be written is written to the new one. */
static void test_damaged(void **state)
{
	struct bench *b = *state;

	b->fake.fault = FAULT_DAMAGED;
	b->fake.mends = true;
	add_flow(b, 0);
	pass(b, 200 * MS);
	assert_int_equal(b->fake.damaged, 1);
	assert_int_equal(count(&b->counts.written), 1);
	assert_int_equal(count(&b->counts.errors), 1);
	assert_true(hold_due_us(&b->hold) >= b->now_us + 1 * S || b->hold.has_excess);
}

/* Where whatever is written is damaged, the folder is not filled with files. */
static void test_damaged_again_and_again(void **state)
{
	struct bench *b = *state;

	b->fake.fault = FAULT_DAMAGED;
	add_flow(b, 0);
	for (int s = 0; s < 300; s++)
		pass(b, 1 * S);
	assert_true(b->fake.damaged >= 3 && b->fake.damaged <= 6);
	assert_int_equal(count(&b->counts.written), 0);
	b->fake.fault = FAULT_NONE;
	pass(b, 20 * S);
	assert_int_equal(count(&b->counts.written), 1);
}

/* A renewal that was due to damage stays one until it succeeds. */
static void test_damaged_cannot_renew(void **state)
{
	struct bench *b = *state;

	b->fake.fault = FAULT_DAMAGED;
	b->fake.mends = true;
	b->fake.can_renew = false;
	add_flow(b, 0);
	pass(b, 200 * MS);
	pass(b, 1 * S);
	assert_int_equal(b->fake.damaged, 2);
	assert_int_equal(count(&b->counts.written), 0);
	b->fake.can_renew = true;
	pass(b, 20 * S);
	assert_int_equal(b->fake.damaged, 3);
	assert_int_equal(count(&b->counts.written), 1);
}

/* Looked at about once a second, before something is written. */
static void test_moved(void **state)
{
	struct bench *b = *state;
	size_t looks = b->fake.looks;

	for (int i = 0; i < 30; i++) {
		add_flow(b, 0);
		pass(b, 200 * MS);
	}
	assert_true(b->fake.looks - looks >= 5 && b->fake.looks - looks <= 7);
	b->fake.place = PLACE_MOVED;
	add_flow(b, 0);
	pass(b, 1 * S);
	assert_int_equal(b->fake.renewals, 1);
	assert_int_equal(b->fake.damaged, 0);
	assert_int_equal(count(&b->counts.errors), 0);
	assert_int_equal(count(&b->counts.written), 31);
}

/* What was written is not there any more: what comes goes into a new one. */
static void test_cut_off(void **state)
{
	struct bench *b = *state;

	b->fake.place = PLACE_DAMAGED;
	add_flow(b, 0);
	pass(b, 1 * S);
	assert_int_equal(b->fake.damaged, 1);
	assert_int_equal(count(&b->counts.errors), 1);
	assert_int_equal(count(&b->counts.written), 1);
}

/* Where a new file has not what was stored of bodies in flight, that is counted, once. */
static void test_lost_bodies_are_counted(void **state)
{
	struct bench *b = *state;

	b->fake.base.bodies_lost = 3;
	for (int i = 0; i < 2; i++) {
		b->fake.place = PLACE_MOVED;
		add_flow(b, 0);
		pass(b, 1 * S);
	}
	assert_int_equal(b->fake.renewals, 2);
	assert_int_equal(count(&b->backlog.bodies_cut_store), 3);
}

/* What comes is written all the same, at once; deleting is tried again, ever more seldom, and the thread sleeps meanwhile. */
static void test_prune_alone_fails(void **state)
{
	struct bench *b = *state;

	b->fake.prune_fault = FAULT_LATER;
	for (int i = 0; i < 100; i++) {
		add_flow(b, 0);
		pass(b, 200 * MS);
		assert_int_equal(b->hold.n, 0);
		assert_int_equal(b->hold.retry_us, 0);
		assert_true(hold_due_us(&b->hold) > b->now_us);
	}
	assert_int_equal(b->fake.batches, 100);
	assert_int_equal(b->fake.renewals, 0);
	assert_in_range(count(&b->counts.errors), 4, 8);
	b->fake.prune_fault = FAULT_NONE;
	b->fake.prunes = 0;
	pass(b, 20 * S);
	assert_int_equal(b->fake.prunes, 1);
	assert_int_equal(hold_due_us(&b->hold), INT64_MAX);
}

/* The same where flows are too old. */
static void test_prune_by_age_alone_fails(void **state)
{
	struct bench *b = *state;
	struct hold_limits limits = {.max_flows = 1000, .memory = MEMORY, .max_age_us = 60 * INT64_C(1000000)};

	hold_set_limits(&b->hold, &limits);
	pass(b, 1 * S);
	b->fake.prune_fault = FAULT_LATER;
	pass(b, 60 * S);
	assert_int_equal(count(&b->counts.errors), 1);
	assert_true(hold_due_us(&b->hold) > b->now_us);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HOLD_TEST(test_cut_off),
		HOLD_TEST(test_lost_bodies_are_counted),
		HOLD_TEST(test_prune_alone_fails),
		HOLD_TEST(test_prune_by_age_alone_fails),
		HOLD_TEST(test_failing_cuts_bodies),
		HOLD_TEST(test_failing_loses_beyond_bounds),
		HOLD_TEST(test_failing_bytes_are_bounded),
		HOLD_TEST(test_backoff),
		HOLD_TEST(test_damaged),
		HOLD_TEST(test_damaged_again_and_again),
		HOLD_TEST(test_damaged_cannot_renew),
		HOLD_TEST(test_moved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
