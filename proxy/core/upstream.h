/* An upstream: one connection to an origin, a link in client role. It belongs to the pool. */
#ifndef VIADUCT_CORE_UPSTREAM_H
#define VIADUCT_CORE_UPSTREAM_H

#include "core/link.h"
#include "core/pool.h"

struct upstream {
	struct link link;
	struct pool_origin *origin;
	struct list node;      /* of the origin's idle ones, the latest first */
	struct list idle_node; /* of all idle ones of the pool, the oldest first */
	struct list all_node;  /* of all of the pool */
	unsigned generation;   /* of the settings that its dial was begun under */
	int64_t idle_since_us;
	char detail[120];                    /* the alert that ended it, in words; else empty */
	bool has_served;                     /* a stream was leased before */
	void (*on_idle)(struct upstream *u); /* it can take a stream again */
	void (*on_gone)(struct upstream *u); /* it is over; called once, memory goes at the end of the turn */
};

/* Takes the transport over. */
struct upstream *upstream_new(struct loop *loop, struct transport *t, struct link_budget *budget,
	const struct codec_limits *limits, struct pool_origin *origin, void (*on_idle)(struct upstream *u),
	void (*on_gone)(struct upstream *u));
/* False: it takes no further request, as the origin has closed it or took no more of the last one. */
bool upstream_can_open(const struct upstream *u);
/* A stream on it, or NULL. */
struct stream *upstream_open(struct upstream *u, struct arena *a);
/* The stream that upstream_open gave is done with. */
void upstream_close_stream(struct upstream *u, struct stream *s, bool abort);

#endif
