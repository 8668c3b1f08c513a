/* Addresses and networks as values. */
#include "net/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct address parsed(const char *text, uint16_t port)
{
	struct address a;

	assert_true(address_parse(str_of(text), port, &a));
	return a;
}

static void test_parse_and_format(void **state)
{
	static const char *const bad[] = {"", "127.1", "127.0.0.1 ", "0x7f.0.0.1", "1.2.3.4.5", "256.0.0.1", "[::1]", "::1%lo",
		"::g", "localhost", "01.2.3.4", "1111:2222:3333:4444:5555:6666:7777:8888:9999"};
	char text[ADDRESS_TEXT_BYTES];
	struct address a = parsed("192.0.2.7", 80);

	(void)state;
	assert_string_equal(address_format(&a, text), "192.0.2.7:80");
	assert_string_equal(address_format_host(&a, text), "192.0.2.7");
	a = parsed("2001:db8::1", 443);
	assert_string_equal(address_format(&a, text), "[2001:db8::1]:443");
	assert_string_equal(address_format_host(&a, text), "2001:db8::1");
	assert_int_equal(address_port(&a), 443);
	address_set_port(&a, 8443);
	assert_int_equal(address_port(&a), 8443);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(address_parse(str_of(bad[i]), 1, &a));
	assert_false(address_parse((struct str){"1.2.3.4\0x", 9}, 1, &a));
	a = (struct address){.len = 0};
	assert_string_equal(address_format(&a, text), "");
	assert_int_equal(address_port(&a), 0);
}

static void test_listen(void **state)
{
	static const struct {
		const char *text, *want; /* NULL: refused */
	} cases[] = {
		{"127.0.0.1:8080", "127.0.0.1:8080"},
		{"[::1]:0", "[::1]:0"},
		{"*:80", "0.0.0.0:80"},
		{":80", "0.0.0.0:80"},
		{"[::]:80", "[::]:80"},
		{"", NULL},
		{"80", NULL},
		{"127.0.0.1", NULL},
		{"127.0.0.1:", NULL},
		{"127.0.0.1:65536", NULL},
		{"::1:80", NULL},
		{"[127.0.0.1]:80", NULL},
		{"[]:80", NULL},
		{"[::1]", NULL},
		{"localhost:80", NULL},
		{"127.0.0.1:+8", NULL},
		{"[*]:80", NULL},
	};
	char text[ADDRESS_TEXT_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct address a;
		bool is_good = address_parse_listen(str_of(cases[i].text), &a);

		assert_int_equal(is_good, cases[i].want != NULL);
		if (is_good)
			assert_string_equal(address_format(&a, text), cases[i].want);
	}
}

static void test_kinds(void **state)
{
	static const char *const loopback[] = {"127.0.0.1", "127.255.1.2", "::1", "::ffff:127.0.0.1"};
	static const char *const other[] = {"128.0.0.1", "::2", "::ffff:128.0.0.1", "0.0.0.0", "::"};

	(void)state;
	for (size_t i = 0; i < sizeof(loopback) / sizeof(loopback[0]); i++) {
		struct address a = parsed(loopback[i], 1);

		assert_true(address_is_loopback(&a));
		assert_false(address_is_unspecified(&a));
	}
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
		struct address a = parsed(other[i], 1);

		assert_false(address_is_loopback(&a));
		assert_int_equal(address_is_unspecified(&a), i >= 3);
	}
}

static void test_equal(void **state)
{
	struct address a = parsed("127.0.0.1", 80), b = parsed("::ffff:127.0.0.1", 80), c = parsed("127.0.0.1", 81);
	struct address none = {.len = 0};

	(void)state;
	assert_true(address_eq(&a, &b));
	assert_false(address_eq(&a, &c));
	assert_true(address_eq_host(&a, &c));
	c = parsed("127.0.0.2", 80);
	assert_false(address_eq_host(&a, &c));
	assert_false(address_eq(&a, &none));
}

static void test_network(void **state)
{
	static const struct {
		const char *network, *address;
		bool has;
	} cases[] = {
		{"10.0.0.0/8", "10.255.0.1", true},
		{"10.0.0.0/8", "11.0.0.1", false},
		{"10.0.0.0/8", "::ffff:10.0.0.1", true},
		{"0.0.0.0/0", "8.8.8.8", true},
		{"0.0.0.0/0", "::1", false},
		{"::/0", "8.8.8.8", true},
		{"::1", "::1", true},
		{"::1", "::2", false},
		{"fd00::/8", "fd12::1", true},
		{"fd00::/8", "fe00::1", false},
		{"192.168.4.0/22", "192.168.7.255", true},
		{"192.168.4.0/22", "192.168.8.0", false},
		{"127.0.0.1", "127.0.0.1", true},
		{"127.0.0.1", "127.0.0.2", false},
	};
	static const char *const bad[] = {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.1/8", "::/129", "fd01::/8", "10/8",
		"10.0.0.0/8/8", "10.0.0.0/-1", "10.0.0.0/008x"};
	struct network n;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct address a = parsed(cases[i].address, 9);

		assert_true(network_parse(str_of(cases[i].network), &n));
		assert_int_equal(network_has(&n, &a), cases[i].has);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(network_parse(str_of(bad[i]), &n));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_and_format),
		cmocka_unit_test(test_listen),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_network),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
