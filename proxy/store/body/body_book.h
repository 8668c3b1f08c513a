/* Bodies on their way to the database. A body that comes whole in one piece is looked for by its hash and written once,
 * compressed where that pays; one that comes in pieces is written piece by piece, and looked for when it is whole. Dedup:
 * bodies of BODY_DEDUP_BYTES and more against all that is stored (an index), smaller ones against those of late (in memory).
 * While an exchange is in flight its bodies count as growing, also those of hops that are over: what a flow in flight refers to
 * is thereby never pruned. Memory: some hundred bytes per body of an exchange in flight, and what body_known.h takes. */
#ifndef VIADUCT_STORE_BODY_BOOK_H
#define VIADUCT_STORE_BODY_BOOK_H

#include "capture/record.h"

#include <sqlite3.h>
#include <stdint.h>

enum {
	BODY_BOOK_KNOWN = 65536, /* small bodies that are known by their hash */
	/* In flight, with bodies. Beyond that the one that was not heard of for longest is forgotten: its flow, when it ends,
	 * does not refer to what is stored of its bodies, which is closed at the next start and left to pruning. */
	BODY_BOOK_EXCHANGES = 32768,
	/* Flows for which a body that came again is kept without another look; fewer for larger ones, so that what is kept in
	 * vain comes to no more than these bytes. */
	BODY_BOOK_AHEAD = 10000,
	BODY_BOOK_AHEAD_BYTES = 16 * 1024 * 1024
};

struct body_book;

struct body_ref {
	int64_t id;        /* of bodies; 0: there is none */
	enum body_cut cut; /* why it is not whole */
};

/* Knows of nothing yet, and is not open. NULL: there is no SHA-256. */
struct body_book *body_book_new(void);
void body_book_free(struct body_book *b); /* NULL is fine */
/* Closes what an earlier run left growing: what a flow refers to ends with what is there, the rest is left to pruning. Before
 * or after the flows in flight of that run were marked as interrupted. Bodies in flight go on where the database has them as
 * they were after the last commit. False when the database refuses a statement. */
bool body_book_open(struct body_book *b, sqlite3 *db);
/* The database is about to be closed, and no transaction is open; bodies in flight are kept for the next one. */
void body_book_close(struct body_book *b);
/* Bodies in flight of which the stored part was lost with the database that it was in: marked as cut (CUT_STORE), and left out
 * from there on. Since it was made. */
size_t body_book_lost(const struct body_book *b);
/* Functions that return int return an SQLite result code. Takes the pieces of a record in; is_last: no more will come for this
 * exchange. A part that does not begin where the one before it ended (one was lost) is left out, and the body marked as cut
 * (CUT_STORE). */
int body_book_take(struct body_book *b, uint64_t exchange_id, const struct body_part *parts, bool is_last);
/* What is to be referred to for a body of that exchange: also while it is still growing. After body_book_take. */
struct body_ref body_book_ref(struct body_book *b, uint64_t exchange_id, unsigned hop, enum body_direction direction);
/* The record of the exchange is written, or was left out since it cannot be; is_last: forgets its bodies. */
void body_book_done(struct body_book *b, uint64_t exchange_id, bool is_last);
/* Before a transaction is committed, once for all of its records. */
int body_book_end(struct body_book *b);
/* It was committed; or rolled back: everything is as it was after the last commit. */
void body_book_commit(struct body_book *b);
void body_book_undo(struct body_book *b);
/* Bodies that no flow from first_kept on uses were deleted. Not within a transaction. */
void body_book_pruned(struct body_book *b, uint64_t first_kept);

#endif
