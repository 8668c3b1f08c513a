/* Bodies read whole, by range, and decoded. */
#include "body_rig.h"

enum { BODY = 300000 };

static char body[BODY];

static void assert_range(struct body_rig *r, int64_t id, struct str whole, uint64_t from, uint64_t max)
{
	struct text t = {NULL, 0, 0};
	size_t begin = from < whole.len ? (size_t)from : whole.len;
	size_t len = max < whole.len - begin ? (size_t)max : whole.len - begin;

	rig_read(r, id, from, max, &t);
	assert_int_equal(t.len, len);
	if (len > 0)
		assert_memory_equal(t.p, whole.p + begin, len);
	text_fini(&t);
}

static void assert_ranges(struct body_rig *r, int64_t id, struct str whole)
{
	static const uint64_t marks[] = {
		0, 1, 7, 999, 1000, 1001, 65535, 65536, 65537, 131072, 250000, 299999, 300000, 300001, UINT64_MAX};
	size_t n = sizeof(marks) / sizeof(marks[0]);

	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < n; j++)
			assert_range(r, id, whole, marks[i], marks[j]);
	}
}

static void test_ranges(void **state)
{
	struct body_rig *r = *state;
	struct str text = make_text(body, sizeof(body), 1);

	assert_ranges(r, rig_put_whole(r, 1, str_first(text, 1000)).id, str_first(text, 1000));
	assert_ranges(r, rig_put_whole(r, 2, str_first(text, 60000)).id, str_first(text, 60000));
	assert_ranges(r, rig_put_whole(r, 3, text).id, text);
	text = make_noise(body, sizeof(body), 1);
	assert_ranges(r, rig_put(r, 4, parts_of(text, 0, text.len, 1001, 1), true).id, text);
	assert_ranges(r, rig_put(r, 5, parts_of(text, 0, 100001, 7000, 1), false).id, str_first(text, 100001));
}

/* Only what is asked for is read: damage elsewhere does not show. */
static void test_only_what_is_needed(void **state)
{
	struct body_rig *r = *state;
	struct reader reader = {.db = r->db};
	struct str text = make_text(body, sizeof(body), 1);
	int64_t id = rig_put_whole(r, 1, text).id;
	struct text t = {NULL, 0, 0};

	rig_exec(r, "UPDATE body_pieces SET content = 'damaged' WHERE id & 0xfffff IN (0, 3)");
	assert_range(r, id, text, BODY_PART_BYTES, 2 * BODY_PART_BYTES);
	assert_range(r, id, text, 4 * BODY_PART_BYTES, UINT64_MAX);
	assert_false(reader_body_text(&reader, id, BODY_PART_BYTES - 1, 1, &t));
	assert_string_equal(reader_error(&reader), "a stored body is damaged");
	assert_false(reader_body_text(&reader, id, 3 * BODY_PART_BYTES, 1, &t));
	assert_true(sqlite3_get_autocommit(r->db));
	text_fini(&t);
}

/* Takes one piece, then no more. */
static bool take_one(void *owner, struct str piece)
{
	*(size_t *)owner += piece.len;
	return false;
}

static void test_enough(void **state)
{
	struct body_rig *r = *state;
	struct reader reader = {.db = r->db};
	int64_t id = rig_put_whole(r, 1, make_text(body, sizeof(body), 1)).id;
	size_t taken = 0;

	assert_true(reader_body_bytes(&reader, id, 10, UINT64_MAX, take_one, &taken));
	assert_int_equal(taken, BODY_PART_BYTES - 10);
}

static void test_view(void **state)
{
	struct body_rig *r = *state;
	struct reader reader = {.db = r->db};
	struct body_view v;

	assert_true(reader_body(&reader, rig_put_whole(r, 1, STR("abc")).id, &v));
	assert_int_equal(v.bytes, 3);
	assert_string_equal(v.sha256_text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_int_equal(v.sha256.len, 64);
	assert_true(reader_body(&reader, rig_put(r, 2, part(NULL, 1, BODY_DOWN, 0, STR("abcd"), CUT_NONE), false).id, &v));
	assert_int_equal(v.bytes, 4);
	assert_int_equal(v.sha256.len, 0);
	assert_false(reader_body(&reader, 4711, &v));
	assert_string_equal(reader_error(&reader), "");
	assert_range(r, 4711, STR_NONE, 0, 10);
	rig_exec(r, "DROP TABLE bodies");
	assert_false(reader_body(&reader, 1, &v));
	assert_string_not_equal(reader_error(&reader), "");
}

/* "hello" in gzip. */
#define HELLO_GZIP STR("\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff\xcb\x48\xcd\xc9\xc9\x07\x00\x86\xa6\x10\x36\x05\x00\x00\x00")

static void assert_decoded(struct body_rig *r, int64_t id, struct str codings, enum coding_end expected_end,
	struct str expected)
{
	struct reader reader = {.db = r->db};
	struct coding_limits limits = {.max_bytes = 1000};
	struct text t = {NULL, 0, 0};
	enum coding_end end;

	assert_true(reader_body_decoded(&reader, id, codings, &limits, &t, &end));
	assert_int_equal(end, expected_end);
	assert_int_equal(t.len, expected.len);
	if (t.len > 0)
		assert_memory_equal(t.p, expected.p, t.len);
	text_fini(&t);
}

static void test_decoded(void **state)
{
	struct body_rig *r = *state;
	int64_t gzip = rig_put_whole(r, 1, HELLO_GZIP).id, cut = rig_put_whole(r, 2, str_first(HELLO_GZIP, 20)).id;
	int64_t plain = rig_put_whole(r, 3, STR("hello")).id;

	assert_decoded(r, gzip, STR("gzip"), CODING_WHOLE, STR("hello"));
	assert_decoded(r, cut, STR("gzip"), CODING_TRUNCATED, STR("hello"));
	assert_decoded(r, plain, STR_NONE, CODING_WHOLE, STR("hello"));
	assert_decoded(r, plain, STR("rot13"), CODING_UNKNOWN, STR_NONE);
	assert_decoded(r, rig_put_whole(r, 4, make_text(body, 2000, 1)).id, STR_NONE, CODING_LIMIT, (struct str){body, 1000});
}

int main(void)
{
	const struct CMUnitTest tests[] = {BODY_TEST(test_ranges), BODY_TEST(test_only_what_is_needed), BODY_TEST(test_enough),
		BODY_TEST(test_view), BODY_TEST(test_decoded)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
