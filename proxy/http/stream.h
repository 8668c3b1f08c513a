/* A stream: one request and its response inside a codec, or a raw channel after an upgrade. It is the same for both roles
 * (server towards clients, client towards origins), for every HTTP version, and for replies made here.
 *
 * Level-triggered: the provider changes the state below and calls on_change; the owner looks at the state when it runs.
 * on_change must only note that there is work (it is called from inside the provider). */
#ifndef VIADUCT_HTTP_STREAM_H
#define VIADUCT_HTTP_STREAM_H

#include "base/arena.h"
#include "base/bufq.h"
#include "base/error.h"
#include "http/framing.h"
#include "http/message.h"

#include <stdbool.h>
#include <stdint.h>

struct stream_ops;

struct stream {
	const struct stream_ops *ops;
	void (*on_change)(void *owner); /* NULL: nobody listens */
	void *owner;

	/* Received so far. Read by the owner, who takes bytes out of in (bufq_move, bufq_drain) and then calls stream_took. */
	struct arena *arena;     /* where heads are kept. Server side: made by the codec, the owner takes it over and frees it
				    after stream_close; client side: lent by the owner */
	struct message *head;    /* the request, or the final response; NULL until complete */
	struct framing framing;  /* of head */
	struct message *interim; /* client side: a 1xx that waits to be taken; then set NULL and call stream_took */
	struct bufq in;          /* body bytes without framing, or raw bytes */
	bool in_end;             /* the body is complete after what is in `in`; raw: the peer has shut its side */
	uint64_t in_bytes;       /* body bytes ever put into in */
	uint64_t head_in_bytes;  /* wire size of the head received */
	int64_t first_byte_us;   /* clock_mono_us of the first byte of the message; 0 before */
	int64_t head_us;         /* of the complete head */
	struct str rejected;     /* server side, on a head error: the first bytes of the head, at most 256, raw */

	/* Sent so far. */
	uint64_t out_bytes;               /* body bytes accepted by stream_send */
	uint64_t head_out_bytes;          /* wire size of the head written */
	struct sent_framing sent_framing; /* of the head written: what the codec added to the message's fields */
	bool out_end;                     /* stream_end was called */
	bool is_sent;                     /* out_end, and every byte has left for the system */
	bool wrote;                       /* any byte of this stream has left for the system (else a retry is always safe) */

	bool is_raw;
	/* Server side: the client has shut its side behind this request. It may be waiting for the answer, or be gone: only a write to it
	 * can tell. Set with on_change. */
	bool is_peer_shut;
	enum error error; /* set once when the stream broke in either direction; ERR_cancelled if the client went away */
	char detail[120]; /* of error, for the record; may be empty */
};

/* How the body of a message to be sent is delimited; the codec writes Content-Length, Transfer-Encoding and Connection. */
struct body_plan {
	enum body_kind kind; /* BODY_NONE; BODY_LENGTH; BODY_CHUNKED: length not known, the codec does what the peer's version
				allows; BODY_RAW: raw from here on (a 2xx to CONNECT, a 101) */
	uint64_t length;     /* of BODY_LENGTH */
	bool is_head_only;   /* the head says so, but no body follows: the answer to HEAD, a 304 */
	bool is_upgrade;     /* write "Connection: upgrade" beside the Upgrade field of the message */
	bool close;          /* write "Connection: close" and end the transport after this message */
};

struct stream_ops {
	void (*send_head)(struct stream *s, const struct message *m, const struct body_plan *plan);
	void (*send_interim)(struct stream *s, const struct message *m);
	size_t (*room)(const struct stream *s);
	size_t (*send)(struct stream *s, struct bufq *from, size_t max);
	void (*end)(struct stream *s, const struct fields *trailers);
	void (*took)(struct stream *s);
	void (*make_raw)(struct stream *s);
	void (*close)(struct stream *s, bool abort);
};

/* Writes a head. The message carries end-to-end fields only, in the order they are to have; never Content-Length,
 * Transfer-Encoding, Connection, Keep-Alive, Proxy-Connection, Trailer of the other side (they are the codec's; they are
 * left out if present). A request's target is written as m->target. The status line uses our own reason phrase. */
void stream_send_head(struct stream *s, const struct message *m, const struct body_plan *plan);
/* Server side: relays a 1xx other than 101 (left out for a 1.0 client). */
void stream_send_interim(struct stream *s, const struct message *m);
/* How many body bytes the stream would like to have now: 0 when its send buffer is over the high mark. on_change is called
 * when there is room again (at half the mark). */
size_t stream_room(const struct stream *s);
/* Takes up to max bytes of body (or raw bytes) from a queue of the same pool; returns how many: at most what the declared
 * length allows. */
size_t stream_send(struct stream *s, struct bufq *from, size_t max);
/* The body is complete; raw: shut our side once all is written. trailers may be NULL. */
void stream_end(struct stream *s, const struct fields *trailers);
/* Says that bytes or the interim were taken, so that the provider may read on. */
void stream_took(struct stream *s);
/* Client side: after a 101, or for a tunnel before any byte: all is raw from here on. Server side: by BODY_RAW. */
void stream_make_raw(struct stream *s);
/* The owner is done: no more on_change, s is not touched again. abort: break the transport instead of ending it in order
 * (a truncated body must not look complete). Whether the transport can be used again is the provider's to know. */
void stream_close(struct stream *s, bool abort);

#endif
