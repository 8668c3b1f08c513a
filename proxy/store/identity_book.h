/* Who the origins are: one row for each certificate that was seen at a host and port, with when and how often, and whether
 * it was accepted; and what changed there (change_book.h). Most hops meet somebody who is known: those cost a look into a
 * table in memory, and one update per transaction. */
#ifndef VIADUCT_STORE_IDENTITY_BOOK_H
#define VIADUCT_STORE_IDENTITY_BOOK_H

#include "core/observer.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	IDENTITIES_MAX =
		100000, /* rows; those that were never accepted leave first, then those that were not seen for longest */
	IDENTITIES_SLACK = 1000, /* beyond that, before they do */
	IDENTITIES_DAYS = 400    /* not seen for that long before the newest: leaves */
};

struct identity_book;

/* Ids of rows; 0: nobody was seen, nothing changed. */
struct identity_noted {
	int64_t id, change_id;
};

/* NULL when a statement cannot be prepared (sqlite3_errmsg says why). */
struct identity_book *identity_book_new(sqlite3 *db);
void identity_book_free(struct identity_book *b); /* NULL is fine */
/* Notes who answered a hop, in a transaction. has_ended: the flow counts, once for each identity in it. A hop may be noted
 * again, as long as its flow is in flight. An SQLite result code. */
int identity_book_note(struct identity_book *b, uint64_t exchange_id, bool has_ended, const struct hop_facts *h,
	struct identity_noted *ret);
/* Writes times and counts, and removes what is beyond the bounds: before the transaction is committed. An SQLite result
 * code. */
int identity_book_flush(struct identity_book *b);
/* The transaction was rolled back: what was noted in it is not so. */
void identity_book_forget(struct identity_book *b);

#endif
