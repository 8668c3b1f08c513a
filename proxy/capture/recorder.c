/* The recorder of one worker. Two lists hold the exchanges in flight, both ordered by when they are due for a look: fresh ones,
 * which have no record yet, and shown ones. A fast proxy therefore looks at the head of a list four times a second and no more,
 * and an idle one has no timer at all. Not for what becomes of a record: that is the store's. */
#include "capture/recorder.h"

#include "base/mem.h"
#include "capture/open_set.h"
#include "capture/record.h"

#include <poll.h>

enum { DRAIN_MS = 5 };

struct recorder {
	struct loop *loop;
	struct ring *ring;
	struct observer observer;

	struct open_set open;
	struct list fresh, shown;
	struct timer look_timer;

	/* Records that the ring had no room for, oldest first. */
	struct record *waiting, **waiting_end;
	struct timer drain_timer;
	void (*on_overload)(void *owner, bool is_over);
	void *owner;
};

/* Pushes waiting records until the ring is full; true if none is left. */
static bool drain(struct recorder *r)
{
	while (r->waiting) {
		struct record *next = r->waiting->next; /* not ours any more after the push */

		if (!ring_push(r->ring, r->waiting))
			return false;
		r->waiting = next;
	}
	r->waiting_end = &r->waiting;
	return true;
}

static void on_drain(void *owner)
{
	struct recorder *r = owner;

	if (!drain(r))
		timer_set(&r->drain_timer, DRAIN_MS);
	else if (r->on_overload)
		r->on_overload(r->owner, false);
}

/* Gives a record to the store; order is kept even when the ring is full. */
static void submit(struct recorder *r, struct record *record)
{
	bool was_waiting = r->waiting != NULL;

	if (!was_waiting && ring_push(r->ring, record))
		return;
	record->next = NULL;
	*r->waiting_end = record;
	r->waiting_end = &record->next;
	if (was_waiting)
		return;
	timer_set(&r->drain_timer, DRAIN_MS);
	if (r->on_overload)
		r->on_overload(r->owner, true);
}

static struct glimpse glimpse_of(const struct exchange_facts *x)
{
	return (struct glimpse){
		.hops_n = x->hops_n,
		.has_response = x->response != NULL,
		.is_tunnel = x->is_tunnel,
		.has_client_tls = x->client_tls != NULL,
		.handling = x->is_tunnel ? x->tunnel.handling : TUNNEL_RELAYED,
		.body_bytes = x->request_body_bytes + x->response_body_bytes,
		.tunnel_bytes = x->tunnel.up_bytes + x->tunnel.down_bytes,
	};
}

static bool glimpse_eq(const struct glimpse *a, const struct glimpse *b)
{
	return a->hops_n == b->hops_n && a->has_response == b->has_response && a->is_tunnel == b->is_tunnel &&
		a->has_client_tls == b->has_client_tls && a->handling == b->handling && a->body_bytes == b->body_bytes &&
		a->tunnel_bytes == b->tunnel_bytes;
}

/* Looks at the flows of a list that are due, and queues what they look like if they changed. False when the budget ended it. */
static bool look(struct recorder *r, struct list *from, int64_t age_us, int64_t now_us, size_t *budget)
{
	while (!list_is_empty(from)) {
		struct open_flow *f = LIST_ITEM(from->next, struct open_flow, node);
		struct glimpse g = glimpse_of(f->x);

		if (f->looked_us + age_us > now_us)
			return true;
		if (from == &r->fresh || !glimpse_eq(&g, &f->seen)) {
			if (*budget == 0)
				return false;
			--*budget;
			submit(r, record_new(f->x));
		}
		f->seen = g;
		f->looked_us = now_us;
		list_remove(&f->node);
		list_append(&r->shown, &f->node);
	}
	return true;
}

static int64_t due_us(const struct list *l, int64_t age_us)
{
	if (list_is_empty(l))
		return INT64_MAX;
	return LIST_ITEM(l->next, struct open_flow, node)->looked_us + age_us;
}

