/* The recorder: an observer, one per worker, that copies exchanges into self-contained records for the store and pushes them
 * through a ring. Every flow is kept: when the ring is full, records wait in a list here, and the worker is asked to take no
 * new requests until the list is empty again (capture.overload: wait).
 * Bodies are copied as they pass, up to body_limit each; pieces of BODY_PART_BYTES go to the store at once, so that a long body costs
 * no more memory than a short one. What waits for the store, over all workers, is counted (backlog.h): beyond `memory` bytes the
 * overload begins: wait asks for a pause, shed cuts the bodies that pass; at four times as much they are cut in either mode, since
 * a body that passes is never delayed. Every cut is marked.
 * A flow that is in flight for longer than RECORDER_OPEN_MS gets a record of what is known so far, and again every second
 * that it changed, so that it can be seen; shorter ones cost one record. These glimpses are a service, not a record: they are
 * bounded (RECORDER_GLIMPSES at a time), and left out while the store is behind. */
#ifndef VIADUCT_CAPTURE_RECORDER_H
#define VIADUCT_CAPTURE_RECORDER_H

#include "base/ring.h"
#include "core/observer.h"
#include "net/loop.h"

enum { RECORDER_OPEN_MS = 250, RECORDER_AGAIN_MS = 1000, RECORDER_GLIMPSES = 500 };

struct recorder;

enum { RECORDER_NO_BODIES = -1 };

struct recorder_limits {
	/* Bytes of each body; 0: none, which is marked as a cut; RECORDER_NO_BODIES: nobody wants to know of bodies. What holds when a body begins holds
	 * to its end. */
	int64_t body_limit;
	int64_t memory;   /* bytes */
	bool is_shedding; /* capture.overload: shed */
};

struct recorder_needs {
	struct loop *loop; /* the worker's */
	struct ring *ring; /* to the store's thread; outlives the recorder */
	struct backlog *backlog;
	struct recorder_limits limits;
	/* true when the worker must pause taking requests, false when it may go on */
	void (*on_overload)(void *owner, bool is_over);
	void *owner;
};

/* Call on the worker's thread or before it runs. */
struct recorder *recorder_new(const struct recorder_needs *needs);
/* On the worker's thread. For bodies that begin from now on. */
void recorder_set_limits(struct recorder *r, const struct recorder_limits *limits);
/* Pushes what is left, waiting for room (the store's thread still runs); on the worker's thread after its last exchange. */
void recorder_free(struct recorder *r);
const struct observer *recorder_observer(struct recorder *r);

#endif
