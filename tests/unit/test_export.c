/* viaduct export as a whole: what it takes, where it writes, and how secrets are told of. */
#include "cli_run.h"

#include <jansson.h>
#include <sys/stat.h>

/* Flows with a secret each. */
static void write_flows(unsigned n)
{
	struct store *s = start(MAX_FLOWS);
	struct ring *ring = store_add_ring(s);

	for (unsigned i = 1; i <= n; i++) {
		struct flow_fixture f;

		fixture_init(&f, i);
		f.x.url = STR("http://example.com/a?token=abc");
		push_facts(ring, &f.x);
	}
	store_stop(s);
}

/* Runs it with these arguments, up to NULL, and the folder of the test; what went to stdout. */
static int export_with(char ret[OUTPUT_BYTES], const char *first, const char *second, const char *third, const char *fourth)
{
	const char *given[] = {first, second, third, fourth};
	char *argv[8] = {(char *)"--data", folder.data};
	int argc = 2, saved = dup(STDOUT_FILENO), out, status;
	char path[128];
	ssize_t n;

	for (size_t i = 0; i < 4 && given[i]; i++)
		argv[argc++] = (char *)given[i];
	snprintf(path, sizeof(path), "%s/stdout", folder.path);
	out = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	assert_true(out >= 0 && saved >= 0 && dup2(out, STDOUT_FILENO) >= 0);
	status = cli_export(argc, argv);
	fflush(stdout);
	assert_true(dup2(saved, STDOUT_FILENO) >= 0);
	n = pread(out, ret, OUTPUT_BYTES - 1, 0);
	assert_true(n >= 0 && n < OUTPUT_BYTES - 1);
	ret[n] = '\0';
	close(out);
	close(saved);
	return status;
}

static json_t *line_at(const char *text, unsigned i)
{
	json_t *o;

	while (i-- > 0) {
		text = strchr(text, '\n');
		assert_non_null(text++);
	}
	o = json_loads(text, JSON_DISABLE_EOF_CHECK, NULL);
	assert_non_null(o);
	return o;
}

static size_t lines_in(const char *text)
{
	size_t n = 0;

	while ((text = strchr(text, '\n'))) {
		text++;
		n++;
	}
	return n;
}

static void assert_member(const json_t *o, const char *key, const char *expected)
{
	const char *value = json_string_value(json_object_get(o, key));

	assert_non_null(value);
	assert_string_equal(value, expected);
}

static void test_jsonl(void **state)
{
	char out[OUTPUT_BYTES];
	json_t *flow, *hop;

	(void)state;
	write_flows(2);
	assert_int_equal(export_with(out, "jsonl", NULL, NULL, NULL), EXIT_OK);
	assert_int_equal(lines_in(out), 2);
	assert_null(strstr(out, "token=abc"));
	assert_null(strstr(out, "secret=1"));
	assert_non_null(strstr(out, "secret=redacted-"));
	flow = line_at(out, 1);
	assert_int_equal(json_integer_value(json_object_get(flow, "id")), 2);
	assert_member(json_object_get(flow, "request"), "start_line", "GET http://example.com/a?b=c HTTP/1.1");
	assert_int_equal(json_array_size(json_object_get(flow, "chain")), 2);
	hop = json_array_get(json_object_get(flow, "chain"), 0);
	assert_member(json_object_get(hop, "response"), "start_line", "HTTP/1.1 302 Found");
	assert_true(json_is_null(json_object_get(hop, "request_content")));
	assert_true(json_is_null(json_object_get(hop, "response_content")));
	json_decref(flow);
}

static void test_with_secrets(void **state)
{
	char out[OUTPUT_BYTES];

	(void)state;
	write_flows(1);
	assert_int_equal(export_with(out, "jsonl", "--with-secrets", NULL, NULL), EXIT_OK);
	assert_non_null(strstr(out, "token=abc"));
	assert_non_null(strstr(out, "secret=1"));
}

