/* viaduct session without a proxy: its list, its arguments. What it asks of a proxy that runs: flow/test_capture_store.py. */
#include "cli_run.h"

#include <jansson.h>

/* A run with a session of its own, and one that was killed; nothing runs any more. */
static void write_some(void)
{
	struct store_options o = options(1000);
	char lock[200], why[WHY_BYTES] = "";
	struct store *s;

	o.session = "log in \x1b[31m";
	s = store_start(&o, why, sizeof(why));
	assert_non_null(s);
	push(store_add_ring(s), 1, OUTCOME_DELIVERED);
	store_stop(s);
	assert_answer(&folder,
		"INSERT INTO sessions (run, name, started_us, ended_us, is_import) VALUES (1, 'a.har', 1700000000000000, "
		"1700000001000000, 1), (1, 'last', 1700000000000000, NULL, 0)",
		"");
	snprintf(lock, sizeof(lock), "%s/flows.lock", folder.data);
	assert_int_equal(unlink(lock), 0);
}

static void test_list(void **state)
{
	char output[OUTPUT_BYTES], *first, *second, *third;

	(void)state;
	write_some();
	assert_int_equal(run(cli_session, "list", NULL, output), EXIT_OK);
	assert_true(str_starts(str_of(output),
		STR("   id  began                ended                   flows  name\n    1  2")));
	first = strstr(output, "         1  log in \\x1b[31m\n");
	second = strstr(output, "         0  a.har (imported)\n");
	third = strstr(output, "  was killed                  0  last\n");
	assert_true(first && second && third && first < second && second < third);
	assert_int_equal(run(cli_session, "--json", NULL, output), EXIT_OK);
	assert_non_null(strstr(output, "\"is_import\":true"));
	for (char *line = strtok_r(output, "\n", &first); line; line = strtok_r(NULL, "\n", &first)) {
		json_t *x = json_loads(line, 0, NULL);

		assert_true(json_is_object(x));
		json_decref(x);
	}
}

/* "was killed" is said of a proxy that is gone, not of the one that runs. */
static void test_running(void **state)
{
	char output[OUTPUT_BYTES];
	struct store *s = start(1000);

	(void)state;
	assert_int_equal(run(cli_session, "list", NULL, output), EXIT_OK);
	assert_non_null(strstr(output, "  goes on  "));
	store_stop(s);
}

static void test_arguments(void **state)
{
	char output[OUTPUT_BYTES];

	(void)state;
	write_some();
	assert_int_equal(run(cli_session, "begin", NULL, output), EXIT_USAGE);
	assert_int_equal(run(cli_session, "list", "x", output), EXIT_USAGE);
	assert_int_equal(run(cli_session, "end", "x", output), EXIT_USAGE);
	assert_int_equal(run(cli_session, "start", NULL, output), EXIT_USAGE);
	assert_int_equal(run(cli_session, "start", "", output), EXIT_USAGE);
	assert_int_equal(run(cli_session, "--nonsense", NULL, output), EXIT_USAGE);
	assert_string_equal(output, "");
	assert_int_equal(run(cli_session, "--help", NULL, output), EXIT_OK);
	assert_true(str_starts(str_of(output), STR("usage: viaduct session")));
}

/* Nothing runs there. */
static void test_no_proxy(void **state)
{
	char output[OUTPUT_BYTES];

	(void)state;
	assert_int_equal(run(cli_session, "list", NULL, output), EXIT_FAILED);
	write_some();
	assert_int_equal(run(cli_session, "start", "x", output), EXIT_FAILED);
	assert_int_equal(run(cli_session, "end", NULL, output), EXIT_FAILED);
	assert_string_equal(output, "");
	assert_answer(&folder, "SELECT count(*) FROM sessions", "3");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_list),
		STORE_TEST(test_running),
		STORE_TEST(test_arguments),
		STORE_TEST(test_no_proxy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
