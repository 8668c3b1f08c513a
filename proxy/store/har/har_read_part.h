/* What the files that read an entry share. Functions that return bool give false when the arena is full. Not for those who have
 * entries read: har_read_entry.h. */
#ifndef VIADUCT_STORE_HAR_READ_PART_H
#define VIADUCT_STORE_HAR_READ_PART_H

#include "store/har/har_read_entry.h"

/* har_read_head.c: the heads of request and response. */
bool har_read_heads(struct har_entry *e);
/* A head like one that is there, but for what the members line, headers and trailers say. */
bool har_read_variant(struct har_entry *e, const json_t *o, const struct message *like, struct message *to);
/* Where a URL leads, websockets' as HTTP's; false if nowhere that we know. */
bool har_read_target(struct arena *a, struct str url, struct url *ret);

/* har_read_bodies.c: the texts to bodies; what cannot be taken stays in extra. */
bool har_read_bodies(struct har_entry *e, struct har_cut *cut);
/* A response body that the proxy made, from a content of ours; it stays in extra too. NULL: there is none. */
bool har_read_made(struct har_entry *e, const json_t *content);
/* True for the holder of a text, postData or content, that is base64. */
bool har_is_base64(struct har_entry *e, const json_t *holder);

/* har_undone.c: has the fields of a head tell no longer what does not hold for the body that is kept. */
bool har_note_undone(struct har_entry *e, struct fields *f, const json_t *holder, struct str body);

/* har_params.c: postData.params as the body that they came from; nothing where that cannot be said. */
void har_params_body(struct har_entry *e, const json_t *post, struct text *to);

/* har_read_outcome.c: what became of the flow by what other programs write. */
void har_read_outcome(struct har_entry *e);

/* har_read_own.c: the same and all else by our own members. */
bool har_read_own(struct har_entry *e);

#endif
