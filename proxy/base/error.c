/* The error table and the names of its columns. Not for deciding anything: that is done where an error strikes. */
#include "base/error.h"

#include <string.h>

static const struct error_row rows[ERR_count] = {
	[ERR_none] = {"none", BLAME_PROXY, PHASE_ARRIVE, 0, false, "", "no error"},
#define ERROR_ROW(name, blame, phase, status, retryable, proxy_status, sentence)                                               \
	[ERR_##name] = {#name, BLAME_##blame, PHASE_##phase, status, retryable, proxy_status, sentence},
#include "base/error.def"
#undef ERROR_ROW
	[ERR_cancelled] = {"cancelled", BLAME_CLIENT, PHASE_RECEIVE, 0, false, "", "the client went away"},
};

const struct error_row *error_row(enum error e)
{
	/* A number from outside the table is a fault of ours, and the row for that is at hand. */
	if ((unsigned)e >= ERR_count)
		return &rows[ERR_internal];
	return &rows[e];
}

const char *error_name(enum error e)
{
	return error_row(e)->name;
}

const char *blame_name(enum blame b)
{
	switch (b) {
	case BLAME_CLIENT:
		return "client";
	case BLAME_ORIGIN:
		return "origin";
	case BLAME_PROXY:
		return "proxy";
	case BLAME_OPERATOR:
		return "operator";
	}
	return "unknown";
}

const char *phase_name(enum phase p)
{
	static const char *const names[] = {
		[PHASE_ARRIVE] = "arrive",
		[PHASE_ACCESS] = "access",
		[PHASE_QUEUE] = "queue",
		[PHASE_RESOLVE] = "resolve",
		[PHASE_CONNECT] = "connect",
		[PHASE_TLS] = "tls",
		[PHASE_SEND] = "send",
		[PHASE_WAIT] = "wait",
		[PHASE_RECEIVE] = "receive",
		[PHASE_TUNNEL] = "tunnel",
		[PHASE_FOLLOW] = "follow",
	};

	if ((size_t)p >= sizeof(names) / sizeof(names[0]))
		return "unknown";
	return names[p];
}

enum error error_of_name(const char *name)
{
	for (int e = 0; e < ERR_count; e++) {
		if (strcmp(rows[e].name, name) == 0)
			return (enum error)e;
	}
	return ERR_count;
}
