/* Where a listener is reached: a wildcard address is one to bind, not one to connect to. Pure. */
#ifndef VIADUCT_ADMIN_REACH_H
#define VIADUCT_ADMIN_REACH_H

#include "config/settings.h"
#include "net/address.h"

/* From this machine: the loopback address in place of a wildcard. */
struct address reach_locally(const struct address *listener);
/* The listener of the proxy for somebody who reached the inspector at the address here: the one at the same host, or a wildcard
 * one at that host, else the first. */
struct address reach_proxy(const struct settings *s, const struct address *here);

#endif
