/* filter.h: the table of cases, every message with its place, the limits, and that what is printed parses to the same. */
#include "config/filter_tree.h"
#include "filter_cases.h"

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

static struct filter *parse(const char *text, bool early)
{
	struct filter_error error = {0, ""};
	struct filter *f = filter_parse(str_of(text), early, &error);

	if (f == NULL)
		fail_msg("%s: %s", text, error.text);
	return f;
}

/* What is printed; to be freed. */
static char *print(const struct filter *f)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	assert_non_null(to);
	filter_print(f, to);
	assert_int_equal(fclose(to), 0);
	return text;
}

static bool matches(const struct filter *f, enum case_flow flow)
{
	const struct filter_subject subject = {.each = case_each, .owner = case_flows[flow]};
	struct filter_budget budget = {FILTER_BUDGET_STEPS};
	enum filter_answer answer = filter_ask(f, &subject, &budget);

	assert_int_not_equal(answer, FILTER_UNDECIDED);
	return answer == FILTER_YES;
}

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < FILTER_CASES_N; i++) {
		const struct filter_case *c = &filter_cases[i];
		struct filter *f = parse(c->expression, false);

		if (matches(f, c->flow) != c->matches)
			fail_msg("%s: it should be %s", c->expression, c->matches ? "true" : "false");
		assert_string_equal(filter_text(f), c->expression);
		filter_free(f);
	}
	filter_free(NULL);
}

/* Printed, each case parses again, prints the same and says the same of all flows. */
static void test_cases_printed(void **state)
{
	(void)state;
	for (size_t i = 0; i < FILTER_CASES_N; i++) {
		struct filter *f = parse(filter_cases[i].expression, false), *again;
		char *once = print(f), *twice;

		again = parse(once, false);
		twice = print(again);
		assert_string_equal(once, twice);
		for (int flow = 0; flow < CASE_FLOWS; flow++)
			assert_int_equal(matches(f, (enum case_flow)flow), matches(again, (enum case_flow)flow));
		filter_free(f);
		filter_free(again);
		free(once);
		free(twice);
	}
}

