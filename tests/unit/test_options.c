/* The option table, the types of its values, suggestions, printing, and conf/viaduct.yaml, which has to hold every option. */
#include "config/option_table.h"

#include "base/mem.h"
#include "config/printable.h"
#include "config/settings_build.h"
#include "config/suggest.h"
#include "config/values.h"
#include "config/yaml_read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

static const struct option row_bool = {.name = "b", .type = VALUE_BOOL};
static const struct option row_int = {.name = "i", .type = VALUE_INT, .min = 1, .max = 64};
static const struct option row_bytes = {.name = "z", .type = VALUE_BYTES, .min = 1024, .max = INT64_C(1) << 40};
static const struct option row_ms = {.name = "t", .type = VALUE_MS, .min = 100, .max = 3600000};
static const struct option row_any = {.name = "n", .type = VALUE_MS, .min = 0, .max = INT64_MAX};
static const struct option row_text = {.name = "x", .type = VALUE_TEXT};
static const struct option row_path = {.name = "p", .type = VALUE_PATH};
static const struct option row_list = {.name = "l", .type = VALUE_LIST, .min = 1, .max = 3};
static const struct option row_enum = {.name = "e", .type = VALUE_ENUM, .choices = "auto|follow|pass"};

static void test_table(void **state)
{
	char env[OPTION_ENV_BYTES];

	(void)state;
	for (int i = 0; i < OPTION_COUNT; i++) {
		enum option_id id = (enum option_id)i;
		const struct option *o = option_row(id);
		const char *dot = strchr(o->name, '.');

		assert_true(strlen(o->name) > 1 && strlen(o->about) > 10);
		assert_true(dot == NULL || strchr(dot + 1, '.') == NULL); /* settings_print nests once */
		assert_true(strlen(o->name) + sizeof(OPTION_ENV_PREFIX) <= OPTION_ENV_BYTES);
		assert_true(o->min <= o->max);
		/* Also that names and variables are unique. */
		assert_int_equal(option_of_name(str_of(o->name)), id);
		assert_int_equal(option_of_env(str_of(option_env_name(id, env))), id);
		assert_false(option_is_section(str_of(o->name)));
	}
	assert_string_equal(option_env_name(OPT_redirects_max_hops, env), "VIADUCT_REDIRECTS_MAX_HOPS");
	assert_int_equal(option_of_name(STR("nothing")), OPTION_COUNT);
	assert_int_equal(option_of_name(STR("")), OPTION_COUNT);
	assert_int_equal(option_of_env(STR("VIADUCT_NOTHING")), OPTION_COUNT);
	assert_true(option_is_section(STR("dns")));
	assert_false(option_is_section(STR("dn")));
	assert_false(option_is_section(STR("intercept"))); /* it is an option, with others that begin so */
	assert_false(option_is_section(STR("")));
}

/* Those that other layers turn into enums must keep their choices in the enums' order. */
static void test_enum_order(void **state)
{
	(void)state;
	assert_string_equal(option_row(OPT_redirects_mode)->choices, "auto|follow|pass");
	assert_int_equal(REDIRECTS_PASS, 2);
	assert_string_equal(option_row(OPT_intercept)->choices, "none|all|list");
	assert_int_equal(INTERCEPT_LIST, 2);
	assert_string_equal(option_row(OPT_intercept_host_mismatch)->choices, "allow|refuse");
	assert_int_equal(INTERCEPT_HOST_MISMATCH_REFUSE, 1);
	assert_string_equal(option_row(OPT_log_access_format)->choices, "json|combined");
	assert_int_equal(ACCESS_COMBINED, 1);
	assert_string_equal(option_row(OPT_log_terminal)->choices, "auto|always|never");
	assert_int_equal(TERMINAL_NEVER, 2);
	assert_string_equal(option_row(OPT_log_level)->choices, "error|warn|info|debug");
	assert_string_equal(option_row(OPT_redirects_tell)->choices, "off|headers");
	assert_int_equal(REDIRECTS_TELL_HEADERS, 1);
	assert_string_equal(option_row(OPT_redirects_upgrade)->choices, "follow|pass");
	assert_string_equal(option_row(OPT_redirects_downgrade)->choices, "follow|pass");
	assert_string_equal(option_row(OPT_redirects_unsafe_methods)->choices, "follow|pass");
	assert_string_equal(option_row(OPT_redirects_userinfo)->choices, "drop|pass");
	assert_int_equal(REDIRECTS_OTHER_PASS, 1);
}

