/* The recorder of one worker. Two lists hold the exchanges in flight, both ordered by when they are due for a look: fresh ones,
 * which have no record yet, and shown ones. A fast proxy therefore looks at the head of a list four times a second and no more,
 * and an idle one has no timer at all. Not for what becomes of a record: that is the store's. */
#include "capture/recorder.h"

#include "base/mem.h"
#include "capture/kept_body.h"
#include "capture/open_set.h"
#include "capture/record.h"

#include <poll.h>

enum {
	DRAIN_MS = 5,
	/* With many exchanges in flight their pieces are smaller, so that what is being filled stays small, too. */
	MANY_OPEN = 128,
	SMALL_PART_BYTES = 16384,
	HARD = 4 /* times `memory`: beyond it bodies are cut in any case */
};

struct recorder {
	struct loop *loop;
	struct ring *ring;
	struct observer observer;

	struct open_set open;
	struct list fresh, shown;
	struct timer look_timer;

	struct backlog *backlog;
	struct recorder_limits limits;
	/* Records that the ring had no room for, oldest first. */
	struct record *waiting, **waiting_end;
	struct timer drain_timer;
	bool is_overloaded;
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

static size_t backlog_share(const struct recorder *r, size_t n, size_t of)
{
	return (size_t)r->limits.memory / of * n;
}

/* The store is behind. Once it is, it has to come down to half before it is not. */
static bool is_behind(const struct recorder *r)
{
	size_t limit = r->is_overloaded ? backlog_share(r, 1, 2) : backlog_share(r, 1, 1);

	/* Cutting bodies is enough, unless even heads are too many. */
	if (r->limits.is_shedding)
		limit *= HARD;
	return r->waiting != NULL || backlog_bytes(r->backlog) > limit;
}

static void mind_overload(struct recorder *r)
{
	bool is_over = is_behind(r);

	if (is_over)
		timer_set(&r->drain_timer, DRAIN_MS);
	if (is_over == r->is_overloaded)
		return;
	r->is_overloaded = is_over;
	if (r->on_overload)
		r->on_overload(r->owner, is_over);
}

static void on_drain(void *owner)
{
	struct recorder *r = owner;

	(void)drain(r);
	mind_overload(r);
}

/* Gives a record to the store; order is kept even when the ring is full. */
static void submit(struct recorder *r, struct record *record)
{
	record_weigh(record, r->backlog);
	if (r->waiting || !ring_push(r->ring, record)) {
		record->next = NULL;
		*r->waiting_end = record;
		r->waiting_end = &record->next;
	}
	if (!r->is_overloaded)
		mind_overload(r);
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

/* The flow as it is now, with what its bodies have to add. */
static void submit_flow(struct recorder *r, struct open_flow *f, const struct exchange_facts *x)
{
	struct record *record = record_new(x);

	if (f) {
		kept_bodies_tell(f->bodies, record);
		record->is_again = f->is_told;
		f->is_told = true;
	}
	submit(r, record);
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
			submit_flow(r, f, f->x);
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
static void plan(struct recorder *r, bool is_late)
{
	int64_t fresh_us = due_us(&r->fresh, RECORDER_OPEN_MS * INT64_C(1000));
	int64_t shown_us = due_us(&r->shown, RECORDER_AGAIN_MS * INT64_C(1000));
	int64_t next_us = fresh_us < shown_us ? fresh_us : shown_us;
	int64_t wait_us;

	if (next_us == INT64_MAX)
		return;
	wait_us = next_us - loop_now_us(r->loop);
	if (is_late || wait_us < 0)
		wait_us = RECORDER_OPEN_MS * INT64_C(1000);
	timer_set(&r->look_timer, wait_us / 1000 + 1);
}

static void on_look(void *owner)
{
	struct recorder *r = owner;
	int64_t now_us = loop_now_us(r->loop);
	/* Half of the ring is kept for flows that end. */
	size_t budget = r->is_overloaded ? 0 : ring_room(r->ring) / 2;
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

/* Why the body is to be cut before the next piece. */
static void mind_body(struct recorder *r, struct kept_body *b)
{
	size_t limit = backlog_share(r, r->limits.is_shedding ? 1 : HARD, 1);

	if (b->cut != CUT_NONE || backlog_bytes(r->backlog) <= limit)
		return;
	b->cut = CUT_OVERLOAD;
	atomic_fetch_add_explicit(&r->backlog->bodies_cut_overload, 1, memory_order_relaxed);
}

/* Keeps the piece; parts that get full go to the store at once. */
static void keep(struct recorder *r, uint64_t id, struct kept_body *b, struct str piece)
{
	size_t part_bytes = r->open.n > MANY_OPEN ? SMALL_PART_BYTES : BODY_PART_BYTES;
	bool was_cut = b->cut != CUT_NONE;
	struct body_part *full;

	while (piece.len > 0) {
		piece = kept_body_put(b, piece, part_bytes, &full);
		if (full) {
			struct record *record = record_new_body(id);

			record_add_part(record, full);
			submit(r, record);
		}
	}
	if (!was_cut && b->cut == CUT_LIMIT)
		atomic_fetch_add_explicit(&r->backlog->bodies_cut_limit, 1, memory_order_relaxed);
}

static void on_body(void *owner, const struct exchange_facts *x, const struct hop_facts *h, enum body_direction d,
	struct str piece)
{
	struct recorder *r = owner;
	struct open_flow *f;
	struct kept_body *b;

	if (r->limits.body_limit == RECORDER_NO_BODIES || piece.len == 0)
		return;
	f = open_set_find(&r->open, x->id);
	if (!f)
		return;
	b = kept_body_of(&f->bodies, h ? h->number : 0, d, (uint64_t)r->limits.body_limit);
	mind_body(r, b);
	keep(r, x->id, b, piece);
}

static void on_end(void *owner, const struct exchange_facts *x)
{
	struct recorder *r = owner;
	struct open_flow *f = open_set_take(&r->open, x->id);

	submit_flow(r, f, x);
	if (!f)
		return;
	kept_bodies_free(&f->bodies);
	list_remove(&f->node);
	mem_free(f);
}

struct recorder *recorder_new(const struct recorder_needs *needs)
{
	struct recorder *r = mem_calloc(1, sizeof(*r));

	r->loop = needs->loop;
	r->ring = needs->ring;
	r->backlog = needs->backlog;
	r->limits = needs->limits;
	r->on_overload = needs->on_overload;
	r->owner = needs->owner;
	r->observer =
		(struct observer){.owner = r, .on_begin = on_begin, .on_hop = on_hop, .on_body = on_body, .on_end = on_end};
	r->waiting_end = &r->waiting;
	open_set_init(&r->open);
	list_init(&r->fresh);
	list_init(&r->shown);
	timer_init(&r->look_timer, r->loop, on_look, r);
	timer_init(&r->drain_timer, r->loop, on_drain, r);
	return r;
}

void recorder_set_limits(struct recorder *r, const struct recorder_limits *limits)
{
	r->limits = *limits;
}

static void free_list(struct list *l)
{
	struct list *node;

	while ((node = list_take(l)) != NULL) {
		struct open_flow *f = LIST_ITEM(node, struct open_flow, node);

		kept_bodies_free(&f->bodies);
		mem_free(f);
	}
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
