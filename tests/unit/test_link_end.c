/* How links end: closing, lingering, breaking, and what is still read and written meanwhile. */
#include "link_rig.h"

static void test_a_broken_origin_is_told_behind_its_bytes(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, LINK_UPSTREAM, 4096);
	r.codec->keep = 2;
	far_write(&r, "hello");
	turns(&r);
	far_close(&r, true);
	turns(&r);
	assert_int_equal(r.codec->eofs, 0);
	r.codec->keep = 0;
	r.codec->wants_input = true;
	link_wake(&r.link);
	turns(&r);
	assert_string_equal(r.codec->fed, "hello");
	assert_int_equal(r.codec->eofs, 1);
	assert_int_equal(r.codec->eof_error, ERR_origin_closed);
	rig_down(&r);
}

static void test_a_broken_client_is_told_at_once(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, LINK_CLIENT, 4096);
	r.codec->keep = 2;
	far_write(&r, "hello");
	turns(&r);
	far_close(&r, true);
	turns(&r);
	assert_int_equal(r.codec->eofs, 1);
	assert_true(r.codec->eof_error != ERR_none);
	rig_down(&r);
}

/* A client that went while nothing was to be read from it (its next request waits, or a tunnel is full) is missed all the same. */
static void test_a_client_that_breaks_while_nothing_is_wanted(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, LINK_CLIENT, 4096);
	r.codec->wants_input = false;
	turns(&r);
	far_close(&r, true);
	turns(&r);
	assert_int_equal(r.codec->eofs, 1);
	rig_down(&r);
}

static void test_shut_waits_for_out(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, LINK_UPSTREAM, 4);
	r.link.is_busy = true;
	r.codec->codec.wants_shut = true;
	put_out(&r, "hello");
	turns(&r);
	far_expect(&r, "hell", IO_AGAIN);
	turns(&r);
	far_expect(&r, "o", IO_EOF);
	/* The other direction lives on. */
	far_write(&r, "yes");
	turns(&r);
	assert_string_equal(r.codec->fed, "yes");
	assert_int_equal(r.over, 0);
	rig_down(&r);
}

static void test_an_upstream_closes_when_all_is_written_and_nobody_is_busy(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, LINK_UPSTREAM, 4);
	r.link.is_busy = true;
	r.codec->codec.wants_close = true;
	put_out(&r, "hello");
	turns(&r);
	far_expect(&r, "hell", IO_AGAIN);
	turns(&r);
	far_expect(&r, "o", IO_AGAIN);
	turns(&r);
	assert_int_equal(r.over, 0);
	r.link.is_busy = false;
	link_wake(&r.link);
	turns(&r);
	assert_int_equal(r.over, 1);
	far_expect(&r, "", IO_EOF);
	rig_down(&r);
}

/* RFC 9112 section 9.6: a client that still sends gets its response all the same. */
static void test_a_client_is_read_on_for_a_while(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, LINK_CLIENT, 4096);
	r.codec->codec.wants_close = true;
	put_out(&r, "bye");
	turns(&r);
	far_expect(&r, "bye", IO_EOF);
	assert_int_equal(r.over, 0);
	far_write(&r, "more of a body that nobody wants");
	turns(&r);
	assert_string_equal(r.codec->fed, "");
	assert_int_equal(r.over, 0);
	transport_shut(r.ends[1]);
	turns(&r);
	assert_int_equal(r.over, 1);
	rig_down(&r);
}

static void test_a_silent_client_is_not_lingered_for_long(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, LINK_CLIENT, 4096);
	r.codec->codec.wants_close = true;
	link_wake(&r.link);
	for (int i = 0; i < 100 && r.over == 0; i++)
		loop_turn(r.loop, 100);
	assert_int_equal(r.over, 1);
	rig_down(&r);
}

static void test_a_client_that_has_ended_is_not_lingered_for(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, LINK_CLIENT, 4096);
	transport_shut(r.ends[1]);
	turns(&r);
	assert_int_equal(r.codec->eofs, 1);
	r.codec->is_done = true;
	put_out(&r, "bye");
	turns(&r);
	assert_int_equal(r.over, 1);
	far_expect(&r, "bye", IO_EOF);
	rig_down(&r);
}

static void test_abort_waits_for_the_busy_only(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, LINK_CLIENT, 4);
	r.link.is_busy = true;
	r.codec->codec.wants_abort = true;
	put_out(&r, "hello");
	turns(&r);
	assert_int_equal(r.over, 0);
	r.link.is_busy = false;
	link_wake(&r.link);
	turns(&r);
	assert_int_equal(r.over, 1);
	far_expect(&r, "hell", IO_FAILED);
	rig_down(&r);
}

