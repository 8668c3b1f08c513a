/* Deleting the oldest flows of the embedded database, in steps that are short enough to go between two batches: about
 * SQLITE_PRUNE_STEP_MS each, and longer only where flows come in faster than they leave. A step is a transaction of its own.
 * Flows leave in the order of their ids, with their rows in all tables, and with the bodies and head fields that no kept flow
 * refers to; flows in flight are never touched. A sixteenth of max_bytes is left free, for what is written between two steps,
 * so that the file itself stays below it. After a step that succeeded: ret.deleted is taken from the number of flows that have
 * ended; writer_pruned(…, ret.first_kept) unless that is 0; and where ret.has_more, there is another step after the next batch,
 * or at once. A call when nothing is to be done costs some ten microseconds. A file that is larger than max_bytes, since that
 * was set anew, shrinks step by step. Only a file that was made with auto_vacuum = INCREMENTAL does; another one keeps its
 * size, and what is free in it is written again.
 * Bodies of flows in flight count like others, but the history is not given up in vain: what ended flows take, up to a quarter of
 * max_bytes, stays, and where bodies in flight take more than the rest, they come on top. */
#ifndef VIADUCT_STORE_SQLITE_PRUNE_H
#define VIADUCT_STORE_SQLITE_PRUNE_H

#include "store/backend.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SQLITE_PRUNE_STEP_MS = 20 };

struct sqlite_pruner;

struct sqlite_prune_needs {
	const struct backend_limits *limits;
	size_t limit;    /* flows of this step, at most */
	int64_t ended_n; /* flows in the file that are not in flight */
};

struct sqlite_prune_end {
	int64_t deleted; /* flows */
	/* No flow that has ended is left before it, and rows that only such flows used may be gone; INT64_MAX: no flow that has
	 * ended is left at all; 0: nothing was deleted. */
	uint64_t first_kept;
	bool has_more; /* there is more to do, and it can be done */
};

/* Keeps the statements of the steps; frees them before the database is closed. */
struct sqlite_pruner *sqlite_pruner_new(sqlite3 *db);
void sqlite_pruner_free(struct sqlite_pruner *p); /* NULL is fine */
/* An SQLite result code; on an error the step was rolled back, ret is untouched, and sqlite3_errmsg says why. Not within a
 * transaction. */
int sqlite_prune(struct sqlite_pruner *p, const struct sqlite_prune_needs *needs, struct sqlite_prune_end *ret);

#endif
