/* gzip (RFC 1952, several members in a row) and deflate (zlib, RFC 1950, or raw, RFC 1951), undone by zlib. */
#include "base/mem.h"
#include "http/coding_part.h"

#define ZLIB_CONST
#include <zlib.h>

enum {
	WINDOW_BITS = 15, /* 32 KiB, all that there is */
	WITH_GZIP = 16,   /* added to them: zlib's way to ask for the wrapper of gzip */
	OPENING_BYTES = 2,
	MOST_BYTES = 1 << 30 /* of input at once: zlib counts in unsigned int */
};

struct inflater {
	z_stream z;
	struct opening opening;
	bool is_open;   /* inside of a stream or of a member */
	bool has_ended; /* one at least was complete */
};

static struct inflater *make_inflater(int window_bits)
{
	struct inflater *f = mem_calloc(1, sizeof(*f));

	if (inflateInit2(&f->z, window_bits) != Z_OK) {
		mem_free(f);
		return NULL;
	}
	return f;
}

static void free_inflater(void *decoder)
{
	struct inflater *f = decoder;

	inflateEnd(&f->z);
	mem_free(f);
}

/* One call of inflate. */
static int run(struct inflater *f, struct str *in, struct room *out)
{
	size_t given = in->len < MOST_BYTES ? in->len : MOST_BYTES;
	size_t room = out->size - out->n;
	int status;

	f->z.next_in = (const unsigned char *)in->p;
	f->z.avail_in = (unsigned)given;
	f->z.next_out = (unsigned char *)out->p + out->n;
	f->z.avail_out = (unsigned)room;
	status = inflate(&f->z, Z_NO_FLUSH);
	*in = str_from(*in, given - f->z.avail_in);
	out->n += room - f->z.avail_out;
	return status;
}

/* The bytes by which the stream was known come first. They make no output yet. */
static int run_opening(struct inflater *f, struct room *out)
{
	struct str first = {(const char *)f->opening.bytes, f->opening.n};

	f->is_open = true;
	f->opening.n = 0;
	return run(f, &first, out);
}

static enum decode_step judge(struct inflater *f, int status)
{
	if (status == Z_OK || status == Z_BUF_ERROR)
		return DECODE_ON; /* Z_BUF_ERROR: there was nothing to be done */
	if (status == Z_MEM_ERROR)
		return DECODE_NO_SPACE;
	if (status != Z_STREAM_END)
		return DECODE_FAULT; /* a dictionary is asked for: no coding of HTTP has one */
	f->has_ended = true;
	f->is_open = false;
	return DECODE_OVER;
}

static void *gzip_make(size_t max_memory)
{
	(void)max_memory;
	return make_inflater(WINDOW_BITS + WITH_GZIP);
}

static bool is_gzip(const struct opening *o)
{
	return (o->n < 1 || o->bytes[0] == 0x1f) && (o->n < 2 || o->bytes[1] == 0x8b);
}

static enum decode_step gzip_step(void *decoder, struct str *in, struct room *out)
{
	struct inflater *f = decoder;
	enum decode_step step;

	if (!f->is_open) {
		opening_fill(&f->opening, OPENING_BYTES, in);
		if (!is_gzip(&f->opening)) /* zeros behind the last member, and other junk */
			return f->has_ended ? DECODE_OVER : DECODE_FAULT;
		if (f->opening.n < OPENING_BYTES)
			return DECODE_ON;
		if (judge(f, run_opening(f, out)) != DECODE_ON)
			return DECODE_FAULT;
	}
	step = judge(f, run(f, in, out));
	if (step != DECODE_OVER)
		return step;
	/* Another member may follow. */
	return inflateReset(&f->z) == Z_OK ? DECODE_ON : DECODE_FAULT;
}

static bool gzip_is_whole(const void *decoder)
{
	const struct inflater *f = decoder;

	return f->has_ended && !f->is_open && f->opening.n == 0;
}

static void *deflate_make(size_t max_memory)
{
	(void)max_memory;
	return make_inflater(WINDOW_BITS);
}

/* RFC 1950 section 2.2. A raw stream cannot look like that, unless its first block is stored, with padding that is not zero. */
static bool is_zlib(const struct opening *o)
{
	unsigned method = o->bytes[0] & 0x0f, window = o->bytes[0] >> 4;

	return method == Z_DEFLATED && window <= 7 && (o->bytes[0] * 256U + o->bytes[1]) % 31 == 0;
}

static enum decode_step deflate_step(void *decoder, struct str *in, struct room *out)
{
	struct inflater *f = decoder;

	if (!f->is_open) {
		enum decode_step step;

		opening_fill(&f->opening, OPENING_BYTES, in);
		if (f->opening.n < OPENING_BYTES)
			return DECODE_ON;
		if (!is_zlib(&f->opening) && inflateReset2(&f->z, -WINDOW_BITS) != Z_OK)
			return DECODE_FAULT;
		step = judge(f, run_opening(f, out));
		if (step != DECODE_ON)
			return step; /* a raw stream without content is no longer than these bytes */
	}
	return judge(f, run(f, in, out));
}

static bool deflate_is_whole(const void *decoder)
{
	return ((const struct inflater *)decoder)->has_ended;
}

const struct decoder_kind decoder_gzip = {gzip_make, gzip_step, gzip_is_whole, free_inflater};
const struct decoder_kind decoder_deflate = {deflate_make, deflate_step, deflate_is_whole, free_inflater};
