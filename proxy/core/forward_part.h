/* Inside of forward: what the files on requests and on responses share. */
#ifndef VIADUCT_CORE_FORWARD_PART_H
#define VIADUCT_CORE_FORWARD_PART_H

#include "base/arena.h"
#include "base/error.h"
#include "core/observer.h"
#include "http/message.h"

#include <stdbool.h>
#include <stddef.h>

/* What is done with a field; requests and responses have tables of their own. */
enum field_kind {
	FIELD_PLAIN,
	FIELD_HOP, /* ends here, whatever Connection says */
	FIELD_UPGRADE,
	/* of requests */
	FIELD_HOST,
	FIELD_CONTENT, /* describes a body */
	FIELD_EXPECT,
	FIELD_AUTHORIZATION,
	FIELD_COOKIE,
	FIELD_COOKIE2,
	FIELD_ORIGIN,
	FIELD_REFERER,
	FIELD_MAX_FORWARDS,
	/* of responses */
	FIELD_OF_VIADUCT, /* a statement that only this proxy makes */
	FIELD_SET_COOKIE,
	FIELD_ORIGIN_WIDE, /* acts on the whole origin that the client believes to have asked */
	FIELD_REFERENCE    /* a URL reference that the client would resolve against the URL it asked for */
};

struct field_row {
	struct str name;
	enum field_kind kind;
};
#define FIELD_ROW(name, kind) {{name, sizeof(name) - 1}, kind}

/* Fields that end here (RFC 9110 section 7.6.1), those of other proxies (section 11.7), and what the codec writes itself.
 * Trailer passes: the codec knows whether trailers can be sent. */
#define FIELD_ROWS_HOP_BY_HOP                                                                                                  \
	FIELD_ROW("TE", FIELD_HOP), FIELD_ROW("Upgrade", FIELD_UPGRADE), FIELD_ROW("Connection", FIELD_HOP),                   \
		FIELD_ROW("Keep-Alive", FIELD_HOP), FIELD_ROW("Content-Length", FIELD_HOP),                                    \
		FIELD_ROW("HTTP2-Settings", FIELD_HOP), FIELD_ROW("Proxy-Connection", FIELD_HOP),                              \
		FIELD_ROW("Transfer-Encoding", FIELD_HOP), FIELD_ROW("Viaduct-Redirects", FIELD_HOP),                          \
		FIELD_ROW("Proxy-Authenticate", FIELD_HOP), FIELD_ROW("Proxy-Authorization", FIELD_HOP),                       \
		FIELD_ROW("Proxy-Authentication-Info", FIELD_HOP)

enum field_kind forward_field_kind(struct str name, const struct field_row *rows, size_t n);

/* True if Connection names more than what all messages say there: then forward_is_nominated is to be asked. */
bool forward_nominates(const struct message *m);
/* True if Connection makes this field hop-by-hop. */
bool forward_is_nominated(const struct message *m, struct str name);

/* Our Via entry, behind those that are there (RFC 9110 section 7.6.3). */
bool forward_add_via(struct arena *a, struct fields *fields, enum version received, struct str via) MUST_CHECK;

/* What was left out, in order. */
struct drop_list {
	const struct drop *first;
	struct drop *last;
};
bool forward_drop(struct arena *a, struct drop_list *list, struct str name, const char *why) MUST_CHECK;

#endif
