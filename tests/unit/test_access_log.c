/* The access log: its two formats, what it must not tell, and files that cannot be written. */
#include "flow_fixture.h"
#include "store/access_log.h"
#include "store/redact/mask.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The line of a flow as an object; checks that it is one line. */
static json_t *parse_line(const struct exchange_facts *x)
{
	struct text t = {NULL, 0, 0};
	json_t *root;

	access_log_json(&t, x);
	assert_int_equal(str_find(text_str(&t), '\n'), t.len - 1);
	root = json_loadb(t.p, t.len, 0, NULL);
	assert_non_null(root);
	text_fini(&t);
	return root;
}

static const char *member(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static void test_json(void **state)
{
	struct flow_fixture f;
	json_t *o, *hop;

	(void)state;
	fixture_init(&f, 12);
	o = parse_line(&f.x);
	assert_string_equal(member(o, "time"), "2023-11-14T22:13:20.000000Z");
	assert_int_equal(json_integer_value(json_object_get(o, "id")), 12);
	assert_string_equal(member(o, "client"), "192.0.2.7:5555");
	assert_string_equal(member(o, "user"), "alice");
	assert_string_equal(member(o, "method"), "GET");
	assert_string_equal(member(o, "url"), "http://example.com/a?b=c");
	assert_int_equal(json_integer_value(json_object_get(o, "status")), 200);
	assert_string_equal(member(o, "outcome"), "delivered");
	assert_true(json_is_null(json_object_get(o, "error")));
	assert_string_equal(member(o, "user_agent"), "test \"quoted\"");
	assert_null(json_object_get(o, "tunnel"));
	assert_null(json_object_get(o, "parent_id"));
	assert_int_equal(json_integer_value(json_object_get(o, "hops")), 2);
	assert_int_equal(json_integer_value(json_object_get(o, "redirects")), 1);
	assert_int_equal(json_integer_value(json_object_get(o, "retries")), 0);
	assert_string_equal(member(o, "final_url"), "https://other.example/x#there");
	assert_int_equal(json_array_size(json_object_get(o, "chain")), 2);
	hop = json_array_get(json_object_get(o, "chain"), 1);
	assert_string_equal(member(hop, "reason"), "redirect");
	assert_string_equal(member(hop, "decision"), "delivered");
	assert_int_equal(json_integer_value(json_object_get(hop, "wait_us")), 900);
	assert_true(json_is_null(json_object_get(hop, "connect_us")));
	json_decref(o);
}

/* Names and words; each list only where there is something. */
static void test_json_of_chain(void **state)
{
	struct flow_fixture f;
	json_t *o, *first, *second, *list;

	(void)state;
	fixture_init(&f, 1);
	o = parse_line(&f.x);
	first = json_array_get(json_object_get(o, "chain"), 0);
	second = json_array_get(json_object_get(o, "chain"), 1);
	assert_string_equal(member(first, "url"), "http://example.com/a?b=c");
	assert_int_equal(json_integer_value(json_object_get(first, "status")), 302);
	assert_string_equal(member(first, "decision"), "followed: 302");
	assert_string_equal(member(first, "peer_class"), "public");
	assert_null(json_object_get(first, "dropped"));
	assert_null(json_object_get(first, "cookies_added"));
	list = json_object_get(first, "cookies_set");
	assert_int_equal(json_array_size(list), 2);
	assert_string_equal(member(json_array_get(list, 0), "name"), "sid");
	assert_string_equal(member(json_array_get(list, 0), "client"), "given to the client");
	assert_true(json_is_null(json_object_get(json_array_get(list, 1), "client")));
	list = json_object_get(second, "dropped");
	assert_string_equal(member(json_array_get(list, 1), "name"), "Authorization");
	assert_string_equal(member(json_array_get(list, 1), "why"), "the origin changed");
	assert_string_equal(json_string_value(json_array_get(json_object_get(second, "cookies_added"), 1)), "lang");
	assert_int_equal(json_integer_value(json_object_get(second, "delay_us")), 500000);
	assert_string_equal(member(json_array_get(json_object_get(o, "response_dropped"), 0), "name"), "Alt-Svc");
	json_decref(o);
}

/* What came before anything was understood. */
static void test_json_of_nothing(void **state)
{
	struct exchange_facts x = {.outcome = OUTCOME_FAILED, .error = ERR_bad_request, .url = {"GARBAGE\xff\x1b", 9}};
	json_t *o = parse_line(&x);

	(void)state;
	assert_string_equal(member(o, "error"), "bad_request");
	assert_int_equal(json_integer_value(json_object_get(o, "hops")), 0);
	assert_int_equal(json_array_size(json_object_get(o, "chain")), 0);
	assert_true(json_is_null(json_object_get(o, "final_url")));
	assert_true(json_is_null(json_object_get(o, "status")));
	assert_true(json_is_null(json_object_get(o, "method")));
	assert_string_equal(member(o, "url"), "GARBAGE\\xff\x1b");
	json_decref(o);
}

static void test_json_of_tunnel(void **state)
{
	struct flow_fixture f;
	json_t *o, *tunnel;

	(void)state;
	fixture_init(&f, 1);
	fixture_tunnel(&f);
	o = parse_line(&f.x);
	tunnel = json_object_get(o, "tunnel");
	assert_int_equal(json_integer_value(json_object_get(tunnel, "up_bytes")), 517);
	assert_string_equal(member(tunnel, "sni"), "example.com");
	assert_string_equal(member(tunnel, "handling"), "relayed");
	assert_true(json_is_null(json_object_get(tunnel, "why")));
	assert_null(json_object_get(o, "client_tls_version"));
	json_decref(o);
}

/* Of a flow inside a tunnel: through which, and the TLS of both sides. */
static void test_json_of_tls(void **state)
{
	struct flow_fixture f;
	json_t *o, *first, *second, *identity;

	(void)state;
	fixture_init(&f, 1);
	f.x.parent_id = 17;
	f.x.client_tls = &f.client_leg;
	f.identity.unverified = "certificate has expired";
	f.identity.pin = "none";
	o = parse_line(&f.x);
	assert_int_equal(json_integer_value(json_object_get(o, "parent_id")), 17);
	assert_string_equal(member(o, "client_tls_version"), "TLSv1.2");
	assert_string_equal(member(o, "client_tls_server_name"), "example.com");
	assert_true(json_is_null(json_object_get(o, "client_tls_alpn")));
	assert_true(json_is_false(json_object_get(o, "client_tls_resumed")));
	first = json_array_get(json_object_get(o, "chain"), 0);
	second = json_array_get(json_object_get(o, "chain"), 1);
	assert_null(json_object_get(first, "tls_version"));
	assert_null(json_object_get(first, "identity"));
	assert_string_equal(member(second, "tls_version"), "TLSv1.3");
	assert_string_equal(member(second, "tls_cipher"), "TLS_AES_128_GCM_SHA256");
	assert_true(json_is_true(json_object_get(second, "tls_resumed")));
	assert_true(json_is_null(json_object_get(second, "tls_pin")));
	assert_string_equal(member(second, "tls_staple"), "good");
	assert_string_equal(member(second, "tls_unverified"), "certificate has expired");
	identity = json_object_get(second, "identity");
	assert_string_equal(member(identity, "issuer"), "CN=Issuer One");
	assert_int_equal(json_integer_value(json_object_get(identity, "not_after_s")), 1707700000);
	json_decref(o);
	fixture_opened(&f);
	f.x.tunnel.why = "intercept is all";
	o = parse_line(&f.x);
	assert_string_equal(member(json_object_get(o, "tunnel"), "handling"), "opened");
	assert_string_equal(member(json_object_get(o, "tunnel"), "why"), "intercept is all");
	json_decref(o);
}

/* Cookies, credentials and the like stand in no line. */
static void test_no_secrets(void **state)
{
	struct flow_fixture f;
	struct text t = {NULL, 0, 0};

	(void)state;
	fixture_init(&f, 1);
	f.request_fields[2] = (struct field){STR("Authorization"), STR("Basic c2VjcmV0")};
	f.request_fields[3] = (struct field){STR("Referer"), STR("http://bob:hunter2@example.com/?token=hunter2#x")};
	f.x.url = STR("http://bob:hunter2@example.com/a?password=hunter2&b=c");
	f.hops[0].url = f.x.final_url = f.x.url;
	access_log_json(&t, &f.x);
	access_log_combined(&t, &f.x);
	text_byte(&t, '\0');
	assert_null(strstr(t.p, "c2VjcmV0"));
	assert_null(strstr(t.p, "secret="));
	assert_null(strstr(t.p, "hunter2"));
	assert_non_null(strstr(t.p, "http://***@example.com/a?password=***&b=c"));
	assert_non_null(strstr(t.p, "http://***@example.com/?token=***#x"));
	text_fini(&t);
}

static void test_combined(void **state)
{
	struct flow_fixture f;
	struct text t = {NULL, 0, 0};

	(void)state;
	setenv("TZ", "UTC", 1);
	fixture_init(&f, 1);
	f.x.user = STR("al ice\n");
	access_log_combined(&t, &f.x);
	text_byte(&t, '\0');
	assert_string_equal(t.p,
		"192.0.2.7 - al_ice\\x0a [14/Nov/2023:22:13:20 +0000] \"GET http://example.com/a?b=c HTTP/1.1\""
		" 200 1234 \"-\" \"test \\x22quoted\\x22\"\n");
	text_fini(&t);
}

/* A line cannot be forged by what a client sends. */
static void test_combined_is_one_line(void **state)
{
	struct flow_fixture f;
	struct text t = {NULL, 0, 0};

	(void)state;
	fixture_init(&f, 1);
	f.x.url = STR("http://a/\" 200 1\r\n1.2.3.4 - - \x1b]0;title\x07");
	f.request_fields[1].value = f.x.url;
	access_log_combined(&t, &f.x);
	assert_int_equal(str_find(text_str(&t), '\n'), t.len - 1);
	for (size_t i = 0; i + 1 < t.len; i++)
		assert_true(t.p[i] >= 0x20 && t.p[i] < 0x7f);
	text_fini(&t);
}

static void assert_masked(const char *url, const char *expected)
{
	struct text t = {NULL, 0, 0};

	mask_url(&t, str_of(url));
	text_byte(&t, '\0');
	assert_string_equal(t.p, expected);
	text_fini(&t);
}

static void test_mask(void **state)
{
	(void)state;
	assert_masked("", "");
	assert_masked("http://a/b?c=d", "http://a/b?c=d");
	assert_masked("http://u@h@a/b", "http://***@a/b");
	assert_masked("http://a/b@c", "http://a/b@c");
	assert_masked("http://a?x@y", "http://a?x@y");
	assert_masked("u:p@host:443", "***@host:443");
	assert_masked("host:443", "host:443");
	assert_masked("/p?TOKEN=x&a=1&sig=y&sig=", "/p?TOKEN=***&a=1&sig=***&sig=***");
	assert_masked("/p?token&tokens=1", "/p?token&tokens=1");
	assert_masked("?", "?");
	assert_masked("://@?key=v#?key=w", "://***@?key=***#?key=***");
	assert_masked("/p?token=x&u=http://h/", "/p?token=***&u=http://h/");
	assert_masked("http://h#access_token=x&a=1", "http://h#access_token=***&a=1");
	assert_masked("//u:p@h/?%74oken=x;y&user[password]=z", "//***@h/?%74oken=***&user[password]=***");
}

static void put_line(struct sink *s, const char *line)
{
	struct text *t = sink_line(s);

	if (t)
		text_put(t, str_of(line));
}

static void test_appends(void **state)
{
	char path[] = "/tmp/viaduct-log-XXXXXX";
	int fd = mkstemp(path);
	struct sink s;
	struct stat st;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "old\n", 4), 4);
	access_log_open(&s, path);
	put_line(&s, "new\n");
	sink_flush(&s);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, 8);
	sink_fini(&s);
	close(fd);
	unlink(path);
}

