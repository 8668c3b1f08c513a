/* What pool.c and lease.c see of the pool; nobody else includes this. Who owns what: the pool owns origins and upstreams; an
 * origin lives while it has an upstream, a dial or a waiter; a lease belongs to its asker and points at the upstream while it
 * holds a stream of it. */
#ifndef VIADUCT_CORE_POOL_PART_H
#define VIADUCT_CORE_POOL_PART_H

#include "core/gate.h"
#include "core/pool.h"
#include "core/upstream.h"

enum { POOL_BUCKETS = 512 };

struct pool_origin {
	struct pool *pool;
	struct pool_origin *next; /* in its bucket */
	unsigned bucket;
	enum scheme scheme;
	uint16_t port;
	bool is_raw;
	char *host;
	char *tls_name; /* "" if it is the host */
	uint64_t asks_id;
	unsigned refs;             /* upstreams, dials, leases that wait, and who is at work on it */
	struct gate_member member; /* unless it is raw */
	struct list idle;          /* of struct upstream, the latest first */
	unsigned idle_n;
};

struct pool {
	struct pool_needs needs;
	const struct settings *settings;
	struct gate *own_gate; /* NULL: the gate is shared */
	struct gate_port *port;
	struct pool_origin *buckets[POOL_BUCKETS];
	struct list idle; /* of all origins, the oldest first */
	struct list all;  /* of struct upstream */
	int64_t idle_n;
	struct timer expiry;
	unsigned generation; /* of the settings: rises with each change */
	bool is_draining;
};

/* The origin that a lease asks for, made if need be; the caller holds it. */
struct pool_origin *origin_get(struct pool *p, const struct lease *l);
/* Lets go of an origin. */
void origin_release(struct pool_origin *o);
/* The same for who had a place of it: a dial or an upstream. */
void origin_leave(struct pool_origin *o);
/* While somebody waits, kept upstreams go to who is next, or end to make room. */
void origin_yield(struct pool_origin *o);
/* An upstream of the pool over this transport, in the place of the dial that made it, begun under settings of that generation. */
struct upstream *pool_add(struct pool_origin *o, struct transport *t, unsigned generation);
/* It is in use from now on, or over. */
void pool_unkeep(struct upstream *u);

/* Host and port that a lease is for. */
static inline const struct authority *lease_to(const struct lease *l)
{
	return l->to != NULL ? l->to : &l->url->authority;
}
/* The name for the certificate where it is not the host; else empty. */
static inline struct str lease_other_name(const struct lease *l)
{
	return l->url->scheme != SCHEME_HTTPS || str_eq(l->tls_name, lease_to(l)->host) ? STR_NONE : l->tls_name;
}
/* A kept upstream that this lease may use; NULL if there is none. */
struct upstream *lease_pick(struct lease *l);
/* A lease that was taken out of the line gets this upstream. */
void lease_hand(struct lease *l, struct upstream *u);
/* A lease that waited has a place for a connection of its own. */
void lease_on_place(struct gate_waiter *w);

#endif
