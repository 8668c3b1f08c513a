/* What both roles of HTTP/1.1 share on the sending side: bodies into out under their declared framing, and marks. */
#include "http/h1_part.h"

/* Counts what was put into out since it had `before` bytes. */
static void count_out(struct h1 *h, size_t before)
{
	h->out_total += h->codec.out.len - before;
	if (h->codec.out.len >= h->limits.buffer)
		h->is_out_full = true;
	if (h->codec.out.len > before)
		h1_active(h);
}

void h1_put_head(struct h1 *h, const struct message *m, const struct sent_framing *framing)
{
	size_t before = h->codec.out.len;

	if (h->is_broken)
		return;
	h1_write_head(&h->codec.out, m, framing);
	h->stream.sent_framing = *framing;
	h->stream.head_out_bytes += h->codec.out.len - before;
	count_out(h, before);
}

uint64_t h1_left_for_good(const struct h1 *h)
{
	uint64_t left = h->out_total - h->codec.out.len;

	return left > h->out_start ? left - h->out_start : 0;
}

bool h1_is_out_complete(const struct h1 *h)
{
	return h->has_head && h->stream.out_end && !h->is_short && !h->is_broken;
}

size_t h1_room(const struct stream *s)
{
	const struct h1 *h = h1_of(s);

	if (!h->has_head || s->out_end || h->is_out_full || h->is_broken)
		return 0;
	return h->limits.buffer - h->codec.out.len;
}

size_t h1_send(struct stream *s, struct bufq *from, size_t max)
{
	struct h1 *h = h1_of(s);
	size_t n = max < from->len ? max : from->len;
	size_t before = h->codec.out.len;

	if (!h->has_head || s->out_end || h->is_broken || h->out_kind == BODY_NONE)
		return 0;
	if (h->out_kind == BODY_LENGTH && n > h->out_left)
		n = (size_t)h->out_left;
	if (n == 0)
		return 0;
	if (h->out_kind == BODY_CHUNKED)
		h1_write_chunk_line(&h->codec.out, n);
	n = bufq_move(&h->codec.out, from, n);
	if (h->out_kind == BODY_CHUNKED)
		bufq_append_str(&h->codec.out, STR("\r\n"));
	if (h->out_kind == BODY_LENGTH)
		h->out_left -= n;
	s->out_bytes += n;
	count_out(h, before);
	return n;
}

void h1_end(struct stream *s, const struct fields *trailers)
{
	struct h1 *h = h1_of(s);
	size_t before = h->codec.out.len;

	if (!h->has_head || s->out_end)
		return;
	s->out_end = true;
	if (h->out_kind == BODY_CHUNKED && !h->is_broken)
		h1_write_last_chunk(&h->codec.out, trailers);
	h->is_short = h->out_kind == BODY_LENGTH && h->out_left > 0;
	if (h->out_kind == BODY_RAW) {
		h->codec.wants_shut = true;
		h1_active(h);
		h1_check_raw_end(h);
	}
	count_out(h, before);
	if (h->is_short) {
		h1_fail(h, ERR_internal, "the message ended before its declared length");
		h1_abort(h);
	} else if (h->codec.out.len == 0 && !h->is_broken) {
		s->is_sent = true;
		h1_changed(h);
	}
}

void h1_took(struct stream *s)
{
	struct h1 *h = h1_of(s);

	if (h->is_full) {
		if (s->in.len > h->limits.buffer / 2)
			return;
		h->is_full = false;
		h1_active(h);
	} else if (h->is_waiting && h->state == H1_HEAD) {
		h1_active(h);
	}
}

void h1_flushed(struct codec *c)
{
	struct h1 *h = (struct h1 *)(void *)c;
	struct stream *s = &h->stream;
	bool changed = false;

	if (!h->is_open)
		return;
	if (h1_left_for_good(h) > 0)
		s->wrote = true;
	if (h->is_out_full && h->codec.out.len <= h->limits.buffer / 2) {
		h->is_out_full = false;
		changed = true;
	}
	if (s->out_end && !s->is_sent && h->codec.out.len == 0) {
		s->is_sent = true;
		changed = true;
	}
	if (changed)
		h1_changed(h);
}
