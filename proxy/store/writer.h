/* Writes records into the tables: one prepared statement per table. */
#ifndef VIADUCT_STORE_WRITER_H
#define VIADUCT_STORE_WRITER_H

#include "capture/record.h"

#include <sqlite3.h>
#include <stdbool.h>

struct redactor;
struct writer;

/* Flows belong to no session until one is set. NULL when a statement cannot be prepared (sqlite3_errmsg says why). */
struct writer *writer_new(sqlite3 *db, int64_t run);
void writer_free(struct writer *w); /* NULL is fine */
/* The session of the flows that are written from now on, where a record names no other. */
void writer_set_session(struct writer *w, int64_t session_id);
/* Puts one record in place of whatever is there of its exchange, or takes the pieces of bodies in it. change: of this write.
 * redactor: secrets are replaced by it; NULL: nothing is. An SQLite result code. */
int writer_put(struct writer *w, const struct record *r, int64_t change, const struct redactor *redactor);
/* Before a transaction is committed: what is written once for all of its records. An SQLite result code. */
int writer_end(struct writer *w);
/* A transaction was committed, or rolled back. */
void writer_commit(struct writer *w);
void writer_undo(struct writer *w);
/* What no flow from first_kept on uses was deleted, and that is committed. */
void writer_pruned(struct writer *w, uint64_t first_kept);

#endif
