/* Inside of the codecs: the bytes of one received body without their framing, and nothing of the next message. */
#ifndef VIADUCT_HTTP_H1_BODY_H
#define VIADUCT_HTTP_H1_BODY_H

#include "http/chunked.h"
#include "http/codec.h"
#include "http/framing.h"

struct h1_body {
	enum body_kind kind;
	uint64_t left; /* of BODY_LENGTH */
	struct chunked chunked;
};

enum h1_body_verdict { H1_BODY_MORE, H1_BODY_END, H1_BODY_BAD };

/* False if there are no bytes to come. */
bool h1_body_init(struct h1_body *b, const struct framing *framing, const struct codec_limits *limits);
/* Moves body bytes, at most max. Trailers go to head, their text to the arena; head NULL: nowhere. ret_why with H1_BODY_BAD. */
enum h1_body_verdict h1_body_read(struct h1_body *b, struct bufq *from, struct bufq *to, size_t max, struct arena *a,
	struct message *head, const char **ret_why) MUST_CHECK;

#endif
