/* A blocking client socket with one deadline, for a question and its answer. Not for anything that lasts. */
#ifndef VIADUCT_CLI_WIRE_H
#define VIADUCT_CLI_WIRE_H

#include "base/str.h"
#include "net/address.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wire {
	int fd; /* -1: not open */
	int64_t deadline_us;
	char *why; /* one line about what went wrong last goes there */
	size_t why_size;
	char where[ADDRESS_TEXT_BYTES];
};

/* Connects; everything on it is over within limit_ms. False with one line, nothing is open then. */
bool wire_open(struct wire *w, const struct address *to, int limit_ms, char *ret_why, size_t size);
void wire_close(struct wire *w);
/* Sends all of it. False with one line. */
bool wire_send(struct wire *w, struct str bytes);
/* At least one byte, at most n; 0 at the end; -1 with one line. */
long wire_read(struct wire *w, char *to, size_t n);
/* Puts the line "ADDRESS: what"; false, for the caller to return. */
bool wire_fail(struct wire *w, const char *what);

#endif
