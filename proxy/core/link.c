/* See link.h. Not for: what the bytes mean (http/), or who waits how long (client.c, exchange_wait.c). */
#include "core/link.h"

enum {
	READ_BYTES = 131072,
	/* RFC 9112 section 9.6: an ended client transport is read on for a while, so that the last response is not lost to a reset. Who is
	 * in the middle of a large upload has this much to see the answer; who is silent for that long is left,
	 * and who trickles too. */
	LINGER_BYTES = 64 << 20,
	LINGER_MS = 2000,
	LINGER_ALL_MS = 30000,
	AHEAD_BYTES = 65536
};

static void link_run(void *owner);

void link_budget_init(struct link_budget *b, struct bufpool *pool, size_t limit_bytes)
{
	b->pool = pool;
	b->limit_bytes = limit_bytes;
	b->on_stall = NULL;
	b->owner = NULL;
	list_init(&b->stalled);
}

bool link_budget_is_spent(const struct link_budget *b)
{
	return bufpool_used(b->pool) > b->limit_bytes;
}

bool link_budget_is_exhausted(const struct link_budget *b)
{
	return bufpool_used(b->pool) > b->limit_bytes + b->limit_bytes / 2;
}

void link_budget_check(struct link_budget *b)
{
	struct list *node;

	if (link_budget_is_exhausted(b))
		return;
	while ((node = list_take(&b->stalled)) != NULL)
		link_wake(LIST_ITEM(node, struct link, stalled));
}

void link_wake(struct link *l)
{
	if (!l->is_over)
		loop_defer(l->loop, &l->task);
}

/* Nothing is called from outside any more; the transport is the caller's. */
static struct transport *link_let_go(struct link *l)
{
	struct transport *t = l->transport;

	l->is_over = true;
	task_cancel(&l->task);
	timer_stop(&l->linger);
	list_remove(&l->stalled);
	l->transport = NULL;
	return t;
}

void link_end(struct link *l, bool abort)
{
	if (l->is_over)
		return;
	transport_close(link_let_go(l), abort);
	l->events->on_end(l->owner);
}

struct transport *link_detach(struct link *l)
{
	struct transport *t;

	if (l->is_over || l->is_read_over || l->is_write_broken || l->is_shut || l->in.len > 0 || l->codec->out.len > 0)
		return NULL;
	t = link_let_go(l);
	t->on_ready = NULL;
	transport_watch(t, 0);
	l->events->on_end(l->owner);
	return t;
}

void link_fini(struct link *l)
{
	codec_free(l->codec);
	bufq_clear(&l->in);
}

/* Tells the codec that nothing more will come. It defers an orderly end itself while bytes wait for it; what an origin sent before it
 * broke may be its whole answer, so there the end waits here. Bytes of a broken client are of no use to anybody. */
static void link_tell_eof(struct link *l)
{
	if (!l->is_read_over || l->is_eof_told)
		return;
	if (l->read_error != ERR_none && l->role == LINK_UPSTREAM && l->in.len > 0 && !codec_wants_input(l->codec))
		return;
	l->is_eof_told = true;
	if (l->role == LINK_CLIENT && l->read_error == ERR_none)
		codec_expire(l->codec, &l->in, ERR_bad_request);
	codec_eof(l->codec, l->read_error);
}

static void link_broke(struct link *l, enum error error)
{
	l->is_read_over = true;
	l->read_error = error;
	if (l->events->on_broken != NULL)
		l->events->on_broken(l->owner, l->transport);
	link_tell_eof(l);
}

static void link_discard(struct link *l)
{
	size_t n = 0;
	enum io io = transport_read(l->transport, &l->in, READ_BYTES, &n);

	l->discarded_bytes += n;
	bufq_clear(&l->in);
	if (io == IO_EOF || io == IO_FAILED || l->discarded_bytes > LINGER_BYTES)
		link_end(l, false);
	else if (n > 0 && loop_now_us(l->loop) - l->linger_since_us < (int64_t)LINGER_ALL_MS * 1000)
		timer_set(&l->linger, LINGER_MS);
}

/* Nothing is to be read now, and yet the transport calls: it is broken, or has ended. What still lies in front of that is read
 * behind what waits, within a bound: a client that is gone must not keep its exchange for as long as its next request waits. */
static enum io link_read_ahead(struct link *l)
{
	enum io io = IO_AGAIN;
	size_t n = 0;

	if (l->role != LINK_CLIENT)
		return IO_AGAIN;
	while (l->in.len < AHEAD_BYTES) {
		io = transport_read(l->transport, &l->in, READ_BYTES, &n);
		if (io != IO_DONE)
			break;
	}
	return io;
}

static void link_read(struct link *l)
{
	size_t n = 0;
	bool wants = codec_wants_input(l->codec);

	if (l->is_read_over)
		return;
	switch (wants ? transport_read(l->transport, &l->in, READ_BYTES, &n) : link_read_ahead(l)) {
	case IO_DONE:
		codec_feed(l->codec, &l->in);
		break;
	case IO_AGAIN:
		return;
	case IO_EOF:
		l->is_read_over = true;
		break;
	case IO_FAILED:
		link_broke(l, l->transport->error);
		break;
	}
	link_wake(l);
}

