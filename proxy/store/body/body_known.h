/* The small bodies of late: by their SHA-256 which row of bodies holds them, so that one that comes again costs no look into
 * the database. Bounded: the one that was not seen for longest leaves. What a transaction changes here can be taken back with
 * it. */
#ifndef VIADUCT_STORE_BODY_KNOWN_H
#define VIADUCT_STORE_BODY_KNOWN_H

#include "store/body/body_hash.h"

#include <stddef.h>

struct body_row {
	int64_t id;         /* of bodies */
	int64_t used_until; /* as it stands in the row */
};

struct body_known;

/* room: bodies, at most. */
struct body_known *body_known_new(size_t room);
void body_known_free(struct body_known *k); /* NULL is fine */
/* False: it is not known. */
bool body_known_find(struct body_known *k, const uint8_t hash[BODY_HASH_BYTES], struct body_row *ret);
/* Adds it, or changes what is known of it. */
void body_known_put(struct body_known *k, const uint8_t hash[BODY_HASH_BYTES], struct body_row row);
/* Rows whose used_until is before first_kept may have been deleted. Not within a transaction. */
void body_known_pruned(struct body_known *k, int64_t first_kept);
void body_known_commit(struct body_known *k);
/* Everything is as it was after the last commit, but perhaps for the order in which they leave. */
void body_known_undo(struct body_known *k);

#endif
