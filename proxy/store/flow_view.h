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
	struct str handling, why;
};

/* The client's TLS; all empty where there was none. */
struct leg_view {
	struct str version, cipher, alpn, server_name;
	int64_t resumed; /* -1: no TLS */
};

/* A captured body. */
struct kept_body {
	int64_t id;     /* of bodies; -1: none was kept */
	struct str cut; /* why it is not whole: "limit", "overload", "store", "redacted"; empty: it is */
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
	int64_t hops, redirects, retries;
	struct str final_url, final_host; /* empty: as asked for */
	int64_t parent_id;                /* -1: none */
	struct leg_view client_tls;
	bool is_tunnel;
	struct tunnel_view tunnel; /* if is_tunnel */
	int64_t session_id;
	int64_t request_length_bytes, response_length_bytes; /* of the bodies, as their heads state it; -1: not known */
	struct kept_body response_body;                      /* of a response that was made here */
	struct str comment;
};

bool flow_view_is_pending(const struct flow_view *v);
/* What went through: of a tunnel both ways, else the response's body. */
uint64_t flow_view_bytes(const struct flow_view *v);

enum { HOP_PHASES = 7 };
/* "queue", "resolve", "connect", "tls", "send", "wait", "receive" */
const char *hop_phase_name(size_t i);

/* A field that was left out on the way, and why; why is empty where an older viaduct did not note it. */
struct drop_view {
	struct str name, why;
};
struct drop_rows {
	const struct drop_view *v;
	size_t n;
};

/* A cookie that a response set: what the chain made of it, and what the client got of it (empty: not known). */
struct cookie_view {
	struct str name, fate, client;
};
struct cookie_rows {
	const struct cookie_view *v;
	size_t n;
};

/* Who an origin is: one row for each certificate at a host and port. */
struct identity_view {
	int64_t id;
	struct str host;
	int64_t port;
	struct str subject, issuer, chain, certificate_sha256, spki_sha256;
	int64_t not_before_s, not_after_s;
	int64_t first_us, last_us, shown_us;
	int64_t first_exchange_id, flows, refused_flows;
	bool is_accepted, is_verified;
};

/* At a host and port a new connection was shown another certificate than the one before it: what is "issuer", else "key",
 * else "certificate". */
struct change_view {
	int64_t id;
	struct str host;
	int64_t port;
	int64_t at_us;
	struct str what, before, after;
	int64_t before_id, after_id;
	int64_t exchange_id; /* the flow in which it was noted first */
	int64_t times, last_us;
	bool is_accepted;
};

struct hop_view {
	int64_t number;
	struct str reason, url, peer, peer_class;
	bool is_reused, is_reply, tls_resumed;
	int64_t status; /* -1: no response */
	struct str tls_version, tls_cipher, tls_alpn, tls_server_name;
	struct str tls_pin, tls_staple,
		tls_unverified;                  /* empty: not pinned; none came; nothing is wrong, or it was refused for it */
	int64_t identity_id, identity_change_id; /* -1: nobody was seen; nothing changed */
	const struct identity_view *identity;    /* NULL: nobody was seen, or the row has left */
	const struct change_view *identity_change; /* NULL: none was noted in this hop, or the row has left */
	int64_t started_us;
	int64_t delay_us;             /* back-off before it; 0: none */
	int64_t times_us[HOP_PHASES]; /* -1: not reached or not needed */
	uint64_t request_head_bytes, request_body_bytes, response_head_bytes, response_body_bytes;
	struct str error, detail, decision;
	struct str cookies_added; /* names of the chain's cookies in its request, separated by commas */
	struct drop_rows drops;
	struct cookie_rows cookies; /* that its response sets */
	struct kept_body request_body, response_body;
	struct str extra; /* of an imported hop: its HAR entry as it was, without the texts of its bodies */
};

/* So that runs can be told apart. */
struct session_view {
	int64_t id, run;
	struct str name;
	int64_t started_us, ended_us; /* ended_us -1: it goes on */
	bool is_import;
	struct str log_json; /* of an import: what the HAR said beside its entries */
	int64_t flows;
};

struct head_view {
	struct str start_line;
	struct fields fields, trailers; /* as they were, byte by byte */
};

#endif
