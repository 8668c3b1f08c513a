/* A TCP transport on raw libevent events. Not for making or accepting what it is put on (tcp_connect.c, listener.c).
 *
 * Changing what epoll watches costs a system call, and between two requests nothing should. So the level-triggered read event
 * stays when its owner stops wanting to read, and is taken off only when it fires then. A transport of which nothing is wanted
 * has one edge-triggered read event instead: it never spins, and a reset by the peer is still noticed. */
#include "net/tcp.h"

#include "base/mem.h"
#include "net/loop_internal.h"
#include "net/tcp_internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/sockios.h>

enum { KEEPALIVE_IDLE_S = 60, KEEPALIVE_INTERVAL_S = 15, KEEPALIVE_PROBES = 4 };

/* What the read event is set to. */
enum read_mode { READ_OFF, READ_LEVEL, READ_QUIET };

struct tcp {
	struct transport t;
	struct loop *loop;
	int fd;
	unsigned wanted;
	enum read_mode read_mode;
	bool is_writing; /* the write event is set */
	struct event read_event, quiet_event, write_event;
};

/* The tcp around a transport. */
static struct tcp *tcp_of(struct transport *t)
{
	return (struct tcp *)(void *)t;
}

/* Keeps why the socket is broken. */
static enum io tcp_fail(struct tcp *c, int os_error)
{
	const char *words = strerrordesc_np(os_error);

	c->t.error = ERR_origin_closed;
	c->t.os_error = os_error;
	snprintf(c->t.detail, sizeof(c->t.detail), "%s", words != NULL ? words : "unknown error");
	return IO_FAILED;
}

static enum io tcp_readv(struct transport *t, const struct iovec *iov, int n, size_t *ret_n)
{
	struct tcp *c = tcp_of(t);
	ssize_t got;

	do
		got = readv(c->fd, iov, n);
	while (got < 0 && errno == EINTR);
	if (got > 0) {
		*ret_n = (size_t)got;
		return IO_DONE;
	}
	if (got == 0)
		return IO_EOF;
	return errno == EAGAIN ? IO_AGAIN : tcp_fail(c, errno);
}

static enum io tcp_writev(struct transport *t, const struct iovec *iov, int n, size_t *ret_n)
{
	struct tcp *c = tcp_of(t);
	struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = (size_t)n};
	ssize_t sent;

	do
		sent = sendmsg(c->fd, &message, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent >= 0) {
		*ret_n = (size_t)sent;
		return IO_DONE;
	}
	return errno == EAGAIN ? IO_AGAIN : tcp_fail(c, errno);
}

/* Puts the read event into a mode. libevent refuses level and edge on one descriptor, so the old one goes first. */
static void set_read_mode(struct tcp *c, enum read_mode mode)
{
	if (c->read_mode == mode)
		return;
	if (c->read_mode == READ_LEVEL)
		event_del(&c->read_event);
	else if (c->read_mode == READ_QUIET)
		event_del(&c->quiet_event);
	c->read_mode = READ_OFF;
	if (mode == READ_LEVEL && event_add(&c->read_event, NULL) == 0)
		c->read_mode = READ_LEVEL;
	else if (mode == READ_QUIET && event_add(&c->quiet_event, NULL) == 0)
		c->read_mode = READ_QUIET;
}

/* Sets or takes off the write event. */
static void set_writing(struct tcp *c, bool is_writing)
{
	if (c->is_writing == is_writing)
		return;
	if (is_writing) {
		c->is_writing = event_add(&c->write_event, NULL) == 0;
	} else {
		event_del(&c->write_event);
		c->is_writing = false;
	}
}

static void tcp_watch(struct transport *t, unsigned wanted)
{
	struct tcp *c = tcp_of(t);

	c->wanted = wanted;
	if ((wanted & READY_WRITE) == 0)
		set_writing(c, false);
	if ((wanted & READY_READ) != 0)
		set_read_mode(c, READ_LEVEL);
	else if (wanted == 0 && c->read_mode == READ_OFF)
		set_read_mode(c, READ_QUIET);
	else if (wanted != 0 && c->read_mode == READ_QUIET)
		set_read_mode(c, READ_OFF);
	if ((wanted & READY_WRITE) != 0)
		set_writing(c, true);
}

/* True if the socket is of no use any more, as opposed to half closed or full of bytes. */
static bool is_broken(const struct tcp *c)
{
	struct pollfd p = {.fd = c->fd};

	return poll(&p, 1, 0) > 0 && (p.revents & (POLLERR | POLLHUP)) != 0;
}

