/* Flows that were read, asked in memory whether they match a filter. For those who have a flow in hand; to look for flows:
 * flow_query.h. */
#ifndef VIADUCT_STORE_FLOW_SUBJECT_H
#define VIADUCT_STORE_FLOW_SUBJECT_H

#include "config/filter.h"
#include "store/query.h"

/* Whether the flow matches; its heads, hops, session and bodies are read where the filter asks for them. Each regular
 * expression has a budget of its own for each value. False on an error (reader_error). */
bool flow_subject_ask(struct reader *r, const struct flow_view *v, const struct filter *f, enum filter_answer *ret) MUST_CHECK;

#endif
