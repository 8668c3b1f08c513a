/* The arena: alignment, limit, growth, text. */
#include "base/arena.h"

#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_alloc_is_aligned_and_apart(void **state)
{
	struct arena *a = arena_new(1 << 20);
	unsigned char *blocks[300];

	(void)state;
	for (size_t i = 0; i < 300; i++) {
		blocks[i] = arena_alloc(a, i);
		assert_non_null(blocks[i]);
		assert_int_equal((uintptr_t)blocks[i] % _Alignof(max_align_t), 0);
		memset(blocks[i], (int)(i & 0xff), i);
	}
	for (size_t i = 0; i < 300; i++) {
		for (size_t k = 0; k < i; k++)
			assert_int_equal(blocks[i][k], i & 0xff);
	}
	arena_free(a);
}

static void test_zalloc_is_zeroed(void **state)
{
	struct arena *a = arena_new(100000);

	(void)state;
	for (int i = 0; i < 50; i++) {
		unsigned char *dirty = arena_alloc(a, 501);
		unsigned char *clean = arena_zalloc(a, 501);

		memset(dirty, 0xff, 501);
		for (int k = 0; k < 501; k++)
			assert_int_equal(clean[k], 0);
	}
	arena_free(a);
}

static void test_limit_is_exact(void **state)
{
	struct arena *a = arena_new(4096);

	(void)state;
	assert_null(arena_alloc(a, 4097));
	assert_null(arena_alloc(a, SIZE_MAX));
	assert_null(arena_zalloc(a, SIZE_MAX - 8));
	assert_int_equal(arena_used(a), 0);
	assert_non_null(arena_alloc(a, 4096));
	assert_int_equal(arena_used(a), 4096);
	assert_null(arena_alloc(a, 1));
	assert_null(arena_str(a, STR("")).p);
	assert_null(arena_printf(a, "%d", 1).p);
	assert_int_equal(arena_used(a), 4096);
	arena_free(a);
}

static void test_small_ones_reach_the_limit(void **state)
{
	struct arena *a = arena_new(10000);
	size_t n = 0;

	(void)state;
	while (arena_alloc(a, 16) != NULL)
		n++;
	assert_int_equal(n, 625);
	assert_true(arena_used(a) <= 10000);
	arena_free(a);
}

static void test_alignment_counts_against_the_limit(void **state)
{
	struct arena *a = arena_new(16);

	(void)state;
	assert_string_equal(arena_str(a, STR("")).p, "");
	assert_null(arena_alloc(a, 1));
	assert_int_equal(arena_used(a), 1);
	assert_string_equal(arena_str(a, STR("fourteen bytes")).p, "fourteen bytes");
	assert_int_equal(arena_used(a), 16);
	arena_free(a);
}

static void test_limit_zero_gives_nothing(void **state)
{
	struct arena *a = arena_new(0);

	(void)state;
	assert_null(arena_alloc(a, 1));
	assert_null(arena_str(a, STR("a")).p);
	arena_free(a);
	arena_free(NULL);
}

static void test_big_one_leaves_the_block_in_use(void **state)
{
	struct arena *a = arena_new(1 << 20);
	char *before = arena_alloc(a, 16);
	char *big = arena_alloc(a, 300000);
	char *after = arena_alloc(a, 16);

	(void)state;
	assert_non_null(big);
	memset(big, 1, 300000);
	assert_ptr_equal(after, before + 16);
	assert_int_equal(arena_used(a), 300032);
	arena_free(a);
}

static void test_str_is_copied_and_terminated(void **state)
{
	struct arena *a = arena_new(4096);
	char text[] = "example.com";
	struct str copy = arena_str(a, STR(text));

	(void)state;
	text[0] = 'X';
	assert_string_equal(copy.p, "example.com");
	assert_int_equal(copy.len, 11);
	assert_int_equal(arena_used(a), 12);
	copy = arena_str(a, STR_NONE);
	assert_non_null(copy.p);
	assert_string_equal(copy.p, "");
	assert_int_equal(copy.len, 0);
	arena_free(a);
}

static void test_str_at_the_limit(void **state)
{
	struct arena *a = arena_new(5);

	(void)state;
	assert_null(arena_str(a, STR("12345")).p);
	assert_string_equal(arena_str(a, STR("1234")).p, "1234");
	arena_free(a);
}

static void test_printf_within_and_across_blocks(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct str texts[400];
	char want[64];

	(void)state;
	for (int i = 0; i < 400; i++)
		texts[i] = arena_printf(a, "%d:%*s|", i, i % 40, "x");
	for (int i = 0; i < 400; i++) {
		int len = snprintf(want, sizeof(want), "%d:%*s|", i, i % 40, "x");

		assert_int_equal(texts[i].len, len);
		assert_string_equal(texts[i].p, want);
	}
	arena_free(a);
}

static void test_printf_longer_than_a_block(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct str s = arena_printf(a, "%0*d", 100000, 7);

	(void)state;
	assert_int_equal(s.len, 100000);
	assert_int_equal(strlen(s.p), 100000);
	assert_int_equal(s.p[99999], '7');
	arena_free(a);
}

static void test_printf_beyond_the_limit(void **state)
{
	struct arena *a = arena_new(100);
	struct str s = arena_printf(a, "%0*d", 99, 7);

	(void)state;
	assert_int_equal(s.len, 99);
	assert_null(arena_printf(a, "%s", "").p);
	assert_int_equal(arena_used(a), 100);
	assert_int_equal(s.p[98], '7');
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alloc_is_aligned_and_apart),
		cmocka_unit_test(test_zalloc_is_zeroed),
		cmocka_unit_test(test_limit_is_exact),
		cmocka_unit_test(test_small_ones_reach_the_limit),
		cmocka_unit_test(test_alignment_counts_against_the_limit),
		cmocka_unit_test(test_limit_zero_gives_nothing),
		cmocka_unit_test(test_big_one_leaves_the_block_in_use),
		cmocka_unit_test(test_str_is_copied_and_terminated),
		cmocka_unit_test(test_str_at_the_limit),
		cmocka_unit_test(test_printf_within_and_across_blocks),
		cmocka_unit_test(test_printf_longer_than_a_block),
		cmocka_unit_test(test_printf_beyond_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
