/* The pool against origins on loopback: what is kept and used again, who waits and in which order, and every way to stop. */
#include "core/pool.h"

#include "base/mem.h"
#include "config/settings.h"
#include "core/upstream.h"
#include "heads.h"
#include "net/tcp.h"

#include <unistd.h>

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
	unsigned n;
};

struct rig {
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
};

/* Turns the loop until something is so. */
#define UNTIL(r, condition)                                                                                                    \
	do {                                                                                                                   \
		for (int i_ = 0; i_ < 200 && !(condition); i_++)                                                               \
			loop_turn((r)->loop, 50);                                                                              \
		assert_true(condition);                                                                                        \
	} while (0)

static void peer_on_ready(void *owner, unsigned ready)
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

static void origin_on_accept(void *owner, struct transport *t)
{
	struct origin *o = owner;
	struct peer *p = &o->peers[o->n++];

	assert_true(o->n <= PEERS);
	p->origin = o;
	p->t = t;
	bufq_init(&p->in, o->rig->bufpool);
	t->on_ready = peer_on_ready;
	t->owner = p;
	transport_watch(t, READY_READ);
}

static void origin_up(struct origin *o, struct rig *r)
{
	o->rig = r;
	assert_true(address_parse(STR("127.0.0.1"), 0, &o->address));
	o->listener = listener_new(r->loop, tcp_listen(&o->address), origin_on_accept, o);
}

static void peer_close(struct peer *p, bool abort)
{
	if (p->t != NULL)
		transport_close(p->t, abort);
	p->t = NULL;
	bufq_clear(&p->in);
}

static void origin_down(struct origin *o)
{
	listener_free(o->listener);
	for (unsigned i = 0; i < o->n; i++)
		peer_close(&o->peers[i], false);
}

static enum error check(void *owner, const struct address *to)
{
	assert_int_equal(to->ss.ss_family, AF_INET);
	return ((struct rig *)owner)->refusal;
}

/* set: "option=value", or NULL. */
static void rig_up(struct rig *r, const char *set)
{
	const char *all[] = {"data=/", set};
	struct settings_source source = {.set = all, .set_n = set != NULL ? 2 : 1};
	struct resolver_options names = {.max_names = 16, .max_ttl_ms = 1000, .hosts_file = "/dev/null", .resolv_conf_file = "/dev/null"};
	struct pool_needs needs = {.budget = &r->budget, .check = check, .owner = r};
	char why[200] = "";

	*r = (struct rig){.loop = loop_new(), .bufpool = bufpool_new(0)};
	r->settings = settings_load(&source, why, sizeof(why));
	assert_string_equal(why, "");
	link_budget_init(&r->budget, r->bufpool, 1 << 20);
	r->resolver = resolver_new(r->loop, &names);
	needs.loop = r->loop;
	needs.resolver = r->resolver;
	r->pool = pool_new(&needs, r->settings);
	origin_up(&r->origin, r);
	origin_up(&r->other, r);
}

static void rig_down(struct rig *r)
{
	pool_free(r->pool);
	origin_down(&r->origin);
	origin_down(&r->other);
	resolver_free(r->resolver);
	loop_free(r->loop);
	bufpool_free(r->bufpool);
	settings_unref(r->settings);
}

static void on_change(void *owner)
{
	((struct asker *)owner)->changes++;
}

static void ask_for(struct rig *r, struct asker *a, const struct origin *o, int64_t max_idle_us, bool is_raw)
{
	char text[40];

	*a = (struct asker){.arena = arena_new(1 << 16)};
	snprintf(text, sizeof(text), "http://127.0.0.1:%u/", address_port(&o->address));
	a->url = url_read(a->arena, text);
	a->lease = (struct lease){.on_change = on_change, .owner = a, .arena = a->arena, .url = &a->url, .max_idle_us = max_idle_us, .is_raw = is_raw};
	pool_lease(r->pool, &a->lease);
}

static void ask(struct rig *r, struct asker *a)
{
	ask_for(r, a, &r->origin, INT64_MAX, false);
}

static void end(struct asker *a, bool abort)
{
	lease_end(&a->lease, abort);
	assert_int_equal(a->lease.state, LEASE_ENDED);
	assert_null(a->lease.stream);
	arena_free(a->arena);
	a->arena = NULL;
}

static void request(struct asker *a)
{
	struct body_plan plan = {.kind = BODY_NONE};

	stream_send_head(a->lease.stream, request_read(a->arena, "GET", "/", "Host: h\n"), &plan);
	stream_end(a->lease.stream, NULL);
}

