/* flow_query.h: pages of many flows in both directions, over gaps, by the walk and by the indexes; limits that end a search;
 * bodies in all their forms. */
#include "filter_rows.h"

#include "base/mem.h"
#include "store/find/flow_query.h"
#include "store/find/flow_subject.h"

#include <zlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the above */
#include <cmocka.h>

/* More than what is walked through before the indexes are asked. */
enum { FLOWS = 20000, GAP = 3000000, BEHIND_GAP = 10 };

static struct filter_rows rows;

/* Flows 1 to FLOWS: every 100th has status 404, every 1000th is of rare.example, those up to 5000 of old.example and failed,
 * the last one is in flight; and some behind a gap. */
static int setup_many(void **state)
{
	char sql[1200];

	(void)state;
	rows_open(&rows);
	snprintf(sql, sizeof(sql),
		"WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < %d),"
		" d (i) AS (SELECT i FROM c UNION ALL SELECT i + %d FROM c WHERE i <= %d)"
		" INSERT INTO exchanges (id, change, run, worker, client_id, client_request, client,"
		" started_us, duration_us, url, host, path,"
		" status, outcome, request_head_bytes, request_body_bytes, response_head_bytes,"
		" response_body_bytes, hops, is_tunnel)"
		" SELECT i, i + 1000, 1, 0, i, 1, '10.0.0.' || (i %% 200) || ':99', i * 1000000, 5, 'http://x/' || i,"
		" CASE WHEN i %% 1000 = 0 THEN 'rare.example' WHEN i <= 5000 THEN 'old.example' ELSE"
		" 'new.example' END, '/' || i,"
		" CASE WHEN i %% 100 = 0 THEN 404 WHEN i = 777 THEN NULL ELSE 200 END,"
		" CASE WHEN i = %d THEN 'pending' WHEN i <= 5000 THEN 'failed' ELSE 'delivered' END, 0, 0, 0,"
		" 10, 1 + (i = 4444), 0 FROM d",
		FLOWS, GAP, BEHIND_GAP, FLOWS);
	rows_exec(&rows, sql);
	return 0;
}