/* An origin that takes no more of the request may have answered already. */
static void test_an_origin_that_takes_no_more_is_still_heard(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, LINK_UPSTREAM, 4096);
	turns(&r);
	far_write(&r, "413 too much");
	far_close(&r, true);
	put_out(&r, "body");
	turns(&r);
	assert_string_equal(r.codec->fed, "413 too much");
	assert_int_equal(r.codec->codec.out.len, 0);
	assert_true(r.codec->flushes > 0);
	assert_int_equal(r.codec->eofs, 1);
	rig_down(&r);
}

static void test_a_client_that_takes_no_more_is_gone(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, LINK_CLIENT, 4096);
	r.codec->wants_input = false;
	turns(&r);
	far_close(&r, false);
	put_out(&r, "answer");
	turns(&r);
	assert_int_equal(r.codec->eofs, 1);
	assert_int_equal(r.codec->eof_error, ERR_cancelled);
	rig_down(&r);
}

static void test_a_stalled_link_may_end(void **state)
{
	struct bufq hog;
	struct rig r;

	(void)state;
	rig_up(&r, LINK_CLIENT, 4096);
	r.budget.limit_bytes = 1000;
	bufq_init(&hog, r.pool);
	bufq_append_str(&hog, STR("one slab is too much"));
	link_wake(&r.link);
	turns(&r);
	assert_false(list_is_empty(&r.budget.stalled));
	link_end(&r.link, false);
	link_end(&r.link, true);
	assert_int_equal(r.over, 1);
	assert_true(list_is_empty(&r.budget.stalled));
	link_wake(&r.link);
	bufq_clear(&hog);
	link_budget_check(&r.budget);
	turns(&r);
	rig_down(&r);
}

static void on_nothing(void *owner, unsigned ready)
{
	(void)owner;
	(void)ready;
}

/* A connection through which nothing has gone can serve somebody else. */
static void test_a_fresh_transport_can_be_taken_out(void **state)
{
	struct transport *t;
	struct bufq q;
	struct rig r;
	size_t n = 0;

	(void)state;
	rig_up(&r, LINK_UPSTREAM, 4096);
	turns(&r);
	t = link_detach(&r.link);
	assert_ptr_equal(t, r.ends[0]);
	assert_int_equal(r.over, 1);
	assert_null(r.link.transport);
	link_wake(&r.link);
	turns(&r);
	far_write(&r, "to the next");
	t->on_ready = on_nothing;
	bufq_init(&q, r.pool);
	assert_int_equal(transport_read(t, &q, 100, &n), IO_DONE);
	assert_int_equal(n, 11);
	assert_string_equal(r.codec->fed, "");
	bufq_clear(&q);
	transport_close(t, true);
	rig_down(&r);
}

static void test_a_used_transport_stays(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, LINK_UPSTREAM, 4096);
	turns(&r);
	bufq_append_str(&r.codec->codec.out, STR("x"));
	assert_null(link_detach(&r.link));
	bufq_clear(&r.codec->codec.out);
	r.codec->keep = 100;
	far_write(&r, "early");
	turns(&r);
	assert_null(link_detach(&r.link));
	bufq_clear(&r.link.in);
	far_close(&r, false);
	r.codec->wants_input = true;
	link_wake(&r.link);
	turns(&r);
	assert_null(link_detach(&r.link));
	assert_int_equal(r.over, 0);
	rig_down(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_broken_origin_is_told_behind_its_bytes),
		cmocka_unit_test(test_a_broken_client_is_told_at_once),
		cmocka_unit_test(test_a_client_that_breaks_while_nothing_is_wanted),
		cmocka_unit_test(test_shut_waits_for_out),
		cmocka_unit_test(test_an_upstream_closes_when_all_is_written_and_nobody_is_busy),
		cmocka_unit_test(test_a_client_is_read_on_for_a_while),
		cmocka_unit_test(test_a_silent_client_is_not_lingered_for_long),
		cmocka_unit_test(test_a_client_that_has_ended_is_not_lingered_for),
		cmocka_unit_test(test_abort_waits_for_the_busy_only),
		cmocka_unit_test(test_an_origin_that_takes_no_more_is_still_heard),
		cmocka_unit_test(test_a_client_that_takes_no_more_is_gone),
		cmocka_unit_test(test_a_stalled_link_may_end),
		cmocka_unit_test(test_a_fresh_transport_can_be_taken_out),
		cmocka_unit_test(test_a_used_transport_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
