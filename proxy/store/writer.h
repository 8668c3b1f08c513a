/* Writes records into the tables: one prepared statement per table. */
#ifndef VIADUCT_STORE_WRITER_H
#define VIADUCT_STORE_WRITER_H

#include "capture/record.h"

#include <sqlite3.h>
#include <stdbool.h>

struct redactor;
struct writer;

/* What a transaction comes to. */
struct writer_sum {
	size_t lost;      /* records that are at fault themselves, and were left out */
	int64_t ended;    /* flows that were written, and are not in flight any more */
	uint64_t last_id; /* the largest of a flow that was written; 0: none was */
};

/* Not open yet. NULL: there is no SHA-256. */
struct writer *writer_new(void);
void writer_free(struct writer *w); /* NULL is fine */
/* Flows belong to no session until one is set. False when a statement cannot be prepared (sqlite3_errmsg says why): close it. */
bool writer_open(struct writer *w, sqlite3 *db, int64_t run);
/* The database is about to be closed, and no transaction is open; what is known of flows in flight is kept for the next one. */
void writer_close(struct writer *w);
/* Bodies in flight that were lost with the database that they were in, since it was made. */
size_t writer_bodies_lost(const struct writer *w);
/* The session of the flows that are written from now on, where a record names no other. */
void writer_set_session(struct writer *w, int64_t session_id);
/* Puts one record in place of whatever is there of its exchange, or takes the pieces of bodies in it. Flows wait: the record must
 * live until the transaction has ended. change: of this write. redactor: secrets are replaced by it; NULL: nothing is. A record
 * that can never be written (too large) is left out, and nothing of its flow stays. An SQLite result code. */
int writer_put(struct writer *w, const struct record *r, int64_t change, const struct redactor *redactor);
/* Before a transaction is committed: flows that still wait, and what is written once for all records. An SQLite result code. */
int writer_end(struct writer *w, struct writer_sum *ret);
/* A transaction was committed, or rolled back. */
void writer_commit(struct writer *w);
void writer_undo(struct writer *w);
/* What no flow from first_kept on uses was deleted, and that is committed. */
void writer_pruned(struct writer *w, uint64_t first_kept);

#endif
