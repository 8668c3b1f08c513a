/* Questions in SQL from outside. The database is open for reading only; what SQLite would do beside the database (attach
 * files, write them by VACUUM INTO, load code, keep temporary tables) is refused by its authorizer. */
#include "store/find/sql_query.h"

#include "base/mem.h"
#include "store/find/sql_functions.h"
#include "store/reader.h"

#include <stdio.h>
#include <strings.h>

enum { CHECK_OPERATIONS = 10000 };

struct asking {
	struct reader *reader;
	const struct sql_query *query;
	const char *refused; /* what was asked for and may not be; NULL: nothing */
	bool is_enough;
};

/* Pragmas that tell something and change nothing, whatever follows them; others may be asked for their value. */
static bool is_harmless_pragma(const char *name)
{
	static const char *const names[] = {"table_info", "table_xinfo", "table_list", "index_list", "index_info",
		"index_xinfo", "foreign_key_list", "integrity_check", "quick_check", NULL};

	for (size_t i = 0; names[i] != NULL; i++) {
		if (strcasecmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

/* Pragmas that do something even without a value. */
static bool is_doing_pragma(const char *name)
{
	static const char *const names[] = {"wal_checkpoint", "incremental_vacuum", "optimize", NULL};

	for (size_t i = 0; names[i] != NULL; i++) {
		if (strcasecmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

static int refuse(struct asking *a, const char *what)
{
	a->refused = what;
	return SQLITE_DENY;
}

/* Called by SQLite for all that a statement is about to do. */
static int authorize(void *owner, int action, const char *first, const char *second, const char *database, const char *trigger)
{
	struct asking *a = owner;

	(void)database;
	(void)trigger;
	switch (action) {
	case SQLITE_SELECT:
	case SQLITE_READ:
	case SQLITE_RECURSIVE:
	case SQLITE_TRANSACTION:
		return SQLITE_OK;
	case SQLITE_UPDATE:
		/* So SQLite says when it meets a table-valued function; a real UPDATE of the schema it refuses itself. */
		return strcasecmp(first, "sqlite_master") == 0 ? SQLITE_OK : refuse(a, "writing");
	case SQLITE_FUNCTION:
		return strcasecmp(second, "load_extension") == 0 ? refuse(a, "loading extensions") : SQLITE_OK;
	case SQLITE_PRAGMA:
		if (is_doing_pragma(first) || (second != NULL && !is_harmless_pragma(first)))
			return refuse(a, "setting a pragma");
		return SQLITE_OK;
	case SQLITE_ATTACH:
	case SQLITE_DETACH:
		return refuse(a, "another file");
	default:
		return refuse(a, "writing");
	}
}

static int on_progress(void *owner)
{
	struct asking *a = owner;

	a->is_enough = a->is_enough || a->query->is_enough(a->query->owner);
	return a->is_enough;
}

static struct sql_value value_of(sqlite3_stmt *s, int i)
{
	static const enum sql_type types[] = {[SQLITE_INTEGER] = SQL_INTEGER,
		[SQLITE_FLOAT] = SQL_REAL,
		[SQLITE_TEXT] = SQL_TEXT,
		[SQLITE_BLOB] = SQL_BLOB,
		[SQLITE_NULL] = SQL_NULL};
	struct sql_value v = {types[sqlite3_column_type(s, i)], STR_NONE};
	const void *p = v.type == SQL_BLOB ? sqlite3_column_blob(s, i) : (const void *)sqlite3_column_text(s, i);

	if (p != NULL)
		v.text = (struct str){p, (size_t)sqlite3_column_bytes(s, i)};
	return v;
}

/* True as long as more is wanted. */
static bool give_row(const struct asking *a, sqlite3_stmt *s, struct sql_value *values, size_t n)
{
	for (size_t i = 0; i < n; i++)
		values[i] = value_of(s, (int)i);
	return a->query->row(a->query->owner, values, n);
}

static bool give_columns(const struct asking *a, sqlite3_stmt *s, size_t n)
{
	const char **names = mem_calloc(n, sizeof(char *));
	bool ok;

	for (size_t i = 0; i < n; i++) {
		names[i] = sqlite3_column_name(s, (int)i);
		if (names[i] == NULL)
			names[i] = "";
	}
	ok = a->query->columns(a->query->owner, names, n);
	mem_free(names);
	return ok;
}

/* Says what SQLite has against it, or what may not be. */
static bool fail(const struct asking *a)
{
	if (a->refused == NULL)
		return reader_fail(a->reader);
	snprintf(a->reader->error, sizeof(a->reader->error), "refused: the flow database can only be read here (%s)",
		a->refused);
	return false;
}

/* Runs one statement. */
static bool run(struct asking *a, sqlite3_stmt *s)
{
	size_t n = (size_t)sqlite3_column_count(s);
	struct sql_value *values = mem_calloc(n + 1, sizeof(*values));
	bool wants_more = n == 0 || give_columns(a, s, n);
	int rc = SQLITE_DONE;

	while (wants_more && (rc = sqlite3_step(s)) == SQLITE_ROW)
		wants_more = give_row(a, s, values, n);
	mem_free(values);
	a->is_enough |= !wants_more;
	return rc == SQLITE_ROW || rc == SQLITE_DONE || a->is_enough || fail(a);
}

/* Runs all statements of the text. */
static bool run_all(struct asking *a)
{
	struct str rest = a->query->text;
	bool ok = true;

	while (ok && rest.len > 0 && !a->is_enough) {
		const char *tail = NULL;
		sqlite3_stmt *s = NULL;

		if (rest.len > INT32_MAX || sqlite3_prepare_v2(a->reader->db, rest.p, (int)rest.len, &s, &tail) != SQLITE_OK)
			return a->is_enough || fail(a);
		rest = str_from(rest, (size_t)(tail - rest.p));
		ok = s == NULL || run(a, s);
		sqlite3_finalize(s);
	}
	return ok;
}

bool reader_sql(struct reader *r, const struct sql_query *q, bool *ret_is_enough)
{
	struct asking a = {.reader = r, .query = q};
	bool ok;

	if (!sql_functions_add(r) || !reader_begin(r))
		return false;
	sqlite3_db_config(r->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_set_authorizer(r->db, authorize, &a);
	if (q->is_enough != NULL)
		sqlite3_progress_handler(r->db, CHECK_OPERATIONS, on_progress, &a);
	ok = run_all(&a);
	sqlite3_progress_handler(r->db, 0, NULL, NULL);
	reader_end(r);
	sqlite3_set_authorizer(r->db, NULL, NULL);
	*ret_is_enough = a.is_enough;
	return ok;
}
