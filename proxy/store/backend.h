/* What the store's thread needs of a place where flows are kept. SQLite is the embedded one; another is one more file with
 * these operations. Used by one thread at a time. */
#ifndef VIADUCT_STORE_BACKEND_H
#define VIADUCT_STORE_BACKEND_H

#include "capture/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct backend;

struct backend_ops {
	/* Writes n records all or none, in order; a record of an exchange that is there already replaces it. A record that can
	 * never be written (too large) is left out and counted in ret_lost. False with one line in ret_why: try again later. */
	bool (*write_batch)(struct backend *b, struct record *const *records, size_t n, size_t *ret_lost, char *ret_why,
		size_t size);
	/* Deletes some of the oldest flows, at most about limit, if there are more than max_flows; ret_more: there is more
	 * to do. */
	bool (*prune)(struct backend *b, int64_t max_flows, size_t limit, bool *ret_more, char *ret_why, size_t size);
	/* The first id that is free. */
	uint64_t (*next_id)(const struct backend *b);
	void (*close)(struct backend *b);
};

struct backend {
	const struct backend_ops *ops;
	const char *name; /* for log lines: the file, the address */
};

/* Opens the flow database in a folder for writing: makes both if missing, locks, migrates, ends what an earlier run left. NULL
 * with one line in ret_why. */
struct backend *backend_sqlite(const char *folder, const char *version, char *ret_why, size_t size);

#endif
