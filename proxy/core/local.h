/* What the proxy answers itself: requests to its own address (origin-form), and TRACE and OPTIONS that end here (Max-Forwards,
 * RFC 9110 section 7.6.2). */
#ifndef VIADUCT_CORE_LOCAL_H
#define VIADUCT_CORE_LOCAL_H

#include "http/message.h"
#include "http/stream.h"

#include <stdbool.h>

struct exchange;

/* True if the request is for the proxy and not for an origin. */
bool local_is_asked(const struct message *request);
/* True if it asks about the proxy as a whole (OPTIONS *), as a health check does every few seconds: that is no flow. */
bool local_is_probe(const struct message *request);
/* The reply. NULL when the arena is full. */
struct stream *local_answer(struct exchange *x);

#endif
