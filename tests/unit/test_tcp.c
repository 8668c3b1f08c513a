/* TCP transports, connecting, listening; and the transport in memory, which has the same contract. */
#include "base/clock.h"
#include "net/memory.h"
#include "net/tcp.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "turn_until.h"

enum { BIG_BYTES = 3 * 1024 * 1024 };

/* A client and a server end that are connected, and what has happened to them. */
struct ends {
	struct loop *loop;
	struct bufpool *pool;
	struct listener *listener;
	struct address address;
	struct transport *client, *server;
	enum error error;
	int done, accepted;
	int calls[2];
	unsigned ready[2];
};

struct owner {
	struct ends *ends;
	int which;
};

static void on_accept(void *owner, struct transport *t)
{
	struct ends *e = owner;

	e->accepted++;
	if (e->server != NULL)
		transport_close(t, false);
	else
		e->server = t;
}

static void on_done(void *owner, struct transport *t, enum error error, int os_error)
{
	struct ends *e = owner;

	assert_int_equal(error == ERR_none, os_error == 0);
	e->client = t;
	e->error = error;
	e->done++;
}

static void on_ready(void *owner, unsigned ready)
{
	struct owner *o = owner;

	o->ends->calls[o->which]++;
	o->ends->ready[o->which] |= ready;
}

static struct address any_port(void)
{
	struct address a;

	assert_true(address_parse_listen(STR("127.0.0.1:0"), &a));
	return a;
}

static void ends_init(struct ends *e)
{
	int fd;

	*e = (struct ends){.loop = loop_new(), .pool = bufpool_new(1 << 20), .address = any_port()};
	fd = tcp_listen(&e->address);
	assert_true(fd >= 0);
	assert_int_not_equal(address_port(&e->address), 0);
	e->listener = listener_new(e->loop, fd, on_accept, e);
}

static void connect_ends(struct ends *e, struct owner owners[2])
{
	tcp_connect_start(e->loop, &e->address, on_done, e);
	assert_int_equal(e->done, 0);
	TURN_UNTIL(e->loop, e->done != 0 && e->server != NULL);
	assert_int_equal(e->error, ERR_none);
	for (int i = 0; i < 2; i++) {
		struct transport *t = i == 0 ? e->client : e->server;

		owners[i] = (struct owner){e, i};
		t->on_ready = on_ready;
		t->owner = &owners[i];
	}
}

static void ends_fini(struct ends *e)
{
	transport_close(e->client, false);
	transport_close(e->server, false);
	listener_free(e->listener);
	loop_free(e->loop);
	bufpool_free(e->pool);
}

/* Sends bytes from one to the other until all have come. */
static void pump(struct ends *e, struct transport *from, struct transport *to, size_t bytes)
{
	struct bufq out, in;
	char *text = malloc(bytes);
	size_t n, most = 0;

	for (size_t i = 0; i < bytes; i++)
		text[i] = (char)(i * 31 >> 3);
	bufq_init(&out, e->pool);
	bufq_init(&in, e->pool);
	bufq_append(&out, text, bytes);
	transport_watch(to, READY_READ);
	while (in.len < bytes) {
		if (out.len != 0)
			transport_watch(from, transport_write(from, &out, &n) == IO_AGAIN ? READY_WRITE : 0);
		loop_turn(e->loop, 100);
		while (transport_read(to, &in, SIZE_MAX, &n) == IO_DONE)
			most = n > most ? n : most;
	}
	assert_true(most > BUFQ_SLAB_BYTES || bytes <= BUFQ_SLAB_BYTES);
	for (size_t at = 0; at < bytes;) {
		struct str front = bufq_front(&in);

		assert_memory_equal(front.p, text + at, front.len);
		at += front.len;
		bufq_drain(&in, front.len);
	}
	bufq_clear(&out);
	bufq_clear(&in);
	free(text);
}

static void test_both_ways(void **state)
{
	struct ends e;
	struct owner owners[2];

	(void)state;
	ends_init(&e);
	connect_ends(&e, owners);
	assert_true(address_eq(&e.client->peer, &e.address));
	assert_true(address_eq(&e.client->local, &e.server->peer));
	assert_true(address_eq(&e.server->local, &e.address));
	assert_null(e.client->tls);
	pump(&e, e.client, e.server, BIG_BYTES);
	pump(&e, e.server, e.client, BIG_BYTES);
	TURN_UNTIL(e.loop, transport_queued(e.server) == 0);
	ends_fini(&e);
}

