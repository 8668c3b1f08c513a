/* A hash table of byte keys whose entries also stand in the order of their use: the base of caches that are bounded by count.
 * Entries embed a node and own their key; the table owns neither. Keys may be hostile: hashes are seeded per table. */
#ifndef VIADUCT_NET_KEYMAP_H
#define VIADUCT_NET_KEYMAP_H

#include "base/list.h"
#include "base/str.h"

#include <stddef.h>
#include <stdint.h>

struct keymap_node {
	struct keymap_node *next;
	struct list use;
	uint64_t hash;
	struct str key;
};

struct keymap {
	struct keymap_node **buckets;
	size_t room; /* buckets; a power of two */
	size_t n;
	struct list uses; /* the least recently used first */
	uint64_t seed;
};

void keymap_init(struct keymap *m);
/* Frees the table; the entries must have been removed. */
void keymap_fini(struct keymap *m);
/* NULL if there is none. Does not count as a use. */
struct keymap_node *keymap_find(const struct keymap *m, struct str key);
/* The key must not be in the table yet, and must stay where it is. */
void keymap_add(struct keymap *m, struct keymap_node *node, struct str key);
void keymap_remove(struct keymap *m, struct keymap_node *node);
/* Makes it the most recently used. */
void keymap_use(struct keymap *m, struct keymap_node *node);
/* The least recently used; NULL if the table is empty. */
struct keymap_node *keymap_oldest(const struct keymap *m);

#endif
