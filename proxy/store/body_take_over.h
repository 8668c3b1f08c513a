/* Bodies that an earlier run left growing, as a kill -9 does. */
#ifndef VIADUCT_STORE_BODY_TAKE_OVER_H
#define VIADUCT_STORE_BODY_TAKE_OVER_H

#include <sqlite3.h>

/* What a flow refers to ends with what is there; the rest is left to pruning. All or none, as a transaction of its own where
 * there is none. It makes no difference whether the flows in flight were marked as interrupted before. An SQLite result code;
 * on an error, of which sqlite3_errmsg says more, the database is to be closed. */
int body_take_over(sqlite3 *db);

#endif
