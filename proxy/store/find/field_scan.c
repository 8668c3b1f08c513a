/* Stored fields read element by element. Pure but for memory. What is read was written by head_book.c or json.c, or by a
 * version before; anything else ends the reading. */
#include "store/find/field_scan.h"

static bool take_char(struct str *s, char c)
{
	if (s->len == 0 || s->p[0] != c)
		return false;
	*s = str_from(*s, 1);
	return true;
}

/* The inside of a JSON string, from the front of s on. */
static bool take_string(struct str *s, struct str *ret)
{
	struct str rest = *s;
	size_t n = 0;

	if (!take_char(&rest, '"'))
		return false;
	while (n < rest.len && rest.p[n] != '"')
		n += rest.p[n] == '\\' ? 2 : 1;
	if (n >= rest.len)
		return false;
	*ret = str_first(rest, n);
	*s = str_from(rest, n + 1);
	return true;
}

/* A string, or {"hex":string}. */
static bool take_raw(struct str *s, struct field_raw *ret)
{
	struct str key;

	ret->is_hex = take_char(s, '{');
	if (ret->is_hex && (!take_string(s, &key) || !str_eq(key, STR("hex")) || !take_char(s, ':')))
		return false;
	return take_string(s, &ret->inside) && (!ret->is_hex || take_char(s, '}'));
}

static bool take_id(struct str *s, int64_t *ret)
{
	size_t digits = 0;
	uint64_t id;

	while (digits < s->len && s->p[digits] >= '0' && s->p[digits] <= '9')
		digits++;
	if (!str_to_u64(str_first(*s, digits), INT64_MAX, &id) || id == 0)
		return false;
	*ret = (int64_t)id;
	*s = str_from(*s, digits);
	return true;
}

static bool take_pair(struct str *s, struct field_element *ret)
{
	ret->id = 0;
	return take_raw(s, &ret->name) && take_char(s, ',') && take_raw(s, &ret->value) && take_char(s, ']');
}

bool field_scan(struct str *rest, struct field_element *ret)
{
	if (!take_char(rest, '[') && !take_char(rest, ','))
		return false;
	return take_char(rest, '[') ? take_pair(rest, ret) : take_id(rest, &ret->id);
}

static void put_hex(struct text *t, struct str hex)
{
	for (size_t i = 0; i + 1 < hex.len; i += 2) {
		int high = str_hex_digit(hex.p[i]), low = str_hex_digit(hex.p[i + 1]);

		if (high >= 0 && low >= 0)
			text_byte(t, (char)(high << 4 | low));
	}
}

/* The number of \uXXXX behind the u; -1 if it is none. */
static int32_t unit_of(struct str s)
{
	int32_t unit = 0;

	if (s.len < 4)
		return -1;
	for (size_t i = 0; i < 4; i++) {
		int n = str_hex_digit(s.p[i]);

		if (n < 0)
			return -1;
		unit = unit << 4 | n;
	}
	return unit;
}

/* A character by its number. */
static void put_code(struct text *t, uint32_t c)
{
	if (c < 0x80) {
		text_byte(t, (char)c);
		return;
	}
	if (c < 0x800) {
		text_byte(t, (char)(0xc0 | c >> 6));
	} else {
		if (c < 0x10000) {
			text_byte(t, (char)(0xe0 | c >> 12));
		} else {
			text_byte(t, (char)(0xf0 | c >> 18));
			text_byte(t, (char)(0x80 | (c >> 12 & 0x3f)));
		}
		text_byte(t, (char)(0x80 | (c >> 6 & 0x3f)));
	}
	text_byte(t, (char)(0x80 | (c & 0x3f)));
}

/* Puts what \uXXXX stands for, of which s begins behind the u; how many bytes of s that took. */
static size_t put_unit(struct text *t, struct str s)
{
	int32_t high = unit_of(s), low = -1;

	if (high < 0)
		return 0;
	if (high >= 0xd800 && high < 0xdc00 && s.len >= 10 && s.p[4] == '\\' && s.p[5] == 'u')
		low = unit_of(str_from(s, 6));
	if (low < 0xdc00 || low > 0xdfff) {
		put_code(t, (uint32_t)high);
		return 4;
	}
	put_code(t, 0x10000 + (((uint32_t)high & 0x3ff) << 10 | ((uint32_t)low & 0x3ff)));
	return 10;
}

/* Puts what an escape stands for, of which s begins behind the backslash; how many bytes of s that took. */
static size_t put_escape(struct text *t, struct str s)
{
	switch (s.p[0]) {
	case 'u':
		return 1 + put_unit(t, str_from(s, 1));
	case 'n':
		text_byte(t, '\n');
		break;
	case 'r':
		text_byte(t, '\r');
		break;
	case 't':
		text_byte(t, '\t');
		break;
	case 'b':
		text_byte(t, '\b');
		break;
	case 'f':
		text_byte(t, '\f');
		break;
	default:
		text_byte(t, s.p[0]);
		break;
	}
	return 1;
}

static void put_unescaped(struct text *t, struct str s)
{
	while (s.len > 0) {
		size_t plain = str_find(s, '\\');

		text_put(t, str_first(s, plain));
		s = str_from(s, plain);
		if (s.len < 2)
			return;
		s = str_from(s, 1 + put_escape(t, str_from(s, 1)));
	}
}

struct str field_bytes(const struct field_raw *raw, struct text *scratch)
{
	if (!raw->is_hex && str_find(raw->inside, '\\') == raw->inside.len)
		return raw->inside;
	text_clear(scratch);
	if (raw->is_hex)
		put_hex(scratch, raw->inside);
	else
		put_unescaped(scratch, raw->inside);
	return text_str(scratch);
}

bool field_is_named(const struct field_raw *raw, struct str token)
{
	return !raw->is_hex && str_ieq(raw->inside, token);
}
