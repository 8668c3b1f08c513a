/* Cuts a body out of what a transport gave (RFC 9112 section 6.3); bytes are moved, not copied. */
#include "http/h1_body.h"

#include "http/trailer.h"

bool h1_body_init(struct h1_body *b, const struct framing *framing, const struct codec_limits *limits)
{
	struct chunked_limits chunked = {
		.line = limits->chunk_line,
		.extensions = limits->chunk_extensions,
		.trailers = limits->trailers,
		.trailer_fields = limits->trailer_fields,
	};

	b->kind = framing->kind;
	b->left = framing->length;
	if (b->kind == BODY_CHUNKED)
		chunked_init(&b->chunked, &chunked);
	return b->kind == BODY_CHUNKED || b->kind == BODY_CLOSE || (b->kind == BODY_LENGTH && b->left > 0);
}

/* The trailer section is in front of the queue. */
static enum h1_body_verdict take_trailers(struct bufq *from, size_t n, struct arena *a, struct message *head,
	const char **ret_why)
{
	char *text;

	if (n > 2 && head) {
		*ret_why = "the trailers do not fit into limits.arena";
		text = arena_alloc(a, n);
		if (!text)
			return H1_BODY_BAD;
		bufq_copy(from, 0, text, n);
		if (!trailer_parse(a, (struct str){text, n}, head, ret_why))
			return H1_BODY_BAD;
	}
	bufq_drain(from, n);
	return H1_BODY_END;
}

enum h1_body_verdict h1_body_read(struct h1_body *b, struct bufq *from, struct bufq *to, size_t max, struct arena *a,
	struct message *head, const char **ret_why)
{
	if (b->kind == BODY_CHUNKED) {
		switch (chunked_read(&b->chunked, from, to, max, ret_why)) {
		case CHUNKED_MORE:
			return H1_BODY_MORE;
		case CHUNKED_TRAILERS:
			return take_trailers(from, b->chunked.trailers.taken, a, head, ret_why);
		case CHUNKED_BAD:
			break;
		}
		return H1_BODY_BAD;
	}
	if (b->kind == BODY_CLOSE) {
		bufq_move(to, from, max);
		return H1_BODY_MORE;
	}
	b->left -= bufq_move(to, from, b->left < max ? (size_t)b->left : max);
	return b->left > 0 ? H1_BODY_MORE : H1_BODY_END;
}
