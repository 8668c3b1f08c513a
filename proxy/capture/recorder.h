/* The recorder: an observer, one per worker, that copies exchanges into self-contained records for the store and pushes them
 * through a ring. Every flow is kept: when the ring is full, records wait in a list here, and the worker is asked to take no
 * new requests until the list is empty again (capture.overload: wait).
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

/* ring: to the store's thread; outlives the recorder. on_overload: true when the worker must pause taking requests, false when
 * it may go on. The loop must be the worker's; call on the worker's thread or before it runs. */
struct recorder *recorder_new(struct loop *l, struct ring *ring, void (*on_overload)(void *owner, bool is_over), void *owner);
/* Pushes what is left, waiting for room (the store's thread still runs); on the worker's thread after its last exchange. */
void recorder_free(struct recorder *r);
const struct observer *recorder_observer(struct recorder *r);

#endif
