/* Uploads: the body of a request to the first hop as it comes, and to later ones from what was kept of it. Long random sequences are in
 * test_upload_random.c, ways in which it goes wrong in test_upload_lost.c. */
#include "core/upload.h"

#include "upload_rig.h"

static void test_the_first_hop_waits_for_nothing(void **state)
{
	struct upload_rig r;
	struct sink *k;

	(void)state;
	upload_rig_begin(&r);
	k = begin_hop(&r, 0);
	assert_int_equal(r.took, 0);
	feed(&r, 3 * MEMORY_LIMIT);
	upload_run(&r.u);
	/* The loop has not turned: no byte can be in the file yet. */
	assert_true(spool_file_unwritten(r.u.file) > 0);
	pattern_expect(&k->got, 0, 3 * MEMORY_LIMIT);
	assert_int_equal(r.took, 1);
	assert_int_equal(r.u.moved_bytes, 3 * MEMORY_LIMIT);
	assert_int_equal(r.u.taken_bytes, 3 * MEMORY_LIMIT);
	assert_false(r.u.is_ended);
	r.d.in_end = true;
	upload_run(&r.u);
	upload_run(&r.u);
	expect_whole(&r, k);
	assert_int_equal(r.u.copy, UPLOAD_WHOLE);
	upload_rig_down(&r);
}

static void test_the_hop_sets_the_pace(void **state)
{
	struct upload_rig r;
	struct sink *k = &r.sinks[0];

	(void)state;
	upload_rig_begin(&r);
	k->room = 1000;
	feed(&r, 60000);
	r.d.in_end = true;
	begin_hop(&r, 0);
	assert_true(upload_is_blocked(&r.u));
	assert_int_equal(r.u.taken_bytes, 1000);
	assert_int_equal(r.d.in.len, 59000);
	for (size_t n = 1000; n < 60000; n += 1000) {
		k->room = 1000;
		assert_false(upload_is_blocked(&r.u));
		upload_run(&r.u);
	}
	expect_whole(&r, k);
	assert_false(upload_is_blocked(&r.u));
	upload_rig_down(&r);
}

/* Sends a body of this size to three hops; the first gets it as it comes, the others from the copy. */
static void replay(uint64_t size, size_t room)
{
	struct upload_rig r;

	upload_rig_begin(&r);
	begin_hop(&r, 0);
	feed_through(&r, size);
	r.d.in_end = true;
	for (unsigned i = 0; i < 3; i++) {
		struct sink *k = i == 0 ? &r.sinks[0] : begin_hop(&r, i);

		upload_run(&r.u);
		while (i > 0 && !r.u.is_ended) {
			k->room = room;
			RUN_UNTIL(&r, k->room == 0 || r.u.is_ended);
		}
		expect_whole(&r, k);
		assert_true(upload_can_replay(&r.u));
		upload_stop(&r.u);
		bufq_clear(&k->got);
	}
	assert_int_equal(r.u.file_bytes, size < MEMORY_LIMIT ? 0 : size - MEMORY_LIMIT);
	upload_rig_down(&r);
}

static void test_every_size_is_replayed(void **state)
{
	static const uint64_t sizes[] = {
		0, 1, 600, MEMORY_LIMIT - 1, MEMORY_LIMIT, MEMORY_LIMIT + 1, MEMORY_LIMIT + 1000000, LIMIT - 1, LIMIT};
	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++) {
		replay(sizes[i], SIZE_MAX);
		replay(sizes[i], 100001);
	}
	replay(MEMORY_LIMIT + 5, 1);
}

/* With each hop the client has sent a little more; what was kept comes first, and then what comes live is kept too. */
static void test_live_bytes_follow_the_kept_ones(void **state)
{
	static const size_t parts[] = {MEMORY_LIMIT - 10, 20, 1000000, 500000};
	struct upload_rig r;

	(void)state;
	upload_rig_begin(&r);
	for (unsigned i = 0; i < HOPS; i++) {
		struct sink *k = begin_hop(&r, i);

		feed(&r, parts[i]);
		RUN_UNTIL(&r, k->got.len == r.fed);
		pattern_expect(&k->got, 0, (size_t)r.fed);
		assert_true(upload_waits_for_client(&r.u));
		assert_int_equal(k->ends, 0);
		if (i < HOPS - 1)
			upload_stop(&r.u);
	}
	end_body(&r, &r.sinks[HOPS - 1]);
	upload_rig_down(&r);
}

