/* Percent-encoding undone. Not for: making targets (url.h), where it stays as it is. */
#include "http/percent.h"

int percent_byte(struct str s)
{
	int high = s.len > 2 && s.p[0] == '%' ? str_hex_digit(s.p[1]) : -1;
	int low = high >= 0 ? str_hex_digit(s.p[2]) : -1;

	return low >= 0 ? high << 4 | low : -1;
}

struct str percent_decode(struct arena *a, struct str s, enum percent_kind kind)
{
	char *to = arena_alloc(a, s.len + 1);
	size_t n = 0;

	if (!to)
		return STR_NONE;
	for (size_t i = 0; i < s.len; i++) {
		int byte = percent_byte(str_from(s, i));

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