/* Sets the timer for the next look, if anything is in flight. */
static void plan(struct recorder *r, bool is_behind)
{
	int64_t fresh_us = due_us(&r->fresh, RECORDER_OPEN_MS * INT64_C(1000));
	int64_t shown_us = due_us(&r->shown, RECORDER_AGAIN_MS * INT64_C(1000));
	int64_t next_us = fresh_us < shown_us ? fresh_us : shown_us;
	int64_t wait_us;

	if (next_us == INT64_MAX)
		return;
	wait_us = next_us - loop_now_us(r->loop);
	if (is_behind || wait_us < 0)
		wait_us = RECORDER_OPEN_MS * INT64_C(1000);
	timer_set(&r->look_timer, wait_us / 1000 + 1);
}

static void on_look(void *owner)
{
	struct recorder *r = owner;
	int64_t now_us = loop_now_us(r->loop);
	/* Half of the ring is kept for flows that end. */
	size_t budget = r->waiting ? 0 : ring_room(r->ring) / 2;
	bool all;

	if (budget > RECORDER_GLIMPSES)
		budget = RECORDER_GLIMPSES;
	all = look(r, &r->fresh, RECORDER_OPEN_MS * INT64_C(1000), now_us, &budget);
	all = look(r, &r->shown, RECORDER_AGAIN_MS * INT64_C(1000), now_us, &budget) && all;
	plan(r, !all);
}

static void on_begin(void *owner, const struct exchange_facts *x)
{
	struct recorder *r = owner;
	struct open_flow *f = mem_calloc(1, sizeof(*f));

	f->id = x->id;
	f->x = x;
	f->looked_us = loop_now_us(r->loop);
	open_set_add(&r->open, f);
	list_append(&r->fresh, &f->node);
	if (!timer_is_set(&r->look_timer))
		timer_set(&r->look_timer, RECORDER_OPEN_MS);
}

/* Hops are copied with their exchange. */
static void on_hop(void *owner, const struct exchange_facts *x, const struct hop_facts *h)
{
	(void)owner;
	(void)x;
	(void)h;
}

static void on_end(void *owner, const struct exchange_facts *x)
{
	struct recorder *r = owner;
	struct open_flow *f = open_set_take(&r->open, x->id);

	if (f) {
		list_remove(&f->node);
		mem_free(f);
	}
	submit(r, record_new(x));
}

struct recorder *recorder_new(struct loop *l, struct ring *ring, void (*on_overload)(void *owner, bool is_over), void *owner)
{
	struct recorder *r = mem_calloc(1, sizeof(*r));

	r->loop = l;
	r->ring = ring;
	r->on_overload = on_overload;
	r->owner = owner;
	r->observer = (struct observer){.owner = r, .on_begin = on_begin, .on_hop = on_hop, .on_body = NULL, .on_end = on_end};
	r->waiting_end = &r->waiting;
	open_set_init(&r->open);
	list_init(&r->fresh);
	list_init(&r->shown);
	timer_init(&r->look_timer, l, on_look, r);
	timer_init(&r->drain_timer, l, on_drain, r);
	return r;
}

static void free_list(struct list *l)
{
	struct list *node;

	while ((node = list_take(l)) != NULL)
		mem_free(LIST_ITEM(node, struct open_flow, node));
}

void recorder_free(struct recorder *r)
{
	if (!r)
		return;
	timer_stop(&r->look_timer);
	timer_stop(&r->drain_timer);
	/* A ring does not tell when it has room again; the loop does not turn any more. */
	while (!drain(r))
		(void)poll(NULL, 0, 1);
	free_list(&r->fresh);
	free_list(&r->shown);
	open_set_fini(&r->open);
	mem_free(r);
}

const struct observer *recorder_observer(struct recorder *r)
{
	return &r->observer;
}
