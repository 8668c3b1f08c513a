/* Host names beyond ASCII in a Location: to A-labels (UTS 46, non-transitional, as the WHATWG URL standard does). The one place that
 * knows libidn2. */
#ifndef VIADUCT_HTTP_IDN_H
#define VIADUCT_HTTP_IDN_H

#include "base/arena.h"
#include "base/str.h"

/* p NULL if the name is not valid UTF-8, not a valid name, or the arena is full. */
struct str idn_to_ascii(struct arena *a, struct str host);

#endif
