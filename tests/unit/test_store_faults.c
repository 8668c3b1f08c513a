/* The store on a disk that fails or is slow: nothing that can be held is lost, the workers go on, and it is written in the
 * end. */
#include "slow_vfs.h"
#include "store_run.h"

enum { FLOWS = 3000, MEMORY = 32 << 20 };

static int setup_disk(void **state)
{
	slow_vfs_install();
	return setup(state);
}

static int teardown_disk(void **state)
{
	slow_vfs_remove();
	return teardown(state);
}

static struct store *start_with_memory(void)
{
	struct store_options o = options(1000000);
	char why[WHY_BYTES] = "";
	struct store *s;

	o.memory = MEMORY;
	s = store_start(&o, why, sizeof(why));
	assert_string_equal(why, "");
	assert_non_null(s);
	return s;
}

static bool has_errors(const struct store_counts *c)
{
	return c->write_errors > 0;
}

static void push_many(struct ring *ring, uint64_t from, uint64_t to)
{
	for (uint64_t id = from; id <= to; id++)
		push(ring, id, OUTCOME_DELIVERED);
}

/* The disk refuses for a while, and everything is there in the end, in order and once. */
static void check_refusal(int code)
{
	struct store *s = start_with_memory();
	struct ring *ring = store_add_ring(s);
	struct store_counts counts;

	push_many(ring, 1, 100);
	wait_written(s, 100);
	atomic_store(&slow_vfs.write_error, code);
	push_many(ring, 101, FLOWS);
	wait_counts(s, has_errors);
	assert_answer(&folder, "SELECT count(*) FROM exchanges", "100"); /* what is stored can be read */
	atomic_store(&slow_vfs.write_error, 0);
	wait_written(s, FLOWS);
	store_counts(s, &counts);
	assert_int_equal(counts.flows_lost, 0);
	assert_int_equal(counts.bodies_cut_store, 0);
	store_stop(s);
	assert_sound();
	assert_answer(&folder, "SELECT count(*) || ' ' || max(id) FROM exchanges", "3000 3000");
	assert_answer(&folder, "SELECT count(DISTINCT change) FROM exchanges", "3000");
	assert_answer(&folder,
		"SELECT count(*) FROM exchanges a JOIN exchanges b ON b.id = a.id + 1 WHERE b.change <= a.change", "0");
}

static void test_full(void **state)
{
	(void)state;
	check_refusal(SQLITE_FULL);
}

static void test_io_error(void **state)
{
	(void)state;
	check_refusal(SQLITE_IOERR_WRITE);
}

static void test_read_only(void **state)
{
	(void)state;
	check_refusal(SQLITE_READONLY);
}

