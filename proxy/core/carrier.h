/* A carrier: a transport over a raw stream, so that TLS and HTTP can be spoken inside a tunnel (a CONNECT of any HTTP version). The tunnel's exchange owns the
 * stream and lends it; what is wrapped around the carrier owns the carrier. */
#ifndef VIADUCT_CORE_CARRIER_H
#define VIADUCT_CORE_CARRIER_H

#include "http/stream.h"
#include "net/loop.h"
#include "net/transport.h"

#include <stdbool.h>
#include <stddef.h>

struct carrier_needs {
	struct loop *loop;
	struct bufpool *pool;
	struct stream *stream;
	struct address peer, local;
	/* Bytes that have left the stream and that the client's system has not acknowledged. */
	size_t (*queued)(void *owner);
	/* The carrier was closed, and is not to be touched any more. It may come from inside any call. */
	void (*on_close)(void *owner, bool abort);
	void *owner;
};
struct transport *carrier_new(const struct carrier_needs *needs);
/* The stream has changed, in any way. */
void carrier_wake(struct transport *t);
/* The stream goes: from now on the carrier is broken, and on_close does not come. */
void carrier_cut(struct transport *t);

#endif
