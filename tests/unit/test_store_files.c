/* The file of the store deleted, moved, replaced or damaged: while it runs and before it starts. What was stored stays
 * somewhere, what comes is stored, and numbers never go back. */
#include "store_run.h"

#include <fcntl.h>
#include <glob.h>

enum { PATH_BYTES = 300 };

static void push_many(struct ring *ring, uint64_t from, uint64_t to)
{
	for (uint64_t id = from; id <= to; id++)
		push(ring, id, OUTCOME_DELIVERED);
}

/* The one file whose name matches, a log and its index beside it not counted; "" if there is none. */
static void find_one(const char *pattern, char path[PATH_BYTES])
{
	char whole[PATH_BYTES];
	glob_t g;

	path[0] = '\0';
	snprintf(whole, sizeof(whole), "%s/%s", folder.data, pattern);
	if (glob(whole, 0, NULL, &g) != 0)
		return;
	for (size_t i = 0; i < g.gl_pathc; i++) {
		if (strstr(g.gl_pathv[i], "-wal") || strstr(g.gl_pathv[i], "-shm"))
			continue;
		assert_string_equal(path, "");
		snprintf(path, PATH_BYTES, "%s", g.gl_pathv[i]);
	}
	globfree(&g);
}

static void assert_answer_of(const char *path, const char *sql, const char *expected)
{
	struct folder other = folder;

	assert_true((size_t)snprintf(other.db, sizeof(other.db), "%s", path) < sizeof(other.db));
	assert_answer(&other, sql, expected);
}

static void path_of(const char *name, char path[PATH_BYTES])
{
	snprintf(path, PATH_BYTES, "%s/%s", folder.data, name);
}

/* The numbers of a new file go on where those of the old one were. */
static void assert_goes_on(const char *first_id, int64_t change)
{
	char sql[128];

	assert_answer(&folder, "SELECT min(id) FROM exchanges", first_id);
	snprintf(sql, sizeof(sql), "SELECT min(change) > %lld FROM exchanges", (long long)change);
	assert_answer(&folder, sql, "1");
	assert_answer(&folder, "SELECT count(*) FROM exchanges WHERE run NOT IN (SELECT id FROM runs)", "0");
	assert_answer(&folder, "SELECT count(*) FROM exchanges WHERE session_id NOT IN (SELECT id FROM sessions)", "0");
	assert_answer(&folder, "SELECT count(*) FROM exchanges WHERE session_id IS NULL", "0");
	assert_sound();
}

static int64_t last_change(void)
{
	char answer[64];

	folder_ask(&folder, "SELECT max(change) FROM exchanges", answer, sizeof(answer));
	return strtoll(answer, NULL, 10);
}

/* Time for the next look at where the file is. */
static void let_a_look_be_due(void)
{
	poll(NULL, 0, 1100);
}

static void test_deleted(void **state)
{
	struct store *s = start(100000);
	struct ring *ring = store_add_ring(s);
	struct store_counts counts;
	int64_t change;

	(void)state;
	push_many(ring, 1, 50);
	wait_written(s, 50);
	change = last_change();
	assert_int_equal(unlink(folder.db), 0);
	let_a_look_be_due();
	push_many(ring, 51, 60);
	wait_written(s, 60);
	assert_goes_on("51", change);
	assert_answer(&folder, "SELECT count(*) FROM exchanges", "10");
	store_counts(s, &counts);
	assert_int_equal(counts.flows_lost, 0);
	store_stop(s);
	assert_answer(&folder, "SELECT count(*) FROM sessions WHERE ended_us IS NULL", "0");
}

/* What was moved is whole by itself, with what was still in the log. */
static void test_moved(void **state)
{
	struct store *s = start(100000);
	struct ring *ring = store_add_ring(s);
	char moved[PATH_BYTES];
	int64_t change;

	(void)state;
	push_many(ring, 1, 50);
	wait_written(s, 50);
	change = last_change();
	path_of("kept.db", moved);
	assert_int_equal(rename(folder.db, moved), 0);
	let_a_look_be_due();
	push_many(ring, 51, 60);
	wait_written(s, 60);
	assert_goes_on("51", change);
	store_stop(s);
	assert_answer_of(moved, "SELECT count(*) FROM exchanges", "50");
	assert_answer_of(moved, "PRAGMA integrity_check", "ok");
}

/* The file of before is put back in its place: it is gone on with. */
static void test_put_back(void **state)
{
	struct store *s = start(100000);
	struct ring *ring = store_add_ring(s);
	char moved[PATH_BYTES];

	(void)state;
	push_many(ring, 1, 50);
	wait_written(s, 50);
	path_of("kept.db", moved);
	assert_int_equal(rename(folder.db, moved), 0);
	let_a_look_be_due();
	push_many(ring, 51, 60);
	wait_written(s, 60);
	assert_int_equal(rename(moved, folder.db), 0);
	let_a_look_be_due();
	push_many(ring, 61, 70);
	wait_written(s, 70);
	store_stop(s);
	assert_answer(&folder, "SELECT count(*) FROM exchanges", "60");
	assert_answer(&folder, "SELECT count(*) FROM runs", "1");
	assert_answer(&folder, "SELECT count(*) FROM sessions", "1");
	assert_sound();
}

