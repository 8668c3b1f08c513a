/* See local.h. */
#include "core/local.h"

#include "core/exchange.h"
#include "core/page.h"
#include "core/reply.h"
#include "core/worker.h"

#include <stdio.h>

bool local_ends_here(const struct message *m)
{
	uint64_t left;

	if (m->method != METHOD_TRACE && m->method != METHOD_OPTIONS)
		return false;
	return str_to_u64(fields_value(&m->fields, STR("Max-Forwards")), UINT32_MAX, &left) && left == 0;
}

bool local_is_probe(const struct message *request)
{
	return request->method == METHOD_OPTIONS && str_eq(request->target, STR("*"));
}

bool local_is_asked(const struct message *request)
{
	if (request->method == METHOD_CONNECT)
		return false;
	if (str_eq(request->target, STR("*")))
		return request->method == METHOD_OPTIONS;
	return str_starts(request->target, STR("/")) || local_ends_here(request);
}

bool local_is_setup(const struct exchange *x)
{
	return x->worker->setup.answer != NULL && str_eq(x->facts.target.authority.host, STR(SETUP_HOST));
}

static struct stream *answer_options(struct exchange *x)
{
	struct stream *s = reply_new(x->arena, x->worker->bufpool, 200, STR_NONE, STR(""));

	if (s == NULL || !reply_field(s, STR("Allow"), STR("GET, HEAD, OPTIONS, CONNECT")))
		return NULL;
	return s;
}

/* The fields of a request that say how it came here and hold no secret. */
static bool is_reflected(struct str name)
{
	return str_ieq(name, STR("Via")) || str_ieq(name, STR("Host")) || str_ieq(name, STR("Max-Forwards"));
}

/* RFC 9110 section 9.3.8: the request as it came, without what may be secret. */
static struct stream *answer_trace(struct exchange *x)
{
	const struct message *m = x->facts.request;
	size_t size = m->target.len + sizeof("TRACE  HTTP/1.1\r\n"), n;
	char *text;

	for (size_t i = 0; i < m->fields.n; i++)
		size += m->fields.v[i].name.len + m->fields.v[i].value.len + sizeof(": \r\n");
	text = arena_alloc(x->arena, size);
	if (text == NULL)
		return NULL;
	n = (size_t)snprintf(text, size, "TRACE %.*s %s\r\n", STR_ARG(m->target), version_name(m->version));
	for (size_t i = 0; i < m->fields.n; i++) {
		const struct field *f = &m->fields.v[i];

		if (is_reflected(f->name))
			n += (size_t)snprintf(text + n, size - n, "%.*s: %.*s\r\n", STR_ARG(f->name), STR_ARG(f->value));
	}
	return reply_new(x->arena, x->worker->bufpool, 200, STR("message/http"), (struct str){text, n});
}

/* The help page, at every path: whoever sees it took the proxy for a web site. */
static struct stream *answer_help(struct exchange *x)
{
	const struct message *m = x->facts.request;
	bool is_root = str_eq(m->target, STR("/"));
	char own[ADDRESS_TEXT_BYTES];
	struct page page;
	struct stream *s;

	address_format(&x->facts.listener, own);
	if (!page_of_help(x->arena, str_of(own), x->worker->shared->inspector_url, reply_form_of(m), &page))
		return NULL;
	s = reply_new(x->arena, x->worker->bufpool, is_root ? 200 : 404, page.content_type, page.body);
	if (s == NULL || !reply_field(s, STR("Cache-Control"), STR("no-store")) ||
		!reply_field(s, STR("X-Content-Type-Options"), STR("nosniff")))
		return NULL;
	return s;
}

struct stream *local_answer(struct exchange *x)
{
	const struct message *m = x->facts.request;
	const struct answerer *other = &x->worker->answerer;

	if (x->facts.has_target && local_is_setup(x))
		return x->worker->setup.answer(x->worker->setup.owner, x);
	if (other->answer != NULL)
		return other->answer(other->owner, x);
	if (m->method == METHOD_OPTIONS)
		return answer_options(x);
	if (m->method == METHOD_TRACE)
		return answer_trace(x);
	return answer_help(x);
}
