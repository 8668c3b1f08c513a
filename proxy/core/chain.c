/* See chain.h. */
#include "core/chain.h"

#include "base/clock.h"
#include "core/exchange.h"
#include "core/reply.h"
#include "core/rules.h"
#include "core/worker.h"

enum { LOOK_AGAIN_MS = 1000 };

static void on_drain_due(void *owner)
{
	struct exchange *x = owner;

	/* The body takes too long: the upstream is not worth it. */
	chain_let_go(x);
}

static void on_resume(void *owner)
{
	struct exchange *x = owner;

	exchange_wake(x);
}

static void on_deadline(void *owner)
{
	struct exchange *x = owner;

	/* A body on its way has time-outs of its own, and may take hours. */
	if (x->upload.to != NULL && !x->upload.is_ended)
		timer_set(&x->chain.deadline, LOOK_AGAIN_MS);
	else
		exchange_strike(x, x->chain.is_deadline_all ? ERR_chain_timeout : ERR_hop_timeout);
}

void chain_init(struct exchange *x)
{
	struct chain *c = &x->chain;

	bufq_init(&c->aside, x->worker->bufpool);
	timer_init(&c->drain_timer, x->worker->loop, on_drain_due, x);
	timer_init(&c->resume, x->worker->loop, on_resume, x);
	timer_init(&c->deadline, x->worker->loop, on_deadline, x);
}

static void drop_draining(struct chain *c)
{
	if (c->draining != NULL)
		lease_end(&c->draining->lease, true);
	c->draining = NULL;
	timer_stop(&c->drain_timer);
}

void chain_fini(struct exchange *x)
{
	struct chain *c = &x->chain;

	drop_draining(c);
	timer_stop(&c->resume);
	timer_stop(&c->deadline);
	if (c->former != NULL && c->former != x->hop)
		hop_end(c->former, ERR_none, c->former->facts.decision, true);
	c->former = NULL;
	bufq_clear(&c->aside);
}

static const char *words_of(struct str words)
{
	return words.p == NULL ? "a rule says so" : words.p;
}

enum error chain_admit(struct exchange *x, const struct url *url, enum method method, struct rule_verdict *ret_rules,
	const char **ret_words)
{
	const struct message *request = x->facts.request;
	struct rules_subject subject = {
		.facts = &x->facts,
		.request = request,
		.url = url,
		.method_name = hop_method_name(x, method),
		.hop = x->facts.hops_n + 1,
	};
	struct rule_verdict v = {0};
	int64_t wait_ms = 0;

	rules_apply(x->settings, &subject, &v);
	*ret_rules = v;
	if (v.block != NULL && rule_block(v.block)) {
		*ret_words = words_of(arena_printf(x->arena, "%s blocks it", rule_name(v.block)));
		return ERR_blocked;
	}
	if (v.rate != NULL && !rule_rate_take(v.rate, clock_mono_us(), &wait_ms)) {
		*ret_words = words_of(arena_printf(x->arena, "the rate of %s is used up", rule_name(v.rate)));
		x->retry_after_s = (wait_ms + 999) / 1000;
		return ERR_rate_limited;
	}
	return ERR_none;
}

enum error chain_check_access(const struct exchange *x, const struct address *to)
{
	return (x->settings->access_deny_targets_set & 1u << address_class_of(to)) != 0 ? ERR_target_denied : ERR_none;
}

enum error chain_check(const struct hop *h, const struct address *to)
{
	const struct exchange *x = h->x;
	const struct chain *c = &x->chain;
	enum address_class class = address_class_of(to);

	if (chain_check_access(x, to) != ERR_none)
		return ERR_target_denied;
	if (c->redirects > 0 && c->has_reach && !address_class_may_follow(c->reach, class, c->allowed_targets))
		return ERR_target_returned;
	return ERR_none;
}

