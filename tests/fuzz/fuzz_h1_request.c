/* The server codec: any bytes, whole and in pieces, give the same requests, bodies and errors, and the same answers. */
#include "h1_events.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Takes the body and answers when the request is complete or broken. True if something happened. */
static bool serve(FILE *to, struct wire *w, struct bufq *body)
{
	struct body_plan plan = {.kind = BODY_CHUNKED};
	struct stream *s = w->stream;
	size_t taken;

	if (!s)
		return false;
	taken = bufq_move(body, &s->in, s->in.len);
	stream_took(s);
	if (!s->in_end && s->error == ERR_none)
		return taken > 0;
	bufq_move(&s->in, body, body->len);
	print_stream(to, w);
	stream_send_head(s, wire_response(s->arena, s->error == ERR_none ? 200 : 400), &plan);
	wire_send(w, STR("answer"));
	stream_end(s, NULL);
	free(wire_flush(w));
	wire_close(w, false);
	return true;
}

static void run(FILE *to, struct str bytes, size_t piece)
{
	struct codec_limits l = limits_tight();
	struct bufq body;
	struct wire w;
	size_t at = 0;

	wire_server(&w, &l);
	bufq_init(&body, w.pool);
	while (at < bytes.len) {
		size_t n = piece > 0 && piece < bytes.len - at ? piece : bytes.len - at;

		wire_feed(&w, (struct str){bytes.p + at, n}, 0);
		at += n;
		while (serve(to, &w, &body))
			codec_feed(w.codec, &w.in);
	}
	codec_eof(w.codec, ERR_none);
	while (serve(to, &w, &body))
		codec_feed(w.codec, &w.in);
	fprintf(to, "%d streams, %d %d\n", w.streams, codec_is_done(w.codec), w.codec->wants_abort);
	bufq_clear(&body);
	wire_free(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	if (size > 1)
		require_same_events(run, (struct str){(const char *)bytes + 1, size - 1}, 1 + bytes[0] % 9);
	return 0;
}
