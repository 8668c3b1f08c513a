/* viaduct flows with filters, and viaduct sql, on a database that the store has written: what goes to stdout and stderr, and
 * the exit codes. */
#include "cli_run.h"

#include "cli/flow_line.h"
#include "cli/sql_table.h"

#include <jansson.h>

/* Runs with one or two arguments; what goes to stderr is taken, too. */
static int run_all(command *run_it, const char *first, const char *second, char ret_output[OUTPUT_BYTES],
	char ret_errors[OUTPUT_BYTES])
{
	char path[128];
	int status, errors, saved = dup(STDERR_FILENO);
	ssize_t n;

	snprintf(path, sizeof(path), "%s/stderr", folder.path);
	errors = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	assert_true(errors >= 0 && saved >= 0 && dup2(errors, STDERR_FILENO) >= 0);
	status = run(run_it, first, second, ret_output);
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	n = pread(errors, ret_errors, OUTPUT_BYTES - 1, 0);
	assert_in_range(n, 0, OUTPUT_BYTES - 2);
	ret_errors[n] = '\0';
	close(errors);
	close(saved);
	return status;
}

/* Flows 3 and 4 are those of the fixture, 5 is in flight. */
static void write_three(void)
{
	struct flow_fixture f;

	fixture_init(&f, 3);
	write_one(&f.x);
	fixture_init(&f, 4);
	f.x.url = STR("http://example.com/newer");
	write_one(&f.x);
}

/* The ids of the lines, in their order. */
static void ids_of(const char *output, char to[64])
{
	size_t len = 0;

	to[0] = '\0';
	for (const char *line = strchr(output, '\n'); line != NULL && line[1] != '\0'; line = strchr(line + 1, '\n'))
		len += (size_t)snprintf(to + len, 64 - len, "%ld ", strtol(line + 1, NULL, 10));
}

static void test_filters(void **state)
{
	static const char *const cases[][2] = {{"id", "3 4 "}, {"id == 3", "3 "}, {"id > 4", ""}, {"url ~ \"newer$\"", "4 "},
		{"req.header[\"x-twice\"] == \"two\"", "3 4 "}, {"req.header[\"X-TWICE\"] in [\"three\"]", ""},
		{"res.header[\"set-cookie\"] ~ \"=2$\" && redirects == 1", "3 4 "},
		{"res.header[\"Empty\"] == \"\" && hops == 2", "3 4 "}, {"session", "3 4 "}, {"session == \"no such\"", ""},
		{"comment || retries > 0", ""}};
	char output[OUTPUT_BYTES], errors[OUTPUT_BYTES], ids[64];

	(void)state;
	write_three();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(run_all(cli_flows, cases[i][0], NULL, output, errors), EXIT_OK);
		assert_string_equal(errors, "");
		ids_of(output, ids);
		if (strcmp(ids, cases[i][1]) != 0)
			fail_msg("%s: %s", cases[i][0], ids);
	}
	assert_int_equal(run_all(cli_flows, "id", "-n1", output, errors), EXIT_USAGE);
	assert_int_equal(run_all(cli_flows, "id", "--session=no \"such\\", output, errors), EXIT_FAILED);
	assert_string_equal(output, "");
	assert_string_equal(errors, "viaduct flows: there is no session no \"such\\x5c (viaduct session list shows them)\n");
	assert_int_equal(run_all(cli_flows, "id > 3", "--json", output, errors), EXIT_OK);
	assert_int_equal(strncmp(output, "{\"id\":4,", 8), 0);
	assert_int_equal(strchr(output, '\n') - output + 1, (long)strlen(output));
}

/* What is wrong, with the place under the line. */
static void test_faults(void **state)
{
	static const char *const cases[][2] = {
		{"hots == \"a\"",
			"viaduct flows: the filter: unknown field hots at 0: is host meant?\n  hots"
			" == \"a\"\n  ^\n"},
		{"port ==", "viaduct flows: the filter: the end at 7: port is a number\n  port ==\n         ^\n"},
		{"host == \"\xc3\xa4\" &&\tx", "viaduct flows: the filter: unknown field x at 16: there are"},
		{"host == \"\xff\" x",
			"viaduct flows: the filter: x at 12: &&, || or the end was expected\n  host == \"?\""
			" x\n              ^\n"},
	};
	char output[OUTPUT_BYTES], errors[OUTPUT_BYTES], tail[] = "\n  host == \"\xc3\xa4\" && x\n                 ^\n";
	struct text longer = {NULL, 0, 0};

	(void)state;
	write_three();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(run_all(cli_flows, cases[i][0], NULL, output, errors), EXIT_USAGE);
		assert_string_equal(output, "");
		if (strncmp(errors, cases[i][1], strlen(cases[i][1])) != 0)
			fail_msg("%s", errors);
		if (i == 2)
			assert_string_equal(errors + strlen(errors) - strlen(tail), tail);
	}
	for (int i = 0; i < 30; i++)
		text_put(&longer, STR("port == 1 || "));
	text_put(&longer, STR("hots"));
	text_byte(&longer, '\0');
	assert_int_equal(run_all(cli_flows, longer.p, NULL, output, errors), EXIT_USAGE);
	assert_non_null(strstr(errors, "\n  == 1 || port == 1 || port == 1 || port == 1 || port == 1 || hots\n"));
	text_fini(&longer);
	assert_int_equal(run_all(cli_flows, "port", "host", output, errors), EXIT_USAGE);
	assert_string_equal(errors,
		"viaduct flows: host: one filter at a time; put it in quotes (see viaduct"
		" flows --help)\n");
}

