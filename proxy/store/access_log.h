/* The access log: one line per flow at its end, as JSON or in the combined log format. */
#ifndef VIADUCT_STORE_ACCESS_LOG_H
#define VIADUCT_STORE_ACCESS_LOG_H

#include "core/observer.h"
#include "store/sink.h"

/* Opens a log to append to it (mode 0600); NULL or "": none. What cannot be opened is said once, and the sink takes nothing. */
void access_log_open(struct sink *s, const char *path);

/* One line with its newline. Of header values only user agent and referer are told; URLs are masked. */
void access_log_json(struct text *t, const struct exchange_facts *x);
void access_log_combined(struct text *t, const struct exchange_facts *x);

#endif
