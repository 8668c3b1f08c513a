/* The entries of one flow put together: what the first and the last of them tell of it, and all of their hops. */
#include "store/har/har_body.h"
#include "store/har/har_join.h"

#include <string.h>

static struct har_entry *last_of(struct har_entry *first)
{
	while (first->next != NULL)
		first = first->next;
	return first;
}

/* Hops keep their numbers unless two are the same, which no flow has. */
static unsigned link_hops(struct har_entry *first)
{
	unsigned n = 0, number = 0;

	for (struct har_entry *e = first; e != NULL; e = e->next) {
		e->hop.number = e->hop.number > number ? e->hop.number : number + 1;
		number = e->hop.number;
		e->hop.next = e->next != NULL ? &e->next->hop : NULL;
		n++;
	}
	return n;
}

static unsigned count_reason(const struct har_entry *first, enum hop_reason reason)
{
	unsigned n = 0;

	for (const struct har_entry *e = first; e != NULL; e = e->next)
		n += e->hop.reason == reason;
	return n;
}

/* A flow whose first entry is not there has to be told from its hops. */
static void derive(struct exchange_facts *x, const struct har_entry *first, const struct har_entry *last)
{
	x->ended_us = last->flow.ended_us;
	x->duration_us = x->ended_us > x->started_us ? x->ended_us - x->started_us : 0;
	x->redirects = count_reason(first, HOP_REDIRECT);
	x->retries = count_reason(first, HOP_RETRY);
	x->outcome = last->flow.outcome;
	x->error = last->flow.error;
	x->detail = last->flow.detail;
	x->response_head_bytes = last->flow.response_head_bytes;
	x->response_body_bytes = last->flow.response_body_bytes;
	if (first != last)
		x->final_url = last->hop.url;
}

static void add_parts(struct record *r, struct body_part *part)
{
	while (part != NULL) {
		struct body_part *next = part->next;

		part->next = NULL;
		record_add_part(r, part);
		part = next;
	}
}

/* The bytes go over into the record, so that they are not there twice. */
static void add_body(struct record *r, struct har_body *b, unsigned hop, enum body_direction direction)
{
	add_parts(r, har_parts(text_str(&b->bytes), hop, direction, b->cut));
	text_fini(&b->bytes);
}

static void add_bodies(struct record *r, struct har_entry *first)
{
	for (struct har_entry *e = first; e != NULL; e = e->next) {
		add_body(r, &e->bodies[BODY_UP], e->hop.number, BODY_UP);
		add_body(r, &e->bodies[BODY_DOWN], e->hop.number, BODY_DOWN);
		/* The client got one response. */
		if (e->next == NULL)
			add_body(r, &e->made, 0, BODY_DOWN);
	}
}

static void facts_of(struct har_entry *first, uint64_t id, uint64_t parent_id, struct exchange_facts *x)
{
	struct har_entry *last = last_of(first);

	*x = first->flow;
	x->id = id;
	x->parent_id = parent_id;
	x->response = last->flow.response;
	x->is_tunnel = last->flow.is_tunnel;
	x->tunnel = last->flow.tunnel;
	if (!first->has_flow)
		derive(x, first, last);
	x->hops_n = link_hops(first);
	x->hops = &first->hop;
}

struct record *har_flow_record(struct har_entry *first, uint64_t id, uint64_t parent_id)
{
	struct exchange_facts x;
	struct record *r;

	facts_of(first, id, parent_id, &x);
	for (struct har_entry *e = first; e != NULL; e = e->next)
		e->kept = (struct hop_extra){e->hop.number, text_str(&e->extra), e->next != NULL ? &e->next->kept : NULL};
	r = record_new_imported(&x, 0, first->comment, &first->kept);
	add_bodies(r, first);
	return r;
}
