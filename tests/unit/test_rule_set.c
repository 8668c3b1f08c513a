/* rule_set.h: rules as a file gives them, every message with its place, what they say of a hop, their rates, and that what is
 * printed reads back. */
#include "config/rule_set.h"

#include "base/clock.h"
#include "base/mem.h"
#include "config/option_table.h"
#include "config/rule.h"
#include "config/rule_read.h"
#include "config/settings.h"
#include "filter_cases.h"
#include "net/address_class.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

/* NULL with the message if the text is no list of rules. */
static struct rule_set *try_read(const char *text, char *ret_why, size_t size)
{
	struct yaml_entries *e = yaml_read_text(str_of(text), "f.yaml", ret_why, size);
	struct rule_set *set;

	if (e == NULL)
		return NULL;
	assert_int_equal(e->n, 1);
	set = rule_set_read(&e->v[0], "f.yaml", NULL, ret_why, size);
	yaml_entries_free(e);
	return set;
}

static struct rule_set *read_rules(const char *text)
{
	char why[500] = "";
	struct rule_set *set = try_read(text, why, sizeof(why));

	assert_string_equal(why, "");
	assert_non_null(set);
	return set;
}

static struct rule_verdict ask(const struct rule_set *set, enum case_flow flow)
{
	const struct filter_subject subject = {.each = case_each, .owner = case_flows[flow]};
	struct rule_verdict v;

	memset(&v, 0xff, sizeof(v));
	rule_set_apply(set, &subject, &v);
	return v;
}

/* The name of a rule that may be none. */
static const char *name_of(const struct rule *r)
{
	return r != NULL ? rule_name(r) : "none";
}

static void test_empty(void **state)
{
	struct rule_set *set = read_rules("rules: []\n");
	struct rule_verdict v = ask(set, CASE_GET);

	(void)state;
	assert_int_equal(rule_set_count(set), 0);
	assert_int_equal(rule_set_count(NULL), 0);
	assert_true(v.redirects == NULL && v.targets == NULL && v.block == NULL && v.rate == NULL && v.retry == NULL);
	assert_true(v.intercept == NULL && v.verify == NULL && v.pins == NULL && v.credentials == NULL);
	v = ask(NULL, CASE_GET);
	assert_null(v.block);
	rule_set_free(set);
	rule_set_free(NULL);
}

static const char some_rules[] = "rules:\n"
				 "  - name: the first\n"
				 "    when: host ~ \"\\.example\\.com$\"\n"
				 "    redirects: pass\n"
				 "  - when: method == \"GET\"\n"
				 "    redirects: follow\n"
				 "    block: false\n"
				 "    retry: true\n"
				 "  - {when: 'port', block: true, rate: 100/m, redirect_targets: 'private, loopback'}\n"
				 "  - name: unique local\n"
				 "    redirect_targets:\n"
				 "      - unique-local\n"
				 "    retry: off\n"
				 "    when: >\n"
				 "      host ==\n"
				 "      \"::1\"\n";

/* For each action the first rule that states it and matches. */
static void test_first_counts(void **state)
{
	struct rule_set *set = read_rules(some_rules);
	struct rule_verdict v = ask(set, CASE_GET);

	(void)state;
	assert_int_equal(rule_set_count(set), 4);
	assert_string_equal(name_of(v.redirects), "the first");
	assert_int_equal(rule_redirects(v.redirects), REDIRECTS_PASS);
	assert_string_equal(name_of(v.block), "rule 2");
	assert_false(rule_block(v.block));
	assert_string_equal(name_of(v.retry), "rule 2");
	assert_true(rule_retry(v.retry));
	assert_string_equal(name_of(v.rate), "rule 3");
	assert_string_equal(name_of(v.targets), "rule 3");
	assert_int_equal(rule_targets(v.targets), 1U << ADDRESS_PRIVATE | 1U << ADDRESS_LOOPBACK);

	v = ask(set, CASE_POST);
	assert_string_equal(name_of(v.redirects), "none");
	assert_string_equal(name_of(v.block), "rule 3");
	assert_true(rule_block(v.block));
	assert_string_equal(name_of(v.retry), "unique local");
	assert_false(rule_retry(v.retry));
	assert_string_equal(name_of(v.targets), "rule 3");

	v = ask(set, CASE_CONNECT);
	assert_string_equal(name_of(v.redirects), "the first");
	assert_string_equal(name_of(v.retry), "none");
	rule_set_free(set);
}

