/* The pool where a tunnel was opened: a request goes where the tunnel leads, on the connection that was begun for it. */
#include "pool_rig.h"

/* For a URL, by the way of this origin, with a prime or without (NULL). */
static void ask_by(struct rig *r, struct asker *a, const char *url, struct authority *to, struct lease *prime)
{
	*a = (struct asker){.arena = arena_new(1 << 16)};
	a->url = url_read(a->arena, url);
	a->lease = (struct lease){.on_change = on_change,
		.owner = a,
		.arena = a->arena,
		.url = &a->url,
		.to = to,
		.prime = prime,
		.max_idle_us = INT64_MAX};
	pool_lease(r->pool, &a->lease);
}

static struct authority authority_of(const struct origin *o)
{
	return (struct authority){.host = STR("127.0.0.1"), .kind = HOST_IPV4, .port = address_port(&o->address)};
}

static void test_goes_where_the_tunnel_leads(void **state)
{
	struct authority to;
	struct asker a, b;
	struct rig r;

	(void)state;
	rig_up(&r, NULL);
	to = authority_of(&r.origin);
	ask_by(&r, &a, "http://nowhere.invalid/", &to, NULL);
	exchange(&r, &a, &r.origin.peers[0]);
	end(&a, false);
	/* It is an upstream of that place like any other. */
	ask(&r, &b);
	assert_int_equal(b.lease.state, LEASE_READY);
	assert_true(b.lease.is_reused);
	end(&b, false);
	assert_int_equal(r.origin.n, 1);
	rig_down(&r);
}

static void test_a_prime_that_is_ready_is_used(void **state)
{
	struct authority to;
	struct asker raw, a;
	struct rig r;

	(void)state;
	rig_up(&r, NULL);
	to = authority_of(&r.origin);
	ask_for(&r, &raw, &r.origin, INT64_MAX, true);
	UNTIL(&r, raw.lease.state == LEASE_READY && r.origin.n == 1);
	ask_by(&r, &a, "http://name.test/", &to, &raw.lease);
	assert_int_equal(raw.lease.state, LEASE_ENDED);
	exchange(&r, &a, &r.origin.peers[0]);
	assert_false(a.lease.is_reused);
	end(&a, false);
	end(&raw, true);
	assert_int_equal(r.origin.n, 1);
	/* And kept, though it was raw once. */
	ask(&r, &a);
	assert_int_equal(a.lease.state, LEASE_READY);
	end(&a, false);
	rig_down(&r);
}

static void test_a_prime_under_way_is_used(void **state)
{
	struct authority to;
	struct asker raw, a;
	struct rig r;

	(void)state;
	rig_up(&r, NULL);
	to = authority_of(&r.origin);
	ask_for(&r, &raw, &r.origin, INT64_MAX, true);
	assert_int_equal(raw.lease.state, LEASE_DIALLING);
	ask_by(&r, &a, "http://name.test/", &to, &raw.lease);
	assert_int_equal(raw.lease.state, LEASE_ENDED);
	end(&raw, true);
	exchange(&r, &a, &r.origin.peers[0]);
	end(&a, false);
	assert_int_equal(r.origin.n, 1);
	rig_down(&r);
}

static void test_a_prime_that_failed_is_no_obstacle(void **state)
{
	struct authority to;
	struct asker raw, a;
	struct rig r;

	(void)state;
	rig_up(&r, NULL);
	to = authority_of(&r.origin);
	r.refusal = ERR_loop_detected;
	ask_for(&r, &raw, &r.origin, INT64_MAX, true);
	UNTIL(&r, raw.lease.state == LEASE_FAILED);
	r.refusal = ERR_none;
	ask_by(&r, &a, "http://name.test/", &to, &raw.lease);
	exchange(&r, &a, &r.origin.peers[0]);
	end(&a, false);
	end(&raw, true);
	rig_down(&r);
}

/* The origin said something, or went, before anything was asked. */
static void test_a_prime_that_was_spoken_to_is_not_used(void **state)
{
	struct authority to;
	struct asker raw, a;
	struct bufq q;
	struct rig r;
	size_t n;

	(void)state;
	rig_up(&r, NULL);
	to = authority_of(&r.origin);
	ask_for(&r, &raw, &r.origin, INT64_MAX, true);
	UNTIL(&r, raw.lease.state == LEASE_READY && r.origin.n == 1);
	bufq_init(&q, r.bufpool);
	bufq_append_str(&q, STR("220 hello\r\n"));
	assert_int_equal(transport_write(r.origin.peers[0].t, &q, &n), IO_DONE);
	UNTIL(&r, raw.lease.stream->in.len > 0);
	ask_by(&r, &a, "http://name.test/", &to, &raw.lease);
	assert_int_equal(raw.lease.state, LEASE_READY);
	exchange(&r, &a, &r.origin.peers[1]);
	end(&a, false);
	end(&raw, true);
	rig_down(&r);
}

static void test_a_kept_one_goes_before_a_prime(void **state)
{
	struct authority to;
	struct asker raw, a;
	struct rig r;

	(void)state;
	rig_up(&r, NULL);
	to = authority_of(&r.origin);
	ask(&r, &a);
	exchange(&r, &a, &r.origin.peers[0]);
	end(&a, false);
	ask_for(&r, &raw, &r.origin, INT64_MAX, true);
	UNTIL(&r, raw.lease.state == LEASE_READY && r.origin.n == 2);
	ask_by(&r, &a, "http://name.test/", &to, &raw.lease);
	assert_int_equal(a.lease.state, LEASE_READY);
	assert_true(a.lease.is_reused);
	assert_int_equal(raw.lease.state, LEASE_READY);
	end(&a, false);
	end(&raw, true);
	rig_down(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_goes_where_the_tunnel_leads),
		cmocka_unit_test(test_a_prime_that_is_ready_is_used),
		cmocka_unit_test(test_a_prime_under_way_is_used),
		cmocka_unit_test(test_a_prime_that_failed_is_no_obstacle),
		cmocka_unit_test(test_a_prime_that_was_spoken_to_is_not_used),
		cmocka_unit_test(test_a_kept_one_goes_before_a_prime),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
