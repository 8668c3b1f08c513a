/* How viaduct show looks: the flow, its chain at a glance, each hop; and that no byte from outside reaches the terminal as
 * it is. */
#include "cli/cli_show.h"

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct show_style plain = {false};

static void assert_text(struct text *t, const char *expected)
{
	text_byte(t, '\0');
	assert_string_equal(t->p, expected);
	text_fini(t);
}

static struct flow_view flow_of_three(void)
{
	return (struct flow_view){.id = 17,
		.client_id = 7,
		.client_request = 2,
		.client = STR("192.0.2.7:5555"),
		.listener = STR("127.0.0.1:8080"),
		.started_us = 1700000000000000,
		.ended_us = 1700000000516000,
		.duration_us = 516000,
		.method = STR("GET"),
		.url = STR("http://example.com/a"),
		.port = 80,
		.status = 200,
		.outcome = STR("delivered"),
		.request_head_bytes = 100,
		.response_head_bytes = 140,
		.response_body_bytes = 1234,
		.hops = 3,
		.redirects = 1,
		.retries = 1,
		.final_url = STR("https://other.example/x"),
		.parent_id = -1,
		.client_tls = {.resumed = -1}};
}

static struct hop_view hop_of(int64_t number, const char *reason, int64_t at_us, int64_t status, const char *decision)
{
	return (struct hop_view){.number = number,
		.reason = str_of(reason),
		.url = number == 1 ? STR("http://example.com/a") : STR("https://other.example/x"),
		.status = status,
		.started_us = 1700000000000000 + at_us,
		.times_us = {-1, -1, -1, -1, -1, -1, -1},
		.identity_id = -1,
		.decision = str_of(decision)};
}

/* A flow of another program's file: nothing is known of its client. */
static void test_without_client(void **state)
{
	const struct show_around around = {.children = NULL};
	struct flow_view v = flow_of_three();
	struct text t = {NULL, 0, 0};

	(void)state;
	v.client = STR_NONE;
	v.client_id = v.client_request = 0;
	show_flow(&t, &v, &around, plain);
	text_byte(&t, '\0');
	assert_null(strstr(t.p, "  client  "));
	assert_null(strstr(t.p, "request 0"));
	assert_non_null(strstr(t.p, "  started  "));
	text_fini(&t);
}

static void test_flow(void **state)
{
	const struct drop_view drop = {STR("Alt-Svc"), STR("it is for another origin")};
	const struct show_around around = {.left_out = {&drop, 1}};
	const struct flow_view v = flow_of_three();
	struct text t = {NULL, 0, 0};

	(void)state;
	show_flow(&t, &v, &around, plain);
	assert_text(&t,
		"flow 17  GET http://example.com/a\n"
		"  outcome    200 delivered, 3 hops, 1 redirect, 1 retry\n"
		"  final URL  https://other.example/x\n"
		"  started    2023-11-14 22:13:20, took 516 ms\n"
		"  client     192.0.2.7:5555, request 2 of client 7 to 127.0.0.1:8080\n"
		"  bytes      request 100 B head, 0 B body; response 140 B head, 1.2 kB body\n"
		"  left out   Alt-Svc: it is for another origin\n");
}

/* A CONNECT that was opened, one that was passed, and a flow inside of one. */
static void test_tunnels(void **state)
{
	uint64_t children[14];
	struct show_around around = {.children = children, .children_n = 2};
	struct flow_view v = {.id = 20,
		.method = STR("CONNECT"),
		.url = STR("a.example:443"),
		.status = 200,
		.parent_id = -1,
		.outcome = STR("delivered"),
		.is_tunnel = true,
		.hops = 0};
	struct text t = {NULL, 0, 0};

	(void)state;
	for (size_t i = 0; i < 14; i++)
		children[i] = 21 + i;
	v.client_tls = (struct leg_view){STR("TLSv1.2"), STR("AES"), STR("http/1.1"), STR("a.example"), 1};
	v.tunnel = (struct tunnel_view){.up_bytes = 10, .down_bytes = 20, .handling = STR("opened")};
	show_flow(&t, &v, &around, plain);
	text_byte(&t, '\0');
	assert_non_null(strstr(t.p, "  client TLS TLSv1.2 AES, ALPN http/1.1, server name a.example, resumed\n"));
	assert_non_null(strstr(t.p,
		"  tunnel     opened\n"
		"  carried    10 B from the client, 20 B to the client\n"
		"  inside     2 flows: 21, 22\n"));
	text_clear(&t);
	around.children_n = 14;
	v.tunnel.handling = STR("passed");
	v.tunnel.why = STR("the client refused our certificate");
	v.parent_id = 19;
	v.client_tls = (struct leg_view){.resumed = -1};
	show_flow(&t, &v, &around, plain);
	text_byte(&t, '\0');
	assert_non_null(strstr(t.p, "  tunnel     passed: the client refused our certificate\n"));
	assert_non_null(strstr(t.p, "  inside     14 flows: 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, ... 34\n"));
	assert_non_null(strstr(t.p, "  inside of  flow 19, a CONNECT that was opened\n"));
	assert_null(strstr(t.p, "client TLS"));
	text_fini(&t);
}

