/* Points in time as people write them in a filter. Inside config/ only. */
#ifndef VIADUCT_CONFIG_FILTER_TIME_H
#define VIADUCT_CONFIG_FILTER_TIME_H

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

/* Milliseconds since 1970, at least 0: "2026-01-05" (its beginning), "2026-01-05T10:00", "2026-01-05 10:00:00.5", each time of
 * day also with Z or an offset ("+01:00", "-0530") behind it. Without one it is local time. False, and nothing changed, if it
 * is none of these, or there is no such day. */
bool filter_time_read(struct str s, int64_t *ret_ms);

#endif
