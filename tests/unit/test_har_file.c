/* store/har_file: a HAR that is whole at every moment while a store writes flows. */
#include "har_rig.h"
#include "store/har/har_feed.h"
#include "store/har/har_file.h"

#include <pthread.h>
#include <stdatomic.h>

enum { PATH_BYTES = 192, SMALL_BYTES = 60000 };

/* A store that runs, and a HAR beside it. */
struct rig {
	struct store *s;
	struct ring *ring;
	struct har_file *har;
	char path[PATH_BYTES];
};

static struct har_file *start_har(struct rig *r, const char *filter, int64_t max_bytes)
{
	struct har_file_options o = {
		.path = r->path, .folder = folder.data, .filter = filter, .max_bytes = max_bytes, .version = "1.2.3"};
	char why[WHY_BYTES] = "";
	struct har_file *har = har_file_start(&o, why, sizeof(why));

	assert_string_equal(why, "");
	return har;
}

static void rig_start(struct rig *r, int64_t max_flows, const char *filter, int64_t max_bytes)
{
	snprintf(r->path, sizeof(r->path), "%s/out.har", folder.path);
	r->s = start(max_flows);
	r->ring = store_add_ring(r->s);
	r->har = start_har(r, filter, max_bytes);
}

static void rig_stop(struct rig *r)
{
	store_stop(r->s);
	har_file_stop(r->har);
}

/* Flows from one id to another, with a host of their own each third one. */
static void push_flows(struct rig *r, uint64_t from, uint64_t to)
{
	for (uint64_t id = from; id <= to; id++) {
		struct flow_fixture f;

		fixture_init(&f, id);
		fixture_lead(&f, "https://other.example/x");
		if (id % 3 == 0)
			f.x.target.authority.host = STR("third.example");
		push_facts(r->ring, &f.x);
	}
}

/* The file as a HAR, which it must be; json_decref it. */
static json_t *load(const char *path)
{
	json_error_t error;
	json_t *har = json_load_file(path, 0, &error);

	if (!har)
		fail_msg("%s: %s at byte %d", path, error.text, error.position);
	assert_at(har, "log.version", "1.2");
	return har;
}

static size_t count(const char *path)
{
	json_t *har = load(path);
	size_t n = json_array_size(at(har, "log.entries"));

	json_decref(har);
	return n;
}

static void wait_count(const char *path, size_t n)
{
	int64_t until_us = clock_mono_us() + GIVE_UP_MS * INT64_C(1000);

	while (count(path) < n && clock_mono_us() < until_us)
		poll(NULL, 0, 5);
	assert_int_equal(count(path), n);
}

/* Every flow once, none twice. */
static void assert_ids(const char *path, uint64_t from, uint64_t to)
{
	json_t *har = load(path), *entries = at(har, "log.entries"), *entry;
	bool *seen = calloc(to - from + 1, sizeof(*seen));
	size_t i;

	assert_non_null(seen);
	json_array_foreach(entries, i, entry)
	{
		uint64_t id = (uint64_t)json_integer_value(json_object_get(entry, "_flowId"));

		assert_true(id >= from && id <= to && !seen[id - from]);
		seen[id - from] = true;
	}
	assert_int_equal(json_array_size(entries), to - from + 1);
	free(seen);
	json_decref(har);
}

static void grows_while_flows_end(void **state)
{
	struct har_file_counts counts;
	struct rig r;
	struct stat st;

	(void)state;
	rig_start(&r, MAX_FLOWS, "", 0);
	assert_int_equal(count(r.path), 0);
	push_flows(&r, 1, 3);
	wait_count(r.path, 3);
	push_flows(&r, 4, 1000);
	wait_count(r.path, 1000);
	har_file_counts(r.har, &counts);
	assert_int_equal(counts.entries, 1000);
	assert_int_equal(counts.write_errors, 0);
	assert_int_equal(counts.missed_flows, 0);
	push_flows(&r, 1001, 1500);
	rig_stop(&r);
	assert_ids(r.path, 1, 1500);
	assert_int_equal(stat(r.path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void everything_is_there_at_the_end(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r, MAX_FLOWS, "", 0);
	push_flows(&r, 1, 5000);
	rig_stop(&r);
	assert_ids(r.path, 1, 5000);
}

static void flows_of_before_are_not_in_it(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r, MAX_FLOWS, "", 0);
	push_flows(&r, 1, 10);
	rig_stop(&r);
	rig_start(&r, MAX_FLOWS, "", 0);
	assert_int_equal(count(r.path), 0);
	push_flows(&r, 11, 12);
	rig_stop(&r);
	assert_ids(r.path, 11, 12);
}

static void only_what_the_filter_takes(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r, MAX_FLOWS, "host == \"third.example\"", 0);
	push_flows(&r, 1, 300);
	wait_count(r.path, 100);
	push_flows(&r, 301, 600);
	rig_stop(&r);
	assert_int_equal(count(r.path), 200);
}

