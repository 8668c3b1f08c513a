/* viaduct identities: its table, its changes, its arguments. */
#include "base/clock.h"
#include "cli_run.h"

#include <jansson.h>

/* One flow to a place, that long ago. */
static void write_visit(uint64_t id, const char *url, const char *certificate, const char *issuer, int64_t age_s)
{
	struct flow_fixture f;

	fixture_init(&f, id);
	fixture_lead(&f, url);
	f.hops[1].started_us = clock_wall_us() - age_s * 1000000;
	f.identity.certificate_sha256 = certificate;
	f.identity.issuer = issuer;
	write_one(&f.x);
}

static void write_some(void)
{
	write_visit(1, "https://a.example/", "c1", "CN=One", 3 * 86400);
	write_visit(2, "https://[2001:db8::1]:8443/", "c2", "CN=One", 2 * 86400);
	write_visit(3, "https://a.example/", "c3", "CN=\x1bTwo", 86400 / 2);
}

static void test_table(void **state)
{
	char output[OUTPUT_BYTES];
	const char *first, *second;

	(void)state;
	write_some();
	assert_int_equal(run(cli_identities, "--since=9w", NULL, output), EXIT_OK);
	assert_non_null(strstr(output, "first seen      last seen       valid to      flows  origin"));
	first = strstr(output, "2024-02-12        1  a.example:443                   CN=One\n");
	second = strstr(output, "2024-02-12        1  [2001:db8::1]:8443              CN=One\n");
	assert_true(first && second && first < second);
	assert_non_null(strstr(output, "CN=\\x1bTwo\n"));
	assert_int_equal(run(cli_identities, "A.example", "--since=1d", output), EXIT_OK);
	assert_null(strstr(output, "CN=One"));
	assert_non_null(strstr(output, "CN=\\x1bTwo\n"));
	assert_int_equal(run(cli_identities, "2001:db8::1", NULL, output), EXIT_OK);
	assert_non_null(strstr(output, "[2001:db8::1]:8443"));
	assert_null(strstr(output, "a.example"));
	assert_int_equal(run(cli_identities, "a.example:444", NULL, output), EXIT_OK);
	assert_null(strstr(output, "a.example"));
	assert_int_equal(run(cli_identities, "https://a.example/x", NULL, output), EXIT_OK);
	assert_non_null(strstr(output, "a.example:443"));
}

static void test_changes(void **state)
{
	char output[OUTPUT_BYTES];

	(void)state;
	write_some();
	assert_int_equal(run(cli_identities, "--changes", NULL, output), EXIT_OK);
	assert_non_null(strstr(output,
		"issuer       a.example:443                   flow 3\n"
		"                before  CN=One\n"
		"                after   CN=\\x1bTwo\n"));
	assert_int_equal(run(cli_identities, "--changes", "--since=1h", output), EXIT_OK);
	assert_string_equal(output, "no origin that was known has shown another certificate\n");
	assert_int_equal(run(cli_identities, "--changes", "2001:db8::1", output), EXIT_OK);
	assert_string_equal(output, "no origin that was known has shown another certificate\n");
}

static void test_json(void **state)
{
	char output[OUTPUT_BYTES];
	json_t *o;

	(void)state;
	write_some();
	assert_int_equal(run(cli_identities, "--json", "[2001:db8::1]:8443", output), EXIT_OK);
	o = json_loads(output, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(o, "host")), "2001:db8::1");
	assert_int_equal(json_integer_value(json_object_get(o, "port")), 8443);
	assert_int_equal(json_integer_value(json_object_get(o, "flows")), 1);
	assert_string_equal(json_string_value(json_object_get(o, "certificate_sha256")), "c2");
	json_decref(o);
	assert_int_equal(run(cli_identities, "--json", "--changes", output), EXIT_OK);
	o = json_loads(output, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(o, "what")), "issuer");
	assert_string_equal(json_string_value(json_object_get(o, "before")), "CN=One");
	assert_int_equal(json_integer_value(json_object_get(o, "exchange_id")), 3);
	json_decref(o);
	assert_int_equal(run(cli_identities, "--json", "nobody.example", output), EXIT_OK);
	assert_string_equal(output, "");
}

static void test_arguments(void **state)
{
	static const char *const bad[] = {
		"--since=", "--since=1", "--since=d", "--since=1y", "--since=-1d", "--since=100001w", "--nothing", "", ":443"};
	char output[OUTPUT_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(run(cli_identities, bad[i], NULL, output), EXIT_USAGE);
		assert_string_equal(output, "");
	}
	assert_int_equal(run(cli_identities, "a.example", "b.example", output), EXIT_USAGE);
	assert_int_equal(run(cli_identities, "--help", NULL, output), EXIT_OK);
	assert_non_null(strstr(output, "usage: viaduct identities"));
	assert_int_equal(run(cli_identities, "a.example", NULL, output), EXIT_FAILED); /* there is no database */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_table),
		STORE_TEST(test_changes),
		STORE_TEST(test_json),
		STORE_TEST(test_arguments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
