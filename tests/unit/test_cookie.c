/* Set-Cookie lines, what their cookies belong to, and public suffixes. Many of the facts are those of the http-state project's
 * and the web platform's tests; where the two differ, 6265bis and with it the second holds. */
#include "http/cookie.h"
#include "http/public_suffix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW INT64_C(1750000000)
#define HOME "http://home.example.org:8888/dir/page"

static struct url url_of(struct arena *a, const char *text)
{
	struct url u;

	if (url_parse_target(a, str_of(text), &u) != ERR_none)
		fail_msg("no URL: %s", text);
	return u;
}

static bool is_text(struct str s, const char *expected)
{
	return str_eq(s, str_of(expected));
}

static void names_and_values(void **state)
{
	static const struct {
		const char *line, *name, *value; /* name NULL: refused as malformed */
	} cases[] = {
		{"foo=bar", "foo", "bar"},
		{"foo=bar    ;", "foo", "bar"},
		{"   foo=  bar", "foo", "bar"},
		{"\tfoo\t=\tbar\t \t;\tttt", "foo", "bar"},
		{"foo=\"bar;baz\"", "foo", "\"bar"},
		{"foo=\"  bar \"", "foo", "\"  bar \""},
		{"foo=\"bar=baz\"", "foo", "\"bar=baz\""},
		{"  A=== BC  ;foo;;;   bar", "A", "== BC"},
		{"aBc=\"zzz \"   \"ppp\"  ;", "aBc", "\"zzz \"   \"ppp\""},
		{"ABC=;  path = /", "ABC", ""},
		{"z=y, a=b", "z", "y, a=b"},
		{"\"a=b\"=bar", "\"a", "b\"=bar"},
		{"$Version=1; foo=bar", "$Version", "1"},
		{"foo bar=baz", "foo bar", "baz"},
		{"\346\230\245=\350\212\202", "\346\230\245", "\350\212\202"},
		{"foo", "", "foo"}, /* without "=" it is a value */
		{"=ABC", "", "ABC"},
		{"=a=bar", "", "a=bar"},
		{"foo;bar=baz", "", "foo"},
		{"a\tb=c\td", "a\tb", "c\td"},
		{"", NULL, NULL},
		{"   ", NULL, NULL},
		{"\t", NULL, NULL},
		{"=", NULL, NULL},
		{" = ; x", NULL, NULL},
		{"; bar", NULL, NULL},
		{"a=b\r\nc=d", NULL, NULL},
		{"a=b\nSet-Cookie: c=d", NULL, NULL},
		{"a=b\rZ", NULL, NULL},
		{"a\x01=b", NULL, NULL},
		{"a=b\x7f", NULL, NULL},
		{"a=b; Path=/\x1f", NULL, NULL},
	};
	struct arena *a = arena_new(1 << 16);
	struct url from = url_of(a, HOME);
	struct cookie c;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		enum cookie_refusal r = cookie_parse(a, str_of(cases[i].line), &from, NOW, &c);

		if (r != (cases[i].name ? COOKIE_OK : COOKIE_MALFORMED))
			fail_msg("%s: %s", cases[i].line, cookie_refusal_name(r));
		if (cases[i].name && (!is_text(c.name, cases[i].name) || !is_text(c.value, cases[i].value)))
			fail_msg("%s: %.*s, %.*s", cases[i].line, STR_ARG(c.name), STR_ARG(c.value));
	}
	assert_int_equal(cookie_parse(a, (struct str){"a=b\0c", 5}, &from, NOW, &c), COOKIE_MALFORMED);
	assert_true(is_text(c.name, "a"));
	assert_int_equal(cookie_parse(a, (struct str){"a\0=b", 4}, &from, NOW, &c), COOKIE_MALFORMED);
	assert_int_equal(c.name.len, 0);
	arena_free(a);
}

