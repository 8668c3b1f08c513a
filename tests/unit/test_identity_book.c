/* The book of identities: what it holds in memory is never taken for what is in the file, and the rows are bounded. */
#include "query_run.h"
#include "store/backend.h"
#include "store/identity_book.h"

enum { HOSTS = 5000 };

#define DAY_US INT64_C(86400000000)
#define BEGIN_US INT64_C(1700000000005000) /* of the fixture's second hop */

/* A flow with one hop, to that URL. */
static void fixture_visit(struct flow_fixture *f, uint64_t id, const char *url)
{
	fixture_init(f, id);
	fixture_lead(f, url);
}

static void write_visit(const char *url)
{
	struct flow_fixture f;

	fixture_visit(&f, 1, url);
	write_one(&f.x);
}

#define FILL                                                                                                                   \
	"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"                                        \
	" INSERT INTO identities (host, port, certificate_sha256, not_before_s, not_after_s, first_us, last_us,"               \
	" shown_us, first_exchange_id, flows, refused_flows) SELECT 'h' || i, 443, 'c', 0, 0, %lld + i, %lld + i, 1, 1, 1, 1 FROM n"

static void fill(int n, long long from_us)
{
	char sql[512];

	snprintf(sql, sizeof(sql), FILL, n, from_us, from_us);
	assert_answer(&folder, sql, "");
}

/* Those that were not seen for longest leave first, and the one that is in use stays. */
static void test_bound(void **state)
{
	const char *url = "https://a.example/";

	(void)state;
	store_stop(start(MAX_FLOWS));
	fill(IDENTITIES_MAX + IDENTITIES_SLACK, 1700000000000000 - 1000000);
	write_visit(url);
	assert_answer(&folder, "SELECT count(*) FROM identities", "100000");
	assert_answer(&folder, "SELECT min(last_us) FROM identities", "1699999999001002");
	assert_answer(&folder, "SELECT flows FROM identities WHERE host = 'a.example'", "1");
}

static void test_age(void **state)
{
	const char *url = "https://a.example/";
	const long long day_us = 86400000000;

	(void)state;
	store_stop(start(MAX_FLOWS));
	fill(3, 1700000000000000 - (IDENTITIES_DAYS + 1) * day_us);
	write_visit(url);
	assert_answer(&folder, "SELECT group_concat(host) FROM identities", "a.example");
	fill(4, 1700000000000000 - (IDENTITIES_DAYS - 1) * day_us);
	write_visit(url);
	assert_answer(&folder, "SELECT count(*) FROM identities", "5");
}

struct bench {
	sqlite3 *db;
	struct identity_book *book;
};

static void bench_init(struct bench *b)
{
	store_stop(start(MAX_FLOWS));
	assert_int_equal(sqlite3_open(folder.db, &b->db), SQLITE_OK);
	b->book = identity_book_new(b->db);
	assert_non_null(b->book);
}

static void bench_fini(struct bench *b)
{
	identity_book_free(b->book);
	identity_book_free(NULL);
	sqlite3_close(b->db);
}

static void exec(struct bench *b, const char *sql)
{
	assert_int_equal(sqlite3_exec(b->db, sql, NULL, NULL, NULL), SQLITE_OK);
}

static int64_t note(struct bench *b, uint64_t id, const char *url, int64_t at_us)
{
	struct flow_fixture f;
	struct identity_noted noted;

	fixture_visit(&f, id, url);
	f.hops[1].started_us = at_us;
	assert_int_equal(identity_book_note(b->book, id, true, &f.hops[1], &noted), SQLITE_OK);
	return noted.id;
}

static void commit(struct bench *b)
{
	assert_int_equal(identity_book_flush(b->book), SQLITE_OK);
	exec(b, "COMMIT");
}

/* What is noted in a transaction that is rolled back is forgotten: the rows are made in the next. */
static void test_rollback(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b);
	exec(&b, "BEGIN");
	assert_int_equal(note(&b, 1, "https://a.example/", BEGIN_US), 1);
	exec(&b, "ROLLBACK");
	identity_book_forget(b.book);
	exec(&b, "BEGIN");
	assert_int_equal(note(&b, 1, "https://a.example/", BEGIN_US), 1);
	commit(&b);
	bench_fini(&b);
	assert_answer(&folder, "SELECT count(*) || flows FROM identities", "11");
}

