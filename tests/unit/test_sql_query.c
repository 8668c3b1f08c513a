/* sql_query.h: what is answered, what is refused, and the functions that are there. */
#include "filter_rows.h"

#include "store/find/sql_query.h"

#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the above */
#include <cmocka.h>

static struct filter_rows rows;

static int setup(void **state)
{
	(void)state;
	rows_open(&rows);
	rows_put_cases(&rows);
	rows_exec(&rows, "PRAGMA user_version = 4");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rows_close(&rows);
	return 0;
}

/* What was answered, as one text. */
struct answer {
	struct text text;
	int rows_left; /* until it is enough; 0: never */
};

static bool on_columns(void *owner, const char *const *names, size_t n)
{
	struct answer *a = owner;

	for (size_t i = 0; i < n; i++)
		text_printf(&a->text, "%s ", names[i]);
	text_byte(&a->text, ':');
	return true;
}

static bool on_row(void *owner, const struct sql_value *values, size_t n)
{
	static const char *const types[] = {"null", "integer", "real", "text", "blob"};
	struct answer *a = owner;

	for (size_t i = 0; i < n; i++) {
		text_printf(&a->text, " %s(", types[values[i].type]);
		text_put(&a->text, values[i].text);
		text_byte(&a->text, ')');
	}
	text_byte(&a->text, ';');
	return --a->rows_left != 0;
}

/* The answer, or the reason that there is none; to be freed. */
static char *ask(const char *sql, bool (*is_enough)(void *owner), int rows_left, bool *ret_ended)
{
	struct answer a = {.rows_left = rows_left};
	const struct sql_query q = {
		.text = str_of(sql), .columns = on_columns, .row = on_row, .is_enough = is_enough, .owner = &a};

	if (!reader_sql(&rows.reader, &q, ret_ended)) {
		text_clear(&a.text);
		text_put(&a.text, str_of(reader_error(&rows.reader)));
	}
	text_byte(&a.text, '\0');
	return a.text.p;
}

static void assert_answers(const char *sql, const char *expected)
{
	bool was_ended = true;
	char *answer = ask(sql, NULL, 0, &was_ended);

	assert_string_equal(answer, expected);
	assert_false(was_ended);
	free(answer);
}

static void test_answers(void **state)
{
	(void)state;
	assert_answers("SELECT id, host AS h, NULL n, 1.5, x'4142' FROM exchanges ORDER BY 1 LIMIT 2",
		"id h n 1.5 x'4142' : integer(42) text(api.example.com) null() real(1.5) blob(AB);"
		" integer(43) text(::1) null() real(1.5) blob(AB);");
	assert_answers("SELECT 1; ; SELECT 2 AS two -- that is all", "1 : integer(1);two : integer(2);");
	assert_answers("", "");
	assert_answers("SELECT id FROM exchanges WHERE id > 99", "id :");
	assert_answers("SELEC 1", "near \"SELEC\": syntax error");
	assert_answers("SELECT nowhere", "no such column: nowhere");
	assert_answers("SELECT value FROM json_each('[7]')", "value : integer(7);");
	assert_answers("SELECT count(*) FROM pragma_table_info('runs')", "count(*) : integer(5);");
	assert_answers("PRAGMA user_version", "user_version : integer(4);");
	assert_answers("PRAGMA quick_check", "quick_check : text(ok);");
	assert_answers("EXPLAIN QUERY PLAN SELECT 1",
		"id parent notused detail : integer(1) integer(0) integer(0) text(SCAN CONSTANT ROW);");
	/* One state of the database, and the reader is free afterwards. */
	assert_int_equal(sqlite3_get_autocommit(rows.reader.db), 1);
	rows_exec(&rows, "CREATE TABLE written (x)");
}

