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
	/* In flight, with bodies. Beyond that the one that was not heard of for longest is forgotten: its bodies end there,
	 * and are closed at the next start. */
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

/* Closes what an earlier run left growing: what a flow refers to ends with what is there, the rest is left to pruning. Before
 * or after the flows in flight of that run were marked as interrupted. NULL when the database refuses a statement, or there is
 * no SHA-256. */
struct body_book *body_book_new(sqlite3 *db);
void body_book_free(struct body_book *b); /* NULL is fine */
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