/* What cannot be decided blocks, and does nothing else; rules that need no regular expression go on to be decided. */
static void test_undecided(void **state)
{
	static const char slow[] = "rules:\n"
				   "  - {when: 'path ~ \"[a-z]+[0-9]+x\"', block: false, redirects: pass, retry: true}\n"
				   "  - {when: 'path !~ \"[a-z]+[0-9]+x\"', rate: 1/s, redirect_targets: private}\n"
				   "  - {when: '!(path ~ \"[a-z]+[0-9]+x\")', block: true, redirects: follow}\n"
				   "  - {when: 'host ~ \"b\"', retry: false}\n"
				   "  - {when: 'host == \"a\"', redirects: auto}\n";
	enum { LEN = 60000 };
	char *text = mem_alloc(LEN);
	struct str path = {text, LEN};
	const struct filter_subject subject = {.each = slow_each, .owner = &path};
	struct rule_set *set = read_rules(slow);
	struct rule_verdict v;

	(void)state;
	memset(text, 'a', LEN);
	memcpy(text + LEN - 3, "-1x", 3);
	for (int i = 0; i < 2; i++) { /* the warnings are given by the first time */
		rule_set_apply(set, &subject, &v);
		assert_string_equal(name_of(v.block), "rule 3");
		assert_string_equal(name_of(v.redirects), "rule 5");
		assert_true(v.retry == NULL && v.rate == NULL && v.targets == NULL);
		for (size_t r = 0; r < rule_set_count(set); r++)
			assert_int_equal(*set->v[r].has_warned, r < 4);
	}
	path.len = 3;
	rule_set_apply(set, &subject, &v);
	assert_string_equal(name_of(v.block), "rule 3"); /* decided now */
	assert_string_equal(name_of(v.redirects), "rule 3");
	assert_string_equal(name_of(v.rate), "rule 2");
	rule_set_free(set);
	mem_free(text);
}

/* 190 fields of a request, for two patterns: one budget for all of them. */
static void many_each(const void *owner, enum filter_field field, struct str name,
	bool (*take)(void *taker, const struct filter_value *v), void *taker)
{
	const struct filter_value v = {.text = *(const struct str *)owner};

	(void)field;
	(void)name;
	for (int i = 0; i < 190; i++) {
		if (!take(taker, &v))
			return;
	}
}

/* The bound in time is a generous one; with a budget for each value it takes about a second. */
static void test_shared_budget(void **state)
{
	static const char two[] = "rules:\n"
				  "  - {when: 'req.header[\"A\"] ~ \"(a|aa)+[!?]\"', retry: true}\n"
				  "  - {when: 'req.header[\"A\"] ~ \"(a+)+[!?]\"', block: true}\n";
	char text[300];
	const struct str value = {text, sizeof(text)};
	const struct filter_subject subject = {.each = many_each, .owner = &value};
	struct rule_set *set = read_rules(two);
	struct rule_verdict v;
	int64_t start_us = clock_mono_us();

	(void)state;
	memset(text, 'a', sizeof(text));
	rule_set_apply(set, &subject, &v);
	assert_true(clock_mono_us() - start_us < 200000);
	assert_null(v.retry);
	assert_string_equal(name_of(v.block), "rule 2");
	rule_set_free(set);
}

/* What is printed; to be freed. */
static char *print(const struct rule_set *set)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	assert_non_null(to);
	rule_set_print(set, to);
	assert_int_equal(fclose(to), 0);
	return text;
}

