/* Secrets in URLs. Loose where url.h is strict: what comes here may be anything, and too much is covered rather than too
 * little. */
#include "store/redact/url_cover.h"

#include "http/percent.h"

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

/* The byte that s, which is not empty, begins with, and how many bytes of s it takes. */
static char decoded_byte(struct str s, size_t *ret_n)
{
	int byte = percent_byte(s);

	*ret_n = byte >= 0 ? 3 : 1;
	if (byte >= 0)
		return (char)byte;
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

/* Where the first "://" is, or s.len. */
static size_t find_scheme(struct str s)
{
	const char *found = s.len > 0 ? memmem(s.p, s.len, "://", 3) : NULL;

	return found ? (size_t)(found - s.p) : s.len;
}

/* Whether s holds a covered parameter, and where the value of the first one begins. */
static bool find_covered(const struct url_cover *c, struct str s, size_t *ret_value)
{
	struct str rest = str_find(s, '=') < s.len ? s : STR_NONE;

	while (rest.len > 0) {
		size_t divider = find_any(rest, "&;?\r\n");
		size_t eq = str_find(str_first(rest, divider), '=');

		if (eq < divider && is_covered(c, str_first(rest, eq))) {
			*ret_value = s.len - rest.len + eq + 1;
			return true;
		}
		rest = str_from(rest, divider < rest.len ? divider + 1 : divider);
	}
	return false;
}

/* The same for what is percent-encoded. */
static bool holds_covered(const struct url_cover *c, struct str s)
{
	struct text plain = {NULL, 0, 0};
	size_t value;
	bool holds;

	url_cover_decode(&plain, s);
	holds = find_covered(c, text_str(&plain), &value);
	text_fini(&plain);
	return holds;
}

/* What is behind the user information of s, which begins with what may be an authority; 0 if there is no @. */
static size_t user_end(struct str s)
{
	size_t n = find_any(s, "/?#");

	while (n > 0 && s.p[n - 1] != '@')
		n--;
	return n;
}

/* How much of s, which begins with what may be an authority, is user information. What may be a covered parameter as well goes
 * on to the next one. */
static size_t user_length(const struct url_cover *c, struct str s)
{
	size_t n = user_end(s);

	if (n > 0 && holds_covered(c, str_first(s, n - 1)))
		return n + find_any(str_from(s, n), "&#");
	return n > 0 ? n - 1 : 0;
}

/* The user information there and, up to the limit, behind every "://", even if it looks percent-encoded. */
static bool put_users(const struct url_cover *c, struct text *t, struct str s, size_t at, size_t limit)
{
	bool is_replaced = false;

	text_put(t, str_first(s, at));
	for (;;) {
		struct str rest = str_from(s, at);
		size_t user = user_length(c, rest), scheme;

		if (user > 0 || str_starts(rest, STR("@")))
			is_replaced |= c->put(c->owner, t, str_first(rest, user));
		at += user;
		rest = str_from(str_first(s, limit > at ? limit : at), at);
		scheme = find_scheme(rest);
		if (scheme == rest.len)
			break;
		text_put(t, str_first(rest, scheme + 3));
		at += scheme + 3;
	}
	text_put(t, str_from(s, at));
	return is_replaced;
}

/* What was percent-encoded: a URL or a query. */
static bool put_plain(const struct url_cover *c, struct text *t, struct str s, unsigned depth)
{
	return find_scheme(s) < s.len ? put_url(c, t, s, depth) : put_parameters(c, t, s, "&#", depth);
}

/* A percent-encoded URL or query. Where nothing in it is covered, it stays as it was encoded. */
static bool put_coded(const struct url_cover *c, struct text *t, struct str s, unsigned depth)
{
	struct text plain = {NULL, 0, 0}, shown = {NULL, 0, 0};
	bool is_replaced;

	url_cover_decode(&plain, s);
	is_replaced = put_plain(c, &shown, text_str(&plain), depth);
	if (is_replaced)
		put_percent_encoded(t, text_str(&shown));
	else
		text_put(t, s);
	text_fini(&plain);
	text_fini(&shown);
	return is_replaced;
}

/* A name, a value, or what else may be an encoded URL or query. */
static bool put_inner(const struct url_cover *c, struct text *t, struct str s, unsigned depth)
{
	if (depth < DEPTH_MAX && str_find(s, '%') < s.len)
		return put_coded(c, t, s, depth + 1);
	text_put(t, s);
	return false;
}

/* Names and values, divided where a server may do so. */
static bool put_pieces(const struct url_cover *c, struct text *t, struct str s, unsigned depth)
{
	bool is_replaced = false;

	while (s.len > 0) {
		size_t end = find_any(s, "=;?\r\n");

		if (end < s.len && s.p[end] == '=') {
			is_replaced |= put_inner(c, t, str_first(s, end), depth);
			text_byte(t, '=');
			s = str_from(s, end + 1);
			end = find_any(s, ";?\r\n");
		}
		is_replaced |= put_inner(c, t, str_first(s, end), depth);
		if (end < s.len)
			text_byte(t, s.p[end++]);
		s = str_from(s, end);
	}
	return is_replaced;
}

/* What is covered by no name: first the user information, in which dividers may stand. */
static bool put_uncovered(const struct url_cover *c, struct text *t, struct str s, unsigned depth)
{
	struct text shown = {NULL, 0, 0};
	size_t scheme = str_find(s, '@') < s.len ? find_scheme(s) : s.len;
	bool is_replaced = false;

	if (scheme < s.len) {
		is_replaced = put_users(c, &shown, s, scheme + 3, s.len);
		s = text_str(&shown);
	}
	is_replaced |= put_pieces(c, t, s, depth);
	text_fini(&shown);
	return is_replaced;
}

/* Whether s has a covered value, which may be empty, and where the first one begins, or the user information in which it
 * stands. */
static bool find_covered_start(const struct url_cover *c, struct str s, size_t *ret)
{
	struct str before;
	size_t value, at = 0, scheme;

	if (!find_covered(c, s, &value))
		return false;
	for (;;) {
		before = str_from(str_first(s, value), at);
		scheme = find_scheme(before);
		if (scheme == before.len)
			break;
		at += scheme + 3;
	}
	*ret = at > 0 && at + user_end(str_from(s, at)) > value ? at : value;
	return true;
}

/* What stands between two &: one parameter, or several where the server divides at ; or at the ends of lines, or where a URL
 * stands in a value. A covered value goes on to the end, since the server may not divide it. */
static bool put_parameter(const struct url_cover *c, struct text *t, struct str s, unsigned depth)
{
	size_t covered = s.len;
	bool has_covered = find_covered_start(c, s, &covered);
	bool is_replaced = put_uncovered(c, t, str_first(s, covered), depth);

	return (has_covered && c->put(c->owner, t, str_from(s, covered))) || is_replaced;
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

/* A segment of a path: parameters (RFC 3986, section 3.3), or encoded as one. */
static bool put_segment(const struct url_cover *c, struct text *t, struct str s, unsigned depth)
{
	struct text shown = {NULL, 0, 0};
	bool is_replaced;

	if (find_any(s, "=&;\r\n") == s.len)
		return put_inner(c, t, s, depth);
	is_replaced = put_parameters(c, &shown, s, "&", depth);
	is_replaced |= put_inner(c, t, text_str(&shown), depth);
	text_fini(&shown);
	return is_replaced;
}

/* What stands before query and fragment. */
static bool put_head(const struct url_cover *c, struct text *t, struct str head, unsigned depth)
{
	bool is_replaced = false;

	if (find_any(head, "%=") == head.len) { /* then no segment holds anything */
		text_put(t, head);
		return false;
	}
	while (head.len > 0) {
		size_t end = str_find(head, '/');

		is_replaced |= put_segment(c, t, str_first(head, end), depth);
		if (end < head.len)
			text_byte(t, head.p[end++]);
		head = str_from(head, end);
	}
	return is_replaced;
}

/* A URL without user information. It may as well be a query: where there is a covered parameter before the query, that goes on
 * to the next one. */
static bool put_parts(const struct url_cover *c, struct text *t, struct str url, unsigned depth)
{
	size_t end = find_any(url, "?#"), value;
	bool is_replaced;

	if (find_covered(c, str_first(url, end), &value)) {
		is_replaced = put_head(c, t, str_first(url, value), depth);
		end = value + find_any(str_from(url, value), "&#");
		is_replaced |= c->put(c->owner, t, str_first(str_from(url, value), end - value));
	} else {
		is_replaced = put_head(c, t, str_first(url, end), depth);
	}
	if (end == url.len)
		return is_replaced;
	text_byte(t, url.p[end]);
	return put_parameters(c, t, str_from(url, end + 1), "&#", depth) || is_replaced;
}

static bool put_url(const struct url_cover *c, struct text *t, struct str url, unsigned depth)
{
	struct text shown = {NULL, 0, 0};
	size_t end = find_any(url, "?#");
	bool is_replaced = false;

	if (str_find(url, '@') < end) {
		is_replaced = put_users(c, &shown, url, authority_start(url), end);
		url = text_str(&shown);
	}
	is_replaced |= put_parts(c, t, url, depth);
	text_fini(&shown);
	return is_replaced;
}

/* Whether there is anything in s that could be covered. */
static bool may_hold(struct str s)
{
	return str_find(s, '=') < s.len || str_find(s, '@') < s.len || str_find(s, '%') < s.len;
}

bool url_cover_url(const struct url_cover *c, struct text *t, struct str url)
{
	if (!may_hold(url)) {
		text_put(t, url);
		return false;
	}
	return put_url(c, t, url, 0);
}
