/* One hop to be judged, for the tests of follow: as the options have it by default, but for the mode, which is follow. */
#ifndef VIADUCT_TESTS_FOLLOW_RIG_H
#define VIADUCT_TESTS_FOLLOW_RIG_H

#include "core/follow.h"

#include "heads.h"

struct follow_rig {
	struct arena *a;
	struct settings settings;
	char *methods[6];
	struct url url;
	struct trail trail;
	struct jar jar;
	struct follow_input in;
};

static inline void rig_settings(struct follow_rig *r)
{
	static const enum error errors[] = {
		ERR_connect_refused, ERR_connect_timeout, ERR_origin_closed, ERR_response_head_timeout};
	static const int statuses[] = {408, 500, 502, 503, 504};
	static const char *const methods[] = {"DELETE", "GET", "HEAD", "OPTIONS", "PUT", "TRACE"};
	struct settings *s = &r->settings;

	s->redirects_max_hops = 20;
	s->redirects_by_request = true;
	s->redirects_downgrade = REDIRECTS_OTHER_PASS;
	s->redirects_userinfo = REDIRECTS_OTHER_PASS;
	s->retry_limit = 2;
	s->retry_backoff_base = 2;
	s->retry_backoff_scale_ms = 500;
	s->retry_backoff_max_ms = 30000;
	s->retry_max_retry_after_ms = 60000;
	s->retry_budget = 20;
	for (size_t i = 0; i < COUNT(errors); i++)
		s->retry_error_set[errors[i]] = true;
	for (size_t i = 0; i < COUNT(statuses); i++)
		s->retry_status_set[statuses[i]] = true;
	for (size_t i = 0; i < COUNT(methods); i++)
		r->methods[i] = (char *)(uintptr_t)methods[i];
	s->retry_methods = (struct text_list){r->methods, COUNT(methods)};
}

/* The hop asked for this with these fields. */
static inline void rig_request(struct follow_rig *r, const char *method, const char *url, const char *fields)
{
	r->url = url_read(r->a, url);
	r->in.request = request_read(r->a, method, url, fields);
	r->in.method = r->trail.method = r->in.request->method;
	r->in.method_name = r->in.request->method_name;
	r->trail.cookies = fields_value(&r->in.request->fields, STR("Cookie"));
}

/* What it was answered with. */
static inline void rig_response(struct follow_rig *r, int status, const char *fields)
{
	r->in.response = response_read(r->a, status, fields);
}

/* A GET of http://a.example/dir/one that is answered with a redirect to /two. */
static inline void rig_init(struct follow_rig *r)
{
	*r = (struct follow_rig){.a = arena_new(1 << 20)};
	rig_settings(r);
	r->trail.url = &r->url;
	r->in = (struct follow_input){
		.arena = r->a,
		.settings = &r->settings,
		.mode = REDIRECTS_FOLLOW,
		.mode_words = "redirects.mode",
		.url = &r->url,
		.trail = &r->trail,
		.jar = &r->jar,
		.nothing_delivered = true,
		.nothing_moved = true,
		.now_s = 1700000000,
	};
	rig_request(r, "GET", "http://a.example/dir/one", "");
	rig_response(r, 302, "Location: /two\n");
}

static inline void rig_fini(struct follow_rig *r)
{
	arena_free(r->a);
}

static inline void expect_redirect(struct follow_rig *r, const char *method, const char *url, const char *words)
{
	struct verdict v;

	follow(&r->in, &v);
	assert_non_null(v.words);
	assert_string_equal(v.words, words);
	assert_int_equal(v.kind, VERDICT_REDIRECT);
	str_expect(url_text(r->a, &v.url), url);
	assert_int_equal(v.method, method_of(str_of(method)));
}

/* was_wished: the words begin with "returned". */
static inline void expect_delivery(struct follow_rig *r, const char *words)
{
	struct verdict v;

	follow(&r->in, &v);
	assert_non_null(v.words);
	assert_string_equal(v.words, words);
	assert_int_equal(v.kind, VERDICT_DELIVER);
	assert_int_equal(v.was_wished, strncmp(words, "returned: ", 10) == 0);
}

static inline void expect_failure(struct follow_rig *r, enum error error, const char *words)
{
	struct verdict v;

	follow(&r->in, &v);
	assert_int_equal(v.kind, VERDICT_FAIL);
	assert_int_equal(v.error, error);
	if (words == NULL)
		assert_null(v.words);
	else
		assert_string_equal(v.words, words);
}

#endif
