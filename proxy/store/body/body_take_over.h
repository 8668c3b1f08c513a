/* Bodies that an earlier run left growing, as a kill -9 does, and what became of those that this one has in flight when it opens
 * a file anew. */
#ifndef VIADUCT_STORE_BODY_TAKE_OVER_H
#define VIADUCT_STORE_BODY_TAKE_OVER_H

#include "store/body/body_growth.h"

#include <sqlite3.h>

/* What a flow refers to ends with what is there; the rest is left to pruning. All or none, as a transaction of its own where
 * there is none. It makes no difference whether the flows in flight were marked as interrupted before. An SQLite result code;
 * on an error, of which sqlite3_errmsg says more, the database is to be closed. Bodies of `ours` that are in the file, as long as
 * they are known to be, go on growing; the others of them are lost (body_growth.h), which are added to ret_lost. */
int body_take_over(sqlite3 *db, struct body_growth *ours, size_t *ret_lost);

#endif
