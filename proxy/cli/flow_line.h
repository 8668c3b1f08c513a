/* The line of a flow in the table of viaduct flows. */
#ifndef VIADUCT_CLI_FLOW_LINE_H
#define VIADUCT_CLI_FLOW_LINE_H

#include "store/flow_view.h"
#include "store/text.h"

/* The heading of the table, with its newline. */
void flow_line_heading(struct text *t);
/* width: of the terminal; 0: none, nothing is cut. */
void flow_line(struct text *t, const struct flow_view *v, size_t width, bool has_colour);

#endif
