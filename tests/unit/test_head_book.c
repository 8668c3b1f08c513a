/* Field lines on their way to the database: which get a row, how long it stays, and that heads are read as they were. */
#include "base/mem.h"
#include "store/head_book.h"
#include "store/head_lines.h"
#include "store/heads.h"
#include "store/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { ARENA_BYTES = 4 * 1024 * 1024, MAX_FIELDS = 16 };

struct rig {
	sqlite3 *db;
	struct head_book *book;
	struct text text;
	struct arena *arena;
};

static int setup(void **state)
{
	struct rig *r = mem_calloc(1, sizeof(*r));

	*state = r;
	if (sqlite3_open(":memory:", &r->db) != SQLITE_OK)
		return -1;
	for (int i = 0; i < SCHEMA_VERSION; i++) {
		if (sqlite3_exec(r->db, schema_step(i), NULL, NULL, NULL) != SQLITE_OK)
			return -1;
	}
	r->arena = arena_new(ARENA_BYTES);
	r->book = head_book_new(r->db);
	return r->book ? 0 : -1;
}

static int teardown(void **state)
{
	struct rig *r = *state;

	head_book_free(r->book);
	sqlite3_close(r->db);
	text_fini(&r->text);
	arena_free(r->arena);
	mem_free(r);
	return 0;
}

