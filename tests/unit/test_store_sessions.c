/* Sessions: one with each run, others on demand, and what ends them. */
#include "slow_vfs.h"
#include "store_run.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

static struct store *start_named(const char *name)
{
	struct store_options o = options(100000);
	char why[WHY_BYTES] = "";
	struct store *s;

	o.session = name;
	s = store_start(&o, why, sizeof(why));
	assert_string_equal(why, "");
	assert_non_null(s);
	return s;
}

static int64_t begin(struct store *s, const char *name)
{
	char why[WHY_BYTES] = "";
	int64_t id = 0;

	if (!store_begin_session(s, str_of(name), &id, why, sizeof(why)))
		fail_msg("no session: %s", why);
	return id;
}

/* "2026-11-23 10:00:05" */
static bool is_date_and_time(const char *s)
{
	static const char shape[] = "dddd-dd-dd dd:dd:dd";

	if (strlen(s) != sizeof(shape) - 1)
		return false;
	for (size_t i = 0; shape[i] != '\0'; i++) {
		if (shape[i] == 'd' ? s[i] < '0' || s[i] > '9' : s[i] != shape[i])
			return false;
	}
	return true;
}

static void test_each_run_has_one(void **state)
{
	struct store *s = start_named("");
	struct session present;

	(void)state;
	store_session(s, &present);
	assert_int_equal(present.id, 1);
	assert_true(is_date_and_time(present.name));
	assert_true(clock_wall_us() - present.started_us < 60000000);
	push(store_add_ring(s), 1, OUTCOME_DELIVERED);
	wait_written(s, 1);
	assert_answer(&folder, "SELECT ended_us IS NULL FROM sessions", "1");
	store_stop(s);
	s = start_named("the second run");
	push(store_add_ring(s), 2, OUTCOME_DELIVERED);
	store_stop(s);
	assert_answer(&folder, "SELECT group_concat(session_id) FROM (SELECT * FROM exchanges ORDER BY id)", "1,2");
	assert_answer(&folder, "SELECT count(*) FROM sessions WHERE ended_us >= started_us AND NOT is_import", "2");
	assert_answer(&folder, "SELECT name || run FROM sessions WHERE id = 2", "the second run2");
}

/* What was pushed before belongs to the one before. */
static void test_another_begins(void **state)
{
	struct store *s = start_named("one");
	struct ring *ring = store_add_ring(s);
	struct session present;

	(void)state;
	for (uint64_t id = 1; id <= 3000; id++)
		push(ring, id, OUTCOME_DELIVERED);
	assert_int_equal(begin(s, "zwei \xe2\x82\xac"), 2);
	for (uint64_t id = 3001; id <= 3010; id++)
		push(ring, id, OUTCOME_DELIVERED);
	store_session(s, &present);
	assert_string_equal(present.name, "zwei \xe2\x82\xac");
	assert_int_equal(begin(s, ""), 3);
	store_session(s, &present);
	assert_true(is_date_and_time(present.name));
	store_stop(s);
	assert_answer(&folder, "SELECT group_concat(n) FROM (SELECT count(*) n FROM exchanges GROUP BY session_id)", "3000,10");
	assert_answer(&folder,
		"SELECT a.ended_us = b.started_us FROM sessions a JOIN sessions b ON b.id = a.id + 1 WHERE a.id = 1", "1");
	assert_answer(&folder, "SELECT count(*) FROM sessions WHERE ended_us IS NULL", "0");
	assert_answer(&folder, "SELECT count(DISTINCT run) FROM sessions", "1");
}

/* Of a name that is too long whole characters stay. */
static void test_long_name(void **state)
{
	struct store *s = start_named("one");
	char name[1000], sql[128];

	(void)state;
	for (size_t i = 0; i + 3 < sizeof(name); i += 2)
		snprintf(name + i, 3, "\xc3\xa9");
	begin(s, name);
	store_stop(s);
	snprintf(sql, sizeof(sql), "SELECT length(name) || ' ' || typeof(name) FROM sessions WHERE id = 2");
	assert_answer(&folder, sql, "127 text");
}

