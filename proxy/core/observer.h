/* Observers: read-only callbacks on exchanges and hops. They return nothing and cannot fail the path. They run on the worker's
 * thread, must not block, and copy what they keep: what they are given is valid during the call, except that the facts of an
 * exchange stay readable (on the same thread) from on_begin until on_end returns.
 * For each exchange: on_begin once, on_hop once per hop as it ends, on_end exactly once. The decision on a redirect can change after its on_hop:
 * where the place that it leads to turns out to be forbidden, it is delivered after all; so count decisions in on_end. A request about the proxy itself
 * (OPTIONS *) is not observed. */
#ifndef VIADUCT_CORE_OBSERVER_H
#define VIADUCT_CORE_OBSERVER_H

#include "base/error.h"
#include "base/str.h"
#include "http/jar.h"
#include "http/message.h"
#include "http/url.h"
#include "net/address.h"
#include "net/clienthello.h"

#include <stdbool.h>
#include <stdint.h>

enum outcome {
	OUTCOME_PENDING,   /* in flight */
	OUTCOME_DELIVERED, /* the whole response of the last hop went to the client */
	OUTCOME_FAILED,    /* error says why; the client may have got an error response, or a broken one */
	OUTCOME_CANCELLED  /* the client went away */
};
const char *outcome_name(enum outcome o); /* "pending", "delivered", "failed", "cancelled" */

enum hop_reason { HOP_FIRST, HOP_REDIRECT, HOP_RETRY, HOP_AUTH };
const char *hop_reason_name(enum hop_reason r); /* "first", "redirect", "retry", "auth" */

/* A field that was left out on the way, and why: "Authorization", "the origin changed". */
struct drop {
	struct str name;
	const char *why;
	const struct drop *next;
};

/* Durations in microseconds; -1: the phase was not reached, or not needed (a reused upstream does not resolve). */
struct hop_times {
	int64_t queue_us; /* waiting for a free connection to the origin */
	int64_t resolve_us;
	int64_t connect_us;
	int64_t tls_us;
	int64_t send_us;    /* from the first byte of the request to its last */
	int64_t wait_us;    /* from then to the first byte of the response */
	int64_t receive_us; /* from then to the last byte of the response */
};

/* One TLS leg. */
struct tls_leg {
	const char *version, *cipher; /* "TLSv1.3", "TLS_AES_256_GCM_SHA384" */
	const char *alpn;             /* chosen; "" if none */
	const char *server_name;      /* SNI or the name verified; "" if none */
	bool is_resumed;
};

/* Who an origin is; see struct tls_peer (net/tls.h) for the forms. */
struct peer_identity {
	struct str host; /* the name that it was checked for, which need not be that of the URL, and the port dialled */
	uint16_t port;
	const char *subject, *issuer, *chain, *certificate_sha256, *spki_sha256;
	int64_t not_before_s, not_after_s;
	const char *staple;     /* "" if none came */
	const char *pin;        /* "none", "matched", "mismatched" */
	const char *unverified; /* what is wrong with it, where a rule lets that pass; else "" */
};

/* One attempt to get a response. */
struct hop_facts {
	unsigned number; /* 1, 2, … within the exchange */
	enum hop_reason reason;
	struct str url;                 /* what was asked for; "host:port" for CONNECT */
	const struct message *request;  /* as sent; NULL if it was never sent */
	const struct message *response; /* the final one as received; NULL if there was none */
	struct address peer;            /* dialled; len 0 before */
	const char *peer_class;         /* of peer: address_class_name; NULL before */
	bool is_reused;                 /* on a kept upstream connection */
	int64_t delay_us;               /* back-off before this hop was begun; 0: none */
	bool is_reply;                  /* answered by the proxy itself */
	const struct tls_leg *tls;      /* to the origin; NULL: clear text, or it did not come to that */
	const struct peer_identity
		*identity;  /* of the origin, by its certificate, also where that was refused; NULL: none was seen */
	int64_t started_us; /* wall clock */
	struct hop_times times;
	uint64_t request_body_bytes, response_body_bytes; /* without framing */
	uint64_t request_head_bytes, response_head_bytes; /* on the wire */
	enum error error;                                 /* of this attempt */
	const char *detail;                               /* in words; NULL or "" if there is nothing to add */
	const char *decision;     /* what was decided after it, in words: "followed: 302", "passed: redirects.mode is pass" */
	const struct drop *drops; /* request fields withheld from this hop; NULL: none */
	struct str
		cookies; /* names of the chain's cookies that were added to this hop's request, comma-separated; may be empty */
	const struct cookie_fate
		*fates;               /* what became of the cookies that its response sets; NULL: none, or there is no chain */
	const struct hop_facts *next; /* the hop after it */
};

