/* Parameters behind the value of a field: ;name=value and ;name="quoted" (RFC 9110 section 5.6.6), read as the WHATWG MIME
 * Sniffing standard does (section 4.4): what cannot be read is passed over. Pure. */
#ifndef VIADUCT_HTTP_PARAM_H
#define VIADUCT_HTTP_PARAM_H

#include "base/arena.h"
#include "base/str.h"

#include <stdbool.h>

struct param {
	struct str name;
	struct str value; /* of a quoted one what is between the quotes, escapes included */
	bool is_quoted;
};

/* Takes the next one; *rest begins with the semicolon in front of it. False when there is none left. */
bool param_next(struct str *rest, struct param *ret_param);

/* Which bytes a backslash in quotes stands for itself before. */
enum param_escapes {
	PARAM_ESCAPES_ALL,   /* none: it always escapes */
	PARAM_ESCAPES_QUOTES /* all but quote and backslash: some send file names of Windows as they are */
};

/* The value, without escapes. p NULL when the arena is full. */
struct str param_text(struct arena *a, const struct param *p, enum param_escapes escapes);

/* Without the white space of HTTP at both ends; CR and LF belong to it. */
struct str param_trim(struct str s);
struct str param_trim_back(struct str s); /* at its end only */

#endif
