/* See upstream.h. */
#include "core/upstream.h"

#include "base/mem.h"
#include "http/h1.h"

#include <stdio.h>

static void upstream_on_activity(void *owner)
{
	struct upstream *u = owner;

	link_wake(&u->link);
}

static const struct codec_events upstream_codec_events = {.on_activity = upstream_on_activity};

static void upstream_on_update(void *owner)
{
	struct upstream *u = owner;

	if (!u->link.is_busy && codec_is_idle(u->link.codec) && !u->link.is_read_over)
		u->on_idle(u);
}

/* The codec knows that it is over, but not what the transport says of it. */
static void upstream_on_broken(void *owner, const struct transport *t)
{
	struct upstream *u = owner;

	if (error_row(t->error)->phase == PHASE_TLS)
		snprintf(u->detail, sizeof(u->detail), "%s", t->detail);
}

static void upstream_free(void *p)
{
	struct upstream *u = p;

	link_fini(&u->link);
	mem_free(u);
}

static void upstream_on_end(void *owner)
{
	struct upstream *u = owner;

	u->on_gone(u);
	loop_reap(u->link.loop, u, upstream_free);
}

static const struct link_events upstream_link_events = {
	.on_update = upstream_on_update, .on_broken = upstream_on_broken, .on_end = upstream_on_end};

struct upstream *upstream_new(struct loop *loop, struct transport *t, struct link_budget *budget,
	const struct codec_limits *limits, struct pool_origin *origin, void (*on_idle)(struct upstream *u),
	void (*on_gone)(struct upstream *u))
{
	struct upstream *u = mem_calloc(1, sizeof(*u));

	link_init(&u->link, LINK_UPSTREAM, loop, t, budget, &upstream_link_events, u);
	u->link.codec = h1_client_new(budget->pool, limits, &upstream_codec_events, u);
	u->origin = origin;
	u->on_idle = on_idle;
	u->on_gone = on_gone;
	list_init(&u->node);
	list_init(&u->idle_node);
	list_init(&u->all_node);
	return u;
}

bool upstream_can_open(const struct upstream *u)
{
	return !u->link.is_over && !u->link.is_read_over && !u->link.is_write_broken && codec_is_idle(u->link.codec);
}

struct stream *upstream_open(struct upstream *u, struct arena *a)
{
	struct stream *s;

	if (!upstream_can_open(u))
		return NULL;
	s = codec_open(u->link.codec, a);
	if (s != NULL)
		u->link.is_busy = true;
	return s;
}

void upstream_close_stream(struct upstream *u, struct stream *s, bool abort)
{
	stream_close(s, abort);
	u->has_served = true;
	u->link.is_busy = false;
	/* At once where that can be: the next hop of a chain to the same origin is about to ask. */
	if (codec_is_idle(u->link.codec) && !u->link.is_read_over)
		u->on_idle(u);
	/* The rest of a request that was answered before it was read: the origin may never take it. */
	else if (u->link.codec->out.len > 0)
		link_end(&u->link, true);
	else
		link_wake(&u->link);
}
