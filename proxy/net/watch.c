/* Signals and plain descriptors on a loop. */
#include "base/log.h"
#include "base/mem.h"
#include "net/loop.h"
#include "net/loop_internal.h"

struct watch {
	struct loop *loop;
	struct event event;
	void (*on_readable)(void *owner);
	void *owner;
};

static void on_watch_event(evutil_socket_t fd, short what, void *arg)
{
	struct watch *w = arg;

	(void)fd;
	(void)what;
	loop_woke(w->loop);
	w->on_readable(w->owner);
}

struct watch *watch_new(struct loop *l, int fd, void (*on_readable)(void *owner), void *owner)
{
	struct watch *w;

	if (fd < 0)
		return NULL; /* libevent would take it */
	w = mem_calloc(1, sizeof(*w));

	w->loop = l;
	w->on_readable = on_readable;
	w->owner = owner;
	if (event_assign(&w->event, l->base, fd, EV_READ | EV_PERSIST, on_watch_event, w) != 0 ||
		event_add(&w->event, NULL) != 0) {
		mem_free(w);
		return NULL;
	}
	return w;
}

void watch_free(struct watch *w)
{
	if (w == NULL)
		return;
	event_del(&w->event);
	/* It may be its own callback that frees it. */
	loop_reap(w->loop, w, mem_free);
}

static void on_signal_event(evutil_socket_t signum, short what, void *arg)
{
	struct signal_watch *s = arg;

	(void)what;
	loop_woke(s->loop);
	s->on_signal(s->owner, (int)signum);
}

void loop_on_signal(struct loop *l, int signum, void (*on_signal)(void *owner, int signum), void *owner)
{
	struct signal_watch *s = mem_calloc(1, sizeof(*s));

	s->loop = l;
	s->on_signal = on_signal;
	s->owner = owner;
	s->event = evsignal_new(l->base, signum, on_signal_event, s);
	if (s->event == NULL || event_add(s->event, NULL) != 0) {
		log_error("signal %d cannot be watched", signum);
		if (s->event != NULL)
			event_free(s->event);
		mem_free(s);
		return;
	}
	s->next = l->signals;
	l->signals = s;
}
