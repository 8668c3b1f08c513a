/* Inside of the codecs: what the server and the client role of HTTP/1.1 share. One stream is open at a time; it lives in the
 * codec, so an idle transport costs nothing but this struct. */
#ifndef VIADUCT_HTTP_H1_PART_H
#define VIADUCT_HTTP_H1_PART_H

#include "http/codec.h"
#include "http/h1_body.h"
#include "http/h1_parse.h"
#include "http/h1_write.h"
#include "http/head_scan.h"

/* What the received bytes are. */
enum h1_state {
	H1_HEAD, /* a head, or nothing yet */
	H1_BODY,
	H1_END,    /* the message is complete; what follows waits (server) or is too much (client) */
	H1_SWITCH, /* client role: a 101, or a 2xx to CONNECT: raw as soon as the owner says so */
	H1_RAW,
	H1_DRAIN, /* server role: the rest of a body that nobody wants, up to a bound */
	H1_DEAD   /* nothing is taken any more: bytes are thrown away */
};

struct h1;

/* Where the roles differ. */
struct h1_role {
	/* Takes what it can; true if the state changed and there may be more to take. */
	bool (*step)(struct h1 *h, struct bufq *in);
	/* The transport ended and nothing waits any more. May be called again. */
	void (*ended)(struct h1 *h, enum error error);
	enum error body_error; /* of a malformed chunked body */
	bool tells_shut;       /* the owner learns (is_peer_shut) that nothing will come behind a complete message */
};

struct h1 {
	struct codec codec; /* the first member: calls come in with it */
	const struct h1_role *role;
	struct codec_limits limits;
	struct bufpool *pool;
	struct stream stream;
	bool is_open; /* the stream is the owner's */
	bool is_last; /* no message after the present one */
	bool is_done;
	bool is_broken; /* nothing can be written any more */

	/* receiving */
	enum h1_state state;
	struct head_scan scan;
	struct h1_body body;
	int64_t first_byte_us;
	size_t drain_left;
	bool is_eof;
	bool is_full;    /* stream.in reached the high mark and is not at half of it yet */
	bool is_waiting; /* bytes were left in the owner's queue that can be taken only after something else happens */

	/* sending */
	enum body_kind out_kind;
	uint64_t out_left;             /* of BODY_LENGTH */
	uint64_t out_total, out_start; /* bytes ever put into out; before the present stream */
	bool has_head;                 /* the head was sent */
	bool is_out_full;
	bool is_short; /* ended before its declared length */

	/* server role */
	bool sent_100;

	/* client role */
	enum method asked;
	bool asked_upgrade;
	struct str upgrade; /* what was asked for */
	size_t interims;
	bool got_reply; /* any byte of it */
};

/* A codec of the wanted role, nothing open. */
struct h1 *h1_new(struct bufpool *pool, const struct codec_limits *limits, const struct codec_events *events, void *owner,
	const struct codec_ops *ops, const struct h1_role *role);
struct h1 *h1_of(const struct stream *s);

/* codec_ops */
void h1_feed(struct codec *c, struct bufq *in);
void h1_eof(struct codec *c, enum error error);
void h1_flushed(struct codec *c);
bool h1_wants_input(const struct codec *c);
bool h1_is_done(const struct codec *c);
void h1_free(struct codec *c);

/* stream_ops (h1_send.c) */
size_t h1_room(const struct stream *s);
size_t h1_send(struct stream *s, struct bufq *from, size_t max);
void h1_end(struct stream *s, const struct fields *trailers);
void h1_took(struct stream *s);

/* The stream begins: everything of it is zero but its arena. */
void h1_begin(struct h1 *h, const struct stream_ops *ops, struct arena *a);
/* The stream is the owner's no longer. */
void h1_release(struct h1 *h);
/* Tells the stream's owner, or the codec's, that there is something to look at. */
void h1_changed(struct h1 *h);
void h1_active(struct h1 *h);
/* The stream broke. why may be NULL. Nothing more is received; sending goes on while the transport lives. */
void h1_fail(struct h1 *h, enum error error, const char *why);
/* The transport ends in order when out is written; at once. */
void h1_finish(struct h1 *h);
void h1_abort(struct h1 *h);
/* Ready for the next head. */
void h1_expect_head(struct h1 *h, const struct head_limits *limits);
/* Copies the scanned head to the stream's arena. False when that is full. */
bool h1_take_head(struct h1 *h, struct bufq *in, struct h1_head *ret) MUST_CHECK;
/* The state that s->framing asks for after the head. */
void h1_begin_body(struct h1 *h);
/* Moves body bytes to the stream; true if the body is complete now. */
bool h1_read_body(struct h1 *h, struct bufq *in);
void h1_read_raw(struct h1 *h, struct bufq *in);
/* Raw from here on, both ways. */
void h1_go_raw(struct h1 *h);
/* Raw: nothing more will be received. */
void h1_raw_ended(struct h1 *h);
/* Raw: ends the transport if both directions have ended. */
void h1_check_raw_end(struct h1 *h);

/* Writes a head. */
void h1_put_head(struct h1 *h, const struct message *m, const struct sent_framing *framing);
/* Our message went out whole, or will. */
bool h1_is_out_complete(const struct h1 *h);
/* Bytes of the present stream that the transport has taken. */
uint64_t h1_left_for_good(const struct h1 *h);

#endif
