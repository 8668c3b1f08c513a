/* A pair of transports that are connected to each other in memory: for tests of everything that stands on transports. */
#ifndef VIADUCT_NET_MEMORY_H
#define VIADUCT_NET_MEMORY_H

#include "net/loop.h"
#include "net/transport.h"

#include <stddef.h>

/* Each direction holds at most room bytes; a writer of more gets IO_AGAIN. Each end is closed on its own. Aborting one end
 * breaks the other (ERR_origin_closed). */
void memory_pair_new(struct loop *l, size_t room, struct transport *ret_ends[2]);

#endif