static int setup(void **state)
{
	(void)state;
	rows_open(&rows);
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

struct seen {
	uint64_t n, first, last, enough; /* enough: after so many; 0: never */
	bool is_up, is_in_order;
};

static bool note(void *owner, const struct flow_view *v)
{
	struct seen *s = owner;

	if (s->n == 0)
		s->first = v->id;
	else if (s->is_up ? v->id <= s->last : v->id >= s->last)
		s->is_in_order = false;
	s->last = v->id;
	return ++s->n != s->enough;
}

static struct seen select_all(struct flow_query *q, struct flow_query_end *ret_end)
{
	struct seen s = {.is_up = q->is_oldest_first, .is_in_order = true};

	if (!reader_select(&rows.reader, q, note, &s, ret_end))
		fail_msg("%s", reader_error(&rows.reader));
	assert_true(s.is_in_order);
	return s;
}

/* What a filter finds: how many flows, the oldest and the newest. */
struct expected {
	const char *filter;
	uint64_t n, oldest, newest;
};

static const struct expected finds[] = {
	{"id", FLOWS + BEHIND_GAP, 1, GAP + BEHIND_GAP},
	{"status == 404", FLOWS / 100, 100, FLOWS},
	{"status != 200", FLOWS / 100 + 1, 100, FLOWS},
	{"!status", 1, 777, 777},
	{"status < 300", FLOWS + BEHIND_GAP - FLOWS / 100 - 1, 1, GAP + BEHIND_GAP},
	{"status > 404", 0, 0, 0},
	{"host == \"RARE.example\"", FLOWS / 1000, 1000, FLOWS},
	{"host == \"old.example\"", 4995, 1, 4999},
	{"host != \"new.example\"", 4995 + FLOWS / 1000, 1, FLOWS},
	{"host == \"old.example\" && status == 404", 45, 100, 4900},
	{"host == \"old.example\" || status == 404", 4995 + FLOWS / 100 - 45, 1, FLOWS},
	{"!(host == \"new.example\" || status == 404)", 4995 - 45, 1, 4999},
	{"host == \"old.example\" && path ~ \"9$\"", 500, 9, 4999},
	{"path ~ \"^/12$\"", 1, 12, 12},
	{"path == \"/12\"", 1, 12, 12},
	{"outcome == \"failed\"", 5000, 1, 5000},
	{"outcome != \"delivered\"", 5001, 1, FLOWS},
	{"outcome == \"pending\"", 1, FLOWS, FLOWS},
	{"outcome == \"delivered\" && host == \"rare.example\"", 14, 6000, FLOWS - 1000},
	{"hops > 1", 1, 4444, 4444},
	{"hops == 1 && id > 4440 && id < 4450", 8, 4441, 4449},
	{"time >= 3000 && time < 4000", 1, 3, 3},
	{"time < 5000", 4, 1, 4},
	{"!(time >= 3000 && time < 20000000)", 3 + BEHIND_GAP, 1, GAP + BEHIND_GAP},
	{"id == 20000", 1, 20000, 20000},
	{"id in [5, 3, 1000000, 3000001]", 3, 3, GAP + 1},
	{"id > 100000", BEHIND_GAP, GAP + 1, GAP + BEHIND_GAP},
	{"client == \"10.0.0.7\" && id < 1000", 5, 7, 807},
};

static void test_finds(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(finds) / sizeof(finds[0]); i++) {
		const struct expected *e = &finds[i];
		struct filter *f = parse(e->filter);
		uint64_t count = 0;

		for (int up = 0; up < 2; up++) {
			struct flow_query q = {.filter = f, .is_oldest_first = up != 0};
			struct flow_query_end end;
			struct seen s = select_all(&q, &end);

			if (s.n != e->n || s.first != (up ? e->oldest : e->newest) || s.last != (up ? e->newest : e->oldest))
				fail_msg("%s, %d: %d flows, %d to %d", e->filter, up, (int)s.n, (int)s.first, (int)s.last);
			assert_false(end.is_more || end.is_cut);
			assert_int_equal(end.ended_id, up ? GAP + BEHIND_GAP : 1);
			assert_true(reader_count(&rows.reader, &q, &count));
			assert_int_equal(count, e->n);
		}
		filter_free(f);
	}
}

/* Page by page all flows come, each once, whatever the size of a page. */
static void test_pages(void **state)
{
	static const size_t limits[] = {1, 7, 400, 1000, 5001};

	(void)state;
	for (size_t i = 0; i < sizeof(finds) / sizeof(finds[0]); i++) {
		struct filter *f = parse(finds[i].filter);
		size_t limit = limits[i % (sizeof(limits) / sizeof(limits[0]))];
		struct flow_query q = {.filter = f, .is_oldest_first = i % 2 != 0, .limit = limit};
		struct flow_query_end end = {.is_more = finds[i].n < 200 * limit}; /* not too many pages */
		uint64_t n = 0;

		while (end.is_more) {
			struct seen s = select_all(&q, &end);

			assert_true(s.n == limit || !end.is_more);
			assert_true(s.n == 0 || n == 0 || (q.is_oldest_first ? s.first > q.after_id : s.first < q.after_id));
			n += s.n;
			q.after_id = end.ended_id;
			if (n == finds[i].n)
				assert_true(s.n == 0 || s.last == (q.is_oldest_first ? finds[i].newest : finds[i].oldest));
		}
		assert_true(n == finds[i].n || finds[i].n >= 200 * limit);
		filter_free(f);
	}
}