static void test_nothing_is_taken_between_hops(void **state)
{
	struct upload_rig r;

	(void)state;
	upload_rig_begin(&r);
	feed(&r, 1000);
	upload_run(&r.u);
	assert_int_equal(r.d.in.len, 1000);
	assert_true(upload_can_replay(&r.u));
	begin_hop(&r, 0);
	upload_stop(&r.u);
	feed(&r, 500);
	r.d.in_end = true;
	upload_run(&r.u);
	assert_int_equal(r.d.in.len, 500);
	assert_int_equal(r.u.taken_bytes, 1000);
	assert_int_equal(r.took, 1);
	assert_false(upload_is_blocked(&r.u));
	assert_false(upload_waits_for_client(&r.u));
	begin_hop(&r, 1);
	expect_whole(&r, &r.sinks[1]);
	upload_rig_down(&r);
}

/* A hop is left while it waits for the file: what comes from it then is not for the next one. */
static void test_a_hop_is_left_while_the_file_is_read(void **state)
{
	struct upload_rig r;

	(void)state;
	upload_rig_begin(&r);
	begin_hop(&r, 0);
	feed_through(&r, 1500000);
	r.d.in_end = true;
	upload_run(&r.u);
	settle(&r);
	for (unsigned i = 1; i < HOPS; i++) {
		upload_stop(&r.u);
		begin_hop(&r, i);
		assert_int_equal(r.sinks[i].got.len, MEMORY_LIMIT);
		assert_true(spool_file_is_reading(r.u.file));
		assert_false(upload_is_blocked(&r.u));
		assert_false(upload_waits_for_client(&r.u));
	}
	RUN_UNTIL(&r, r.u.is_ended);
	expect_whole(&r, &r.sinks[HOPS - 1]);
	upload_rig_down(&r);
}

/* However slowly the hop takes it, no more than a bit of the file is in memory beside what is kept there. */
static void read_slowly(uint64_t memory_limit)
{
	struct upload_rig r;
	struct upload_needs needs;
	struct sink *k = &r.sinks[1];

	upload_rig_up(&r);
	needs = upload_rig_needs(&r);
	needs.memory_limit = memory_limit;
	upload_init(&r.u, &needs);
	begin_hop(&r, 0);
	feed_through(&r, LIMIT);
	r.d.in_end = true;
	upload_run(&r.u);
	settle(&r);
	upload_stop(&r.u);
	bufq_clear(&r.sinks[0].got);
	k->room = 0;
	begin_hop(&r, 1);
	while (!r.u.is_ended) {
		k->room = 30000;
		RUN_UNTIL(&r, r.u.is_ended || (k->room == 0 && !spool_file_is_reading(r.u.file)));
		assert_true(r.u.pending.len <= SPOOL_READ_MAX_BYTES || r.u.pending.len <= memory_limit);
		pattern_expect(&k->got, r.u.moved_bytes - k->got.len, k->got.len);
		bufq_clear(&k->got);
		assert_true(bufpool_used(r.spool.pool) <= 2 * (SPOOL_READ_MAX_BYTES + memory_limit));
	}
	assert_int_equal(r.u.moved_bytes, LIMIT);
	upload_rig_down(&r);
}

static void test_little_is_read_ahead(void **state)
{
	(void)state;
	read_slowly(MEMORY_LIMIT);
	read_slowly(1 << 20);
}

/* A disk that is slower than the client slows the client down, not the other way round. */
static void test_the_disk_is_waited_for_when_much_is_unwritten(void **state)
{
	enum { PART = 100000, UNWRITTEN_MAX = 1 << 20 };
	struct upload_rig r;
	struct sink *k;

	(void)state;
	upload_rig_begin(&r);
	k = begin_hop(&r, 0);
	/* The loop does not turn, so nothing is ever known to be written. */
	while (r.d.in.len == 0) {
		assert_true(r.fed < LIMIT);
		feed(&r, PART);
		upload_run(&r.u);
	}
	assert_in_range(spool_file_unwritten(r.u.file), UNWRITTEN_MAX, UNWRITTEN_MAX + PART);
	assert_false(upload_is_blocked(&r.u));
	assert_false(upload_waits_for_client(&r.u));
	RUN_UNTIL(&r, r.d.in.len == 0);
	assert_true(upload_waits_for_client(&r.u));
	end_body(&r, k);
	upload_rig_down(&r);
}

