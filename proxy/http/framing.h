/* How long a message body is and whether the transport lives on (RFC 9112 sections 6 and 9): pure decisions on a head. */
#ifndef VIADUCT_HTTP_FRAMING_H
#define VIADUCT_HTTP_FRAMING_H

#include "base/error.h"
#include "http/message.h"

#include <stdbool.h>
#include <stdint.h>

enum body_kind {
	BODY_NONE,
	BODY_LENGTH, /* Content-Length */
	BODY_CHUNKED,
	BODY_CLOSE, /* until the transport ends (responses only) */
	BODY_RAW    /* no message any more: a tunnel or an upgraded protocol */
};

struct framing {
	enum body_kind kind;
	uint64_t length;   /* of BODY_LENGTH; of a response without a body (HEAD, 304): what its Content-Length says, or 0 */
	bool keep_alive;   /* by version and Connection */
	bool expects_100;  /* a 1.1 request that has a body and exactly "Expect: 100-continue" */
	bool asks_upgrade; /* a 1.1 request without a body, with Upgrade (h2c not among it) that Connection names */
};

/* The fields on framing and the transport that a codec puts behind those of a message it sends. */
struct sent_framing {
	bool has_length, is_chunked;
	uint64_t length;
	bool close, upgrade, keep_alive; /* what Connection says; keep_alive only without the others */
};

/* Also checks Host (1.1), CONNECT, Expect and unknown codings: the guards 5, 6, 7, 10 on hostile input. Errors: ERR_bad_framing,
 * ERR_bad_host, ERR_coding_unsupported, ERR_expect_unsupported. */
enum error framing_of_request(const struct message *m, struct framing *ret) MUST_CHECK;

/* The body of a response also depends on the request: its method, and whether an upgrade was asked for. Errors:
 * ERR_response_framing, ERR_response_coding, ERR_upgrade_unasked, ERR_response_malformed. A 205 has no body and closes. */
enum error framing_of_response(const struct message *m, enum method asked, bool asked_upgrade, struct framing *ret) MUST_CHECK;

#endif
