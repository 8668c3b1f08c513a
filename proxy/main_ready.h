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
	const char *ca;                    /* path of its certificate; NULL: there is no CA */
};

/* Writes one JSON object to a temporary file and renames it; only the owner may read it, since the inspector's token is in it.
 * False with one line in ret_why. */
bool ready_write(const char *path, const struct ready *r, char *ret_why, size_t size);
/* The same as ready.json in the data folder, where the other commands find the proxy that runs. Without a flow database nobody
 * makes that folder, so nothing is written where there is none, nor over the file of a process that lives. A failure is logged. */
void ready_publish(const struct ready *r);
/* Takes it away again, if it is ours. */
void ready_retract(const struct settings *s);
/* sd_notify(3) without the library: one datagram to $NOTIFY_SOCKET, if there is one. */
void ready_notify(const char *state);
/* What to try next, on stdout. */
void ready_print(const struct ready *r);

#endif
