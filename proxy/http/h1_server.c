/* HTTP/1.1 towards clients (RFC 9112): requests in, responses out, one after the other; what is pipelined waits in the owner's
 * queue. Not for: what a request means, and which answer it gets. */
#include "base/clock.h"
#include "http/h1.h"
#include "http/h1_part.h"

#include <string.h>

enum { REJECTED_BYTES = 256, DRAIN_BYTES = 64 * 1024, VERSION_TAIL = 9 };

static void server_send_head(struct stream *s, const struct message *m, const struct body_plan *plan);
static void server_send_interim(struct stream *s, const struct message *m);
static void server_make_raw(struct stream *s);
static void server_close(struct stream *s, bool abort);

static const struct stream_ops server_stream_ops = {
	.send_head = server_send_head,
	.send_interim = server_send_interim,
	.room = h1_room,
	.send = h1_send,
	.end = h1_end,
	.took = h1_took,
	.make_raw = server_make_raw,
	.close = server_close,
};

static void expect_request(struct h1 *h)
{
	struct head_limits limits = {
		.line = h->limits.request_line,
		.bytes = h->limits.head,
		.lines = h->limits.fields + 1,
		.empty = h->limits.empty_lines,
	};

	h1_expect_head(h, &limits);
	h->codec.got_bytes = false;
}

static void announce(struct h1 *h)
{
	h->stream.first_byte_us = h->first_byte_us;
	h->stream.head_us = clock_mono_us();
	h->codec.got_bytes = false;
	h->codec.events->on_stream(h->codec.owner, &h->stream);
}

/* A stream that has nothing but an error; its raw bytes are for the record. Nothing more is read from this client. */
static void reject(struct h1 *h, struct bufq *in, enum error error, const char *why)
{
	struct stream *s = &h->stream;
	size_t n = in->len < REJECTED_BYTES ? in->len : REJECTED_BYTES;
	char *text = n > 0 ? arena_alloc(s->arena, n) : NULL;

	if (text)
		s->rejected = (struct str){text, bufq_copy(in, 0, text, n)};
	h1_fail(h, error, why);
	announce(h);
}

/* The whole head lies in front of the queue. */
static void accept_head(struct h1 *h, struct bufq *in)
{
	struct stream *s = &h->stream;
	struct h1_parsed parsed = {.why = "the head does not fit into limits.arena"};
	struct h1_head head;
	enum error error = ERR_head_too_large;

	s->head_in_bytes = h->scan.taken;
	if (h1_take_head(h, in, &head))
		error = h1_parse_request(s->arena, &head, &parsed);
	if (error == ERR_none) {
		s->head = parsed.message;
		parsed.why = NULL;
		error = framing_of_request(s->head, &s->framing);
		if (error == ERR_none && !h1_parse_agrees(&parsed, &s->framing))
			error = ERR_bad_framing;
	}
	if (error != ERR_none) {
		reject(h, in, error, parsed.why);
		return;
	}
	bufq_drain(in, h->scan.taken);
	h1_begin_body(h);
	announce(h);
}

/* The usual slips are told by their first byte: a proxy URL with https:// or socks://. */
static const char *what_it_is(struct str begin)
{
	if (begin.len > 0 && begin.p[0] == 0x16)
		return "this is TLS; the proxy itself is reached by http://";
	if (begin.len > 0 && (begin.p[0] == 0x04 || begin.p[0] == 0x05))
		return "this is SOCKS; the proxy is an HTTP proxy";
	return "a NUL, a lone CR or LF, or a line that begins with a space";
}

/* What head_scan struck on. */
static void reject_scanned(struct h1 *h, struct bufq *in, enum head_verdict v)
{
	switch (v) {
	case HEAD_LINE_LONG:
		reject(h, in, ERR_request_line_too_long, NULL);
		break;
	case HEAD_LONG:
		reject(h, in, ERR_head_too_large, NULL);
		break;
	case HEAD_MANY:
		reject(h, in, ERR_too_many_fields, NULL);
		break;
	case HEAD_EMPTY:
		reject(h, in, ERR_bad_request, "too many empty lines before the request");
		break;
	case HEAD_LINE:
		reject(h, in, ERR_bad_request, "the request line has no version");
		break;
	default:
		reject(h, in, ERR_bad_request, what_it_is(bufq_front(in)));
		break;
	}
}

