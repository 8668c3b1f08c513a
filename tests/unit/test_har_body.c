/* har_body.h, har_date.h, har_mend.h: the small parts of reading a HAR. */
#include "store/har/har_body.h"

#include "base/mem.h"
#include "store/har/har_date.h"
#include "store/har/har_mend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void assert_text(struct text *t, const char *expected, size_t len)
{
	assert_int_equal(t->len, len);
	assert_memory_equal(t->p, expected, len);
	text_fini(t);
}

static void assert_unescaped(const char *from, const char *to)
{
	struct text t = {NULL, 0, 0};

	text_put(&t, str_of(from));
	har_unescape(&t);
	assert_text(&t, to, strlen(to));
}

static void test_unescape(void **state)
{
	(void)state;
	assert_unescaped("plain", "plain");
	assert_unescaped("a\\\"b\\\\c\\/d\\b\\f\\n\\r\\te", "a\"b\\c/d\b\f\n\r\te");
	assert_unescaped("\\u0041\\u00e9\\u20AC", "A\xc3\xa9\xe2\x82\xac");
	assert_unescaped("x\\ud83d\\ude00y", "x\xf0\x9f\x98\x80y");
	assert_unescaped("\\ud83d", "\xef\xbf\xbd");
	assert_unescaped("\\ud83dx", "\xef\xbf\xbdx");
	assert_unescaped("\\ud83d\\n", "\xef\xbf\xbd\n");
	assert_unescaped("\\ud83d\\u0041",
		"\xef\xbf\xbd"
		"A");
	assert_unescaped("\\ud83d\\ud83d\\ude00", "\xef\xbf\xbd\xf0\x9f\x98\x80");
	assert_unescaped("\\ude00", "\xef\xbf\xbd");
	/* what is no escape stays */
	assert_unescaped("\\x\\u12\\", "\\x\\u12\\");
	assert_unescaped("\\uzzzz", "\\uzzzz");
}

static void test_unescape_nul(void **state)
{
	struct text t = {NULL, 0, 0};

	(void)state;
	text_put(&t, STR("a\\u0000b"));
	har_unescape(&t);
	assert_text(&t, "a\0b", 3);
}

static void assert_unbase64(const char *from, bool ok, const char *to, size_t len)
{
	struct text t = {NULL, 0, 0};

	text_put(&t, str_of(from));
	assert_int_equal(har_unbase64(&t), ok);
	assert_text(&t, to, len);
}

static void test_base64(void **state)
{
	(void)state;
	assert_unbase64("YQ==", true, "a", 1);
	assert_unbase64("YWI=", true, "ab", 2);
	assert_unbase64("YWJj", true, "abc", 3);
	assert_unbase64("YWJjZGVm", true, "abcdef", 6);
	assert_unbase64("YQ", true, "a", 1);
	assert_unbase64("Y W\nJ j\r\n", true, "abc", 3);
	assert_unbase64("+/-_", true, "\xfb\xff\xbf", 3);
	assert_unbase64("Y", false, "Y", 1);
	assert_unbase64("YQ=a", false, "YQ=a", 4);
	assert_unbase64("YQ===", false, "YQ===", 5);
	assert_unbase64("Y*==", false, "Y*==", 4);
}

static void test_parts(void **state)
{
	static char bytes[BODY_PART_BYTES + 1];
	struct body_part *p = har_parts((struct str){bytes, sizeof(bytes)}, 3, BODY_UP, CUT_LIMIT), *last = p->next;

	(void)state;
	assert_int_equal(p->len, BODY_PART_BYTES);
	assert_int_equal(p->cut, CUT_NONE);
	assert_int_equal(p->hop, 3);
	assert_int_equal(last->offset, BODY_PART_BYTES);
	assert_int_equal(last->len, 1);
	assert_int_equal(last->cut, CUT_LIMIT);
	assert_null(last->next);
	mem_free(p);
	mem_free(last);
	assert_null(har_parts(STR(""), 1, BODY_UP, CUT_NONE));
	p = har_parts(STR(""), 1, BODY_DOWN, CUT_REDACTED);
	assert_int_equal(p->len, 0);
	assert_int_equal(p->cut, CUT_REDACTED);
	mem_free(p);
}