/* Without a filter, and with an owner that has enough. */
static void test_all(void **state)
{
	struct flow_query q = {.limit = 0};
	struct flow_query_end end;
	struct seen s = {.enough = 3}, few;
	uint64_t ids[] = {5, 3000001, 9, 123456};

	(void)state;
	assert_int_equal(select_all(&q, &end).n, FLOWS + BEHIND_GAP);
	q.is_ended_only = true;
	assert_int_equal(select_all(&q, &end).n, FLOWS + BEHIND_GAP - 1);
	assert_true(reader_select(&rows.reader, &q, note, &s, &end));
	assert_int_equal(s.n, 3);
	assert_true(end.is_more);
	assert_int_equal(end.ended_id, GAP + BEHIND_GAP - 2);
	assert_true(reader_select(&rows.reader, &q, note, &s, NULL));
	few = (struct seen){.is_up = true, .is_in_order = true};
	assert_true(reader_flows(&rows.reader, ids, 4, true, note, &few));
	assert_true(few.n == 3 && few.first == 5 && few.last == GAP + 1 && few.is_in_order);
	few = (struct seen){.is_in_order = true};
	assert_true(reader_flows(&rows.reader, ids, 4, false, note, &few));
	assert_true(few.n == 3 && few.first == GAP + 1 && few.last == 5 && few.is_in_order);
	assert_true(reader_flows(&rows.reader, ids, 0, false, note, &few));
	assert_int_equal(few.n, 3);
}

/* Flows that changed: by their index when they are few, in the order of their ids. */
static void test_changed(void **state)
{
	struct filter *f = parse("host == \"rare.example\"");
	struct flow_query q = {.after_change = FLOWS + 990, .is_oldest_first = true};
	struct flow_query_end end;
	struct seen s = select_all(&q, &end);

	(void)state;
	assert_true(s.n == 10 + BEHIND_GAP && s.first == FLOWS - 9 && s.last == GAP + BEHIND_GAP);
	q.is_ended_only = true;
	assert_int_equal(select_all(&q, &end).n, 9 + BEHIND_GAP);
	q.filter = f;
	q.is_ended_only = false;
	s = select_all(&q, &end);
	assert_true(s.n == 1 && s.first == FLOWS);
	q.after_change = 2000;
	assert_int_equal(select_all(&q, &end).n, FLOWS / 1000 - 1);
	q.after_change = INT64_MAX;
	assert_int_equal(select_all(&q, &end).n, 0);
	filter_free(f);
}

/* An index that somebody took away is no help, and no harm. */
static void test_missing_indexes(void **state)
{
	rows_exec(&rows,
		"DROP INDEX exchanges_host; DROP INDEX exchanges_status; DROP INDEX exchanges_started; DROP"
		" INDEX exchanges_change;"
		"DROP INDEX exchanges_outcome; DROP INDEX exchanges_hops");
	test_finds(state);
	test_changed(state);
}

struct patience {
	int left;
};

static bool is_out_of_patience(void *owner)
{
	struct patience *p = owner;

	return p->left-- <= 0;
}

/* One that has enough gets what was found so far, and can go on from there until all is found. */
static void test_enough(void **state)
{
	struct filter *f = parse("path ~ \"/[0-9]*00$\" && res.header[\"A\"] != \"b\"");
	struct patience none = {0};
	struct flow_query q = {.filter = f, .is_enough = is_out_of_patience, .owner = &none};
	struct flow_query_end end = {.is_cut = true};
	uint64_t n = 0, count;
	int rounds = 0;

	(void)state;
	for (; end.is_cut; rounds++) {
		struct seen s = select_all(&q, &end);

		n += s.n;
		assert_true(end.ended_id != 0 || !end.is_cut);
		q.after_id = end.ended_id;
	}
	assert_int_equal(n + end.undecided, FLOWS / 100);
	assert_true(rounds > 1);
	q.after_id = 0;
	none.left = 0;
	assert_false(reader_count(&rows.reader, &q, &count));
	assert_string_equal(reader_error(&rows.reader), "not all flows could be looked at");
	/* The reader is as good as before. */
	assert_true(reader_newest(&rows.reader, 1, note, &(struct seen){.n = 0}));
	filter_free(f);
}

