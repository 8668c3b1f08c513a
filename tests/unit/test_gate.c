/* Two pools at one gate: who is next over both, how a place goes from one to the other, and every way to lose one. In one
 * thread, whose turns are chosen here; test_gate_threads has them in two. */
#include "base/clock.h"
#include "pool_rig.h"

struct two {
	struct gate *gate;
	struct rig a, b;
};

/* The origin is the first one's. */
static void two_up(struct two *t, const char *set)
{
	t->gate = gate_new();
	rig_up_at(&t->a, set, t->gate);
	rig_up_at(&t->b, set, t->gate);
	t->a.beside = &t->b;
	t->b.beside = &t->a;
}

static void two_down(struct two *t)
{
	rig_down(&t->b);
	rig_down(&t->a);
	gate_free(t->gate);
}

/* Through this rig's pool, to the one origin. */
static void ask_by(struct two *t, struct rig *r, struct asker *a)
{
	ask_for(r, a, &t->a.origin, INT64_MAX, false);
}

static void test_first_come_first_served_over_both(void **state)
{
	enum { ASKERS = 8 };
	struct asker askers[ASKERS];
	struct two t;

	(void)state;
	two_up(&t, "upstream.max_per_origin=1");
	for (int i = 0; i < ASKERS; i++)
		ask_by(&t, i == 1 || i == 2 || i == 4 || i == 7 ? &t.b : &t.a, &askers[i]);
	for (int i = 0; i < ASKERS; i++) {
		for (int later = i + 1; later < ASKERS; later++)
			assert_int_equal(askers[later].lease.state, LEASE_QUEUED);
		UNTIL(&t.a, askers[i].lease.state == LEASE_READY && t.a.origin.n > 0);
		/* A connection is passed on within a pool: 1 to 2, 5 to 6. */
		assert_int_equal(askers[i].lease.is_reused, i == 2 || i == 6);
		assert_int_equal(askers[i].lease.queue_us >= 0, i > 0);
		UNTIL(&t.a, i == 2 || i == 6 || !t.a.origin.peers[t.a.origin.n - 1].has_ended);
		exchange(&t.a, &askers[i], &t.a.origin.peers[t.a.origin.n - 1]);
		end(&askers[i], false);
	}
	assert_int_equal(t.a.origin.n, ASKERS - 2);
	assert_int_equal(t.a.origin.most_open, 1);
	two_down(&t);
}

static void test_what_another_keeps_makes_room(void **state)
{
	struct asker a, b;
	struct two t;

	(void)state;
	two_up(&t, "upstream.max_per_origin=1");
	ask_by(&t, &t.a, &a);
	exchange(&t.a, &a, &t.a.origin.peers[0]);
	end(&a, false);
	ask_by(&t, &t.b, &b);
	assert_int_equal(b.lease.state, LEASE_QUEUED);
	exchange(&t.b, &b, &t.a.origin.peers[1]);
	assert_true(b.lease.queue_us >= 0);
	assert_true(t.a.origin.peers[0].has_ended);
	assert_int_equal(t.a.origin.most_open, 1);
	end(&b, false);
	two_down(&t);
}

/* Who keeps one and asks again while somebody waits is second. */
static void test_a_kept_one_is_not_used_past_the_line(void **state)
{
	struct asker a, b, c;
	struct two t;

	(void)state;
	two_up(&t, "upstream.max_per_origin=1");
	ask_by(&t, &t.a, &a);
	exchange(&t.a, &a, &t.a.origin.peers[0]);
	end(&a, false);
	ask_by(&t, &t.b, &b);
	/* Not told yet, the first pool has it still. */
	ask_by(&t, &t.a, &c);
	assert_int_equal(c.lease.state, LEASE_QUEUED);
	exchange(&t.b, &b, &t.a.origin.peers[1]);
	assert_int_equal(c.lease.state, LEASE_QUEUED);
	end(&b, false);
	exchange(&t.a, &c, &t.a.origin.peers[2]);
	end(&c, false);
	two_down(&t);
}