/* Another's file has flows with the numbers that ours will get: they are not overwritten. */
static void test_foreign_put_in_place(void **state)
{
	struct store *s = start(100000);
	struct ring *ring = store_add_ring(s);
	char other[PATH_BYTES];

	(void)state;
	push_many(ring, 1, 100);
	store_stop(s);
	path_of("other.db", other);
	assert_int_equal(rename(folder.db, other), 0);

	s = start(100000);
	ring = store_add_ring(s);
	push_many(ring, 1, 50);
	wait_written(s, 50);
	assert_int_equal(rename(other, folder.db), 0);
	let_a_look_be_due();
	push_many(ring, 51, 60);
	wait_written(s, 60);
	store_stop(s);
	assert_answer(&folder, "SELECT count(*) FROM exchanges", "10");
	find_one("flows.db.foreign-*", other);
	assert_answer_of(other, "SELECT count(*) FROM exchanges", "100");
}

/* The log and its index alone: what is in the log is not lost, and readers see what comes. */
static void test_log_deleted(void **state)
{
	struct store *s = start(100000);
	struct ring *ring = store_add_ring(s);
	char path[PATH_BYTES];

	(void)state;
	push_many(ring, 1, 50);
	wait_written(s, 50);
	path_of("flows.db-wal", path);
	assert_int_equal(unlink(path), 0);
	path_of("flows.db-shm", path);
	assert_int_equal(unlink(path), 0);
	let_a_look_be_due();
	push_many(ring, 51, 60);
	wait_written(s, 60);
	assert_answer(&folder, "SELECT count(*) FROM exchanges", "60");
	store_stop(s);
	assert_answer(&folder, "SELECT count(*) FROM exchanges", "60");
	assert_answer(&folder, "SELECT count(*) FROM runs", "1");
	assert_sound();
}