/* A hop that saw nobody is no row. */
static void test_nobody(void **state)
{
	struct flow_fixture f;
	struct bench b;
	struct identity_noted noted = {-1, -1};

	(void)state;
	bench_init(&b);
	fixture_init(&f, 1);
	assert_int_equal(identity_book_note(b.book, 1, true, &f.hops[0], &noted), SQLITE_OK);
	assert_int_equal(noted.id, 0);
	assert_int_equal(noted.change_id, 0);
	assert_int_equal(identity_book_flush(b.book), SQLITE_OK);
	bench_fini(&b);
	assert_answer(&folder, "SELECT count(*) FROM identities", "0");
}

/* More of them in one transaction than are held in memory: each is written before it leaves. */
static void test_many_at_once(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b);
	exec(&b, "BEGIN");
	for (unsigned i = 0; i < HOSTS; i++) {
		char url[64];

		snprintf(url, sizeof(url), "https://h%u.example/", i);
		assert_int_equal(note(&b, i + 1, url, BEGIN_US), i + 1);
	}
	commit(&b);
	bench_fini(&b);
	assert_answer(&folder, "SELECT count(*) || ' ' || min(flows) || ' ' || max(flows) FROM identities", "5000 1 1");
}

/* A row that has left is made anew, though it was known in memory. */
static void test_met_again(void **state)
{
	const int64_t later_us = BEGIN_US + (IDENTITIES_DAYS + 1) * DAY_US;
	struct bench b;

	(void)state;
	bench_init(&b);
	exec(&b, "BEGIN");
	assert_int_equal(note(&b, 1, "https://a.example/", BEGIN_US), 1);
	commit(&b);
	exec(&b, "BEGIN");
	assert_int_equal(note(&b, 2, "https://b.example/", later_us), 2);
	commit(&b);
	assert_answer(&folder, "SELECT group_concat(host) FROM identities", "b.example");
	exec(&b, "BEGIN");
	assert_int_equal(note(&b, 3, "https://a.example/", later_us), 3);
	commit(&b);
	bench_fini(&b);
	assert_answer(&folder, "SELECT group_concat(host || first_exchange_id || flows) FROM identities",
		"b.example21,a.example31");
}

/* The backend's transaction fails at its end, and is tried again with the same records. */
static void test_failed_batch(void **state)
{
	char why[WHY_BYTES] = "";
	struct backend_needs needs = {.folder = folder.data, .version = "1.2.3"};
	struct backend *backend = backend_sqlite(&needs, why, sizeof(why));
	struct flow_fixture f;
	struct record *r;
	size_t lost = 0;

	(void)state;
	assert_non_null(backend);
	fixture_visit(&f, 1, "https://a.example/");
	r = record_new(&f.x);
	assert_answer(&folder, "CREATE TRIGGER no BEFORE UPDATE ON identities BEGIN SELECT raise(ABORT, 'not now'); END", "");
	assert_int_equal(backend->ops->write_batch(backend, &r, 1, NULL, &lost, why, sizeof(why)), FAULT_LATER);
	assert_string_equal(why, "not now");
	assert_answer(&folder, "SELECT count(*) FROM exchanges", "0");
	assert_answer(&folder, "DROP TRIGGER no", "");
	assert_int_equal(backend->ops->write_batch(backend, &r, 1, NULL, &lost, why, sizeof(why)), FAULT_NONE);
	assert_int_equal(lost, 0);
	record_free(r);
	backend->ops->close(backend);
	assert_answer(&folder, "SELECT flows || ' ' || exchange_id FROM identities JOIN hops ON identity_id = id", "1 1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_bound),
		STORE_TEST(test_age),
		STORE_TEST(test_rollback),
		STORE_TEST(test_nobody),
		STORE_TEST(test_many_at_once),
		STORE_TEST(test_met_again),
		STORE_TEST(test_failed_batch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
