/* One flow with everything that is known of it, for people and for machines. */
#ifndef VIADUCT_CLI_CLI_SHOW_H
#define VIADUCT_CLI_CLI_SHOW_H

#include "store/query.h"
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
/* A head under a title; nothing for NULL. before: the head that it was made of, against which the lines are marked: + for those that are new or
 * changed, - for those that are gone; NULL: no marks. */
void show_head(struct text *t, const char *title, const struct head_view *v, const struct head_view *before,
	struct show_style style);

/* What was kept of a body, and the beginning of it where it is text. head: of its message. flow_id and option are for the command that shows all
 * of it. False on an error (reader_error). */
struct show_body {
	struct reader *reader;
	const struct kept_body *body;
	const struct head_view *head;
	uint64_t passed_bytes, flow_id;
	const char *label, *option; /* "response body", "--response-body" */
};
bool show_body(struct text *t, const struct show_body *b);

/* Writes a body to stdout: content codings undone, or as it was sent. Returns an exit status; what is wrong has been said. */
int show_body_whole(struct reader *r, const struct kept_body *body, const struct head_view *head, bool is_raw);

#endif
