/* See exchange.h. Here: the life of an exchange and the one function that moves it between steps. */
#include "core/exchange.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/reply.h"
#include "core/worker.h"

const char *step_name(enum step s)
{
	static const char *const names[STEP_COUNT + 1] = {
		"ARRIVED", "RULES", "HELD", "HOP", "JUDGE", "RELAY", "PEEK", "OPENED", "DONE", "WAIT"};

	return names[s];
}

#define TO(step) (1u << (step))

/* From each step, where it may go. */
static const unsigned moves[STEP_COUNT] = {
	[STEP_ARRIVED] = TO(STEP_RULES) | TO(STEP_RELAY) | TO(STEP_DONE),
	[STEP_RULES] = TO(STEP_HELD) | TO(STEP_HOP) | TO(STEP_PEEK) | TO(STEP_RELAY) | TO(STEP_DONE),
	[STEP_HELD] = TO(STEP_RULES) | TO(STEP_HOP) | TO(STEP_RELAY) | TO(STEP_DONE),
	[STEP_HOP] = TO(STEP_JUDGE) | TO(STEP_RELAY) | TO(STEP_DONE),
	[STEP_JUDGE] = TO(STEP_HOP) | TO(STEP_HELD) | TO(STEP_RELAY) | TO(STEP_DONE),
	/* A response whose head does not fit into the arena any more makes way for an error. */
	[STEP_RELAY] = TO(STEP_RELAY) | TO(STEP_PEEK) | TO(STEP_DONE),
	[STEP_PEEK] = TO(STEP_HOP) | TO(STEP_RELAY) | TO(STEP_OPENED) | TO(STEP_DONE),
	[STEP_OPENED] = TO(STEP_DONE),
	[STEP_DONE] = 0,
};

static enum step (*const steps[STEP_COUNT])(struct exchange *x) = {
	[STEP_ARRIVED] = step_arrived,
	[STEP_RULES] = step_rules,
	[STEP_HELD] = step_held,
	[STEP_HOP] = step_hop,
	[STEP_JUDGE] = step_judge,
	[STEP_RELAY] = step_relay,
	[STEP_PEEK] = step_peek,
	[STEP_OPENED] = step_opened,
};

static void exchange_finish(struct exchange *x);

static void exchange_move(struct exchange *x, enum step to)
{
	if ((moves[x->step] & TO(to)) == 0) {
		log_error("flow %llu: no way from %s to %s", (unsigned long long)x->facts.id, step_name(x->step),
			step_name(to));
		x->outcome = OUTCOME_FAILED;
		x->error = ERR_internal;
		to = STEP_DONE;
	}
	x->step = to;
}

/* Brings the sizes and times of the facts up to date. */
static void exchange_measure(struct exchange *x)
{
	struct exchange_facts *f = &x->facts;

	f->request_body_bytes = x->d->in_bytes;
	f->response_body_bytes = x->d->out_bytes;
	f->request_head_bytes = x->d->head_in_bytes;
	f->response_head_bytes = x->d->head_out_bytes;
	if (x->hop != NULL && !x->hop->is_over)
		hop_measure(x->hop);
}

void exchange_go(struct exchange *x, enum step next)
{
	while (next != STEP_WAIT) {
		exchange_move(x, next);
		next = x->step == STEP_DONE ? STEP_WAIT : steps[x->step](x);
	}
	if (x->step == STEP_DONE) {
		exchange_finish(x);
		return;
	}
	exchange_measure(x);
	exchange_arm(x);
}

static void exchange_run(void *owner)
{
	struct exchange *x = owner;

	chain_drain(x);
	exchange_go(x, steps[x->step](x));
}

void exchange_on_change(void *owner)
{
	exchange_wake(owner);
}

void exchange_wake(struct exchange *x)
{
	/* What ends with it may still have something to tell. */
	if (x->step != STEP_DONE)
		loop_defer(x->worker->loop, &x->task);
}

bool exchange_has_body(const struct exchange *x)
{
	const struct framing *f = &x->d->framing;

	if (x->chain.drops_body)
		return false;
	return f->kind == BODY_CHUNKED || (f->kind == BODY_LENGTH && f->length > 0);
}

