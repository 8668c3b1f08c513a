/* Uploads whose copy is not kept, is given up or is lost, and streams that break: the hop in progress gets what it can be given, and never
 * a wrong byte. */
#include "core/upload.h"

#include "upload_rig.h"

static void test_at_the_limit_the_copy_is_given_up(void **state)
{
	struct upload_rig r;

	(void)state;
	upload_rig_begin(&r);
	begin_hop(&r, 0);
	feed_through(&r, LIMIT);
	assert_true(upload_can_replay(&r.u));
	settle(&r);
	feed_through(&r, 1);
	assert_int_equal(r.u.copy, UPLOAD_TOO_LARGE);
	assert_false(upload_can_replay(&r.u));
	assert_null(r.u.file);
	assert_int_equal(r.u.memory.len, 0);
	/* From here on it is a pipe. */
	feed_through(&r, LIMIT);
	end_body(&r, &r.sinks[0]);
	upload_rig_down(&r);
}

/* Where the worker's memory is short, what comes goes to the file at once, and comes back from there. */
static void test_short_memory(void **state)
{
	struct upload_rig r;
	struct upload_needs needs;

	(void)state;
	upload_rig_up(&r);
	needs = upload_rig_needs(&r);
	needs.pool_limit = 1;
	upload_init(&r.u, &needs);
	begin_hop(&r, 0);
	feed_through(&r, 100000);
	assert_int_equal(r.u.memory.len, 0);
	assert_non_null(r.u.file);
	upload_stop(&r.u);
	begin_hop(&r, 1);
	r.d.in_end = true;
	RUN_UNTIL(&r, r.u.is_ended);
	expect_whole(&r, &r.sinks[1]);
	upload_rig_down(&r);
}

static void test_the_limit_is_passed_while_a_later_hop_is_live(void **state)
{
	struct upload_rig r;

	(void)state;
	upload_rig_begin(&r);
	begin_hop(&r, 0);
	feed_through(&r, 2000000);
	upload_stop(&r.u);
	begin_hop(&r, 1);
	feed_through(&r, LIMIT);
	assert_int_equal(r.u.copy, UPLOAD_TOO_LARGE);
	assert_null(r.u.file);
	end_body(&r, &r.sinks[1]);
	upload_rig_down(&r);
}

/* What is known to be of no use is not even begun; all the same another hop is possible as long as none has got anything. */
static void test_some_bodies_are_never_kept(void **state)
{
	for (int i = 0; i < 4; i++) {
		struct upload_rig r;
		struct upload_needs needs;

		(void)state;
		upload_rig_up(&r);
		needs = upload_rig_needs(&r);
		if (i < 2)
			r.d.framing = (struct framing){.kind = BODY_LENGTH, .length = i == 0 ? LIMIT + 1 : MEMORY_LIMIT + 1};
		if (i == 1)
			needs.spooler = NULL;
		if (i == 2)
			needs.limit = 0;
		if (i == 3) {
			needs.spooler = NULL;
			needs.memory_limit = 0;
		}
		upload_init(&r.u, &needs);
		assert_int_equal(r.u.copy, i == 2 ? UPLOAD_OFF : UPLOAD_TOO_LARGE);
		begin_hop(&r, 0);
		assert_true(upload_can_replay(&r.u));
		upload_stop(&r.u);
		begin_hop(&r, 1);
		feed_through(&r, MEMORY_LIMIT + 1);
		assert_int_equal(r.u.memory.len, 0);
		assert_null(r.u.file);
		assert_false(upload_can_replay(&r.u));
		end_body(&r, &r.sinks[1]);
		upload_rig_down(&r);
	}
}

static void test_a_declared_length_at_the_limit_is_kept(void **state)
{
	struct upload_rig r;

	(void)state;
	upload_rig_up(&r);
	r.d.framing = (struct framing){.kind = BODY_LENGTH, .length = LIMIT};
	upload_rig_init(&r);
	assert_int_equal(r.u.copy, UPLOAD_WHOLE);
	upload_rig_down(&r);
}

/* Forgotten while a later hop is still being sent what was kept, in memory and in the file. */
static void test_a_hop_gets_what_is_forgotten_meanwhile(void **state)
{
	struct upload_rig r;
	struct sink *k = &r.sinks[1];

	(void)state;
	upload_rig_begin(&r);
	begin_hop(&r, 0);
	feed_through(&r, 2000000);
	upload_stop(&r.u);
	k->room = 1000;
	begin_hop(&r, 1);
	upload_forget(&r.u);
	upload_forget(&r.u);
	assert_int_equal(r.u.copy, UPLOAD_OFF);
	assert_false(upload_can_replay(&r.u));
	k->room = SIZE_MAX;
	feed(&r, 1000000);
	RUN_UNTIL(&r, k->got.len == r.fed);
	/* Nothing needs the file any more. */
	assert_null(r.u.file);
	end_body(&r, k);
	upload_rig_down(&r);
}

