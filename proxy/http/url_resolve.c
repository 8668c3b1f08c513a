/* A Location against the URL that answered with it (RFC 3986 section 5.2), and the reasons for leaving it alone. Whatever two
 * programs could read differently is refused. Not for: whether a redirect is followed. */
#include "http/authority.h"
#include "http/url.h"

#include <string.h>

enum { LOCATION_BYTES_MAX = 16384 };

/* A reference taken apart; slices of the Location. */
struct reference {
	struct url url; /* scheme and authority: the reference's own or the base's */
	struct str path, query, fragment;
	bool has_authority, has_query, has_fragment;
};

const char *location_refusal_name(enum location_refusal r)
{
	static const char *const names[] = {
		[LOCATION_OK] = "ok",
		[LOCATION_EMPTY] = "empty",
		[LOCATION_SCHEME] = "scheme",
		[LOCATION_USERINFO] = "userinfo",
		[LOCATION_BACKSLASH] = "backslash",
		[LOCATION_HOST] = "host",
		[LOCATION_PORT] = "port",
		[LOCATION_BYTES] = "bytes",
		[LOCATION_TOO_LONG] = "too_long",
	};

	return (size_t)r < sizeof(names) / sizeof(*names) ? names[r] : "?";
}

/* What refuses a Location whatever its parts are. */
static enum location_refusal check_bytes(struct str text)
{
	bool has_backslash = false;

	if (text.len == 0)
		return LOCATION_EMPTY;
	if (text.len > LOCATION_BYTES_MAX)
		return LOCATION_TOO_LONG;
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c < ' ' || c == 0x7f)
			return LOCATION_BYTES;
		has_backslash |= c == '\\';
	}
	return has_backslash ? LOCATION_BACKSLASH : LOCATION_OK;
}

/* Takes what follows the first c off the end of *text. */
static bool cut_at(struct str *text, char c, struct str *ret_rest)
{
	size_t n = str_find(*text, c);

	if (n == text->len)
		return false;
	*ret_rest = str_from(*text, n + 1);
	*text = str_first(*text, n);
	return true;
}

static enum location_refusal split_reference(struct arena *a, const struct url *base, struct str text, bool drops_userinfo,
	struct reference *ret)
{
	struct reference r = {.url = *base};
	/* a colon behind the first "/" or "?" belongs to the path, not to a scheme */
	struct str head = str_first(text, authority_end(text)), rest;
	enum scheme_found found = scheme_split(head, &r.url.scheme, &rest);

	if (found == SCHEME_FOREIGN)
		return LOCATION_SCHEME;
	if (found == SCHEME_OURS) {
		text = str_from(text, head.len - rest.len);
		if (!str_starts(text, STR("//")))
			return LOCATION_HOST;
	}
	r.has_fragment = cut_at(&text, '#', &r.fragment);
	if (str_starts(text, STR("//"))) {
		size_t n = authority_end(str_from(text, 2));
		enum location_refusal refusal = authority_of_location(a, str_first(str_from(text, 2), n),
			scheme_port(r.url.scheme), drops_userinfo, &r.url.authority);

		if (refusal != LOCATION_OK)
			return refusal;
		r.has_authority = true;
		text = str_from(text, 2 + n);
	}
	r.has_query = cut_at(&text, '?', &r.query);
	r.path = text;
	*ret = r;
	return LOCATION_OK;
}

/* Appends to a buffer that is large enough by construction. */
struct writer {
	char *p;
	size_t n;
};

static void put(struct writer *w, struct str s)
{
	if (s.len > 0)
		memcpy(w->p + w->n, s.p, s.len);
	w->n += s.len;
}

/* Percent-encodes what must not stand in a target; "%" stays as it is, whatever follows it. */
static void put_encoded(struct writer *w, struct str s)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c <= ' ' || c >= 0x7f || strchr("\"<>^`{|}", c)) {
			w->p[w->n++] = '%';
			w->p[w->n++] = hex[c >> 4];
			w->p[w->n++] = hex[c & 15];
		} else {
			w->p[w->n++] = (char)c;
		}
	}
}

/* RFC 3986 section 5.2.4, in place: the path begins with "/". */
static size_t remove_dots(char *path, size_t len)
{
	size_t from = 0, to = 0;

	while (from < len) {
		size_t end = from + 1;
		size_t n;

		while (end < len && path[end] != '/')
			end++;
		n = end - from; /* one segment with the "/" in front of it */
		if (n == 3 && path[from + 1] == '.' && path[from + 2] == '.') {
			while (to > 0 && path[--to] != '/')
				;
		} else if (n != 2 || path[from + 1] != '.') {
			memmove(path + to, path + from, n);
			to += n;
			from = end;
			continue;
		}
		from = end;
		if (from == len)
			path[to++] = '/'; /* a last "." or ".." leaves its slash */
	}
	return to;
}

/* Path and query of the result. */
static struct str build_path(struct arena *a, const struct url *base, const struct reference *r)
{
	struct str base_path = str_eq(base->path, STR("*")) ? STR("/") : base->path, base_query = {"", 0};
	bool has_base_query = cut_at(&base_path, '?', &base_query);
	struct writer w = {arena_alloc(a, base->path.len + 3 * (r->path.len + r->query.len) + 4), 0};

	if (!w.p)
		return STR_NONE;
	if (r->path.len == 0 && !r->has_authority) {
		put(&w, base_path);
	} else {
		if (r->path.len > 0 && r->path.p[0] != '/')
			while (base_path.len > 1 && base_path.p[base_path.len - 1] != '/')
				base_path.len--;
		if (r->path.len == 0 || (r->path.p[0] != '/' && r->has_authority))
			put(&w, STR("/"));
		else if (r->path.p[0] != '/')
			put(&w, base_path);
		put_encoded(&w, r->path);
		w.n = remove_dots(w.p, w.n);
	}
	if (r->has_query) {
		put(&w, STR("?"));
		put_encoded(&w, r->query);
	} else if (has_base_query && r->path.len == 0 && !r->has_authority) {
		put(&w, STR("?"));
		put(&w, base_query);
	}
	return (struct str){w.p, w.n};
}

static struct str build_fragment(struct arena *a, struct str raw)
{
	struct writer w = {arena_alloc(a, 3 * raw.len + 1), 0};

	if (!w.p)
		return STR_NONE;
	put_encoded(&w, raw);
	return (struct str){w.p, w.n};
}

enum location_refusal url_resolve(struct arena *a, const struct url *base, struct str location, bool drops_userinfo,
	struct url *ret)
{
	struct str text = str_trim(location);
	enum location_refusal refusal = check_bytes(text);
	struct reference r;

	if (refusal == LOCATION_OK)
		refusal = split_reference(a, base, text, drops_userinfo, &r);
	if (refusal != LOCATION_OK)
		return refusal;
	r.url.path = build_path(a, base, &r);
	r.url.is_bare = false;
	if (r.has_fragment) {
		r.url.fragment = build_fragment(a, r.fragment);
		r.url.has_fragment = true;
	}
	if (!r.url.path.p || (r.url.has_fragment && !r.url.fragment.p))
		return LOCATION_TOO_LONG;
	*ret = r.url;
	return LOCATION_OK;
}
