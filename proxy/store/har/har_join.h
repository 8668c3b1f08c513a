/* Hops of a file to the flows that they are of: entries that we wrote name their flow, and wait for the others of it, in any
 * order; those of other programs are flows of one hop. Bounded: what waits for longest goes as it is when too much waits, and so
 * does a flow that has too many hops; what comes of it later is a flow of its own. */
#ifndef VIADUCT_STORE_HAR_JOIN_H
#define VIADUCT_STORE_HAR_JOIN_H

#include "store/har/har_numbers.h"
#include "store/har/har_read_entry.h"

#include <stdbool.h>

enum {
	HAR_JOIN_CHAINS = 1000,
	HAR_JOIN_HOPS = 1000, /* of a flow; redirects.max_hops and retries come to less */
	HAR_JOIN_BYTES = 64 * 1024 * 1024
};

struct har_chain;

struct har_join {
	uint64_t (*next_id)(void *owner);
	bool (*take)(void *owner, struct record *r);
	void *owner;
	/* Zero at the beginning. */
	struct har_chain *first; /* that wait, the oldest first */
	size_t n, bytes;
	struct har_numbers parents;
};

/* Takes the entry over. False if take had enough. */
bool har_join_add(struct har_join *j, struct har_entry *e);
/* Gives out what waits. The same. */
bool har_join_flush(struct har_join *j);
/* Frees what waits. */
void har_join_fini(struct har_join *j);

/* The flow of entries in the order of their hops, as a record; parent_id: as it is here (har_flow.c). */
struct record *har_flow_record(struct har_entry *first, uint64_t id, uint64_t parent_id);

#endif
