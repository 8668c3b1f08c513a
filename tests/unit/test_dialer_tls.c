/* Dialling with TLS: names, what is asked, whom the outcome names; connections that stand already; dials that change hands.
 * Against OpenSSL's server behind a listening socket on loopback. */
#include "net/dialer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake_dns.h"
#include "net/tcp.h"
#include "tls_peer.h"
#include "turn_until.h"

static const struct dns_row rows[] = {
	{.name = "a.test", .v4 = "127.0.0.1", .ttl_s = 60},
	{.name = "other.test", .v4 = "127.0.0.1", .ttl_s = 60},
	{.name = "silent.test", .is_silent_v4 = true, .is_silent_v6 = true},
	{.name = NULL},
};

enum { PEERS_MAX = 4 };

struct fixture {
	struct certificates certificates;
	SSL_CTX *ctx;
	struct loop *loop;
	struct fake_dns dns;
	struct resolver *resolver;
	struct tls_client *tls;
	struct dial_limits limits;
	int listen_fd;
	struct watch *watch;
	uint16_t port;
	struct peer peers[PEERS_MAX]; /* one for each connection accepted */
	size_t peers_n;
	int checks, done, done_elsewhere;
	struct dial_outcome outcome;
	const struct tls_peer *seen; /* a reference */
};

/* Each connection gets a server of its own. */
static void on_readable(void *owner)
{
	struct fixture *f = owner;
	int fd = accept4(f->listen_fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	assert_true(f->peers_n < PEERS_MAX);
	assert_true(peer_start_on(&f->peers[f->peers_n++], f->ctx, PEER_ECHO, fd));
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct resolver_options options = {
		.max_ttl_ms = 60000, .failure_ttl_ms = 60000, .max_names = 100, .hosts_file = "/dev/null"};
	struct address a;
	char why[100];

	signal(SIGPIPE, SIG_IGN);
	f->loop = loop_new();
	if (!certificates_init(&f->certificates) || !fake_dns_init(&f->dns, f->loop, rows) ||
		!address_parse(STR("127.0.0.1"), 0, &a))
		return -1;
	f->ctx = peer_ctx_new(&f->certificates.good);
	options.servers = f->dns.servers;
	f->resolver = resolver_new(f->loop, &options);
	f->tls = tls_client_new(f->certificates.ca_file, NULL, 0, why, sizeof(why));
	f->listen_fd = tcp_listen(&a);
	f->port = address_port(&a);
	f->watch = watch_new(f->loop, f->listen_fd, on_readable, f);
	f->limits = (struct dial_limits){.resolve_ms = 5000, .connect_ms = 5000, .tls_ms = 5000, .max_addresses = 8};
	f->limits.attempt_delay_ms = f->limits.resolution_delay_ms = 50;
	*state = f;
	return f->resolver == NULL || f->tls == NULL || f->watch == NULL;
}

/* Ends what the last dial has brought. */
static void hang_up(struct fixture *f)
{
	transport_close(f->outcome.transport, false);
	f->outcome.transport = NULL;
	loop_turn(f->loop, 0);
	for (; f->peers_n > 0; f->peers_n--)
		peer_join(&f->peers[f->peers_n - 1]);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	hang_up(f);
	tls_peer_unref(f->seen);
	watch_free(f->watch);
	close(f->listen_fd);
	tls_client_free(f->tls);
	resolver_free(f->resolver);
	fake_dns_fini(&f->dns);
	loop_free(f->loop);
	SSL_CTX_free(f->ctx);
	certificates_fini(&f->certificates);
	free(f);
	return 0;
}

static void on_nothing(void *owner, unsigned ready)
{
	(void)owner;
	(void)ready;
}

static void on_done(void *owner, const struct dial_outcome *o)
{
	struct fixture *f = owner;

	f->done++;
	f->outcome = *o;
	tls_peer_unref(f->seen);
	f->seen = o->tls_peer != NULL ? tls_peer_ref(o->tls_peer) : NULL;
	assert_int_equal(o->error == ERR_none, o->transport != NULL);
	if (o->transport != NULL)
		o->transport->on_ready = on_nothing;
}

/* Of the owner that a dial had before. */
static void on_done_elsewhere(void *owner, const struct dial_outcome *o)
{
	struct fixture *f = owner;

	(void)o;
	f->done_elsewhere++;
}

static enum error check(void *owner, const struct address *to)
{
	struct fixture *f = owner;

	(void)to;
	f->checks++;
	return ERR_none;
}

static struct dial_target target_of(const struct fixture *f, const char *host)
{
	return (struct dial_target){.host = str_of(host), .port = f->port, .is_tls = true, .check = check};
}

static struct dial *start(struct fixture *f, const struct dial_target *target)
{
	f->done = 0;
	f->checks = 0;
	return dial_start(f->loop, f->resolver, f->tls, target, &f->limits, on_done, f);
}

static enum error dial(struct fixture *f, const struct dial_target *target)
{
	start(f, target);
	assert_int_equal(f->done, 0); /* never from inside */
	TURN_UNTIL(f->loop, f->done != 0);
	return f->outcome.error;
}

static void on_connected(void *owner, struct transport *t, enum error error, int os_error)
{
	struct transport **ret = owner;

	(void)os_error;
	assert_int_equal(error, ERR_none);
	*ret = t;
}

/* A connection to the server that stands. */
static struct transport *connect_to(struct fixture *f)
{
	struct transport *t = NULL;
	struct address to;

	assert_true(address_parse(STR("127.0.0.1"), f->port, &to));
	tcp_connect_start(f->loop, &to, on_connected, &t);
	TURN_UNTIL(f->loop, t != NULL && f->peers_n != 0);
	return t;
}

/* A connection whose far end the caller holds. */
static struct transport *connect_pair(struct fixture *f, int *ret_far)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
	*ret_far = fds[1];
	return tcp_new(f->loop, fds[0]);
}

