/* See client.h. Time-outs here are those between and in front of exchanges: idle, and a head that does not arrive. */
#include "core/client.h"

#include "base/mem.h"
#include "core/exchange.h"
#include "core/sniff.h"
#include "http/h1.h"

#include <stdio.h>

struct client {
	struct link link;
	struct worker *worker;
	struct list node; /* of the worker's clients */
	struct timer timer;
	struct exchange *x; /* NULL between exchanges */
	uint64_t id;
	unsigned requests;
	enum error refusal;
	struct nest *nest;   /* NULL: it is not inside a tunnel */
	bool waits_for_head; /* what the timer is set for: a head that has begun, else idleness */
	bool is_draining;
};

static void client_on_activity(void *owner)
{
	struct client *c = owner;

	link_wake(&c->link);
}

static void client_on_exchange_end(void *owner, struct exchange *x)
{
	struct client *c = owner;

	(void)x;
	c->x = NULL;
	c->link.is_busy = false;
	c->waits_for_head = false;
	timer_stop(&c->timer);
	link_wake(&c->link);
}

static bool client_is_settled(void *owner)
{
	struct client *c = owner;

	return link_is_settled(&c->link);
}

static size_t client_queued(void *owner)
{
	struct client *c = owner;

	return c->link.is_over ? 0 : transport_queued(c->link.transport);
}

/* What the first words inside a tunnel tell about who speaks. */
static void client_note_inside(const struct client *c, const struct stream *s)
{
	struct nest *n = c->nest;
	struct clienthello hello;

	if (n->requests++ == 0 && s->head == NULL && s->rejected.len > 0)
		n->is_other = sniff((const uint8_t *)s->rejected.p, s->rejected.len, &hello) == SNIFF_OTHER;
	n->client_requests++;
	if (n->on_request != NULL)
		n->on_request(n->owner);
}

static void client_on_stream(void *owner, struct stream *s)
{
	struct client *c = owner;
	struct exchange_needs needs = {
		.worker = c->worker,
		.d = s,
		.client_id = c->id,
		.client_request = c->nest == NULL ? ++c->requests : c->nest->client_requests + 1,
		.client = &c->link.transport->peer,
		.listener = &c->link.transport->local,
		.refusal = c->refusal,
		.nest = c->nest,
		.is_settled = client_is_settled,
		.queued = client_queued,
		.on_end = client_on_exchange_end,
		.owner = c,
	};

	timer_stop(&c->timer);
	c->link.is_busy = true;
	c->x = exchange_new(&needs);
	if (c->nest != NULL)
		client_note_inside(c, s);
}

static const struct codec_events client_codec_events = {.on_stream = client_on_stream, .on_activity = client_on_activity};

/* Sets the timer for what the client has to do next. */
static void client_on_update(void *owner)
{
	struct client *c = owner;
	const struct settings *s = c->worker->settings;

	if (c->x != NULL)
		return;
	if (c->is_draining && codec_is_idle(c->link.codec)) {
		link_end(&c->link, false);
		return;
	}
	if (c->link.codec->got_bytes && !c->waits_for_head) {
		c->waits_for_head = true;
		timer_set(&c->timer, s->timeout_request_head_ms);
	} else if (!c->link.codec->got_bytes && !timer_is_set(&c->timer)) {
		timer_set(&c->timer, s->timeout_client_idle_ms);
	}
}

/* A silent client is closed; one that began a head and did not end it is told so, and the flow recorded. */
static void client_on_due(void *owner)
{
	struct client *c = owner;

	if (c->waits_for_head)
		codec_expire(c->link.codec, &c->link.in, ERR_request_head_timeout);
	else
		link_end(&c->link, false);
}

static void client_free(void *p)
{
	struct client *c = p;

	link_fini(&c->link);
	nest_unref(c->nest);
	mem_free(c);
}

static void client_on_end(void *owner)
{
	struct client *c = owner;
	struct worker *w = c->worker;

	timer_stop(&c->timer);
	list_remove(&c->node);
	if (c->nest == NULL)
		atomic_fetch_sub(&w->shared->clients, 1);
	loop_reap(w->loop, c, client_free);
	worker_client_gone(w);
}

/* Many clients judge our certificate after the handshake only; what they say of it then is for the tunnel's record. */
static void client_on_broken(void *owner, const struct transport *t)
{
	struct client *c = owner;

	if (c->nest != NULL && t->error == ERR_client_tls_refused)
		snprintf(c->nest->refusal, sizeof(c->nest->refusal), "%s", t->detail);
}

static const struct link_events client_link_events = {
	.on_update = client_on_update,
	.on_broken = client_on_broken,
	.on_end = client_on_end,
};

static struct client *client_make(struct worker *w, struct transport *t)
{
	struct client *c = mem_calloc(1, sizeof(*c));

	c->worker = w;
	timer_init(&c->timer, w->loop, client_on_due, c);
	list_append(&w->clients, &c->node);
	link_init(&c->link, LINK_CLIENT, w->loop, t, &w->budget, &client_link_events, c);
	c->link.codec = h1_server_new(w->bufpool, &w->settings->codec_limits, &client_codec_events, c);
	return c;
}

struct client *client_new(struct worker *w, struct transport *t, enum error refusal)
{
	struct client *c = client_make(w, t);

	c->refusal = refusal;
	c->id = atomic_fetch_add(&w->shared->next_client_id, 1);
	atomic_fetch_add(&w->shared->clients, 1);
	return c;
}

struct client *client_new_inside(struct worker *w, struct transport *t, struct nest *nest)
{
	struct client *c = client_make(w, t);

	c->nest = nest_ref(nest);
	c->id = nest->client_id;
	return c;
}

void client_drain(struct client *c)
{
	c->is_draining = true;
	link_wake(&c->link);
}

void client_end(struct client *c)
{
	link_end(&c->link, true);
}

struct client *client_of_node(struct list *node)
{
	return LIST_ITEM(node, struct client, node);
}
