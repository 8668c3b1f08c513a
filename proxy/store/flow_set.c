/* Reading an index costs by its entries, so the rarest comparison comes first, and what would cost more than to look at the
 * flows that are left is left out. Nothing here depends on SQLite's guesses. */
#include "store/flow_set.h"

#include "base/mem.h"
#include "store/index_leaf.h"

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

struct ranked {
	const struct filter_node *node;
	uint64_t estimate;
};

/* The child with the least estimate of those that are left, taken out; NULL if none is. */
static const struct filter_node *take_least(struct ranked *v, size_t n, uint64_t *ret_estimate)
{
	struct ranked *least = &v[0];
	const struct filter_node *node;

	for (size_t i = 1; i < n; i++) {
		if (v[i].node != NULL && (least->node == NULL || v[i].estimate < least->estimate))
			least = &v[i];
	}
	node = least->node;
	least->node = NULL;
	*ret_estimate = least->estimate;
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
	struct id_set *set = NULL;
	struct ranked *children;
	uint64_t cost;
	size_t n = 0;

	for (const struct filter_node *child = node->child; child != NULL; child = child->next)
		n++;
	children = mem_calloc(n, sizeof(*children));
	n = 0;
	for (const struct filter_node *child = node->child; child != NULL; child = child->next)
		children[n++] = (struct ranked){child, estimate(f, child, is_denied)};
	for (const struct filter_node *child = take_least(children, n, &cost); child != NULL && f->ok && cost != UINT64_MAX;
		child = take_least(children, n, &cost)) {
		if (cost > INDEX_LEAF_MANY)
			cost = INDEX_LEAF_MANY;
		if (set != NULL && id_set_count(set) <= cost / ENTRIES_PER_FLOW)
			break;
		set = narrow(f, set, child, is_denied);
	}
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

bool flow_set_find(struct reader *r, const struct filter *filter, int64_t after_change, uint64_t first, uint64_t last,
	struct id_set **ret_set)
{
	struct finder *f = mem_calloc(1, sizeof(*f));
	struct id_set *set;
	bool ok;

	*f = (struct finder){.reader = r, .first = first, .last = last, .ok = true};
	set = find_changed(f, after_change);
	if (filter != NULL && f->ok && (set == NULL || id_set_count(set) > INDEX_LEAF_MANY / ENTRIES_PER_FLOW)) {
		collect(f, filter_tree(filter), false, NULL);
		set = narrow(f, set, filter_tree(filter), false);
	}
	for (size_t i = 0; i < f->leaves_n; i++)
		index_leaf_fini(&f->leaves[i]);
	ok = f->ok;
	mem_free(f);
	if (!ok)
		id_set_free(set);
	else
		*ret_set = set;
	return ok;
}
