/* Inside of the codecs: heads, chunk lines and trailers written anew (guard 12: received bytes are never forwarded). */
#ifndef VIADUCT_HTTP_H1_WRITE_H
#define VIADUCT_HTTP_H1_WRITE_H

#include "base/bufq.h"
#include "http/framing.h"
#include "http/message.h"

/* A head with its empty line. Fields of the message that are the codec's own are left out, as are those that hold a CR, LF or NUL. */
void h1_write_head(struct bufq *out, const struct message *m, const struct sent_framing *framing);
/* The size line of a chunk. */
void h1_write_chunk_line(struct bufq *out, size_t size);
/* The last chunk, trailers (NULL: none), the empty line. */
void h1_write_last_chunk(struct bufq *out, const struct fields *trailers);

#endif
