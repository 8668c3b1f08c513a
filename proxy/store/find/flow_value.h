/* Texts of the flow database as the filter language knows them. */
#ifndef VIADUCT_STORE_FLOW_VALUE_H
#define VIADUCT_STORE_FLOW_VALUE_H

#include "config/filter_tree.h"

/* "IP:port" or "[IP]:port" without the port and brackets. */
struct str flow_value_host(struct str address);
/* Gives a stored text as a value of that field, to filter_subject's take: addresses without the port, a type without its
 * parameters; an empty one is absent. What take returned; true where nothing was given. */
bool flow_value_give(enum filter_field field, struct str stored, bool (*take)(void *taker, const struct filter_value *v),
	void *taker);

#endif