static void test_leaving_the_line(void **state)
{
	struct asker a, b, c;
	struct two t;

	(void)state;
	two_up(&t, "upstream.max_per_origin=1");
	ask_by(&t, &t.a, &a);
	ask_by(&t, &t.b, &b);
	ask_by(&t, &t.a, &c);
	exchange(&t.a, &a, &t.a.origin.peers[0]);
	end(&b, false);
	end(&a, false);
	assert_int_equal(c.lease.state, LEASE_READY);
	assert_int_equal(b.changes, 0);
	end(&c, false);
	two_down(&t);
}

/* It has its place, but its worker has not heard of it. */
static void test_leaving_with_a_place(void **state)
{
	struct asker a, b, c;
	struct two t;

	(void)state;
	for (int who = 0; who < 2; who++) {
		two_up(&t, "upstream.max_per_origin=1");
		ask_by(&t, &t.a, &a);
		ask_by(&t, &t.b, &b);
		ask_by(&t, who == 0 ? &t.a : &t.b, &c);
		end(&a, true);
		assert_int_equal(b.lease.state, LEASE_QUEUED);
		end(&b, false);
		assert_int_equal(b.changes, 0);
		exchange(&t.a, &c, &t.a.origin.peers[0]);
		end(&c, false);
		two_down(&t);
	}
}

static void test_a_dial_that_is_given_up(void **state)
{
	struct asker a, b;
	struct two t;

	(void)state;
	two_up(&t, "upstream.max_per_origin=1");
	ask_by(&t, &t.a, &a);
	ask_by(&t, &t.b, &b);
	assert_int_equal(a.lease.state, LEASE_DIALLING);
	end(&a, true);
	UNTIL(&t.b, b.lease.state == LEASE_READY);
	end(&b, false);
	two_down(&t);
}

static void test_a_dial_that_fails(void **state)
{
	struct asker a, b;
	struct two t;

	(void)state;
	two_up(&t, "upstream.max_per_origin=1");
	t.a.refusal = ERR_loop_detected;
	ask_by(&t, &t.a, &a);
	ask_by(&t, &t.b, &b);
	UNTIL(&t.b, a.lease.state == LEASE_FAILED && b.lease.state == LEASE_READY);
	end(&a, false);
	end(&b, false);
	two_down(&t);
}

static void test_an_upstream_that_breaks(void **state)
{
	struct asker a, b;
	struct two t;

	(void)state;
	two_up(&t, "upstream.max_per_origin=1");
	ask_by(&t, &t.a, &a);
	ask_by(&t, &t.b, &b);
	UNTIL(&t.a, a.lease.state == LEASE_READY && t.a.origin.n == 1);
	request(&a);
	peer_close(&t.a.origin.peers[0], true);
	UNTIL(&t.a, a.lease.stream->error != ERR_none);
	assert_int_equal(b.lease.state, LEASE_QUEUED);
	end(&a, true);
	exchange(&t.b, &b, &t.a.origin.peers[1]);
	end(&b, false);
	two_down(&t);
}

static void test_a_higher_limit_lets_in(void **state)
{
	struct asker a, b, c;
	struct two t;

	(void)state;
	two_up(&t, "upstream.max_per_origin=1");
	ask_by(&t, &t.a, &a);
	ask_by(&t, &t.b, &b);
	ask_by(&t, &t.a, &c);
	rig_set(&t.a, "upstream.max_per_origin=3");
	assert_int_equal(c.lease.state, LEASE_DIALLING);
	UNTIL(&t.a, a.lease.state == LEASE_READY && b.lease.state == LEASE_READY && c.lease.state == LEASE_READY);
	rig_set(&t.b, "upstream.max_per_origin=3");
	end(&a, false);
	end(&b, false);
	end(&c, false);
	two_down(&t);
}

