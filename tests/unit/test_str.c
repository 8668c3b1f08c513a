/* Slices: comparing, cutting, lists, numbers, escaping. */
#include "base/str.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_of_null_is_empty(void **state)
{
	(void)state;
	assert_int_equal(str_of(NULL).len, 0);
	assert_int_equal(str_of("abc").len, 3);
	assert_true(str_eq(str_of(NULL), STR("")));
	assert_true(str_ieq(STR_NONE, STR("")));
}

static void test_equality(void **state)
{
	(void)state;
	assert_true(str_eq(STR("Host"), STR("Host")));
	assert_false(str_eq(STR("Host"), STR("host")));
	assert_false(str_eq(STR("Host"), STR("Hos")));
	assert_true(str_ieq(STR("Host"), STR("hOST")));
	assert_false(str_ieq(STR("Host"), STR("Hosts")));
	/* Bytes that differ by 0x20 without being letters. */
	assert_false(str_ieq(STR("@"), STR("`")));
	assert_false(str_ieq(STR("["), STR("{")));
	assert_false(str_ieq(STR("\xc0"), STR("\xe0")));
}

static void test_starts_and_ends(void **state)
{
	(void)state;
	assert_true(str_starts(STR("https://x"), STR("https:")));
	assert_false(str_starts(STR("HTTPS://x"), STR("https:")));
	assert_true(str_istarts(STR("HTTPS://x"), STR("https:")));
	assert_false(str_istarts(STR("http"), STR("https")));
	assert_true(str_iends(STR("a.EXAMPLE.com"), STR(".example.COM")));
	assert_false(str_iends(STR("com"), STR(".com")));
	assert_true(str_starts(STR_NONE, STR_NONE));
	assert_true(str_iends(STR("x"), STR("")));
}

static void test_find_and_cut(void **state)
{
	struct str s = STR("key=value=x");

	(void)state;
	assert_int_equal(str_find(s, '='), 3);
	assert_int_equal(str_find(s, '?'), s.len);
	assert_int_equal(str_find(STR_NONE, 'a'), 0);
	assert_true(str_eq(str_from(s, 4), STR("value=x")));
	assert_true(str_eq(str_first(s, 3), STR("key")));
	assert_int_equal(str_from(s, s.len).len, 0);
	assert_int_equal(str_from(STR_NONE, 0).len, 0);
}

static void test_trim_takes_ows_only(void **state)
{
	(void)state;
	assert_true(str_eq(str_trim(STR(" \t a b\t ")), STR("a b")));
	assert_true(str_eq(str_trim(STR("\r\na\n")), STR("\r\na\n")));
	assert_int_equal(str_trim(STR(" \t ")).len, 0);
	assert_int_equal(str_trim(STR_NONE).len, 0);
}

static void test_token(void **state)
{
	static const char tchars[] = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	int count = 0;

	(void)state;
	for (int c = 0; c < 256; c++) {
		char byte = (char)c;

		if (str_is_token((struct str){&byte, 1})) {
			assert_non_null(memchr(tchars, c, sizeof(tchars) - 1));
			count++;
		}
	}
	assert_int_equal(count, sizeof(tchars) - 1);
	assert_true(str_is_token(STR("X-Forwarded-For")));
	assert_false(str_is_token(STR("")));
	assert_false(str_is_token(STR("a b")));
	assert_false(str_is_token(STR("a\0b")));
}

/* The items of a list must be the strings of want, up to a NULL. */
static void check_list(struct str list, const char *const *want)
{
	struct str item;

	for (; *want != NULL; want++) {
		assert_true(str_list_next(&list, &item));
		assert_true(str_eq(item, str_of(*want)));
	}
	item = STR("untouched");
	assert_false(str_list_next(&list, &item));
	assert_true(str_eq(item, STR("untouched")));
}

static void test_list_items(void **state)
{
	(void)state;
	check_list(STR("a,b"), (const char *const[]){"a", "b", NULL});
	check_list(STR(" close ,\tkeep-alive "), (const char *const[]){"close", "keep-alive", NULL});
	check_list(STR(",, a , ,b,"), (const char *const[]){"a", "b", NULL});
	check_list(STR(""), (const char *const[]){NULL});
	check_list(STR_NONE, (const char *const[]){NULL});
	check_list(STR(" , "), (const char *const[]){NULL});
}

