/* har.path: a HAR file that grows while traffic flows and is a whole, valid HAR file at every moment, after kill -9 and for
 * those who read it while it grows (twin_file.h). A thread of its own reads ended flows from the database and never holds up
 * the store. Flows of files that are imported are left out. */
#ifndef VIADUCT_STORE_HAR_FILE_H
#define VIADUCT_STORE_HAR_FILE_H

#include "store/redact/redact.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct har_file;

struct har_file_options {
	const char *path;
	const char *folder; /* of the flow database */
	const char *filter; /* "": all */
	int64_t max_bytes;
	const char *version;
	const struct redactor *redactor; /* a reference is taken; NULL: secrets are written */
};
/* Begins the file anew and starts the thread; flows that ended before are not in it. NULL with one line in ret_why. The
 * database is there. */
struct har_file *har_file_start(const struct har_file_options *o, char *ret_why, size_t size);
/* Another redactor from now on. Thread-safe. */
void har_file_set_redactor(struct har_file *h, const struct redactor *redactor);
/* Writes what has ended (after store_stop, so that all of it is stored), ends the thread. NULL is fine. */
void har_file_stop(struct har_file *h);

struct har_file_counts {
	uint64_t entries, write_errors, missed_flows; /* missed: they left the database before they were written */
};
void har_file_counts(const struct har_file *h, struct har_file_counts *ret);

#endif
