/* The health check, with a blocking socket and a deadline: one request, one status line. Not for anything that lasts. */
#include "cli/live.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* "HTTP/1.1 200" is what must have come. */
enum { STATUS_BYTES = 12 };

struct probe {
	int fd;
	int64_t deadline_us;
	char *why;
	size_t why_size;
	char where[ADDRESS_TEXT_BYTES];
};

static bool fail(struct probe *p, const char *what)
{
	snprintf(p->why, p->why_size, "%s: %s", p->where, what);
	return false;
}

/* Waits until the socket is ready for the events; false when the time is up. */
static bool await(struct probe *p, short events)
{
	struct pollfd fd = {.fd = p->fd, .events = events};

	for (;;) {
		int64_t left_us = p->deadline_us - clock_mono_us();
		int n = left_us > 0 ? poll(&fd, 1, (int)(left_us / 1000) + 1) : 0;

		if (n > 0)
			return true;
		if (n == 0)
			return fail(p, "no answer in time");
		if (errno != EINTR)
			return fail(p, strerror(errno));
	}
}

static bool connect_to(struct probe *p, const struct address *a)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (connect(p->fd, (const struct sockaddr *)&a->ss, a->len) == 0)
		return true;
	if (errno != EINPROGRESS)
		return fail(p, strerror(errno));
	if (!await(p, POLLOUT))
		return false;
	if (getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		error = errno;
	return error == 0 || fail(p, strerror(error));
}

/* A question about the proxy itself, which is no flow. The request is far smaller than any socket buffer. */
static bool send_request(struct probe *p)
{
	char request[256];
	int n = snprintf(request, sizeof(request), "OPTIONS * HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", p->where);

	return send(p->fd, request, (size_t)n, MSG_NOSIGNAL) == n || fail(p, strerror(errno));
}

static bool read_status(struct probe *p, char line[STATUS_BYTES])
{
	size_t len = 0;

	while (len < STATUS_BYTES) {
		ssize_t n;

		if (!await(p, POLLIN))
			return false;
		n = recv(p->fd, line + len, STATUS_BYTES - len, 0);
		if (n == 0)
			return fail(p, "closed without an answer");
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return fail(p, strerror(errno));
		len += n > 0 ? (size_t)n : 0;
	}
	return true;
}

static bool judge(struct probe *p, struct str line)
{
	uint64_t status;
	char what[64];

	if (!str_starts(line, STR("HTTP/1.")) || !str_to_u64(str_from(line, STATUS_BYTES - 3), 999, &status))
		return fail(p, "the answer is not HTTP");
	if (status < 500)
		return true;
	snprintf(what, sizeof(what), "answered with status %u", (unsigned)status);
	return fail(p, what);
}

bool live_check(const struct address *a, int limit_ms, char *ret_why, size_t size)
{
	struct probe p = {.deadline_us = clock_mono_us() + limit_ms * INT64_C(1000), .why = ret_why, .why_size = size};
	char line[STATUS_BYTES];
	bool ok;

	address_format(a, p.where);
	p.fd = socket(a->ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (p.fd < 0)
		return fail(&p, strerror(errno));
	ok = connect_to(&p, a) && send_request(&p) && read_status(&p, line) && judge(&p, (struct str){line, STATUS_BYTES});
	close(p.fd);
	return ok;
}
