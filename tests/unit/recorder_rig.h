/* A recorder with its ring and its backlog; the test plays the worker and the store. */
#ifndef VIADUCT_TESTS_RECORDER_RIG_H
#define VIADUCT_TESTS_RECORDER_RIG_H

#include "base/clock.h"
#include "capture/record.h"
#include "capture/recorder.h"
#include "flow_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { SLOTS = 4, TURN_MS = 50, GIVE_UP_MS = 10000 };

struct bench {
	struct loop *loop;
	struct ring *ring;
	struct backlog backlog;
	struct recorder *recorder;
	const struct observer *o;
	bool is_over;
	int overloads;
};

static inline void on_overload(void *owner, bool is_over)
{
	struct bench *b = owner;

	assert_true(b->is_over != is_over); /* never twice the same */
	b->is_over = is_over;
	b->overloads++;
}

static inline void bench_init_with(struct bench *b, size_t slots, const struct recorder_limits *limits)
{
	struct recorder_needs needs = {.limits = *limits, .on_overload = on_overload, .owner = b};

	*b = (struct bench){.loop = loop_new(), .ring = ring_new(slots, -1)};
	needs.loop = b->loop;
	needs.ring = b->ring;
	needs.backlog = &b->backlog;
	b->recorder = recorder_new(&needs);
	b->o = recorder_observer(b->recorder);
}

static inline void bench_init(struct bench *b, size_t slots)
{
	const struct recorder_limits limits = {.body_limit = 1 << 20, .memory = 1 << 30};

	bench_init_with(b, slots, &limits);
}

static inline void bench_fini(struct bench *b)
{
	struct record *r;

	recorder_free(b->recorder);
	while ((r = ring_pop(b->ring)) != NULL)
		record_free(r);
	assert_int_equal(backlog_bytes(&b->backlog), 0);
	ring_free(b->ring);
	loop_free(b->loop);
}

static inline void run_flow(struct bench *b, struct flow_fixture *f, uint64_t id)
{
	fixture_init(f, id);
	b->o->on_begin(b->o->owner, &f->x);
	b->o->on_hop(b->o->owner, &f->x, &f->hops[0]);
	b->o->on_hop(b->o->owner, &f->x, &f->hops[1]);
	b->o->on_end(b->o->owner, &f->x);
}

/* Turns until there is a record. */
static inline struct record *next_record(struct bench *b)
{
	int64_t until_us = clock_mono_us() + GIVE_UP_MS * INT64_C(1000);
	struct record *r;

	while (!(r = ring_pop(b->ring)) && clock_mono_us() < until_us)
		loop_turn(b->loop, TURN_MS);
	assert_non_null(r);
	return r;
}

#endif
