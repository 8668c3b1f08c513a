/* Exchanges in a worker, between a client in memory and an origin on loopback: what must hold however they end. */
#include "core/exchange.h"

#include "core/client.h"
#include "core/worker.h"
#include "heads.h"
#include "net/memory.h"

enum { PEERS = 32 };

struct rig {
	struct shared shared;
	struct settings *settings;
	struct worker *worker;
	struct transport *client; /* the test's end */
	struct bufpool *bufpool;  /* of the client and the origin */
	struct bufq got;          /* by the client */
	bool is_client_over;
	struct listener *listener;
	struct address address;
	struct peer {
		struct transport *t;
		struct bufq in;
		bool is_over;
	} peers[PEERS];
	unsigned n;
	unsigned begun, ended, hops;
	enum outcome outcome;
	enum error error;
	int status;
};

#define UNTIL(r, condition)                                                                                                    \
	do {                                                                                                                   \
		for (int i_ = 0; i_ < 200 && !(condition); i_++)                                                               \
			loop_turn((r)->worker->loop, 50);                                                                      \
		assert_true(condition);                                                                                        \
	} while (0)

static void on_begin(void *owner, const struct exchange_facts *x)
{
	struct rig *r = owner;

	(void)x;
	r->begun++;
}

static void on_hop(void *owner, const struct exchange_facts *x, const struct hop_facts *h)
{
	struct rig *r = owner;

	(void)x;
	(void)h;
	r->hops++;
}

static void on_end(void *owner, const struct exchange_facts *x)
{
	struct rig *r = owner;

	r->ended++;
	r->outcome = x->outcome;
	r->error = x->error;
	r->status = x->response == NULL ? 0 : x->response->status;
}

static bool read_all(struct transport *t, struct bufq *to)
{
	enum io io;
	size_t n;

	do
		io = transport_read(t, to, 4096, &n);
	while (io == IO_DONE);
	return io != IO_AGAIN;
}

static void peer_on_ready(void *owner, unsigned ready)
{
	struct peer *p = owner;

	(void)ready;
	p->is_over = read_all(p->t, &p->in);
	if (p->is_over)
		transport_watch(p->t, 0);
}

static void on_accept(void *owner, struct transport *t)
{
	struct rig *r = owner;
	struct peer *p = &r->peers[r->n++];

	assert_true(r->n <= PEERS);
	p->t = t;
	bufq_init(&p->in, r->bufpool);
	t->on_ready = peer_on_ready;
	t->owner = p;
	transport_watch(t, READY_READ);
}

static void client_on_ready(void *owner, unsigned ready)
{
	struct rig *r = owner;

	(void)ready;
	r->is_client_over = read_all(r->client, &r->got);
	if (r->is_client_over)
		transport_watch(r->client, 0);
}

static void settings_make(struct rig *r, const char *set)
{
	const char *all[] = {"data=/", set};
	struct settings_source source = {.set = all, .set_n = set == NULL ? 1 : 2};
	char why[200] = "";

	r->settings = settings_load(&source, why, sizeof(why));
	assert_string_equal(why, "");
}

static void client_up(struct rig *r)
{
	struct transport *ends[2];

	memory_pair_new(r->worker->loop, 1 << 18, ends);
	assert_true(address_parse(STR("127.0.0.1"), 40000, &ends[0]->peer));
	ends[0]->local = ends[0]->peer;
	r->client = ends[1];
	r->client->on_ready = client_on_ready;
	r->client->owner = r;
	transport_watch(r->client, READY_READ);
	client_new(r->worker, ends[0], ERR_none);
}

/* set: "option=value", or NULL; arena_bytes 0: the default. */
static void rig_up(struct rig *r, const char *set, size_t arena_bytes)
{
	struct worker_needs needs = {.of = 1, .shared = &r->shared, .via_made = "me"};
	struct observer o = {.owner = r, .on_begin = on_begin, .on_hop = on_hop, .on_end = on_end};
	char why[200] = "";

	memset(r, 0, sizeof(*r));
	settings_make(r, set);
	if (arena_bytes != 0)
		r->settings->codec_limits.arena = arena_bytes;
	needs.settings = r->settings;
	r->worker = worker_new(&needs, why, sizeof(why));
	assert_non_null(r->worker);
	worker_add_observer(r->worker, &o);
	r->bufpool = bufpool_new(0);
	bufq_init(&r->got, r->bufpool);
	assert_true(address_parse(STR("127.0.0.1"), 0, &r->address));
	r->listener = listener_new(r->worker->loop, tcp_listen(&r->address), on_accept, r);
	client_up(r);
}

/* Drains at once: whatever is under way is cut off. */
static void rig_down(struct rig *r)
{
	worker_post_drain(r->worker, 0);
	worker_run(r->worker);
	listener_free(r->listener);
	for (unsigned i = 0; i < r->n; i++) {
		transport_close(r->peers[i].t, true);
		bufq_clear(&r->peers[i].in);
	}
	transport_close(r->client, true);
	bufq_clear(&r->got);
	worker_free(r->worker);
	bufpool_free(r->bufpool);
	settings_unref(r->settings);
	assert_int_equal(r->begun, r->ended);
}