/* The bytes as a gzip stream. */
static struct str gzip(struct str bytes, unsigned char *to, size_t size)
{
	z_stream z = {.next_in = (unsigned char *)(uintptr_t)bytes.p,
		.avail_in = (unsigned)bytes.len,
		.next_out = to,
		.avail_out = (unsigned)size};

	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(deflateEnd(&z), Z_OK);
	return (struct str){(char *)to, z.total_out};
}

static uint64_t found_one(const char *filter, uint64_t *ret_undecided)
{
	struct filter *f = parse(filter);
	struct flow_query q = {.filter = f};
	struct flow_query_end end;
	uint64_t n = select_all(&q, &end).n;

	if (ret_undecided != NULL)
		*ret_undecided = end.undecided;
	filter_free(f);
	return n;
}

/* Whatever form a body was sent in, its text is found; what is no text by its bytes. */
static void test_body_forms(void **state)
{
	static const struct {
		const char *filter;
		uint64_t n;
	} cases[] = {{"res.body contains \"m\xc3\xbcnchen\"", 3}, {"res.body ~ \"M\xc3\xbcnchen\"", 3},
		{"res.body contains \"packed\"", 2}, {"res.body contains \"M\\xFCnchen\"", 0},
		{"res.body contains \"\x01\xff\"", 1}, {"res.body == \"packed text\"", 1},
		{"req.body contains"
		 " \"packed\"",
			0},
		{"res.body", 6}, {"res.body ~ \"^\\x{1f}\"", 1}};
	unsigned char packed[256];
	struct str bytes = gzip(STR("packed text"), packed, sizeof(packed));

	(void)state;
	for (int64_t id = 1; id <= 6; id++)
		rows_flow(&rows, id);
	rows_body(&rows, 1, false, STR("M\xfcnchen"), "[[\"Content-Type\",\"text/plain; charset=iso-8859-1\"]]");
	rows_body(&rows, 2, false, STR("M\xc3\xbcnchen"), "[[\"Content-Type\",\"application/json\"]]");
	rows_body(&rows, 3, false, bytes, "[[\"Content-Type\",\"text/plain\"],[\"Content-Encoding\",\"gzip\"]]");
	/* The same bytes, without their coding. */
	rows_body(&rows, 4, false, STR("x"), "[[\"Content-Type\",\"application/gzip\"]]");
	rows_put(&rows, "UPDATE bodies SET content = ?1, bytes = length(?1) WHERE id = ?2 + ?3", bytes, 4, 0);
	rows_body(&rows, 5, false, STR("a\x01\xff packed"),
		"[[\"Content-Type\",\"image/png\"],[\"Content-Encoding\",\"unheard-of\"]]");
	rows_exec(&rows, "INSERT INTO head_fields VALUES (1, 'content-type', 'text/html', 9)");
	rows_body(&rows, 6, false, STR("<meta charset=latin1>M\xfcnchen"), "[1]");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t undecided;

		if (found_one(cases[i].filter, &undecided) != cases[i].n)
			fail_msg("%s: not %d", cases[i].filter, (int)cases[i].n);
		assert_int_equal(undecided, 0);
	}
}

