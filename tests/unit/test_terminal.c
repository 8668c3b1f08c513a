/* The line of a flow in the terminal, and the formats that people read. */
#include "flow_fixture.h"
#include "store/format.h"
#include "store/terminal.h"

#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_line(const struct exchange_facts *x, bool has_colour, const char *expected)
{
	struct text t = {NULL, 0, 0};

	terminal_line(&t, x, has_colour);
	text_byte(&t, '\0');
	assert_string_equal(t.p, expected);
	text_fini(&t);
}

static void test_lines(void **state)
{
	struct flow_fixture f;

	(void)state;
	fixture_init(&f, 1);
	assert_line(&f.x, false,
		"22:13:20 GET http://example.com/a?b=c 200  1.2 kB  6.0 ms  2 hops -> https://other.example\n");
	assert_line(&f.x, true,
		"22:13:20 GET http://example.com/a?b=c \x1b[32m200\x1b[0m  1.2 kB  6.0 ms  2 hops -> https://other.example\n");
	f.x.hops_n = 1;
	f.x.outcome = OUTCOME_CANCELLED;
	f.x.error = ERR_cancelled;
	assert_line(&f.x, false, "22:13:20 GET http://example.com/a?b=c 200  1.2 kB  6.0 ms  cancelled\n");
	f.x.outcome = OUTCOME_FAILED;
	f.x.error = ERR_connect_refused;
	f.x.response = NULL;
	assert_line(&f.x, false, "22:13:20 GET http://example.com/a?b=c ---  1.2 kB  6.0 ms  connect_refused\n");
}

static void test_tunnel(void **state)
{
	struct flow_fixture f;

	(void)state;
	fixture_init(&f, 1);
	fixture_tunnel(&f);
	f.x.duration_us = 61000000;
	assert_line(&f.x, false, "22:13:20 CONNECT example.com:443 200  100 kB  61 s\n");
}

/* What was opened is said, and dim; what was passed or refused stands out. */
static void test_handling(void **state)
{
	struct flow_fixture f;

	(void)state;
	fixture_init(&f, 1);
	fixture_opened(&f);
	assert_line(&f.x, false, "22:13:20 CONNECT example.com:443 200  100 kB  6.0 ms  opened\n");
	assert_line(&f.x, true, "\x1b[2m22:13:20 CONNECT example.com:443 200  100 kB  6.0 ms  opened\x1b[0m\n");
	f.x.tunnel.handling = TUNNEL_PASSED;
	f.x.tunnel.why = "the client refused our certificate\n";
	assert_line(&f.x, false,
		"22:13:20 CONNECT example.com:443 200  100 kB  6.0 ms  passed: the client refused our certificate\\x0a\n");
	assert_line(&f.x, true,
		"22:13:20 CONNECT example.com:443 \x1b[32m200\x1b[0m  100 kB  6.0 ms  "
		"\x1b[33mpassed: the client refused our certificate\\x0a\x1b[0m\n");
	fixture_opened(&f);
	f.x.outcome = OUTCOME_FAILED;
	f.x.error = ERR_client_tls_refused;
	f.x.detail = "alert: unknown ca";
	f.x.tunnel.why = NULL;
	assert_line(&f.x, false,
		"22:13:20 CONNECT example.com:443 200  100 kB  6.0 ms  client_tls_refused (alert: unknown ca): "
		"the client pins the certificate of the origin, or does not trust the CA\n");
	assert_line(&f.x, true,
		"22:13:20 CONNECT example.com:443 \x1b[32m200\x1b[0m  100 kB  6.0 ms  \x1b[31mclient_tls_refused (alert: "
		"unknown ca): the client pins the certificate of the origin, or does not trust the CA\x1b[0m\n");
	f.x.error = ERR_client_tls_timeout;
	f.x.detail = NULL;
	assert_line(&f.x, false,
		"22:13:20 CONNECT example.com:443 200  100 kB  6.0 ms  client_tls_timeout: "
		"the client began a TLS handshake and did not go on\n");
}

