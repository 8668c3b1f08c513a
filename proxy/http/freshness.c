/* The freshness of a chain: what each hop says, and the final response's fields cut to it (RFC 9111 sections 4.2, 5.1 to 5.4).
 * Not for storing anything: the proxy keeps no responses. */
#include "http/freshness.h"

#include "http/date.h"

#include <string.h>

/* What the fields of one response say. */
struct said {
	bool is_no_store, is_no_cache, is_private, has_control;
	bool has_max, has_shared_max;
	int64_t max_s, shared_max_s; /* max-age, s-maxage */
};

/* Takes the next directive of all Cache-Control fields; at is the field that list is the rest of. False when they are used up.
 * */
static bool next_directive(const struct fields *fields, size_t *at, struct str *list, struct str *ret)
{
	while (!str_list_next(list, ret)) {
		const struct field *f = fields_find(fields, STR("Cache-Control"), *at);

		if (!f)
			return false;
		*at = (size_t)(f - fields->v) + 1;
		*list = f->value;
	}
	return true;
}

/* "name=argument", the argument without quotes; an empty argument where there is none. */
static struct str split_directive(struct str directive, struct str *ret_argument)
{
	size_t equals = str_find(directive, '=');
	struct str argument = str_trim(str_from(directive, equals < directive.len ? equals + 1 : equals));

	if (argument.len >= 2 && argument.p[0] == '"' && argument.p[argument.len - 1] == '"')
		argument = str_from(str_first(argument, argument.len - 1), 1);
	*ret_argument = argument;
	return str_trim(str_first(directive, equals));
}

/* The smallest of several; what is no number counts as stale (RFC 9111 section 4.2.1). */
static void take_seconds(struct str argument, bool *has, int64_t *seconds)
{
	int64_t s;

	if (!date_parse_delta(argument, &s))
		s = 0;
	if (!*has || s < *seconds)
		*seconds = s;
	*has = true;
}

static void take_directive(struct said *said, struct str directive)
{
	struct str argument, name = split_directive(directive, &argument);

	said->has_control = true;
	if (str_ieq(name, STR("no-store")))
		said->is_no_store = true;
	else if (str_ieq(name, STR("no-cache")))
		said->is_no_cache = true; /* of some fields only: as if of all */
	else if (str_ieq(name, STR("private")))
		said->is_private = true;
	else if (str_ieq(name, STR("max-age")))
		take_seconds(argument, &said->has_max, &said->max_s);
	else if (str_ieq(name, STR("s-maxage")))
		take_seconds(argument, &said->has_shared_max, &said->shared_max_s);
}

/* Date, or now where there is none. */
static int64_t date_of(const struct message *m, int64_t now_s)
{
	int64_t date_s;

	return date_parse_http(fields_value(&m->fields, STR("Date")), now_s, &date_s) ? date_s : now_s;
}

/* Expires, where there is no max-age: a date that is none has passed (RFC 9111 section 5.3). */
static void take_expires(struct said *said, const struct message *m, int64_t now_s)
{
	const struct field *f = fields_find(&m->fields, STR("Expires"), 0);
	int64_t at_s, date_s = date_of(m, now_s);

	if (!f || said->has_max)
		return;
	said->has_max = true;
	said->max_s = date_parse_http(f->value, now_s, &at_s) && at_s > date_s ? at_s - date_s : 0;
}

static struct said said_by(const struct message *m, int64_t now_s)
{
	struct said said = {0};
	struct str list = STR_NONE, directive;
	size_t at = 0;

	while (next_directive(&m->fields, &at, &list, &directive))
		take_directive(&said, directive);
	if (!said.has_control && fields_list_has(&m->fields, STR("Pragma"), STR("no-cache")))
		said.is_no_cache = true;
	take_expires(&said, m, now_s);
	return said;
}

/* How old a response was when it came: by Age, or by Date if that says more (RFC 9111 section 4.2.3). */
static int64_t age_of(const struct message *m, int64_t now_s)
{
	int64_t age_s = 0, by_date_s = now_s - date_of(m, now_s);

	if (!date_parse_delta(fields_value(&m->fields, STR("Age")), &age_s))
		age_s = 0;
	return by_date_s > age_s ? by_date_s : age_s;
}

static bool varies(const struct fields *fields)
{
	const struct field *f = fields_find(fields, STR("Vary"), 0);

	for (; f; f = fields_find(fields, STR("Vary"), (size_t)(f - fields->v) + 1)) {
		struct str list = f->value, name;

		while (str_list_next(&list, &name)) {
			if (!str_ieq(name, STR("Accept-Encoding")))
				return true;
		}
	}
	return false;
}

/* s-maxage binds shared stores only, and which the client is we do not know: it shortens, and alone is enough only for a
 * redirect that may be stored anyway. */
