/* The gate between threads: two sides whose leases compete for one origin, some given up on the way. Nobody is forgotten, no
 * place is lost, no limit exceeded, and whoever waited is served in the order of the line. Runs under ThreadSanitizer too. */
#include "base/clock.h"
#include "pool_rig.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SIDES = 2, RUNNERS = 6, REQUESTS = 120, FDS = 64, PATIENCE_MS = 2000, DEADLINE_US = 60000000 };

/* An origin of one thread. A serial one looks at a connection only when the one before has ended, as simple servers do. */
struct server {
	pthread_t thread;
	struct address address;
	int fd, stop_fd;
	bool is_serial;
	unsigned limit;
	struct pollfd polled[FDS];
	char heads[FDS][256];
	size_t heads_n[FDS];
	nfds_t n;
	/* What came of it, read after the thread has ended. */
	unsigned most_open, accepted, requests, out_of_order;
	int64_t latest;
};

/* True if the other side has closed it, or does so within a while. */
static bool ends_soon(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLRDHUP};

	return poll(&p, 1, PATIENCE_MS) == 1;
}

static void server_drop(struct server *s, nfds_t i)
{
	close(s->polled[i].fd);
	s->n--;
	s->polled[i] = s->polled[s->n];
	memcpy(s->heads[i], s->heads[s->n], sizeof(s->heads[i]));
	s->heads_n[i] = s->heads_n[s->n];
}

static void server_accept(struct server *s)
{
	int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0 || s->n == FDS)
		abort();
	s->accepted++;
	/* A close may be on its way still, but nothing else is waited for. */
	for (nfds_t i = 2; i < s->n && s->n - 2 >= s->limit;) {
		if (ends_soon(s->polled[i].fd))
			server_drop(s, i);
		else
			i++;
	}
	s->polled[s->n] = (struct pollfd){.fd = fd, .events = POLLIN};
	s->heads_n[s->n++] = 0;
	if (s->n - 2 > s->most_open)
		s->most_open = (unsigned)s->n - 2;
}

/* The target of a request says when its sender came to wait; 0: it did not. */
static void server_note(struct server *s, const char *head)
{
	int64_t since = strtoll(head + strlen("GET /"), NULL, 10);

	s->requests++;
	if (since == 0)
		return;
	if (since < s->latest)
		s->out_of_order++;
	s->latest = since;
}

static void server_read(struct server *s, nfds_t i)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
	char *head = s->heads[i];
	size_t *n = &s->heads_n[i];
	ssize_t got = recv(s->polled[i].fd, head + *n, sizeof(s->heads[i]) - 1 - *n, 0);

	if (got <= 0) {
		server_drop(s, i);
		return;
	}
	*n += (size_t)got;
	head[*n] = '\0';
	if (strstr(head, "\r\n\r\n") == NULL)
		return;
	server_note(s, head);
	*n = 0;
	if (send(s->polled[i].fd, answer, strlen(answer), MSG_NOSIGNAL) < 0)
		server_drop(s, i);
}

static void *server_main(void *arg)
{
	struct server *s = arg;

	for (;;) {
		s->polled[0] = (struct pollfd){.fd = s->stop_fd, .events = POLLIN};
		s->polled[1] = (struct pollfd){.fd = s->fd, .events = POLLIN};
		if (s->n == 0)
			s->n = 2;
		/* A negative descriptor is not polled. */
		if (s->is_serial && s->n > 2)
			s->polled[1].fd = -1;
		if (poll(s->polled, s->n, -1) < 0)
			abort();
		if (s->polled[0].revents != 0)
			break;
		for (nfds_t i = s->n; i-- > 2;) {
			if (s->polled[i].revents != 0)
				server_read(s, i);
		}
		if (s->polled[1].revents != 0)
			server_accept(s);
	}
	while (s->n > 2)
		server_drop(s, s->n - 1);
	return NULL;
}

static void server_up(struct server *s, bool is_serial, unsigned limit)
{
	*s = (struct server){.is_serial = is_serial, .limit = limit};
	assert_true(address_parse(STR("127.0.0.1"), 0, &s->address));
	s->fd = tcp_listen(&s->address);
	assert_true(s->fd >= 0);
	s->stop_fd = eventfd(0, EFD_CLOEXEC);
	assert_int_equal(pthread_create(&s->thread, NULL, server_main, s), 0);
}

static void server_down(struct server *s)
{
	assert_int_equal(eventfd_write(s->stop_fd, 1), 0);
	pthread_join(s->thread, NULL);
	close(s->fd);
	close(s->stop_fd);
}

/* Asks again and again; some requests it gives up, waiting, dialling or in the middle. */
struct runner {
	struct asker asker;
	enum { RUNNER_RESTS, RUNNER_ASKS, RUNNER_SENT } state;
	unsigned left;
	int patience; /* turns until it gives up; -1: it does not */
};

struct side {
	pthread_t thread;
	struct rig rig;
	struct origin origin; /* only its address counts */
	struct runner runners[RUNNERS];
	_Atomic unsigned *working;
	uint32_t seed;
	bool gives_up;
	unsigned failures, done;
	bool is_late;
};

static unsigned draw(struct side *w, unsigned below)
{
	w->seed = w->seed * 1664525u + 1013904223u;
	return (w->seed >> 16) % below;
}

