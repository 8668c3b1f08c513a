/* A bounded table of hashes that follows transactions: every change is noted with what was there before. Not for rows:
 * body_rows.c. */
#include "store/body/body_known.h"

#include "base/mem.h"
#include "net/keymap.h"

#include <string.h>

struct known {
	struct keymap_node node; /* its key is hash */
	struct body_row row;
	uint8_t hash[BODY_HASH_BYTES];
};

enum change_kind { CHANGE_ADDED, CHANGE_ROW, CHANGE_REMOVED };

struct change {
	enum change_kind kind;
	struct known *known;    /* owned if it was removed */
	struct body_row before; /* CHANGE_ROW */
};

struct body_known {
	struct keymap map;
	size_t room;
	int64_t first_kept; /* what was used until before this may be gone */
	struct change *changes;
	size_t changes_n, changes_room;
};

static struct str key_of(const uint8_t hash[BODY_HASH_BYTES])
{
	return (struct str){(const char *)hash, BODY_HASH_BYTES};
}

static void note(struct body_known *k, struct change change)
{
	if (k->changes_n == k->changes_room) {
		k->changes_room = k->changes_room ? k->changes_room * 2 : 64;
		k->changes = mem_realloc(k->changes, k->changes_room * sizeof(*k->changes));
	}
	k->changes[k->changes_n++] = change;
}

static struct known *find(struct body_known *k, const uint8_t hash[BODY_HASH_BYTES])
{
	struct keymap_node *node = keymap_find(&k->map, key_of(hash));

	return node ? LIST_ITEM(node, struct known, node) : NULL;
}

static void add(struct body_known *k, struct known *known)
{
	keymap_add(&k->map, &known->node, key_of(known->hash));
}

/* Keeps it aside, for the transaction may be rolled back. */
static void leave(struct body_known *k, struct known *known)
{
	keymap_remove(&k->map, &known->node);
	note(k, (struct change){.kind = CHANGE_REMOVED, .known = known});
}

struct body_known *body_known_new(size_t room)
{
	struct body_known *k = mem_calloc(1, sizeof(*k));

	keymap_init(&k->map);
	k->room = room;
	return k;
}

static void forget_all(struct body_known *k)
{
	struct keymap_node *node;

	while ((node = keymap_oldest(&k->map)) != NULL) {
		keymap_remove(&k->map, node);
		mem_free(LIST_ITEM(node, struct known, node));
	}
}

void body_known_free(struct body_known *k)
{
	if (!k)
		return;
	body_known_commit(k);
	forget_all(k);
	keymap_fini(&k->map);
	mem_free(k->changes);
	mem_free(k);
}

bool body_known_find(struct body_known *k, const uint8_t hash[BODY_HASH_BYTES], struct body_row *ret)
{
	struct known *known = find(k, hash);

	if (!known)
		return false;
	if (known->row.used_until < k->first_kept) {
		leave(k, known);
		return false;
	}
	keymap_use(&k->map, &known->node);
	*ret = known->row;
	return true;
}

void body_known_put(struct body_known *k, const uint8_t hash[BODY_HASH_BYTES], struct body_row row)
{
	struct known *known = find(k, hash);

	if (known) {
		note(k, (struct change){.kind = CHANGE_ROW, .known = known, .before = known->row});
		known->row = row;
		return;
	}
	if (k->map.n >= k->room)
		leave(k, LIST_ITEM(keymap_oldest(&k->map), struct known, node));
	known = mem_calloc(1, sizeof(*known));
	memcpy(known->hash, hash, BODY_HASH_BYTES);
	known->row = row;
	add(k, known);
	note(k, (struct change){.kind = CHANGE_ADDED, .known = known});
}

/* Each is looked at when it is found next: a walk over all of them after every step of pruning would cost more than all the
 * looks. */
void body_known_pruned(struct body_known *k, int64_t first_kept)
{
	/* No flow is left; those that come now are not meant. */
	if (first_kept == INT64_MAX)
		forget_all(k);
	else if (first_kept > k->first_kept)
		k->first_kept = first_kept;
}

void body_known_commit(struct body_known *k)
{
	for (size_t i = 0; i < k->changes_n; i++) {
		if (k->changes[i].kind == CHANGE_REMOVED)
			mem_free(k->changes[i].known);
	}
	k->changes_n = 0;
}

void body_known_undo(struct body_known *k)
{
	while (k->changes_n > 0) {
		struct change *c = &k->changes[--k->changes_n];

		switch (c->kind) {
		case CHANGE_ADDED:
			keymap_remove(&k->map, &c->known->node);
			mem_free(c->known);
			break;
		case CHANGE_ROW:
			c->known->row = c->before;
			break;
		case CHANGE_REMOVED:
			add(k, c->known);
			break;
		}
	}
}
