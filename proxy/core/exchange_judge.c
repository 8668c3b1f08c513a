/* The step JUDGE: what came of an attempt decides what is next; and the way there. */
#include "core/exchange.h"

#include "base/clock.h"
#include "core/follow.h"
#include "core/worker.h"

#include <stdlib.h>
#include <string.h>

static enum body_state body_state_of(const struct exchange *x)
{
	if (!exchange_has_body(x))
		return BODY_STATE_NONE;
	if (x->d->framing.expects_100 && !x->is_told_100 && x->d->in_bytes == 0)
		return BODY_STATE_EXPECTED;
	if (upload_can_replay(&x->upload))
		return BODY_STATE_KEPT;
	return x->upload.copy == UPLOAD_TOO_LARGE || x->upload.copy == UPLOAD_OFF ? BODY_STATE_TOO_LARGE : BODY_STATE_LOST;
}

/* What follow is asked about: the present hop. */
static void describe(const struct exchange *x, struct follow_input *ret)
{
	const struct hop *h = x->hop;
	const struct chain *c = &x->chain;

	*ret = (struct follow_input){
		.arena = x->arena,
		.settings = x->settings,
		.mode = (enum redirects_mode)x->settings->redirects_mode,
		.mode_words = "redirects.mode",
		.redirects = c->redirects,
		.request = x->facts.request,
		.method = h->method,
		.method_name = hop_method_name(x, h->method),
		.url = &h->url,
		.body = body_state_of(x),
		.is_upgrade = x->is_upgrade,
		.response = hop_is_answered(h) ? h->u->head : NULL,
		.trail = &h->trail,
		.taint = c->taint,
		.jar = &c->jar,
		.error = x->hop_error,
		.nothing_delivered = true,
		.nothing_moved = x->upload.taken_bytes == 0,
		.was_kept = h->facts.is_reused,
		.got_bytes = h->u != NULL && h->u->first_byte_us != 0,
		.was_sent = h->u != NULL && h->u->wrote,
		.retry_enabled = x->settings->retry_enabled,
		.retries = c->retries,
		.now_s = clock_wall_us() / 1000000,
	};
	if (c->rules.redirects != NULL) {
		ret->mode = (enum redirects_mode)rule_redirects(c->rules.redirects);
		ret->mode_words = rule_name(c->rules.redirects);
	}
	if (c->rules.retry != NULL)
		ret->retry_enabled = rule_retry(c->rules.retry);
	/* A system call that only a retry needs. */
	if (ret->retry_enabled)
		ret->random = arc4random();
}

bool exchange_is_final(const struct exchange *x)
{
	struct follow_input in;

	if (x->hop->is_tunnel)
		return true;
	describe(x, &in);
	return follow_is_off(&in);
}

static bool is_redirect(const struct message *m)
{
	return m->status >= 300 && m->status < 400;
}

/* What the response sets reaches the hops behind it, and the client gets of it what it may keep. A response without redirects around it is the
 * client's own affair. */
static bool take_cookies(struct exchange *x)
{
	struct hop *h = x->hop;
	struct cookie_fate *fates;

	if (!hop_is_answered(h) || h->is_tunnel || (x->chain.redirects == 0 && !is_redirect(h->u->head)))
		return true;
	if (!jar_take(&x->chain.jar, x->arena, &h->url, &h->u->head->fields, clock_wall_us() / 1000000, &fates))
		return false;
	h->facts.fates = fates;
	return true;
}

static void say(struct exchange *x, struct verdict *v, const char *what, const char *why)
{
	struct str words = arena_printf(x->arena, "%s: %s", what, why);

	v->words = words.p;
}

/* Where the redirect leads, a rule may have a word in it. */
static void admit_redirect(struct exchange *x, struct verdict *v)
{
	struct rule_verdict rules;
	const char *why = NULL;

	if (chain_admit(x, &v->url, v->method, &rules, &why) != ERR_none) {
		v->kind = VERDICT_DELIVER;
		v->was_wished = true;
		say(x, v, "returned", why);
		return;
	}
	x->chain.rules = rules;
	x->chain.allowed_targets = x->settings->redirects_targets_set;
	if (rules.targets != NULL)
		x->chain.allowed_targets |= rule_targets(rules.targets);
}

