/* A session: a named stretch of capturing, so that runs can be told apart. Here what its beginning says; with its end and its
 * flows, as it is read: struct session_view. */
#ifndef VIADUCT_STORE_SESSION_H
#define VIADUCT_STORE_SESSION_H

#include <stdint.h>

enum { SESSION_NAME_BYTES = 256 }; /* with the end; what is longer is cut */

struct session {
	int64_t id; /* 0: there is none */
	int64_t started_us;
	char name[SESSION_NAME_BYTES];
};

#endif
