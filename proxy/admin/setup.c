/* See setup.h. Here: who gets what. */
#include "admin/setup.h"

#include "admin/answer.h"
#include "admin/setup_files.h"
#include "admin/setup_page.h"
#include "base/clock.h"
#include "core/exchange.h"
#include "core/reply.h"

#define PAGE_AT_INSPECTOR "/setup"

static struct ca *need(const struct setup_visit *v)
{
	return v->ca.need == NULL ? NULL : v->ca.need(v->ca.owner);
}

/* What is wrong may name files, and whoever asks here has shown no token. */
static struct stream *answer_without_ca(const struct setup_visit *v)
{
	return answer_guarded(v->arena, v->pool, 503, ANSWER_TEXT,
		STR("503: viaduct has no CA and cannot make one; what it logs says why\n"));
}

static struct stream *answer_file(const struct setup_visit *v, const struct setup_file *f)
{
	struct ca *ca = need(v);
	struct text text = {0};
	struct stream *s;

	if (ca == NULL || !f->write(&text, ca)) {
		s = answer_without_ca(v);
	} else {
		s = answer_guarded(v->arena, v->pool, 200, f->content_type, text_str(&text));
		s = answer_field(s, STR("Content-Disposition"), str_of(f->disposition));
	}
	text_fini(&text);
	ca_unref(ca);
	return s;
}

/* The page does without the CA, and says so. */
static struct stream *answer_page(const struct setup_visit *v)
{
	struct ca *ca = need(v);
	struct setup_facts facts = {
		.ca = ca,
		.now_s = clock_wall_us() / 1000000,
		.proxy = v->proxy,
		.intercept = v->intercept,
	};
	bool is_html = reply_form_of(v->request) == REPLY_HTML;
	struct text text = {0};
	struct stream *s;

	if (is_html)
		setup_page_write_html(&text, &facts);
	else
		setup_page_write_text(&text, &facts);
	s = answer_guarded(v->arena, v->pool, 200, is_html ? ANSWER_HTML : ANSWER_TEXT, text_str(&text));
	text_fini(&text);
	ca_unref(ca);
	return s;
}

static bool is_page(const struct setup_visit *v)
{
	return str_eq(v->path, v->is_inspector ? STR(PAGE_AT_INSPECTOR) : STR("/"));
}

bool setup_is_path(struct str path)
{
	return str_eq(path, STR(PAGE_AT_INSPECTOR)) || setup_file_find(path) != NULL;
}

struct stream *setup_answer(const struct setup_visit *v)
{
	const struct setup_file *file = setup_file_find(v->path);

	if (!is_page(v) && file == NULL)
		return answer_guarded(v->arena, v->pool, 404, ANSWER_TEXT,
			STR("404: nothing is here; http://viaduct.proxy/ is\n"));
	if (v->request->method != METHOD_GET && v->request->method != METHOD_HEAD)
		return answer_not_allowed(v->arena, v->pool, STR("GET, HEAD"));
	return file != NULL ? answer_file(v, file) : answer_page(v);
}

static struct stream *answer_exchange(void *owner, struct exchange *x)
{
	const struct ca_source *source = owner;
	struct str target = x->facts.has_target ? x->facts.target.path : STR("/");
	char proxy[ADDRESS_TEXT_BYTES];
	struct setup_visit v = {
		.request = x->facts.request,
		.path = str_first(target, str_find(target, '?')),
		.proxy = str_of(address_format(&x->facts.listener, proxy)),
		.intercept = x->settings->intercept,
		.ca = *source,
		.arena = x->arena,
		.pool = x->worker->bufpool,
	};

	return setup_answer(&v);
}

struct answerer setup_answerer(struct ca_source *source)
{
	return (struct answerer){.answer = answer_exchange, .owner = source};
}