static void test_print(void **state)
{
	static const char *const pairs[][2] = {
		{"((host==\"a\"))&&!( port==1 )", "host == \"a\" && !port == 1"},
		{"(port || host) && (id && (path))", "(port || host) && (id && path)"},
		{"!(port || host) || (id && path)", "!(port || host) || id && path"},
		{"size > 3145728", "size > 3M"},
		{"duration >= 90s && duration < 120s", "duration >= 90s && duration < 2m"},
		{"path ~ \"\\\\.html\\\\\\\\\"", "path ~ \"\\.html\\\\\\\\\""},
		{"req.header[ \"x-A\" ] in [ \"a\\\"b\" ]", "req.header[\"x-A\"] in [\"a\\\"b\"]"},
		{"port in[1,2]", "port in [1, 2]"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct filter *f = parse(pairs[i][0], false);
		char *printed = print(f);

		assert_string_equal(printed, pairs[i][1]);
		filter_free(f);
		free(printed);
	}
}

struct bad {
	const char *text, *why;
	size_t position;
};

static const struct bad bad[] = {
	{"", "the end at 0: a field was expected, like host", 0},
	{"  ", "the end at 2: a field was expected, like host", 2},
	{"hots", "unknown field hots at 0: is host meant?", 0},
	{"port == 1 && req.headers[\"A\"]", "unknown field req.headers at 13: is req.header[] meant?", 13},
	{"x-y == 1",
		"unknown field x-y at 0: there are id method url scheme host port path query client user req.header[] "
		"res.header[] status type size time duration error outcome hops req.body res.body session"
		" comment redirects retries "
		"peer parent",
		0},
	{"Host", "unknown field Host at 0: is host meant?", 0},
	{"\"a\" == host", "\"a\" at 0: a field was expected, like host", 0},
	{"not user", "not at 0: is ! meant?", 0},
	{"user and host", "and at 5: is && meant?", 5},
	{"user OR host", "OR at 5: is || meant?", 5},
	{"user host", "host at 5: &&, || or the end was expected", 5},
	{"user & host", "& at 5: is && meant?", 5},
	{"user | host", "| at 5: is || meant?", 5},
	{"host = \"a\"", "= at 5: is == meant?", 5},
	{"host =~ \"a\"", "=~ at 5: is ~ meant?", 5},
	{"host === \"a\"", "=== at 5: is == meant?", 5},
	{"host <> \"a\"", "<> at 5: is != meant?", 5},
	{"host == 'a'", "' at 8: texts stand in double quotes", 8},
	{"host == a.example", "a.example at 8: host is a text, which stands in double quotes", 8},
	{"host == 10.0.0.1", "10.0.0.1 at 8: host is a text, which stands in double quotes", 8},
	{"host == true", "true at 8: host is a text, which stands in double quotes", 8},
	{"host ==", "the end at 7: host is a text, which stands in double quotes", 7},
	{"host == \"a", "\"a at 8: its closing quote is missing", 8},
	{"host == \"a\\\"", "\"a\\\" at 8: its closing quote is missing", 8},
	{"host == \"\\", "\"\\ at 8: its closing quote is missing", 8},
	{"port == \"80\"", "\"80\" at 8: port is a number", 8},
	{"port == x", "x at 8: port is a number", 8},
	{"port == -1", "-1 at 8: port is a whole number", 8},
	{"port == - 1", "- at 8: nothing begins like that", 8},
	{"port == 1k", "1k at 8: port is a whole number", 8},
	{"port == 1.5", "1.5 at 8: port is a whole number", 8},
	{"outcome == \"canceled\"", "\"canceled\" at 11: no outcome is called so; is \"cancelled\" meant?", 11},
	{"outcome in [\"failed\", \"x\"]",
		"\"x\" at 22: no outcome is called so: there are \"pending\", \"delivered\", \"failed\", \"cancelled\", "
		"\"interrupted\"",
		22},
	{"outcome == \"Delivered\"", "\"Delivered\" at 11: no outcome is called so; is \"delivered\" meant?", 11},
	{"scheme != \"ftp\"", "\"ftp\" at 10: no scheme is called so; is \"http\" meant?", 10},
	{"error == \"resolve_timout\"", "\"resolve_timout\" at 9: no error is called so; is \"resolve_timeout\" meant?", 9},
	{"error == \"certificate problem\"", "\"certificate problem\" at 9: no error is called so", 9},
	{"size == 1ms", "1ms at 8: size is a whole number with one of k, M, G or nothing behind it", 8},
	{"duration == 1M", "1M at 12: duration is a whole number with one of ms, s, m, h or nothing behind it", 12},
	{"time > -1d",
		"-1d at 7: time is like \"2026-01-05\", \"2026-01-05T10:00:00Z\", -1h (an hour ago), or milliseconds since 1970",
		7},
	{"time > 2026-01-05",
		"2026-01-05 at 7: time is like \"2026-01-05\", \"2026-01-05T10:00:00Z\", -1h (an hour ago), or milliseconds since 1970",
		7},
	{"time > \"\"",
		"\"\" at 7: time is like \"2026-01-05\", \"2026-01-05T10:00:00Z\", -1h (an hour ago), or milliseconds since 1970",
		7},
	{"time > \"2026-02-29\"",
		"\"2026-02-29\" at 7: time is like \"2026-01-05\", \"2026-01-05T10:00:00Z\", -1h (an hour ago), or milliseconds since 1970",
		7},
	{"time > \"2026-13-01\"",
		"\"2026-13-01\" at 7: time is like \"2026-01-05\", \"2026-01-05T10:00:00Z\", -1h (an hour ago), or milliseconds since 1970",
		7},
	{"time > \"2026-01-05T\"",
		"\"2026-01-05T\" at 7: time is like \"2026-01-05\", \"2026-01-05T10:00:00Z\", -1h (an hour ago), or milliseconds since 1970",
		7},
	{"time > \"2026-01-05Z\"",
		"\"2026-01-05Z\" at 7: time is like \"2026-01-05\", \"2026-01-05T10:00:00Z\", -1h (an hour ago), or milliseconds since 1970",
		7},
	{"time > \"2026-01-05T10:00:00.Z\"",
		"\"2026-01-05T10:00:00.Z\" at 7: time is like \"2026-01-05\", \"2026-01-05T10:00:00Z\", -1h (an hour ago), or milliseconds since 1970",
		7},
	{"time > \"2026-01-05T24:00Z\"",
		"\"2026-01-05T24:00Z\" at 7: time is like \"2026-01-05\", \"2026-01-05T10:00:00Z\", -1h (an hour ago), or milliseconds since 1970",
		7},
	{"time > \"2026-01-05T10:00+1\"",
		"\"2026-01-05T10:00+1\" at 7: time is like \"2026-01-05\", \"2026-01-05T10:00:00Z\", -1h (an hour ago), or milliseconds since 1970",
		7},
	{"time > \"2026-01-05T10:00Zx\"",
		"\"2026-01-05T10:00Zx\" at 7: time is like \"2026-01-05\", \"2026-01-05T10:00:00Z\", -1h (an hour ago), or milliseconds since 1970",
		7},
	{"time > \"1969-12-31\"",
		"\"1969-12-31\" at 7: time is like \"2026-01-05\", \"2026-01-05T10:00:00Z\", -1h (an hour ago), or milliseconds since 1970",
		7},
	{"time > host",
		"host at 7: time is like \"2026-01-05\", \"2026-01-05T10:00:00Z\", -1h (an hour ago), or milliseconds since 1970",
		7},
	{"duration > -1s", "-1s at 11: duration is a whole number with one of ms, s, m, h or nothing behind it", 11},
	{"port == 9223372036854775808", "9223372036854775808 at 8: the number is too large", 8},
	{"size == 9007199254740992k", "9007199254740992k at 8: the number is too large", 8},
	{"port ~ \"8\"", "~ at 5: port is a number: it takes ==, !=, <, <=, >, >= and in", 5},
	{"port contains 8", "contains at 5: port is a number: it takes ==, !=, <, <=, >, >= and in", 5},
	{"host < \"a\"", "< at 5: host is a text: it takes ==, !=, ~, !~, contains and in", 5},
	{"host in \"a\"", "\"a\" at 8: in takes a list, like [\"a\", \"b\"]", 8},
	{"port in 80", "80 at 8: in takes a list, like [80, 443]", 8},
	{"port in []", "] at 9: port is a number", 9},
	{"port in [1,]", "] at 11: port is a number", 11},
	{"port in [1 2]", "2 at 11: , or ] was expected", 11},
	{"port in [1, \"2\"]", "\"2\" at 12: port is a number", 12},
	{"port in [1", "the end at 10: , or ] was expected", 10},
	{"req.header", "the end at 10: req.header takes a name, like req.header[\"Accept\"]", 10},
	{"req.header == \"a\"", "== at 11: req.header takes a name, like req.header[\"Accept\"]", 11},
	{"req.header[Accept]", "Accept at 11: a name in double quotes was expected", 11},
	{"req.header[\"a b\"]", "\"a b\" at 11: that is no name of a field", 11},
	{"req.header[\"\"]", "\"\" at 11: that is no name of a field", 11},
	{"req.header[\"a\"", "the end at 14: ] was expected", 14},
	{"host[\"a\"]", "[ at 4: host takes no name", 4},
	{"(port", "the end at 5: &&, || or the ) to the ( at 0 was expected", 5},
	{"port)", ") at 4: there is no ( to it", 4},
	{"()", ") at 1: a field was expected, like host", 1},
	{"port &&", "the end at 7: a field was expected, like host", 7},
	{"!", "the end at 1: a field was expected, like host", 1},
	{"port; host", "; at 4: nothing begins like that", 4},
	{"\xc3\xa4", "? at 0: nothing begins like that", 0},
	{"host == \"\x01\xff\" x", "x at 13: &&, || or the end was expected", 13},
	{"hop == 1", "hop at 0: only rules can ask for it; hops is the number of hops", 0},
	{"hopp == 1", "unknown field hopp at 0: is hops meant?", 0},
	{"client == \"localhost\"",
		"\"localhost\" at 10: client is an address or a network, like \"127.0.0.1\" or \"10.0.0.0/8\"", 10},
	{"client != \"\"", "\"\" at 10: client is an address or a network, like \"127.0.0.1\" or \"10.0.0.0/8\"", 10},
	{"peer == \"localhost\"", "\"localhost\" at 8: peer is an address or a network, like \"127.0.0.1\" or \"10.0.0.0/8\"",
		8},
	{"res.bodi contains \"a\"", "unknown field res.bodi at 0: is res.body meant?", 0},
	{"req.body > 3", "> at 9: req.body is a text: it takes ==, !=, ~, !~, contains and in", 9},
	{"res.body[\"a\"]", "[ at 8: res.body takes no name", 8},
	{"sesion == \"a\"", "unknown field sesion at 0: is session meant?", 0},
	{"retries ~ \"1\"", "~ at 8: retries is a number: it takes ==, !=, <, <=, >, >= and in", 8},
	{"parent == \"1\"", "\"1\" at 10: parent is a number", 10},
	{"client in [\"::1\", \"[::1]\"]",
		"\"[::1]\" at 18: client is an address or a network, like \"127.0.0.1\" or \"10.0.0.0/8\"", 18},
	{"client == \"10.0.0.1/8\"",
		"\"10.0.0.1/8\" at 10: no network: it is like \"10.0.0.0/8\" or \"fd00::/8\", all bits behind the prefix 0",
		10},
	{"client == \"10.0.0.0/33\"",
		"\"10.0.0.0/33\" at 10: no network: it is like \"10.0.0.0/8\" or \"fd00::/8\", all bits behind the prefix 0",
		10},
	{"port && client in [\"10.0.0.0/8\", \"fd00::1/8\"]",
		"\"fd00::1/8\" at 33: no network: it is like \"10.0.0.0/8\" or \"fd00::/8\", all bits behind"
		" the prefix 0",
		33},
	{"path ~ \"(\"", "\"(\" at 7: not a regular expression that can be used, at its byte ", 7},
	{"path ~ \"a(?=b)\"",
		"\"a(?=b)\" at 7: not a regular expression that can be used, at its byte 1: look-around is not supported", 7},
	{"path ~ \"a\\{2\" && path ~ \"[z-a]\"", "\"[z-a]\" at 24: not a regular expression that can be used, at its byte ",
		24},
};

static void test_messages(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct filter_error error = {77, "untouched"};

		if (filter_parse(str_of(bad[i].text), false, &error) != NULL)
			fail_msg("%s: taken", bad[i].text);
		if (bad[i].why[strlen(bad[i].why) - 1] != ' ')
			assert_string_equal(error.text, bad[i].why);
		else /* the rest is PCRE2's */
			assert_memory_equal(error.text, bad[i].why, strlen(bad[i].why));
		assert_int_equal(error.position, bad[i].position);
	}
}

