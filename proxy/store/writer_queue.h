/* Flows that wait to be written together, by statements that insert several rows (rows.h). When a row fails that is a flow's own
 * fault, each flow of the queue is deleted and written alone, so that only those are lost that fail by themselves, and of
 * those no half stays. */
#ifndef VIADUCT_STORE_WRITER_QUEUE_H
#define VIADUCT_STORE_WRITER_QUEUE_H

#include "base/arena.h"
#include "capture/record.h"
#include "store/identity_book.h"

enum { WRITER_QUEUE_FLOWS = 32 };

struct queued_flow {
	const struct exchange_facts *x; /* of the record, or in the arena */
	int64_t change, session_id;     /* session_id 0: none */
	struct str comment;
	const struct hop_extra *extras;
	struct arena *arena; /* NULL: none */
	size_t first_hop;    /* in the queue */
};

struct queued_hop {
	const struct queued_flow *flow;
	const struct hop_facts *h;
	struct identity_noted noted;
};

struct writer_queue {
	struct queued_flow flows[WRITER_QUEUE_FLOWS];
	size_t n;
	struct queued_hop *hops; /* of all flows, in order */
	size_t hops_n, hops_cap;
};

struct writer;

bool writer_queue_has(const struct writer_queue *q, uint64_t id);
bool writer_queue_is_full(const struct writer_queue *q);
/* Nothing of it is to be written. */
void writer_queue_clear(struct writer_queue *q);
void writer_queue_fini(struct writer_queue *q);
/* Errors that lie in the record: the same one would fail again. */
bool writer_is_record_fault(int rc);
/* Puts a flow into the writer's queue, which must not be full; its identities are noted. Takes the arena over, unless it fails.
 * An SQLite result code. */
int writer_enqueue(struct writer *w, const struct queued_flow *f);
/* Writes what waits, and counts it into the sum. Flows that are at fault themselves are no failure: only other errors are
 * returned, and the transaction is to be rolled back then. */
int writer_flush(struct writer *w);

#endif
