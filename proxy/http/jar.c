/* What hops set, kept in the order of its coming (RFC 6265 sections 5.3 and 5.4). The Cookie value is made in jar_field.c. */
#include "http/jar.h"

#include "http/jar_part.h"

enum { PATH_BYTES = 1024 }; /* of a Path attribute: clients pass over a longer one (6265bis) */

struct jar_line {
	struct str text;
	struct cookie cookie;
	enum cookie_refusal refusal;
	struct str host; /* that answered */
	struct cookie_fate *fate;
	struct jar_line *next;
};

/* Cookies are the same by name, domain and path (RFC 6265 section 5.3 step 11), and by being host-only (6265bis). */
static bool is_same(const struct cookie *a, const struct cookie *b)
{
	return str_eq(a->name, b->name) && str_eq(a->domain, b->domain) && str_eq(a->path, b->path) &&
		a->is_host_only == b->is_host_only;
}

/* 6265bis section 5.7: over http nobody takes the place of a Secure cookie, or hides it behind another path or domain. */
static bool is_over_secure(const struct jar *j, const struct cookie *c, const struct url *from, int64_t now_s)
{
	if (c->is_secure || from->scheme == SCHEME_HTTPS)
		return false;
	for (const struct jar_cookie *k = j->cookies; k; k = k->next) {
		const struct cookie *held = &k->cookie;

		if (held->is_secure && !cookie_is_expired(held, now_s) && str_eq(held->name, c->name) &&
			(cookie_domain_covers(held->domain, c->domain) || cookie_domain_covers(c->domain, held->domain)) &&
			cookie_path_covers(held->path, c->path))
			return true;
	}
	return false;
}

static size_t cookie_bytes(const struct cookie *c)
{
	return c->name.len + c->value.len;
}

/* True if the jar holds too much for one more, in the place of another or as a new one. */
static bool is_full(const struct jar *j, const struct cookie *c, const struct jar_cookie *instead_of)
{
	size_t bytes = cookie_bytes(c);

	if (!instead_of && j->n == JAR_COOKIES)
		return true;
	for (const struct jar_cookie *k = j->cookies; k; k = k->next)
		bytes += k == instead_of ? 0 : cookie_bytes(&k->cookie);
	return bytes > JAR_BYTES;
}

/* Puts a cookie in the place of the same one, which keeps its age, or behind all others. False when the arena is full. */
static bool put(struct jar *j, struct arena *a, const struct cookie *c, enum cookie_refusal *ret)
{
	struct jar_cookie **at = &j->cookies;

	while (*at && !is_same(&(*at)->cookie, c))
		at = &(*at)->next;
	*ret = COOKIE_OK;
	if (is_full(j, c, *at)) {
		*ret = COOKIE_TOO_MANY;
		return true;
	}
	if (!*at) {
		*at = arena_zalloc(a, sizeof(**at));
		if (!*at)
			return false;
		j->n++;
	}
	(*at)->cookie = *c;
	return true;
}

/* A new line at the end of the jar's, with its fate. NULL when the arena is full. */
static struct jar_line *add_line(struct jar *j, struct arena *a)
{
	struct jar_line *line = arena_zalloc(a, sizeof(*line));

	if (!line)
		return NULL;
	line->fate = arena_zalloc(a, sizeof(*line->fate));
	if (!line->fate)
		return NULL;
	*(j->last_line ? &j->last_line->next : &j->lines) = line;
	j->last_line = line;
	return line;
}

/* NULL when the arena is full. */
static const char *words_of(struct arena *a, const struct jar_line *line, int64_t now_s)
{
	if (line->refusal != COOKIE_OK)
		return arena_printf(a, "refused: %s", cookie_refusal_name(line->refusal)).p;
	return cookie_is_expired(&line->cookie, now_s) ? "deleted" : "kept for the chain";
}

/* NULL when the arena is full. */
static struct jar_line *take_line(struct jar *j, struct arena *a, const struct url *from, struct str text, int64_t now_s)
{
	struct jar_line *line = add_line(j, a);

