/* Records on their way into a backend: held until they are written, so that a failure loses none of them at once. */
#ifndef VIADUCT_STORE_HOLD_H
#define VIADUCT_STORE_HOLD_H

#include "store/backend.h"

#include <stdatomic.h>

/* For other threads to read. */
struct hold_counts {
	atomic_uint_fast64_t written, errors, lost, pruned, file_bytes, log_bytes;
	atomic_uint_fast64_t held_bytes; /* while the backend fails: of what is held back, which the backlog does not count */
};

struct hold_limits {
	int64_t max_flows, max_bytes, max_age_us;
	size_t memory;
	const struct redactor *redactor; /* borrowed */
};

enum hold_renewal { RENEWAL_NONE, RENEWAL_REOPEN, RENEWAL_DAMAGED };

enum { HOLD_CUT_BODIES = 64 };

struct hold {
	struct backend *backend; /* NULL: records are only freed */
	struct backlog *backlog; /* for its counts */
	struct hold_counts *counts;
	struct hold_limits limits;
	struct record *first, **end;
	size_t n, bytes;
	int64_t first_us; /* since when the oldest waits, monotonic */

	/* While the backend fails. */
	int64_t retry_us; /* when to try again after a failure; 0: it works */
	int64_t backoff_us;
	unsigned failures; /* one after the other */
	enum hold_renewal renewal;
	uint64_t lost_now, cut_now; /* since the last success */
	/* Bodies that were cut last, so that each is counted once where no more than these are cut at the same time. */
	uint64_t cut_bodies[HOLD_CUT_BODIES];
	unsigned cut_at;

	/* While old flows cannot be deleted, but what comes is written. */
	int64_t prune_retry_us; /* when to try again; 0: it works */
	int64_t prune_backoff_us;
	uint64_t bodies_lost; /* of backend->bodies_lost: counted */

	int64_t looked_us;  /* when it was last asked whether the backend is where it was */
	int64_t damaged_us; /* when it was last set aside; 0: never */
	bool has_excess;    /* there are flows to delete */
	int64_t write_us;   /* how long it took to write what was written since some were */
	int64_t age_us;     /* when to look for flows that are too old */
};

void hold_init(struct hold *h, struct backend *backend, struct backlog *backlog, struct hold_counts *counts,
	const struct hold_limits *limits);
void hold_set_limits(struct hold *h, const struct hold_limits *limits);
/* True while more records should be taken: a working backend gets them in batches; a failing one must not stop the proxy. */
bool hold_has_room(const struct hold *h);
/* Takes the record over. Where the backend fails its bodies may be cut, and beyond the bounds (store.h) it is dropped and
 * counted. */
void hold_add(struct hold *h, struct record *r, int64_t now_us);
/* Writes what is due: everything when is_last. Deletes old flows afterwards, some at a time. */
void hold_work(struct hold *h, int64_t now_us, bool is_last);
/* Writes everything, then begins a session (backend.h). False with one line in ret_why. */
bool hold_begin_session(struct hold *h, int64_t now_us, struct str name, bool is_import, struct str log_json, int64_t *ret_id,
	char *ret_why, size_t size);
/* When hold_work wants to be called next; INT64_MAX: when there are records. */
int64_t hold_due_us(const struct hold *h);
/* Gives up what could not be written. */
void hold_fini(struct hold *h);

#endif
