/* For tests on a loop: waiting for what must happen, within a time in which it always does. */
#ifndef VIADUCT_TESTS_TURN_UNTIL_H
#define VIADUCT_TESTS_TURN_UNTIL_H

#include "base/clock.h"
#include "net/loop.h"

enum { TURN_LIMIT_US = 10000000 };

/* Turns the loop until the condition holds; fails the test if it never does. */
#define TURN_UNTIL(l, condition)                                                                                               \
	do {                                                                                                                   \
		const int64_t turn_limit_us = clock_mono_us() + TURN_LIMIT_US;                                                 \
		while (!(condition) && clock_mono_us() < turn_limit_us)                                                        \
			loop_turn(l, 100);                                                                                     \
		assert_true(condition);                                                                                        \
	} while (0)

#endif
