/* The bodies of one exchange in flight, as far as they are kept: the recorder's copy of what passes, in pieces. */
#ifndef VIADUCT_CAPTURE_KEPT_BODY_H
#define VIADUCT_CAPTURE_KEPT_BODY_H

#include "capture/record.h"

/* One body. The piece that is being filled waits here until it is full, or somebody wants to see it. */
struct kept_body {
	struct kept_body *next;
	unsigned hop;
	enum body_direction direction;
	uint64_t bytes; /* kept so far */
	uint64_t limit;
	enum body_cut cut;
	bool is_cut_told;
	struct body_part *part; /* NULL: none is begun */
};

/* The body of that hop and direction, added to the list if it is new, with that limit. */
struct kept_body *kept_body_of(struct kept_body **list, unsigned hop, enum body_direction direction, uint64_t limit);
/* Keeps what it may of the piece. A part that has reached part_bytes is handed out in ret_full (else NULL), and then the rest of the piece, which is
 * returned, is to be kept with another call. */
struct str kept_body_put(struct kept_body *b, struct str piece, size_t part_bytes, struct body_part **ret_full);
/* Moves all that the record of the exchange has not been told into it. */
void kept_bodies_tell(struct kept_body *list, struct record *r);
void kept_bodies_free(struct kept_body **list);

#endif