static void test_half_close(void **state)
{
	struct ends e;
	struct owner owners[2];
	struct bufq q;
	size_t n = 0;

	(void)state;
	ends_init(&e);
	connect_ends(&e, owners);
	bufq_init(&q, e.pool);
	transport_watch(e.server, READY_READ);
	transport_shut(e.client);
	TURN_UNTIL(e.loop, e.calls[1] != 0);
	assert_int_equal(transport_read(e.server, &q, 100, &n), IO_EOF);
	assert_int_equal(n, 0);
	transport_watch(e.server, 0);
	pump(&e, e.server, e.client, 100); /* the other side is still open */
	ends_fini(&e);
}

static void test_reset(void **state)
{
	struct ends e;
	struct owner owners[2];
	struct bufq q;
	size_t n;

	(void)state;
	ends_init(&e);
	connect_ends(&e, owners);
	bufq_init(&q, e.pool);
	transport_watch(e.server, READY_READ);
	transport_close(e.client, true);
	e.client = NULL;
	TURN_UNTIL(e.loop, e.calls[1] != 0);
	assert_int_equal(transport_read(e.server, &q, 100, &n), IO_FAILED);
	assert_int_equal(e.server->error, ERR_origin_closed);
	assert_int_equal(e.server->os_error, ECONNRESET);
	assert_true(e.server->detail[0] != '\0');
	bufq_append(&q, "x", 1);
	assert_int_equal(transport_write(e.server, &q, &n), IO_FAILED); /* and no SIGPIPE */
	bufq_clear(&q);
	ends_fini(&e);
}

/* While nothing is wanted, bytes cause no calls and no spinning, a half close none either, but a reset is told. */
static void test_nothing_wanted(void **state)
{
	struct ends e;
	struct owner owners[2];
	struct bufq q;
	size_t n;
	int turns = 0;
	int64_t end_us;

	(void)state;
	ends_init(&e);
	connect_ends(&e, owners);
	bufq_init(&q, e.pool);
	transport_watch(e.server, READY_READ);
	transport_watch(e.server, 0);
	for (int i = 0; i < 3; i++) {
		bufq_append(&q, "abc", 3);
		assert_int_equal(transport_write(e.client, &q, &n), IO_DONE);
		loop_turn(e.loop, 5);
	}
	transport_shut(e.client);
	for (end_us = clock_mono_us() + 50000; clock_mono_us() < end_us; turns++)
		loop_turn(e.loop, 100);
	assert_true(turns < 20);
	assert_int_equal(e.calls[1], 0);
	transport_close(e.client, true);
	e.client = NULL;
	TURN_UNTIL(e.loop, e.calls[1] != 0);
	assert_int_equal(e.ready[1], READY_READ);
	transport_watch(e.server, READY_READ);
	TURN_UNTIL(e.loop, e.calls[1] > 1);
	ends_fini(&e);
}

/* Bytes that waited while nothing was wanted are told when they are wanted again. */
static void test_wanted_again(void **state)
{
	struct ends e;
	struct owner owners[2];
	struct bufq q;
	size_t n;

	(void)state;
	ends_init(&e);
	connect_ends(&e, owners);
	bufq_init(&q, e.pool);
	transport_watch(e.server, 0);
	bufq_append(&q, "abc", 3);
	assert_int_equal(transport_write(e.client, &q, &n), IO_DONE);
	loop_turn(e.loop, 20);
	loop_turn(e.loop, 5);
	assert_int_equal(e.calls[1], 0);
	transport_watch(e.server, READY_READ | READY_WRITE);
	TURN_UNTIL(e.loop, e.ready[1] == (READY_READ | READY_WRITE));
	assert_int_equal(transport_read(e.server, &q, 2, &n), IO_DONE);
	assert_int_equal(n, 2);
	bufq_clear(&q);
	ends_fini(&e);
}

static void test_refused(void **state)
{
	struct ends e;

	(void)state;
	ends_init(&e);
	listener_free(e.listener);
	tcp_connect_start(e.loop, &e.address, on_done, &e);
	assert_int_equal(e.done, 0);
	TURN_UNTIL(e.loop, e.done != 0);
	assert_int_equal(e.error, ERR_connect_refused);
	assert_null(e.client);
	e.listener = NULL;
	ends_fini(&e);
}

