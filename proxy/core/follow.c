/* See follow.h. Here: the table of status and method, loops and limits, and what is tried again. */
#include "core/follow_part.h"

#include <stdio.h>

/* How a redirect is followed. */
struct step {
	enum method method;
	bool drops_body;
};

const char *follow_words(struct str made, const char *plain)
{
	return made.p == NULL ? plain : made.p;
}

static void deliver(struct verdict *ret, const char *words)
{
	*ret = (struct verdict){.kind = VERDICT_DELIVER, .words = words};
}

/* The statuses that send a client elsewhere for the same thing (RFC 9110 sections 15.4.2 to 15.4.9). A 300 is a choice for
 * people; 305 would let an origin choose a proxy. */
static bool is_followed_status(int status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static bool is_get_or_head(enum method m)
{
	return m == METHOD_GET || m == METHOD_HEAD;
}

/* The method of the next hop (RFC 9110 section 15.4, the Fetch standard's HTTP-redirect fetch step 12). */
static struct step next_step(const struct follow_input *in)
{
	int status = in->response->status;
	bool is_old_post = (status == 301 || status == 302) && in->method == METHOD_POST;

	if (is_old_post || (status == 303 && !is_get_or_head(in->method)))
		return (struct step){METHOD_GET, true};
	return (struct step){in->method, status == 303 && in->body != BODY_STATE_NONE};
}

/* Why this request cannot be sent on as the status demands; NULL if it can. */
static const char *request_obstacle(const struct follow_input *in, const struct step *step)
{
	int status = in->response->status;
	bool is_old = status == 301 || status == 302;

	if (is_old && step->method == in->method && !method_is_safe(in->method) &&
		in->settings->redirects_unsafe_methods == REDIRECTS_OTHER_PASS)
		return "returned: redirects.unsafe_methods is pass";
	if (step->drops_body)
		return NULL;
	switch (in->body) {
	case BODY_STATE_TOO_LARGE:
		return "returned: the body is longer than redirects.replay_limit";
	case BODY_STATE_LOST:
		return "returned: the copy of the body failed";
	case BODY_STATE_EXPECTED:
		return "returned: the client waits for 100 (Continue)";
	default:
		return NULL;
	}
}

static bool is_same_place(const struct trail *t, const struct url *url, enum method method)
{
	return t->method == method && url_same_origin(t->url, url) && str_eq(t->url->path, url->path);
}

/* The same URL with the same method and the same cookies will be answered with the same redirect. Cookies are looked at only
 * where the rest is the same. NULL, or why it is not followed: then *ret_error says whether that is a failure. */
static const char *loop_obstacle(const struct follow_input *in, const struct url *url, enum method method,
	enum error *ret_error)
{
	struct taint next = in->taint;
	struct str cookies = STR_NONE;
	bool has_cookies = false;

	taint_add(&next, in->url, url);
	for (const struct trail *t = in->trail; t != NULL; t = t->before) {
		if (!is_same_place(t, url, method))
			continue;
		if (!has_cookies && !forward_cookies(in->arena, in->request, in->jar, next, url, in->now_s, &cookies))
			return "returned: there is no memory left for it";
		has_cookies = true;
		if (str_eq(t->cookies, cookies)) {
			*ret_error = ERR_redirect_loop;
			return "stopped: the same URL, method and cookies again";
		}
	}
	return NULL;
}

static const char *limit_obstacle(const struct follow_input *in, enum error *ret_error)
{
	if (in->redirects < (uint64_t)in->settings->redirects_max_hops)
		return NULL;
	*ret_error = ERR_redirect_limit;
	return "stopped: redirects.max_hops";
}

/* "followed: 302, POST became GET, upgraded to https" */
static const char *followed_words(const struct follow_input *in, const struct url *url, const struct step *step)
{
	struct str was = in->method_name.len > 0 ? in->method_name : in->request->method_name;
	bool is_changed = step->method != in->method;
	const char *scheme = "";
	char method[64] = "";

	if (is_changed)
		snprintf(method, sizeof(method), ", %.*s became GET", STR_ARG(was));
	else if (step->drops_body)
		snprintf(method, sizeof(method), ", the body was dropped");
	if (in->url->scheme == SCHEME_HTTP && url->scheme == SCHEME_HTTPS)
		scheme = ", upgraded to https";
	else if (in->url->scheme == SCHEME_HTTPS && url->scheme == SCHEME_HTTP)
		scheme = ", downgraded to http";
	return follow_words(arena_printf(in->arena, "followed: %d%s%s", in->response->status, method, scheme), "followed");
}

/* The mode is follow: the redirect is followed, or it is said why not. */
static void redirect(const struct follow_input *in, struct verdict *ret)
{
	struct step step = next_step(in);
	enum error error = ERR_none;
	struct url url = {0};
	const char *words = follow_target(in, &url);

	if (words == NULL)
		words = request_obstacle(in, &step);
	if (words == NULL)
		words = loop_obstacle(in, &url, step.method, &error);
	if (words == NULL)
		words = limit_obstacle(in, &error);
	if (error != ERR_none) {
		*ret = (struct verdict){.kind = VERDICT_FAIL, .error = error, .words = words};
		return;
	}
	if (words != NULL) {
		*ret = (struct verdict){.kind = VERDICT_DELIVER, .was_wished = true, .words = words};
		return;
	}
	*ret = (struct verdict){.kind = VERDICT_REDIRECT, .url = url, .method = step.method, .drops_body = step.drops_body};
	ret->words = followed_words(in, &url, &step);
}

/* True if the request can be sent again whole, without the client having to notice. */
static bool can_repeat(const struct follow_input *in)
{
	if (!in->nothing_delivered)
		return false;
	return in->nothing_moved || in->body == BODY_STATE_NONE || in->body == BODY_STATE_KEPT ||
		in->body == BODY_STATE_EXPECTED;
}

/* A kept connection that the origin closed while the request was on its way is the one failure that says nothing about the
 * origin; only what can be sent again without harm is sent again (RFC 9110 section 9.2.2, RFC 9112 section 9.3.1). The hop
 * after it is not on a kept connection, so this happens once. */
static bool is_stale(const struct follow_input *in)
{
	/* Garbage in front of an answer on a kept connection is the rest of the answer before. */
	bool is_leftover = in->error == ERR_response_malformed;

	if (!in->was_kept || !(is_leftover || (in->error == ERR_origin_closed && !in->got_bytes)) || !can_repeat(in))
		return false;
	return !in->was_sent || method_is_idempotent(in->method);
}

void follow_describe_retry(const struct follow_input *in, struct retry_input *ret)
{
	*ret = (struct retry_input){
		.settings = in->settings,
		.is_enabled = in->retry_enabled,
		.retries = in->retries,
		.method = in->method,
		.method_name = in->method_name,
		.response = in->response,
		.error = in->error,
		.can_repeat = can_repeat(in),
		.now_s = in->now_s,
		.random = in->random,
	};
}

/* True if the policy of retries has the word: another try, or *ret_words says why it is none (NULL: there is nothing to say).
 * */
static bool retry(const struct follow_input *in, struct verdict *ret, const char **ret_words)
{
	struct retry_input input;
	struct retry_answer answer;
	long long delay_ms;
	struct str words;

	follow_describe_retry(in, &input);
	answer = retry_decide(&input);
	if (answer.kind == RETRY_NO) {
		*ret_words = answer.words == NULL
			? NULL
			: follow_words(arena_printf(in->arena, "not retried: %s", answer.words), "not retried");
		return false;
	}
	*ret = (struct verdict){.kind = VERDICT_RETRY, .takes_budget = true, .delay_ms = answer.delay_ms};
	delay_ms = (long long)answer.delay_ms;
	if (in->response != NULL)
		words = arena_printf(in->arena, "retried: %d, after %lld ms", in->response->status, delay_ms);
	else
		words = arena_printf(in->arena, "retried: %s, after %lld ms", error_name(in->error), delay_ms);
	ret->words = follow_words(words, "retried");
	return true;
}

static void follow_failure(const struct follow_input *in, struct verdict *ret)
{
	const char *words = NULL;

	if (is_stale(in))
		*ret = (struct verdict){.kind = VERDICT_RETRY, .words = "retried: the kept connection was of no more use"};
	else if (!in->retry_enabled || !retry(in, ret, &words))
		*ret = (struct verdict){.kind = VERDICT_FAIL, .error = in->error, .words = words};
}

static void follow_other_status(const struct follow_input *in, struct verdict *ret)
{
	const char *words = NULL;

	if (in->retry_enabled && retry(in, ret, &words))
		return;
	if (words == NULL && in->response->status >= 300 && in->response->status < 400 && in->response->status != 304)
		words = "passed: this status is never followed";
	deliver(ret, words == NULL ? "delivered" : words);
}

void follow(const struct follow_input *in, struct verdict *ret)
{
	const char *words = NULL;

	if (in->response == NULL)
		follow_failure(in, ret);
	else if (!is_followed_status(in->response->status))
		follow_other_status(in, ret);
	else if (follow_mode(in, &words) == REDIRECTS_FOLLOW)
		redirect(in, ret);
	else
		deliver(ret, words);
}