static void assert_line(const struct flow_view *v, const char *end)
{
	struct text t = {NULL, 0, 0};

	flow_line(&t, v, 0, false);
	assert_true(t.len > strlen(end));
	assert_memory_equal(t.p + t.len - strlen(end), end, strlen(end));
	text_fini(&t);
}

/* How far a flow in flight is: the upload until it is whole, the download from its begin on. */
static void test_progress(void **state)
{
	struct flow_view v = {.id = 1,
		.method = STR("PUT"),
		.url = STR("http://x/"),
		.outcome = STR("pending"),
		.status = -1,
		.duration_us = -1,
		.request_length_bytes = -1,
		.response_length_bytes = -1};

	(void)state;
	assert_line(&v, "http://x/  pending\n");
	v.request_body_bytes = 3100000;
	assert_line(&v, "http://x/  sent 3.1 MB  pending\n");
	v.request_length_bytes = 12000000;
	assert_line(&v, "http://x/  sent 3.1 MB of 12 MB, 25 %  pending\n");
	v.status = 200;
	v.response_body_bytes = 500;
	assert_line(&v, "http://x/  sent 3.1 MB of 12 MB, 25 %, received 500 B  pending\n");
	v.request_body_bytes = 12000000;
	v.response_length_bytes = 1000;
	assert_line(&v, "http://x/  received 500 B of 1.0 kB, 50 %  pending\n");
	v.outcome = STR("delivered");
	assert_line(&v, "http://x/\n");
}

static void test_sql(void **state)
{
	char output[OUTPUT_BYTES], errors[OUTPUT_BYTES];

	(void)state;
	write_three();
	assert_int_equal(run_all(cli_sql,
				 "SELECT id, NULL, 'a' || char(9) || 'b\\' || char(10), x'41ff' FROM exchanges ORDER BY id",
				 NULL, output, errors),
		EXIT_OK);
	assert_string_equal(output, "3\t\ta\\tb\\\\\\n\tA\\xff\n4\t\ta\\tb\\\\\\n\tA\\xff\n");
	assert_string_equal(errors, "");
	assert_int_equal(run_all(cli_sql, "SELECT 1 a, 2.5 b, 'x\"' c, NULL d, x'00ff' e, 9e999 f, '\xc3\xa4' \"g\"\"h\"",
				 "--json", output, errors),
		EXIT_OK);
	assert_string_equal(output,
		"{\"a\":1,\"b\":2.5,\"c\":\"x\\\"\",\"d\":null,\"e\":{\"hex\":\"00ff\"},\"f\":null,\"g\\\"h\":\"\xc3\xa4\"}\n");
	assert_int_equal(run_all(cli_sql, "SELECT DISTINCT header(request_fields, 'user-agent') FROM exchanges", NULL, output,
				 errors),
		EXIT_OK);
	assert_string_equal(output, "test \"quoted\"\n");
	assert_int_equal(run_all(cli_sql, "SELECT count(*), max(name) FROM header_fields WHERE name = 'X-Twice' AND hop = 0",
				 NULL, output, errors),
		EXIT_OK);
	assert_string_equal(output, "4\tX-Twice\n");
	assert_int_equal(run_all(cli_sql, "DELETE FROM exchanges", NULL, output, errors), EXIT_FAILED);
	assert_string_equal(errors, "viaduct sql: refused: the flow database can only be read here (writing)\n");
	assert_int_equal(run_all(cli_sql, "SELECT nowhere", NULL, output, errors), EXIT_FAILED);
	assert_string_equal(errors, "viaduct sql: no such column: nowhere\n");
	assert_int_equal(run_all(cli_sql, "SELECT 1", "SELECT 2", output, errors), EXIT_USAGE);
	assert_int_equal(run_all(cli_sql, "--json", NULL, output, errors), EXIT_USAGE);
}

/* A table for people: aligned, what is long is cut where there are several columns, what is hostile is legible. */
static void test_table(void **state)
{
	static const char *const names[] = {"id", "text"}, *const one[] = {"o\x1b"};
	static const char expected[] =
		"  id  text\n   7  a\\x1b[1m\n1234  xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"\xe2\x80\xa6\n      \\x01\n   8  \xc3\xa4\no\\x1b\n";
	char longest[101];
	const struct sql_value rows[][2] = {{{SQL_INTEGER, STR("7")}, {SQL_TEXT, STR("a\x1b[1m")}},
		{{SQL_INTEGER, STR("1234")}, {SQL_TEXT, {longest, 100}}}, {{SQL_NULL, STR_NONE}, {SQL_BLOB, STR("\x01")}},
		{{SQL_INTEGER, STR("8")}, {SQL_TEXT, STR("\xc3\xa4")}}};
	struct sql_table *t = sql_table_new(SQL_TABLE, false);
	struct text out = {NULL, 0, 0};

	(void)state;
	memset(longest, 'x', 100);
	longest[100] = '\0';
	sql_table_begin(t, names, 2, &out);
	for (size_t i = 0; i < 4; i++)
		sql_table_row(t, rows[i], &out);
	assert_int_equal(out.len, 0);
	sql_table_begin(t, one, 1, &out);
	sql_table_row(t, &rows[1][1], &out);
	for (int i = 0; i < 300; i++)
		sql_table_row(t, &rows[0][0], &out);
	sql_table_end(t, &out);
	text_byte(&out, '\0');
	if (strncmp(out.p, expected, strlen(expected)) != 0)
		fail_msg("%s", out.p);
	assert_non_null(strstr(out.p, longest));
	sql_table_free(t);
	sql_table_free(NULL);
	text_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_filters, setup, teardown),
		cmocka_unit_test_setup_teardown(test_faults, setup, teardown),
		cmocka_unit_test(test_progress),
		cmocka_unit_test_setup_teardown(test_sql, setup, teardown),
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
