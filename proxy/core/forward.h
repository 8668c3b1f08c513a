/* Heads on their way through: what is taken out of a request before it goes to an origin and out of a response before it goes
 * to the client, and what is put in (RFC 9110 sections 7.2, 7.6; RFC 9112 section 3.2; the Fetch standard's HTTP-redirect
 * fetch). Pure. The one place where fields are dropped, on every path: the first hop, a redirect, a retry. */
#ifndef VIADUCT_CORE_FORWARD_H
#define VIADUCT_CORE_FORWARD_H

#include "base/arena.h"
#include "config/settings.h"
#include "core/observer.h"
#include "http/framing.h"
#include "http/freshness.h"
#include "http/jar.h"
#include "http/message.h"
#include "http/url.h"

#include <stdbool.h>

/* What is withheld from a hop for good once the chain has left an origin. */
struct taint {
	bool origin;      /* scheme, host or port changed at some hop: credentials are dropped */
	bool host;        /* the host changed, or https became http: the client's cookies are dropped */
	bool downgraded;  /* https became http: Referer goes */
	unsigned changes; /* of origin: Origin becomes null at the second (Fetch, tainted origin) */
};
/* The taint of a chain that goes on from one URL to another. */
void taint_add(struct taint *t, const struct url *from, const struct url *to);

struct forward_request {
	const struct message *original; /* the client's own request: every hop is built anew from it */
	const struct url *url;
	enum method method; /* of the original, or GET */
	struct str via;     /* our name in Via */
	struct taint taint;
	const struct text_list *sensitive; /* names of fields that go with Authorization; NULL: none */
	const struct jar *jar;             /* NULL: the client's cookies as they are */
	int64_t now_s;
	bool drops_body; /* a redirect took the body: the fields that describe it go, and Expect */
	bool is_first;   /* else Expect goes: it was for the first hop */
	bool is_upgrade; /* keep the Upgrade field */
	bool asterisk;   /* OPTIONS *: the target of an OPTIONS without a path (RFC 9112 section 3.2.4) */
};
struct forwarded {
	struct message *message;
	/* What was withheld, in the order of the fields, and why; hop-by-hop fields are not told of. */
	const struct drop *drops;
	struct str cookies;   /* the Cookie value sent; p NULL: none */
	struct str jar_names; /* names of the chain's cookies in it; may be empty */
};

/* The request for one hop: origin-form target, Host first, hop-by-hop fields and those that Connection names gone, Via added.
 * Several Cookie fields become one. Max-Forwards is one less than the client's on every hop: a client that followed for itself
 * would say its own number to each of them too. False when the arena is full. */
bool forward_request(struct arena *a, const struct forward_request *f, struct forwarded *ret) MUST_CHECK;

/* The trailers of that request: what is withheld from a head is withheld from them, too, and told of in front of *io_drops. NULL when the arena
 * is full: then none are sent. */
const struct fields *forward_trailers(struct arena *a, const struct forward_request *f, const struct drop **io_drops);

/* The Cookie value that a request to this URL would carry (p NULL: none): what follow compares for loops. False when the arena
 * is full. */
bool forward_cookies(struct arena *a, const struct message *original, const struct jar *jar, struct taint taint,
	const struct url *to, int64_t now_s, struct str *ret) MUST_CHECK;

struct forward_response {
	const struct message *received;
	struct str via;
	bool keep_upgrade; /* a 101 */
	/* The rest is for a response behind redirects; all NULL and false for one without. */
	const struct message *request; /* the client's own */
	/* What was asked for, and who answers: fields that act on a whole origin go where these differ. */
	const struct url *first, *final;
	struct jar *jar; /* Set-Cookie lines come from it, those of received included, not from received */
	const struct freshness *freshness;
	int64_t now_s;
};

/* The response for the client, by the same rules. ret_drops: end-to-end fields left out since they act on another origin than
 * the one asked; may be NULL. Location and Content-Location that are relative to final become absolute: the client would
 * resolve them against first. NULL when the arena is full. */
struct message *forward_response(struct arena *a, const struct forward_response *f, const struct drop **ret_drops) MUST_CHECK;

/* Viaduct-Hops, Viaduct-Final-URL (without userinfo and fragment: url_text) and Proxy-Status (RFC 9209) on a response behind
 * redirects; the words, which may be NULL, are its details. p NULL of final_url: only Proxy-Status: a redirect that was
 * returned. It stands behind what the origin says there. False when the arena is full. */
bool forward_tell(struct arena *a, struct message *m, struct str via, unsigned hops, struct str final_url,
	const char *words) MUST_CHECK;

/* Adds to a message that was sent what the codec added on the wire, so that the record shows what was sent. False when the
 * arena is full. */
bool forward_add_sent(struct arena *a, struct message *m, const struct sent_framing *sent);

/* True if Via shows that the message has been here. */
bool forward_has_via(const struct message *m, struct str via);

#endif
