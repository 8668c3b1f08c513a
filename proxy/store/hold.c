/* Batching, trying again, going on in another file, giving up. Not for how a backend writes; not for memory: hold_relief.c. */
#include "store/hold.h"

#include "base/clock.h"
#include "base/log.h"
#include "store/har/har_hide.h"
#include "store/hold_relief.h"
#include "store/store.h"

#include <inttypes.h>
#include <stdio.h>

enum { FIRST_BACKOFF_US = 250000, LAST_BACKOFF_US = 10000000, PRUNE_FLOWS = 2 * STORE_BATCH_RECORDS, WHY_BYTES = 512 };
enum { LOOK_US = 1000000, AGE_LOOK_US = 30000000, PRUNE_US = 500000 };
/* A disk that damages whatever is written must not be filled with files that were set aside; failures of which opening anew may
 * help (a network file system that was mounted again) are rare. */
enum { DAMAGED_AGAIN_US = 60000000, FAILURES_TO_REOPEN = 4 };

void hold_init(struct hold *h, struct backend *backend, struct backlog *backlog, struct hold_counts *counts,
	const struct hold_limits *limits)
{
	*h = (struct hold){.backend = backend, .backlog = backlog, .counts = counts};
	h->end = &h->first;
	hold_set_limits(h, limits);
}

void hold_set_limits(struct hold *h, const struct hold_limits *limits)
{
	h->limits = *limits;
	h->has_excess = h->backend != NULL;
}

bool hold_has_room(const struct hold *h)
{
	return h->retry_us != 0 || (h->n < STORE_BATCH_RECORDS && h->bytes < STORE_BATCH_BYTES);
}

/* What is not told by the backlog. */
static void publish_held(struct hold *h)
{
	atomic_store_explicit(&h->counts->held_bytes, h->retry_us != 0 ? h->bytes : 0, memory_order_relaxed);
}

void hold_add(struct hold *h, struct record *r, int64_t now_us)
{
	if (!h->backend) {
		record_free(r);
		return;
	}
	if (h->retry_us != 0)
		r = hold_relieve(h, r);
	if (!r)
		return;
	if (h->n++ == 0)
		h->first_us = now_us;
	h->bytes += r->weight;
	r->next = NULL;
	*h->end = r;
	h->end = &r->next;
	publish_held(h);
}

/* Takes the first n records out and frees them; counts those of flows that ended. */
static void release(struct hold *h, size_t n, int64_t now_us)
{
	uint64_t ended = 0;

	for (size_t i = 0; i < n; i++) {
		struct record *r = h->first;

		h->first = r->next;
		h->bytes -= r->weight;
		ended += hold_is_flow(r);
		record_free(r);
	}
	h->n -= n;
	h->first_us = now_us;
	if (!h->first)
		h->end = &h->first;
	atomic_fetch_add_explicit(&h->counts->written, ended, memory_order_relaxed);
	publish_held(h);
}

static void note_failure(struct hold *h, int64_t now_us, const char *why)
{
	if (h->retry_us == 0) {
		log_error("%s: cannot be written: %s; flows are held back and tried again", h->backend->name, why);
		h->backoff_us = FIRST_BACKOFF_US;
		hold_relieve_all(h);
	} else if (h->backoff_us < LAST_BACKOFF_US) {
		h->backoff_us *= 2;
	}
	h->retry_us = now_us + h->backoff_us;
	publish_held(h);
	if (++h->failures % FAILURES_TO_REOPEN == 0 && h->renewal == RENEWAL_NONE)
		h->renewal = RENEWAL_REOPEN;
	atomic_fetch_add_explicit(&h->counts->errors, 1, memory_order_relaxed);
}

static void note_success(struct hold *h)
{
	atomic_store_explicit(&h->counts->pruned, h->backend->pruned, memory_order_relaxed);
	atomic_store_explicit(&h->counts->file_bytes, h->backend->file_bytes, memory_order_relaxed);
	atomic_store_explicit(&h->counts->log_bytes, h->backend->log_bytes, memory_order_relaxed);
	if (h->retry_us != 0)
		log_info("%s: written again; %" PRIu64 " flows were lost, and %" PRIu64 " bodies cut", h->backend->name,
			h->lost_now, h->cut_now);
	h->retry_us = 0;
	h->failures = 0;
	h->lost_now = h->cut_now = 0;
}

/* Of bodies in flight the beginning may have gone with what was there before. */
static void count_lost_bodies(struct hold *h)
{
	uint64_t n = h->backend->bodies_lost - h->bodies_lost;

	if (n == 0)
		return;
	log_error("%s: %" PRIu64 " bodies in flight are cut, since what was stored of them is not there any more",
		h->backend->name, n);
	h->bodies_lost = h->backend->bodies_lost;
	h->cut_now += n;
	atomic_fetch_add_explicit(&h->backlog->bodies_cut_store, n, memory_order_relaxed);
}

