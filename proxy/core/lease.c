/* See pool.h and pool_part.h. Here: what becomes of one lease, from asking to giving back. */
#include "base/clock.h"
#include "core/pool.h"
#include "core/pool_part.h"

#include <stdio.h>

static void lease_set(struct lease *l, enum lease_state state)
{
	l->state = state;
	if (l->on_change != NULL)
		l->on_change(l->owner);
}

static void lease_fail(struct lease *l, enum error error)
{
	l->origin = NULL;
	l->error = error;
	lease_set(l, LEASE_FAILED);
}

/* Whether an address may be dialled, or used on. */
static enum error lease_check(void *owner, const struct address *to)
{
	const struct lease *l = owner;
	const struct pool_needs *needs = &l->pool->needs;
	enum error error = needs->check != NULL ? needs->check(needs->owner, to) : ERR_none;

	if (error == ERR_none && l->check != NULL)
		error = l->check(l->owner, to);
	return error;
}

/* Gives a stream of this upstream to the lease. False if the upstream cannot take one. */
static bool lease_grant(struct lease *l, struct upstream *u)
{
	struct stream *s = upstream_open(u, l->arena);

	if (s == NULL)
		return false;
	pool_unkeep(u);
	if (l->is_raw)
		stream_make_raw(s);
	l->upstream = u;
	l->stream = s;
	l->peer = u->link.transport->peer;
	l->tls = u->link.transport->tls;
	l->is_reused = u->has_served;
	lease_set(l, LEASE_READY);
	return true;
}

static void lease_on_dialled(void *owner, const struct dial_outcome *outcome)
{
	struct lease *l = owner;
	struct upstream *u;

	l->dial = NULL;
	l->peer = outcome->peer;
	l->resolve_us = outcome->resolve_us;
	l->connect_us = outcome->connect_us;
	l->tls_us = outcome->tls_us;
	if (outcome->error != ERR_none) {
		snprintf(l->detail, sizeof(l->detail), "%s", outcome->detail);
		if (outcome->tls_peer != NULL)
			l->tls_peer = tls_peer_ref(outcome->tls_peer);
		origin_leave(l->origin);
		lease_fail(l, outcome->error);
		return;
	}
	u = pool_add(l->origin, outcome->transport, l->generation);
	if (lease_grant(l, u))
		return;
	link_end(&u->link, true);
	lease_fail(l, ERR_internal);
}

/* The transport of a raw lease through which nothing has gone yet; NULL if there is none to be had. */
static struct transport *lease_detach(struct lease *l)
{
	struct upstream *u = l->upstream;
	struct transport *t;

	if (l->state != LEASE_READY || l->stream->in.len > 0 || l->stream->in_end)
		return NULL;
	t = link_detach(&u->link);
	if (t == NULL)
		return NULL;
	stream_close(l->stream, true);
	l->state = LEASE_ENDED;
	l->stream = NULL;
	return t;
}

/* The dial of the prime becomes ours. */
static void lease_adopt(struct lease *l, const struct dial_target *target)
{
	struct lease *prime = l->prime;

	l->dial = prime->dial;
	prime->dial = NULL;
	prime->state = LEASE_ENDED;
	origin_leave(prime->origin);
	dial_adopt(l->dial, l->pool->needs.tls, target, lease_on_dialled, l);
}

/* Dials, in a place that the lease has. */
static void lease_dial(struct lease *l)
{
	struct pool *p = l->pool;
	const struct settings *s = p->settings;
	struct dial_target target = {
		.host = lease_to(l)->host,
		.port = lease_to(l)->port,
		.is_tls = l->url->scheme == SCHEME_HTTPS && !l->is_raw,
		.tls_name = lease_other_name(l),
		.tls_asks = l->asks,
		.check = lease_check,
	};
	struct dial_limits limits = {
		.resolve_ms = s->timeout_resolve_ms,
		.connect_ms = s->timeout_connect_ms,
		.tls_ms = s->timeout_tls_ms,
		.attempt_delay_ms = 250,
		.resolution_delay_ms = 50,
		.max_addresses = 8,
	};

	l->state = LEASE_DIALLING;
	l->generation = p->generation;
	if (l->prime != NULL && l->prime->state == LEASE_DIALLING) {
		lease_adopt(l, &target);
		return;
	}
	if (l->prime != NULL)
		target.connected = lease_detach(l->prime);
	l->dial = dial_start(p->needs.loop, p->needs.resolver, p->needs.tls, &target, &limits, lease_on_dialled, l);
}

