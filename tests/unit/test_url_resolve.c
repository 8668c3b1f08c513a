/* Locations: the examples of RFC 3986 section 5.4, of curl's tests, and the rows of the redirect rules; what is refused; userinfo,
 * names beyond ASCII and fragments. The table of the URL standard: test_url_whatwg.c. */
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

static void parse(struct arena *a, const char *text, struct url *ret)
{
	assert_int_equal(url_parse_target(a, str_of(text), ret), ERR_none);
}

/* Taken, with the report of the result, whether or not userinfo may be dropped. */
static void check_taken(const char *base_text, const char *location, const char *expected)
{
	struct arena *a = arena_new(1 << 18);

	for (int drops = 0; drops <= 1; drops++) {
		enum location_refusal got;
		struct url base, u, again;
		struct str report;

		parse(a, base_text, &base);
		got = url_resolve(a, &base, str_of(location), drops, &u);
		if (got != LOCATION_OK)
			fail_msg("%s + %s: %s", base_text, location, location_refusal_name(got));
		report = url_report(a, &u);
		if (!str_eq(report, str_of(expected)))
			fail_msg("%s + %s: %.*s", base_text, location, STR_ARG(report));
		/* what came out can be asked for, and without the fragment */
		assert_int_equal(url_parse_target(a, url_text(a, &u), &again), ERR_none);
		assert_true(str_eq(u.path, again.path) && url_same_origin(&u, &again));
	}
	arena_free(a);
}

static void check_refused(const char *base_text, const char *location, bool drops, enum location_refusal expected)
{
	struct arena *a = arena_new(1 << 18);
	enum location_refusal got;
	struct url base, u = {.path = STR("untouched")};

	parse(a, base_text, &base);
	got = url_resolve(a, &base, str_of(location), drops, &u);
	if (got != expected)
		fail_msg("%s + %s: %s, not %s", base_text, location, location_refusal_name(got),
			location_refusal_name(expected));
	assert_text(u.path, "untouched");
	arena_free(a);
}

/* Sections 5.4.1 and 5.4.2, all but the three that stand below. */
static void examples_of_rfc_3986(void **state)
{
	static const char *const rows[][2] = {
		{"g", "http://a/b/c/g"},
		{"./g", "http://a/b/c/g"},
		{"g/", "http://a/b/c/g/"},
		{"/g", "http://a/g"},
		{"//g", "http://g/"}, /* an empty path is "/" (section 6.2.3) */
		{"?y", "http://a/b/c/d;p?y"},
		{"g?y", "http://a/b/c/g?y"},
		{"#s", "http://a/b/c/d;p?q#s"},
		{"g#s", "http://a/b/c/g#s"},
		{"g?y#s", "http://a/b/c/g?y#s"},
		{";x", "http://a/b/c/;x"},
		{"g;x", "http://a/b/c/g;x"},
		{"g;x?y#s", "http://a/b/c/g;x?y#s"},
		{".", "http://a/b/c/"},
		{"./", "http://a/b/c/"},
		{"..", "http://a/b/"},
		{"../", "http://a/b/"},
		{"../g", "http://a/b/g"},
		{"../..", "http://a/"},
		{"../../", "http://a/"},
		{"../../g", "http://a/g"},
		{"../../../g", "http://a/g"},
		{"../../../../g", "http://a/g"},
		{"/./g", "http://a/g"},
		{"/../g", "http://a/g"},
		{"g.", "http://a/b/c/g."},
		{".g", "http://a/b/c/.g"},
		{"g..", "http://a/b/c/g.."},
		{"..g", "http://a/b/c/..g"},
		{"./../g", "http://a/b/g"},
		{"./g/.", "http://a/b/c/g/"},
		{"g/./h", "http://a/b/c/g/h"},
		{"g/../h", "http://a/b/c/h"},
		{"g;x=1/./y", "http://a/b/c/g;x=1/y"},
		{"g;x=1/../y", "http://a/b/c/y"},
		{"g?y/./x", "http://a/b/c/g?y/./x"},
		{"g?y/../x", "http://a/b/c/g?y/../x"},
		{"g#s/./x", "http://a/b/c/g#s/./x"},
		{"g#s/../x", "http://a/b/c/g#s/../x"},
	};
	const char *base = "http://a/b/c/d;p?q";

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		check_taken(base, rows[i][0], rows[i][1]);
	check_refused(base, "g:h", false, LOCATION_SCHEME);
	check_refused(base, "", false, LOCATION_EMPTY);
	/* strict parsers read "http:g" as no hierarchy at all, lenient ones as "g" */
	check_refused(base, "http:g", false, LOCATION_HOST);
}

