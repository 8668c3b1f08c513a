/* The recorder: one record per flow, glimpses of long ones, and waiting when the store does not keep up. */
#include "recorder_rig.h"

#include <pthread.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_one_record(void **state)
{
	struct flow_fixture f;
	struct bench b;
	struct record *r;

	(void)state;
	bench_init(&b, SLOTS);
	run_flow(&b, &f, 5);
	r = ring_pop(b.ring);
	assert_non_null(r);
	assert_int_equal(r->facts.id, 5);
	assert_int_equal(r->facts.outcome, OUTCOME_DELIVERED);
	assert_false(r->is_again);
	assert_null(ring_pop(b.ring));
	record_free(r);
	bench_fini(&b);
}

/* A flow that stays open is seen as pending, again when it changed, and only then. */
static void test_glimpses(void **state)
{
	struct flow_fixture f;
	struct bench b;
	struct record *r;
	int64_t began_us = clock_mono_us();

	(void)state;
	bench_init(&b, 64);
	fixture_init(&f, 9);
	f.x.outcome = OUTCOME_PENDING;
	f.x.hops_n = 1;
	b.o->on_begin(b.o->owner, &f.x);
	r = next_record(&b);
	assert_true(clock_mono_us() - began_us >= (RECORDER_OPEN_MS - 10) * 1000);
	assert_int_equal(r->facts.outcome, OUTCOME_PENDING);
	assert_false(r->is_again);
	record_free(r);

	f.x.response_body_bytes += 10;
	r = next_record(&b);
	assert_int_equal(r->facts.response_body_bytes, 1244);
	assert_true(r->is_again);
	record_free(r);

	for (int64_t until_us = clock_mono_us() + 1500000; clock_mono_us() < until_us;)
		loop_turn(b.loop, TURN_MS);
	assert_null(ring_pop(b.ring));

	f.x.outcome = OUTCOME_CANCELLED;
	b.o->on_end(b.o->owner, &f.x);
	r = next_record(&b);
	assert_int_equal(r->facts.outcome, OUTCOME_CANCELLED);
	assert_true(r->is_again);
	record_free(r);
	bench_fini(&b);
}

/* How a tunnel is handled turns out while it is open; that is a change, though no byte went through. */
static void test_glimpse_of_handling(void **state)
{
	struct flow_fixture f;
	struct bench b;
	struct record *r;

	(void)state;
	bench_init(&b, 64);
	fixture_init(&f, 9);
	fixture_tunnel(&f);
	f.x.outcome = OUTCOME_PENDING;
	b.o->on_begin(b.o->owner, &f.x);
	r = next_record(&b);
	assert_null(r->facts.client_tls);
	record_free(r);
	f.x.tunnel.handling = TUNNEL_TLS;
	r = next_record(&b);
	assert_int_equal(r->facts.tunnel.handling, TUNNEL_TLS);
	assert_null(r->facts.client_tls);
	record_free(r);
	f.x.client_tls = &f.client_leg;
	r = next_record(&b);
	assert_non_null(r->facts.client_tls);
	record_free(r);
	f.x.outcome = OUTCOME_DELIVERED;
	b.o->on_end(b.o->owner, &f.x);
	record_free(next_record(&b));
	bench_fini(&b);
}

/* The ring is full: nothing is lost, order stays, and the worker is told once that it must wait and once that it may go on. */
static void test_overload(void **state)
{
	enum { FLOWS = 50 };
	struct flow_fixture f;
	struct bench b;

	(void)state;
	bench_init(&b, SLOTS);
	for (uint64_t id = 1; id <= FLOWS; id++) {
		run_flow(&b, &f, id);
		assert_int_equal(b.is_over, id > SLOTS);
	}
	assert_int_equal(b.overloads, 1);
	for (uint64_t id = 1; id <= FLOWS; id++) {
		struct record *r = next_record(&b);

		assert_int_equal(r->facts.id, id);
		record_free(r);
	}
	for (int64_t until_us = clock_mono_us() + GIVE_UP_MS * INT64_C(1000); b.is_over && clock_mono_us() < until_us;)
		loop_turn(b.loop, TURN_MS);
	assert_false(b.is_over);
	assert_int_equal(b.overloads, 2);
	run_flow(&b, &f, 1000);
	assert_int_equal(b.overloads, 2);
	bench_fini(&b);
}

static void *pop_all(void *arg)
{
	struct ring *ring = arg;

	for (int n = 0; n < 50;) {
		struct record *r = ring_pop(ring);

		n += r != NULL;
		record_free(r);
	}
	return NULL;
}

/* The end waits until everything is handed over. */
static void test_free_hands_over(void **state)
{
	struct flow_fixture f;
	struct bench b;
	pthread_t thread;

	(void)state;
	bench_init(&b, SLOTS);
	for (uint64_t id = 1; id <= 50; id++)
		run_flow(&b, &f, id);
	assert_int_equal(pthread_create(&thread, NULL, pop_all, b.ring), 0);
	recorder_free(b.recorder);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_null(ring_pop(b.ring));
	ring_free(b.ring);
	loop_free(b.loop);
}

/* Many in flight at once, ending in another order. */
static void test_many_open(void **state)
{
	enum { FLOWS = 3000 };
	static struct flow_fixture f[FLOWS];
	struct bench b;

	(void)state;
	bench_init(&b, 4096);
	for (size_t i = 0; i < FLOWS; i++) {
		fixture_init(&f[i], i * 4 + 1);
		b.o->on_begin(b.o->owner, &f[i].x);
	}
	for (size_t i = 0; i < FLOWS; i++)
		b.o->on_end(b.o->owner, &f[i * 7 % FLOWS].x);
	for (size_t i = 0; i < FLOWS; i++) {
		struct record *r = ring_pop(b.ring);

		assert_non_null(r);
		assert_int_equal(r->facts.id, i * 7 % FLOWS * 4 + 1);
		record_free(r);
	}
	assert_null(ring_pop(b.ring));
	bench_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_record),
		cmocka_unit_test(test_glimpses),
		cmocka_unit_test(test_glimpse_of_handling),
		cmocka_unit_test(test_overload),
		cmocka_unit_test(test_free_hands_over),
		cmocka_unit_test(test_many_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
