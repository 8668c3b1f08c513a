/* Bodies of exchanges in flight. */
#include "store/body/body_growth.h"

#include "base/mem.h"

void body_growth_init(struct body_growth *g)
{
	keymap_init(&g->map);
	list_init(&g->touched);
}

static void free_body(struct growing_body *body)
{
	body_hash_free(body->now.hash);
	if (body->has_before)
		body_hash_free(body->before.hash);
	mem_free(body);
}

static void remove_exchange(struct body_growth *g, struct growing_exchange *x)
{
	struct growing_body *next;

	for (struct growing_body *body = x->bodies; body; body = next) {
		next = body->next;
		free_body(body);
	}
	list_remove(&x->touched);
	keymap_remove(&g->map, &x->node);
	mem_free(x);
}

static struct growing_exchange *oldest(struct body_growth *g)
{
	struct keymap_node *node = keymap_oldest(&g->map);

	return node ? LIST_ITEM(node, struct growing_exchange, node) : NULL;
}

void body_growth_fini(struct body_growth *g)
{
	struct growing_exchange *x;

	while ((x = oldest(g)) != NULL)
		remove_exchange(g, x);
	keymap_fini(&g->map);
}

struct growing_exchange *body_growth_find(struct body_growth *g, uint64_t id)
{
	struct keymap_node *node = keymap_find(&g->map, (struct str){(const char *)&id, sizeof(id)});

	return node ? LIST_ITEM(node, struct growing_exchange, node) : NULL;
}

struct growing_exchange *body_growth_touch(struct body_growth *g, uint64_t id)
{
	struct growing_exchange *x = body_growth_find(g, id);

	if (!x) {
		x = mem_calloc(1, sizeof(*x));
		x->id = id;
		x->is_new = true;
		list_init(&x->touched);
		keymap_add(&g->map, &x->node, (struct str){(const char *)&x->id, sizeof(x->id)});
	}
	if (!list_is_linked(&x->touched)) {
		list_append(&g->touched, &x->touched);
		keymap_use(&g->map, &x->node);
	}
	return x;
}

struct growing_body *growing_body_find(struct growing_exchange *x, unsigned hop, enum body_direction direction)
{
	for (struct growing_body *body = x->bodies; body; body = body->next) {
		if (body->hop == hop && body->direction == direction)
			return body;
	}
	return NULL;
}

struct growing_body *growing_body_add(struct growing_exchange *x, unsigned hop, enum body_direction direction)
{
	struct growing_body *body = mem_calloc(1, sizeof(*body));

	body->hop = hop;
	body->direction = direction;
	body->is_new = true;
	body->next = x->bodies;
	x->bodies = body;
	return body;
}

bool growing_body_keep(struct growing_body *body)
{
	struct body_hash *hash = NULL;

	if (body->is_new || body->has_before)
		return true;
	if (body->now.hash) {
		hash = body_hash_copy(body->now.hash);
		if (!hash)
			return false;
	}
	body->before = body->now;
	body->before.hash = hash;
	body->has_before = true;
	return true;
}

/* One that nobody knew of before this transaction leaves no trace, however that ends. */
void body_growth_over(struct body_growth *g, struct growing_exchange *x)
{
	if (x->is_new)
		remove_exchange(g, x);
	else
		x->is_over = true;
}

static void commit_body(struct growing_body *body)
{
	if (body->has_before)
		body_hash_free(body->before.hash);
	body->has_before = body->is_new = false;
}

/* True if the body stays. */
static bool undo_body(struct growing_body *body)
{
	if (body->is_new)
		return false;
	if (body->has_before) {
		body_hash_free(body->now.hash);
		body->now = body->before;
	}
	body->has_before = body->is_dirty = false;
	return true;
}

static struct growing_exchange *take_touched(struct body_growth *g)
{
	struct list *node = list_take(&g->touched);

	return node ? LIST_ITEM(node, struct growing_exchange, touched) : NULL;
}

void body_growth_commit(struct body_growth *g, size_t room)
{
	struct growing_exchange *x;

	while ((x = take_touched(g)) != NULL) {
		if (x->is_over) {
			remove_exchange(g, x);
			continue;
		}
		x->is_new = false;
		for (struct growing_body *body = x->bodies; body; body = body->next)
			commit_body(body);
	}
	while (g->map.n > room)
		remove_exchange(g, oldest(g));
}

void body_growth_undo(struct body_growth *g)
{
	struct growing_exchange *x;

	while ((x = take_touched(g)) != NULL) {
		struct growing_body **link = &x->bodies;

		if (x->is_new) {
			remove_exchange(g, x);
			continue;
		}
		x->is_over = false;
		while (*link) {
			struct growing_body *body = *link;

			if (undo_body(body)) {
				link = &body->next;
			} else {
				*link = body->next;
				free_body(body);
			}
		}
	}
}

static bool lose_body(struct growing_body *body, bool (*goes_on)(void *of, const struct growth *body), void *of)
{
	if (body->now.id == 0 || goes_on(of, &body->now))
		return false;
	body_hash_free(body->now.hash);
	body->now = (struct growth){.cut = CUT_STORE};
	return true;
}

size_t body_growth_lose(struct body_growth *g, bool (*goes_on)(void *of, const struct growth *body), void *of)
{
	size_t n = 0;

	for (struct list *use = g->map.uses.next; use != &g->map.uses; use = use->next) {
		struct growing_exchange *x = LIST_ITEM(LIST_ITEM(use, struct keymap_node, use), struct growing_exchange, node);

		for (struct growing_body *body = x->bodies; body; body = body->next)
			n += lose_body(body, goes_on, of);
	}
	return n;
}
