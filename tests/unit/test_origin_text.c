/* Parts of recorded URLs. */
#include "store/origin_text.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_str(struct str got, const char *expected)
{
	assert_int_equal(got.len, strlen(expected));
	assert_memory_equal(got.p, expected, got.len);
}

static void test_parts(void **state)
{
	static const struct {
		const char *url, *origin, *host;
	} rows[] = {
		{"https://example.com:8443/a?b#c", "https://example.com:8443", "example.com"},
		{"http://example.com/", "http://example.com", "example.com"},
		{"http://example.com", "http://example.com", "example.com"},
		{"http://example.com?q=http://x/", "http://example.com", "example.com"},
		{"http://example.com#/", "http://example.com", "example.com"},
		{"http://[2001:db8::1]:80/", "http://[2001:db8::1]:80", "2001:db8::1"},
		{"http://[::1]", "http://[::1]", "::1"},
		{"http://[::1", "http://[::1", "::1"},
		{"http://", "http://", ""},
		{"example.com:443", "", ""},
		{"://x/", "", ""},
		{"", "", ""},
		{":", "", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_str(origin_text(str_of(rows[i].url)), rows[i].origin);
		assert_str(origin_text_host(str_of(rows[i].url)), rows[i].host);
	}
	assert_str(origin_text_host(STR_NONE), "");
}

/* Where a hop leads, also that of a CONNECT. */
static void test_place(void **state)
{
	static const struct {
		const char *url, *host;
		uint16_t port;
	} rows[] = {
		{"https://example.com/a", "example.com", 443},
		{"http://example.com", "example.com", 80},
		{"https://example.com:8443/a:9", "example.com", 8443},
		{"https://[2001:db8::1]/", "2001:db8::1", 443},
		{"https://[2001:db8::1]:444", "2001:db8::1", 444},
		{"example.com:443", "example.com", 443},
		{"[::1]:444", "::1", 444},
		{"example.com", "example.com", 0},
		{"https://example.com:99999/", "example.com", 0},
		{"https://[::1", "::1", 443},
		{"[", "", 0},
		{"", "", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct str host;
		uint16_t port;

		origin_text_place(str_of(rows[i].url), &host, &port);
		assert_str(host, rows[i].host);
		assert_int_equal(port, rows[i].port);
	}
}

static void test_left(void **state)
{
	(void)state;
	assert_str(origin_text_left(STR("http://a/x"), STR("http://b/x")), "http://b");
	assert_str(origin_text_left(STR("http://a/x"), STR("https://a/x")), "https://a");
	assert_str(origin_text_left(STR("http://a/x"), STR("http://a:81/x")), "http://a:81");
	assert_str(origin_text_left(STR("http://a/x"), STR("http://A/y")), "");
	assert_str(origin_text_left(STR("http://a/x"), STR_NONE), "");
	assert_str(origin_text_left(STR_NONE, STR("http://a/")), "http://a");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_place),
		cmocka_unit_test(test_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