/* A retry by policy may be one too many for the origin, for a rule, or for the time that is left. */
static const char *retry_obstacle(struct exchange *x, const struct verdict *v)
{
	struct rule_verdict rules;
	const char *why = NULL;

	if (chain_left_ms(x) <= v->delay_ms)
		return "timeouts.chain would be over";
	if (chain_admit(x, &x->hop->url, x->hop->method, &rules, &why) != ERR_none)
		return why;
	if (!retry_budget_take(&x->worker->retries, clock_mono_us()))
		return "retry.budget is used up";
	return NULL;
}

static void judge(struct exchange *x, struct verdict *ret)
{
	struct follow_input in;
	const char *why;

	describe(x, &in);
	follow(&in, ret);
	if (ret->kind == VERDICT_REDIRECT) {
		admit_redirect(x, ret);
	} else if (ret->kind == VERDICT_RETRY && ret->takes_budget) {
		why = retry_obstacle(x, ret);
		if (why == NULL)
			return;
		in.retry_enabled = false;
		follow(&in, ret);
		say(x, ret, "not retried", why);
	}
}

/* Begins the hop that was decided on. */
static enum step begin(struct exchange *x, bool needs_new)
{
	x->up = (struct pipe){0};
	x->decision = NULL;
	x->chain.is_paused = false;
	if (hop_start(x, &x->chain.next, needs_new) == NULL)
		return exchange_fail(x, ERR_internal, NULL);
	chain_arm(x);
	/* What is drained must not hold the place that the new hop waits for. */
	if (x->hop->lease.state == LEASE_QUEUED)
		chain_let_go(x);
	return STEP_HOP;
}

static enum step redirect(struct exchange *x, const struct verdict *v)
{
	struct hop *old = x->hop;

	old->facts.decision = v->words;
	freshness_add(&x->chain.freshness, old->u->head, clock_wall_us() / 1000000);
	taint_add(&x->chain.taint, &old->url, &v->url);
	x->chain.redirects++;
	x->facts.redirects = x->chain.redirects;
	x->interims = 0;
	if (exchange_has_upload(x))
		upload_stop(&x->upload);
	if (v->drops_body && !x->chain.drops_body) {
		x->chain.drops_body = true;
		/* The client's connection stays usable if the rest of the body is read; nobody wants it. */
		if (exchange_has_upload(x))
			upload_discard(&x->upload, (uint64_t)x->settings->redirects_replay_limit);
	}
	chain_keep(x);
	x->chain.next = (struct next_hop){.reason = HOP_REDIRECT, .url = v->url, .method = v->method};
	/* An origin that redirects before it has read the body may well close behind it, and what is not idempotent cannot be tried again. */
	return begin(x, exchange_has_body(x) && !method_is_idempotent(v->method));
}

static enum step retry(struct exchange *x, const struct verdict *v)
{
	struct chain *c = &x->chain;

	c->next = (struct next_hop){HOP_RETRY, x->hop->url, x->hop->method, v->delay_ms * 1000};
	x->facts.retries++;
	if (v->takes_budget)
		c->retries++;
	if (exchange_has_upload(x))
		upload_stop(&x->upload);
	if (x->hop_error == ERR_none)
		chain_leave(x, v->words);
	else
		hop_end(x->hop, x->hop_error, v->words, true);
	x->interims = 0;
	if (v->delay_ms == 0)
		return begin(x, true);
	if (c->since_us == 0)
		c->since_us = loop_now_us(x->worker->loop);
	/* Nothing is under way meanwhile that could take too long, and nothing may hold a connection. */
	chain_disarm(x);
	chain_let_go(x);
	c->is_paused = true;
	timer_set(&c->resume, v->delay_ms);
	return STEP_HELD;
}

