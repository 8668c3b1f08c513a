/* The pool at its limits: who waits and in which order, what makes room, and every way to stop. */
#include "pool_rig.h"

static void test_the_queue_is_served_in_order(void **state)
{
	struct asker a, b, c;
	unsigned changes;
	struct rig r;

	(void)state;
	rig_up(&r, "upstream.max_per_origin=1");
	ask(&r, &a);
	ask(&r, &b);
	ask(&r, &c);
	assert_int_equal(b.lease.state, LEASE_QUEUED);
	exchange(&r, &a, &r.origin.peers[0]);
	assert_int_equal(b.lease.state, LEASE_QUEUED);
	end(&a, false);
	/* The upstream goes from hand to hand. */
	assert_int_equal(b.lease.state, LEASE_READY);
	assert_true(b.lease.is_reused);
	assert_true(b.lease.queue_us >= 0);
	assert_int_equal(b.changes, 1);
	assert_int_equal(c.lease.state, LEASE_QUEUED);
	request(&b);
	changes = c.changes;
	end(&b, true);
	/* This one is of no more use, so the next dials: and is told that it does not wait in the queue any more. */
	UNTIL(&r, c.lease.state != LEASE_QUEUED);
	assert_true(c.changes > changes);
	exchange(&r, &c, &r.origin.peers[1]);
	assert_false(c.lease.is_reused);
	end(&c, false);
	rig_down(&r);
}

static void test_the_queue_goes_on_after_a_failure(void **state)
{
	struct asker a, b, c;
	struct rig r;

	(void)state;
	rig_up(&r, "upstream.max_per_origin=1");
	r.refusal = ERR_loop_detected;
	ask(&r, &a);
	ask(&r, &b);
	ask(&r, &c);
	UNTIL(&r, a.lease.state == LEASE_FAILED && b.lease.state == LEASE_FAILED && c.lease.state == LEASE_FAILED);
	assert_int_equal(a.lease.error, ERR_loop_detected);
	assert_int_equal(c.lease.error, ERR_loop_detected);
	assert_true(a.lease.detail[0] != '\0');
	end(&a, false);
	end(&b, true);
	end(&c, false);
	r.refusal = ERR_none;
	ask(&r, &a);
	UNTIL(&r, a.lease.state == LEASE_READY);
	end(&a, false);
	rig_down(&r);
}

static void test_stopping_in_the_queue(void **state)
{
	struct asker a, b, c;
	struct rig r;

	(void)state;
	rig_up(&r, "upstream.max_per_origin=1");
	ask(&r, &a);
	ask(&r, &b);
	ask(&r, &c);
	end(&b, false);
	exchange(&r, &a, &r.origin.peers[0]);
	end(&a, false);
	assert_int_equal(c.lease.state, LEASE_READY);
	assert_int_equal(b.changes, 0);
	end(&c, false);
	rig_down(&r);
}

static void test_stopping_while_dialling(void **state)
{
	struct asker a, b;
	struct rig r;

	(void)state;
	rig_up(&r, "upstream.max_per_origin=1");
	ask(&r, &a);
	ask(&r, &b);
	end(&a, true);
	assert_int_equal(a.changes, 0);
	assert_int_equal(b.lease.state, LEASE_DIALLING);
	exchange(&r, &b, &r.origin.peers[r.origin.n]);
	end(&b, false);
	rig_down(&r);
}

static void test_stopping_a_stream_that_was_not_used(void **state)
{
	struct asker a, b;
	struct rig r;

	(void)state;
	rig_up(&r, NULL);
	ask(&r, &a);
	UNTIL(&r, a.lease.state == LEASE_READY);
	end(&a, false);
	ask(&r, &b);
	assert_int_equal(b.lease.state, LEASE_READY);
	exchange(&r, &b, &r.origin.peers[0]);
	end(&b, false);
	rig_down(&r);
}