/* All of it is gone, the lock too: the folder is made again, and nobody else gets in. */
static void test_folder_deleted(void **state)
{
	struct store *s = start(100000);
	struct ring *ring = store_add_ring(s);
	struct store_options o = options(100000);
	char why[WHY_BYTES] = "";
	struct stat st;

	(void)state;
	push_many(ring, 1, 50);
	wait_written(s, 50);
	folder_empty(folder.data);
	assert_int_not_equal(stat(folder.data, &st), 0);
	let_a_look_be_due();
	push_many(ring, 51, 60);
	wait_written(s, 60);
	assert_answer(&folder, "SELECT min(id) || ' ' || count(*) FROM exchanges", "51 10");
	assert_int_equal(stat(folder.data, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(stat(folder.db, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_null(store_start(&o, why, sizeof(why)));
	assert_non_null(strstr(why, "in use by another viaduct"));
	store_stop(s);
}

/* Overwrites everything behind the first page. */
static void damage(const char *path, off_t from)
{
	char junk[4096];
	int fd = open(path, O_RDWR | O_CLOEXEC);
	struct stat st;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	memset(junk, 0x5a, sizeof(junk));
	for (off_t at = from; at < st.st_size; at += (off_t)sizeof(junk))
		assert_int_equal(pwrite(fd, junk, sizeof(junk), at), sizeof(junk));
	close(fd);
}

/* Puts everything into the file itself, damages it, and lets SQLite forget what it has in memory. */
static void damage_while_running(void)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(folder.db, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	assert_int_equal(sqlite3_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	damage(folder.db, 8192);
	assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 4; COMMIT", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void test_damaged_while_running(void **state)
{
	struct store *s = start(100000);
	struct ring *ring = store_add_ring(s);
	struct store_counts counts;
	char aside[PATH_BYTES];
	int64_t change;

	(void)state;
	push_many(ring, 1, 50);
	wait_written(s, 50);
	change = last_change();
	damage_while_running();
	push_many(ring, 51, 60);
	wait_written(s, 60);
	assert_goes_on("51", change);
	assert_answer(&folder, "SELECT count(*) FROM exchanges", "10");
	find_one("flows.db.damaged-*", aside);
	assert_string_not_equal(aside, "");
	store_counts(s, &counts);
	assert_int_equal(counts.flows_lost, 0);
	assert_int_equal(counts.write_errors, 1);
	store_stop(s);
	s = start(100000);
	assert_int_equal(store_next_id(s), 61);
	store_stop(s);
}

/* The bytes of a file, for free. */
static char *bytes_of(const char *path, size_t *ret_n)
{
	FILE *f = fopen(path, "re");
	struct stat st;
	char *bytes;

	assert_non_null(f);
	assert_int_equal(fstat(fileno(f), &st), 0);
	bytes = malloc((size_t)st.st_size + 1);
	assert_non_null(bytes);
	*ret_n = fread(bytes, 1, (size_t)st.st_size, f);
	fclose(f);
	return bytes;
}

/* Kept byte for byte under another name, and a new one begun. */
static void check_damaged_at_start(off_t from)
{
	struct store *s = start(100000);
	struct ring *ring = store_add_ring(s);
	char aside[PATH_BYTES], *before, *after;
	size_t before_n, after_n;

	push_many(ring, 1, 50);
	store_stop(s);
	damage(folder.db, from);
	before = bytes_of(folder.db, &before_n);
	s = start(100000);
	ring = store_add_ring(s);
	push_many(ring, store_next_id(s), store_next_id(s) + 9);
	store_stop(s);
	assert_sound();
	assert_answer(&folder, "SELECT count(*) FROM exchanges", "10");
	find_one("flows.db.damaged-*", aside);
	after = bytes_of(aside, &after_n);
	assert_int_equal(before_n, after_n);
	assert_memory_equal(before, after, before_n);
	free(before);
	free(after);
}

static void test_damaged_header(void **state)
{
	(void)state;
	check_damaged_at_start(0);
}

static void test_damaged_pages(void **state)
{
	(void)state;
	check_damaged_at_start(8192);
}

/* Two in one second have two names. */
static void test_damaged_twice(void **state)
{
	char path[PATH_BYTES];
	glob_t g;

	(void)state;
	for (int i = 0; i < 3; i++) {
		store_stop(start(1000));
		damage(folder.db, 0);
	}
	store_stop(start(1000));
	path_of("flows.db.damaged-*", path);
	assert_int_equal(glob(path, 0, NULL, &g), 0);
	assert_int_equal(g.gl_pathc, 3);
	globfree(&g);
}

/* A flow that is in flight when the file goes is in the new one when it ends. */
static void test_in_flight(void **state)
{
	struct store *s = start(100000);
	struct ring *ring = store_add_ring(s);

	(void)state;
	push(ring, 1, OUTCOME_PENDING);
	push(ring, 2, OUTCOME_DELIVERED);
	wait_written(s, 1);
	assert_int_equal(unlink(folder.db), 0);
	let_a_look_be_due();
	push(ring, 3, OUTCOME_PENDING);
	push(ring, 1, OUTCOME_DELIVERED);
	wait_written(s, 2);
	assert_answer(&folder, "SELECT group_concat(id || outcome) FROM (SELECT * FROM exchanges ORDER BY id)",
		"1delivered,3pending");
	store_stop(s);
}

static void push_piece(struct ring *ring, uint64_t id, uint64_t offset, size_t bytes)
{
	struct body_part *p = body_part_new(2, BODY_DOWN, offset, bytes);
	struct record *r = record_new_body(id);

	memset(p->bytes, (int)(id + offset), bytes);
	p->len = bytes;
	record_add_part(r, p);
	push_record(ring, r);
}

/* A body of which the second half comes after something was done to the file. */
static void check_body_in_flight(const char *gone, const char *bytes_and_cut, uint64_t cut_n)
{
	struct store *s = start(100000);
	struct ring *ring = store_add_ring(s);
	struct store_counts counts;
	char path[PATH_BYTES];

	push(ring, 1, OUTCOME_PENDING);
	push_piece(ring, 1, 0, 50000);
	push(ring, 2, OUTCOME_DELIVERED);
	wait_written(s, 1);
	path_of(gone, path);
	assert_int_equal(unlink(path), 0);
	let_a_look_be_due();
	push(ring, 3, OUTCOME_DELIVERED);
	push_piece(ring, 1, 50000, 50000);
	push(ring, 4, OUTCOME_DELIVERED);
	wait_written(s, 3);
	push(ring, 1, OUTCOME_DELIVERED);
	wait_written(s, 4);
	store_counts(s, &counts);
	assert_int_equal(counts.bodies_cut_store, cut_n);
	store_stop(s);
	assert_answer(&folder,
		"SELECT ifnull(b.bytes, 0) || ' ' || ifnull(response_body_cut, 'whole') FROM hops"
		" LEFT JOIN bodies b ON b.id = response_body_id WHERE exchange_id = 1 AND number = 2",
		bytes_and_cut);
	assert_sound();
}

static void test_body_goes_on(void **state)
{
	(void)state;
	check_body_in_flight("flows.db-shm", "100000 whole", 0);
}

static void test_body_is_lost(void **state)
{
	(void)state;
	check_body_in_flight("flows.db", "0 store", 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_body_goes_on),
		STORE_TEST(test_body_is_lost),
		STORE_TEST(test_deleted),
		STORE_TEST(test_moved),
		STORE_TEST(test_put_back),
		STORE_TEST(test_foreign_put_in_place),
		STORE_TEST(test_log_deleted),
		STORE_TEST(test_folder_deleted),
		STORE_TEST(test_damaged_while_running),
		STORE_TEST(test_damaged_header),
		STORE_TEST(test_damaged_pages),
		STORE_TEST(test_damaged_twice),
		STORE_TEST(test_in_flight),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
