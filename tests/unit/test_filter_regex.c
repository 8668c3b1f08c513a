/* filter_regex.h: found anywhere, by bytes, and never for longer than the budget of steps. */
#include "config/filter_regex.h"

#include "base/clock.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

/* Whether the pattern is found. */
static bool finds(const char *pattern, bool caseless, struct str subject)
{
	char why[200] = "";
	size_t position = 0;
	struct filter_regex *r = filter_regex_new(str_of(pattern), caseless, &position, why, sizeof(why));
	bool is_found;

	if (r == NULL)
		fail_msg("%s: %s", pattern, why);
	is_found = filter_regex_finds(r, subject);
	filter_regex_free(r);
	return is_found;
}

static void test_finds(void **state)
{
	(void)state;
	assert_true(finds("b+", false, STR("abbc")));
	assert_false(finds("B+", false, STR("abbc")));
	assert_true(finds("B+", true, STR("abbc")));
	assert_true(finds("^$", false, STR("")));
	assert_true(finds("", false, STR_NONE));
	assert_false(finds("a", false, STR_NONE));
	assert_true(finds("(a)(b)(c)\\3", false, STR("xabccx")));
	assert_true(finds("(?<=a)b(?!c)", false, STR("abcabd")));
	assert_true(finds("\\bcat\\b", false, STR("the cat")));
	/* $ is the very end. */
	assert_false(finds("a$", false, STR("a\n")));
	/* Bytes, not characters. */
	assert_true(finds("^..$", false, STR("\xc3\xa4")));
	assert_true(finds("^\\xff\\x00b$", false, (struct str){"\xff\0b", 3}));
	assert_false(finds("\xc3\x84", true, STR("\xc3\xa4")));
	filter_regex_free(NULL);
}

/* The rest of PCRE2's messages, and where it finds an error, differ between its versions. */
static void refuses(struct str pattern, const char *why_like)
{
	char why[200] = "";
	size_t at = 9999;

	if (filter_regex_new(pattern, false, &at, why, sizeof(why)) != NULL)
		fail_msg("%.*s: taken", STR_ARG(pattern));
	if (strstr(why, why_like) == NULL)
		fail_msg("\"%s\" instead of \"%s\"", why, why_like);
	assert_true(at <= pattern.len);
}

static void test_refused(void **state)
{
	char nested[2 * (FILTER_REGEX_MAX_NESTING + 1) + 1], longest[FILTER_REGEX_MAX_BYTES + 2];

	(void)state;
	refuses(STR("a(b"), "missing closing parenthesis");
	refuses(STR("a)b"), "unmatched closing parenthesis");
	refuses(STR("a)(b"), "unmatched closing parenthesis"); /* although it would fit into a group */
	refuses(STR("*"), "quantifier does not follow a repeatable item");
	refuses(STR("(?x)a # )"), "ends in a comment");
	refuses(STR("\\Qa"), "within \\Q");
	refuses(STR("(*UTF)a"), "UTF");
	refuses(STR("(*LIMIT_MATCH=99)a"), "begins with a (*verb)");
	refuses(STR("\\Ca"), "\\C");
	refuses(STR("(?:[a-c][d-f]){500}"), "it repeats too much");
	refuses(STR("((a{200}){200}){200}"), "too large");
	memset(longest, 'a', sizeof(longest));
	refuses((struct str){longest, FILTER_REGEX_MAX_BYTES + 1}, "longer than 1024 bytes");
	longest[FILTER_REGEX_MAX_BYTES] = '\0';
	assert_false(finds(longest, false, STR("aaa")));
	memset(nested, '(', FILTER_REGEX_MAX_NESTING + 1);
	memset(nested + FILTER_REGEX_MAX_NESTING + 1, ')', FILTER_REGEX_MAX_NESTING + 1);
	refuses((struct str){nested, sizeof(nested) - 1}, "too deeply nested");
	nested[2 * FILTER_REGEX_MAX_NESTING + 1] = '\0';
	assert_true(finds(nested + 1, false, STR("aaa")));
}

/* A subject of n times one byte, and another at its end. */
static struct str long_subject(char *to, size_t n, char each, char last)
{
	memset(to, each, n);
	to[n] = last;
	return (struct str){to, n + 1};
}

/* What takes more steps than each place has is found by the second way. */
static void test_long_subjects(void **state)
{
	enum { LEN = 60000 };
	char *subject = mem_alloc(LEN + 1);

	(void)state;
	assert_true(finds("a.*z$", false, long_subject(subject, LEN, 'a', 'z')));
	assert_true(finds("b", false, long_subject(subject, LEN, 'a', 'b')));
	assert_false(finds("b", false, long_subject(subject, LEN, 'a', 'a')));
	memset(subject, ' ', LEN);
	memcpy(subject + 100, "session=1; ", 11);
	memcpy(subject + LEN - 20, "user=bob", 8);
	assert_true(finds("session=.*; *user=bob", false, (struct str){subject, LEN}));
	/* What remembers more than the memory allows is not found: each turn of a group is remembered. */
	assert_false(finds("session=(.|x)*user=bob", false, (struct str){subject, LEN}));
	memcpy(subject + LEN - 8000, "session=1; ", 11);
	assert_true(finds("session=(.|x)*user=bob", false, (struct str){subject + LEN - 8000, 8000}));
	assert_false(finds("session=[^ ]* +user=ann", false, (struct str){subject, LEN}));
	mem_free(subject);
}

/* Patterns that would run for ages, on subjects that a peer chooses: given up within the budget. The bound in time is a generous
 * one, for sanitizers and busy machines; unbounded, these take hours. */
static void test_bounds(void **state)
{
	static const char *const patterns[] = {"(a+)+[bc]", "(a|a)*[bc]", "(a|aa)+[^a-z\\n]", "(.*)*[xy]",
		"^(([a-z])+.)+[A-Z]([a-z])+$", "(a*)*(a*)*[bc]", "a*a*a*a*a*a*a*[bc]", "(?=(a+))(a*)\\1[yz]",
		"(a?){50}a{50}[bc]", "((a*)*)*\\2[!?]", "(?R)?a[!?]|a(?R)[bc]"};
	static const size_t lengths[] = {30, 1000, 65536};
	char *subject = mem_alloc(65537);

	(void)state;
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		for (size_t j = 0; j < sizeof(lengths) / sizeof(lengths[0]); j++) {
			int64_t start_us = clock_mono_us();
			bool is_found = finds(patterns[i], false, long_subject(subject, lengths[j], 'a', '\n'));

			assert_false(is_found);
			if (clock_mono_us() - start_us > 5000000)
				fail_msg("%s on %zu bytes took too long", patterns[i], lengths[j]);
		}
	}
	mem_free(subject);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finds),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_long_subjects),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
