/* The comparisons of a filter with bodies, answered from the flow database. Each body is read once for each comparison,
 * however many flows have it. */
#ifndef VIADUCT_STORE_BODY_MATCH_H
#define VIADUCT_STORE_BODY_MATCH_H

#include "config/filter_tree.h"
#include "store/query.h"

struct body_match;

/* max_bytes: of all that is read, after decoding; 0: no limit. */
struct body_match *body_match_new(struct reader *r, uint64_t max_bytes);
void body_match_free(struct body_match *m); /* NULL is fine */

enum body_match_end {
	BODY_MATCH_OK,
	BODY_MATCH_LIMIT, /* max_bytes are used up: the answer is what is known without reading more */
	BODY_MATCH_FAILED /* reader_error */
};
/* Whether any captured body of that flow, of the node's direction, fulfils the comparison (filter_subject.any). */
enum body_match_end body_match_ask(struct body_match *m, uint64_t flow_id, const struct filter_node *node,
	enum filter_answer *ret);

#endif
