/* HTTP/1.1 towards origins (RFC 9112): one request out, its responses in, and again while both sides keep the transport alive.
 * Bytes that no request asked for end it: they must never become an answer to the next one. */
#include "base/clock.h"
#include "http/h1.h"
#include "http/h1_part.h"

#include <string.h>

static void client_send_head(struct stream *s, const struct message *m, const struct body_plan *plan);
static void client_send_interim(struct stream *s, const struct message *m);
static void client_make_raw(struct stream *s);
static void client_close(struct stream *s, bool abort);

static const struct stream_ops client_stream_ops = {
	.send_head = client_send_head,
	.send_interim = client_send_interim,
	.room = h1_room,
	.send = h1_send,
	.end = h1_end,
	.took = h1_took,
	.make_raw = client_make_raw,
	.close = client_close,
};

static void expect_response(struct h1 *h)
{
	struct head_limits limits = {.line = h->limits.head, .bytes = h->limits.head, .lines = h->limits.fields + 1};

	h1_expect_head(h, &limits);
	h->stream.first_byte_us = 0;
}

/* The protocol that the origin switches to must be one that was asked for. */
static bool is_asked_upgrade(const struct h1 *h, const struct message *m)
{
	struct str list = fields_value(&m->fields, STR("Upgrade")), item;
	bool is_asked = false;

	while (list.p && str_list_next(&list, &item)) {
		if (!str_list_has(h->upgrade, item))
			return false;
		is_asked = true;
	}
	return is_asked && fields_count(&m->fields, STR("Upgrade")) == 1;
}

static void take_interim(struct h1 *h, struct message *m)
{
	if (++h->interims > h->limits.interim) {
		h1_fail(h, ERR_too_many_interim, NULL);
		return;
	}
	h->stream.interim = m;
	expect_response(h);
	h1_changed(h);
}

static void take_final(struct h1 *h, const struct h1_parsed *parsed, const struct framing *framing, size_t size)
{
	struct stream *s = &h->stream;

	if (parsed->message->status == 101 && !is_asked_upgrade(h, parsed->message)) {
		h1_fail(h, ERR_upgrade_unasked, "the 101 names another protocol");
		return;
	}
	s->head = parsed->message;
	s->framing = *framing;
	s->head_in_bytes = size;
	s->head_us = clock_mono_us();
	h->is_last |= !framing->keep_alive;
	h1_begin_body(h);
	h1_changed(h);
}

/* The whole head lies in front of the queue. */
static void accept_head(struct h1 *h, struct bufq *in)
{
	struct h1_parsed parsed = {.why = "the head does not fit into limits.arena"};
	struct framing framing;
	struct h1_head head;
	size_t size = h->scan.taken;
	enum error error = ERR_response_head_too_large;

	if (h1_take_head(h, in, &head))
		error = h1_parse_response(h->stream.arena, &head, &parsed);
	if (error == ERR_none) {
		parsed.why = NULL;
		error = framing_of_response(parsed.message, h->asked, h->asked_upgrade, &framing);
		if (error == ERR_none && !h1_parse_agrees(&parsed, &framing))
			error = ERR_response_framing;
	}
	if (error != ERR_none) {
		h1_fail(h, error, parsed.why);
		return;
	}
	bufq_drain(in, size);
	if (parsed.message->status / 100 == 1 && parsed.message->status != 101)
		take_interim(h, parsed.message);
	else
		take_final(h, &parsed, &framing, size);
}

/* Something that is not HTTP/1 is told at once: a server of another kind would wait for us now. */
static bool begins_like_http(const struct bufq *in)
{
	static const char begin[] = "HTTP/1.";
	char bytes[sizeof(begin) - 1];
	size_t n = bufq_copy(in, 0, bytes, sizeof(bytes));

	return memcmp(bytes, begin, n) == 0;
}

static void fail_scanned(struct h1 *h, enum head_verdict v)
{
	if (v == HEAD_LONG || v == HEAD_LINE_LONG || v == HEAD_MANY)
		h1_fail(h, ERR_response_head_too_large, v == HEAD_MANY ? "too many fields" : "too many bytes");
	else
		h1_fail(h, ERR_response_malformed, "an empty line, a NUL, a lone CR or LF, or a line that begins with a space");
}

static bool read_head(struct h1 *h, struct bufq *in)
{
	enum head_verdict v;

	if (h1_left_for_good(h) == 0) {
		h1_fail(h, ERR_origin_closed, "the origin sent something before it was asked");
		return true;
	}
	h->got_reply = true;
	if (h->first_byte_us == 0)
		h->first_byte_us = h->stream.first_byte_us = clock_mono_us();
	if (h->scan.lines == 0 && !begins_like_http(in)) {
		h1_fail(h, ERR_response_malformed, "it does not begin with HTTP/1");
		return true;
	}
	v = head_scan(&h->scan, in);
	if (v == HEAD_LINE)
		v = head_scan(&h->scan, in);
	if (v == HEAD_MORE)
		return false;
	if (v == HEAD_WHOLE)
		accept_head(h, in);
	else
		fail_scanned(h, v);
	return true;
}

