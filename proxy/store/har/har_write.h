/* Flows as HAR 1.2: one entry per hop, so that a chain reads as a browser shows it (redirectURL and all). Our own members begin
 * with an underscore: HAR.md lists them. Entries of an imported HAR come out with every member they had. */
#ifndef VIADUCT_STORE_HAR_WRITE_H
#define VIADUCT_STORE_HAR_WRITE_H

#include "store/query.h"
#include "store/redact/redact.h"
#include "store/text.h"

#include <stdbool.h>
#include <stdint.h>

/* The sessions of the flows that were put. Zero at the beginning. */
struct har_sessions {
	int64_t *v;
	size_t n, cap;
};
void har_sessions_fini(struct har_sessions *s);

struct har_options {
	const struct redactor *redactor; /* NULL: as stored */
	const char *version;             /* of viaduct */
	uint64_t max_body_bytes;         /* of one body, decoded; the rest is left out and marked; 0: 64 MiB */
	struct har_sessions *sessions;   /* NULL: nothing of what imported files said beside their entries */
};

/* What comes before the first entry, and after the last: pages and the like of the imported sessions whose flows were put, for
 * which r is needed; it may be NULL where o->sessions is. */
void har_put_begin(struct text *t, const struct har_options *o);
void har_put_end(struct text *t, struct reader *r, const struct har_options *o);
/* The entries of a flow, separated by commas, none before the first; *ret_n: how many (0 for one in flight). False on an error
 * (reader_error), then nothing was put. */
bool har_put_flow(struct text *t, struct reader *r, const struct flow_view *v, const struct har_options *o, size_t *ret_n);

#endif
