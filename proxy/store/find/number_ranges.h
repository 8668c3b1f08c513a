/* The numbers that fulfil a comparison: ranges, and whether the absence of one does. */
#ifndef VIADUCT_STORE_NUMBER_RANGES_H
#define VIADUCT_STORE_NUMBER_RANGES_H

#include "config/filter_tree.h"

struct number_range {
	int64_t first, last; /* both included */
};

struct number_ranges {
	struct number_range *v; /* ascending, apart from each other */
	size_t n;
	bool has_null;
};

/* Of a comparison of numbers. To be ended with number_ranges_fini. */
struct number_ranges number_ranges_of(const struct filter_node *node);
/* All others. To be ended, too. */
struct number_ranges number_ranges_but(const struct number_ranges *r);
/* Leaves what is in both. */
void number_ranges_intersect(struct number_ranges *r, const struct number_ranges *other);
/* Of thousandths, where those of wholes are given: a number is its thousandths divided by 1000, rounded down. In place. */
void number_ranges_to_thousandths(struct number_ranges *r);
void number_ranges_fini(struct number_ranges *r);

#endif
