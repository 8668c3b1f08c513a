/* viaduct show and viaduct flows on a database: what goes to stdout, and the exit codes. */
#include "cli_run.h"

#include <jansson.h>

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

/* Options that would have no effect are refused. */
static void test_body_options(void **state)
{
	static const char *const alone[] = {"--raw", "--hop=1"};
	char *argv[] = {(char *)"--data", folder.data, (char *)"3", (char *)"--hop=9", (char *)"--response-body", NULL};
	char output[OUTPUT_BYTES];

	(void)state;
	write_two();
	for (size_t i = 0; i < sizeof(alone) / sizeof(alone[0]); i++) {
		assert_int_equal(run(cli_show, "3", alone[i], output), EXIT_USAGE);
		assert_string_equal(output, "");
	}
	assert_int_equal(cli_show(5, argv), EXIT_FAILED);
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

/* A list with tunnels can be understood: which were opened, which were not and why. */
static void test_flows_of_tunnels(void **state)
{
	char output[OUTPUT_BYTES];
	struct flow_fixture f;

	(void)state;
	fixture_init(&f, 3);
	fixture_opened(&f);
	write_one(&f.x);
	fixture_init(&f, 4);
	f.x.parent_id = 3;
	f.x.url = STR("https://example.com/inside");
	write_one(&f.x);
	fixture_init(&f, 5);
	fixture_tunnel(&f);
	f.x.tunnel.handling = TUNNEL_PASSED;
	f.x.tunnel.why = "the client refused our certificate 2 times (alert: unknown ca)";
	write_one(&f.x);
	fixture_init(&f, 6);
	fixture_opened(&f);
	f.x.outcome = OUTCOME_FAILED;
	f.x.error = ERR_client_tls_refused;
	f.x.detail = "alert: unknown ca";
	write_one(&f.x);
	assert_int_equal(run(cli_flows, "-n", "9", output), EXIT_OK);
	assert_non_null(strstr(output, "  example.com:443  opened\n"));
	assert_non_null(strstr(output, "  https://example.com/inside  -> https://other.example\n"));
	assert_non_null(strstr(output,
		"  example.com:443  passed: the client refused our certificate 2 times (alert: unknown ca)\n"));
	assert_non_null(strstr(output,
		"  example.com:443  client_tls_refused (alert: unknown ca): the client pins the certificate of the origin, "
		"or does not trust the CA\n"));
	assert_int_equal(run(cli_show, "3", NULL, output), EXIT_OK);
	assert_non_null(strstr(output, "  inside     1 flow: 4\n"));
	assert_int_equal(run(cli_show, "4", NULL, output), EXIT_OK);
	assert_non_null(strstr(output, "  inside of  flow 3, a CONNECT that was opened\n"));
	assert_int_equal(run(cli_show, "3", "--json", output), EXIT_OK);
	assert_non_null(strstr(output, "\"children\":[4]"));
	assert_int_equal(run(cli_show, "4", "--json", output), EXIT_OK);
	assert_non_null(strstr(output, "\"children\":[]"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_last),
		STORE_TEST(test_body_options),
		STORE_TEST(test_order),
		STORE_TEST(test_json),
		STORE_TEST(test_flows),
		STORE_TEST(test_flows_of_tunnels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
