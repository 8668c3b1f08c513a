/* What an address stands for: the public network, or something nearer to us that a stranger must not be able to choose
 * (server-side request forgery). From the IANA special-purpose registries (RFC 6890, RFC 8190) and from where clouds serve
 * their metadata. */
#ifndef VIADUCT_NET_ADDRESS_CLASS_H
#define VIADUCT_NET_ADDRESS_CLASS_H

#include "base/str.h"
#include "net/address.h"

#include <stdbool.h>

enum address_class {
	ADDRESS_PUBLIC,
	ADDRESS_RESERVED, /* not globally reachable by registry: documentation, benchmarks, 240.0.0.0/4, IPv6 outside 2000::/3 */
	ADDRESS_PRIVATE,  /* RFC 1918 */
	ADDRESS_SHARED,   /* RFC 6598: 100.64.0.0/10 */
	ADDRESS_UNIQUE_LOCAL, /* RFC 4193: fc00::/7; site-local fec0::/10 too */
	ADDRESS_LOOPBACK,     /* 127.0.0.0/8, ::1 */
	ADDRESS_LINK_LOCAL,   /* 169.254.0.0/16, fe80::/10 */
	ADDRESS_METADATA,     /* where clouds answer about themselves: 169.254.169.254, fd00:ec2::254 and the like */
	ADDRESS_MULTICAST,
	ADDRESS_BROADCAST,
	ADDRESS_UNSPECIFIED, /* 0.0.0.0, :: */
	ADDRESS_SELF,        /* a listener of this proxy: never from address_class_of, the owner of the listeners knows */
	ADDRESS_CLASS_COUNT
};

/* "public", "reserved", "private", "shared", "unique-local", "loopback", "link-local", "metadata", "multicast", "broadcast",
 * "unspecified", "self" */
const char *address_class_name(enum address_class c);
bool address_class_of_name(struct str name, enum address_class *ret);

/* The class of what is really reached: an IPv4 address inside an IPv6 one (v4-mapped, v4-compatible, NAT64 64:ff9b::/96 and
 * 64:ff9b:1::/48, 6to4, Teredo) counts as that IPv4 address; for the local-use NAT64 prefix never as public. No address:
 * unspecified. */
enum address_class address_class_of(const struct address *a);

/* How far inside an address is: 0 public; 1 private networks (reserved, private, shared, unique-local); 2 loopback; 3 what no
 * redirect may choose (link-local, metadata, multicast, broadcast, unspecified, self). */
unsigned address_class_depth(enum address_class c);

/* True if a chain whose first request reached an address of class from may go on to one of class to: never deeper than it
 * began, and never into depth 3; allowed holds the classes (bits 1u << class) that are fine regardless, ADDRESS_SELF
 * excepted. */
bool address_class_may_follow(enum address_class from, enum address_class to, unsigned allowed);

#endif
