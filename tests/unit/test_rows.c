/* Rows by several statements: all of them, in order, up to the first that fails. */
#include "store/rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct table {
	sqlite3 *db;
	struct rows rows;
	size_t bad; /* the row that cannot be bound, or has no name; SIZE_MAX: none */
	bool is_unbindable;
};

static int setup(void **state)
{
	static struct table t;

	*state = &t;
	t = (struct table){.bad = SIZE_MAX};
	return sqlite3_open(":memory:", &t.db) == SQLITE_OK &&
			sqlite3_exec(t.db, "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT NOT NULL)", NULL, NULL, NULL) ==
				SQLITE_OK &&
			rows_open(&t.rows, t.db, "t", "id, name")
		? 0
		: -1;
}

static int teardown(void **state)
{
	struct table *t = *state;

	rows_close(&t->rows);
	return sqlite3_close(t->db) == SQLITE_OK ? 0 : -1;
}

static int bind(void *owner, struct row *r, size_t i)
{
	const struct table *t = owner;

	if (i == t->bad && t->is_unbindable)
		return SQLITE_NOMEM;
	row_i64(r, (int64_t)i);
	row_own(r, i == t->bad ? NULL : "name");
	return SQLITE_OK;
}

static size_t ask(const struct table *t, const char *sql)
{
	sqlite3_stmt *s;
	size_t n;

	assert_int_equal(sqlite3_prepare_v2(t->db, sql, -1, &s, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	n = (size_t)sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return n;
}

static void empty(const struct table *t)
{
	assert_int_equal(sqlite3_exec(t->db, "DELETE FROM t", NULL, NULL, NULL), SQLITE_OK);
}

static void test_any_number(void **state)
{
	struct table *t = *state;

	for (size_t n = 0; n < (size_t)3 * ROWS_AT_ONCE; n++) {
		assert_int_equal(rows_put(&t->rows, n, bind, t), SQLITE_OK);
		assert_int_equal(ask(t, "SELECT count(*) FROM t WHERE name = 'name'"), n);
		assert_int_equal(ask(t, "SELECT coalesce(max(id) + 1, 0) FROM t"), n);
		empty(t);
	}
}

/* Those before it stay, also in its own statement; none comes behind it, and the statements can be used again. */
static void test_fault(void **state)
{
	struct table *t = *state;

	for (t->bad = 0; t->bad < (size_t)3 * ROWS_AT_ONCE; t->bad++) {
		assert_int_equal(rows_put(&t->rows, (size_t)3 * ROWS_AT_ONCE, bind, t) & 0xff, SQLITE_CONSTRAINT);
		assert_int_equal(ask(t, "SELECT count(*) FROM t"), t->bad);
		assert_int_equal(ask(t, "SELECT coalesce(max(id) + 1, 0) FROM t"), t->bad);
		empty(t);
	}
}

/* A statement does not run where a row of it was not bound. */
static void test_unbindable(void **state)
{
	struct table *t = *state;

	t->bad = ROWS_AT_ONCE + 1;
	t->is_unbindable = true;
	assert_int_equal(rows_put(&t->rows, (size_t)2 * ROWS_AT_ONCE, bind, t), SQLITE_NOMEM);
	assert_int_equal(ask(t, "SELECT count(*) FROM t"), ROWS_AT_ONCE);
}

static void test_no_table(void **state)
{
	struct table *t = *state;
	struct rows rows = {{NULL}};

	assert_false(rows_open(&rows, t->db, "nowhere", "id"));
	rows_close(&rows);
	assert_false(rows_open(&rows, t->db, "t", "id, other"));
	rows_close(&rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_any_number, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fault, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unbindable, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_table, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