/* Looked at as soon as the line is there: from HTTP/0.9 nothing more would come. */
static bool line_is_fine(const struct h1 *h, const struct bufq *in)
{
	char tail[VERSION_TAIL];
	size_t n = h->scan.first_line < VERSION_TAIL ? h->scan.first_line : VERSION_TAIL;

	bufq_copy(in, h->scan.first_line - n, tail, n);
	return h1_line_has_version((struct str){tail, n});
}

static bool read_head(struct h1 *h, struct bufq *in)
{
	enum head_verdict v = head_scan(&h->scan, in);

	if (v == HEAD_LINE && line_is_fine(h, in))
		v = head_scan(&h->scan, in);
	/* empty lines in front are no request yet: the transport stays idle */
	if (h->first_byte_us == 0 && (h->scan.lines > 0 || h->scan.line_bytes > 0 || v != HEAD_MORE)) {
		h->first_byte_us = clock_mono_us();
		h->codec.got_bytes = true;
	}
	if (v == HEAD_MORE)
		return false;
	h1_begin(h, &server_stream_ops, arena_new(h->limits.arena));
	if (v == HEAD_WHOLE)
		accept_head(h, in);
	else
		reject_scanned(h, in, v);
	return true;
}

/* The rest of an unwanted body goes nowhere; more than the bound of it ends the transport. */
static bool drain(struct h1 *h, struct bufq *in)
{
	size_t before = in->len;
	const char *why;
	enum h1_body_verdict v = h1_body_read(&h->body, in, &h->stream.in, h->drain_left, NULL, NULL, &why);
	size_t taken = before - in->len;

	bufq_clear(&h->stream.in);
	if (v == H1_BODY_END && taken <= h->drain_left) {
		expect_request(h);
		return true;
	}
	if (v != H1_BODY_MORE || taken >= h->drain_left)
		h1_finish(h);
	else
		h->drain_left -= taken;
	return false;
}

static bool server_step(struct h1 *h, struct bufq *in)
{
	switch (h->state) {
	case H1_HEAD:
		return in->len > 0 && read_head(h, in);
	case H1_BODY:
		return h1_read_body(h, in);
	case H1_RAW:
		h1_read_raw(h, in);
		return false;
	case H1_DRAIN:
		return in->len > 0 && drain(h, in);
	case H1_END:
	case H1_SWITCH:
	case H1_DEAD:
		break;
	}
	return false;
}

static void server_ended(struct h1 *h, enum error error)
{
	switch (h->state) {
	case H1_HEAD:
	case H1_DRAIN:
		h1_finish(h);
		return;
	case H1_BODY:
		h1_fail(h, ERR_cancelled, "the client closed in the middle of its request");
		return;
	case H1_RAW:
		if (error == ERR_none) {
			h1_raw_ended(h);
			return;
		}
		break;
	case H1_END:
	case H1_SWITCH:
	case H1_DEAD:
		h->is_last = true;
		break;
	}
	if (error != ERR_none && h->is_open)
		h1_fail(h, ERR_cancelled, "the client broke off");
}

static bool has_no_content(int status)
{
	return status / 100 == 1 || status == 204;
}

/* How the body goes out, given what the client understands. */
static void choose_body(struct h1 *h, const struct message *m, const struct body_plan *plan, struct sent_framing *f)
{
	const struct message *request = h->stream.head;
	bool is_1_0 = request && request->version == VERSION_1_0;
	bool is_head_only = plan->is_head_only || m->status == 304 || (request && request->method == METHOD_HEAD);

	h->out_kind = BODY_NONE;
	if (has_no_content(m->status))
		return;
	switch (plan->kind) {
	case BODY_NONE:
		f->has_length = !is_head_only;
		break;
	case BODY_LENGTH:
		f->has_length = true;
		f->length = plan->length;
		h->out_left = plan->length;
		h->out_kind = is_head_only ? BODY_NONE : BODY_LENGTH;
		break;
	case BODY_CHUNKED:
	case BODY_CLOSE:
		f->is_chunked = !is_1_0;
		h->is_last |= is_1_0;
		if (!is_head_only)
			h->out_kind = is_1_0 ? BODY_CLOSE : BODY_CHUNKED;
		break;
	case BODY_RAW:
		break;
	}
}