static void test_stopping_in_the_middle(void **state)
{
	struct asker a, b;
	struct rig r;

	(void)state;
	for (int abort = 0; abort < 2; abort++) {
		rig_up(&r, "upstream.max_per_origin=1");
		ask(&r, &a);
		ask(&r, &b);
		UNTIL(&r, a.lease.state == LEASE_READY && r.origin.n == 1);
		request(&a);
		UNTIL(&r, r.origin.peers[0].in.len > 0);
		end(&a, abort != 0);
		UNTIL(&r, r.origin.peers[0].has_ended);
		exchange(&r, &b, &r.origin.peers[1]);
		end(&b, false);
		rig_down(&r);
	}
}

/* An idle upstream that is too old for this lease still fills the place that a new one needs. */
static void test_one_too_old_makes_room(void **state)
{
	struct asker a, b;
	struct rig r;

	(void)state;
	rig_up(&r, "upstream.max_per_origin=1");
	ask(&r, &a);
	exchange(&r, &a, &r.origin.peers[0]);
	end(&a, false);
	/* 0: only a new one will do. */
	ask_for(&r, &b, &r.origin, 0, false);
	exchange(&r, &b, &r.origin.peers[1]);
	assert_false(b.lease.is_reused);
	assert_true(r.origin.peers[0].has_ended);
	end(&b, false);
	rig_down(&r);
}

static void test_who_wants_a_new_one_gets_it_in_the_queue_too(void **state)
{
	struct asker a, b, c;
	struct rig r;

	(void)state;
	rig_up(&r, "upstream.max_per_origin=1");
	ask(&r, &a);
	ask_for(&r, &b, &r.origin, 0, false);
	ask(&r, &c);
	exchange(&r, &a, &r.origin.peers[0]);
	end(&a, false);
	exchange(&r, &b, &r.origin.peers[1]);
	assert_false(b.lease.is_reused);
	end(&b, false);
	assert_int_equal(c.lease.state, LEASE_READY);
	assert_true(c.lease.is_reused);
	end(&c, false);
	rig_down(&r);
}

/* An origin that took no more of a request but answered whole: of no use to the next in the queue, which must not wait for it. */
static void test_one_that_takes_no_more_is_not_passed_on(void **state)
{
	struct asker a, b;
	struct rig r;

	(void)state;
	rig_up(&r, "upstream.max_per_origin=1");
	ask(&r, &a);
	ask(&r, &b);
	exchange(&r, &a, &r.origin.peers[0]);
	a.lease.upstream->link.is_write_broken = true;
	end(&a, false);
	exchange(&r, &b, &r.origin.peers[1]);
	end(&b, false);
	/* Nor is it kept. */
	ask(&r, &a);
	exchange(&r, &a, &r.origin.peers[1]);
	a.lease.upstream->link.is_write_broken = true;
	end(&a, false);
	UNTIL(&r, r.origin.peers[1].has_ended);
	rig_down(&r);
}

/* The head of the queue does not want what there is: it goes, and its place is the head's. */
static void test_who_refuses_the_address_in_the_queue(void **state)
{
	struct asker a, b;
	struct rig r;

	(void)state;
	rig_up(&r, "upstream.max_per_origin=1");
	ask(&r, &a);
	exchange(&r, &a, &r.origin.peers[0]);
	ask_refusing(&r, &b, 1);
	assert_int_equal(b.lease.state, LEASE_QUEUED);
	assert_int_equal(b.checks, 0);
	end(&a, false);
	exchange(&r, &b, &r.origin.peers[1]);
	assert_true(r.origin.peers[0].has_ended);
	assert_int_equal(b.checks, 2);
	/* What is kept but refused, when asking and in the queue, gives its place to who refuses it. */
	end(&b, false);
	ask_refusing(&r, &a, 2);
	exchange(&r, &a, &r.origin.peers[2]);
	assert_true(r.origin.peers[1].has_ended);
	end(&a, false);
	assert_int_equal(r.origin.most_open, 1);
	rig_down(&r);
}