static void test_good(void **state)
{
	struct fixture *f = *state;
	struct dial_target target = target_of(f, "a.test");

	assert_int_equal(dial(f, &target), ERR_none);
	assert_true(f->outcome.resolve_us >= 0 && f->outcome.connect_us >= 0 && f->outcome.tls_us >= 0);
	assert_string_equal(f->outcome.detail, "");
	assert_string_equal(f->seen->subject, "CN=x");
	assert_ptr_equal(f->outcome.transport->tls->peer, f->seen);
	assert_int_equal(f->checks, 1);
	hang_up(f);
	assert_string_equal(f->peers[0].server_name, "a.test");
}

/* The name to verify may be another than the one to resolve. */
static void test_tls_name(void **state)
{
	struct fixture *f = *state;
	struct dial_target target = target_of(f, "other.test");

	assert_int_equal(dial(f, &target), ERR_tls_certificate);
	assert_non_null(strstr(f->outcome.detail, "is not for other.test, but for a.test"));
	assert_string_equal(f->seen->subject, "CN=x"); /* whom it was refused as */
	hang_up(f);
	target.tls_name = STR("x.b.testing");
	target.tls_name.len -= 3; /* no end is marked */
	assert_int_equal(dial(f, &target), ERR_none);
	hang_up(f);
	assert_string_equal(f->peers[0].server_name, "x.b.test");
}

static void test_asks(void **state)
{
	static const char *const items[] = {"sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="};
	struct fixture *f = *state;
	struct dial_target target = target_of(f, "other.test");
	char why[100];
	struct tls_pins *pins = tls_pins_new(items, 1, false, why, sizeof(why));

	target.tls_asks.skips_verification = true;
	assert_int_equal(dial(f, &target), ERR_none);
	assert_non_null(strstr(f->seen->unverified, "is not for other.test"));
	hang_up(f);
	target.tls_asks.pins = pins;
	assert_int_equal(dial(f, &target), ERR_pin_mismatch);
	assert_non_null(strstr(f->outcome.detail, "no pin matches"));
	assert_int_equal(f->seen->pin, TLS_PIN_MISMATCHED);
	tls_pins_free(pins);
}

