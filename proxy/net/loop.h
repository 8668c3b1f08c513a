/* The event loop of one thread, on libevent: tasks at the end of a turn, a reaper, timers, and posts from other threads. */
#ifndef VIADUCT_NET_LOOP_H
#define VIADUCT_NET_LOOP_H

#include "base/list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;

struct loop *loop_new(void); /* NULL if the system has no descriptor left for it */
/* Nothing of the loop may be in use any more. Posts that are left run now, so that their memory is given back; then the
 * reaper runs a last time. */
void loop_free(struct loop *l);
/* Turns until loop_stop. A turn: wait for events, run their callbacks, run deferred tasks until none is left, reap. */
void loop_run(struct loop *l);
/* One turn without blocking longer than max_wait_ms (tests). */
void loop_turn(struct loop *l, int max_wait_ms);
void loop_stop(struct loop *l);
/* CLOCK_MONOTONIC at the start of this turn. */
int64_t loop_now_us(const struct loop *l);

/* Work for the end of this turn; runs once per loop_defer, before the loop sleeps. */
struct task {
	struct list node;
	void (*run)(void *owner);
	void *owner;
};
void task_init(struct task *t, void (*run)(void *owner), void *owner);
/* Queued already: nothing happens. */
void loop_defer(struct loop *l, struct task *t);
void task_cancel(struct task *t);

/* Frees p after the deferred tasks of this turn, when no callback is running any more. */
void loop_reap(struct loop *l, void *p, void (*free_fn)(void *p));

/* A message from another thread; runs on the loop's thread. The poster gives the memory up, run frees it. Thread-safe. */
struct post {
	struct list node;
	void (*run)(struct post *p);
};
void loop_post(struct loop *l, struct post *p);

/* One-shot timers. Cheap to move: a later due time is only noted and the timer re-armed when it fires early. */
struct timer {
	struct loop *loop;
	void (*on_due)(void *owner);
	void *owner;
	int64_t due_us;   /* 0: not set */
	int64_t armed_us; /* where the heap has it; 0: not in it */
	size_t slot;
};
void timer_init(struct timer *t, struct loop *l, void (*on_due)(void *owner), void *owner);
/* In ms from now (of the turn); replaces an earlier time. */
void timer_set(struct timer *t, int64_t ms);
void timer_stop(struct timer *t);
static inline bool timer_is_set(const struct timer *t)
{
	return t->due_us != 0;
}

/* Calls on_signal in the loop's thread. One loop of the program may do this. */
void loop_on_signal(struct loop *l, int signum, void (*on_signal)(void *owner, int signum), void *owner);
/* Watches a descriptor for input (eventfd and the like); NULL from new on failure. */
struct watch;
struct watch *watch_new(struct loop *l, int fd, void (*on_readable)(void *owner), void *owner);
void watch_free(struct watch *w);

#endif
