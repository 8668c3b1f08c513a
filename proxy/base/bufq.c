/* Queues of bytes in shared slabs. Not for parsing, and not for more than one thread.
 *
 *   pool --owns--> slab <--users-- piece <--list-- queue
 *
 * A slab is filled once, from the front to its mark `used`; a piece is a part of it that some queue holds, and is never empty.
 * Pieces overlap only where bytes were shared (bufq_share), and the piece made by that is a view: so at most one piece that is
 * none ends at the mark: its queue, and nobody else, may write on from there. Alone on its slab, a view is as good as any piece.
 * Few bytes that cannot go on where their queue ends go to the pool's scratch slab, which all queues share; otherwise each
 * chunk header between two moved pieces would hold a slab of its own. */
#include "base/bufq.h"

#include "base/mem.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

enum {
	SMALL_BYTES = 512,                     /* up to here copying is cheaper than holding a slab */
	TAIL_MIN_BYTES = 512,                  /* less room than this at the end is not worth a vector */
	SHARE_MIN_BYTES = BUFQ_SLAB_BYTES / 2, /* fewer bytes than this are copied instead of holding a slab twice */
	PIECES_PER_SLAB = 4,                   /* how many freed pieces are kept for each slab that may be kept */
};

struct slab {
	struct slab *next_free;
	uint32_t users; /* pieces on queues or on offer */
	uint32_t used;
	char bytes[BUFQ_SLAB_BYTES];
};

struct piece {
	struct piece *next;
	struct slab *slab;
	uint32_t off;
	uint32_t len : 31;
	uint32_t is_view : 1; /* another piece may end where this one does */
};

struct bufpool {
	struct slab *free_slabs;
	struct piece *free_pieces;
	size_t slabs_free, slabs_keep, slabs_used;
	size_t pieces_free, pieces_keep;
	struct slab *scratch; /* counted as used only by its pieces; NULL once they are gone */
};

struct bufpool *bufpool_new(size_t keep_bytes)
{
	struct bufpool *pool = mem_calloc(1, sizeof(*pool));

	pool->slabs_keep = keep_bytes / BUFQ_SLAB_BYTES;
	pool->pieces_keep = (pool->slabs_keep + 1) * PIECES_PER_SLAB;
	return pool;
}

void bufpool_free(struct bufpool *pool)
{
	if (pool == NULL)
		return;
	assert(pool->slabs_used == 0);
	while (pool->free_slabs != NULL) {
		struct slab *slab = pool->free_slabs;

		pool->free_slabs = slab->next_free;
		mem_free(slab);
	}
	while (pool->free_pieces != NULL) {
		struct piece *piece = pool->free_pieces;

		pool->free_pieces = piece->next;
		mem_free(piece);
	}
	mem_free(pool);
}

size_t bufpool_used(const struct bufpool *pool)
{
	return pool->slabs_used * BUFQ_SLAB_BYTES;
}

/* An empty slab that nobody uses yet. */
static struct slab *slab_take(struct bufpool *pool)
{
	struct slab *slab = pool->free_slabs;

	if (slab != NULL) {
		pool->free_slabs = slab->next_free;
		pool->slabs_free--;
	} else {
		slab = mem_alloc(sizeof(*slab));
	}
	slab->users = 0;
	slab->used = 0;
	pool->slabs_used++;
	return slab;
}

/* Gives up one use of a slab; the last one returns it to the pool. */
static void slab_unref(struct bufpool *pool, struct slab *slab)
{
	if (--slab->users != 0)
		return;
	if (pool->scratch == slab)
		pool->scratch = NULL;
	pool->slabs_used--;
	if (pool->slabs_free >= pool->slabs_keep) {
		mem_free(slab);
		return;
	}
	slab->next_free = pool->free_slabs;
	pool->free_slabs = slab;
	pool->slabs_free++;
}

/* A piece of a slab, on no queue yet; one more use of the slab. */
static struct piece *piece_new(struct bufpool *pool, struct slab *slab, uint32_t off, uint32_t len)
{
	struct piece *piece = pool->free_pieces;

	if (piece != NULL) {
		pool->free_pieces = piece->next;
		pool->pieces_free--;
	} else {
		piece = mem_alloc(sizeof(*piece));
	}
	slab->users++;
	*piece = (struct piece){.slab = slab, .off = off, .len = len};
	return piece;
}

static void piece_free(struct bufpool *pool, struct piece *piece)
{
	slab_unref(pool, piece->slab);
	if (pool->pieces_free >= pool->pieces_keep) {
		mem_free(piece);
		return;
	}
	piece->next = pool->free_pieces;
	pool->free_pieces = piece;
	pool->pieces_free++;
}

/* Links a piece to the end; its bytes are counted by the caller. */
static void link_last(struct bufq *q, struct piece *piece)
{
	piece->next = NULL;
	if (q->last != NULL)
		q->last->next = piece;
	else
		q->first = piece;
	q->last = piece;
}

