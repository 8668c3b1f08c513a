/* A flow database written by a store and read again, in a folder of its own: for the tests of what is read. */
#ifndef VIADUCT_TESTS_QUERY_RUN_H
#define VIADUCT_TESTS_QUERY_RUN_H

#include "capture/record.h"
#include "flow_fixture.h"
#include "store/query.h"
#include "store/store.h"
#include "store_fixture.h"

#include <poll.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { WHY_BYTES = 512, ARENA_BYTES = 1024 * 1024 };

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

static inline struct store *start(void)
{
	struct store_options o = {.folder = folder.data, .max_flows = 1000000, .version = "1.2.3"};
	char why[WHY_BYTES] = "";
	struct store *s = store_start(&o, why, sizeof(why));

	assert_string_equal(why, "");
	return s;
}

static inline void push(struct ring *ring, const struct exchange_facts *x)
{
	struct record *r = record_new(x);

	while (!ring_push(ring, r))
		poll(NULL, 0, 1);
}

/* Writes one flow and ends the store. */
static inline void write_one(const struct exchange_facts *x)
{
	struct store *s = start();

	push(store_add_ring(s), x);
	store_stop(s);
}

static inline struct reader *open_reader(void)
{
	char why[WHY_BYTES] = "";
	bool is_absent = true;
	struct reader *r = reader_open(folder.data, &is_absent, why, sizeof(why));

	assert_string_equal(why, "");
	assert_false(is_absent);
	return r;
}

static inline void assert_bytes(struct str got, const void *expected, size_t len)
{
	assert_int_equal(got.len, len);
	assert_memory_equal(got.p, expected, len);
}

static inline void assert_str(struct str got, const char *expected)
{
	assert_bytes(got, expected, strlen(expected));
}

#define QUERY_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
