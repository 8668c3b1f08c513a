/* See follow.h. */
#include "core/follow.h"

static void deliver(struct verdict *ret, const char *words)
{
	*ret = (struct verdict){.kind = VERDICT_DELIVER, .words = words};
}

/* The statuses that send a client elsewhere for the same thing (RFC 9110 sections 15.4.2 to 15.4.9). */
static bool is_followed_status(int status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static bool has_value(const struct message *m, struct str name, struct str value)
{
	return str_ieq(fields_value(&m->fields, name), value);
}

/* What is to become a document, or code with an origin of its own. */
static bool is_dest_of_browser(struct str dest)
{
	static const struct str dests[] = {
		{"document", 8},
		{"iframe", 6},
		{"frame", 5},
		{"object", 6},
		{"embed", 5},
		{"worker", 6},
		{"sharedworker", 12},
		{"serviceworker", 13},
	};

	for (size_t i = 0; i < sizeof(dests) / sizeof(dests[0]); i++) {
		if (str_ieq(dest, dests[i]))
			return true;
	}
	return false;
}

/* What tells a browser from a program: it marks what it sends. A navigation that is followed unseen would have the wrong base URL,
 * origin and history; a CORS request would get around the checks of the browser. */
static const char *browser_mark(const struct message *m)
{
	struct str mode = fields_value(&m->fields, STR("Sec-Fetch-Mode"));
	bool is_plain_fetch = str_ieq(mode, STR("no-cors")) && has_value(m, STR("Sec-Fetch-Site"), STR("same-origin"));

	if (mode.p != NULL && !is_plain_fetch)
		return "passed: Sec-Fetch-Mode shows a browser";
	if (is_dest_of_browser(fields_value(&m->fields, STR("Sec-Fetch-Dest"))))
		return "passed: Sec-Fetch-Dest shows a browser";
	if (fields_count(&m->fields, STR("Origin")) > 0 && method_is_safe(m->method))
		return "passed: Origin shows a browser";
	if (has_value(m, STR("Upgrade-Insecure-Requests"), STR("1")))
		return "passed: Upgrade-Insecure-Requests shows a browser";
	if (mode.p == NULL && str_istarts(fields_value(&m->fields, STR("Accept")), STR("text/html")) &&
		str_istarts(fields_value(&m->fields, STR("User-Agent")), STR("Mozilla/")))
		return "passed: Accept and User-Agent show a browser";
	return NULL;
}

enum redirects_mode follow_mode(const struct message *request, enum redirects_mode mode, const char **ret_words)
{
	const char *words;

	if (mode == REDIRECTS_PASS) {
		*ret_words = "passed: redirects.mode is pass";
		return REDIRECTS_PASS;
	}
	if (mode == REDIRECTS_FOLLOW)
		return REDIRECTS_FOLLOW;
	words = browser_mark(request);
	if (words == NULL)
		return REDIRECTS_FOLLOW;
	*ret_words = words;
	return REDIRECTS_PASS;
}

/* The one Location of a response; several that say the same count as one. */
static const char *one_location(const struct fields *f, struct str *ret)
{
	struct str first = fields_value(f, STR("Location"));

	if (first.p == NULL)
		return "passed: no Location";
	for (size_t i = 0; i < f->n; i++) {
		if (str_ieq(f->v[i].name, STR("Location")) && !str_eq(f->v[i].value, first))
			return "passed: several Locations that differ";
	}
	*ret = first;
	return NULL;
}

/* Why this request may not be followed whatever the response says; NULL if it may. */
static const char *request_obstacle(const struct follow_input *in)
{
	if (in->is_upgrade)
		return "passed: the request asks for an upgrade";
	if (in->has_body)
		return "passed: the request has a body";
	if (in->method != METHOD_GET && in->method != METHOD_HEAD)
		return "passed: the method is neither GET nor HEAD";
	return NULL;
}

static const char *target_obstacle(const struct follow_input *in, struct url *ret)
{
	struct str location = STR_NONE;
	enum location_refusal refusal;
	const char *words = one_location(&in->response->fields, &location);

	if (words != NULL)
		return words;
	/* Without a jar for the chain the cookie would be lost, and with it what the redirect is for. */
	if (fields_count(&in->response->fields, STR("Set-Cookie")) > 0)
		return "passed: the redirect sets a cookie";
	refusal = url_resolve(in->arena, in->url, location, ret);
	if (refusal != LOCATION_OK) {
		struct str why = arena_printf(in->arena, "passed: Location %s", location_refusal_name(refusal));

		return why.p == NULL ? "passed: Location is not usable" : why.p;
	}
	if (in->url->scheme == SCHEME_HTTPS && ret->scheme == SCHEME_HTTP)
		return "passed: from https to http";
	return NULL;
}

/* The same URL with the same method and the same cookies will be answered with the same redirect. */
static bool is_on_trail(const struct follow_input *in, const struct url *url)
{
	struct taint next = in->taint;
	bool has_cookies = fields_count(&in->request->fields, STR("Cookie")) > 0;

	taint_add(&next, in->url, url);
	for (const struct trail *t = in->trail; t != NULL; t = t->before) {
		if (t->method == in->method && url_same_origin(t->url, url) && str_eq(t->url->path, url->path) &&
			(!has_cookies || t->lost_cookies == next.host))
			return true;
	}
	return false;
}

static void redirect(const struct follow_input *in, const struct url *url, struct verdict *ret)
{
	bool is_upgraded = in->url->scheme == SCHEME_HTTP && url->scheme == SCHEME_HTTPS;
	struct str words;

	*ret = (struct verdict){.kind = VERDICT_FAIL, .error = ERR_redirect_loop, .words = "stopped: the same URL again"};
	if (is_on_trail(in, url))
		return;
	*ret = (struct verdict){.kind = VERDICT_FAIL, .error = ERR_redirect_limit, .words = "stopped: redirects.max_hops"};
	if (in->redirects >= in->max_hops)
		return;
	words = arena_printf(in->arena, "followed: %d%s", in->response->status, is_upgraded ? ", upgraded to https" : "");
	*ret = (struct verdict){.kind = VERDICT_REDIRECT, .url = *url, .method = in->method, .words = words.p};
}

/* A kept connection that the origin closed while the request was on its way is the one failure that says nothing about the origin;
 * only what can be sent again without harm is sent again (RFC 9110 section 9.2.2, RFC 9112 section 9.3.1). */
static bool is_stale(const struct follow_input *in)
{
	/* Garbage in front of an answer on a kept connection is the rest of the answer before. */
	bool is_leftover = in->error == ERR_response_malformed;

	if (!in->was_kept || !in->may_retry || !(is_leftover || (in->error == ERR_origin_closed && !in->got_bytes)))
		return false;
	return !in->was_sent || method_is_idempotent(in->method);
}

void follow(const struct follow_input *in, struct verdict *ret)
{
	const char *words = NULL;
	struct url url;

	if (in->response == NULL) {
		if (is_stale(in))
			*ret = (struct verdict){
				.kind = VERDICT_RETRY, .words = "retried: the kept connection was of no more use"};
		else
			*ret = (struct verdict){.kind = VERDICT_FAIL, .error = in->error};
		return;
	}
	if (!is_followed_status(in->response->status)) {
		deliver(ret, "delivered");
		return;
	}
	if (follow_mode(in->request, in->mode, &words) == REDIRECTS_FOLLOW)
		words = request_obstacle(in);
	if (words == NULL)
		words = target_obstacle(in, &url);
	if (words != NULL)
		deliver(ret, words);
	else
		redirect(in, &url, ret);
}