static void write_text(struct rig *r, struct transport *t, const char *text)
{
	struct bufq q;
	size_t n;

	bufq_init(&q, r->bufpool);
	bufq_append_str(&q, str_of(text));
	assert_int_equal(transport_write(t, &q, &n), IO_DONE);
}

static void ask(struct rig *r, const char *method, const char *path, const char *rest)
{
	char text[6000];

	snprintf(text, sizeof(text), "%s http://127.0.0.1:%u%s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n%s", method,
		address_port(&r->address), path, address_port(&r->address), rest);
	write_text(r, r->client, text);
}

static bool has(const struct bufq *q, const char *part)
{
	char text[8192] = "";

	bufq_copy(q, 0, text, sizeof(text) - 1);
	return strstr(text, part) != NULL;
}

static void answer(struct rig *r, unsigned peer, const char *text)
{
	UNTIL(r, r->n > peer && r->peers[peer].in.len > 0);
	bufq_clear(&r->peers[peer].in);
	write_text(r, r->peers[peer].t, text);
}

static void test_there_and_back(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, NULL, 0);
	ask(&r, "GET", "/x", "\r\n");
	answer(&r, 0, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
	UNTIL(&r, r.ended == 1);
	UNTIL(&r, has(&r.got, "\r\n\r\nhello"));
	assert_int_equal(r.outcome, OUTCOME_DELIVERED);
	assert_int_equal(r.begun, 1);
	assert_int_equal(r.hops, 1);
	rig_down(&r);
	assert_int_equal(r.ended, 1);
}

/* A proxy passes end-to-end fields on: some programs put Content-Type on requests without a body, and sign it. */
static void test_fields_of_content_pass_without_a_body_too(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, NULL, 0);
	ask(&r, "GET", "/x", "Content-Type: application/json\r\nLast-Modified: then\r\n\r\n");
	UNTIL(&r, r.n == 1 && has(&r.peers[0].in, "\r\n\r\n"));
	assert_true(has(&r.peers[0].in, "\r\nContent-Type: application/json\r\n"));
	assert_true(has(&r.peers[0].in, "\r\nLast-Modified: then\r\n"));
	rig_down(&r);
	assert_int_equal(r.outcome, OUTCOME_FAILED);
	assert_int_equal(r.error, ERR_draining);
}

/* Every flow is kept, also one that still waited for the recorder when the end came. */
static void test_a_flow_that_waits_at_the_end_is_not_lost(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, NULL, 0);
	worker_set_overloaded(r.worker, true);
	ask(&r, "GET", "/x", "\r\n");
	UNTIL(&r, !list_is_empty(&r.worker->held));
	assert_int_equal(r.begun, 0);
	rig_down(&r);
	assert_int_equal(r.begun, 1);
	assert_int_equal(r.ended, 1);
	assert_int_equal(r.outcome, OUTCOME_FAILED);
	assert_int_equal(r.error, ERR_draining);
}

static void test_a_held_flow_goes_on(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, NULL, 0);
	worker_set_overloaded(r.worker, true);
	ask(&r, "GET", "/x", "\r\n");
	UNTIL(&r, !list_is_empty(&r.worker->held));
	worker_set_overloaded(r.worker, false);
	answer(&r, 0, "HTTP/1.1 204 No Content\r\n\r\n");
	UNTIL(&r, r.ended == 1);
	assert_int_equal(r.outcome, OUTCOME_DELIVERED);
	rig_down(&r);
}

/* The body of a redirect that does not end does not keep the next hop from the only place there is. */
static void test_a_slow_redirect_makes_room(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, "upstream.max_per_origin=1", 0);
	ask(&r, "GET", "/x", "\r\n");
	answer(&r, 0, "HTTP/1.1 302 Found\r\nLocation: /y\r\nContent-Length: 100\r\n\r\nslow");
	answer(&r, 1, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
	UNTIL(&r, r.ended == 1);
	assert_int_equal(r.outcome, OUTCOME_DELIVERED);
	assert_int_equal(r.hops, 2);
	rig_down(&r);
}

/* The body of a redirect that ends soon leaves its upstream to the next hop or the pool. */
static void test_a_redirect_is_followed_on_the_same_upstream(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, NULL, 0);
	ask(&r, "GET", "/x", "\r\n");
	answer(&r, 0, "HTTP/1.1 302 Found\r\nLocation: /y\r\nContent-Length: 4\r\n\r\nbody");
	answer(&r, 0, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
	UNTIL(&r, r.ended == 1);
	assert_int_equal(r.outcome, OUTCOME_DELIVERED);
	assert_int_equal(r.n, 1);
	rig_down(&r);
}

