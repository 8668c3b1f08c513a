/* What changed at the places where origins are: which identity a new connection was shown last at each host and port, and a
 * row where it is another than before. Origins behind servers with different certificates come and go between them: such
 * returns are counted in the row that is there. */
#ifndef VIADUCT_STORE_CHANGE_BOOK_H
#define VIADUCT_STORE_CHANGE_BOOK_H

#include "base/str.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	CHANGES_MAX = 100000, /* rows; those of refused identities leave first, then those that were not noted for longest */
	CHANGES_SLACK = 1000, /* beyond that, before they do */
	CHANGES_DAYS = 400,   /* not noted for that long before the newest: leaves */
	CHANGE_RETURN_H = 24, /* shown within that time: it returns */
	CHANGE_ISSUER_H = 1   /* the same for another issuer, which is a row of its own otherwise */
};

struct change_book;
struct whereabouts; /* one host and port */

/* An identity was shown to a new connection. */
struct showing {
	int64_t id;
	int64_t before_us; /* when it was shown before; 0: never */
	int64_t at_us;
	uint64_t exchange_id;
	bool is_accepted;
};

/* NULL when a statement cannot be prepared (sqlite3_errmsg says why). */
struct change_book *change_book_new(sqlite3 *db);
void change_book_free(struct change_book *b); /* NULL is fine; all whereabouts must have been left */
/* The whereabouts of that key, which are kept in memory until they are left as often as they were entered. An SQLite result
 * code; so are those below. */
int change_book_enter(struct change_book *b, struct str key, struct str host, uint16_t port, struct whereabouts **ret);
void change_book_leave(struct change_book *b, struct whereabouts *w);
/* ret_id: the row, if this is a change; else 0. */
int change_book_note(struct change_book *b, struct whereabouts *w, const struct showing *s, int64_t *ret_id);
bool change_book_is_full(const struct change_book *b);
/* Removes what is beyond the bounds. */
int change_book_trim(struct change_book *b, int64_t newest_us);
/* Counts the rows; false on an error. */
bool change_book_count(struct change_book *b);

#endif
