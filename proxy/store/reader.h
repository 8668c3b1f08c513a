/* What the files that read the flow database share. Not for those who ask: query.h. */
#ifndef VIADUCT_STORE_READER_H
#define VIADUCT_STORE_READER_H

#include <sqlite3.h>
#include <stdbool.h>

struct reader {
	sqlite3 *db;
	sqlite3_int64 data_version; /* 0: not asked yet */
	char error[256];
};

/* Notes why SQLite refused; false, for the caller to return. */
bool reader_fail(struct reader *r);
/* Ends a statement; rc is what the last step gave. */
bool reader_finish(struct reader *r, sqlite3_stmt *s, int rc);

#endif
