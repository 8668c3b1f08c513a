/* A reply: a response made here (error, 407, help page), as a stream that an exchange relays like any other. */
#ifndef VIADUCT_CORE_REPLY_H
#define VIADUCT_CORE_REPLY_H

#include "base/arena.h"
#include "base/bufq.h"
#include "base/error.h"
#include "http/stream.h"

/* A stream with this status and these bytes as its body; everything, the stream too, is in the arena. Content-Type and, with
 * an error, Proxy-Status are set. NULL when the arena is full. Ended by stream_close like any stream. */
struct stream *reply_new(struct arena *a, struct bufpool *pool, int status, struct str content_type,
	struct str body) MUST_CHECK;
/* Adds a field to the head of a reply. False when the arena is full: the reply has lost its body then and is of no use. */
bool reply_field(struct stream *s, struct str name, struct str value) MUST_CHECK;

/* A stream with this head and the bytes of q as its body, which are taken. For a response that was received and put aside. NULL when the arena is
 * full. */
struct stream *reply_of(struct arena *a, const struct message *head, struct bufq *q) MUST_CHECK;

/* How an error is told, by what Accept asks for. */
enum reply_form { REPLY_TEXT, REPLY_HTML, REPLY_JSON };
enum reply_form reply_form_of(const struct message *request); /* NULL: text */

/* The response to an error: its status, Proxy-Status (RFC 9209) with the detail in words, and a short body in the asked form.
 * Nothing of the request but the host is repeated. */
struct stream *reply_error(struct arena *a, struct bufpool *pool, enum error error, const char *detail, struct str host,
	enum reply_form form) MUST_CHECK;

#endif
