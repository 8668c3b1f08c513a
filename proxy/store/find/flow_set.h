/* Which flows may match a filter, as far as the indexes tell: of comparisons with indexes the ids are gathered, and put together
 * as the filter says. Flows of the set may turn out not to match; all that match, or are undecided, are in it. */
#ifndef VIADUCT_STORE_FLOW_SET_H
#define VIADUCT_STORE_FLOW_SET_H

#include "config/filter_tree.h"
#include "store/find/id_set.h"
#include "store/reader.h"

struct flow_set;

/* Of ids from first to last, by the rarest part of the filter. f NULL: all; it must outlive the set. after_change as in
 * flow_query. NULL on an error. */
struct flow_set *flow_set_new(struct reader *r, const struct filter *f, int64_t after_change, uint64_t first, uint64_t last);
void flow_set_free(struct flow_set *s); /* NULL is fine */
/* NULL: the indexes are no help, all flows may match. */
const struct id_set *flow_set_ids(const struct flow_set *s);
/* Whether there is nothing more to be gained. */
bool flow_set_is_final(const struct flow_set *s);
/* Asks the indexes about one more part that must hold: for when many flows of the set did not match. False on an error. */
bool flow_set_refine(struct flow_set *s);

#endif
