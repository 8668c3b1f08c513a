/* Content codings undone: what the real libraries pack comes back, however it arrives; what is cut, damaged, stacked, followed
 * by junk. Limits: test_coding_bounds.c. */
#include "coding_rig.h"

static const size_t pieces[] = {0, 1, 7, 1000};
enum { PIECES = sizeof(pieces) / sizeof(*pieces) };

static void comes_back(const char *codings, const char *packed_as, struct bytes text)
{
	struct bytes packed = pack_all(str_of(packed_as), bytes_of(text.p, text.n));

	for (size_t i = 0; i < PIECES; i++) {
		struct taken to = {.expected = bytes_str(text)};

		assert_int_equal(undo(codings, bytes_str(packed), pieces[i], limits_wide(), &to), CODING_WHOLE);
		assert_int_equal(to.n, text.n);
	}
	test_free(packed.p);
}

static void all_codings_come_back(void **state)
{
	static const char *const codings[] = {"", "identity", "gzip", "x-gzip", "deflate", "br", "zstd", "gzip, br", "br,gzip",
		"zstd, deflate", "gzip, gzip, gzip, gzip", "deflate,zstd,br,gzip"};
	static const size_t sizes[] = {0, 1, 5, 3000, 100000};

	(void)state;
	for (size_t s = 0; s < sizeof(sizes) / sizeof(*sizes); s++) {
		struct bytes text = bytes_text(sizes[s]), noise = bytes_noise(sizes[s]);

		for (size_t i = 0; i < sizeof(codings) / sizeof(*codings); i++) {
			comes_back(codings[i], codings[i], text);
			comes_back(codings[i], codings[i], noise);
		}
		comes_back("deflate", "raw", text);
		comes_back("deflate", "raw", noise);
		comes_back("deflate, gzip", "raw, gzip", text);
		comes_back(" GZip ,, identity ,\tBR ", "gzip, br", text);
		comes_back("identity,identity,identity,identity,identity,zstd", "zstd", text);
		test_free(text.p);
		test_free(noise.p);
	}
}

static void members_and_frames_follow_each_other(void **state)
{
	struct bytes text = bytes_text(5000), gzip = pack_zlib(text, RIG_GZIP), zstd = pack_zstd(text);
	struct bytes twice = bytes_join(bytes_of(text.p, text.n), bytes_of(text.p, text.n));
	struct bytes skipped = bytes_of("\x5a\x2a\x4d\x18\x03\x00\x00\x00"
					"abc",
		11);
	struct bytes members = bytes_join(bytes_of(gzip.p, gzip.n), bytes_of(gzip.p, gzip.n));
	struct bytes frames = bytes_join(bytes_join(bytes_of(zstd.p, zstd.n), skipped), bytes_of(zstd.p, zstd.n));

	(void)state;
	for (size_t i = 0; i < PIECES; i++) {
		struct taken a = {.expected = bytes_str(twice)}, b = {.expected = bytes_str(twice)};

		assert_int_equal(undo("gzip", bytes_str(members), pieces[i], limits_wide(), &a), CODING_WHOLE);
		assert_int_equal(a.n, twice.n);
		assert_int_equal(undo("zstd", bytes_str(frames), pieces[i], limits_wide(), &b), CODING_WHOLE);
		assert_int_equal(b.n, twice.n);
	}
	test_free(text.p);
	test_free(gzip.p);
	test_free(zstd.p);
	test_free(twice.p);
	test_free(members.p);
	test_free(frames.p);
}

/* At each place: what came out is the front of the text, and that it was cut is said. */
static void cuts_are_seen(void **state)
{
	static const char *const packings[][2] = {{"gzip", "gzip"}, {"deflate", "deflate"}, {"deflate", "raw"}, {"br", "br"},
		{"zstd", "zstd"}, {"gzip, br", "gzip, br"}, {"br, gzip", "br, gzip"}, {"zstd, gzip", "zstd, gzip"}};
	struct bytes text = bytes_text(2000);

	(void)state;
	for (size_t i = 0; i < sizeof(packings) / sizeof(*packings); i++) {
		struct bytes packed = pack_all(str_of(packings[i][1]), bytes_of(text.p, text.n));

		for (size_t n = 1; n < packed.n; n++) {
			struct taken to = {.expected = bytes_str(text)};
			enum coding_end end = undo(packings[i][0], str_first(bytes_str(packed), n), n % 3, limits_wide(), &to);

			/* The last bytes of an outer coding say nothing more about a complete inner one. */
			if (end == CODING_WHOLE && to.n == text.n && strchr(packings[i][0], ','))
				continue;
			if (end != CODING_TRUNCATED)
				fail_msg("%s cut at %zu of %zu: %s", packings[i][0], n, packed.n, coding_end_words(end));
		}
		test_free(packed.p);
	}
	test_free(text.p);
}

