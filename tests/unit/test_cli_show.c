/* viaduct show and viaduct flows on a database: what goes to stdout, and the exit codes. */
#include "cli/cli.h"
#include "query_run.h"

#include <fcntl.h>
#include <jansson.h>

enum { OUTPUT_BYTES = 32768 };

typedef int command(int argc, char **argv);

/* Runs a sub-command on the folder, with one or two more arguments; its exit code. What it wrote to stdout goes into ret_output. */
static int run(command *run_it, const char *first, const char *second, char ret_output[OUTPUT_BYTES])
{
	char *argv[] = {(char *)"--data", folder.data, (char *)first, (char *)second, NULL};
	char path[128];
	int status, out, saved = dup(STDOUT_FILENO);
	ssize_t n;

	snprintf(path, sizeof(path), "%s/stdout", folder.path);
	out = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	assert_true(out >= 0 && saved >= 0);
	fflush(stdout);
	assert_true(dup2(out, STDOUT_FILENO) >= 0);
	status = run_it(second ? 4 : 3, argv);
	fflush(stdout);
	assert_true(dup2(saved, STDOUT_FILENO) >= 0);
	n = pread(out, ret_output, OUTPUT_BYTES - 1, 0);
	assert_true(n >= 0 && n < OUTPUT_BYTES - 1);
	ret_output[n] = '\0';
	close(out);
	close(saved);
	return status;
}

static void write_two(void)
{
	struct flow_fixture f;

	fixture_init(&f, 3);
	write_one(&f.x);
	fixture_init(&f, 4);
	f.x.url = STR("http://example.com/newer");
	write_one(&f.x);
}

static void test_last(void **state)
{
	char output[OUTPUT_BYTES];

	(void)state;
	store_stop(start(MAX_FLOWS));
	assert_int_equal(run(cli_show, "last", NULL, output), EXIT_FAILED);
	assert_string_equal(output, "");
	write_two();
	assert_int_equal(run(cli_show, "last", NULL, output), EXIT_OK);
	assert_non_null(strstr(output, "flow 4  GET http://example.com/newer\n"));
	assert_int_equal(run(cli_show, "3", NULL, output), EXIT_OK);
	assert_non_null(strstr(output, "flow 3  GET http://example.com/a?b=c\n"));
	assert_int_equal(run(cli_show, "5", NULL, output), EXIT_FAILED);
	assert_int_equal(run(cli_show, "latest", NULL, output), EXIT_USAGE);
}

/* The chain comes before the hops, and those before the answer. */
static void test_order(void **state)
{
	static const char *const parts[] = {"  left out   Alt-Svc", "\n  chain\n    1  first", "    2  redirect",
		"request from the client", "hop 1 (first)", "hop 2 (redirect)", "response to the client"};
	char output[OUTPUT_BYTES];
	const char *at = output;

	(void)state;
	write_two();
	assert_int_equal(run(cli_show, "3", NULL, output), EXIT_OK);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		at = strstr(at, parts[i]);
		if (!at)
			fail_msg("\"%s\" is missing, or too early, in\n%s", parts[i], output);
	}
}

static void test_json(void **state)
{
	char output[OUTPUT_BYTES];
	json_t *o, *hop;

	(void)state;
	write_two();
	assert_int_equal(run(cli_show, "last", "--json", output), EXIT_OK);
	o = json_loads(output, 0, NULL);
	assert_non_null(o);
	assert_string_equal(json_string_value(json_object_get(o, "final_url")), "https://other.example/x#there");
	assert_int_equal(json_integer_value(json_object_get(o, "redirects")), 1);
	assert_int_equal(json_integer_value(json_object_get(o, "retries")), 0);
	assert_string_equal(json_string_value(json_object_get(json_array_get(json_object_get(o, "response_dropped"), 0),
				    "name")),
		"Alt-Svc");
	assert_int_equal(json_array_size(json_object_get(o, "chain")), 2);
	hop = json_array_get(json_object_get(o, "chain"), 1);
	assert_int_equal(json_array_size(json_object_get(hop, "dropped")), 2);
	assert_non_null(json_object_get(hop, "request"));
	json_decref(o);
}

static void test_flows(void **state)
{
	char output[OUTPUT_BYTES];

	(void)state;
	write_two();
	assert_int_equal(run(cli_flows, "-n", "1", output), EXIT_OK);
	assert_non_null(strstr(output, "     2  http://example.com/newer  -> https://other.example\n"));
	assert_null(strstr(output, "http://example.com/a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_last),
		STORE_TEST(test_order),
		STORE_TEST(test_json),
		STORE_TEST(test_flows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