enum tunnel_handling {
	TUNNEL_RELAYED, /* not looked into: interception was not asked for, or it carries neither TLS nor HTTP */
	TUNNEL_PASSED,  /* would have been opened, but for why */
	TUNNEL_TLS,     /* opened: TLS was ended here, the requests inside are flows with this one as parent */
	TUNNEL_HTTP     /* opened: HTTP without TLS */
};
const char *tunnel_handling_name(enum tunnel_handling h); /* "relayed", "passed", "opened", "opened (clear)" */

struct tunnel_facts {
	uint64_t up_bytes, down_bytes; /* from the client, to the client */
	enum tunnel_handling handling;
	const char *why; /* it was handled so, in words; NULL: nothing to say */
	bool has_hello;
	struct clienthello hello;
};

struct exchange_facts {
	uint64_t id; /* unique and rising per flow database */
	unsigned worker;
	uint64_t client_id;      /* one per client connection */
	unsigned client_request; /* 1 for its first request, 2 … */
	uint64_t parent_id;      /* the CONNECT inside whose tunnel it came; 0: none */
	const struct tls_leg
		*client_tls; /* of the client inside an opened tunnel, and of the CONNECT that was opened; NULL: none */
	struct address client, listener;
	struct str user;               /* of proxy authentication; may be empty */
	int64_t started_us;            /* wall clock: first byte of the request */
	int64_t ended_us;              /* wall clock; 0 while in flight */
	int64_t duration_us;           /* monotonic; valid in on_end */
	const struct message *request; /* as received; NULL if the head could not be understood */
	struct str url;    /* absolute; "host:port" for CONNECT; what was readable of a rejected head, raw (hostile) */
	struct url target; /* valid if has_target */
	bool has_target;
	const struct message *response;                   /* as sent to the client; NULL before, or if nothing was sent */
	uint64_t request_body_bytes, response_body_bytes; /* to and from the client, without framing */
	uint64_t request_head_bytes, response_head_bytes; /* on the wire, client side */
	bool is_tunnel;                                   /* CONNECT or an upgrade that was granted: tunnel is valid */
	struct tunnel_facts tunnel;
	enum outcome outcome;
	enum error error;   /* of OUTCOME_FAILED */
	const char *detail; /* in words; may be NULL */
	struct str
		final_url; /* of the hop whose response was delivered, with the fragment that a client would have; empty: as asked for */
	unsigned redirects, retries;  /* that were made */
	const struct drop *drops;     /* response fields that were left out since they are for another origin; NULL: none */
	const struct hop_facts *hops; /* first to last; NULL if none was made; the last may be in flight */
	unsigned hops_n;
};

enum body_direction { BODY_UP, BODY_DOWN };

struct observer {
	void *owner;
	void (*on_begin)(void *owner, const struct exchange_facts *x);
	void (*on_hop)(void *owner, const struct exchange_facts *x, const struct hop_facts *h);
	/* A piece of a hop's body as it passes, in order: BODY_UP as it is given to the origin (a replay gives it anew to the next hop), BODY_DOWN
	 * as it came from the origin, before on_hop of a hop that is left, before on_end in any case. h NULL: BODY_DOWN of a response that was made
	 * here. Not for tunnels. */
	void (*on_body)(void *owner, const struct exchange_facts *x, const struct hop_facts *h, enum body_direction d,
		struct str piece);
	void (*on_end)(void *owner, const struct exchange_facts *x);
};

#endif
