/* The chain of an exchange: what its redirects and retries have left behind. Cookies, taints, the deadline, and the redirect that was followed
 * last, which is kept until the place it leads to has been reached: an address may turn out to be forbidden only when it is dialled, and then
 * the redirect is delivered as it came.
 *
 * A redirect whose body has come whole is put aside in memory, so that its connection is free for the next hop; else its stream is kept, and
 * once the next hop is ready its body is read to the end within a bound, for the pool's sake. */
#ifndef VIADUCT_CORE_CHAIN_H
#define VIADUCT_CORE_CHAIN_H

#include "base/bufq.h"
#include "config/rule_set.h"
#include "core/follow.h"
#include "core/forward.h"
#include "core/hop.h"
#include "http/freshness.h"
#include "http/jar.h"
#include "net/address_class.h"
#include "net/loop.h"

#include <stdbool.h>
#include <stdint.h>

struct exchange;

struct chain {
	struct taint taint;
	struct jar jar;
	struct freshness freshness;
	unsigned redirects, retries; /* followed and made by policy */
	bool drops_body;             /* a redirect took it */
	bool has_reach;
	enum address_class reach;  /* of the address that the client's own request reached */
	unsigned allowed_targets;  /* bits 1u << enum address_class: where the next hop may go, however the chain began */
	struct rule_verdict rules; /* what the rules say of the present hop */

	struct hop *former; /* the redirect that was followed last, while it is kept */
	bool is_aside;      /* its body is in aside, or lost; its stream is gone */
	bool is_body_lost;  /* it had not come whole when its connection was needed, or took too long */
	bool is_returned;   /* it is delivered after all */
	struct bufq aside;
	struct hop *draining; /* its body is being read to the end; or NULL */
	struct timer drain_timer;

	bool is_paused; /* next is to be made when resume is due */
	struct next_hop next;
	struct timer resume;
	int64_t since_us;      /* monotonic: when it began to be more than one hop; 0: it is one */
	struct timer deadline; /* of the present hop of a chain, or of all */
	bool is_deadline_all;
};

void chain_init(struct exchange *x);
void chain_fini(struct exchange *x);

/* What the rules and options say of a hop to this URL. ERR_blocked or ERR_rate_limited if it may not be made. ret_words: which rule. */
enum error chain_admit(struct exchange *x, const struct url *url, enum method method, struct rule_verdict *ret_rules,
	const char **ret_words) MUST_CHECK;
/* Whether any request of the exchange may reach an address (access.deny_targets). */
enum error chain_check_access(const struct exchange *x, const struct address *to);
/* Whether the present hop may reach an address: its lease asks. */
enum error chain_check(const struct hop *h, const struct address *to);

/* Keeps the response of the present hop, a redirect that is followed. */
void chain_keep(struct exchange *x);
/* The next hop waits for a free connection: the kept redirect must not hold one. */
void chain_let_go(struct exchange *x);
/* The next hop is ready: the kept redirect is not needed any more. */
void chain_release(struct exchange *x);
/* Reads what came of the body that is being drained, and puts the kept redirect aside when its body is whole. */
void chain_drain(struct exchange *x);
/* Leaves the present hop, a response that is not delivered: its body is read to the end within the bound. */
void chain_leave(struct exchange *x, const char *decision);
/* True if the kept redirect can be delivered after all. */
bool chain_can_return(const struct exchange *x);
/* Makes the kept redirect the present hop again, with words on why it is not followed. False when the arena is full. */
bool chain_return(struct exchange *x, const char *words) MUST_CHECK;

/* Starts counting the time of the hop that was begun, if it is not the first of its chain. */
void chain_arm(struct exchange *x);
/* A response is being delivered: nothing is counted any more. */
void chain_disarm(struct exchange *x);
/* How long the chain may still take. */
int64_t chain_left_ms(const struct exchange *x);

#endif
