/* Several rows by one statement. Not for what stands in them: writer_exchange.c, writer_hops.c; nor for what becomes of rows that
 * fail: writer_queue.c. */
#include "store/rows.h"

#include "store/text.h"

static const size_t size_of[ROWS_SIZES] = {ROWS_AT_ONCE, 2, 1};

/* " (?,?,…)" for each row. */
static void put_values(struct text *sql, size_t columns, size_t rows)
{
	for (size_t row = 0; row < rows; row++) {
		text_put(sql, row == 0 ? STR(" VALUES (?") : STR(",(?"));
		for (size_t i = 1; i < columns; i++)
			text_put(sql, STR(",?"));
		text_byte(sql, ')');
	}
}

static size_t count_columns(const char *columns)
{
	size_t n = 1;

	for (const char *p = columns; *p != '\0'; p++)
		n += *p == ',';
	return n;
}

static bool prepare(sqlite3 *db, const char *table, const char *columns, size_t rows, sqlite3_stmt **ret)
{
	struct text sql = {NULL, 0, 0};
	int rc;

	text_printf(&sql, "INSERT OR FAIL INTO %s (%s)", table, columns);
	put_values(&sql, count_columns(columns), rows);
	text_byte(&sql, '\0');
	rc = sqlite3_prepare_v3(db, sql.p, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL);
	text_fini(&sql);
	return rc == SQLITE_OK;
}

bool rows_open(struct rows *rows, sqlite3 *db, const char *table, const char *columns)
{
	for (int i = 0; i < ROWS_SIZES; i++) {
		if (!prepare(db, table, columns, size_of[i], &rows->statements[i]))
			return false;
	}
	return true;
}

void rows_close(struct rows *rows)
{
	for (int i = 0; i < ROWS_SIZES; i++) {
		sqlite3_finalize(rows->statements[i]);
		rows->statements[i] = NULL;
	}
}

int rows_put(struct rows *rows, size_t n, rows_bind *bind, void *owner)
{
	int rc = SQLITE_OK, size = 0;

	for (size_t at = 0; at < n && rc == SQLITE_OK;) {
		struct row r = {NULL, 0};
		size_t end;

		while (size_of[size] > n - at)
			size++;
		r.s = rows->statements[size];
		for (end = at + size_of[size]; at < end && rc == SQLITE_OK; at++)
			rc = bind(owner, &r, at);
		if (rc == SQLITE_OK)
			rc = row_end(&r);
	}
	return rc;
}