/* The redirect whose body has come whole needs its connection no more. */
static void put_aside(struct exchange *x)
{
	struct chain *c = &x->chain;
	struct hop *h = c->former;

	if (h == NULL || c->is_aside || !h->u->in_end || h->u->in.len > (size_t)x->settings->redirects_drain_bytes)
		return;
	c->is_aside = true;
	exchange_observe_rest(x, h, &h->u->in);
	bufq_move(&c->aside, &h->u->in, h->u->in.len);
	hop_end(h, ERR_none, h->facts.decision, false);
}

void chain_keep(struct exchange *x)
{
	struct chain *c = &x->chain;

	c->former = x->hop;
	c->is_aside = c->is_body_lost = false;
	put_aside(x);
	if (!c->is_aside)
		timer_set(&c->drain_timer, x->settings->redirects_drain_time_ms);
}

void chain_let_go(struct exchange *x)
{
	struct chain *c = &x->chain;

	drop_draining(c);
	if (c->former == NULL || c->is_aside)
		return;
	c->is_aside = c->is_body_lost = true;
	hop_end(c->former, ERR_none, c->former->facts.decision, true);
}

/* A hop whose response is of no more use. Its body is read to the end if that costs little. */
static void leave(struct exchange *x, struct hop *h, const char *decision)
{
	struct chain *c = &x->chain;

	drop_draining(c);
	if (!hop_leave(h, decision))
		return;
	c->draining = h;
	timer_set(&c->drain_timer, x->settings->redirects_drain_time_ms);
	chain_drain(x);
}

void chain_release(struct exchange *x)
{
	struct chain *c = &x->chain;
	struct hop *former = c->former;

	c->former = NULL;
	if (former != NULL && !c->is_aside)
		leave(x, former, former->facts.decision);
	c->is_aside = false;
	bufq_clear(&c->aside);
}

void chain_drain(struct exchange *x)
{
	struct chain *c = &x->chain;
	struct stream *s;

	put_aside(x);
	if (c->draining == NULL)
		return;
	s = c->draining->lease.stream;
	exchange_observe_rest(x, c->draining, &s->in);
	bufq_clear(&s->in);
	stream_took(s);
	if (!s->in_end && s->error == ERR_none && s->in_bytes <= (uint64_t)x->settings->redirects_drain_bytes)
		return;
	lease_end(&c->draining->lease, !s->in_end);
	c->draining = NULL;
	timer_stop(&c->drain_timer);
}

void chain_leave(struct exchange *x, const char *decision)
{
	leave(x, x->hop, decision);
}

bool chain_can_return(const struct exchange *x)
{
	return x->chain.former != NULL;
}

bool chain_return(struct exchange *x, const char *words)
{
	struct chain *c = &x->chain;
	struct hop *former = c->former;

	c->former = NULL;
	c->is_returned = true;
	/* The redirect was counted when it was to be followed. */
	c->redirects--;
	x->hop = former;
	former->facts.decision = words;
	x->decision = words;
	if (!c->is_aside) {
		x->source = former->u;
		return true;
	}
	c->is_aside = false;
	x->reply = reply_of(x->arena, former->facts.response, &c->aside);
	bufq_clear(&c->aside);
	x->source = x->reply;
	return x->reply != NULL;
}

int64_t chain_left_ms(const struct exchange *x)
{
	int64_t spent_us = x->chain.since_us == 0 ? 0 : loop_now_us(x->worker->loop) - x->chain.since_us;

	return x->settings->timeout_chain_ms - spent_us / 1000;
}

void chain_arm(struct exchange *x)
{
	struct chain *c = &x->chain;
	int64_t left_ms;

	/* A kept connection that was of no more use does not make a chain. */
	if (c->redirects + c->retries == 0)
		return;
	if (c->since_us == 0)
		c->since_us = loop_now_us(x->worker->loop);
	left_ms = chain_left_ms(x);
	c->is_deadline_all = left_ms <= x->settings->timeout_hop_ms;
	if (!c->is_deadline_all)
		left_ms = x->settings->timeout_hop_ms;
	timer_set(&c->deadline, left_ms > 0 ? left_ms : 0);
}

void chain_disarm(struct exchange *x)
{
	timer_stop(&x->chain.deadline);
}
