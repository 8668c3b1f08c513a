/* Secrets in URLs. Loose where url.h is strict: what comes here may be anything, and too much is covered rather than too
 * little. */
#include "store/url_cover.h"

#include <string.h>

enum { NAME_BYTES = 256 };

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

/* What stands between two &: one parameter, or several where the server divides at ; or where a URL stands in a value. A
 * covered value goes on to the end, since the server may not divide it. */
static bool put_parameter(const struct url_cover *c, struct text *t, struct str s)
{
	while (s.len > 0) {
		size_t divider = find_any(s, ";?");
		size_t eq = str_find(str_first(s, divider), '=');

		if (eq < divider && is_covered(c, str_first(s, eq))) {
			text_put(t, str_first(s, eq + 1));
			return c->put(c->owner, t, str_from(s, eq + 1));
		}
		divider += divider < s.len;
		text_put(t, str_first(s, divider));
		s = str_from(s, divider);
	}
	return false;
}

static bool put_parameters(const struct url_cover *c, struct text *t, struct str s, const char *dividers)
{
	bool is_replaced = false;

	for (;;) {
		size_t end = find_any(s, dividers);

		is_replaced |= put_parameter(c, t, str_first(s, end));
		if (end == s.len)
			return is_replaced;
		text_byte(t, s.p[end]);
		s = str_from(s, end + 1);
	}
}

bool url_cover_query(const struct url_cover *c, struct text *t, struct str query)
{
	return put_parameters(c, t, query, "&");
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

bool url_cover_url(const struct url_cover *c, struct text *t, struct str url)
{
	size_t from = authority_start(url);
	size_t len = find_any(str_from(url, from), "/?#"), mark;
	bool is_replaced;

	text_put(t, str_first(url, from));
	is_replaced = put_authority(c, t, str_first(str_from(url, from), len));
	url = str_from(url, from + len);
	mark = find_any(url, "?#");
	text_put(t, str_first(url, mark));
	if (mark == url.len)
		return is_replaced;
	text_byte(t, url.p[mark]);
	return put_parameters(c, t, str_from(url, mark + 1), "&#") || is_replaced;
}
