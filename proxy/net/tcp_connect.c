/* A TCP connection to one address. Not for names and choices between addresses (dialer.c). */
#include "base/mem.h"
#include "net/loop_internal.h"
#include "net/tcp.h"
#include "net/tcp_internal.h"

#include <errno.h>
#include <unistd.h>

struct tcp_connect {
	struct loop *loop;
	int fd; /* -1: there is no socket, or it was given away */
	int os_error;
	struct address to;
	bool is_watching;
	struct event event;
	struct task done; /* for what is decided at once: on_done must not come from inside the start */
	void (*on_done)(void *owner, struct transport *t, enum error error, int os_error);
	void *owner;
};

/* The error of the table for one of the system. */
static enum error connect_error(int os_error)
{
	switch (os_error) {
	case 0:
		return ERR_none;
	case ECONNREFUSED:
		return ERR_connect_refused;
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ENETDOWN:
	case EHOSTDOWN:
	case EADDRNOTAVAIL:
	case EAFNOSUPPORT:
		return ERR_connect_unreachable;
	default:
		return ERR_connect_failed;
	}
}

/* Lets go of everything; the memory goes at the end of the turn. */
static void connect_end(struct tcp_connect *c)
{
	if (c->is_watching)
		event_del(&c->event);
	c->is_watching = false;
	task_cancel(&c->done);
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	loop_reap(c->loop, c, mem_free);
}

/* Tells the owner. */
static void on_decided(void *owner)
{
	struct tcp_connect *c = owner;
	enum error error = connect_error(c->os_error);
	struct transport *t = NULL;

	/* The descriptor's event must be gone before another is put on it. */
	if (c->is_watching)
		event_del(&c->event);
	c->is_watching = false;
	if (error == ERR_none) {
		tcp_set_options(c->fd);
		t = tcp_wrap(c->loop, c->fd, &c->to, NULL);
		c->fd = -1;
	}
	connect_end(c);
	c->on_done(c->owner, t, error, c->os_error);
}

static void on_connected(evutil_socket_t fd, short what, void *arg)
{
	struct tcp_connect *c = arg;
	socklen_t len = sizeof(c->os_error);

	(void)what;
	loop_woke(c->loop);
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &c->os_error, &len) != 0)
		c->os_error = errno;
	on_decided(c);
}

/* Starts; 0, EINPROGRESS, or why not. */
static int connect_begin(struct tcp_connect *c)
{
	c->fd = socket(c->to.ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		return errno;
	if (connect(c->fd, (const struct sockaddr *)&c->to.ss, c->to.len) == 0)
		return 0;
	/* An interrupted connect goes on in the background (POSIX). */
	return errno == EINTR ? EINPROGRESS : errno;
}

struct tcp_connect *tcp_connect_start(struct loop *l, const struct address *to,
	void (*on_done)(void *owner, struct transport *t, enum error error, int os_error), void *owner)
{
	struct tcp_connect *c = mem_calloc(1, sizeof(*c));

	c->loop = l;
	c->to = *to;
	c->on_done = on_done;
	c->owner = owner;
	task_init(&c->done, on_decided, c);
	c->os_error = connect_begin(c);
	if (c->os_error == EINPROGRESS) {
		event_assign(&c->event, l->base, c->fd, EV_WRITE, on_connected, c);
		c->is_watching = event_add(&c->event, NULL) == 0;
		if (c->is_watching)
			return c;
		c->os_error = ENOMEM;
	}
	loop_defer(l, &c->done);
	return c;
}

void tcp_connect_cancel(struct tcp_connect *c)
{
	if (c != NULL)
		connect_end(c);
}
