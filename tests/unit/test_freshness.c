/* How long the answer of a chain may be stored: what redirects say, and what is left of the final response's own words. */
#include "http/freshness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define NOW INT64_C(1750000000)
#define DATE_NOW "Date: Sun, 15 Jun 2025 15:06:40 GMT\n"
#define DATE_MINUTE_AGO "Date: Sun, 15 Jun 2025 15:05:40 GMT\n"
#define EXPIRES_IN_HOUR "Expires: Sun, 15 Jun 2025 16:06:40 GMT\n"

/* A message of lines "Name: value\n". */
static struct message message_of(struct arena *a, int status, const char *lines)
{
	struct message m = {.status = status};
	struct str rest = str_of(lines);

	while (rest.len > 0) {
		size_t end = str_find(rest, '\n'), colon = str_find(rest, ':');

		assert_true(fields_add(a, &m.fields, str_first(rest, colon),
			str_trim(str_from(str_first(rest, end), colon + 1))));
		rest = str_from(rest, end + 1);
	}
	return m;
}

/* The fields as lines again, the name and value as they are. */
static struct str lines_of(struct arena *a, const struct message *m)
{
	struct str s = STR("");

	for (size_t i = 0; i < m->fields.n; i++)
		s = arena_printf(a, "%.*s%.*s: %.*s\n", STR_ARG(s), STR_ARG(m->fields.v[i].name),
			STR_ARG(m->fields.v[i].value));
	return s;
}

static const struct {
	int status;
	const char *lines;
	int64_t max_s; /* -1: never, -2: nothing said */
	bool is_private;
} redirects[] = {
	{301, "", -2, false},
	{308, "", -2, false},
	{302, "", -1, false},
	{303, "", -1, false},
	{307, "", -1, false},
	{302, "Cache-Control: max-age=60\n", 60, false},
	{302, "Cache-Control: MAX-AGE=\"60\"\n", 60, false},
	{302, "Cache-Control: public\n", -1, false},
	{302, "cache-control: private, max-age=60\n", 60, true},
	{301, "Cache-Control: private=\"X-A, X-B\"\n", -2, true},
	{301, "Cache-Control: no-store\n", -1, false},
	{301, "Cache-Control: no-cache\n", -1, false},
	{301, "Cache-Control: no-cache=\"Set-Cookie\", max-age=60\n", -1, false},
	{301, "Cache-Control: x=\"no-store\", max-age=60\n", 60, false},
	{301, "Pragma: no-cache\n", -1, false},
	{301, "Pragma: no-cache\nCache-Control: max-age=60\n", 60, false},
	{301, "Cache-Control: max-age=60\nCache-Control: max-age=30\n", 30, false},
	{301, "Cache-Control: max-age=60, s-maxage=10\n", 10, false},
	{301, "Cache-Control: max-age=60, s-maxage=100\n", 60, false},
	{301, "Cache-Control: s-maxage=10\n", 10, false},
	{302, "Cache-Control: s-maxage=10\n", -1, false},
	{302, "Cache-Control: max-age=x\n", 0, false},
	{302, "Cache-Control: max-age\n", 0, false},
	{302, "Cache-Control: max-age=-5\n", 0, false},
	{302, "Cache-Control: max-age=99999999999999999999\n", INT64_C(1) << 31, false},
	{302, "Cache-Control: max-age=60\nAge: 20\n", 40, false},
	{302, "Cache-Control: max-age=60\nAge: 100\n", 0, false},
	{302, "Cache-Control: max-age=90\n" DATE_MINUTE_AGO, 30, false},
	{302, "Cache-Control: max-age=90\nAge: 80\n" DATE_MINUTE_AGO, 10, false},
	{302, EXPIRES_IN_HOUR, 3600, false},
	{302, EXPIRES_IN_HOUR DATE_NOW, 3600, false},
	{302, EXPIRES_IN_HOUR DATE_MINUTE_AGO, 3600, false}, /* 3660 less one minute */
	{302, EXPIRES_IN_HOUR "Cache-Control: max-age=5\n", 5, false},
	{302, "Expires: 0\n", 0, false},
	{302, "Expires: Sun, 06 Nov 1994 08:49:37 GMT\n", 0, false},
	{301, "Vary: Accept-Encoding\n", -2, false},
	{301, "Vary: Accept-Encoding, Cookie\n", -1, false},
	{301, "Vary: *\n", -1, false},
};

static void what_redirects_say(void **state)
{
	struct arena *a = arena_new(1 << 20);

	(void)state;
	for (size_t i = 0; i < sizeof(redirects) / sizeof(*redirects); i++) {
		struct message m = message_of(a, redirects[i].status, redirects[i].lines);
		struct freshness f = {0};
		int64_t got;

		freshness_add(&f, &m, NOW);
		assert_true(f.is_limited);
		got = f.is_never ? -1 : f.has_max ? f.max_s : -2;
		if (got != redirects[i].max_s || f.is_private != redirects[i].is_private)
			fail_msg("%d %s: %lld", redirects[i].status, redirects[i].lines, (long long)got);
	}
	arena_free(a);
}

static const char *const never = "", *const none = NULL;

