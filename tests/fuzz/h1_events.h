/* For the fuzzers of the codecs: what came out of a codec, as text that can be compared. */
#ifndef VIADUCT_TESTS_H1_EVENTS_H
#define VIADUCT_TESTS_H1_EVENTS_H

#include "../unit/h1_wire.h"

static inline void print_bytes(FILE *to, struct str s)
{
	fprintf(to, "%zu:", s.len);
	if (s.len > 0)
		fwrite(s.p, 1, s.len, to);
	fputc('\n', to);
}

static inline void print_fields(FILE *to, const struct fields *f)
{
	for (size_t i = 0; i < f->n; i++) {
		print_bytes(to, f->v[i].name);
		print_bytes(to, f->v[i].value);
	}
}

static inline void print_head(FILE *to, const struct message *m)
{
	if (!m)
		return;
	fprintf(to, "%d %d %d\n", m->version, m->method, m->status);
	print_bytes(to, m->target);
	print_bytes(to, m->reason);
	print_fields(to, &m->fields);
	print_fields(to, &m->trailers);
}

/* Everything that the owner can see of a stream that is complete or broken. */
static inline void print_stream(FILE *to, struct wire *w)
{
	struct stream *s = w->stream;
	size_t n = s->in.len;
	char *body = wire_take(&s->in);

	fprintf(to, "%s %d %d %llu\n", error_name(s->error), s->in_end, s->framing.kind, (unsigned long long)s->framing.length);
	print_head(to, s->head);
	print_bytes(to, (struct str){body, n});
	free(body);
}

/* Runs both ways of feeding and requires the same text of both. */
static inline void require_same_events(void (*run)(FILE *to, struct str bytes, size_t piece), struct str bytes, size_t piece)
{
	char *text[2];
	size_t size[2];

	for (int i = 0; i < 2; i++) {
		FILE *to = open_memstream(&text[i], &size[i]);

		if (!to)
			abort();
		run(to, bytes, i == 0 ? 0 : piece);
		fclose(to);
	}
	if (size[0] != size[1] || memcmp(text[0], text[1], size[0]) != 0) {
		fprintf(stderr, "whole:\n%s\npieces of %zu:\n%s\n", text[0], piece, text[1]);
		abort();
	}
	free(text[0]);
	free(text[1]);
}

/* Small limits, so that a short input reaches them. */
static inline struct codec_limits limits_tight(void)
{
	return (struct codec_limits){
		.request_line = 100,
		.head = 300,
		.fields = 8,
		.chunk_line = 40,
		.chunk_extensions = 80,
		.trailers = 80,
		.trailer_fields = 3,
		.empty_lines = 2,
		.interim = 3,
		.buffer = 64,
		.arena = 4096,
	};
}

#endif
