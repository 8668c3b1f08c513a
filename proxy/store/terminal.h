/* The line that a person sees in the terminal when a flow ends. */
#ifndef VIADUCT_STORE_TERMINAL_H
#define VIADUCT_STORE_TERMINAL_H

#include "core/observer.h"
#include "store/text.h"

enum { TERMINAL_URL_BYTES = 100 };

/* One line with its newline: time, method, URL, status, size, duration; hops when more than one, what went wrong. */
void terminal_line(struct text *t, const struct exchange_facts *x, bool has_colour);

/* A URL that is hostile, escaped and cut to a width. */
void terminal_url(struct text *t, struct str url, size_t width);

#endif
