/* Dialling: the order of addresses, the rhythm of attempts, time-outs, errors; against listeners on loopback. */
#include "net/dialer.h"
#include "net/dialer_internal.h"
#include "net/tcp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake_dns.h"
#include "turn_until.h"

static const struct dns_row rows[] = {
	{.name = "good.test", .v4 = "127.0.0.1", .ttl_s = 60},
	{.name = "both.test", .v4 = "127.0.0.1", .v6 = "::1", .ttl_s = 60},
	{.name = "slow.test", .v4 = "127.0.0.2 127.0.0.1", .ttl_s = 60},
	{.name = "hangs.test", .v4 = "127.0.0.2", .ttl_s = 60},
	{.name = "refused.test", .v4 = "127.0.0.3 127.0.0.4", .ttl_s = 60},
	{.name = "late.test", .v4 = "127.0.0.1", .ttl_s = 60, .is_silent_v6 = true},
	{.name = "last.test", .v4 = "127.0.0.3", .ttl_s = 60, .is_silent_v6 = true},
	{.name = "silent.test", .is_silent_v4 = true, .is_silent_v6 = true},
	{.name = "broken.test", .rcode = 2},
	{.name = NULL},
};

struct fixture {
	struct loop *loop;
	struct fake_dns dns;
	struct resolver *resolver;
	struct tls_client *tls;
	struct dial_limits limits;
	struct listener *listener; /* accepts at 127.0.0.1 */
	int full_fd;               /* listens at 127.0.0.2, same port, but its queue is full: a connection hangs */
	int fill_fds[2];
	uint16_t port;
	struct transport *accepted;
	const char *greeting; /* sent at once to who is accepted */
	const char *refuse;   /* what check refuses; "": all */
	int checks, done;
	struct dial_outcome outcome;
	int64_t start_us, took_us;
};

static void on_nothing(void *owner, unsigned ready)
{
	(void)owner;
	(void)ready;
}

static void on_accept(void *owner, struct transport *t)
{
	struct fixture *f = owner;

	transport_close(f->accepted, true);
	f->accepted = t;
	t->on_ready = on_nothing;
	if (f->greeting != NULL) {
		struct iovec iov = {(void *)(uintptr_t)f->greeting, strlen(f->greeting)};
		size_t n;

		t->ops->writev(t, &iov, 1, &n);
	}
}

/* A socket whose queue is full, so that the system answers no further connection. */
static void set_up_full(struct fixture *f)
{
	struct address a;

	assert_true(address_parse(STR("127.0.0.2"), f->port, &a));
	f->full_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(f->full_fd, (struct sockaddr *)&a.ss, a.len), 0);
	assert_int_equal(listen(f->full_fd, 0), 0);
	for (int i = 0; i < 2; i++) {
		f->fill_fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		connect(f->fill_fds[i], (struct sockaddr *)&a.ss, a.len);
	}
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct resolver_options options = {
		.max_ttl_ms = 60000, .failure_ttl_ms = 60000, .max_names = 100, .hosts_file = "/dev/null"};
	struct address a;
	char why[100];
	int fd;

	f->loop = loop_new();
	if (!fake_dns_init(&f->dns, f->loop, rows) || !address_parse(STR("127.0.0.1"), 0, &a))
		return -1;
	options.servers = f->dns.servers;
	f->resolver = resolver_new(f->loop, &options);
	f->tls = tls_client_new(NULL, NULL, 0, why, sizeof(why));
	fd = tcp_listen(&a);
	f->port = address_port(&a);
	f->listener = listener_new(f->loop, fd, on_accept, f);
	set_up_full(f);
	f->limits = (struct dial_limits){.resolve_ms = 5000,
		.connect_ms = 5000,
		.tls_ms = 5000,
		.attempt_delay_ms = 250,
		.resolution_delay_ms = 50,
		.max_addresses = 8};
	*state = f;
	return f->resolver == NULL || f->tls == NULL;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	transport_close(f->outcome.transport, true);
	transport_close(f->accepted, true);
	listener_free(f->listener);
	close(f->full_fd);
	close(f->fill_fds[0]);
	close(f->fill_fds[1]);
	tls_client_free(f->tls);
	resolver_free(f->resolver);
	fake_dns_fini(&f->dns);
	loop_free(f->loop);
	free(f);
	return 0;
}

static void on_done(void *owner, const struct dial_outcome *o)
{
	struct fixture *f = owner;

	f->done++;
	f->outcome = *o;
	f->took_us = clock_mono_us() - f->start_us;
	assert_int_equal(o->error == ERR_none, o->transport != NULL);
	if (o->transport != NULL)
		o->transport->on_ready = on_nothing;
}

