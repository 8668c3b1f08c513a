/* For how long the answer at the end of a chain may be stored under the first URL (RFC 9111): no longer than every hop says.
 * 301 and 308 may be stored unless they say otherwise, 302, 303 and 307 only if they say so. A redirect that varies by more
 * than Accept-Encoding counts as one that may not be stored: a store would not know of it. */
#ifndef VIADUCT_HTTP_FRESHNESS_H
#define VIADUCT_HTTP_FRESHNESS_H

#include "base/arena.h"
#include "http/message.h"

#include <stdbool.h>
#include <stdint.h>

struct freshness {
	bool is_limited; /* some hop was a redirect */
	bool is_never;   /* a hop may not be stored */
	bool has_max;    /* a hop says for how long */
	int64_t max_s;   /* the smallest */
	bool is_private; /* a hop said private */
};

/* Adds a redirect that was followed. now_s: for Expires without Date. */
void freshness_add(struct freshness *f, const struct message *redirect, int64_t now_s);
/* Limits the final response's fields: "Cache-Control: no-cache" where a hop may not be stored (no-store of the response itself
 * stays), else max-age cut to the smallest (0 where the response says none), s-maxage and Expires gone. If no hop says anything
 * the response's own values stand. Nothing happens if no redirect was added. False when the arena is full. */
bool freshness_apply(const struct freshness *f, struct arena *a, struct message *response, int64_t now_s) MUST_CHECK;

#endif
