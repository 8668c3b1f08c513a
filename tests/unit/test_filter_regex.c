/* filter_regex.h: which patterns are taken; found anywhere, by bytes, and never for longer than the budget of steps. */
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

static struct filter_regex *regex_of(const char *pattern, bool caseless)
{
	char why[200] = "";
	size_t position = 0;
	struct filter_regex *r = filter_regex_new(str_of(pattern), caseless, &position, why, sizeof(why));

	if (r == NULL)
		fail_msg("%s: %s at %zu", pattern, why, position);
	return r;
}

/* What a new budget suffices to say. */
static enum filter_answer answer_of(const char *pattern, bool caseless, struct str subject)
{
	struct filter_regex *r = regex_of(pattern, caseless);
	struct filter_budget budget = {FILTER_BUDGET_STEPS};
	enum filter_answer answer = filter_regex_finds(r, subject, &budget);

	filter_regex_free(r);
	return answer;
}

/* Whether the pattern is found; it is decided. */
static bool finds(const char *pattern, bool caseless, struct str subject)
{
	enum filter_answer answer = answer_of(pattern, caseless, subject);

	if (answer == FILTER_UNDECIDED)
		fail_msg("%s: undecided", pattern);
	return answer == FILTER_YES;
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
	assert_true(finds("(a)(b)(c){2}", false, STR("xabccx")));
	assert_true(finds("(?P<x>a)(?<y>b)(?:c)(?i)D(?-i:e)(?s-m:.)", false, STR("abcde\n")));
	assert_true(finds("[]a][^]b][[:digit:][][\\]\\x41-\\x{43}]\\x2e\\.\\(\\*\\{{2}", false, STR("]a[B..(*{{")));
	assert_true(finds("^[[:x]+[(?=a)]{2,3}?\\Aa*?|^\\d{1,}\\D\\S+\\s??\\W\\w\\t$", false, STR("12ab -x\t")));
	assert_true(finds("^\\012\\0$", false, (struct str){"\n\0", 2}));
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
	refuses(STR("[[:x:]]"), "unknown POSIX class name");
	refuses(STR("[a"), "missing terminating ]");
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

struct refusal {
	const char *pattern, *why;
	size_t position;
};

/* What no engine of linear time knows, and what other engines read in another way. */
static const struct refusal refusals[] = {
	{"a(?=b)", "look-around is not supported", 1},
	{"a(?!b)", "look-around is not supported", 1},
	{"(?<=a)b", "look-around is not supported", 0},
	{"x(?<!a)b", "look-around is not supported", 1},
	{"(?*a)", "look-around is not supported", 0},
	{"(*pla:a)", "(*verbs) are not supported", 0},
	{"a(*COMMIT)b", "(*verbs) are not supported", 1},
	{"(*UTF)a", "(*verbs) are not supported", 0},
	{"(*LIMIT_MATCH=99)a", "(*verbs) are not supported", 0},
	{"(a)\\1", "back-references are not supported", 3},
	{"(a)\\g{-1}", "back-references are not supported", 3},
	{"(a)\\g1", "back-references are not supported", 3},
	{"(?<n>a)\\k<n>", "back-references are not supported", 7},
	{"(?P<n>a)(?P=n)", "back-references are not supported", 8},
	{"a(?R)?", "recursion is not supported", 1},
	{"(a)(?1)", "recursion is not supported", 3},
	{"(a)(?-1)", "recursion is not supported", 3},
	{"(a)(?+1)", "recursion is not supported", 3},
	{"(?<n>a)(?&n)", "recursion is not supported", 7},
	{"(?P<n>a)(?P>n)", "recursion is not supported", 8},
	{"(a)?(?(1)b|c)", "conditional groups are not supported", 4},
	{"(?>a+)b", "atomic groups are not supported", 0},
	{"(?|(a)|(b))", "groups whose branches share numbers are not supported", 0},
	{"a(?C1)b", "callouts are not supported", 1},
	{"a(?#b)", "comments are not supported", 1},
	{"(?x)a # b", "no such group is supported; there are (?:...), (?i), (?m), (?s) and (?U)", 0},
	{"(?'n'a)", "no such group is supported; there are (?:...), (?i), (?m), (?s) and (?U)", 0},
	{"(?)a", "no such group is supported; there are (?:...), (?i), (?m), (?s) and (?U)", 0},
	{"a(?", "no such group is supported; there are (?:...), (?i), (?m), (?s) and (?U)", 1},
	{"[a-z]++=", "possessive repeats are not supported", 6},
	{"a*+", "possessive repeats are not supported", 2},
	{"a?+", "possessive repeats are not supported", 2},
	{"(a){2,3}+", "possessive repeats are not supported", 8},
	{"a**", "a repeat of a repeat is not supported", 2},
	{"a{2}{3}", "a repeat of a repeat is not supported", 4},
	{"a{1001}", "the number of repeats is larger than 1000", 1},
	{"a{1,99999999999999999999}", "the number of repeats is larger than 1000", 1},
	{"a{,3}", "this begins no repeat like {2,3}; as a character it is \\{", 1},
	{"a{ 2}", "this begins no repeat like {2,3}; as a character it is \\{", 1},
	{"a{2", "this begins no repeat like {2,3}; as a character it is \\{", 1},
	{"a\\Kb", "\\K is not supported", 1},
	{"\\Ga", "\\G is not supported", 0},
	{"a\\Z", "\\Z is not supported; $ is the end", 1},
	{"\\Ca", "\\C is not supported; (?s:.) is any byte", 0},
	{"\\p{L}", "properties of Unicode are not supported: patterns are over bytes", 0},
	{"\\Qa", "no such escape is supported", 0},
	{"[a\\Q]", "no such escape is supported", 2},
	{"[\\b]", "no such escape is supported", 1},
	{"\\R\\h\\e", "no such escape is supported", 0},
	{"\\x4", "\\x takes two hexadecimal digits, or some in braces", 0},
	{"\\x{4", "\\x takes two hexadecimal digits, or some in braces", 0},
	{"a\\", "there is nothing behind the backslash", 1},
	/* The scan is not misled to see a class, an escape or a group where PCRE2 sees none. */
	{"[]](?=a)", "look-around is not supported", 3},
	{"[^]](?=a)", "look-around is not supported", 4},
	{"[[:alpha:]](?=a)", "look-around is not supported", 11},
	{"[[:alpha](?=a)", "look-around is not supported", 9},
	{"[\\]](?=a)", "look-around is not supported", 4},
	{"\\[(?=a)", "look-around is not supported", 2},
	{"\\\\(?=a)", "look-around is not supported", 2},
	{"a{2}(?=a)", "look-around is not supported", 4},
};

static void test_unsupported(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		char why[200] = "";
		size_t position = 9999;

		if (filter_regex_new(str_of(refusals[i].pattern), false, &position, why, sizeof(why)) != NULL)
			fail_msg("%s: taken", refusals[i].pattern);
		if (strcmp(why, refusals[i].why) != 0 || position != refusals[i].position)
			fail_msg("%s: \"%s\" at %zu", refusals[i].pattern, why, position);
	}
}

