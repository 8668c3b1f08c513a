/* The health check: one request, one status line. */
#include "cli/live.h"

#include "cli/wire.h"

#include <stdio.h>

/* "HTTP/1.1 200" is what must have come. */
enum { STATUS_BYTES = 12 };

/* A question about the proxy itself, which is no flow. */
static bool send_request(struct wire *w)
{
	char request[256];
	int n = snprintf(request, sizeof(request), "OPTIONS * HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", w->where);

	return wire_send(w, (struct str){request, (size_t)n});
}

static bool read_status(struct wire *w, char line[STATUS_BYTES])
{
	size_t len = 0;

	while (len < STATUS_BYTES) {
		long n = wire_read(w, line + len, STATUS_BYTES - len);

		if (n < 0)
			return false;
		if (n == 0)
			return wire_fail(w, "closed without an answer");
		len += (size_t)n;
	}
	return true;
}

static bool judge(struct wire *w, struct str line)
{
	uint64_t status;
	char what[64];

	if (!str_starts(line, STR("HTTP/1.")) || !str_to_u64(str_from(line, STATUS_BYTES - 3), 999, &status))
		return wire_fail(w, "the answer is not HTTP");
	if (status < 500)
		return true;
	snprintf(what, sizeof(what), "answered with status %u", (unsigned)status);
	return wire_fail(w, what);
}

bool live_check(const struct address *a, int limit_ms, char *ret_why, size_t size)
{
	struct wire w;
	char line[STATUS_BYTES];
	bool ok;

	if (!wire_open(&w, a, limit_ms, ret_why, size))
		return false;
	ok = send_request(&w) && read_status(&w, line) && judge(&w, (struct str){line, STATUS_BYTES});
	wire_close(&w);
	return ok;
}
