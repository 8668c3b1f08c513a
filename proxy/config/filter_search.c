/* The search of Knuth, Morris and Pratt over folded bytes. Pure but for memory. */
#include "config/filter_search.h"

#include <string.h>

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static char upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - ('a' - 'A')) : c;
}

/* How many bytes of the part fit when c comes after so many that did; fewer than all have. */
static size_t advance(struct str part, const uint16_t *table, size_t fit, char c)
{
	while (fit != 0 && lower(part.p[fit]) != lower(c))
		fit = table[fit - 1];
	return lower(part.p[fit]) == lower(c) ? fit + 1 : 0;
}

const uint16_t *filter_search_table(struct arena *arena, struct str part)
{
	uint16_t *table = arena_alloc(arena, (part.len + 1) * sizeof(*table));

	if (table == NULL)
		return NULL;
	table[0] = 0;
	for (size_t i = 1; i < part.len; i++)
		table[i] = (uint16_t)advance(part, table, table[i - 1], part.p[i]);
	return table;
}

/* Where the first byte of the part stands next, in either case. */
struct start {
	unsigned char wanted[2];
	const char *found[2]; /* behind where it was looked for last; NULL: not looked for yet */
};

/* The first place from p on, end if there is none. Each byte is looked at once for each case, however often it is asked. */
static const char *start_next(struct start *s, const char *p, const char *end)
{
	for (int i = 0; i < 2; i++) {
		if (s->found[i] != NULL && s->found[i] >= p)
			continue;
		s->found[i] = memchr(p, s->wanted[i], (size_t)(end - p));
		if (s->found[i] == NULL)
			s->found[i] = end;
	}
	return s->found[0] < s->found[1] ? s->found[0] : s->found[1];
}

bool filter_search(struct str part, const uint16_t *table, struct str text)
{
	const char *p = text.p, *end = text.p != NULL ? text.p + text.len : NULL;
	struct start start = {.found = {NULL, NULL}};
	size_t fit = 0;

	if (part.len == 0)
		return true;
	start.wanted[0] = (unsigned char)lower(part.p[0]);
	start.wanted[1] = (unsigned char)upper(part.p[0]);
	while (p != end && fit < part.len) {
		if (fit == 0)
			p = start_next(&start, p, end);
		if (p != end)
			fit = advance(part, table, fit, *p++);
	}
	return fit == part.len;
}
