/* See hold_relief.h. Workers stop taking requests when too much waits for the store (capture/recorder.h), so what is held back
 * for a backend that fails must not count there: it has bounds of its own. */
#include "store/hold_relief.h"

#include "base/log.h"
#include "store/store.h"

bool hold_is_flow(const struct record *r)
{
	return r->kind == RECORD_FLOW && r->facts.outcome != OUTCOME_PENDING;
}

static void unweigh(struct record *r)
{
	if (r->backlog)
		atomic_fetch_sub_explicit(&r->backlog->bytes, r->weight, memory_order_relaxed);
	r->backlog = NULL;
}

void hold_relieve_all(struct hold *h)
{
	for (struct record *r = h->first; r; r = r->next)
		unweigh(r);
}

/* The pieces of a body come in many records, so those that were cut of late are known by what they are; a body that is cut,
 * forgotten and met again is counted twice. True if it was not known. */
static bool count_body(struct hold *h, uint64_t id, const struct body_part *p)
{
	uint64_t key = id << 17 | (uint64_t)(p->hop & 0xffff) << 1 | (p->direction == BODY_UP ? 0 : 1);

	for (size_t i = 0; i < HOLD_CUT_BODIES; i++) {
		if (h->cut_bodies[i] == key)
			return false;
	}
	h->cut_bodies[h->cut_at++ % HOLD_CUT_BODIES] = key;
	h->cut_now++;
	atomic_fetch_add_explicit(&h->backlog->bodies_cut_store, 1, memory_order_relaxed);
	return true;
}

/* How many bodies are cut for the first time. */
static size_t count_cuts(struct hold *h, const struct record *r)
{
	size_t n = 0;

	for (const struct body_part *p = r->parts; p; p = p->next)
		n += p->len > 0 && count_body(h, r->facts.id, p);
	return n;
}

static void lose(struct hold *h, struct record *r)
{
	(void)count_cuts(h, r);
	if (hold_is_flow(r)) {
		if (h->lost_now++ == 0)
			log_error("%s: %zu records (%zu kB) wait to be written; flows that end now are lost", h->backend->name,
				h->n, h->bytes / 1000);
		atomic_fetch_add_explicit(&h->counts->lost, 1, memory_order_relaxed);
	}
	record_free(r);
}

static size_t held_bytes_max(const struct hold *h)
{
	return h->limits.memory > STORE_HELD_BYTES / 4 ? 4 * h->limits.memory : STORE_HELD_BYTES;
}

/* Of a body that goes on in other records, the first that is cut says so, and stays; those behind it have nothing more to say.
 * False: the record is of no use any more. */
static bool cut(struct hold *h, struct record *r)
{
	size_t n = count_cuts(h, r);

	record_cut_bodies(r, CUT_STORE);
	return n > 0 || r->kind == RECORD_FLOW;
}

struct record *hold_relieve(struct hold *h, struct record *r)
{
	bool is_tight = h->bytes + r->weight > h->limits.memory / 2;

	unweigh(r);
	if (r->parts && is_tight && !cut(h, r)) {
		record_free(r);
		return NULL;
	}
	if (h->n < STORE_HELD_MAX && h->bytes + r->weight <= held_bytes_max(h))
		return r;
	lose(h, r);
	return NULL;
}
