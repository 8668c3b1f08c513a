/* What the files that read the flow database share. Not for those who ask: query.h. */
#ifndef VIADUCT_STORE_READER_H
#define VIADUCT_STORE_READER_H

#include "base/arena.h"
#include "store/query.h"

#include <sqlite3.h>
#include <stdbool.h>

struct head_lines;

/* Statements that are asked again for each flow: to prepare them costs more than to run them. */
enum { READER_STATEMENTS = 8 };
struct reader_statement {
	const char *sql; /* a constant, known by its address */
	sqlite3_stmt *s; /* NULL: in use, or the place is free */
};

struct reader {
	sqlite3 *db;
	struct head_lines *lines;   /* rows of head_fields that were read */
	sqlite3_int64 data_version; /* 0: not asked yet */
	struct reader_statement kept[READER_STATEMENTS];
	char error[256];
};

/* What a statement that visits flows selects, from exchanges e LEFT JOIN tunnels t. */
extern const char reader_flow_columns[]; /* "e.id, …" */
extern const char reader_flow_tables[];  /* " FROM exchanges e LEFT JOIN …" */
/* Visits the rows of a statement that selects reader_flow_columns, and ends it. False on an error. */
bool reader_visit_flows(struct reader *r, sqlite3_stmt *s, flow_visit *visit, void *owner);

/* A stored head (a column of fields or trailers; empty: none) into the arena, in the statement that read it: only so long its
 * references hold. False: it is damaged, or the arena is full (reader_error). */
bool reader_fields(struct reader *r, struct str json, struct arena *a, struct fields *ret);

/* Notes why SQLite refused; false, for the caller to return. */
bool reader_fail(struct reader *r);
/* Ends a statement; rc is what the last step gave. */
bool reader_finish(struct reader *r, sqlite3_stmt *s, int rc);

/* The same for a statement that is asked again and again; sql stays. NULL on an error (reader_error). */
sqlite3_stmt *reader_borrow(struct reader *r, const char *sql);
/* Ends it and keeps it for the next time; rc is what the last step gave. */
bool reader_give_back(struct reader *r, const char *sql, sqlite3_stmt *s, int rc);
/* Ends those that are kept. */
void reader_drop_statements(struct reader *r);

/* The identity, or the change, of an id into the arena; NULL in ret: there is none. False on an error. */
bool reader_identity(struct reader *r, int64_t id, struct arena *a, const struct identity_view **ret);
bool reader_identity_change(struct reader *r, int64_t id, struct arena *a, const struct change_view **ret);

#endif
