/* Cuts a HAR file of any size into the members of its log and its entries, with memory for one entry at a time. It looks at the
 * structure only: whether an entry is JSON through and through is for whoever takes it. White space between tokens is left out;
 * all else is as it was, except that the texts of bodies are handed over beside the entry. */
#ifndef VIADUCT_STORE_HAR_SCAN_H
#define VIADUCT_STORE_HAR_SCAN_H

#include "store/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The text of a body, as it stands between its quotes. */
struct har_text {
	struct text text;
	bool is_there; /* "" stands in the entry in its place */
};

struct har_cut {
	size_t number; /* of the entry, from 1 */
	uint64_t at;   /* its first byte in the file */
	bool is_too_long;
	struct text json;                  /* not whole if it is too long */
	struct har_text request, response; /* request.postData.text, response.content.text */
};

struct har_scan_needs {
	/* An entry, valid during the call, which may take its texts over; false: enough. NULL: entries are passed over. */
	bool (*on_entry)(void *owner, struct har_cut *cut);
	/* How far it is; may be NULL. */
	void (*on_progress)(void *owner, uint64_t bytes);
	void *owner;
	size_t max_entry_bytes; /* texts and all */
};

enum { HAR_MAX_LOG_BYTES = 64 * 1024 * 1024 };

/* From where the file stands to its end. log (may be NULL) gets the members of the log but for its entries, as a JSON object;
 * a member that is too long is left out. ret_is_har (may be NULL): there is a list of entries, whatever comes then. False with
 * one line in ret_why that names the place, unless on_entry had enough. */
bool har_scan(FILE *from, const struct har_scan_needs *needs, struct text *log, bool *ret_is_har, char *ret_why, size_t size);

#endif