static void test_a_stale_upstream_is_tried_again(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, NULL, 0);
	ask(&r, "GET", "/1", "\r\n");
	answer(&r, 0, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
	UNTIL(&r, r.ended == 1);
	ask(&r, "GET", "/2", "\r\n");
	UNTIL(&r, r.peers[0].in.len > 0);
	transport_shut(r.peers[0].t);
	answer(&r, 1, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
	UNTIL(&r, r.ended == 2);
	assert_int_equal(r.outcome, OUTCOME_DELIVERED);
	assert_int_equal(r.hops, 3);
	rig_down(&r);
}

static void test_a_client_that_goes_is_an_outcome(void **state)
{
	static const char *const answers[] = {NULL, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun"};
	struct rig r;

	(void)state;
	for (size_t i = 0; i < COUNT(answers); i++) {
		rig_up(&r, NULL, 0);
		ask(&r, "GET", "/x", "\r\n");
		UNTIL(&r, r.n == 1 && r.peers[0].in.len > 0);
		if (answers[i] != NULL) {
			answer(&r, 0, answers[i]);
			UNTIL(&r, has(&r.got, "begun"));
		}
		transport_close(r.client, true);
		UNTIL(&r, r.ended == 1);
		assert_int_equal(r.outcome, OUTCOME_CANCELLED);
		UNTIL(&r, r.peers[0].is_over);
		/* For the end of the rig. */
		client_up(&r);
		rig_down(&r);
	}
}

/* A client that goes while its next request waits already. */
static void test_a_client_with_more_to_ask_may_go(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, NULL, 0);
	ask(&r, "GET", "/x", "\r\n");
	ask(&r, "GET", "/y", "\r\n");
	UNTIL(&r, r.n == 1 && r.peers[0].in.len > 0);
	transport_close(r.client, true);
	UNTIL(&r, r.ended == 1);
	assert_int_equal(r.outcome, OUTCOME_CANCELLED);
	client_up(&r);
	rig_down(&r);
}

/* A request body that turns out malformed while the response runs already ends both. */
static void test_a_bad_chunk_behind_an_early_answer(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, NULL, 0);
	ask(&r, "POST", "/x", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
	UNTIL(&r, r.n == 1 && has(&r.peers[0].in, "abc"));
	answer(&r, 0, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegun\r\n");
	UNTIL(&r, has(&r.got, "begun"));
	write_text(&r, r.client, "no chunk\r\n");
	UNTIL(&r, r.ended == 1);
	assert_int_equal(r.outcome, OUTCOME_FAILED);
	assert_int_equal(r.error, ERR_bad_chunk);
	UNTIL(&r, r.peers[0].is_over);
	rig_down(&r);
}

/* A reload that reaches a worker which has ended already is dropped with it. */
static void test_settings_that_come_too_late(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, NULL, 0);
	worker_post_drain(r.worker, 0);
	worker_run(r.worker);
	worker_post_settings(r.worker, r.settings, NULL);
	worker_post_drain(r.worker, 0);
	listener_free(r.listener);
	transport_close(r.client, true);
	worker_free(r.worker);
	bufpool_free(r.bufpool);
	settings_unref(r.settings);
}

/* However small the arena of an exchange, it ends, once, and the client is not left waiting. */
static void test_any_arena(void **state)
{
	(void)state;
	for (size_t limit = 512; limit < 20000; limit += 97) {
		char head[2200], value[1500];
		struct rig r;

		memset(value, 'v', sizeof(value) - 1);
		value[sizeof(value) - 1] = '\0';
		rig_up(&r, NULL, limit);
		snprintf(head, sizeof(head), "X-Long: %s\r\n\r\n", value);
		ask(&r, "GET", "/x", head);
		UNTIL(&r, r.ended == 1 || (r.n == 1 && r.peers[0].in.len > 0));
		if (r.ended == 0) {
			snprintf(head, sizeof(head),
				"HTTP/1.1 302 Found\r\nLocation: /y\r\nX-Long: %s\r\nContent-Length: 0\r\n\r\n", value);
			answer(&r, 0, head);
			UNTIL(&r, r.ended == 1 || r.n == 2 || r.peers[0].in.len > 0);
		}
		if (r.ended == 0) {
			snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nX-Long: %s\r\nContent-Length: 2\r\n\r\nok", value);
			answer(&r, r.n - 1, head);
			UNTIL(&r, r.ended == 1);
		}
		assert_true(r.outcome == OUTCOME_DELIVERED || r.outcome == OUTCOME_FAILED);
		if (r.outcome == OUTCOME_DELIVERED)
			UNTIL(&r, has(&r.got, "\r\n\r\nok") || has(&r.got, "302 Found"));
		else
			UNTIL(&r, r.got.len > 0 || r.is_client_over);
		rig_down(&r);
		assert_int_equal(r.ended, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_fields_of_content_pass_without_a_body_too),
		cmocka_unit_test(test_a_flow_that_waits_at_the_end_is_not_lost),
		cmocka_unit_test(test_a_held_flow_goes_on),
		cmocka_unit_test(test_a_slow_redirect_makes_room),
		cmocka_unit_test(test_a_redirect_is_followed_on_the_same_upstream),
		cmocka_unit_test(test_a_stale_upstream_is_tried_again),
		cmocka_unit_test(test_a_client_that_goes_is_an_outcome),
		cmocka_unit_test(test_a_client_with_more_to_ask_may_go),
		cmocka_unit_test(test_a_bad_chunk_behind_an_early_answer),
		cmocka_unit_test(test_settings_that_come_too_late),
		cmocka_unit_test(test_any_arena),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
