/* The resolver: where an answer comes from, in this order: overrides, localhost, the hosts file, the cache, a question that is
 * under way already, a new question.
 *
 *   query (one asker) --waits on--> question (one name and family) --asked of--> dns (c-ares)
 *         \--------------has a use of--------------> answer <--has a use of-- cache */
#include "net/resolver.h"

#include "base/log.h"
#include "base/mem.h"
#include "net/resolver_internal.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define HOSTS_FILE "/etc/hosts"
#define RESOLV_CONF_FILE "/etc/resolv.conf"

enum {
	LOOK_EVERY_US = 2000000, /* at changed files, and only when something is asked */
	KEY_BYTES_MAX = 1 + NAME_BYTES_MAX + 1
};

/* What tells one version of a file from another. */
struct file_version {
	ino_t inode;
	off_t size;
	struct timespec changed;
};

struct resolver {
	struct loop *loop;
	struct resolver_options options; /* servers and paths are copies; hosts is not used */
	struct hosts *overrides;
	struct hosts *hosts;
	struct dns *dns;
	struct answer_cache cache;
	struct keymap questions;
	int64_t looked_us;
	struct file_version hosts_version, resolv_conf_version;
};

struct question {
	struct keymap_node node;
	struct resolver *resolver;
	int family;
	struct list queries;
	char key[KEY_BYTES_MAX + 1]; /* the family in one letter, the name in lower case */
};

struct query {
	struct list node; /* of a question, or of none */
	struct resolver *resolver;
	struct task done;
	struct answer *answer;
	bool is_cached;
	void (*on_done)(void *owner, const struct resolved *answer);
	void *owner;
};

static char *copy_or_null(const char *s)
{
	return s != NULL && s[0] != '\0' ? mem_strdup(s) : NULL;
}

static const char *hosts_path(const struct resolver *r)
{
	return r->options.hosts_file != NULL ? r->options.hosts_file : HOSTS_FILE;
}

static const char *resolv_conf_path(const struct resolver *r)
{
	return r->options.resolv_conf_file != NULL ? r->options.resolv_conf_file : RESOLV_CONF_FILE;
}

/* True if the file is another than the version says, which then is brought up to date. */
static bool has_changed(const char *path, struct file_version *v)
{
	struct stat st;
	struct file_version now = {.inode = 0};

	if (stat(path, &st) == 0) {
		now.inode = st.st_ino;
		now.size = st.st_size;
		now.changed = st.st_mtim;
	}
	if (now.inode == v->inode && now.size == v->size && now.changed.tv_sec == v->changed.tv_sec &&
		now.changed.tv_nsec == v->changed.tv_nsec)
		return false;
	*v = now;
	return true;
}

static void options_fini(struct resolver_options *o)
{
	mem_free((char *)(uintptr_t)o->servers);
	mem_free((char *)(uintptr_t)o->hosts_file);
	mem_free((char *)(uintptr_t)o->resolv_conf_file);
}

/* Replaces the options by copies of others. */
static void take_options(struct resolver *r, const struct resolver_options *o)
{
	struct resolver_options copy = *o;

	copy.servers = copy_or_null(o->servers);
	copy.hosts_file = copy_or_null(o->hosts_file);
	copy.resolv_conf_file = copy_or_null(o->resolv_conf_file);
	copy.hosts = NULL;
	copy.hosts_n = 0;
	options_fini(&r->options);
	r->options = copy;
	r->cache.max = o->max_names;
	hosts_free(r->overrides);
	r->overrides = hosts_of_overrides(o->hosts, o->hosts_n);
}

/* Reads the hosts file anew. */
static void load_hosts(struct resolver *r)
{
	hosts_free(r->hosts);
	r->hosts = hosts_of_file(hosts_path(r));
}

static void on_answer(void *owner, struct answer *a, int64_t ttl_s);

static void question_send(struct question *q)
{
	dns_ask(q->resolver->dns, q->key + 1, q->family, on_answer, q);
}

