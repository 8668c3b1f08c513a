/* br (RFC 7932), undone by libbrotlidec. Its windows are at most 16 MiB; the larger ones that are no part of the RFC stay
 * off. */
#include "base/mem.h"
#include "http/coding_part.h"

#include <brotli/decode.h>
#include <stdint.h>

/* Of the tables that belong to no window: 256 trees of each of three alphabets. */
enum { TABLE_BYTES = 4 * 1024 * 1024 };

struct brotli {
	BrotliDecoderState *state;
	size_t used_bytes, max_bytes;
	bool has_ended;
};

/* In front of each block, since it is given back without its size. */
union block_head {
	size_t bytes;
	max_align_t align;
};

static void *allocate(void *owner, size_t bytes)
{
	struct brotli *b = owner;
	union block_head *block;

	if (bytes > b->max_bytes - b->used_bytes)
		return NULL;
	block = mem_alloc(sizeof(*block) + bytes);
	block->bytes = bytes;
	b->used_bytes += bytes;
	return block + 1;
}

static void release(void *owner, void *p)
{
	struct brotli *b = owner;
	union block_head *block = p;

	if (!p)
		return;
	block--;
	b->used_bytes -= block->bytes;
	mem_free(block);
}

static void *brotli_make(size_t max_memory)
{
	struct brotli *b = mem_calloc(1, sizeof(*b));

	/* A window that grows is there twice for a moment: the old one, of half the size at most, and the new. */
	b->max_bytes = max_memory <= (SIZE_MAX - TABLE_BYTES) / 2 ? max_memory + max_memory / 2 + TABLE_BYTES : SIZE_MAX;
	b->state = BrotliDecoderCreateInstance(allocate, release, b);
	if (!b->state) {
		mem_free(b);
		return NULL;
	}
	return b;
}

static void brotli_free(void *decoder)
{
	struct brotli *b = decoder;

	BrotliDecoderDestroyInstance(b->state);
	mem_free(b);
}

static enum decode_step judge(const struct brotli *b)
{
	BrotliDecoderErrorCode code = BrotliDecoderGetErrorCode(b->state);

	if (code <= BROTLI_DECODER_ERROR_ALLOC_CONTEXT_MODES && code >= BROTLI_DECODER_ERROR_ALLOC_BLOCK_TYPE_TREES)
		return DECODE_NO_SPACE;
	return DECODE_FAULT;
}

static enum decode_step brotli_step(void *decoder, struct str *in, struct room *out)
{
	struct brotli *b = decoder;
	size_t in_left = in->len, out_left = out->size - out->n;
	const uint8_t *from = (const uint8_t *)in->p;
	uint8_t *to = (uint8_t *)out->p + out->n;
	BrotliDecoderResult result = BrotliDecoderDecompressStream(b->state, &in_left, &from, &out_left, &to, NULL);

	*in = str_from(*in, in->len - in_left);
	out->n = out->size - out_left;
	switch (result) {
	case BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT:
	case BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT:
		return DECODE_ON;
	case BROTLI_DECODER_RESULT_SUCCESS:
		b->has_ended = true;
		return DECODE_OVER;
	case BROTLI_DECODER_RESULT_ERROR:
		break;
	}
	return judge(b);
}

static bool brotli_is_whole(const void *decoder)
{
	return ((const struct brotli *)decoder)->has_ended;
}

const struct decoder_kind decoder_brotli = {brotli_make, brotli_step, brotli_is_whole, brotli_free};