static void test_list_commas_in_quotes(void **state)
{
	(void)state;
	check_list(STR("a=\"x,y\", b"), (const char *const[]){"a=\"x,y\"", "b", NULL});
	check_list(STR("\"a\\\",b\",c"), (const char *const[]){"\"a\\\",b\"", "c", NULL});
	check_list(STR("\"open,b"), (const char *const[]){"\"open,b", NULL});
	check_list(STR("\"ends in escape\\"), (const char *const[]){"\"ends in escape\\", NULL});
	/* Outside of quotes a backslash means nothing. */
	check_list(STR("a\\,b"), (const char *const[]){"a\\", "b", NULL});
}

static void test_list_has(void **state)
{
	(void)state;
	assert_true(str_list_has(STR("Keep-Alive, Close"), STR("close")));
	assert_false(str_list_has(STR("closed, xclose"), STR("close")));
	assert_false(str_list_has(STR("\"a,close,b\""), STR("close")));
	assert_false(str_list_has(STR(""), STR("close")));
}

static void test_numbers(void **state)
{
	static const char *const bad[] = {
		"", "+1", "-1", " 1", "1 ", "0x10", "1,1", "18446744073709551616", "99999999999999999999"};
	uint64_t n = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(str_to_u64(str_of(bad[i]), UINT64_MAX, &n));
	assert_false(str_to_u64(STR("65536"), 65535, &n));
	assert_false(str_to_u64(STR("1"), 0, &n));
	assert_false(str_to_u64(STR_NONE, UINT64_MAX, &n));
	assert_int_equal(n, 7);
	assert_true(str_to_u64(STR("0"), 0, &n));
	assert_int_equal(n, 0);
	assert_true(str_to_u64(STR("0065535"), 65535, &n));
	assert_int_equal(n, 65535);
	assert_true(str_to_u64(STR("18446744073709551615"), UINT64_MAX, &n));
	assert_true(n == UINT64_MAX);
}

static void test_escape(void **state)
{
	char to[64];

	(void)state;
	assert_int_equal(str_escape(STR("GET /\r\n\x1b[2J\"\\\x7f\xff~"), to, sizeof(to)), 37);
	assert_string_equal(to, "GET /\\x0d\\x0a\\x1b[2J\\x22\\x5c\\x7f\\xff~");
	assert_int_equal(str_escape(STR("a\0b"), to, sizeof(to)), 6);
	assert_string_equal(to, "a\\x00b");
	assert_int_equal(str_escape(STR_NONE, to, sizeof(to)), 0);
	assert_string_equal(to, "");
}

static void test_escape_is_cut_between_characters(void **state)
{
	char to[8] = "zzzzzzz";

	(void)state;
	assert_int_equal(str_escape(STR("abcdefghij"), to, sizeof(to)), 7);
	assert_string_equal(to, "abcdefg");
	assert_int_equal(str_escape(STR("abcd\n"), to, sizeof(to)), 4);
	assert_string_equal(to, "abcd");
	assert_int_equal(str_escape(STR("abc\n"), to, sizeof(to)), 7);
	assert_string_equal(to, "abc\\x0a");
	assert_int_equal(str_escape(STR("abc"), to, 1), 0);
	assert_string_equal(to, "");
	to[0] = 'k';
	assert_int_equal(str_escape(STR("abc"), to, 0), 0);
	assert_int_equal(to[0], 'k');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_of_null_is_empty),
		cmocka_unit_test(test_equality),
		cmocka_unit_test(test_starts_and_ends),
		cmocka_unit_test(test_find_and_cut),
		cmocka_unit_test(test_trim_takes_ows_only),
		cmocka_unit_test(test_token),
		cmocka_unit_test(test_list_items),
		cmocka_unit_test(test_list_commas_in_quotes),
		cmocka_unit_test(test_list_has),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_escape),
		cmocka_unit_test(test_escape_is_cut_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
