/* Checking texts of the configuration, and showing them in messages. Pure. */
#include "config/printable.h"

#include <stdint.h>
#include <stdio.h>

/* Bytes that follow the first one of a UTF-8 sequence, and the payload of that first one; -1 if none can start with it. */
static int utf8_lead(unsigned char c, uint32_t *ret_bits)
{
	if (c < 0x80) {
		*ret_bits = c;
		return 0;
	}
	if (c >= 0xc2 && c <= 0xdf) {
		*ret_bits = c & 0x1fU;
		return 1;
	}
	if (c >= 0xe0 && c <= 0xef) {
		*ret_bits = c & 0x0fU;
		return 2;
	}
	if (c >= 0xf0 && c <= 0xf4) {
		*ret_bits = c & 0x07U;
		return 3;
	}
	return -1;
}

/* Takes one code point off the front of s, which is not empty. False if it is not UTF-8 in its shortest form. */
static bool utf8_next(struct str *s, uint32_t *ret_point)
{
	static const uint32_t smallest[] = {0, 0x80, 0x800, 0x10000};
	uint32_t point;
	int more = utf8_lead((unsigned char)s->p[0], &point);

	if (more < 0 || s->len <= (size_t)more)
		return false;
	for (int i = 1; i <= more; i++) {
		unsigned char c = (unsigned char)s->p[i];

		if ((c & 0xc0) != 0x80)
			return false;
		point = point << 6 | (c & 0x3fU);
	}
	if (point < smallest[more] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
		return false;
	*s = str_from(*s, (size_t)more + 1);
	*ret_point = point;
	return true;
}

/* C0 and C1 controls, line and paragraph separators, the byte order mark and what is not a character. */
static bool is_readable(uint32_t point)
{
	if (point < 0x20 || (point >= 0x7f && point <= 0x9f))
		return false;
	return point != 0x2028 && point != 0x2029 && point != 0xfeff && (point & 0xfffe) != 0xfffe;
}

bool printable_is(struct str s)
{
	uint32_t point;

	while (s.len != 0) {
		if (!utf8_next(&s, &point) || !is_readable(point))
			return false;
	}
	return true;
}

const char *printable_show(struct str s, char to[PRINTABLE_BYTES])
{
	if (s.len == 0)
		snprintf(to, PRINTABLE_BYTES, "(empty)");
	else
		str_escape(s, to, PRINTABLE_BYTES);
	return to;
}
