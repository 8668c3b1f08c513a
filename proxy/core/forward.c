/* Requests on their way to an origin: see forward.h. */
#include "core/forward.h"

#include "core/forward_part.h"

#include <string.h>

static const struct field_row request_rows[] = {
	FIELD_ROWS_HOP_BY_HOP,
	FIELD_ROW("Host", FIELD_HOST),
	FIELD_ROW("Expect", FIELD_EXPECT),
	FIELD_ROW("Authorization", FIELD_AUTHORIZATION),
	FIELD_ROW("Cookie", FIELD_COOKIE),
	FIELD_ROW("Cookie2", FIELD_COOKIE2),
	FIELD_ROW("Origin", FIELD_ORIGIN),
	FIELD_ROW("Referer", FIELD_REFERER),
	FIELD_ROW("Max-Forwards", FIELD_MAX_FORWARDS),
	/* RFC 9110 section 15.4 step 5, the Fetch standard's request-body-header names, and what else speaks of a body. */
	FIELD_ROW("Content-Type", FIELD_CONTENT),
	FIELD_ROW("Content-Encoding", FIELD_CONTENT),
	FIELD_ROW("Content-Language", FIELD_CONTENT),
	FIELD_ROW("Content-Location", FIELD_CONTENT),
	FIELD_ROW("Content-Range", FIELD_CONTENT),
	FIELD_ROW("Content-MD5", FIELD_CONTENT),
	FIELD_ROW("Content-Digest", FIELD_CONTENT),
	FIELD_ROW("Repr-Digest", FIELD_CONTENT),
	FIELD_ROW("Digest", FIELD_CONTENT),
	FIELD_ROW("Last-Modified", FIELD_CONTENT),
	FIELD_ROW("Trailer", FIELD_CONTENT),
};

/* A request for one hop while it is made. */
struct making {
	struct arena *a;
	const struct forward_request *f;
	struct message *m;
	struct drop_list drops;
	struct str cookies;
	bool has_cookies; /* asked for, and added if there were any */
	bool nominates;
};

void taint_add(struct taint *t, const struct url *from, const struct url *to)
{
	bool is_downgrade = from->scheme == SCHEME_HTTPS && to->scheme == SCHEME_HTTP;

	if (!url_same_origin(from, to)) {
		t->origin = true;
		t->changes++;
	}
	/* Cookies know no ports (RFC 6265 section 8.5), but they must not fall from https to http. */
	if (is_downgrade || !str_eq(from->authority.host, to->authority.host))
		t->host = true;
	if (is_downgrade)
		t->downgraded = true;
}

static bool is_sensitive(const struct text_list *names, struct str name)
{
	if (names == NULL)
		return false;
	for (size_t i = 0; i < names->n; i++) {
		if (str_ieq(str_of(names->v[i]), name))
			return true;
	}
	return false;
}

/* Why a field of the client's is withheld from this hop; NULL if it is not. */
static const char *why_withheld(const struct forward_request *f, enum field_kind kind, struct str name)
{
	const struct taint *t = &f->taint;

	if (t->origin && (kind == FIELD_AUTHORIZATION || is_sensitive(f->sensitive, name)))
		return "the origin changed";
	if (t->host && (kind == FIELD_COOKIE || kind == FIELD_COOKIE2))
		return t->downgraded ? "https became http" : "the host changed";
	if (t->downgraded && kind == FIELD_REFERER)
		return "https became http";
	if (f->drops_body && (kind == FIELD_CONTENT || kind == FIELD_EXPECT))
		return "the body was dropped";
	if (!f->is_first && kind == FIELD_EXPECT)
		return "it was for the first hop";
	return NULL;
}

static enum field_kind kind_of(struct str name)
{
	return forward_field_kind(name, request_rows, sizeof(request_rows) / sizeof(request_rows[0]));
}

static bool is_number(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	}
	return s.len > 0;
}

/* Max-Forwards, where it counts, is one less behind us, and at most what we support (RFC 9110 section 7.6.2). 0 is answered by
 * local.c. */