/* One request and its whole answer, from this peer of the origin. */
static void exchange(struct rig *r, struct asker *a, struct peer *p)
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

static void test_an_upstream_is_used_again(void **state)
{
	struct asker a, b;
	struct rig r;

	(void)state;
	rig_up(&r, NULL);
	ask(&r, &a);
	assert_int_equal(a.lease.state, LEASE_DIALLING);
	assert_int_equal(a.changes, 0);
	exchange(&r, &a, &r.origin.peers[0]);
	assert_true(a.changes > 0);
	assert_false(a.lease.is_reused);
	assert_true(a.lease.connect_us >= 0);
	assert_int_equal(a.lease.resolve_us, -1);
	assert_int_equal(a.lease.tls_us, -1);
	assert_int_equal(a.lease.queue_us, -1);
	assert_true(address_eq(&a.lease.peer, &r.origin.address));
	end(&a, false);
	ask(&r, &b);
	assert_int_equal(b.lease.state, LEASE_READY);
	assert_true(b.lease.is_reused);
	assert_int_equal(b.lease.connect_us, -1);
	assert_true(address_eq(&b.lease.peer, &r.origin.address));
	exchange(&r, &b, &r.origin.peers[0]);
	end(&b, false);
	assert_int_equal(r.origin.n, 1);
	rig_down(&r);
}

static void test_origins_do_not_share(void **state)
{
	struct asker a, b, c;
	struct rig r;

	(void)state;
	rig_up(&r, NULL);
	ask(&r, &a);
	exchange(&r, &a, &r.origin.peers[0]);
	end(&a, false);
	ask_for(&r, &b, &r.other, INT64_MAX, false);
	assert_int_equal(b.lease.state, LEASE_DIALLING);
	ask_for(&r, &c, &r.origin, INT64_MAX, true);
	assert_int_equal(c.lease.state, LEASE_DIALLING);
	UNTIL(&r, b.lease.state == LEASE_READY && c.lease.state == LEASE_READY);
	assert_true(c.lease.stream->is_raw);
	end(&b, false);
	end(&c, false);
	rig_down(&r);
}

static void test_a_tunnel_is_not_kept(void **state)
{
	struct asker a;
	struct rig r;

	(void)state;
	rig_up(&r, NULL);
	ask_for(&r, &a, &r.origin, INT64_MAX, true);
	UNTIL(&r, a.lease.state == LEASE_READY && r.origin.n == 1);
	end(&a, false);
	UNTIL(&r, r.origin.peers[0].has_ended);
	rig_down(&r);
}

static void test_the_queue_is_served_in_order(void **state)
{
	struct asker a, b, c;
	unsigned changes;
	struct rig r;

	(void)state;
	rig_up(&r, "upstream.max_per_origin=1");
	ask(&r, &a);
	ask(&r, &b);
	ask(&r, &c);
	assert_int_equal(b.lease.state, LEASE_QUEUED);
	exchange(&r, &a, &r.origin.peers[0]);
	assert_int_equal(b.lease.state, LEASE_QUEUED);
	end(&a, false);
	/* The upstream goes from hand to hand. */
	assert_int_equal(b.lease.state, LEASE_READY);
	assert_true(b.lease.is_reused);
	assert_true(b.lease.queue_us >= 0);
	assert_int_equal(b.changes, 1);
	assert_int_equal(c.lease.state, LEASE_QUEUED);
	request(&b);
	changes = c.changes;
	end(&b, true);
	/* This one is of no more use, so the next dials: and is told that it does not wait in the queue any more. */
	UNTIL(&r, c.lease.state != LEASE_QUEUED);
	assert_true(c.changes > changes);
	exchange(&r, &c, &r.origin.peers[1]);
	assert_false(c.lease.is_reused);
	end(&c, false);
	rig_down(&r);
}

static void test_the_queue_goes_on_after_a_failure(void **state)
{
	struct asker a, b, c;
	struct rig r;

	(void)state;
	rig_up(&r, "upstream.max_per_origin=1");
	r.refusal = ERR_loop_detected;
	ask(&r, &a);
	ask(&r, &b);
	ask(&r, &c);
	UNTIL(&r, a.lease.state == LEASE_FAILED && b.lease.state == LEASE_FAILED && c.lease.state == LEASE_FAILED);
	assert_int_equal(a.lease.error, ERR_loop_detected);
	assert_int_equal(c.lease.error, ERR_loop_detected);
	assert_true(a.lease.detail[0] != '\0');
	end(&a, false);
	end(&b, true);
	end(&c, false);
	r.refusal = ERR_none;
	ask(&r, &a);
	UNTIL(&r, a.lease.state == LEASE_READY);
	end(&a, false);
	rig_down(&r);
}

