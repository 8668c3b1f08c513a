/* Queues of bytes: what each call promises. Long random sequences are in test_bufq_random.c. */
#include "base/bufq.h"

#include "bufq_rig.h"

static void test_empty_queue_holds_nothing(void **state)
{
	struct bufpool *pool = *state;
	struct iovec iov[2];
	struct bufq q, other;
	char byte;

	bufq_init(&q, pool);
	bufq_init(&other, pool);
	bufq_append(&q, NULL, 0);
	bufq_append_str(&q, STR_NONE);
	check(&q, "", 0);
	assert_int_equal(bufq_peek(&q, iov, 2), 0);
	assert_int_equal(bufq_copy(&q, 0, &byte, 1), 0);
	assert_int_equal(bufq_move(&q, &other, 10), 0);
	assert_int_equal(bufq_reserve(&q, 0, iov, 2), 0);
	assert_int_equal(bufq_reserve(&q, 10, iov, 0), 0);
	bufq_commit(&q, 0);
	bufq_drain(&q, 0);
	bufq_clear(&q);
	assert_int_equal(bufpool_used(pool), 0);
}

static void test_append_and_drain(void **state)
{
	struct bufpool *pool = *state;
	struct bufq q;

	bufq_init(&q, pool);
	bufq_append_str(&q, STR("hello "));
	bufq_append_str(&q, STR("world"));
	assert_true(str_eq(bufq_front(&q), STR("hello world")));
	assert_int_equal(bufpool_used(pool), SLAB);
	bufq_drain(&q, 6);
	check(&q, "world", 5);
	bufq_drain(&q, 5);
	check(&q, "", 0);
	assert_int_equal(bufpool_used(pool), 0);
}

static void test_append_over_slabs(void **state)
{
	struct bufpool *pool = *state;
	struct iovec iov[8];
	struct bufq q;

	bufq_init(&q, pool);
	bufq_append(&q, big, 1000);
	bufq_append(&q, big + 1000, sizeof(big) - 1000);
	check(&q, big, sizeof(big));
	assert_int_equal(bufpool_used(pool), sizeof(big));
	assert_int_equal(bufq_peek(&q, iov, 8), 6);
	assert_int_equal(bufq_peek(&q, iov, 2), 2);
	assert_memory_equal(iov[1].iov_base, big + SLAB, iov[1].iov_len);
	bufq_drain(&q, SLAB * 2 + 5);
	check(&q, big + SLAB * 2 + 5, sizeof(big) - SLAB * 2 - 5);
	assert_int_equal(bufpool_used(pool), SLAB * 4);
	bufq_clear(&q);
}

static void test_copy_from_offset(void **state)
{
	struct bufpool *pool = *state;
	static char to[sizeof(big)];
	struct bufq q;

	bufq_init(&q, pool);
	bufq_append(&q, big, sizeof(big));
	assert_int_equal(bufq_copy(&q, SLAB - 3, to, SLAB + 6), SLAB + 6);
	assert_memory_equal(to, big + SLAB - 3, SLAB + 6);
	assert_int_equal(bufq_copy(&q, sizeof(big) - 2, to, 10), 2);
	assert_int_equal(bufq_copy(&q, sizeof(big), to, 10), 0);
	assert_int_equal(bufq_copy(&q, sizeof(big) + 1, to, 10), 0);
	check(&q, big, sizeof(big));
	bufq_clear(&q);
}

static void test_move_whole_takes_no_memory(void **state)
{
	struct bufpool *pool = *state;
	struct bufq a, b;
	const char *at;

	bufq_init(&a, pool);
	bufq_init(&b, pool);
	bufq_append(&a, big, SLAB * 2);
	at = bufq_front(&a).p;
	assert_int_equal(bufq_move(&b, &a, SIZE_MAX), SLAB * 2);
	assert_ptr_equal(bufq_front(&b).p, at);
	check(&a, "", 0);
	check(&b, big, SLAB * 2);
	assert_int_equal(bufpool_used(pool), SLAB * 2);
	bufq_clear(&b);
}

static void test_move_part_shares_the_slab(void **state)
{
	struct bufpool *pool = *state;
	struct bufq a, b;

	bufq_init(&a, pool);
	bufq_init(&b, pool);
	bufq_append(&a, big, 10000);
	assert_int_equal(bufq_move(&b, &a, 4000), 4000);
	assert_int_equal(bufpool_used(pool), SLAB);
	check(&a, big + 4000, 6000);
	check(&b, big, 4000);
	/* The slab lives as long as either part. */
	bufq_clear(&a);
	assert_int_equal(bufpool_used(pool), SLAB);
	check(&b, big, 4000);
	bufq_clear(&b);
}

