/* Inside of coding*.c: what a decoder is. Each foreign library stands behind one. */
#ifndef VIADUCT_HTTP_CODING_PART_H
#define VIADUCT_HTTP_CODING_PART_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

/* Where output goes. */
struct room {
	char *p;
	size_t size, n; /* n bytes of it are used */
};

enum decode_step {
	DECODE_ON,      /* it took input or gave output, or can do neither before there is more */
	DECODE_OVER,    /* the stream is complete, and the rest is no part of it */
	DECODE_FAULT,   /* no such stream */
	DECODE_NO_SPACE /* it needs more memory than it may have */
};

struct decoder_kind {
	/* NULL: there is no memory. */
	void *(*make)(size_t max_memory);
	/* Moves *in behind what it took, and adds to out. To be called again while there is input left or out was filled. */
	enum decode_step (*step)(void *decoder, struct str *in, struct room *out);
	/* True if all is well when the input, of which there was some, ends here. */
	bool (*is_whole)(const void *decoder);
	void (*free)(void *decoder);
};

extern const struct decoder_kind decoder_gzip, decoder_deflate, decoder_brotli, decoder_zstd;

/* The first bytes of a stream or of one of its members; they may come one by one. */
struct opening {
	unsigned char bytes[4];
	size_t n;
};

/* Moves the front of *in there, until it holds want bytes (at most 4). */
void opening_fill(struct opening *o, size_t want, struct str *in);

#endif
