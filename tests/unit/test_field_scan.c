/* field_scan.h: all forms in which fields are stored, what is damaged, and that the bytes come back; and field_match.h,
 * which looks through them. */
#include "filter_rows.h"

#include "store/find/field_match.h"
#include "store/find/field_scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the above */
#include <cmocka.h>

/* The elements as "id;" or "name=value;". */
static void scan(struct str json, struct text *to)
{
	struct text scratch = {NULL, 0, 0};
	struct field_element e;

	text_clear(to);
	while (field_scan(&json, &e)) {
		if (e.id != 0) {
			text_i64(to, e.id);
		} else {
			text_put(to, field_bytes(&e.name, &scratch));
			text_byte(to, '=');
			text_put(to, field_bytes(&e.value, &scratch));
		}
		text_byte(to, ';');
	}
	text_fini(&scratch);
}

static void test_forms(void **state)
{
	static const char *const cases[][2] = {
		{"[]", ""},
		{"", ""},
		{"[1]", "1;"},
		{"[12,9223372036854775807]", "12;9223372036854775807;"},
		{"[[\"A\",\"b\"]]", "A=b;"},
		{"[1,[\"A\",\"\"],3,[\"\",\"x\"]]", "1;A=;3;=x;"},
		{"[[\"A\",\"\\\"\\\\\\/\\n\\r\\t\\b\\f\"]]", "A=\"\\/\n\r\t\b\f;"},
		{"[[\"A\",\"\\u0001\\u00e4\\u20AC\\ud83d\\ude00\"]]", "A=\x01\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80;"},
		{"[[\"A\",{\"hex\":\"00ff41\"}],[{\"hex\":\"42\"},\"c\"]]", "A="},
		/* damaged: up to there */
		{"[1", "1;"},
		{"[1,[\"A\"", "1;"},
		{"[1,[\"A\",\"b\"", "1;"},
		{"[1,[\"A\",\"b]]", "1;"},
		{"[1,[\"A\",\"b\\", "1;"},
		{"[1,-2]", "1;"},
		{"[0]", ""},
		{"[99999999999999999999]", ""},
		{"[1,null]", "1;"},
		{"{\"a\":1}", ""},
		{"[[\"A\",{\"bin\":\"00\"}]]", ""},
		{"[[\"A\",{\"hex\":\"00\"]]", ""},
	};
	struct text t = {NULL, 0, 0};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		scan(str_of(cases[i][0]), &t);
		if (strstr(cases[i][0], "00ff41") != NULL) {
			assert_int_equal(t.len,
				sizeof("A=\0\xff"
				       "A;B=c;") -
					1);
			assert_memory_equal(t.p,
				"A=\0\xff"
				"A;B=c;",
				t.len);
			continue;
		}
		text_byte(&t, '\0');
		assert_string_equal(t.p, cases[i][1]);
	}
	text_fini(&t);
}

/* What is written comes back byte by byte. */
static void test_round_trip(void **state)
{
	char all[256];
	struct field v[2] = {{STR("X-All"), {all, sizeof(all)}}, {STR("X-Ascii"), {all + 1, 127}}};
	const struct fields fields = {v, 2, 2};
	struct text json = {NULL, 0, 0}, scratch = {NULL, 0, 0};
	struct field_element e;
	struct str rest;

	(void)state;
	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (char)i;
	json_fields(&json, &fields);
	rest = text_str(&json);
	for (size_t i = 0; i < 2; i++) {
		struct str value;

		assert_true(field_scan(&rest, &e));
		assert_true(field_is_named(&e.name, v[i].name));
		assert_false(field_is_named(&e.name, STR("X")));
		value = field_bytes(&e.value, &scratch);
		assert_int_equal(value.len, v[i].value.len);
		assert_memory_equal(value.p, v[i].value.p, value.len);
	}
	assert_false(field_scan(&rest, &e));
	text_fini(&json);
	text_fini(&scratch);
}

/* Lines that were stored before the filter was made, and after it. */
static void test_later_lines(void **state)
{
	struct filter_error error;
	struct filter *f = filter_parse(STR("req.header[\"server\"] ~ \"^ng\""), false, &error);
	const struct filter_node *node = filter_tree(f);
	enum filter_answer answer = FILTER_UNDECIDED;
	struct field_match *m;
	struct filter_rows rows;

	(void)state;
	rows_open(&rows);
	rows_exec(&rows,
		"INSERT INTO head_fields VALUES (3, 'Server', 'nginx', 9), (5, 'SERVER', 'apache', 9), (7, 'X', 'ng', 9)");
	m = field_match_new(&rows.reader, f);
	assert_non_null(m);
	assert_true(field_match_ask(m, node, STR("[3]"), &answer));
	assert_int_equal(answer, FILTER_YES);
	assert_true(field_match_ask(m, node, STR("[5,7,[\"Server\",\"a\"]]"), &answer));
	assert_int_equal(answer, FILTER_NO);
	assert_true(field_match_ask(m, node, STR("[5,7,[\"Server\",\"ng\"]]"), &answer));
	assert_int_equal(answer, FILTER_YES);
	rows_exec(&rows,
		"INSERT INTO head_fields VALUES (8, 'server', 'ngx', 9), (9, 'server', 'x', 9), (10, 'Date', 'ng', 9)");
	assert_true(field_match_ask(m, node, STR("[5,8]"), &answer));
	assert_int_equal(answer, FILTER_YES);
	assert_true(field_match_ask(m, node, STR("[9,10,11]"), &answer));
	assert_int_equal(answer, FILTER_NO);
	assert_true(field_match_ask(m, node, STR_NONE, &answer));
	assert_int_equal(answer, FILTER_NO);
	field_match_free(m);
	rows_exec(&rows, "DROP VIEW header_fields; DROP VIEW heads; DROP TABLE head_fields");
	assert_null(field_match_new(&rows.reader, f));
	assert_string_equal(reader_error(&rows.reader), "no such table: head_fields");
	rows_close(&rows);
	filter_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_later_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
