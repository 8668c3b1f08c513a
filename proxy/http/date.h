/* Dates in fields: HTTP-date (RFC 9110 section 5.6.7, all three forms) and the looser dates of cookies (RFC 6265 section
 * 5.1.1). */
#ifndef VIADUCT_HTTP_DATE_H
#define VIADUCT_HTTP_DATE_H

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

/* Seconds since 1970-01-01 UTC. False if it is none. now_s decides the century of two-digit years. */
bool date_parse_http(struct str text, int64_t now_s, int64_t *ret_s);
bool date_parse_cookie(struct str text, int64_t *ret_s);
/* Retry-After (RFC 9110 section 10.2.3): seconds or a date, as seconds from now, at least 0. */
bool date_parse_retry_after(struct str text, int64_t now_s, int64_t *ret_s);

/* delta-seconds (RFC 9111 section 1.2.2): digits only; more than 2^31 counts as 2^31. */
bool date_parse_delta(struct str text, int64_t *ret_s);

#endif
