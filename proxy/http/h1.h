/* The HTTP/1.1 codecs (RFC 9112), server and client role. Heads are scanned and bounded before llhttp sees them, framing is
 * decided by framing.h and compared with llhttp's, bodies are cut out without copying, everything is written anew. */
#ifndef VIADUCT_HTTP_H1_H
#define VIADUCT_HTTP_H1_H

#include "http/codec.h"

/* limits is copied. */
struct codec *h1_server_new(struct bufpool *pool, const struct codec_limits *limits, const struct codec_events *events,
	void *owner);
struct codec *h1_client_new(struct bufpool *pool, const struct codec_limits *limits, const struct codec_events *events,
	void *owner);

/* Version and strictness of the llhttp that is linked, for --version: "llhttp 8.1.0 (strict)". */
const char *h1_parser_version(void);
/* False if llhttp was built in its loose mode: the program must not start then. */
bool h1_parser_is_strict(void);

#endif
