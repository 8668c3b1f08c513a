/* The ring: order, limit, and no lost wake-ups between two threads. Runs under ThreadSanitizer too. */
#include "base/ring.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MANY_ITEMS = 1000000, SLOW_ITEMS = 300000, SPINS = 1000, WAKE_TIMEOUT_MS = 20000 };

/* Numbers go through as pointers; NULL means empty, so they begin with 1. */
static void *item_of(uintptr_t n)
{
	return (void *)n;
}

/* True if the eventfd was written since the last look. */
static bool was_woken(int fd)
{
	uint64_t count;

	return read(fd, &count, sizeof(count)) == (ssize_t)sizeof(count);
}

static void test_order_and_limit(void **state)
{
	struct ring *r = ring_new(4, -1);

	(void)state;
	assert_null(ring_pop(r));
	for (uintptr_t round = 0; round < 100; round++) {
		for (uintptr_t i = 1; i <= 4; i++) {
			assert_int_equal(ring_room(r), 5 - i);
			assert_true(ring_push(r, item_of(round * 4 + i)));
		}
		assert_false(ring_push(r, item_of(1)));
		assert_int_equal(ring_room(r), 0);
		for (uintptr_t i = 1; i <= 4; i++)
			assert_ptr_equal(ring_pop(r), item_of(round * 4 + i));
		assert_null(ring_pop(r));
	}
	ring_free(r);
	ring_free(NULL);
}

static void test_one_slot(void **state)
{
	struct ring *r = ring_new(1, -1);

	(void)state;
	assert_true(ring_push(r, item_of(1)));
	assert_false(ring_push(r, item_of(2)));
	assert_ptr_equal(ring_pop(r), item_of(1));
	assert_true(ring_push(r, item_of(3)));
	assert_ptr_equal(ring_pop(r), item_of(3));
	ring_free(r);
}

static void test_only_the_announced_sleep_is_woken(void **state)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	struct ring *r = ring_new(8, fd);

	(void)state;
	assert_true(ring_push(r, item_of(1)));
	assert_false(was_woken(fd));
	assert_false(ring_sleep(r)); /* there is work */
	assert_true(ring_push(r, item_of(2)));
	assert_false(was_woken(fd));
	assert_ptr_equal(ring_pop(r), item_of(1));
	assert_ptr_equal(ring_pop(r), item_of(2));
	assert_true(ring_sleep(r));
	assert_true(ring_push(r, item_of(3)));
	assert_true(was_woken(fd));
	assert_true(ring_push(r, item_of(4))); /* woken once is enough */
	assert_false(was_woken(fd));
	ring_free(r);
	close(fd);
}

struct pusher {
	struct ring *ring;
	uintptr_t items;
	unsigned pause_every; /* gives the popper time to fall asleep */
};

static void *push_all(void *arg)
{
	struct pusher *p = arg;

	for (uintptr_t n = 1; n <= p->items; n++) {
		for (unsigned tries = 1; !ring_push(p->ring, item_of(n)); tries++) {
			if (tries % SPINS == 0)
				sched_yield(); /* seldom: two sides that run at once meet more often */
		}
		if (n % p->pause_every == 0)
			sched_yield();
	}
	return NULL;
}

/* The next item of any ring; sleeps on the eventfd while all are empty. Sets *ret_ring to its index. */
static uintptr_t pop_any(struct ring **rings, size_t count, int fd, size_t *ret_ring)
{
	for (;;) {
		struct pollfd wait = {.fd = fd, .events = POLLIN};
		bool may_sleep = true;

		for (size_t i = 0; i < count; i++) {
			uintptr_t n = (uintptr_t)ring_pop(rings[i]);

			if (n != 0) {
				*ret_ring = i;
				return n;
			}
		}
		for (size_t i = 0; i < count; i++)
			may_sleep = ring_sleep(rings[i]) && may_sleep;
		if (!may_sleep)
			continue;
		if (poll(&wait, 1, WAKE_TIMEOUT_MS) != 1)
			return 0; /* a wake-up was lost */
		(void)was_woken(fd);
	}
}

/* So many items from each of count threads, in order, to this one. */
static void run_threads(size_t count, size_t slots, size_t items)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	struct ring *rings[2];
	struct pusher pushers[2];
	pthread_t threads[2];
	uintptr_t last[2] = {0, 0};

	for (size_t i = 0; i < count; i++) {
		rings[i] = ring_new(slots, fd);
		pushers[i] = (struct pusher){rings[i], items, i == 0 ? 64 : 1000};
		assert_int_equal(pthread_create(&threads[i], NULL, push_all, &pushers[i]), 0);
	}
	for (size_t left = count * items; left > 0; left--) {
		size_t from = 0;
		uintptr_t n = pop_any(rings, count, fd, &from);

		if (n != last[from] + 1)
			fail_msg("ring %zu: %zu after %zu", from, (size_t)n, (size_t)last[from]);
		last[from] = n;
	}
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_null(ring_pop(rings[i]));
		ring_free(rings[i]);
	}
	close(fd);
}

static void test_two_threads(void **state)
{
	(void)state;
	run_threads(1, 1024, MANY_ITEMS);
}

/* With one slot nothing is pushed before the last one was popped, so that no later push makes good a lost wake-up. */
static void test_every_wake_up_counts(void **state)
{
	(void)state;
	run_threads(1, 1, SLOW_ITEMS);
}

static void test_rings_share_a_wake_fd(void **state)
{
	(void)state;
	run_threads(2, 256, MANY_ITEMS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_and_limit),
		cmocka_unit_test(test_one_slot),
		cmocka_unit_test(test_only_the_announced_sleep_is_woken),
		cmocka_unit_test(test_two_threads),
		cmocka_unit_test(test_every_wake_up_counts),
		cmocka_unit_test(test_rings_share_a_wake_fd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
