/* http and https URLs: the one parser for targets, Location, checks and connecting (RFC 3986, RFC 9110 section 4.2).
 * Strict: what could be read in two ways is refused, never repaired. Not for: any other scheme. */
#ifndef VIADUCT_HTTP_URL_H
#define VIADUCT_HTTP_URL_H

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum scheme { SCHEME_HTTP, SCHEME_HTTPS };

const char *scheme_name(enum scheme s);
uint16_t scheme_port(enum scheme s);

enum host_kind { HOST_NAME, HOST_IPV4, HOST_IPV6 };

/* Host and port. The host is in lower case and without a dot at its end; an IPv6 address is in its canonical spelling, without
 * brackets. Zone ids are refused, as are names that an address parser would read as a number ("127.1", "2130706433", "0x7f.1"),
 * labels over 63 and names over 253 bytes. */
struct authority {
	struct str host;
	enum host_kind kind;
	uint16_t port;
};

/* uri-host [":" port] as a Host field must be: an authority that authority_parse takes, port optional. */
bool host_field_is_valid(struct str value);

/* uri-host [":" port]; without a port it becomes default_port; with default_port 0 a port is required (CONNECT). Userinfo is
 * refused, port 0 too. Errors: ERR_bad_target. Strings are in the arena. */
enum error authority_parse(struct arena *a, struct str text, uint16_t default_port, struct authority *ret) MUST_CHECK;

struct url {
	enum scheme scheme;
	struct authority authority;
	struct str path;     /* path and query as sent to an origin: begins with "/", or is "*" */
	struct str fragment; /* without "#"; for reports only, never sent */
	bool has_fragment;
	bool is_bare; /* of a target: neither path nor query was there ("OPTIONS http://host" goes out as "OPTIONS *") */
};

/* At least one byte; no space, control, backslash, "#" or byte above 0x7f: what any form of target must fulfil. */
bool target_bytes_are_fine(struct str target);

/* An absolute-form target (RFC 9112 section 3.2.2) as a client may send it to a proxy: no userinfo, no fragment, no space,
 * control, backslash or byte above 0x7f. An empty path becomes "/". Errors: ERR_bad_target, ERR_scheme_unsupported (neither
 * http nor https). */
enum error url_parse_target(struct arena *a, struct str text, struct url *ret) MUST_CHECK;

/* Why a Location is not followed but handed over. */
enum location_refusal {
	LOCATION_OK,
	LOCATION_EMPTY,
	LOCATION_SCHEME, /* neither http nor https */
	LOCATION_USERINFO,
	LOCATION_BACKSLASH,
	LOCATION_HOST, /* missing, malformed, or beyond ASCII and no name by IDNA */
	LOCATION_PORT,
	LOCATION_BYTES, /* control bytes */
	LOCATION_TOO_LONG
};
const char *location_refusal_name(enum location_refusal r);

/* Resolves a Location against the URL of the hop that answered (RFC 3986 section 5.2; the table in section 1.2 of the
 * redirect rules): OWS trimmed, spaces and "<>^`{|} and bytes above 0x7f in path and query percent-encoded, dot segments
 * removed, existing percent-encoding left as it is, a name beyond ASCII turned into A-labels (idn.h), the fragment of the base
 * inherited where the reference has none (RFC 9110 section 10.2.2).
 *
 * drops_userinfo: "user:password@" is cut off, so that it is never sent and is in no part of the result, instead of refused; it is
 * still refused if it is not exactly what RFC 3986 section 3.2.1 allows (a second "@" for one), since parsers then differ on the
 * host. */
enum location_refusal url_resolve(struct arena *a, const struct url *base, struct str location, bool drops_userinfo,
	struct url *ret) MUST_CHECK;

/* Same scheme, host and port. */
bool url_same_origin(const struct url *a, const struct url *b);
/* "host", "[v6]", with ":port" unless it is the scheme's own: what goes into Host. p NULL when the arena is full. */
struct str url_host_field(struct arena *a, const struct url *u);
/* The whole URL, without the fragment. p NULL when the arena is full. */
struct str url_text(struct arena *a, const struct url *u);
/* The whole URL, with the fragment if it has one: for reports, never sent. p NULL when the arena is full. */
struct str url_report(struct arena *a, const struct url *u);

#endif
