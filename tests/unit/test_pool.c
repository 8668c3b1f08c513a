/* The pool against origins on loopback: what is kept and used again, and for how long. */
#include "pool_rig.h"

static void test_an_upstream_is_used_again(void **state)
{
	struct asker a, b;
	struct rig r;

	(void)state;
	rig_up(&r, NULL);
	ask(&r, &a);
	assert_int_equal(a.lease.state, LEASE_DIALLING);
	assert_int_equal(a.changes, 0);
	exchange(&r, &a, &r.origin.peers[0]);
	assert_true(a.changes > 0);
	assert_false(a.lease.is_reused);
	assert_true(a.lease.connect_us >= 0);
	assert_int_equal(a.lease.resolve_us, -1);
	assert_int_equal(a.lease.tls_us, -1);
	assert_int_equal(a.lease.queue_us, -1);
	assert_true(address_eq(&a.lease.peer, &r.origin.address));
	end(&a, false);
	ask(&r, &b);
	assert_int_equal(b.lease.state, LEASE_READY);
	assert_true(b.lease.is_reused);
	assert_int_equal(b.lease.connect_us, -1);
	assert_true(address_eq(&b.lease.peer, &r.origin.address));
	exchange(&r, &b, &r.origin.peers[0]);
	end(&b, false);
	assert_int_equal(r.origin.n, 1);
	rig_down(&r);
}

static void test_origins_do_not_share(void **state)
{
	struct asker a, b, c;
	struct rig r;

	(void)state;
	rig_up(&r, NULL);
	ask(&r, &a);
	exchange(&r, &a, &r.origin.peers[0]);
	end(&a, false);
	ask_for(&r, &b, &r.other, INT64_MAX, false);
	assert_int_equal(b.lease.state, LEASE_DIALLING);
	ask_for(&r, &c, &r.origin, INT64_MAX, true);
	assert_int_equal(c.lease.state, LEASE_DIALLING);
	UNTIL(&r, b.lease.state == LEASE_READY && c.lease.state == LEASE_READY);
	assert_true(c.lease.stream->is_raw);
	end(&b, false);
	end(&c, false);
	rig_down(&r);
}

static void test_a_tunnel_is_not_kept(void **state)
{
	struct asker a;
	struct rig r;

	(void)state;
	rig_up(&r, NULL);
	ask_for(&r, &a, &r.origin, INT64_MAX, true);
	UNTIL(&r, a.lease.state == LEASE_READY && r.origin.n == 1);
	end(&a, false);
	UNTIL(&r, r.origin.peers[0].has_ended);
	rig_down(&r);
}

static void test_nobody_listens(void **state)
{
	struct asker a;
	struct rig r;

	(void)state;
	rig_up(&r, NULL);
	listener_free(r.origin.listener);
	ask(&r, &a);
	UNTIL(&r, a.lease.state == LEASE_FAILED);
	assert_int_equal(a.lease.error, ERR_connect_refused);
	assert_true(address_eq(&a.lease.peer, &r.origin.address));
	end(&a, false);
	lease_end(&a.lease, true);
	origin_up(&r.origin, &r);
	rig_down(&r);
}

static void test_idle_ones_expire(void **state)
{
	struct asker a, b;
	struct rig r;

	(void)state;
	rig_up(&r, "upstream.idle_timeout=40ms");
	ask(&r, &a);
	ask(&r, &b);
	exchange(&r, &a, &r.origin.peers[0]);
	exchange(&r, &b, &r.origin.peers[1]);
	end(&a, false);
	end(&b, false);
	UNTIL(&r, r.origin.peers[0].has_ended && r.origin.peers[1].has_ended);
	ask(&r, &a);
	assert_int_equal(a.lease.state, LEASE_DIALLING);
	exchange(&r, &a, &r.origin.peers[2]);
	/* In use nothing expires. */
	assert_false(r.origin.peers[2].has_ended);
	end(&a, false);
	rig_down(&r);
}