static void test_adjacent_parts_become_one_piece(void **state)
{
	struct bufpool *pool = *state;
	struct bufq a, b;

	bufq_init(&a, pool);
	bufq_init(&b, pool);
	bufq_append(&a, big, 10000);
	for (int i = 0; i < 100; i++)
		assert_int_equal(bufq_move(&b, &a, 100), 100);
	check(&b, big, 10000);
	assert_int_equal(count_spans(&b), 1);
	/* And it is the writer of the tail now. */
	bufq_append(&b, big + 10000, 2000);
	assert_int_equal(count_spans(&b), 1);
	bufq_clear(&b);
}

static void test_moved_tail_is_written_by_one_queue_only(void **state)
{
	struct bufpool *pool = *state;
	struct bufq a, b, c;

	bufq_init(&a, pool);
	bufq_init(&b, pool);
	bufq_init(&c, pool);
	bufq_append(&a, big, 6000);
	bufq_move(&b, &a, 2000);
	bufq_move(&c, &a, 2000);
	bufq_append(&a, big + 6000, 600);
	/* Behind the bytes of b lie those of c, and behind those of c lie those of a. */
	bufq_append(&b, big + SLAB, 600);
	bufq_append(&c, big + SLAB, 600);
	check(&a, big + 4000, 2600);
	assert_int_equal(count_spans(&a), 1);
	bufq_drain(&b, 2000);
	check(&b, big + SLAB, 600);
	assert_memory_equal(bufq_front(&c).p, big + 2000, 2000);
	bufq_drain(&c, 2000);
	check(&c, big + SLAB, 600);
	bufq_clear(&a);
	bufq_clear(&b);
	bufq_clear(&c);
}

static void test_small_pieces_free_their_slabs(void **state)
{
	struct bufpool *pool = *state;
	struct bufq from, to;
	struct iovec iov;

	bufq_init(&from, pool);
	bufq_init(&to, pool);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(bufq_reserve(&from, SLAB, &iov, 1), 1);
		memcpy(iov.iov_base, big + i * 10, 10);
		bufq_commit(&from, 10);
		bufq_move(&to, &from, 10);
	}
	check(&to, big, 1000);
	assert_int_equal(bufpool_used(pool), SLAB);
	bufq_clear(&to);
}

static void test_small_bytes_between_big_pieces_share_a_slab(void **state)
{
	struct bufpool *pool = *state;
	struct bufq from, to;

	bufq_init(&from, pool);
	bufq_init(&to, pool);
	bufq_append(&from, big, SLAB);
	/* Chunks that are moved, with headers that are written on. */
	for (int i = 0; i < 15; i++) {
		bufq_append_str(&to, STR("400\r\n"));
		bufq_move(&to, &from, 1024);
		bufq_append_str(&to, STR("\r\n"));
	}
	assert_int_equal(to.len, 15 * (5 + 1024 + 2));
	assert_int_equal(bufpool_used(pool), SLAB * 2);
	bufq_clear(&from);
	bufq_clear(&to);
}

static void test_tiny_parts_do_not_become_tiny_pieces(void **state)
{
	struct bufpool *pool = *state;
	struct bufq from, to;

	bufq_init(&from, pool);
	bufq_init(&to, pool);
	bufq_append(&from, big, 12000);
	/* A body in chunks of one byte: six bytes each, one of which is moved on. */
	for (int i = 0; i < 2000; i++) {
		bufq_drain(&from, 3);
		bufq_move(&to, &from, 1);
		bufq_drain(&from, 2);
	}
	assert_int_equal(to.len, 2000);
	assert_true(count_spans(&to) <= 2);
	for (size_t i = 0; i < 2000; i++) {
		char byte;

		assert_int_equal(bufq_copy(&to, i, &byte, 1), 1);
		assert_int_equal(byte, big[i * 6 + 3]);
	}
	bufq_clear(&to);
}

