/* Secrets in multipart forms (RFC 7578): the bodies of parts with covered names, whole; in other parts what their own types
 * ask for. */
#include "http/form.h"
#include "store/redact_part.h"

enum { ARENA_BYTES = 16 * 1024 * 1024, LONGEST_DEPTH = 2 };

struct form_scan {
	const struct redactor *redactor;
	struct text *to;
	struct str in;
	size_t done; /* up to there the input has been put */
	size_t parts;
	unsigned depth;
	bool is_replaced, is_blind;
};

/* Puts the input up to a place in it. */
static void put_up_to(struct form_scan *s, const char *place)
{
	size_t at = (size_t)(place - s->in.p);

	text_put(s->to, (struct str){s->in.p + s->done, at - s->done});
	s->done = at;
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
	if (redact_is_parameter(s->redactor, p->name))
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

enum redact_end redact_multipart(const struct redactor *r, struct text *to, struct str boundary, struct str body,
	unsigned depth)
{
	struct form_scan s = {.redactor = r, .to = to, .in = body, .depth = depth};
	struct arena *a = arena_new(ARENA_BYTES);
	size_t len = to->len;

	if (depth > LONGEST_DEPTH || !form_each_part(a, boundary, body, on_part, &s) || s.parts >= FORM_MAX_PARTS)
		s.is_blind = true;
	arena_free(a);
	if (s.is_blind || !s.is_replaced) {
		to->len = len;
		return s.is_blind ? REDACT_BLIND : REDACT_NOTHING;
	}
	put_up_to(&s, body.p + body.len);
	return REDACT_REPLACED;
}
