/* SCHEMA.md: each query on it runs on a database that the store wrote, and most of them find something there; each table, view and
 * column of the schema is named on it. */
#include "base/mem.h"
#include "query_run.h"
#include "store/text.h"

static struct text page;

static int read_page(void **state)
{
	const char *root = getenv("VIADUCT_SOURCE");
	char path[512];
	FILE *f;
	int c;

	(void)state;
	snprintf(path, sizeof(path), "%s/proxy/store/SCHEMA.md", root ? root : ".");
	f = fopen(path, "r");
	while (f && (c = getc(f)) != EOF)
		text_byte(&page, (char)c);
	if (f)
		fclose(f);
	text_byte(&page, '\0');
	return page.len > 1 ? 0 : -1;
}

static int drop_page(void **state)
{
	(void)state;
	text_fini(&page);
	return 0;
}

/* Chains, a tunnel, one in flight, one inside a tunnel, repeated flows with bodies. */
static void write_flows(void)
{
	struct store *s = start(MAX_FLOWS);
	struct ring *ring = store_add_ring(s);
	struct flow_fixture f;

	for (uint64_t id = 1; id <= 20; id++) {
		struct record *record;
		struct body_part *part;

		fixture_init(&f, id);
		f.sent.fields.n--;
		f.x.parent_id = id == 18 ? 17 : 0;
		f.x.outcome = id == 20 ? OUTCOME_PENDING : OUTCOME_DELIVERED;
		if (id == 19)
			fixture_opened(&f);
		record = record_new(&f.x);
		part = body_part_new(2, BODY_DOWN, 0, 5);
		memcpy(part->bytes, "hello", 5);
		part->len = 5;
		part->cut = id == 3 ? CUT_LIMIT : CUT_NONE;
		record_add_part(record, part);
		while (!ring_push(ring, record))
			poll(NULL, 0, 1);
	}
	store_stop(s);
}

/* The next query of the page: lines that are indented by four blanks, up to a semicolon. False: there is none. */
static bool next_query(const char **at, struct text *ret)
{
	const char *line = *at;

	text_clear(ret);
	while (*line != '\0') {
		size_t len = strcspn(line, "\n");
		bool is_code = strncmp(line, "    ", 4) == 0;

		if (is_code) {
			text_put(ret, (struct str){line, len});
			text_byte(ret, '\n');
		}
		line += len + (line[len] == '\n');
		if (is_code && ret->p[ret->len - 2] == ';') {
			text_byte(ret, '\0');
			*at = line;
			return true;
		}
	}
	return false;
}

/* How many rows it gives. */
static int run(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *s = NULL;
	int rows = 0, rc;

	if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sqlite3_errmsg(db), sql);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW)
		rows++;
	if (rc != SQLITE_DONE)
		fail_msg("%s: %s", sqlite3_errmsg(db), sql);
	sqlite3_finalize(s);
	return rows;
}

static void test_queries(void **state)
{
	enum { LEAST = 25, LEAST_WITH_ROWS = 14 };
	struct text sql = {NULL, 0, 0};
	const char *at = page.p;
	int n = 0, with_rows = 0;
	sqlite3 *db = NULL;

	(void)state;
	write_flows();
	assert_int_equal(sqlite3_open_v2(folder.db, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	while (next_query(&at, &sql)) {
		with_rows += run(db, sql.p) > 0;
		n++;
	}
	sqlite3_close(db);
	text_fini(&sql);
	assert_true(n >= LEAST);
	assert_true(with_rows >= LEAST_WITH_ROWS);
}

/* True if the page has the name as a word. */
static bool has_word(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
	size_t len = strlen(name);

	for (const char *p = strstr(page.p, name); p; p = strstr(p + 1, name)) {
		if ((p == page.p || !strchr(letters, p[-1])) && !strchr(letters, p[len]))
			return true;
	}
	return false;
}

static void test_names(void **state)
{
	sqlite3_stmt *s = NULL;
	sqlite3 *db = NULL;
	int n = 0;

	(void)state;
	write_flows();
	assert_int_equal(sqlite3_open_v2(folder.db, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db,
				 "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%'"
				 " UNION SELECT c.name FROM sqlite_schema m, pragma_table_info(m.name) c"
				 " WHERE m.type IN ('table', 'view') AND m.name NOT LIKE 'sqlite_%'",
				 -1, &s, NULL),
		SQLITE_OK);
	for (; sqlite3_step(s) == SQLITE_ROW; n++) {
		const char *name = (const char *)sqlite3_column_text(s, 0);

		if (!has_word(name))
			fail_msg("SCHEMA.md does not tell of %s", name);
	}
	sqlite3_finalize(s);
	sqlite3_close(db);
	assert_true(n > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_queries),
		STORE_TEST(test_names),
	};

	return cmocka_run_group_tests(tests, read_page, drop_page);
}