static enum error check(void *owner, const struct address *to)
{
	struct fixture *f = owner;
	char text[ADDRESS_TEXT_BYTES];

	f->checks++;
	address_format_host(to, text);
	return f->refuse != NULL && (f->refuse[0] == '\0' || strcmp(text, f->refuse) == 0) ? ERR_loop_detected : ERR_none;
}

static struct dial *start(struct fixture *f, const char *host, bool is_tls)
{
	struct dial_target target = {.host = str_of(host), .port = f->port, .is_tls = is_tls, .check = check};

	f->start_us = clock_mono_us();
	return dial_start(f->loop, f->resolver, f->tls, &target, &f->limits, on_done, f);
}

static enum error dial(struct fixture *f, const char *host, bool is_tls)
{
	start(f, host, is_tls);
	assert_int_equal(f->done, 0); /* never from inside */
	TURN_UNTIL(f->loop, f->done != 0);
	return f->outcome.error;
}

static void assert_peer(const struct fixture *f, const char *host)
{
	char text[ADDRESS_TEXT_BYTES];

	assert_string_equal(address_format_host(&f->outcome.peer, text), host);
	assert_int_equal(address_port(&f->outcome.peer), f->port);
}

static void test_order(void **state)
{
	static const char *const v6[] = {"2001:db8::1", "2001:db8::2", "2001:db8::1"}, *const v4[] = {"192.0.2.1", "192.0.2.2"};
	static const char *const want[] = {"[2001:db8::1]:80", "192.0.2.1:80", "[2001:db8::2]:80", "192.0.2.2:80"};
	static struct address_queue q;
	struct address a[3];
	char text[ADDRESS_TEXT_BYTES];

	(void)state;
	address_queue_init(&q, 8);
	for (size_t i = 0; i < 2; i++)
		assert_true(address_parse(str_of(v4[i]), 0, &a[i]));
	address_queue_add(&q, a, 2, 80);
	for (size_t i = 0; i < 3; i++)
		assert_true(address_parse(str_of(v6[i]), 0, &a[i]));
	address_queue_add(&q, a, 3, 80);
	for (size_t i = 0; i < 4; i++) {
		assert_true(address_queue_take(&q, &a[0]));
		assert_string_equal(address_format(&a[0], text), want[i]);
	}
	assert_false(address_queue_take(&q, &a[0]));
	address_queue_init(&q, 1);
	address_queue_add(&q, a, 3, 80);
	assert_true(address_queue_take(&q, &a[0]));
	assert_false(address_queue_take(&q, &a[0]));
}

static void test_literal(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(dial(f, "127.0.0.1", false), ERR_none);
	assert_peer(f, "127.0.0.1");
	assert_int_equal(f->outcome.resolve_us, -1);
	assert_true(f->outcome.connect_us >= 0);
	assert_int_equal(f->outcome.tls_us, -1);
	assert_int_equal(f->dns.asked_v4, 0);
	assert_int_equal(f->checks, 1);
}

static void test_name(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(dial(f, "good.test", false), ERR_none);
	assert_true(f->outcome.resolve_us >= 0 && f->outcome.connect_us >= 0);
	assert_peer(f, "127.0.0.1");
}

/* IPv6 goes first; where nobody listens there, IPv4 follows at once and not after the delay. */
static void test_falls_back(void **state)
{
	struct fixture *f = *state;

	f->limits.attempt_delay_ms = 4000;
	assert_int_equal(dial(f, "both.test", false), ERR_none);
	assert_peer(f, "127.0.0.1");
	assert_int_equal(f->checks, 2);
	assert_true(f->took_us < 2000000);
	assert_string_equal(f->outcome.detail, "");
}

/* An address that does not answer delays the next one by the attempt delay only. */
static void test_staggers(void **state)
{
	struct fixture *f = *state;

	f->limits.attempt_delay_ms = 100;
	assert_int_equal(dial(f, "slow.test", false), ERR_none);
	assert_peer(f, "127.0.0.1");
	assert_true(f->took_us >= 100000 && f->took_us < 900000);
}

static void test_refused(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(dial(f, "refused.test", false), ERR_connect_refused);
	assert_non_null(strstr(f->outcome.detail, "127.0.0.3:"));
	assert_int_equal(f->checks, 2);
	assert_true(f->outcome.connect_us >= 0);
}

static void test_max_addresses(void **state)
{
	struct fixture *f = *state;

	f->limits.max_addresses = 1;
	assert_int_equal(dial(f, "refused.test", false), ERR_connect_refused);
	assert_int_equal(f->checks, 1);
}