static const struct {
	const char *from, *attributes;
	const char *domain; /* NULL: refused */
	bool is_host_only;
	enum cookie_refusal refusal;
} domain_cases[] = {
	{HOME, "", "home.example.org", true, COOKIE_OK},
	{HOME, "domain=home.example.org", "home.example.org", false, COOKIE_OK},
	{HOME, "domain=.home.example.org", "home.example.org", false, COOKIE_OK},
	{HOME, "domain=  .home.example.org", "home.example.org", false, COOKIE_OK},
	{HOME, "Domain=HOME.eXaMpLe.org", "home.example.org", false, COOKIE_OK},
	{HOME, "domain=example.org", "example.org", false, COOKIE_OK},
	{HOME, "domain=", "home.example.org", true, COOKIE_OK},
	{HOME, "domain", "home.example.org", true, COOKIE_OK},
	{HOME, "domain=.", "home.example.org", true, COOKIE_OK},
	{HOME, "domain=example.org; domain=", "example.org", false, COOKIE_OK},
	{HOME, "domain=home.example.com; domain=example.org", "example.org", false, COOKIE_OK},
	{HOME, "domain=example.org; domain=home.example.com", NULL, false, COOKIE_DOMAIN},
	{HOME, "domain=foo.example.org; domain=", NULL, false, COOKIE_DOMAIN},
	{HOME, "domain=sibling.example.org", NULL, false, COOKIE_DOMAIN},
	{HOME, "domain=sub.home.example.org", NULL, false, COOKIE_DOMAIN},
	{HOME, "domain=ome.example.org", NULL, false, COOKIE_DOMAIN},
	{HOME, "domain=..home.example.org", NULL, false, COOKIE_DOMAIN},
	{HOME, "domain=home..example.org", NULL, false, COOKIE_DOMAIN},
	{HOME, "domain=.  home.example.org", NULL, false, COOKIE_DOMAIN},
	{HOME, "domain=home.example.org.", NULL, false, COOKIE_DOMAIN},
	{HOME, "domain=home.example.org:8888", NULL, false, COOKIE_DOMAIN},
	{HOME, "domain=\"home.example.org\"", NULL, false, COOKIE_DOMAIN},
	{HOME, "domain=.org", NULL, false, COOKIE_PUBLIC_SUFFIX},
	{HOME, "domain=.org.", NULL, false, COOKIE_DOMAIN},
	{HOME, "domain=com", NULL, false, COOKIE_DOMAIN},
	{"http://a.b.co.uk/", "domain=co.uk", NULL, false, COOKIE_PUBLIC_SUFFIX},
	{"http://a.b.co.uk/", "domain=b.co.uk", "b.co.uk", false, COOKIE_OK},
	{"http://me.github.io/", "domain=github.io", NULL, false, COOKIE_PUBLIC_SUFFIX},
	{"http://github.io/", "domain=github.io", "github.io", true, COOKIE_OK},
	{"http://a.unheardof/", "domain=unheardof", NULL, false, COOKIE_PUBLIC_SUFFIX},
	{"http://localhost:3000/", "domain=localhost", "localhost", true, COOKIE_OK},
	{"http://a.localhost/", "domain=localhost", NULL, false, COOKIE_PUBLIC_SUFFIX},
	{"http://h./", "domain=h", "h", true, COOKIE_OK},
	{"http://127.0.0.1/", "", "127.0.0.1", true, COOKIE_OK},
	{"http://127.0.0.1/", "domain=127.0.0.1", "127.0.0.1", true, COOKIE_OK},
	{"http://127.0.0.1/", "domain=0.0.1", NULL, false, COOKIE_DOMAIN},
	{"http://127.0.0.1/", "domain=.1", NULL, false, COOKIE_DOMAIN},
	{"http://[::1]/", "domain=[::1]", "::1", true, COOKIE_OK},
	{"http://[::1]/", "domain=1", NULL, false, COOKIE_DOMAIN},
	{"http://[::ffff:1.2.3.4]/", "domain=2.3.4", NULL, false, COOKIE_DOMAIN},
	{"http://a.xn--lve-6lad.example/", "domain=\303\251l\303\250ve.example", "xn--lve-6lad.example", false, COOKIE_OK},
	{"http://a.xn--lve-6lad.example/", "domain=\303\251l\303\250va.example", NULL, false, COOKIE_DOMAIN},
	{"http://a.xn--lve-6lad.example/", "domain=\351l\350ve.example", NULL, false, COOKIE_DOMAIN},
};

static void domains(void **state)
{
	struct arena *a = arena_new(1 << 18);

	(void)state;
	for (size_t i = 0; i < sizeof(domain_cases) / sizeof(*domain_cases); i++) {
		struct url from = url_of(a, domain_cases[i].from);
		struct cookie c;
		enum cookie_refusal r = cookie_parse(a, arena_printf(a, "a=b; %s", domain_cases[i].attributes), &from, NOW, &c);

		if (r != domain_cases[i].refusal || !is_text(c.name, "a"))
			fail_msg("%s %s: %s", domain_cases[i].from, domain_cases[i].attributes, cookie_refusal_name(r));
		if (domain_cases[i].domain &&
			(!is_text(c.domain, domain_cases[i].domain) || c.is_host_only != domain_cases[i].is_host_only))
			fail_msg("%s %s: %.*s", domain_cases[i].from, domain_cases[i].attributes, STR_ARG(c.domain));
	}
	arena_free(a);
}