/* What is in use beyond it is closed when it is given back. */
static void test_a_lower_limit(void **state)
{
	struct asker a, b, c;
	struct two t;

	(void)state;
	two_up(&t, "upstream.max_per_origin=2");
	ask_by(&t, &t.a, &a);
	exchange(&t.a, &a, &t.a.origin.peers[0]);
	ask_by(&t, &t.b, &b);
	exchange(&t.b, &b, &t.a.origin.peers[1]);
	ask_by(&t, &t.b, &c);
	rig_set(&t.a, "upstream.max_per_origin=1");
	rig_set(&t.b, "upstream.max_per_origin=1");
	end(&b, false);
	UNTIL(&t.a, t.a.origin.peers[1].has_ended);
	assert_int_equal(c.lease.state, LEASE_QUEUED);
	end(&a, false);
	exchange(&t.b, &c, &t.a.origin.peers[2]);
	assert_true(t.a.origin.peers[0].has_ended);
	end(&c, false);
	two_down(&t);
}

/* What another pool keeps, which has not heard of the new limit, is not used beyond it. */
static void test_a_lower_limit_that_another_has_not_heard_of(void **state)
{
	struct asker a, b, c;
	struct two t;

	(void)state;
	two_up(&t, "upstream.max_per_origin=2");
	ask_by(&t, &t.a, &a);
	exchange(&t.a, &a, &t.a.origin.peers[0]);
	ask_by(&t, &t.b, &b);
	exchange(&t.b, &b, &t.a.origin.peers[1]);
	end(&b, false);
	rig_set(&t.a, "upstream.max_per_origin=1");
	ask_by(&t, &t.b, &c);
	assert_int_equal(c.lease.state, LEASE_QUEUED);
	UNTIL(&t.a, t.a.origin.peers[1].has_ended);
	end(&a, false);
	exchange(&t.b, &c, &t.a.origin.peers[2]);
	end(&c, false);
	two_down(&t);
}

/* One that drains keeps nothing, yet serves who waits. */
static void test_draining(void **state)
{
	struct asker a, b, c;
	struct two t;

	(void)state;
	two_up(&t, "upstream.max_per_origin=1");
	ask_by(&t, &t.a, &a);
	exchange(&t.a, &a, &t.a.origin.peers[0]);
	ask_by(&t, &t.a, &b);
	pool_drain(t.a.pool);
	end(&a, false);
	assert_int_equal(b.lease.state, LEASE_READY);
	ask_by(&t, &t.b, &c);
	exchange(&t.a, &b, &t.a.origin.peers[0]);
	end(&b, false);
	exchange(&t.b, &c, &t.a.origin.peers[1]);
	pool_drain(t.b.pool);
	end(&c, false);
	UNTIL(&t.a, t.a.origin.peers[1].has_ended);
	two_down(&t);
}

/* A pool goes while others wait for what it keeps, and with a message to it on its way. */
static void test_a_pool_that_is_freed(void **state)
{
	struct asker a, b;
	struct two t;

	(void)state;
	two_up(&t, "upstream.max_per_origin=1");
	ask_by(&t, &t.b, &b);
	exchange(&t.b, &b, &t.a.origin.peers[0]);
	end(&b, false);
	ask_by(&t, &t.a, &a);
	assert_int_equal(a.lease.state, LEASE_QUEUED);
	t.a.beside = NULL;
	rig_down(&t.b);
	exchange(&t.a, &a, &t.a.origin.peers[1]);
	end(&a, false);
	rig_down(&t.a);
	gate_free(t.gate);
}

/* Fills an origin with connections of the first pool, and has one of the second wait, then one of the first. */
static void fill(struct two *t, struct asker *askers, int limit, struct asker *b, struct asker *a)
{
	for (int i = 0; i < limit; i++) {
		ask_by(t, &t->a, &askers[i]);
		exchange(&t->a, &askers[i], &t->a.origin.peers[i]);
	}
	ask_by(t, &t->b, b);
	ask_by(t, &t->a, a);
	assert_int_equal(a->lease.state, LEASE_QUEUED);
	assert_int_equal(b->lease.state, LEASE_QUEUED);
}

