/* Message heads from text, and back, for the tests of what is done with them. */
#ifndef VIADUCT_TESTS_HEADS_H
#define VIADUCT_TESTS_HEADS_H

#include "base/arena.h"
#include "http/message.h"
#include "http/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* "Name: value\n" a line. */
static inline void fields_read(struct arena *a, struct fields *f, const char *text)
{
	struct str rest = text == NULL ? STR_NONE : arena_str(a, str_of(text));

	while (rest.len > 0) {
		struct str line = str_first(rest, str_find(rest, '\n'));
		size_t colon = str_find(line, ':');

		assert_true(colon < line.len);
		assert_true(fields_add(a, f, str_first(line, colon), str_trim(str_from(line, colon + 1))));
		rest = str_from(rest, line.len < rest.len ? line.len + 1 : rest.len);
	}
}

static inline struct message *request_read(struct arena *a, const char *method, const char *target, const char *fields)
{
	struct message *m = arena_zalloc(a, sizeof(*m));

	assert_non_null(m);
	m->is_request = true;
	m->version = VERSION_1_1;
	m->method_name = str_of(method);
	m->method = method_of(m->method_name);
	m->target = str_of(target);
	fields_read(a, &m->fields, fields);
	return m;
}

static inline struct message *response_read(struct arena *a, int status, const char *fields)
{
	struct message *m = arena_zalloc(a, sizeof(*m));

	assert_non_null(m);
	m->version = VERSION_1_1;
	m->status = status;
	m->reason = STR("As The Origin Says");
	fields_read(a, &m->fields, fields);
	return m;
}

static inline void fields_expect(const struct fields *f, const char *expected)
{
	char text[4096] = "";
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%.*s: %.*s\n", STR_ARG(f->v[i].name),
			STR_ARG(f->v[i].value));
	assert_string_equal(text, expected);
}

/* As fields_expect, behind the Date that an answer of our own begins with. */
static inline void fields_expect_dated(const struct fields *f, const char *expected)
{
	assert_true(f->n > 0);
	assert_true(str_eq(f->v[0].name, STR("Date")));
	assert_int_equal(f->v[0].value.len, strlen("Sun, 06 Nov 1994 08:49:37 GMT"));
	assert_true(str_iends(f->v[0].value, STR(" GMT")));
	fields_expect(&(struct fields){.v = f->v + 1, .n = f->n - 1}, expected);
}

static inline struct url url_read(struct arena *a, const char *text)
{
	struct url u = {0};

	assert_int_equal(url_parse_target(a, str_of(text), &u), ERR_none);
	return u;
}

static inline void str_expect(struct str s, const char *expected)
{
	char text[4096];

	snprintf(text, sizeof(text), "%.*s", STR_ARG(s));
	assert_string_equal(text, expected);
}

#endif