static void test_nobody_listens(void **state)
{
	struct asker a;
	struct rig r;

	(void)state;
	rig_up(&r, NULL);
	listener_free(r.origin.listener);
	ask(&r, &a);
	UNTIL(&r, a.lease.state == LEASE_FAILED);
	assert_int_equal(a.lease.error, ERR_connect_refused);
	assert_true(address_eq(&a.lease.peer, &r.origin.address));
	end(&a, false);
	lease_end(&a.lease, true);
	origin_up(&r.origin, &r);
	rig_down(&r);
}

static void test_idle_ones_expire(void **state)
{
	struct asker a, b;
	struct rig r;

	(void)state;
	rig_up(&r, "upstream.idle_timeout=40ms");
	ask(&r, &a);
	ask(&r, &b);
	exchange(&r, &a, &r.origin.peers[0]);
	exchange(&r, &b, &r.origin.peers[1]);
	end(&a, false);
	end(&b, false);
	UNTIL(&r, r.origin.peers[0].has_ended && r.origin.peers[1].has_ended);
	ask(&r, &a);
	assert_int_equal(a.lease.state, LEASE_DIALLING);
	exchange(&r, &a, &r.origin.peers[2]);
	/* In use nothing expires. */
	assert_false(r.origin.peers[2].has_ended);
	end(&a, false);
	rig_down(&r);
}

static void test_none_is_kept_with_a_timeout_of_0(void **state)
{
	struct asker a;
	struct rig r;

	(void)state;
	rig_up(&r, "upstream.idle_timeout=0");
	ask(&r, &a);
	exchange(&r, &a, &r.origin.peers[0]);
	end(&a, false);
	UNTIL(&r, r.origin.peers[0].has_ended);
	rig_down(&r);
}

static void test_the_oldest_idle_one_goes_first(void **state)
{
	struct asker a, b, c;
	struct rig r;

	(void)state;
	rig_up(&r, "upstream.max_idle=2");
	ask_for(&r, &a, &r.other, INT64_MAX, false);
	exchange(&r, &a, &r.other.peers[0]);
	ask(&r, &b);
	exchange(&r, &b, &r.origin.peers[0]);
	ask(&r, &c);
	exchange(&r, &c, &r.origin.peers[1]);
	end(&a, false);
	end(&b, false);
	end(&c, false);
	UNTIL(&r, r.other.peers[0].has_ended);
	assert_false(r.origin.peers[0].has_ended);
	/* Of one origin the latest is taken first: it is the least likely to be stale. */
	ask(&r, &a);
	assert_int_equal(a.lease.state, LEASE_READY);
	exchange(&r, &a, &r.origin.peers[1]);
	end(&a, false);
	rig_down(&r);
}

static void test_an_idle_one_that_the_origin_closes_is_gone(void **state)
{
	struct asker a;
	struct rig r;

	(void)state;
	for (int abort = 0; abort < 2; abort++) {
		rig_up(&r, NULL);
		ask(&r, &a);
		exchange(&r, &a, &r.origin.peers[0]);
		end(&a, false);
		peer_close(&r.origin.peers[0], abort != 0);
		for (int i = 0; i < 3; i++)
			loop_turn(r.loop, 10);
		ask(&r, &a);
		assert_int_equal(a.lease.state, LEASE_DIALLING);
		exchange(&r, &a, &r.origin.peers[1]);
		end(&a, false);
		rig_down(&r);
	}
}

