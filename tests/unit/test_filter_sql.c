/* filter_sql.h, flow_set.h and flow_subject.h: each filter says the same of flows in the database as of flows in memory,
 * whichever way it is asked; and what is left to SQL is all that SQL can say. */
#include "filter_rows.h"

#include "base/mem.h"
#include "store/find/flow_query.h"
#include "store/find/flow_subject.h"

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
	/* As a database has it that is asked for sessions often. */
	rows_exec(&rows, "CREATE INDEX IF NOT EXISTS exchanges_session ON exchanges (session_id)");
	rows_put_cases(&rows);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rows_close(&rows);
	return 0;
}

static struct filter *parse(const char *text)
{
	struct filter_error error = {0, ""};
	struct filter *f = filter_parse(str_of(text), false, &error);

	if (f == NULL)
		fail_msg("%s: %s", text, error.text);
	return f;
}

static bool note_id(void *owner, uint64_t id)
{
	uint64_t *found = owner;

	*found |= UINT64_C(1) << id;
	return true;
}

/* A bit for each flow that is found. */
static uint64_t found_by(const struct flow_query *q)
{
	struct flow_query_end end = {.is_more = true};
	uint64_t found = 0, count = 0;

	if (!reader_select_ids(&rows.reader, q, note_id, &found, &end))
		fail_msg("%s: %s", filter_text(q->filter), reader_error(&rows.reader));
	assert_int_equal(end.undecided, 0);
	assert_false(end.is_cut || end.is_more);
	assert_true(reader_count(&rows.reader, q, &count));
	assert_int_equal(count, __builtin_popcountll(found));
	return found;
}

static uint64_t found(const struct filter *f)
{
	const struct flow_query newest = {.filter = f}, oldest = {.filter = f, .is_oldest_first = true},
				changed = {.filter = f, .after_change = 1};
	uint64_t ids = found_by(&newest);

	assert_int_equal(found_by(&oldest), ids);
	assert_int_equal(found_by(&changed), ids);
	return ids;
}

struct asking {
	const struct filter *filter;
	enum filter_answer answer;
};

static bool ask(void *owner, const struct flow_view *v)
{
	struct asking *a = owner;

	assert_true(flow_subject_ask(&rows.reader, v, a->filter, &a->answer));
	return true;
}

/* Whether the indexes leave the flow. */
static bool is_left(const struct filter *f, uint64_t id)
{
	uint64_t some = 0, all = 0;

	assert_true(rows_set(&rows, f, false, &some));
	assert_true(rows_set(&rows, f, true, &all));
	assert_int_equal(all & ~some, 0);
	return (all >> id & 1) != 0;
}

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < FILTER_CASES_N; i++) {
		const struct filter_case *c = &filter_cases[i];
		uint64_t id = (uint64_t)case_flows[c->flow][0].number;
		struct filter *f = parse(c->expression);
		struct asking a = {f, FILTER_UNDECIDED};
		bool is_found = (found(f) >> id & 1) != 0;

		assert_true(reader_flow(&rows.reader, id, ask, &a));
		if (is_found != c->matches || a.answer != (c->matches ? FILTER_YES : FILTER_NO))
			fail_msg("%s of %d: it should be %d; it is found: %d; asked: %d", c->expression, (int)id, c->matches,
				is_found, a.answer);
		if (c->matches && !is_left(f, id))
			fail_msg("%s of %d: not in the set", c->expression, (int)id);
		filter_free(f);
	}
}

/* The opposite of each filter finds the flows that it does not. */
static void test_opposites(void **state)
{
	const uint64_t all = UINT64_C(7) << 42;

	(void)state;
	for (size_t i = 0; i < FILTER_CASES_N; i++) {
		struct text opposite = {NULL, 0, 0};
		struct filter *f = parse(filter_cases[i].expression), *not_f;

		text_printf(&opposite, "!(%s)", filter_cases[i].expression);
		text_byte(&opposite, '\0');
		not_f = parse(opposite.p);
		if (found(f) != (found(not_f) ^ all))
			fail_msg("%s", opposite.p);
		for (uint64_t id = 42; id < 45; id++)
			assert_true(is_left(f, id) || is_left(not_f, id));
		filter_free(f);
		filter_free(not_f);
		text_fini(&opposite);
	}
}

static void test_conditions(void **state)
{
	static const struct {
		const char *filter, *where;
		bool is_exact;
	} cases[] = {
		{"host == \"a\"", "ifnull(e.host COLLATE NOCASE IN (?), 0)", true},
		{"host != \"a\"", "NOT ifnull(e.host COLLATE NOCASE IN (?), 0)", true},
		{"!(path != \"a\")", "ifnull(e.path IN (?), 0)", true},
		{"path in [\"a\", \"\", \"b\"]", "ifnull(e.path IN (?,?), 0)", true},
		{"path == \"\"", "ifnull(e.path IN (), 0)", true},
		{"status >= 400", "ifnull(e.status >= ?, 0)", true},
		{"status", "(e.status IS NOT NULL)", true},
		{"session == \"a\"", "ifnull(e.session_id IN (SELECT id FROM sessions WHERE name IN (?)), 0)", true},
		{"path ~ \"a\"", "", false},
		{"path ~ \"a\" && port == 1", "ifnull(e.port IN (?), 0)", false},
		{"path ~ \"a\" || port == 1", "", false},
		{"!(path ~ \"a\" || port == 1)", "NOT ifnull(e.port IN (?), 0)", false},
		{"!(path ~ \"a\" && port == 1)", "", false},
		{"port == 1 && (port == 2 || path ~ \"a\") && port == 3",
			"(ifnull(e.port IN (?), 0) AND ifnull(e.port IN (?), 0))", false},
		{"host == \"\xff\" && port == 1", "ifnull(e.port IN (?), 0)", false},
		{"user == \"\xff\"", "ifnull(e.user IN (?), 0)", true},
		{"client == \"::1\"", "", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct filter *f = parse(cases[i].filter);
		struct filter_sql q;

		filter_sql_init(&q, f);
		text_byte(&q.where, '\0');
		assert_string_equal(q.where.p, cases[i].where);
		assert_int_equal(q.is_exact, cases[i].is_exact);
		filter_sql_fini(&q);
		filter_free(f);
	}
}

/* Whatever a value looks like, it is one. */
static void test_hostile_values(void **state)
{
	static const char *const filters[] = {"host == \"'; DROP TABLE exchanges; --\"",
		"path == \"?1\" || path in [\"\\\")\", \"%s\"]", "session == \"') OR 1=1 --\"", "user == \"\xff\xfe'\"",
		"req.header[\"x'y\"] == \"'\" && comment != \"'\""};

	(void)state;
	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
		struct filter *f = parse(filters[i]);

		assert_int_equal(found(f), 0);
		filter_free(f);
	}
}