static void test_which(void **state)
{
	char out[OUTPUT_BYTES];
	json_t *flow;

	(void)state;
	write_flows(3);
	assert_int_equal(export_with(out, "jsonl", "id != 2", NULL, NULL), EXIT_OK);
	assert_int_equal(lines_in(out), 2);
	assert_int_equal(export_with(out, "jsonl", "-n", "2", NULL), EXIT_OK);
	assert_int_equal(lines_in(out), 2);
	flow = line_at(out, 0);
	assert_int_equal(json_integer_value(json_object_get(flow, "id")), 2);
	json_decref(flow);
	assert_int_equal(export_with(out, "jsonl", "-n", "0", NULL), EXIT_OK);
	assert_string_equal(out, "");
	assert_int_equal(export_with(out, "jsonl", "--session", "no \"such\\ one", NULL), EXIT_FAILED);
	assert_string_equal(out, "");
	assert_int_equal(export_with(out, "curl", "id == 3", "--hop", "2"), EXIT_OK);
	assert_non_null(strstr(out, "# flow 3, hop 2: GET "));
	assert_non_null(strstr(out, "curl "));
	assert_int_equal(export_with(out, "curl", "id == 3", "--hop", "99"), EXIT_OK);
	assert_string_equal(out, "# flow 3 has no hop 99, but 2\n");
}

static void test_har(void **state)
{
	char out[OUTPUT_BYTES];
	const json_t *entries;
	json_t *har;

	(void)state;
	write_flows(2);
	assert_int_equal(export_with(out, "har", NULL, NULL, NULL), EXIT_OK);
	har = json_loads(out, 0, NULL);
	assert_non_null(har);
	entries = json_object_get(json_object_get(har, "log"), "entries");
	assert_int_equal(json_array_size(entries), 4);
	json_decref(har);
	assert_int_equal(export_with(out, "har", "id == 77", NULL, NULL), EXIT_OK);
	har = json_loads(out, 0, NULL);
	assert_non_null(har);
	json_decref(har);
}

static void test_bad_arguments(void **state)
{
	static const char *const bad[][4] = {{NULL}, {"pdf"}, {"har", "id ="}, {"har", "id == 1", "id == 2"},
		{"har", "-n", "x"}, {"har", "--hop", "1"}, {"curl", "--hop", "-1"}, {"har", "-o"}, {"har", "--nonsense"}};
	char out[OUTPUT_BYTES];

	(void)state;
	write_flows(1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(export_with(out, bad[i][0], bad[i][1], bad[i][2], bad[i][3]), EXIT_USAGE);
		assert_string_equal(out, "");
	}
}

static void test_file(void **state)
{
	char out[OUTPUT_BYTES], path[128], folder_path[128];
	struct stat st;

	(void)state;
	write_flows(1);
	snprintf(path, sizeof(path), "%s/out.jsonl", folder.path);
	assert_int_equal(export_with(out, "jsonl", "-o", path, NULL), EXIT_OK);
	assert_string_equal(out, "");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_true(st.st_size > 100);
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(export_with(out, "jsonl", "id == 9", "-o", path), EXIT_OK);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, 0);
	snprintf(folder_path, sizeof(folder_path), "%s/deep", folder.path);
	assert_int_equal(export_with(out, "jsonl", "-o", folder_path, NULL), EXIT_FAILED);
	assert_int_equal(export_with(out, "jsonl", "-o", "/proc/no/such", NULL), EXIT_FAILED);
	assert_int_equal(export_with(out, "jsonl", "-o", "-", NULL), EXIT_OK);
	assert_int_equal(lines_in(out), 1);
	assert_int_equal(export_with(out, "jsonl", "-o", "/dev/full", NULL), EXIT_FAILED);
	assert_int_equal(export_with(out, "jsonl", "-o", "/dev/null", NULL), EXIT_OK);
}

static void test_no_database(void **state)
{
	char out[OUTPUT_BYTES];

	(void)state;
	assert_int_equal(export_with(out, "jsonl", NULL, NULL, NULL), EXIT_FAILED);
	assert_string_equal(out, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_jsonl),
		STORE_TEST(test_with_secrets),
		STORE_TEST(test_which),
		STORE_TEST(test_har),
		STORE_TEST(test_bad_arguments),
		STORE_TEST(test_file),
		STORE_TEST(test_no_database),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
