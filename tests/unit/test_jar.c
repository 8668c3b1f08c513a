/* The cookies of a chain: what the next hop gets, and what the client gets. */
#include "http/jar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW INT64_C(1750000000)

static struct url url_of(struct arena *a, const char *text)
{
	struct url u;

	if (url_parse_target(a, str_of(text), &u) != ERR_none)
		fail_msg("no URL: %s", text);
	return u;
}

/* One hop's answer: its URL, and the Set-Cookie lines, each ended by "\n". */
struct answer {
	const char *url, *lines;
};

static struct fields fields_of(struct arena *a, const char *lines)
{
	struct str rest = str_of(lines);
	struct fields f = {0};

	assert_true(fields_add(a, &f, STR("Server"), STR("x")));
	while (rest.len > 0) {
		size_t end = str_find(rest, '\n');

		assert_true(fields_add(a, &f, STR("set-cookie"), str_first(rest, end)));
		rest = str_from(rest, end + 1);
	}
	return f;
}

static struct cookie_fate *take(struct jar *j, struct arena *a, struct answer answer)
{
	struct url from = url_of(a, answer.url);
	struct fields f = fields_of(a, answer.lines);
	struct cookie_fate *fates;

	assert_true(jar_take(j, a, &from, &f, NOW, &fates));
	return fates;
}

static struct str field_for(const struct jar *j, struct arena *a, const char *to, const char *client)
{
	struct url u = url_of(a, to);
	bool is_full = true;
	struct str s = jar_cookie_field(j, a, &u, str_of(client), NOW, &is_full);

	assert_false(is_full);
	return s;
}

static void check_field(struct str got, const char *expected, const char *what)
{
	if ((expected == NULL) != (got.p == NULL) || !str_eq(got, str_of(expected)))
		fail_msg("%s: \"%.*s\", not \"%s\"", what, STR_ARG(got), expected ? expected : "(none)");
}

#define AT "http://h.example/dir/page"

static void the_next_hop_gets(void **state)
{
	static const struct {
		const char *from, *lines, *to, *client, *expected;
	} cases[] = {
		{AT, "", AT, NULL, NULL},
		{AT, "", AT, "", ""},
		{AT, "", AT, " a=1 ;;b", " a=1 ;;b"},
		{AT, "a=1\n", AT, NULL, "a=1"},
		{AT, "a=1\n", AT, "", "a=1"},
		{AT, "a=1\n", "http://other.example/dir/", NULL, NULL},
		{AT, "a=1\n", "http://x.h.example/dir/", "b=2", "b=2"},
		{AT, "a=1\nb=2\n", AT, "c=3", "c=3; a=1; b=2"},
		{AT, "b=9\n", AT, "a=1; b=2; c=3", "a=1; b=9; c=3"},
		{AT, "b=9\n", AT, "a=1;b=2;  c=3", "a=1;b=9;  c=3"},
		{AT, "b=9\n", AT, "b=1; a; b=2; B=3", "b=9; a; B=3"},
		{AT, "b=\n", AT, "b=1", "b="},
		{AT, "b=x; Max-Age=0\n", AT, "a=1; b=2; c=3", "a=1; c=3"},
		{AT, "b=x; Max-Age=0\n", AT, "b=2", NULL},
		{AT, "b=x; Max-Age=0\n", AT, " b=2; a=1; b=3;", "a=1"},
		{AT, "b=x; Max-Age=0\n", AT, NULL, NULL},
		{AT, "b=x; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT\n", "http://h.example/", "b=2", NULL},
		{AT, "b=x; Max-Age=0\n", "http://h.example/", "b=2", "b=2"}, /* of another path */
		{AT, "b=1\nb=x; Max-Age=0\n", AT, "b=2", NULL},
		{AT, "b=x; Max-Age=0\nb=1\n", AT, "b=2", "b=1"},
		{AT, "a=1\na=2\n", AT, NULL, "a=2"},
		{AT, "a=1\nb=2\na=3\n", AT, NULL, "a=3; b=2"}, /* the age stays */
		{AT, "a=b; path=/\nx=y; path=/dir\n", AT, NULL, "x=y; a=b"},
		{AT, "k=0;\nk=1; path=/dir\nk=2; path=/\nk=3; path=/bar\nk=4; domain=h.example\nk=5; domain=.h.example; path=/dir/page\n",
			AT, NULL, "k=5; k=1; k=4; k=2"},
		{AT, "k=short; path=/\nk=long; path=/dir\n", AT, "a=1; k=2; c=3", "a=1; k=long; c=3; k=short"},
		{AT, "x\n", AT, "a=1; y; b=2", "a=1; x; b=2"}, /* without a name */
		{AT, "x=1\n", AT, "$Version=0; junk; =; ===x; \"q;r\"", "$Version=0; junk; =; ===x; \"q;r\"; x=1"},
		{AT, "x=1\n", AT, "x =0; y=1", "x=1; y=1"},
		{AT, "x=1\n", AT, "a=1; ; ;b=2 ; ", "a=1;b=2 ; x=1"},
		{"https://h.example/", "s=1; Secure\nt=2\n", "https://h.example/", NULL, "s=1; t=2"},
		{"https://h.example/", "s=1; Secure\nt=2\n", "http://h.example/", NULL, "t=2"},
		{"https://h.example/", "s=1; Secure; Max-Age=0\n", "http://h.example/", "s=2", "s=2"},
		{"http://h.example/", "s=1; Secure\n__Host-a=1\n", "https://h.example/", NULL, NULL},
		{AT, "a=1; Domain=example\nb=1; Domain=other.example\nc=1; Domain=h.example\n", "http://x.h.example/dir/", NULL,
			"c=1"},
		{AT, "a=\x01\nb=1\n", AT, NULL, "b=1"},
	};
	struct arena *a = arena_new(1 << 20);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct jar j = {0};

		(void)take(&j, a, (struct answer){cases[i].from, cases[i].lines});
		check_field(field_for(&j, a, cases[i].to, cases[i].client), cases[i].expected, cases[i].lines);
	}
	arena_free(a);
}