	if (!line)
		return NULL;
	line->text = text;
	line->host = from->authority.host;
	line->refusal = cookie_parse(a, text, from, now_s, &line->cookie);
	if (line->refusal == COOKIE_OK && is_over_secure(j, &line->cookie, from, now_s))
		line->refusal = COOKIE_OVER_SECURE;
	if (line->refusal == COOKIE_OK && !put(j, a, &line->cookie, &line->refusal))
		return NULL;
	line->fate->name = line->cookie.name;
	line->fate->words = words_of(a, line, now_s);
	return line->fate->words ? line : NULL;
}

bool jar_take(struct jar *j, struct arena *a, const struct url *from, const struct fields *response, int64_t now_s,
	struct cookie_fate **ret_fates)
{
	struct cookie_fate *first = NULL, *last = NULL;
	const struct field *f = fields_find(response, STR("Set-Cookie"), 0);

	j->latest = NULL;
	for (; f; f = fields_find(response, STR("Set-Cookie"), (size_t)(f - response->v) + 1)) {
		struct jar_line *line = take_line(j, a, from, f->value, now_s);

		if (!line)
			return false;
		if (!j->latest)
			j->latest = line;
		if (last)
			last->next = line->fate;
		else
			first = line->fate;
		last = line->fate;
	}
	*ret_fates = first;
	return true;
}

/* A path of a URL may hold what would end the attribute and begin another. */
static bool path_can_be_written(struct str path)
{
	return path.len <= PATH_BYTES && str_find(path, ';') == path.len;
}

/* The path that the client would not find out itself has to be written. */
static bool needs_path(const struct cookie *c, const struct url *first)
{
	return !c->has_path && !str_eq(c->path, cookie_default_path(first));
}

/* The client's own jar may be larger, and whether it takes a Secure cookie over http is its own affair where its host sets it (RFC 6265 says
 * nothing against it): without redirects it would have got the line, too. */
static bool may_be_kept_by_client(const struct jar_line *line, struct str host)
{
	return line->refusal == COOKIE_TOO_MANY || (line->refusal == COOKIE_NOT_SECURE && str_eq(line->host, host));
}

/* NULL: it is given. */
static const char *why_held_back(const struct jar_line *line, const struct url *first)
{
	const struct cookie *c = &line->cookie;
	struct str host = first->authority.host;

	if (line->refusal != COOKIE_OK && !may_be_kept_by_client(line, host))
		return "held back: refused";
	if (!str_eq(line->host, host) && (c->is_host_only || !cookie_domain_covers(c->domain, host)))
		return "held back: of another host";
	if (needs_path(c, first) && !path_can_be_written(c->path))
		return "held back: its path cannot be written";
	return NULL;
}

/* False when the arena is full. */
static bool give_line(const struct jar_line *line, struct arena *a, const struct url *first, struct fields *to)
{
	struct str text = line->text;

	line->fate->client_words = why_held_back(line, first);
	if (line->fate->client_words)
		return true;
	line->fate->client_words = "given to the client";
	if (needs_path(&line->cookie, first)) {
		text = arena_printf(a, "%.*s; Path=%.*s", STR_ARG(text), STR_ARG(line->cookie.path));
		line->fate->client_words = "given to the client, its path made explicit";
	}
	return text.p && fields_add(a, to, STR("Set-Cookie"), text);
}

/* What is left of the bounds after one more line of an earlier hop; false if it does not fit. */
static bool fits(const struct jar_line *line, const struct url *first, size_t *lines, size_t *bytes)
{
	if (why_held_back(line, first))
		return true;
	*lines += 1;
	*bytes += line->text.len;
	return *lines <= JAR_COOKIES && *bytes <= JAR_BYTES;
}

bool jar_give(struct jar *j, struct arena *a, const struct url *first, struct fields *to)
{
	size_t lines = 0, bytes = 0;
	bool is_latest = false;

	for (const struct jar_line *line = j->lines; line; line = line->next) {
		is_latest = is_latest || line == j->latest;
		if (!is_latest && !fits(line, first, &lines, &bytes))
			line->fate->client_words = "held back: there are too many cookies";
		else if (!give_line(line, a, first, to))
			return false;
	}
	return true;
}
