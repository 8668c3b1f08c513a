/* Leaves: the certificates shown to clients, by name, in one cache for all workers (bounded, the least recently used go first; an
 * entry is made anew before it expires). What lies between pki/ (which makes them) and net/ (which uses them). Thread-safe. */
#ifndef VIADUCT_CORE_LEAVES_H
#define VIADUCT_CORE_LEAVES_H

#include "base/str.h"
#include "net/tls_server.h"
#include "pki/ca.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct leaves;

/* NULL if there are no random bits. */
struct leaves *leaves_new(size_t max);
void leaves_free(struct leaves *l); /* NULL is fine */
void leaves_set_max(struct leaves *l, size_t max);
/* From now on leaves are signed by this CA (a reference is taken; NULL: by none); those of another are forgotten. */
void leaves_set_ca(struct leaves *l, struct ca *ca);
/* A reference of the CA, or NULL. */
struct ca *leaves_ca(struct leaves *l);

struct leaf_ask {
	struct str host;         /* asked for: a lower-case name in ASCII form, or an IP literal without brackets */
	bool wildcard;           /* for all its siblings too, unless its parent is a public suffix or it is an address */
	const char *const *more; /* further names (of the origin's own certificate); malformed ones are left out */
	size_t more_n;
};
/* A reference. The lock is not held while a leaf is made (about a tenth of a millisecond with an EC key). If two workers make the
 * same one, both get the first. NULL with words in ret_why: no CA, its name constraints, a name that cannot stand in a
 * certificate. */
struct tls_identity *leaves_get(struct leaves *l, const struct leaf_ask *ask, char *ret_why, size_t size);
/* The same at a time of the wall clock: for tests of what time does. */
struct tls_identity *leaves_get_at(struct leaves *l, const struct leaf_ask *ask, int64_t now_s, char *ret_why, size_t size);

struct leaves_counts {
	uint64_t hits, made, evicted;
	size_t held;
};
void leaves_count(struct leaves *l, struct leaves_counts *ret);

#endif