static void a_bad_filter_or_place_is_told(void **state)
{
	struct har_file_options o = {.path = "/dev/null", .folder = folder.data, .filter = "host ==", .version = ""};
	char why[WHY_BYTES] = "";
	struct rig r;

	(void)state;
	rig_start(&r, MAX_FLOWS, "", 0);
	assert_null(har_file_start(&o, why, sizeof(why)));
	assert_non_null(strstr(why, "har.filter, at byte"));
	o.filter = "";
	assert_null(har_file_start(&o, why, sizeof(why)));
	assert_non_null(strstr(why, "/dev/null"));
	o.path = "/nowhere/at/all.har";
	assert_null(har_file_start(&o, why, sizeof(why)));
	assert_non_null(strstr(why, "No such file"));
	rig_stop(&r);
}

static void a_flow_is_written_when_it_has_ended(void **state)
{
	struct flow_fixture f;
	struct rig r;

	(void)state;
	rig_start(&r, MAX_FLOWS, "", 0);
	fixture_init(&f, 1);
	fixture_lead(&f, "https://other.example/x");
	f.x.outcome = OUTCOME_PENDING;
	push_facts(r.ring, &f.x);
	push_flows(&r, 2, 3);
	wait_count(r.path, 2);
	f.x.outcome = OUTCOME_DELIVERED;
	push_facts(r.ring, &f.x);
	wait_count(r.path, 3);
	rig_stop(&r);
	assert_ids(r.path, 1, 3);
}

static void imported_flows_are_no_traffic(void **state)
{
	char why[WHY_BYTES] = "";
	struct flow_fixture f;
	int64_t session_id;
	struct rig r;

	(void)state;
	rig_start(&r, MAX_FLOWS, "", 0);
	assert_true(store_begin_import(r.s, STR("old"), STR_NONE, &session_id, why, sizeof(why)));
	fixture_init(&f, 1);
	push_record(r.ring, record_new_imported(&f.x, session_id, STR_NONE, NULL));
	push_flows(&r, 2, 4);
	rig_stop(&r);
	assert_ids(r.path, 2, 4);
}

static void turns_when_it_is_large(void **state)
{
	char old[PATH_BYTES + 8];
	struct rig r;
	size_t n;

	(void)state;
	rig_start(&r, MAX_FLOWS, "", SMALL_BYTES);
	snprintf(old, sizeof(old), "%s.1", r.path);
	push_flows(&r, 1, 100);
	wait_written(r.s, 100);
	while (access(old, F_OK) != 0)
		poll(NULL, 0, 5);
	rig_stop(&r);
	n = count(old) + count(r.path);
	assert_int_equal(n, 100);
}

/* The retention takes flows before they are read: it is counted how many, and the file stays whole. */
static void what_left_too_early_is_counted(void **state)
{
	enum { KEPT = 1000, PUSHED = 40000 };
	struct har_file_counts counts = {0, 0, 0};
	struct rig r;

	(void)state;
	rig_start(&r, KEPT, "", 0);
	push_flows(&r, 1, PUSHED);
	store_stop(r.s);
	/* Its own last look comes now. */
	har_file_counts(r.har, &counts);
	har_file_stop(r.har);
	assert_true(counts.missed_flows > 0);
	assert_true(count(r.path) + counts.missed_flows <= PUSHED);
}

struct reading {
	const char *path;
	atomic_bool is_over;
	size_t n;
};

