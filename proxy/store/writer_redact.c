/* A copy of a flow's facts without secrets: what writes them needs to know nothing of redaction. */
#include "store/writer_redact.h"

/* Where the copy is made. */
struct cleaner {
	const struct redactor *redactor;
	struct arena *arena;
	struct text text; /* kept for its memory */
	bool is_full;     /* the arena */
};

/* The cleaner's text in place of s. */
static void take_text(struct cleaner *c, struct str *s)
{
	*s = arena_str(c->arena, text_str(&c->text));
	c->is_full |= !s->p;
}

static void clean_url(struct cleaner *c, struct str *url)
{
	text_clear(&c->text);
	if (url->len > 0 && redact_url(c->redactor, &c->text, *url))
		take_text(c, url);
}

static void clean_words(struct cleaner *c, const char **words)
{
	struct str s = str_of(*words ? *words : "");

	text_clear(&c->text);
	if (s.len == 0 || !redact_words(c->redactor, &c->text, s))
		return;
	take_text(c, &s);
	*words = s.p; /* terminated, as all strings of an arena */
}

static void clean_fields(struct cleaner *c, struct fields *fields)
{
	struct field *v = arena_alloc(c->arena, fields->n * sizeof(*v));

	c->is_full |= !v;
	if (!v || fields->n == 0)
		return;
	for (size_t i = 0; i < fields->n; i++) {
		v[i] = fields->v[i];
		text_clear(&c->text);
		if (redact_field(c->redactor, &c->text, v[i].name, v[i].value))
			take_text(c, &v[i].value);
	}
	fields->v = v;
}

static void clean_message(struct cleaner *c, const struct message **m)
{
	struct message *clean = *m ? arena_alloc(c->arena, sizeof(*clean)) : NULL;

	c->is_full |= *m && !clean;
	if (!clean)
		return;
	*clean = **m;
	clean_url(c, &clean->target);
	clean_fields(c, &clean->fields);
	clean_fields(c, &clean->trailers);
	*m = clean;
}

/* A list like that of the hops, of copies. */
static const struct hop_facts *clean_hops(struct cleaner *c, const struct hop_facts *from)
{
	const struct hop_facts *first = NULL, **link = &first;

	for (const struct hop_facts *h = from; h && !c->is_full; h = h->next) {
		struct hop_facts *clean = arena_alloc(c->arena, sizeof(*clean));

		c->is_full |= !clean;
		if (!clean)
			break;
		*clean = *h;
		clean_url(c, &clean->url);
		clean_words(c, &clean->detail);
		clean_words(c, &clean->decision);
		clean_message(c, &clean->request);
		clean_message(c, &clean->response);
		*link = clean;
		link = &clean->next;
	}
	*link = NULL;
	return first;
}

const struct exchange_facts *writer_redact(const struct redactor *r, struct arena *a, const struct exchange_facts *x)
{
	struct cleaner c = {.redactor = r, .arena = a};
	struct exchange_facts *clean = arena_alloc(a, sizeof(*clean));

	if (!clean)
		return NULL;
	*clean = *x;
	clean_url(&c, &clean->url);
	clean_url(&c, &clean->target.path);
	clean_url(&c, &clean->final_url);
	clean_url(&c, &clean->target.authority.host);
	clean_words(&c, &clean->detail);
	clean_message(&c, &clean->request);
	clean_message(&c, &clean->response);
	clean->hops = clean_hops(&c, x->hops);
	text_fini(&c.text);
	return c.is_full ? NULL : clean;
}

bool writer_redact_words(const struct redactor *r, struct arena *a, struct str *words)
{
	struct cleaner c = {.redactor = r, .arena = a};

	if (words->len > 0 && redact_words(r, &c.text, *words))
		take_text(&c, words);
	text_fini(&c.text);
	return !c.is_full;
}
