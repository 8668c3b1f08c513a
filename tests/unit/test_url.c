/* Authorities and targets: what is taken, and what is refused. Locations: test_url_resolve.c and test_url_whatwg.c. */
#include "http/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define assert_text(s, expected)                                                                                               \
	do {                                                                                                                   \
		assert_int_equal((s).len, strlen(expected));                                                                   \
		assert_memory_equal((s).p, expected, (s).len);                                                                 \
	} while (0)

static void authorities_are_taken(void **state)
{
	static const struct {
		const char *text, *host;
		enum host_kind kind;
		uint16_t port;
	} cases[] = {
		{"Example.COM", "example.com", HOST_NAME, 80},
		{"example.com:8080", "example.com", HOST_NAME, 8080},
		{"example.com:", "example.com", HOST_NAME, 80},
		{"example.com.", "example.com", HOST_NAME, 80},
		{"a_b-c.d1", "a_b-c.d1", HOST_NAME, 80},
		{"127.0.0.1:1", "127.0.0.1", HOST_IPV4, 1},
		{"[::1]:443", "::1", HOST_IPV6, 443},
		{"[2001:DB8:0:0::1]", "2001:db8::1", HOST_IPV6, 80},
		{"[::ffff:1.2.3.4]", "::ffff:1.2.3.4", HOST_IPV6, 80},
		{"h:65535", "h", HOST_NAME, 65535},
		{"1.example", "1.example", HOST_NAME, 80},
		{"0x7f.example", "0x7f.example", HOST_NAME, 80},
	};
	struct arena *a = arena_new(1 << 16);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct authority got;

		assert_int_equal(authority_parse(a, str_of(cases[i].text), 80, &got), ERR_none);
		assert_text(got.host, cases[i].host);
		assert_int_equal(got.kind, cases[i].kind);
		assert_int_equal(got.port, cases[i].port);
		assert_true(host_field_is_valid(str_of(cases[i].text)));
	}
	arena_free(a);
}

static void authorities_are_refused(void **state)
{
	static const char *const cases[] = {"", ":80", "u@h", "u:p@h:80", "h:0", "h:65536", "h:99999", "h:8x", "h:+1", "h:-1",
		"h: 1", "h:000080", "h:1:2", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "1.2.3.256",
		"1.2.3.4.5", "a.0x1f", "a.0x", "a.1", "[::1", "::1", "[::1]x", "[fe80::1%eth0]", "[fe80::1%25eth0]", "[v1.x]",
		"[]", "[1.2.3.4]", "a..b", ".a", "a..", ".", "a b", "a%41", "a\\b", "a/b", "a,b", "b\303\274cher", "a!b"};
	struct arena *a = arena_new(1 << 16);
	char label[65], name[260];
	struct authority got;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (authority_parse(a, str_of(cases[i]), 80, &got) != ERR_bad_target)
			fail_msg("taken: %s", cases[i]);
		assert_false(host_field_is_valid(str_of(cases[i])));
	}
	memset(label, 'a', sizeof(label));
	assert_int_equal(authority_parse(a, (struct str){label, 63}, 80, &got), ERR_none);
	assert_int_equal(authority_parse(a, (struct str){label, 64}, 80, &got), ERR_bad_target);
	for (size_t i = 0; i < sizeof(name); i++)
		name[i] = i % 10 == 9 ? '.' : 'a';
	assert_int_equal(authority_parse(a, (struct str){name, 253}, 80, &got), ERR_none);
	assert_int_equal(authority_parse(a, (struct str){name, 254}, 80, &got), ERR_bad_target);
	/* CONNECT needs a port */
	assert_int_equal(authority_parse(a, STR("h"), 0, &got), ERR_bad_target);
	assert_int_equal(authority_parse(a, STR("h:"), 0, &got), ERR_bad_target);
	assert_int_equal(authority_parse(a, STR("h:443"), 0, &got), ERR_none);
	arena_free(a);
}

