/* One flow with everything that is known of it, for people and for machines. */
#ifndef VIADUCT_CLI_CLI_SHOW_H
#define VIADUCT_CLI_CLI_SHOW_H

#include "store/flow_view.h"
#include "store/text.h"

struct show_style {
	bool has_colour;
};

/* What stands in other rows than the flow's. */
struct show_around {
	struct drop_rows left_out; /* fields of the response that the client did not get */
	/* Flows that came inside its tunnel: how many, and the ids, of which the first ones are enough. */
	const uint64_t *children;
	size_t children_n;
};

enum { SHOW_CHILDREN = 12 };

/* The flow: what was asked, by whom, what came of it; times, the client's TLS, tunnel. */
void show_flow(struct text *t, const struct flow_view *v, const struct show_around *around, struct show_style style);
/* The hops at a glance: a title, and two lines for each. */
void show_chain_title(struct text *t, struct show_style style);
void show_link(struct text *t, const struct hop_view *v, int64_t flow_started_us, struct show_style style);
/* A hop on the time line that begins at flow_started_us. */
void show_hop(struct text *t, const struct hop_view *v, int64_t flow_started_us, struct show_style style);
/* Of a hop: its TLS, who the origin is by its certificate, and what was checked; nothing where there was no TLS. */
void show_origin(struct text *t, const struct hop_view *v, struct show_style style);
/* A head under a title; nothing for NULL. */
void show_head(struct text *t, const char *title, const struct head_view *v, struct show_style style);

#endif