/* Over http nobody takes the place of what https has set. */
static void secure_cookies_stay(void **state)
{
	static const struct {
		const char *from, *line;
		bool is_taken;
	} cases[] = {
		{"http://h.example/login/x", "sid=evil; Path=/login", false},
		{"http://h.example/login/x", "sid=evil; Path=/login/en", false},
		{"http://h.example/login/x", "sid=evil; Path=/login; Max-Age=0", false},
		{"http://sub.h.example/login/x", "sid=evil; Domain=h.example", false},
		{"http://sub.h.example/login/x", "sid=evil", false},
		{"http://h.example/login/x", "sid=evil; Path=/", true}, /* sent behind the one of the longer path */
		{"http://h.example/login/x", "other=1", true},
		{"http://g.example/login/x", "sid=evil", true},
		{"https://h.example/login/x", "sid=new; Path=/login", true},
	};
	struct arena *a = arena_new(1 << 20);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct jar j = {0};
		const struct cookie_fate *fate;

		(void)take(&j, a, (struct answer){"https://h.example/", "sid=good; Secure; Domain=h.example; Path=/login\n"});
		fate = take(&j, a, (struct answer){cases[i].from, arena_printf(a, "%s\n", cases[i].line).p});
		if (!!strstr(fate->words, "refused: over http") == cases[i].is_taken)
			fail_msg("%s %s: %s", cases[i].from, cases[i].line, fate->words);
	}
	arena_free(a);
}

static void names_for_the_record(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct url here = url_of(a, AT), there = url_of(a, "http://other.example/");
	struct jar j = {0};

	(void)state;
	assert_null(jar_names_for(&j, a, &here, NOW).p);
	(void)take(&j, a, (struct answer){AT, "b=1; Path=/\na=2\nc=3; Max-Age=0\nd=4; Max-Age=5\n"});
	check_field(jar_names_for(&j, a, &here, NOW), "a, d, b", "names");
	check_field(jar_names_for(&j, a, &here, NOW + 5), "a, b", "names later");
	check_field(jar_names_for(&j, a, &there, NOW), NULL, "names elsewhere");
	arena_free(a);
}

#define FIRST "http://www.site.example/start/here"

