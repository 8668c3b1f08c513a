/* crypt(3) hashes: is it one, does a password match. The one place that knows libcrypt. */
#ifndef VIADUCT_CONFIG_CRYPT_HASH_H
#define VIADUCT_CONFIG_CRYPT_HASH_H

#include "base/str.h"

#include <stdbool.h>

enum crypt_fault {
	CRYPT_FINE,
	CRYPT_UNKNOWN, /* no method that crypt(3) knows here, or a plain password */
	CRYPT_CUT,     /* of a known method, but too short or too long */
	CRYPT_APR1,    /* what htpasswd makes unless told otherwise; only Apache knows it */
};

/* Whether the text is a whole hash of a known method; does not hash anything. */
enum crypt_fault crypt_hash_check(const char *hash);
const char *crypt_fault_sentence(enum crypt_fault fault);
/* Slow by intent. A password with a NUL byte or of more than 511 bytes never matches, and costs the same. Thread-safe. */
bool crypt_hash_matches(const char *hash, struct str password);

#endif