static void *read_always(void *arg)
{
	struct reading *reading = arg;

	while (!atomic_load(&reading->is_over)) {
		(void)count(reading->path);
		reading->n++;
	}
	return NULL;
}

static void who_reads_meanwhile_sees_a_whole_file(void **state)
{
	struct reading reading = {.is_over = false};
	pthread_t thread;
	struct rig r;

	(void)state;
	rig_start(&r, MAX_FLOWS, "", 0);
	reading.path = r.path;
	assert_int_equal(pthread_create(&thread, NULL, read_always, &reading), 0);
	for (uint64_t id = 1; id < 2000; id += 100) {
		push_flows(&r, id, id + 99);
		wait_written(r.s, id + 99);
		poll(NULL, 0, 50);
	}
	rig_stop(&r);
	atomic_store(&reading.is_over, true);
	pthread_join(thread, NULL);
	assert_true(reading.n > 5);
	assert_ids(r.path, 1, 2000);
}

/* What ends while a round is read, in more pages than one, comes in the next, though the news of it are old by then. */
static void pages_lose_nothing_that_comes_between(void **state)
{
	const struct har_options o = {.version = "1"};
	enum { ROUND = HAR_FEED_FLOWS + 50 };
	struct text t = {NULL, 0, 0};
	char why[WHY_BYTES] = "";
	struct har_feed *feed;
	struct rig r;
	size_t n;

	(void)state;
	rig_start(&r, MAX_FLOWS, "", 0);
	feed = har_feed_new(folder.data, "", why, sizeof(why));
	assert_non_null(feed);
	assert_int_equal(har_feed_page(feed, &t, &o, &n), HAR_FEED_DONE);
	push_flows(&r, 1, ROUND);
	wait_written(r.s, ROUND);
	assert_true(har_feed_has_news(feed));
	assert_int_equal(har_feed_page(feed, &t, &o, &n), HAR_FEED_MORE);
	assert_int_equal(n, HAR_FEED_FLOWS);
	push_flows(&r, ROUND + 1, ROUND + 10);
	wait_written(r.s, ROUND + 10);
	assert_int_equal(har_feed_page(feed, &t, &o, &n), HAR_FEED_MORE);
	assert_int_equal(n, ROUND - HAR_FEED_FLOWS);
	assert_true(har_feed_has_news(feed));
	assert_int_equal(har_feed_page(feed, &t, &o, &n), HAR_FEED_DONE);
	assert_int_equal(n, 10);
	har_feed_free(feed);
	text_fini(&t);
	rig_stop(&r);
	assert_ids(r.path, 1, ROUND + 10);
}

/* The store begins another file when it finds that its own is gone; what went to the first one until then is not lost. */
static void follows_the_store_to_another_file(void **state)
{
	int64_t until_us = clock_mono_us() + GIVE_UP_MS * INT64_C(1000);
	char moved[PATH_BYTES + 64];
	uint64_t id = 10;
	struct rig r;

	(void)state;
	rig_start(&r, MAX_FLOWS, "", 0);
	push_flows(&r, 1, id);
	wait_count(r.path, id);
	snprintf(moved, sizeof(moved), "%s/gone", folder.path);
	assert_int_equal(rename(folder.db, moved), 0);
	while (access(folder.db, F_OK) != 0 && clock_mono_us() < until_us) {
		id++;
		push_flows(&r, id, id);
		wait_count(r.path, id);
	}
	push_flows(&r, id + 1, id + 5);
	wait_count(r.path, id + 5);
	rig_stop(&r);
	assert_ids(r.path, 1, id + 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(grows_while_flows_end),
		STORE_TEST(everything_is_there_at_the_end),
		STORE_TEST(flows_of_before_are_not_in_it),
		STORE_TEST(only_what_the_filter_takes),
		STORE_TEST(a_bad_filter_or_place_is_told),
		STORE_TEST(a_flow_is_written_when_it_has_ended),
		STORE_TEST(imported_flows_are_no_traffic),
		STORE_TEST(turns_when_it_is_large),
		STORE_TEST(what_left_too_early_is_counted),
		STORE_TEST(who_reads_meanwhile_sees_a_whole_file),
		STORE_TEST(pages_lose_nothing_that_comes_between),
		STORE_TEST(follows_the_store_to_another_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
