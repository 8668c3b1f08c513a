/* The resolver against a small name server in the same process, and hosts files of its own. */
#include "net/resolver.h"
#include "net/resolver_internal.h"

#include <fcntl.h>
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
	{.name = "two.test", .v4 = "192.0.2.1 192.0.2.2", .v6 = "2001:db8::1", .ttl_s = 60},
	{.name = "v4.test", .v4 = "192.0.2.3", .ttl_s = 60},
	{.name = "short.test", .v4 = "192.0.2.4", .ttl_s = 0},
	{.name = "broken.test", .rcode = 2},
	{.name = "big.test", .v4 = "192.0.2.5", .ttl_s = 60, .is_truncated = true},
	{.name = "alias.test", .v4 = "192.0.2.6", .ttl_s = 3600, .alias = "real.test", .alias_ttl_s = 0},
	{.name = "many.test",
		.v4 = "198.51.100.1 198.51.100.2 198.51.100.3 198.51.100.4 198.51.100.5 198.51.100.6 198.51.100.7 198.51.100.8 "
		      "198.51.100.9 198.51.100.10 198.51.100.11 198.51.100.12 198.51.100.13 198.51.100.14 198.51.100.15 198.51.100.16 "
		      "198.51.100.17 198.51.100.18 198.51.100.19 198.51.100.20 198.51.100.21 198.51.100.22 198.51.100.23 198.51.100.24 "
		      "198.51.100.25 198.51.100.26 198.51.100.27 198.51.100.28 198.51.100.29 198.51.100.30 198.51.100.31 198.51.100.32 "
		      "198.51.100.33 198.51.100.34 198.51.100.35 198.51.100.36 198.51.100.37 198.51.100.38 198.51.100.39 198.51.100.40",
		.ttl_s = 60,
		.is_truncated = true},
	{.name = "silent.test", .is_silent_v4 = true, .is_silent_v6 = true},
	{.name = "a.test", .v4 = "192.0.2.10", .ttl_s = 60},
	{.name = "b.test", .v4 = "192.0.2.11", .ttl_s = 60},
	{.name = "c.test", .v4 = "192.0.2.12", .ttl_s = 60},
	{.name = NULL},
};

struct fixture {
	struct loop *loop;
	struct fake_dns dns;
	struct resolver_options options;
	struct resolver *resolver;
	char hosts_file[64], resolv_conf_file[64];
};

/* What came of one question. */
struct result {
	int done;
	enum error error;
	size_t n;
	char first[ADDRESS_TEXT_BYTES];
	bool is_cached;
	char detail[80];
};