/* After the end of reading only one thing can still be learnt: that the client is gone. An upstream's end was told already. */
static void link_look(struct link *l)
{
	if (l->role != LINK_CLIENT || l->is_write_broken || l->read_error != ERR_none || l->is_shut)
		return;
	if (!transport_is_broken(l->transport))
		return;
	l->is_write_broken = true;
	codec_eof(l->codec, ERR_cancelled);
	link_wake(l);
}

bool link_is_settled(struct link *l)
{
	if (!l->is_read_over || l->is_over)
		return true;
	link_look(l);
	return l->is_write_broken || transport_queued(l->transport) == 0;
}

static void link_on_ready(void *owner, unsigned ready)
{
	struct link *l = owner;

	if (l->is_over)
		return;
	if (l->is_lingering) {
		link_discard(l);
		return;
	}
	if ((ready & READY_READ) != 0 && l->is_read_over)
		link_look(l);
	else if ((ready & READY_READ) != 0)
		link_read(l);
	if (ready & READY_WRITE)
		link_wake(l);
}

/* Writes what lies in out. An origin that takes no more may have answered already: then out goes nowhere and reading goes on. */
static void link_flush(struct link *l)
{
	struct codec *c = l->codec;
	size_t n = 0;

	if (c->out.len == 0)
		return;
	if (!l->is_write_broken && transport_write(l->transport, &c->out, &n) == IO_FAILED) {
		l->is_write_broken = true;
		/* One that had ended its side in order is gone for good now, and the codec has heard of the end only. */
		if (l->role == LINK_CLIENT && l->is_eof_told)
			codec_eof(c, ERR_cancelled);
		else if (l->role == LINK_CLIENT)
			link_broke(l, ERR_cancelled);
	}
	if (l->is_write_broken) {
		n += c->out.len;
		bufq_clear(&c->out);
	}
	if (n > 0)
		codec_flushed(c);
}

static void link_on_linger(void *owner)
{
	link_end(owner, false);
}

/* The codec wants no more of the transport and all is written. */
static void link_close(struct link *l)
{
	if (l->role == LINK_UPSTREAM || l->is_read_over || l->is_write_broken) {
		link_end(l, false);
		return;
	}
	l->is_lingering = true;
	l->linger_since_us = loop_now_us(l->loop);
	if (!l->is_shut)
		transport_shut(l->transport);
	transport_watch(l->transport, READY_READ);
	timer_set(&l->linger, LINGER_MS);
}

/* Ends or shuts the transport as the codec asks. True if the link must not be used on. */
static bool link_obey(struct link *l)
{
	struct codec *c = l->codec;

	if (c->wants_abort && !l->is_busy) {
		link_end(l, true);
		return true;
	}
	if (c->out.len > 0)
		return false;
	if ((c->wants_close || codec_is_done(c)) && !l->is_busy) {
		link_close(l);
		return true;
	}
	if (c->wants_shut && !l->is_shut) {
		l->is_shut = true;
		transport_shut(l->transport);
	}
	return false;
}

/* Waits until there is memory again. */
static void link_stall(struct link *l)
{
	struct link_budget *b = l->budget;

	if (list_is_linked(&l->stalled))
		return;
	list_append(&b->stalled, &l->stalled);
	if (b->on_stall != NULL)
		b->on_stall(b->owner);
}

static void link_watch(struct link *l)
{
	unsigned wanted = 0;

	if (!l->is_read_over && codec_wants_input(l->codec)) {
		/* An idle link holds no memory; only those in the middle of something wait for the budget. */
		if (!link_budget_is_exhausted(l->budget) || codec_is_idle(l->codec))
			wanted |= READY_READ;
		else
			link_stall(l);
	}
	if (l->codec->out.len > 0 && !l->is_write_broken)
		wanted |= READY_WRITE;
	transport_watch(l->transport, wanted);
}

static void link_run(void *owner)
{
	struct link *l = owner;

	if (l->is_over || l->is_lingering)
		return;
	if (l->in.len > 0)
		codec_feed(l->codec, &l->in);
	link_tell_eof(l);
	link_flush(l);
	if (link_obey(l))
		return;
	link_watch(l);
	l->events->on_update(l->owner);
}

void link_init(struct link *l, enum link_role role, struct loop *loop, struct transport *t, struct link_budget *budget,
	const struct link_events *events, void *owner)
{
	*l = (struct link){.role = role, .loop = loop, .transport = t, .budget = budget, .events = events, .owner = owner};
	bufq_init(&l->in, budget->pool);
	task_init(&l->task, link_run, l);
	timer_init(&l->linger, loop, link_on_linger, l);
	list_init(&l->stalled);
	t->on_ready = link_on_ready;
	t->owner = l;
	link_wake(l);
}
