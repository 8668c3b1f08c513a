/* See pool.h and pool_part.h. Here: the origins, and the upstreams that are kept. */
#include "core/pool.h"

#include "base/mem.h"
#include "core/pool_part.h"

static unsigned bucket_of(enum scheme scheme, const struct authority *at, bool is_raw)
{
	uint32_t h = 2166136261u ^ at->port ^ (uint32_t)(scheme + 2 * is_raw) << 16;

	/* FNV-1a: hosts come from clients, but a long chain costs a scan, nothing more. */
	for (size_t i = 0; i < at->host.len; i++)
		h = (h ^ (unsigned char)at->host.p[i]) * 16777619u;
	return h % POOL_BUCKETS;
}

/* Upstreams made under other demands are not for this lease. */
static uint64_t asks_id_of(const struct lease *l)
{
	return l->url->scheme == SCHEME_HTTPS && !l->is_raw ? tls_asks_id(&l->asks) : 0;
}

static bool is_origin_of(const struct pool_origin *o, const struct lease *l)
{
	const struct authority *to = lease_to(l);

	return o->port == to->port && o->scheme == l->url->scheme && o->is_raw == l->is_raw &&
		str_eq(str_of(o->host), to->host) && str_eq(str_of(o->tls_name), lease_other_name(l)) &&
		o->asks_id == asks_id_of(l);
}

static struct pool_origin *origin_new(struct pool *p, const struct lease *l, unsigned bucket)
{
	struct pool_origin *o = mem_calloc(1, sizeof(*o));
	const struct authority *to = lease_to(l);
	struct str name = lease_other_name(l);
	struct gate_key key = {l->url->scheme, to->port, to->host};

	o->pool = p;
	o->bucket = bucket;
	o->scheme = l->url->scheme;
	o->port = to->port;
	o->is_raw = l->is_raw;
	o->host = mem_strndup(to->host.p, to->host.len);
	o->tls_name = mem_strndup(name.len == 0 ? "" : name.p, name.len);
	o->asks_id = asks_id_of(l);
	list_init(&o->idle);
	/* A tunnel is the client's own connection: it waits for no other, and no other for it. */
	if (!o->is_raw)
		gate_join(&o->member, p->port, &key);
	o->next = p->buckets[bucket];
	p->buckets[bucket] = o;
	return o;
}

struct pool_origin *origin_get(struct pool *p, const struct lease *l)
{
	unsigned bucket = bucket_of(l->url->scheme, lease_to(l), l->is_raw);
	struct pool_origin *o = p->buckets[bucket];

	while (o != NULL && !is_origin_of(o, l))
		o = o->next;
	if (o == NULL)
		o = origin_new(p, l, bucket);
	o->refs++;
	return o;
}

bool pool_has_kept_tls(const struct pool *p, const struct authority *to)
{
	const struct pool_origin *o = p->buckets[bucket_of(SCHEME_HTTPS, to, false)];

	for (; o != NULL; o = o->next) {
		if (o->idle_n > 0 && !o->is_raw && o->scheme == SCHEME_HTTPS && o->port == to->port &&
			str_eq(str_of(o->host), to->host))
			return true;
	}
	return false;
}

void origin_release(struct pool_origin *o)
{
	struct pool_origin **at = &o->pool->buckets[o->bucket];

	if (--o->refs > 0)
		return;
	while (*at != o)
		at = &(*at)->next;
	*at = o->next;
	if (!o->is_raw)
		gate_part(&o->member);
	mem_free(o->host);
	mem_free(o->tls_name);
	mem_free(o);
}

void origin_leave(struct pool_origin *o)
{
	if (!o->is_raw)
		gate_leave(&o->member);
	origin_release(o);
}

static void pool_keep(struct upstream *u)
{
	struct pool_origin *o = u->origin;

	u->idle_since_us = loop_now_us(o->pool->needs.loop);
	list_prepend(&o->idle, &u->node);
	list_append(&o->pool->idle, &u->idle_node);
	o->pool->idle_n++;
	gate_set_kept(&o->member, ++o->idle_n);
}

void pool_unkeep(struct upstream *u)
{
	struct pool_origin *o = u->origin;

	if (!list_is_linked(&u->idle_node))
		return;
	list_remove(&u->node);
	list_remove(&u->idle_node);
	o->pool->idle_n--;
	gate_set_kept(&o->member, --o->idle_n);
}

