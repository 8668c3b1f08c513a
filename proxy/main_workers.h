/* The workers' threads, the inspector's among them: made, told and waited for from the main thread. */
#ifndef VIADUCT_MAIN_WORKERS_H
#define VIADUCT_MAIN_WORKERS_H

#include "admin/inspector.h"
#include "admin/setup.h"
#include "config/settings.h"
#include "core/shared.h"
#include "net/loop.h"
#include "pki/ca_files.h"
#include "store/store.h"

#include <stdbool.h>
#include <stddef.h>

struct workers;

struct workers_needs {
	struct settings *settings;
	struct shared *shared;
	struct store *store;
	struct loop *loop; /* of the main thread */
	struct ca_source ca;
	const struct ca_spkis *own; /* whom no origin may be vouched for by; while workers_new runs */
	const char *version;
	void (*on_over)(void *owner); /* on that loop: every worker has ended */
	void *owner;
};

/* Binds every address (the settings' addresses get the ports that were taken) and makes the workers; nothing runs yet. NULL
 * with one line in ret_why. */
struct workers *workers_new(const struct workers_needs *needs, char *ret_why, size_t size);
/* NULL if it is off. Lives as long as the workers. */
const struct inspector *workers_inspector(const struct workers *w);
/* Starts the threads. False with errno if the system gives none. */
bool workers_start(struct workers *w);
/* own: whom no origin may be vouched for by. False with one line in ret_why, and nothing changed. */
bool workers_reload(struct workers *w, struct settings *settings, const struct ca_spkis *own, char *ret_why, size_t size);
void workers_drain(struct workers *w, int64_t drain_ms);
/* Waits for the threads; after on_over, or when none was started. */
void workers_join(struct workers *w);
/* After workers_join. */
void workers_free(struct workers *w);

#endif