/* A subject of n times one byte, and another at its end. */
static struct str long_subject(char *to, size_t n, char each, char last)
{
	memset(to, each, n);
	to[n] = last;
	return (struct str){to, n + 1};
}

/* Patterns that are no trouble find what is far away. */
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
	/* What remembers more than the memory allows is undecided: each turn of a group is remembered. */
	assert_int_equal(answer_of("session=(.|x)*user=bob", false, (struct str){subject, LEN}), FILTER_UNDECIDED);
	memcpy(subject + LEN - 6000, "session=1; ", 11);
	assert_true(finds("session=(.|x)*user=bob", false, (struct str){subject + LEN - 6000, 6000}));
	assert_false(finds("session=[^ ]* +user=ann", false, (struct str){subject, LEN}));
	mem_free(subject);
}

/* Asks with one budget again and again until it is undecided; the microseconds that took. */
static int64_t exhaust_us(const char *pattern, struct str subject)
{
	struct filter_regex *r = regex_of(pattern, false);
	struct filter_budget budget = {FILTER_BUDGET_STEPS};
	int64_t start_us = clock_mono_us();
	int asked = 0;

	while (filter_regex_finds(r, subject, &budget) != FILTER_UNDECIDED)
		asked++;
	assert_int_equal(budget.steps, 0);
	assert_in_range(asked, 0, FILTER_BUDGET_STEPS);
	filter_regex_free(r);
	return clock_mono_us() - start_us;
}