/* Numbers are those of the test cases. */
static void examples_of_curl(void **state)
{
	static const char *const rows[][3] = {
		{"http://h:81/we/are/all/twits/49", "../moo.html/490002", "http://h:81/we/are/all/moo.html/490002"},
		{"http://h:81/we/are/all/twits/50", "../../moo.html/500002", "http://h:81/we/are/moo.html/500002"},
		{"http://h:81/we/are/all/twits/51", "../../../../../../../510002", "http://h:81/510002"},
		{"http://h:81/we/are/all/twits/52", "./520002", "http://h:81/we/are/all/twits/520002"},
		{"http://h:81/want/this/1031", "?coolsite=yes/10310002.txt",
			"http://h:81/want/this/1031?coolsite=yes/10310002.txt"},
		{"http://firstplace.example.com/want/1314", "//somewhere.example.com/reply/1314",
			"http://somewhere.example.com/reply/1314"},
		{"http://xn--4cab6c.se:81/1448", "http://\303\245\303\244\303\266.se:81/14480001",
			"http://xn--4cab6c.se:81/14480001"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		check_taken(rows[i][0], rows[i][1], rows[i][2]);
}

static void locations_are_resolved(void **state)
{
	static const char *const rows[][3] = {
		{"http://a/b/c/d;p?q", "g?y:z", "http://a/b/c/g?y:z"},
		{"http://a/b/c/d;p?q", "./a:b", "http://a/b/c/a:b"},
		{"http://a/b//c", "../x", "http://a/b/x"},
		{"http://a", "x", "http://a/x"},
		{"http://a?q", "x", "http://a/x"},
		{"http://a/b", "HTTP://C:80/d", "http://c/d"},
		{"http://a/b", "hTTps://C:0443/d", "https://c/d"},
		{"http://a/b", "https://c", "https://c/"},
		{"https://a:444/b", "//c/d", "https://c/d"},
		{"https://a:444/b", "/d", "https://a:444/d"},
		{"http://a/b", "http://h?x", "http://h/?x"},
		{"http://a/b", " \t/x\t ", "http://a/x"},
		{"http://a/b", "/a b?c d", "http://a/a%20b?c%20d"},
		{"http://a/b", "/\"<>^`{|}", "http://a/%22%3C%3E%5E%60%7B%7C%7D"},
		{"http://a/b", "?\"<>^`{|}", "http://a/b?%22%3C%3E%5E%60%7B%7C%7D"},
		{"http://a/b", "/\xc3\xa4\xff", "http://a/%C3%A4%FF"},
		{"http://a/b", "/%0d%0a%2f%zz%", "http://a/%0d%0a%2f%zz%"},
		{"http://a/b", "/.//h", "http://a//h"}, /* a path, no authority */
		{"http://a/b", "http://[::1]:8080/x", "http://[::1]:8080/x"},
		{"http://a/b", "http://[2001:DB8::0:1]/", "http://[2001:db8::1]/"},
		{"http://a/b", "?", "http://a/b?"},
		{"http://a/b", "x?y?z", "http://a/x?y?z"},
		{"http://a/b", "http://H./x", "http://h/x"},
		/* no "@" before the end of the authority: no userinfo */
		{"http://a/b", "http://h/@i", "http://h/@i"},
		{"http://a/b", "http://h?@i", "http://h/?@i"},
		{"http://a/b", "http://h#@i", "http://h/#@i"},
		{"http://a/b", "/u:p@h/", "http://a/u:p@h/"},
		{"http://a/b", "u@h", "http://a/u@h"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		check_taken(rows[i][0], rows[i][1], rows[i][2]);
}

static void locations_are_refused(void **state)
{
	static const struct {
		const char *location;
		enum location_refusal refusal;
	} rows[] = {
		{"", LOCATION_EMPTY},
		{" \t ", LOCATION_EMPTY},
		{"ftp://h/", LOCATION_SCHEME},
		{"javascript:alert(1)", LOCATION_SCHEME},
		{"myapp://callback?code=1", LOCATION_SCHEME},
		{"file:///etc/passwd", LOCATION_SCHEME},
		{"data:text/html,x", LOCATION_SCHEME},
		{"http://A\\@B/", LOCATION_BACKSLASH},
		{"http://u@h\\@i/", LOCATION_BACKSLASH},
		{"/a\\b", LOCATION_BACKSLASH},
		{"/a#\\", LOCATION_BACKSLASH},
		{"http:///x", LOCATION_HOST},
		{"http://", LOCATION_HOST},
		{"http:x", LOCATION_HOST},
		{"http:/x", LOCATION_HOST},
		{"//", LOCATION_HOST},
		{"///x", LOCATION_HOST},
		{"http://[::1/", LOCATION_HOST},
		{"http://[fe80::1%25eth0]/", LOCATION_HOST},
		{"http://127.1/", LOCATION_HOST},
		{"http://0x7f000001/", LOCATION_HOST},
		{"http://a b/", LOCATION_HOST},
		{"http://h:0/", LOCATION_PORT},
		{"http://h:65536/", LOCATION_PORT},
		{"http://h:65616/", LOCATION_PORT},
		{"http://h:8x/", LOCATION_PORT},
		{"http://h:+80/", LOCATION_PORT},
		{"http://h:\357\274\230\357\274\220/", LOCATION_PORT}, /* "80" in full width */
		{"/a\x01", LOCATION_BYTES},
		{"/a\rb", LOCATION_BYTES},
		{"/a\tb", LOCATION_BYTES},
		{"/a\x7f", LOCATION_BYTES},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		check_refused("http://a/b", rows[i].location, false, rows[i].refusal);
		check_refused("http://a/b", rows[i].location, true, rows[i].refusal);
	}
}

static void locations_are_bounded(void **state)
{
	struct arena *a = arena_new(1 << 20), *small = arena_new(2000);
	struct url base, u;
	char *text = calloc(1, 20000);

	(void)state;
	assert_non_null(text);
	parse(a, "http://a/b", &base);
	memset(text, 'a', 20000);
	text[0] = '/';
	assert_int_equal(url_resolve(a, &base, (struct str){text, 8192}, false, &u), LOCATION_OK);
	assert_int_equal(url_resolve(a, &base, (struct str){text, 20000}, false, &u), LOCATION_TOO_LONG);
	assert_int_equal(url_resolve(small, &base, (struct str){text, 8192}, false, &u), LOCATION_TOO_LONG);
	arena_free(small);
	arena_free(a);
	free(text);
}

static void userinfo_is_dropped_where_it_may_be(void **state)
{
	static const char *const rows[][2] = {
		{"http://u@h/", "http://h/"},
		{"//u:p@h:81/x?y#z", "http://h:81/x?y#z"},
		{"https://u:p:q@H/", "https://h/"},
		{"http://@h/", "http://h/"},
		{"http://:@h/", "http://h/"},
		{"http://user%40corp:%2F%5C%3a@h/", "http://h/"},
		{"http://b%FC@h/", "http://h/"},
		{"http://a!$&'()*+,;=-._~:1@[::1]:81/@/", "http://[::1]:81/@/"},
		{"http://127.0.0.1:80@h/", "http://h/"},
		{"http://u@h?@i", "http://h/?@i"},
		{"http://u@b\303\274cher.example/", "http://xn--bcher-kva.example/"},
	};
	struct arena *a = arena_new(1 << 18);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct url base, u;

		check_refused("http://a/b", rows[i][0], false, LOCATION_USERINFO);
		parse(a, "http://a/b", &base);
		assert_int_equal(url_resolve(a, &base, str_of(rows[i][0]), true, &u), LOCATION_OK);
		assert_text(url_report(a, &u), rows[i][1]);
		/* it is in none of what is built from the URL */
		assert_int_equal(str_find(url_host_field(a, &u), '@'), url_host_field(a, &u).len);
	}
	arena_free(a);
}

static void userinfo_in_doubt_is_refused(void **state)
{
	static const struct {
		const char *location;
		enum location_refusal dropping;
	} rows[] = {
		{"http://u@h@i/", LOCATION_USERINFO},
		{"http://@@h/", LOCATION_USERINFO},
		{"http://u:p@w@h/", LOCATION_USERINFO},
		{"http://u p@h/", LOCATION_USERINFO},
		{"http://u\"@h/", LOCATION_USERINFO},
		{"http://[u]@h/", LOCATION_USERINFO},
		{"http://[::1]@h/", LOCATION_USERINFO},
		{"http://u%@h/", LOCATION_USERINFO},
		{"http://u%4@h/", LOCATION_USERINFO},
		{"http://u%zz@h/", LOCATION_USERINFO},
		{"http://\303\274@h/", LOCATION_USERINFO},
		{"http://u|@h/", LOCATION_USERINFO},
		{"http://u@/", LOCATION_HOST},
		{"http://u@", LOCATION_HOST},
		{"http://u@:80/", LOCATION_HOST},
		{"http://u@127.1/", LOCATION_HOST},
		{"http://u@i%40h/", LOCATION_HOST},
		{"http://u@h:0/", LOCATION_PORT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		check_refused("http://a/b", rows[i].location, false, LOCATION_USERINFO);
		check_refused("http://a/b", rows[i].location, true, rows[i].dropping);
	}
	/* an encoded "@" is none */
	check_refused("http://a/b", "http://u%40h/", true, LOCATION_HOST);
}

static void names_beyond_ascii_become_a_labels(void **state)
{
	static const char *const refused[] = {
		"http://%62%C3%BCcher.example/", /* encoded ASCII: RFC 3986 leaves it to the resolver */
		"http://ex%61mple/", "http://b%C3%BCcher%2eexample/", "http://b%C3%BCcher%00.example/", "http://b%C3.example/",
		"http://b%C3%B/", "http://b\303.example/", "http://\360\237\222\251.la/", "http://\302\255/",
		"http://b\303\274cher..example/", "http://b_\303\274cher.example/", "http://[\303\274]/",
		"http://\357\274\221\357\274\222\357\274\227.0.0.1/", /* "127.0.0.1", its beginning in full width */
		"http://127\343\200\2020\343\200\2020\343\200\2021/", /* with ideographic full stops */
		"http://h\357\274\23281/",                            /* a colon in full width */
		"http://a\357\274\217b/",                             /* a slash in full width */
	};

	(void)state;
	check_taken("http://a/b", "http://b\303\274cher.example:81/\303\274", "http://xn--bcher-kva.example:81/%C3%BC");
	check_taken("http://a/b", "//B\303\234CHER.Example.?\303\274#\303\274", "http://xn--bcher-kva.example/?%C3%BC#%C3%BC");
	check_taken("http://a/b", "http://b%c3%bccher.example", "http://xn--bcher-kva.example/");
	check_taken("http://a/b", "http://\303\274\343\200\202example\343\200\202/", "http://xn--tda.example/");
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
		check_refused("http://a/b", refused[i], false, LOCATION_HOST);
}

/* RFC 9110 section 10.2.2, over a chain of hops. */
static void fragments_are_inherited(void **state)
{
	static const char *const chain[][2] = {
		{"/a", "http://h/a"},
		{"/b#one two", "http://h/b#one%20two"},
		{"/c", "http://h/c#one%20two"},
		{"?q", "http://h/c?q#one%20two"},
		{"https://i/", "https://i/#one%20two"},
		{"x#three", "https://i/x#three"},
		{"//u:p@j/y", "https://j/y#three"},
		{"#", "https://j/y#"},
		{"/z", "https://j/z#"},
		{"#a#b", "https://j/z#a#b"},
	};
	struct arena *a = arena_new(1 << 18);
	struct url u;

	(void)state;
	parse(a, "http://h/", &u);
	assert_text(url_report(a, &u), "http://h/");
	for (size_t i = 0; i < sizeof(chain) / sizeof(*chain); i++) {
		struct str text;

		assert_int_equal(url_resolve(a, &u, str_of(chain[i][0]), true, &u), LOCATION_OK);
		assert_text(url_report(a, &u), chain[i][1]);
		text = url_text(a, &u);
		assert_int_equal(str_find(text, '#'), text.len);
		assert_true(target_bytes_are_fine(u.path));
	}
	arena_free(a);
}

static void reports_fit_or_are_none(void **state)
{
	struct arena *a = arena_new(1 << 16), *full = arena_new(8);
	struct url base, u;

	(void)state;
	parse(a, "http://h:81/", &base);
	assert_int_equal(url_resolve(a, &base, STR("/a#b"), false, &u), LOCATION_OK);
	assert_null(url_report(full, &u).p);
	assert_text(url_report(a, &u), "http://h:81/a#b");
	arena_free(full);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(examples_of_rfc_3986),
		cmocka_unit_test(examples_of_curl),
		cmocka_unit_test(locations_are_resolved),
		cmocka_unit_test(locations_are_refused),
		cmocka_unit_test(locations_are_bounded),
		cmocka_unit_test(userinfo_is_dropped_where_it_may_be),
		cmocka_unit_test(userinfo_in_doubt_is_refused),
		cmocka_unit_test(names_beyond_ascii_become_a_labels),
		cmocka_unit_test(fragments_are_inherited),
		cmocka_unit_test(reports_fit_or_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