/* An import is beside the present one. */
static void test_import(void **state)
{
	struct store *s = start_named("one");
	struct ring *ring = store_add_ring(s);
	struct session present;
	char why[WHY_BYTES] = "";
	struct flow_fixture f;
	struct record *r;
	int64_t id = 0;

	(void)state;
	assert_true(store_begin_import(s, STR("a.har"), STR("{\"version\":\"1.2\"}"), &id, why, sizeof(why)));
	assert_int_equal(id, 2);
	store_session(s, &present);
	assert_int_equal(present.id, 1);
	fixture_init(&f, 1);
	r = record_new_imported(&f.x, id, STR_NONE, NULL);
	push_record(ring, r);
	push(ring, 2, OUTCOME_DELIVERED);
	store_stop(s);
	assert_answer(&folder, "SELECT group_concat(session_id) FROM (SELECT * FROM exchanges ORDER BY id)", "2,1");
	assert_answer(&folder, "SELECT name || is_import || log_json || (ended_us >= started_us) FROM sessions WHERE id = 2",
		"a.har1{\"version\":\"1.2\"}1");
}

/* Pushes some flows and waits to be killed. */
static void run_until_killed(int out)
{
	struct store *s = start_named("killed");
	struct ring *ring = store_add_ring(s);

	for (uint64_t id = 1; id <= 10; id++)
		push(ring, id, OUTCOME_DELIVERED);
	wait_written(s, 10);
	if (write(out, "x", 1) == 1)
		pause();
	_exit(1);
}

/* It ended with its last flow. */
static void test_killed(void **state)
{
	int fds[2], status;
	char byte;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		run_until_killed(fds[1]);
	assert_int_equal(read(fds[0], &byte, 1), 1);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(fds[0]);
	close(fds[1]);
	assert_answer(&folder, "SELECT ended_us IS NULL FROM sessions WHERE id = 1", "1");
	assert_answer(&folder, "UPDATE sessions SET started_us = 1", "");
	store_stop(start_named("next"));
	assert_answer(&folder, "SELECT ended_us = (SELECT max(ended_us) FROM exchanges) FROM sessions WHERE id = 1", "1");
	assert_answer(&folder, "SELECT name FROM sessions WHERE id = 2", "next");
}

/* A killed one without flows ended when it began. */
static void test_killed_without_flows(void **state)
{
	(void)state;
	store_stop(start_named("one"));
	assert_answer(&folder, "UPDATE sessions SET ended_us = NULL", "");
	store_stop(start_named("two"));
	assert_answer(&folder, "SELECT ended_us = started_us FROM sessions WHERE id = 1", "1");
}

/* Those whose flows have all left are forgotten. */
static void test_forgotten(void **state)
{
	struct store *s = start_named("old");
	struct flow_fixture f;

	(void)state;
	store_stop(s);
	assert_answer(&folder, "UPDATE sessions SET started_us = 1, ended_us = 2", "");
	s = start_named("new");
	fixture_init(&f, 1);
	push_facts(store_add_ring(s), &f.x);
	store_stop(s);
	store_stop(start_named("last"));
	assert_answer(&folder, "SELECT group_concat(name) FROM (SELECT * FROM sessions ORDER BY id)", "new,last");
}

/* It goes on where the file is another one. */
static void test_goes_on_in_another_file(void **state)
{
	struct store *s = start_named("one");
	struct ring *ring = store_add_ring(s);

	(void)state;
	begin(s, "two");
	push(ring, 1, OUTCOME_DELIVERED);
	wait_written(s, 1);
	assert_int_equal(unlink(folder.db), 0);
	poll(NULL, 0, 1100);
	push(ring, 2, OUTCOME_DELIVERED);
	wait_written(s, 2);
	assert_answer(&folder, "SELECT id || name FROM sessions", "2two");
	assert_int_equal(begin(s, "three"), 3);
	store_stop(s);
	assert_answer(&folder, "SELECT group_concat(id || name) FROM (SELECT * FROM sessions ORDER BY id)", "2two,3three");
}

