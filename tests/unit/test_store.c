/* The store: what was pushed is in the file; what a kill, a dead disk and a limit do to it. */
#include "store_run.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

static void test_writes_all(void **state)
{
	enum { FLOWS = 5000 };
	struct store *s = start(1000000);
	struct ring *rings[2] = {store_add_ring(s), store_add_ring(s)};
	struct store_counts counts;

	(void)state;
	assert_int_equal(store_next_id(s), 1);
	for (uint64_t id = 1; id <= FLOWS; id++)
		push(rings[id % 2], id, OUTCOME_DELIVERED);
	wait_written(s, FLOWS);
	store_counts(s, &counts);
	assert_int_equal(counts.write_errors, 0);
	assert_int_equal(counts.flows_lost, 0);
	store_stop(s);

	assert_sound();
	assert_answer(&folder, "SELECT count(*) FROM exchanges", "5000");
	assert_answer(&folder, "SELECT count(*) FROM hops", "10000");
	assert_answer(&folder, "SELECT count(*) FROM heads", "30000");
	assert_answer(&folder, "SELECT max(change) = count(DISTINCT change) + 1 FROM exchanges", "1");
	assert_answer(&folder, "SELECT version || ' ' || (ended_us >= started_us) FROM runs", "1.2.3 1");
	s = start(1000000);
	assert_int_equal(store_next_id(s), FLOWS + 1);
	store_stop(s);
	store_stop(NULL);
}

/* A batch waits STORE_BATCH_MS at most, not for the next record. */
static void test_writes_soon(void **state)
{
	struct store *s = start(1000);
	struct ring *ring = store_add_ring(s);
	int64_t begin_us = clock_mono_us();

	(void)state;
	push(ring, 1, OUTCOME_DELIVERED);
	wait_written(s, 1);
	assert_true(clock_mono_us() - begin_us < 1000000);
	assert_answer(&folder, "SELECT count(*) FROM exchanges", "1");
	store_stop(s);
}

/* In flight, then changed, then ended: one row each time, no hop twice. */
static void test_replaces(void **state)
{
	struct store *s = start(1000);
	struct ring *ring = store_add_ring(s);
	struct flow_fixture f;
	struct record *r;

	(void)state;
	fixture_init(&f, 7);
	f.x.outcome = OUTCOME_PENDING;
	f.hops[0].next = NULL;
	f.x.hops_n = 1;
	f.x.response = NULL;
	r = record_new(&f.x);
	assert_true(ring_push(ring, r));
	push(ring, 8, OUTCOME_DELIVERED);
	wait_written(s, 1);
	assert_answer(&folder, "SELECT outcome || (ended_us IS NULL) || (status IS NULL) FROM exchanges WHERE id = 7",
		"pending11");
	assert_answer(&folder, "SELECT count(*) FROM hops WHERE exchange_id = 7", "1");
	push(ring, 7, OUTCOME_DELIVERED);
	push(ring, 7, OUTCOME_DELIVERED);
	wait_written(s, 3);
	store_stop(s);
	assert_answer(&folder, "SELECT outcome FROM exchanges WHERE id = 7", "delivered");
	assert_answer(&folder, "SELECT count(*) FROM hops WHERE exchange_id = 7", "2");
	assert_answer(&folder, "SELECT count(*) FROM heads WHERE exchange_id = 7", "6");
	assert_answer(&folder, "SELECT count(*) FROM exchanges", "2");
}

/* Writes flows until it is killed; tells over the pipe what was written. */
static void write_until_killed(int out)
{
	struct store_options o = options(1000000);
	char why[WHY_BYTES];
	struct store *s = store_start(&o, why, sizeof(why));
	struct ring *ring = s ? store_add_ring(s) : NULL;
	struct store_counts counts;

	for (uint64_t id = 1; ring; id++) {
		push(ring, id, id % 10 == 0 ? OUTCOME_PENDING : OUTCOME_DELIVERED);
		if (id % 100 != 0)
			continue;
		store_counts(s, &counts);
		if (write(out, &counts.flows_written, sizeof(counts.flows_written)) < 0)
			break;
	}
	_exit(1);
}

static void test_kill(void **state)
{
	uint64_t written = 0, n = 0;
	int fds[2], status;
	char answer[64], text[64];
	struct store *s;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(fds[0]);
		write_until_killed(fds[1]);
	}
	close(fds[1]);
	while (written < 3000)
		assert_int_equal(read(fds[0], &written, sizeof(written)), sizeof(written));
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	while (read(fds[0], &n, sizeof(n)) == sizeof(n))
		written = n;
	close(fds[0]);

	s = start(1000000); /* the lock died with its owner */
	store_stop(s);
	assert_sound();
	folder_ask(&folder, "SELECT count(*) FROM exchanges WHERE outcome = 'delivered'", answer, sizeof(answer));
	assert_true(strtoull(answer, NULL, 10) >= written);
	assert_answer(&folder, "SELECT count(*) FROM exchanges WHERE outcome = 'pending'", "0");
	folder_ask(&folder, "SELECT count(*) > 0 FROM exchanges WHERE outcome = 'interrupted'", text, sizeof(text));
	assert_string_equal(text, "1");
	assert_answer(&folder, "SELECT count(*) FROM runs WHERE ended_us IS NULL", "1");
}

/* No half flow: every exchange of two hops has them, and its heads. */
static void test_concurrent_reader(void **state)
{
	struct store *s = start(1000000);
	struct ring *ring = store_add_ring(s);

	(void)state;
	for (uint64_t id = 1; id <= 8000; id++) {
		push(ring, id, OUTCOME_DELIVERED);
		if (id % 400 != 0)
			continue;
		assert_answer(&folder, "SELECT (SELECT count(*) FROM exchanges) * 2 = (SELECT count(*) FROM hops)", "1");
		assert_answer(&folder, "SELECT (SELECT count(*) FROM exchanges) * 6 = (SELECT count(*) FROM heads)", "1");
	}
	store_stop(s);
	assert_answer(&folder, "SELECT count(*) FROM exchanges", "8000");
}

