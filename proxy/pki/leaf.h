/* Leaf certificates: what the proxy shows to a client in place of the origin's (RFC 5280, RFC 9525; lifetime within what
 * browsers accept). All leaves of a run share one EC P-256 key. Pure: no cache (core/leaves.h), no files. */
#ifndef VIADUCT_PKI_LEAF_H
#define VIADUCT_PKI_LEAF_H

#include "base/str.h"
#include "pki/ca.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	LEAF_DAYS = 45,      /* from a day ago; never beyond the CA's own end */
	LEAF_FRESH_DAYS = 7, /* a cached leaf that has less left is made anew */
	LEAF_NAMES_MAX = 100
};

struct leaf_key;
/* NULL if the library fails. Immutable, for all threads. */
struct leaf_key *leaf_key_new(void);
void leaf_key_free(struct leaf_key *k);            /* NULL is fine */
struct str leaf_key_der(const struct leaf_key *k); /* PKCS#8, unencrypted; lives as long as k */

struct leaf_request {
	/* Lower-case names in their ASCII form (punycode), "*.example.com" too, or IP literals without brackets: dNSName and
	 * iPAddress entries in this order (doubles are left out). The first is the subject's common name if it is no longer
	 * than 64 bytes, and name constraints do not speak against it; else the subject is empty and the names are critical
	 * (RFC 5280 section 4.2.1.6). 1 to LEAF_NAMES_MAX. */
	const struct str *names;
	size_t names_n;
	int64_t now_s;
};
/* Whether a name can stand in a certificate: one of those that names may hold. */
bool leaf_name_is_right(struct str name);

struct leaf {
	unsigned char *der; /* for mem_free */
	size_t n;
	int64_t not_after_s;
};
/* Version 3; serial of 127 bits, a hash of the CA's key, the leaf's key, the names and the dates, so that no two different
 * certificates of a CA share one; SKI, AKI, digitalSignature, serverAuth; signed with SHA-256. False with one line if a name is
 * malformed or ruled out by the CA's name constraints (ca_may_sign), or the CA has expired. */
bool leaf_make(const struct ca *ca, const struct leaf_key *k, const struct leaf_request *r, struct leaf *ret, char *ret_why,
	size_t size);

#endif
