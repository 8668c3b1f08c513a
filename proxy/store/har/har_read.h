/* HAR files read, entry by entry, with flat memory: into records that a backend takes. Entries that we wrote are joined to the
 * chains they came from; those of others are flows of one hop each. Nothing is lost: what has no place in a record goes along
 * as it was (struct hop_extra, HAR.md). */
#ifndef VIADUCT_STORE_HAR_READ_H
#define VIADUCT_STORE_HAR_READ_H

#include "capture/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { HAR_MAX_ENTRY_BYTES = 256 * 1024 * 1024 };

/* Opens a file to be read; only a regular one. NULL with one line in ret_why. */
FILE *har_open(const char *path, uint64_t *ret_bytes, char *ret_why, size_t size);

struct har_needs {
	/* A free id for a flow. */
	uint64_t (*next_id)(void *owner);
	/* Takes a record over; false: enough (the owner knows why). session_id is 0; the owner sets it. */
	bool (*take)(void *owner, struct record *r);
	/* What the log says beside its entries, as a JSON object; once, before the first record. false: enough. */
	bool (*take_log)(void *owner, struct str json);
	/* An entry that cannot be used, by its number from 1 and its first byte in the file; may be NULL. */
	void (*on_left_out)(void *owner, size_t entry, uint64_t at, const char *why);
	/* How far it is, in bytes; may be NULL. */
	void (*on_progress)(void *owner, uint64_t bytes);
	void *owner;
};
/* The file must be one that can be read twice (what its log says may stand behind the entries). ret_entries: those that were
 * used. False with one line in ret_why that names where ("at byte 4711 (entry 12): …"), or "" if the owner had enough; what
 * was taken before stays taken. */
bool har_read(FILE *from, const struct har_needs *needs, size_t *ret_entries, char *ret_why, size_t size);

#endif
