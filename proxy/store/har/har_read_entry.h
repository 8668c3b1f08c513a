/* One entry of a HAR file as facts: a hop, and what it says about the flow that the hop is of. Not for putting hops together:
 * har_join.h. */
#ifndef VIADUCT_STORE_HAR_READ_ENTRY_H
#define VIADUCT_STORE_HAR_READ_ENTRY_H

#include "capture/record.h"
#include "store/har/har_scan.h"

#include <jansson.h>

/* A body without its content coding. */
struct har_body {
	struct text bytes;
	enum body_cut cut;
};

/* What facts point to is in the JSON, in the arena, or static. It must not be moved. */
struct har_entry {
	struct har_entry *next; /* for whoever owns it */
	json_t *json;
	struct arena *arena;
	struct text extra; /* the entry as it was, its texts emptied */
	struct hop_extra kept;
	size_t bytes; /* of memory, roughly */
	struct message request, response;
	struct hop_facts hop;
	struct har_body bodies[2]; /* by enum body_direction */
	struct str comment;

	/* Of entries that we wrote, see HAR.md. */
	bool is_ours;
	uint64_t flow_id, parent_id; /* as they were; parent_id 0: none */
	unsigned index, hops;        /* place in the chain, from 0; hops 0: it does not say how many there are */
	bool has_flow;               /* it says what became of the flow */

	/* What it tells of the flow as a whole: of ours, the beginning stands in the first entry of a flow, the end in the
	 * last. */
	struct exchange_facts flow;
	struct message received, delivered; /* flow.request and flow.response where they differ from those of the hop */
	struct tls_leg client_tls;
	struct har_body made; /* response body that was made by the proxy itself */
};

/* Takes the texts of the cut over. default_us: when it began, if it does not say. NULL with one line in ret_why: it is of no
 * use. */
struct har_entry *har_entry_read(struct har_cut *cut, int64_t default_us, char *ret_why, size_t size);
void har_entry_free(struct har_entry *e); /* NULL is fine */

#endif