static void test_none_is_kept_with_a_timeout_of_0(void **state)
{
	struct asker a;
	struct rig r;

	(void)state;
	rig_up(&r, "upstream.idle_timeout=0");
	ask(&r, &a);
	exchange(&r, &a, &r.origin.peers[0]);
	end(&a, false);
	UNTIL(&r, r.origin.peers[0].has_ended);
	rig_down(&r);
}

static void test_the_oldest_idle_one_goes_first(void **state)
{
	struct asker a, b, c;
	struct rig r;

	(void)state;
	rig_up(&r, "upstream.max_idle=2");
	ask_for(&r, &a, &r.other, INT64_MAX, false);
	exchange(&r, &a, &r.other.peers[0]);
	ask(&r, &b);
	exchange(&r, &b, &r.origin.peers[0]);
	ask(&r, &c);
	exchange(&r, &c, &r.origin.peers[1]);
	end(&a, false);
	end(&b, false);
	end(&c, false);
	UNTIL(&r, r.other.peers[0].has_ended);
	assert_false(r.origin.peers[0].has_ended);
	/* Of one origin the latest is taken first: it is the least likely to be stale. */
	ask(&r, &a);
	assert_int_equal(a.lease.state, LEASE_READY);
	exchange(&r, &a, &r.origin.peers[1]);
	end(&a, false);
	rig_down(&r);
}

static void test_an_idle_one_that_the_origin_closes_is_gone(void **state)
{
	struct asker a;
	struct rig r;

	(void)state;
	for (int abort = 0; abort < 2; abort++) {
		rig_up(&r, NULL);
		ask(&r, &a);
		exchange(&r, &a, &r.origin.peers[0]);
		end(&a, false);
		peer_close(&r.origin.peers[0], abort != 0);
		for (int i = 0; i < 3; i++)
			loop_turn(r.loop, 10);
		ask(&r, &a);
		assert_int_equal(a.lease.state, LEASE_DIALLING);
		exchange(&r, &a, &r.origin.peers[1]);
		end(&a, false);
		rig_down(&r);
	}
}

