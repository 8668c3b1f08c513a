/* The chunk decoder: whole and in pieces it must come to the same end with the same body. */
#include "http/chunked.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const struct chunked_limits limits = {.line = 64, .extensions = 128, .trailers = 128, .trailer_fields = 4};

/* Feeds pieces of `piece` bytes; body must be empty before. */
static enum chunked_verdict decode(struct bufpool *pool, const uint8_t *bytes, size_t size, size_t piece, struct bufq *body,
	size_t *ret_left)
{
	enum chunked_verdict v = CHUNKED_MORE;
	const char *why = NULL;
	struct chunked k;
	struct bufq in;
	size_t at = 0;

	bufq_init(&in, pool);
	chunked_init(&k, &limits);
	while (at < size && v == CHUNKED_MORE) {
		size_t n = piece < size - at ? piece : size - at;

		bufq_append(&in, bytes + at, n);
		at += n;
		v = chunked_read(&k, &in, body, SIZE_MAX, &why);
	}
	if (v == CHUNKED_TRAILERS)
		bufq_drain(&in, k.trailers.taken);
	if (v == CHUNKED_BAD && !why)
		abort();
	*ret_left = size - at + in.len;
	bufq_clear(&in);
	return v;
}

static void require_same(const struct bufq *a, const struct bufq *b)
{
	char *one = malloc(a->len + 1), *other = malloc(b->len + 1);

	if (!one || !other || a->len != b->len)
		abort();
	bufq_copy(a, 0, one, a->len);
	bufq_copy(b, 0, other, b->len);
	if (memcmp(one, other, a->len) != 0)
		abort();
	free(one);
	free(other);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct bufpool *pool = bufpool_new(1 << 16);
	struct bufq whole, pieces;
	size_t left_whole, left_pieces;
	size_t piece = size > 0 ? 1 + bytes[0] % 7 : 1;
	enum chunked_verdict v;

	bufq_init(&whole, pool);
	bufq_init(&pieces, pool);
	v = decode(pool, bytes, size, size, &whole, &left_whole);
	if (v != decode(pool, bytes, size, piece, &pieces, &left_pieces))
		abort();
	require_same(&whole, &pieces);
	if (v == CHUNKED_TRAILERS && left_whole != left_pieces)
		abort();
	bufq_clear(&whole);
	bufq_clear(&pieces);
	bufpool_free(pool);
	return 0;
}