static void test_reserve_offers_tail_and_fresh_slabs(void **state)
{
	struct bufpool *pool = *state;
	struct iovec iov[4];
	struct bufq q;

	bufq_init(&q, pool);
	bufq_append(&q, big, 10000);
	assert_int_equal(bufq_reserve(&q, 65536, iov, 4), 4);
	assert_ptr_equal(iov[0].iov_base, bufq_front(&q).p + 10000);
	assert_int_equal(iov[0].iov_len, SLAB - 10000);
	assert_int_equal(iov[3].iov_len, SLAB);
	assert_int_equal(bufpool_used(pool), SLAB * 4);
	memcpy(iov[0].iov_base, big + 10000, SLAB - 10000);
	memcpy(iov[1].iov_base, big + SLAB, 100);
	bufq_commit(&q, SLAB - 10000 + 100);
	check(&q, big, SLAB + 100);
	assert_int_equal(bufpool_used(pool), SLAB * 2);
	bufq_clear(&q);
}

static void test_reserve_offers_no_more_than_wanted(void **state)
{
	struct bufpool *pool = *state;
	struct iovec iov[4];
	struct bufq q;

	bufq_init(&q, pool);
	assert_int_equal(bufq_reserve(&q, 100, iov, 4), 1);
	assert_int_equal(iov[0].iov_len, 100);
	memcpy(iov[0].iov_base, big, 100);
	bufq_commit(&q, 100);
	assert_int_equal(bufq_reserve(&q, SLAB, iov, 4), 2);
	assert_int_equal(iov[0].iov_len + iov[1].iov_len, SLAB);
	bufq_commit(&q, 0);
	check(&q, big, 100);
	assert_int_equal(bufpool_used(pool), SLAB);
	bufq_clear(&q);
}

static void test_reserve_gives_back(void **state)
{
	struct bufpool *pool = *state;
	struct iovec iov[4];
	struct bufq q;

	bufq_init(&q, pool);
	assert_int_equal(bufq_reserve(&q, 65536, iov, 4), 4);
	assert_int_equal(bufpool_used(pool), SLAB * 4);
	/* Reserving again replaces the offer, clearing ends it. */
	assert_int_equal(bufq_reserve(&q, 1, iov, 4), 1);
	assert_int_equal(bufpool_used(pool), SLAB);
	bufq_clear(&q);
	assert_int_equal(bufpool_used(pool), 0);
}

static void test_offer_is_safe_from_other_queues(void **state)
{
	struct bufpool *pool = *state;
	struct iovec iov;
	struct bufq a, b;

	bufq_init(&a, pool);
	bufq_init(&b, pool);
	bufq_append_str(&a, STR("small"));
	assert_int_equal(bufq_reserve(&a, 1000, &iov, 1), 1);
	memcpy(iov.iov_base, big, 1000);
	bufq_append_str(&b, STR("other"));
	bufq_commit(&a, 1000);
	bufq_drain(&a, 5);
	check(&a, big, 1000);
	check(&b, "other", 5);
	bufq_clear(&a);
	bufq_clear(&b);
}

static void test_room_given_up_behind_is_used_again(void **state)
{
	struct bufpool *pool = *state;
	struct bufq a, b;

	bufq_init(&a, pool);
	bufq_init(&b, pool);
	bufq_append(&a, big, SLAB);
	bufq_move(&b, &a, 1000);
	bufq_clear(&a);
	bufq_append(&b, big + 1000, SLAB - 1000);
	check(&b, big, SLAB);
	assert_int_equal(count_spans(&b), 1);
	bufq_clear(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		POOL_TEST(test_empty_queue_holds_nothing),
		POOL_TEST(test_append_and_drain),
		POOL_TEST(test_append_over_slabs),
		POOL_TEST(test_copy_from_offset),
		POOL_TEST(test_move_whole_takes_no_memory),
		POOL_TEST(test_move_part_shares_the_slab),
		POOL_TEST(test_adjacent_parts_become_one_piece),
		POOL_TEST(test_moved_tail_is_written_by_one_queue_only),
		POOL_TEST(test_small_pieces_free_their_slabs),
		POOL_TEST(test_small_bytes_between_big_pieces_share_a_slab),
		POOL_TEST(test_tiny_parts_do_not_become_tiny_pieces),
		POOL_TEST(test_reserve_offers_tail_and_fresh_slabs),
		POOL_TEST(test_reserve_offers_no_more_than_wanted),
		POOL_TEST(test_reserve_gives_back),
		POOL_TEST(test_offer_is_safe_from_other_queues),
		POOL_TEST(test_room_given_up_behind_is_used_again),
	};

	return cmocka_run_group_tests(tests, fill_big, NULL);
}
