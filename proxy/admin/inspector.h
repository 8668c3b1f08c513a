/* The inspector: what answers at an address of its own beside the proxy. It runs as the answerer of one more worker (worker.h),
 * on that worker's thread; what it reads of the others is atomic or does not change.
 *
 * Every request goes through the same gates in this order: Host (host_check.h), route, method, token (token.h); what changes
 * something has to be meant as well (change_check.h). */
#ifndef VIADUCT_ADMIN_INSPECTOR_H
#define VIADUCT_ADMIN_INSPECTOR_H

#include "admin/meter.h"
#include "admin/setup.h"
#include "core/shared.h"
#include "core/worker.h"
#include "store/store.h"

struct inspector;

struct inspector_needs {
	struct settings *settings; /* those the proxy was started with; a reference is taken */
	struct shared *shared;     /* the proxy's */
	struct store *store;
	const char *version;
	struct ca_source ca;
	struct address address; /* where it listens, with the port that was taken */
};

/* NULL with errno if the system has no random bits or no descriptor. Lives until no worker asks it any more. */
struct inspector *inspector_new(const struct inspector_needs *needs);
void inspector_free(struct inspector *i); /* NULL is fine */
/* capture.memory has changed. Thread-safe. */
void inspector_set_memory(struct inspector *i, int64_t capture_memory);
/* The meter of one more worker of the proxy, which outlives the inspector; before anything runs. */
void inspector_add_meter(struct inspector *i, const struct meter *m);

/* "http://127.0.0.1:8081/", as reached from this machine; lives as long as the inspector. */
const char *inspector_url(const struct inspector *i);
const char *inspector_token(const struct inspector *i);
struct answerer inspector_answerer(struct inspector *i);

#endif