/* Another process has it locked for longer than is waited for: the rings are emptied meanwhile. */
static void test_locked(void **state)
{
	struct store *s = start_with_memory();
	struct ring *ring = store_add_ring(s);
	struct store_counts counts;
	sqlite3 *db = NULL;

	(void)state;
	push(ring, 1, OUTCOME_DELIVERED);
	wait_written(s, 1);
	assert_int_equal(sqlite3_open(folder.db, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	push_many(ring, 2, 10000); /* more than a ring and a batch hold */
	wait_counts(s, has_errors);
	assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	wait_written(s, 10000);
	store_counts(s, &counts);
	assert_int_equal(counts.flows_lost, 0);
	store_stop(s);
	assert_answer(&folder, "SELECT count(*) FROM exchanges", "10000");
}

/* Slow is no fault: who pushes waits, and nothing is cut. */
static void test_slow(void **state)
{
	struct store *s = start_with_memory();
	struct ring *ring = store_add_ring(s);
	struct store_counts counts;

	(void)state;
	atomic_store(&slow_vfs.write_ms, 2);
	push_many(ring, 1, 2000);
	wait_written(s, 500);
	atomic_store(&slow_vfs.write_ms, 0);
	wait_written(s, 2000);
	store_counts(s, &counts);
	assert_int_equal(counts.write_errors, 0);
	assert_int_equal(counts.flows_lost, 0);
	assert_int_equal(counts.bodies_cut_store, 0);
	assert_int_equal(counts.backlog_bytes, 0);
	store_stop(s);
	assert_answer(&folder, "SELECT count(*) FROM exchanges", "2000");
}

static void push_piece(struct store *s, struct ring *ring, uint64_t id, uint64_t offset)
{
	struct body_part *p = body_part_new(2, BODY_DOWN, offset, BODY_PART_BYTES);
	struct record *r = record_new_body(id);

	memset(p->bytes, (int)(id + offset / BODY_PART_BYTES), BODY_PART_BYTES);
	p->len = BODY_PART_BYTES;
	record_add_part(r, p);
	record_weigh(r, store_backlog(s));
	push_record(ring, r);
}

static bool is_cut_and_flat(const struct store_counts *c)
{
	return c->bodies_cut_store > 0 && c->backlog_bytes < MEMORY;
}

/* A long download while the disk is full: memory is flat, the backlog does not hold the workers up, the flow is kept and its
 * body marked. */
static void test_full_while_a_body_passes(void **state)
{
	enum { PIECES = 3 * MEMORY / BODY_PART_BYTES };
	struct store *s = start_with_memory();
	struct ring *ring = store_add_ring(s);
	struct store_counts counts;

	(void)state;
	push_piece(s, ring, 1, 0);
	push(ring, 2, OUTCOME_DELIVERED);
	wait_written(s, 1);
	atomic_store(&slow_vfs.write_error, SQLITE_FULL);
	for (uint64_t i = 1; i < PIECES; i++)
		push_piece(s, ring, 1, i * BODY_PART_BYTES);
	wait_counts(s, is_cut_and_flat);
	push(ring, 1, OUTCOME_DELIVERED);
	atomic_store(&slow_vfs.write_error, 0);
	wait_written(s, 2);
	store_counts(s, &counts);
	assert_int_equal(counts.flows_lost, 0);
	assert_int_equal(counts.bodies_cut_store, 1);
	assert_int_equal(counts.backlog_bytes, 0);
	store_stop(s);
	assert_sound();
	assert_answer(&folder, "SELECT response_body_cut FROM hops WHERE exchange_id = 1 AND number = 2", "store");
	assert_answer(&folder,
		"SELECT bytes >= 65536 AND bytes < 3 * 33554432 FROM bodies JOIN hops ON response_body_id = id"
		" WHERE exchange_id = 1",
		"1");
}

/* A proxy starts where nothing can be written for the moment, if it knows where the numbers go on. */
static void test_full_at_start(void **state)
{
	struct store *s = start(1000);
	struct ring *ring = store_add_ring(s);

	(void)state;
	push_many(ring, 1, 10);
	store_stop(s);
	atomic_store(&slow_vfs.write_error, SQLITE_FULL);
	s = start_with_memory();
	ring = store_add_ring(s);
	assert_int_equal(store_next_id(s), 11);
	push_many(ring, 11, 20);
	wait_counts(s, has_errors);
	atomic_store(&slow_vfs.write_error, 0);
	wait_written(s, 10);
	store_stop(s);
	assert_sound();
	assert_answer(&folder, "SELECT count(*) FROM exchanges", "20");
	assert_answer(&folder, "SELECT count(*) FROM runs WHERE ended_us IS NOT NULL", "2");
	assert_answer(&folder,
		"SELECT count(*) FROM exchanges JOIN sessions s ON s.id = session_id WHERE s.run = exchanges.run", "20");
}

/* A new database cannot be made there. */
static void test_full_from_the_beginning(void **state)
{
	struct store_options o = options(1000);
	char why[WHY_BYTES] = "";

	(void)state;
	atomic_store(&slow_vfs.write_error, SQLITE_FULL);
	assert_null(store_start(&o, why, sizeof(why)));
	assert_non_null(strstr(why, "full"));
}

/* Ending does not take for ever. */
static void test_stop_while_failing(void **state)
{
	struct store *s = start_with_memory();
	struct ring *ring = store_add_ring(s);

	(void)state;
	push(ring, 1, OUTCOME_DELIVERED);
	wait_written(s, 1);
	atomic_store(&slow_vfs.write_error, SQLITE_IOERR_WRITE);
	push_many(ring, 2, 100);
	store_stop(s);
	atomic_store(&slow_vfs.write_error, 0);
	assert_sound();
	assert_answer(&folder, "SELECT count(*) FROM exchanges", "1");
}

#define DISK_TEST(name) cmocka_unit_test_setup_teardown(name, setup_disk, teardown_disk)

int main(void)
{
	const struct CMUnitTest tests[] = {
		DISK_TEST(test_full),
		DISK_TEST(test_io_error),
		DISK_TEST(test_read_only),
		DISK_TEST(test_locked),
		DISK_TEST(test_slow),
		DISK_TEST(test_full_while_a_body_passes),
		DISK_TEST(test_full_at_start),
		DISK_TEST(test_full_from_the_beginning),
		DISK_TEST(test_stop_while_failing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
