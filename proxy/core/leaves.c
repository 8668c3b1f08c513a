/* The cache of leaves. Not for: which names they are for (leaf_names.c), nor for making them (pki/leaf.h). */
#include "core/leaves.h"

#include "base/clock.h"
#include "base/list.h"
#include "base/mem.h"
#include "core/leaf_names.h"
#include "net/keymap.h"
#include "pki/leaf.h"

#include <pthread.h>
#include <stdio.h>

enum { DAY_S = 86400 };

struct entry {
	struct keymap_node node;
	char *key;
	struct tls_identity *identity;
	int64_t made_s, not_after_s;
};

struct leaves {
	struct leaf_key *leaf_key; /* the two are the same key */
	struct tls_key *tls_key;
	pthread_mutex_t lock; /* of what follows */
	struct keymap entries;
	size_t max;
	struct ca *ca;
	struct leaves_counts counts;
};

struct leaves *leaves_new(size_t max)
{
	struct leaf_key *leaf_key = leaf_key_new();
	struct tls_key *tls_key = leaf_key != NULL ? tls_key_new(leaf_key_der(leaf_key)) : NULL;
	struct leaves *l;

	if (tls_key == NULL) {
		leaf_key_free(leaf_key);
		return NULL;
	}
	l = mem_calloc(1, sizeof(*l));
	l->leaf_key = leaf_key;
	l->tls_key = tls_key;
	l->max = max;
	pthread_mutex_init(&l->lock, NULL);
	keymap_init(&l->entries);
	return l;
}

static void entry_free(struct entry *e)
{
	tls_identity_unref(e->identity);
	mem_free(e->key);
	mem_free(e);
}

static struct entry *entry_of(struct keymap_node *node)
{
	return node != NULL ? LIST_ITEM(node, struct entry, node) : NULL;
}

/* Takes an entry out; it is freed when the lock is not held. */
static void entry_drop(struct leaves *l, struct entry *e, struct list *dropped)
{
	keymap_remove(&l->entries, &e->node);
	list_append(dropped, &e->node.use);
}

static void free_dropped(struct list *dropped)
{
	while (!list_is_empty(dropped)) {
		struct keymap_node *node = LIST_ITEM(dropped->next, struct keymap_node, use);

		list_remove(&node->use);
		entry_free(entry_of(node));
	}
}

/* The least recently used go, until no more than max are left. */
static void shrink(struct leaves *l, size_t max, struct list *dropped)
{
	while (l->entries.n > max)
		entry_drop(l, entry_of(keymap_oldest(&l->entries)), dropped);
}

void leaves_free(struct leaves *l)
{
	struct list dropped;

	if (l == NULL)
		return;
	list_init(&dropped);
	shrink(l, 0, &dropped);
	free_dropped(&dropped);
	keymap_fini(&l->entries);
	pthread_mutex_destroy(&l->lock);
	ca_unref(l->ca);
	tls_key_unref(l->tls_key);
	leaf_key_free(l->leaf_key);
	mem_free(l);
}

/* The bound, as it is kept: each entry that goes is counted. */
static void evict(struct leaves *l, struct list *dropped)
{
	size_t before = l->entries.n;

	shrink(l, l->max, dropped);
	l->counts.evicted += before - l->entries.n;
}

void leaves_set_max(struct leaves *l, size_t max)
{
	struct list dropped;

	list_init(&dropped);
	pthread_mutex_lock(&l->lock);
	l->max = max;
	evict(l, &dropped);
	pthread_mutex_unlock(&l->lock);
	free_dropped(&dropped);
}

void leaves_set_ca(struct leaves *l, struct ca *ca)
{
	struct ca *spare = ca != NULL ? ca_ref(ca) : NULL;
	struct list dropped;

	list_init(&dropped);
	pthread_mutex_lock(&l->lock);
	if (l->ca != ca) {
		struct ca *old = l->ca;

		l->ca = spare;
		spare = old;
		shrink(l, 0, &dropped);
	}
	pthread_mutex_unlock(&l->lock);
	free_dropped(&dropped);
	ca_unref(spare);
}

struct ca *leaves_ca(struct leaves *l)
{
	struct ca *ca;

	pthread_mutex_lock(&l->lock);
	ca = l->ca != NULL ? ca_ref(l->ca) : NULL;
	pthread_mutex_unlock(&l->lock);
	return ca;
}

/* Whether it can be shown. One that ends with the CA stays to its end: a new one would not last longer. One that was made in what
 * is now the future, before the clock was set right, is not valid yet. */
static bool is_fresh(const struct entry *e, const struct ca *ca, int64_t now_s)
{
	if (now_s >= e->not_after_s || now_s < e->made_s - DAY_S / 2)
		return false;
	return e->not_after_s - now_s >= (int64_t)LEAF_FRESH_DAYS * DAY_S || e->not_after_s >= ca_not_after_s(ca);
}