/* Most of what was packed into the bytes that are there comes out. */
static void a_cut_body_is_shown_as_far_as_it_goes(void **state)
{
	static const char *const codings[] = {"gzip", "deflate", "br", "zstd", "gzip, zstd"};
	struct bytes text = bytes_text(1 << 20);

	(void)state;
	for (size_t i = 0; i < sizeof(codings) / sizeof(*codings); i++) {
		struct bytes packed = pack_all(str_of(codings[i]), bytes_of(text.p, text.n));
		struct taken to = {.expected = bytes_str(text)};

		assert_int_equal(undo(codings[i], str_first(bytes_str(packed), packed.n / 2), 0, limits_wide(), &to),
			CODING_TRUNCATED);
		assert_in_range(to.n, text.n / 4, text.n - 1);
		test_free(packed.p);
	}
	test_free(text.p);
}

static void nothing_is_an_empty_body(void **state)
{
	static const char *const codings[] = {"gzip", "deflate", "br", "zstd", "gzip, br", ""};

	(void)state;
	for (size_t i = 0; i < sizeof(codings) / sizeof(*codings); i++) {
		struct taken to = {0};

		assert_int_equal(undo(codings[i], STR_NONE, 0, limits_wide(), &to), CODING_WHOLE);
		assert_int_equal(undo(codings[i], STR(""), 0, limits_wide(), &to), CODING_WHOLE);
		assert_int_equal(to.n, 0);
	}
}

static void junk_behind_is_passed_over(void **state)
{
	static const char *const packings[][2] = {{"gzip", "gzip"}, {"deflate", "deflate"}, {"deflate", "raw"}, {"br", "br"},
		{"zstd", "zstd"}, {"gzip, br", "gzip, br"}, {"br, gzip", "br, gzip"}, {"gzip, zstd", "gzip, zstd"}};
	static const struct str junk[] = {{"\0\0\0\0\0\0", 6}, {"junk", 4}, {"\x1fjunk", 5}, {"\x28\xb5junk", 6}, {"\r\n", 2}};
	struct bytes text = bytes_text(100000);

	(void)state;
	for (size_t i = 0; i < sizeof(packings) / sizeof(*packings); i++) {
		for (size_t j = 0; j < sizeof(junk) / sizeof(*junk); j++) {
			struct bytes packed = bytes_join(pack_all(str_of(packings[i][1]), bytes_of(text.p, text.n)),
				bytes_of(junk[j].p, junk[j].len));
			struct taken a = {.expected = bytes_str(text)}, b = {.expected = bytes_str(text)};

			assert_int_equal(undo(packings[i][0], bytes_str(packed), 0, limits_wide(), &a), CODING_WHOLE);
			assert_int_equal(a.n, text.n);
			assert_int_equal(undo(packings[i][0], bytes_str(packed), 1, limits_wide(), &b), CODING_WHOLE);
			assert_int_equal(b.n, text.n);
			test_free(packed.p);
		}
	}
	test_free(text.p);
}

/* Inside of another coding too: the inner stream is complete, the outer one goes on. */
static void junk_inside_is_passed_over(void **state)
{
	struct bytes text = bytes_text(3000);
	struct bytes inner = bytes_join(pack_brotli(text, 22), bytes_noise(200000));
	struct bytes packed = pack(STR("gzip"), inner);
	struct taken to = {.expected = bytes_str(text)};

	(void)state;
	assert_int_equal(undo("br, gzip", bytes_str(packed), 100, limits_wide(), &to), CODING_WHOLE);
	assert_int_equal(to.n, text.n);
	test_free(packed.p);
	test_free(text.p);
}

