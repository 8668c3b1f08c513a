/* A hop: one attempt to get a response for an exchange. It leases a stream to the origin of its URL, sends the request built for
 * it, and measures its phases. */
#ifndef VIADUCT_CORE_HOP_H
#define VIADUCT_CORE_HOP_H

#include "core/follow.h"
#include "core/observer.h"
#include "core/pool.h"

#include <stdbool.h>

struct exchange;

/* A hop that is to be made. */
struct next_hop {
	enum hop_reason reason;
	struct url url;
	enum method method;
	int64_t delay_us; /* of back-off before it */
};

struct hop {
	struct hop_facts facts;
	struct exchange *x;
	struct url url;
	enum method method;
	struct lease lease;
	struct stream *u; /* of the lease; NULL before it is ready and after the hop has ended */
	struct trail trail;
	bool has_begun_send; /* the head was given to u, or a tunnel stands */
	bool is_tunnel;      /* for a CONNECT: no request is sent, the connection itself is the answer */
	bool is_over;
	int64_t send_us, sent_us; /* monotonic: first and last byte of the request; 0 before */
	int64_t received_us;      /* last byte of the response; 0 before */
};

/* A new hop at the end of the exchange's chain; it has asked for its stream. needs_new: not on a kept upstream. NULL when the arena is
 * full. */
struct hop *hop_start(struct exchange *x, const struct next_hop *next, bool needs_new) MUST_CHECK;
/* What a method is called: as the client wrote it, unless a redirect changed it. */
struct str hop_method_name(const struct exchange *x, enum method method);
/* Takes the stream when it is ready and sends the request's head. ERR_none while all is well, in progress too; else why the hop
 * has failed, with words in facts.detail. */
enum error hop_advance(struct hop *h) MUST_CHECK;
/* True once there is something to judge: a final response head, or a tunnel that stands. */
bool hop_is_answered(const struct hop *h);
/* Ends the hop: facts are completed, observers told, the stream given back. decision: words for the record or NULL. abort: the
 * upstream connection is of no more use. */
void hop_end(struct hop *h, enum error error, const char *decision, bool abort);
/* Ends a tunnel's hop in all but its lease, which is the caller's from now on, ready or not. */
void hop_hand_over(struct hop *h, const char *decision);
/* What the rules ask of the TLS towards a place, by the name that its certificate is checked for. */
struct tls_asks hop_asks_of_place(const struct exchange *x, struct str name, uint16_t port);
/* Leaves a redirected hop for the next one: as hop_end, but true if its response body is still to be read: then the lease is the
 * caller's to end. */
bool hop_leave(struct hop *h, const char *decision) MUST_CHECK;
/* The trailers of its request, when the body has ended. */
const struct fields *hop_trailers(struct hop *h);
/* Notes the moment when the request has left whole. */
void hop_note_sent(struct hop *h);
/* Brings sizes and times of a hop under way up to date. */
void hop_measure(struct hop *h);

#endif