static void test_cannot_be_opened(void **state)
{
	struct sink s;

	(void)state;
	access_log_open(&s, "/proc/no/such/log");
	assert_null(sink_line(&s));
	sink_fini(&s);
	access_log_open(&s, "");
	assert_null(sink_line(&s));
	sink_fini(&s);
}

/* /dev/full says ENOSPC to every write: lines are kept up to the bound, then counted; nothing waits. */
static void test_disk_full(void **state)
{
	char line[1001];
	struct sink s;

	(void)state;
	memset(line, 'x', sizeof(line) - 2);
	line[999] = '\n';
	line[1000] = '\0';
	access_log_open(&s, "/dev/full");
	for (int i = 0; i < 3000; i++) {
		put_line(&s, line);
		sink_flush(&s);
	}
	assert_true(s.is_failing);
	assert_true(s.text.len <= SINK_MAX_BYTES + 1000);
	assert_true(s.lost_lines > 1000);
	sink_fini(&s);
}

/* A pipe that nobody reads does not hold the writer; once read, whole lines come out. */
static void test_stalled_pipe(void **state)
{
	char bytes[65536];
	size_t got = 0;
	struct sink s;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	sink_init(&s, fds[1], "pipe");
	for (int i = 0; i < 30000; i++) {
		put_line(&s, "0123456789\n");
		if (i % 1000 == 0)
			sink_flush(&s);
	}
	while (got < 30000U * 11) {
		ssize_t n;

		sink_flush(&s);
		n = read(fds[0], bytes, sizeof(bytes));
		assert_true(n > 0);
		assert_int_equal(bytes[0], "0123456789\n"[got % 11]);
		got += (size_t)n;
	}
	assert_int_equal(s.text.len, 0);
	assert_int_equal(s.lost_lines, 0);
	sink_fini(&s);
	close(fds[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_json_of_chain),
		cmocka_unit_test(test_json_of_nothing),
		cmocka_unit_test(test_json_of_tunnel),
		cmocka_unit_test(test_json_of_tls),
		cmocka_unit_test(test_no_secrets),
		cmocka_unit_test(test_combined),
		cmocka_unit_test(test_combined_is_one_line),
		cmocka_unit_test(test_mask),
		cmocka_unit_test(test_appends),
		cmocka_unit_test(test_cannot_be_opened),
		cmocka_unit_test(test_disk_full),
		cmocka_unit_test(test_stalled_pipe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
