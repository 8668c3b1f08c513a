/* See gate.h.
 *
 * No wake-up is lost: who comes to wait counts itself, then looks for kept connections; who keeps one counts it, then looks for
 * waiters. Both counters are sequentially consistent, so at least one of the two sees the other. */
#include "core/gate.h"

#include "base/clock.h"
#include "base/mem.h"

#include <pthread.h>
#include <string.h>

enum {
	BUCKETS = 1024,
	STRICT_LIMIT = 8, /* up to this limit the order is strict */
	SLACK_US =
		10000, /* beyond it, how much later a waiter may have come than the head and still get its worker's connection */
	LIMIT_NONE = 65535
};

struct gate {
	pthread_mutex_t lock; /* of all that is not atomic here */
	struct gate_line *buckets[BUCKETS];
	_Atomic unsigned limit;
};

struct gate_line {
	struct gate *gate;
	struct gate_line *next; /* in its bucket */
	unsigned bucket;
	unsigned scheme;
	uint16_t port;
	char *host;
	struct list members;
	struct list waiting; /* of struct gate_waiter, the oldest first */
	/* Changed under the lock, read without it. */
	_Atomic unsigned open, waiting_n;
};

struct gate_port {
	struct gate *gate;
	struct loop *loop;
	const struct gate_events *events;
	struct post post;
	bool is_posted, is_closed;
	struct list told;  /* waiters that have a place */
	struct list asked; /* members that are to make room */
};

struct gate *gate_new(void)
{
	struct gate *g = mem_calloc(1, sizeof(*g));

	g->lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	atomic_init(&g->limit, LIMIT_NONE);
	return g;
}

void gate_free(struct gate *g)
{
	if (g == NULL)
		return;
	pthread_mutex_destroy(&g->lock);
	mem_free(g);
}

static bool line_has_room(const struct gate_line *line)
{
	return atomic_load_explicit(&line->open, memory_order_relaxed) <
		atomic_load_explicit(&line->gate->limit, memory_order_relaxed);
}

/* The next waiter of this worker that has a place; NULL if there is none. */
static struct gate_waiter *port_take_told(struct gate_port *p)
{
	struct gate_waiter *w = NULL;
	struct list *node;

	pthread_mutex_lock(&p->gate->lock);
	node = list_take(&p->told);
	if (node != NULL) {
		w = LIST_ITEM(node, struct gate_waiter, node);
		w->wait = GATE_WAIT_NONE;
	}
	pthread_mutex_unlock(&p->gate->lock);
	return w;
}

static struct gate_member *port_take_asked(struct gate_port *p)
{
	struct list *node;

	pthread_mutex_lock(&p->gate->lock);
	node = list_take(&p->asked);
	pthread_mutex_unlock(&p->gate->lock);
	return node != NULL ? LIST_ITEM(node, struct gate_member, asked) : NULL;
}

/* Tells this worker's waiters of their places. Without the lock. */
static void port_tell(struct gate_port *p)
{
	struct gate_waiter *w;

	while ((w = port_take_told(p)) != NULL)
		p->events->on_place(w);
}

static void port_on_post(struct post *post)
{
	struct gate_port *p = LIST_ITEM(post, struct gate_port, post);
	struct gate_member *m;
	bool is_closed;

	pthread_mutex_lock(&p->gate->lock);
	p->is_posted = false;
	is_closed = p->is_closed;
	pthread_mutex_unlock(&p->gate->lock);
	if (is_closed) {
		mem_free(p);
		return;
	}
	port_tell(p);
	while ((m = port_take_asked(p)) != NULL)
		p->events->on_wanted(m);
}

/* Has the worker look at its lists, once for all that is on them by then. Under the lock. */
static void port_wake(struct gate_port *p)
{
	if (p->is_posted || p->is_closed)
		return;
	p->is_posted = true;
	loop_post(p->loop, &p->post);
}

struct gate_port *gate_port_new(struct gate *g, struct loop *loop, const struct gate_events *events)
{
	struct gate_port *p = mem_calloc(1, sizeof(*p));

	p->gate = g;
	p->loop = loop;
	p->events = events;
	p->post.run = port_on_post;
	list_init(&p->post.node);
	list_init(&p->told);
	list_init(&p->asked);
	return p;
}

