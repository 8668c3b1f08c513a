/* A bounded queue of pointers between two threads: one pushes, one pops, neither locks. The popper can sleep on an eventfd
 * (a futex would need its own wait loop; an eventfd also fits an event loop). */
#ifndef VIADUCT_BASE_RING_H
#define VIADUCT_BASE_RING_H

#include <stdbool.h>
#include <stddef.h>

struct ring;

/* slots: a power of two. wake_fd: an eventfd that is written when something was pushed while the popper had announced sleep
 * (ring_sleep); several rings may share one. The caller keeps the fd. */
struct ring *ring_new(size_t slots, int wake_fd);
/* Items still inside are not freed. */
void ring_free(struct ring *r);

/* Pusher's side. False when full. */
bool ring_push(struct ring *r, void *item) __attribute__((warn_unused_result));
size_t ring_room(const struct ring *r);

/* Popper's side. NULL when empty. */
void *ring_pop(struct ring *r);
/* Announces that the popper is about to sleep on wake_fd; true if the ring is empty and it may, false if there is work. */
bool ring_sleep(struct ring *r);

#endif
