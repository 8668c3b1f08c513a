/* The log of the flow database, and its file: cut off by somebody, shortened by the rules, kept from growing beside readers. */
#include "store_run.h"

#include <glob.h>
#include <pthread.h>

enum { PATH_BYTES = 300 };

static void push_many(struct ring *ring, uint64_t from, uint64_t to)
{
	for (uint64_t id = from; id <= to; id++)
		push(ring, id, OUTCOME_DELIVERED);
}

static bool has_set_aside(void)
{
	char pattern[PATH_BYTES];
	glob_t g;
	bool has;

	snprintf(pattern, sizeof(pattern), "%s/flows.db.damaged-*", folder.data);
	has = glob(pattern, 0, NULL, &g) == 0;
	globfree(&g);
	return has;
}

/* Time for the next look at where the file is. */
static void let_a_look_be_due(void)
{
	poll(NULL, 0, 1100);
}

/* What is cut off is noticed before anything else is written; the file is set aside, and what comes goes into a new one. */
static void check_cut_off(const char *name)
{
	struct store *s = start(100000);
	struct ring *ring = store_add_ring(s);
	char path[PATH_BYTES];
	struct store_counts counts;

	push_many(ring, 1, 50);
	wait_written(s, 50);
	snprintf(path, sizeof(path), "%s/%s", folder.data, name);
	assert_int_equal(truncate(path, 0), 0);
	let_a_look_be_due();
	push_many(ring, 51, 60);
	wait_written(s, 60);
	assert_answer(&folder, "SELECT min(id) || ' ' || count(*) FROM exchanges", "51 10");
	store_counts(s, &counts);
	assert_int_equal(counts.write_errors, 1);
	store_stop(s);
	assert_sound();
	assert_true(has_set_aside());
}

static void test_log_cut_off(void **state)
{
	(void)state;
	check_cut_off("flows.db-wal");
}

static void test_file_cut_off(void **state)
{
	(void)state;
	check_cut_off("flows.db");
}

/* The middle of the log, as nobody does by the rules. */
static void test_log_overwritten(void **state)
{
	struct store *s = start(100000);
	struct ring *ring = store_add_ring(s);
	char path[PATH_BYTES], junk[4096];
	struct stat st;
	FILE *f;

	(void)state;
	push_many(ring, 1, 500);
	wait_written(s, 500);
	snprintf(path, sizeof(path), "%s/flows.db-wal", folder.data);
	f = fopen(path, "r+e");
	assert_non_null(f);
	assert_int_equal(fstat(fileno(f), &st), 0);
	assert_int_equal(fseek(f, st.st_size / 4, SEEK_SET), 0);
	memset(junk, 0x5a, sizeof(junk));
	for (off_t n = 0; n < st.st_size / 2; n += (off_t)sizeof(junk))
		assert_int_equal(fwrite(junk, 1, sizeof(junk), f), sizeof(junk));
	fclose(f);
	let_a_look_be_due();
	push_many(ring, 501, 510);
	wait_written(s, 510);
	assert_true(has_set_aside());
	assert_answer(&folder, "SELECT min(id) || ' ' || count(*) FROM exchanges", "501 10");
	store_stop(s);
	assert_sound();
}

static void exec_beside(const char *sql)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(folder.db, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* Others may shorten both files by the rules: that is no damage. */
static void test_shortened_by_rules(void **state)
{
	struct store *s = start(100000);
	struct ring *ring = store_add_ring(s);
	struct store_counts counts;

	(void)state;
	push_many(ring, 1, 3000);
	wait_written(s, 3000);
	exec_beside("PRAGMA wal_checkpoint(TRUNCATE)");
	let_a_look_be_due();
	push_many(ring, 3001, 3010);
	wait_written(s, 3010);
	exec_beside("DELETE FROM hops WHERE exchange_id < 2900; DELETE FROM exchanges WHERE id < 2900; VACUUM;"
		    "PRAGMA wal_checkpoint(TRUNCATE)");
	let_a_look_be_due();
	push_many(ring, 3011, 3020);
	wait_written(s, 3020);
	store_counts(s, &counts);
	assert_int_equal(counts.write_errors, 0);
	store_stop(s);
	assert_false(has_set_aside());
	assert_answer(&folder, "SELECT count(*) FROM exchanges", "121");
	assert_sound();
}

/* Readers that overlap, so that there never is none. */
static void *read_always(void *stop)
{
	sqlite3 *db[2] = {NULL, NULL};

	for (int i = 0; i < 2; i++)
		assert_int_equal(sqlite3_open_v2(folder.db, &db[i], SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	for (int i = 0; !atomic_load((atomic_bool *)stop); i = 1 - i) {
		sqlite3_exec(db[i], "BEGIN; SELECT count(*) FROM runs", NULL, NULL, NULL);
		poll(NULL, 0, 20);
		sqlite3_exec(db[1 - i], "COMMIT", NULL, NULL, NULL);
		poll(NULL, 0, 20);
	}
	sqlite3_close(db[0]);
	sqlite3_close(db[1]);
	return NULL;
}

static void push_body(struct store *s, struct ring *ring, uint64_t id)
{
	struct exchange_facts x = {.id = id, .outcome = OUTCOME_DELIVERED};
	struct body_part *p = body_part_new(1, BODY_UP, 0, BODY_PART_BYTES);
	struct record *r = record_new(&x);
	uint64_t noise = id;

	for (size_t i = 0; i < BODY_PART_BYTES; i++) {
		noise = noise * UINT64_C(6364136223846793005) + 1442695040888963407;
		p->bytes[i] = (char)(noise >> 56);
	}
	p->len = BODY_PART_BYTES;
	record_add_part(r, p);
	record_weigh(r, store_backlog(s));
	push_record(ring, r);
}

static bool is_long(const struct store_counts *c)
{
	return c->log_bytes > 32 << 20;
}

static bool is_short(const struct store_counts *c)
{
	return c->log_bytes < 8 << 20;
}

/* Without a pause between readers SQLite by itself never begins its log anew. */
static void test_log_is_bounded(void **state)
{
	enum { MANY = 1400 };
	struct store *s = start(100000);
	struct ring *ring = store_add_ring(s);
	struct store_counts counts = {0};
	atomic_bool is_over = false;
	uint64_t id = 0;
	pthread_t reader;

	(void)state;
	assert_int_equal(pthread_create(&reader, NULL, read_always, &is_over), 0);
	while (id < MANY)
		push_body(s, ring, ++id);
	wait_counts(s, is_long);
	for (int i = 0; i < 200 && !is_short(&counts); i++) {
		push(ring, ++id, OUTCOME_DELIVERED);
		wait_written(s, id);
		poll(NULL, 0, 20);
		store_counts(s, &counts);
	}
	assert_true(is_short(&counts));
	atomic_store(&is_over, true);
	pthread_join(reader, NULL);
	store_stop(s);
	assert_sound();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_log_cut_off),
		STORE_TEST(test_file_cut_off),
		STORE_TEST(test_log_overwritten),
		STORE_TEST(test_shortened_by_rules),
		STORE_TEST(test_log_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