/* Ends the upstream of this origin that was kept the longest. */
static void origin_end_oldest(struct pool_origin *o)
{
	link_end(&LIST_ITEM(o->idle.prev, struct upstream, node)->link, false);
}

/* A kept upstream goes to who is next, or ends so that its place does. False if nobody waits. */
static bool origin_pass_on(struct pool_origin *o)
{
	struct gate_waiter *w = NULL;
	struct upstream *u = NULL;

	switch (gate_next(&o->member, &w)) {
	case GATE_NOBODY:
		return false;
	case GATE_OURS:
		u = lease_pick(LIST_ITEM(w, struct lease, waiter));
		break;
	case GATE_OTHERS:
		break;
	}
	/* Who cannot be claimed has got a place of its own: then the next is looked for. */
	if (u == NULL)
		origin_end_oldest(o);
	else if (gate_claim(w))
		lease_hand(LIST_ITEM(w, struct lease, waiter), u);
	return true;
}

void origin_yield(struct pool_origin *o)
{
	o->refs++;
	while (!list_is_empty(&o->idle) && gate_is_waited(&o->member) && origin_pass_on(o))
		;
	origin_release(o);
}

static void pool_on_wanted(struct gate_member *m)
{
	origin_yield(LIST_ITEM(m, struct pool_origin, member));
}

static const struct gate_events pool_gate_events = {.on_place = lease_on_place, .on_wanted = pool_on_wanted};

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

static void pool_on_gone(struct upstream *u)
{
	pool_unkeep(u);
	list_remove(&u->all_node);
	origin_leave(u->origin);
}

static bool is_worth_keeping(const struct pool *p, const struct upstream *u)
{
	return !p->is_draining && upstream_can_open(u) && p->settings->upstream_idle_timeout_ms > 0 &&
		p->settings->upstream_max_idle > 0;
}

/* An upstream can take a stream: who waits gets it, else it is kept. */
static void pool_on_idle(struct upstream *u)
{
	struct pool *p = u->origin->pool;

	if (list_is_linked(&u->idle_node))
		return;
	/* What was verified by other roots, or reached under another name, is used by nobody who comes now. */
	if (u->generation != p->generation) {
		link_end(&u->link, false);
		return;
	}
	if (u->origin->is_raw || gate_is_over(&u->origin->member)) {
		link_end(&u->link, false);
		return;
	}
	/* Kept first, then offered: who begins to wait in between sees it, or is seen. */
	pool_keep(u);
	origin_yield(u->origin);
	if (!list_is_linked(&u->idle_node))
		return;
	if (!is_worth_keeping(p, u)) {
		link_end(&u->link, false);
		return;
	}
	if (p->idle_n > p->settings->upstream_max_idle)
		link_end(&LIST_ITEM(p->idle.next, struct upstream, idle_node)->link, false);
	if (!timer_is_set(&p->expiry))
		timer_set(&p->expiry, p->settings->upstream_idle_timeout_ms);
}

struct upstream *pool_add(struct pool_origin *o, struct transport *t, unsigned generation)
{
	struct pool *p = o->pool;
	struct upstream *u =
		upstream_new(p->needs.loop, t, p->needs.budget, &p->settings->codec_limits, o, pool_on_idle, pool_on_gone);

	u->generation = generation;
	list_append(&p->all, &u->all_node);
	return u;
}

static void pool_set_limit(struct pool *p)
{
	gate_set_limit(p->port, (unsigned)p->settings->upstream_max_per_origin);
}

struct pool *pool_new(const struct pool_needs *needs, const struct settings *settings)
{
	struct pool *p = mem_calloc(1, sizeof(*p));

	p->needs = *needs;
	p->settings = settings;
	if (p->needs.gate == NULL)
		p->needs.gate = p->own_gate = gate_new();
	p->port = gate_port_new(p->needs.gate, needs->loop, &pool_gate_events);
	list_init(&p->idle);
	list_init(&p->all);
	timer_init(&p->expiry, needs->loop, pool_on_expiry, p);
	pool_set_limit(p);
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
	pool_set_limit(p);
	/* The idle ones were made under the old roots, hosts and name servers; those in use end when they are given back. */
	p->generation++;
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
	gate_port_free(p->port);
	gate_free(p->own_gate);
	mem_free(p);
}
