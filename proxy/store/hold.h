/* Records on their way into a backend: held until they are written, so that a failure loses none of them at once. */
#ifndef VIADUCT_STORE_HOLD_H
#define VIADUCT_STORE_HOLD_H

#include "store/backend.h"

#include <stdatomic.h>

struct hold_counts {
	atomic_uint_fast64_t written, errors, lost;
};

struct hold {
	struct backend *backend; /* NULL: records are only freed */
	struct hold_counts *counts;
	struct record *first, **end;
	size_t n;
	int64_t first_us; /* since when the oldest waits, monotonic */
	int64_t retry_us; /* when to try again after a failure; 0: it works */
	int64_t backoff_us;
	uint64_t lost_now; /* since the last success */
	int64_t max_flows;
	bool has_excess; /* there are flows to delete */
};

void hold_init(struct hold *h, struct backend *backend, struct hold_counts *counts, int64_t max_flows);
/* True while more records should be taken: a working backend gets them in batches; a failing one must not stop the proxy. */
bool hold_has_room(const struct hold *h);
/* Takes the record over. Beyond STORE_HELD_MAX it is dropped and counted. */
void hold_add(struct hold *h, struct record *r, int64_t now_us);
/* Writes what is due: everything when is_last. Deletes old flows afterwards, some at a time. */
void hold_work(struct hold *h, int64_t now_us, bool is_last);
/* When hold_work wants to be called next; INT64_MAX: when there are records. */
int64_t hold_due_us(const struct hold *h);
/* Gives up what could not be written. */
void hold_fini(struct hold *h);

#endif
