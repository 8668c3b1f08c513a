/* The fields of the filter language by their names, and the units of their numbers. Inside config/ only. */
#ifndef VIADUCT_CONFIG_FILTER_FIELDS_H
#define VIADUCT_CONFIG_FILTER_FIELDS_H

#include "config/filter_tree.h"

struct filter_unit {
	const char *suffix;
	int64_t factor;
};

/* FILTER_FIELD_COUNT if there is none of that name (without brackets). */
enum filter_field filter_field_of_name(struct str name);
/* early: it is known when a request arrives; else: it means something for a stored flow. */
bool filter_field_is_for(enum filter_field f, bool early);
/* The field nearest to a misspelt name, of those that are for it; FILTER_FIELD_COUNT if none is near. */
enum filter_field filter_field_suggest(struct str name, bool early);
/* The suffixes that numbers of the field may carry, the empty one first, up to one whose suffix is NULL. */
const struct filter_unit *filter_field_units(enum filter_field f);

#endif
