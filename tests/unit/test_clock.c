/* The two clocks. */
#include "base/clock.h"

#include <time.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_mono_never_goes_back(void **state)
{
	int64_t last = clock_mono_us();

	(void)state;
	assert_true(last > 0);
	for (int i = 0; i < 100000; i++) {
		int64_t now = clock_mono_us();

		assert_true(now >= last);
		last = now;
	}
}

static void test_mono_counts_microseconds(void **state)
{
	struct timespec before, after;
	int64_t us;

	(void)state;
	clock_gettime(CLOCK_MONOTONIC, &before);
	us = clock_mono_us();
	clock_gettime(CLOCK_MONOTONIC, &after);
	assert_true(us >= (int64_t)before.tv_sec * 1000000 + before.tv_nsec / 1000);
	assert_true(us <= (int64_t)after.tv_sec * 1000000 + after.tv_nsec / 1000);
}

static void test_wall_is_unix_time(void **state)
{
	struct timespec before, after;
	int64_t us;

	(void)state;
	clock_gettime(CLOCK_REALTIME, &before);
	us = clock_wall_us();
	clock_gettime(CLOCK_REALTIME, &after);
	assert_true(us / 1000000 >= before.tv_sec);
	assert_true(us / 1000000 <= after.tv_sec);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mono_never_goes_back),
		cmocka_unit_test(test_mono_counts_microseconds),
		cmocka_unit_test(test_wall_is_unix_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