static void test_what_nobody_is_being_sent_is_forgotten_at_once(void **state)
{
	struct upload_rig r;

	(void)state;
	upload_rig_begin(&r);
	begin_hop(&r, 0);
	feed_through(&r, 2000000);
	bufq_clear(&r.sinks[0].got);
	upload_forget(&r.u);
	assert_null(r.u.file);
	TURN_UNTIL(r.spool.loop, bufpool_used(r.spool.pool) == 0);
	feed(&r, 1000);
	r.d.in_end = true;
	upload_run(&r.u);
	assert_int_equal(r.sinks[0].got.len, 1000);
	assert_true(r.u.is_ended);
	upload_rig_down(&r);
}

static void test_the_first_hop_does_not_mind_that_the_file_fails(void **state)
{
	struct upload_rig r;
	struct upload_needs needs;
	struct spooler *s = spooler_new("/nonexistent/folder");

	(void)state;
	upload_rig_up(&r);
	needs = upload_rig_needs(&r);
	needs.spooler = s;
	upload_init(&r.u, &needs);
	begin_hop(&r, 0);
	feed_through(&r, 1500000);
	RUN_UNTIL(&r, r.u.copy == UPLOAD_FAILED);
	assert_false(r.u.is_broken);
	assert_false(upload_can_replay(&r.u));
	assert_int_equal(r.u.memory.len, 0);
	feed_through(&r, LIMIT);
	end_body(&r, &r.sinks[0]);
	spooler_free(s);
	upload_rig_down(&r);
}

/* The failure is not yet known when the second hop begins, or comes when that was decided and has not yet begun. */
static void test_a_later_hop_breaks_when_the_file_fails(void **state)
{
	for (int is_known = 0; is_known < 2; is_known++) {
		struct upload_rig r;
		rlim_t before;

		(void)state;
		upload_rig_begin(&r);
		begin_hop(&r, 0);
		feed_through(&r, 500000);
		settle(&r);
		before = limit_to(RLIMIT_FSIZE, 600000);
		feed_through(&r, 500000);
		pattern_expect(&r.sinks[0].got, 0, (size_t)r.fed);
		if (is_known)
			TURN_UNTIL(r.spool.loop, spool_file_has_failed(r.u.file, NULL));
		assert_true(upload_can_replay(&r.u) == !is_known);
		upload_stop(&r.u);
		/* As between hops. */
		upload_run(&r.u);
		assert_int_equal(r.u.copy, is_known ? UPLOAD_FAILED : UPLOAD_WHOLE);
		assert_false(r.u.is_broken);
		begin_hop(&r, 1);
		RUN_UNTIL(&r, r.u.is_broken);
		assert_int_equal(r.u.copy, UPLOAD_FAILED);
		assert_false(upload_waits_for_client(&r.u));
		feed(&r, 100);
		r.d.in_end = true;
		upload_run(&r.u);
		assert_int_equal(r.d.in.len, 100);
		assert_false(r.u.is_ended);
		pattern_expect(&r.sinks[1].got, 0, is_known ? 0 : r.sinks[1].got.len);
		assert_true(r.sinks[1].got.len < r.fed - 100);
		assert_false(upload_can_replay(&r.u));
		limit_to(RLIMIT_FSIZE, before);
		upload_rig_down(&r);
	}
}

static void test_nobody_needs_the_body(void **state)
{
	struct upload_rig r;

	(void)state;
	upload_rig_begin(&r);
	r.sinks[0].room = 10;
	begin_hop(&r, 0);
	feed(&r, MEMORY_LIMIT + 1000);
	upload_run(&r.u);
	upload_stop(&r.u);
	r.took = 0;
	upload_discard(&r.u, 2 * MEMORY_LIMIT);
	assert_int_equal(r.d.in.len, 0);
	assert_int_equal(r.took, 1);
	assert_int_equal(r.u.taken_bytes, MEMORY_LIMIT + 1000);
	assert_false(upload_can_replay(&r.u));
	assert_true(upload_waits_for_client(&r.u));
	upload_run(&r.u);
	assert_int_equal(r.took, 1);
	/* One byte more than the bound stays. */
	feed(&r, MEMORY_LIMIT - 990);
	upload_run(&r.u);
	assert_int_equal(r.d.in.len, 0);
	assert_false(upload_waits_for_client(&r.u));
	feed(&r, 1);
	upload_run(&r.u);
	upload_run(&r.u);
	assert_int_equal(r.d.in.len, 1);
	assert_int_equal(r.u.taken_bytes, r.fed - 1);
	assert_int_equal(r.took, 2);
	assert_int_equal(bufpool_used(r.spool.pool), BUFQ_SLAB_BYTES * 2);
	upload_rig_down(&r);
}