/* Bytes that nobody asked for must not become the answer to the next request. */
static void test_an_idle_one_that_speaks_is_closed(void **state)
{
	struct bufq out;
	struct asker a;
	struct rig r;
	size_t n;

	(void)state;
	rig_up(&r, NULL);
	ask(&r, &a);
	exchange(&r, &a, &r.origin.peers[0]);
	end(&a, false);
	bufq_init(&out, r.bufpool);
	bufq_append_str(&out, STR("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
	assert_int_equal(transport_write(r.origin.peers[0].t, &out, &n), IO_DONE);
	UNTIL(&r, r.origin.peers[0].has_ended);
	ask(&r, &a);
	assert_int_equal(a.lease.state, LEASE_DIALLING);
	end(&a, false);
	rig_down(&r);
}

/* One that was in use when the settings changed was made under the old ones too. */
static void test_one_in_use_does_not_outlive_the_settings(void **state)
{
	struct asker a, b;
	struct rig r;

	(void)state;
	rig_up(&r, NULL);
	ask(&r, &a);
	ask(&r, &b);
	UNTIL(&r, a.lease.state == LEASE_READY);
	rig_set(&r, "upstream.max_idle=100");
	exchange(&r, &a, &r.origin.peers[0]);
	end(&a, false);
	/* As is one whose dial was under way. */
	UNTIL(&r, b.lease.state == LEASE_READY);
	exchange(&r, &b, &r.origin.peers[1]);
	end(&b, false);
	UNTIL(&r, r.origin.peers[0].has_ended && r.origin.peers[1].has_ended);
	ask(&r, &a);
	assert_int_equal(a.lease.state, LEASE_DIALLING);
	end(&a, true);
	rig_down(&r);
}

static void test_draining(void **state)
{
	struct asker a, b;
	struct rig r;

	(void)state;
	rig_up(&r, NULL);
	ask(&r, &a);
	exchange(&r, &a, &r.origin.peers[0]);
	ask(&r, &b);
	exchange(&r, &b, &r.origin.peers[1]);
	end(&b, false);
	pool_drain(r.pool);
	UNTIL(&r, r.origin.peers[1].has_ended);
	assert_false(r.origin.peers[0].has_ended);
	end(&a, false);
	UNTIL(&r, r.origin.peers[0].has_ended);
	/* What is under way may still ask. */
	ask(&r, &a);
	exchange(&r, &a, &r.origin.peers[2]);
	end(&a, false);
	UNTIL(&r, r.origin.peers[2].has_ended);
	rig_down(&r);
}

static void test_new_settings_count(void **state)
{
	struct asker a, b;
	struct rig r;

	(void)state;
	rig_up(&r, NULL);
	ask(&r, &a);
	exchange(&r, &a, &r.origin.peers[0]);
	end(&a, false);
	/* What is idle was made under the old ones. */
	rig_set(&r, "upstream.max_per_origin=1");
	UNTIL(&r, r.origin.peers[0].has_ended);
	ask(&r, &a);
	ask(&r, &b);
	assert_int_equal(b.lease.state, LEASE_QUEUED);
	end(&b, false);
	end(&a, false);
	rig_down(&r);
}

/* The address of a kept upstream is checked too: refused, it is passed over, and left to others. */
static void test_a_kept_one_that_is_refused(void **state)
{
	struct asker a, b;
	struct rig r;

	(void)state;
	rig_up(&r, NULL);
	ask(&r, &a);
	exchange(&r, &a, &r.origin.peers[0]);
	end(&a, false);
	ask_refusing(&r, &b, 1);
	assert_int_equal(b.lease.state, LEASE_DIALLING);
	exchange(&r, &b, &r.origin.peers[1]);
	assert_int_equal(b.checks, 2);
	assert_false(b.lease.is_reused);
	assert_false(r.origin.peers[0].has_ended);
	ask_refusing(&r, &a, 0);
	assert_int_equal(a.lease.state, LEASE_READY);
	assert_int_equal(a.checks, 1);
	exchange(&r, &a, &r.origin.peers[0]);
	end(&a, false);
	end(&b, false);
	/* The pool's own check comes first. */
	r.refusal = ERR_loop_detected;
	ask_refusing(&r, &a, 0);
	UNTIL(&r, a.lease.state == LEASE_FAILED);
	assert_int_equal(a.lease.error, ERR_loop_detected);
	assert_int_equal(a.checks, 0);
	end(&a, false);
	rig_down(&r);
}

static void test_all_addresses_refused(void **state)
{
	struct asker a;
	struct rig r;

	(void)state;
	rig_up(&r, NULL);
	ask_refusing(&r, &a, 9);
	UNTIL(&r, a.lease.state == LEASE_FAILED);
	assert_int_equal(a.lease.error, ERR_target_returned);
	assert_true(address_eq(&a.lease.peer, &r.origin.address));
	assert_true(a.lease.detail[0] != '\0');
	assert_int_equal(r.origin.n, 0);
	end(&a, false);
	rig_down(&r);
}

static void test_no_pool(void **state)
{
	(void)state;
	pool_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_upstream_is_used_again),
		cmocka_unit_test(test_origins_do_not_share),
		cmocka_unit_test(test_a_tunnel_is_not_kept),
		cmocka_unit_test(test_nobody_listens),
		cmocka_unit_test(test_idle_ones_expire),
		cmocka_unit_test(test_none_is_kept_with_a_timeout_of_0),
		cmocka_unit_test(test_the_oldest_idle_one_goes_first),
		cmocka_unit_test(test_an_idle_one_that_the_origin_closes_is_gone),
		cmocka_unit_test(test_an_idle_one_that_speaks_is_closed),
		cmocka_unit_test(test_one_in_use_does_not_outlive_the_settings),
		cmocka_unit_test(test_draining),
		cmocka_unit_test(test_new_settings_count),
		cmocka_unit_test(test_a_kept_one_that_is_refused),
		cmocka_unit_test(test_all_addresses_refused),
		cmocka_unit_test(test_no_pool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