enum step exchange_resume(struct exchange *x)
{
	if (x->d->error != ERR_none)
		return exchange_fail(x, x->d->error, x->d->detail);
	exchange_probe(x);
	if (timer_is_set(&x->chain.resume))
		return STEP_WAIT;
	/* A retry goes out on a connection of its own: the one before may be what was wrong. */
	return begin(x, true);
}

static enum step fail(struct exchange *x, const struct verdict *v)
{
	const struct url *at = &x->hop->url;
	struct str host, detail;

	if (v->error != ERR_redirect_limit && v->error != ERR_redirect_loop)
		return exchange_fail(x, v->error, x->hop->facts.detail);
	/* No more than the origin: the client reads it too, and the rest of the URL may hold secrets. */
	host = url_host_field(x->arena, at);
	if (host.p == NULL)
		return exchange_fail(x, ERR_internal, NULL);
	detail = arena_printf(x->arena, "after %u redirect%s, at %s://%.*s", x->chain.redirects,
		x->chain.redirects == 1 ? "" : "s", scheme_name(at->scheme), STR_ARG(host));
	return exchange_fail(x, v->error, detail.p);
}

/* The place that a redirect leads to may not be reached: then the redirect is the client's. */
static bool is_forbidden_place(const struct exchange *x)
{
	return chain_can_return(x) &&
		(x->hop_error == ERR_target_returned || x->hop_error == ERR_target_denied || x->hop_error == ERR_loop_detected);
}

/* Without a chain, what a response sets is the client's own affair after all. */
static void own_cookies(struct exchange *x)
{
	if (x->chain.redirects == 0)
		x->hop->facts.fates = NULL;
}

/* What is worth a look in a list of flows: a redirect that was not followed, a failure that was not tried again. */
static void note_decision(struct exchange *x)
{
	const struct message *m = x->hop->facts.response != NULL ? x->hop->facts.response : x->hop->u->head;
	bool is_plain = m->status < 300 || m->status == 304;

	if (x->detail == NULL && !is_plain && x->decision != NULL && strcmp(x->decision, "delivered") != 0)
		x->detail = x->decision;
}

static enum step hand_back(struct exchange *x)
{
	struct hop *refused = x->hop;
	const char *class = refused->facts.peer_class;
	struct str words;

	if (x->hop_error == ERR_loop_detected)
		words = STR("returned: target is the proxy itself");
	else
		words = arena_printf(x->arena, "returned: target is %s%s", class == NULL ? "not allowed" : class,
			x->chain.is_body_lost ? "; its body is left out" : "");
	chain_disarm(x);
	hop_end(refused, x->hop_error, NULL, true);
	x->hop_error = ERR_none;
	x->tells_decision = true;
	if (words.p == NULL || !chain_return(x, words.p))
		return exchange_fail(x, ERR_internal, NULL);
	x->facts.redirects = x->chain.redirects;
	note_decision(x);
	own_cookies(x);
	x->interims = 0;
	if (exchange_has_upload(x))
		upload_forget(&x->upload);
	return STEP_RELAY;
}

static enum step deliver(struct exchange *x, const struct verdict *v)
{
	x->tells_decision = v->was_wished;
	x->source = x->hop->u;
	own_cookies(x);
	if (!x->hop->is_tunnel) {
		note_decision(x);
		if (exchange_has_upload(x))
			upload_forget(&x->upload);
	}
	return STEP_RELAY;
}

enum step step_judge(struct exchange *x)
{
	struct verdict v = {.kind = VERDICT_DELIVER, .words = "tunnelled"};

	if (is_forbidden_place(x))
		return hand_back(x);
	if (!take_cookies(x))
		return exchange_fail(x, ERR_internal, NULL);
	if (!x->hop->is_tunnel || !hop_is_answered(x->hop))
		judge(x, &v);
	if (v.kind != VERDICT_REDIRECT && v.kind != VERDICT_RETRY)
		chain_disarm(x);
	x->decision = v.words;
	switch (v.kind) {
	case VERDICT_REDIRECT:
		return redirect(x, &v);
	case VERDICT_RETRY:
		return retry(x, &v);
	case VERDICT_FAIL:
		return fail(x, &v);
	default:
		return deliver(x, &v);
	}
}