/* The entry of that name, if it can be shown. Under the lock. */
static struct entry *find_fresh(const struct leaves *l, const char *key, int64_t now_s)
{
	struct entry *e = entry_of(keymap_find(&l->entries, str_of(key)));

	return e != NULL && is_fresh(e, l->ca, now_s) ? e : NULL;
}

static struct tls_identity *look_up(struct leaves *l, const char *key, int64_t now_s)
{
	struct tls_identity *identity = NULL;
	struct entry *e;

	pthread_mutex_lock(&l->lock);
	e = find_fresh(l, key, now_s);
	if (e != NULL) {
		keymap_use(&l->entries, &e->node);
		l->counts.hits++;
		identity = tls_identity_ref(e->identity);
	}
	pthread_mutex_unlock(&l->lock);
	return identity;
}

/* The leaf and what is sent behind it. */
static struct tls_identity *identity_make(const struct ca *ca, const struct leaf *leaf, struct tls_key *key)
{
	size_t n = ca_chain_count(ca);
	struct str *chain = mem_calloc(n + 1, sizeof(*chain));
	struct tls_identity *identity;

	chain[0] = (struct str){(const char *)leaf->der, leaf->n};
	for (size_t i = 0; i < n; i++)
		chain[i + 1] = ca_chain_der(ca, i);
	identity = tls_identity_new(chain, n + 1, key);
	mem_free(chain);
	return identity;
}

/* NULL with words in ret_why. */
static struct entry *entry_make(const struct leaves *l, const struct ca *ca, const struct leaf_names *names, int64_t now_s,
	char *ret_why, size_t size)
{
	struct leaf_request request = {.names = names->all, .names_n = names->n, .now_s = now_s};
	struct tls_identity *identity;
	struct leaf leaf;
	struct entry *e;

	if (!leaf_make(ca, l->leaf_key, &request, &leaf, ret_why, size))
		return NULL;
	identity = identity_make(ca, &leaf, l->tls_key);
	mem_free(leaf.der);
	if (identity == NULL) {
		snprintf(ret_why, size, "the TLS library does not take the certificate");
		return NULL;
	}
	e = mem_calloc(1, sizeof(*e));
	e->key = mem_strdup(names->key);
	e->identity = identity;
	e->made_s = now_s;
	e->not_after_s = leaf.not_after_s;
	return e;
}

/* Takes over what was made by that CA. If somebody else was faster, his is kept. Returns a reference of the one kept. */
static struct tls_identity *put(struct leaves *l, const struct ca *ca, struct entry *made, int64_t now_s)
{
	struct tls_identity *identity;
	struct entry *kept, *old;
	struct list dropped;

	list_init(&dropped);
	pthread_mutex_lock(&l->lock);
	l->counts.made++;
	kept = l->ca == ca ? find_fresh(l, made->key, now_s) : NULL;
	identity = tls_identity_ref(kept != NULL ? kept->identity : made->identity);
	if (l->ca == ca && kept == NULL) {
		old = entry_of(keymap_find(&l->entries, str_of(made->key)));
		if (old != NULL)
			entry_drop(l, old, &dropped);
		keymap_add(&l->entries, &made->node, str_of(made->key));
		made = NULL;
		evict(l, &dropped);
	}
	pthread_mutex_unlock(&l->lock);
	if (made != NULL)
		entry_free(made);
	free_dropped(&dropped);
	return identity;
}

struct tls_identity *leaves_get_at(struct leaves *l, const struct leaf_ask *ask, int64_t now_s, char *ret_why, size_t size)
{
	struct ca *ca = leaves_ca(l);
	struct tls_identity *identity = NULL;
	struct leaf_names names;
	struct entry *made;

	if (ca == NULL) {
		snprintf(ret_why, size, "there is no CA to sign it");
		return NULL;
	}
	if (leaf_names_choose(ca, ask, &names, ret_why, size)) {
		identity = look_up(l, names.key, now_s);
		made = identity == NULL ? entry_make(l, ca, &names, now_s, ret_why, size) : NULL;
		if (made != NULL)
			identity = put(l, ca, made, now_s);
	}
	ca_unref(ca);
	return identity;
}

struct tls_identity *leaves_get(struct leaves *l, const struct leaf_ask *ask, char *ret_why, size_t size)
{
	return leaves_get_at(l, ask, clock_wall_us() / 1000000, ret_why, size);
}

void leaves_count(struct leaves *l, struct leaves_counts *ret)
{
	pthread_mutex_lock(&l->lock);
	*ret = l->counts;
	ret->held = l->entries.n;
	pthread_mutex_unlock(&l->lock);
}
