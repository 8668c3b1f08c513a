/* What a body may cost when it is unpacked: bombs stop at their limits, and need no more memory than other bodies do. */
#include "coding_rig.h"

enum { MIB = 1024 * 1024 };

/* Runs with limits; memory is measured above what is in use now. */
static enum coding_end run(const char *codings, struct bytes packed, struct coding_limits limits, struct taken *to)
{
	size_t before = memory_in_use();
	enum coding_end end = undo(codings, bytes_str(packed), 0, &limits, to);

	to->most_memory = to->most_memory > before ? to->most_memory - before : 0;
	return end;
}

static void output_stops_at_the_limit(void **state)
{
	static const char *const codings[] = {"", "gzip", "deflate", "br", "zstd", "zstd, gzip"};
	struct bytes text = bytes_text(100000);

	(void)state;
	for (size_t i = 0; i < sizeof(codings) / sizeof(*codings); i++) {
		struct bytes packed = pack_all(str_of(codings[i]), bytes_of(text.p, text.n));
		struct taken over = {.expected = bytes_str(text)}, exact = over, none = over;

		assert_int_equal(run(codings[i], packed, (struct coding_limits){.max_bytes = 99999}, &over), CODING_LIMIT);
		assert_int_equal(over.n, 99999);
		assert_int_equal(run(codings[i], packed, (struct coding_limits){.max_bytes = 100000}, &exact), CODING_WHOLE);
		assert_int_equal(exact.n, 100000);
		assert_int_equal(run(codings[i], packed, (struct coding_limits){.max_bytes = 0}, &none), CODING_LIMIT);
		assert_int_equal(none.n, 0);
		test_free(packed.p);
	}
	test_free(text.p);
}

static void the_taker_may_have_enough(void **state)
{
	struct bytes packed = pack(STR("gzip"), bytes_text(200000));
	struct taken to = {.enough = 40000};

	(void)state;
	assert_int_equal(run("gzip", packed, *limits_wide(), &to), CODING_LIMIT);
	assert_in_range(to.n, 40000, 40000 + 32 * 1024);
	test_free(packed.p);
}

/* A thousand to one. */
static void a_bomb_stops_at_the_ratio(void **state)
{
	static const char *const codings[] = {"gzip", "deflate", "br", "zstd"};

	(void)state;
	for (size_t i = 0; i < sizeof(codings) / sizeof(*codings); i++) {
		struct bytes packed = pack(str_of(codings[i]), bytes_zeros(64 * MIB));
		struct taken to = {0}, wide = {0};
		uint64_t most = packed.n * 100 > MIB ? packed.n * 100 : MIB;

		assert_true(packed.n < 64 * MIB / 900);
		assert_int_equal(run(codings[i], packed, (struct coding_limits){.max_bytes = 1 << 30, .max_ratio = 100}, &to),
			CODING_BOMB);
		assert_in_range(to.n, MIB, most);
		assert_true(to.most_memory < 26 * MIB);
		assert_int_equal(run(codings[i], packed, (struct coding_limits){.max_bytes = 10 * MIB}, &wide), CODING_LIMIT);
		assert_int_equal(wide.n, 10 * MIB);
		assert_true(wide.most_memory < 26 * MIB);
		test_free(packed.p);
	}
}

/* What does not grow beyond it is none, and less than 1 MiB never is. */
static void what_packs_well_is_no_bomb(void **state)
{
	struct bytes small = pack(STR("gzip"), bytes_zeros(MIB)), large = pack(STR("gzip"), bytes_zeros(8 * MIB));
	struct taken a = {0}, b = {0};

	(void)state;
	assert_int_equal(run("gzip", small, (struct coding_limits){.max_bytes = 1 << 30, .max_ratio = 1}, &a), CODING_WHOLE);
	assert_int_equal(a.n, MIB);
	assert_int_equal(run("gzip", large, (struct coding_limits){.max_bytes = 1 << 30, .max_ratio = 2000}, &b), CODING_WHOLE);
	assert_int_equal(b.n, 8 * MIB);
	test_free(small.p);
	test_free(large.p);
}

/* A few kilobytes that stand for gigabytes. */
static void stacked_bombs_stop(void **state)
{
	struct bytes packed = pack_all(STR("gzip, gzip, br"), bytes_zeros(256 * MIB));
	struct taken by_ratio = {0}, by_size = {0};

	(void)state;
	assert_true(packed.n < 16 * 1024);
	assert_int_equal(run("gzip, gzip, br", packed, (struct coding_limits){.max_bytes = 1 << 30, .max_ratio = 200},
				 &by_ratio),
		CODING_BOMB);
	assert_in_range(by_ratio.n, MIB, 16 * 1024 * 200);
	assert_int_equal(run("gzip, gzip, br", packed, (struct coding_limits){.max_bytes = 50 * MIB}, &by_size), CODING_LIMIT);
	assert_int_equal(by_size.n, 50 * MIB);
	assert_true(by_size.most_memory < 28 * MIB);
	test_free(packed.p);
}

