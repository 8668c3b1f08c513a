/* The health check: does a proxy answer there? */
#ifndef VIADUCT_CLI_LIVE_H
#define VIADUCT_CLI_LIVE_H

#include "net/address.h"

#include <stddef.h>

/* Sends a request for the proxy itself and waits at most limit_ms for an HTTP/1.x status below 500. False with one line. */
bool live_check(const struct address *a, int limit_ms, char *ret_why, size_t size);

#endif