static bool client_step(struct h1 *h, struct bufq *in)
{
	if (in->len == 0)
		return false;
	if (!h->is_open) {
		h1_finish(h);
		return false;
	}
	switch (h->state) {
	case H1_HEAD:
		return !h->stream.interim && read_head(h, in);
	case H1_BODY:
		return h1_read_body(h, in);
	case H1_END:
		/* extra bytes are never a response of their own (RFC 9112 section 6.3) */
		h->is_last = true;
		bufq_drain(in, in->len);
		break;
	case H1_RAW:
		h1_read_raw(h, in);
		break;
	case H1_SWITCH:
	case H1_DRAIN:
	case H1_DEAD:
		break;
	}
	return false;
}

/* In the middle of a body, or at the end of one that ends so. */
static void body_ended(struct h1 *h, enum error error)
{
	if (h->body.kind != BODY_CLOSE || error != ERR_none) {
		h1_fail(h, ERR_response_incomplete, error != ERR_none ? error_row(error)->sentence : NULL);
		return;
	}
	h->state = H1_END;
	h->stream.in_end = true;
	h1_changed(h);
}

static void client_ended(struct h1 *h, enum error error)
{
	const char *why = error != ERR_none ? error_row(error)->sentence : NULL;

	h->is_last = true;
	if (!h->is_open) {
		h1_finish(h);
		return;
	}
	switch (h->state) {
	case H1_HEAD:
		h1_fail(h, h->got_reply ? ERR_response_incomplete : ERR_origin_closed, why);
		break;
	case H1_BODY:
		body_ended(h, error);
		break;
	case H1_SWITCH:
	case H1_RAW:
		if (error != ERR_none)
			h1_fail(h, ERR_tunnel_broken, why);
		else if (h->state == H1_RAW)
			h1_raw_ended(h);
		break;
	case H1_END: /* the response is whole: what becomes of the transport does not change it */
	case H1_DRAIN:
	case H1_DEAD:
		break;
	}
}

static void choose_body(struct h1 *h, const struct body_plan *plan, struct sent_framing *f)
{
	h->out_kind = BODY_NONE;
	switch (plan->kind) {
	case BODY_LENGTH:
		f->has_length = true;
		f->length = plan->length;
		h->out_left = plan->length;
		h->out_kind = BODY_LENGTH;
		break;
	case BODY_CHUNKED:
	case BODY_CLOSE:
		f->is_chunked = true;
		h->out_kind = BODY_CHUNKED;
		break;
	case BODY_NONE:
	case BODY_RAW:
		break;
	}
}

static void client_send_head(struct stream *s, const struct message *m, const struct body_plan *plan)
{
	struct h1 *h = h1_of(s);
	struct sent_framing f = {.close = plan->close, .upgrade = plan->is_upgrade};

	if (h->has_head)
		return;
	h->asked = m->method != METHOD_UNKNOWN ? m->method : method_of(m->method_name);
	h->asked_upgrade = plan->is_upgrade;
	h->upgrade = plan->is_upgrade ? arena_str(s->arena, fields_value(&m->fields, STR("Upgrade"))) : STR_NONE;
	h->is_last |= plan->close;
	choose_body(h, plan, &f);
	h->has_head = true;
	h1_put_head(h, m, &f);
}

/* Requests have no interim heads. */
static void client_send_interim(struct stream *s, const struct message *m)
{
	(void)s;
	(void)m;
}

static void client_make_raw(struct stream *s)
{
	struct h1 *h = h1_of(s);

	if (h->state == H1_SWITCH || (h->state == H1_HEAD && !h->has_head))
		h1_go_raw(h);
}

static void make_idle(struct h1 *h)
{
	expect_response(h);
	h->is_waiting = false;
	h->got_reply = false;
	h->interims = 0;
}

static void client_close(struct stream *s, bool abort)
{
	struct h1 *h = h1_of(s);
	bool is_untouched = !h->has_head && !h->got_reply && h->state == H1_HEAD;
	bool is_whole = h->state == H1_END && h1_is_out_complete(h);

	h1_release(h);
	if (h->is_done && !abort)
		h1_active(h);
	else if (abort || (!s->is_raw && !is_untouched && !is_whole))
		h1_abort(h);
	else if (s->is_raw || h->is_last || h->codec.out.len > 0)
		h1_finish(h);
	else
		make_idle(h);
	h1_active(h);
}

static bool client_is_idle(const struct codec *c)
{
	const struct h1 *h = (const struct h1 *)(const void *)c;

	return !h->is_open && !h->is_done && !h->is_last && c->out.len == 0;
}

static struct stream *client_open(struct codec *c, struct arena *a)
{
	struct h1 *h = (struct h1 *)(void *)c;

	if (!client_is_idle(c))
		return NULL;
	h1_begin(h, &client_stream_ops, a);
	make_idle(h);
	return &h->stream;
}

static const struct codec_ops client_ops = {
	.feed = h1_feed,
	.eof = h1_eof,
	.flushed = h1_flushed,
	.wants_input = h1_wants_input,
	.is_idle = client_is_idle,
	.is_done = h1_is_done,
	.open = client_open,
	.free = h1_free,
};

static const struct h1_role client_role = {
	.step = client_step,
	.ended = client_ended,
	.body_error = ERR_response_chunk,
};

struct codec *h1_client_new(struct bufpool *pool, const struct codec_limits *limits, const struct codec_events *events,
	void *owner)
{
	struct h1 *h = h1_new(pool, limits, events, owner, &client_ops, &client_role);

	make_idle(h);
	return &h->codec;
}