/* Up to a limit of 8 the order is strict; beyond it a connection may stay with its worker, if that is hardly unfair. */
static void test_the_slack(void **state)
{
	static const struct {
		const char *set;
		int limit;
		int64_t b_waited_ms, a_waited_ms; /* b is the head */
		bool stays;
	} cases[] = {
		{"upstream.max_per_origin=8", 8, 1, 1, false},
		{"upstream.max_per_origin=9", 9, 9, 0, true},
		{"upstream.max_per_origin=9", 9, 10000, 5100, true},
		{"upstream.max_per_origin=9", 9, 10000, 0, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct asker askers[9], a, b;
		struct two t;
		int64_t now_us;

		two_up(&t, cases[i].set);
		fill(&t, askers, cases[i].limit, &b, &a);
		now_us = clock_mono_us();
		b.lease.waiter.since_us = now_us - cases[i].b_waited_ms * 1000;
		a.lease.waiter.since_us = now_us - cases[i].a_waited_ms * 1000;
		end(&askers[0], false);
		assert_int_equal(a.lease.state, cases[i].stays ? LEASE_READY : LEASE_QUEUED);
		if (!cases[i].stays)
			UNTIL(&t.a, b.lease.state == LEASE_READY);
		assert_int_equal(b.lease.state, cases[i].stays ? LEASE_QUEUED : LEASE_READY);
		/* A place without a connection is always the head's. */
		end(&askers[1], true);
		UNTIL(&t.a, a.lease.state == LEASE_READY && b.lease.state == LEASE_READY);
		assert_true(t.a.origin.most_open <= (unsigned)cases[i].limit);
		end(&a, true);
		end(&b, true);
		for (int j = 2; j < cases[i].limit; j++)
			end(&askers[j], true);
		two_down(&t);
	}
}

/* Origins have nothing to do with each other. */
static void test_each_origin_has_its_line(void **state)
{
	struct asker a, b, c;
	struct two t;

	(void)state;
	two_up(&t, "upstream.max_per_origin=1");
	ask_by(&t, &t.a, &a);
	ask_for(&t.b, &b, &t.a.other, INT64_MAX, false);
	ask_for(&t.a, &c, &t.a.other, INT64_MAX, false);
	UNTIL(&t.a, a.lease.state == LEASE_READY && b.lease.state == LEASE_READY);
	assert_int_equal(c.lease.state, LEASE_QUEUED);
	end(&a, false);
	assert_int_equal(c.lease.state, LEASE_QUEUED);
	end(&b, false);
	UNTIL(&t.a, c.lease.state == LEASE_READY);
	end(&c, false);
	two_down(&t);
}

static void test_no_gate(void **state)
{
	(void)state;
	gate_free(NULL);
	gate_port_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_come_first_served_over_both),
		cmocka_unit_test(test_what_another_keeps_makes_room),
		cmocka_unit_test(test_a_kept_one_is_not_used_past_the_line),
		cmocka_unit_test(test_leaving_the_line),
		cmocka_unit_test(test_leaving_with_a_place),
		cmocka_unit_test(test_a_dial_that_is_given_up),
		cmocka_unit_test(test_a_dial_that_fails),
		cmocka_unit_test(test_an_upstream_that_breaks),
		cmocka_unit_test(test_a_higher_limit_lets_in),
		cmocka_unit_test(test_a_lower_limit),
		cmocka_unit_test(test_a_lower_limit_that_another_has_not_heard_of),
		cmocka_unit_test(test_draining),
		cmocka_unit_test(test_a_pool_that_is_freed),
		cmocka_unit_test(test_the_slack),
		cmocka_unit_test(test_each_origin_has_its_line),
		cmocka_unit_test(test_no_gate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
