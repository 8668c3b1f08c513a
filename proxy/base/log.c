/* The operational log on stderr. Not for flows: those are recorded. */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* With the newline. Below PIPE_BUF, so that lines of several processes on one pipe do not mix either. */
enum { LINE_BYTES = 1024 };

static atomic_int level_now = LOG_INFO;

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&level_now, (int)level, memory_order_relaxed);
}

enum log_level log_level(void)
{
	return (enum log_level)atomic_load_explicit(&level_now, memory_order_relaxed);
}

const char *log_level_name(enum log_level level)
{
	switch (level) {
	case LOG_ERROR:
		return "error";
	case LOG_WARN:
		return "warn";
	case LOG_INFO:
		return "info";
	case LOG_DEBUG:
		return "debug";
	}
	return "unknown";
}

static bool is_control(unsigned char c)
{
	return c < 0x20 || c == 0x7f;
}

/* Puts text behind the len bytes of line, control bytes as \xNN; what does not fit is replaced by "...". */
static size_t line_put(char *line, size_t len, const char *text)
{
	static const char hex[] = "0123456789abcdef";
	static const char cut[] = "...";
	const size_t limit = LINE_BYTES - sizeof(cut); /* leaves room for the mark and the newline */

	for (const char *p = text; *p != '\0'; p++) {
		unsigned char c = (unsigned char)*p;

		if (len + (is_control(c) ? 4 : 1) > limit) {
			memcpy(line + len, cut, sizeof(cut) - 1);
			return len + sizeof(cut) - 1;
		}
		if (!is_control(c)) {
			line[len++] = *p;
			continue;
		}
		line[len++] = '\\';
		line[len++] = 'x';
		line[len++] = hex[c >> 4];
		line[len++] = hex[c & 15];
	}
	return len;
}

/* One write, so that lines of several threads do not mix. A stderr that is gone or full is nothing to stop for. */
static void line_write(const char *line, size_t len)
{
	ssize_t n;

	do {
		n = write(STDERR_FILENO, line, len);
	} while (n < 0 && errno == EINTR);
}

void log_write(enum log_level level, const char *format, ...)
{
	int saved_errno = errno; /* callers log first and look at errno after */
	char text[LINE_BYTES], line[LINE_BYTES];
	size_t len;
	va_list args;

	if (level > log_level())
		return;
	va_start(args, format);
	if (vsnprintf(text, sizeof(text), format, args) < 0)
		text[0] = '\0';
	va_end(args);
	len = line_put(line, 0, "viaduct: ");
	if (level != LOG_INFO) {
		len = line_put(line, len, log_level_name(level));
		len = line_put(line, len, ": ");
	}
	len = line_put(line, len, text);
	line[len++] = '\n';
	line_write(line, len);
	errno = saved_errno;
}