static bool add_max_forwards(struct making *k, const struct field *field)
{
	bool counts = k->f->method == METHOD_TRACE || k->f->method == METHOD_OPTIONS;
	struct str value = field->value;
	uint64_t left;

	if (counts && str_to_u64(value, UINT32_MAX, &left))
		value = left == 0 ? value : arena_printf(k->a, "%llu", (unsigned long long)left - 1);
	else if (counts && is_number(value))
		value = STR("4294967295");
	return value.p != NULL && fields_add(k->a, &k->m->fields, field->name, value);
}

/* All Cookie fields in one, as HTTP/1.1 has it (RFC 9113 section 8.2.3); no copy is made of a single one. */
static bool join_cookies(struct arena *a, const struct fields *fields, struct str *ret)
{
	size_t n = 0, len = 0, used = 0;
	char *to;

	for (size_t i = 0; i < fields->n; i++) {
		if (fields->v[i].name.len != sizeof("Cookie") - 1 || !str_ieq(fields->v[i].name, STR("Cookie")))
			continue;
		*ret = fields->v[i].value;
		len += ret->len + 2;
		n++;
	}
	if (n < 2)
		return true;
	to = arena_alloc(a, len);
	if (to == NULL)
		return false;
	for (size_t i = 0; i < fields->n; i++) {
		struct str value = fields->v[i].value;

		if (!str_ieq(fields->v[i].name, STR("Cookie")) || value.len == 0)
			continue;
		if (used > 0) {
			memcpy(to + used, "; ", 2);
			used += 2;
		}
		memcpy(to + used, value.p, value.len);
		used += value.len;
	}
	*ret = (struct str){to, used};
	return true;
}

/* True if the chain has set or deleted a cookie. */
static bool has_set(const struct jar *jar)
{
	return jar != NULL && (jar->cookies != NULL || jar->lines != NULL);
}

bool forward_cookies(struct arena *a, const struct message *original, const struct jar *jar, struct taint taint,
	const struct url *to, int64_t now_s, struct str *ret)
{
	struct str cookies = STR_NONE;
	bool is_full = false;

	if (!taint.host && !forward_is_nominated(original, STR("Cookie")) && !join_cookies(a, &original->fields, &cookies))
		return false;
	if (has_set(jar)) {
		cookies = jar_cookie_field(jar, a, to, cookies, now_s, &is_full);
		if (is_full)
			return false;
	}
	*ret = cookies;
	return true;
}

/* The one Cookie field: where the client's first is, else behind all fields. */
static bool add_cookies(struct making *k, struct str name)
{
	const struct forward_request *f = k->f;

	if (k->has_cookies)
		return true;
	k->has_cookies = true;
	if (!forward_cookies(k->a, f->original, f->jar, f->taint, f->url, f->now_s, &k->cookies))
		return false;
	return k->cookies.p == NULL || fields_add(k->a, &k->m->fields, name, k->cookies);
}

/* The Fetch standard's tainted origin: whoever is asked cannot know any more who asks. */
static bool add_origin(struct making *k, const struct field *field)
{
	if (k->f->taint.changes < 2 || str_eq(field->value, STR("null")))
		return fields_add(k->a, &k->m->fields, field->name, field->value);
	return fields_add(k->a, &k->m->fields, field->name, STR("null")) &&
		forward_drop(k->a, &k->drops, field->name, "became null: the origin changed twice");
}

/* Scheme, host and port of a Referer as a URL of its own, without userinfo. p NULL: it is no http URL. False when the arena is
 * full. */
static bool cut_referer(struct arena *a, struct str value, struct str *ret)
{
	struct str scheme = str_first(value, str_find(value, ':')), rest = str_from(value, scheme.len), text;
	struct url u;
	size_t n = 0, at;

	*ret = STR_NONE;
	if (!str_starts(rest, STR("://")))
		return true;
	rest = str_from(rest, 3);
	while (n < rest.len && rest.p[n] != '/' && rest.p[n] != '?' && rest.p[n] != '#')
		n++;
	rest = str_first(rest, n);
	for (at = str_find(rest, '@'); at < rest.len; at = str_find(rest, '@'))
		rest = str_from(rest, at + 1);
	text = arena_printf(a, "%.*s://%.*s", STR_ARG(scheme), STR_ARG(rest));
	if (text.p == NULL)
		return false;
	if (url_parse_target(a, text, &u) == ERR_none)
		*ret = url_text(a, &u);
	return true;
}