static void paths(void **state)
{
	static const struct {
		const char *from, *attributes, *path;
		bool has_path;
	} cases[] = {
		{"http://h", "", "/", false},
		{"http://h/", "", "/", false},
		{"http://h/a", "", "/", false},
		{"http://h/a/", "", "/a", false},
		{"http://h/a/b?c/d", "", "/a", false},
		{"http://h/?/x/", "", "/", false},
		{"http://h//a", "", "/", false},
		{"http://h/a/b/c/d", "", "/a/b/c", false},
		{"http://h/a/b", "Path=/", "/", true},
		{"http://h/a/b", "path = /x/y ", "/x/y", true},
		{"http://h/a/b", "Path=x", "/a", false},
		{"http://h/a/b", "Path=\"/x\"", "/a", false},
		{"http://h/a/b", "Path", "/a", false},
		{"http://h/a/b", "Path=/x; Path=/y", "/y", true},
		{"http://h/a/b", "Path=/x; Path=", "/a", false},
		{"http://h/a/b", "Path=; Path=/x", "/x", true},
		{"http://h/a/b", "\tpath\t=\t/book\t", "/book", true},
	};
	struct arena *a = arena_new(1 << 16);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct url from = url_of(a, cases[i].from);
		struct cookie c;

		assert_int_equal(cookie_parse(a, arena_printf(a, "a=b; %s", cases[i].attributes), &from, NOW, &c), COOKIE_OK);
		if (!is_text(c.path, cases[i].path) || c.has_path != cases[i].has_path)
			fail_msg("%s %s: %.*s", cases[i].from, cases[i].attributes, STR_ARG(c.path));
	}
	arena_free(a);
}

static void expiry(void **state)
{
	static const struct {
		const char *attributes;
		int64_t expires_s; /* 0: none */
		bool is_expired;
	} cases[] = {
		{"", 0, false},
		{"Max-Age=60", NOW + 60, false},
		{"max-age=60; Expires=Thu, 10 Apr 1980 16:33:12 GMT", NOW + 60, false},
		{"Expires=Thu, 10 Apr 1980 16:33:12 GMT; max-age=60", NOW + 60, false},
		{"Max-Age=0", INT64_MIN, true},
		{"Max-Age=-1", INT64_MIN, true},
		{"Max-Age=-99999999999999999999999", INT64_MIN, true},
		{"Max-Age=99999999999999999999999", NOW + (INT64_C(1) << 31), false},
		{"Max-Age=60; Max-Age=0", INT64_MIN, true},
		{"Max-Age=60; Max-Age=x", NOW + 60, false},
		{"Max-Age=50,399", 0, false},
		{"Max-Age=2.63", 0, false},
		{"Max-Age=+5", 0, false},
		{"Max-Age=-", 0, false},
		{"Max-Age=\"0\"", 0, false},
		{"Max-Age=", 0, false},
		{"Expires=Fri, 07 Aug 2099 08:04:19 GMT", INT64_C(4089773059), false},
		{"Expires=Fri, 07 Aug 2007 08:04:19 GMT", 1186473859, true},
		{"Expires=Fri 07 Aug 2099 08:04:19 GMT, baz=qux", INT64_C(4089773059), false},
		{"Expires=nonsense", 0, false},
		{"Expires=0", 0, false},
	};
	struct arena *a = arena_new(1 << 16);
	struct url from = url_of(a, HOME);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct cookie c;

		assert_int_equal(cookie_parse(a, arena_printf(a, "a=b; %s", cases[i].attributes), &from, NOW, &c), COOKIE_OK);
		if (c.has_expiry != (cases[i].expires_s != 0) || (c.has_expiry && c.expires_s != cases[i].expires_s))
			fail_msg("%s: %lld", cases[i].attributes, (long long)c.expires_s);
		assert_int_equal(cookie_is_expired(&c, NOW), cases[i].is_expired);
		assert_int_equal(cookie_matches(&c, &from, NOW), !cases[i].is_expired);
	}
	arena_free(a);
}

