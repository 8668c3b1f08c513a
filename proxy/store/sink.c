/* Lines to a descriptor. Not for what stands in them: access_log.c, terminal.c. */
#include "store/sink.h"

#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

/* A blocking pipe or terminal that says it is writable takes PIPE_BUF bytes; what does not block may be given more. */
enum { BLOCKING_PIECE_BYTES = 4096, PIECE_BYTES = 256 * 1024 };

void sink_init(struct sink *s, int fd, const char *name)
{
	int flags = fd >= 0 ? fcntl(fd, F_GETFL) : 0;

	*s = (struct sink){.fd = fd, .name = mem_strdup(name)};
	s->piece = flags > 0 && (flags & O_NONBLOCK) ? PIECE_BYTES : BLOCKING_PIECE_BYTES;
}

void sink_fini(struct sink *s)
{
	sink_flush(s);
	if (s->fd > STDERR_FILENO)
		close(s->fd);
	mem_free(s->name);
	text_fini(&s->text);
	*s = (struct sink){.fd = -1};
}

struct text *sink_line(struct sink *s)
{
	if (s->fd < 0)
		return NULL;
	if (s->text.len < SINK_MAX_BYTES)
		return &s->text;
	s->lost_lines++;
	return NULL;
}

static void note_failure(struct sink *s, int error)
{
	if (!s->is_failing)
		log_error("%s: cannot be written: %s; the proxy goes on, and tries again", s->name, strerror(error));
	s->is_failing = true;
}

static void note_success(struct sink *s)
{
	if (s->is_failing)
		log_info("%s: written again", s->name);
	if (s->lost_lines > 0)
		log_warn("%s: %" PRIu64 " lines were left out", s->name, s->lost_lines);
	s->is_failing = false;
	s->lost_lines = 0;
}

/* Files are always writable; a terminal that is stopped and a pipe that nobody reads are not. */
static bool can_write(const struct sink *s)
{
	struct pollfd p = {.fd = s->fd, .events = POLLOUT};

	return poll(&p, 1, 0) == 1 && (p.revents & (POLLOUT | POLLERR | POLLHUP)) != 0;
}

void sink_flush(struct sink *s)
{
	size_t done = 0;

	while (done < s->text.len && can_write(s)) {
		size_t left = s->text.len - done;
		ssize_t n = write(s->fd, s->text.p + done, left < s->piece ? left : s->piece);

		if (n > 0) {
			done += (size_t)n;
		} else if (n < 0 && errno != EINTR) {
			if (errno != EAGAIN)
				note_failure(s, errno);
			break;
		}
	}
	if (done > 0) {
		text_drop(&s->text, done);
		note_success(s);
	}
}
