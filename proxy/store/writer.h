/* Writes records into the tables: one prepared statement per table. */
#ifndef VIADUCT_STORE_WRITER_H
#define VIADUCT_STORE_WRITER_H

#include "capture/record.h"

#include <sqlite3.h>
#include <stdbool.h>

struct writer;

/* NULL when a statement cannot be prepared (sqlite3_errmsg says why). */
struct writer *writer_new(sqlite3 *db, int64_t run);
void writer_free(struct writer *w);
/* Puts one record in place of whatever is there of its exchange. change: of this write. An SQLite result code. */
int writer_put(struct writer *w, const struct record *r, int64_t change);
/* Before a transaction is committed: what is written once for all of its records. An SQLite result code. */
int writer_end(struct writer *w);
/* A transaction was rolled back. */
void writer_undo(struct writer *w);

#endif
