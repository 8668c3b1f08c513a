/* What the proxy answers itself: requests to its own address (origin-form), and TRACE and OPTIONS that end here (Max-Forwards,
 * RFC 9110 section 7.6.2). */
#ifndef VIADUCT_CORE_LOCAL_H
#define VIADUCT_CORE_LOCAL_H

#include "http/message.h"
#include "http/stream.h"

#include <stdbool.h>

struct exchange;

/* The host at which, through the proxy only, the certificate of the CA and how to trust it are to be had: http://viaduct.proxy/. */
#define SETUP_HOST "viaduct.proxy"

/* True if the request is for the proxy and not for an origin. */
bool local_is_asked(const struct message *request);
/* True if it asks about the proxy as a whole (OPTIONS *), as a health check does every few seconds: that is no flow. */
bool local_is_probe(const struct message *request);
/* True if it is not to go on (Max-Forwards: 0). */
bool local_ends_here(const struct message *request);
/* True if the host asked for is SETUP_HOST, and there is one who answers for it. */
bool local_is_setup(const struct exchange *x);
/* The reply. NULL when the arena is full. */
struct stream *local_answer(struct exchange *x);

#endif