static void security(void **state)
{
	static const struct {
		const char *line;
		enum cookie_refusal over_https, over_http;
	} cases[] = {
		{"a=b; Secure", COOKIE_OK, COOKIE_NOT_SECURE},
		{"a=b; seCURe= aaa", COOKIE_OK, COOKIE_NOT_SECURE},
		{"a=b;  Secure  ; x", COOKIE_OK, COOKIE_NOT_SECURE},
		{"a=b; \"Secure\"", COOKIE_OK, COOKIE_OK},
		{"a=b; Secure x", COOKIE_OK, COOKIE_OK},
		{"a=b; HttpOnly", COOKIE_OK, COOKIE_OK},
		{"__Secure-a=b; Secure", COOKIE_OK, COOKIE_NOT_SECURE},
		{"__Secure-a=b; Secure; Domain=example.org", COOKIE_OK, COOKIE_NOT_SECURE},
		{"__secure-a=b", COOKIE_PREFIX, COOKIE_NOT_SECURE},
		{"__Host-a=b; Secure; Path=/", COOKIE_OK, COOKIE_NOT_SECURE},
		{"__hOST-a=b; Secure; Path=/", COOKIE_OK, COOKIE_NOT_SECURE},
		{"__Host-a=b; Path=/", COOKIE_PREFIX, COOKIE_NOT_SECURE},
		{"__Host-a=b; Secure", COOKIE_PREFIX, COOKIE_NOT_SECURE},
		{"__Host-a=b; Secure; Path=", COOKIE_PREFIX, COOKIE_NOT_SECURE},
		{"__Host-a=b; Secure; Path=/x", COOKIE_PREFIX, COOKIE_NOT_SECURE},
		{"__HOST-a=b; Secure; Path=/; Domain=home.example.org", COOKIE_PREFIX, COOKIE_NOT_SECURE},
		{"__Host-a=; Secure; Path=/x; Max-Age=0", COOKIE_PREFIX, COOKIE_NOT_SECURE},
		{"__Host_a=b", COOKIE_OK, COOKIE_OK},
		{"=__Host-a=b; Secure; Path=/", COOKIE_PREFIX, COOKIE_NOT_SECURE}, /* would be sent as if it had that name */
		{" = __secure-a=b; Secure", COOKIE_PREFIX, COOKIE_NOT_SECURE},
		{"__Host-a; Secure; Path=/", COOKIE_PREFIX, COOKIE_NOT_SECURE},
	};
	struct arena *a = arena_new(1 << 16);
	struct url https = url_of(a, "https://home.example.org/"), http = url_of(a, "http://home.example.org/");
	struct cookie c;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (cookie_parse(a, str_of(cases[i].line), &https, NOW, &c) != cases[i].over_https ||
			cookie_parse(a, str_of(cases[i].line), &http, NOW, &c) != cases[i].over_http)
			fail_msg("%s", cases[i].line);
	}
	assert_int_equal(cookie_parse(a, STR("a=b; Secure; HttpOnly"), &https, NOW, &c), COOKIE_OK);
	assert_true(c.is_secure && c.is_http_only);
	assert_true(cookie_matches(&c, &https, NOW));
	assert_false(cookie_matches(&c, &http, NOW));
	arena_free(a);
}

static void sizes(void **state)
{
	struct arena *a = arena_new(1 << 16);
	struct url from = url_of(a, "http://h/a/b");
	static char line[8000];
	struct cookie c;

	(void)state;
	memset(line, 'x', sizeof(line));
	line[10] = '=';
	assert_int_equal(cookie_parse(a, (struct str){line, 4097}, &from, NOW, &c), COOKIE_OK);
	assert_int_equal(c.name.len + c.value.len, 4096);
	assert_int_equal(cookie_parse(a, (struct str){line, 4098}, &from, NOW, &c), COOKIE_TOO_LARGE);
	assert_int_equal(c.name.len, 10);
	/* attributes do not count, but a long one is passed over */
	memcpy(line, "a=b; Path=/", 11);
	assert_int_equal(cookie_parse(a, (struct str){line, 10 + 1024}, &from, NOW, &c), COOKIE_OK);
	assert_int_equal(c.path.len, 1024);
	assert_int_equal(cookie_parse(a, (struct str){line, 10 + 1025}, &from, NOW, &c), COOKIE_OK);
	assert_true(is_text(c.path, "/a"));
	arena_free(a);
}