/* n times a text between a head and a tail. */
static struct filter *repeated(const char *head, const char *text, size_t n, const char *tail)
{
	struct text t = {NULL, 0, 0};
	struct filter *f;

	text_put(&t, str_of(head));
	for (size_t i = 0; i < n; i++)
		text_put(&t, str_of(text));
	text_put(&t, str_of(tail));
	text_byte(&t, '\0');
	f = parse(t.p);
	text_fini(&t);
	return f;
}

/* The largest and the deepest filters are nothing special to SQLite. */
static void test_large(void **state)
{
	struct filter *wide = repeated("(hops || (retries && (status || (hops || (time && (redirects || (size && (port || ",
		"(host == \"mail.example.com\" && status == 200) || (path == \"x\" && port in [1, 2]) || ", 70,
		"id < 44))))))))");
	struct filter *many = repeated("", "port || ", 998, "id"), *listed = repeated("port in [1", ", 443", 990, ", 993]"),
		      *deep = repeated("", "!(port && ", 32, "id == 43))))))))))))))))))))))))))))))))");

	(void)state;
	assert_int_equal(found(many), UINT64_C(7) << 42);
	assert_int_equal(found(listed), UINT64_C(1) << 44);
	assert_int_equal(found(deep), UINT64_C(1) << 43);
	assert_int_equal(found(wide), UINT64_C(7) << 42);
	filter_free(wide);
	filter_free(many);
	filter_free(listed);
	filter_free(deep);
}

/* What takes too many steps is undecided here, as in memory: counted, and left out whatever is said of it. */
static void test_undecided(void **state)
{
	enum { LEN = 60000 };
	static const struct {
		const char *filter;
		enum filter_answer answer;
	} cases[] = {{"path ~ \"(b|bb)+[xy]\"", FILTER_UNDECIDED}, {"path !~ \"(b|bb)+[xy]\"", FILTER_UNDECIDED},
		{"!(path ~ \"(b|bb)+[xy]\")", FILTER_UNDECIDED}, {"path ~ \"(b|bb)+[xy]\" || id == 50", FILTER_YES},
		{"path ~ \"(b|bb)+[xy]\" && id == 51", FILTER_NO}, {"path ~ \"(b|bb)+[xy]\" && id == 50", FILTER_UNDECIDED},
		{"comment ~ \"(b|bb)+[xy]\" || !(path ~ \"(b|bb)+[xy]\")", FILTER_UNDECIDED},
		{"req.header[\"Slow\"] ~ \"(b|bb)+[xy]\"", FILTER_UNDECIDED},
		{"req.header[\"Slower\"] ~ \"(b|bb)+[xy]\"", FILTER_UNDECIDED},
		{"req.header[\"Slow\"] !~ \"(b|bb)+[xy]\" && !comment", FILTER_UNDECIDED}};
	char *path = mem_alloc(LEN);

	(void)state;
	memset(path, 'b', LEN);
	rows_flow(&rows, 50);
	rows_put(&rows, "UPDATE exchanges SET path = ?1 WHERE id = ?2 + ?3", (struct str){path, LEN}, 50, 0);
	rows_header(&rows, 50, true, "Slow", (struct str){path, LEN});
	rows_header(&rows, 50, true, "Slower-", STR("b"));
	rows_header(&rows, 50, true, "Slower", (struct str){path, LEN});
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct filter *f = parse(cases[i].filter);
		struct asking a = {f, FILTER_NO};
		const struct flow_query q = {.filter = f};
		struct flow_query_end end = {.is_cut = false};
		uint64_t ids = 0;

		assert_true(reader_flow(&rows.reader, 50, ask, &a));
		assert_true(reader_select_ids(&rows.reader, &q, note_id, &ids, &end));
		assert_int_equal(a.answer, cases[i].answer);
		assert_int_equal(ids >> 50 & 1, cases[i].answer == FILTER_YES);
		assert_int_equal(end.undecided, cases[i].answer == FILTER_UNDECIDED);
		assert_true(is_left(f, 50) || cases[i].answer == FILTER_NO);
		filter_free(f);
	}
	mem_free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_cases, setup, teardown),
		cmocka_unit_test_setup_teardown(test_opposites, setup, teardown),
		cmocka_unit_test(test_conditions),
		cmocka_unit_test_setup_teardown(test_hostile_values, setup, teardown),
		cmocka_unit_test_setup_teardown(test_large, setup, teardown),
		cmocka_unit_test_setup_teardown(test_undecided, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