static struct piece *unlink_first(struct bufq *q)
{
	struct piece *piece = q->first;

	q->first = piece->next;
	if (q->first == NULL)
		q->last = NULL;
	return piece;
}

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* How many bytes this queue may write behind its last piece. */
static size_t tail_room(struct bufq *q)
{
	struct piece *last = q->last;

	if (last == NULL)
		return 0;
	/* What others held behind a piece that is now alone on its slab has been given up. */
	if (last->slab->users == 1) {
		last->slab->used = last->off + last->len;
		last->is_view = false;
	}
	if (last->is_view || last->off + last->len != last->slab->used)
		return 0;
	return BUFQ_SLAB_BYTES - last->slab->used;
}

/* Makes n bytes that lie behind the last piece, within tail_room, a part of it. */
static void tail_extend(struct bufq *q, size_t n)
{
	q->last->len += (uint32_t)n;
	q->last->slab->used += (uint32_t)n;
	q->len += n;
}

static void tail_write(struct bufq *q, const char *bytes, size_t n)
{
	memcpy(q->last->slab->bytes + q->last->slab->used, bytes, n);
	tail_extend(q, n);
}

/* The slab of which a new piece of n bytes is made: the scratch slab for few bytes, else a fresh one. */
static struct slab *slab_for(struct bufpool *pool, size_t n)
{
	if (n > SMALL_BYTES)
		return slab_take(pool);
	if (pool->scratch == NULL || BUFQ_SLAB_BYTES - pool->scratch->used < n)
		pool->scratch = slab_take(pool);
	return pool->scratch;
}

/* No room is on offer, so the queue may be changed. */
static bool is_at_rest(const struct bufq *q)
{
	return q->spare == NULL && q->spare_tail == 0;
}

void bufq_init(struct bufq *q, struct bufpool *pool)
{
	*q = (struct bufq){.pool = pool};
}

void bufq_clear(struct bufq *q)
{
	bufq_commit(q, 0);
	bufq_drain(q, q->len);
}

void bufq_append(struct bufq *q, const void *bytes, size_t n)
{
	const char *p = bytes;
	size_t room = tail_room(q);

	assert(is_at_rest(q));
	if (n == 0)
		return; /* bytes may be NULL then */
	/* Few bytes stay in one piece, so that heads and chunk headers do not straddle slabs. */
	if (room != 0 && (n <= room || n > SMALL_BYTES)) {
		room = min_size(room, n);
		tail_write(q, p, room);
		p += room;
		n -= room;
	}
	while (n != 0) {
		struct slab *slab = slab_for(q->pool, n);
		size_t part = min_size(n, BUFQ_SLAB_BYTES - slab->used);

		link_last(q, piece_new(q->pool, slab, slab->used, 0));
		tail_write(q, p, part);
		p += part;
		n -= part;
	}
}

void bufq_append_str(struct bufq *q, struct str s)
{
	bufq_append(q, s.p, s.len);
}

/* True if the bytes of the piece lie right behind the last ones of to. */
static bool is_adjacent(const struct bufq *to, const struct piece *piece)
{
	return to->last != NULL && to->last->slab == piece->slab && to->last->off + to->last->len == piece->off;
}

/* Makes the first n bytes of an adjacent piece a part of the last one, which then ends as that piece does. */
static void extend_over(struct bufq *to, const struct piece *piece, size_t n, bool is_view)
{
	to->last->len += (uint32_t)n;
	to->last->is_view = is_view || piece->is_view;
	to->len += n;
}

/* Moves n bytes of the first piece of from; n is at most its length. */
static void move_part(struct bufq *to, struct bufq *from, size_t n)
{
	struct piece *piece = from->first;

	if (is_adjacent(to, piece)) {
		extend_over(to, piece, n, false);
		bufq_drain(from, n);
	} else if (n <= SMALL_BYTES && to->last != NULL) {
		bufq_append(to, piece->slab->bytes + piece->off, n);
		bufq_drain(from, n);
	} else if (n == piece->len) {
		link_last(to, unlink_first(from));
		to->len += n;
		from->len -= n;
	} else {
		link_last(to, piece_new(to->pool, piece->slab, piece->off, (uint32_t)n));
		to->len += n;
		bufq_drain(from, n);
	}
}

size_t bufq_move(struct bufq *to, struct bufq *from, size_t n)
{
	size_t left = n = min_size(n, from->len);

	assert(to != from && to->pool == from->pool && is_at_rest(to) && is_at_rest(from));
	while (left != 0) {
		size_t part = min_size(left, from->first->len);

		move_part(to, from, part);
		left -= part;
	}
	return n;
}