/* Bytes that trickle in do not hold a slab each, neither in memory nor on the way to the file. */
static void test_trickles_do_not_fill_the_memory(void **state)
{
	enum { PART = 600 };
	struct upload_rig r;

	(void)state;
	upload_rig_begin(&r);
	begin_hop(&r, 0);
	while (r.fed < 10 * MEMORY_LIMIT) {
		feed(&r, PART);
		upload_run(&r.u);
		bufq_clear(&r.sinks[0].got);
		assert_int_equal(r.d.in.len, 0);
		assert_true(bufpool_used(r.spool.pool) <= 2 * (r.fed + BUFQ_SLAB_BYTES));
	}
	upload_stop(&r.u);
	r.d.in_end = true;
	begin_hop(&r, 1);
	RUN_UNTIL(&r, r.u.is_ended);
	expect_whole(&r, &r.sinks[1]);
	upload_rig_down(&r);
}

/* Without a temporary file the memory is all there is. */
static void test_memory_only(void **state)
{
	struct upload_rig r;
	struct upload_needs needs;

	(void)state;
	upload_rig_up(&r);
	needs = upload_rig_needs(&r);
	needs.spooler = NULL;
	upload_init(&r.u, &needs);
	begin_hop(&r, 0);
	feed_through(&r, MEMORY_LIMIT);
	assert_true(upload_can_replay(&r.u));
	upload_stop(&r.u);
	begin_hop(&r, 1);
	pattern_expect(&r.sinks[1].got, 0, MEMORY_LIMIT);
	feed_through(&r, 1);
	assert_int_equal(r.u.copy, UPLOAD_TOO_LARGE);
	assert_null(r.u.file);
	end_body(&r, &r.sinks[1]);
	upload_rig_down(&r);
}

static void test_file_only(void **state)
{
	struct upload_rig r;
	struct upload_needs needs;

	(void)state;
	upload_rig_up(&r);
	needs = upload_rig_needs(&r);
	needs.memory_limit = 0;
	upload_init(&r.u, &needs);
	begin_hop(&r, 0);
	feed_through(&r, 100);
	upload_stop(&r.u);
	r.d.in_end = true;
	begin_hop(&r, 1);
	RUN_UNTIL(&r, r.u.is_ended);
	expect_whole(&r, &r.sinks[1]);
	assert_int_equal(r.u.file_bytes, 100);
	upload_rig_down(&r);
}

static void test_who_waits_for_whom(void **state)
{
	struct upload_rig r;

	(void)state;
	upload_rig_up(&r);
	upload_fini(&r.u);
	assert_false(upload_is_blocked(&r.u));
	upload_rig_init(&r);
	assert_false(upload_waits_for_client(&r.u));
	r.sinks[0].room = 10;
	begin_hop(&r, 0);
	assert_true(upload_waits_for_client(&r.u));
	assert_false(upload_is_blocked(&r.u));
	feed(&r, 10);
	upload_run(&r.u);
	assert_true(upload_waits_for_client(&r.u));
	assert_false(upload_is_blocked(&r.u));
	feed(&r, 1);
	upload_run(&r.u);
	assert_false(upload_waits_for_client(&r.u));
	assert_true(upload_is_blocked(&r.u));
	upload_stop(&r.u);
	/* Kept bytes that the hop does not take. */
	r.sinks[1].room = 9;
	begin_hop(&r, 1);
	assert_true(upload_is_blocked(&r.u));
	r.sinks[1].s.error = ERR_origin_closed;
	assert_false(upload_is_blocked(&r.u));
	upload_stop(&r.u);
	begin_hop(&r, 2);
	r.d.in_end = true;
	assert_false(upload_waits_for_client(&r.u));
	upload_run(&r.u);
	expect_whole(&r, &r.sinks[2]);
	assert_false(upload_waits_for_client(&r.u));
	upload_rig_down(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_first_hop_waits_for_nothing),
		cmocka_unit_test(test_the_hop_sets_the_pace),
		cmocka_unit_test(test_every_size_is_replayed),
		cmocka_unit_test(test_live_bytes_follow_the_kept_ones),
		cmocka_unit_test(test_nothing_is_taken_between_hops),
		cmocka_unit_test(test_a_hop_is_left_while_the_file_is_read),
		cmocka_unit_test(test_little_is_read_ahead),
		cmocka_unit_test(test_the_disk_is_waited_for_when_much_is_unwritten),
		cmocka_unit_test(test_trickles_do_not_fill_the_memory),
		cmocka_unit_test(test_memory_only),
		cmocka_unit_test(test_file_only),
		cmocka_unit_test(test_who_waits_for_whom),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
