/* UTF-8 made valid, UTF-16 and windows-1252 decoded (WHATWG Encoding, sections 8, 9 and 14), so that they do not depend on what
 * the system has. */
#include "http/charset_part.h"

#include <string.h>

void utf8_sink_flush(struct utf8_sink *to)
{
	if (to->n > 0 && !to->is_enough)
		to->is_enough = !to->take(to->owner, (struct str){to->bytes, to->n});
	to->n = 0;
}

void utf8_sink_add(struct utf8_sink *to, struct str valid)
{
	if (valid.len > sizeof(to->bytes) - to->n)
		utf8_sink_flush(to);
	if (valid.len > sizeof(to->bytes)) {
		to->is_enough = to->is_enough || !to->take(to->owner, valid);
		return;
	}
	if (valid.len > 0)
		memcpy(to->bytes + to->n, valid.p, valid.len);
	to->n += valid.len;
}

void utf8_sink_add_char(struct utf8_sink *to, uint32_t c)
{
	char b[4];
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const unsigned char leads[] = {0, 0x00, 0xc0, 0xe0, 0xf0};

	for (size_t i = n; i-- > 1; c >>= 6)
		b[i] = (char)(0x80 | (c & 0x3f));
	b[0] = (char)(leads[n] | c);
	utf8_sink_add(to, (struct str){b, n});
}

static unsigned char byte_at(struct str s, size_t i)
{
	return (unsigned char)s.p[i];
}

/* How many bytes follow the first one of a character; 0: none may. */
static size_t trail_bytes(unsigned char lead)
{
	if (lead >= 0xc2 && lead <= 0xdf)
		return 1;
	if (lead >= 0xe0 && lead <= 0xef)
		return 2;
	return lead >= 0xf0 && lead <= 0xf4 ? 3 : 0;
}

/* True if the byte may be the second one: overlong forms, surrogates and what is beyond U+10FFFF are cut off here. */
static bool is_second(unsigned char lead, unsigned char c)
{
	switch (lead) {
	case 0xe0:
		return c >= 0xa0 && c <= 0xbf;
	case 0xed:
		return c >= 0x80 && c <= 0x9f;
	case 0xf0:
		return c >= 0x90 && c <= 0xbf;
	case 0xf4:
		return c >= 0x80 && c <= 0x8f;
	default:
		return c >= 0x80 && c <= 0xbf;
	}
}

/* The bytes of s that are a character, or the front of one; 0: they are neither. */
static size_t character_bytes(struct str s, bool *ret_is_whole)
{
	size_t trail = trail_bytes(byte_at(s, 0)), i = 1;

	if (byte_at(s, 0) >= 0x80 && trail == 0)
		return 0;
	while (i <= trail && i < s.len) {
		if (!is_second(i == 1 ? byte_at(s, 0) : 0, byte_at(s, i)))
			break;
		i++;
	}
	*ret_is_whole = i == trail + 1;
	return i;
}

/* The bytes in front that are valid. */
static size_t valid_bytes(struct str s)
{
	size_t n = 0;

	while (n < s.len) {
		bool is_whole = false;
		size_t bytes;

		if (byte_at(s, n) < 0x80) { /* most are */
			n++;
			continue;
		}
		bytes = character_bytes(str_from(s, n), &is_whole);
		if (!is_whole)
			break;
		n += bytes;
	}
	return n;
}

bool is_valid_utf8(struct str body)
{
	struct str rest = str_from(body, valid_bytes(body));
	bool is_whole;

	return rest.len == 0 || character_bytes(rest, &is_whole) == rest.len;
}

void decode_utf8(struct utf8_sink *to, struct str body)
{
	while (body.len > 0 && !to->is_enough) {
		size_t n = valid_bytes(body);
		bool is_whole;

		utf8_sink_add(to, str_first(body, n));
		body = str_from(body, n);
		if (body.len == 0)
			break;
		n = character_bytes(body, &is_whole);
		utf8_sink_add_char(to, NO_CHARACTER);
		body = str_from(body, n > 0 ? n : 1);
	}
}

/* The unit at a place; a last byte that has no other is none. */
static uint32_t unit_at(struct str s, size_t at, bool is_big_endian)
{
	unsigned char a = byte_at(s, at), b = byte_at(s, at + 1);

	return is_big_endian ? (uint32_t)a << 8 | b : (uint32_t)b << 8 | a;
}

void decode_utf16(struct utf8_sink *to, struct str body, bool is_big_endian)
{
	size_t at = 0;

	while (body.len - at >= 2 && !to->is_enough) {
		uint32_t c = unit_at(body, at, is_big_endian), low = 0;

		at += 2;
		if (c < 0xd800 || c > 0xdfff) {
			utf8_sink_add_char(to, c);
			continue;
		}
		if (c < 0xdc00 && body.len - at >= 2)
			low = unit_at(body, at, is_big_endian);
		if (low < 0xdc00 || low > 0xdfff) {
			utf8_sink_add_char(to, NO_CHARACTER);
			continue;
		}
		at += 2;
		utf8_sink_add_char(to, 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00));
	}
	if (body.len - at == 1)
		utf8_sink_add_char(to, NO_CHARACTER);
}

void decode_windows_1252(struct utf8_sink *to, struct str body)
{
	static const uint16_t high[] = {0x20ac, 0x81, 0x201a, 0x192, 0x201e, 0x2026, 0x2020, 0x2021, 0x2c6, 0x2030, 0x160,
		0x2039, 0x152, 0x8d, 0x17d, 0x8f, 0x90, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x2dc, 0x2122,
		0x161, 0x203a, 0x153, 0x9d, 0x17e, 0x178};

	for (size_t i = 0; i < body.len && !to->is_enough; i++) {
		unsigned char c = byte_at(body, i);

		utf8_sink_add_char(to, c >= 0x80 && c <= 0x9f ? high[c - 0x80] : c);
	}
}
