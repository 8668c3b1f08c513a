/* A store in a folder of its own: for the tests of the store, and of what is read from it. */
#ifndef VIADUCT_TESTS_STORE_RUN_H
#define VIADUCT_TESTS_STORE_RUN_H

#include "base/clock.h"
#include "capture/record.h"
#include "flow_fixture.h"
#include "store/store.h"
#include "store_fixture.h"

#include <poll.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { WHY_BYTES = 512, GIVE_UP_MS = 20000 };

static struct folder folder;

static inline int setup(void **state)
{
	(void)state;
	return folder_make(&folder);
}

static inline int teardown(void **state)
{
	(void)state;
	folder_remove(&folder);
	return 0;
}

static inline struct store_options options(int64_t max_flows)
{
	return (struct store_options){.folder = folder.data, .max_flows = max_flows, .version = "1.2.3"};
}

static inline struct store *start(int64_t max_flows)
{
	struct store_options o = options(max_flows);
	char why[WHY_BYTES] = "";
	struct store *s = store_start(&o, why, sizeof(why));

	assert_string_equal(why, "");
	assert_non_null(s);
	return s;
}

/* Pushes it, waiting for room. */
static inline void push_record(struct ring *ring, struct record *r)
{
	while (!ring_push(ring, r))
		poll(NULL, 0, 1);
}

static inline void push_facts(struct ring *ring, const struct exchange_facts *x)
{
	push_record(ring, record_new(x));
}

/* Pushes a flow of no particular kind. */
static inline void push(struct ring *ring, uint64_t id, enum outcome outcome)
{
	struct flow_fixture f;

	fixture_init(&f, id);
	f.x.outcome = outcome;
	push_facts(ring, &f.x);
}

static inline void wait_written(const struct store *s, uint64_t n)
{
	int64_t until_us = clock_mono_us() + GIVE_UP_MS * INT64_C(1000);
	struct store_counts counts = {0};

	while (counts.flows_written < n && clock_mono_us() < until_us) {
		poll(NULL, 0, 1);
		store_counts(s, &counts);
	}
	assert_true(counts.flows_written >= n);
}

static inline void wait_counts(const struct store *s, bool (*is_enough)(const struct store_counts *c))
{
	int64_t until_us = clock_mono_us() + GIVE_UP_MS * INT64_C(1000);
	struct store_counts counts = {0};

	while (!is_enough(&counts)) {
		assert_true(clock_mono_us() < until_us);
		poll(NULL, 0, 1);
		store_counts(s, &counts);
	}
}

/* Waits until a question has this answer. */
static inline void wait_answer(const char *sql, const char *expected)
{
	int64_t until_us = clock_mono_us() + GIVE_UP_MS * INT64_C(1000);
	char answer[128];

	do {
		folder_ask(&folder, sql, answer, sizeof(answer));
	} while (strcmp(answer, expected) != 0 && clock_mono_us() < until_us);
	assert_string_equal(answer, expected);
}

static inline void assert_sound(void)
{
	assert_answer(&folder, "PRAGMA integrity_check", "ok");
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