void exchange_observe_hop(struct exchange *x, struct hop *h)
{
	for (size_t i = 0; i < x->worker->observers_n; i++) {
		const struct observer *o = &x->worker->observers[i];

		if (o->on_hop != NULL)
			o->on_hop(o->owner, &x->facts, &h->facts);
	}
}

static void exchange_observe_end(struct exchange *x)
{
	for (size_t i = 0; i < x->worker->observers_n; i++) {
		const struct observer *o = &x->worker->observers[i];

		if (o->on_end != NULL)
			o->on_end(o->owner, &x->facts);
	}
}

enum step exchange_answer(struct exchange *x, struct stream *reply)
{
	if (reply == NULL) {
		x->outcome = OUTCOME_FAILED;
		x->error = ERR_internal;
		return STEP_DONE;
	}
	x->reply = reply;
	x->source = reply;
	return STEP_RELAY;
}

/* The client had left before the error came about: nobody was there to be failed. */
static void exchange_forgive(struct exchange *x)
{
	x->outcome = OUTCOME_CANCELLED;
	x->error = ERR_none;
	x->detail = NULL;
}

/* The host that the present hop asks, which need not be the one that the client asked for. */
static struct str host_at_fault(const struct exchange *x)
{
	if (x->hop != NULL)
		return x->hop->url.authority.host;
	return x->facts.has_target ? x->facts.target.authority.host : STR_NONE;
}

/* What the client can do about it. False when the arena is full. */
static bool add_hint(const struct exchange *x, enum error error, struct stream *reply)
{
	struct str value;

	if (error == ERR_auth_required) {
		value = arena_printf(x->arena, "Basic realm=\"%s\", charset=\"UTF-8\"", x->settings->access_realm);
		return value.p != NULL && reply_field(reply, STR("Proxy-Authenticate"), value);
	}
	if (error == ERR_rate_limited && x->retry_after_s > 0) {
		value = arena_printf(x->arena, "%lld", (long long)x->retry_after_s);
		return value.p != NULL && reply_field(reply, STR("Retry-After"), value);
	}
	if (x->hop != NULL && x->chain.redirects > 0 && x->settings->redirects_tell == REDIRECTS_TELL_HEADERS) {
		value = arena_printf(x->arena, "%u", x->hop->facts.number);
		return value.p != NULL && reply_field(reply, STR("Viaduct-Hops"), value) &&
			reply_field(reply, STR("Viaduct-Final-URL"), x->hop->facts.url);
	}
	return true;
}

/* Where it was when the client left. */
static const char *stage_of(const struct exchange *x)
{
	const struct hop *h = x->hop;

	if (x->is_head_sent)
		return x->facts.is_tunnel ? "while the tunnel stood" : "while the response was being delivered";
	if (x->chain.is_paused)
		return "while waiting before a retry";
	if (h == NULL || h->is_over)
		return "before anything was asked";
	if (h->lease.state == LEASE_QUEUED)
		return "while waiting for a free connection to the origin";
	if (h->u == NULL)
		return "while connecting to the origin";
	return h->u->is_sent ? "while waiting for the response head" : "while sending the request";
}

enum step exchange_fail(struct exchange *x, enum error error, const char *detail)
{
	struct str kept = arena_str(x->arena, str_of(detail));
	struct str host = host_at_fault(x);
	struct stream *reply;

	chain_disarm(x);
	/* What goes wrong while an error is being told, a client that leaves too, does not hide it. */
	if (error == ERR_cancelled || x->d->error == ERR_cancelled) {
		if (x->outcome == OUTCOME_PENDING) {
			x->outcome = OUTCOME_CANCELLED;
			x->detail = stage_of(x);
		} else if (x->settling > 0) {
			exchange_forgive(x);
		}
		return STEP_DONE;
	}
	if (x->outcome == OUTCOME_PENDING) {
		x->outcome = OUTCOME_FAILED;
		x->error = error;
		x->detail = kept.p;
	}
	if (x->hop != NULL)
		hop_end(x->hop, error, x->decision, true);
	if (x->is_head_sent)
		return STEP_DONE;
	x->interims = 0;
	reply = reply_error(x->arena, x->worker->bufpool, error, kept.p, host, reply_form_of(x->facts.request));
	if (reply != NULL && !add_hint(x, error, reply)) {
		stream_close(reply, false);
		reply = NULL;
	}
	return exchange_answer(x, reply);
}

