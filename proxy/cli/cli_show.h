/* One flow with everything that is known of it, for people and for machines. */
#ifndef VIADUCT_CLI_CLI_SHOW_H
#define VIADUCT_CLI_CLI_SHOW_H

#include "store/flow_view.h"
#include "store/text.h"

struct show_style {
	bool has_colour;
};

/* The flow: what was asked, by whom, what came of it; times, tunnel. left_out: fields of the response that the client did not get. */
void show_flow(struct text *t, const struct flow_view *v, const struct drop_rows *left_out, struct show_style style);
/* The hops at a glance: a title, and two lines for each. */
void show_chain_title(struct text *t, struct show_style style);
void show_link(struct text *t, const struct hop_view *v, int64_t flow_started_us, struct show_style style);
/* A hop on the time line that begins at flow_started_us. */
void show_hop(struct text *t, const struct hop_view *v, int64_t flow_started_us, struct show_style style);
/* A head under a title; nothing for NULL. */
void show_head(struct text *t, const char *title, const struct head_view *v, struct show_style style);

#endif
