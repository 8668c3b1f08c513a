/* The cookies of a chain: what the next hop gets, and what the client gets. */
#include "jar_rig.h"

#include <string.h>

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
	assert_null(jar_names_sent(&j, a, &here, STR("x=1"), NOW).p);
	(void)take(&j, a, (struct answer){AT, "b=1; Path=/\na=2\nc=3; Max-Age=0\nd=4; Max-Age=5\n"});
	check_field(jar_names_sent(&j, a, &here, STR("a=2; d=4; x=1; b=1"), NOW), "a, d, b", "names");
	check_field(jar_names_sent(&j, a, &here, STR("a=2; x=1; b=1"), NOW + 5), "a, b", "names later");
	check_field(jar_names_sent(&j, a, &there, STR("a=2; x=1; b=1"), NOW), NULL, "names elsewhere");
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
	static const char *const given[] = {
		"step=1", "sid=good; Domain=site.example; Path=/", "seen=2; Path=/; Max-Age=0", "step=2; Path=/done"};
	struct arena *a = arena_new(1 << 20);
	struct url first = url_of(a, FIRST);
	const struct cookie_fate *fates, *seen;
	struct fields to = {0};
	struct jar j = {0};

	(void)state;
	assert_true(fields_add(a, &to, STR("Content-Type"), STR("text/plain")));
	fates = seen = take(&j, a, (struct answer){FIRST, "seen=1; Path=/\nstep=1\nbad=1; Domain=example\n"});
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
	assert_string_equal(seen->client_words, "held back: superseded by a later hop");
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
		cmocka_unit_test(full_arenas_are_told_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
