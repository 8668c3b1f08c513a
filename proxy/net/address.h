/* Socket addresses and networks as values. */
#ifndef VIADUCT_NET_ADDRESS_H
#define VIADUCT_NET_ADDRESS_H

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct address {
	struct sockaddr_storage ss;
	socklen_t len; /* 0: none */
};

enum { ADDRESS_TEXT_BYTES = 64 };

/* A literal IPv4 or IPv6 address (no brackets, no zone, dotted decimal only). */
bool address_parse(struct str ip, uint16_t port, struct address *ret);
/* "127.0.0.1:8080", "[::1]:8080"; "*:8080" and ":8080" mean 0.0.0.0. Port 0 is allowed. */
bool address_parse_listen(struct str text, struct address *ret);
/* "127.0.0.1:8080" or "[::1]:8080"; "" for none. Returns to. */
const char *address_format(const struct address *a, char to[ADDRESS_TEXT_BYTES]);
/* The same without the port and brackets. */
const char *address_format_host(const struct address *a, char to[ADDRESS_TEXT_BYTES]);
uint16_t address_port(const struct address *a);
void address_set_port(struct address *a, uint16_t port);
bool address_is_loopback(const struct address *a); /* v4-mapped forms too */
bool address_is_unspecified(const struct address *a);
/* Same host and port; a v4-mapped address equals its IPv4 form. */
bool address_eq(const struct address *a, const struct address *b);
/* Same host, any port. */
bool address_eq_host(const struct address *a, const struct address *b);

struct network {
	uint8_t bytes[16]; /* IPv4 as v4-mapped */
	uint8_t prefix;    /* of 128 */
};
/* "10.0.0.0/8", "::1", "fd00::/8"; bits beyond the prefix must be 0. */
bool network_parse(struct str text, struct network *ret);
bool network_has(const struct network *n, const struct address *a);

#endif