static void test_print(void **state)
{
	static const char expected[] = "rules:\n"
				       "  - name: 'the first'\n"
				       "    when: 'host ~ \"\\.example\\.com$\"'\n"
				       "    redirects: pass\n"
				       "  - when: 'method == \"GET\"'\n"
				       "    redirects: follow\n"
				       "    block: false\n"
				       "    retry: true\n"
				       "  - when: port\n"
				       "    redirect_targets: [private, loopback]\n"
				       "    block: true\n"
				       "    rate: 100/m\n"
				       "  - name: 'unique local'\n"
				       "    when: 'host == \"::1\"'\n"
				       "    redirect_targets: [unique-local]\n"
				       "    retry: false\n";
	struct rule_set *set = read_rules(some_rules), *again;
	char *once = print(set), *twice;

	(void)state;
	assert_string_equal(once, expected);
	again = read_rules(once);
	twice = print(again);
	assert_string_equal(once, twice);
	rule_set_free(set);
	rule_set_free(again);
	free(once);
	free(twice);
	once = print(NULL);
	assert_string_equal(once, "rules: []\n");
	free(once);
}

/* Expressions over several lines, with quotes and backslashes of all kinds, read back as they were. */
static void test_print_expressions(void **state)
{
	static const char *const texts[] = {
		"rules:\n- when: |\n    host == \"it's\"\n    \t&& path == \"\\d\\\"\\\\\"\n  block: true\n",
		"rules:\n- when: \"!(host == \\\"a: b #c\\\")\\r\\n && user\"\n  name: \"it's: 'x' # \\\"y\\\"\"\n  block: true\n",
		"rules:\n- when: host == \"\xc3\xa4\"\n  name: 'null'\n  block: true\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct rule_set *set = read_rules(texts[i]), *again;
		char *printed = print(set);

		again = read_rules(printed);
		assert_string_equal(filter_text(set->v[0].when), filter_text(again->v[0].when));
		assert_string_equal(rule_name(&set->v[0]), rule_name(&again->v[0]));
		rule_set_free(set);
		rule_set_free(again);
		free(printed);
	}
}

