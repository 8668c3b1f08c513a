/* Writing JSON. Not for reading it: that is jansson's. */
#include "store/json.h"

#include <string.h>

static const char hex[] = "0123456789abcdef";

/* A byte that cannot stand for itself in a JSON string. */
static void put_escaped(struct text *t, unsigned char c)
{
	char u[] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};

	switch (c) {
	case '"':
		text_put(t, STR("\\\""));
		return;
	case '\\':
		text_put(t, STR("\\\\"));
		return;
	case '\n':
		text_put(t, STR("\\n"));
		return;
	case '\r':
		text_put(t, STR("\\r"));
		return;
	case '\t':
		text_put(t, STR("\\t"));
		return;
	default:
		text_put(t, (struct str){u, sizeof(u)});
	}
}

/* True if one of eight bytes must be escaped, or, which is no harm, may have to be. */
static bool has_special(const char *p)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
	uint64_t eight, quote, backslash, del;

	memcpy(&eight, p, sizeof(eight));
	quote = eight ^ ones * '"';
	backslash = eight ^ ones * '\\';
	del = eight ^ ones * 0x7f;
	/* Each term borrows into the top bit of a byte that is below its bound. */
	return (((eight - ones * 0x20) | (quote - ones) | (backslash - ones) | (del - ones)) & tops) != 0;
}

/* The inside of a JSON string; s is valid UTF-8. */
static void put_utf8(struct text *t, struct str s)
{
	size_t from = 0;

	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (s.len - i >= sizeof(uint64_t) && !has_special(s.p + i)) {
			i += sizeof(uint64_t) - 1;
			continue;
		}
		if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)
			continue;
		text_put(t, (struct str){s.p + from, i - from});
		put_escaped(t, c);
		from = i + 1;
	}
	if (from < s.len)
		text_put(t, str_from(s, from));
}

/* The same for bytes of which not all are UTF-8: only ASCII is taken as it is. */
static void put_raw(struct text *t, struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c != 0 && c < 0x80) {
			put_utf8(t, (struct str){s.p + i, 1});
			continue;
		}
		text_put(t, STR("\\\\x"));
		text_byte(t, hex[c >> 4]);
		text_byte(t, hex[c & 15]);
	}
}

void json_string(struct text *t, struct str s)
{
	text_byte(t, '"');
	if (is_plain_utf8(s))
		put_utf8(t, s);
	else
		put_raw(t, s);
	text_byte(t, '"');
}

void json_bytes(struct text *t, struct str s)
{
	if (is_plain_utf8(s)) {
		text_byte(t, '"');
		put_utf8(t, s);
		text_byte(t, '"');
		return;
	}
	text_put(t, STR("{\"hex\":\""));
	for (size_t i = 0; i < s.len; i++) {
		text_byte(t, hex[(unsigned char)s.p[i] >> 4]);
		text_byte(t, hex[(unsigned char)s.p[i] & 15]);
	}
	text_put(t, STR("\"}"));
}

void json_fields(struct text *t, const struct fields *f)
{
	text_byte(t, '[');
	for (size_t i = 0; i < f->n; i++) {
		text_put(t, i > 0 ? STR(",[") : STR("["));
		json_bytes(t, f->v[i].name);
		text_byte(t, ',');
		json_bytes(t, f->v[i].value);
		text_byte(t, ']');
	}
	text_byte(t, ']');
}

void json_next(struct text *t)
{
	if (t->len > 0 && t->p[t->len - 1] != '{' && t->p[t->len - 1] != '[')
		text_byte(t, ',');
}

void json_key(struct text *t, const char *key)
{
	json_next(t);
	text_byte(t, '"');
	text_put(t, str_of(key));
	text_put(t, STR("\":"));
}

void json_str(struct text *t, const char *key, struct str s)
{
	json_key(t, key);
	json_string(t, s);
}

void json_opt(struct text *t, const char *key, struct str s)
{
	if (s.len > 0)
		json_str(t, key, s);
	else {
		json_key(t, key);
		text_put(t, STR("null"));
	}
}

/* Divided at every comma: a quote in the name of a cookie is a byte like any other. */
void json_names(struct text *t, const char *key, struct str names)
{
	json_key(t, key);
	text_byte(t, '[');
	while (names.len > 0) {
		size_t comma = str_find(names, ',');
		struct str name = str_trim(str_first(names, comma));

		if (name.len > 0) {
			json_next(t);
			json_string(t, name);
		}
		names = str_from(names, comma < names.len ? comma + 1 : comma);
	}
	text_byte(t, ']');
}

void json_i64(struct text *t, const char *key, int64_t n)
{
	json_key(t, key);
	text_i64(t, n);
}

void json_opt_i64(struct text *t, const char *key, int64_t n)
{
	json_key(t, key);
	if (n < 0)
		text_put(t, STR("null"));
	else
		text_i64(t, n);
}

void json_bool(struct text *t, const char *key, bool b)
{
	json_key(t, key);
	text_put(t, b ? STR("true") : STR("false"));
}
