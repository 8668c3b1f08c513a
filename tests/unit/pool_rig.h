/* A pool with two origins on loopback, and those who ask it for streams. Two such rigs may stand side by side, their pools at
 * one gate. */
#ifndef VIADUCT_TESTS_POOL_RIG_H
#define VIADUCT_TESTS_POOL_RIG_H

#include "core/pool.h"

#include "base/mem.h"
#include "config/settings.h"
#include "core/upstream.h"
#include "heads.h"
#include "net/tcp.h"

enum { PEERS = 16 };

/* An origin: what it accepted, in order, and what came there. */
struct origin {
	struct rig *rig;
	struct listener *listener;
	struct address address;
	struct peer {
		struct origin *origin;
		struct transport *t;
		struct bufq in;
		bool has_ended;
	} peers[PEERS];
	unsigned n, most_open;
};

struct rig {
	struct rig *beside; /* its loop turns too; NULL: there is none */
	struct loop *loop;
	struct bufpool *bufpool;
	struct link_budget budget;
	struct resolver *resolver;
	struct settings *settings;
	struct pool *pool;
	enum error refusal;
	struct origin origin, other;
};

struct asker {
	struct lease lease;
	struct arena *arena;
	struct url url;
	unsigned changes;
	unsigned refusals; /* so many addresses are refused, then all are fine */
	unsigned checks;
};

static inline void rig_turn(struct rig *r)
{
	loop_turn(r->loop, r->beside == NULL ? 10 : 2);
	if (r->beside != NULL)
		loop_turn(r->beside->loop, 2);
}

/* Turns the loop until something is so. */
#define UNTIL(r, condition)                                                                                                    \
	do {                                                                                                                   \
		for (int i_ = 0; i_ < 1000 && !(condition); i_++)                                                              \
			rig_turn(r);                                                                                           \
		assert_true(condition);                                                                                        \
	} while (0)

static inline void peer_on_ready(void *owner, unsigned ready)
{
	struct peer *p = owner;
	enum io io;
	size_t n;

	(void)ready;
	do
		io = transport_read(p->t, &p->in, 4096, &n);
	while (io == IO_DONE);
	if (io == IO_AGAIN)
		return;
	p->has_ended = true;
	transport_watch(p->t, 0);
}

/* How many connections there are. What was closed before now is seen as closed. */
static inline unsigned origin_count_open(struct origin *o)
{
	unsigned open = 0;

	for (unsigned i = 0; i < o->n; i++) {
		if (o->peers[i].t != NULL && !o->peers[i].has_ended)
			peer_on_ready(&o->peers[i], READY_READ);
		open += o->peers[i].t != NULL && !o->peers[i].has_ended;
	}
	return open;
}

static inline void origin_on_accept(void *owner, struct transport *t)
{
	struct origin *o = owner;
	unsigned open = origin_count_open(o) + 1;
	struct peer *p = &o->peers[o->n++];

	assert_true(o->n <= PEERS);
	if (open > o->most_open)
		o->most_open = open;
	p->origin = o;
	p->t = t;
	bufq_init(&p->in, o->rig->bufpool);
	t->on_ready = peer_on_ready;
	t->owner = p;
	transport_watch(t, READY_READ);
}

static inline void origin_up(struct origin *o, struct rig *r)
{
	o->rig = r;
	assert_true(address_parse(STR("127.0.0.1"), 0, &o->address));
	o->listener = listener_new(r->loop, tcp_listen(&o->address), origin_on_accept, o);
}

static inline void peer_close(struct peer *p, bool abort)
{
	if (p->t != NULL)
		transport_close(p->t, abort);
	p->t = NULL;
	bufq_clear(&p->in);
}

static inline void origin_down(struct origin *o)
{
	listener_free(o->listener);
	for (unsigned i = 0; i < o->n; i++)
		peer_close(&o->peers[i], false);
}

static inline enum error check(void *owner, const struct address *to)
{
	assert_int_equal(to->ss.ss_family, AF_INET);
	return ((struct rig *)owner)->refusal;
}

/* set: "option=value", or NULL. */
static inline struct settings *settings_of(const char *set)
{
	const char *all[] = {"data=/", set};
	struct settings_source source = {.set = all, .set_n = set != NULL ? 2 : 1};
	struct settings *settings;
	char why[200] = "";

	settings = settings_load(&source, why, sizeof(why));
	assert_string_equal(why, "");
	return settings;
}

