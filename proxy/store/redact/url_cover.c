/* Secrets in URLs. Loose where url.h is strict: what comes here may be anything, and too much is covered rather than too
 * little. */
#include "store/redact/url_cover.h"

#include <string.h>

enum { NAME_BYTES = 256, DEPTH_MAX = 4 /* of URLs encoded in one another */ };

/* Index of the first of these bytes in s, or s.len. */
static size_t find_any(struct str s, const char *bytes)
{
	size_t i = 0;

	while (i < s.len && (s.p[i] == '\0' || !strchr(bytes, s.p[i])))
		i++;
	return i;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that s, which is not empty, begins with, and how many bytes of s it takes. */
static char decoded_byte(struct str s, size_t *ret_n)
{
	int high = s.len > 2 && s.p[0] == '%' ? hex_digit(s.p[1]) : -1;
	int low = high >= 0 ? hex_digit(s.p[2]) : -1;

	*ret_n = low >= 0 ? 3 : 1;
	if (low >= 0)
		return (char)(high << 4 | low);
	return s.p[0] == '+' ? ' ' : s.p[0];
}

void url_cover_decode(struct text *t, struct str s)
{
	char *to = text_room(t, s.len);
	size_t n;

	for (; s.len > 0; s = str_from(s, n))
		*to++ = decoded_byte(s, &n);
	t->len = (size_t)(to - t->p);
}

bool url_cover_has(const struct url_cover *c, struct str name)
{
	if (c->is_covered(c->owner, name))
		return true;
	while (name.len > 0) {
		size_t end = find_any(name, "[].");

		if (c->is_covered(c->owner, str_first(name, end)))
			return true;
		name = str_from(name, end < name.len ? end + 1 : end);
	}
	return false;
}

static bool is_covered(const struct url_cover *c, struct str raw)
{
	char plain[NAME_BYTES];
	struct str name = {plain, 0};
	size_t n;

	for (; raw.len > 0 && name.len < sizeof(plain); raw = str_from(raw, n))
		plain[name.len++] = decoded_byte(raw, &n);
	return raw.len == 0 && url_cover_has(c, name);
}

static void put_percent_encoded(struct text *t, struct str s)
{
	static const char plain[] = "-._~*/:";

	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i], letter = c | 0x20;

		if ((c >= '0' && c <= '9') || (letter >= 'a' && letter <= 'z') || (c != '\0' && strchr(plain, c)))
			text_byte(t, (char)c);
		else
			text_printf(t, "%%%02X", c);
	}
}

static bool put_url(const struct url_cover *c, struct text *t, struct str url, unsigned depth);
static bool put_parameters(const struct url_cover *c, struct text *t, struct str s, const char *dividers, unsigned depth);

/* A value, or what else may be a percent-encoded URL or query. Where nothing in it is covered, it stays as it was encoded. */
static bool put_encoded(const struct url_cover *c, struct text *t, struct str s, unsigned depth)
{
	struct text plain = {NULL, 0, 0}, shown = {NULL, 0, 0};
	bool is_replaced = false;

	if (depth < DEPTH_MAX && str_find(s, '%') < s.len) {
		url_cover_decode(&plain, s);
		if (memmem(plain.p, plain.len, "://", 3))
			is_replaced = put_url(c, &shown, text_str(&plain), depth + 1);
		else
			is_replaced = put_parameters(c, &shown, text_str(&plain), "&#", depth + 1);
	}
	if (is_replaced)
		put_percent_encoded(t, text_str(&shown));
	else
		text_put(t, s);
	text_fini(&plain);
	text_fini(&shown);
	return is_replaced;
}

/* What stands between two &: one parameter, or several where the server divides at ; or at the ends of lines, or where a URL
 * stands in a value. A covered value goes on to the end, since the server may not divide it. */
static bool put_parameter(const struct url_cover *c, struct text *t, struct str s, unsigned depth)
{
	bool is_replaced = false;

	while (s.len > 0) {
		size_t divider = find_any(s, ";?\r\n");
		size_t eq = str_find(str_first(s, divider), '=');
		size_t from = eq < divider ? eq + 1 : 0;

		text_put(t, str_first(s, from));
		if (from > 0 && is_covered(c, str_first(s, eq)))
			return c->put(c->owner, t, str_from(s, from)) || is_replaced;
		is_replaced |= put_encoded(c, t, (struct str){s.p + from, divider - from}, depth);
		if (divider < s.len)
			text_byte(t, s.p[divider++]);
		s = str_from(s, divider);
	}
	return is_replaced;
}

static bool put_parameters(const struct url_cover *c, struct text *t, struct str s, const char *dividers, unsigned depth)
{
	bool is_replaced = false;

	for (;;) {
		size_t end = find_any(s, dividers);

		is_replaced |= put_parameter(c, t, str_first(s, end), depth);
		if (end == s.len)
			return is_replaced;
		text_byte(t, s.p[end]);
		s = str_from(s, end + 1);
	}
}

bool url_cover_query(const struct url_cover *c, struct text *t, struct str query)
{
	return put_parameters(c, t, query, "&", 0);
}

/* Where the authority begins: behind "scheme://", behind "//", or at the beginning, where it may be one. */
static size_t authority_start(struct str url)
{
	size_t n = 0;

	while (n < url.len && str_is_token((struct str){url.p + n, 1}))
		n++;
	if (str_starts(str_from(url, n), STR("://")))
		return n + 3;
	return str_starts(url, STR("//")) ? 2 : 0;
}

static bool put_authority(const struct url_cover *c, struct text *t, struct str authority)
{
	size_t at = authority.len;
	bool is_replaced = false;

	while (at > 0 && authority.p[at - 1] != '@')
		at--;
	if (at > 0) {
		is_replaced = c->put(c->owner, t, str_first(authority, at - 1));
		text_byte(t, '@');
	}
	text_put(t, str_from(authority, at));
	return is_replaced;
}

/* Segments of a path may be URLs as well. */
static bool put_path(const struct url_cover *c, struct text *t, struct str path, unsigned depth)
{
	bool is_replaced = false;

	while (path.len > 0) {
		size_t end = str_find(path, '/');

		is_replaced |= put_encoded(c, t, str_first(path, end), depth);
		if (end < path.len)
			text_byte(t, path.p[end++]);
		path = str_from(path, end);
	}
	return is_replaced;
}

static bool put_url(const struct url_cover *c, struct text *t, struct str url, unsigned depth)
{
	size_t from = authority_start(url);
	size_t len = find_any(str_from(url, from), "/?#"), mark;
	bool is_replaced;

	text_put(t, str_first(url, from));
	is_replaced = put_authority(c, t, str_first(str_from(url, from), len));
	url = str_from(url, from + len);
	mark = find_any(url, "?#");
	is_replaced |= put_path(c, t, str_first(url, mark), depth);
	if (mark == url.len)
		return is_replaced;
	text_byte(t, url.p[mark]);
	return put_parameters(c, t, str_from(url, mark + 1), "&#", depth) || is_replaced;
}

bool url_cover_url(const struct url_cover *c, struct text *t, struct str url)
{
	return put_url(c, t, url, 0);
}
