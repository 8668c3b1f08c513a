/* Questions in SQL from outside, which can read the flow database and do nothing else. */
#ifndef VIADUCT_STORE_SQL_QUERY_H
#define VIADUCT_STORE_SQL_QUERY_H

#include "store/query.h"

enum sql_type { SQL_NULL, SQL_INTEGER, SQL_REAL, SQL_TEXT, SQL_BLOB };

struct sql_value {
	enum sql_type type;
	struct str text; /* of each type but NULL as it would be written; of a BLOB its bytes */
};

struct sql_query {
	struct str text; /* one or several statements */
	/* Called before the rows of each statement that gives some. False: enough. */
	bool (*columns)(void *owner, const char *const *names, size_t n);
	bool (*row)(void *owner, const struct sql_value *values, size_t n);
	/* Asked every few milliseconds; true: it is to end. NULL: never. */
	bool (*is_enough)(void *owner);
	void *owner;
};

/* Runs the statements, all on one state of the database; functions as in sql_functions.h are there. False on an error, with
 * its reason in words in reader_error; ret_is_enough: it was ended. */
bool reader_sql(struct reader *r, const struct sql_query *q, bool *ret_is_enough);

#endif