static sqlite3_int64 ask(const struct rig *r, const char *sql)
{
	sqlite3_stmt *s = NULL;
	sqlite3_int64 n;

	assert_int_equal(sqlite3_prepare_v2(r->db, sql, -1, &s, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	n = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return n;
}

static void exec(const struct rig *r, const char *sql)
{
	assert_int_equal(sqlite3_exec(r->db, sql, NULL, NULL, NULL), SQLITE_OK);
}

/* Puts a head, and returns its JSON, terminated. */
static const char *put(struct rig *r, uint64_t exchange_id, bool is_request, const struct field *v, size_t n)
{
	struct fields f = {(struct field *)(uintptr_t)v, n, n};

	text_clear(&r->text);
	assert_int_equal(head_book_put(r->book, &r->text, &f, exchange_id, is_request), SQLITE_OK);
	text_byte(&r->text, '\0');
	return r->text.p;
}

static bool find_line(void *owner, int64_t id, struct field *ret)
{
	return head_lines_find(owner, id, ret);
}

/* What was put is read as it was. */
static void check_read(struct rig *r, const char *json, const struct field *v, size_t n)
{
	struct head_lines *lines = head_lines_new(r->db);
	struct fields got = {NULL, 0, 0};

	assert_true(heads_parse_fields(r->arena, str_of(json), find_line, lines, &got));
	assert_int_equal(got.n, n);
	for (size_t i = 0; i < n; i++) {
		assert_true(str_eq(got.v[i].name, v[i].name));
		assert_true(str_eq(got.v[i].value, v[i].value));
	}
	head_lines_free(lines);
}

/* A line of one flow, also if it is in both its heads, stands in the head; one of two flows gets a row. */
static void test_second_flow(void **state)
{
	const struct field v[] = {{STR("Host"), STR("a")}, {STR("X"), STR("\"q\"")}};
	struct rig *r = *state;

	assert_string_equal(put(r, 1, true, v, 2), "[[\"Host\",\"a\"],[\"X\",\"\\\"q\\\"\"]]");
	assert_string_equal(put(r, 1, true, v, 2), "[[\"Host\",\"a\"],[\"X\",\"\\\"q\\\"\"]]");
	assert_int_equal(ask(r, "SELECT count(*) FROM head_fields"), 0);
	assert_string_equal(put(r, 2, true, v, 2), "[1,2]");
	assert_string_equal(put(r, 2, false, v, 2), "[1,2]");
	assert_string_equal(put(r, 3, true, v, 2), "[1,2]");
	assert_int_equal(ask(r, "SELECT count(*) FROM head_fields"), 2);
	check_read(r, "[1,2]", v, 2);
	assert_string_equal(put(r, 4, true, v, 0), "[]");
}

/* Another order, a line more, a line less, one that is another in one byte, the same bytes divided elsewhere. */
static void test_other_heads(void **state)
{
	const struct field v[] = {{STR("A"), STR("1")}, {STR("B"), STR("2")}, {STR("C"), STR("3")}, {STR("D"), STR("4")},
		{STR("E"), STR("5")}, {STR("F"), STR("6")}};
	const struct field turned[] = {{STR("F"), STR("6")}, {STR("A"), STR("1")}, {STR("A"), STR("1")}};
	const struct field less[] = {{STR("A"), STR("1")}, {STR("F"), STR("6")}};
	const struct field more[] = {{STR("A"), STR("1")}, {STR("B"), STR("x")}, {STR("B"), STR("2")}, {STR("c"), STR("3")}};
	const struct field divided[] = {{STR("A1"), STR("")}, {STR("A"), STR("1")}};
	struct rig *r = *state;

	put(r, 1, true, v, 6);
	assert_string_equal(put(r, 2, true, v, 6), "[1,2,3,4,5,6]");
	assert_string_equal(put(r, 3, true, turned, 3), "[6,1,1]");
	assert_string_equal(put(r, 4, true, v, 6), "[1,2,3,4,5,6]");
	assert_string_equal(put(r, 5, true, less, 2), "[1,6]");
	assert_string_equal(put(r, 6, true, more, 4), "[1,[\"B\",\"x\"],2,[\"c\",\"3\"]]");
	assert_string_equal(put(r, 7, true, divided, 2), "[[\"A1\",\"\"],1]");
	assert_string_equal(put(r, 8, false, divided, 2), "[7,1]");
}

/* What is no UTF-8, holds a NUL, is long or empty: never a row, and read as it was. */
static void test_bytes(void **state)
{
	char value[HEAD_BOOK_VALUE_BYTES + 1], name[HEAD_BOOK_NAME_BYTES + 1];
	const struct field v[] = {{STR("X"), {"\xff\x00", 2}}, {{"\xc3", 1}, STR("y")}, {STR("X"), {"a\0b", 3}},
		{STR("Long"), {value, sizeof(value)}}, {{name, sizeof(name)}, STR("v")}, {STR(""), STR("v")}};
	const struct field longest[] = {{{name, sizeof(name) - 1}, {value, sizeof(value) - 1}}, {STR("Empty"), STR_NONE}};
	struct rig *r = *state;

	memset(value, 'v', sizeof(value));
	memset(name, 'n', sizeof(name));
	for (uint64_t id = 1; id < 4; id++)
		check_read(r, put(r, id, true, v, 6), v, 6);
	assert_int_equal(ask(r, "SELECT count(*) FROM head_fields"), 0);
	put(r, 10, true, longest, 2);
	assert_string_equal(put(r, 11, true, longest, 2), "[1,2]");
	check_read(r, "[1,2]", longest, 2);
}

/* A row is kept at least as long as the last flow that refers to it, and its time is written seldom. */
static void test_used_until(void **state)
{
	const struct field v[] = {{STR("A"), STR("1")}};
	struct rig *r = *state;

	put(r, 1, true, v, 1);
	put(r, 2, true, v, 1);
	assert_int_equal(ask(r, "SELECT used_until FROM head_fields"), 2 + HEAD_BOOK_AHEAD);
	put(r, 2 + HEAD_BOOK_AHEAD, true, v, 1);
	assert_int_equal(ask(r, "SELECT used_until FROM head_fields"), 2 + HEAD_BOOK_AHEAD);
	put(r, 3 + HEAD_BOOK_AHEAD, true, v, 1);
	assert_int_equal(ask(r, "SELECT used_until FROM head_fields"), 3 + 2 * HEAD_BOOK_AHEAD);
	/* A flow that began before. */
	put(r, 5, true, v, 1);
	assert_int_equal(ask(r, "SELECT used_until FROM head_fields"), 3 + 2 * HEAD_BOOK_AHEAD);
}

/* Rows that were deleted are not referred to any more. */
static void test_pruned(void **state)
{
	const struct field v[] = {{STR("A"), STR("1")}, {STR("B"), STR("2")}};
	const uint64_t later = 50000;
	struct rig *r = *state;

	put(r, 1, true, v, 2);
	put(r, 2, true, v, 2);
	put(r, later, true, v + 1, 1);
	exec(r, "DELETE FROM head_fields WHERE used_until < 40000");
	head_book_pruned(r->book, 40000);
	assert_string_equal(put(r, later, true, v, 2), "[[\"A\",\"1\"],2]");
	/* An id is not given out again. */
	assert_string_equal(put(r, later + 1, true, v, 2), "[3,2]");
}

/* Where all are deleted, also those that were to be used for longer, new ones are made, and stay. */
static void test_all_pruned(void **state)
{
	const struct field v[] = {{STR("A"), STR("1")}};
	struct rig *r = *state;

	put(r, 1, true, v, 1);
	assert_string_equal(put(r, 2, true, v, 1), "[1]");
	exec(r, "DELETE FROM head_fields");
	head_book_pruned(r->book, INT64_MAX);
	assert_string_equal(put(r, 3, true, v, 1), "[[\"A\",\"1\"]]");
	check_read(r, put(r, 4, true, v, 1), v, 1);
	check_read(r, put(r, 5, true, v, 1), v, 1);
	assert_int_equal(ask(r, "SELECT count(*) FROM head_fields"), 1);
}

/* After a transaction that failed, what it wrote is not there; what was there before is found again. */
static void test_undo(void **state)
{
	const struct field v[] = {{STR("A"), STR("1")}, {STR("B"), STR("2")}};
	struct rig *r = *state;

	put(r, 1, true, v, 1);
	put(r, 2, true, v, 1);
	exec(r, "BEGIN");
	put(r, 3, true, v + 1, 1);
	assert_string_equal(put(r, 4, true, v, 2), "[1,2]");
	exec(r, "ROLLBACK");
	head_book_undo(r->book);
	assert_string_equal(put(r, 4, true, v, 2), "[1,[\"B\",\"2\"]]");
	check_read(r, put(r, 5, true, v, 2), v, 2);
	assert_int_equal(ask(r, "SELECT count(*) FROM head_fields"), 2);
}

/* Another run goes on with the rows that are there. */
static void test_next_run(void **state)
{
	const struct field v[] = {{STR("A"), STR("1")}};
	struct rig *r = *state;

	put(r, 1, true, v, 1);
	put(r, 2, true, v, 1);
	head_book_free(r->book);
	r->book = head_book_new(r->db);
	assert_non_null(r->book);
	assert_string_equal(put(r, 3, true, v, 1), "[1]");
}

/* However many lines come, what comes again and again keeps its row, and the memory is bounded. */
static void test_bound(void **state)
{
	enum { UNIQUE = 8, FLOWS = 3 * HEAD_BOOK_LINES / UNIQUE };
	const struct field steady = {STR("Server"), STR("origin")};
	struct field v[UNIQUE + 1];
	char values[UNIQUE][32];
	struct rig *r = *state;

	for (uint64_t id = 1; id <= FLOWS; id++) {
		v[0] = steady;
		for (int i = 0; i < UNIQUE; i++) {
			int n = snprintf(values[i], sizeof(values[i]), "%u-%d", (unsigned)id, i);

			v[1 + i] = (struct field){STR("X-Id"), {values[i], (size_t)n}};
		}
		put(r, id, false, v, UNIQUE + 1);
	}
	assert_int_equal(ask(r, "SELECT count(*) FROM head_fields"), 1);
	assert_int_equal(ask(r, "SELECT name = 'Server' FROM head_fields"), 1);
	check_read(r, r->text.p, v, UNIQUE + 1);
}

/* Heads at random, against what was put. */
static void test_random(void **state)
{
	enum { ROUNDS = 20000, NAMES = 12, VALUES = 60, EVERY = 500 };
	struct rig *r = *state;
	unsigned seed = 7;

	for (uint64_t id = 1; id <= ROUNDS; id++) {
		struct field v[MAX_FIELDS];
		char texts[MAX_FIELDS][2][16];
		size_t n = (size_t)rand_r(&seed) % MAX_FIELDS;

		for (size_t i = 0; i < n; i++) {
			int name_len = snprintf(texts[i][0], sizeof(texts[i][0]), "N%d", rand_r(&seed) % NAMES);
			int value_len = snprintf(texts[i][1], sizeof(texts[i][1]), "%d", rand_r(&seed) % VALUES);

			v[i] = (struct field){{texts[i][0], (size_t)name_len}, {texts[i][1], (size_t)value_len}};
		}
		put(r, id, rand_r(&seed) % 2, v, n);
		if (id % EVERY == 0) {
			check_read(r, r->text.p, v, n);
			head_book_undo(r->book);
		}
	}
	assert_int_equal(ask(r, "SELECT count(*) FROM head_fields"), NAMES * VALUES);
}

/* A head that refers to nothing, or is no head. */
static void test_damaged(void **state)
{
	static const char *const bad[] = {"[5]", "[-1]", "[0]", "[1.5]", "[[\"a\"]]", "[[\"a\",\"b\",\"c\"]]", "{}", "[", "",
		"[\"a\"]", "[[\"a\",{\"hex\":\"0\"}]]", "[99999999999999999999]"};
	struct rig *r = *state;
	struct head_lines *lines = head_lines_new(r->db);
	struct fields got = {NULL, 0, 0};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(heads_parse_fields(r->arena, str_of(bad[i]), find_line, lines, &got));
	assert_false(heads_parse_fields(r->arena, STR("[1]"), NULL, NULL, &got));
	head_lines_free(lines);
	head_lines_free(NULL);
	head_book_free(NULL);
}

#define RIG_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_second_flow),
		RIG_TEST(test_other_heads),
		RIG_TEST(test_bytes),
		RIG_TEST(test_used_until),
		RIG_TEST(test_pruned),
		RIG_TEST(test_all_pruned),
		RIG_TEST(test_undo),
		RIG_TEST(test_next_run),
		RIG_TEST(test_bound),
		RIG_TEST(test_random),
		RIG_TEST(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
