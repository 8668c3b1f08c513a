/* The pool: a worker's upstreams by origin. It leases streams, not connections: an HTTP/1.1 upstream gives one at a time, and a
 * codec that carries several will give several. */
#ifndef VIADUCT_CORE_POOL_H
#define VIADUCT_CORE_POOL_H

#include "config/settings.h"
#include "core/gate.h"
#include "core/link.h"
#include "http/stream.h"
#include "http/url.h"
#include "net/dialer.h"
#include "net/loop.h"

#include <stdbool.h>

struct pool;
struct upstream;
struct pool_origin;

struct pool_needs {
	struct loop *loop;
	struct resolver *resolver;
	struct tls_client *tls;
	struct link_budget *budget;
	struct gate
		*gate; /* counts connections over all workers, outlives pool and loop; NULL: this pool is alone (the tests) */
	/* Asked for every address before it is dialled, or used again; an error refuses it. NULL: all are fine. */
	enum error (*check)(void *owner, const struct address *to);
	void *owner;
};
struct pool *pool_new(const struct pool_needs *needs, const struct settings *settings);
/* All leases are ended or cancelled. NULL is fine. */
void pool_free(struct pool *p);
/* Limits and time-outs from now on; the limit per origin is the whole gate's. The settings stay valid until the next call. */
void pool_set_settings(struct pool *p, const struct settings *settings, struct tls_client *tls);
/* Idle upstreams are closed now, and none is kept any more. */
void pool_drain(struct pool *p);

enum lease_state { LEASE_QUEUED, LEASE_DIALLING, LEASE_READY, LEASE_FAILED, LEASE_ENDED };

/* A stream to an origin, asked for and given back. Lives in the hop that asks. */
struct lease {
	/* Set by the asker. */
	void (*on_change)(void *owner); /* the state changed; only notes it */
	void *owner;
	struct arena *arena;        /* for the heads of the stream */
	const struct url *url;      /* whose origin; outlives the lease */
	const struct authority *to; /* dialled in place of the URL's host and port; NULL: that is not so. Outlives the lease */
	struct str
		tls_name; /* that the certificate is checked for and SNI names; empty: the host dialled. Outlives the lease */
	struct tls_asks asks; /* beyond the default, of an https origin */
	/* A raw lease of the same place that is ready, or dialled: if a new connection is needed, it is made of that, which is LEASE_ENDED then. Looked at
	 * by pool_lease only, unless the lease has to wait in line: then it is not used. NULL: none. */
	struct lease *prime;
	bool is_raw; /* a tunnel: a new connection without TLS and HTTP, never kept */
	/* As the pool's own check, and after it. If all addresses are refused, the lease fails with the error of the last, and peer is
	 * that address. */
	enum error (*check)(void *owner, const struct address *to);
	int64_t max_idle_us; /* a kept upstream that was idle for longer is not used; 0: only a new one will do */

	/* Set by the pool. */
	enum lease_state state;
	struct stream *stream; /* LEASE_READY */
	enum error error;      /* LEASE_FAILED */
	char detail[160];
	struct address peer;
	bool is_reused;
	const struct tls_facts *tls;     /* NULL: clear text; lives as long as the lease */
	const struct tls_peer *tls_peer; /* LEASE_FAILED: whose certificate was seen; a reference of the lease's. Else NULL */
	int64_t queue_us;                /* in the queue, once it has been left; -1: it was not in the queue */
	int64_t resolve_us, connect_us, tls_us; /* -1: not needed */

	/* The pool's own. */
	struct pool *pool;
	struct pool_origin *origin;
	struct upstream *upstream;
	struct dial *dial;
	struct gate_waiter waiter;
	unsigned generation; /* of the settings, when its dial was begun */
	int64_t asked_us;
};
/* Asks. The state may be LEASE_READY on return (a kept upstream); otherwise on_change comes later. A lease that is not raw is
 * LEASE_QUEUED while the origin has as many connections as it may, over all workers. */
void pool_lease(struct pool *p, struct lease *l);
/* True if an upstream to this https origin, under whatever name, is kept: who speaks with it speaks TLS first. */
bool pool_has_kept_tls(const struct pool *p, const struct authority *to);
/* queue_us, or for a lease that is in the queue still how long it has been. */
int64_t lease_waited_us(const struct lease *l);
/* The alert with which the origin broke off the TLS of a ready lease, in words; else empty. Valid until the lease is ended. */
const char *lease_alert(const struct lease *l);
/* Bytes written to the origin that its system has not acknowledged. */
size_t lease_queued(const struct lease *l);
/* Gives the stream back, or stops waiting for it. abort: the transport is broken off. */
void lease_end(struct lease *l, bool abort);

#endif