static const struct {
	struct answer answer;
	const char *given; /* NULL: held back */
	const char *client_words;
} client_cases[] = {
	{{FIRST, "a=1\n"}, "a=1", "given to the client"},
	{{FIRST, " a = 1 ;Path=x; \"odd;\n"}, " a = 1 ;Path=x; \"odd;", "given to the client"},
	{{FIRST, "a=1; Max-Age=0\n"}, "a=1; Max-Age=0", "given to the client"},
	{{FIRST, "nameless\n"}, "nameless", "given to the client"},
	{{"http://www.site.example/start/else", "a=1\n"}, "a=1", "given to the client"},
	{{"https://www.site.example:8443/", "a=1; Path=/; Secure\n"}, "a=1; Path=/; Secure", "given to the client"},
	{{"http://www.site.example/", "a=1\n"}, "a=1; Path=/", "given to the client, its path made explicit"},
	{{"http://www.site.example/x/y", "a=1;\n"}, "a=1;; Path=/x", "given to the client, its path made explicit"},
	{{"http://www.site.example/x/y", "a=1; Path=z\n"}, "a=1; Path=z; Path=/x",
		"given to the client, its path made explicit"},
	{{"http://www.site.example/x/y", "a=1; Path=/z\n"}, "a=1; Path=/z", "given to the client"},
	{{"http://www.site.example/x;Domain=example/y", "a=1\n"}, NULL, "held back: its path cannot be written"},
	{{"http://www.site.example/x;Domain=example/y", "a=1; Path=/\n"}, "a=1; Path=/", "given to the client"},
	{{"http://other.example/start/", "a=1\n"}, NULL, "held back: of another host"},
	{{"http://other.example/", "a=1; Domain=other.example\n"}, NULL, "held back: of another host"},
	{{"http://other.example/", "a=1; Domain=www.site.example\n"}, NULL, "held back: refused"},
	{{"http://other.example/", "a=1; Domain=example\n"}, NULL, "held back: refused"},
	{{"http://site.example/start/", "a=1\n"}, NULL, "held back: of another host"},
	{{"http://site.example/start/", "a=1; Domain=\n"}, NULL, "held back: of another host"},
	{{"http://sub.www.site.example/start/", "a=1\n"}, NULL, "held back: of another host"},
	{{"http://site.example/start/", "a=1; Domain=.Site.Example\n"}, "a=1; Domain=.Site.Example", "given to the client"},
	{{"http://login.site.example/sso/", "a=1; Domain=site.example\n"}, "a=1; Domain=site.example; Path=/sso",
		"given to the client, its path made explicit"},
	{{"http://login.site.example/", "a=1; Domain=site.example; Path=/; Max-Age=0\n"},
		"a=1; Domain=site.example; Path=/; Max-Age=0", "given to the client"},
	{{"http://login.site.example/", "a=1; Domain=login.site.example\n"}, NULL, "held back: of another host"},
	{{FIRST, "a=1; Domain=example\n"}, NULL, "held back: refused"},
	{{FIRST, "a=1; Domain=other.example\n"}, NULL, "held back: refused"},
	{{FIRST, "a=1; Secure\n"}, "a=1; Secure", "given to the client"},
	{{"https://www.site.example/", "__Host-a=1; Secure\n"}, NULL, "held back: refused"},
	{{FIRST, "a=1\r\rSet-Cookie: b=2\n"}, NULL, "held back: refused"},
	{{FIRST, "=\n"}, NULL, "held back: refused"},
};

static void the_client_gets(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct url first = url_of(a, FIRST);

	(void)state;
	for (size_t i = 0; i < sizeof(client_cases) / sizeof(*client_cases); i++) {
		struct jar j = {0};
		struct fields to = {0};
		const struct cookie_fate *fate = take(&j, a, client_cases[i].answer);

		assert_null(fate->client_words);
		assert_true(jar_give(&j, a, &first, &to));
		assert_string_equal(fate->client_words, client_cases[i].client_words);
		if (to.n != (client_cases[i].given != NULL))
			fail_msg("%s%s", client_cases[i].answer.url, client_cases[i].answer.lines);
		if (to.n > 0) {
			check_field(to.v[0].name, "Set-Cookie", "name");
			check_field(to.v[0].value, client_cases[i].given, "value");
		}
	}
	arena_free(a);
}

/* "Set a cookie and come back", by way of another host that tries to fix what the first has set. */
static void a_whole_chain(void **state)
{
	static const char *const given[] = {"seen=1; Path=/", "step=1", "sid=good; Domain=site.example; Path=/",
		"seen=2; Path=/; Max-Age=0", "step=2; Path=/done"};
	struct arena *a = arena_new(1 << 20);
	struct url first = url_of(a, FIRST);
	const struct cookie_fate *fates;
	struct fields to = {0};
	struct jar j = {0};

	(void)state;
	assert_true(fields_add(a, &to, STR("Content-Type"), STR("text/plain")));
	fates = take(&j, a, (struct answer){FIRST, "seen=1; Path=/\nstep=1\nbad=1; Domain=example\n"});
	assert_string_equal(fates->words, "kept for the chain");
	assert_string_equal(fates->next->next->words, "refused: its Domain is a public suffix");
	check_field(fates->next->next->name, "bad", "name");
	assert_null(fates->next->next->next);
	check_field(field_for(&j, a, "http://login.site.example/start/", NULL), NULL, "to the other host");

	(void)take(&j, a,
		(struct answer){"http://login.site.example/x", "sid=good; Domain=site.example; Path=/\nsid=evil; Path=/\n"});
	check_field(field_for(&j, a, FIRST, "sid=old; k=v"), "sid=good; k=v; step=1; seen=1", "back");

	assert_null(take(&j, a, (struct answer){FIRST, ""}));
	fates = take(&j, a, (struct answer){"http://www.site.example/done/now", "seen=2; Path=/; Max-Age=0\nstep=2\n"});
	assert_string_equal(fates->words, "deleted");
	check_field(field_for(&j, a, FIRST, "seen=0"), "step=1; sid=good", "after the deletion");

	assert_true(jar_give(&j, a, &first, &to));
	assert_int_equal(to.n, 1 + sizeof(given) / sizeof(*given));
	for (size_t i = 0; i < sizeof(given) / sizeof(*given); i++)
		check_field(to.v[i + 1].value, given[i], "given");
	arena_free(a);
}