void lease_on_place(struct gate_waiter *w)
{
	struct lease *l = LIST_ITEM(w, struct lease, waiter);

	l->queue_us = clock_mono_us() - l->asked_us;
	lease_dial(l);
	/* Another time-out counts from here on. */
	lease_set(l, LEASE_DIALLING);
}

void lease_hand(struct lease *l, struct upstream *u)
{
	struct pool_origin *o = l->origin;

	l->queue_us = clock_mono_us() - l->asked_us;
	if (!lease_grant(l, u)) {
		link_end(&u->link, true);
		lease_fail(l, ERR_internal);
	}
	origin_release(o);
}

struct upstream *lease_pick(struct lease *l)
{
	const struct list *idle = &l->origin->idle;
	int64_t now_us = loop_now_us(l->pool->needs.loop);

	if (l->max_idle_us == 0)
		return NULL;
	for (struct list *node = idle->next; node != idle; node = node->next) {
		struct upstream *u = LIST_ITEM(node, struct upstream, node);

		/* The latest come first: those behind are older still. */
		if (now_us - u->idle_since_us > l->max_idle_us)
			return NULL;
		if (upstream_can_open(u) && lease_check(l, &u->link.transport->peer) == ERR_none)
			return u;
	}
	return NULL;
}

/* Takes a kept upstream, unless others were here before. False if there is none. */
static bool lease_take_kept(struct lease *l)
{
	const struct gate_member *m = &l->origin->member;
	struct upstream *u;

	if (gate_is_waited(m) || gate_is_over(m))
		return false;
	while ((u = lease_pick(l)) != NULL) {
		if (lease_grant(l, u))
			return true;
		link_end(&u->link, true);
	}
	return false;
}

void pool_lease(struct pool *p, struct lease *l)
{
	l->pool = p;
	l->state = LEASE_QUEUED;
	l->queue_us = l->resolve_us = l->connect_us = l->tls_us = -1;
	l->asked_us = clock_mono_us();
	l->origin = origin_get(p, l);
	if (l->is_raw) {
		lease_dial(l);
		return;
	}
	if (lease_take_kept(l)) {
		origin_release(l->origin);
		return;
	}
	if (gate_ask(&l->origin->member, &l->waiter)) {
		lease_dial(l);
		return;
	}
	/* A connection that is not counted must not stand for as long as the line is. */
	l->prime = NULL;
	/* What is kept even so is not for this lease, and in the way. */
	origin_yield(l->origin);
}

int64_t lease_waited_us(const struct lease *l)
{
	return l->state == LEASE_QUEUED ? clock_mono_us() - l->asked_us : l->queue_us;
}

const char *lease_alert(const struct lease *l)
{
	return l->state == LEASE_READY ? l->upstream->detail : "";
}

size_t lease_queued(const struct lease *l)
{
	return l->state == LEASE_READY && !l->upstream->link.is_over ? transport_queued(l->upstream->link.transport) : 0;
}

void lease_end(struct lease *l, bool abort)
{
	switch (l->state) {
	case LEASE_QUEUED:
		l->queue_us = lease_waited_us(l);
		gate_cancel(&l->waiter);
		origin_release(l->origin);
		break;
	case LEASE_DIALLING:
		dial_cancel(l->dial);
		origin_leave(l->origin);
		break;
	case LEASE_READY:
		upstream_close_stream(l->upstream, l->stream, abort);
		break;
	case LEASE_FAILED:
	case LEASE_ENDED:
		break;
	}
	l->state = LEASE_ENDED;
	l->stream = NULL;
	l->tls = NULL;
	tls_peer_unref(l->tls_peer);
	l->tls_peer = NULL;
}