static bool lifetime_of(const struct said *said, bool is_permanent, int64_t *ret_s)
{
	if (said->has_max)
		*ret_s = said->has_shared_max && said->shared_max_s < said->max_s ? said->shared_max_s : said->max_s;
	else if (said->has_shared_max && is_permanent)
		*ret_s = said->shared_max_s;
	else
		return false;
	return true;
}

void freshness_add(struct freshness *f, const struct message *redirect, int64_t now_s)
{
	struct said said = said_by(redirect, now_s);
	bool is_permanent = redirect->status == 301 || redirect->status == 308;
	int64_t lifetime_s, left_s;
	bool has_lifetime = lifetime_of(&said, is_permanent, &lifetime_s);

	f->is_limited = true;
	f->is_private = f->is_private || said.is_private;
	if (said.is_no_store || said.is_no_cache || varies(&redirect->fields) || (!has_lifetime && !is_permanent))
		f->is_never = true;
	if (!has_lifetime)
		return;
	left_s = lifetime_s - age_of(redirect, now_s);
	if (left_s < 0)
		left_s = 0;
	if (!f->has_max || left_s < f->max_s)
		f->max_s = left_s;
	f->has_max = true;
}

/* Directives of the final response that a limit takes out. */
static bool is_taken_out(const struct freshness *f, struct str name)
{
	static const char *const lifetimes[] = {"max-age", "s-maxage", "stale-while-revalidate", "stale-if-error", "immutable"};

	if (str_ieq(name, STR("private")))
		return f->is_private; /* put in again, for all fields */
	if (str_ieq(name, STR("public")))
		return f->is_private || f->is_never;
	if (str_ieq(name, STR("no-cache")))
		return f->is_never;
	for (size_t i = 0; i < sizeof(lifetimes) / sizeof(*lifetimes); i++) {
		if (str_ieq(name, str_of(lifetimes[i])))
			return f->is_never || f->has_max;
	}
	return false;
}

/* A Cache-Control value while it is made; room for all of it is there. */
struct control {
	char *p;
	size_t len;
};

static void append(struct control *c, struct str directive)
{
	if (c->len > 0) {
		memcpy(c->p + c->len, ", ", 2);
		c->len += 2;
	}
	memcpy(c->p + c->len, directive.p, directive.len);
	c->len += directive.len;
}

/* Room for the directives that stay, divided anew, and for ours. False when the arena is full. */
static bool make_room(struct arena *a, const struct fields *fields, struct control *ret)
{
	size_t room = sizeof("no-cache, private, max-age=-9223372036854775808, "), at = 0;
	struct str list = STR_NONE, directive;

	while (next_directive(fields, &at, &list, &directive))
		room += directive.len + 2;
	ret->p = arena_alloc(a, room);
	ret->len = 0;
	return ret->p != NULL;
}

static void keep_directives(const struct freshness *f, const struct fields *fields, struct control *c)
{
	struct str list = STR_NONE, directive, argument;
	size_t at = 0;

	while (next_directive(fields, &at, &list, &directive)) {
		if (!is_taken_out(f, split_directive(directive, &argument)))
			append(c, directive);
	}
}

/* What the response may say instead of its own lifetime: its age when it came is taken off by whoever stores it. */
static int64_t limited_max(const struct freshness *f, const struct message *response, int64_t now_s)
{
	struct said said = said_by(response, now_s);
	int64_t limit_s = f->max_s + age_of(response, now_s), own_s;

	if (said.is_no_cache || !lifetime_of(&said, false, &own_s))
		return 0;
	return own_s < limit_s ? own_s : limit_s;
}

/* What the limit puts in. False when the arena is full. */
static bool append_limit(const struct freshness *f, struct arena *a, const struct message *response, int64_t now_s,
	struct control *c)
{
	if (f->is_never) {
		append(c, STR("no-cache"));
	} else if (f->has_max) {
		struct str max = arena_printf(a, "max-age=%lld", (long long)limited_max(f, response, now_s));

		if (!max.p)
			return false;
		append(c, max);
	}
	if (f->is_private)
		append(c, STR("private"));
	return true;
}

bool freshness_apply(const struct freshness *f, struct arena *a, struct message *response, int64_t now_s)
{
	bool is_cut = f->is_never || f->has_max;
	struct fields *fields = &response->fields;
	struct control c;

	if (!f->is_limited || (!is_cut && !f->is_private))
		return true;
	if (!make_room(a, fields, &c) || !append_limit(f, a, response, now_s, &c))
		return false;
	keep_directives(f, fields, &c);
	(void)fields_remove(fields, STR("Cache-Control"));
	if (is_cut)
		(void)fields_remove(fields, STR("Expires"));
	return fields_add(a, fields, STR("Cache-Control"), (struct str){c.p, c.len});
}
