/* Queues of bytes: sharing between them. What else they promise is in test_bufq.c. */
#include "base/bufq.h"

#include "bufq_rig.h"

static void test_share_takes_no_memory_and_leaves_the_bytes(void **state)
{
	struct bufpool *pool = *state;
	struct bufq a, b;
	size_t used;

	bufq_init(&a, pool);
	bufq_init(&b, pool);
	assert_int_equal(bufq_share(&b, &a, 1), 0);
	bufq_append(&a, big, SLAB * 2 + 10000);
	used = bufpool_used(pool);
	assert_int_equal(bufq_share(&b, &a, SIZE_MAX), SLAB * 2 + 10000);
	assert_int_equal(bufpool_used(pool), used);
	check(&a, big, SLAB * 2 + 10000);
	check(&b, big, SLAB * 2 + 10000);
	bufq_clear(&a);
	check(&b, big, SLAB * 2 + 10000);
	bufq_clear(&b);
}

/* The end of a shared slab belongs to the queue which had it; to the other when that is gone. */
static void test_shared_tail_is_written_by_one_queue_only(void **state)
{
	struct bufpool *pool = *state;
	struct iovec iov;
	struct bufq a, b;

	bufq_init(&a, pool);
	bufq_init(&b, pool);
	bufq_append(&a, big, 10000);
	bufq_share(&b, &a, 10000);
	assert_int_equal(bufq_reserve(&a, 1000, &iov, 1), 1);
	memcpy(iov.iov_base, big + 10000, 1000);
	bufq_append_str(&b, STR("other"));
	bufq_commit(&a, 1000);
	check(&a, big, 11000);
	assert_int_equal(count_spans(&a), 1);
	bufq_drain(&b, 10000);
	check(&b, "other", 5);
	bufq_clear(&b);
	bufq_share(&b, &a, 10000);
	bufq_clear(&a);
	bufq_append(&b, big + 10000, 6000);
	check(&b, big, 16000);
	assert_int_equal(count_spans(&b), 1);
	bufq_clear(&b);
}

static void test_adjacent_shared_parts_become_one_piece(void **state)
{
	struct bufpool *pool = *state;
	struct bufq a, b;

	bufq_init(&a, pool);
	bufq_init(&b, pool);
	bufq_append(&a, big, 15000);
	bufq_share(&b, &a, 9000);
	bufq_drain(&a, 9000);
	bufq_share(&b, &a, 6000);
	assert_int_equal(count_spans(&b), 1);
	bufq_append_str(&b, STR("not into the slab of the first"));
	bufq_append(&a, big + 15000, 1000);
	check(&a, big + 9000, 7000);
	bufq_drain(&b, 15000);
	check(&b, "not into the slab of the first", 30);
	bufq_clear(&a);
	bufq_clear(&b);
}

static void test_a_shared_piece_stays_shared_in_parts(void **state)
{
	struct bufpool *pool = *state;
	struct iovec iov;
	struct bufq a, b, c;

	bufq_init(&a, pool);
	bufq_init(&b, pool);
	bufq_init(&c, pool);
	bufq_append(&a, big, 10000);
	bufq_share(&b, &a, 10000);
	bufq_move(&c, &b, 4000);
	bufq_move(&c, &b, 6000);
	assert_int_equal(count_spans(&c), 1);
	assert_int_equal(bufq_reserve(&a, 1000, &iov, 1), 1);
	memcpy(iov.iov_base, big + 10000, 1000);
	bufq_append_str(&c, STR("other"));
	bufq_commit(&a, 1000);
	check(&a, big, 11000);
	bufq_drain(&c, 10000);
	check(&c, "other", 5);
	bufq_clear(&a);
	bufq_clear(&c);
}

/* Whatever the size of what comes, each in a slab of its own, and even if those are still in use when it is shared. */
static void test_shared_trickles_do_not_hold_their_slabs(void **state)
{
	static const size_t sizes[] = {1, 513, 600, 1400, 4096, SLAB / 2 - 1, SLAB / 2, SLAB / 2 + 513, SLAB - 513, SLAB};
	enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };
	struct bufpool *pool = *state;
	struct bufq from, held, to;

	bufq_init(&from, pool);
	bufq_init(&held, pool);
	bufq_init(&to, pool);
	for (size_t i = 0; i < SIZES * SIZES; i++) {
		for (size_t n = 0; n < 200; n++) {
			size_t part = n % 2 == 0 ? sizes[i / SIZES] : sizes[i % SIZES];

			bufq_append(&from, big, part);
			bufq_share(&to, &from, part);
			bufq_move(&held, &from, part);
		}
		bufq_clear(&held);
		assert_true(bufpool_used(pool) <= 2 * to.len + 2 * SLAB);
		bufq_clear(&to);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		POOL_TEST(test_share_takes_no_memory_and_leaves_the_bytes),
		POOL_TEST(test_shared_tail_is_written_by_one_queue_only),
		POOL_TEST(test_adjacent_shared_parts_become_one_piece),
		POOL_TEST(test_a_shared_piece_stays_shared_in_parts),
		POOL_TEST(test_shared_trickles_do_not_hold_their_slabs),
	};

	return cmocka_run_group_tests(tests, fill_big, NULL);
}
