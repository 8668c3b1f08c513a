/* The Proxy-Status field (RFC 9209): one item in the syntax of RFC 8941. */
#ifndef VIADUCT_CORE_FORWARD_STATUS_H
#define VIADUCT_CORE_FORWARD_STATUS_H

#include "base/arena.h"
#include "base/str.h"

/* What goes between the quotes of a string (RFC 8941 section 3.3.3): printable ASCII, quote and backslash escaped, all else
 * left out. p NULL when the arena is full. */
struct str forward_sf_string(struct arena *a, struct str text);

/* An item that says in words what became of a response that was received: `name; received-status=302; details="…"`; details may
 * be empty. p NULL when the arena is full. */
struct str forward_status_item(struct arena *a, struct str name, int received_status, struct str details);

#endif
