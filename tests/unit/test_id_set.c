/* id_set.h and number_ranges.h: sets compared with plain arrays, ranges with the comparisons themselves. */
#include "store/find/id_set.h"
#include "store/find/number_ranges.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

enum { FIRST = 37, LAST = 500, IDS = LAST - FIRST + 1 };

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1103515245u + 12345u;
	return *seed >> 16;
}

/* Visits the set in one direction; every id of it is met, and others only between ids of a word. */
static void check_walk(const struct id_set *s, const bool *expected, bool is_up)
{
	bool met[IDS] = {false};
	uint64_t from = is_up ? 0 : UINT64_MAX, first, last;

	while (id_set_next(s, from, is_up, &first, &last)) {
		assert_in_range(first, FIRST, LAST);
		assert_in_range(last, first, first + 63);
		assert_true(expected[first - FIRST] && expected[last - FIRST]);
		for (uint64_t id = first; id <= last; id++)
			met[id - FIRST] = true;
		assert_true(is_up ? from <= first : from >= last);
		from = is_up ? last + 1 : first - 1;
	}
	for (size_t i = 0; i < IDS; i++)
		assert_true(met[i] || !expected[i]);
}

static void check(const struct id_set *s, const bool *expected)
{
	size_t n = 0;

	for (size_t i = 0; i < IDS; i++)
		n += expected[i];
	assert_int_equal(id_set_count(s), n);
	check_walk(s, expected, true);
	check_walk(s, expected, false);
}

static void test_sets(void **state)
{
	uint32_t seed = 1;

	(void)state;
	for (unsigned density = 1; density < 1000; density *= 3) {
		struct id_set *a = id_set_new(FIRST, LAST), *b = id_set_new(FIRST, LAST);
		bool in_a[IDS] = {false}, in_b[IDS] = {false}, expected[IDS];

		for (size_t i = 0; i < IDS; i++) {
			in_a[i] = next_random(&seed) % density == 0;
			in_b[i] = next_random(&seed) % 3 == 0;
			if (in_a[i])
				id_set_add(a, FIRST + i);
			if (in_b[i])
				id_set_add(b, FIRST + i);
		}
		id_set_add(a, FIRST - 1);
		id_set_add(a, LAST + 1);
		check(a, in_a);
		id_set_unite(a, b);
		for (size_t i = 0; i < IDS; i++)
			expected[i] = in_a[i] || in_b[i];
		check(a, expected);
		id_set_invert(a);
		for (size_t i = 0; i < IDS; i++)
			expected[i] = !expected[i];
		check(a, expected);
		id_set_invert(b);
		id_set_intersect(a, b);
		for (size_t i = 0; i < IDS; i++)
			expected[i] = expected[i] && !in_b[i];
		check(a, expected);
		id_set_free(a);
		id_set_free(b);
	}
	id_set_free(NULL);
}

static void test_set_ranges(void **state)
{
	static const uint64_t ranges[][2] = {{0, 10}, {501, UINT64_MAX}, {0, UINT64_MAX}, {37, 37}, {500, 500}, {37, 100},
		{38, 101}, {100, 165}, {101, 164}, {499, 700}, {64, 127}, {200, 100}};

	(void)state;
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		struct id_set *s = id_set_new(FIRST, LAST);
		bool expected[IDS];

		id_set_add_range(s, ranges[i][0], ranges[i][1]);
		for (uint64_t id = FIRST; id <= LAST; id++)
			expected[id - FIRST] = id >= ranges[i][0] && id <= ranges[i][1];
		check(s, expected);
		id_set_free(s);
	}
}

static bool is_in(const struct number_ranges *r, int64_t number)
{
	for (size_t i = 0; i < r->n; i++) {
		if (i > 0)
			assert_true(r->v[i - 1].last < r->v[i].first - 1);
		if (number >= r->v[i].first && number <= r->v[i].last)
			return true;
	}
	return false;
}

/* Of each comparison and number: what the ranges, and what those of the rest say. */
static void test_number_ranges(void **state)
{
	static const int64_t numbers[] = {INT64_MIN, -1, 0, 1, 199, 200, 201, 299, 300, 301, INT64_MAX - 1, INT64_MAX};
	static const char *const texts[] = {"status", "status == 200", "status != 200", "status < 200", "status <= 200",
		"status > 200", "status >= 200", "status in [300, 200, 201, 200]", "status < 0", "status == 0",
		"status > 9223372036854775807", "status >= 9223372036854775807", "status != 9223372036854775807",
		"status in [9223372036854775807, 0, 1]"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct filter_error error;
		struct filter *f = filter_parse((struct str){texts[i], strlen(texts[i])}, false, &error);
		const struct filter_node *node = filter_tree(f);
		struct number_ranges r = number_ranges_of(node), but = number_ranges_but(&r);

		for (size_t j = 0; j < sizeof(numbers) / sizeof(numbers[0]); j++) {
			const struct filter_value v = {.number = numbers[j]};
			bool fits = filter_value_fits(node, &v) == FILTER_YES;

			fits = node->op == FILTER_OP_NE ? !fits : fits;
			assert_int_equal(is_in(&r, numbers[j]), fits);
			assert_int_equal(is_in(&but, numbers[j]), !fits);
		}
		assert_int_equal(r.has_null, node->op == FILTER_OP_NE);
		assert_int_equal(but.has_null, node->op != FILTER_OP_NE);
		number_ranges_fini(&r);
		number_ranges_fini(&but);
		filter_free(f);
	}
}

static struct number_ranges ranges_of(const char *text)
{
	struct filter_error error;
	struct filter *f = filter_parse((struct str){text, strlen(text)}, false, &error);
	struct number_ranges r = number_ranges_of(filter_tree(f));

	filter_free(f);
	return r;
}

static void test_number_ranges_together(void **state)
{
	struct number_ranges a = ranges_of("port in [1, 2, 3, 7, 9, 10, 20]"), b = ranges_of("port >= 2"),
			     c = ranges_of("port != 9"), d = ranges_of("time == 9223372036854775807");

	(void)state;
	number_ranges_intersect(&a, &b);
	number_ranges_intersect(&a, &c);
	assert_int_equal(a.n, 4);
	assert_true(a.v[0].first == 2 && a.v[0].last == 3 && a.v[1].first == 7 && a.v[1].last == 7);
	assert_true(a.v[2].first == 10 && a.v[2].last == 10 && a.v[3].first == 20 && a.v[3].last == 20);
	assert_false(a.has_null);
	number_ranges_to_thousandths(&a);
	assert_true(a.v[0].first == 2000 && a.v[0].last == 3999);
	number_ranges_to_thousandths(&c);
	assert_true(c.has_null && c.v[0].first == INT64_MIN && c.v[0].last == 8999 && c.v[1].first == 10000 &&
		c.v[1].last == INT64_MAX);
	number_ranges_to_thousandths(&d);
	assert_true(d.n == 1 && d.v[0].first == INT64_MAX);
	number_ranges_fini(&a);
	number_ranges_fini(&b);
	number_ranges_fini(&c);
	number_ranges_fini(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_set_ranges),
		cmocka_unit_test(test_number_ranges),
		cmocka_unit_test(test_number_ranges_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
