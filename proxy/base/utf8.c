/* UTF-8: validity by RFC 3629 section 4. Not for normal forms or widths. */
#include "base/utf8.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Length of the multi-byte sequence at p, with n bytes to look at; 0 if it is not valid. */
static size_t sequence_length(const unsigned char *p, size_t n)
{
	size_t len = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	unsigned char low = 0x80, high = 0xbf;

	if (p[0] < 0xc2 || p[0] > 0xf4 || n < len)
		return 0;
	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	return len;
}

size_t utf8_first(struct str s)
{
	const unsigned char *p = (const unsigned char *)s.p;

	if (s.len == 0)
		return 0;
	return p[0] < 0x80 ? 1 : sequence_length(p, s.len);
}

/* The character of a valid sequence. */
static uint32_t decode(const char *s, size_t len)
{
	static const unsigned char masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	const unsigned char *p = (const unsigned char *)s;
	uint32_t c = p[0] & masks[len];

	for (size_t i = 1; i < len; i++)
		c = c << 6 | (p[i] & 0x3f);
	return c;
}

/* True for what shows as itself, and does nothing to what stands beside it. */
static bool is_legible(uint32_t c)
{
	static const struct {
		uint32_t from, to;
	} hidden[] = {
		{0, 0x1f}, {0x7f, 0x9f}, {0xad, 0xad}, /* soft hyphen */
		{0x61c, 0x61c},                        /* Arabic letter mark */
		{0x180e, 0x180e},                      /* Mongolian vowel separator */
		{0x200b, 0x200f},                      /* without width; marks of direction */
		{0x2028, 0x202e},                      /* ends of lines and paragraphs; embedding and override of direction */
		{0x2060, 0x206f},                      /* joiners, isolates of direction */
		{0xfeff, 0xfeff},                      /* byte order mark */
		{0xfff0, 0xfffb},                      /* annotations */
		{0xe0000, 0xe0fff},                    /* tags */
	};

	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++) {
		if (c >= hidden[i].from && c <= hidden[i].to)
			return false;
	}
	return true;
}

/* Writes bytes as \xNN. */
static void put_hex(const char *from, size_t n, char *to)
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)from[i];

		memcpy(to + 4 * i, (char[]){'\\', 'x', hex[c >> 4], hex[c & 15]}, 4);
	}
}

size_t utf8_legible(struct str s, char *to, size_t size)
{
	size_t len = 0;

	if (size == 0)
		return 0;
	while (s.len > 0) {
		size_t n = utf8_first(s);
		bool stays = n != 0 && is_legible(decode(s.p, n));

		if (n == 0)
			n = 1;
		if ((stays ? n : 4 * n) > size - 1 - len)
			break; /* a character is written whole or not at all */
		if (stays)
			memcpy(to + len, s.p, n);
		else
			put_hex(s.p, n, to + len);
		len += stays ? n : 4 * n;
		s = str_from(s, n);
	}
	to[len] = '\0';
	return len;
}

void utf8_mend_cut(char *s)
{
	size_t len = strlen(s), back = 1;

	while (back < 4 && back < len && ((unsigned char)s[len - back] & 0xc0) == 0x80)
		back++;
	if (back <= len && (unsigned char)s[len - back] >= 0x80 && utf8_first((struct str){s + len - back, back}) != back)
		s[len - back] = '\0';
}