/* Who the origin was, what was checked, and that its issuer is a new one. */
static void test_origin(void **state)
{
	const struct identity_view identity = {.subject = STR("CN=a"),
		.issuer = STR("CN=Two"),
		.chain = STR("CN=a; CN=Two"),
		.certificate_sha256 = STR("c0ffee"),
		.spki_sha256 = STR("a2V5"),
		.not_before_s = 1699000000,
		.not_after_s = 1700000000 + 86400};
	const struct change_view change = {
		.at_us = 1700000000000000, .what = STR("issuer"), .before = STR("CN=One"), .times = 3};
	struct hop_view v = hop_of(1, "first", 5000, 200, NULL);
	struct text t = {NULL, 0, 0};

	(void)state;
	show_origin(&t, &v, plain);
	assert_int_equal(t.len, 0);
	v.tls_version = STR("TLSv1.3");
	v.tls_cipher = STR("AES");
	v.tls_alpn = STR("http/1.1");
	v.tls_server_name = STR("a.example");
	v.tls_resumed = true;
	v.tls_pin = STR("matched");
	v.tls_staple = STR("good");
	v.tls_unverified = STR("certificate has expired");
	v.identity = &identity;
	v.identity_change = &change;
	show_origin(&t, &v, plain);
	assert_text(&t,
		"  TLS        TLSv1.3 AES, ALPN http/1.1, server name a.example, resumed\n"
		"  subject    CN=a\n"
		"  issuer     CN=Two\n"
		"  chain      CN=a; CN=Two\n"
		"  SHA-256    c0ffee\n"
		"  key        sha256/a2V5\n"
		"  valid      2023-11-03 to 2023-11-15, 1 day left\n"
		"  changed    the issuer; before it was CN=One (3 times since 2023-11-14 22:13:20)\n"
		"  pin        matched\n"
		"  staple     good\n"
		"  check      not verified: certificate has expired\n");
	v = hop_of(1, "first", 5000, -1, NULL);
	v.identity = &identity;
	v.started_us = (identity.not_after_s + 1) * 1000000;
	t = (struct text){NULL, 0, 0};
	show_origin(&t, &v, plain);
	text_byte(&t, '\0');
	assert_non_null(strstr(t.p, "  valid      2023-11-03 to 2023-11-15, expired\n"));
	assert_null(strstr(t.p, "  TLS  "));
	text_fini(&t);
}

static void test_chain(void **state)
{
	const struct hop_view hops[] = {
		hop_of(1, "first", 100, 302, "followed: 302"),
		hop_of(2, "redirect", 5000, 503, "retried: 503, after 0.5 s"),
		hop_of(3, "retry", 510000, 200, NULL),
	};
	struct text t = {NULL, 0, 0};

	(void)state;
	show_chain_title(&t, plain);
	for (size_t i = 0; i < 3; i++)
		show_link(&t, &hops[i], 1700000000000000, plain);
	assert_text(&t,
		"\n  chain\n"
		"    1  first     +0.1 ms   302  http://example.com/a\n"
		"                                followed: 302\n"
		"    2  redirect  +5.0 ms   503  https://other.example/x\n"
		"                                retried: 503, after 0.5 s\n"
		"    3  retry     +510 ms   200  https://other.example/x\n");
}

