/* See wire.h. */
#include "cli/wire.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

bool wire_fail(struct wire *w, const char *what)
{
	snprintf(w->why, w->why_size, "%s: %s", w->where, what);
	return false;
}

/* Waits until the socket is ready for the events; false when the time is up. */
static bool await(struct wire *w, short events)
{
	struct pollfd fd = {.fd = w->fd, .events = events};

	for (;;) {
		int64_t left_us = w->deadline_us - clock_mono_us();
		int n = left_us > 0 ? poll(&fd, 1, (int)(left_us / 1000) + 1) : 0;

		if (n > 0)
			return true;
		if (n == 0)
			return wire_fail(w, "no answer in time");
		if (errno != EINTR)
			return wire_fail(w, strerror(errno));
	}
}

static bool connect_to(struct wire *w, const struct address *a)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (connect(w->fd, (const struct sockaddr *)&a->ss, a->len) == 0)
		return true;
	if (errno != EINPROGRESS)
		return wire_fail(w, strerror(errno));
	if (!await(w, POLLOUT))
		return false;
	if (getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		error = errno;
	return error == 0 || wire_fail(w, strerror(error));
}

bool wire_open(struct wire *w, const struct address *to, int limit_ms, char *ret_why, size_t size)
{
	*w = (struct wire){
		.fd = socket(to->ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
		.deadline_us = clock_mono_us() + limit_ms * INT64_C(1000),
		.why = ret_why,
		.why_size = size,
	};
	address_format(to, w->where);
	if (w->fd < 0)
		return wire_fail(w, strerror(errno));
	if (connect_to(w, to))
		return true;
	wire_close(w);
	return false;
}

void wire_close(struct wire *w)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}

bool wire_send(struct wire *w, struct str bytes)
{
	while (bytes.len > 0) {
		ssize_t n = send(w->fd, bytes.p, bytes.len, MSG_NOSIGNAL);

		if (n >= 0)
			bytes = str_from(bytes, (size_t)n);
		else if (errno == EAGAIN && !await(w, POLLOUT))
			return false;
		else if (errno != EAGAIN && errno != EINTR)
			return wire_fail(w, strerror(errno));
	}
	return true;
}

long wire_read(struct wire *w, char *to, size_t n)
{
	for (;;) {
		ssize_t got;

		if (!await(w, POLLIN))
			return -1;
		got = recv(w->fd, to, n, 0);
		if (got >= 0)
			return got;
		if (errno != EAGAIN && errno != EINTR) {
			wire_fail(w, strerror(errno));
			return -1;
		}
	}
}