static void test_early(void **state)
{
	struct filter_error error;

	(void)state;
	for (int i = 0; i < FILTER_FIELD_COUNT; i++) {
		enum filter_field f = (enum filter_field)i;
		struct str name = str_of(filter_field_name(f));
		char text[64];
		bool is_named = filter_field_is_named(f);
		struct filter *early;

		snprintf(text, sizeof(text), "%.*s%s", STR_ARG(str_first(name, str_find(name, '['))),
			is_named ? "[\"a\"]" : "");
		if (f != FILTER_hop)
			filter_free(parse(text, false));
		early = filter_parse(str_of(text), true, &error);
		assert_int_equal(early != NULL, f <= FILTER_req_header);
		filter_free(early);
	}
	assert_null(filter_parse(STR("port && status == 200"), true, &error));
	assert_string_equal(error.text, "status at 8: it is not known yet when a request arrives");
	assert_null(filter_parse(STR("satus == 200"), true, &error));
	assert_string_equal(error.text,
		"unknown field satus at 0: there are id method url scheme host port path query client user hop req.header[]");
}

/* n times a text between a head and a tail; a new string. */
static char *repeat(const char *head, const char *text, size_t n, const char *tail)
{
	size_t len = strlen(text), at = strlen(head);
	char *all = mem_alloc(at + n * len + strlen(tail) + 1);

	memcpy(all, head, at);
	for (size_t i = 0; i < n; i++, at += len)
		memcpy(all + at, text, len);
	memcpy(all + at, tail, strlen(tail) + 1);
	return all;
}

