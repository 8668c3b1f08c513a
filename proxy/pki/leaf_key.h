/* The key that all leaves share. Inside pki/ only. */
#ifndef VIADUCT_PKI_LEAF_KEY_H
#define VIADUCT_PKI_LEAF_KEY_H

#include <openssl/x509.h>

enum {
	LEAF_POINT_BYTES = 65,      /* of P-256, uncompressed */
	LEAF_KEY_ID_BYTES = 2 + 20, /* with the head of the OCTET STRING */
	LEAF_KEY_SHA256_BYTES = 32
};

struct leaf_key {
	unsigned char *der; /* PKCS#8; wiped when it goes */
	size_t n;
	unsigned char point[LEAF_POINT_BYTES];       /* its public half */
	unsigned char sha256[LEAF_KEY_SHA256_BYTES]; /* of that */
	unsigned char
		subject_key_id[LEAF_KEY_ID_BYTES]; /* value of the extension: the first 160 bits of that (RFC 7093 section 2) */
};

#endif
