/* Queues of bytes in shared slabs: what a socket read, split between messages and moved to another socket without copying.
 * A slab is 16 KiB and counts its users; a queue is a list of pieces of slabs. One worker owns a pool and all queues on it;
 * nothing here is thread-safe. An empty queue holds no memory, so an idle tunnel costs none. */
#ifndef VIADUCT_BASE_BUFQ_H
#define VIADUCT_BASE_BUFQ_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

enum { BUFQ_SLAB_BYTES = 16384 };

struct bufpool;
struct piece;

struct bufq {
	struct bufpool *pool;
	struct piece *first, *last;
	size_t len;
	/* Between bufq_reserve and bufq_commit: fresh slabs on offer, and how much of the last piece's slab is. */
	struct piece *spare;
	size_t spare_tail;
};

/* keep_bytes: how much freed slab memory the pool keeps for reuse. */
struct bufpool *bufpool_new(size_t keep_bytes);
/* Every queue of the pool must have been cleared. */
void bufpool_free(struct bufpool *pool);
/* Bytes of slabs in use by queues now: what a worker's memory budget is compared with. */
size_t bufpool_used(const struct bufpool *pool);

void bufq_init(struct bufq *q, struct bufpool *pool);
/* Drops all bytes; the queue can be used on. */
void bufq_clear(struct bufq *q);

/* Copies bytes to the end. */
void bufq_append(struct bufq *q, const void *bytes, size_t n);
void bufq_append_str(struct bufq *q, struct str s);
/* Moves up to n bytes from the front of one queue to the end of the other; slabs are shared, not copied (pieces of a few
 * hundred bytes may be copied where that is cheaper). Returns the bytes moved. Both queues are of one pool. */
size_t bufq_move(struct bufq *to, struct bufq *from, size_t n);
/* Puts up to n bytes from the front of one queue to the end of the other too, without taking them: both then hold the same
 * slabs. Pieces shorter than half a slab are copied, so that what `to` was given holds at most about twice its length in
 * memory, however few bytes came at a time. Returns the bytes shared. Both queues are of one pool. */
size_t bufq_share(struct bufq *to, const struct bufq *from, size_t n);

/* Room at the end for want bytes at least partly, and never for more: fills up to max_iov vectors and returns how many. What
 * was then written there becomes part of the queue by bufq_commit (n at most what was offered); n 0 gives the room back.
 * Between the two the queue is not changed (bufq_clear excepted, which ends the offer); other queues may be. */
int bufq_reserve(struct bufq *q, size_t want, struct iovec *ret_iov, int max_iov);
void bufq_commit(struct bufq *q, size_t n);

/* The bytes from the front as vectors, without taking them. Returns how many vectors. */
int bufq_peek(const struct bufq *q, struct iovec *ret_iov, int max_iov);
/* The first contiguous bytes; empty if the queue is. */
struct str bufq_front(const struct bufq *q);
/* Copies up to n bytes from offset on, without taking them. Returns the bytes copied. */
size_t bufq_copy(const struct bufq *q, size_t offset, void *to, size_t n);
/* Drops n bytes (at most len) from the front. */
void bufq_drain(struct bufq *q, size_t n);

/* Calls take with the n bytes from offset `from` on, piece by piece, without taking them. */
void bufq_show(const struct bufq *q, size_t from, size_t n, void (*take)(void *owner, struct str piece), void *owner);

/* Walks the contiguous spans of a queue: start with *cursor NULL; false at the end. */
bool bufq_each(const struct bufq *q, const struct piece **cursor, struct str *ret_span);

#endif