/* contains takes time that is linear, whatever it looks for: quadratic, this would take minutes. */
static void test_contains_long(void **state)
{
	enum { LEN = 60 << 20 };
	char *part = repeat("path contains \"", "A", 8000, "b\""), *text = mem_alloc(LEN);
	struct str path = {text, LEN};
	const struct filter_subject subject = {.each = slow_each, .owner = &path};
	struct filter *f = parse(part, false);
	struct filter_budget budget = {0};
	int64_t start_us = clock_mono_us();

	(void)state;
	memset(text, 'a', LEN);
	assert_int_equal(filter_ask(f, &subject, &budget), FILTER_NO);
	text[LEN - 1] = 'B';
	assert_int_equal(filter_ask(f, &subject, &budget), FILTER_YES);
	text[LEN - 8002] = 'c';
	assert_int_equal(filter_ask(f, &subject, &budget), FILTER_YES);
	text[LEN - 8001] = 'c';
	assert_int_equal(filter_ask(f, &subject, &budget), FILTER_NO);
	assert_true(clock_mono_us() - start_us < 30000000);
	filter_free(f);
	mem_free(part);
	mem_free(text);
}

static void test_nul(void **state)
{
	struct filter_error error;

	(void)state;
	assert_null(filter_parse((struct str){"host == \"a\0b\"", 13}, false, &error));
	assert_string_equal(error.text, "? at 10: a NUL byte cannot stand here");
	assert_int_equal(error.position, 10);
	assert_null(filter_parse(STR_NONE, false, &error));
}

