/* The search of Knuth, Morris and Pratt over folded bytes. Pure but for memory. */
#include "config/filter_search.h"

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
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

bool filter_search(struct str part, const uint16_t *table, struct str text)
{
	size_t fit = 0;

	for (size_t i = 0; i < text.len && fit < part.len; i++)
		fit = advance(part, table, fit, text.p[i]);
	return fit == part.len;
}
