/* What both roles of HTTP/1.1 share on the receiving side, and the life of the codec. See h1_part.h for who does what. */
#include "http/h1.h"

#include "base/clock.h"
#include "base/mem.h"
#include "http/h1_part.h"

#include <stddef.h>
#include <stdio.h>

struct h1 *h1_new(struct bufpool *pool, const struct codec_limits *limits, const struct codec_events *events, void *owner,
	const struct codec_ops *ops, const struct h1_role *role)
{
	struct h1 *h = mem_calloc(1, sizeof(*h));

	h->codec.ops = ops;
	h->codec.events = events;
	h->codec.owner = owner;
	h->role = role;
	h->limits = *limits;
	h->pool = pool;
	bufq_init(&h->codec.out, pool);
	bufq_init(&h->stream.in, pool);
	return h;
}

struct h1 *h1_of(const struct stream *s)
{
	return (struct h1 *)(void *)((char *)(uintptr_t)s - offsetof(struct h1, stream));
}

static struct h1 *h1_of_codec(const struct codec *c)
{
	return (struct h1 *)(uintptr_t)c;
}

void h1_free(struct codec *c)
{
	struct h1 *h = h1_of_codec(c);

	bufq_clear(&h->codec.out);
	bufq_clear(&h->stream.in);
	mem_free(h);
}

void h1_begin(struct h1 *h, const struct stream_ops *ops, struct arena *a)
{
	h->stream = (struct stream){.ops = ops, .arena = a};
	bufq_init(&h->stream.in, h->pool);
	h->is_open = true;
	h->is_full = false;
	h->has_head = false;
	h->is_out_full = false;
	h->is_short = false;
	h->sent_100 = false;
	h->out_kind = BODY_NONE;
	h->out_left = 0;
	h->out_start = h->out_total;
}

void h1_release(struct h1 *h)
{
	h->is_open = false;
	h->is_full = false;
	h->stream.on_change = NULL;
	bufq_clear(&h->stream.in);
}

void h1_changed(struct h1 *h)
{
	if (h->is_open && h->stream.on_change)
		h->stream.on_change(h->stream.owner);
}

void h1_active(struct h1 *h)
{
	if (h->codec.events->on_activity)
		h->codec.events->on_activity(h->codec.owner);
}

void h1_fail(struct h1 *h, enum error error, const char *why)
{
	struct stream *s = &h->stream;

	h->state = H1_DEAD;
	h->is_last = true;
	if (s->error == ERR_none) {
		s->error = error;
		snprintf(s->detail, sizeof(s->detail), "%s", why ? why : "");
	}
	h1_changed(h);
}

void h1_finish(struct h1 *h)
{
	h->state = H1_DEAD;
	h->is_last = true;
	h->is_done = true;
	h->codec.wants_close = true;
	h->codec.got_bytes = false;
	h1_active(h);
}

void h1_abort(struct h1 *h)
{
	h->codec.wants_abort = true;
	h1_finish(h);
}

void h1_expect_head(struct h1 *h, const struct head_limits *limits)
{
	head_scan_init(&h->scan, limits);
	h->state = H1_HEAD;
	h->first_byte_us = 0;
}

bool h1_take_head(struct h1 *h, struct bufq *in, struct h1_head *ret)
{
	size_t n = h->scan.taken;
	char *text = arena_alloc(h->stream.arena, n);

	if (!text)
		return false;
	bufq_copy(in, 0, text, n);
	*ret = (struct h1_head){
		.text = {text, n},
		.lines = h->scan.lines,
		.first_line = h->scan.first_line,
		.has_controls = h->scan.has_controls,
	};
	return true;
}

void h1_begin_body(struct h1 *h)
{
	if (h->stream.framing.kind == BODY_RAW) {
		h->state = H1_SWITCH;
	} else if (h1_body_init(&h->body, &h->stream.framing, &h->limits)) {
		h->state = H1_BODY;
	} else {
		h->state = H1_END;
		h->stream.in_end = true;
	}
}

