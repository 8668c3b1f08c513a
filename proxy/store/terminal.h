/* The line that a person sees in the terminal when a flow ends. */
#ifndef VIADUCT_STORE_TERMINAL_H
#define VIADUCT_STORE_TERMINAL_H

#include "core/observer.h"
#include "store/text.h"

enum { TERMINAL_URL_BYTES = 100, TERMINAL_ORIGIN_BYTES = 60 };

/* One line with its newline: time, method, URL, status, size, duration; how many hops and where they ended, when more than
 * one; what was done with a tunnel; what went wrong. The line of a tunnel that was opened is dim: what went through it has
 * its own. */
void terminal_line(struct text *t, const struct exchange_facts *x, bool has_colour);

/* A URL that is hostile, escaped and cut to a width. */
void terminal_url(struct text *t, struct str url, size_t width);

/* What a person should know of a chain at a glance: "-> https://other.example" where the answer is another origin's,
 * "1 retry"; nothing for what went straight. */
void terminal_chain(struct text *t, struct str url, struct str final_url, int64_t retries);

#endif