/* Opens the backend anew; true when it can be used. */
static bool renew(struct hold *h, int64_t now_us)
{
	char why[WHY_BYTES] = "";

	if (!h->backend->ops->renew(h->backend, h->renewal == RENEWAL_DAMAGED, why, sizeof(why))) {
		note_failure(h, now_us, why);
		return false;
	}
	if (why[0] != '\0')
		log_error("%s: %s", h->backend->name, why);
	count_lost_bodies(h);
	h->renewal = RENEWAL_NONE;
	h->looked_us = now_us;
	return true;
}

static bool may_set_aside(const struct hold *h, enum backend_fault fault, int64_t now_us)
{
	return fault == FAULT_DAMAGED && (h->damaged_us == 0 || now_us - h->damaged_us >= DAMAGED_AGAIN_US);
}

/* What is to be done about a fault; true if it is mended, so that the same can be done again at once. */
static bool mend(struct hold *h, enum backend_fault fault, int64_t now_us, const char *why)
{
	if (!may_set_aside(h, fault, now_us)) {
		note_failure(h, now_us, why);
		return false;
	}
	atomic_fetch_add_explicit(&h->counts->errors, 1, memory_order_relaxed);
	h->damaged_us = now_us;
	h->renewal = RENEWAL_DAMAGED;
	return renew(h, now_us);
}

/* Makes sure that what is written goes where it is looked for; true when it may be written. */
static bool look(struct hold *h, int64_t now_us)
{
	enum backend_place place;

	if (h->renewal == RENEWAL_NONE && h->looked_us != 0 && now_us - h->looked_us < LOOK_US && h->retry_us == 0)
		return true;
	h->looked_us = now_us;
	place = h->renewal == RENEWAL_NONE ? h->backend->ops->look(h->backend) : PLACE_SAME;
	if (place == PLACE_DAMAGED)
		return mend(h, FAULT_DAMAGED, now_us, "what was written is not there any more");
	if (place == PLACE_MOVED)
		h->renewal = RENEWAL_REOPEN;
	return h->renewal == RENEWAL_NONE || renew(h, now_us);
}

/* The records of the next transaction; how many. */
static size_t gather(const struct hold *h, struct record **batch)
{
	struct record *r = h->first;
	size_t n = 0, bytes = 0;

	for (; r && n < STORE_BATCH_RECORDS && bytes < STORE_BATCH_BYTES; r = r->next) {
		batch[n++] = r;
		bytes += r->weight;
	}
	return n;
}

/* One transaction; false when it failed, and is to be tried again later. */
static bool write_some(struct hold *h, int64_t now_us)
{
	struct record *batch[STORE_BATCH_RECORDS];
	size_t n = gather(h, batch), lost = 0;
	char why[WHY_BYTES] = "";
	int64_t begin_us = clock_mono_us();
	enum backend_fault fault =
		h->backend->ops->write_batch(h->backend, batch, n, h->limits.redactor, &lost, why, sizeof(why));

	h->write_us += clock_mono_us() - begin_us;
	if (fault != FAULT_NONE)
		return mend(h, fault, now_us, why);
	note_success(h);
	if (lost > 0) {
		log_error("%s: %zu flows could not be written and are lost", h->backend->name, lost);
		atomic_fetch_add_explicit(&h->counts->lost, lost, memory_order_relaxed);
	}
	release(h, n, now_us);
	h->has_excess = true;
	return true;
}

/* What comes is written all the same. */
static void note_prune_failure(struct hold *h, int64_t now_us, const char *why)
{
	if (h->prune_retry_us == 0) {
		log_error("%s: old flows cannot be deleted: %s; it is tried again", h->backend->name, why);
		h->prune_backoff_us = FIRST_BACKOFF_US;
	} else if (h->prune_backoff_us < LAST_BACKOFF_US) {
		h->prune_backoff_us *= 2;
	}
	h->prune_retry_us = now_us + h->prune_backoff_us;
	atomic_fetch_add_explicit(&h->counts->errors, 1, memory_order_relaxed);
}

static void note_prune_success(struct hold *h)
{
	if (h->prune_retry_us != 0)
		log_info("%s: old flows are deleted again", h->backend->name);
	h->prune_retry_us = 0;
	note_success(h);
}

/* What cannot be deleted is no reason to hold back what comes, unless writing fails too. A new file has no excess, and of one
 * that stays the excess is found again later. */
static void mend_prune(struct hold *h, enum backend_fault fault, int64_t now_us, const char *why)
{
	if (h->retry_us == 0 && !may_set_aside(h, fault, now_us))
		note_prune_failure(h, now_us, why);
	else
		(void)mend(h, fault, now_us, why);
}

