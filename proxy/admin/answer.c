/* See answer.h. */
#include "admin/answer.h"

#include "core/reply.h"

/* Of every answer, with or without a body. */
static const struct {
	struct str name, value;
} guards[] = {
	{STR("Content-Security-Policy"),
		STR("default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")},
	{STR("X-Content-Type-Options"), STR("nosniff")},
	{STR("Referrer-Policy"), STR("no-referrer")},
	{STR("Cross-Origin-Resource-Policy"), STR("same-origin")},
	{STR("Cache-Control"), STR("no-store")},
};

struct stream *answer_guarded(struct arena *a, struct bufpool *pool, int status, const char *content_type, struct str body)
{
	struct stream *s = reply_new(a, pool, status, str_of(content_type), body);

	for (size_t i = 0; i < sizeof(guards) / sizeof(guards[0]); i++)
		s = answer_field(s, guards[i].name, guards[i].value);
	return s;
}

struct stream *answer_field(struct stream *s, struct str name, struct str value)
{
	return s != NULL && value.p != NULL && reply_field(s, name, value) ? s : NULL;
}

struct stream *answer_not_allowed(struct arena *a, struct bufpool *pool, struct str allowed)
{
	struct str body = arena_printf(a, "405: only %.*s are understood here\n", STR_ARG(allowed));

	return body.p == NULL ? NULL : answer_field(answer_guarded(a, pool, 405, ANSWER_TEXT, body), STR("Allow"), allowed);
}
