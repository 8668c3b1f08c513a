/* The fields of the filter language, answered from an exchange and one hop of it. Pure; without rules nothing is done at all. */
#include "core/rules.h"

#include <stdio.h>

enum {
	URL_ARENA_BYTES = 4 << 20, /* more than limits.head lets a URL grow to */
};

/* A subject, and its URL as text once a rule has asked for it. */
struct asked {
	const struct rules_subject *of;
	struct arena *arena; /* NULL: not asked yet */
	struct str url;
};

struct taker {
	bool (*take)(void *owner, const struct filter_value *v);
	void *owner;
};

/* One text, of a field that is absent if it is NULL. */
static void give_text(const struct taker *t, struct str text)
{
	struct filter_value v = {.text = text};

	if (text.p != NULL)
		t->take(t->owner, &v);
}

static void give_number(const struct taker *t, int64_t number)
{
	struct filter_value v = {.number = number};

	t->take(t->owner, &v);
}

/* The target is an authority alone: there is neither scheme nor path (RFC 9110 section 9.3.6). */
static bool is_connect(const struct rules_subject *s)
{
	return method_of(s->method_name) == METHOD_CONNECT;
}

static struct str connect_text(struct arena *a, const struct authority *to)
{
	bool is_v6 = to->kind == HOST_IPV6;

	return arena_printf(a, "%s%.*s%s:%u", is_v6 ? "[" : "", STR_ARG(to->host), is_v6 ? "]" : "", to->port);
}

/* The URL as text, made when it is asked for the first time. */
static struct str url_of(struct asked *asked)
{
	const struct rules_subject *s = asked->of;

	if (asked->arena == NULL) {
		asked->arena = arena_new(URL_ARENA_BYTES);
		asked->url = is_connect(s) ? connect_text(asked->arena, &s->url->authority) : url_text(asked->arena, s->url);
	}
	return asked->url;
}

static struct str path_of(const struct rules_subject *s)
{
	struct str path = s->url->path;

	return is_connect(s) ? STR_NONE : str_first(path, str_find(path, '?'));
}

static struct str query_of(const struct rules_subject *s)
{
	struct str path = s->url->path;
	size_t mark = str_find(path, '?');

	return is_connect(s) || mark == path.len ? STR_NONE : str_from(path, mark + 1);
}

static void give_client(const struct taker *t, const struct rules_subject *s)
{
	char text[ADDRESS_TEXT_BYTES];

	give_text(t, str_of(address_format_host(&s->facts->client, text)));
}

/* Each field of that name until the taker has enough. */
static void give_header(const struct taker *t, const struct rules_subject *s, struct str name)
{
	const struct fields *f = &s->request->fields;
	const struct field *field = fields_find(f, name, 0);

	while (field != NULL) {
		struct filter_value v = {.text = field->value};

		if (!t->take(t->owner, &v))
			return;
		field = fields_find(f, name, (size_t)(field - f->v) + 1);
	}
}

/* The fields that are numbers, or take more than a text at hand. */
static void give_other(struct asked *asked, enum filter_field field, struct str name, const struct taker *t)
{
	const struct rules_subject *s = asked->of;

	if (field == FILTER_id)
		give_number(t, (int64_t)s->facts->id);
	else if (field == FILTER_port)
		give_number(t, s->url->authority.port);
	else if (field == FILTER_hop)
		give_number(t, s->hop);
	else if (field == FILTER_url)
		give_text(t, url_of(asked));
	else if (field == FILTER_client)
		give_client(t, s);
	else if (field == FILTER_req_header)
		give_header(t, s, name);
}

/* What filters ask (filter_subject.each). Fields that are not known when a request arrives are refused where rules are read. */
static void each(const void *owner, enum filter_field field, struct str name,
	bool (*take)(void *taker, const struct filter_value *v), void *taker)
{
	struct asked *asked = *(struct asked *const *)owner;
	const struct rules_subject *s = asked->of;
	const struct taker t = {take, taker};

	if (field == FILTER_method)
		give_text(&t, s->method_name);
	else if (field == FILTER_scheme && !is_connect(s))
		give_text(&t, str_of(scheme_name(s->url->scheme)));
	else if (field == FILTER_host)
		give_text(&t, s->url->authority.host);
	else if (field == FILTER_path)
		give_text(&t, path_of(s));
	else if (field == FILTER_query)
		give_text(&t, query_of(s));
	else if (field == FILTER_user)
		give_text(&t, s->facts->user.len != 0 ? s->facts->user : STR_NONE);
	else
		give_other(asked, field, name, &t);
}

void rules_apply(const struct settings *s, const struct rules_subject *subject, struct rule_verdict *ret)
{
	struct asked asked = {.of = subject}, *owner = &asked;
	const struct filter_subject filter_subject = {.each = each, .owner = &owner};

	*ret = (struct rule_verdict){0};
	if (s->rules == NULL)
		return;
	rule_set_apply(s->rules, &filter_subject, ret);
	arena_free(asked.arena);
}
