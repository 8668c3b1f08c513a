/* An intrusive doubly linked list with a head node; a node is on one list or on none. */
#ifndef VIADUCT_BASE_LIST_H
#define VIADUCT_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *prev;
};

#define LIST_ITEM(node, type, member) ((type *)(void *)((char *)(node) - offsetof(type, member)))

static inline void list_init(struct list *l)
{
	l->next = l;
	l->prev = l;
}
static inline bool list_is_empty(const struct list *l)
{
	return l->next == l;
}
/* A node that was list_init'ed or list_remove'd is on no list. */
static inline bool list_is_linked(const struct list *node)
{
	return node->next != node;
}
static inline void list_append(struct list *l, struct list *node)
{
	node->prev = l->prev;
	node->next = l;
	l->prev->next = node;
	l->prev = node;
}
static inline void list_prepend(struct list *l, struct list *node)
{
	list_append(l->next, node);
}
/* Fine for a node that is on no list. */
static inline void list_remove(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}
/* The first node, taken off; NULL if there is none. */
static inline struct list *list_take(struct list *l)
{
	struct list *node = l->next;
	if (node == l)
		return NULL;
	list_remove(node);
	return node;
}

#endif