static const char *const bad[][2] = {
	{"rules: x\n", "f.yaml:1: rules: a list of rules was expected, each with when: and an action ([] for none)"},
	{"\nrules: [x]\n", "f.yaml:2: rules: a list of rules was expected, each with when: and an action ([] for none)"},
	{"rules:\n- {}\n", "f.yaml:2: rule 1: there is no when: (like when: host == \"example.com\")"},
	{"rules:\n- block: true\n", "f.yaml:2: rule 1: there is no when: (like when: host == \"example.com\")"},
	{"rules:\n- {when: host, block: true}\n- name: b\n  when: host\n",
		"f.yaml:3: rule 2 (b): there is no action: redirects, redirect_targets, block, rate, retry, intercept, verify, pins or "
		"client_cert"},
	{"rules:\n- name: b\n  when: host\n  blok: true\n",
		"f.yaml:4: rule 1 (b): blok: there is no such key (is block meant?)"},
	{"rules:\n- when: host\n  block: true\n  respond: {status: 200}\n",
		"f.yaml:4: rule 1: respond.status: there is no such key"},
	{"rules:\n- wen: host\n  block: true\n", "f.yaml:2: rule 1: wen: there is no such key (is when meant?)"},
	{"rules:\n- when: hots\n  block: true\n  name: n\n",
		"f.yaml:2: rule 1 (n): when: unknown field hots at 0: is host meant?"},
	{"rules:\n- when: status == 200\n  block: true\n",
		"f.yaml:2: rule 1: when: status at 0: it is not known yet when a request arrives"},
	{"rules:\n- when: \"host == \\\"\\x01\\\"\"\n  block: true\n", "f.yaml:2: rule 1: when: holds a control character"},
	{"rules:\n- when:\n  block: true\n", "f.yaml:2: rule 1: when: has no value"},
	{"rules:\n- when: [host]\n  block: true\n", "f.yaml:2: rule 1: when: takes one value, not a list"},
	{"rules:\n- when: ''\n  block: true\n", "f.yaml:2: rule 1: when: the end at 0: a field was expected, like host"},
	{"rules:\n- when: host\n  block: maybe\n", "f.yaml:3: rule 1: block: maybe is neither true nor false"},
	{"rules:\n- when: host\n  block:\n", "f.yaml:3: rule 1: block: has no value"},
	{"rules:\n- when: host\n  retry: 1\n", "f.yaml:3: rule 1: retry: 1 is neither true nor false"},
	{"rules:\n- when: host\n  redirects: no\n", "f.yaml:3: rule 1: redirects: no is not one of auto|follow|pass"},
	{"rules:\n- when: host\n  redirects: [pass]\n", "f.yaml:3: rule 1: redirects: takes one value, not a list"},
	{"rules:\n- when: host\n  redirect_targets: lopback\n",
		"f.yaml:3: rule 1: redirect_targets: lopback is no class of addresses (is loopback meant?)"},
	{"rules:\n- when: host\n  redirect_targets: [private, intranet]\n",
		"f.yaml:3: rule 1: redirect_targets: intranet is not one of public, reserved, private, shared, unique-local, "
		"loopback, link-local, metadata, multicast, broadcast, unspecified"},
	{"rules:\n- when: host\n  redirect_targets: self\n",
		"f.yaml:3: rule 1: redirect_targets: self cannot be allowed: no redirect may lead to the proxy itself"},
	{"rules:\n- when: host\n  redirect_targets: []\n", "f.yaml:3: rule 1: redirect_targets: needs at least 1 item"},
	{"rules:\n- when: host\n  redirect_targets:\n", "f.yaml:3: rule 1: redirect_targets: has no value"},
	{"rules:\n- when: host\n  rate: 10\n", "f.yaml:3: rule 1: rate: 10 is not a rate (like 10/s, 100/m or 1000/h)"},
	{"rules:\n- when: host\n  rate: 10/d\n", "f.yaml:3: rule 1: rate: 10/d is not a rate (like 10/s, 100/m or 1000/h)"},
	{"rules:\n- when: host\n  rate: 0/s\n",
		"f.yaml:3: rule 1: rate: 0/s is no rate from 1 to 1000000 (block: true lets nothing through)"},
	{"rules:\n- when: host\n  rate: 1000001/s\n", "f.yaml:3: rule 1: rate: 1000001/s is no rate from 1 to 1000000"},
	{"rules:\n- when: host\n  block: true\n  name: ''\n",
		"f.yaml:4: rule 1: name: 1 to 100 bytes without control characters"},
	{"rules:\n- {when: host, block: true, name: Rule 2}\n",
		"f.yaml:2: rule 1: name: Rule 2 is what a rule without a name is called by its place"},
	{"rules:\n- block: true\n  name:\n  when: host\n", "f.yaml:3: rule 1: name: has no value"},
	{"rules:\n- {when: 'client == \"127.0.0.1/8\"', block: true}\n",
		"f.yaml:2: rule 1: when: \"127.0.0.1/8\" at 10: no network: it is like \"10.0.0.0/8\" or \"fd00::/8\", all bits "
		"behind the prefix 0"},
	{"rules:\n- {when: host, block: true, name: a}\n- {when: host, block: true, name: a}\n",
		"f.yaml:3: rule 2: name: a is the name of rule 1"},
	{"rules:\n- when: host\n  when: host\n", "f.yaml:3: when: given already in line 2"},
	{"rules:\n- {when: host, block: true}\n- x\n", "f.yaml:3: rules: a map was expected here, like the items before"},
	{"rules:\n- when: host\n  block: true\n  more:\n  - a: b\n",
		"f.yaml:5: more: the items of a list are plain values here"},
};

static void test_messages(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char why[500] = "";

		if (try_read(bad[i][0], why, sizeof(why)) != NULL)
			fail_msg("taken: %s", bad[i][0]);
		assert_string_equal(why, bad[i][1]);
		if (try_read(bad[i][0], why, 12) != NULL) /* cut, not overrun */
			fail_msg("taken: %s", bad[i][0]);
		assert_true(strlen(why) < 12);
	}
}

