/* The inspector's token: made at each start, known to who can read the start-up line or the ready file. Pure but for making it.
 * Not for: the users of the proxy (core/auth.h). */
#ifndef VIADUCT_ADMIN_TOKEN_H
#define VIADUCT_ADMIN_TOKEN_H

#include "base/error.h"
#include "base/str.h"
#include "http/message.h"

#include <stdbool.h>

enum { TOKEN_BITS = 128, TOKEN_TEXT_BYTES = TOKEN_BITS / 4 + 1 };
#define TOKEN_COOKIE "viaduct_token"

/* Random bits in hexadecimal. False with errno if the system has none to give. */
bool token_make(char ret[TOKEN_TEXT_BYTES]) MUST_CHECK;
/* Whether a text is the token, in a time that does not tell how much of it is right. */
bool token_is(const char *token, struct str text);
/* Whether the fields carry it: Authorization: Bearer (RFC 6750 section 2.1), or the cookie. */
bool token_is_in_fields(const char *token, const struct fields *f);
/* Whether they carry it as Authorization: Bearer, which no browser sends of its own accord. */
bool token_is_bearer(const char *token, const struct fields *f);
/* The value of "token" in a query ("a=b&token=…", without "?"); p NULL if there is none. */
struct str token_of_query(struct str query);

#endif
