/* Growing text. Not for bodies (bufq.h) or the strings of an exchange (arena.h). */
#include "store/text.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { FIRST_BYTES = 512, LIKELY_BYTES = 128 };

void text_fini(struct text *t)
{
	mem_free(t->p);
	*t = (struct text){NULL, 0, 0};
}

char *text_room(struct text *t, size_t n)
{
	size_t cap = t->cap ? t->cap : FIRST_BYTES;

	if (t->cap - t->len >= n && t->p)
		return t->p + t->len;
	while (cap - t->len < n)
		cap = cap > SIZE_MAX / 2 ? SIZE_MAX : cap * 2;
	t->p = mem_realloc(t->p, cap);
	t->cap = cap;
	return t->p + t->len;
}

void text_put(struct text *t, struct str s)
{
	if (s.len == 0)
		return;
	memcpy(text_room(t, s.len), s.p, s.len);
	t->len += s.len;
}

void text_byte(struct text *t, char c)
{
	*text_room(t, 1) = c;
	t->len++;
}

void text_printf(struct text *t, const char *format, ...)
{
	char *to = text_room(t, LIKELY_BYTES);
	va_list args, again;
	int n;

	va_start(args, format);
	va_copy(again, args);
	n = vsnprintf(to, LIKELY_BYTES, format, args);
	if (n >= LIKELY_BYTES)
		n = vsnprintf(text_room(t, (size_t)n + 1), (size_t)n + 1, format, again);
	if (n > 0)
		t->len += (size_t)n;
	va_end(again);
	va_end(args);
}

void text_i64(struct text *t, int64_t n)
{
	char digits[24];
	size_t at = sizeof(digits);
	uint64_t rest = n < 0 ? -(uint64_t)n : (uint64_t)n;

	do {
		digits[--at] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest > 0);
	if (n < 0)
		digits[--at] = '-';
	text_put(t, (struct str){digits + at, sizeof(digits) - at});
}

void text_escaped(struct text *t, struct str s)
{
	enum { STEP = 256, LONGEST = 4 };

	while (s.len > 0) {
		struct str piece = str_first(s, s.len < STEP ? s.len : STEP);

		t->len += str_escape(piece, text_room(t, STEP * LONGEST + 1), STEP * LONGEST + 1);
		s = str_from(s, piece.len);
	}
}

void text_visible(struct text *t, struct str s)
{
	for (;;) {
		size_t quote = str_find(s, '"');

		text_escaped(t, str_first(s, quote));
		if (quote == s.len)
			return;
		text_byte(t, '"');
		s = str_from(s, quote + 1);
	}
}

void text_legible(struct text *t, struct str s)
{
	enum { LONGEST = 4 };
	size_t size = LONGEST * s.len + 1;

	t->len += utf8_legible(s, text_room(t, size), size);
}

void text_drop(struct text *t, size_t n)
{
	if (n > 0)
		memmove(t->p, t->p + n, t->len - n);
	t->len -= n;
}

/* How many bytes at the begin are ASCII without a NUL, as far as that can be told eight at a time. */
static size_t plain_ascii(struct str s)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
	size_t n = 0;

	for (; s.len - n >= sizeof(uint64_t); n += sizeof(uint64_t)) {
		uint64_t eight;

		memcpy(&eight, s.p + n, sizeof(eight));
		/* A top bit, or a borrow into one that was not set: some byte is above 0x7f, or zero. */
		if (((eight | (eight - ones)) & tops) != 0)
			break;
	}
	return n;
}

bool is_plain_utf8(struct str s)
{
	size_t at = plain_ascii(s);

	while (at < s.len) {
		size_t len = s.p[at] != '\0' ? utf8_first(str_from(s, at)) : 0;

		if (len == 0)
			return false;
		at += len;
	}
	return true;
}
