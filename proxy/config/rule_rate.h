/* Rates of requests: read, printed, and taken from by the generic cell rate algorithm. Inside config/ only. */
#ifndef VIADUCT_CONFIG_RULE_RATE_H
#define VIADUCT_CONFIG_RULE_RATE_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RATE_MAX_COUNT = 1000000, RATE_TEXT_BYTES = 24 };

struct rate {
	int64_t count;
	int64_t period_s; /* 1, 60 or 3600 */
};

/* "10/s", "100/m", "1000/h". False with the reason in ret_why, as it follows the name of the rule's key. */
bool rate_read(struct str text, struct rate *ret, char *ret_why, size_t size);
const char *rate_format(const struct rate *r, char to[RATE_TEXT_BYTES]); /* returns to */
/* Takes one request. clock_ns holds when the next one would be due if all came evenly; 0 to begin with. False if it is too early:
 * ret_wait_ms until it would not be. Thread-safe. */
bool rate_take(const struct rate *r, int64_t *clock_ns, int64_t now_us, int64_t *ret_wait_ms);

#endif