static void assert_date(const char *text, int64_t us)
{
	int64_t got = -7;

	assert_true(har_date(str_of(text), &got));
	assert_int_equal(got, us);
}

#define AT INT64_C(1714979289) /* 2024-05-06T07:08:09Z */

static void test_dates(void **state)
{
	(void)state;
	assert_date("2024-05-06T07:08:09Z", AT * 1000000);
	assert_date("2024-05-06T07:08:09.123Z", AT * 1000000 + 123000);
	assert_date("2024-05-06T07:08:09,123456789z", AT * 1000000 + 123456);
	assert_date("2024-05-06T09:08:09.5+02:00", AT * 1000000 + 500000);
	assert_date("2024-05-06T00:38:09-0630", AT * 1000000);
	assert_date("2024-05-06T08:08:09+01", AT * 1000000);
	assert_date(" 2024-05-06 07:08:09 ", AT * 1000000);
	assert_date("2024-05-06t07:08Z", (AT - 9) * 1000000);
	assert_date("2024-05-06T07:08:09 +0000", AT * 1000000);
	assert_date("2016-12-31T23:59:60Z", INT64_C(1483228800000000));
}

static void test_no_dates(void **state)
{
	static const char *const texts[] = {"", "2024", "2024-05-06", "2024-05-06T", "2024-13-06T07:08:09Z",
		"2024-00-06T07:08:09Z", "2024-05-32T07:08:09Z", "2024-05-06T07:08:09X", "2024-05-06T07:08:09+",
		"2024-05-06T07:08:09+1", "2024-05-06T07:08:09+01:0", "2024-05-06T07:08:09Zx", "yesterday",
		"2024-05-06T07:60:09Z", "2024-05-06T7:08:09Z"};
	int64_t us = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_false(har_date(str_of(texts[i]), &us));
	assert_int_equal(us, 7);
}

static void assert_mended(const char *from, const char *to)
{
	struct text t = {NULL, 0, 0};

	har_mend(&t, str_of(from));
	assert_text(&t, to, strlen(to));
}

static void test_mend(void **state)
{
	(void)state;
	assert_mended("{\"a\":[1,\"b\\\"c\\\\\"]}", "{\"a\":[1,\"b\\\"c\\\\\"]}");
	assert_mended("\"\n\x01\"\n", "\"\\u000a\\u0001\"\n");
	assert_mended("\"\xc3\xa9\xc3\"\xff", "\"\xc3\xa9\xef\xbf\xbd\"\xff");
	assert_mended("\"\\ud83d\\ude00\\ud83d\\u0041\\ude00\\u\"", "\"\\ud83d\\ude00\xef\xbf\xbd\\u0041\xef\xbf\xbd\\u\"");
	assert_mended("\"\\", "\"\\");
	assert_mended("\"\\ud83", "\"\\ud83");
}

/* The JSON reader refuses all of what has a number in it that is out of range. */
static void test_mend_numbers(void **state)
{
	char digits[402], from[1024], to[1024];

	(void)state;
	assert_mended("{\"a\":1e999,\"b\":[-1E+400,1e308,-0.5,1e-999],\"1e999\":\"1e999\"}",
		"{\"a\":null,\"b\":[null,1e308,-0.5,1e-999],\"1e999\":\"1e999\"}");
	assert_mended("[1e,--1,1.2.3,tru]", "[1e,--1,1.2.3,tru]");
	memset(digits, '9', 401);
	digits[401] = '\0';
	snprintf(from, sizeof(from), "[%s,-%.300s]", digits, digits);
	snprintf(to, sizeof(to), "[null,-%.300s]", digits);
	assert_mended(from, to);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unescape),
		cmocka_unit_test(test_unescape_nul),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_no_dates),
		cmocka_unit_test(test_mend),
		cmocka_unit_test(test_mend_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