void gate_port_free(struct gate_port *p)
{
	bool is_posted;

	if (p == NULL)
		return;
	pthread_mutex_lock(&p->gate->lock);
	p->is_closed = true;
	is_posted = p->is_posted;
	pthread_mutex_unlock(&p->gate->lock);
	/* Otherwise the post, which the loop runs at its end at the latest, frees it. */
	if (!is_posted)
		mem_free(p);
}

/* Takes a waiter out of its line. */
static void waiter_step_out(struct gate_waiter *w)
{
	list_remove(&w->node);
	list_remove(&w->of_mine);
	w->wait = GATE_WAIT_NONE;
	atomic_fetch_sub(&w->member->line->waiting_n, 1);
}

/* Gives free places to who is next. Waiters of self are only put on its list: the caller tells them without the lock. */
static void line_serve(struct gate_line *line, struct gate_port *self)
{
	while (!list_is_empty(&line->waiting) && line_has_room(line)) {
		struct gate_waiter *w = LIST_ITEM(line->waiting.next, struct gate_waiter, node);
		struct gate_port *p = w->member->port;

		waiter_step_out(w);
		atomic_fetch_add(&line->open, 1);
		w->wait = GATE_WAIT_TOLD;
		list_append(&p->told, &w->node);
		if (p != self)
			port_wake(p);
	}
}

void gate_set_limit(struct gate_port *p, unsigned max_per_origin)
{
	struct gate *g = p->gate;

	pthread_mutex_lock(&g->lock);
	if (max_per_origin != atomic_exchange(&g->limit, max_per_origin)) {
		for (unsigned i = 0; i < BUCKETS; i++) {
			for (struct gate_line *line = g->buckets[i]; line != NULL; line = line->next)
				line_serve(line, p);
		}
	}
	pthread_mutex_unlock(&g->lock);
	port_tell(p);
}

static unsigned bucket_of(const struct gate_key *key)
{
	uint32_t h = 2166136261u ^ key->port ^ (uint32_t)key->scheme << 16;

	/* FNV-1a: hosts come from clients, but a long chain costs a scan, nothing more. */
	for (size_t i = 0; i < key->host.len; i++)
		h = (h ^ (unsigned char)key->host.p[i]) * 16777619u;
	return h % BUCKETS;
}

/* The line of an origin, made if need be. */
static struct gate_line *line_get(struct gate *g, const struct gate_key *key)
{
	unsigned bucket = bucket_of(key);
	struct gate_line *line = g->buckets[bucket];

	while (line != NULL &&
		(line->port != key->port || line->scheme != key->scheme || !str_eq(str_of(line->host), key->host)))
		line = line->next;
	if (line != NULL)
		return line;
	line = mem_calloc(1, sizeof(*line));
	line->gate = g;
	line->bucket = bucket;
	line->scheme = key->scheme;
	line->port = key->port;
	line->host = mem_strndup(key->host.p, key->host.len);
	list_init(&line->members);
	list_init(&line->waiting);
	line->next = g->buckets[bucket];
	g->buckets[bucket] = line;
	return line;
}

static void line_free(struct gate_line *line)
{
	struct gate_line **at = &line->gate->buckets[line->bucket];

	while (*at != line)
		at = &(*at)->next;
	*at = line->next;
	mem_free(line->host);
	mem_free(line);
}

void gate_join(struct gate_member *m, struct gate_port *p, const struct gate_key *key)
{
	m->port = p;
	list_init(&m->node);
	list_init(&m->asked);
	list_init(&m->waiting);
	atomic_init(&m->kept, 0);
	pthread_mutex_lock(&p->gate->lock);
	m->line = line_get(p->gate, key);
	list_append(&m->line->members, &m->node);
	pthread_mutex_unlock(&p->gate->lock);
}

void gate_part(struct gate_member *m)
{
	struct gate *g = m->line->gate;

	pthread_mutex_lock(&g->lock);
	list_remove(&m->node);
	list_remove(&m->asked);
	if (list_is_empty(&m->line->members))
		line_free(m->line);
	pthread_mutex_unlock(&g->lock);
	m->line = NULL;
}

/* Asks the other workers that keep connections to make room. More than one may: each looks whether somebody still waits. */
static void line_ask_others(struct gate_line *line, const struct gate_member *self)
{
	for (struct list *node = line->members.next; node != &line->members; node = node->next) {
		struct gate_member *m = LIST_ITEM(node, struct gate_member, node);

		if (m == self || atomic_load(&m->kept) == 0)
			continue;
		if (!list_is_linked(&m->asked))
			list_append(&m->port->asked, &m->asked);
		port_wake(m->port);
	}
}