static void what_is_left_of_the_final_response(void **state)
{
	const struct {
		const char *redirect; /* of a 301; never: of a 302; none: there was no redirect */
		const char *before, *after;
	} cases[] = {
		{none, EXPIRES_IN_HOUR "Cache-Control: max-age=60, s-maxage=9\n",
			EXPIRES_IN_HOUR "Cache-Control: max-age=60, s-maxage=9\n"},
		{"X: y\n", EXPIRES_IN_HOUR "Cache-Control: s-maxage=9\n", EXPIRES_IN_HOUR "Cache-Control: s-maxage=9\n"},
		{never, "A: b\nCache-Control: public, max-age=60, s-maxage=9, immutable\n" EXPIRES_IN_HOUR "B: c\n",
			"A: b\nB: c\nCache-Control: no-cache\n"},
		{never, "", "Cache-Control: no-cache\n"},
		{never, "Cache-Control: no-store, No-Cache, must-revalidate\n",
			"Cache-Control: no-cache, no-store, must-revalidate\n"},
		{never, "Cache-Control: private, max-age=1\nCache-Control: no-transform\n",
			"Cache-Control: no-cache, private, no-transform\n"},
		{"Cache-Control: max-age=60\n", "Cache-Control: max-age=600, s-maxage=600, stale-if-error=9\n",
			"Cache-Control: max-age=60\n"},
		{"Cache-Control: max-age=600\n", "Cache-Control: max-age=60\n", "Cache-Control: max-age=60\n"},
		{"Cache-Control: max-age=600\n", "Cache-Control: max-age=900, s-maxage=5\n", "Cache-Control: max-age=5\n"},
		{"Cache-Control: max-age=60\n", EXPIRES_IN_HOUR, "Cache-Control: max-age=60\n"},
		{"Cache-Control: max-age=60\n", "", "Cache-Control: max-age=0\n"},
		{"Cache-Control: max-age=60\n", "Cache-Control: no-store\n", "Cache-Control: max-age=0, no-store\n"},
		{"Cache-Control: max-age=60\n", "Pragma: no-cache\n" EXPIRES_IN_HOUR,
			"Pragma: no-cache\nCache-Control: max-age=0\n"},
		/* who stores it takes the final response's age off */
		{"Cache-Control: max-age=60\n", "Age: 100\nCache-Control: max-age=600\n",
			"Age: 100\nCache-Control: max-age=160\n"},
		{"Cache-Control: max-age=60, private\n", "Cache-Control: public, max-age=600\n",
			"Cache-Control: max-age=60, private\n"},
		{"Cache-Control: private\n", "Cache-Control: public, max-age=600\n", "Cache-Control: private, max-age=600\n"},
		{"Cache-Control: private, no-store\n", "Cache-Control: max-age=600\n", "Cache-Control: no-cache, private\n"},
		{"Cache-Control: max-age=60\n", "Cache-Control: community=\"a, b\", max-age=600\n",
			"Cache-Control: max-age=60, community=\"a, b\"\n"},
	};
	struct arena *a = arena_new(1 << 20);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct message final = message_of(a, 200, cases[i].before);
		struct freshness f = {0};

		if (cases[i].redirect != none) {
			struct message hop = message_of(a, cases[i].redirect == never ? 302 : 301, cases[i].redirect);

			freshness_add(&f, &hop, NOW);
		}
		assert_true(freshness_apply(&f, a, &final, NOW));
		assert_string_equal(lines_of(a, &final).p, cases[i].after);
	}
	arena_free(a);
}

static void the_smallest_of_all_hops_counts(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct message hour = message_of(a, 301, "Cache-Control: max-age=3600\n"), silent = message_of(a, 308, ""),
		       minute = message_of(a, 302, "Cache-Control: max-age=60\n"), never_stored = message_of(a, 302, ""),
		       final = message_of(a, 200, "Cache-Control: max-age=86400\n");
	struct freshness f = {0};

	(void)state;
	freshness_add(&f, &hour, NOW);
	freshness_add(&f, &silent, NOW);
	assert_int_equal(f.max_s, 3600);
	freshness_add(&f, &minute, NOW);
	assert_int_equal(f.max_s, 60);
	freshness_add(&f, &hour, NOW);
	assert_int_equal(f.max_s, 60);
	assert_false(f.is_never);
	freshness_add(&f, &never_stored, NOW);
	freshness_add(&f, &minute, NOW);
	assert_true(f.is_never);
	assert_true(freshness_apply(&f, a, &final, NOW));
	assert_string_equal(lines_of(a, &final).p, "Cache-Control: no-cache\n");
	arena_free(a);
}

/* Many directives take no more room than they came with. */
static void room_is_bounded(void **state)
{
	struct arena *a = arena_new(600 * 1024), *small = arena_new(1024);
	struct freshness f = {.is_limited = true, .is_never = true};
	static char value[64 * 1024];
	struct message m = {.status = 200};

	(void)state;
	for (size_t i = 0; i < sizeof(value); i++)
		value[i] = i % 2 ? ',' : 'a';
	assert_true(fields_add(a, &m.fields, STR("Cache-Control"), (struct str){value, sizeof(value)}));
	assert_false(freshness_apply(&f, small, &m, NOW));
	assert_true(freshness_apply(&f, a, &m, NOW));
	assert_int_equal(m.fields.v[0].value.len, strlen("no-cache") + sizeof(value) / 2 * strlen(", a"));
	arena_free(a);
	arena_free(small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_redirects_say),
		cmocka_unit_test(what_is_left_of_the_final_response),
		cmocka_unit_test(the_smallest_of_all_hops_counts),
		cmocka_unit_test(room_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
