/* Byte slices: comparing, cutting, the list and token grammar of RFC 9110 section 5.6, escaping for logs.
 * Not for owning bytes: arena.h does. ASCII only, whatever the locale is. */
#include "base/str.h"

#include <string.h>

/* An ASCII letter in lower case; any other byte as it is. */
static unsigned char fold(char c)
{
	unsigned char u = (unsigned char)c;

	return u >= 'A' && u <= 'Z' ? (unsigned char)(u + ('a' - 'A')) : u;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_alnum(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_tchar(unsigned char c)
{
	return is_alnum(c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

struct str str_of(const char *c)
{
	if (c == NULL)
		return STR_NONE;
	return (struct str){c, strlen(c)};
}

bool str_eq(struct str a, struct str b)
{
	/* memcmp does not take the NULL of an empty slice. */
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

bool str_ieq(struct str a, struct str b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++) {
		if (fold(a.p[i]) != fold(b.p[i]))
			return false;
	}
	return true;
}

bool str_starts(struct str s, struct str prefix)
{
	return s.len >= prefix.len && str_eq(str_first(s, prefix.len), prefix);
}

bool str_istarts(struct str s, struct str prefix)
{
	return s.len >= prefix.len && str_ieq(str_first(s, prefix.len), prefix);
}

bool str_iends(struct str s, struct str suffix)
{
	return s.len >= suffix.len && str_ieq(str_from(s, s.len - suffix.len), suffix);
}

size_t str_find(struct str s, char c)
{
	const char *at = s.len != 0 ? memchr(s.p, c, s.len) : NULL;

	return at != NULL ? (size_t)(at - s.p) : s.len;
}

struct str str_from(struct str s, size_t n)
{
	if (n == 0)
		return s; /* p may be NULL, to which nothing may be added */
	return (struct str){s.p + n, s.len - n};
}

struct str str_first(struct str s, size_t n)
{
	return (struct str){s.p, n};
}

struct str str_trim(struct str s)
{
	while (s.len != 0 && is_blank(s.p[0]))
		s = str_from(s, 1);
	while (s.len != 0 && is_blank(s.p[s.len - 1]))
		s.len--;
	return s;
}

bool str_is_token(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (!is_tchar((unsigned char)s.p[i]))
			return false;
	}
	return s.len != 0;
}

/* Index of the comma that ends the first item, or s.len. A quoted string that does not end reaches to the end. */
static size_t item_end(struct str s)
{
	bool is_quoted = false;

	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] == '"')
			is_quoted = !is_quoted;
		else if (is_quoted && s.p[i] == '\\')
			i++;
		else if (!is_quoted && s.p[i] == ',')
			return i;
	}
	return s.len;
}

bool str_list_next(struct str *list, struct str *ret_item)
{
	while (list->len != 0) {
		size_t end = item_end(*list);
		struct str item = str_trim(str_first(*list, end));

		*list = str_from(*list, end < list->len ? end + 1 : end);
		if (item.len != 0) {
			*ret_item = item;
			return true;
		}
	}
	return false;
}

bool str_list_has(struct str list, struct str item)
{
	struct str next;

	while (str_list_next(&list, &next)) {
		if (str_ieq(next, item))
			return true;
	}
	return false;
}

bool str_to_u64(struct str s, uint64_t max, uint64_t *ret)
{
	uint64_t value = 0;

	if (s.len == 0)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		unsigned digit = (unsigned)(unsigned char)s.p[i] - '0';

		if (digit > 9 || value > max / 10 || digit > max - value * 10)
			return false;
		value = value * 10 + digit;
	}
	*ret = value;
	return true;
}

size_t str_escape(struct str s, char *to, size_t size)
{
	static const char hex[] = "0123456789abcdef";
	size_t len = 0;

	if (size == 0)
		return 0;
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool is_plain = c >= 0x20 && c <= 0x7e && c != '\\' && c != '"';

		if ((is_plain ? 1U : 4U) > size - 1 - len)
			break; /* an escape is written whole or not at all */
		if (is_plain) {
			to[len++] = (char)c;
			continue;
		}
		to[len++] = '\\';
		to[len++] = 'x';
		to[len++] = hex[c >> 4];
		to[len++] = hex[c & 15];
	}
	to[len] = '\0';
	return len;
}

int str_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}
