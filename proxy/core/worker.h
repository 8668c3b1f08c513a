/* A worker: one thread with its own loop, listeners, resolver, pool and clients. Nothing in the path of a request is shared with
 * another worker but counters. */
#ifndef VIADUCT_CORE_WORKER_H
#define VIADUCT_CORE_WORKER_H

#include "base/bufq.h"
#include "base/list.h"
#include "config/settings.h"
#include "core/auth.h"
#include "core/link.h"
#include "core/observer.h"
#include "core/pool.h"
#include "core/retry.h"
#include "core/shared.h"
#include "net/loop.h"
#include "net/resolver.h"
#include "net/tcp.h"
#include "net/tls.h"
#include "net/tls_server.h"

#include <stdbool.h>

enum { WORKER_OBSERVERS = 4 };

struct exchange;

/* Who answers requests that are meant for the listener itself (origin-form). */
struct answerer {
	/* A reply (reply.h) in the exchange's arena; NULL when it is full. Runs on the worker's thread and must not block. */
	struct stream *(*answer)(void *owner, struct exchange *x);
	void *owner;
	bool is_only; /* nothing is forwarded here: other targets are refused (not_a_proxy) */
};

struct worker {
	unsigned number, of;
	struct shared *shared;
	struct settings *settings; /* of new exchanges */
	struct str via;            /* lives as long as settings or the worker */
	struct loop *loop;
	struct bufpool *bufpool;
	struct link_budget budget;
	struct resolver *resolver;
	struct tls_client *tls;
	struct tls_server *tls_server;
	struct pool *pool;
	struct auth *auth;
	struct retry_budget retries;
	struct listener **listeners;
	size_t listeners_n;
	struct list clients, exchanges, held;
	struct observer observers[WORKER_OBSERVERS];
	size_t observers_n;
	struct timer housekeeping, cut_off;
	struct answerer answerer; /* answer NULL: the help page */
	struct answerer
		setup; /* of requests through the proxy to SETUP_HOST (local.h), which exists nowhere else; answer NULL: there is none */
	bool is_overloaded; /* the recorder asked for a pause */
	bool is_draining;
	char via_made[32]; /* the name in Via when the options give none */
};

struct worker_needs {
	unsigned number;
	unsigned of; /* how many workers share the limits of the process */
	struct shared *shared;
	struct settings *settings;
	const char *via_made;          /* used where the option via is empty */
	struct tls_client *tls;        /* taken over; NULL if nothing is forwarded */
	struct tls_server *tls_server; /* taken over; NULL if no tunnel is ever opened (the inspector's worker) */
	struct answerer answerer;
	struct answerer setup;
	const int *fds; /* listening sockets, taken over */
	size_t fds_n;
};
/* NULL with one line in ret_why. */
struct worker *worker_new(const struct worker_needs *needs, char *ret_why, size_t size);
/* Before it runs. At most WORKER_OBSERVERS. */
void worker_add_observer(struct worker *w, const struct observer *o);
/* Turns until drained. */
void worker_run(struct worker *w);
/* After worker_run. */
void worker_free(struct worker *w);

/* From any thread. */
void worker_post_settings(struct worker *w, struct settings *settings, struct tls_client *tls);
/* Stops taking clients, lets exchanges end, cuts them off after drain_ms, then worker_run returns. A second call with 0 cuts off
 * at once. */
void worker_post_drain(struct worker *w, int64_t drain_ms);

/* On the worker's thread: new exchanges wait while the recorder is behind. */
void worker_set_overloaded(struct worker *w, bool is_overloaded);
/* A client is gone; a drained worker may be done now. */
void worker_client_gone(struct worker *w);
/* The address belongs to one of our own listeners. */
bool worker_is_own(const struct worker *w, const struct address *to);

#endif
