/* What was learnt of clients that refuse our certificates. Not for: what counts as a refusal, which net/tls_server.h says. */
#include "core/learned.h"

#include "base/list.h"
#include "base/mem.h"
#include "net/keymap.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { JA4_TEXT_BYTES = 40, NAME_MAX_BYTES = 255, KEY_BYTES = ADDRESS_TEXT_BYTES + JA4_TEXT_BYTES + NAME_MAX_BYTES };

/* Counts refusals until there is a lesson, which is in force until until_us. */
struct entry {
	struct keymap_node node;
	char key[KEY_BYTES]; /* client, ja4 and name, with a line feed between them */
	char client[ADDRESS_TEXT_BYTES];
	char ja4[JA4_TEXT_BYTES];
	struct str name; /* in key */
	char why[LEARNED_WHY_BYTES];
	unsigned refusals;
	int64_t refused_us; /* the last time; of an unfit one: when that was seen */
	int64_t until_us;   /* 0: no lesson yet */
	uint64_t passed;
};

/* A client that has taken our certificate for a name. */
struct trust {
	struct keymap_node node;
	int64_t since_us;
	char key[];
};

struct learned {
	pthread_mutex_t lock;
	struct keymap entries;
	struct keymap trusts;
};

struct learned *learned_new(void)
{
	struct learned *l = mem_calloc(1, sizeof(*l));

	pthread_mutex_init(&l->lock, NULL);
	keymap_init(&l->entries);
	keymap_init(&l->trusts);
	return l;
}

static void entry_free(struct learned *l, struct entry *e)
{
	keymap_remove(&l->entries, &e->node);
	mem_free(e);
}

static struct entry *entry_of(struct keymap_node *node)
{
	return node != NULL ? LIST_ITEM(node, struct entry, node) : NULL;
}

static void trust_free(struct learned *l, struct trust *t)
{
	keymap_remove(&l->trusts, &t->node);
	mem_free(t);
}

static struct trust *trust_of(struct keymap_node *node)
{
	return node != NULL ? LIST_ITEM(node, struct trust, node) : NULL;
}

void learned_free(struct learned *l)
{
	struct entry *e;
	struct trust *t;

	if (l == NULL)
		return;
	while ((e = entry_of(keymap_oldest(&l->entries))) != NULL)
		entry_free(l, e);
	while ((t = trust_of(keymap_oldest(&l->trusts))) != NULL)
		trust_free(l, t);
	keymap_fini(&l->entries);
	keymap_fini(&l->trusts);
	pthread_mutex_destroy(&l->lock);
	mem_free(l);
}

/* An entry that is not in the table yet. False if the name is too long for one: nothing is learnt of it. */
static bool entry_init(struct entry *e, const struct learned_key *k)
{
	size_t front;

	if (k->name.len > NAME_MAX_BYTES)
		return false;
	memset(e, 0, sizeof(*e));
	address_format_host(k->client, e->client);
	snprintf(e->ja4, sizeof(e->ja4), "%s", k->ja4);
	front = (size_t)snprintf(e->key, sizeof(e->key), "%s\n%s\n", e->client, e->ja4);
	e->name = (struct str){e->key + front, k->name.len};
	for (size_t i = 0; i < k->name.len; i++) {
		char c = k->name.p[i];

		e->key[front + i] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
	}
	e->node.key = (struct str){e->key, front + k->name.len};
	return true;
}

/* NULL: there is none. */
static struct entry *find(struct learned *l, const struct learned_key *k)
{
	struct entry like;

	return entry_init(&like, k) ? entry_of(keymap_find(&l->entries, like.node.key)) : NULL;
}

static struct entry *find_or_add(struct learned *l, const struct learned_key *k)
{
	struct entry *e = find(l, k);

	if (e != NULL) {
		keymap_use(&l->entries, &e->node);
		return e;
	}
	e = mem_alloc(sizeof(*e));
	if (!entry_init(e, k)) {
		mem_free(e);
		return NULL;
	}
	if (l->entries.n >= LEARNED_MAX)
		entry_free(l, entry_of(keymap_oldest(&l->entries)));
	keymap_add(&l->entries, &e->node, e->node.key);
	return e;
}