/* A connection that stands is used: nothing is resolved, asked or connected. */
static void test_connected(void **state)
{
	struct fixture *f = *state;
	struct dial_target target = target_of(f, "silent.test");

	target.tls_name = STR("a.test");
	target.connected = connect_to(f);
	assert_int_equal(dial(f, &target), ERR_none);
	assert_int_equal(f->peers_n, 1);
	assert_int_equal(f->checks, 0);
	assert_int_equal(f->outcome.resolve_us, -1);
	assert_int_equal(f->outcome.connect_us, -1);
	assert_true(f->outcome.tls_us >= 0);
	assert_int_equal(address_port(&f->outcome.peer), f->port);
	hang_up(f);
	target.is_tls = false;
	target.connected = connect_to(f);
	assert_int_equal(dial(f, &target), ERR_none);
	assert_ptr_equal(f->outcome.transport, target.connected);
	assert_null(f->outcome.tls_peer);
	assert_int_equal(f->outcome.tls_us, -1);
}

static bool is_readable(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

	return poll(&poll_fd, 1, 0) == 1;
}

/* How the far end of a connection that stands may be gone. */
enum death { CLOSED_BEFORE, ENDED_BEFORE, ENDED_AFTER, CLOSED_AFTER, DEATHS };

/* Without a byte from it, the dial begins anew, once. */
static void test_connected_dead(void **state)
{
	struct fixture *f = *state;
	struct dial_target target = target_of(f, "a.test");
	char bytes[4096];

	for (enum death death = CLOSED_BEFORE; death < DEATHS; death++) {
		int far;

		target.connected = connect_pair(f, &far);
		if (death == CLOSED_BEFORE)
			close(far);
		else if (death == ENDED_BEFORE)
			shutdown(far, SHUT_WR);
		start(f, &target);
		if (death == ENDED_AFTER || death == CLOSED_AFTER) {
			TURN_UNTIL(f->loop, is_readable(far)); /* the ClientHello */
			assert_true(recv(far, bytes, sizeof(bytes), 0) > 0);
			shutdown(far, SHUT_WR);
		}
		if (death == CLOSED_AFTER)
			close(far);
		TURN_UNTIL(f->loop, f->done != 0);
		assert_int_equal(f->outcome.error, ERR_none);
		assert_int_equal(f->peers_n, 1);
		assert_int_equal(f->checks, 1);
		assert_true(f->outcome.resolve_us >= 0 && f->outcome.connect_us >= 0 && f->outcome.tls_us >= 0);
		assert_string_equal(f->seen->subject, "CN=x");
		hang_up(f);
		if (death != CLOSED_BEFORE && death != CLOSED_AFTER)
			close(far);
	}
}

/* With a byte from it, it does not. */
static void test_connected_bad(void **state)
{
	struct fixture *f = *state;
	struct dial_target target = target_of(f, "a.test");
	int far;

	target.connected = connect_pair(f, &far);
	assert_int_equal(write(far, "\x16", 1), 1);
	shutdown(far, SHUT_WR);
	assert_int_equal(dial(f, &target), ERR_tls_protocol);
	assert_int_equal(f->peers_n, 0);
	close(far);
	target.connected = connect_pair(f, &far);
	assert_int_equal(write(far, "HTTP/1.1 400 Bad Request\r\n\r\n", 28), 28);
	assert_int_equal(dial(f, &target), ERR_tls_protocol);
	assert_int_equal(f->peers_n, 0);
	close(far);
}

/* A connection that the dial made itself is no staler than any other, so it is the end: of a dial that begins with it, and of
 * one that began with another. */
static void test_dialled_dead(void **state)
{
	struct fixture *f = *state;
	struct dial_target target = target_of(f, "a.test");

	watch_free(f->watch);
	f->watch = NULL;
	for (int i = 0; i < 2; i++) {
		int far = -1;

		target.connected = i == 0 ? NULL : connect_pair(f, &far);
		if (far >= 0)
			shutdown(far, SHUT_WR);
		start(f, &target);
		TURN_UNTIL(f->loop, is_readable(f->listen_fd));
		close(accept4(f->listen_fd, NULL, NULL, SOCK_CLOEXEC));
		TURN_UNTIL(f->loop, f->done != 0 || is_readable(f->listen_fd));
		assert_int_equal(f->done, 1);
		assert_int_equal(f->outcome.error, ERR_tls_protocol);
		assert_int_equal(f->checks, 1);
		if (far >= 0)
			close(far);
	}
}

