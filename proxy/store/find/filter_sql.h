/* A filter as SQL for the flow database: a condition with bound parameters. What SQL can say as the evaluation in memory
 * says it is said: numbers, and texts that are equal or not. What it cannot (patterns, parts, networks, fields of heads,
 * bodies) is left out in such a way that the condition never refuses a flow that matches or is undecided; the flows that it
 * leaves are then asked in memory. */
#ifndef VIADUCT_STORE_FILTER_SQL_H
#define VIADUCT_STORE_FILTER_SQL_H

#include "config/filter_tree.h"
#include "store/text.h"

#include <sqlite3.h>

struct filter_sql {
	struct text where; /* over exchanges e; empty: all flows */
	const struct filter_value **values;
	bool *is_number;
	size_t values_n, cap;
	bool is_exact; /* all that it leaves match, and none is undecided */
};

/* The filter must outlive it. NULL: all flows. */
void filter_sql_init(struct filter_sql *q, const struct filter *f);
void filter_sql_fini(struct filter_sql *q);
/* Binds its values from that parameter on. */
void filter_sql_bind(const struct filter_sql *q, sqlite3_stmt *s, int first);

/* What stands for a field: an expression over exchanges e. NULL for peers and bodies, which other tables have; of a header:
 * the column with all fields of the head. Client is with its port, type with its parameters. */
const char *filter_sql_column(enum filter_field f);

#endif
