/* The gate: how many connections the whole process has to an origin, and who is next when there are as many as
 * upstream.max_per_origin allows. Shared by the workers' pools; first come, first served over all of them. Not for connections
 * themselves (pool.h).
 *
 *   gate --> line, one per origin: the places taken, and who waits, the oldest first
 *              ^ member: one worker's share of a line, in the pool's origin
 *   port: where a worker hears that one of its waiters has a place, or that others wait for what it keeps
 *
 * A place is one connection, dialled, in use or kept. One that becomes free goes to the head of the line, whichever worker's
 * that is. Where the head is of the worker whose connection becomes free, it gets the connection; where not, the connection is
 * closed first, so that there are never more than the limit, and the other worker dials. A worker that waits while another
 * keeps a connection makes that one close it.
 *
 * Up to a limit of 8 the order is strict. Beyond it, a connection that becomes free may also go to its own worker's oldest
 * waiter, if that has waited at least half as long as the head, or came less than 10 ms after it: otherwise, under load, every
 * second request would cost a reconnect. A place without a connection is the head's in any case. The workers' shares of the
 * places settle so that nobody waits much more than twice as long as others for being with the wrong worker.
 *
 * There is one lock. It is taken when a connection is opened or ends, when an origin is new to a worker or forgotten by it, and
 * when somebody waits: never for a request on a kept connection while nobody does. */
#ifndef VIADUCT_CORE_GATE_H
#define VIADUCT_CORE_GATE_H

#include "base/list.h"
#include "base/str.h"
#include "net/loop.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct gate;
struct gate_line;
struct gate_port;

struct gate *gate_new(void);
/* NULL is fine. All ports are freed, and the loops that they were made with. */
void gate_free(struct gate *g);

/* What a line is for. */
struct gate_key {
	unsigned scheme;
	uint16_t port;
	struct str host; /* copied */
};

/* One worker's share of a line. In the pool's origin; only its worker's thread may use it. */
struct gate_member {
	struct gate_line *line;
	struct gate_port *port;
	struct list node;    /* of the line's members */
	struct list asked;   /* of the port's members that are asked to make room */
	struct list waiting; /* of struct gate_waiter, this worker's, the oldest first */
	_Atomic unsigned kept;
};

/* Who waits for a place. In the lease. */
struct gate_waiter {
	struct gate_member *member;
	enum gate_wait { GATE_WAIT_NONE, GATE_WAIT_LINE, GATE_WAIT_TOLD } wait;
	struct list node;    /* of the line's, or of the port's that have a place */
	struct list of_mine; /* of the member's */
	int64_t since_us;
};

struct gate_events {
	/* The waiter has its place. */
	void (*on_place)(struct gate_waiter *w);
	/* Somebody waits in this line, and this worker keeps connections. */
	void (*on_wanted)(struct gate_member *m);
};

/* Both events come on the thread of the loop: from inside gate_leave, gate_cancel and gate_set_limit for this worker's own
 * waiters, else by a post. */
struct gate_port *gate_port_new(struct gate *g, struct loop *loop, const struct gate_events *events);
/* All members have parted. Before the loop is freed, which may hold a last post for it. */
void gate_port_free(struct gate_port *p);
/* The limit of all lines, from now on. */
void gate_set_limit(struct gate_port *p, unsigned max_per_origin);

void gate_join(struct gate_member *m, struct gate_port *p, const struct gate_key *key);
/* It holds no place, and nobody of it waits. */
void gate_part(struct gate_member *m);

/* Asks for a place. True: it is taken. False: there is none, or others wait for one; w is in line now, and on_place comes. */
bool gate_ask(struct gate_member *m, struct gate_waiter *w);
/* A connection has ended, or was not to be had: its place is free. */
void gate_leave(struct gate_member *m);
/* Stops waiting, or gives up the place that on_place has not told of yet. */
void gate_cancel(struct gate_waiter *w);

/* How many idle connections this worker keeps. Who has set it to more than before asks gate_is_waited after that: then nobody
 * who comes to wait meanwhile is overlooked. */
void gate_set_kept(struct gate_member *m, unsigned n);
/* Somebody waits in this line. */
bool gate_is_waited(const struct gate_member *m);
/* There are more connections than the limit, which was lowered. */
bool gate_is_over(const struct gate_member *m);

enum gate_next { GATE_NOBODY, GATE_OURS, GATE_OTHERS };
/* Whose turn it is when this worker has a connection to pass on. GATE_OURS: it may go to this waiter; GATE_OTHERS: it is to be
 * closed. */
enum gate_next gate_next(struct gate_member *m, struct gate_waiter **ret_w);
/* Takes the waiter out of the line: it gets a connection that has its place already. False if it was given a place of its own
 * meanwhile. */
bool gate_claim(struct gate_waiter *w);

#endif
