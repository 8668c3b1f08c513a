/* Redaction of whole views. Not for bodies: redact_body.c. */
#include "store/redact/redact_view.h"

typedef bool redact_part(const struct redactor *r, struct text *to, struct str s);

/* Replaces a string by what the function makes of it. False when the arena is full. */
static bool redact_in_place(const struct redactor *r, struct arena *a, redact_part *part, struct str *s)
{
	struct text to = {NULL, 0, 0};
	struct str made = *s;

	if (part(r, &to, *s))
		made = arena_str(a, text_str(&to));
	text_fini(&to);
	if (s->len > 0 && !made.p)
		return false;
	*s = made;
	return true;
}

bool redact_flow_view(const struct redactor *r, struct arena *a, struct flow_view *v)
{
	return !r ||
		(redact_in_place(r, a, redact_url, &v->url) && redact_in_place(r, a, redact_url, &v->host) &&
			redact_in_place(r, a, redact_query, &v->query) && redact_in_place(r, a, redact_url, &v->final_url) &&
			redact_in_place(r, a, redact_words, &v->detail) && redact_in_place(r, a, redact_words, &v->comment));
}

bool redact_hop_view(const struct redactor *r, struct arena *a, struct hop_view *v)
{
	return !r ||
		(redact_in_place(r, a, redact_url, &v->url) && redact_in_place(r, a, redact_words, &v->detail) &&
			redact_in_place(r, a, redact_words, &v->decision));
}

static bool redact_fields(const struct redactor *r, struct arena *a, struct fields *f)
{
	struct fields made = {NULL, 0, 0};
	struct text to = {NULL, 0, 0};
	bool ok = true;

	for (size_t i = 0; ok && i < f->n; i++) {
		struct str value = f->v[i].value;

		text_clear(&to);
		if (redact_field(r, &to, f->v[i].name, value)) {
			value = arena_str(a, text_str(&to));
			ok = value.p != NULL;
		}
		ok = ok && fields_add(a, &made, f->v[i].name, value);
	}
	text_fini(&to);
	if (ok)
		*f = made;
	return ok;
}

bool redact_head_view(const struct redactor *r, struct arena *a, struct head_view *v)
{
	return !r ||
		(redact_in_place(r, a, redact_start_line, &v->start_line) && redact_fields(r, a, &v->fields) &&
			redact_fields(r, a, &v->trailers));
}