/* Starts c-ares anew and asks it again what was under way. False, and all as before, if it does not start. */
static bool restart_dns(struct resolver *r)
{
	struct dns *fresh = dns_new(r->loop, r->options.servers, resolv_conf_path(r));
	struct list asked;
	struct list *use;

	if (fresh == NULL)
		return false;
	dns_free(r->dns);
	r->dns = fresh;
	/* An answer may come at once and take its question off the table: so they move to a list first, and back one by one. */
	list_init(&asked);
	while ((use = list_take(&r->questions.uses)) != NULL)
		list_append(&asked, use);
	while ((use = list_take(&asked)) != NULL) {
		list_append(&r->questions.uses, use);
		question_send(LIST_ITEM(LIST_ITEM(use, struct keymap_node, use), struct question, node));
	}
	return true;
}

struct resolver *resolver_new(struct loop *l, const struct resolver_options *o)
{
	struct resolver *r = mem_calloc(1, sizeof(*r));

	r->loop = l;
	answer_cache_init(&r->cache, o->max_names);
	keymap_init(&r->questions);
	take_options(r, o);
	has_changed(hosts_path(r), &r->hosts_version);
	has_changed(resolv_conf_path(r), &r->resolv_conf_version);
	r->looked_us = loop_now_us(l);
	load_hosts(r);
	if (!restart_dns(r)) {
		resolver_free(r);
		return NULL;
	}
	return r;
}

void resolver_free(struct resolver *r)
{
	struct keymap_node *node;

	if (r == NULL)
		return;
	dns_free(r->dns);
	while ((node = keymap_oldest(&r->questions)) != NULL) {
		struct question *q = LIST_ITEM(node, struct question, node);

		keymap_remove(&r->questions, node);
		list_remove(&q->queries);
		mem_free(q);
	}
	keymap_fini(&r->questions);
	answer_cache_fini(&r->cache);
	hosts_free(r->hosts);
	hosts_free(r->overrides);
	options_fini(&r->options);
	mem_free(r);
}

void resolver_set_options(struct resolver *r, const struct resolver_options *o)
{
	take_options(r, o);
	answer_cache_clear(&r->cache);
	load_hosts(r);
	if (!restart_dns(r))
		log_warn("the name servers \"%s\" cannot be used; those from before stay",
			o->servers != NULL ? o->servers : "");
}

/* Follows changes of the system's files. A worker must not block, but a stat of a file that is in the system's cache does not,
 * it is done at most once in two seconds, and reading happens only when somebody changed the file. */
static void look_at_files(struct resolver *r)
{
	int64_t now_us = loop_now_us(r->loop);

	if (now_us - r->looked_us < LOOK_EVERY_US)
		return;
	r->looked_us = now_us;
	if (has_changed(hosts_path(r), &r->hosts_version))
		load_hosts(r);
	if (!has_changed(resolv_conf_path(r), &r->resolv_conf_version))
		return;
	answer_cache_clear(&r->cache);
	if (!restart_dns(r))
		log_warn("%s has changed, but cannot be used", resolv_conf_path(r));
}

/* Delivers, at the end of a turn. */
static void on_query_done(void *owner)
{
	struct query *q = owner;
	struct answer *a = q->answer;
	struct resolved resolved = {.error = a->error, .addresses = a->addresses, .n = a->n, .is_cached = q->is_cached};

	snprintf(resolved.detail, sizeof(resolved.detail), "%s", a->detail);
	loop_reap(q->resolver->loop, q, mem_free);
	q->on_done(q->owner, &resolved);
	answer_unref(a);
}

/* Has a query delivered later; takes the use of a. */
static void query_answer(struct query *q, struct answer *a, bool is_cached)
{
	q->answer = a;
	q->is_cached = is_cached;
	loop_defer(q->resolver->loop, &q->done);
}

