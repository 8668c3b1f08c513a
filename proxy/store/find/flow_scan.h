/* The ids of flows that a query finds, in its order, some at a time. Not for what it gives of them: flow_query.c. */
#ifndef VIADUCT_STORE_FLOW_SCAN_H
#define VIADUCT_STORE_FLOW_SCAN_H

#include "store/find/flow_query.h"

struct flow_scan;

/* The query must outlive it. */
struct flow_scan *flow_scan_new(struct reader *r, const struct flow_query *q);
void flow_scan_free(struct flow_scan *s); /* NULL is fine */

enum flow_scan_end {
	FLOW_SCAN_FULL, /* there is no room for more, or some time has passed: it can go on */
	FLOW_SCAN_DONE, /* all were looked at */
	FLOW_SCAN_CUT,  /* a limit of the query */
	FLOW_SCAN_FAILED
};
/* The next ids, of one state of the database where the reader has a transaction; at most max. */
enum flow_scan_end flow_scan_next(struct flow_scan *s, uint64_t *ids, size_t max, size_t *ret_n);
/* So far: the last flow that was looked at (0: none was), and those that were undecided. */
uint64_t flow_scan_ended_id(const struct flow_scan *s);
uint64_t flow_scan_undecided(const struct flow_scan *s);
/* Whether there are flows behind the last one that was looked at. */
bool flow_scan_has_more(const struct flow_scan *s);

#endif