/* Whatever could change something, beside the database too; nothing of it is done. */
static void test_refusals(void **state)
{
	static const char *const writing[] = {"DELETE FROM exchanges", "UPDATE exchanges SET host = 'x'",
		"INSERT INTO runs VALUES (1)", "CREATE TABLE x (y)", "CREATE TEMP TABLE x (y)", "CREATE VIEW x AS SELECT 1",
		"DROP TABLE hops", "DROP VIEW heads", "ALTER TABLE runs ADD COLUMN x", "CREATE INDEX x ON runs (pid)",
		"ANALYZE", "REINDEX", "SAVEPOINT x", "INSERT INTO sqlite_master (name) VALUES ('x')",
		"WITH x AS (SELECT 1) DELETE FROM runs", "EXPLAIN DELETE FROM exchanges",
		"CREATE VIRTUAL TABLE x USING fts5(y)", "CREATE TRIGGER x AFTER INSERT ON runs BEGIN SELECT 1; END"};
	static const char *const pragmas[] = {"PRAGMA journal_mode = DELETE", "PRAGMA user_version = 9",
		"PRAGMA writable_schema = 1", "PRAGMA temp_store_directory = '/'", "PRAGMA query_only = 0",
		"PRAGMA wal_checkpoint", "PRAGMA incremental_vacuum", "PRAGMA optimize", "PRAGMA mmap_size = 1"};

	(void)state;
	for (size_t i = 0; i < sizeof(writing) / sizeof(writing[0]); i++)
		assert_answers(writing[i], "refused: the flow database can only be read here (writing)");
	for (size_t i = 0; i < sizeof(pragmas) / sizeof(pragmas[0]); i++)
		assert_answers(pragmas[i], "refused: the flow database can only be read here (setting a pragma)");
	assert_answers("ATTACH 'other.db' AS other", "refused: the flow database can only be read here (another file)");
	assert_answers("DETACH main", "refused: the flow database can only be read here (another file)");
	assert_answers("COMMIT; VACUUM INTO 'copy.db'", "refused: the flow database can only be read here (another file)");
	assert_int_not_equal(access("copy.db", F_OK), 0);
	assert_answers("SELECT load_extension('x')", "refused: the flow database can only be read here (loading extensions)");
	assert_answers("UPDATE sqlite_master SET name = 'x'", "table sqlite_master may not be modified");
	assert_answers("SELECT count(*) FROM exchanges", "count(*) : integer(3);");
	assert_answers("PRAGMA user_version", "user_version : integer(4);");
}

static void test_functions(void **state)
{
	(void)state;
	assert_answers("SELECT header(request_fields, 'accept') AS h FROM exchanges WHERE id = 42",
		"h : text(text/html, application/json);");
	assert_answers("SELECT header(response_fields, 'SERVER') AS h FROM exchanges WHERE id IN (42, 43)",
		"h : text(nginx); null();");
	assert_answers(
		"SELECT header(request_fields, 'x-empty') AS h, header(request_fields, 'x') AS x FROM exchanges WHERE id = 42",
		"h x : text() null();");
	assert_answers("SELECT body(response_body_id) AS b FROM hops WHERE response_body_id ORDER BY number LIMIT 1",
		"b : blob({\"moved\": true});");
	assert_answers("SELECT body(NULL) AS b, body(999) AS c", "b c : null() null();");
	rows_body(&rows, 43, false, STR("M\xfcnchen"), "[]");
	assert_answers("SELECT body_text(max(response_body_id), NULL, 'text/plain; charset=latin1') AS b FROM hops",
		"b : text(M\xc3\xbcnchen);");
	assert_answers("SELECT body_text(max(response_body_id), '', 'image/png') AS b FROM hops", "b : blob(M\xfcnchen);");
	assert_answers("SELECT body_text()",
		"body_text takes the id of a body, its Content-Encoding and Content-Type, and its cut");
	assert_answers("SELECT id FROM exchanges WHERE path REGEXP '^/[A-Z]sers'", "id : integer(42);");
	assert_answers("SELECT 'a' REGEXP NULL AS r, NULL REGEXP 'a' AS s, 'a' REGEXP 'b' AS t",
		"r s t : null() null() integer(0);");
	assert_answers("SELECT 'a' REGEXP '('",
		"not a regular expression that can be used, at its byte 1: missing closing parenthesis");
	assert_answers("SELECT hex(zeroblob(30000)) REGEXP '(0|00)+[xy]' AS r", "r : null();");
	rows_exec(&rows, "UPDATE bodies SET bytes = 1");
	assert_answers("SELECT body(max(id)) FROM bodies", "a stored body is damaged");
	assert_answers("SELECT body_text(max(id)) FROM bodies", "a stored body is damaged");
}

static bool at_once(void *owner)
{
	(void)owner;
	return true;
}

/* What takes too long can be ended, and what was answered so far stands. */
static void test_enough(void **state)
{
	bool was_ended = false;
	char *answer = ask("WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c) SELECT count(*) AS n FROM c",
		at_once, 0, &was_ended);

	(void)state;
	assert_true(was_ended);
	assert_string_equal(answer, "n :");
	free(answer);
	was_ended = false;
	answer = ask("SELECT id FROM exchanges ORDER BY id; SELECT 2", NULL, 2, &was_ended);
	assert_true(was_ended);
	assert_string_equal(answer, "id : integer(42); integer(43);");
	free(answer);
	assert_answers("SELECT 1", "1 : integer(1);");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_answers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
		cmocka_unit_test_setup_teardown(test_functions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_enough, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
