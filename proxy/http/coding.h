/* Content codings undone, for view and search: gzip and x-gzip (RFC 1952), deflate (RFC 1950, and the raw RFC 1951 that some
 * send), br (RFC 7932), zstd (RFC 8878), identity, and several of them stacked (RFC 9110 section 8.4). Bounded against bombs.
 * Pure. Not in the path of traffic: what is forwarded keeps its coding. */
#ifndef VIADUCT_HTTP_CODING_H
#define VIADUCT_HTTP_CODING_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CODING_MAX_STACK = 4 };

struct coding_limits {
	size_t max_bytes; /* of output, after all codings; what is beyond is left out */
	/* Output beyond 1 MiB may be at most this many times the input, of each coding and of all; 0: no such limit. */
	unsigned max_ratio;
	size_t max_memory; /* of each decoder's window; 0: 16 MiB */
};

enum coding_end {
	CODING_WHOLE,     /* all of it; what stands behind a complete stream is passed over */
	CODING_TRUNCATED, /* the input ended early (a cut body): what came out is right */
	CODING_LIMIT,     /* max_bytes or max_memory were reached, or take had enough */
	CODING_BOMB,      /* max_ratio was, or a coding in between made far more than max_bytes */
	CODING_DAMAGED,   /* what came out before the fault is right, unless it is a checksum that does not fit */
	CODING_UNKNOWN    /* a coding that is not known; nothing came out */
};
const char *coding_end_words(enum coding_end e); /* "whole", "the body was cut", … */

struct coding;
/* codings: the values of Content-Encoding, combined by commas, in the order they were applied. NULL and CODING_UNKNOWN in
 * ret_end if one of them is not known or there are more than CODING_MAX_STACK (identity does not count); NULL and CODING_LIMIT
 * if there is no memory. take gets the output in pieces of at most 32 KiB, never empty; false: enough. */
struct coding *coding_new(struct str codings, const struct coding_limits *limits, bool (*take)(void *owner, struct str piece),
	void *owner, enum coding_end *ret_end);
/* The next piece of the input; false when no more is wanted (a limit, a fault, enough, or a stream that is complete). */
bool coding_put(struct coding *c, struct str piece);
/* The input is over. Frees it. No input at all is an empty body: whole. */
enum coding_end coding_end(struct coding *c);
/* True if there is nothing to undo. */
bool coding_is_identity(struct str codings);

#endif