/* Members without content, packed: nothing comes out of them, for a long time. */
static void a_bomb_in_between_stops(void **state)
{
	struct bytes empty = pack(STR("gzip"), bytes_of("", 0));
	size_t n = 20 * MIB / empty.n;
	struct bytes many = {test_malloc(n * empty.n), n * empty.n}, packed;
	struct taken by_ratio = {0}, by_size = {0};

	(void)state;
	for (size_t i = 0; i < n; i++)
		memcpy(many.p + i * empty.n, empty.p, empty.n);
	packed = pack(STR("gzip"), many);
	assert_int_equal(run("gzip, gzip", packed, (struct coding_limits){.max_bytes = 1 << 30, .max_ratio = 50}, &by_ratio),
		CODING_BOMB);
	assert_int_equal(run("gzip, gzip", packed, (struct coding_limits){.max_bytes = MIB}, &by_size), CODING_BOMB);
	assert_int_equal(by_ratio.n + by_size.n, 0);
	test_free(packed.p);
	test_free(empty.p);
}

/* Blocks of 128 KiB in four bytes each (RFC 8878 section 3.1.1.2.2). */
static void runs_of_zstd_stop(void **state)
{
	enum { BLOCKS = 4000 };
	struct bytes frame = {test_malloc(6 + BLOCKS * 4), 6 + BLOCKS * 4};
	struct taken to = {0};

	(void)state;
	memcpy(frame.p, "\x28\xb5\x2f\xfd\x00\x58", 6); /* a window of 2 MiB */
	for (size_t i = 0; i < BLOCKS; i++)
		memcpy(frame.p + 6 + i * 4, i + 1 < BLOCKS ? "\x02\x00\x10x" : "\x03\x00\x10x", 4);
	assert_int_equal(run("zstd", frame, (struct coding_limits){.max_bytes = 1 << 30, .max_ratio = 1000}, &to), CODING_BOMB);
	assert_int_equal(to.n, MIB);
	assert_true(to.most_memory < 4 * MIB);
	to.n = 0;
	assert_int_equal(run("zstd", frame, (struct coding_limits){.max_bytes = 1 << 30}, &to), CODING_WHOLE);
	assert_int_equal(to.n, (uint64_t)BLOCKS * 128 * 1024);
	test_free(frame.p);
}

/* A frame of five bytes that asks for a window of 128 MiB. */
static void a_large_window_of_zstd_is_refused(void **state)
{
	struct bytes frame = bytes_of("\x28\xb5\x2f\xfd\x00\x88\x29\x00\x00hello", 14);
	struct taken to = {0};

	(void)state;
	assert_int_equal(run("zstd", frame, (struct coding_limits){.max_bytes = 100}, &to), CODING_LIMIT);
	assert_int_equal(to.n, 0);
	assert_int_equal(run("zstd", frame, (struct coding_limits){.max_bytes = 100, .max_memory = 64 * MIB}, &to),
		CODING_LIMIT);
	assert_int_equal(run("zstd", frame, (struct coding_limits){.max_bytes = 100, .max_memory = 128 * MIB}, &to),
		CODING_WHOLE);
	assert_int_equal(to.n, 5);
	test_free(frame.p);
}

static void a_large_window_of_brotli_is_refused(void **state)
{
	struct bytes noise = bytes_noise(20 * MIB), packed = pack_brotli(noise, 24);
	struct taken small = {.expected = bytes_str(noise)}, enough = small;

	(void)state;
	assert_int_equal(run("br", packed, (struct coding_limits){.max_bytes = 1 << 30, .max_memory = MIB}, &small),
		CODING_LIMIT);
	assert_true(small.most_memory < 8 * MIB);
	assert_int_equal(run("br", packed, (struct coding_limits){.max_bytes = 1 << 30}, &enough), CODING_WHOLE);
	assert_int_equal(enough.n, noise.n);
	assert_true(enough.most_memory < 29 * MIB);
	test_free(noise.p);
	test_free(packed.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(output_stops_at_the_limit),
		cmocka_unit_test(the_taker_may_have_enough),
		cmocka_unit_test(a_bomb_stops_at_the_ratio),
		cmocka_unit_test(what_packs_well_is_no_bomb),
		cmocka_unit_test(stacked_bombs_stop),
		cmocka_unit_test(a_bomb_in_between_stops),
		cmocka_unit_test(runs_of_zstd_stop),
		cmocka_unit_test(a_large_window_of_zstd_is_refused),
		cmocka_unit_test(a_large_window_of_brotli_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
