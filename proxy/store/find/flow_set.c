/* Reading an index costs by its entries, so the rarest comparison comes first, and what would cost more than to look at the
 * flows that are left is left out. Nothing here depends on SQLite's guesses. */
#include "store/find/flow_set.h"

#include "base/mem.h"
#include "store/find/index_leaf.h"

/* Comparisons whose indexes are asked; more of them would cost more than they can save. So many entries of an index are read
 * in the time in which one flow is looked at. */
enum { MAX_LEAVES = 24, ENTRIES_PER_FLOW = 16 };

struct finder {
	struct reader *reader;
	uint64_t first, last;
	struct index_leaf leaves[MAX_LEAVES];
	size_t leaves_n;
	bool ok;
};

/* A part of a filter that must hold, and about how many flows it leaves. */
struct ranked {
	const struct filter_node *node; /* NULL: it is done */
	uint64_t estimate;
};

struct flow_set {
	struct finder finder;
	struct id_set *ids; /* NULL: all */
	struct ranked *parts;
	size_t parts_n;
	bool is_final;
};

/* The comparisons for which there are indexes. all_of: the parent, if all of its children must hold. */
static void collect(struct finder *f, const struct filter_node *node, bool is_denied, const struct filter_node *all_of)
{
	bool is_all = node->kind == FILTER_NODE_AND && !is_denied;

	if (node->kind == FILTER_NODE_COMPARE) {
		if (f->leaves_n == MAX_LEAVES || !f->ok || index_leaf_is_covered(node, all_of))
			return;
		if (index_leaf_init(&f->leaves[f->leaves_n], f->reader, node, all_of, &f->ok))
			f->leaves_n++;
		return;
	}
	for (const struct filter_node *child = node->child; child != NULL; child = child->next)
		collect(f, child, is_denied != (node->kind == FILTER_NODE_NOT), is_all ? node : NULL);
}

static const struct index_leaf *leaf_of(const struct finder *f, const struct filter_node *node)
{
	for (size_t i = 0; i < f->leaves_n; i++) {
		if (f->leaves[i].node == node)
			return &f->leaves[i];
	}
	return NULL;
}

static bool is_conjunction(const struct filter_node *node, bool is_denied)
{
	return (node->kind == FILTER_NODE_AND) != is_denied;
}

/* About how many flows the node, or its opposite, leaves; UINT64_MAX: all of them. */
static uint64_t estimate(const struct finder *f, const struct filter_node *node, bool is_denied)
{
	const struct index_leaf *leaf;
	uint64_t sum = 0, least = UINT64_MAX;

	if (node->kind == FILTER_NODE_NOT)
		return estimate(f, node->child, !is_denied);
	if (node->kind == FILTER_NODE_COMPARE) {
		if (node->field == FILTER_id)
			return 0; /* costs nothing */
		leaf = leaf_of(f, node);
		return leaf == NULL ? UINT64_MAX : leaf->is_denied == is_denied ? leaf->count : UINT64_MAX - 1;
	}
	for (const struct filter_node *child = node->child; child != NULL; child = child->next) {
		uint64_t of_child = estimate(f, child, is_denied);

		sum = of_child < UINT64_MAX - sum ? sum + of_child : UINT64_MAX;
		least = of_child < least ? of_child : least;
	}
	return is_conjunction(node, is_denied) ? least : sum;
}

static struct id_set *find_ids(const struct finder *f, const struct filter_node *node, bool is_denied)
{
	struct number_ranges r = number_ranges_of(node), but = number_ranges_but(&r), *wanted = is_denied ? &but : &r;
	struct id_set *set = id_set_new(f->first, f->last);

	for (size_t i = 0; i < wanted->n; i++) {
		if (wanted->v[i].last > 0)
			id_set_add_range(set, wanted->v[i].first > 0 ? (uint64_t)wanted->v[i].first : 0,
				(uint64_t)wanted->v[i].last);
	}
	number_ranges_fini(&r);
	number_ranges_fini(&but);
	return set;
}

static struct id_set *find_leaf(struct finder *f, const struct index_leaf *leaf, bool is_denied)
{
	struct id_set *set;

	if (leaf == NULL)
		return NULL;
	set = id_set_new(f->first, f->last);
	f->ok = f->ok && index_leaf_add(leaf, f->reader, set);
	if (leaf->is_denied != is_denied)
		id_set_invert(set);
	return set;
}

static struct id_set *find(struct finder *f, const struct filter_node *node, bool is_denied);

/* The union of what the children leave; NULL as soon as one leaves all. */
static struct id_set *find_any(struct finder *f, const struct filter_node *node, bool is_denied)
{
	struct id_set *set;

	if (estimate(f, node, is_denied) == UINT64_MAX)
		return NULL;
	set = find(f, node->child, is_denied);
	for (const struct filter_node *child = node->child->next; child != NULL && set != NULL && f->ok; child = child->next) {
		struct id_set *more = find(f, child, is_denied);

		if (more != NULL) {
			id_set_unite(set, more);
			id_set_free(more);
		} else {
			id_set_free(set);
			set = NULL;
		}
	}
	return set;
}

/* The children of a node, ranked; to be freed. */
static struct ranked *rank(const struct finder *f, const struct filter_node *node, bool is_denied, size_t *ret_n)
{
	struct ranked *parts;
	size_t n = 0;

