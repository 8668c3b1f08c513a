/* Views of flows, hops and heads with their secrets replaced, for those who show them. */
#ifndef VIADUCT_STORE_REDACT_VIEW_H
#define VIADUCT_STORE_REDACT_VIEW_H

#include "store/flow_view.h"
#include "store/redact/redact.h"

/* Each replaces strings of the view by ones in the arena; an array of fields by a copy. redactor NULL: all stays as it is.
 * False when the arena is full: the view is not to be shown then. */
bool redact_flow_view(const struct redactor *r, struct arena *a, struct flow_view *v);
bool redact_hop_view(const struct redactor *r, struct arena *a, struct hop_view *v);
bool redact_head_view(const struct redactor *r, struct arena *a, struct head_view *v);

#endif