static void write_file(const char *path, const char *text)
{
	/* As a careful editor does: another inode, so that every change is seen. */
	char fresh[80];
	FILE *file;

	snprintf(fresh, sizeof(fresh), "%s.new", path);
	file = fopen(fresh, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	assert_int_equal(rename(fresh, path), 0);
}

static void make_file(char *path, size_t size)
{
	int fd;

	snprintf(path, size, "/tmp/test_resolver.XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->loop = loop_new();
	make_file(f->hosts_file, sizeof(f->hosts_file));
	make_file(f->resolv_conf_file, sizeof(f->resolv_conf_file));
	write_file(f->resolv_conf_file, "nameserver 127.0.0.1\noptions ndots:1\n");
	if (!fake_dns_init(&f->dns, f->loop, rows))
		return -1;
	f->options = (struct resolver_options){
		.servers = f->dns.servers,
		.max_ttl_ms = 3600000,
		.min_ttl_ms = 0,
		.failure_ttl_ms = 60000,
		.max_names = 100,
		.hosts_file = f->hosts_file,
		.resolv_conf_file = f->resolv_conf_file,
	};
	f->resolver = resolver_new(f->loop, &f->options);
	*state = f;
	return f->resolver == NULL;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	resolver_free(f->resolver);
	fake_dns_fini(&f->dns);
	loop_free(f->loop);
	unlink(f->hosts_file);
	unlink(f->resolv_conf_file);
	free(f);
	return 0;
}

static void on_done(void *owner, const struct resolved *answer)
{
	struct result *r = owner;

	r->done++;
	r->error = answer->error;
	r->n = answer->n;
	r->is_cached = answer->is_cached;
	snprintf(r->detail, sizeof(r->detail), "%s", answer->detail);
	if (answer->n != 0)
		address_format_host(&answer->addresses[0], r->first);
}

static struct result ask(struct fixture *f, const char *name, int family)
{
	struct result r = {.done = 0};

	assert_non_null(resolver_ask(f->resolver, str_of(name), family, on_done, &r));
	assert_int_equal(r.done, 0); /* never from inside */
	TURN_UNTIL(f->loop, r.done != 0);
	assert_int_equal(r.done, 1);
	return r;
}

static void test_families(void **state)
{
	struct fixture *f = *state;
	struct result r = ask(f, "two.test", AF_INET);

	assert_int_equal(r.error, ERR_none);
	assert_int_equal(r.n, 2);
	assert_string_equal(r.first, "192.0.2.1");
	r = ask(f, "TWO.test", AF_INET6);
	assert_int_equal(r.n, 1);
	assert_string_equal(r.first, "2001:db8::1");
	assert_int_equal(f->dns.asked_v4, 1);
	assert_int_equal(f->dns.asked_v6, 1);
	r = ask(f, "v4.test", AF_INET6);
	assert_int_equal(r.error, ERR_name_not_found);
}

static void test_cache(void **state)
{
	struct fixture *f = *state;

	assert_false(ask(f, "two.test", AF_INET).is_cached);
	assert_true(ask(f, "two.TEST", AF_INET).is_cached);
	assert_int_equal(f->dns.asked_v4, 1);
	ask(f, "short.test", AF_INET); /* TTL 0: not kept */
	assert_false(ask(f, "short.test", AF_INET).is_cached);
	assert_int_equal(f->dns.asked_v4, 3);
	ask(f, "alias.test", AF_INET); /* the TTL of the alias counts */
	assert_false(ask(f, "alias.test", AF_INET).is_cached);
	f->options.min_ttl_ms = 60000;
	resolver_set_options(f->resolver, &f->options);
	assert_false(ask(f, "short.test", AF_INET).is_cached);
	assert_true(ask(f, "short.test", AF_INET).is_cached);
	assert_false(ask(f, "two.test", AF_INET).is_cached); /* emptied */
}

static void test_expiry(void **state)
{
	struct fixture *f = *state;
	int64_t until_us;

	f->options.max_ttl_ms = 30;
	resolver_set_options(f->resolver, &f->options);
	ask(f, "two.test", AF_INET);
	assert_true(ask(f, "two.test", AF_INET).is_cached);
	for (until_us = clock_mono_us() + 40000; clock_mono_us() < until_us;)
		loop_turn(f->loop, 10);
	assert_false(ask(f, "two.test", AF_INET).is_cached);
}

static void test_bound(void **state)
{
	struct fixture *f = *state;

	f->options.max_names = 2;
	resolver_set_options(f->resolver, &f->options);
	ask(f, "a.test", AF_INET);
	ask(f, "b.test", AF_INET);
	assert_true(ask(f, "a.test", AF_INET).is_cached);
	ask(f, "c.test", AF_INET); /* b was not used for longest */
	assert_true(ask(f, "a.test", AF_INET).is_cached);
	assert_false(ask(f, "b.test", AF_INET).is_cached);
}

static void test_failures(void **state)
{
	struct fixture *f = *state;
	struct result r = ask(f, "nowhere.test", AF_INET);
	int asked;

	assert_int_equal(r.error, ERR_name_not_found);
	assert_true(r.detail[0] != '\0');
	asked = f->dns.asked_v4;
	assert_true(ask(f, "nowhere.test", AF_INET).is_cached);
	assert_int_equal(f->dns.asked_v4, asked);
	r = ask(f, "broken.test", AF_INET);
	assert_int_equal(r.error, ERR_resolve_failed);
	assert_int_equal(ask(f, "", AF_INET).error, ERR_name_not_found);
	assert_int_equal(ask(f, "a..test", AF_INET).error, ERR_name_not_found);
}

static void test_long_names(void **state)
{
	struct fixture *f = *state;
	char name[400];

	memset(name, 'a', sizeof(name));
	name[299] = '\0';
	assert_int_equal(ask(f, name, AF_INET).error, ERR_name_not_found);
	name[100] = '\0'; /* one label of 100 bytes */
	assert_int_equal(ask(f, name, AF_INET).error, ERR_name_not_found);
}

static void test_joined(void **state)
{
	struct fixture *f = *state;
	struct result r[5] = {{.done = 0}};
	struct query *q[5];

	for (int i = 0; i < 5; i++)
		q[i] = resolver_ask(f->resolver, STR("two.test"), AF_INET, on_done, &r[i]);
	query_cancel(q[0]);
	query_cancel(q[3]);
	TURN_UNTIL(f->loop, r[1].done + r[2].done + r[4].done == 3);
	assert_int_equal(r[0].done + r[3].done, 0);
	assert_int_equal(f->dns.asked_v4, 1);
}

static void test_cancel(void **state)
{
	struct fixture *f = *state;
	struct result r = {.done = 0};

	/* Before the answer: it comes into the cache all the same. */
	query_cancel(resolver_ask(f->resolver, STR("two.test"), AF_INET, on_done, &r));
	TURN_UNTIL(f->loop, f->dns.asked_v4 == 1);
	for (int i = 0; i < 5; i++)
		loop_turn(f->loop, 5);
	assert_true(ask(f, "two.test", AF_INET).is_cached);
	/* Before the delivery of a cached one. */
	query_cancel(resolver_ask(f->resolver, STR("two.test"), AF_INET, on_done, &r));
	loop_turn(f->loop, 0);
	assert_int_equal(r.done, 0);
}

static void test_free_under_way(void **state)
{
	struct fixture *f = *state;
	struct result r = {.done = 0};
	struct query *q = resolver_ask(f->resolver, STR("silent.test"), AF_INET, on_done, &r);

	TURN_UNTIL(f->loop, f->dns.asked_v4 == 1);
	query_cancel(q);
	resolver_free(f->resolver);
	f->resolver = NULL;
	loop_turn(f->loop, 5);
	assert_int_equal(r.done, 0);
}

static void test_tcp(void **state)
{
	struct fixture *f = *state;
	struct result r = ask(f, "big.test", AF_INET);

	assert_int_equal(r.error, ERR_none);
	assert_string_equal(r.first, "192.0.2.5");
	assert_true(f->dns.asked_tcp >= 1);
}

static void test_many_addresses(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(ask(f, "many.test", AF_INET).n, ANSWER_ADDRESSES_MAX);
}

static void test_localhost(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(ask(f, "localhost", AF_INET).first, "127.0.0.1");
	assert_string_equal(ask(f, "LocalHost.", AF_INET6).first, "::1");
	assert_string_equal(ask(f, "app.localhost", AF_INET).first, "127.0.0.1");
	assert_int_equal(ask(f, "notlocalhost", AF_INET).error, ERR_name_not_found);
}

static void test_overrides(void **state)
{
	struct fixture *f = *state;
	const char *const hosts[] = {"Two.test=198.51.100.1", "two.test = 198.51.100.2", "six.test=2001:db8::6",
		"port.test=198.51.100.3:80", "bad", "bad=x", "=1.2.3.4"};
	struct result r;

	f->options.hosts = hosts;
	f->options.hosts_n = sizeof(hosts) / sizeof(hosts[0]);
	resolver_set_options(f->resolver, &f->options);
	r = ask(f, "two.test", AF_INET);
	assert_int_equal(r.n, 2);
	assert_string_equal(r.first, "198.51.100.1");
	assert_int_equal(ask(f, "two.test", AF_INET6).error, ERR_name_not_found); /* overridden as a whole */
	assert_string_equal(ask(f, "six.test", AF_INET6).first, "2001:db8::6");
	assert_string_equal(ask(f, "port.test.", AF_INET).first, "198.51.100.3");
	assert_int_equal(f->dns.asked_v4 + f->dns.asked_v6, 0);
}

/* Files are looked at again after two seconds at most. */
static struct result ask_until(struct fixture *f, const char *name, const char *first)
{
	int64_t until_us = clock_mono_us() + TURN_LIMIT_US;
	struct result r;

	do {
		r = ask(f, name, AF_INET);
		loop_turn(f->loop, 50);
	} while (strcmp(r.first, first) != 0 && clock_mono_us() < until_us);
	return r;
}

static void test_hosts_file(void **state)
{
	struct fixture *f = *state;

	write_file(f->hosts_file,
		"# comment\n198.51.100.9\tfile.test  Other.test # two.test\n\n198.51.100.10 file.test\nbad line\n::1 six.test\nfe80::1%lo zone.test\n198.51.100.11");
	assert_int_equal(ask_until(f, "file.test", "198.51.100.9").n, 2);
	assert_string_equal(ask(f, "other.test", AF_INET).first, "198.51.100.9");
	assert_int_equal(ask(f, "file.test", AF_INET6).error, ERR_name_not_found);
	assert_string_equal(ask(f, "six.test", AF_INET6).first, "::1");
	assert_string_equal(ask(f, "two.test", AF_INET).first, "192.0.2.1");
	write_file(f->hosts_file, "198.51.100.12 file.test\n");
	assert_string_equal(ask_until(f, "file.test", "198.51.100.12").first, "198.51.100.12");
}

/* A line longer than any sane one is passed over as a whole. */
static void test_long_hosts_line(void **state)
{
	struct fixture *f = *state;
	char text[20000];
	int at = snprintf(text, sizeof(text), "198.51.100.1 first.test ");

	while (at < 17000)
		at += snprintf(text + at, sizeof(text) - (size_t)at, " 198.51.100.2 middle.test");
	snprintf(text + at, sizeof(text) - (size_t)at, "\n198.51.100.3 last.test\n");
	write_file(f->hosts_file, text);
	assert_string_equal(ask_until(f, "last.test", "198.51.100.3").first, "198.51.100.3");
	assert_int_equal(ask(f, "first.test", AF_INET).error, ERR_name_not_found);
	assert_int_equal(ask(f, "middle.test", AF_INET).error, ERR_name_not_found);
}

/* A changed resolv.conf: a question under way is asked again, and everything is fresh. */
static void test_resolv_conf(void **state)
{
	struct fixture *f = *state;
	struct result silent = {.done = 0};
	struct query *q = resolver_ask(f->resolver, STR("silent.test"), AF_INET, on_done, &silent);
	int64_t until_us;

	ask(f, "two.test", AF_INET);
	TURN_UNTIL(f->loop, f->dns.asked_v4 >= 2);
	write_file(f->resolv_conf_file, "nameserver 127.0.0.1\nsearch test\n");
	for (until_us = clock_mono_us() + TURN_LIMIT_US; ask(f, "two.test", AF_INET).is_cached && clock_mono_us() < until_us;)
		loop_turn(f->loop, 50);
	assert_int_equal(silent.done, 0);
	assert_string_equal(ask(f, "two", AF_INET).first, "192.0.2.1"); /* by the search list */
	query_cancel(q);
}

static void test_bad_servers(void **state)
{
	struct fixture *f = *state;
	struct resolver_options bad = f->options;

	bad.servers = "nonsense";
	assert_null(resolver_new(f->loop, &bad));
	resolver_set_options(f->resolver, &bad); /* the old ones stay */
	assert_string_equal(ask(f, "two.test", AF_INET).first, "192.0.2.1");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_families),
		TEST(test_cache),
		TEST(test_expiry),
		TEST(test_bound),
		TEST(test_failures),
		TEST(test_long_names),
		TEST(test_joined),
		TEST(test_cancel),
		TEST(test_free_under_way),
		TEST(test_tcp),
		TEST(test_many_addresses),
		TEST(test_localhost),
		TEST(test_overrides),
		TEST(test_hosts_file),
		TEST(test_long_hosts_line),
		TEST(test_resolv_conf),
		TEST(test_bad_servers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
