/* Finds what may be secret in a URL: user information, and the values of parameters with certain names, in the query, in the
 * fragment (where OAuth puts tokens), in the segments of a path, in an urlencoded body, and in URLs that stand in one of these,
 * percent-encoded or not. What may be read in several ways is covered as far as any of them goes. What is put in their place is
 * the caller's to say.
 * One round: what was found may have hidden more, see redact_settle.c. */
#ifndef VIADUCT_STORE_URL_COVER_H
#define VIADUCT_STORE_URL_COVER_H

#include "store/text.h"

#include <stdbool.h>

struct url_cover {
	/* Whether the value of a parameter of that name, with %XX and + undone, is secret. */
	bool (*is_covered)(const void *owner, struct str name);
	/* Puts what stands for a secret, which is as it was sent; true if that is something else. */
	bool (*put)(const void *owner, struct text *t, struct str secret);
	const void *owner;
};

/* Appends the URL, or what else may be one (a path, a host and port), with every secret replaced; all else stays byte by
 * byte, but for the encoding of an inner URL in which something was replaced. True if anything was. The result is as hostile
 * as the URL was. */
bool url_cover_url(const struct url_cover *c, struct text *t, struct str url);
/* The same for a query or an urlencoded body. */
bool url_cover_query(const struct url_cover *c, struct text *t, struct str query);
/* Whether a parameter of that name is covered: the name itself, or a part of one like user[password] or user.password. */
bool url_cover_has(const struct url_cover *c, struct str name);
/* Appends the text with %XX and + undone. */
void url_cover_decode(struct text *t, struct str s);

#endif
