/* From an origin to a transport: names, addresses in the order and rhythm of Happy Eyeballs (RFC 8305), TLS on top where
 * asked. Every phase has its own time-out and its own measured time. */
#ifndef VIADUCT_NET_DIALER_H
#define VIADUCT_NET_DIALER_H

#include "base/error.h"
#include "base/str.h"
#include "net/address.h"
#include "net/loop.h"
#include "net/resolver.h"
#include "net/tls.h"
#include "net/transport.h"

#include <stdbool.h>
#include <stdint.h>

struct dial_limits {
	int64_t resolve_ms, connect_ms, tls_ms;
	int64_t attempt_delay_ms;    /* RFC 8305 section 5: 250 */
	int64_t resolution_delay_ms; /* RFC 8305 section 3: 50 */
	size_t max_addresses;        /* tried per name: 8 */
};

struct dial_target {
	struct str host; /* name or literal, without brackets; copied */
	uint16_t port;
	bool is_tls;
	/* With is_tls: what the certificate must be for, and SNI names; empty: host. Copied. */
	struct str tls_name;
	struct tls_asks tls_asks;
	/* A connection to it that stands already, taken over: no resolving and connecting. If it turns out to be dead before a
	 * byte has come, the dial begins anew without it. NULL: none. */
	struct transport *connected;
	/* Asked for every address just before it is dialled: an error refuses it (self, forbidden class), and is the outcome
	 * if no other address answers. NULL: all allowed. */
	enum error (*check)(void *owner, const struct address *to);
};

struct dial_outcome {
	enum error error; /* ERR_none: transport is set and the owner's */
	char detail[160]; /* of error, in words: "connection refused by 192.0.2.1:80" */
	struct transport *transport;
	struct address peer;                    /* dialled last; the one refused last if that is the outcome */
	int64_t resolve_us, connect_us, tls_us; /* durations; -1: phase not reached, or not needed (literal, connected) */
	/* With is_tls: whom the certificate names, also where it was refused; NULL: none was seen. */
	const struct tls_peer *tls_peer;
};

struct dial;
/* on_done comes once, later, never from inside this call. The outcome is valid during the callback. resolver, tls may be
 * shared by all dials of a loop; tls may be NULL if is_tls is never set. After dial_cancel, on_done never comes. */
struct dial *dial_start(struct loop *l, struct resolver *r, struct tls_client *tls, const struct dial_target *target,
	const struct dial_limits *limits, void (*on_done)(void *owner, const struct dial_outcome *o), void *owner);
void dial_cancel(struct dial *d);
/* A dial without TLS that is under way becomes that of another owner, with TLS if so wished: for a tunnel that turns out to be
 * opened. host, port and connected of the target are not looked at; its check is not asked
 * for addresses that are being dialled or have been, only for those to come. The limits of the phases under way stay. */
void dial_adopt(struct dial *d, struct tls_client *tls, const struct dial_target *target,
	void (*on_done)(void *owner, const struct dial_outcome *o), void *owner);

#endif
