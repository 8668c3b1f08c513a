/* One Set-Cookie line (RFC 6265 section 5.2) and the matching of cookies to URLs (sections 5.1.3, 5.1.4). What its revision
 * (6265bis) has tightened holds: prefixes, sizes, no Secure over http. Pure. */
#ifndef VIADUCT_HTTP_COOKIE_H
#define VIADUCT_HTTP_COOKIE_H

#include "base/arena.h"
#include "base/str.h"
#include "http/url.h"

#include <stdbool.h>
#include <stdint.h>

struct cookie {
	struct str name, value;
	struct str domain; /* lower case, without a dot in front; of a host-only cookie the host that set it */
	struct str path;   /* of the attribute, or made of the URL's (section 5.1.4) */
	bool is_host_only; /* no Domain attribute, or one that only names a host which is an address or a public suffix */
	bool has_path;     /* it had a Path attribute that counts */
	bool is_secure, is_http_only;
	bool has_expiry;
	int64_t expires_s; /* since 1970; INT64_MIN: at once (a deletion) */
};

/* Why a cookie that a response sets is not taken. */
enum cookie_refusal {
	COOKIE_OK,
	COOKIE_MALFORMED,     /* no name and no value, or control bytes */
	COOKIE_TOO_LARGE,     /* name and value over 4096 bytes */
	COOKIE_DOMAIN,        /* a Domain that does not cover the host; at an IP address any but that address */
	COOKIE_PUBLIC_SUFFIX, /* Domain is a public suffix that is not the host itself */
	COOKIE_NOT_SECURE,    /* Secure, or the prefix __Secure- or __Host-, over http */
	COOKIE_PREFIX,        /* what __Host- or __Secure- demand is not there */
	COOKIE_OVER_SECURE,   /* over http it would take the place of a Secure cookie of the jar (jar.h) */
	COOKIE_TOO_MANY       /* the jar is full (jar.h) */
};
/* In words: "its Domain does not cover the host", … */
const char *cookie_refusal_name(enum cookie_refusal r);

/* Reads the value of a Set-Cookie field that a response to this URL carried. Strings are shared with line and the URL; the
 * arena is for passing needs. The name is set also on refusal, where there is one without control bytes. A line without "=" is
 * a value without a name. Max-Age wins over Expires. */
enum cookie_refusal cookie_parse(struct arena *a, struct str line, const struct url *from, int64_t now_s, struct cookie *ret);

/* The path of a cookie that says none: the URL's up to its last "/" (RFC 6265 section 5.1.4). Shared with the URL. */
struct str cookie_default_path(const struct url *u);

/* RFC 6265 section 5.1.3; false for IP addresses unless equal. */
bool cookie_domain_covers(struct str domain, struct str host);
/* RFC 6265 section 5.1.4: the path of a cookie covers that of a request, query not included. */
bool cookie_path_covers(struct str cookie_path, struct str path);
/* Domain, path and Secure fit the URL, whether it has expired or not. */
bool cookie_belongs(const struct cookie *c, const struct url *to);
bool cookie_is_expired(const struct cookie *c, int64_t now_s);
/* Would be sent with a request for the URL. */
bool cookie_matches(const struct cookie *c, const struct url *to, int64_t now_s);

#endif
