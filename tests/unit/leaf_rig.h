/* Leaves as the tests of pki/ want them; to be included after cmocka. */
#ifndef VIADUCT_TESTS_LEAF_RIG_H
#define VIADUCT_TESTS_LEAF_RIG_H

#include "pki/leaf.h"

#include "pki_rig.h"

#define LABEL_60 "a23456789-a23456789-a23456789-a23456789-a23456789-a23456789x"

/* The leaf for these names (up to 4, then NULL). Fails the test if there is none. */
static inline X509 *leaf_of(const struct ca *ca, const struct leaf_key *k, const char *const names[4], int64_t now_s)
{
	struct str list[4];
	struct leaf_request r = {.names = list, .now_s = now_s};
	struct leaf leaf;
	char why[256] = "";
	X509 *certificate;

	while (r.names_n < 4 && names[r.names_n] != NULL) {
		list[r.names_n] = str_of(names[r.names_n]);
		r.names_n++;
	}
	if (!leaf_make(ca, k, &r, &leaf, why, sizeof(why)))
		fail_msg("%s: %s", names[0], why);
	certificate = x509_of((struct str){(const char *)leaf.der, leaf.n});
	mem_free(leaf.der);
	assert_non_null(certificate);
	return certificate;
}

#endif
