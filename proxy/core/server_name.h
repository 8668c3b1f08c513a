/* Names of hosts as they stand in certificates (RFC 6125, RFC 6066 section 3): one spelling, nothing odd. */
#ifndef VIADUCT_CORE_SERVER_NAME_H
#define VIADUCT_CORE_SERVER_NAME_H

#include "base/str.h"

#include <stdbool.h>

enum { SERVER_NAME_BYTES = 256 };

/* Gives a DNS name in lower case and without a dot at its end: labels of letters, digits, "-" and "_", at most 63 bytes each and
 * 253 in all. False, and ret untouched, if it is none, or an IP literal or what an address parser would take for one. */
bool server_name_read(struct str text, char ret[SERVER_NAME_BYTES]);

#endif