static void test_no_database(void **state)
{
	struct store_options o = {.max_flows = 1000};
	char why[WHY_BYTES] = "";
	struct store *s = store_start(&o, why, sizeof(why));
	struct session present;
	int64_t id = 7;

	(void)state;
	assert_non_null(s);
	assert_false(store_begin_session(s, STR("x"), &id, why, sizeof(why)));
	assert_string_equal(why, "flows are not kept (capture.enabled)");
	assert_int_equal(id, 7);
	store_session(s, &present);
	assert_int_equal(present.id, 0);
	store_stop(s);
}

struct asker {
	struct store *store;
	bool is_done;
	char why[WHY_BYTES];
};

static void *ask(void *arg)
{
	struct asker *a = arg;
	int64_t id;

	a->is_done = store_begin_session(a->store, STR("theirs"), &id, a->why, sizeof(a->why));
	return NULL;
}

/* Who asks does not wait for a disk that hangs, and two do not ask at once. */
static void test_slow_disk(void **state)
{
	struct store *s;
	struct ring *ring;
	struct asker other = {.is_done = true};
	char why[WHY_BYTES] = "";
	int64_t id = 7, begin_us;
	pthread_t thread;

	(void)state;
	slow_vfs_install();
	s = start_named("one");
	ring = store_add_ring(s);
	atomic_store(&slow_vfs.write_ms, 300);
	for (uint64_t i = 1; i <= 100; i++)
		push(ring, i, OUTCOME_DELIVERED);
	while (atomic_load(&slow_vfs.writes) == 0)
		poll(NULL, 0, 1);
	other.store = s;
	begin_us = clock_mono_us();
	assert_int_equal(pthread_create(&thread, NULL, ask, &other), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_false(other.is_done);
	assert_non_null(strstr(other.why, "the flow database is busy"));
	assert_in_range(clock_mono_us() - begin_us, STORE_BEGIN_MS * 1000, STORE_BEGIN_MS * 1000 + 1500000);
	atomic_store(&slow_vfs.write_ms, 0);
	/* What was given up is out of the way. */
	while (!store_begin_session(s, STR("mine"), &id, why, sizeof(why)))
		assert_true(clock_mono_us() - begin_us < GIVE_UP_MS * INT64_C(1000));
	store_stop(s);
	slow_vfs_remove();
	assert_answer(&folder, "SELECT name FROM sessions ORDER BY id DESC", "mine");
	assert_answer(&folder, "SELECT count(*) FROM exchanges WHERE session_id = 1", "100");
}

/* Two at once: both get an answer, and what is granted is there. */
static void test_at_once(void **state)
{
	struct store *s = start_named("one");
	struct asker askers[4];
	pthread_t threads[4];
	int64_t done = 0;
	char sql[64], expected[32];

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		askers[i] = (struct asker){.store = s};
		assert_int_equal(pthread_create(&threads[i], NULL, ask, &askers[i]), 0);
	}
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		done += askers[i].is_done;
		if (!askers[i].is_done)
			assert_string_equal(askers[i].why, "another session is just beginning");
	}
	assert_true(done >= 1);
	store_stop(s);
	snprintf(sql, sizeof(sql), "SELECT count(*) FROM sessions WHERE name = 'theirs'");
	snprintf(expected, sizeof(expected), "%lld", (long long)done);
	assert_answer(&folder, sql, expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_each_run_has_one),
		STORE_TEST(test_another_begins),
		STORE_TEST(test_long_name),
		STORE_TEST(test_import),
		STORE_TEST(test_killed),
		STORE_TEST(test_killed_without_flows),
		STORE_TEST(test_forgotten),
		STORE_TEST(test_goes_on_in_another_file),
		STORE_TEST(test_no_database),
		STORE_TEST(test_slow_disk),
		STORE_TEST(test_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
