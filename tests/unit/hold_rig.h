/* A hold with a backend that does as it is told, and a clock that stands until it is moved on. */
#ifndef VIADUCT_TESTS_HOLD_RIG_H
#define VIADUCT_TESTS_HOLD_RIG_H

#include "base/clock.h"
#include "base/mem.h"
#include "store/hold.h"
#include "store/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { MS = 1000, S = 1000 * MS, MEMORY = 1 << 20 };

struct fake {
	struct backend base;
	enum backend_fault fault;       /* of what is written or pruned */
	enum backend_fault prune_fault; /* of what is pruned, where that is none */
	enum backend_place place;
	bool can_renew, has_more, mends; /* mends: renew ends the fault */
	size_t batches, records, last_n, cut_parts, whole_parts, renewals, damaged, looks, prunes, sessions;
	struct backend_limits limits;
};

static inline struct fake *fake_of(struct backend *b)
{
	return (struct fake *)(void *)b;
}

static inline enum backend_fault fake_write(struct backend *b, struct record *const *records, size_t n,
	const struct redactor *redactor, size_t *ret_lost, char *ret_why, size_t size)
{
	struct fake *f = fake_of(b);

	(void)redactor;
	(void)ret_lost;
	if (f->fault != FAULT_NONE) {
		snprintf(ret_why, size, "told to");
		return f->fault;
	}
	f->batches++;
	f->records += n;
	f->last_n = n;
	for (size_t i = 0; i < n; i++) {
		for (const struct body_part *p = records[i]->parts; p; p = p->next) {
			f->cut_parts += p->cut == CUT_STORE;
			f->whole_parts += p->cut == CUT_NONE;
		}
	}
	return FAULT_NONE;
}

static inline enum backend_fault fake_prune(struct backend *b, const struct backend_limits *limits, size_t limit,
	bool *ret_more, char *ret_why, size_t size)
{
	struct fake *f = fake_of(b);

	assert_true(limit > 0);
	if (f->fault != FAULT_NONE || f->prune_fault != FAULT_NONE) {
		snprintf(ret_why, size, "told to");
		return f->fault != FAULT_NONE ? f->fault : f->prune_fault;
	}
	f->prunes++;
	f->limits = *limits;
	*ret_more = f->has_more;
	return FAULT_NONE;
}

static inline enum backend_fault fake_begin_session(struct backend *b, struct str name, bool is_import, struct str log_json,
	int64_t *ret_id, char *ret_why, size_t size)
{
	struct fake *f = fake_of(b);

	(void)name;
	(void)is_import;
	(void)log_json;
	if (f->fault != FAULT_NONE) {
		snprintf(ret_why, size, "told to");
		return f->fault;
	}
	*ret_id = (int64_t)++f->sessions;
	return FAULT_NONE;
}

static inline enum backend_place fake_look(struct backend *b)
{
	fake_of(b)->looks++;
	return fake_of(b)->place;
}

static inline bool fake_renew(struct backend *b, bool is_damaged, char *ret_why, size_t size)
{
	struct fake *f = fake_of(b);

	snprintf(ret_why, size, "%s", f->can_renew ? "" : "told not to");
	f->renewals++;
	f->damaged += is_damaged;
	if (!f->can_renew)
		return false;
	f->place = PLACE_SAME;
	if (f->mends)
		f->fault = FAULT_NONE;
	return true;
}

static inline uint64_t fake_next_id(const struct backend *b)
{
	(void)b;
	return 1;
}

static inline void fake_close(struct backend *b)
{
	(void)b;
}

static const struct backend_ops fake_ops = {
	.write_batch = fake_write,
	.prune = fake_prune,
	.begin_session = fake_begin_session,
	.look = fake_look,
	.renew = fake_renew,
	.next_id = fake_next_id,
	.close = fake_close,
};

struct bench {
	struct fake fake;
	struct backlog backlog;
	struct hold_counts counts;
	struct hold hold;
	int64_t now_us;
	uint64_t next_id;
};

static inline int set_up(void **state)
{
	struct bench *b = mem_calloc(1, sizeof(*b));
	struct hold_limits limits = {.max_flows = 1000, .memory = MEMORY};

	b->fake.base = (struct backend){.ops = &fake_ops, .name = "fake"};
	b->fake.can_renew = true;
	b->now_us = 100 * S;
	b->next_id = 1;
	hold_init(&b->hold, &b->fake.base, &b->backlog, &b->counts, &limits);
	hold_work(&b->hold, b->now_us, false); /* the prune of the beginning */
	*state = b;
	return 0;
}

static inline int tear_down(void **state)
{
	struct bench *b = *state;

	hold_fini(&b->hold);
	assert_int_equal(backlog_bytes(&b->backlog), 0);
	mem_free(b);
	return 0;
}

static inline void add_part(struct record *r, uint64_t offset, size_t bytes)
{
	struct body_part *p = body_part_new(1, BODY_DOWN, offset, bytes);

	memset(p->bytes, 'x', bytes);
	p->len = bytes;
	record_add_part(r, p);
}

/* A flow that has ended, with a body of so many bytes. */
static inline void add_flow(struct bench *b, size_t bytes)
{
	struct exchange_facts x = {.id = b->next_id++, .outcome = OUTCOME_DELIVERED};
	struct record *r = record_new(&x);

	if (bytes > 0)
		add_part(r, 0, bytes);
	record_weigh(r, &b->backlog);
	hold_add(&b->hold, r, b->now_us);
}

static inline void add_piece(struct bench *b, uint64_t id, uint64_t offset, size_t bytes)
{
	struct record *r = record_new_body(id);

	add_part(r, offset, bytes);
	record_weigh(r, &b->backlog);
	hold_add(&b->hold, r, b->now_us);
}

/* Time passes, and what is due is done. */
static inline void pass(struct bench *b, int64_t us)
{
	b->now_us += us;
	hold_work(&b->hold, b->now_us, false);
}

static inline uint64_t count(const atomic_uint_fast64_t *n)
{
	return atomic_load(n);
}

#define HOLD_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
