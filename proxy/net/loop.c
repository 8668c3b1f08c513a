/* The turns of a loop: events of libevent, timers, deferred tasks, reaper; in this order. Not for timers (timer.c), posts from
 * other threads (post.c), or signals and plain descriptors (watch.c). */
#include "net/loop.h"

#include "base/clock.h"
#include "base/mem.h"
#include "net/loop_internal.h"

enum {
	TASKS_PER_TURN = 10000, /* then sockets are looked at again, so that tasks that queue tasks cannot starve them */
	REAPS_ROOM = 64
};

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct loop *l = arg;

	(void)fd;
	(void)what;
	loop_woke(l);
	l->wake_us = 0;
}

struct loop *loop_new(void)
{
	struct loop *l = mem_calloc(1, sizeof(*l));
	struct event_config *config = event_config_new();

	/* One thread turns a base, so its locks would be waste. */
	if (config != NULL && event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK) == 0)
		l->base = event_base_new_with_config(config);
	if (config != NULL)
		event_config_free(config);
	list_init(&l->tasks);
	list_init(&l->later);
	l->now_us = clock_mono_us();
	if (l->base == NULL || evtimer_assign(&l->wake, l->base, on_wake, l) != 0 || !loop_posts_init(l)) {
		if (l->base != NULL)
			event_base_free(l->base);
		mem_free(l);
		return NULL;
	}
	return l;
}

/* Runs the deferred tasks of this turn. */
static void run_tasks(struct loop *l)
{
	struct list *node;

	for (int n = 0; n < TASKS_PER_TURN && (node = list_take(&l->tasks)) != NULL; n++) {
		struct task *t = LIST_ITEM(node, struct task, node);

		t->run(t->owner);
	}
}

/* Frees what was given to the reaper; a free function may give it more. */
static void run_reaps(struct loop *l)
{
	while (l->reaps_n != 0) {
		struct reap r = l->reaps[--l->reaps_n];

		r.free_fn(r.p);
	}
}

static void free_signals(struct loop *l)
{
	while (l->signals != NULL) {
		struct signal_watch *s = l->signals;

		l->signals = s->next;
		event_free(s->event);
		mem_free(s);
	}
}

void loop_free(struct loop *l)
{
	if (l == NULL)
		return;
	l->is_turning = true;
	/* What was posted owns memory, so it runs even now. */
	while (loop_posts_run(l) || !list_is_empty(&l->tasks))
		run_tasks(l);
	loop_posts_fini(l);
	free_signals(l);
	run_reaps(l);
	if (l->wake_us != 0)
		event_del(&l->wake);
	event_base_free(l->base);
	timer_heap_free(&l->timers);
	mem_free(l->reaps);
	mem_free(l);
}

/* Lets libevent wake the loop for the earliest timer. An earlier wake-up that is set already stays: it costs one turn. */
static void set_wake(struct loop *l, int64_t until_us)
{
	int64_t next_us = timer_heap_next_us(&l->timers);
	int64_t wait_us;
	struct timeval tv;

	if (next_us == 0 || (until_us != 0 && until_us < next_us))
		next_us = until_us;
	if (next_us == 0 || (l->wake_us != 0 && l->wake_us <= next_us))
		return;
	wait_us = next_us - clock_mono_us();
	if (wait_us < 0)
		wait_us = 0;
	tv.tv_sec = (time_t)(wait_us / 1000000);
	tv.tv_usec = (suseconds_t)(wait_us % 1000000);
	if (event_add(&l->wake, &tv) == 0)
		l->wake_us = next_us;
}

/* One turn; until_us: when to come back at the latest, 0: no matter. */
static void turn(struct loop *l, int64_t until_us)
{
	int flags = EVLOOP_ONCE;

	if (!list_is_empty(&l->tasks) || !list_is_empty(&l->later))
		flags |= EVLOOP_NONBLOCK;
	else
		set_wake(l, until_us);
	l->is_now_stale = true;
	l->is_turning = true;
	event_base_loop(l->base, flags);
	loop_woke(l);
	while (!list_is_empty(&l->later))
		list_append(&l->tasks, list_take(&l->later));
	timer_heap_run(l);
	run_tasks(l);
	run_reaps(l);
	l->is_turning = false;
}

void loop_run(struct loop *l)
{
	while (!l->should_stop)
		turn(l, 0);
	l->should_stop = false;
}

void loop_turn(struct loop *l, int max_wait_ms)
{
	turn(l, clock_mono_us() + (int64_t)max_wait_ms * 1000);
}

void loop_stop(struct loop *l)
{
	l->should_stop = true;
}

void loop_woke(struct loop *l)
{
	if (!l->is_now_stale)
		return;
	l->is_now_stale = false;
	l->now_us = clock_mono_us();
}

int64_t loop_now_us(const struct loop *l)
{
	return l->is_turning ? l->now_us : clock_mono_us();
}

void task_init(struct task *t, void (*run)(void *owner), void *owner)
{
	list_init(&t->node);
	t->run = run;
	t->owner = owner;
}

void loop_defer(struct loop *l, struct task *t)
{
	if (!list_is_linked(&t->node))
		list_append(&l->tasks, &t->node);
}

void loop_defer_later(struct loop *l, struct task *t)
{
	if (!list_is_linked(&t->node))
		list_append(&l->later, &t->node);
}

void task_cancel(struct task *t)
{
	list_remove(&t->node);
}

void loop_reap(struct loop *l, void *p, void (*free_fn)(void *p))
{
	if (l->reaps_n == l->reaps_room) {
		l->reaps_room = l->reaps_room == 0 ? REAPS_ROOM : l->reaps_room * 2;
		l->reaps = mem_realloc(l->reaps, l->reaps_room * sizeof(*l->reaps));
	}
	l->reaps[l->reaps_n++] = (struct reap){p, free_fn};
}