static void tcp_ready(struct tcp *c, unsigned ready)
{
	if (c->t.on_ready != NULL)
		c->t.on_ready(c->t.owner, ready);
}

/* The level-triggered read event. */
static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct tcp *c = arg;

	(void)fd;
	(void)what;
	loop_woke(c->loop);
	if ((c->wanted & READY_READ) != 0) {
		tcp_ready(c, READY_READ);
		return;
	}
	/* Bytes came that nobody wants now: they would make the loop spin. */
	if (c->wanted != 0) {
		set_read_mode(c, READ_OFF); /* the write event tells of errors too */
		return;
	}
	set_read_mode(c, READ_QUIET);
	if (is_broken(c))
		tcp_ready(c, READY_READ);
}

/* The edge-triggered read event, while nothing is wanted. */
static void on_quiet(evutil_socket_t fd, short what, void *arg)
{
	struct tcp *c = arg;

	(void)fd;
	(void)what;
	loop_woke(c->loop);
	if (is_broken(c))
		tcp_ready(c, READY_READ);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct tcp *c = arg;

	(void)fd;
	(void)what;
	loop_woke(c->loop);
	tcp_ready(c, READY_WRITE);
}

static void tcp_shut(struct transport *t)
{
	/* Fails only if the peer is gone, which the next read tells. */
	shutdown(tcp_of(t)->fd, SHUT_WR);
}

static void tcp_close(struct transport *t, bool abort)
{
	struct tcp *c = tcp_of(t);
	const struct linger reset = {.l_onoff = 1, .l_linger = 0};

	set_read_mode(c, READ_OFF);
	set_writing(c, false);
	if (abort)
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(c->fd);
	c->fd = -1;
	c->t.on_ready = NULL;
	loop_reap(c->loop, c, mem_free);
}

static bool tcp_is_broken(struct transport *t)
{
	return is_broken(tcp_of(t));
}

static size_t tcp_queued(struct transport *t)
{
	int queued = 0;

	return ioctl(tcp_of(t)->fd, SIOCOUTQ, &queued) == 0 && queued > 0 ? (size_t)queued : 0;
}

static const struct transport_ops tcp_ops = {
	.readv = tcp_readv,
	.writev = tcp_writev,
	.watch = tcp_watch,
	.shut = tcp_shut,
	.close = tcp_close,
	.queued = tcp_queued,
	.is_broken = tcp_is_broken,
};

/* Fills an address in: the given one, or what the system says. */
static void fill_address(struct address *to, const struct address *given, int fd,
	int (*ask)(int fd, struct sockaddr *sa, socklen_t *len))
{
	socklen_t len = sizeof(to->ss);

	if (given != NULL)
		*to = *given;
	else if (ask(fd, (struct sockaddr *)&to->ss, &len) == 0)
		to->len = len;
}

/* getpeername and getsockname are declared with attributes that keep them from being passed as they are. */
static int ask_peer(int fd, struct sockaddr *sa, socklen_t *len)
{
	return getpeername(fd, sa, len);
}

static int ask_local(int fd, struct sockaddr *sa, socklen_t *len)
{
	return getsockname(fd, sa, len);
}

struct transport *tcp_wrap(struct loop *l, int fd, const struct address *peer, const struct address *local)
{
	struct tcp *c = mem_calloc(1, sizeof(*c));

	c->t.ops = &tcp_ops;
	c->loop = l;
	c->fd = fd;
	fill_address(&c->t.peer, peer, fd, ask_peer);
	fill_address(&c->t.local, local, fd, ask_local);
	/* event_assign fails only for flags that do not go together. */
	event_assign(&c->read_event, l->base, fd, EV_READ | EV_PERSIST, on_readable, c);
	event_assign(&c->quiet_event, l->base, fd, EV_READ | EV_PERSIST | EV_ET, on_quiet, c);
	event_assign(&c->write_event, l->base, fd, EV_WRITE | EV_PERSIST, on_writable, c);
	return &c->t;
}

void tcp_set_options(int fd)
{
	const int on = 1, idle = KEEPALIVE_IDLE_S, interval = KEEPALIVE_INTERVAL_S, probes = KEEPALIVE_PROBES;

	/* Without them it works too, only later. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
}

struct transport *tcp_new(struct loop *l, int fd)
{
	tcp_set_options(fd);
	return tcp_wrap(l, fd, NULL, NULL);
}