static void limit(const char *head, const char *text, size_t most, const char *tail, const char *why)
{
	struct filter_error error = {0, ""};
	char *good = repeat(head, text, most, tail), *more = repeat(head, text, most + 1, tail);
	struct filter *f = parse(good, false);

	filter_free(f);
	f = filter_parse(str_of(more), false, &error);
	assert_null(f);
	if (strncmp(error.text, why, strlen(why)) != 0)
		fail_msg("\"%s\" instead of \"%s\"", error.text, why);
	mem_free(good);
	mem_free(more);
}

static void test_limits(void **state)
{
	char *deep = repeat("", "(", FILTER_MAX_BYTES, ""), *nots = repeat("", "!", FILTER_MAX_BYTES, "");
	struct filter_error error;

	(void)state;
	limit("", "!", FILTER_MAX_DEPTH, "port", "! at 64: nested deeper than 64 levels");
	limit("path == \"", "x", FILTER_MAX_BYTES - 10, "\"", "longer than 8192 bytes");
	limit("port in [1", ",1", FILTER_MAX_NODES - 2, "]", "1 at 2007: more than 1000 parts");
	limit("port", "||port", FILTER_MAX_NODES - 2, "", "port at");
	limit("path ~ \"a\"", "||path ~ \"a\"", 49, "", "\"a\" at 607: more than 50 regular expressions");
	limit("path ~ \"", "a", 1024, "\"", "\"aaa");
	assert_null(filter_parse(str_of(deep), false, &error));
	assert_string_equal(error.text, "( at 64: nested deeper than 64 levels");
	assert_null(filter_parse(str_of(nots), false, &error));
	assert_string_equal(error.text, "! at 64: nested deeper than 64 levels");
	mem_free(deep);
	mem_free(nots);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_cases_printed),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_early),
		cmocka_unit_test(test_contains_long),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
