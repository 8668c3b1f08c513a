/* Methods, fields, status phrases and copies of heads. */
#include "http/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void methods_are_case_sensitive(void **state)
{
	(void)state;
	assert_int_equal(method_of(STR("GET")), METHOD_GET);
	assert_int_equal(method_of(STR("M-SEARCH")), METHOD_MSEARCH);
	assert_int_equal(method_of(STR("UNLINK")), METHOD_UNLINK);
	assert_int_equal(method_of(STR("get")), METHOD_UNKNOWN);
	assert_int_equal(method_of(STR("GETS")), METHOD_UNKNOWN);
	assert_int_equal(method_of(STR("")), METHOD_UNKNOWN);
	assert_int_equal(method_of(STR("DESCRIBE")), METHOD_UNKNOWN);
	assert_int_equal(method_of(STR("PRI")), METHOD_UNKNOWN);
	assert_true(method_is_safe(METHOD_HEAD));
	assert_false(method_is_safe(METHOD_PUT));
	assert_true(method_is_idempotent(METHOD_PUT));
	assert_false(method_is_idempotent(METHOD_POST));
	assert_false(method_is_safe(METHOD_UNKNOWN));
}

static void fields_keep_their_order(void **state)
{
	struct arena *a = arena_new(1 << 16);
	struct fields f = {0};
	char names[40][4];

	(void)state;
	for (size_t i = 0; i < 40; i++) {
		names[i][0] = 'n';
		names[i][1] = (char)('a' + i / 10);
		names[i][2] = (char)('a' + i % 10);
		assert_true(fields_add(a, &f, (struct str){names[i], 3}, STR("v")));
	}
	assert_int_equal(f.n, 40);
	for (size_t i = 0; i < 40; i++)
		assert_ptr_equal(f.v[i].name.p, names[i]);
	assert_ptr_equal(fields_find(&f, STR("NBC"), 0), &f.v[12]);
	assert_null(fields_find(&f, STR("NBC"), 13));
	assert_null(fields_value(&f, STR("x")).p);
	arena_free(a);
}

static void fields_are_found_without_case(void **state)
{
	struct arena *a = arena_new(1 << 16);
	struct fields f = {0};

	(void)state;
	assert_true(fields_add(a, &f, STR("Accept"), STR("a, b")));
	assert_true(fields_add(a, &f, STR("X"), STR("1")));
	assert_true(fields_add(a, &f, STR("ACCEPT"), STR("c")));
	assert_int_equal(fields_count(&f, STR("accept")), 2);
	assert_true(fields_list_has(&f, STR("accept"), STR("C")));
	assert_true(fields_list_has(&f, STR("accept"), STR("b")));
	assert_false(fields_list_has(&f, STR("accept"), STR("d")));
	assert_true(str_eq(fields_value(&f, STR("accept")), STR("a, b")));
	assert_int_equal(fields_remove(&f, STR("aCCept")), 2);
	assert_int_equal(f.n, 1);
	assert_true(str_eq(f.v[0].name, STR("X")));
	assert_int_equal(fields_remove(&f, STR("aCCept")), 0);
	arena_free(a);
}

static void a_full_arena_is_told(void **state)
{
	struct arena *a = arena_new(900);
	struct fields f = {0};
	size_t n = 0;

	(void)state;
	while (n < 1000 && fields_add(a, &f, STR("a"), STR("b")))
		n++;
	assert_in_range(n, 1, 999);
	assert_int_equal(f.n, n);
	assert_null(message_clone(a, &(struct message){.fields = f}));
	arena_free(a);
}

static void a_clone_has_its_own_fields(void **state)
{
	struct arena *a = arena_new(1 << 16);
	struct message m = {.is_request = true, .target = STR("/")};
	struct message *copy;

	(void)state;
	assert_true(fields_add(a, &m.fields, STR("A"), STR("1")));
	copy = message_clone(a, &m);
	assert_non_null(copy);
	assert_true(fields_add(a, &copy->fields, STR("B"), STR("2")));
	copy->fields.v[0].value = STR("changed");
	assert_int_equal(m.fields.n, 1);
	assert_true(str_eq(m.fields.v[0].value, STR("1")));
	assert_true(str_eq(copy->target, STR("/")));
	arena_free(a);
}

static void names_of_status_and_version(void **state)
{
	(void)state;
	assert_string_equal(status_reason(200), "OK");
	assert_string_equal(status_reason(511), "Network Authentication Required");
	assert_string_equal(status_reason(299), "");
	assert_string_equal(status_reason(0), "");
	assert_string_equal(status_reason(-1), "");
	assert_string_equal(status_reason(600), "");
	assert_string_equal(version_name(VERSION_1_0), "HTTP/1.0");
	assert_string_equal(version_name(VERSION_1_1), "HTTP/1.1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(methods_are_case_sensitive),
		cmocka_unit_test(fields_keep_their_order),
		cmocka_unit_test(fields_are_found_without_case),
		cmocka_unit_test(a_full_arena_is_told),
		cmocka_unit_test(a_clone_has_its_own_fields),
		cmocka_unit_test(names_of_status_and_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