/* Shares the first n bytes of a piece of another queue. */
static void share_part(struct bufq *to, const struct piece *piece, size_t n)
{
	if (is_adjacent(to, piece)) {
		extend_over(to, piece, n, true);
	} else if (n < SHARE_MIN_BYTES || n <= tail_room(to)) {
		/* What fits is copied even if it is much: so two slabs in a row never hold less than one could. */
		bufq_append(to, piece->slab->bytes + piece->off, n);
	} else {
		link_last(to, piece_new(to->pool, piece->slab, piece->off, (uint32_t)n));
		to->last->is_view = true;
		to->len += n;
	}
}

size_t bufq_share(struct bufq *to, const struct bufq *from, size_t n)
{
	const struct piece *piece = from->first;
	size_t left = n = min_size(n, from->len);

	assert(to != from && to->pool == from->pool && is_at_rest(to));
	for (; left != 0; piece = piece->next) {
		size_t part = min_size(left, piece->len);

		share_part(to, piece, part);
		left -= part;
	}
	return n;
}

/* Offers room behind the last piece, if it is worth it. */
static size_t offer_tail(struct bufq *q, size_t want, struct iovec *ret_iov)
{
	size_t room = tail_room(q);

	if (room == 0 || (room < want && room < TAIL_MIN_BYTES))
		return 0;
	/* Others must not put small bytes where this queue was told to write. */
	if (q->pool->scratch == q->last->slab)
		q->pool->scratch = NULL;
	q->spare_tail = min_size(room, want);
	*ret_iov = (struct iovec){q->last->slab->bytes + q->last->slab->used, q->spare_tail};
	return q->spare_tail;
}

int bufq_reserve(struct bufq *q, size_t want, struct iovec *ret_iov, int max_iov)
{
	struct piece **end = &q->spare;
	int n = 0;

	bufq_commit(q, 0);
	if (want == 0 || max_iov <= 0)
		return 0;
	want -= offer_tail(q, want, ret_iov);
	if (q->spare_tail != 0)
		n++;
	for (; want != 0 && n < max_iov; n++) {
		size_t part = min_size(want, BUFQ_SLAB_BYTES);

		*end = piece_new(q->pool, slab_take(q->pool), 0, (uint32_t)part);
		ret_iov[n] = (struct iovec){(*end)->slab->bytes, part};
		end = &(*end)->next;
		want -= part;
	}
	return n;
}

void bufq_commit(struct bufq *q, size_t n)
{
	size_t part = min_size(n, q->spare_tail);

	q->spare_tail = 0;
	if (part != 0)
		tail_extend(q, part);
	n -= part;
	while (q->spare != NULL) {
		struct piece *piece = q->spare;

		q->spare = piece->next;
		part = min_size(n, piece->len);
		if (part == 0) {
			piece_free(q->pool, piece);
			continue;
		}
		piece->len = 0;
		link_last(q, piece);
		tail_extend(q, part);
		n -= part;
	}
	assert(n == 0);
}

int bufq_peek(const struct bufq *q, struct iovec *ret_iov, int max_iov)
{
	const struct piece *piece = q->first;
	int n = 0;

	for (; piece != NULL && n < max_iov; piece = piece->next, n++)
		ret_iov[n] = (struct iovec){piece->slab->bytes + piece->off, piece->len};
	return n;
}

static struct str piece_str(const struct piece *piece)
{
	return (struct str){piece->slab->bytes + piece->off, piece->len};
}

struct str bufq_front(const struct bufq *q)
{
	return q->first != NULL ? piece_str(q->first) : STR_NONE;
}

size_t bufq_copy(const struct bufq *q, size_t offset, void *to, size_t n)
{
	const struct piece *cursor = NULL;
	struct str span;
	size_t done = 0;

	while (done < n && bufq_each(q, &cursor, &span)) {
		size_t skip = min_size(offset, span.len);
		size_t part = min_size(n - done, span.len - skip);

		memcpy((char *)to + done, span.p + skip, part);
		offset -= skip;
		done += part;
	}
	return done;
}

void bufq_drain(struct bufq *q, size_t n)
{
	assert(n <= q->len && is_at_rest(q));
	q->len -= n;
	while (n != 0) {
		struct piece *piece = q->first;

		if (n < piece->len) {
			piece->off += (uint32_t)n;
			piece->len -= (uint32_t)n;
			return;
		}
		n -= piece->len;
		piece_free(q->pool, unlink_first(q));
	}
}

bool bufq_each(const struct bufq *q, const struct piece **cursor, struct str *ret_span)
{
	const struct piece *next = *cursor == NULL ? q->first : (*cursor)->next;

	if (next == NULL)
		return false;
	*cursor = next;
	*ret_span = piece_str(next);
	return true;
}

void bufq_show(const struct bufq *q, size_t from, size_t n, void (*take)(void *owner, struct str piece), void *owner)
{
	const struct piece *cursor = NULL;
	struct str span;

	while (n > 0 && bufq_each(q, &cursor, &span)) {
		if (span.len <= from) {
			from -= span.len;
			continue;
		}
		span = str_from(span, from);
		if (span.len > n)
			span.len = n;
		from = 0;
		n -= span.len;
		take(owner, span);
	}
}
