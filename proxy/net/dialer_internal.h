/* The order in which the addresses of a name are tried (RFC 8305 section 4): pure, no sockets. */
#ifndef VIADUCT_NET_DIALER_INTERNAL_H
#define VIADUCT_NET_DIALER_INTERNAL_H

#include "net/address.h"
#include "net/resolver_internal.h"

#include <stdbool.h>
#include <stddef.h>

/* IPv6 goes first. RFC 6724 would have more to say, but what it knows of routes a failed connect tells as fast. */
enum family { FAMILY_V6, FAMILY_V4, FAMILIES };

/* Addresses not tried yet, by family, in the order of the answer. */
struct address_queue {
	struct address items[FAMILIES][ANSWER_ADDRESSES_MAX];
	size_t n[FAMILIES], next[FAMILIES];
	enum family turn; /* whose address comes next, if it has one */
	size_t left;      /* how many may still be taken */
};

void address_queue_init(struct address_queue *q, size_t max);
/* Adds one family's answer with a port; doubles are left out. */
void address_queue_add(struct address_queue *q, const struct address *addresses, size_t n, uint16_t port);
/* Takes the next: the families take turns. False if there is none, or none may be taken any more. */
bool address_queue_take(struct address_queue *q, struct address *ret);

#endif
