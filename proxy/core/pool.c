/* See pool.h. Who owns what: the pool owns origins and upstreams; an origin lives while it has an upstream, a dial or a waiter; a
 * lease belongs to its asker and points at the upstream while it holds a stream of it. */
#include "core/pool.h"

#include "base/clock.h"
#include "base/mem.h"
#include "core/upstream.h"

#include <stdio.h>
#include <string.h>

enum { BUCKETS = 512 };

struct pool_origin {
	struct pool *pool;
	struct pool_origin *next; /* in its bucket */
	unsigned bucket;
	enum scheme scheme;
	uint16_t port;
	bool is_raw;
	char *host;
	struct list idle;    /* of struct upstream, the latest first */
	struct list waiting; /* of struct lease, the oldest first */
	unsigned open;       /* upstreams and dials */
};

struct pool {
	struct pool_needs needs;
	const struct settings *settings;
	struct pool_origin *buckets[BUCKETS];
	struct list idle; /* of all origins, the oldest first */
	struct list all;  /* of struct upstream */
	int64_t idle_n;
	struct timer expiry;
	bool is_draining;
};

static void lease_set(struct lease *l, enum lease_state state)
{
	l->state = state;
	if (l->on_change != NULL)
		l->on_change(l->owner);
}

static unsigned bucket_of(const struct lease *l)
{
	const struct authority *at = &l->url->authority;
	uint32_t h = 2166136261u ^ at->port ^ (uint32_t)(l->url->scheme + 2 * l->is_raw) << 16;

	/* FNV-1a: hosts come from clients, but a long chain costs a scan, nothing more. */
	for (size_t i = 0; i < at->host.len; i++)
		h = (h ^ (unsigned char)at->host.p[i]) * 16777619u;
	return h % BUCKETS;
}

static bool is_origin_of(const struct pool_origin *o, const struct lease *l)
{
	return o->port == l->url->authority.port && o->scheme == l->url->scheme && o->is_raw == l->is_raw &&
		str_eq(str_of(o->host), l->url->authority.host);
}

static struct pool_origin *origin_get(struct pool *p, const struct lease *l)
{
	unsigned bucket = bucket_of(l);
	struct pool_origin *o = p->buckets[bucket];

	while (o != NULL && !is_origin_of(o, l))
		o = o->next;
	if (o != NULL)
		return o;
	o = mem_calloc(1, sizeof(*o));
	o->pool = p;
	o->bucket = bucket;
	o->scheme = l->url->scheme;
	o->port = l->url->authority.port;
	o->is_raw = l->is_raw;
	o->host = mem_strndup(l->url->authority.host.p, l->url->authority.host.len);
	list_init(&o->idle);
	list_init(&o->waiting);
	o->next = p->buckets[bucket];
	p->buckets[bucket] = o;
	return o;
}

/* Frees an origin that nothing refers to. */
static void origin_release(struct pool_origin *o)
{
	struct pool_origin **at = &o->pool->buckets[o->bucket];

	if (o->open > 0 || !list_is_empty(&o->waiting))
		return;
	while (*at != o)
		at = &(*at)->next;
	*at = o->next;
	mem_free(o->host);
	mem_free(o);
}

static void idle_remove(struct upstream *u)
{
	if (!list_is_linked(&u->idle_node))
		return;
	list_remove(&u->node);
	list_remove(&u->idle_node);
	u->origin->pool->idle_n--;
}

static void pool_on_expiry(void *owner)
{
	struct pool *p = owner;
	int64_t now_us = loop_now_us(p->needs.loop);

	while (!list_is_empty(&p->idle)) {
		struct upstream *u = LIST_ITEM(p->idle.next, struct upstream, idle_node);
		int64_t left_us = u->idle_since_us + p->settings->upstream_idle_timeout_ms * 1000 - now_us;

		if (left_us > 0) {
			timer_set(&p->expiry, left_us / 1000 + 1);
			return;
		}
		link_end(&u->link, false);
	}
}

