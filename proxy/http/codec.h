/* A codec: bytes to and from HTTP messages on one transport, one role, one version. It has no socket and no clock of its own:
 * its owner feeds what was read and sends what lies in out. HTTP/1.1 (h1.h) is the first; the interface carries several
 * streams at once so that HTTP/2 is one more. */
#ifndef VIADUCT_HTTP_CODEC_H
#define VIADUCT_HTTP_CODEC_H

#include "base/bufq.h"
#include "http/stream.h"

#include <stdbool.h>
#include <stddef.h>

/* Limits on what peers send; sizes in bytes. Beyond them: see error.def. */
struct codec_limits {
	size_t request_line;     /* 414 */
	size_t head;             /* 431, request line included */
	size_t fields;           /* 431 */
	size_t chunk_line;       /* size and extensions of one chunk */
	size_t chunk_extensions; /* of one message in all */
	size_t trailers;
	size_t trailer_fields;
	size_t empty_lines; /* before a request line */
	size_t interim;     /* 1xx responses to one request */
	size_t buffer;      /* high mark of a stream's in, and of out */
	size_t arena;       /* of one exchange */
};
/* The defaults of the hostile-input table: 16 KiB line, 64 KiB head, 200 fields, 4 KiB chunk line, 16 KiB extensions, 8 KiB and 50
 * trailers, 4 empty lines, 20 interim, 256 KiB buffer, 4 MiB arena. */
void codec_limits_default(struct codec_limits *ret);

struct codec;

struct codec_events {
	/* Server role: a request head has arrived, or could not be understood (s->error). The owner sets s->on_change. */
	void (*on_stream)(void *owner, struct stream *s);
	/* out grew, or what the codec wants (the questions below) changed: the owner looks at the end of the turn. */
	void (*on_activity)(void *owner);
};

struct codec_ops {
	void (*feed)(struct codec *c, struct bufq *in);
	void (*eof)(struct codec *c, enum error error);
	void (*flushed)(struct codec *c);
	bool (*wants_input)(const struct codec *c);
	bool (*is_idle)(const struct codec *c);
	bool (*is_done)(const struct codec *c);
	struct stream *(*open)(struct codec *c, struct arena *a);
	void (*expire)(struct codec *c, struct bufq *in, enum error error);
	void (*free)(struct codec *c);
};

struct codec {
	const struct codec_ops *ops;
	const struct codec_events *events;
	void *owner;
	struct bufq out;  /* to be written to the transport by the owner */
	bool wants_shut;  /* once out is empty: shut the writing side of the transport */
	bool wants_close; /* once out is empty: end the transport (with lingering, RFC 9112 section 9.6) */
	bool wants_abort; /* at once: break the transport */
	bool got_bytes;   /* server role: some bytes of the next request are there (its time-out is the head's, not idle) */
};

/* Takes from in what can be used now; the rest stays for later. Call again after on_activity if bytes are left. */
void codec_feed(struct codec *c, struct bufq *in);
/* The transport ended: in order (ERR_none) or broken. */
void codec_eof(struct codec *c, enum error error);
/* The owner has written some of out. */
void codec_flushed(struct codec *c);
/* False while what has been read already must be taken first: do not read the transport. */
bool codec_wants_input(const struct codec *c);
/* Between messages: server role: may be closed by the idle time-out; client role: may be kept in the pool. */
bool codec_is_idle(const struct codec *c);
/* No further stream can be had: the owner ends the transport when out is written. */
bool codec_is_done(const struct codec *c);
/* Client role: a new stream, or NULL when the codec cannot take one now. Heads are kept in the arena. */
struct stream *codec_open(struct codec *c, struct arena *a);
/* Server role: the head that has begun in `in` did not end in time; it is announced as a stream with this error, so that the client
 * is told. Nothing happens between messages or within one. */
void codec_expire(struct codec *c, struct bufq *in, enum error error);
/* Streams must be closed. NULL is fine. */
void codec_free(struct codec *c);

#endif
