/* What the files of net/ see of the loop; nobody else includes this. */
#ifndef VIADUCT_NET_LOOP_INTERNAL_H
#define VIADUCT_NET_LOOP_INTERNAL_H

#include "base/list.h"
#include "net/loop.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <event2/event.h>
#include <event2/event_struct.h>

struct reap {
	void *p;
	void (*free_fn)(void *p);
};

/* A binary heap of timers by armed_us. */
struct timer_heap {
	struct timer **slots;
	size_t n, room;
};

struct signal_watch {
	struct loop *loop;
	struct event *event;
	void (*on_signal)(void *owner, int signum);
	void *owner;
	struct signal_watch *next;
};

struct loop {
	struct event_base *base;
	bool should_stop;
	bool is_turning;
	bool is_now_stale; /* the clock has not been read since the loop slept */
	int64_t now_us;

	struct list tasks; /* for this turn */
	struct list later; /* for the next turn, after its events */
	struct reap *reaps;
	size_t reaps_n, reaps_room;

	struct timer_heap timers;
	struct event wake;
	int64_t wake_us; /* what the wake event is set to; 0: not set */

	pthread_mutex_t posts_lock;
	struct list posts;
	int posts_fd;
	struct watch *posts_watch;

	struct signal_watch *signals;
};

/* The first thing every callback of libevent does: reads the clock once per turn. */
void loop_woke(struct loop *l);
/* As loop_defer, but for the next turn: others get their turn first. */
void loop_defer_later(struct loop *l, struct task *t);

/* Runs what is due. Timers that were moved to a later time are only put in their new place. */
void timer_heap_run(struct loop *l);
/* When the earliest timer is armed; 0: there is none. */
int64_t timer_heap_next_us(const struct timer_heap *h);
void timer_heap_free(struct timer_heap *h);

/* For posts from other threads: an eventfd and a locked list. */
bool loop_posts_init(struct loop *l);
void loop_posts_fini(struct loop *l);
/* Runs what was posted; true if there was something. */
bool loop_posts_run(struct loop *l);

#endif