static void test_chain(void **state)
{
	struct flow_fixture f;

	(void)state;
	fixture_init(&f, 1);
	f.x.hops_n = 4;
	f.x.retries = 2;
	assert_line(&f.x, false,
		"22:13:20 GET http://example.com/a?b=c 200  1.2 kB  6.0 ms  4 hops -> https://other.example, 2 retries\n");
	f.x.retries = 1;
	f.x.final_url = STR("http://EXAMPLE.com/b");
	assert_line(&f.x, false, "22:13:20 GET http://example.com/a?b=c 200  1.2 kB  6.0 ms  4 hops 1 retry\n");
	f.x.retries = 0;
	assert_line(&f.x, false, "22:13:20 GET http://example.com/a?b=c 200  1.2 kB  6.0 ms  4 hops\n");
	f.x.final_url = STR_NONE;
	assert_line(&f.x, false, "22:13:20 GET http://example.com/a?b=c 200  1.2 kB  6.0 ms  4 hops\n");
}

/* Nothing of a request was understood. */
static void test_nothing(void **state)
{
	struct exchange_facts x = {.outcome = OUTCOME_FAILED, .error = ERR_bad_request};

	(void)state;
	assert_line(&x, false, "00:00:00 - - ---  0 B  0.0 ms  bad_request\n");
}

static void test_hostile(void **state)
{
	struct flow_fixture f;
	struct text t = {NULL, 0, 0};
	char url[300];

	(void)state;
	fixture_init(&f, 1);
	memset(url, 0x1b, sizeof(url));
	f.x.url = (struct str){url, sizeof(url)};
	memcpy(url, "http://", 7);
	f.x.final_url = (struct str){url, sizeof(url)};
	f.request.method_name = STR("\x1b]0;x\x07\r\n\xc2\x9b");
	terminal_line(&t, &f.x, false);
	for (size_t i = 0; i + 1 < t.len; i++)
		assert_true(t.p[i] >= 0x20 && t.p[i] < 0x7f);
	assert_true(t.len < 300);
	text_fini(&t);
}

static void assert_url(const char *url, size_t width, const char *expected)
{
	struct text t = {NULL, 0, 0};

	terminal_url(&t, str_of(url), width);
	text_byte(&t, '\0');
	assert_string_equal(t.p, expected);
	text_fini(&t);
}

static void test_url(void **state)
{
	(void)state;
	assert_url("0123456789", 10, "0123456789");
	assert_url("0123456789a", 10, "0123456...");
	assert_url("\x01\x02\x03", 12, "\\x01\\x02\\x03");
	assert_url("\x01\x02\x03\x04", 12, "\\x01\\x02\\...");
}

static void assert_text(struct text *t, const char *expected)
{
	text_byte(t, '\0');
	assert_string_equal(t->p, expected);
	text_clear(t);
}

static void test_formats(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} sizes[] = {{0, "0 B"}, {999, "999 B"}, {1000, "1.0 kB"}, {9999, "9.9 kB"}, {10000, "10 kB"}, {999999, "999 kB"},
		{1000000, "1.0 MB"}, {UINT64_MAX, "18 EB"}};
	static const struct {
		int64_t us;
		const char *text;
	} times[] = {{-1, "-"}, {0, "0.0 ms"}, {450, "0.4 ms"}, {34567, "34 ms"}, {1234567, "1.2 s"}, {59000000, "59 s"},
		{600000000, "10 min"}};
	struct text t = {NULL, 0, 0};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		format_bytes(&t, sizes[i].bytes);
		assert_text(&t, sizes[i].text);
	}
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		format_duration(&t, times[i].us);
		assert_text(&t, times[i].text);
	}
	format_time_utc(&t, 1700000000000123);
	assert_text(&t, "2023-11-14T22:13:20.000123Z");
	format_time_local(&t, 1700000000000123, TIME_LONG);
	assert_text(&t, "2023-11-14 22:13:20");
	text_printf(&t, "%0300d", 7);
	assert_int_equal(t.len, 300);
	text_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_tunnel),
		cmocka_unit_test(test_handling),
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_url),
		cmocka_unit_test(test_formats),
	};

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
