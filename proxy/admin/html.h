/* Putting text from outside into a page. */
#ifndef VIADUCT_ADMIN_HTML_H
#define VIADUCT_ADMIN_HTML_H

#include "store/text.h"

/* Escaped, for HTML and XML. */
void html_put(struct text *t, struct str s);
/* The same in <code>. */
void html_code(struct text *t, struct str s);
/* A row of a table: a name, and a value which the caller puts in between. */
void html_open_row(struct text *t, const char *name);
void html_close_row(struct text *t);

#endif
