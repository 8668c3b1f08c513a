/* Rows that a question in SQL gave, as text: a table for people, or lines for programs. */
#ifndef VIADUCT_CLI_SQL_TABLE_H
#define VIADUCT_CLI_SQL_TABLE_H

#include "store/find/sql_query.h"
#include "store/text.h"

enum sql_shape {
	SQL_TABLE, /* columns under each other, with a heading; long values are cut */
	SQL_TABS,  /* one row a line, divided by tabs; \t, \n, \\ and \xNN for what would not fit in; NULL is empty */
	SQL_JSON   /* one object a line */
};

struct sql_table;

struct sql_table *sql_table_new(enum sql_shape shape, bool has_colour);
void sql_table_free(struct sql_table *t); /* NULL is fine */
/* Begins a table with these columns. What can be written already is appended to out, by each of the three. */
void sql_table_begin(struct sql_table *t, const char *const *names, size_t n, struct text *out);
void sql_table_row(struct sql_table *t, const struct sql_value *values, struct text *out);
/* The rest of the table. */
void sql_table_end(struct sql_table *t, struct text *out);

#endif