/* Gives a stream of this upstream to the lease. False if the upstream cannot take one. */
static bool lease_grant(struct lease *l, struct upstream *u)
{
	struct stream *s = upstream_open(u, l->arena);

	if (s == NULL)
		return false;
	idle_remove(u);
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

static void lease_dial(struct lease *l);

/* The first in the queue gets a connection of its own, if there may be one more. */
static void origin_serve(struct pool_origin *o)
{
	while (!list_is_empty(&o->waiting) && o->open < (unsigned)o->pool->settings->upstream_max_per_origin) {
		struct lease *l = LIST_ITEM(list_take(&o->waiting), struct lease, node);

		l->queue_us = clock_mono_us() - l->asked_us;
		lease_dial(l);
		/* Another time-out counts from here on. */
		lease_set(l, LEASE_DIALLING);
	}
}

static void pool_on_gone(struct upstream *u)
{
	struct pool_origin *o = u->origin;

	idle_remove(u);
	list_remove(&u->all_node);
	o->open--;
	origin_serve(o);
	origin_release(o);
}

static bool is_worth_keeping(const struct upstream *u)
{
	const struct pool *p = u->origin->pool;

	return !u->origin->is_raw && !p->is_draining && !u->link.is_write_broken && p->settings->upstream_idle_timeout_ms > 0 &&
		p->settings->upstream_max_idle > 0;
}

/* The first in the queue gets a stream of this upstream. False if the upstream is not for it: then it gets one of its own once this
 * one has ended. */
static bool origin_pass_on(struct pool_origin *o, struct upstream *u)
{
	struct lease *l = LIST_ITEM(o->waiting.next, struct lease, node);

	if (l->max_idle_us == 0)
		return false;
	list_remove(&l->node);
	l->queue_us = clock_mono_us() - l->asked_us;
	if (lease_grant(l, u))
		return true;
	list_prepend(&o->waiting, &l->node);
	return false;
}

/* An upstream can take a stream: who waits gets it, else it is kept. */
static void pool_on_idle(struct upstream *u)
{
	struct pool_origin *o = u->origin;
	struct pool *p = o->pool;

	if (list_is_linked(&u->idle_node))
		return;
	if (!list_is_empty(&o->waiting)) {
		if (!origin_pass_on(o, u))
			link_end(&u->link, false);
		return;
	}
	if (!is_worth_keeping(u)) {
		link_end(&u->link, false);
		return;
	}
	u->idle_since_us = loop_now_us(p->needs.loop);
	list_prepend(&o->idle, &u->node);
	list_append(&p->idle, &u->idle_node);
	if (++p->idle_n > p->settings->upstream_max_idle)
		link_end(&LIST_ITEM(p->idle.next, struct upstream, idle_node)->link, false);
	if (!timer_is_set(&p->expiry))
		timer_set(&p->expiry, p->settings->upstream_idle_timeout_ms);
}

static void lease_on_dialled(void *owner, const struct dial_outcome *outcome)
{
	struct lease *l = owner;
	struct pool_origin *o = l->origin;
	struct pool *p = o->pool;

	l->dial = NULL;
	l->peer = outcome->peer;
	l->resolve_us = outcome->resolve_us;
	l->connect_us = outcome->connect_us;
	l->tls_us = outcome->tls_us;
	if (outcome->error == ERR_none) {
		struct upstream *u = upstream_new(p->needs.loop, outcome->transport, p->needs.budget,
			&p->settings->codec_limits, o, pool_on_idle, pool_on_gone);

		list_append(&p->all, &u->all_node);
		if (lease_grant(l, u))
			return;
		link_end(&u->link, true);
		l->error = ERR_internal;
	} else {
		o->open--;
		l->error = outcome->error;
		snprintf(l->detail, sizeof(l->detail), "%s", outcome->detail);
		origin_serve(o);
		origin_release(o);
	}
	l->origin = NULL;
	lease_set(l, LEASE_FAILED);
}

static enum error lease_check(void *owner, const struct address *to)
{
	const struct lease *l = owner;

	return l->pool->needs.check(l->pool->needs.owner, to);
}

static void lease_dial(struct lease *l)
{
	struct pool *p = l->pool;
	const struct settings *s = p->settings;
	struct dial_target target = {
		.host = l->url->authority.host,
		.port = l->url->authority.port,
		.is_tls = l->url->scheme == SCHEME_HTTPS && !l->is_raw,
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

	l->origin->open++;
	l->state = LEASE_DIALLING;
	l->dial = dial_start(p->needs.loop, p->needs.resolver, p->needs.tls, &target, &limits, lease_on_dialled, l);
}

/* A kept upstream of the origin that is fresh enough; false if there is none. */
static bool lease_take_idle(struct lease *l)
{
	struct list *idle = &l->origin->idle;
	int64_t now_us = loop_now_us(l->pool->needs.loop);

	while (!list_is_empty(idle)) {
		struct upstream *u = LIST_ITEM(idle->next, struct upstream, node);

		if (now_us - u->idle_since_us > l->max_idle_us)
			return false;
		if (lease_grant(l, u))
			return true;
		link_end(&u->link, false);
	}
	return false;
}

void pool_lease(struct pool *p, struct lease *l)
{
	l->pool = p;
	l->state = LEASE_QUEUED;
	l->queue_us = l->resolve_us = l->connect_us = l->tls_us = -1;
	l->asked_us = clock_mono_us();
	list_init(&l->node);
	l->origin = origin_get(p, l);
	/* Ending a stale idle upstream may release its origin: hold it meanwhile. */
	l->origin->open++;
	if (!l->is_raw && l->max_idle_us > 0 && lease_take_idle(l)) {
		l->origin->open--;
		return;
	}
	l->origin->open--;
	/* A tunnel is the client's own connection: it waits for no other. */
	if (l->is_raw || l->origin->open < (unsigned)p->settings->upstream_max_per_origin) {
		lease_dial(l);
		return;
	}
	list_append(&l->origin->waiting, &l->node);
	/* What is idle even so is too old for this lease, and in its way. */
	if (!list_is_empty(&l->origin->idle))
		link_end(&LIST_ITEM(l->origin->idle.prev, struct upstream, node)->link, false);
}

size_t lease_queued(const struct lease *l)
{
	return l->state == LEASE_READY && !l->upstream->link.is_over ? transport_queued(l->upstream->link.transport) : 0;
}

void lease_end(struct lease *l, bool abort)
{
	struct pool_origin *o = l->origin;

	switch (l->state) {
	case LEASE_QUEUED:
		list_remove(&l->node);
		origin_release(o);
		break;
	case LEASE_DIALLING:
		dial_cancel(l->dial);
		o->open--;
		origin_serve(o);
		origin_release(o);
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
}

struct pool *pool_new(const struct pool_needs *needs, const struct settings *settings)
{
	struct pool *p = mem_calloc(1, sizeof(*p));

	p->needs = *needs;
	p->settings = settings;
	list_init(&p->idle);
	list_init(&p->all);
	timer_init(&p->expiry, needs->loop, pool_on_expiry, p);
	return p;
}

static void pool_close_idle(struct pool *p)
{
	while (!list_is_empty(&p->idle))
		link_end(&LIST_ITEM(p->idle.next, struct upstream, idle_node)->link, false);
}

void pool_set_settings(struct pool *p, const struct settings *settings, struct tls_client *tls)
{
	p->settings = settings;
	p->needs.tls = tls;
	/* The idle ones were made under the old roots, hosts and name servers. */
	pool_close_idle(p);
}

void pool_drain(struct pool *p)
{
	p->is_draining = true;
	pool_close_idle(p);
}

void pool_free(struct pool *p)
{
	if (p == NULL)
		return;
	while (!list_is_empty(&p->all))
		link_end(&LIST_ITEM(p->all.next, struct upstream, all_node)->link, true);
	timer_stop(&p->expiry);
	mem_free(p);
}