static void line_append(struct gate_line *line, struct gate_member *m, struct gate_waiter *w)
{
	w->member = m;
	w->wait = GATE_WAIT_LINE;
	w->since_us = clock_mono_us();
	list_append(&line->waiting, &w->node);
	list_append(&m->waiting, &w->of_mine);
	atomic_fetch_add(&line->waiting_n, 1);
}

bool gate_ask(struct gate_member *m, struct gate_waiter *w)
{
	struct gate_line *line = m->line;
	bool is_free;

	pthread_mutex_lock(&line->gate->lock);
	is_free = line_has_room(line); /* then nobody waits */
	if (is_free) {
		atomic_fetch_add(&line->open, 1);
	} else {
		line_append(line, m, w);
		line_ask_others(line, m);
	}
	pthread_mutex_unlock(&line->gate->lock);
	return is_free;
}

void gate_leave(struct gate_member *m)
{
	struct gate_line *line = m->line;
	struct gate_port *p = m->port;

	pthread_mutex_lock(&line->gate->lock);
	atomic_fetch_sub(&line->open, 1);
	line_serve(line, p);
	pthread_mutex_unlock(&line->gate->lock);
	port_tell(p);
}

void gate_cancel(struct gate_waiter *w)
{
	struct gate_line *line = w->member->line;
	struct gate_port *p = w->member->port;

	pthread_mutex_lock(&line->gate->lock);
	if (w->wait == GATE_WAIT_LINE) {
		waiter_step_out(w);
	} else if (w->wait == GATE_WAIT_TOLD) {
		list_remove(&w->node);
		w->wait = GATE_WAIT_NONE;
		atomic_fetch_sub(&line->open, 1);
		line_serve(line, p);
	}
	pthread_mutex_unlock(&line->gate->lock);
	port_tell(p);
}

void gate_set_kept(struct gate_member *m, unsigned n)
{
	atomic_store(&m->kept, n);
}

bool gate_is_waited(const struct gate_member *m)
{
	return atomic_load(&m->line->waiting_n) > 0;
}

bool gate_is_over(const struct gate_member *m)
{
	return atomic_load_explicit(&m->line->open, memory_order_relaxed) >
		atomic_load_explicit(&m->line->gate->limit, memory_order_relaxed);
}

/* How much later than the head a waiter may have come and yet get a connection of its own worker. */
static int64_t line_slack_us(const struct gate_line *line, const struct gate_waiter *head)
{
	int64_t half_us = (clock_mono_us() - head->since_us) / 2;

	if (atomic_load_explicit(&line->gate->limit, memory_order_relaxed) <= STRICT_LIMIT)
		return 0;
	return half_us > SLACK_US ? half_us : SLACK_US;
}

/* Under the lock: who may have a connection of this worker that becomes free; NULL: none of its own. */
static struct gate_waiter *line_heir(const struct gate_line *line, const struct gate_member *m)
{
	const struct gate_waiter *head = LIST_ITEM(line->waiting.next, struct gate_waiter, node);
	struct gate_waiter *mine;

	if (list_is_empty(&m->waiting) || gate_is_over(m))
		return NULL;
	mine = LIST_ITEM(m->waiting.next, struct gate_waiter, of_mine);
	if (mine == head)
		return mine;
	return mine->since_us - head->since_us < line_slack_us(line, head) ? mine : NULL;
}

enum gate_next gate_next(struct gate_member *m, struct gate_waiter **ret_w)
{
	struct gate_line *line = m->line;
	enum gate_next next = GATE_NOBODY;
	struct gate_waiter *heir;

	pthread_mutex_lock(&line->gate->lock);
	if (!list_is_empty(&line->waiting)) {
		heir = line_heir(line, m);
		next = heir != NULL ? GATE_OURS : GATE_OTHERS;
		if (heir != NULL)
			*ret_w = heir;
	}
	pthread_mutex_unlock(&line->gate->lock);
	return next;
}

bool gate_claim(struct gate_waiter *w)
{
	struct gate *g = w->member->line->gate;
	bool is_waiting;

	pthread_mutex_lock(&g->lock);
	is_waiting = w->wait == GATE_WAIT_LINE;
	if (is_waiting)
		waiter_step_out(w);
	pthread_mutex_unlock(&g->lock);
	return is_waiting;
}
