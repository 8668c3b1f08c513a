/* A pipe: one direction of a body, or of a tunnel, from one stream to another. Bytes change queues, they are not copied; the
 * reading stream waits when the writing one has no room. */
#ifndef VIADUCT_CORE_PIPE_H
#define VIADUCT_CORE_PIPE_H

#include "base/str.h"
#include "http/stream.h"

#include <stdbool.h>
#include <stdint.h>

struct pipe {
	struct stream *from, *to; /* either may be NULL: nothing moves */
	bool is_ended;            /* the end of from was passed on */
	uint64_t moved_bytes;
	uint64_t shown_bytes; /* to on_piece */
	/* Sees each piece once, before it moves; NULL costs nothing. */
	void (*on_piece)(void *owner, struct str piece);
	void *owner;
};

/* Moves what can be moved now, and the end with its trailers. */
void pipe_run(struct pipe *p);
/* Bytes wait that the writing stream does not take. */
bool pipe_is_blocked(const struct pipe *p);

#endif
