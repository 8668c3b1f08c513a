/* See har_join.h. Entries of one flow mostly stand side by side, so the chain that is looked for is the newest one that waits,
 * or not there at all. */
#include "store/har/har_join.h"

#include "base/mem.h"

struct har_chain {
	struct har_chain *next;
	uint64_t flow_id;               /* in the file */
	struct har_entry *first, *last; /* in the order of their hops */
	unsigned n, hops;               /* hops 0: not known yet */
	size_t bytes;
};

static void chain_free(struct har_chain *c)
{
	while (c->first != NULL) {
		struct har_entry *e = c->first;

		c->first = e->next;
		har_entry_free(e);
	}
	mem_free(c);
}

/* The number of the CONNECT that they came through, which may not have been read yet. */
static uint64_t parent_of(struct har_join *j, uint64_t theirs)
{
	uint64_t ours = theirs != 0 ? har_numbers_find(&j->parents, theirs) : 0;

	if (theirs == 0 || ours != 0)
		return ours;
	ours = j->next_id(j->owner);
	har_numbers_add(&j->parents, theirs, ours);
	/* The table is full: nobody will have that number. */
	return har_numbers_find(&j->parents, theirs);
}

/* Tunnels are parents, so their number is noted, unless a flow from inside was here first. */
static uint64_t number_of(struct har_join *j, const struct har_entry *e)
{
	uint64_t ours;

	if (!e->is_ours || e->request.method != METHOD_CONNECT)
		return j->next_id(j->owner);
	ours = har_numbers_find(&j->parents, e->flow_id);
	if (ours != 0)
		return ours;
	ours = j->next_id(j->owner);
	har_numbers_add(&j->parents, e->flow_id, ours);
	return ours;
}

/* Gives the flow out and frees the chain. */
static bool give(struct har_join *j, struct har_chain *c)
{
	uint64_t id = number_of(j, c->first);
	struct record *r = har_flow_record(c->first, id, parent_of(j, c->first->parent_id));

	chain_free(c);
	return j->take(j->owner, r);
}

static void unlink_chain(struct har_join *j, struct har_chain **at)
{
	struct har_chain *c = *at;

	*at = c->next;
	j->n--;
	j->bytes -= c->bytes;
}

/* Where the chain of that flow hangs; where a new one would, if there is none. */
static struct har_chain **find(struct har_join *j, uint64_t flow_id)
{
	struct har_chain **at = &j->first;

	while (*at != NULL && (*at)->flow_id != flow_id)
		at = &(*at)->next;
	return at;
}

/* Mostly it is the last one. */
static void sort_in(struct har_chain *c, struct har_entry *e)
{
	struct har_entry **at = c->last != NULL && c->last->index <= e->index ? &c->last->next : &c->first;

	while (*at != NULL && (*at)->index <= e->index)
		at = &(*at)->next;
	e->next = *at;
	*at = e;
	if (e->next == NULL)
		c->last = e;
}

static void chain_add(struct har_chain *c, struct har_entry *e)
{
	sort_in(c, e);
	c->n++;
	c->bytes += e->bytes;
	if (e->hops > c->hops)
		c->hops = e->hops;
}

/* Chains beyond the bounds, the oldest first. */
static bool give_excess(struct har_join *j)
{
	while (j->n > HAR_JOIN_CHAINS || j->bytes > HAR_JOIN_BYTES) {
		struct har_chain *c = j->first;

		unlink_chain(j, &j->first);
		if (!give(j, c))
			return false;
	}
	return true;
}

static bool add_to_chain(struct har_join *j, struct har_entry *e)
{
	struct har_chain **at = find(j, e->flow_id), *c = *at;

	if (c == NULL) {
		c = *at = mem_calloc(1, sizeof(*c));
		c->flow_id = e->flow_id;
		j->n++;
	}
	j->bytes += e->bytes;
	chain_add(c, e);
	if ((c->hops == 0 || c->n < c->hops) && c->n < HAR_JOIN_HOPS)
		return give_excess(j);
	unlink_chain(j, at);
	return give(j, c);
}

bool har_join_add(struct har_join *j, struct har_entry *e)
{
	struct har_chain *alone;

	if (e->is_ours && !(e->has_flow && e->hops <= 1))
		return add_to_chain(j, e);
	alone = mem_calloc(1, sizeof(*alone));
	chain_add(alone, e);
	return give(j, alone);
}

bool har_join_flush(struct har_join *j)
{
	while (j->first != NULL) {
		struct har_chain *c = j->first;

		unlink_chain(j, &j->first);
		if (!give(j, c))
			return false;
	}
	return true;
}

void har_join_fini(struct har_join *j)
{
	while (j->first != NULL) {
		struct har_chain *c = j->first;

		j->first = c->next;
		chain_free(c);
	}
	har_numbers_fini(&j->parents);
}
