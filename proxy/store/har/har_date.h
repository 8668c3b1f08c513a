/* The dates of HAR files: ISO 8601 as programs really write it. */
#ifndef VIADUCT_STORE_HAR_DATE_H
#define VIADUCT_STORE_HAR_DATE_H

#include "base/str.h"

#include <stdint.h>

/* Microseconds since 1970: "2024-05-06T07:08:09.123Z", also with a space for the T, without seconds, with a comma before the
 * fraction, and with "+01:00", "+0100", "+01" or no zone at all, which is taken for UTC. False, and nothing changed, if it is
 * none of these. */
bool har_date(struct str s, int64_t *ret_us);

#endif