/* Whether the transport must end after this response. */
static bool must_close(const struct h1 *h, const struct body_plan *plan)
{
	const struct stream *s = &h->stream;

	if (plan->close || !s->head || s->error != ERR_none || !s->framing.keep_alive)
		return true;
	if (s->head->method == METHOD_CONNECT)
		return true; /* refused: what follows may have been meant for the tunnel */
	/* the client may or may not send the body that it was not asked for */
	return s->framing.expects_100 && !h->sent_100 && h->state == H1_BODY && s->in_bytes == 0;
}

static void server_send_head(struct stream *s, const struct message *m, const struct body_plan *plan)
{
	struct h1 *h = h1_of(s);
	struct sent_framing f = {0};
	bool is_raw = plan->kind == BODY_RAW;

	if (h->has_head)
		return;
	if (is_raw && h->state != H1_END) {
		h1_fail(h, ERR_internal, "raw before the end of the request");
		return;
	}
	choose_body(h, m, plan, &f);
	h->is_last |= !is_raw && must_close(h, plan);
	f.close = h->is_last && !is_raw;
	f.keep_alive = !h->is_last && !is_raw && s->head->version == VERSION_1_0;
	f.upgrade = plan->is_upgrade || m->status == 101;
	h->has_head = true;
	h1_put_head(h, m, &f);
	if (is_raw)
		h1_go_raw(h);
}

static void server_send_interim(struct stream *s, const struct message *m)
{
	struct h1 *h = h1_of(s);
	struct sent_framing none = {0};

	if (h->has_head || !s->head || s->head->version == VERSION_1_0 || m->status / 100 != 1 || m->status == 101)
		return;
	h->sent_100 |= m->status == 100;
	h1_put_head(h, m, &none);
}

/* Here the head decides (BODY_RAW), so that raw bytes cannot overtake it. */
static void server_make_raw(struct stream *s)
{
	(void)s;
}

/* The response is out, the request is not in. */
static void begin_drain(struct h1 *h)
{
	if (h->body.kind == BODY_LENGTH && h->body.left > DRAIN_BYTES) {
		h1_finish(h);
		return;
	}
	h->state = H1_DRAIN;
	h->drain_left = DRAIN_BYTES;
}

static void server_close(struct stream *s, bool abort)
{
	struct h1 *h = h1_of(s);

	h1_release(h);
	if (h->is_done && !abort)
		h1_active(h);
	else if (abort || (!s->is_raw && !h1_is_out_complete(h)))
		h1_abort(h);
	else if (h->is_last || h->state == H1_DEAD)
		h1_finish(h);
	else if (h->state == H1_BODY)
		begin_drain(h);
	else
		expect_request(h);
	h1_active(h);
}

static bool server_is_idle(const struct codec *c)
{
	const struct h1 *h = (const struct h1 *)(const void *)c;

	return !h->is_open && !h->is_done && !c->got_bytes && c->out.len == 0;
}

/* Streams come from clients. */
static struct stream *server_open(struct codec *c, struct arena *a)
{
	(void)c;
	(void)a;
	return NULL;
}

static void server_expire(struct codec *c, struct bufq *in, enum error error)
{
	struct h1 *h = (struct h1 *)(void *)c;

	/* Line ends between requests are no head. */
	if (h->state != H1_HEAD || h->is_open || in->len == 0 || strchr("\r\n", bufq_front(in).p[0]))
		return;
	h1_begin(h, &server_stream_ops, arena_new(h->limits.arena));
	reject(h, in, error, NULL);
}

static const struct codec_ops server_ops = {
	.feed = h1_feed,
	.eof = h1_eof,
	.flushed = h1_flushed,
	.wants_input = h1_wants_input,
	.is_idle = server_is_idle,
	.is_done = h1_is_done,
	.open = server_open,
	.expire = server_expire,
	.free = h1_free,
};

static const struct h1_role server_role = {
	.step = server_step,
	.ended = server_ended,
	.body_error = ERR_bad_chunk,
	.tells_shut = true,
};

struct codec *h1_server_new(struct bufpool *pool, const struct codec_limits *limits, const struct codec_events *events,
	void *owner)
{
	struct h1 *h = h1_new(pool, limits, events, owner, &server_ops, &server_role);

	expect_request(h);
	return &h->codec;
}