static void runner_end(struct runner *r, bool abort)
{
	lease_end(&r->asker.lease, abort);
	arena_free(r->asker.arena);
	r->state = RUNNER_RESTS;
	r->left--;
}

static void runner_send(struct runner *r)
{
	struct body_plan plan = {.kind = BODY_NONE};
	struct lease *l = &r->asker.lease;
	char target[40];
	struct message *m;

	snprintf(target, sizeof(target), "/%lld", l->queue_us >= 0 ? (long long)l->waiter.since_us : 0LL);
	m = request_read(l->arena, "GET", "/", "Host: h\n");
	m->target = arena_str(l->arena, str_of(target));
	stream_send_head(l->stream, m, &plan);
	stream_end(l->stream, NULL);
	r->state = RUNNER_SENT;
}

static void runner_step(struct side *w, struct runner *r)
{
	struct lease *l = &r->asker.lease;

	if (r->state == RUNNER_RESTS) {
		if (r->left == 0)
			return;
		r->patience = w->gives_up && draw(w, 4) == 0 ? (int)draw(w, 12) : -1;
		r->state = RUNNER_ASKS;
		ask_for(&w->rig, &r->asker, &w->origin, draw(w, 8) == 0 ? 0 : INT64_MAX, false);
		return;
	}
	if (r->patience == 0 || l->state == LEASE_FAILED || (r->state == RUNNER_SENT && l->stream->error != ERR_none)) {
		w->failures += r->patience != 0;
		runner_end(r, true);
		return;
	}
	if (r->patience > 0)
		r->patience--;
	if (r->state == RUNNER_ASKS && l->state == LEASE_READY) {
		runner_send(r);
	} else if (r->state == RUNNER_SENT && l->stream->in_end) {
		bufq_clear(&l->stream->in);
		w->done++;
		runner_end(r, false);
	} else if (r->state == RUNNER_SENT) {
		bufq_clear(&l->stream->in);
		stream_took(l->stream);
	}
}

static bool side_has_work(const struct side *w)
{
	for (unsigned i = 0; i < RUNNERS; i++) {
		if (w->runners[i].left > 0)
			return true;
	}
	return false;
}

static void *side_main(void *arg)
{
	struct side *w = arg;
	int64_t until_us = clock_mono_us() + DEADLINE_US;
	bool is_working = true;

	/* Who is done keeps connections that others may want: its loop turns on. */
	while (atomic_load(w->working) > 0) {
		for (unsigned i = 0; i < RUNNERS; i++)
			runner_step(w, &w->runners[i]);
		if (is_working && !side_has_work(w)) {
			is_working = false;
			atomic_fetch_sub(w->working, 1);
		}
		loop_turn(w->rig.loop, 1);
		if (clock_mono_us() > until_us) {
			w->is_late = true;
			break;
		}
	}
	return NULL;
}

static void compete(const char *set, unsigned limit, bool is_serial, bool gives_up)
{
	struct gate *gate = gate_new();
	struct side sides[SIDES] = {0};
	_Atomic unsigned working = SIDES;
	struct server server;
	unsigned done = 0;

	server_up(&server, is_serial, limit);
	for (unsigned i = 0; i < SIDES; i++) {
		struct side *w = &sides[i];

		rig_up_at(&w->rig, set, gate);
		w->origin.address = server.address;
		w->working = &working;
		w->seed = i + 1;
		w->gives_up = gives_up;
		for (unsigned j = 0; j < RUNNERS; j++)
			w->runners[j].left = REQUESTS;
	}
	for (unsigned i = 0; i < SIDES; i++)
		assert_int_equal(pthread_create(&sides[i].thread, NULL, side_main, &sides[i]), 0);
	for (unsigned i = 0; i < SIDES; i++)
		pthread_join(sides[i].thread, NULL);
	for (unsigned i = 0; i < SIDES; i++) {
		assert_false(sides[i].is_late);
		assert_int_equal(sides[i].failures, 0);
		done += sides[i].done;
		rig_down(&sides[i].rig);
	}
	gate_free(gate);
	server_down(&server);
	assert_true(done > 0 && server.requests >= done);
	assert_true(gives_up || done == SIDES * RUNNERS * REQUESTS);
	assert_true(server.most_open <= limit);
	if (limit == 1)
		assert_int_equal(server.out_of_order, 0);
}

/* With a limit of 1 a server that serves one connection after the other is never stuck on an idle one. */
static void test_one_after_the_other(void **state)
{
	(void)state;
	compete("upstream.max_per_origin=1", 1, true, false);
}

static void test_one_after_the_other_and_some_give_up(void **state)
{
	(void)state;
	compete("upstream.max_per_origin=1", 1, false, true);
}

static void test_a_few_at_a_time(void **state)
{
	(void)state;
	compete("upstream.max_per_origin=3", 3, false, true);
}

static void test_with_slack(void **state)
{
	(void)state;
	compete("upstream.max_per_origin=9", 9, false, true);
}

/* More places than are asked for: the fast path. */
static void test_without_a_line(void **state)
{
	(void)state;
	compete("upstream.max_per_origin=50", 50, false, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_after_the_other),
		cmocka_unit_test(test_one_after_the_other_and_some_give_up),
		cmocka_unit_test(test_a_few_at_a_time),
		cmocka_unit_test(test_with_slack),
		cmocka_unit_test(test_without_a_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
