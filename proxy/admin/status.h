/* What the inspector tells of the running proxy: taken at one moment, written as JSON, as a page (status_page.c) or as metrics
 * (metrics.h). */
#ifndef VIADUCT_ADMIN_STATUS_H
#define VIADUCT_ADMIN_STATUS_H

#include "admin/meter.h"
#include "config/settings.h"
#include "core/learned.h"
#include "core/leaves.h"
#include "store/store.h"
#include "store/text.h"

#include <stdbool.h>
#include <stdint.h>

struct status {
	const struct settings *settings; /* those it was started with: where it listens, where it keeps */
	int64_t intercept;               /* the option, as it is now */
	const char *version;
	struct str inspector; /* URL, ends with "/" */
	struct str proxy;     /* "host:port" for whoever asks; see reach.h */
	int64_t started_us;   /* wall clock */
	int64_t uptime_us;
	int64_t clients; /* open now */
	uint64_t clients_ever;
	struct meter_counts counts;
	struct store_counts store;
	struct leaves_counts leaves;
	const struct ca *ca;     /* that signs leaves; NULL: there is none yet */
	struct learned *learned; /* asked when it is written about; NULL: nothing was learnt */
	int64_t now_us;          /* monotonic, for the above */
};

/* "none", "all", "list" */
struct str status_intercept_name(int64_t intercept);
void status_write_json(struct text *t, const struct status *s);
/* HTML without script; everything is escaped. */
void status_write_page(struct text *t, const struct status *s);

#endif