/* How long an answer is kept. */
static int64_t keep_us(const struct resolver_options *o, const struct answer *a, int64_t ttl_s)
{
	int64_t ttl_ms = ttl_s * 1000;

	if (a->error != ERR_none)
		return o->failure_ttl_ms * 1000;
	if (ttl_ms > o->max_ttl_ms)
		ttl_ms = o->max_ttl_ms;
	if (ttl_ms < o->min_ttl_ms)
		ttl_ms = o->min_ttl_ms;
	return ttl_ms * 1000;
}

/* The name servers have answered a question: cache it, tell all who wait for it. */
static void on_answer(void *owner, struct answer *a, int64_t ttl_s)
{
	struct question *q = owner;
	struct resolver *r = q->resolver;
	struct list *node;

	answer_cache_put(&r->cache, q->node.key, a, loop_now_us(r->loop) + keep_us(&r->options, a, ttl_s));
	keymap_remove(&r->questions, &q->node);
	while ((node = list_take(&q->queries)) != NULL)
		query_answer(LIST_ITEM(node, struct query, node), answer_ref(a), false);
	answer_unref(a);
	mem_free(q);
}

/* The key of a name and family: "6example.org". False if it cannot be a name at all. */
static bool make_key(struct str name, int family, char to[KEY_BYTES_MAX + 1], struct str *ret_key)
{
	if (name.len == 0 || name.len > NAME_BYTES_MAX)
		return false;
	to[0] = family == AF_INET6 ? '6' : '4';
	for (size_t i = 0; i < name.len; i++) {
		char c = name.p[i];

		if (c == '\0')
			return false;
		to[i + 1] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
	}
	to[name.len + 1] = '\0';
	*ret_key = (struct str){to, name.len + 1};
	return true;
}

/* What is known without asking a name server; NULL if nothing is. */
static struct answer *find_known(struct resolver *r, struct str key, int family)
{
	struct str name = str_from(key, 1);
	struct answer *a = hosts_find(r->overrides, name, family);

	if (a == NULL)
		a = hosts_localhost(name, family);
	if (a == NULL)
		a = hosts_find(r->hosts, name, family);
	if (a == NULL)
		a = answer_cache_get(&r->cache, key, loop_now_us(r->loop));
	return a;
}

/* Joins the question that is under way, or starts one. */
static void join_question(struct query *query, struct str key, int family)
{
	struct resolver *r = query->resolver;
	struct keymap_node *node = keymap_find(&r->questions, key);
	struct question *q;

	if (node != NULL) {
		list_append(&LIST_ITEM(node, struct question, node)->queries, &query->node);
		return;
	}
	q = mem_calloc(1, sizeof(*q));
	q->resolver = r;
	q->family = family;
	memcpy(q->key, key.p, key.len);
	list_init(&q->queries);
	list_append(&q->queries, &query->node);
	keymap_add(&r->questions, &q->node, (struct str){q->key, key.len});
	question_send(q);
}

struct query *resolver_ask(struct resolver *r, struct str name, int family,
	void (*on_done)(void *owner, const struct resolved *answer), void *owner)
{
	struct query *q = mem_calloc(1, sizeof(*q));
	char text[KEY_BYTES_MAX + 1];
	struct str key;
	struct answer *known;

	q->resolver = r;
	q->on_done = on_done;
	q->owner = owner;
	list_init(&q->node);
	task_init(&q->done, on_query_done, q);
	look_at_files(r);
	if (!make_key(name, family, text, &key)) {
		query_answer(q, answer_new(ERR_name_not_found, "this cannot be a host name", NULL, 0), true);
		return q;
	}
	known = find_known(r, key, family);
	if (known != NULL)
		query_answer(q, known, true);
	else
		join_question(q, key, family);
	return q;
}

void query_cancel(struct query *q)
{
	if (q == NULL)
		return;
	/* The question goes on: its answer is good for the cache. */
	list_remove(&q->node);
	task_cancel(&q->done);
	answer_unref(q->answer);
	loop_reap(q->resolver->loop, q, mem_free);
}
