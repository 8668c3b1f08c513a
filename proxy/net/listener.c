/* Listening sockets. */
#include "base/log.h"
#include "base/mem.h"
#include "net/loop_internal.h"
#include "net/tcp.h"
#include "net/tcp_internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

enum {
	ACCEPTS_PER_TURN = 64,
	EXHAUSTED_PAUSE_MS = 100 /* no descriptor or memory left: give the others time to end */
};

struct listener {
	struct loop *loop;
	int fd;
	struct address local;
	bool is_paused, is_exhausted, is_closed, is_watching;
	struct event event;
	struct timer resume;
	void (*on_accept)(void *owner, struct transport *t);
	void *owner;
};

/* A bound socket; -1 with errno. */
static int bind_socket(const struct address *a, bool is_shared)
{
	const int on = 1;
	int fd = socket(a->ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int saved;

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
		(!is_shared || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0) &&
		(a->ss.ss_family != AF_INET6 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == 0) &&
		bind(fd, (const struct sockaddr *)&a->ss, a->len) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

int tcp_listen(struct address *address)
{
	int fd = bind_socket(address, true);
	struct address taken = {.len = sizeof(taken.ss)};
	int saved;

	if (fd < 0)
		return -1;
	tcp_set_options(fd);
	if (listen(fd, SOMAXCONN) == 0 && getsockname(fd, (struct sockaddr *)&taken.ss, &taken.len) == 0) {
		*address = taken;
		return fd;
	}
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

bool tcp_can_listen(const struct address *address)
{
	int fd = bind_socket(address, false);

	if (fd < 0)
		return false;
	/* A shared port can be bound beside its listeners; only listen tells that it is taken. */
	if (listen(fd, 1) != 0) {
		int saved = errno;

		close(fd);
		errno = saved;
		return false;
	}
	close(fd);
	return true;
}

/* Sets or takes off the accept event as the state asks for. */
static void update_watch(struct listener *l)
{
	bool should_watch = !l->is_closed && !l->is_paused && !l->is_exhausted;

	if (should_watch == l->is_watching)
		return;
	if (should_watch) {
		l->is_watching = event_add(&l->event, NULL) == 0;
	} else {
		event_del(&l->event);
		l->is_watching = false;
	}
}

/* Tries again after the pause. */
static void on_resume(void *owner)
{
	struct listener *l = owner;

	l->is_exhausted = false;
	update_watch(l);
}

/* Nothing can be accepted now: one line, a pause. */
static void pause_exhausted(struct listener *l, int os_error)
{
	log_warn("clients cannot be accepted now: %s", strerrordesc_np(os_error));
	l->is_exhausted = true;
	timer_set(&l->resume, EXHAUSTED_PAUSE_MS);
	update_watch(l);
}

/* Accepts one; false when there is no more now. */
static bool accept_one(struct listener *l)
{
	struct address peer = {.len = sizeof(peer.ss)};
	int fd = accept4(l->fd, (struct sockaddr *)&peer.ss, &peer.len, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0) {
		l->on_accept(l->owner, tcp_wrap(l->loop, fd, &peer, address_is_unspecified(&l->local) ? NULL : &l->local));
		return true;
	}
	if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
		pause_exhausted(l, errno);
	/* Errors of a client that is gone already are passed over (accept(2)). */
	return errno != EAGAIN && errno != EINVAL && errno != EBADF;
}

static void on_acceptable(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;

	(void)fd;
	(void)what;
	loop_woke(l->loop);
	/* on_accept may pause or free the listener; the reaper keeps the memory until the turn ends. */
	for (int n = 0; n < ACCEPTS_PER_TURN && l->is_watching; n++) {
		if (!accept_one(l))
			break;
	}
}

struct listener *listener_new(struct loop *loop, int fd, void (*on_accept)(void *owner, struct transport *t), void *owner)
{
	struct listener *l = mem_calloc(1, sizeof(*l));
	socklen_t len = sizeof(l->local.ss);

	l->loop = loop;
	l->fd = fd;
	l->on_accept = on_accept;
	l->owner = owner;
	if (getsockname(fd, (struct sockaddr *)&l->local.ss, &len) == 0)
		l->local.len = len;
	timer_init(&l->resume, loop, on_resume, l);
	event_assign(&l->event, loop->base, fd, EV_READ | EV_PERSIST, on_acceptable, l);
	update_watch(l);
	return l;
}

void listener_pause(struct listener *l, bool pause)
{
	l->is_paused = pause;
	update_watch(l);
}

void listener_free(struct listener *l)
{
	if (l == NULL)
		return;
	l->is_closed = true;
	update_watch(l);
	timer_stop(&l->resume);
	close(l->fd);
	loop_reap(l->loop, l, mem_free);
}
