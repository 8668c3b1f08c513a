/* filter_ask: what is undecided, whose steps are counted, and in which order a subject is asked. The cases: test_filter.c. */
#include "config/filter_tree.h"
#include "filter_cases.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

static struct filter *parse(const char *text)
{
	struct filter_error error = {0, ""};
	struct filter *f = filter_parse(str_of(text), false, &error);

	if (f == NULL)
		fail_msg("%s: %s", text, error.text);
	return f;
}

#define SLOW "path ~ \"[a-z]+[0-9]+x\""

/* Kleene's logic: what cannot be decided is undecided as long as the answer depends on it. */
static void test_undecided(void **state)
{
	static const struct {
		const char *expression;
		enum filter_answer answer;
	} cases[] = {{SLOW, FILTER_UNDECIDED}, {"path !~ \"[a-z]+[0-9]+x\"", FILTER_UNDECIDED}, {"!" SLOW, FILTER_UNDECIDED},
		{"!!" SLOW, FILTER_UNDECIDED}, {SLOW " && host == \"a\"", FILTER_UNDECIDED},
		{"host == \"a\" && " SLOW, FILTER_UNDECIDED}, {SLOW " && host == \"b\"", FILTER_NO},
		{"host == \"b\" && " SLOW, FILTER_NO}, {SLOW " || host == \"a\"", FILTER_YES},
		{"host == \"a\" || " SLOW, FILTER_YES}, {SLOW " || host == \"b\"", FILTER_UNDECIDED},
		{"!(" SLOW " && host == \"b\")", FILTER_YES}, {"!(" SLOW " || host == \"a\")", FILTER_NO},
		{SLOW " || " SLOW " || host == \"a\"", FILTER_YES}, {"(" SLOW " || host) && !host", FILTER_NO},
		{"path ~ \"^aa\" && host ~ \"a\"", FILTER_YES}};
	enum { LEN = 60000 };
	char *text = mem_alloc(LEN);
	struct str path = {text, LEN};
	const struct filter_subject subject = {.each = slow_each, .owner = &path};

	(void)state;
	memset(text, 'a', LEN);
	memcpy(text + LEN - 2, "1x", 2);
	text[LEN - 3] = '-';
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct filter *f = parse(cases[i].expression);
		struct filter_budget budget = {FILTER_BUDGET_STEPS};
		enum filter_answer answer = filter_ask(f, &subject, &budget);

		if (answer != cases[i].answer)
			fail_msg("%s: %d", cases[i].expression, answer);
		filter_free(f);
	}
	mem_free(text);
}

/* Without a shared budget each regular expression has one for each value: what was asked before takes nothing from it, and a
 * long value may take more. */
static void test_own_budgets(void **state)
{
	enum { LEN = 400000 };
	char *text = mem_alloc(LEN);
	struct str path = {text, LEN};
	const struct filter_subject subject = {.each = slow_each, .owner = &path};
	struct filter *f = parse("path ~ \"b$\" && path ~ \"bb$\" && path ~ \"^b\" && path ~ \"bbb$\"");
	struct filter *slow = parse("path ~ \"(b|bb)+[xy]\"");
	struct filter_budget budget = {FILTER_BUDGET_STEPS};

	(void)state;
	memset(text, 'b', LEN);
	assert_int_equal(filter_ask(f, &subject, &budget), FILTER_UNDECIDED);
	assert_int_equal(filter_ask(f, &subject, NULL), FILTER_YES);
	assert_int_equal(filter_ask(f, &subject, NULL), FILTER_YES);
	assert_int_equal(filter_ask(slow, &subject, NULL), FILTER_UNDECIDED);
	filter_free(slow);
	filter_free(f);
	mem_free(text);
}

/* What is asked of a subject that answers some comparisons itself, in which order. */
struct clever {
	char asked[64];
};

static void clever_each(const void *owner, enum filter_field field, struct str name,
	bool (*take)(void *taker, const struct filter_value *v), void *taker)
{
	const struct filter_value v = {.text = STR("a")};
	struct clever *c = (struct clever *)owner;

	(void)name;
	snprintf(c->asked + strlen(c->asked), sizeof(c->asked) - strlen(c->asked), "%s ", filter_field_name(field));
	take(taker, &v);
}

static bool clever_any(const void *owner, const struct filter_node *node, enum filter_answer *ret)
{
	struct clever *c = (struct clever *)owner;

	if (!filter_field_is_body(node->field))
		return false;
	snprintf(c->asked + strlen(c->asked), sizeof(c->asked) - strlen(c->asked), "body ");
	*ret = FILTER_UNDECIDED;
	return true;
}

/* Bodies are asked after all others, and only if they matter. */
static void test_bodies_last(void **state)
{
	static const struct {
		const char *expression, *asked;
		enum filter_answer answer;
	} cases[] = {{"res.body && host == \"b\"", "host ", FILTER_NO}, {"res.body || host == \"a\"", "host ", FILTER_YES},
		{"res.body && host == \"a\"", "host body ", FILTER_UNDECIDED}, {"res.body != \"x\"", "body ", FILTER_UNDECIDED},
		{"(req.body || host == \"b\") && path == \"b\"", "path ", FILTER_NO},
		{"!(req.body && res.body) || path == \"b\"", "path body body ", FILTER_UNDECIDED}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct clever c = {""};
		const struct filter_subject subject = {.each = clever_each, .any = clever_any, .owner = &c};
		struct filter *f = parse(cases[i].expression);

		assert_int_equal(filter_ask(f, &subject, NULL), cases[i].answer);
		assert_string_equal(c.asked, cases[i].asked);
		filter_free(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_undecided),
		cmocka_unit_test(test_own_budgets),
		cmocka_unit_test(test_bodies_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
