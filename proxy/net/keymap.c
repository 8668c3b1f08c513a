/* Chained hash table with an order of use. Not for unbounded sets: whoever adds must also remove. */
#include "net/keymap.h"

#include "base/mem.h"

#include <sys/random.h>

enum { BUCKETS_FIRST = 64 };

/* FNV-1a from a secret seed, with a final mix: enough that nobody outside can aim at one bucket. */
static uint64_t hash_of(const struct keymap *m, struct str key)
{
	uint64_t h = m->seed;

	for (size_t i = 0; i < key.len; i++)
		h = (h ^ (uint8_t)key.p[i]) * UINT64_C(0x100000001b3);
	h ^= h >> 32;
	h *= m->seed | 1;
	return h ^ (h >> 29);
}

static struct keymap_node **bucket_of(const struct keymap *m, uint64_t hash)
{
	return &m->buckets[hash & (m->room - 1)];
}

void keymap_init(struct keymap *m)
{
	*m = (struct keymap){.room = BUCKETS_FIRST};
	m->buckets = mem_calloc(m->room, sizeof(struct keymap_node *));
	list_init(&m->uses);
	if (getrandom(&m->seed, sizeof(m->seed), GRND_NONBLOCK) != (ssize_t)sizeof(m->seed))
		m->seed = (uint64_t)(uintptr_t)m->buckets * UINT64_C(0x9e3779b97f4a7c15);
}

void keymap_fini(struct keymap *m)
{
	mem_free(m->buckets);
	m->buckets = NULL;
}

struct keymap_node *keymap_find(const struct keymap *m, struct str key)
{
	uint64_t hash = hash_of(m, key);

	for (struct keymap_node *node = *bucket_of(m, hash); node != NULL; node = node->next) {
		if (node->hash == hash && str_eq(node->key, key))
			return node;
	}
	return NULL;
}

/* Doubles the buckets. */
static void grow(struct keymap *m)
{
	mem_free(m->buckets);
	m->room *= 2;
	m->buckets = mem_calloc(m->room, sizeof(struct keymap_node *));
	for (struct list *use = m->uses.next; use != &m->uses; use = use->next) {
		struct keymap_node *node = LIST_ITEM(use, struct keymap_node, use);
		struct keymap_node **bucket = bucket_of(m, node->hash);

		node->next = *bucket;
		*bucket = node;
	}
}

void keymap_add(struct keymap *m, struct keymap_node *node, struct str key)
{
	struct keymap_node **bucket;

	if (m->n >= m->room)
		grow(m);
	node->key = key;
	node->hash = hash_of(m, key);
	bucket = bucket_of(m, node->hash);
	node->next = *bucket;
	*bucket = node;
	list_append(&m->uses, &node->use);
	m->n++;
}

void keymap_remove(struct keymap *m, struct keymap_node *node)
{
	struct keymap_node **link = bucket_of(m, node->hash);

	while (*link != node)
		link = &(*link)->next;
	*link = node->next;
	list_remove(&node->use);
	m->n--;
}

void keymap_use(struct keymap *m, struct keymap_node *node)
{
	list_remove(&node->use);
	list_append(&m->uses, &node->use);
}

struct keymap_node *keymap_oldest(const struct keymap *m)
{
	return list_is_empty(&m->uses) ? NULL : LIST_ITEM(m->uses.next, struct keymap_node, use);
}
