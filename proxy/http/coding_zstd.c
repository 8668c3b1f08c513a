/* zstd (RFC 8878: frames in a row, skippable ones among them), undone by libzstd. The formats of before the RFC, which the
 * library may still know, are no coding of HTTP. */
#include "base/mem.h"
#include "http/coding_part.h"

#include <zstd.h>
#include <zstd_errors.h>

enum {
	MAGIC_BYTES = 4,
	HEADER_BYTES = 14, /* of a frame's header behind that, at most */
	MIN_WINDOW_LOG = 10,
	MAX_WINDOW_LOG = 27
};

struct zstd {
	ZSTD_DStream *stream;
	struct opening opening;
	size_t header_left; /* bytes that may still be of the header */
	bool is_open;       /* inside of a frame */
	bool has_ended;     /* one at least was complete */
};

/* The largest window of at most so many bytes, as a power of two. */
static int window_log(size_t max_memory)
{
	int log = MIN_WINDOW_LOG;

	while (log < MAX_WINDOW_LOG && (size_t)1 << (log + 1) <= max_memory)
		log++;
	return log;
}

static void *zstd_make(size_t max_memory)
{
	struct zstd *z = mem_calloc(1, sizeof(*z));

	z->stream = ZSTD_createDStream();
	if (!z->stream || ZSTD_isError(ZSTD_DCtx_setParameter(z->stream, ZSTD_d_windowLogMax, window_log(max_memory)))) {
		ZSTD_freeDStream(z->stream);
		mem_free(z);
		return NULL;
	}
	return z;
}

static void zstd_free(void *decoder)
{
	struct zstd *z = decoder;

	ZSTD_freeDStream(z->stream);
	mem_free(z);
}

/* True if a frame, or one to be skipped, begins so, as far as its magic number is there (sections 3.1.1 and 3.1.2). */
static bool is_frame(const struct opening *o)
{
	static const unsigned char magics[][MAGIC_BYTES] = {{0x28, 0xb5, 0x2f, 0xfd}, {0x50, 0x2a, 0x4d, 0x18}};
	static const unsigned char masks[][MAGIC_BYTES] = {{0xff, 0xff, 0xff, 0xff}, {0xf0, 0xff, 0xff, 0xff}};

	for (size_t kind = 0; kind < 2; kind++) {
		size_t i = 0;

		while (i < o->n && (o->bytes[i] & masks[kind][i]) == magics[kind][i])
			i++;
		if (i == o->n)
			return true;
	}
	return false;
}

static enum decode_step run(struct zstd *z, struct str *in, struct room *out)
{
	ZSTD_inBuffer from = {in->p, in->len, 0};
	ZSTD_outBuffer to = {out->p, out->size, out->n};
	size_t left = ZSTD_decompressStream(z->stream, &to, &from);

	*in = str_from(*in, from.pos);
	out->n = to.pos;
	if (ZSTD_isError(left)) {
		ZSTD_ErrorCode code = ZSTD_getErrorCode(left);

		return code == ZSTD_error_frameParameter_windowTooLarge || code == ZSTD_error_memory_allocation
			? DECODE_NO_SPACE
			: DECODE_FAULT;
	}
	if (left == 0) {
		z->is_open = false;
		z->has_ended = true;
	}
	return DECODE_ON;
}

/* Begins a frame when its magic number has come. */
static enum decode_step open_frame(struct zstd *z, struct str *in, struct room *out)
{
	struct str magic = {(const char *)z->opening.bytes, MAGIC_BYTES};

	opening_fill(&z->opening, MAGIC_BYTES, in);
	if (!is_frame(&z->opening))
		return z->has_ended ? DECODE_OVER : DECODE_FAULT;
	if (z->opening.n < MAGIC_BYTES)
		return DECODE_ON;
	z->is_open = true;
	z->header_left = HEADER_BYTES;
	z->opening.n = 0;
	return run(z, &magic, out);
}

/* A header goes in byte by byte. Where the library is given the end of a header and what follows it, it looks if that is a
 * whole frame by itself, and if it is (one to be skipped, say) takes it for the one that it has begun. */
static enum decode_step zstd_step(void *decoder, struct str *in, struct room *out)
{
	struct zstd *z = decoder;
	struct str byte;
	enum decode_step step;

	if (!z->is_open)
		return open_frame(z, in, out);
	if (z->header_left == 0 || in->len == 0)
		return run(z, in, out);
	z->header_left--;
	byte = str_first(*in, 1);
	step = run(z, &byte, out);
	*in = str_from(*in, 1 - byte.len);
	return step;
}

static bool zstd_is_whole(const void *decoder)
{
	const struct zstd *z = decoder;

	return z->has_ended && !z->is_open && z->opening.n == 0;
}

const struct decoder_kind decoder_zstd = {zstd_make, zstd_step, zstd_is_whole, zstd_free};
