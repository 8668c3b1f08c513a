/* What the requests inside an opened tunnel inherit from the CONNECT around them. One worker's; counted: the CONNECT, the client inside and its exchanges use it. */
#ifndef VIADUCT_CORE_NEST_H
#define VIADUCT_CORE_NEST_H

#include "core/observer.h"
#include "core/pool.h"
#include "http/url.h"

#include <stdbool.h>
#include <stdint.h>

struct nest {
	unsigned users;
	uint64_t parent_id, client_id;
	unsigned client_requests;   /* made so far on this client connection, the CONNECT included */
	enum scheme scheme;         /* of what is asked for inside */
	struct authority authority; /* where the tunnel leads */
	struct str server_name;     /* what the client verifies: of the ClientHello, else the host of authority */
	struct str user;            /* of proxy authentication */
	const struct tls_leg *tls;  /* the client's; NULL: clear text */
	struct lease *prime;        /* a connection to authority, made or being made, for the first request; NULL: none */

	/* The client inside has asked for something. NULL: nobody wants to know any more. */
	void (*on_request)(void *owner);
	void *owner;

	/* What became of the client inside. */
	unsigned requests; /* that it has made */
	bool is_other;     /* what it said first was no HTTP at all */
	char refusal[120]; /* the alert about our certificate that came after the handshake; empty: none */
};

/* Copies what the strings say. prime is not the nest's. */
struct nest *nest_new(const struct nest *from);
struct nest *nest_ref(struct nest *n);
void nest_unref(struct nest *n); /* NULL is fine */

#endif
