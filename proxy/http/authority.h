/* Inside of the URL parser: the pieces that targets and Locations share, taken apart without memory. */
#ifndef VIADUCT_HTTP_AUTHORITY_H
#define VIADUCT_HTTP_AUTHORITY_H

#include "http/url.h"

enum authority_fault { AUTHORITY_OK, AUTHORITY_USERINFO, AUTHORITY_HOST, AUTHORITY_PORT };

struct authority_parts {
	struct str host; /* as written, without brackets and without a dot at the end */
	enum host_kind kind;
	uint16_t port; /* 0: none was written */
};

/* Fills ret_parts only if all is well. */
enum authority_fault authority_split(struct str text, struct authority_parts *ret_parts) MUST_CHECK;
/* The host in its one spelling: lower case, IPv6 as inet_ntop writes it. False when the arena is full. */
bool authority_store(struct arena *a, const struct authority_parts *parts, uint16_t default_port,
	struct authority *ret) MUST_CHECK;

/* The authority of a Location: as authority_split, but a name beyond ASCII becomes A-labels, and userinfo is cut off where the
 * caller allows it and all parsers agree on where it ends (url_authority.c). */
enum location_refusal authority_of_location(struct arena *a, struct str text, uint16_t default_port, bool drops_userinfo,
	struct authority *ret) MUST_CHECK;

enum scheme_found { SCHEME_ABSENT, SCHEME_OURS, SCHEME_FOREIGN };

/* "http:" or "https:" in front; ret_rest is what follows the colon, also of a foreign scheme. Outputs untouched if absent. */
enum scheme_found scheme_split(struct str text, enum scheme *ret_scheme, struct str *ret_rest);
/* Where an authority ends: at the first "/", "?", "#" or the end. */
size_t authority_end(struct str rest);

#endif
