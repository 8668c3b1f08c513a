/* Public suffixes ("com", "co.uk", "github.io"): domains under which anybody can have a name, so that no cookie may cover them
 * (RFC 6265 section 5.3 step 5). The one place that knows libpsl; the list is the system's, else the one built into the
 * library. */
#ifndef VIADUCT_HTTP_PUBLIC_SUFFIX_H
#define VIADUCT_HTTP_PUBLIC_SUFFIX_H

#include "base/str.h"

#include <stdbool.h>

/* host: lower case, A-labels, no dot at its end. Thread-safe, never blocks after public_suffix_init. */
bool public_suffix_is(struct str host);
/* Loads the list: before the workers run. Without it the list built into the library is used. */
void public_suffix_init(void);
void public_suffix_fini(void);

#endif