void exchange_strike(struct exchange *x, enum error error)
{
	bool is_of_hop = error_row(error)->blame != BLAME_CLIENT && error != ERR_chain_timeout;

	if (x->step == STEP_HOP && is_of_hop) {
		x->hop_error = error;
		exchange_go(x, STEP_JUDGE);
	} else {
		exchange_go(x, exchange_fail(x, error, NULL));
	}
}

void exchange_cut_off(struct exchange *x)
{
	if (x->step == STEP_DONE)
		return;
	/* One that still waited for the recorder is a flow too. */
	if (!x->is_read)
		exchange_begin(x);
	if (x->outcome == OUTCOME_PENDING && x->settling == 0) {
		x->outcome = OUTCOME_FAILED;
		x->error = ERR_draining;
	}
	if (x->hop != NULL)
		hop_end(x->hop, ERR_draining, x->decision, true);
	x->is_cut_off = true;
	x->step = STEP_DONE;
	exchange_finish(x);
}

static void exchange_free(void *p)
{
	struct exchange *x = p;

	settings_unref(x->settings);
	nest_unref(x->nest);
	arena_free(x->arena);
	mem_free(x);
}

/* What the observers see last. */
static void exchange_complete_facts(struct exchange *x)
{
	struct exchange_facts *f = &x->facts;

	if (x->chain.redirects > 0)
		f->final_url = url_report(x->arena, &x->hop->url);
	f->outcome = x->outcome == OUTCOME_PENDING ? OUTCOME_DELIVERED : x->outcome;
	f->error = x->error;
	f->detail = x->detail;
	f->ended_us = clock_wall_us();
	f->duration_us = clock_mono_us() - x->started_us;
	exchange_measure(x);
}

/* The one way out. */
static void exchange_finish(struct exchange *x)
{
	bool is_whole = x->down.is_ended && x->d->is_sent && !x->is_cut_off;

	timer_stop(&x->timer);
	task_cancel(&x->task);
	list_remove(&x->node);
	list_remove(&x->held);
	auth_cancel(&x->auth);
	chain_fini(x);
	opening_fini(x);
	if (x->hop != NULL)
		hop_end(x->hop, ERR_none, x->decision, !is_whole);
	upload_fini(&x->upload);
	exchange_complete_facts(x);
	if (x->is_begun)
		exchange_observe_end(x);
	atomic_fetch_add(&x->worker->shared->flows_done, 1);
	tunnel_fini(&x->tunnel);
	if (x->reply != NULL)
		stream_close(x->reply, false);
	x->d->on_change = NULL;
	stream_close(x->d, !is_whole);
	x->on_end(x->owner, x);
	loop_reap(x->worker->loop, x, exchange_free);
}

struct exchange *exchange_new(const struct exchange_needs *needs)
{
	struct exchange *x = mem_calloc(1, sizeof(*x));
	struct worker *w = needs->worker;

	x->worker = w;
	x->settings = settings_ref(w->settings);
	x->via = w->via;
	x->d = needs->d;
	x->arena = needs->d->arena;
	x->refusal = needs->refusal;
	x->is_settled = needs->is_settled;
	x->queued = needs->queued;
	x->on_end = needs->on_end;
	x->owner = needs->owner;
	x->started_us = needs->d->first_byte_us != 0 ? needs->d->first_byte_us : clock_mono_us();
	x->facts.id = atomic_fetch_add(&w->shared->next_flow_id, 1);
	x->facts.worker = w->number;
	x->facts.client_id = needs->client_id;
	x->facts.client_request = needs->client_request;
	x->facts.client = *needs->client;
	x->facts.listener = *needs->listener;
	x->facts.started_us = clock_wall_us() - (clock_mono_us() - x->started_us);
	if (needs->nest != NULL) {
		x->nest = nest_ref(needs->nest);
		x->facts.parent_id = x->nest->parent_id;
		x->facts.client_tls = x->nest->tls;
		x->facts.user = x->nest->user;
	}
	x->auth.on_change = exchange_on_change;
	x->auth.owner = x;
	x->d->on_change = exchange_on_change;
	x->d->owner = x;
	list_init(&x->held);
	list_append(&w->exchanges, &x->node);
	task_init(&x->task, exchange_run, x);
	timer_init(&x->timer, w->loop, exchange_on_due, x);
	chain_init(x);
	exchange_wake(x);
	return x;
}
