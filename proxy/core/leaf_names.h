/* Which names a leaf is for, and what it is looked up by. Inside of leaves.c. */
#ifndef VIADUCT_CORE_LEAF_NAMES_H
#define VIADUCT_CORE_LEAF_NAMES_H

#include "base/str.h"
#include "core/leaves.h"
#include "core/server_name.h"
#include "pki/ca.h"
#include "pki/leaf.h"

#include <stdbool.h>
#include <stddef.h>

enum { LEAF_NAME_BYTES = SERVER_NAME_BYTES + 2, LEAF_KEY_BYTES = LEAF_NAME_BYTES + 32 };

struct leaf_names {
	struct str all[LEAF_NAMES_MAX]; /* in texts; the first covers the host that is asked for */
	size_t n;
	char key[LEAF_KEY_BYTES]; /* the first, and a digest of the others */
	char texts[LEAF_NAMES_MAX][LEAF_NAME_BYTES];
};

/* False with words in ret_why if the CA may not sign for the host, or the host cannot stand in a certificate. */
bool leaf_names_choose(const struct ca *ca, const struct leaf_ask *ask, struct leaf_names *ret, char *ret_why, size_t size);

#endif
