/* Inside of the codecs: takes chunked framing off a body (RFC 9112 section 7.1), strictly, in pieces of any size. */
#ifndef VIADUCT_HTTP_CHUNKED_H
#define VIADUCT_HTTP_CHUNKED_H

#include "base/bufq.h"
#include "base/error.h"
#include "http/head_scan.h"

#include <stdint.h>

struct chunked_limits {
	size_t line;       /* size and extensions of one chunk, CRLF excluded */
	size_t extensions; /* of the whole body */
	size_t trailers;
	size_t trailer_fields;
};

enum chunked_state {
	CHUNK_SIZE_FIRST, /* no digit yet */
	CHUNK_SIZE,
	CHUNK_NAME_FIRST, /* behind ";" */
	CHUNK_NAME,
	CHUNK_VALUE_FIRST, /* behind "=" */
	CHUNK_VALUE,
	CHUNK_QUOTED,
	CHUNK_ESCAPED,
	CHUNK_QUOTED_END,
	CHUNK_LINE_LF,
	CHUNK_BYTES,
	CHUNK_BYTES_CR,
	CHUNK_BYTES_LF,
	CHUNK_TRAILERS
};

struct chunked {
	struct chunked_limits limits;
	enum chunked_state state;
	uint64_t left; /* of the present chunk */
	unsigned digits;
	size_t line_bytes, extension_bytes;
	struct head_scan trailers;
};

enum chunked_verdict {
	CHUNKED_MORE,     /* more bytes, or more room, are needed */
	CHUNKED_TRAILERS, /* the body is complete; trailers.taken bytes at the front of the queue are the trailer section */
	CHUNKED_BAD       /* *ret_why says why; nothing more may be read */
};

void chunked_init(struct chunked *k, const struct chunked_limits *limits);
/* Moves body bytes, at most max. ret_why is set with CHUNKED_BAD only. */
enum chunked_verdict chunked_read(struct chunked *k, struct bufq *from, struct bufq *to, size_t max,
	const char **ret_why) MUST_CHECK;

#endif
