/* Percent-encoding undone. Not for: making targets (url.h), where it stays as it is. */
#include "http/percent.h"

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte that the triplet at the front stands for; -1 if there is none. */
static int triplet(struct str s)
{
	if (s.len < 3 || s.p[0] != '%' || hex_value(s.p[1]) < 0 || hex_value(s.p[2]) < 0)
		return -1;
	return hex_value(s.p[1]) * 16 + hex_value(s.p[2]);
}

struct str percent_decode(struct arena *a, struct str s, enum percent_kind kind)
{
	char *to = arena_alloc(a, s.len + 1);
	size_t n = 0;

	if (!to)
		return STR_NONE;
	for (size_t i = 0; i < s.len; i++) {
		int byte = triplet(str_from(s, i));

		if (byte >= 0) {
			to[n++] = (char)byte;
			i += 2;
		} else {
			to[n++] = kind == PERCENT_AND_PLUS && s.p[i] == '+' ? ' ' : s.p[i];
		}
	}
	to[n] = '\0';
	return (struct str){to, n};
}