/* One body of many flows is read once; what it may cost in all is bounded. */
static void test_body_limit(void **state)
{
	enum { FLOWS_OF_IT = 50, BYTES = 100000 };
	struct filter *f = parse("res.body contains \"needle\" || req.body contains \"needle\"");
	struct flow_query q = {.filter = f, .max_body_bytes = BYTES};
	struct flow_query_end end;
	char *bytes = mem_alloc(BYTES);

	(void)state;
	memset(bytes, 'x', BYTES);
	for (int64_t id = 1; id <= FLOWS_OF_IT; id++) {
		rows_flow(&rows, id);
		rows_hop(&rows, id);
	}
	rows_body(&rows, 1, false, (struct str){bytes, BYTES}, "[]");
	memcpy(bytes + BYTES - 6, "needle", 6);
	rows_body(&rows, 2, false, (struct str){bytes, BYTES}, "[]");
	rows_exec(&rows, "UPDATE hops SET response_body_id = 2, response_fields = '[]' WHERE exchange_id > 10");
	/* The newest have one body; that of the oldest is too much. */
	assert_int_equal(select_all(&q, &end).n, FLOWS_OF_IT - 9);
	assert_true(end.is_cut && end.is_more);
	assert_int_equal(end.ended_id, 2);
	q.is_oldest_first = true;
	assert_int_equal(select_all(&q, &end).n, 0);
	assert_true(end.is_cut && end.is_more);
	assert_int_equal(end.ended_id, 1);
	q.max_body_bytes = 0;
	assert_int_equal(select_all(&q, &end).n, FLOWS_OF_IT - 9);
	assert_false(end.is_cut);
	mem_free(bytes);
	filter_free(f);
}

/* A body that unpacks to more than is looked through may have it, or not. */
static void test_body_too_large(void **state)
{
	enum { MIB = 1 << 20, LEN = 65 * MIB };
	unsigned char *packed = mem_alloc(MIB);
	char *bytes = mem_calloc(1, LEN);
	uint64_t undecided;

	(void)state;
	memcpy(bytes, "at the front", 12);
	memcpy(bytes + LEN - 10, "at the end", 10);
	rows_flow(&rows, 1);
	rows_body(&rows, 1, false, STR("x"), "[[\"Content-Encoding\",\"gzip\"]]");
	rows_put(&rows, "UPDATE bodies SET content = ?1, bytes = length(?1) WHERE id = ?2 + ?3",
		gzip((struct str){bytes, LEN}, packed, MIB), 1, 0);
	assert_int_equal(found_one("res.body contains \"at the front\"", &undecided), 1);
	assert_int_equal(undecided, 0);
	assert_int_equal(found_one("res.body contains \"at the end\"", &undecided), 0);
	assert_int_equal(undecided, 1);
	assert_int_equal(found_one("!(res.body contains \"at the end\")", &undecided), 0);
	assert_int_equal(undecided, 1);
	mem_free(bytes);
	mem_free(packed);
}

/* What cannot be read is an error, not an answer. */
static void test_damaged(void **state)
{
	struct filter *f = parse("res.body contains \"x\""), *g = parse("peer == \"::1\"");
	struct flow_query q = {.filter = f};
	struct seen s = {.n = 0};

	(void)state;
	rows_flow(&rows, 1);
	rows_body(&rows, 1, false, STR("xy"), "[]");
	rows_exec(&rows, "UPDATE bodies SET bytes = 5");
	assert_false(reader_select(&rows.reader, &q, note, &s, NULL));
	assert_string_equal(reader_error(&rows.reader), "a stored body is damaged");
	rows_exec(&rows, "DROP VIEW heads; DROP VIEW header_fields; DROP TABLE hops");
	assert_false(reader_select(&rows.reader, &q, note, &s, NULL));
	q.filter = g;
	assert_false(reader_select(&rows.reader, &q, note, &s, NULL));
	assert_string_equal(reader_error(&rows.reader), "no such table: hops");
	filter_free(f);
	filter_free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_finds, setup_many, teardown),
		cmocka_unit_test_setup_teardown(test_pages, setup_many, teardown),
		cmocka_unit_test_setup_teardown(test_all, setup_many, teardown),
		cmocka_unit_test_setup_teardown(test_changed, setup_many, teardown),
		cmocka_unit_test_setup_teardown(test_missing_indexes, setup_many, teardown),
		cmocka_unit_test_setup_teardown(test_enough, setup_many, teardown),
		cmocka_unit_test_setup_teardown(test_body_forms, setup, teardown),
		cmocka_unit_test_setup_teardown(test_body_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_body_too_large, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
