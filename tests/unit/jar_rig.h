/* Answers with Set-Cookie lines, taken into a jar one after another. */
#ifndef VIADUCT_TESTS_JAR_RIG_H
#define VIADUCT_TESTS_JAR_RIG_H

#include "http/jar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define NOW INT64_C(1750000000)

static inline struct url url_of(struct arena *a, const char *text)
{
	struct url u;

	if (url_parse_target(a, str_of(text), &u) != ERR_none)
		fail_msg("no URL: %s", text);
	return u;
}

/* One hop's answer: its URL, and the Set-Cookie lines, each ended by "\n". */
struct answer {
	const char *url, *lines;
};

static inline struct fields fields_of(struct arena *a, const char *lines)
{
	struct str rest = str_of(lines);
	struct fields f = {0};

	assert_true(fields_add(a, &f, STR("Server"), STR("x")));
	while (rest.len > 0) {
		size_t end = str_find(rest, '\n');

		assert_true(fields_add(a, &f, STR("set-cookie"), str_first(rest, end)));
		rest = str_from(rest, end + 1);
	}
	return f;
}

static inline struct cookie_fate *take(struct jar *j, struct arena *a, struct answer answer)
{
	struct url from = url_of(a, answer.url);
	struct fields f = fields_of(a, answer.lines);
	struct cookie_fate *fates;

	assert_true(jar_take(j, a, &from, &f, NOW, &fates));
	return fates;
}

/* A pattern with each "#" made n, and each "*" 4000 zeros. */
static inline const char *filled(struct arena *a, const char *pattern, int n)
{
	char text[65536];
	size_t len = 0;

	for (; *pattern; pattern++) {
		if (*pattern == '#')
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%d", n);
		else if (*pattern == '*')
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%04000d", 0);
		else
			text[len++] = *pattern;
	}
	return arena_str(a, (struct str){text, len}).p;
}

/* So many hops of one answer each, "#" made the number of the hop. Fates of the last one. */
static inline const struct cookie_fate *take_hops(struct jar *j, struct arena *a, const char *url, int n, const char *pattern)
{
	const struct cookie_fate *fate = NULL;

	for (int i = 0; i < n; i++)
		fate = take(j, a, (struct answer){url, filled(a, pattern, i)});
	return fate;
}

static inline struct str field_for(const struct jar *j, struct arena *a, const char *to, const char *client)
{
	struct url u = url_of(a, to);
	bool is_full = true;
	struct str s = jar_cookie_field(j, a, &u, str_of(client), NOW, &is_full);

	assert_false(is_full);
	return s;
}

static inline void check_field(struct str got, const char *expected, const char *what)
{
	if ((expected == NULL) != (got.p == NULL) || !str_eq(got, str_of(expected)))
		fail_msg("%s: \"%.*s\", not \"%s\"", what, STR_ARG(got), expected ? expected : "(none)");
}

#define AT "http://h.example/dir/page"

#endif