static void test_connect_timeout(void **state)
{
	struct fixture *f = *state;

	f->limits.connect_ms = 100;
	assert_int_equal(dial(f, "hangs.test", false), ERR_connect_timeout);
	assert_non_null(strstr(f->outcome.detail, "127.0.0.2:"));
	assert_true(f->outcome.connect_us >= 95000);
}

static void test_resolve_errors(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(dial(f, "nowhere.test", false), ERR_name_not_found);
	assert_non_null(strstr(f->outcome.detail, "nowhere.test"));
	assert_true(f->outcome.resolve_us >= 0);
	assert_int_equal(f->outcome.connect_us, -1);
	f->done = 0;
	assert_int_equal(dial(f, "broken.test", false), ERR_resolve_failed);
	f->done = 0;
	f->limits.resolve_ms = 60;
	assert_int_equal(dial(f, "silent.test", false), ERR_resolve_timeout);
}

/* No answer for IPv6: IPv4 is taken after the resolution delay. */
static void test_resolution_delay(void **state)
{
	struct fixture *f = *state;

	f->limits.resolution_delay_ms = 60;
	assert_int_equal(dial(f, "late.test", false), ERR_none);
	assert_true(f->took_us >= 55000 && f->took_us < 1500000);
	assert_peer(f, "127.0.0.1");
}

/* The only address has failed, and a name server still is silent: the failure is what is told. */
static void test_failed_while_asking(void **state)
{
	struct fixture *f = *state;

	f->limits.connect_ms = 150;
	assert_int_equal(dial(f, "last.test", false), ERR_connect_refused);
	assert_true(f->took_us >= 150000);
}

static void test_check(void **state)
{
	struct fixture *f = *state;

	f->refuse = "";
	assert_int_equal(dial(f, "slow.test", false), ERR_loop_detected);
	assert_int_equal(f->checks, 2);
	assert_peer(f, "127.0.0.1"); /* refused last */
	assert_non_null(strstr(f->outcome.detail, "127.0.0.1:"));
	f->done = 0;
	f->refuse = "127.0.0.2";
	f->limits.max_addresses = 1; /* of those that may be dialled */
	assert_int_equal(dial(f, "slow.test", false), ERR_none);
	assert_peer(f, "127.0.0.1");
	assert_true(f->took_us < 200000); /* a refused address costs no delay */
}

/* What was refused tells more than what failed, before it or after it. */
static void test_check_of_some(void **state)
{
	static const char *const cases[] = {"127.0.0.3", "127.0.0.4"};
	struct fixture *f = *state;

	for (size_t i = 0; i < 2; i++) {
		f->done = 0;
		f->refuse = cases[i];
		assert_int_equal(dial(f, "refused.test", false), ERR_loop_detected);
		assert_peer(f, cases[i]);
		assert_non_null(strstr(f->outcome.detail, cases[i]));
	}
}

static void test_tls_timeout(void **state)
{
	struct fixture *f = *state;

	f->limits.tls_ms = 60;
	assert_int_equal(dial(f, "good.test", true), ERR_tls_timeout);
	assert_true(f->outcome.connect_us >= 0 && f->outcome.tls_us >= 55000);
}

static void test_tls_garbage(void **state)
{
	struct fixture *f = *state;

	f->greeting = "HTTP/1.1 400 Bad Request\r\n\r\n";
	assert_int_equal(dial(f, "good.test", true), ERR_tls_protocol);
	assert_true(f->outcome.detail[0] != '\0');
}

/* In every phase; nothing comes afterwards, and nothing is left (the sanitizer would tell). */
static void test_cancel(void **state)
{
	static const char *const hosts[] = {"127.0.0.1", "good.test", "silent.test", "hangs.test", "good.test"};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		struct dial *d = start(f, hosts[i], i == 4);

		for (int turns = 0; turns < (i < 2 ? 0 : 20); turns++)
			loop_turn(f->loop, 2);
		dial_cancel(d);
		for (int turns = 0; turns < 10; turns++)
			loop_turn(f->loop, 2);
		assert_int_equal(f->done, 0);
	}
	dial_cancel(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		TEST(test_literal),
		TEST(test_name),
		TEST(test_falls_back),
		TEST(test_staggers),
		TEST(test_refused),
		TEST(test_max_addresses),
		TEST(test_connect_timeout),
		TEST(test_resolve_errors),
		TEST(test_resolution_delay),
		TEST(test_failed_while_asking),
		TEST(test_check),
		TEST(test_check_of_some),
		TEST(test_tls_timeout),
		TEST(test_tls_garbage),
		TEST(test_cancel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