bool h1_read_body(struct h1 *h, struct bufq *in)
{
	struct stream *s = &h->stream;
	size_t before = s->in.len, size = in->len;
	enum h1_body_verdict v;
	const char *why = NULL;

	if (h->is_full || size == 0)
		return false;
	v = h1_body_read(&h->body, in, &s->in, h->limits.buffer - before, s->arena, s->head, &why);
	s->in_bytes += s->in.len - before;
	h->is_full = s->in.len >= h->limits.buffer;
	if (v == H1_BODY_BAD) {
		h1_fail(h, h->role->body_error, why);
		return true;
	}
	if (v == H1_BODY_END) {
		h->state = H1_END;
		s->in_end = true;
	}
	if (v == H1_BODY_END || s->in.len > before)
		h1_changed(h);
	return v == H1_BODY_END;
}

void h1_read_raw(struct h1 *h, struct bufq *in)
{
	struct stream *s = &h->stream;
	size_t n;

	if (h->is_full || in->len == 0)
		return;
	n = bufq_move(&s->in, in, h->limits.buffer - s->in.len);
	s->in_bytes += n;
	h->is_full = s->in.len >= h->limits.buffer;
	if (n > 0)
		h1_changed(h);
}

void h1_go_raw(struct h1 *h)
{
	h->stream.is_raw = true;
	h->stream.in_end = false;
	/* the message that asked for it has ended; the channel begins */
	h->stream.out_end = false;
	h->stream.is_sent = false;
	h->state = H1_RAW;
	h->out_kind = BODY_RAW;
	h->has_head = true;
	h->is_last = true;
	if (h->is_eof && !h->is_waiting)
		h->role->ended(h, ERR_none);
	h1_active(h);
}

void h1_raw_ended(struct h1 *h)
{
	if (h->stream.in_end)
		return;
	h->stream.in_end = true;
	h1_check_raw_end(h);
	h1_changed(h);
}

void h1_check_raw_end(struct h1 *h)
{
	if (h->stream.is_raw && h->stream.in_end && h->stream.out_end && !h->is_done) {
		h->is_done = true;
		h->codec.wants_close = true;
		h1_active(h);
	}
}

/* Bytes that are left over and that more input would not help with. */
static bool waits(const struct h1 *h, const struct bufq *in)
{
	if (in->len == 0)
		return false;
	return h->is_full || h->state == H1_END || h->state == H1_SWITCH || (h->state == H1_HEAD && h->stream.interim);
}

/* The transport was shut in order behind the stream's message; requests that wait behind it were sent before that. */
static void tell_shut(struct h1 *h)
{
	struct stream *s = &h->stream;

	if (!h->role->tells_shut || !h->is_eof || h->is_broken || !h->is_open || !s->in_end || s->is_raw || s->is_peer_shut)
		return;
	s->is_peer_shut = true;
	h1_changed(h);
}

void h1_feed(struct codec *c, struct bufq *in)
{
	struct h1 *h = h1_of_codec(c);
	bool wanted = h1_wants_input(c);

	while (h->state != H1_DEAD && h->role->step(h, in))
		;
	if (h->state == H1_DEAD)
		bufq_drain(in, in->len);
	h->is_waiting = waits(h, in);
	if (h->is_eof && !h->is_waiting)
		h->role->ended(h, ERR_none);
	tell_shut(h);
	if (h1_wants_input(c) != wanted)
		h1_active(h);
}

void h1_eof(struct codec *c, enum error error)
{
	struct h1 *h = h1_of_codec(c);

	h->is_eof = true;
	if (error != ERR_none) {
		h->is_broken = true;
		h->is_waiting = false;
		h->role->ended(h, error);
		h1_abort(h);
	} else if (!h->is_waiting) {
		h->role->ended(h, ERR_none);
	}
	tell_shut(h);
}

bool h1_wants_input(const struct codec *c)
{
	const struct h1 *h = h1_of_codec(c);

	return !h->is_done && !h->is_eof && !h->is_full && !h->is_waiting && h->state != H1_DEAD;
}

bool h1_is_done(const struct codec *c)
{
	return h1_of_codec(c)->is_done;
}
