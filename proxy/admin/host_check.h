/* Whether a request was meant for the inspector: DNS rebinding makes a browser send requests of a foreign page here, and only
 * their Host tells (RFC 9110 section 7.2). Pure. */
#ifndef VIADUCT_ADMIN_HOST_CHECK_H
#define VIADUCT_ADMIN_HOST_CHECK_H

#include "base/arena.h"
#include "http/message.h"
#include "net/address.h"

#include <stdbool.h>

/* True if the one Host field names the address at which the request came in, with its port: as localhost, 127.0.0.1, [::1] or
 * as the address itself. False when the arena is full. */
bool host_check(struct arena *a, const struct fields *f, const struct address *listener);

#endif