static bool is_in_force(const struct entry *e, int64_t now_us)
{
	return now_us < e->until_us;
}

/* Without overflow: a lesson whose end cannot be counted lasts for ever. */
static int64_t end_of(int64_t now_us, int64_t ttl_us)
{
	return ttl_us < INT64_MAX - now_us ? now_us + ttl_us : INT64_MAX;
}

static void note_refusal(struct entry *e, const char *why, unsigned needed, int64_t now_us, int64_t ttl_us)
{
	bool is_known = is_in_force(e, now_us);

	/* A reason that does not depend on what the client thinks of us stays. */
	if (is_known && e->refusals == 0)
		return;
	/* What is over, or too long ago, counts no more. */
	if (!is_known && (e->until_us != 0 || now_us - e->refused_us > ttl_us)) {
		e->refusals = 0;
		e->passed = 0;
		e->until_us = 0;
	}
	e->refusals++;
	e->refused_us = now_us;
	if (e->refusals >= needed)
		e->until_us = end_of(now_us, ttl_us);
	snprintf(e->why, sizeof(e->why), "%s", why);
}

/* Notes one more refusal, of which it takes so many to make a lesson; those closer together than apart_us are one. */
static bool refuse(struct learned *l, const struct learned_key *k, const char *why, unsigned needed, int64_t apart_us,
	int64_t now_us, int64_t ttl_us)
{
	bool is_learnt = false;
	struct entry *e;

	if (ttl_us <= 0)
		return false;
	pthread_mutex_lock(&l->lock);
	e = find_or_add(l, k);
	if (e != NULL) {
		if (e->refusals == 0 || now_us - e->refused_us >= apart_us)
			note_refusal(e, why, needed, now_us, ttl_us);
		is_learnt = is_in_force(e, now_us);
	}
	pthread_mutex_unlock(&l->lock);
	return is_learnt;
}

bool learned_refusal(struct learned *l, const struct learned_key *k, const char *why, int64_t now_us, int64_t ttl_us)
{
	return refuse(l, k, why, LEARNED_REFUSALS, 0, now_us, ttl_us);
}

bool learned_doubt(struct learned *l, const struct learned_key *k, const char *why, int64_t now_us, int64_t ttl_us)
{
	enum { APART_US = 1000000 };

	return refuse(l, k, why, LEARNED_DOUBTS, APART_US, now_us, ttl_us);
}

void learned_unfit(struct learned *l, const struct learned_key *k, const char *why, int64_t now_us, int64_t ttl_us)
{
	struct entry *e;

	if (ttl_us <= 0)
		return;
	pthread_mutex_lock(&l->lock);
	e = find_or_add(l, k);
	if (e != NULL) {
		if (!is_in_force(e, now_us))
			e->passed = 0;
		e->refusals = 0;
		e->refused_us = now_us;
		e->until_us = end_of(now_us, ttl_us);
		snprintf(e->why, sizeof(e->why), "%s", why);
	}
	pthread_mutex_unlock(&l->lock);
}

/* Notes under this key that the client trusts us. */
static void trust_note(struct learned *l, struct str key, int64_t now_us)
{
	struct trust *t = trust_of(keymap_find(&l->trusts, key));

	if (t == NULL) {
		if (l->trusts.n >= LEARNED_MAX)
			trust_free(l, trust_of(keymap_oldest(&l->trusts)));
		t = mem_alloc(sizeof(*t) + key.len);
		memcpy(t->key, key.p, key.len);
		keymap_add(&l->trusts, &t->node, (struct str){t->key, key.len});
	} else {
		keymap_use(&l->trusts, &t->node);
	}
	t->since_us = now_us;
}

void learned_success(struct learned *l, const struct learned_key *k, int64_t now_us)
{
	struct entry like, *e;

	if (!entry_init(&like, k))
		return;
	pthread_mutex_lock(&l->lock);
	e = entry_of(keymap_find(&l->entries, like.node.key));
	if (e != NULL && e->until_us == 0)
		entry_free(l, e);
	trust_note(l, like.node.key, now_us);
	pthread_mutex_unlock(&l->lock);
}

