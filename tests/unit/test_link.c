/* Links: what is read, fed, written and held back. */
#include "link_rig.h"

static void test_what_comes_is_fed(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, LINK_CLIENT, 4096);
	turns(&r);
	assert_true(r.updates > 0);
	far_write(&r, "hello ");
	far_write(&r, "world");
	turns(&r);
	assert_string_equal(r.codec->fed, "hello world");
	rig_down(&r);
}

static void test_nothing_is_read_that_the_codec_does_not_want(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, LINK_CLIENT, 4096);
	r.codec->wants_input = false;
	far_write(&r, "hello");
	turns(&r);
	assert_string_equal(r.codec->fed, "");
	r.codec->wants_input = true;
	link_wake(&r.link);
	turns(&r);
	assert_string_equal(r.codec->fed, "hello");
	rig_down(&r);
}

static void test_what_the_codec_left_is_offered_again(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, LINK_UPSTREAM, 4096);
	r.codec->keep = 3;
	far_write(&r, "hello");
	transport_shut(r.ends[1]);
	turns(&r);
	assert_string_equal(r.codec->fed, "he");
	/* The end comes behind the last byte, not beside it. */
	assert_int_equal(r.codec->eofs, 0);
	r.codec->keep = 0;
	r.codec->wants_input = true;
	link_wake(&r.link);
	turns(&r);
	assert_string_equal(r.codec->fed, "hello");
	assert_int_equal(r.codec->eofs, 1);
	assert_int_equal(r.codec->eof_error, ERR_none);
	rig_down(&r);
}

static void test_out_is_written_as_room_comes(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, LINK_CLIENT, 4);
	put_out(&r, "hello world");
	turns(&r);
	assert_int_equal(r.codec->codec.out.len, 7);
	assert_int_equal(r.codec->flushes, 1);
	far_expect(&r, "hell", IO_AGAIN);
	turns(&r);
	far_expect(&r, "o wo", IO_AGAIN);
	turns(&r);
	far_expect(&r, "rld", IO_AGAIN);
	assert_int_equal(r.codec->codec.out.len, 0);
	rig_down(&r);
}

static void on_stall(void *owner)
{
	++*(unsigned *)owner;
}

static void test_a_spent_budget_stops_reading(void **state)
{
	unsigned stalls = 0;
	struct bufq hog;
	struct rig r;

	(void)state;
	rig_up(&r, LINK_CLIENT, 4096);
	r.budget.limit_bytes = 1000;
	r.budget.on_stall = on_stall;
	r.budget.owner = &stalls;
	bufq_init(&hog, r.pool);
	bufq_append_str(&hog, STR("one slab is too much"));
	assert_true(link_budget_is_spent(&r.budget));
	link_wake(&r.link);
	turns(&r);
	/* Somebody must look again later: the link itself has nothing that would wake it. */
	assert_int_equal(stalls, 1);
	far_write(&r, "hello");
	turns(&r);
	assert_string_equal(r.codec->fed, "");
	link_budget_check(&r.budget);
	turns(&r);
	assert_string_equal(r.codec->fed, "");
	bufq_clear(&hog);
	link_budget_check(&r.budget);
	turns(&r);
	assert_string_equal(r.codec->fed, "hello");
	assert_true(list_is_empty(&r.budget.stalled));
	rig_down(&r);
}

static void test_an_idle_link_reads_on_whatever_the_budget(void **state)
{
	struct bufq hog;
	struct rig r;

	(void)state;
	rig_up(&r, LINK_CLIENT, 4096);
	r.budget.limit_bytes = 1000;
	bufq_init(&hog, r.pool);
	bufq_append_str(&hog, STR("one slab is too much"));
	r.codec->is_idle = true;
	link_wake(&r.link);
	far_write(&r, "hello");
	turns(&r);
	assert_string_equal(r.codec->fed, "hello");
	bufq_clear(&hog);
	rig_down(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_comes_is_fed),
		cmocka_unit_test(test_nothing_is_read_that_the_codec_does_not_want),
		cmocka_unit_test(test_what_the_codec_left_is_offered_again),
		cmocka_unit_test(test_out_is_written_as_room_comes),
		cmocka_unit_test(test_a_spent_budget_stops_reading),
		cmocka_unit_test(test_an_idle_link_reads_on_whatever_the_budget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
