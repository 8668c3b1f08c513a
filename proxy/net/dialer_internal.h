/* What the dialer's files share: the order in which the addresses of a name are tried (RFC 8305 section 4; pure, no sockets),
 * and the dial itself. Files: dialer.c (phases, TLS, the end), dialer_search.c (names and attempts), dialer_addresses.c. */
#ifndef VIADUCT_NET_DIALER_INTERNAL_H
#define VIADUCT_NET_DIALER_INTERNAL_H

#include "net/address.h"
#include "net/dialer.h"
#include "net/resolver_internal.h"
#include "net/tcp.h"

#include <stdbool.h>
#include <stddef.h>

/* IPv6 goes first. RFC 6724 would have more to say, but what it knows of routes a failed connect tells as fast. */
enum family { FAMILY_V6, FAMILY_V4, FAMILIES };

/* Addresses not tried yet, by family, in the order of the answer. */
struct address_queue {
	struct address items[FAMILIES][ANSWER_ADDRESSES_MAX];
	size_t n[FAMILIES], next[FAMILIES];
	enum family turn; /* whose address comes next, if it has one */
	size_t left;      /* how many may still be taken */
};

void address_queue_init(struct address_queue *q, size_t max);
/* Adds one family's answer with a port; doubles are left out. */
void address_queue_add(struct address_queue *q, const struct address *addresses, size_t n, uint16_t port);
/* Takes the next: the families take turns. False if there is none, or none may be taken any more. */
bool address_queue_take(struct address_queue *q, struct address *ret);

enum dial_phase { DIAL_BEGIN, DIAL_RESOLVE, DIAL_CONNECT, DIAL_TLS };

/* One family's question. */
struct lookup {
	struct dial *dial;
	struct query *query; /* NULL: not asked, or answered */
	enum error error;
	char detail[80];
};

struct dial {
	struct loop *loop;
	struct resolver *resolver;
	struct tls_client *tls;
	char *host, *tls_name; /* tls_name NULL: host */
	uint16_t port;
	bool is_tls;
	struct tls_asks tls_asks;
	struct transport *connected; /* not used yet; ours */
	bool may_begin_anew;         /* it was used, and may turn out to be dead */
	enum error (*check)(void *owner, const struct address *to);
	struct dial_limits limits;
	void (*on_done)(void *owner, const struct dial_outcome *o);
	void *owner;

	enum dial_phase phase;
	int64_t phase_since_us;
	struct lookup lookups[FAMILIES];
	struct address_queue addresses;
	struct list attempts;
	enum error refusal;     /* what check said of an address last; ERR_none: nothing */
	struct address refused; /* that address */
	struct tls_handshake *handshake;
	struct timer phase_timer;    /* the time-out of the phase */
	struct timer attempt_timer;  /* the resolution delay, then the delay between attempts */
	struct task start;           /* so that nobody is called back from inside */
	struct dial_outcome outcome; /* error and detail: the most telling failure so far */
};

/* Ends the phase, measures it, and begins the next one with its time-out. */
void dial_enter(struct dial *d, enum dial_phase phase, int64_t limit_ms);
/* Ends the dial and tells the owner. detail may be the outcome's own. */
void dial_fail(struct dial *d, enum error error, const char *detail);
/* A connection stands; takes it over. */
void dial_connected(struct dial *d, struct transport *t);

void dial_search_init(struct dial *d);
/* Looks for a connection; from nothing, also for the second time. */
void dial_search_start(struct dial *d);
void dial_search_stop(struct dial *d);
/* The time-out of its phases: says what was waited for in vain. */
void dial_search_time_out(struct dial *d);

#endif
