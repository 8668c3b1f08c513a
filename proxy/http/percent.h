/* Percent-encoding undone (RFC 3986 section 2.1, WHATWG URL sections 1.3 and 5.1), for view. Pure. */
#ifndef VIADUCT_HTTP_PERCENT_H
#define VIADUCT_HTTP_PERCENT_H

#include "base/arena.h"
#include "base/str.h"

enum percent_kind {
	PERCENT_ONLY,
	PERCENT_AND_PLUS /* "+" stands for a space, as in forms */
};

/* The byte that "%XX" in front of s stands for; -1 if there is none. */
int percent_byte(struct str s);
/* A copy with %XX undone; a "%" without two digits stays. Any byte may come out. p NULL when the arena is full. */
struct str percent_decode(struct arena *a, struct str s, enum percent_kind kind);

#endif