	for (const struct filter_node *child = node->child; child != NULL; child = child->next)
		n++;
	parts = mem_calloc(n, sizeof(*parts));
	n = 0;
	for (const struct filter_node *child = node->child; child != NULL; child = child->next)
		parts[n++] = (struct ranked){child, estimate(f, child, is_denied)};
	*ret_n = n;
	return parts;
}

/* Takes the part with the least estimate out of those that are left, if it is worth it to ask about it when so many flows
 * are left. NULL if not. */
static const struct filter_node *take_least(struct ranked *v, size_t n, const struct id_set *left)
{
	struct ranked *least = &v[0];
	const struct filter_node *node;
	uint64_t cost;

	for (size_t i = 1; i < n; i++) {
		if (v[i].node != NULL && (least->node == NULL || v[i].estimate < least->estimate))
			least = &v[i];
	}
	if (least->node == NULL || least->estimate == UINT64_MAX)
		return NULL;
	cost = least->estimate < INDEX_LEAF_MANY ? least->estimate : INDEX_LEAF_MANY;
	if (left != NULL && id_set_count(left) <= cost / ENTRIES_PER_FLOW)
		return NULL;
	node = least->node;
	least->node = NULL;
	return node;
}

/* What the child leaves of what is left so far (NULL: all). */
static struct id_set *narrow(struct finder *f, struct id_set *set, const struct filter_node *child, bool is_denied)
{
	struct id_set *other = find(f, child, is_denied);

	if (set == NULL || other == NULL)
		return set == NULL ? other : set;
	id_set_intersect(set, other);
	id_set_free(other);
	return set;
}

/* What all children leave, the rarest first, for as long as that is worth it. */
static struct id_set *find_all(struct finder *f, const struct filter_node *node, bool is_denied)
{
	size_t n;
	struct ranked *children = rank(f, node, is_denied, &n);
	const struct filter_node *child;
	struct id_set *set = NULL;

	while (f->ok && (child = take_least(children, n, set)) != NULL)
		set = narrow(f, set, child, is_denied);
	mem_free(children);
	return set;
}

/* NULL: all. The parser bounds the depth. */
static struct id_set *find(struct finder *f, const struct filter_node *node, bool is_denied)
{
	switch (node->kind) {
	case FILTER_NODE_COMPARE:
		return node->field == FILTER_id ? find_ids(f, node, is_denied) : find_leaf(f, leaf_of(f, node), is_denied);
	case FILTER_NODE_NOT:
		return find(f, node->child, !is_denied);
	case FILTER_NODE_AND:
	case FILTER_NODE_OR:
		return is_conjunction(node, is_denied) ? find_all(f, node, is_denied) : find_any(f, node, is_denied);
	}
	return NULL;
}

/* The flows that changed after a change number, as far as they are few; NULL: all. */
static struct id_set *find_changed(struct finder *f, int64_t after)
{
	struct id_set *set = NULL;
	struct index_leaf leaf;

	if (after <= 0 || !index_leaf_init_change(&leaf, f->reader, after, &f->ok))
		return NULL;
	if (leaf.count < INDEX_LEAF_MANY)
		set = find_leaf(f, &leaf, false);
	index_leaf_fini(&leaf);
	return set;
}

const struct id_set *flow_set_ids(const struct flow_set *s)
{
	return s->ids;
}

bool flow_set_is_final(const struct flow_set *s)
{
	return s->is_final;
}

bool flow_set_refine(struct flow_set *s)
{
	const struct filter_node *part = s->is_final || s->parts_n == 0 ? NULL : take_least(s->parts, s->parts_n, s->ids);

	s->is_final = part == NULL;
	if (part != NULL)
		s->ids = narrow(&s->finder, s->ids, part, false);
	return s->finder.ok;
}

/* The parts of the filter that must all hold: one, or the children of the whole. */
static void take_parts(struct flow_set *s, const struct filter_node *root)
{
	collect(&s->finder, root, false, NULL);
	if (root->kind == FILTER_NODE_AND) {
		s->parts = rank(&s->finder, root, false, &s->parts_n);
		return;
	}
	s->parts = mem_calloc(1, sizeof(*s->parts));
	s->parts[s->parts_n++] = (struct ranked){root, estimate(&s->finder, root, false)};
}

struct flow_set *flow_set_new(struct reader *r, const struct filter *f, int64_t after_change, uint64_t first, uint64_t last)
{
	struct flow_set *s = mem_calloc(1, sizeof(*s));

	s->finder = (struct finder){.reader = r, .first = first, .last = last, .ok = true};
	s->ids = find_changed(&s->finder, after_change);
	if (f != NULL && s->finder.ok)
		take_parts(s, filter_tree(f));
	s->is_final = s->parts_n == 0;
	while (s->finder.ok && s->ids == NULL && !s->is_final)
		(void)flow_set_refine(s);
	if (s->finder.ok)
		return s;
	flow_set_free(s);
	return NULL;
}

void flow_set_free(struct flow_set *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->finder.leaves_n; i++)
		index_leaf_fini(&s->finder.leaves[i]);
	id_set_free(s->ids);
	mem_free(s->parts);
	mem_free(s);
}
