/* Fields of heads on their way to the database. Most field lines are seen again and again, so they get a row of head_fields
 * when a second flow has them, and heads refer to it; what is seen once stands in the head itself. A head is JSON: an array
 * whose elements are the id of a row, or [name,value]; what is no UTF-8 is {"hex":…} in place of a string. The book is
 * bounded, and forgets what was not seen for longest. */
#ifndef VIADUCT_STORE_HEAD_BOOK_H
#define VIADUCT_STORE_HEAD_BOOK_H

#include "http/message.h"
#include "store/text.h"

#include <sqlite3.h>
#include <stdint.h>

enum {
	HEAD_BOOK_LINES = 32768,      /* at most, in memory */
	HEAD_BOOK_NAME_BYTES = 128,   /* longer ones stand in the head */
	HEAD_BOOK_VALUE_BYTES = 512,  /* the same */
	HEAD_BOOK_AHEAD = 10000,      /* used_until of a row is so far ahead, that it is seldom written */
	HEAD_BOOK_LOADED_LINES = 8192 /* rows of before that are read at first */
};

struct head_book;

/* NULL when a statement cannot be prepared. */
struct head_book *head_book_new(sqlite3 *db);
void head_book_free(struct head_book *b); /* NULL is fine */
/* Appends the fields to the text, for the flow of that id. is_request: heads of one kind resemble the one before them. An
 * SQLite result code. */
int head_book_put(struct head_book *b, struct text *t, const struct fields *f, uint64_t exchange_id, bool is_request);
/* A transaction was rolled back. */
void head_book_undo(struct head_book *b);
/* Rows that no flow from first_kept on uses were deleted. */
void head_book_pruned(struct head_book *b, uint64_t first_kept);

#endif
