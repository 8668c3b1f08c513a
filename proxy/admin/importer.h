/* Imports HAR files into the store of the proxy that runs, on a thread of its own, one file at a time. It never pushes more
 * than the store takes in: traffic comes first. */
#ifndef VIADUCT_ADMIN_IMPORTER_H
#define VIADUCT_ADMIN_IMPORTER_H

#include "core/shared.h"
#include "store/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct importer;

struct importer_needs {
	struct store *store;
	struct shared *shared; /* which counts flows */
	/* Nothing is pushed while more than this waits for the store, whoever it is from. */
	size_t backlog_bytes;
};

enum import_state { IMPORT_RUNNING, IMPORT_DONE, IMPORT_FAILED };
const char *import_state_name(enum import_state s); /* "running", "done", "failed" */

enum { IMPORT_LEFT_OUT_SHOWN = 5, IMPORT_LINE_BYTES = 160, IMPORT_NAME_BYTES = 256, IMPORT_WHY_BYTES = 512 };

struct import_progress {
	uint64_t id; /* of the import, from 1 */
	enum import_state state;
	char name[IMPORT_NAME_BYTES];
	int64_t session_id;   /* 0: it has not begun */
	uint64_t bytes, size; /* read so far, of the file */
	uint64_t flows;       /* handed to the store */
	uint64_t left_out;    /* entries that could not be used; the first of them in words: */
	char left_out_lines[IMPORT_LEFT_OUT_SHOWN][IMPORT_LINE_BYTES];
	char why[IMPORT_WHY_BYTES]; /* it failed; what was taken before stays */
};

/* Before the workers run. NULL with errno if the system gives no descriptor. */
struct importer *importer_new(const struct importer_needs *needs);
/* Another backlog_bytes from now on. Thread-safe. */
void importer_set_backlog(struct importer *i, size_t backlog_bytes);
/* Stops what runs, which takes as long as one entry at most; before the store ends. NULL is fine. */
void importer_free(struct importer *i);

enum import_begun { IMPORT_BEGUN, IMPORT_BUSY, IMPORT_NO_THREAD };
/* Begins to read the file into a session of that name, and returns at once. */
enum import_begun importer_begin(struct importer *i, const char *path, const char *name, uint64_t *ret_id);
/* How far the import of that id is; false: it is not the last one. Thread-safe. */
bool importer_progress(struct importer *i, uint64_t id, struct import_progress *ret);

#endif