static const char *word_at(size_t i)
{
	static const char *const words[] = {"", "block", "rate", "redirects", "redirect_targets"};

	return words[i];
}

static void test_suggest_word(void **state)
{
	(void)state;
	assert_int_equal(suggest_word(STR("blokc"), word_at, 5), 1);
	assert_int_equal(suggest_word(STR("redirect"), word_at, 5), 3);
	assert_int_equal(suggest_word(STR("Redirect-Target"), word_at, 5), 4);
	assert_int_equal(suggest_word(STR("x"), word_at, 5), 5); /* not the empty one */
	assert_int_equal(suggest_word(STR(""), word_at, 5), 5);
	assert_int_equal(suggest_word(STR("entirely different"), word_at, 5), 5);
}

static void test_suggest(void **state)
{
	static const struct {
		const char *name;
		enum option_id nearest;
	} cases[] = {
		{"worker", OPT_workers},
		{"wrokers", OPT_workers},
		{"redirect.mode", OPT_redirects_mode},
		{"redirects.max-hops", OPT_redirects_max_hops},
		{"REDIRECTS_MAXHOPS", OPT_redirects_max_hops},
		{"max_hops", OPT_redirects_max_hops},
		{"timeouts.conect", OPT_timeout_connect_ms},
		{"timeout.connect", OPT_timeout_connect_ms},
		{"host", OPT_hosts},
		{"x", OPTION_COUNT},
		{"entirely.different.thing", OPTION_COUNT},
		{"", OPTION_COUNT},
		{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
			OPTION_COUNT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(suggest_option(str_of(cases[i].name)), cases[i].nearest);
}

static void test_good_numbers(void **state)
{
	static const struct {
		const struct option *o;
		const char *text;
		int64_t value;
		const char *printed;
	} cases[] = {
		{&row_int, "1", 1, "1"},
		{&row_int, " 64 ", 64, "64"},
		{&row_int, "007", 7, "7"},
		{&row_bytes, "1024", 1024, "1k"},
		{&row_bytes, "1025", 1025, "1025"},
		{&row_bytes, "16k", 16384, "16k"},
		{&row_bytes, "16K", 16384, "16k"},
		{&row_bytes, "3 M", 3 << 20, "3M"},
		{&row_bytes, "1g", 1 << 30, "1G"},
		{&row_bytes, "1024G", INT64_C(1) << 40, "1024G"},
		{&row_ms, "100ms", 100, "100ms"},
		{&row_ms, "1", 1000, "1s"},
		{&row_ms, "1500 ms", 1500, "1500ms"},
		{&row_ms, "90s", 90000, "90s"},
		{&row_ms, "2m", 120000, "2m"},
		{&row_ms, "1h", 3600000, "1h"},
		{&row_any, "0", 0, "0"},
		{&row_any, "0ms", 0, "0"},
		{&row_any, "9223372036854775807ms", INT64_MAX, "9223372036854775807ms"},
		{&row_enum, "auto", 0, NULL},
		{&row_enum, "pass", 2, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char why[200] = "", printed[VALUE_NUMBER_BYTES];
		int64_t value = -1;

		assert_true(value_set(cases[i].o, cases[i].text, &value, why, sizeof(why)));
		assert_int_equal(value, cases[i].value);
		if (cases[i].printed != NULL)
			assert_string_equal(value_format_number(cases[i].o->type, value, printed), cases[i].printed);
	}
}

static void test_bad_numbers(void **state)
{
	static const struct {
		const struct option *o;
		const char *text, *why;
	} cases[] = {
		{&row_int, "", "(empty) is not a whole number"},
		{&row_int, "-1", "-1 is not a whole number"},
		{&row_int, "+1", "+1 is not a whole number"},
		{&row_int, "1.5", "1.5 is not a whole number"},
		{&row_int, "0x10", "0x10 is not a whole number"},
		{&row_int, "1k", "1k is not a whole number"},
		{&row_int, "1 2", "1 2 is not a whole number"},
		{&row_int, "many\n", "many\\x0a is not a whole number"},
		{&row_int, "0", "0 is too small (at least 1)"},
		{&row_int, "65", "65 is too large (at most 64)"},
		{&row_int, "99999999999999999999", "99999999999999999999 is too large (at most 64)"},
		{&row_bytes, "k", "k is not a size (use k, M or G)"},
		{&row_bytes, "1kB", "1kB is not a size (use k, M or G)"},
		{&row_bytes, "1023", "1023 is too small (at least 1k)"},
		{&row_bytes, "1025G", "1025G is too large (at most 1024G)"},
		{&row_bytes, "17592186044417M", "17592186044417M is too large (at most 1024G)"},
		{&row_ms, "10 parsecs", "10 parsecs is not a time (use ms, s, m or h)"},
		{&row_ms, "1M", "1M is not a time (use ms, s, m or h)"},
		{&row_ms, "1h30m", "1h30m is not a time (use ms, s, m or h)"},
		{&row_ms, "99ms", "99ms is too small (at least 100ms)"},
		{&row_ms, "2h", "2h is too large (at most 1h)"},
		{&row_any, "9223372036854775808ms", "9223372036854775808ms is too large (at most 9223372036854775807ms)"},
		{&row_any, "9223372036854775807s", "9223372036854775807s is too large (at most 9223372036854775807ms)"},
		{&row_enum, "", "(empty) is not one of auto|follow|pass"},
		{&row_enum, "sometimes", "sometimes is not one of auto|follow|pass"},
		{&row_enum, "Auto", "Auto is not one of auto|follow|pass"},
		{&row_enum, "auto|follow", "auto|follow is not one of auto|follow|pass"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char why[200] = "";
		int64_t value = 77;

		assert_false(value_set(cases[i].o, cases[i].text, &value, why, sizeof(why)));
		assert_string_equal(why, cases[i].why);
		assert_int_equal(value, 77);
	}
}

static void test_bool(void **state)
{
	static const char *const yes[] = {"true", "yes", "on", "True", " ON "}, *const no[] = {"false", "no", "off", "FALSE"};
	char why[100];
	bool value = false;

	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		value = false;
		assert_true(value_set(&row_bool, yes[i], &value, why, sizeof(why)));
		assert_true(value);
	}
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		value = true;
		assert_true(value_set(&row_bool, no[i], &value, why, sizeof(why)));
		assert_false(value);
	}
	assert_false(value_set(&row_bool, "maybe", &value, why, sizeof(why)));
	assert_string_equal(why, "maybe is neither true nor false");
	assert_false(value_set(&row_bool, "1", &value, why, sizeof(why)));
	assert_string_equal(why, "1 is neither true nor false");
}

static void test_text(void **state)
{
	char why[200], *value = NULL, *longest = mem_alloc(VALUE_TEXT_MAX_BYTES + 2);

	(void)state;
	memset(longest, 'x', VALUE_TEXT_MAX_BYTES + 1);
	longest[VALUE_TEXT_MAX_BYTES + 1] = '\0';
	assert_true(value_set(&row_text, " as \"it\" is ", &value, why, sizeof(why)));
	assert_string_equal(value, " as \"it\" is ");
	assert_true(value_set(&row_path, "", &value, why, sizeof(why)));
	assert_string_equal(value, "");
	assert_true(value_set(&row_path, "/tmp/\xc3\xa4\xf0\x9f\x8c\x8d", &value, why, sizeof(why)));
	assert_false(value_set(&row_path, "/tmp/\xff", &value, why, sizeof(why)));
	assert_string_equal(why, "/tmp/\\xff holds a control character or is not UTF-8");
	assert_false(value_set(&row_text, "two\nlines", &value, why, sizeof(why)));
	assert_string_equal(why, "two\\x0alines holds a control character or is not UTF-8");
	assert_false(value_set(&row_text, longest, &value, why, sizeof(why)));
	assert_string_equal(why, "is longer than 4096 bytes");
	assert_string_equal(value, "/tmp/\xc3\xa4\xf0\x9f\x8c\x8d");
	assert_true(value_set(&row_text, longest + 1, &value, why, sizeof(why)));
	value_clear(&row_text, &value);
	assert_null(value);
	mem_free(longest);
}

static void test_list(void **state)
{
	struct text_list list = {NULL, 0};
	char why[200];
	char *four[] = {(char[]){"a"}, (char[]){"b"}, (char[]){"c"}, (char[]){"d"}}, *comma[] = {(char[]){" a, b "}};

	(void)state;
	assert_true(value_set(&row_list, " a , b,c ", &list, why, sizeof(why)));
	assert_int_equal(list.n, 3);
	assert_string_equal(list.v[0], "a");
	assert_string_equal(list.v[2], "c");
	assert_false(value_set(&row_list, "a,b,c,d", &list, why, sizeof(why)));
	assert_string_equal(why, "more than 3 items");
	assert_false(value_set_items(&row_list, four, 4, &list, why, sizeof(why)));
	assert_string_equal(why, "more than 3 items");
	assert_false(value_set(&row_list, "  ", &list, why, sizeof(why)));
	assert_string_equal(why, "needs at least 1 item");
	assert_false(value_set_items(&row_list, four, 0, &list, why, sizeof(why)));
	assert_false(value_set(&row_list, "a,,b", &list, why, sizeof(why)));
	assert_string_equal(why, "item 2 is empty");
	assert_false(value_set(&row_list, "a,", &list, why, sizeof(why)));
	assert_string_equal(why, "item 2 is empty");
	assert_false(value_set(&row_list, "a,\x01", &list, why, sizeof(why)));
	assert_string_equal(why, "\\x01 holds a control character or is not UTF-8");
	assert_int_equal(list.n, 3);
	assert_true(value_set_items(&row_list, comma, 1, &list, why, sizeof(why)));
	assert_int_equal(list.n, 1);
	assert_string_equal(list.v[0], "a, b");
	assert_false(value_set_items(&row_text, four, 1, &list, why, sizeof(why)));
	assert_string_equal(why, "takes one value, not a list");
	value_clear(&row_list, &list);
	assert_int_equal(list.n, 0);
}

static void test_printable(void **state)
{
	static const struct str good[] = {{"", 0}, {"plain", 5}, {"\xc2\xa0", 2}, {"\xe2\x82\xac", 3}, {"\xf4\x8f\xbf\xbd", 4}};
	static const struct str bad[] = {{"\x1f", 1}, {"\x7f", 1}, {"\x80", 1}, {"\xc2\x85", 2}, {"\xc0\xaf", 2},
		{"\xe0\x80\xaf", 3}, {"\xed\xa0\x80", 3}, {"\xe2\x80\xa8", 3}, {"\xef\xbb\xbf", 3}, {"\xef\xbf\xbf", 3},
		{"\xf4\x90\x80\x80", 4}, {"\xf5", 1}, {"\xe2\x82", 2}, {"\xc3x", 2}, {"\0", 1}, {"\xf4\x8f\xbf\xbf", 4}};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(printable_is(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(printable_is(bad[i]));
}

/* What settings_print prints; a new string. */
static char *print(const struct settings *s, bool with_docs)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(f);
	settings_print(s, f, with_docs);
	assert_int_equal(fclose(f), 0);
	return text;
}

/* Reads printed text back into new settings, options only. */
static struct settings *read_back(const char *text)
{
	struct settings *s = settings_new_defaults();
	char why[400] = "";
	struct yaml_entries *e = yaml_read_text(str_of(text), "printed", why, sizeof(why));

	assert_string_equal(why, "");
	assert_int_equal(e->n, OPTION_COUNT + 1);
	assert_string_equal(e->v[OPTION_COUNT].name, "rules"); /* it comes last */
	assert_int_equal(e->v[OPTION_COUNT].kind, ENTRY_LIST);
	assert_int_equal(e->v[OPTION_COUNT].items_n, 0);
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		enum option_id id = option_of_name(str_of(e->v[i].name));
		void *field = option_field(id, s);
		bool is_ok = e->v[i].kind == ENTRY_LIST
			? value_set_items(option_row(id), e->v[i].items, e->v[i].items_n, field, why, sizeof(why))
			: value_set(option_row(id), e->v[i].text, field, why, sizeof(why));

		assert_true(is_ok);
	}
	yaml_entries_free(e);
	return s;
}

static void assert_settings_equal(const struct settings *a, const struct settings *b)
{
	for (int i = 0; i < OPTION_COUNT; i++) {
		enum option_id id = (enum option_id)i;

		if (!value_equal(option_row(id), option_field_const(id, a), option_field_const(id, b)))
			fail_msg("%s differs", option_row(id)->name);
	}
}

static void test_print_reads_back(void **state)
{
	static const char *const texts[] = {"", " ", "off", "null", "~", "it's", "a: b", "#x", "- x", "[x]", "{", "\"q\"",
		"a #b", "*x", "&y", "!z", "%w", "@v", "`u", "x:", "::1", "\\n", "\xc3\xa4 \xe2\x82\xac", "? k", "0", "1e3",
		"<<", "=", "a,b", "---", "...", "'", "''"};
	char why[200];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct settings *s = settings_new_defaults(), *back;
		char *items[40], *text, *printed[2];
		size_t n = 0, most = i % 3 == 0 ? 1 : 40;

		assert_true(value_set(option_row(OPT_access_realm), texts[i], &s->access_realm, why, sizeof(why)));
		assert_true(value_set(option_row(OPT_data), texts[i], &s->data, why, sizeof(why)));
		text = mem_strdup(*texts[i] == '\0' || *texts[i] == ' ' ? "x" : texts[i]);
		while (n < most)
			items[n++] = text;
		assert_true(value_set_items(option_row(OPT_hosts), items, n, &s->hosts, why, sizeof(why)));
		s->timeout_connect_ms = 1234;
		s->capture_enabled = false;
		s->redirects_mode = REDIRECTS_PASS;
		for (int with_docs = 0; with_docs <= 1; with_docs++) {
			printed[with_docs] = print(s, with_docs);
			back = read_back(printed[with_docs]);
			assert_settings_equal(s, back);
			settings_unref(back);
			free(printed[with_docs]);
		}
		settings_unref(s);
		mem_free(text);
	}
}

static void test_print_shape(void **state)
{
	struct settings *s = settings_new_defaults();
	char *plain = print(s, false), *docs = print(s, true);

	(void)state;
	assert_memory_equal(plain, "listen: [127.0.0.1:8080]\ninspector: 127.0.0.1:8081\ndata: ''\n", 60);
	assert_non_null(strstr(plain, "\nredirects:\n  mode: auto\n  max_hops: 20\n  by_request: true\n"));
	assert_non_null(strstr(plain, "\nintercept: none\nintercept.learned_ttl: 15m\n"));
	assert_non_null(strstr(plain, "\naccess:\n  clients: [127.0.0.0/8, '::1']\n"));
	assert_string_equal(plain + strlen(plain) - strlen("\nrules: []\n"), "\nrules: []\n");
	assert_null(strchr(plain, '#'));
	assert_non_null(strstr(docs,
		"\n  # redirects followed for one request; one more is an error (502, redirect_limit)\n"
		"  # (number, 0 to 100)\n  max_hops: 20\n"));
	free(plain);
	free(docs);
	settings_unref(s);
}

/* conf/viaduct.yaml, found from where this source lies; a new string. */
static char *shipped_read(char *ret_path, size_t size)
{
	static const char here[] = __FILE__;
	const char *file = strstr(here, "tests/unit/");
	char *text = mem_alloc(YAML_FILE_MAX_BYTES + 1);
	size_t len;
	FILE *f;

	assert_non_null(file);
	snprintf(ret_path, size, "%.*sconf/viaduct.yaml", (int)(file - here), here);
	f = fopen(ret_path, "r");
	assert_non_null(f);
	len = fread(text, 1, YAML_FILE_MAX_BYTES, f);
	fclose(f);
	text[len] = '\0';
	return text;
}

/* The shipped file holds every option of the table once, with its default, and nothing else. */
static void test_shipped_options(void **state)
{
	char path[1000], *text = shipped_read(path, sizeof(path));
	struct settings *defaults = settings_new_defaults(), *shipped = read_back(text);

	(void)state;
	assert_settings_equal(defaults, shipped);
	settings_unref(defaults);
	settings_unref(shipped);
	mem_free(text);
}

/* Behind its opening comment the shipped file is what is printed, so that its comments cannot fall behind the table. */
static void test_shipped_comments(void **state)
{
	char path[1000], *text = shipped_read(path, sizeof(path)), *body = strstr(text, "\n\n");
	struct settings *defaults = settings_new_defaults();
	char *printed = print(defaults, true), *a = body + 2, *b = printed;

	(void)state;
	assert_non_null(body);
	while (*a != '\0' && *a == *b) {
		a++;
		b++;
	}
	if (*a != *b)
		fail_msg("%s differs from the option table: it has \"%.60s\" instead of \"%.60s\"", path, a, b);
	settings_unref(defaults);
	free(printed);
	mem_free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_enum_order),
		cmocka_unit_test(test_suggest),
		cmocka_unit_test(test_suggest_word),
		cmocka_unit_test(test_good_numbers),
		cmocka_unit_test(test_bad_numbers),
		cmocka_unit_test(test_bool),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_printable),
		cmocka_unit_test(test_print_reads_back),
		cmocka_unit_test(test_print_shape),
		cmocka_unit_test(test_shipped_options),
		cmocka_unit_test(test_shipped_comments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
