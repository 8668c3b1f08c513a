/* See upload.h. What is taken from d is shared into the copy and waits in `pending` for the stream, which takes it in the same turn: no more
 * is taken than there is room for. A later hop finds in `pending` what is kept in memory, then what is read back from the file; nothing is
 * taken from d until all that has been given, so that "live" and "kept" never mix. */
#include "core/upload.h"

#include <assert.h>

enum {
	UNWRITTEN_MAX_BYTES = 1 << 20,               /* a disk that is slower than the client slows the client down */
	READ_AHEAD_BYTES = SPOOL_READ_MAX_BYTES,     /* what of the file waits in memory for the hop */
	READ_AGAIN_BYTES = SPOOL_READ_MAX_BYTES / 2, /* the next part is asked for when no more than this waits */
};

static uint64_t min_bytes(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

void upload_init(struct upload *u, const struct upload_needs *needs)
{
	const struct framing *f = &needs->d->framing;

	*u = (struct upload){
		.d = needs->d,
		.pool = needs->pool,
		.loop = needs->loop,
		.spooler = needs->spooler,
		.memory_limit = needs->memory_limit,
		.limit = needs->limit,
		.pool_limit = needs->pool_limit,
		.on_change = needs->on_change,
		.trailers = needs->trailers,
		.on_piece = needs->on_piece,
		.owner = needs->owner,
	};
	if (u->spooler == NULL)
		u->limit = min_bytes(u->limit, u->memory_limit);
	if (needs->limit == 0)
		u->copy = UPLOAD_OFF;
	else if (u->limit == 0 || (f->kind == BODY_LENGTH && f->length > u->limit))
		u->copy = UPLOAD_TOO_LARGE;
	bufq_init(&u->memory, u->pool);
	bufq_init(&u->pending, u->pool);
}

/* All that was taken from d before has been given to `to`: what comes from d is next. */
static bool is_live(const struct upload *u)
{
	return u->pending.len == 0 && u->read_at == u->file_bytes;
}

/* Without a copy to keep, the file is of use only until the hop in progress has been sent what is in it. */
static void drop_file_if_read(struct upload *u)
{
	if (u->copy == UPLOAD_WHOLE || (u->to != NULL && u->read_at < u->file_bytes))
		return;
	spool_file_free(u->file);
	u->file = NULL;
}

/* What `pending` shares of it stays there. */
static void give_up_copy(struct upload *u, enum upload_copy why)
{
	if (u->copy == UPLOAD_WHOLE)
		u->copy = why;
	bufq_clear(&u->memory);
	drop_file_if_read(u);
}

/* Sees what has become of the file since the last time. */
static void check_file(struct upload *u)
{
	if (u->file == NULL)
		return;
	if (spool_file_has_failed(u->file, NULL)) {
		u->is_broken = u->to != NULL && u->read_at < u->file_bytes;
		u->asked_bytes = 0;
		spool_file_free(u->file);
		u->file = NULL;
		give_up_copy(u, UPLOAD_FAILED);
	} else if (u->asked_bytes > 0 && !spool_file_is_reading(u->file)) {
		u->read_at += u->asked_bytes;
		u->asked_bytes = 0;
		drop_file_if_read(u);
	}
}

/* Asks for the next part of the file, for a hop that has not got it yet. */
static void read_ahead(struct upload *u)
{
	uint64_t left = u->file_bytes - u->read_at;

	if (u->file == NULL || u->asked_bytes > 0 || left == 0 || u->pending.len > READ_AGAIN_BYTES)
		return;
	u->asked_bytes = (size_t)min_bytes(left, READ_AHEAD_BYTES - u->pending.len);
	spool_file_read(u->file, u->read_at, u->asked_bytes, &u->pending);
}

/* Shares the next n bytes of d with the copy. They are given to the hop in progress live, so it needs none of them back. */
static void keep(struct upload *u, size_t n)
{
	struct bufq part;

	if (u->copy != UPLOAD_WHOLE)
		return;
	if (n > u->limit - u->taken_bytes) {
		give_up_copy(u, UPLOAD_TOO_LARGE);
		return;
	}
	if (u->memory.len < u->memory_limit) {
		bufq_share(&u->memory, &u->d->in, n);
		return;
	}
	if (u->file == NULL)
		u->file = spool_file_new(u->spooler, u->loop, u->on_change, u->owner);
	bufq_init(&part, u->pool);
	bufq_share(&part, &u->d->in, n);
	spool_file_write(u->file, &part);
	u->file_bytes += n;
	u->read_at += n;
}

static bool is_disk_behind(const struct upload *u)
{
	return u->copy == UPLOAD_WHOLE && u->file != NULL && spool_file_unwritten(u->file) > UNWRITTEN_MAX_BYTES;
}

/* Where many uploads fill the memory of the worker, the rest of this one goes to its file. */
static void mind_memory(struct upload *u)
{
	if (u->pool_limit > 0 && u->spooler != NULL && u->memory.len < u->memory_limit && bufpool_used(u->pool) > u->pool_limit)
		u->memory_limit = u->memory.len;
}

/* Takes from d what `to` has room for; what is kept of one taking goes to one place. True if there was anything. */
static bool take(struct upload *u)
{
	uint64_t n = min_bytes(u->d->in.len, stream_room(u->to));

	if (n == 0 || !is_live(u) || is_disk_behind(u))
		return false;
	mind_memory(u);
	if (u->copy == UPLOAD_WHOLE && u->memory.len < u->memory_limit)
		n = min_bytes(n, u->memory_limit - u->memory.len);
	keep(u, (size_t)n);
	u->taken_bytes += bufq_move(&u->pending, &u->d->in, (size_t)n);
	return true;
}

static const struct fields *trailers_of(const struct upload *u)
{
	if (u->trailers != NULL)
		return u->trailers(u->owner);
	return u->d->head == NULL ? NULL : &u->d->head->trailers;
}

/* Shows of the first n bytes that wait what on_piece has not seen of what this hop gets. */
static void show(struct upload *u, size_t n)
{
	size_t seen = (size_t)(u->shown_bytes - u->moved_bytes);

	if (n <= seen || u->on_piece == NULL)
		return;
	u->shown_bytes = u->moved_bytes + n;
	bufq_show(&u->pending, seen, n - seen, u->on_piece, u->owner);
}

/* Gives `to` what waits for it. True if it took anything. */
static bool give(struct upload *u)
{
	size_t n = (size_t)min_bytes(u->pending.len, stream_room(u->to));

	show(u, n);
	if (n > 0)
		n = stream_send(u->to, &u->pending, n);
	u->moved_bytes += n;
	return n > 0;
}

static void move(struct upload *u)
{
	bool has_taken = false;

	do {
		read_ahead(u);
		if (take(u))
			has_taken = true;
	} while (give(u));
	if (has_taken)
		stream_took(u->d);
}

static void drop(struct upload *u)
{
	size_t n = (size_t)min_bytes(u->d->in.len, u->discard_bytes);

	if (n == 0)
		return;
	bufq_drain(&u->d->in, n);
	u->discard_bytes -= n;
	u->taken_bytes += n;
	stream_took(u->d);
}

void upload_run(struct upload *u)
{
	struct stream *d = u->d;

	check_file(u);
	if (u->is_discarding)
		drop(u);
	if (u->to == NULL || u->is_ended || u->is_broken || u->to->error != ERR_none)
		return;
	move(u);
	/* A client that broke off has said no end: the exchange tells the origin so. */
	if (d->in_end && d->in.len == 0 && is_live(u) && d->error == ERR_none) {
		u->is_ended = true;
		stream_end(u->to, trailers_of(u));
	}
}

void upload_start(struct upload *u, struct stream *to)
{
	assert(u->to == NULL && !u->is_discarding);
	u->to = to;
	u->is_ended = false;
	/* The file may have failed since it was decided that there would be this hop. */
	u->is_broken = u->taken_bytes > 0 && u->copy != UPLOAD_WHOLE;
	u->moved_bytes = u->shown_bytes = 0;
	u->read_at = 0;
	bufq_share(&u->pending, &u->memory, u->memory.len);
}

void upload_stop(struct upload *u)
{
	u->to = NULL;
	bufq_clear(&u->pending);
	if (u->file != NULL)
		spool_file_cancel_read(u->file);
	u->asked_bytes = 0;
	drop_file_if_read(u);
}

bool upload_can_replay(const struct upload *u)
{
	if (u->is_discarding || u->d->error != ERR_none)
		return false;
	if (u->taken_bytes == 0)
		return true;
	return u->copy == UPLOAD_WHOLE && (u->file == NULL || !spool_file_has_failed(u->file, NULL));
}

void upload_forget(struct upload *u)
{
	give_up_copy(u, UPLOAD_OFF);
}

void upload_discard(struct upload *u, uint64_t max_bytes)
{
	upload_stop(u);
	upload_forget(u);
	u->is_discarding = true;
	u->discard_bytes = max_bytes;
	drop(u);
}

bool upload_is_blocked(const struct upload *u)
{
	if (u->to == NULL || u->is_ended || u->to->error != ERR_none)
		return false;
	return (u->pending.len > 0 || (is_live(u) && u->d->in.len > 0)) && stream_room(u->to) == 0;
}

bool upload_waits_for_client(const struct upload *u)
{
	if (u->d->in.len > 0 || u->d->in_end || u->d->error != ERR_none)
		return false;
	if (u->is_discarding)
		return u->discard_bytes > 0;
	return u->to != NULL && !u->is_broken && is_live(u);
}

void upload_fini(struct upload *u)
{
	spool_file_free(u->file);
	u->file = NULL;
	u->to = NULL;
	bufq_clear(&u->memory);
	bufq_clear(&u->pending);
}
