/* The cookies of one chain of hops (RFC 6265): what a hop sets reaches the later hops it belongs to, and of it the client gets
 * what it may keep for the host that it asked. Lives in the exchange's arena. Not for: cookies that outlive the exchange. */
#ifndef VIADUCT_HTTP_JAR_H
#define VIADUCT_HTTP_JAR_H

#include "base/arena.h"
#include "http/cookie.h"
#include "http/message.h"
#include "http/url.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	JAR_COOKIES = 50,        /* of one chain; 4 KiB each. Lines of earlier hops that the client is given, too */
	JAR_ENTRIES = 100,       /* with the deleted ones, of which the oldest are forgotten; those looked at for the client */
	JAR_BYTES = 32768,       /* of their names and values together; of what they add to the head for the client, too */
	JAR_FIELD_BYTES = 49152, /* of a Cookie value with cookies of the jar, unless the client's own is longer */
};

/* What became of one Set-Cookie line, for the record. */
struct cookie_fate {
	struct str name;
	const char *words; /* "kept for the chain", "deleted", "refused: its Domain does not cover the host" */
	/* What the client gets of it, once known by jar_give; NULL before: "given to the client", "held back: of another host", … */
	const char *client_words;
	const struct cookie_fate *next;
};

struct jar_line; /* a Set-Cookie line, in order */
struct jar_cookie;
struct jar {
	/* In the order of their creation; deleted ones stay, without a value, since the client may hold one of that name. */
	struct jar_cookie *cookies;
	struct jar_line *lines, *last_line;
	struct jar_line *latest; /* first line of the response that was taken last; NULL if it had none */
	unsigned n;              /* of the cookies, with the deleted ones */
};

/* Takes all Set-Cookie fields of a response to this URL. ret_fates: in the order of the fields; NULL if there were none.
 * Strings of the URL and of the fields are shared: they live as long as the arena. False when it is full. */
bool jar_take(struct jar *j, struct arena *a, const struct url *from, const struct fields *response, int64_t now_s,
	struct cookie_fate **ret_fates) MUST_CHECK;
/* The Cookie value for a request to this URL: the client's own (p NULL: none, or withheld) overlaid by what the chain has set:
 * a cookie of the jar replaces all of the same name at the place of the first, a deleted one takes them away, new ones come
 * behind (section 5.4 order). The client's own is never cut: of the jar goes along, in the order of sending, each that still
 * fits; one that does not is left out, as is the client's of that name, which is out of date. p NULL: there is none to be sent
 * or, with *ret_full true, the arena is full. */
struct str jar_cookie_field(const struct jar *j, struct arena *a, const struct url *to, struct str client_cookie, int64_t now_s,
	bool *ret_full);
/* Names of the cookies of the jar that are in a Cookie value made by jar_cookie_field, comma-separated, for the record; p NULL:
 * none. */
struct str jar_names_sent(const struct jar *j, struct arena *a, const struct url *to, struct str sent, int64_t now_s);
/* Adds to a response for the client the Set-Cookie lines of all hops taken so far that the client may keep for first, the URL
 * that it asked for: each on a line of its own, in order; those that the host of first set itself, and those of other hosts
 * whose Domain covers that host; with the path made explicit where it came from the URL of another hop. All others are held
 * back. Of the same cookie in lines of earlier hops, only the last is given, also if it deletes. One that did not fit the jar
 * is given all the same: the client's may be larger. What the head grows by is bounded, the newest come first; the lines of
 * the latest response itself are no growth, but their paths made explicit are. Sets client_words of the fates. False when the
 * arena is full. */
bool jar_give(struct jar *j, struct arena *a, const struct url *first, struct fields *to) MUST_CHECK;

#endif