static void test_hop(void **state)
{
	const struct drop_view drops[] = {{STR("Cookie"), STR("the host changed")}, {STR("X-Old"), STR_NONE}};
	const struct cookie_view cookies[] = {{STR("sid"), STR("kept for the chain"), STR("given to the client")},
		{STR_NONE, STR("refused: it is malformed"), STR_NONE}};
	struct hop_view v = hop_of(2, "redirect", 5000, 302, "followed: 302");
	struct text t = {NULL, 0, 0};

	(void)state;
	v.peer = STR("192.0.2.80:443");
	v.peer_class = STR("private");
	v.tls_version = STR("TLSv1.3");
	v.tls_cipher = STR("TLS_AES_128_GCM_SHA256");
	v.delay_us = 500000;
	v.times_us[0] = 1500;
	v.times_us[6] = 20;
	v.cookies_added = STR("lang");
	v.drops = (struct drop_rows){drops, 2};
	v.cookies = (struct cookie_rows){cookies, 2};
	show_hop(&t, &v, 1700000000000000, plain);
	assert_text(&t,
		"\nhop 2 (redirect) at +5.0 ms  https://other.example/x\n"
		"  to         192.0.2.80:443 (private), on a new connection\n"
		"  TLS        TLSv1.3 TLS_AES_128_GCM_SHA256\n"
		"  dropped    Cookie: the host changed\n"
		"             X-Old\n"
		"  added      cookies of the chain: lang\n"
		"  answer     302\n"
		"  cookies    sid: kept for the chain; given to the client\n"
		"             (no name): refused: it is malformed\n"
		"  decision   followed: 302\n"
		"  times      back-off 500.000 ms, queue 1.500 ms, receive 0.020 ms\n"
		"  bytes      request 0 B head, 0 B body; response 0 B head, 0 B body\n");
}

/* A hop that brought nothing. */
static void test_failed_hop(void **state)
{
	struct hop_view v = hop_of(1, "first", 0, -1, NULL);
	struct text t = {NULL, 0, 0};

	(void)state;
	v.error = STR("connect_refused");
	v.detail = STR("127.0.0.1:1");
	show_link(&t, &v, 1700000000000000, plain);
	assert_text(&t,
		"    1  first     +0.0 ms   ---  http://example.com/a\n"
		"                                connect_refused\n");
	v.decision = STR("not retried: retry.limit is reached");
	show_link(&t, &v, 1700000000000000, plain);
	assert_text(&t,
		"    1  first     +0.0 ms   ---  http://example.com/a\n"
		"                                connect_refused; not retried: retry.limit is reached\n");
	v.decision = STR("retried: connect_refused, after 500 ms");
	show_link(&t, &v, 1700000000000000, plain);
	assert_text(&t,
		"    1  first     +0.0 ms   ---  http://example.com/a\n"
		"                                retried: connect_refused, after 500 ms\n");
	v.decision = STR_NONE;
	show_hop(&t, &v, 1700000000000000, plain);
	assert_text(&t,
		"\nhop 1 (first) at +0.0 ms  http://example.com/a\n"
		"  answer     failed: connect_refused (127.0.0.1:1)\n"
		"  times      none\n"
		"  bytes      request 0 B head, 0 B body; response 0 B head, 0 B body\n");
}

static void test_hostile(void **state)
{
	const struct str bad = STR("\x1b]0;x\x07\r\n\xc2\x9b\xff");
	const struct drop_view drop = {bad, bad};
	const struct cookie_view cookie = {bad, bad, bad};
	const struct show_around around = {.left_out = {&drop, 1}};
	const struct identity_view identity = {
		.subject = bad, .issuer = bad, .chain = bad, .certificate_sha256 = bad, .spki_sha256 = bad};
	const struct change_view change = {.what = bad, .before = bad, .after = bad};
	struct flow_view flow = flow_of_three();
	struct hop_view v = hop_of(1, "first", 0, 200, NULL);
	struct text t = {NULL, 0, 0};

	(void)state;
	flow.url = flow.final_url = flow.method = bad;
	flow.is_tunnel = true;
	flow.tunnel = (struct tunnel_view){.sni = bad, .alpn = bad, .handling = bad, .why = bad};
	flow.client_tls = (struct leg_view){bad, bad, bad, bad, 1};
	v.tls_version = v.tls_cipher = v.tls_alpn = v.tls_server_name = v.tls_pin = v.tls_staple = v.tls_unverified = bad;
	v.identity = &identity;
	v.identity_change = &change;
	v.url = v.peer = v.peer_class = v.cookies_added = v.decision = v.reason = bad;
	v.drops = (struct drop_rows){&drop, 1};
	v.cookies = (struct cookie_rows){&cookie, 1};
	show_flow(&t, &flow, &around, plain);
	show_link(&t, &v, 0, plain);
	show_hop(&t, &v, 0, plain);
	for (size_t i = 0; i < t.len; i++)
		assert_true(t.p[i] == '\n' || (t.p[i] >= 0x20 && t.p[i] < 0x7f));
	text_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flow),
		cmocka_unit_test(test_without_client),
		cmocka_unit_test(test_tunnels),
		cmocka_unit_test(test_origin),
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_hop),
		cmocka_unit_test(test_failed_hop),
		cmocka_unit_test(test_hostile),
	};

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
