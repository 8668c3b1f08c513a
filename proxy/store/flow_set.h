/* Which flows may match a filter, as far as the indexes tell: of comparisons with indexes the ids are gathered, and put
 * together as the filter says. Flows of the set may turn out not to match; all that match, or are undecided, are in it. */
#ifndef VIADUCT_STORE_FLOW_SET_H
#define VIADUCT_STORE_FLOW_SET_H

#include "config/filter_tree.h"
#include "store/id_set.h"
#include "store/reader.h"

/* Of ids from first to last. f NULL: all. after_change as in flow_query. NULL in ret_set: the indexes are no help. False on
 * an error. */
bool flow_set_find(struct reader *r, const struct filter *f, int64_t after_change, uint64_t first, uint64_t last,
	struct id_set **ret_set);

#endif