/* Patterns that would run for ages, on subjects that a peer chooses: a budget lasts for some ms, over all values. The bound in time
 * is a generous one, for sanitizers and busy machines; unbounded, these take from a second to hours for one value. */
static void test_bounds(void **state)
{
	static const char *const patterns[] = {"[a-z]+=admin", "(a+)+[bc]", "(a|a)*[bc]", "(a|aa)+[^a-z\\n]", "(.*)*[xy]",
		"^(([a-z])+.)+[A-Z]([a-z])+$", "(a*)*(a*)*[bc]", "a*a*a*a*a*a*a*[bc]", "(?:a?){50}a{50}[bc]", "((a*)*)*[!?]",
		"a{1000}b|a{1000}c", "a{999}a{1000}a{1000}(b|=)", "(?:[a-z]{200}){100}=", "[a-z]*?[a-y]*?[a-x]*=x",
		"(|||||||||)*(|||||||||)*(|||||||||)*(||||||)*[bc]", "((((((((((a))))))))))*[bc]"};
	static const size_t lengths[] = {30, 300, 65536};
	char *subject = mem_alloc(65537);

	(void)state;
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		for (size_t j = 0; j < sizeof(lengths) / sizeof(lengths[0]); j++) {
			int64_t spent_us = exhaust_us(patterns[i], long_subject(subject, lengths[j], 'a', '='));

			if (spent_us > 500000)
				fail_msg("%s on %zu bytes took %lld us", patterns[i], lengths[j], (long long)spent_us);
		}
	}
	mem_free(subject);
}

/* Repeats of one character are counted too: left alone, PCRE2 runs through them without any step. */
static void test_single_repeats(void **state)
{
	enum { LEN = 60000 };
	char *subject = mem_alloc(LEN + 1);
	struct str text = long_subject(subject, LEN, 'a', '=');

	(void)state;
	assert_int_equal(answer_of("[a-z]+=admin", false, (struct str){subject, 100}), FILTER_NO);
	assert_int_equal(answer_of("[a-z]+=[bc]", false, text), FILTER_UNDECIDED);
	assert_int_equal(answer_of("a{1000}[bc]", false, text), FILTER_UNDECIDED);
	assert_int_equal(answer_of("a{1000}=", false, (struct str){subject + LEN - 1000, 1001}), FILTER_YES);
	mem_free(subject);
}

/* What one match takes is missing to the next; each takes something. */
static void test_budget(void **state)
{
	struct filter_regex *r = regex_of("[ab]+c", false);
	struct filter_budget budget = {1000}, none = {0};
	uint32_t before = budget.steps;

	(void)state;
	assert_int_equal(filter_regex_finds(r, STR("xxabac"), &budget), FILTER_YES);
	assert_true(budget.steps < before && budget.steps > 900);
	before = budget.steps;
	assert_int_equal(filter_regex_finds(r, STR(""), &budget), FILTER_NO);
	assert_true(budget.steps < before);
	while (filter_regex_finds(r, STR("abac"), &budget) == FILTER_YES)
		before = budget.steps;
	assert_int_equal(budget.steps, 0);
	assert_int_equal(filter_regex_finds(r, STR("c"), &budget), FILTER_UNDECIDED);
	assert_int_equal(filter_regex_finds(r, STR("c"), &none), FILTER_UNDECIDED);
	filter_regex_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finds),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_unsupported),
		cmocka_unit_test(test_long_subjects),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_single_repeats),
		cmocka_unit_test(test_budget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
