/* Secrets in multipart forms (RFC 7578): the bodies of parts with covered names, whole; in other parts what their own types
 * ask for. What servers read differently is read in all ways. */
#include "http/form.h"
#include "http/param.h"
#include "store/redact/redact_part.h"

enum { ARENA_BYTES = 16 * 1024 * 1024, LONGEST_DEPTH = 2 };

struct form_scan {
	const struct redactor *redactor;
	struct text *to;
	struct str in;
	size_t done; /* up to there the input has been put */
	size_t parts;
	unsigned depth;
	struct arena *arena;
	bool is_form; /* its parts must have names */
	bool is_replaced, is_blind;
};

/* Puts the input up to a place in it. */
static void put_up_to(struct form_scan *s, const char *place)
{
	size_t at = (size_t)(place - s->in.p);

	text_put(s->to, (struct str){s->in.p + s->done, at - s->done});
	s->done = at;
}

/* Whether a parameter of Content-Disposition is a covered name, or one that cannot be told: name*=UTF-8''… (RFC 8187, which
 * RFC 7578 forbids here) is taken by some servers. */
static bool is_covered_name(const struct form_scan *s, const struct param *p)
{
	static const enum param_escapes escapes[] = {PARAM_ESCAPES_ALL, PARAM_ESCAPES_QUOTES};

	if (str_istarts(p->name, STR("name*")))
		return true;
	for (size_t i = 0; str_ieq(p->name, STR("name")) && i < sizeof(escapes) / sizeof(escapes[0]); i++) {
		struct str name = param_text(s->arena, p, escapes[i]);

		if (!name.p || redact_is_parameter(s->redactor, name))
			return true;
	}
	return false;
}

static bool is_covered_part(const struct form_scan *s, const struct form_part *p)
{
	const struct field *f = fields_find(&p->fields, STR("Content-Disposition"), 0);
	struct param param;

	if (s->is_form && p->name.len == 0)
		return true;
	for (; f; f = fields_find(&p->fields, STR("Content-Disposition"), (size_t)(f - p->fields.v) + 1)) {
		struct str rest = str_from(f->value, str_find(f->value, ';'));

		while (param_next(&rest, &param)) {
			if (is_covered_name(s, &param))
				return true;
		}
	}
	return false;
}

static bool on_part(void *owner, const struct form_part *p)
{
	struct form_scan *s = owner;
	enum redact_end end = REDACT_NOTHING;
	size_t len;

	s->parts++;
	if (p->body.len == 0)
		return true;
	put_up_to(s, p->body.p);
	len = s->to->len;
	if (is_covered_part(s, p))
		end = redact_secret(s->redactor, s->to, p->body) ? REDACT_REPLACED : REDACT_NOTHING;
	else
		end = redact_plain_body(s->redactor, s->to, p->content_type, p->body, s->depth + 1);
	if (end == REDACT_REPLACED) {
		s->is_replaced = true;
		s->done += p->body.len;
	} else { /* it comes with what follows */
		s->to->len = len;
	}
	s->is_blind |= end == REDACT_BLIND;
	return !s->is_blind;
}

enum redact_end redact_multipart(const struct redactor *r, struct text *to, const struct media_type *type, struct str body,
	unsigned depth)
{
	struct arena *a = arena_new(ARENA_BYTES);
	struct form_scan s = {.redactor = r, .to = to, .in = body, .depth = depth, .arena = a};
	size_t len = to->len;

	s.is_form = str_eq(type->essence, STR("multipart/form-data"));
	if (depth > LONGEST_DEPTH || !form_each_part(a, type->boundary, body, on_part, &s) || s.parts >= FORM_MAX_PARTS)
		s.is_blind = true;
	arena_free(a);
	if (s.is_blind || !s.is_replaced) {
		to->len = len;
		return s.is_blind ? REDACT_BLIND : REDACT_NOTHING;
	}
	put_up_to(&s, body.p + body.len);
	return REDACT_REPLACED;
}
