/* The rows of bodies and body_pieces: one prepared statement for each thing that is done to them. Not for what is done when:
 * body_book.h. Functions that return int return an SQLite result code. */
#ifndef VIADUCT_STORE_BODY_ROWS_H
#define VIADUCT_STORE_BODY_ROWS_H

#include "base/str.h"
#include "store/body/body_known.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	BODY_DEDUP_BYTES = 16384, /* bodies of this size and more are found by the index */
	BODY_PIECE_BITS = 20      /* of the id of a piece: its number; the rest is the body's id */
};
/* No flow refers to it any more: before any flow. */
enum { BODY_USED_NEVER = 0 };
/* It still grows. */
#define BODY_USED_GROWING INT64_MAX

struct body_rows {
	sqlite3 *db;
	sqlite3_stmt *find, *use, *add, *add_piece, *note, *end, *drop;
};

/* Bytes as they are stored. */
struct stored_bytes {
	struct str content;
	const char *compression; /* NULL: none */
};

/* False when a statement cannot be prepared; fini in any case. */
bool body_rows_init(struct body_rows *r, sqlite3 *db);
void body_rows_fini(struct body_rows *r);
/* The largest id there is; 0: none. */
int body_rows_last_id(struct body_rows *r, int64_t *ret);

/* An equal body of BODY_DEDUP_BYTES or more; ret->id 0: there is none. */
int body_rows_find(struct body_rows *r, const uint8_t hash[BODY_HASH_BYTES], uint64_t bytes, struct body_row *ret);
int body_rows_use(struct body_rows *r, struct body_row row);
/* A body that is whole. */
int body_rows_add(struct body_rows *r, struct body_row row, uint64_t bytes, const uint8_t hash[BODY_HASH_BYTES],
	struct stored_bytes stored);
/* One that begins to grow, and its pieces; from: its first byte in the body. */
int body_rows_add_growing(struct body_rows *r, int64_t id);
int body_rows_add_piece(struct body_rows *r, int64_t id, uint64_t number, uint64_t from, size_t bytes,
	struct stored_bytes stored);
/* How far it has grown. */
int body_rows_note(struct body_rows *r, int64_t id, uint64_t bytes, uint64_t stored_bytes);
/* It is whole. */
int body_rows_end(struct body_rows *r, struct body_row row, uint64_t bytes, uint64_t stored_bytes,
	const uint8_t hash[BODY_HASH_BYTES]);
/* Nothing refers to it any more, and nothing may: pruning deletes it. */
int body_rows_drop(struct body_rows *r, int64_t id);

#endif