static void damage_is_seen(void **state)
{
	static const char *const codings[] = {"gzip", "zstd", "gzip, zstd", "zstd, gzip"};
	struct bytes text = bytes_text(50000), packed;
	struct taken to = {.expected = bytes_str(text)};

	(void)state;
	for (size_t i = 0; i < sizeof(codings) / sizeof(*codings); i++) {
		struct taken none = {0};

		assert_int_equal(undo(codings[i], bytes_str(text), 0, limits_wide(), &none), CODING_DAMAGED);
		assert_int_equal(undo(codings[i], STR("x"), 0, limits_wide(), &none), CODING_DAMAGED);
		assert_int_equal(none.n, 0);
	}
	packed = pack_zlib(text, RIG_GZIP);
	packed.p[packed.n - 6] ^= 1; /* of the checksum */
	assert_int_equal(undo("gzip", bytes_str(packed), 1000, limits_wide(), &to), CODING_DAMAGED);
	assert_int_equal(to.n, text.n);
	test_free(packed.p);
	/* A second member that is none. */
	packed = bytes_join(pack_zlib(text, RIG_GZIP), bytes_of("\x1f\x8b\xff\xff\xff\xff\xff\xff\xff\xff\xff", 11));
	to.n = 0;
	assert_int_equal(undo("gzip", bytes_str(packed), 0, limits_wide(), &to), CODING_DAMAGED);
	assert_int_equal(to.n, text.n);
	test_free(packed.p);
	/* A dictionary is needed. */
	assert_int_equal(undo("deflate", STR("\x78\xbb\x01\x02\x03\x04\x4b\x04\x00"), 1, limits_wide(), &to), CODING_DAMAGED);
	assert_int_equal(undo("br", STR("\xff\xff\xff\xff\xff\xff\xff\xff"), 1, limits_wide(), &to), CODING_DAMAGED);
	/* The format of before the RFC. */
	assert_int_equal(undo("zstd", STR("\x27\xb5\x2f\xfd\x04\x00\x00\x00"), 1, limits_wide(), &to), CODING_DAMAGED);
	test_free(text.p);
}

static void what_is_not_known_is_said(void **state)
{
	static const char *const codings[] = {"compress", "gzip, foo", "foo, gzip", "aes128gcm", "gzip gzip", "gzi", "gzipp",
		"gzip;q=1", "\"gzip\"", "gzip,gzip,gzip,gzip,gzip", "br,zstd,gzip,deflate,x-gzip"};

	(void)state;
	for (size_t i = 0; i < sizeof(codings) / sizeof(*codings); i++) {
		enum coding_end end = CODING_WHOLE;
		struct taken to = {0};

		assert_null(coding_new(str_of(codings[i]), limits_wide(), rig_take, &to, &end));
		assert_int_equal(end, CODING_UNKNOWN);
		assert_false(coding_is_identity(str_of(codings[i])));
	}
	assert_true(coding_is_identity(STR_NONE));
	assert_true(coding_is_identity(STR("identity")));
	assert_true(coding_is_identity(STR(" Identity , ,IDENTITY,")));
	assert_false(coding_is_identity(STR("identity, gzip")));
}

static void each_end_has_words(void **state)
{
	(void)state;
	for (enum coding_end a = CODING_WHOLE; a <= CODING_UNKNOWN; a++) {
		assert_true(strlen(coding_end_words(a)) > 0);
		for (enum coding_end b = CODING_WHOLE; b < a; b++)
			assert_string_not_equal(coding_end_words(a), coding_end_words(b));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_codings_come_back),
		cmocka_unit_test(members_and_frames_follow_each_other),
		cmocka_unit_test(cuts_are_seen),
		cmocka_unit_test(a_cut_body_is_shown_as_far_as_it_goes),
		cmocka_unit_test(nothing_is_an_empty_body),
		cmocka_unit_test(junk_behind_is_passed_over),
		cmocka_unit_test(junk_inside_is_passed_over),
		cmocka_unit_test(damage_is_seen),
		cmocka_unit_test(what_is_not_known_is_said),
		cmocka_unit_test(each_end_has_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
