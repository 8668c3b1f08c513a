/* The client codec: any bytes, whole and in pieces, give the same responses, bodies and errors. The first byte chooses the
 * request and the size of the pieces. */
#include "h1_events.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Takes interim responses and body bytes. True if something happened. */
static bool take(FILE *to, struct wire *w, struct bufq *body)
{
	struct stream *s = w->stream;
	bool had_interim = s->interim != NULL;
	size_t taken = bufq_move(body, &s->in, s->in.len);

	if (had_interim) {
		fprintf(to, "interim\n");
		print_head(to, s->interim);
		s->interim = NULL;
	}
	stream_took(s);
	if (s->framing.kind == BODY_RAW && s->head && !s->is_raw && s->error == ERR_none) {
		stream_make_raw(s);
		return true;
	}
	return taken > 0 || had_interim;
}

static void run_asking(FILE *to, struct str bytes, size_t piece, uint8_t choice)
{
	static const enum method methods[] = {METHOD_GET, METHOD_HEAD, METHOD_CONNECT, METHOD_GET};
	static const struct str names[] = {{"GET", 3}, {"HEAD", 4}, {"CONNECT", 7}, {"GET", 3}};
	struct body_plan plan = {.kind = BODY_NONE, .is_upgrade = choice == 3};
	struct codec_limits l = limits_tight();
	struct bufq body;
	struct wire w;
	size_t at = 0;

	wire_client(&w, &l);
	bufq_init(&body, w.pool);
	wire_open(&w);
	wire_ask(&w, methods[choice], names[choice], &plan);
	while (at < bytes.len) {
		size_t n = piece > 0 && piece < bytes.len - at ? piece : bytes.len - at;

		wire_feed(&w, (struct str){bytes.p + at, n}, 0);
		at += n;
		while (take(to, &w, &body))
			codec_feed(w.codec, &w.in);
	}
	codec_eof(w.codec, ERR_none);
	while (take(to, &w, &body))
		codec_feed(w.codec, &w.in);
	bufq_move(&w.stream->in, &body, body.len);
	print_stream(to, &w);
	wire_close(&w, false);
	fprintf(to, "%d\n", codec_is_done(w.codec));
	wire_free(&w);
}

static void run_get(FILE *to, struct str bytes, size_t piece)
{
	run_asking(to, bytes, piece, 0);
}

static void run_head(FILE *to, struct str bytes, size_t piece)
{
	run_asking(to, bytes, piece, 1);
}

static void run_connect(FILE *to, struct str bytes, size_t piece)
{
	run_asking(to, bytes, piece, 2);
}

static void run_upgrade(FILE *to, struct str bytes, size_t piece)
{
	run_asking(to, bytes, piece, 3);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static void (*const runs[])(FILE *to, struct str bytes, size_t piece) = {run_get, run_head, run_connect, run_upgrade};

	if (size > 1)
		require_same_events(runs[bytes[0] % 4], (struct str){(const char *)bytes + 1, size - 1}, 1 + bytes[0] / 4 % 9);
	return 0;
}
