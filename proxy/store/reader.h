/* What the files that read the flow database share. Not for those who ask: query.h. */
#ifndef VIADUCT_STORE_READER_H
#define VIADUCT_STORE_READER_H

#include "base/arena.h"
#include "store/flow_view.h"

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

/* The identity, or the change, of an id into the arena; NULL in ret: there is none. False on an error. */
bool reader_identity(struct reader *r, int64_t id, struct arena *a, const struct identity_view **ret);
bool reader_identity_change(struct reader *r, int64_t id, struct arena *a, const struct change_view **ret);

#endif
