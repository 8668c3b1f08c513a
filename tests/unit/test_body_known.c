/* The table of small bodies: bounded, and it follows transactions. */
#include "store/body/body_known.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { ROOM = 4 };

struct name {
	uint8_t hash[BODY_HASH_BYTES];
};

static struct name name_of(int n)
{
	struct name name;

	memset(name.hash, n, sizeof(name.hash));
	return name;
}

static void put(struct body_known *k, int n, int64_t id, int64_t used_until)
{
	body_known_put(k, name_of(n).hash, (struct body_row){id, used_until});
}

/* Its id; 0: it is not known. */
static int64_t find(struct body_known *k, int n)
{
	struct body_row row = {0, 0};

	return body_known_find(k, name_of(n).hash, &row) ? row.id : 0;
}

static void test_bound(void **state)
{
	struct body_known *k = body_known_new(ROOM);

	(void)state;
	for (int n = 1; n <= ROOM; n++)
		put(k, n, n, 100);
	assert_int_equal(find(k, 1), 1);
	put(k, 5, 5, 100);
	assert_int_equal(find(k, 1), 1);
	assert_int_equal(find(k, 2), 0);
	assert_int_equal(find(k, 5), 5);
	body_known_free(k);
}

static void test_undo(void **state)
{
	struct body_known *k = body_known_new(ROOM);
	struct body_row row;

	(void)state;
	for (int n = 1; n <= ROOM; n++)
		put(k, n, n, 100);
	body_known_commit(k);
	for (int i = 0; i < 2; i++) {
		put(k, 3, 3, 200);
		put(k, 3, 3, 300);
		for (int n = 10; n < 20; n++)
			put(k, n, n, 100);
		put(k, 1, 7, 400);
		assert_int_equal(find(k, 2), 0);
		assert_int_equal(find(k, 19), 19);
		assert_int_equal(find(k, 1), 7);
		body_known_undo(k);
	}
	for (int n = 1; n <= ROOM; n++) {
		assert_true(body_known_find(k, name_of(n).hash, &row));
		assert_int_equal(row.id, n);
		assert_int_equal(row.used_until, 100);
	}
	assert_int_equal(find(k, 10), 0);
	body_known_free(k);
}

static void test_pruned(void **state)
{
	struct body_known *k = body_known_new(ROOM);

	(void)state;
	put(k, 1, 1, 49);
	put(k, 2, 2, 50);
	body_known_commit(k);
	body_known_pruned(k, 50);
	body_known_pruned(k, 10);
	assert_int_equal(find(k, 1), 0);
	assert_int_equal(find(k, 2), 2);
	body_known_undo(k);
	assert_int_equal(find(k, 1), 0);
	body_known_free(k);
}

/* When all flows have left, what comes after them is known again. */
static void test_all_pruned(void **state)
{
	struct body_known *k = body_known_new(ROOM);

	(void)state;
	put(k, 1, 1, 100);
	body_known_commit(k);
	body_known_pruned(k, INT64_MAX);
	assert_int_equal(find(k, 1), 0);
	put(k, 2, 2, 100);
	assert_int_equal(find(k, 2), 2);
	body_known_free(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_bound), cmocka_unit_test(test_undo),
		cmocka_unit_test(test_pruned), cmocka_unit_test(test_all_pruned)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