/* Without TLS only what is seen to be broken can be known to be dead. */
static void test_connected_broken(void **state)
{
	struct fixture *f = *state;
	struct dial_target target = target_of(f, "a.test");
	int far;

	target.is_tls = false;
	target.connected = connect_pair(f, &far);
	close(far);
	assert_int_equal(dial(f, &target), ERR_none);
	assert_int_equal(f->checks, 1);
	assert_int_equal(address_port(&f->outcome.peer), f->port);
}

/* Dead, and the origin cannot be reached any more: that is what is told. */
static void test_connected_dead_for_good(void **state)
{
	struct fixture *f = *state;
	struct dial_target target = target_of(f, "127.0.0.3");
	int far;

	for (int i = 0; i < 2; i++) {
		target.connected = connect_pair(f, &far);
		shutdown(far, i == 0 ? SHUT_WR : SHUT_RDWR);
		assert_int_equal(dial(f, &target), ERR_connect_refused);
		assert_non_null(strstr(f->outcome.detail, "127.0.0.3:"));
		assert_int_equal(f->outcome.tls_us, -1);
		close(far);
	}
}

/* A dial of a tunnel that is to be opened: TLS is added, and another is told. */
static void test_adopt(void **state)
{
	struct fixture *f = *state;
	struct dial_target plain = {.host = STR("other.test"), .port = f->port, .check = check},
			   target = target_of(f, "ignored.test");

	target.tls_name = STR("a.test");
	target.port = 1;
	for (int turns = 0; turns < 2; turns++) {
		struct dial *d;

		f->done = f->checks = 0;
		d = dial_start(f->loop, f->resolver, NULL, &plain, &f->limits, on_done_elsewhere, f);
		for (int i = 0; i < turns; i++)
			loop_turn(f->loop, 0);
		dial_adopt(d, f->tls, &target, on_done, f);
		TURN_UNTIL(f->loop, f->done != 0);
		assert_int_equal(f->outcome.error, ERR_none);
		assert_string_equal(f->seen->subject, "CN=x");
		assert_true(f->outcome.resolve_us >= 0 && f->outcome.tls_us >= 0);
		assert_int_equal(f->checks, 1);
		hang_up(f);
		assert_string_equal(f->peers[0].server_name, "a.test");
	}
	assert_int_equal(f->done_elsewhere, 0);
}

/* Without TLS, too: a tunnel that turns out to carry HTTP. */
static void test_adopt_plain(void **state)
{
	struct fixture *f = *state;
	struct dial_target target = target_of(f, "a.test");
	struct dial *d;

	target.is_tls = false;
	d = dial_start(f->loop, f->resolver, NULL, &target, &f->limits, on_done_elsewhere, f);
	f->done = 0;
	dial_adopt(d, NULL, &target, on_done, f);
	TURN_UNTIL(f->loop, f->done != 0);
	assert_int_equal(f->outcome.error, ERR_none);
	assert_null(f->outcome.transport->tls);
	assert_int_equal(f->done_elsewhere, 0);
}

/* With a connection that stands: before it is used, in the handshake, and after it has turned out to be dead. Nothing comes
 * afterwards, and nothing is left (the sanitizer would tell). */
static void test_cancel(void **state)
{
	struct fixture *f = *state;
	struct dial_target target = target_of(f, "silent.test");

	for (int i = 0; i < 4; i++) {
		struct dial *d;
		char byte;
		int far;

		target.connected = connect_pair(f, &far);
		if (i == 2)
			shutdown(far, SHUT_WR);
		d = start(f, &target);
		for (int turns = 0; turns < (i == 0 ? 0 : 5); turns++)
			loop_turn(f->loop, 2);
		dial_cancel(d);
		for (int turns = 0; turns < 5; turns++)
			loop_turn(f->loop, 2);
		assert_int_equal(f->done, 0);
		do {
			errno = 0;
		} while (read(far, &byte, 1) > 0);
		assert_int_not_equal(errno, EAGAIN); /* our end is closed */
		close(far);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_good),
		TEST(test_tls_name),
		TEST(test_asks),
		TEST(test_connected),
		TEST(test_connected_dead),
		TEST(test_connected_bad),
		TEST(test_dialled_dead),
		TEST(test_connected_broken),
		TEST(test_connected_dead_for_good),
		TEST(test_adopt),
		TEST(test_adopt_plain),
		TEST(test_cancel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
