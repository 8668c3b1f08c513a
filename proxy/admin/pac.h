/* The PAC file, which sets the proxy up for a whole system or browser. Pure. */
#ifndef VIADUCT_ADMIN_PAC_H
#define VIADUCT_ADMIN_PAC_H

#include "net/address.h"
#include "store/text.h"

#define PAC_CONTENT_TYPE "application/x-ns-proxy-autoconfig"

/* http, https and WebSockets go through the proxy, or direct where that is down; what is on this machine, and plain host names,
 * go direct. */
void pac_write(struct text *t, const struct address *proxy);

#endif
