/* What a certificate can be for: a host's name, a wildcard, or an address (RFC 5280 section 4.2.1.6). Inside pki/ only. */
#ifndef VIADUCT_PKI_HOST_NAME_H
#define VIADUCT_PKI_HOST_NAME_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

struct host_name {
	struct str text; /* as given */
	bool is_wildcard;
	size_t octets_n; /* of an address: 4 or 16; 0: a name */
	unsigned char octets[16];
};

/* A lower-case name in ASCII form, "*." and such a name, or an IP literal without brackets and zone. False on anything else. */
bool host_name_read(struct str text, struct host_name *ret);
/* Labels of letters (of either case), digits, "-" and "_", the last one not all digits, which would be a broken address; at
 * most 253 bytes. */
bool host_name_is_domain(struct str text);
/* The octets of an IP literal: 4 or 16; 0 if it is none. */
size_t host_name_octets(struct str text, unsigned char ret[16]);

#endif
