/* The error table: every row is usable wherever a row is shown. */
#include "base/error.h"

#include "base/str.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static bool is_real(enum error e)
{
	return e != ERR_none && e != ERR_cancelled;
}

static void test_every_row_is_complete(void **state)
{
	(void)state;
	for (int e = 0; e < ERR_count; e++) {
		const struct error_row *row = error_row((enum error)e);

		assert_non_null(row);
		assert_true(str_is_token(str_of(row->name)));
		assert_non_null(row->proxy_status);
		assert_true(strlen(row->sentence) > 0);
		assert_int_not_equal(row->sentence[strlen(row->sentence) - 1], '.');
		assert_null(strpbrk(row->sentence, "\r\n\"\\<>&"));
		assert_string_not_equal(blame_name(row->blame), "unknown");
		assert_string_not_equal(phase_name(row->phase), "unknown");
	}
}

static void test_status_is_an_error_status(void **state)
{
	(void)state;
	for (int e = 0; e < ERR_count; e++) {
		const struct error_row *row = error_row((enum error)e);

		if (!is_real((enum error)e)) {
			assert_int_equal(row->status, 0);
			continue;
		}
		assert_in_range(row->status, 400, 599);
		/* The client's own faults are 4xx or a 5xx that says "not here"; the origin's are a gateway's. */
		if (row->blame == BLAME_ORIGIN)
			assert_true(row->status == 502 || row->status == 504);
		assert_true(str_is_token(str_of(row->proxy_status)));
	}
}

static void test_names_are_found_again(void **state)
{
	(void)state;
	for (int e = 0; e < ERR_count; e++)
		assert_int_equal(error_of_name(error_name((enum error)e)), e);
	assert_int_equal(error_of_name("connect_refused"), ERR_connect_refused);
	assert_int_equal(error_of_name("Connect_Refused"), ERR_count);
	assert_int_equal(error_of_name(""), ERR_count);
	assert_int_equal(error_of_name("no_such_error"), ERR_count);
}

static void test_number_outside_the_table(void **state)
{
	(void)state;
	assert_string_equal(error_name(ERR_count), "internal");
	assert_string_equal(error_name((enum error)1000), "internal");
}

static void test_names_of_columns(void **state)
{
	(void)state;
	assert_string_equal(error_name(ERR_none), "none");
	assert_string_equal(error_name(ERR_cancelled), "cancelled");
	assert_string_equal(blame_name(BLAME_CLIENT), "client");
	assert_string_equal(blame_name(BLAME_OPERATOR), "operator");
	assert_string_equal(phase_name(PHASE_ARRIVE), "arrive");
	assert_string_equal(phase_name(PHASE_FOLLOW), "follow");
	assert_string_equal(phase_name((enum phase)99), "unknown");
	assert_string_equal(blame_name((enum blame)99), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_row_is_complete),
		cmocka_unit_test(test_status_is_an_error_status),
		cmocka_unit_test(test_names_are_found_again),
		cmocka_unit_test(test_number_outside_the_table),
		cmocka_unit_test(test_names_of_columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