static void test_connect_cancel(void **state)
{
	struct ends e;
	struct tcp_connect *c;

	(void)state;
	ends_init(&e);
	c = tcp_connect_start(e.loop, &e.address, on_done, &e);
	tcp_connect_cancel(c);
	TURN_UNTIL(e.loop, e.server != NULL); /* the system had accepted it already */
	for (int i = 0; i < 3; i++)
		loop_turn(e.loop, 5);
	assert_int_equal(e.done, 0);
	ends_fini(&e);
}

static void test_port_in_use(void **state)
{
	struct ends e;
	struct address any = any_port();
	int fd;

	(void)state;
	ends_init(&e);
	assert_false(tcp_can_listen(&e.address));
	assert_int_equal(errno, EADDRINUSE);
	assert_true(tcp_can_listen(&any));
	fd = tcp_listen(&e.address); /* workers share a port */
	assert_true(fd >= 0);
	close(fd);
	ends_fini(&e);
}

static void test_pause(void **state)
{
	struct ends e;

	(void)state;
	ends_init(&e);
	listener_pause(e.listener, true);
	tcp_connect_start(e.loop, &e.address, on_done, &e);
	TURN_UNTIL(e.loop, e.done != 0);
	loop_turn(e.loop, 20);
	assert_int_equal(e.accepted, 0);
	listener_pause(e.listener, false);
	TURN_UNTIL(e.loop, e.accepted == 1);
	ends_fini(&e);
}

/* Without descriptors left the listener waits, and goes on once there are some. */
static void test_no_descriptors(void **state)
{
	struct ends e;
	struct rlimit old, tight;
	int next;

	(void)state;
	ends_init(&e);
	tcp_connect_start(e.loop, &e.address, on_done, &e);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	next = fcntl(0, F_DUPFD, 0); /* the lowest that is free: from here on there is none */
	close(next);
	tight = (struct rlimit){.rlim_cur = (rlim_t)next, .rlim_max = old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
	TURN_UNTIL(e.loop, e.done != 0);
	for (int i = 0; i < 3; i++)
		loop_turn(e.loop, 5);
	assert_int_equal(e.accepted, 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	TURN_UNTIL(e.loop, e.accepted == 1);
	ends_fini(&e);
}

static void free_in_accept(void *owner, struct transport *t)
{
	struct ends *e = owner;

	e->accepted++;
	transport_close(t, false);
	listener_free(e->listener);
	e->listener = NULL;
}

static void test_free_in_accept(void **state)
{
	struct ends e;
	int fd;

	(void)state;
	ends_init(&e);
	listener_free(e.listener);
	e.address = any_port();
	fd = tcp_listen(&e.address);
	e.listener = listener_new(e.loop, fd, free_in_accept, &e);
	tcp_connect_start(e.loop, &e.address, on_done, &e);
	TURN_UNTIL(e.loop, e.accepted != 0);
	TURN_UNTIL(e.loop, e.done != 0);
	ends_fini(&e);
}

static void memory_init(struct ends *e, struct owner owners[2], size_t room)
{
	struct transport *pair[2];

	*e = (struct ends){.loop = loop_new(), .pool = bufpool_new(1 << 20)};
	memory_pair_new(e->loop, room, pair);
	e->client = pair[0];
	e->server = pair[1];
	for (int i = 0; i < 2; i++) {
		owners[i] = (struct owner){e, i};
		pair[i]->on_ready = on_ready;
		pair[i]->owner = &owners[i];
	}
}

static void test_memory(void **state)
{
	struct ends e;
	struct owner owners[2];
	struct bufq q;
	size_t n;

	(void)state;
	memory_init(&e, owners, 1000);
	bufq_init(&q, e.pool);
	pump(&e, e.client, e.server, BUFQ_SLAB_BYTES);
	assert_int_equal(transport_read(e.server, &q, 1, &n), IO_AGAIN);
	transport_shut(e.client);
	assert_int_equal(transport_read(e.server, &q, 1, &n), IO_EOF);
	pump(&e, e.server, e.client, 5000);
	transport_close(e.server, true);
	e.server = NULL;
	assert_int_equal(transport_read(e.client, &q, 1, &n), IO_FAILED);
	assert_int_equal(e.client->error, ERR_origin_closed);
	ends_fini(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ways),
		cmocka_unit_test(test_half_close),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_nothing_wanted),
		cmocka_unit_test(test_wanted_again),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_connect_cancel),
		cmocka_unit_test(test_port_in_use),
		cmocka_unit_test(test_pause),
		cmocka_unit_test(test_no_descriptors),
		cmocka_unit_test(test_free_in_accept),
		cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