static void test_retention(void **state)
{
	struct store *s = start(1000);
	struct ring *ring = store_add_ring(s);
	struct store_options fewer = options(200);

	(void)state;
	push(ring, 1, OUTCOME_PENDING); /* is still in flight at the end: not deleted */
	for (uint64_t id = 2; id <= 4000; id++)
		push(ring, id, OUTCOME_DELIVERED);
	wait_written(s, 3999);
	wait_answer("SELECT count(*) FROM exchanges", "1001");
	assert_answer(&folder, "SELECT min(id) FROM exchanges WHERE id > 1", "3001");
	assert_answer(&folder, "SELECT count(*) FROM hops", "2002");
	assert_answer(&folder, "SELECT count(*) FROM heads", "6006");

	store_reload(s, &fewer);
	wait_answer("SELECT count(*) FROM exchanges", "201");
	store_stop(s);
	assert_sound();
}

/* A file that is full of flows stays as large as it is. */
static void test_retention_reuses_space(void **state)
{
	struct store *s = start(1000);
	struct ring *ring = store_add_ring(s);
	char first[64], second[64];

	(void)state;
	for (uint64_t id = 1; id <= 8000; id++) {
		push(ring, id, OUTCOME_DELIVERED);
		if (id == 4000)
			wait_written(s, 4000);
		if (id == 4000)
			folder_ask(&folder, "SELECT page_count FROM pragma_page_count", first, sizeof(first));
	}
	store_stop(s);
	folder_ask(&folder, "SELECT page_count FROM pragma_page_count", second, sizeof(second));
	assert_true(strtol(second, NULL, 10) <= 3 * strtol(first, NULL, 10) / 2);
}

/* The disk says no for a while (a limit on file sizes stands for a full disk): flows are held back, and written when it works
 * again. */
static void test_disk_full(void **state)
{
	enum { FLOWS = 3000 };
	struct store *s = start(1000000);
	struct ring *ring = store_add_ring(s);
	struct rlimit before, small = {64 * 1024, RLIM_INFINITY};
	struct store_counts counts = {0};
	int64_t until_us = clock_mono_us() + GIVE_UP_MS * INT64_C(1000);

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small.rlim_max = before.rlim_max;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	for (uint64_t id = 1; id <= FLOWS; id++)
		push(ring, id, OUTCOME_DELIVERED);
	while (counts.write_errors == 0 && clock_mono_us() < until_us) {
		poll(NULL, 0, 1);
		store_counts(s, &counts);
	}
	assert_true(counts.write_errors > 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	wait_written(s, FLOWS);
	store_counts(s, &counts);
	assert_int_equal(counts.flows_lost, 0);
	store_stop(s);
	signal(SIGXFSZ, SIG_DFL);
	assert_sound();
	assert_answer(&folder, "SELECT count(*) FROM exchanges", "3000");
	/* What was noted in transactions that failed is noted again, once. */
	assert_answer(&folder, "SELECT count(*) || ' ' || sum(flows) FROM identities", "1 3000");
	assert_answer(&folder, "SELECT count(*) FROM hops JOIN identities ON identities.id = identity_id", "3000");
}

/* A disk that stays dead: the bound is reached, the rest is counted, the pusher never waits for ever, and stopping ends. */
static void test_disk_dead(void **state)
{
	struct store *s = start(1000000);
	struct ring *ring = store_add_ring(s);
	struct rlimit before, small;
	struct store_counts counts = {0};
	int64_t until_us = clock_mono_us() + GIVE_UP_MS * INT64_C(1000);

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = 64 * 1024;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	for (uint64_t id = 1; id <= STORE_HELD_MAX + 5000; id++)
		push(ring, id, OUTCOME_DELIVERED);
	while (counts.flows_lost < 4000 && clock_mono_us() < until_us) {
		poll(NULL, 0, 1);
		store_counts(s, &counts);
	}
	assert_true(counts.flows_lost >= 4000);
	store_stop(s);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_DFL);
	assert_sound();
}

/* Without a database: the thread still runs, for the lines. */
static void test_no_database(void **state)
{
	struct store_options o = {.folder = NULL, .max_flows = 1000};
	char path[128], why[WHY_BYTES], moved[160];
	struct store *s;
	struct ring *ring;
	struct stat st;

	(void)state;
	snprintf(path, sizeof(path), "%s/access.log", folder.path);
	snprintf(moved, sizeof(moved), "%s.1", path);
	o.access_log = path;
	s = store_start(&o, why, sizeof(why));
	assert_non_null(s);
	ring = store_add_ring(s);
	assert_int_equal(store_next_id(s), 1);
	push(ring, 1, OUTCOME_DELIVERED);
	while (stat(path, &st) != 0 || st.st_size == 0)
		poll(NULL, 0, 1);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(rename(path, moved), 0);
	store_reload(s, &o);
	while (stat(path, &st) != 0)
		poll(NULL, 0, 1);
	push(ring, 2, OUTCOME_DELIVERED);
	store_stop(s);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size > 0);
	assert_int_not_equal(stat(folder.db, &st), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_writes_all),
		STORE_TEST(test_writes_soon),
		STORE_TEST(test_replaces),
		STORE_TEST(test_kill),
		STORE_TEST(test_concurrent_reader),
		STORE_TEST(test_retention),
		STORE_TEST(test_retention_reuses_space),
		STORE_TEST(test_disk_full),
		STORE_TEST(test_disk_dead),
		STORE_TEST(test_no_database),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
