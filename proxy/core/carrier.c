/* See carrier.h. Bytes are copied once on each way: what reads from a transport brings its own memory. */
#include "core/carrier.h"

#include "base/mem.h"

#include <string.h>

struct carrier {
	struct transport t;
	struct carrier_needs needs;
	struct bufq out; /* on its way into the stream; empty between calls */
	struct task task;
	unsigned wanted;
	bool is_cut;
};

static struct carrier *carrier_of(struct transport *t)
{
	return (struct carrier *)(void *)t;
}

static enum io broken(struct carrier *c)
{
	c->t.error = ERR_origin_closed;
	return IO_FAILED;
}

/* The stream has no more to give for a while, or ever. */
static enum io judge_empty(struct carrier *c)
{
	const struct stream *s = c->needs.stream;

	if (s->error != ERR_none)
		return broken(c);
	return s->in_end ? IO_EOF : IO_AGAIN;
}

static enum io carrier_readv(struct transport *t, const struct iovec *iov, int n, size_t *ret_n)
{
	struct carrier *c = carrier_of(t);
	struct stream *s = c->needs.stream;
	size_t total = 0;

	if (c->is_cut)
		return broken(c);
	if (s->in.len == 0)
		return judge_empty(c);
	for (int i = 0; i < n && total < s->in.len; i++)
		total += bufq_copy(&s->in, total, iov[i].iov_base, iov[i].iov_len);
	bufq_drain(&s->in, total);
	stream_took(s);
	*ret_n = total;
	return IO_DONE;
}

static enum io carrier_writev(struct transport *t, const struct iovec *iov, int n, size_t *ret_n)
{
	struct carrier *c = carrier_of(t);
	struct stream *s = c->needs.stream;
	size_t room, total = 0;

	if (c->is_cut || s->error != ERR_none)
		return broken(c);
	room = stream_room(s);
	if (room == 0)
		return IO_AGAIN;
	for (int i = 0; i < n && total < room; i++) {
		size_t part = iov[i].iov_len < room - total ? iov[i].iov_len : room - total;

		bufq_append(&c->out, iov[i].iov_base, part);
		total += part;
	}
	stream_send(s, &c->out, total);
	*ret_n = total;
	return IO_DONE;
}

/* What of that which is waited for is there. A stream that broke is told of in any case. */
static unsigned ready_of(const struct carrier *c)
{
	const struct stream *s = c->needs.stream;
	unsigned ready = 0;

	if (c->is_cut || s->error != ERR_none)
		return READY_READ | (c->wanted & READY_WRITE);
	if (s->in.len > 0 || s->in_end)
		ready |= READY_READ;
	if (stream_room(s) > 0)
		ready |= READY_WRITE;
	return ready & c->wanted;
}

static void carrier_run(void *owner)
{
	struct carrier *c = owner;
	unsigned ready = ready_of(c);

	if (ready != 0 && c->t.on_ready != NULL)
		c->t.on_ready(c->t.owner, ready);
}

void carrier_wake(struct transport *t)
{
	struct carrier *c = carrier_of(t);

	if (ready_of(c) != 0)
		loop_defer(c->needs.loop, &c->task);
}

static void carrier_watch(struct transport *t, unsigned wanted)
{
	struct carrier *c = carrier_of(t);

	c->wanted = wanted;
	if (wanted != 0)
		carrier_wake(t);
}

static void carrier_shut(struct transport *t)
{
	struct carrier *c = carrier_of(t);

	if (!c->is_cut && !c->needs.stream->out_end)
		stream_end(c->needs.stream, NULL);
}

static void carrier_close(struct transport *t, bool abort)
{
	struct carrier *c = carrier_of(t);

	if (!abort)
		carrier_shut(t);
	t->on_ready = NULL;
	task_cancel(&c->task);
	bufq_clear(&c->out);
	if (!c->is_cut)
		c->needs.on_close(c->needs.owner, abort);
	c->is_cut = true;
	loop_reap(c->needs.loop, c, mem_free);
}

static size_t carrier_queued(struct transport *t)
{
	struct carrier *c = carrier_of(t);

	return c->is_cut ? 0 : c->needs.queued(c->needs.owner);
}

static bool carrier_is_broken(struct transport *t)
{
	struct carrier *c = carrier_of(t);

	return c->is_cut || c->needs.stream->error != ERR_none;
}

static const struct transport_ops carrier_ops = {
	.readv = carrier_readv,
	.writev = carrier_writev,
	.watch = carrier_watch,
	.shut = carrier_shut,
	.close = carrier_close,
	.queued = carrier_queued,
	.is_broken = carrier_is_broken,
};

struct transport *carrier_new(const struct carrier_needs *needs)
{
	struct carrier *c = mem_calloc(1, sizeof(*c));

	c->needs = *needs;
	c->t.ops = &carrier_ops;
	c->t.peer = needs->peer;
	c->t.local = needs->local;
	bufq_init(&c->out, needs->pool);
	task_init(&c->task, carrier_run, c);
	return &c->t;
}

void carrier_cut(struct transport *t)
{
	struct carrier *c = carrier_of(t);

	c->is_cut = true;
	loop_defer(c->needs.loop, &c->task);
}