/* One step; true if there is more to do, and it can be done now. */
static bool prune_some(struct hold *h, int64_t now_us)
{
	struct backend_limits limits = {.max_flows = h->limits.max_flows, .max_bytes = h->limits.max_bytes};
	enum backend_fault fault;
	char why[WHY_BYTES] = "";
	bool more = false;

	if (h->limits.max_age_us > 0)
		limits.oldest_start_us = clock_wall_us() - h->limits.max_age_us;
	fault = h->backend->ops->prune(h->backend, &limits, PRUNE_FLOWS, &more, why, sizeof(why));
	if (fault != FAULT_NONE) {
		mend_prune(h, fault, now_us, why);
		return false;
	}
	note_prune_success(h);
	h->has_excess = more;
	h->age_us = now_us + AGE_LOOK_US;
	return more;
}

/* Deleting costs less than writing, so what takes up to twice the time of the batches keeps the file from outgrowing its limit,
 * however fast they come; the rest waits, so that the rings are looked at in between. */
static void prune(struct hold *h, int64_t now_us)
{
	int64_t budget_us = 2 * h->write_us < PRUNE_US ? 2 * h->write_us : PRUNE_US;
	int64_t until_us = clock_mono_us() + budget_us;

	h->write_us = 0;
	while (prune_some(h, now_us) && clock_mono_us() < until_us)
		;
}

/* True when the oldest record has waited long enough, or there are many, or it is time to try again. */
static bool is_due(const struct hold *h, int64_t now_us, bool is_last)
{
	if (h->n == 0)
		return false;
	return is_last || h->n >= STORE_BATCH_RECORDS || h->bytes >= STORE_BATCH_BYTES ||
		now_us - h->first_us >= STORE_BATCH_MS * INT64_C(1000);
}

static bool wants_prune(const struct hold *h, int64_t now_us)
{
	return now_us >= h->prune_retry_us && (h->has_excess || (h->limits.max_age_us > 0 && now_us >= h->age_us));
}

void hold_work(struct hold *h, int64_t now_us, bool is_last)
{
	bool has_work;

	if (!h->backend || (h->retry_us > now_us && !is_last))
		return;
	has_work = is_due(h, now_us, is_last) || wants_prune(h, now_us) || h->retry_us != 0;
	if (!has_work || !look(h, now_us))
		return;
	while (is_due(h, now_us, is_last)) {
		if (!write_some(h, now_us))
			return;
	}
	/* Also where nothing is left to write: that it works again shows in this. */
	if (!is_last && (wants_prune(h, now_us) || h->retry_us != 0))
		prune(h, now_us);
}

bool hold_begin_session(struct hold *h, int64_t now_us, struct str name, bool is_import, struct str log_json, int64_t *ret_id,
	char *ret_why, size_t size)
{
	struct text log = {NULL, 0, 0};
	enum backend_fault fault;

	if (!h->backend) {
		snprintf(ret_why, size, "flows are not kept (capture.enabled)");
		return false;
	}
	hold_work(h, now_us, true);
	if (h->n > 0 || !look(h, now_us)) {
		snprintf(ret_why, size, "the flow database cannot be written at the moment");
		return false;
	}
	if (h->limits.redactor && log_json.len > 0) {
		har_hide_log(h->limits.redactor, &log, log_json);
		log_json = text_str(&log);
	}
	fault = h->backend->ops->begin_session(h->backend, name, is_import, log_json, ret_id, ret_why, size);
	text_fini(&log);
	if (fault == FAULT_NONE)
		note_success(h);
	else
		(void)mend(h, fault, now_us, ret_why);
	return fault == FAULT_NONE;
}

int64_t hold_due_us(const struct hold *h)
{
	int64_t due_us = h->n > 0 ? h->first_us + STORE_BATCH_MS * INT64_C(1000) : INT64_MAX, prune_us = INT64_MAX;

	if (h->retry_us != 0)
		return h->retry_us;
	if (h->has_excess)
		prune_us = h->prune_retry_us;
	else if (h->backend && h->limits.max_age_us > 0)
		prune_us = h->age_us > h->prune_retry_us ? h->age_us : h->prune_retry_us;
	return prune_us < due_us ? prune_us : due_us;
}

void hold_fini(struct hold *h)
{
	uint64_t lost = 0;

	while (h->first) {
		struct record *r = h->first;

		h->first = r->next;
		lost += hold_is_flow(r);
		record_free(r);
	}
	if (lost > 0)
		log_error("%s: %" PRIu64 " flows could not be written and are lost", h->backend->name, lost);
	atomic_fetch_add_explicit(&h->counts->lost, lost, memory_order_relaxed);
	if (h->backend)
		h->backend->ops->close(h->backend);
}
