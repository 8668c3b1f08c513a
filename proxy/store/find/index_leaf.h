/* A comparison whose flows an index gives: how many there are, and which. One of the two sides is read: the flows that
 * fulfil it, or, where they are fewer, those that do not. */
#ifndef VIADUCT_STORE_INDEX_LEAF_H
#define VIADUCT_STORE_INDEX_LEAF_H

#include "store/find/id_set.h"
#include "store/find/number_ranges.h"
#include "store/reader.h"

/* Entries of an index are counted up to this many. */
enum { INDEX_LEAF_MANY = 100000 };

struct index_leaf {
	const struct filter_node *node;
	const char *index, *column;
	const char *partial;         /* what an index of only some rows wants to be told; "" */
	struct number_ranges ranges; /* of a number */
	bool is_number;
	bool is_whole;  /* all that is in the index is that side */
	bool is_denied; /* the side that is read is the one that does not fulfil it */
	uint64_t count; /* of that side; INDEX_LEAF_MANY: that many or more */
};

/* Fills l and returns true if an index helps with the comparison. all_of: all of whose children must hold; then those of the
 * same number are taken together, so that two bounds are one range. NULL: not so. *ret_ok: false on an error. To be ended
 * with index_leaf_fini. */
bool index_leaf_init(struct index_leaf *l, struct reader *r, const struct filter_node *node, const struct filter_node *all_of,
	bool *ret_ok);
/* Whether a comparison is taken together with one before it. */
bool index_leaf_is_covered(const struct filter_node *node, const struct filter_node *all_of);
/* The same for the flows that changed after a change number. */
bool index_leaf_init_change(struct index_leaf *l, struct reader *r, int64_t after, bool *ret_ok);
void index_leaf_fini(struct index_leaf *l);
/* Adds the ids of the side that is read. False on an error. */
bool index_leaf_add(const struct index_leaf *l, struct reader *r, struct id_set *to);

#endif