bool learned_is_trusting(struct learned *l, const struct learned_key *k, int64_t now_us, int64_t ttl_us)
{
	const struct trust *t;
	bool is_trusting;
	struct entry like;

	if (!entry_init(&like, k))
		return false;
	pthread_mutex_lock(&l->lock);
	t = trust_of(keymap_find(&l->trusts, like.node.key));
	is_trusting = t != NULL && now_us - t->since_us <= ttl_us;
	pthread_mutex_unlock(&l->lock);
	return is_trusting;
}

/* "45 s", "14 min", "3 h": rounded up. */
static void left_format(int64_t left_us, char *to, size_t size)
{
	static const struct {
		int64_t us;
		const char *unit;
		int64_t below; /* of that unit */
	} steps[] = {{1000000, "s", 90}, {60000000, "min", 90}, {INT64_C(3600000000), "h", INT64_MAX}};
	unsigned i = 0;
	int64_t n;

	while ((n = left_us / steps[i].us + (left_us % steps[i].us != 0)) > steps[i].below)
		i++;
	snprintf(to, size, "%lld %s", (long long)n, steps[i].unit);
}

/* The reason is cut where it is long, not what follows it. */
static void words_of(const struct entry *e, int64_t now_us, char *ret_why)
{
	char front[64], left[32], back[64];
	int room;

	left_format(e->until_us - now_us, left, sizeof(left));
	if (e->refusals > 0) {
		snprintf(front, sizeof(front), "the client refused our certificate %u times (", e->refusals);
		snprintf(back, sizeof(back), "); opened again in %s", left);
	} else {
		snprintf(front, sizeof(front), "learnt: ");
		snprintf(back, sizeof(back), "; opened again in %s", left);
	}
	room = LEARNED_WHY_BYTES - 1 - (int)(strlen(front) + strlen(back));
	snprintf(ret_why, LEARNED_WHY_BYTES, "%s%.*s%s", front, room, e->why, back);
}

bool learned_is_passed(struct learned *l, const struct learned_key *k, int64_t now_us, char *ret_why)
{
	bool is_passed;
	struct entry *e;

	pthread_mutex_lock(&l->lock);
	e = find(l, k);
	is_passed = e != NULL && is_in_force(e, now_us);
	if (is_passed) {
		e->passed++;
		keymap_use(&l->entries, &e->node);
		words_of(e, now_us, ret_why);
	} else if (e != NULL && e->until_us != 0) {
		entry_free(l, e);
	}
	pthread_mutex_unlock(&l->lock);
	return is_passed;
}

void learned_each(struct learned *l, int64_t now_us, void (*each)(void *owner, const struct lesson *lesson), void *owner)
{
	pthread_mutex_lock(&l->lock);
	for (struct list *use = l->entries.uses.next; use != &l->entries.uses; use = use->next) {
		const struct entry *e = entry_of(LIST_ITEM(use, struct keymap_node, use));
		struct lesson lesson;

		if (!is_in_force(e, now_us))
			continue;
		lesson = (struct lesson){.ja4 = e->ja4,
			.name = e->name,
			.why = e->why,
			.refusals = e->refusals,
			.passed = e->passed,
			.left_us = e->until_us - now_us};
		memcpy(lesson.client, e->client, sizeof(lesson.client));
		each(owner, &lesson);
	}
	pthread_mutex_unlock(&l->lock);
}

size_t learned_forget(struct learned *l, struct str name, int64_t now_us)
{
	size_t forgotten = 0;

	pthread_mutex_lock(&l->lock);
	for (struct list *use = l->entries.uses.next, *next; use != &l->entries.uses; use = next) {
		struct entry *e = entry_of(LIST_ITEM(use, struct keymap_node, use));

		next = use->next;
		if (name.len != 0 && !str_ieq(name, e->name))
			continue;
		forgotten += is_in_force(e, now_us);
		entry_free(l, e);
	}
	pthread_mutex_unlock(&l->lock);
	return forgotten;
}
