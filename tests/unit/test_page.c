/* The bodies of replies: three forms, and nothing from outside that could become part of them. */
#include "core/page.h"

#include "heads.h"

static const char hostile[] = "a<b>&\"'\\\x01\n\x7f\xc3\xa9</script>";

static bool has(struct str s, const char *part)
{
	return s.len > 0 && memmem(s.p, s.len, part, strlen(part)) != NULL;
}

static void test_html_references(void **state)
{
	struct arena *a = arena_new(1 << 16);

	(void)state;
	str_expect(page_escape_html(a, STR("plain text/1.0")), "plain text/1.0");
	str_expect(page_escape_html(a, STR("<a href=\"x\">'&'</a>")), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;");
	str_expect(page_escape_html(a, STR("&amp;")), "&amp;amp;");
	assert_int_equal(page_escape_html(a, STR("")).len, 0);
	arena_free(a);
}

static void test_json_strings(void **state)
{
	struct arena *a = arena_new(1 << 16);

	(void)state;
	str_expect(page_escape_json(a, STR("plain/'text'")), "plain/'text'");
	str_expect(page_escape_json(a, STR("\"\\\x01\n\x7f\xff")), "\\u0022\\u005c\\u0001\\u000a\\u007f\\u00ff");
	str_expect(page_escape_json(a, (struct str){"a\0b", 3}), "a\\u0000b");
	arena_free(a);
}

static void test_escaping_needs_room(void **state)
{
	struct arena *a = arena_new(8);

	(void)state;
	assert_null(page_escape_html(a, STR("some text")).p);
	assert_null(page_escape_json(a, STR("some text")).p);
	arena_free(a);
}

static void test_an_error_in_each_form(void **state)
{
	static const struct {
		enum reply_form form;
		const char *type, *parts[5];
	} cases[] = {
		{REPLY_TEXT, "text/plain; charset=utf-8",
			{"viaduct: the origin refused the connection (connect_refused)", "\nhost: a.example",
				"\n192.0.2.1:80: no"}},
		{REPLY_HTML, "text/html; charset=utf-8",
			{"<title>502 Bad Gateway</title>", "<code>a.example</code>", "<p>192.0.2.1:80: no</p>", "blame: origin",
				"phase: connect"}},
		{REPLY_JSON, "application/json",
			{"{\"error\":\"connect_refused\",\"status\":502,\"blame\":\"origin\",\"phase\":\"connect\",\"retryable\":true,",
				"\"host\":\"a.example\"", "\"detail\":\"192.0.2.1:80: no\"}"}},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct arena *a = arena_new(1 << 16);
		struct page page;

		assert_true(page_of_error(a, ERR_connect_refused, STR("192.0.2.1:80: no"), STR("a.example"), cases[i].form,
			&page));
		str_expect(page.content_type, cases[i].type);
		for (size_t p = 0; p < COUNT(cases[i].parts) && cases[i].parts[p] != NULL; p++) {
			if (!has(page.body, cases[i].parts[p]))
				fail_msg("no %s in %.*s", cases[i].parts[p], STR_ARG(page.body));
		}
		arena_free(a);
	}
}

/* Every byte of a body that came from outside is harmless where it stands. */
static void test_hostile_words_in_each_form(void **state)
{
	struct str bad = {hostile, sizeof(hostile) - 1};
	struct arena *a = arena_new(1 << 16);
	struct page page;

	(void)state;
	assert_true(page_of_error(a, ERR_internal, bad, bad, REPLY_HTML, &page));
	assert_false(has(page.body, "</script>"));
	assert_false(has(page.body, "a<b"));
	assert_true(has(page.body, "a&lt;b&gt;&amp;&quot;&#39;"));
	assert_true(page_of_error(a, ERR_internal, bad, bad, REPLY_JSON, &page));
	assert_true(has(page.body, "\"host\":\"a<b>&\\u0022'\\u005c\\u0001\\u000a\\u007f\xc3\xa9</script>\""));
	assert_true(has(page.body, "\"detail\":\"a<b>&\\u0022'\\u005c\\u0001\\u000a\\u007f\xc3\xa9</script>\""));
	assert_true(page_of_error(a, ERR_internal, bad, bad, REPLY_TEXT, &page));
	for (size_t i = 0; i < page.body.len; i++)
		assert_true(page.body.p[i] == '\n' || ((unsigned char)page.body.p[i] >= ' ' && page.body.p[i] != 0x7f));
	assert_true(has(page.body, "a<b>&\"'\\\\x01\\x0a\\x7f\xc3\xa9</script>"));
	assert_false(has(page.body, "\x01"));
	arena_free(a);
}

static void test_every_error_has_a_page(void **state)
{
	(void)state;
	for (int e = 1; e < ERR_cancelled; e++) {
		for (enum reply_form form = REPLY_TEXT; form <= REPLY_JSON; form++) {
			struct arena *a = arena_new(1 << 16);
			struct page page;

			assert_true(page_of_error(a, (enum error)e, STR_NONE, STR_NONE, form, &page));
			assert_true(has(page.body, error_name((enum error)e)));
			assert_false(has(page.body, "(null)"));
			arena_free(a);
		}
	}
}

static void test_the_help_page(void **state)
{
	struct str bad = {hostile, sizeof(hostile) - 1};
	struct arena *a = arena_new(1 << 16);
	struct page page;

	(void)state;
	assert_true(page_of_help(a, STR("127.0.0.1:8080"), STR("http://127.0.0.1:8081"), REPLY_HTML, &page));
	assert_true(has(page.body, "curl -x http://127.0.0.1:8080 "));
	assert_true(has(page.body, "<a href=\"http://127.0.0.1:8081\">"));
	assert_true(page_of_help(a, STR("127.0.0.1:8080"), STR_NONE, REPLY_HTML, &page));
	assert_false(has(page.body, "Inspector"));
	assert_true(page_of_help(a, STR("127.0.0.1:8080"), STR("http://i/"), REPLY_JSON, &page));
	str_expect(page.body, "{\"name\":\"viaduct\",\"proxy\":\"127.0.0.1:8080\",\"inspector\":\"http://i/\"}\n");
	assert_true(page_of_help(a, STR("127.0.0.1:8080"), STR("http://i/"), REPLY_TEXT, &page));
	assert_true(has(page.body, "\nInspector: http://i/\n"));
	assert_true(page_of_help(a, STR("127.0.0.1:8080"), bad, REPLY_HTML, &page));
	assert_false(has(page.body, "</script>"));
	arena_free(a);
}

static void test_a_full_arena(void **state)
{
	struct str host = STR("a.example"), detail = STR("in words");

	(void)state;
	for (enum reply_form form = REPLY_TEXT; form <= REPLY_JSON; form++) {
		struct page page = {.body = STR("untouched")};
		bool fits = false;

		for (size_t limit = 0; limit < 8192 && !fits; limit += 4) {
			struct arena *a = arena_new(limit);

			fits = page_of_error(a, ERR_internal, detail, host, form, &page);
			if (!fits)
				str_expect(page.body, "untouched");
			/* What fits is whole. */
			else
				assert_true(has(page.body, "a.example") && has(page.body, "in words"));
			arena_free(a);
		}
		assert_true(fits);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_html_references),
		cmocka_unit_test(test_json_strings),
		cmocka_unit_test(test_escaping_needs_room),
		cmocka_unit_test(test_an_error_in_each_form),
		cmocka_unit_test(test_hostile_words_in_each_form),
		cmocka_unit_test(test_every_error_has_a_page),
		cmocka_unit_test(test_the_help_page),
		cmocka_unit_test(test_a_full_arena),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