static void test_how_long_it_took(void **state)
{
	struct asker a, b;
	struct rig r;

	(void)state;
	rig_up(&r, "upstream.max_per_origin=1");
	ask(&r, &a);
	ask(&r, &b);
	assert_int_equal(lease_waited_us(&a.lease), -1);
	exchange(&r, &a, &r.origin.peers[0]);
	assert_int_equal(lease_waited_us(&a.lease), -1);
	assert_int_equal(b.lease.queue_us, -1);
	assert_true(lease_waited_us(&b.lease) >= a.lease.connect_us);
	end(&b, false);
	assert_true(b.lease.queue_us >= a.lease.connect_us);
	end(&a, false);
	rig_down(&r);
}

/* A connection without a place waits for nobody, and nobody for it. */
static void test_tunnels_do_not_wait(void **state)
{
	struct asker a, b, c;
	struct rig r;

	(void)state;
	rig_up(&r, "upstream.max_per_origin=1");
	ask_for(&r, &a, &r.origin, INT64_MAX, true);
	ask_for(&r, &b, &r.origin, INT64_MAX, true);
	ask(&r, &c);
	UNTIL(&r, a.lease.state == LEASE_READY && b.lease.state == LEASE_READY && c.lease.state == LEASE_READY);
	end(&a, false);
	end(&b, true);
	end(&c, false);
	rig_down(&r);
}

/* Answered before the request was read: the rest of it, which the origin may never take, does not hold the place of another. */
static void test_the_rest_of_a_request_holds_nothing(void **state)
{
	struct body_plan plan = {.kind = BODY_CHUNKED};
	struct bufq body, out;
	struct asker a, b;
	struct rig r;
	size_t n;

	(void)state;
	rig_up(&r, "upstream.max_per_origin=1");
	ask(&r, &a);
	UNTIL(&r, a.lease.state == LEASE_READY && r.origin.n == 1);
	transport_watch(r.origin.peers[0].t, 0);
	stream_send_head(a.lease.stream, request_read(a.arena, "POST", "/", "Host: h\n"), &plan);
	bufq_init(&body, r.bufpool);
	for (int i = 0; i < 1000; i++) {
		static const char block[32768];

		bufq_append(&body, block, sizeof(block));
		stream_send(a.lease.stream, &body, stream_room(a.lease.stream));
		loop_turn(r.loop, 0);
	}
	bufq_clear(&body);
	assert_int_equal(stream_room(a.lease.stream), 0);
	stream_end(a.lease.stream, NULL);
	bufq_init(&out, r.bufpool);
	bufq_append_str(&out, STR("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
	assert_int_equal(transport_write(r.origin.peers[0].t, &out, &n), IO_DONE);
	UNTIL(&r, a.lease.stream->in_end);
	end(&a, false);
	ask(&r, &b);
	exchange(&r, &b, &r.origin.peers[1]);
	end(&b, false);
	rig_down(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_queue_is_served_in_order),
		cmocka_unit_test(test_the_queue_goes_on_after_a_failure),
		cmocka_unit_test(test_stopping_in_the_queue),
		cmocka_unit_test(test_stopping_while_dialling),
		cmocka_unit_test(test_stopping_a_stream_that_was_not_used),
		cmocka_unit_test(test_stopping_in_the_middle),
		cmocka_unit_test(test_one_too_old_makes_room),
		cmocka_unit_test(test_who_wants_a_new_one_gets_it_in_the_queue_too),
		cmocka_unit_test(test_one_that_takes_no_more_is_not_passed_on),
		cmocka_unit_test(test_who_refuses_the_address_in_the_queue),
		cmocka_unit_test(test_how_long_it_took),
		cmocka_unit_test(test_tunnels_do_not_wait),
		cmocka_unit_test(test_the_rest_of_a_request_holds_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
