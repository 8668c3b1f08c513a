/* Heads on their way through: what is taken out of a request before it goes to an origin and out of a response before it goes to
 * the client, and what is put in (RFC 9110 sections 7.2, 7.6; RFC 9112 section 3.2). Pure. */
#ifndef VIADUCT_CORE_FORWARD_H
#define VIADUCT_CORE_FORWARD_H

#include "base/arena.h"
#include "http/framing.h"
#include "http/message.h"
#include "http/url.h"

#include <stdbool.h>

/* What is withheld from a hop for good once the chain has left an origin. */
struct taint {
	bool origin; /* scheme, host or port changed at some hop: credentials are dropped */
	bool host;   /* the host changed, or https became http: the client's cookies are dropped */
};
/* The taint of a chain that goes on from one URL to another. */
void taint_add(struct taint *t, const struct url *from, const struct url *to);

struct forward_request {
	const struct message *original; /* the client's own request: every hop is built anew from it */
	const struct url *url;
	enum method method; /* of the original, or what a redirect made of it */
	struct str via;     /* our name in Via */
	struct taint taint;
	bool has_body;   /* false: content fields and Expect are left out */
	bool is_upgrade; /* keep the Upgrade field */
	bool asterisk;   /* OPTIONS *: the target of an OPTIONS without a path (RFC 9112 section 3.2.4) */
};

/* The request for one hop: origin-form target, Host first, hop-by-hop fields and those that Connection names gone, Via added.
 * ret_dropped gets the names withheld because of taint, comma-separated. NULL when the arena is full. */
struct message *forward_request(struct arena *a, const struct forward_request *f, struct str *ret_dropped) MUST_CHECK;

/* The response for the client, by the same rules. keep_upgrade: a 101. NULL when the arena is full. */
struct message *forward_response(struct arena *a, const struct message *received, struct str via, bool keep_upgrade) MUST_CHECK;

/* Adds to a message that was sent what the codec added on the wire, so that the record shows what was sent. False when the arena is
 * full. */
bool forward_add_sent(struct arena *a, struct message *m, const struct sent_framing *sent);

/* True if Via shows that the message has been here. */
bool forward_has_via(const struct message *m, struct str via);

#endif
