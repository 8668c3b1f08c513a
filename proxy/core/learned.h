/* What was learnt of clients that refuse our certificates: their tunnels to that name are passed through for a while. A client is
 * an address (without port) and a JA4 fingerprint, since many programs share an address. One table for all workers, thread-safe,
 * bounded (10,000 entries; the least recently used go first). */
#ifndef VIADUCT_CORE_LEARNED_H
#define VIADUCT_CORE_LEARNED_H

#include "base/str.h"
#include "net/address.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	LEARNED_MAX = 10000,
	LEARNED_DOUBTS = 3,
	LEARNED_REFUSALS = 2, /* so many make a lesson */
	LEARNED_WHY_BYTES = 160
};

struct learned;
struct learned *learned_new(void);
void learned_free(struct learned *l); /* NULL is fine */

struct learned_key {
	const struct address *client;
	const char *ja4;
	struct str name; /* asked for: of the ClientHello, else of the CONNECT; compared without case, at most 255 bytes */
};

/* The client has refused our certificate for that name (why: "alert: unknown ca"). True if its tunnels are passed from now on,
 * for ttl_us. Refusals further apart than ttl_us do not add up. ttl_us 0: nothing happens. times in CLOCK_MONOTONIC
 * microseconds. */
bool learned_refusal(struct learned *l, const struct learned_key *k, const char *why, int64_t now_us, int64_t ttl_us);
/* The same of a client that has trusted us (learned_is_trusting) and closed without a word: it may just have been stopped, and many of
 * its connections at once. So what comes within a second counts as one, and it takes LEARNED_DOUBTS in a row to make a lesson. */
bool learned_doubt(struct learned *l, const struct learned_key *k, const char *why, int64_t now_us, int64_t ttl_us);
/* What the tunnel carries cannot be served opened, for sure (it is not HTTP): passed from the next on, for any ttl_us above 0. */
void learned_unfit(struct learned *l, const struct learned_key *k, const char *why, int64_t now_us, int64_t ttl_us);
/* The client has taken our certificate and asked for something: single refusals are forgotten. A lesson in force stays: the
 * tunnel was opened before it. */
void learned_success(struct learned *l, const struct learned_key *k, int64_t now_us);
/* True if that was so within the last ttl_us: such a client that just closes means nothing by it. (The table of those has a bound
 * of its own, LEARNED_MAX.) */
bool learned_is_trusting(struct learned *l, const struct learned_key *k, int64_t now_us, int64_t ttl_us);
/* True if the tunnel is to be passed: words for the record in ret_why (LEARNED_WHY_BYTES, untouched if false), "the client refused
 * our certificate 2 times (alert: unknown ca); opened again in 14 min". */
bool learned_is_passed(struct learned *l, const struct learned_key *k, int64_t now_us, char *ret_why);

/* One entry that is in force, for lists; strings are valid during the call. */
struct lesson {
	char client[ADDRESS_TEXT_BYTES]; /* without port */
	const char *ja4;
	struct str name;
	const char *why;
	unsigned refusals; /* 0: what it carries cannot be served opened */
	uint64_t passed;   /* tunnels passed because of it */
	int64_t left_us;
};
/* Calls each under the lock, which must be short; the least recently used first. */
void learned_each(struct learned *l, int64_t now_us, void (*each)(void *owner, const struct lesson *lesson), void *owner);
/* Forgets what was learnt of a name, or of all (empty): the next tunnel is opened again. Returns how many entries in force went. */
size_t learned_forget(struct learned *l, struct str name, int64_t now_us);

#endif
