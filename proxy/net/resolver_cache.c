/* Answers of the resolver and their cache. Not for deciding how long an answer lives (resolver.c). */
#include "base/mem.h"
#include "net/resolver_internal.h"

#include <stdio.h>
#include <string.h>

struct cached {
	struct keymap_node node;
	struct answer *answer;
	int64_t expires_us;
	char key[];
};

struct answer *answer_new(enum error error, const char *detail, const struct address *addresses, size_t n)
{
	struct answer *a = mem_calloc(1, sizeof(*a) + n * sizeof(*addresses));

	a->users = 1;
	a->error = error;
	snprintf(a->detail, sizeof(a->detail), "%s", detail);
	a->n = n;
	if (n != 0)
		memcpy(a->addresses, addresses, n * sizeof(*addresses));
	return a;
}

struct answer *answer_ref(struct answer *a)
{
	a->users++;
	return a;
}

void answer_unref(struct answer *a)
{
	if (a != NULL && --a->users == 0)
		mem_free(a);
}

static struct cached *cached_of(struct keymap_node *node)
{
	return LIST_ITEM(node, struct cached, node);
}

static void drop(struct answer_cache *c, struct cached *entry)
{
	keymap_remove(&c->map, &entry->node);
	answer_unref(entry->answer);
	mem_free(entry);
}

void answer_cache_init(struct answer_cache *c, size_t max)
{
	keymap_init(&c->map);
	c->max = max;
}

void answer_cache_clear(struct answer_cache *c)
{
	struct keymap_node *node;

	while ((node = keymap_oldest(&c->map)) != NULL)
		drop(c, cached_of(node));
}

void answer_cache_fini(struct answer_cache *c)
{
	answer_cache_clear(c);
	keymap_fini(&c->map);
}

struct answer *answer_cache_get(struct answer_cache *c, struct str key, int64_t now_us)
{
	struct keymap_node *node = keymap_find(&c->map, key);

	if (node == NULL)
		return NULL;
	if (cached_of(node)->expires_us <= now_us) {
		drop(c, cached_of(node));
		return NULL;
	}
	keymap_use(&c->map, node);
	return answer_ref(cached_of(node)->answer);
}

void answer_cache_put(struct answer_cache *c, struct str key, struct answer *a, int64_t expires_us)
{
	struct keymap_node *node = keymap_find(&c->map, key);
	struct cached *entry;

	if (node != NULL)
		drop(c, cached_of(node));
	if (c->max == 0)
		return;
	while (c->map.n >= c->max)
		drop(c, cached_of(keymap_oldest(&c->map)));
	entry = mem_calloc(1, sizeof(*entry) + key.len);
	memcpy(entry->key, key.p, key.len);
	entry->answer = answer_ref(a);
	entry->expires_us = expires_us;
	keymap_add(&c->map, &entry->node, (struct str){entry->key, key.len});
}
