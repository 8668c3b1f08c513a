/* Batching, trying again, giving up. Not for how a backend writes. */
#include "store/hold.h"

#include "base/log.h"
#include "store/store.h"

#include <inttypes.h>

enum { FIRST_BACKOFF_US = 250000, LAST_BACKOFF_US = 10000000, PRUNE_FLOWS = 2 * STORE_BATCH_RECORDS };

void hold_init(struct hold *h, struct backend *backend, struct hold_counts *counts, int64_t max_flows)
{
	*h = (struct hold){.backend = backend, .counts = counts, .max_flows = max_flows, .has_excess = backend != NULL};
	h->end = &h->first;
}

bool hold_has_room(const struct hold *h)
{
	return h->retry_us != 0 || h->n < STORE_BATCH_RECORDS;
}

static void lose(struct hold *h, struct record *r)
{
	if (h->backend && r->facts.outcome != OUTCOME_PENDING) {
		if (h->lost_now++ == 0)
			log_error("%s: %d flows wait to be written; those that come now are lost", h->backend->name,
				STORE_HELD_MAX);
		atomic_fetch_add_explicit(&h->counts->lost, 1, memory_order_relaxed);
	}
	record_free(r);
}

void hold_add(struct hold *h, struct record *r, int64_t now_us)
{
	if (!h->backend || h->n >= STORE_HELD_MAX) {
		lose(h, r);
		return;
	}
	if (h->n++ == 0)
		h->first_us = now_us;
	r->next = NULL;
	*h->end = r;
	h->end = &r->next;
}

/* Takes the first n records out and frees them; counts those of flows that ended. */
static void release(struct hold *h, size_t n, int64_t now_us)
{
	uint64_t ended = 0;

	for (size_t i = 0; i < n; i++) {
		struct record *r = h->first;

		h->first = r->next;
		ended += r->facts.outcome != OUTCOME_PENDING;
		record_free(r);
	}
	h->n -= n;
	h->first_us = now_us;
	if (!h->first)
		h->end = &h->first;
	atomic_fetch_add_explicit(&h->counts->written, ended, memory_order_relaxed);
}

static void note_failure(struct hold *h, int64_t now_us, const char *why)
{
	if (h->retry_us == 0) {
		log_error("%s: cannot be written: %s; flows are held back and tried again", h->backend->name, why);
		h->backoff_us = FIRST_BACKOFF_US;
	} else if (h->backoff_us < LAST_BACKOFF_US) {
		h->backoff_us *= 2;
	}
	h->retry_us = now_us + h->backoff_us;
	atomic_fetch_add_explicit(&h->counts->errors, 1, memory_order_relaxed);
}

static void note_success(struct hold *h)
{
	if (h->retry_us != 0)
		log_info("%s: written again; %" PRIu64 " flows were lost", h->backend->name, h->lost_now);
	h->retry_us = 0;
	h->lost_now = 0;
}

/* One transaction; false when it failed. */
static bool write_some(struct hold *h, int64_t now_us)
{
	struct record *batch[STORE_BATCH_RECORDS];
	struct record *r = h->first;
	char why[256] = "";
	size_t n = 0, lost = 0;

	for (; r && n < STORE_BATCH_RECORDS; r = r->next)
		batch[n++] = r;
	if (!h->backend->ops->write_batch(h->backend, batch, n, &lost, why, sizeof(why))) {
		note_failure(h, now_us, why);
		return false;
	}
	note_success(h);
	if (lost > 0) {
		log_error("%s: %zu flows could not be written and are lost", h->backend->name, lost);
		atomic_fetch_add_explicit(&h->counts->lost, lost, memory_order_relaxed);
	}
	release(h, n, now_us);
	h->has_excess = true;
	return true;
}

/* Twice as many as a batch brings, so that the file cannot outgrow its limit, and not more, so that the rings are looked at in
 * between; goes on until there is no excess. */
static void prune(struct hold *h, int64_t now_us)
{
	char why[256] = "";
	bool more = false;

	if (!h->backend->ops->prune(h->backend, h->max_flows, PRUNE_FLOWS, &more, why, sizeof(why))) {
		note_failure(h, now_us, why);
		return;
	}
	note_success(h);
	h->has_excess = more;
}

/* True when the oldest record has waited long enough, or there are many, or it is time to try again. */
static bool is_due(const struct hold *h, int64_t now_us, bool is_last)
{
	if (h->n == 0)
		return false;
	return is_last || h->n >= STORE_BATCH_RECORDS || now_us - h->first_us >= STORE_BATCH_MS * INT64_C(1000);
}

void hold_work(struct hold *h, int64_t now_us, bool is_last)
{
	if (!h->backend || (h->retry_us > now_us && !is_last))
		return;
	while (is_due(h, now_us, is_last)) {
		if (!write_some(h, now_us))
			return;
	}
	if (h->has_excess && !is_last)
		prune(h, now_us);
}

int64_t hold_due_us(const struct hold *h)
{
	if (h->retry_us != 0)
		return h->retry_us;
	if (h->has_excess)
		return 0;
	return h->n > 0 ? h->first_us + STORE_BATCH_MS * INT64_C(1000) : INT64_MAX;
}

void hold_fini(struct hold *h)
{
	if (h->n > 0)
		log_error("%s: %zu flows could not be written and are lost", h->backend->name, h->n);
	while (h->first) {
		struct record *r = h->first;

		h->first = r->next;
		record_free(r);
		atomic_fetch_add_explicit(&h->counts->lost, 1, memory_order_relaxed);
	}
	if (h->backend)
		h->backend->ops->close(h->backend);
}
