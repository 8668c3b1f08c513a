/* See har_body.h. What is undone is never longer than it was, so all of it happens in place. */
#include "store/har/har_body.h"

#include <string.h>

/* The UTF-16 unit of "\u1234" at the beginning; -1: it does not begin so. */
static int unit_at(struct str s)
{
	int unit = 0;

	if (s.len < 6 || s.p[0] != '\\' || s.p[1] != 'u')
		return -1;
	for (size_t i = 2; i < 6; i++) {
		int digit = str_hex_digit(s.p[i]);

		if (digit < 0)
			return -1;
		unit = unit << 4 | digit;
	}
	return unit;
}

static size_t put_utf8(char *to, unsigned c)
{
	size_t n = 0;

	if (c < 0x80) {
		to[n++] = (char)c;
		return n;
	}
	if (c < 0x800) {
		to[n++] = (char)(0xc0 | c >> 6);
	} else if (c < 0x10000) {
		to[n++] = (char)(0xe0 | c >> 12);
		to[n++] = (char)(0x80 | (c >> 6 & 0x3f));
	} else {
		to[n++] = (char)(0xf0 | c >> 18);
		to[n++] = (char)(0x80 | (c >> 12 & 0x3f));
		to[n++] = (char)(0x80 | (c >> 6 & 0x3f));
	}
	to[n++] = (char)(0x80 | (c & 0x3f));
	return n;
}

/* A character of one or two units behind the first n bytes; how much of the input it took. */
static size_t undo_units(struct str s, char *all, size_t *n)
{
	int first = unit_at(s), second;

	if (first < 0xd800 || first > 0xdfff) {
		*n += put_utf8(all + *n, (unsigned)first);
		return 6;
	}
	second = first < 0xdc00 ? unit_at(str_from(s, 6)) : -1;
	if (second < 0xdc00 || second > 0xdfff) {
		*n += put_utf8(all + *n, 0xfffd);
		return 6;
	}
	*n += put_utf8(all + *n, 0x10000 + (((unsigned)first - 0xd800) << 10) + ((unsigned)second - 0xdc00));
	return 12;
}

/* One escape; how much of the input it took. */
static size_t undo_escape(struct str s, char *all, size_t *n)
{
	static const char names[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
	const char *name = s.len > 1 && s.p[1] != '\0' ? strchr(names, s.p[1]) : NULL;

	if (name != NULL) {
		all[(*n)++] = bytes[name - names];
		return 2;
	}
	if (unit_at(s) >= 0)
		return undo_units(s, all, n);
	all[(*n)++] = s.p[0];
	return 1;
}

void har_unescape(struct text *t)
{
	struct str rest = text_str(t);
	size_t n = 0;

	while (rest.len > 0) {
		size_t plain = str_find(rest, '\\'), taken;

		memmove(t->p + n, rest.p, plain);
		n += plain;
		rest = str_from(rest, plain);
		if (rest.len == 0)
			break;
		taken = undo_escape(rest, t->p, &n);
		rest = str_from(rest, taken);
	}
	t->len = n;
}

enum { SPACE = 64, PADDING = 65, NO_DIGIT = 66 };

static unsigned char digit_of(unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		return (unsigned char)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (unsigned char)(c - 'a' + 26);
	if (c >= '0' && c <= '9')
		return (unsigned char)(c - '0' + 52);
	if (c == '+' || c == '-')
		return 62;
	if (c == '/' || c == '_')
		return 63;
	if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
		return SPACE;
	return c == '=' ? PADDING : NO_DIGIT;
}

static void fill_digits(unsigned char digits[256])
{
	for (unsigned c = 0; c < 256; c++)
		digits[c] = digit_of((unsigned char)c);
}

/* Looked through first, so that what is no base64 stays as it is. */
static bool is_base64(struct str s, const unsigned char digits[256])
{
	size_t n = 0, padding = 0;

	for (size_t i = 0; i < s.len; i++) {
		unsigned char d = digits[(unsigned char)s.p[i]];

		if (d == NO_DIGIT || (d < SPACE && padding > 0))
			return false;
		n += d < SPACE;
		padding += d == PADDING;
	}
	return n % 4 != 1 && padding <= 2;
}

bool har_unbase64(struct text *t)
{
	unsigned char digits[256];
	unsigned bits = 0, have = 0;
	size_t n = 0;

	fill_digits(digits);
	if (!is_base64(text_str(t), digits))
		return false;
	for (size_t i = 0; i < t->len; i++) {
		unsigned char d = digits[(unsigned char)t->p[i]];

		if (d >= SPACE)
			continue;
		bits = (bits << 6 | d) & 0xffff;
		have += 6;
		if (have >= 8) {
			have -= 8;
			t->p[n++] = (char)(bits >> have & 0xff);
		}
	}
	t->len = n;
	return true;
}

struct body_part *har_parts(struct str bytes, unsigned hop, enum body_direction direction, enum body_cut cut)
{
	struct body_part *first = NULL, *last = NULL, **end = &first;
	uint64_t offset = 0;

	while (bytes.len > 0 || (cut != CUT_NONE && last == NULL)) {
		size_t n = bytes.len < BODY_PART_BYTES ? bytes.len : BODY_PART_BYTES;

		last = body_part_new(hop, direction, offset, n);
		if (n > 0)
			memcpy(last->bytes, bytes.p, n);
		last->len = n;
		offset += n;
		bytes = str_from(bytes, n);
		*end = last;
		end = &last->next;
	}
	if (last != NULL)
		last->cut = cut;
	return first;
}
