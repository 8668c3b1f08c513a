/* Flows as HAR 1.2: one entry per hop, so that a chain reads as a browser shows it (redirectURL and all). Our own members begin
 * with an underscore: HAR.md lists them. Entries of an imported HAR come out with every member they had. */
#ifndef VIADUCT_STORE_HAR_WRITE_H
#define VIADUCT_STORE_HAR_WRITE_H

#include "store/query.h"
#include "store/redact.h"
#include "store/text.h"

#include <stdbool.h>
#include <stdint.h>

struct har_options {
	const struct redactor *redactor; /* NULL: as stored */
	const char *version;             /* of viaduct */
	uint64_t max_body_bytes;         /* of one body, decoded; the rest is left out and marked; 0: 64 MiB */
	bool is_live;                    /* no pages and the like of imported sessions */
};

/* What comes before the first entry, and after the last; pages and the like of imported sessions among it. r may be NULL if
 * is_live. */
void har_put_begin(struct text *t, struct reader *r, const struct har_options *o);
void har_put_end(struct text *t);
/* The entries of a flow, separated by commas, none before the first; *ret_n: how many (0 for one in flight). False on an error
 * (reader_error), then nothing was put. */
bool har_put_flow(struct text *t, struct reader *r, const struct flow_view *v, const struct har_options *o, size_t *ret_n);

#endif
