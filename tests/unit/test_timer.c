/* Timers: order, moving, stopping, and the heap under many changes. */
#include "base/clock.h"
#include "net/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MANY = 500 };

struct probe {
	struct timer timer;
	int64_t fired_us;
	int fired, again;
	int64_t due_us;
};

static void on_due(void *owner)
{
	struct probe *p = owner;

	assert_false(timer_is_set(&p->timer));
	p->fired++;
	p->fired_us = clock_mono_us();
	if (p->again-- > 0)
		timer_set(&p->timer, 0);
}

static void turn_until(struct loop *l, const int *count, int want)
{
	int64_t end_us = clock_mono_us() + 5000000;

	while (*count < want && clock_mono_us() < end_us)
		loop_turn(l, 1000);
	assert_int_equal(*count, want);
}

static void test_fires_when_due(void **state)
{
	struct loop *l = loop_new();
	struct probe p = {.fired = 0};
	int64_t start_us = clock_mono_us();

	(void)state;
	timer_init(&p.timer, l, on_due, &p);
	assert_false(timer_is_set(&p.timer));
	timer_set(&p.timer, 30);
	assert_true(timer_is_set(&p.timer));
	turn_until(l, &p.fired, 1);
	assert_true(p.fired_us - start_us >= 30000);
	assert_false(timer_is_set(&p.timer));
	loop_free(l);
}

static void test_moves(void **state)
{
	struct loop *l = loop_new();
	struct probe later = {.fired = 0}, sooner = {.fired = 0};
	int64_t start_us = clock_mono_us();

	(void)state;
	timer_init(&later.timer, l, on_due, &later);
	timer_init(&sooner.timer, l, on_due, &sooner);
	timer_set(&later.timer, 5);
	timer_set(&later.timer, 60);
	timer_set(&sooner.timer, 60000);
	timer_set(&sooner.timer, 20);
	turn_until(l, &sooner.fired, 1);
	assert_int_equal(later.fired, 0);
	turn_until(l, &later.fired, 1);
	assert_true(later.fired_us - start_us >= 60000);
	loop_free(l);
}

static void test_stop(void **state)
{
	struct loop *l = loop_new();
	struct probe stopped = {.fired = 0}, other = {.fired = 0};

	(void)state;
	timer_init(&stopped.timer, l, on_due, &stopped);
	timer_init(&other.timer, l, on_due, &other);
	timer_set(&stopped.timer, 5);
	timer_set(&other.timer, 20);
	timer_stop(&stopped.timer);
	timer_stop(&stopped.timer);
	turn_until(l, &other.fired, 1);
	assert_int_equal(stopped.fired, 0);
	loop_free(l);
}

static void test_zero_does_not_starve(void **state)
{
	struct loop *l = loop_new();
	struct probe p = {.again = 3};

	(void)state;
	timer_init(&p.timer, l, on_due, &p);
	timer_set(&p.timer, -5);
	/* Each 0 ms is a turn of its own. */
	for (int turns = 0; turns < 100 && p.fired < 4; turns++) {
		int before = p.fired;

		loop_turn(l, 1000);
		assert_true(p.fired - before <= 1);
	}
	assert_int_equal(p.fired, 4);
	timer_set(&p.timer, INT64_MAX);
	assert_true(p.timer.due_us > 0);
	timer_stop(&p.timer);
	loop_free(l);
}

struct crowd {
	struct probe probes[MANY];
	int fired;
	int64_t last_due_us;
};

struct crowd_item {
	struct crowd *crowd;
	struct probe *probe;
};

static void on_crowd_due(void *owner)
{
	struct crowd_item *item = owner;

	/* In the order of the times, stopped ones not at all. */
	assert_true(item->probe->due_us >= item->crowd->last_due_us);
	assert_true(item->probe->due_us != 0);
	item->crowd->last_due_us = item->probe->due_us;
	item->crowd->fired++;
}

static void test_many(void **state)
{
	struct loop *l = loop_new();
	static struct crowd crowd;
	static struct crowd_item items[MANY];
	int expected = MANY;

	(void)state;
	srand(7);
	for (int i = 0; i < MANY; i++) {
		items[i] = (struct crowd_item){&crowd, &crowd.probes[i]};
		timer_init(&crowd.probes[i].timer, l, on_crowd_due, &items[i]);
		timer_set(&crowd.probes[i].timer, 1 + rand() % 50);
	}
	for (int n = 0; n < MANY; n++) {
		struct probe *p = &crowd.probes[rand() % MANY];

		if (n % 5 == 0 && timer_is_set(&p->timer)) {
			timer_stop(&p->timer);
			expected--;
		} else if (timer_is_set(&p->timer)) {
			timer_set(&p->timer, 1 + rand() % 50);
		}
	}
	for (int i = 0; i < MANY; i++)
		crowd.probes[i].due_us = crowd.probes[i].timer.due_us;
	turn_until(l, &crowd.fired, expected);
	loop_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fires_when_due),
		cmocka_unit_test(test_moves),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_zero_does_not_starve),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
