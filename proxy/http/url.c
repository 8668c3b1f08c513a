/* Targets as clients send them, and URLs as text (RFC 3986, RFC 9110 section 4.2, RFC 9112 section 3.2). */
#include "http/url.h"

#include "http/authority.h"

#include <string.h>

const char *scheme_name(enum scheme s)
{
	return s == SCHEME_HTTPS ? "https" : "http";
}

uint16_t scheme_port(enum scheme s)
{
	return s == SCHEME_HTTPS ? 443 : 80;
}

bool target_bytes_are_fine(struct str target)
{
	for (size_t i = 0; i < target.len; i++) {
		unsigned char c = (unsigned char)target.p[i];

		if (c <= ' ' || c >= 0x7f || c == '\\' || c == '#')
			return false;
	}
	return target.len > 0;
}

/* ALPHA *( ALPHA / DIGIT / "+" / "-" / "." ) */
static bool is_scheme(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];
		bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

		if (!is_letter && (i == 0 || !((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.')))
			return false;
	}
	return s.len > 0;
}

enum scheme_found scheme_split(struct str text, enum scheme *ret_scheme, struct str *ret_rest)
{
	size_t colon = str_find(text, ':');
	struct str name = str_first(text, colon);

	if (colon == text.len || !is_scheme(name))
		return SCHEME_ABSENT;
	*ret_rest = str_from(text, colon + 1);
	if (str_ieq(name, STR("http")))
		*ret_scheme = SCHEME_HTTP;
	else if (str_ieq(name, STR("https")))
		*ret_scheme = SCHEME_HTTPS;
	else
		return SCHEME_FOREIGN;
	return SCHEME_OURS;
}

size_t authority_end(struct str rest)
{
	size_t n = 0;

	while (n < rest.len && rest.p[n] != '/' && rest.p[n] != '?' && rest.p[n] != '#')
		n++;
	return n;
}

/* The path with its query, "/" put in front where it is missing. */
static struct str path_store(struct arena *a, struct str text)
{
	char *to;

	if (text.len > 0 && text.p[0] == '/')
		return arena_str(a, text);
	to = arena_alloc(a, text.len + 2);
	if (!to)
		return STR_NONE;
	to[0] = '/';
	if (text.len > 0)
		memcpy(to + 1, text.p, text.len);
	to[text.len + 1] = '\0';
	return (struct str){to, text.len + 1};
}

enum error url_parse_target(struct arena *a, struct str text, struct url *ret)
{
	struct url u = {0};
	struct authority_parts parts;
	struct str rest;
	enum scheme_found found;
	size_t n;

	if (!target_bytes_are_fine(text))
		return ERR_bad_target;
	found = scheme_split(text, &u.scheme, &rest);
	if (found == SCHEME_ABSENT || !str_starts(rest, STR("//")))
		return ERR_bad_target;
	if (found == SCHEME_FOREIGN)
		return ERR_scheme_unsupported;
	rest = str_from(rest, 2);
	n = authority_end(rest);
	if (authority_split(str_first(rest, n), &parts) != AUTHORITY_OK)
		return ERR_bad_target;
	rest = str_from(rest, n);
	u.is_bare = rest.len == 0;
	u.path = path_store(a, rest);
	if (!u.path.p || !authority_store(a, &parts, scheme_port(u.scheme), &u.authority))
		return ERR_bad_target;
	*ret = u;
	return ERR_none;
}

bool url_same_origin(const struct url *a, const struct url *b)
{
	return a->scheme == b->scheme && a->authority.port == b->authority.port && a->authority.kind == b->authority.kind &&
		str_eq(a->authority.host, b->authority.host);
}

struct str url_host_field(struct arena *a, const struct url *u)
{
	bool is_v6 = u->authority.kind == HOST_IPV6;
	const char *open = is_v6 ? "[" : "", *shut = is_v6 ? "]" : "";

	if (u->authority.port == scheme_port(u->scheme) && !is_v6)
		return u->authority.host;
	if (u->authority.port == scheme_port(u->scheme))
		return arena_printf(a, "[%.*s]", STR_ARG(u->authority.host));
	return arena_printf(a, "%s%.*s%s:%u", open, STR_ARG(u->authority.host), shut, (unsigned)u->authority.port);
}

struct str url_text(struct arena *a, const struct url *u)
{
	struct str host = url_host_field(a, u);
	bool is_star = str_eq(u->path, STR("*"));

	if (!host.p)
		return STR_NONE;
	return arena_printf(a, "%s://%.*s%.*s", scheme_name(u->scheme), STR_ARG(host), is_star ? 0 : (int)u->path.len,
		u->path.p);
}

struct str url_report(struct arena *a, const struct url *u)
{
	struct str text = url_text(a, u);

	if (!u->has_fragment || !text.p)
		return text;
	return arena_printf(a, "%.*s#%.*s", STR_ARG(text), STR_ARG(u->fragment));
}
