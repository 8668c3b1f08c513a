/* Transports in memory. Readiness is on the level, as with sockets: an owner that wants what is there is called every turn. */
#include "net/memory.h"

#include "base/mem.h"
#include "net/loop_internal.h"

#include <stdio.h>
#include <string.h>

struct memory_pair;

/* One end. What it has received, and not read yet, waits in its ring. */
struct memory_end {
	struct transport t;
	struct memory_pair *pair;
	struct memory_end *other;
	unsigned wanted;
	bool is_ended;  /* the other end has shut its side */
	bool is_broken; /* the other end was aborted, or closed with bytes unread */
	bool is_closed;
	struct task ready;
	char *bytes;
	size_t at, n;
};

struct memory_pair {
	struct loop *loop;
	size_t room;
	struct memory_end ends[2];
};

static struct memory_end *end_of(struct transport *t)
{
	return (struct memory_end *)(void *)t;
}

static enum io fail(struct memory_end *e)
{
	e->t.error = ERR_origin_closed;
	snprintf(e->t.detail, sizeof(e->t.detail), "the other end is gone");
	return IO_FAILED;
}

/* What an owner could do now. */
static unsigned ready_of(const struct memory_end *e)
{
	unsigned ready = 0;

	if (e->n != 0 || e->is_ended || e->is_broken)
		ready |= READY_READ;
	if (e->is_broken || e->other->is_closed || e->other->n < e->pair->room)
		ready |= READY_WRITE;
	return ready;
}

/* Has the owner called, if it wants what is there; of a broken end it is told unasked. */
static void update(struct memory_end *e)
{
	if (!e->is_closed && ((ready_of(e) & e->wanted) != 0 || (e->is_broken && e->wanted == 0)))
		loop_defer_later(e->pair->loop, &e->ready);
}

static void on_ready(void *owner)
{
	struct memory_end *e = owner;
	unsigned ready = ready_of(e) & e->wanted;

	if (e->is_broken && e->wanted == 0)
		ready = READY_READ;
	if (ready != 0 && e->t.on_ready != NULL)
		e->t.on_ready(e->t.owner, ready);
	/* Of a broken end an owner who wants nothing is told once. */
	if (e->wanted != 0)
		update(e);
}

/* Takes up to n bytes from the ring. */
static size_t take(struct memory_end *e, char *to, size_t n)
{
	size_t done = 0;

	while (done < n && e->n != 0) {
		to[done++] = e->bytes[e->at];
		e->at = (e->at + 1) % e->pair->room;
		e->n--;
	}
	return done;
}

/* Puts up to n bytes into the ring. */
static size_t put(struct memory_end *e, const char *from, size_t n)
{
	size_t done = 0;

	while (done < n && e->n < e->pair->room) {
		e->bytes[(e->at + e->n) % e->pair->room] = from[done++];
		e->n++;
	}
	return done;
}

static enum io memory_readv(struct transport *t, const struct iovec *iov, int n, size_t *ret_n)
{
	struct memory_end *e = end_of(t);
	size_t done = 0;

	if (e->n == 0) {
		if (e->is_broken)
			return fail(e);
		return e->is_ended ? IO_EOF : IO_AGAIN;
	}
	for (int i = 0; i < n; i++)
		done += take(e, iov[i].iov_base, iov[i].iov_len);
	update(e->other);
	*ret_n = done;
	return IO_DONE;
}

static enum io memory_writev(struct transport *t, const struct iovec *iov, int n, size_t *ret_n)
{
	struct memory_end *e = end_of(t);
	size_t done = 0;

	if (e->is_broken || e->other->is_closed)
		return fail(e);
	for (int i = 0; i < n; i++)
		done += put(e->other, iov[i].iov_base, iov[i].iov_len);
	if (done == 0)
		return IO_AGAIN;
	update(e->other);
	*ret_n = done;
	return IO_DONE;
}

static void memory_watch(struct transport *t, unsigned wanted)
{
	struct memory_end *e = end_of(t);

	e->wanted = wanted;
	update(e);
}

static void memory_shut(struct transport *t)
{
	struct memory_end *e = end_of(t);

	e->other->is_ended = true;
	update(e->other);
}

static void pair_reaped(void *p)
{
	struct memory_pair *pair = p;

	for (int i = 0; i < 2; i++)
		mem_free(pair->ends[i].bytes);
	mem_free(pair);
}

static void memory_close(struct transport *t, bool abort)
{
	struct memory_end *e = end_of(t);

	e->is_closed = true;
	e->t.on_ready = NULL;
	task_cancel(&e->ready);
	if (abort || e->n != 0)
		e->other->is_broken = true;
	else
		e->other->is_ended = true;
	if (e->other->is_closed)
		loop_reap(e->pair->loop, e->pair, pair_reaped);
	else
		update(e->other);
}

static bool memory_is_broken(struct transport *t)
{
	const struct memory_end *e = end_of(t);

	return e->is_broken || e->other->is_closed;
}

static size_t memory_queued(struct transport *t)
{
	const struct memory_end *e = end_of(t);

	return e->other->is_closed ? 0 : e->other->n;
}

static const struct transport_ops memory_ops = {
	.readv = memory_readv,
	.writev = memory_writev,
	.watch = memory_watch,
	.shut = memory_shut,
	.close = memory_close,
	.queued = memory_queued,
	.is_broken = memory_is_broken,
};

void memory_pair_new(struct loop *l, size_t room, struct transport *ret_ends[2])
{
	struct memory_pair *pair = mem_calloc(1, sizeof(*pair));

	pair->loop = l;
	pair->room = room;
	for (int i = 0; i < 2; i++) {
		struct memory_end *e = &pair->ends[i];

		e->t.ops = &memory_ops;
		e->pair = pair;
		e->other = &pair->ends[1 - i];
		e->bytes = mem_alloc(room);
		task_init(&e->ready, on_ready, e);
		ret_ends[i] = &e->t;
	}
}
