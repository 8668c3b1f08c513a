/* The comparisons of a filter with fields of heads, answered from stored heads. What a comparison says of the rows of
 * head_fields is found out once, and then each head is only looked through for their ids. */
#ifndef VIADUCT_STORE_FIELD_MATCH_H
#define VIADUCT_STORE_FIELD_MATCH_H

#include "config/filter_tree.h"
#include "store/reader.h"

struct field_match;

/* For the comparisons of that filter, which must outlive it. NULL on an error. */
struct field_match *field_match_new(struct reader *r, const struct filter *f);
void field_match_free(struct field_match *m); /* NULL is fine */
/* Whether any of the fields, as they are stored, fulfils the comparison (filter_subject.any). False on an error. */
bool field_match_ask(struct field_match *m, const struct filter_node *node, struct str fields, enum filter_answer *ret);

#endif