/* In the middle of a replay from the file, with the hop's stream still there. */
static void test_a_replay_is_dropped(void **state)
{
	struct upload_rig r;

	(void)state;
	upload_rig_begin(&r);
	begin_hop(&r, 0);
	feed_through(&r, 1000000);
	upload_stop(&r.u);
	begin_hop(&r, 1);
	upload_discard(&r.u, SIZE_MAX);
	assert_null(r.u.to);
	assert_null(r.u.file);
	feed(&r, 100);
	upload_run(&r.u);
	assert_int_equal(r.d.in.len, 0);
	assert_int_equal(r.sinks[1].got.len, MEMORY_LIMIT);
	upload_rig_down(&r);
}

/* What came before the client broke off is passed on; its end is not, and no other hop is worth beginning. */
static void test_a_client_that_breaks_off(void **state)
{
	struct upload_rig r;

	(void)state;
	upload_rig_begin(&r);
	begin_hop(&r, 0);
	feed(&r, 100);
	r.d.error = ERR_cancelled;
	r.d.in_end = true;
	upload_run(&r.u);
	pattern_expect(&r.sinks[0].got, 0, 100);
	assert_int_equal(r.sinks[0].ends, 0);
	assert_false(r.u.is_ended);
	assert_false(upload_can_replay(&r.u));
	assert_false(upload_waits_for_client(&r.u));
	upload_rig_down(&r);
}

/* What it had accepted is lost with it; the copy has it all. */
static void test_a_hop_that_breaks(void **state)
{
	struct upload_rig r;

	(void)state;
	upload_rig_begin(&r);
	r.sinks[0].room = MEMORY_LIMIT + 100;
	begin_hop(&r, 0);
	feed(&r, 2 * MEMORY_LIMIT);
	upload_run(&r.u);
	r.sinks[0].s.error = ERR_origin_closed;
	r.sinks[0].room = SIZE_MAX;
	r.d.in_end = true;
	upload_run(&r.u);
	assert_int_equal(r.sinks[0].got.len, MEMORY_LIMIT + 100);
	assert_int_equal(r.sinks[0].ends, 0);
	assert_true(upload_can_replay(&r.u));
	upload_stop(&r.u);
	begin_hop(&r, 1);
	RUN_UNTIL(&r, r.u.is_ended);
	expect_whole(&r, &r.sinks[1]);
	upload_rig_down(&r);
}

/* A scripted life, cut off after each of its steps; what was under way comes back to nobody. */
static bool live_until(struct upload_rig *r, int step, int last)
{
	switch (step) {
	case 0:
	case 4:
	case 8:
		begin_hop(r, (unsigned)step / 4);
		break;
	case 1:
	case 5:
		feed(r, 700000);
		upload_run(&r->u);
		break;
	case 2:
	case 6:
		if (last % 2 == 0)
			settle(r);
		break;
	case 3:
	case 7:
		upload_stop(&r->u);
		break;
	case 9:
		upload_forget(&r->u);
		break;
	default:
		upload_discard(&r->u, 1);
	}
	return step < last;
}

static void test_it_can_end_at_any_time(void **state)
{
	enum { STEPS = 11 };

	(void)state;
	for (int last = 0; last < STEPS * 2; last++) {
		struct upload_rig r;
		int step = 0;

		upload_rig_begin(&r);
		while (live_until(&r, step, last / 2))
			step++;
		r.spool.changes = 0;
		upload_fini(&r.u);
		if (last % 2 == 0)
			loop_turn(r.spool.loop, 0);
		upload_rig_down(&r);
		assert_int_equal(r.spool.changes, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_at_the_limit_the_copy_is_given_up),
		cmocka_unit_test(test_short_memory),
		cmocka_unit_test(test_the_limit_is_passed_while_a_later_hop_is_live),
		cmocka_unit_test(test_some_bodies_are_never_kept),
		cmocka_unit_test(test_a_declared_length_at_the_limit_is_kept),
		cmocka_unit_test(test_a_hop_gets_what_is_forgotten_meanwhile),
		cmocka_unit_test(test_what_nobody_is_being_sent_is_forgotten_at_once),
		cmocka_unit_test(test_the_first_hop_does_not_mind_that_the_file_fails),
		cmocka_unit_test(test_a_later_hop_breaks_when_the_file_fails),
		cmocka_unit_test(test_nobody_needs_the_body),
		cmocka_unit_test(test_a_replay_is_dropped),
		cmocka_unit_test(test_a_client_that_breaks_off),
		cmocka_unit_test(test_a_hop_that_breaks),
		cmocka_unit_test(test_it_can_end_at_any_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