static void what_covers_what(void **state)
{
	static const struct {
		const char *domain, *host;
		bool covers;
	} domains[] = {{"a.b", "a.b", true}, {"a.b", "x.a.b", true}, {"a.b", "y.x.a.b", true}, {"a.b", "xa.b", false},
		{"a.b", "b", false}, {"", "a", false}, {"a.b", "a.b.c", false}, {"0.0.1", "127.0.0.1", false},
		{"127.0.0.1", "127.0.0.1", true}, {"1", "::1", false}, {"::1", "::1", true}, {"3.4", "::ffff:1.2.3.4", false},
		{"b2", "a.b2", true}, {".b", "a.b", false}};
	static const struct {
		const char *cookie, *path;
		bool covers;
	} paths[] = {{"/", "/", true}, {"/", "/a", true}, {"/a", "/a", true}, {"/a", "/a/b", true}, {"/a", "/ab", false},
		{"/a/", "/a/b", true}, {"/a/", "/a", false}, {"/a/", "/a//b", true}, {"/A", "/a", false}, {"/a/b", "/a", false},
		{"/f%6Fo", "/foo", false}, {"/a?", "/a", false}, {"/", "*", false}};

	(void)state;
	for (size_t i = 0; i < sizeof(domains) / sizeof(*domains); i++) {
		if (cookie_domain_covers(str_of(domains[i].domain), str_of(domains[i].host)) != domains[i].covers)
			fail_msg("%s, %s", domains[i].domain, domains[i].host);
	}
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		if (cookie_path_covers(str_of(paths[i].cookie), str_of(paths[i].path)) != paths[i].covers)
			fail_msg("%s, %s", paths[i].cookie, paths[i].path);
	}
}

/* Where a cookie that home.example.org sets at /dir/page is sent. */
static void where_cookies_go(void **state)
{
	static const struct {
		const char *attributes, *to;
		bool matches;
	} cases[] = {
		{"", "http://home.example.org/dir/x?q", true},
		{"", "https://home.example.org:1/dir", true}, /* neither port nor scheme divide */
		{"", "http://home.example.org/", false},
		{"", "http://sub.home.example.org/dir/", false},
		{"", "http://example.org/dir/", false},
		{"Domain=home.example.org", "http://sub.home.example.org/dir/", true},
		{"Domain=example.org", "http://sibling.example.org/dir/", true},
		{"Domain=example.org", "http://example.org/dir/", true},
		{"Domain=example.org", "http://badexample.org/dir/", false},
		{"Path=/", "http://home.example.org/?x", true},
		{"Path=/x", "http://home.example.org/x?/y", true},
		{"Path=/x/", "http://home.example.org/x?/", false},
	};
	struct arena *a = arena_new(1 << 16);
	struct url from = url_of(a, HOME);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct url to = url_of(a, cases[i].to);
		struct cookie c;

		assert_int_equal(cookie_parse(a, arena_printf(a, "a=b; %s", cases[i].attributes), &from, NOW, &c), COOKIE_OK);
		if (cookie_matches(&c, &to, NOW) != cases[i].matches)
			fail_msg("%s to %s", cases[i].attributes, cases[i].to);
	}
	arena_free(a);
}

static void check_suffixes(void)
{
	static const char *const suffixes[] = {
		"com", "co.uk", "github.io", "unheardof", "localhost", "ck", "foo.ck", "xn--p1ai", ""};
	static const char *const names[] = {
		"example.com", "a.b.example.com", "b.co.uk", "me.github.io", "a.unheardof", "www.ck", "city.kawasaki.jp"};
	char longest[254];

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
		if (!public_suffix_is(str_of(suffixes[i])))
			fail_msg("%s", suffixes[i]);
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (public_suffix_is(str_of(names[i])))
			fail_msg("%s", names[i]);
	}
	memset(longest, 'a', sizeof(longest));
	longest[100] = '.';
	assert_false(public_suffix_is((struct str){longest, 253}));
	assert_true(public_suffix_is((struct str){longest, 254}));
	assert_true(public_suffix_is((struct str){"example.com", 0}));
}

/* With the list built in, with the system's, and after it is gone. */
static void public_suffixes(void **state)
{
	(void)state;
	check_suffixes();
	public_suffix_init();
	check_suffixes();
	public_suffix_init();
	check_suffixes();
	public_suffix_fini();
	check_suffixes();
	public_suffix_fini();
}

static void refusals_have_words(void **state)
{
	(void)state;
	for (int r = COOKIE_OK; r <= COOKIE_TOO_MANY; r++) {
		assert_string_not_equal(cookie_refusal_name((enum cookie_refusal)r), "unknown");
		for (int s = COOKIE_OK; s < r; s++)
			assert_string_not_equal(cookie_refusal_name((enum cookie_refusal)r),
				cookie_refusal_name((enum cookie_refusal)s));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_values),
		cmocka_unit_test(domains),
		cmocka_unit_test(paths),
		cmocka_unit_test(expiry),
		cmocka_unit_test(security),
		cmocka_unit_test(sizes),
		cmocka_unit_test(what_covers_what),
		cmocka_unit_test(where_cookies_go),
		cmocka_unit_test(public_suffixes),
		cmocka_unit_test(refusals_have_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
