/* Rows that are inserted into one table, several by one statement: its cursors stay open from row to row, and SQLite finds the
 * end of an index without a search. INSERT OR FAIL, since for a plain INSERT of several rows SQLite keeps copies of the pages,
 * which costs more than it saves: so when a row fails, those before it in its statement stay. */
#ifndef VIADUCT_STORE_ROWS_H
#define VIADUCT_STORE_ROWS_H

#include "store/row.h"

#include <stddef.h>

enum {
	ROWS_AT_ONCE = 8, /* by one statement */
	ROWS_SIZES = 3    /* of statements: what is left over goes by smaller ones */
};

struct rows {
	sqlite3_stmt *statements[ROWS_SIZES];
};

/* Binds row number i. What is bound must live until ROWS_AT_ONCE more are bound, or rows_put returns. An SQLite result code. */
typedef int rows_bind(void *owner, struct row *r, size_t i);

/* All zero is not open. False when a statement cannot be prepared (sqlite3_errmsg says why): close it. columns: their names,
 * divided by commas. */
bool rows_open(struct rows *rows, sqlite3 *db, const char *table, const char *columns);
void rows_close(struct rows *rows);
/* Inserts n rows in order, up to the first that fails. An SQLite result code. */
int rows_put(struct rows *rows, size_t n, rows_bind *bind, void *owner);

#endif