/* gate: NULL for one of its own. */
static inline void rig_up_at(struct rig *r, const char *set, struct gate *gate)
{
	struct resolver_options names = {
		.max_names = 16, .max_ttl_ms = 1000, .hosts_file = "/dev/null", .resolv_conf_file = "/dev/null"};
	struct pool_needs needs = {.budget = &r->budget, .gate = gate, .check = check, .owner = r};

	*r = (struct rig){.loop = loop_new(), .bufpool = bufpool_new(0)};
	r->settings = settings_of(set);
	link_budget_init(&r->budget, r->bufpool, 1 << 20);
	r->resolver = resolver_new(r->loop, &names);
	needs.loop = r->loop;
	needs.resolver = r->resolver;
	r->pool = pool_new(&needs, r->settings);
	origin_up(&r->origin, r);
	origin_up(&r->other, r);
}

static inline void rig_up(struct rig *r, const char *set)
{
	rig_up_at(r, set, NULL);
}

/* From now on with this option. */
static inline void rig_set(struct rig *r, const char *set)
{
	struct settings *fresh = settings_of(set);

	pool_set_settings(r->pool, fresh, NULL);
	settings_unref(r->settings);
	r->settings = fresh;
}

static inline void rig_down(struct rig *r)
{
	pool_free(r->pool);
	origin_down(&r->origin);
	origin_down(&r->other);
	resolver_free(r->resolver);
	loop_free(r->loop);
	bufpool_free(r->bufpool);
	settings_unref(r->settings);
}

static inline void on_change(void *owner)
{
	((struct asker *)owner)->changes++;
}

static inline enum error asker_check(void *owner, const struct address *to)
{
	struct asker *a = owner;

	assert_int_equal(to->ss.ss_family, AF_INET);
	a->checks++;
	if (a->refusals == 0)
		return ERR_none;
	a->refusals--;
	return ERR_target_returned;
}

static inline void ask_for(struct rig *r, struct asker *a, const struct origin *o, int64_t max_idle_us, bool is_raw)
{
	char text[40];

	*a = (struct asker){.arena = arena_new(1 << 16)};
	snprintf(text, sizeof(text), "http://127.0.0.1:%u/", address_port(&o->address));
	a->url = url_read(a->arena, text);
	a->lease = (struct lease){.on_change = on_change,
		.owner = a,
		.arena = a->arena,
		.url = &a->url,
		.max_idle_us = max_idle_us,
		.is_raw = is_raw};
	pool_lease(r->pool, &a->lease);
}

static inline void ask(struct rig *r, struct asker *a)
{
	ask_for(r, a, &r->origin, INT64_MAX, false);
}

/* For a stream to the first origin, refusing so many addresses. */
static inline void ask_refusing(struct rig *r, struct asker *a, unsigned refusals)
{
	char text[40];

	*a = (struct asker){.arena = arena_new(1 << 16), .refusals = refusals};
	snprintf(text, sizeof(text), "http://127.0.0.1:%u/", address_port(&r->origin.address));
	a->url = url_read(a->arena, text);
	a->lease = (struct lease){.on_change = on_change,
		.owner = a,
		.arena = a->arena,
		.url = &a->url,
		.check = asker_check,
		.max_idle_us = INT64_MAX};
	pool_lease(r->pool, &a->lease);
}

static inline void end(struct asker *a, bool abort)
{
	lease_end(&a->lease, abort);
	assert_int_equal(a->lease.state, LEASE_ENDED);
	assert_null(a->lease.stream);
	arena_free(a->arena);
	a->arena = NULL;
}

static inline void request(struct asker *a)
{
	struct body_plan plan = {.kind = BODY_NONE};

	stream_send_head(a->lease.stream, request_read(a->arena, "GET", "/", "Host: h\n"), &plan);
	stream_end(a->lease.stream, NULL);
}

/* One request and its whole answer, from this peer of the origin. */
static inline void exchange(struct rig *r, struct asker *a, struct peer *p)
{
	struct bufq out;
	size_t n;

	UNTIL(r, a->lease.state == LEASE_READY);
	UNTIL(r, p->t != NULL);
	request(a);
	UNTIL(r, p->in.len > 0);
	bufq_clear(&p->in);
	bufq_init(&out, r->bufpool);
	bufq_append_str(&out, STR("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
	assert_int_equal(transport_write(p->t, &out, &n), IO_DONE);
	UNTIL(r, a->lease.stream->in_end);
	assert_int_equal(a->lease.stream->head->status, 200);
}

#endif
