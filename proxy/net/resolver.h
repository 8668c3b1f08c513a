/* Names to addresses with c-ares: one channel and one cache per loop. hosts file and resolv.conf are honoured and read anew
 * when they change. TTL-bound cache, failures included; equal questions under way are asked once. */
#ifndef VIADUCT_NET_RESOLVER_H
#define VIADUCT_NET_RESOLVER_H

#include "base/error.h"
#include "base/str.h"
#include "net/address.h"
#include "net/loop.h"

#include <stddef.h>
#include <stdint.h>

struct resolver_options {
	const char *servers;    /* "IP[:port],…"; NULL or "": the system's */
	int64_t max_ttl_ms;     /* cap on the TTL of answers */
	int64_t min_ttl_ms;     /* floor, also for names from the hosts file */
	int64_t failure_ttl_ms; /* how long "does not exist" and failures are kept */
	size_t max_names;       /* cache entries; the least recently used go first */
	/* Static overrides: "name=address" each, port ignored; matched without case. */
	const char *const *hosts;
	size_t hosts_n;
	const char *hosts_file;       /* NULL: /etc/hosts */
	const char *resolv_conf_file; /* NULL: /etc/resolv.conf */
};

struct resolver;
struct resolver *resolver_new(struct loop *l, const struct resolver_options *o); /* NULL if c-ares cannot start */
/* Queries under way must have been cancelled. */
void resolver_free(struct resolver *r);
/* New overrides, limits and servers; the cache is emptied. Servers that make no sense are
 * logged, and the old ones stay. */
void resolver_set_options(struct resolver *r, const struct resolver_options *o);

/* One family's answer. error ERR_none with n > 0; ERR_name_not_found (also: no address of this family); ERR_resolve_failed. */
struct resolved {
	enum error error;
	const struct address *addresses; /* port 0 */
	size_t n;
	bool is_cached;
	char detail[80];
};

struct query;
/* Asks for AF_INET or AF_INET6. on_done comes once, later, never from inside this call. */
struct query *resolver_ask(struct resolver *r, struct str name, int family,
	void (*on_done)(void *owner, const struct resolved *answer), void *owner);
void query_cancel(struct query *q);

#endif
