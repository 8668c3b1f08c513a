/* The steps HOP and JUDGE: an attempt is made, and what came of it decides what is next. */
#include "core/exchange.h"
#include "core/follow.h"
#include "core/worker.h"

/* A 1xx of an attempt that may yet be followed is none of the client's business unless it is delivered in the end. */
static bool may_be_followed(const struct exchange *x)
{
	const char *words;

	enum method method = x->hop->method;

	return !x->is_upgrade && !exchange_has_body(x) && (method == METHOD_GET || method == METHOD_HEAD) &&
		follow_mode(x->facts.request, (enum redirects_mode)x->settings->redirects_mode, &words) == REDIRECTS_FOLLOW;
}

static void relay_interim(struct exchange *x, struct stream *u)
{
	struct message *m = forward_response(x->arena, u->interim, x->via, false);
	size_t n = sizeof(x->held_interims) / sizeof(x->held_interims[0]);

	u->interim = NULL;
	stream_took(u);
	if (m == NULL)
		return;
	if (!may_be_followed(x))
		stream_send_interim(x->d, m);
	else if (x->interims < n)
		x->held_interims[x->interims++] = m;
}

enum step step_hop(struct exchange *x)
{
	struct hop *h = x->hop;

	if (x->d->error != ERR_none)
		return exchange_fail(x, x->d->error, x->d->detail);
	x->hop_error = hop_advance(h);
	if (h->u != NULL && x->hop_error == ERR_none && !h->is_tunnel && exchange_has_body(x)) {
		x->up.from = x->d;
		x->up.to = h->u;
		pipe_run(&x->up);
	}
	while (h->u != NULL && h->u->interim != NULL)
		relay_interim(x, h->u);
	if (x->hop_error != ERR_none || hop_is_answered(h))
		return STEP_JUDGE;
	return STEP_WAIT;
}

static void judge(struct exchange *x, struct verdict *ret)
{
	struct hop *h = x->hop;
	bool is_answered = hop_is_answered(h);
	struct follow_input in = {
		.arena = x->arena,
		.mode = (enum redirects_mode)x->settings->redirects_mode,
		.max_hops = x->settings->redirects_max_hops,
		.redirects = x->redirects,
		.request = x->facts.request,
		.method = h->method,
		.url = &h->url,
		.has_body = exchange_has_body(x),
		.is_upgrade = x->is_upgrade,
		.response = is_answered ? h->u->head : NULL,
		.trail = &h->trail,
		.taint = x->taint,
		.error = x->hop_error,
		.may_retry = x->up.moved_bytes == 0,
		.was_kept = h->facts.is_reused,
		.got_bytes = h->u != NULL && h->u->first_byte_us != 0,
		.was_sent = h->u != NULL && h->u->wrote,
	};

	if (h->is_tunnel && is_answered)
		*ret = (struct verdict){.kind = VERDICT_DELIVER, .words = "tunnelled"};
	else
		follow(&in, ret);
}

/* Leaves the present hop for the next. Its body is read to the end if that costs little. */
static enum step go_on(struct exchange *x, enum hop_reason reason, const struct verdict *v)
{
	enum { DRAIN_MS = 2000 };
	struct hop *old = x->hop;
	struct url url = reason == HOP_REDIRECT ? v->url : old->url;
	enum method method = reason == HOP_REDIRECT ? v->method : old->method;

	if (x->draining != NULL)
		lease_end(&x->draining->lease, true);
	x->draining = NULL;
	if (reason == HOP_REDIRECT) {
		taint_add(&x->taint, &old->url, &url);
		x->redirects++;
		x->interims = 0;
	}
	if (reason == HOP_REDIRECT && hop_leave(old, v->words))
		x->draining = old;
	else
		hop_end(old, x->hop_error, v->words, true);
	if (x->draining != NULL)
		timer_set(&x->drain_timer, DRAIN_MS);
	x->up = (struct pipe){0};
	x->decision = NULL;
	if (hop_start(x, reason, &url, method) == NULL)
		return exchange_fail(x, ERR_internal, NULL);
	/* What is drained must not hold the place that the new hop waits for. */
	if (x->draining != NULL && x->hop->lease.state == LEASE_QUEUED) {
		lease_end(&x->draining->lease, true);
		x->draining = NULL;
	}
	return STEP_HOP;
}

static enum step fail(struct exchange *x, const struct verdict *v)
{
	struct str detail;

	if (v->error != ERR_redirect_limit && v->error != ERR_redirect_loop)
		return exchange_fail(x, v->error, x->hop->facts.detail);
	detail = arena_printf(x->arena, "%u redirects were followed; the last was from %.*s", x->redirects,
		STR_ARG(x->hop->facts.url));
	return exchange_fail(x, v->error, detail.p);
}

enum step step_judge(struct exchange *x)
{
	struct verdict v;

	judge(x, &v);
	x->decision = v.words;
	switch (v.kind) {
	case VERDICT_REDIRECT:
		return go_on(x, HOP_REDIRECT, &v);
	case VERDICT_RETRY:
		return go_on(x, HOP_RETRY, &v);
	case VERDICT_FAIL:
		return fail(x, &v);
	default:
		x->source = x->hop->u;
		return STEP_RELAY;
	}
}
