/* The body of a request on its way to the hops. It goes to the first hop as it comes from the client, without waiting for anything; a copy is
 * kept (in memory first, then in a temporary file, up to a limit), so that a later hop can be sent the whole from its first byte on: what is
 * kept first, then what still comes from the client. */
#ifndef VIADUCT_CORE_UPLOAD_H
#define VIADUCT_CORE_UPLOAD_H

#include "base/bufq.h"
#include "core/spooler.h"
#include "http/stream.h"

#include <stdbool.h>
#include <stdint.h>

enum upload_copy {
	UPLOAD_WHOLE,     /* every byte that has come is kept */
	UPLOAD_OFF,       /* none is kept: nothing will be replayed */
	UPLOAD_TOO_LARGE, /* longer than the limit: what was kept is given up */
	UPLOAD_FAILED     /* the temporary file failed */
};

struct upload {
	struct stream *d;  /* where it comes from */
	struct stream *to; /* the hop's; NULL: between hops */
	bool is_ended;     /* all of it, with its end and trailers, was given to `to` */
	bool is_discarding;
	bool is_broken; /* the hop in progress cannot be sent the rest, because the temporary file failed: look at it after upload_run */
	uint64_t moved_bytes; /* given to `to` since upload_start */
	uint64_t shown_bytes; /* to on_piece since then */
	uint64_t taken_bytes; /* ever taken from d */
	enum upload_copy copy;

	/* Its own. */
	struct bufpool *pool;
	struct loop *loop;
	struct spooler *spooler;
	struct spool_file *file;
	struct bufq memory;  /* kept: the first bytes of the body */
	struct bufq pending; /* taken from d, or of what is kept, and not yet given to `to` */
	uint64_t memory_limit, limit;
	size_t pool_limit;
	uint64_t file_bytes;    /* ever put into the file */
	uint64_t read_at;       /* of these, what is in `pending` or past it for the present hop: read back, or live */
	size_t asked_bytes;     /* asked back from it, to come into `pending` behind read_at */
	uint64_t discard_bytes; /* that may still be dropped */
	void (*on_change)(void *owner);
	const struct fields *(*trailers)(void *owner);
	void (*on_piece)(void *owner, struct str piece);
	void *owner;
};

struct upload_needs {
	struct stream *d;
	struct bufpool *pool;
	struct loop *loop;
	struct spooler *spooler; /* NULL: memory only, up to memory_limit */
	uint64_t memory_limit;   /* bytes kept in memory; what comes behind goes to the file */
	uint64_t limit;          /* bytes kept in all; 0: no copy */
	size_t pool_limit; /* bytes in use of the pool beyond which nothing more is kept in memory, but in the file; 0: none */
	void (*on_change)(void *owner);
	/* Those for the hop in progress, once the end has come; it may give NULL. NULL: those of d as they are. */
	const struct fields *(*trailers)(void *owner);
	/* Sees each piece that the hop in progress is given, once; NULL costs nothing. */
	void (*on_piece)(void *owner, struct str piece);
	void *owner;
};
void upload_init(struct upload *u, const struct upload_needs *needs);
/* A hop takes it, from the first byte on. Not the first hop: only if it was upload_can_replay; where the file has failed since, the hop is
 * broken from its start. */
void upload_start(struct upload *u, struct stream *to);
/* Moves what can be moved now. Call when d, to or the file changed. */
void upload_run(struct upload *u);
/* The hop is over. */
void upload_stop(struct upload *u);
/* True if another hop can be sent the whole body: all that has come is kept (or none was taken yet, whatever the limit), and the end has come
 * or may still come. */
bool upload_can_replay(const struct upload *u);
/* No hop needs a copy any more (a response is being delivered, or the body was dropped): gives the copy up. A hop in progress that is still
 * being sent kept bytes gets them all the same. */
void upload_forget(struct upload *u);
/* No hop needs the body at all: reads and drops what comes, so that the client's connection stays usable; at most max_bytes more. `to` is left
 * and the copy given up. */
void upload_discard(struct upload *u, uint64_t max_bytes);
/* The hop does not take what waits for it (not: the client does not send). */
bool upload_is_blocked(const struct upload *u);
/* It waits for the client's next bytes (not: for the hop or the file). */
bool upload_waits_for_client(const struct upload *u);
/* Fine twice, and for a zeroed one. */
void upload_fini(struct upload *u);

#endif
