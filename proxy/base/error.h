/* The error table: one row of error.def feeds the enum, the response, the record, the counter, the log, the API and the UI. */
#ifndef VIADUCT_BASE_ERROR_H
#define VIADUCT_BASE_ERROR_H

#include <stdbool.h>
#include <stddef.h>

enum error {
	ERR_none = 0,
#define ERROR_ROW(name, blame, phase, status, retryable, proxy_status, sentence) ERR_##name,
#include "base/error.def"
#undef ERROR_ROW
	/* The client went away: an outcome, not a fault; no row of its own. */
	ERR_cancelled,
	ERR_count
};

enum blame { BLAME_CLIENT, BLAME_ORIGIN, BLAME_PROXY, BLAME_OPERATOR };

/* The part of an exchange in which an error struck. */
enum phase {
	PHASE_ARRIVE,
	PHASE_ACCESS,
	PHASE_QUEUE,
	PHASE_RESOLVE,
	PHASE_CONNECT,
	PHASE_TLS,
	PHASE_SEND,
	PHASE_WAIT,
	PHASE_RECEIVE,
	PHASE_TUNNEL,
	PHASE_FOLLOW
};

struct error_row {
	const char *name;
	enum blame blame;
	enum phase phase;
	int status; /* to the client, where nothing was delivered yet */
	bool is_retryable;
	const char *proxy_status; /* RFC 9209 section 2.3 */
	const char *sentence;
};

/* The row of an error; ERR_none and ERR_cancelled have rows with status 0. */
const struct error_row *error_row(enum error e);
const char *error_name(enum error e);
const char *blame_name(enum blame b);
const char *phase_name(enum phase p);
/* Looks a name up; ERR_count if there is none. */
enum error error_of_name(const char *name);

#define MUST_CHECK __attribute__((warn_unused_result))

#endif
