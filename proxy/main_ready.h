/* Telling the world that the proxy is up: the ready file, systemd, and the hints for a person at a terminal. */
#ifndef VIADUCT_MAIN_READY_H
#define VIADUCT_MAIN_READY_H

#include "admin/inspector.h"
#include "config/settings.h"

#include <stdbool.h>
#include <stddef.h>

struct ready {
	const struct settings *settings;
	const struct inspector *inspector; /* NULL: off */
};

/* Writes one JSON object to a temporary file and renames it; only the owner may read it, since the inspector's token is in it.
 * False with one line in ret_why. */
bool ready_write(const char *path, const struct ready *r, char *ret_why, size_t size);
/* sd_notify(3) without the library: one datagram to $NOTIFY_SOCKET, if there is one. */
void ready_notify(const char *state);
/* What to try next, on stdout. */
void ready_print(const struct ready *r);

#endif
