/* What hops set, kept in the order of its coming (RFC 6265 sections 5.3 and 5.4). The Cookie value is made in jar_field.c. */
#include "http/jar.h"

#include "http/jar_part.h"

#define PATH_ATTRIBUTE "; Path="

enum { PATH_BYTES = 1024 }; /* of a Path attribute: clients pass over a longer one (6265bis) */

struct jar_line {
	struct str text;
	struct cookie cookie;
	enum cookie_refusal refusal;
	struct str host; /* that answered */
	struct cookie_fate *fate;
	struct jar_line *next, *previous;
	const struct jar_line *next_standing; /* while lines are chosen for the client */
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

static bool is_buried(const struct jar_cookie *k)
{
	return k->cookie.has_expiry && k->cookie.expires_s == INT64_MIN;
}

/* What is left of a cookie that is gone keeps the client's own of that name back. For good, even if the clock is set back: the
 * number of those that may be sent stays bounded. */
static void bury(struct jar_cookie *k)
{
	k->cookie.value = STR_NONE;
	k->cookie.has_expiry = true;
	k->cookie.expires_s = INT64_MIN;
}

static struct jar_cookie *find(const struct jar *j, const struct cookie *c)
{
	struct jar_cookie *k = j->cookies;

	while (k && !is_same(&k->cookie, c))
		k = k->next;
	return k;
}

/* True if there is room for a cookie beside those that are not buried, in the place of another or as a new one. */
static bool has_room(const struct jar *j, const struct cookie *c, const struct jar_cookie *instead_of)
{
	size_t n = 1, bytes = cookie_bytes(c);

	for (const struct jar_cookie *k = j->cookies; k; k = k->next) {
		if (k == instead_of || is_buried(k))
			continue;
		n++;
		bytes += cookie_bytes(&k->cookie);
	}
	return n <= JAR_COOKIES && bytes <= JAR_BYTES;
}

/* Takes the oldest buried one out; NULL if there is none. Of JAR_ENTRIES there are some, since no more than JAR_COOKIES are not buried. */
static struct jar_cookie *take_out_buried(struct jar *j)
{
	struct jar_cookie **at = &j->cookies, *k;

	while (*at && !is_buried(*at))
		at = &(*at)->next;
	k = *at;
	if (!k)
		return NULL;
	*at = k->next;
	k->next = NULL;
	return k;
}

/* A place behind all others. NULL when the arena is full. */
static struct jar_cookie *add_entry(struct jar *j, struct arena *a)
{
	bool is_full = j->n == JAR_ENTRIES;
	struct jar_cookie *k = is_full ? take_out_buried(j) : arena_zalloc(a, sizeof(*k)), **at = &j->cookies;

	if (!k)
		return NULL;
	j->n += !is_full;
	while (*at)
		at = &(*at)->next;
	*at = k;
	return k;
}

/* Puts a cookie in the place of the same one, which keeps its age, or behind all others. Where there is no room for it, the
 * value that it was to replace goes all the same: it is out of date. False when the arena is full. */
static bool put(struct jar *j, struct arena *a, const struct cookie *c, int64_t now_s, enum cookie_refusal *ret)
{
	bool is_deletion = cookie_is_expired(c, now_s);
	struct jar_cookie *k = find(j, c);

	*ret = COOKIE_OK;
	if (!is_deletion && !has_room(j, c, k)) {
		*ret = COOKIE_TOO_MANY;
		if (k)
			bury(k);
		return true;
	}
	if (!k)
		k = add_entry(j, a);
	if (!k)
		return false;
	k->cookie = *c;
	if (is_deletion)
		bury(k);
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
	line->previous = j->last_line;
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
	if (line->refusal == COOKIE_OK && !put(j, a, &line->cookie, now_s, &line->refusal))
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

/* The client's own jar may be larger, and whether it takes a Secure cookie over http is its own affair where its host sets it
 * (RFC 6265 says nothing against it): without redirects it would have got the line, too. */
static bool may_be_kept_by_client(const struct jar_line *line, struct str host)
{
	return line->refusal == COOKIE_TOO_MANY || (line->refusal == COOKIE_NOT_SECURE && str_eq(line->host, host));
}

/* NULL: it may be given. */
static const char *why_not_for_client(const struct jar_line *line, const struct url *first)
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

/* What is known of the newer lines while all are gone through from the newest on. */
struct choice {
	size_t lines, bytes;             /* that are added to the head */
	const struct jar_line *standing; /* the last ones of their cookies, given or not */
	size_t looked_at;                /* cookies of earlier hops */
};

static bool is_superseded(const struct choice *c, const struct jar_line *line)
{
	for (const struct jar_line *later = c->standing; later; later = later->next_standing) {
		if (is_same(&later->cookie, &line->cookie))
			return true;
	}
	return false;
}

/* Counts what a line adds, unless that is too much: all of it or, of the latest response, whose lines would be there without
 * redirects too, the path only. */
static bool add(struct choice *c, const struct jar_line *line, bool is_latest, bool has_path)
{
	size_t bytes = has_path ? sizeof(PATH_ATTRIBUTE) - 1 + line->cookie.path.len : 0;

	if (!is_latest)
		bytes += sizeof("Set-Cookie: \r\n") - 1 + line->text.len;
	if (c->lines + !is_latest > JAR_COOKIES || c->bytes + bytes > JAR_BYTES)
		return false;
	c->lines += !is_latest;
	c->bytes += bytes;
	return true;
}

/* NULL: it is given. A client may keep no Secure cookie over http: it gets the one before, too. */
static const char *choose(struct choice *c, struct jar_line *line, const struct url *first, bool is_latest)
{
	static const char too_many[] = "held back: there are too many cookies";
	const char *why = why_not_for_client(line, first);

	if (why)
		return why;
	if (!is_latest && c->looked_at == JAR_ENTRIES)
		return too_many;
	if (!is_latest && is_superseded(c, line))
		return "held back: superseded by a later hop";
	c->looked_at += !is_latest;
	if (line->refusal != COOKIE_NOT_SECURE) {
		line->next_standing = c->standing;
		c->standing = line;
	}
	if (add(c, line, is_latest, needs_path(&line->cookie, first)))
		return NULL;
	return is_latest ? "held back: there is no room for its path" : too_many;
}

/* False when the arena is full. */
static bool give_line(const struct jar_line *line, struct arena *a, const struct url *first, struct fields *to)
{
	struct str text = line->text;

	line->fate->client_words = "given to the client";
	if (needs_path(&line->cookie, first)) {
		text = arena_printf(a, "%.*s" PATH_ATTRIBUTE "%.*s", STR_ARG(text), STR_ARG(line->cookie.path));
		line->fate->client_words = "given to the client, its path made explicit";
	}
	return text.p && fields_add(a, to, STR("Set-Cookie"), text);
}

bool jar_give(struct jar *j, struct arena *a, const struct url *first, struct fields *to)
{
	struct choice choice = {.lines = 0};
	bool is_latest = j->latest != NULL;

	for (struct jar_line *line = j->last_line; line; line = line->previous) {
		line->fate->client_words = choose(&choice, line, first, is_latest);
		is_latest = is_latest && line != j->latest;
	}
	for (const struct jar_line *line = j->lines; line; line = line->next) {
		if (!line->fate->client_words && !give_line(line, a, first, to))
			return false;
	}
	return true;
}