static bool add_referer(struct making *k, const struct field *field)
{
	struct str cut;

	if (!k->f->taint.origin)
		return fields_add(k->a, &k->m->fields, field->name, field->value);
	if (!cut_referer(k->a, field->value, &cut))
		return false;
	if (cut.p == NULL)
		return forward_drop(k->a, &k->drops, field->name, "the origin changed");
	if (!fields_add(k->a, &k->m->fields, field->name, cut))
		return false;
	return str_eq(cut, field->value) || forward_drop(k->a, &k->drops, field->name, "cut to its origin: the origin changed");
}

static bool add_field(struct making *k, enum field_kind kind, const struct field *field)
{
	switch (kind) {
	case FIELD_COOKIE:
		return add_cookies(k, field->name);
	case FIELD_ORIGIN:
		return add_origin(k, field);
	case FIELD_REFERER:
		return add_referer(k, field);
	case FIELD_MAX_FORWARDS:
		return add_max_forwards(k, field);
	default:
		return fields_add(k->a, &k->m->fields, field->name, field->value);
	}
}

/* True if a field ends here without a word: it was for this connection only. */
static bool ends_here(const struct making *k, enum field_kind kind, struct str name)
{
	const struct message *original = k->f->original;

	if (kind == FIELD_HOP || kind == FIELD_HOST)
		return true;
	if (kind == FIELD_UPGRADE)
		return !k->f->is_upgrade;
	/* RFC 9110 section 10.1.1: from a 1.0 client it is to be ignored. */
	if (kind == FIELD_EXPECT && original->version == VERSION_1_0)
		return true;
	return k->nominates && forward_is_nominated(original, name);
}

static bool copy_field(struct making *k, const struct field *field)
{
	enum field_kind kind = kind_of(field->name);
	const char *why;

	if (ends_here(k, kind, field->name))
		return true;
	why = why_withheld(k->f, kind, field->name);
	if (why == NULL)
		return add_field(k, kind, field);
	if (!forward_drop(k->a, &k->drops, field->name, why))
		return false;
	/* Those of the chain take the place of the client's. */
	return kind != FIELD_COOKIE || add_cookies(k, field->name);
}

static bool copy_fields(struct making *k)
{
	const struct fields *from = &k->f->original->fields;

	k->nominates = forward_nominates(k->f->original);
	for (size_t i = 0; i < from->n; i++) {
		if (!copy_field(k, &from->v[i]))
			return false;
	}
	return !has_set(k->f->jar) || add_cookies(k, STR("Cookie"));
}

const struct fields *forward_trailers(struct arena *a, const struct forward_request *f, const struct drop **io_drops)
{
	const struct fields *from = &f->original->trailers;
	struct fields *to;
	struct drop_list drops = {NULL, NULL};

	if (from->n == 0 || (!f->taint.origin && !f->taint.host))
		return from;
	to = arena_zalloc(a, sizeof(*to));
	for (size_t i = 0; to != NULL && i < from->n; i++) {
		const char *why = why_withheld(f, kind_of(from->v[i].name), from->v[i].name);

		if (why == NULL ? !fields_add(a, to, from->v[i].name, from->v[i].value)
				: !forward_drop(a, &drops, from->v[i].name, why))
			return NULL;
	}
	if (drops.last != NULL) {
		drops.last->next = *io_drops;
		*io_drops = drops.first;
	}
	return to;
}

bool forward_request(struct arena *a, const struct forward_request *f, struct forwarded *ret)
{
	struct making k = {.a = a, .f = f, .m = arena_zalloc(a, sizeof(*k.m))};
	struct str host = url_host_field(a, f->url);
	struct message *m = k.m;

	if (m == NULL || host.p == NULL)
		return false;
	m->is_request = true;
	m->version = VERSION_1_1;
	m->method = f->method;
	m->method_name = f->method == f->original->method ? f->original->method_name : STR("GET");
	m->target = f->asterisk ? STR("*") : f->url->path;
	if (!fields_add(a, &m->fields, STR("Host"), host) || !copy_fields(&k) ||
		!forward_add_via(a, &m->fields, f->original->version, f->via))
		return false;
	*ret = (struct forwarded){.message = m, .drops = k.drops.first, .cookies = k.cookies};
	if (has_set(f->jar))
		ret->jar_names = jar_names_sent(f->jar, a, f->url, k.cookies, f->now_s);
	return true;
}
