/* The parts of the resolver: a c-ares channel, a cache of answers, and names that need no name server. */
#ifndef VIADUCT_NET_RESOLVER_INTERNAL_H
#define VIADUCT_NET_RESOLVER_INTERNAL_H

#include "base/error.h"
#include "base/str.h"
#include "net/address.h"
#include "net/keymap.h"
#include "net/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	ANSWER_ADDRESSES_MAX = 32,
	NAME_BYTES_MAX = 255 /* RFC 1035 section 2.3.4 */
};

/* What is known of one name and family; shared by cache and queries. */
struct answer {
	int users;
	enum error error;
	char detail[80];
	size_t n;
	struct address addresses[];
};

/* One use, which is the caller's. */
struct answer *answer_new(enum error error, const char *detail, const struct address *addresses, size_t n);
struct answer *answer_ref(struct answer *a);
void answer_unref(struct answer *a);

/* Answers by key until they expire; at most max of them. */
struct answer_cache {
	struct keymap map;
	size_t max;
};
void answer_cache_init(struct answer_cache *c, size_t max);
void answer_cache_clear(struct answer_cache *c);
void answer_cache_fini(struct answer_cache *c);
/* A use of the caller's, or NULL. */
struct answer *answer_cache_get(struct answer_cache *c, struct str key, int64_t now_us);
/* Takes a use of its own. */
void answer_cache_put(struct answer_cache *c, struct str key, struct answer *a, int64_t expires_us);

/* Static names: of the hosts file or of the options. */
struct hosts;
/* From "name=address" strings; those that are malformed are passed over. */
struct hosts *hosts_of_overrides(const char *const *overrides, size_t n);
/* From a file in the format of hosts(5); empty if it cannot be read. */
struct hosts *hosts_of_file(const char *path);
void hosts_free(struct hosts *h);
/* An answer (a use of the caller's) if the name is known, even if only with another family; else NULL. name: lower case. */
struct answer *hosts_find(const struct hosts *h, struct str name, int family);
/* The answer for localhost and names below it (RFC 6761 section 6.3); NULL for other names. */
struct answer *hosts_localhost(struct str name, int family);

/* A c-ares channel on a loop. */
struct dns;
/* servers, resolv_conf: NULL for the system's. NULL if c-ares does not start or the servers make no sense. */
struct dns *dns_new(struct loop *l, const char *servers, const char *resolv_conf);
/* Questions under way are dropped without a word. Not from inside on_answer. */
void dns_free(struct dns *d);
/* on_answer comes once, maybe from inside this call; ttl_s of the answer, 0 for failures. It takes the use of a. */
void dns_ask(struct dns *d, const char *name, int family, void (*on_answer)(void *owner, struct answer *a, int64_t ttl_s),
	void *owner);

#endif
