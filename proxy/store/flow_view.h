/* Flows as they are read from the flow database: the rows of its tables. Strings are valid during the call that gives them, and
 * hostile; an absent one is empty. The members have the names of the columns (SCHEMA.md). */
#ifndef VIADUCT_STORE_FLOW_VIEW_H
#define VIADUCT_STORE_FLOW_VIEW_H

#include "base/str.h"
#include "http/message.h"

#include <stdbool.h>
#include <stdint.h>

struct tunnel_view {
	uint64_t up_bytes, down_bytes;
	struct str sni, alpn, tls_version, ja4;
	bool has_hello, has_ech;
};

struct flow_view {
	uint64_t id;
	int64_t change, run, worker, client_id, client_request;
	struct str client, listener, user;
	int64_t started_us;
	int64_t ended_us, duration_us; /* -1: not ended */
	struct str method, url, scheme, host, path, query;
	int64_t port;   /* -1: none */
	int64_t status; /* -1: no response */
	struct str content_type, outcome, error, detail;
	uint64_t request_head_bytes, request_body_bytes, response_head_bytes, response_body_bytes;
	int64_t hops;
	bool is_tunnel;
	struct tunnel_view tunnel; /* if is_tunnel */
};

bool flow_view_is_pending(const struct flow_view *v);
/* What went through: of a tunnel both ways, else the response's body. */
uint64_t flow_view_bytes(const struct flow_view *v);

enum { HOP_PHASES = 7 };
/* "queue", "resolve", "connect", "tls", "send", "wait", "receive" */
const char *hop_phase_name(size_t i);

struct hop_view {
	int64_t number;
	struct str reason, url, peer;
	bool is_reused, is_reply, tls_resumed;
	int64_t status; /* -1: no response */
	struct str tls_version, tls_cipher;
	int64_t started_us;
	int64_t times_us[HOP_PHASES]; /* -1: not reached or not needed */
	uint64_t request_head_bytes, request_body_bytes, response_head_bytes, response_body_bytes;
	struct str error, detail, decision, dropped;
};

struct head_view {
	struct str start_line;
	struct fields fields, trailers; /* as they were, byte by byte */
};

#endif