static void the_jar_is_bounded(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct url u = url_of(a, AT);
	const struct cookie_fate *fate;
	struct jar j = {0};
	struct fields to = {0};

	(void)state;
	for (int i = 0; i < JAR_COOKIES; i++) {
		fate = take(&j, a, (struct answer){AT, arena_printf(a, "c%d=%d\n", i, i).p});
		assert_string_equal(fate->words, "kept for the chain");
	}
	fate = take(&j, a, (struct answer){AT, "more=1\n"});
	assert_string_equal(fate->words, "refused: there are too many cookies");
	assert_string_equal(take(&j, a, (struct answer){AT, "c7=new\n"})->words, "kept for the chain");
	assert_int_equal(j.n, JAR_COOKIES);
	assert_true(str_starts(field_for(&j, a, AT, "more=0; c7=0"), STR("more=0; c7=new; c0=0; c1=1; ")));
	assert_true(jar_give(&j, a, &u, &to));
	assert_string_equal(fate->client_words, "held back: there are too many cookies");
	assert_int_equal(to.n, JAR_COOKIES + 1);
	arena_free(a);
}

/* What comes with the response that is delivered is the client's, whose jar may be larger; of the hops before it only so much. */
static void heads_for_the_client_are_bounded(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct url u = url_of(a, AT);
	const struct cookie_fate *early, *late;
	struct jar j = {0};
	struct fields to = {0};

	(void)state;
	for (int i = 0; i < 9; i++)
		early = take(&j, a, (struct answer){AT, arena_printf(a, "c%d=%04000d\n", i, i).p});
	assert_string_equal(early->words, "refused: there are too many cookies");
	late = take(&j, a, (struct answer){AT, arena_printf(a, "more=%04000d\n", 1).p});
	assert_true(field_for(&j, a, AT, NULL).len < JAR_BYTES + 100);
	assert_true(jar_give(&j, a, &u, &to));
	assert_string_equal(early->client_words, "held back: there are too many cookies");
	assert_string_equal(late->client_words, "given to the client");
	assert_int_equal(to.n, 9);
	arena_free(a);
}

/* Whatever the limit of the arena is, a full one is told of. */
static void full_arenas_are_told_of(void **state)
{
	struct arena *urls = arena_new(1 << 16);
	struct url from = url_of(urls, "http://h.example/x/y"), first = url_of(urls, "http://h.example/");
	struct fields f = fields_of(urls, "a=1\nb=2; Secure\nc=3; Domain=h.example\n");
	int n_refused = 0;
	bool is_whole = false;

	(void)state;
	for (size_t limit = 0; !is_whole; limit += 16) {
		struct arena *a = arena_new(limit);
		struct cookie_fate *fates;
		struct fields to = {0};
		struct jar j = {0};
		bool is_full = false;
		struct str value;

		is_whole = jar_take(&j, a, &from, &f, NOW, &fates);
		if (is_whole) {
			value = jar_cookie_field(&j, a, &from, STR("z=0"), NOW, &is_full);
			assert_int_equal(is_full, value.p == NULL);
			is_whole = !is_full && jar_give(&j, a, &first, &to);
		}
		n_refused += !is_whole;
		arena_free(a);
	}
	assert_true(n_refused > 10);
	arena_free(urls);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_next_hop_gets),
		cmocka_unit_test(secure_cookies_stay),
		cmocka_unit_test(names_for_the_record),
		cmocka_unit_test(the_client_gets),
		cmocka_unit_test(a_whole_chain),
		cmocka_unit_test(the_jar_is_bounded),
		cmocka_unit_test(heads_for_the_client_are_bounded),
		cmocka_unit_test(full_arenas_are_told_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