/* Bytes that nobody asked for must not become the answer to the next request. */
static void test_an_idle_one_that_speaks_is_closed(void **state)
{
	struct bufq out;
	struct asker a;
	struct rig r;
	size_t n;

	(void)state;
	rig_up(&r, NULL);
	ask(&r, &a);
	exchange(&r, &a, &r.origin.peers[0]);
	end(&a, false);
	bufq_init(&out, r.bufpool);
	bufq_append_str(&out, STR("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
	assert_int_equal(transport_write(r.origin.peers[0].t, &out, &n), IO_DONE);
	UNTIL(&r, r.origin.peers[0].has_ended);
	ask(&r, &a);
	assert_int_equal(a.lease.state, LEASE_DIALLING);
	end(&a, false);
	rig_down(&r);
}

static void test_draining(void **state)
{
	struct asker a, b;
	struct rig r;

	(void)state;
	rig_up(&r, NULL);
	ask(&r, &a);
	exchange(&r, &a, &r.origin.peers[0]);
	ask(&r, &b);
	exchange(&r, &b, &r.origin.peers[1]);
	end(&b, false);
	pool_drain(r.pool);
	UNTIL(&r, r.origin.peers[1].has_ended);
	assert_false(r.origin.peers[0].has_ended);
	end(&a, false);
	UNTIL(&r, r.origin.peers[0].has_ended);
	/* What is under way may still ask. */
	ask(&r, &a);
	exchange(&r, &a, &r.origin.peers[2]);
	end(&a, false);
	UNTIL(&r, r.origin.peers[2].has_ended);
	rig_down(&r);
}

static void test_stopping_in_the_queue(void **state)
{
	struct asker a, b, c;
	struct rig r;

	(void)state;
	rig_up(&r, "upstream.max_per_origin=1");
	ask(&r, &a);
	ask(&r, &b);
	ask(&r, &c);
	end(&b, false);
	exchange(&r, &a, &r.origin.peers[0]);
	end(&a, false);
	assert_int_equal(c.lease.state, LEASE_READY);
	assert_int_equal(b.changes, 0);
	end(&c, false);
	rig_down(&r);
}

static void test_stopping_while_dialling(void **state)
{
	struct asker a, b;
	struct rig r;

	(void)state;
	rig_up(&r, "upstream.max_per_origin=1");
	ask(&r, &a);
	ask(&r, &b);
	end(&a, true);
	assert_int_equal(a.changes, 0);
	assert_int_equal(b.lease.state, LEASE_DIALLING);
	exchange(&r, &b, &r.origin.peers[r.origin.n]);
	end(&b, false);
	rig_down(&r);
}

static void test_stopping_a_stream_that_was_not_used(void **state)
{
	struct asker a, b;
	struct rig r;

	(void)state;
	rig_up(&r, NULL);
	ask(&r, &a);
	UNTIL(&r, a.lease.state == LEASE_READY);
	end(&a, false);
	ask(&r, &b);
	assert_int_equal(b.lease.state, LEASE_READY);
	exchange(&r, &b, &r.origin.peers[0]);
	end(&b, false);
	rig_down(&r);
}

static void test_stopping_in_the_middle(void **state)
{
	struct asker a, b;
	struct rig r;

	(void)state;
	for (int abort = 0; abort < 2; abort++) {
		rig_up(&r, "upstream.max_per_origin=1");
		ask(&r, &a);
		ask(&r, &b);
		UNTIL(&r, a.lease.state == LEASE_READY && r.origin.n == 1);
		request(&a);
		UNTIL(&r, r.origin.peers[0].in.len > 0);
		end(&a, abort != 0);
		UNTIL(&r, r.origin.peers[0].has_ended);
		exchange(&r, &b, &r.origin.peers[1]);
		end(&b, false);
		rig_down(&r);
	}
}

/* An idle upstream that is too old for this lease still fills the place that a new one needs. */
static void test_one_too_old_makes_room(void **state)
{
	struct asker a, b;
	struct rig r;

	(void)state;
	rig_up(&r, "upstream.max_per_origin=1");
	ask(&r, &a);
	exchange(&r, &a, &r.origin.peers[0]);
	end(&a, false);
	/* 0: only a new one will do. */
	ask_for(&r, &b, &r.origin, 0, false);
	exchange(&r, &b, &r.origin.peers[1]);
	assert_false(b.lease.is_reused);
	assert_true(r.origin.peers[0].has_ended);
	end(&b, false);
	rig_down(&r);
}

static void test_who_wants_a_new_one_gets_it_in_the_queue_too(void **state)
{
	struct asker a, b, c;
	struct rig r;

	(void)state;
	rig_up(&r, "upstream.max_per_origin=1");
	ask(&r, &a);
	ask_for(&r, &b, &r.origin, 0, false);
	ask(&r, &c);
	exchange(&r, &a, &r.origin.peers[0]);
	end(&a, false);
	exchange(&r, &b, &r.origin.peers[1]);
	assert_false(b.lease.is_reused);
	end(&b, false);
	assert_int_equal(c.lease.state, LEASE_READY);
	assert_true(c.lease.is_reused);
	end(&c, false);
	rig_down(&r);
}

/* An origin that took no more of a request but answered whole: of no use to the next in the queue, which must not wait for it. */
static void test_one_that_takes_no_more_is_not_passed_on(void **state)
{
	struct asker a, b;
	struct rig r;

	(void)state;
	rig_up(&r, "upstream.max_per_origin=1");
	ask(&r, &a);
	ask(&r, &b);
	exchange(&r, &a, &r.origin.peers[0]);
	a.lease.upstream->link.is_write_broken = true;
	end(&a, false);
	exchange(&r, &b, &r.origin.peers[1]);
	end(&b, false);
	/* Nor is it kept. */
	ask(&r, &a);
	exchange(&r, &a, &r.origin.peers[1]);
	a.lease.upstream->link.is_write_broken = true;
	end(&a, false);
	UNTIL(&r, r.origin.peers[1].has_ended);
	rig_down(&r);
}

/* Answered before the request was read: the rest of it, which the origin may never take, does not hold the place of another. */
static void test_the_rest_of_a_request_holds_nothing(void **state)
{
	struct body_plan plan = {.kind = BODY_CHUNKED};
	struct bufq body, out;
	struct asker a, b;
	struct rig r;
	size_t n;

	(void)state;
	rig_up(&r, "upstream.max_per_origin=1");
	ask(&r, &a);
	UNTIL(&r, a.lease.state == LEASE_READY && r.origin.n == 1);
	transport_watch(r.origin.peers[0].t, 0);
	stream_send_head(a.lease.stream, request_read(a.arena, "POST", "/", "Host: h\n"), &plan);
	bufq_init(&body, r.bufpool);
	for (int i = 0; i < 1000; i++) {
		static const char block[32768];

		bufq_append(&body, block, sizeof(block));
		stream_send(a.lease.stream, &body, stream_room(a.lease.stream));
		loop_turn(r.loop, 0);
	}
	bufq_clear(&body);
	assert_int_equal(stream_room(a.lease.stream), 0);
	stream_end(a.lease.stream, NULL);
	bufq_init(&out, r.bufpool);
	bufq_append_str(&out, STR("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
	assert_int_equal(transport_write(r.origin.peers[0].t, &out, &n), IO_DONE);
	UNTIL(&r, a.lease.stream->in_end);
	end(&a, false);
	ask(&r, &b);
	exchange(&r, &b, &r.origin.peers[1]);
	end(&b, false);
	rig_down(&r);
}

static void test_new_settings_count(void **state)
{
	static const char *const set[] = {"data=/", "upstream.idle_timeout=40ms", "upstream.max_per_origin=1"};
	struct settings_source source = {.set = set, .set_n = 3};
	struct settings *fresh;
	char why[200];
	struct asker a, b;
	struct rig r;

	(void)state;
	rig_up(&r, NULL);
	ask(&r, &a);
	exchange(&r, &a, &r.origin.peers[0]);
	end(&a, false);
	fresh = settings_load(&source, why, sizeof(why));
	assert_non_null(fresh);
	pool_set_settings(r.pool, fresh, NULL);
	settings_unref(r.settings);
	r.settings = fresh;
	/* The idle one goes by the new time-out, not by the one it was put away with. */
	UNTIL(&r, r.origin.peers[0].has_ended);
	ask(&r, &a);
	ask(&r, &b);
	assert_int_equal(b.lease.state, LEASE_QUEUED);
	end(&b, false);
	end(&a, false);
	rig_down(&r);
}

static void test_no_pool(void **state)
{
	(void)state;
	pool_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_upstream_is_used_again),
		cmocka_unit_test(test_origins_do_not_share),
		cmocka_unit_test(test_a_tunnel_is_not_kept),
		cmocka_unit_test(test_the_queue_is_served_in_order),
		cmocka_unit_test(test_the_queue_goes_on_after_a_failure),
		cmocka_unit_test(test_nobody_listens),
		cmocka_unit_test(test_idle_ones_expire),
		cmocka_unit_test(test_none_is_kept_with_a_timeout_of_0),
		cmocka_unit_test(test_the_oldest_idle_one_goes_first),
		cmocka_unit_test(test_an_idle_one_that_the_origin_closes_is_gone),
		cmocka_unit_test(test_an_idle_one_that_speaks_is_closed),
		cmocka_unit_test(test_draining),
		cmocka_unit_test(test_stopping_in_the_queue),
		cmocka_unit_test(test_stopping_while_dialling),
		cmocka_unit_test(test_stopping_a_stream_that_was_not_used),
		cmocka_unit_test(test_stopping_in_the_middle),
		cmocka_unit_test(test_one_too_old_makes_room),
		cmocka_unit_test(test_who_wants_a_new_one_gets_it_in_the_queue_too),
		cmocka_unit_test(test_one_that_takes_no_more_is_not_passed_on),
		cmocka_unit_test(test_the_rest_of_a_request_holds_nothing),
		cmocka_unit_test(test_new_settings_count),
		cmocka_unit_test(test_no_pool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