static void test_too_many(void **state)
{
	static const char one[] = "- {when: port, block: true}\n";
	char *text = mem_alloc(16 + (RULES_MAX + 1) * sizeof(one)), why[200] = "";
	size_t len = (size_t)snprintf(text, 16, "rules:\n");
	struct rule_set *set;

	(void)state;
	for (int i = 0; i < RULES_MAX; i++, len += sizeof(one) - 1)
		memcpy(text + len, one, sizeof(one));
	set = read_rules(text);
	assert_int_equal(rule_set_count(set), RULES_MAX);
	rule_set_free(set);
	memcpy(text + len, one, sizeof(one));
	assert_null(try_read(text, why, sizeof(why)));
	assert_string_equal(why, "f.yaml:1002: rules: more than 1000");
	mem_free(text);
}

/* How many of so many requests at that moment go through. */
static int take(const struct rule *r, int64_t now_us, int tries, int64_t *ret_wait_ms)
{
	int taken = 0;

	for (int i = 0; i < tries; i++)
		taken += rule_rate_take(r, now_us, ret_wait_ms);
	return taken;
}

static void test_rate(void **state)
{
	const int64_t start_us = INT64_C(86400000000);
	struct rule_set *set = read_rules("rules:\n- {when: host, rate: 10/s}\n- {when: host, rate: 90/m}\n"
					  "- {when: host, rate: 1000/h}\n- {when: host, rate: 3/s}\n");
	const struct rule *r = set->v;
	int64_t wait_ms = -1;

	(void)state;
	/* A burst of one second's worth, then one each 100 ms. */
	assert_int_equal(take(&r[0], start_us, 10, &wait_ms), 10);
	assert_int_equal(wait_ms, -1);
	assert_int_equal(take(&r[0], start_us, 10, &wait_ms), 0);
	assert_int_equal(wait_ms, 100);
	assert_int_equal(take(&r[0], start_us + 99999, 1, &wait_ms), 0);
	assert_int_equal(wait_ms, 1);
	assert_int_equal(take(&r[0], start_us + 100000, 2, &wait_ms), 1);
	assert_int_equal(take(&r[0], start_us + 350000, 9, &wait_ms), 2);
	/* However long it was quiet, the burst is no larger. */
	assert_int_equal(take(&r[0], start_us + 100000000, 30, &wait_ms), 10);
	/* One and a half in a second: bursts of one. */
	assert_int_equal(take(&r[1], start_us, 3, &wait_ms), 1);
	assert_int_equal(wait_ms, 667);
	assert_int_equal(take(&r[1], start_us + 667000, 3, &wait_ms), 1);
	assert_int_equal(take(&r[2], start_us, 3, &wait_ms), 1);
	assert_int_equal(wait_ms, 3600);
	/* Over a long time the rate is what it says. */
	{
		int taken = 0;

		for (int64_t t = 0; t < 100 * 1000000; t += 1000)
			taken += take(&r[3], start_us + t, 1, &wait_ms);
		assert_in_range(taken, 300, 303);
	}
	rule_set_free(set);
}

enum { THREADS = 4, TRIES = 20000, BURST = 1000 };

struct racer {
	const struct rule *rule;
	int taken;
	pthread_t thread;
};

static void *race(void *arg)
{
	struct racer *r = arg;
	int64_t wait_ms;

	r->taken = take(r->rule, INT64_C(1000000), TRIES, &wait_ms);
	return NULL;
}

/* Workers share the clock: however they meet, no request is let through twice. */
static void test_rate_threads(void **state)
{
	struct rule_set *set = read_rules("rules:\n- {when: host, rate: 1000/s}\n");
	struct racer racers[THREADS];
	int taken = 0;

	(void)state;
	for (int i = 0; i < THREADS; i++) {
		racers[i] = (struct racer){.rule = &set->v[0]};
		assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(racers[i].thread, NULL), 0);
		taken += racers[i].taken;
	}
	assert_int_equal(taken, BURST);
	rule_set_free(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_first_counts),
		cmocka_unit_test(test_undecided),
		cmocka_unit_test(test_shared_budget),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_print_expressions),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_rate_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
