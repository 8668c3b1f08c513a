/* UTF-8: what is valid by RFC 3629, and what of it is shown. */
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_first(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} rows[] = {
		{"", 0},
		{"a\xff", 1},
		{"\xc3\xbc", 2},
		{"\xc3", 0},
		{"\xc3(", 0},
		{"\xc0\xaf", 0},
		{"\xe2\x82\xac", 3},
		{"\xe0\x9f\xbf", 0},
		{"\xed\xa0\x80", 0},
		{"\xf0\x9f\x98\x80", 4},
		{"\xf0\x8f\xbf\xbf", 0},
		{"\xf4\x90\x80\x80", 0},
		{"\x80", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(utf8_first(str_of(rows[i].bytes)), rows[i].len);
}

static void test_legible(void **state)
{
	static const struct {
		const char *bytes, *words;
	} rows[] = {
		{"Acme, \"Inc.\" \\ a", "Acme, \"Inc.\" \\ a"},
		{"M\xc3\xbcller \xf0\x9f\x98\x80", "M\xc3\xbcller \xf0\x9f\x98\x80"},
		{"a\r\n\x1b\x7f", "a\\x0d\\x0a\\x1b\\x7f"},
		{"\xc2\x9b", "\\xc2\\x9b"},
		{"\xe2\x80\xae", "\\xe2\\x80\\xae"},
		{"\xc3", "\\xc3"},
		{"\xed\xa0\x80", "\\xed\\xa0\\x80"},
	};
	char once[80], twice[80];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(utf8_legible(str_of(rows[i].bytes), once, sizeof(once)), strlen(rows[i].words));
		assert_string_equal(once, rows[i].words);
		utf8_legible(str_of(once), twice, sizeof(twice));
		assert_string_equal(twice, once);
	}
}

static void test_cut(void **state)
{
	char small[4], text[8];

	(void)state;
	assert_int_equal(utf8_legible(STR("ab\xc3\xbc"), small, sizeof(small)), 2);
	assert_string_equal(small, "ab");
	assert_int_equal(utf8_legible(STR("a\n"), small, sizeof(small)), 1);
	assert_int_equal(utf8_legible(STR("a"), small, 0), 0);
	snprintf(text, sizeof(text), "%s", "a\xe2\x82");
	utf8_mend_cut(text);
	assert_string_equal(text, "a");
	snprintf(text, sizeof(text), "%s", "a\xe2\x82\xac");
	utf8_mend_cut(text);
	assert_string_equal(text, "a\xe2\x82\xac");
	snprintf(text, sizeof(text), "%s", "\xc3");
	utf8_mend_cut(text);
	assert_string_equal(text, "");
	utf8_mend_cut(text);
	assert_string_equal(text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first),
		cmocka_unit_test(test_legible),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
