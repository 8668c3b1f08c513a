/* What all workers share: set before they run, read-only then, but for the counters, which are atomic. */
#ifndef VIADUCT_CORE_SHARED_H
#define VIADUCT_CORE_SHARED_H

#include "base/str.h"
#include "net/address.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct gate;
struct learned;
struct leaves;
struct spooler;
struct tls_tickets;
struct verifier;

struct shared {
	_Atomic uint64_t next_flow_id;
	_Atomic uint64_t next_client_id;
	_Atomic int64_t clients;     /* open now, over all workers */
	_Atomic uint64_t flows_done; /* exchanges that ended */
	struct verifier *verifier;   /* checks passwords on a thread of its own */
	struct spooler *spooler;     /* keeps request bodies for replay on a thread of its own */
	struct gate *gate;           /* connections per origin, over all workers */
	struct leaves *leaves;       /* certificates for clients; NULL: no tunnel is opened */
	struct learned *learned;     /* clients that refuse them */
	struct tls_tickets *tickets; /* sessions of clients */
	struct address *own;         /* every address that reaches one of our listeners */
	size_t own_n;
	struct str inspector_url; /* for the help page; empty if it is off */
};

#endif