static void targets_are_taken(void **state)
{
	static const struct {
		const char *text, *path, *host_field, *whole;
		bool is_bare;
	} cases[] = {
		{"http://h", "/", "h", "http://h/", true},
		{"HTTP://H:80/a?b", "/a?b", "h", "http://h/a?b", false},
		{"http://h?x", "/?x", "h", "http://h/?x", false},
		{"http://h:8080/", "/", "h:8080", "http://h:8080/", false},
		{"https://[::1]:443/%2f%0d", "/%2f%0d", "[::1]", "https://[::1]/%2f%0d", false},
		{"https://[::1]:80/a//b/../c", "/a//b/../c", "[::1]:80", "https://[::1]:80/a//b/../c", false},
		{"http://h/http://i/", "/http://i/", "h", "http://h/http://i/", false},
	};
	struct arena *a = arena_new(1 << 16);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct url u;

		assert_int_equal(url_parse_target(a, str_of(cases[i].text), &u), ERR_none);
		assert_text(u.path, cases[i].path);
		assert_text(url_host_field(a, &u), cases[i].host_field);
		assert_text(url_text(a, &u), cases[i].whole);
		assert_int_equal(u.is_bare, cases[i].is_bare);
	}
	arena_free(a);
}

static void targets_are_refused(void **state)
{
	static const struct {
		const char *text;
		enum error error;
	} cases[] = {
		{"", ERR_bad_target},
		{"/", ERR_bad_target},
		{"*", ERR_bad_target},
		{"h:80", ERR_bad_target},
		{"http:h", ERR_bad_target},
		{"http:/h", ERR_bad_target},
		{"http:///x", ERR_bad_target},
		{"http://", ERR_bad_target},
		{"http://u@h/", ERR_bad_target},
		{"http://u:p@h/", ERR_bad_target},
		{"http://h/#f", ERR_bad_target},
		{"http://h/a b", ERR_bad_target},
		{"http://h\\@i/", ERR_bad_target},
		{"http://h/\x01", ERR_bad_target},
		{"http://h/\x7f", ERR_bad_target},
		{"http://h/\xc3\xa4", ERR_bad_target},
		{"http://h:99999/", ERR_bad_target},
		{"http://h:8x/", ERR_bad_target},
		{"http://a@b@c/", ERR_bad_target},
		{"ftp://h/", ERR_scheme_unsupported},
		{"ws://h/", ERR_scheme_unsupported},
		{"1ttp://h/", ERR_bad_target},
	};
	struct arena *a = arena_new(1 << 16);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct url u;

		if (url_parse_target(a, str_of(cases[i].text), &u) != cases[i].error)
			fail_msg("%s", cases[i].text);
	}
	assert_int_equal(url_parse_target(a, (struct str){"http://h/\0x", 11}, &(struct url){0}), ERR_bad_target);
	arena_free(a);
}

static void origins_are_compared(void **state)
{
	static const struct {
		const char *a, *b;
		bool is_same;
	} cases[] = {
		{"http://h/a", "http://H:80/b", true},
		{"http://h/", "https://h/", false},
		{"http://h/", "http://h:81/", false},
		{"http://h/", "http://i/", false},
		{"http://[::1]/", "http://[0:0::1]/", true},
		{"http://h./", "http://h/", true},
	};
	struct arena *arena = arena_new(1 << 16);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct url a, b;

		assert_int_equal(url_parse_target(arena, str_of(cases[i].a), &a), ERR_none);
		assert_int_equal(url_parse_target(arena, str_of(cases[i].b), &b), ERR_none);
		assert_int_equal(url_same_origin(&a, &b), cases[i].is_same);
	}
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(authorities_are_taken),
		cmocka_unit_test(authorities_are_refused),
		cmocka_unit_test(targets_are_taken),
		cmocka_unit_test(targets_are_refused),
		cmocka_unit_test(origins_are_compared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
