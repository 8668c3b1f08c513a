/* The options about opening tunnels and the CA: how they are written beside each other, every message with its place, and what is
 * warned of. */
#include "config/settings.h"

#include "base/mem.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
/* cmocka wants the above */
#include <cmocka.h>

enum { TEXT_BYTES = 1000 };

/* A folder of our own with a configuration file, which is also HOME. */
static char folder[64], file[96], home[80];

static void file_write(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static struct settings *try_load(const char *text, const char *variable, const char *set, char *ret_why, size_t size)
{
	const char *const environment[] = {home, variable, NULL};
	struct settings_source source = {.file = file, .environ = environment, .set = &set, .set_n = set != NULL};

	file_write(file, text);
	return settings_load(&source, ret_why, size);
}

static struct settings *load(const char *text, const char *variable, const char *set)
{
	char why[TEXT_BYTES] = "";
	struct settings *s = try_load(text, variable, set, why, sizeof(why));

	assert_string_equal(why, "");
	assert_non_null(s);
	return s;
}

/* In message @ stands for the folder and $ for the file. */
static void refuses(const char *text, const char *variable, const char *set, const char *message)
{
	char why[TEXT_BYTES] = "", expected[TEXT_BYTES];
	size_t len = 0;

	for (; *message != '\0'; message++) {
		const char one[2] = {*message, '\0'}, *piece = *message == '@' ? folder : *message == '$' ? file : one;

		len += (size_t)snprintf(expected + len, sizeof(expected) - len, "%s", piece);
		assert_true(len < sizeof(expected));
	}
	assert_null(try_load(text, variable, set, why, sizeof(why)));
	assert_string_equal(why, expected);
}

static void test_defaults(void **state)
{
	struct settings *s = load("", NULL, NULL);

	(void)state;
	assert_int_equal(s->intercept, INTERCEPT_NONE);
	assert_int_equal(s->intercept_learned_ttl_ms, 15 * 60 * 1000);
	assert_int_equal(s->intercept_host_mismatch, INTERCEPT_HOST_MISMATCH_ALLOW);
	assert_false(s->intercept_copy_names || s->intercept_wildcards);
	assert_string_equal(s->ca_cert, "");
	assert_int_equal(s->ca_name_constraints.n, 0);
	settings_unref(s);
}

/* intercept has a value and is the beginning of other names too. */
static void test_names(void **state)
{
	struct settings *s = load("intercept: all\nintercept.learned_ttl: 5m\nintercept.host_mismatch: refuse\n", NULL, NULL);

	(void)state;
	assert_int_equal(s->intercept, INTERCEPT_ALL);
	assert_int_equal(s->intercept_learned_ttl_ms, 300000);
	assert_int_equal(s->intercept_host_mismatch, INTERCEPT_HOST_MISMATCH_REFUSE);
	settings_unref(s);

	s = load("intercept: {learned_ttl: 0, wildcards: yes}\n", "VIADUCT_INTERCEPT=all", NULL);
	assert_int_equal(s->intercept, INTERCEPT_ALL);
	assert_int_equal(s->intercept_learned_ttl_ms, 0);
	assert_true(s->intercept_wildcards);
	settings_unref(s);

	s = load("", "VIADUCT_INTERCEPT_LEARNED_TTL=90s", "intercept=all");
	assert_int_equal(s->intercept, INTERCEPT_ALL);
	assert_int_equal(s->intercept_learned_ttl_ms, 90000);
	settings_unref(s);

	refuses("intercept: {mode: all}\n", NULL, NULL,
		"$:1: intercept.mode: there is no such option (a value for intercept stands behind intercept itself, as in "
		"intercept: none)");
	refuses("", NULL, "intercept.x=all",
		"--set intercept.x: there is no such option (a value for intercept stands behind intercept itself, as in "
		"intercept: none)");
	refuses("intercept:\n", NULL, NULL, "$:1: intercept: has no value (write '' for an empty text, [] for an empty list)");
	refuses("intercept.learned: 1s\n", NULL, NULL,
		"$:1: intercept.learned: there is no such option (is intercept.learned_ttl meant?)");
	refuses("intercept: everything\n", NULL, NULL, "$:1: intercept: everything is not one of none|all|list");
	refuses("", "VIADUCT_INTERCEPT_MAX_LEAVES=1", NULL,
		"VIADUCT_INTERCEPT_MAX_LEAVES: intercept.max_leaves: 1 is too small (at least 16)");
}

/* What is printed reads back, with comments and without. */
static void test_print(void **state)
{
	struct settings *s =
		load("intercept: all\nintercept.learned_ttl: 5m\nca.name_constraints: [a.example, 10.0.0.0/8]\n", NULL, NULL);

	(void)state;
	for (int with_docs = 0; with_docs <= 1; with_docs++) {
		char *text = NULL;
		size_t size = 0;
		FILE *f = open_memstream(&text, &size);
		struct settings *back;

		assert_non_null(f);
		settings_print(s, f, with_docs);
		assert_int_equal(fclose(f), 0);
		assert_non_null(strstr(text, "\nintercept: all\n"));
		assert_non_null(strstr(text, "\nintercept.learned_ttl: 5m\n"));
		back = load(text, NULL, NULL);
		assert_int_equal(back->intercept, INTERCEPT_ALL);
		assert_int_equal(back->intercept_learned_ttl_ms, 300000);
		assert_int_equal(back->ca_name_constraints.n, 2);
		settings_unref(back);
		free(text);
	}
	settings_unref(s);
}

static void test_ca_files(void **state)
{
	char cert[TEXT_BYTES], key[TEXT_BYTES];
	struct settings *s;

	(void)state;
	snprintf(cert, sizeof(cert), "%s/ca.pem", folder);
	snprintf(key, sizeof(key), "%s/ca.key", folder);
	refuses("ca.cert: ca.pem\n", NULL, NULL, "$:1: ca.cert: is set without ca.key; they belong together");
	refuses("", NULL, "ca.key=~/ca.key", "--set ca.key: is set without ca.cert; they belong together");
	refuses("ca: {cert: ca.pem, key: ca.key}\n", NULL, NULL,
		"$:1: ca.cert: @/ca.pem: cannot be opened: No such file or directory");
	file_write(cert, "what is in it is not looked at here");
	refuses("ca:\n  cert: ca.pem\n  key: ca.key\n", NULL, NULL,
		"$:3: ca.key: @/ca.key: cannot be opened: No such file or directory");
	assert_int_equal(mkfifo(key, 0600), 0);
	refuses("ca: {cert: ca.pem, key: ca.key}\n", NULL, NULL, "$:1: ca.key: @/ca.key: is no regular file");
	unlink(key);
	file_write(key, "");
	s = load("ca: {cert: ca.pem}\n", NULL, "ca.key=~/ca.key");
	assert_string_equal(s->ca_cert, cert);
	assert_string_equal(s->ca_key, key);
	settings_unref(s);
	unlink(cert);
	unlink(key);
}

static void test_name_constraints(void **state)
{
	struct settings *s = load("ca.name_constraints: [test.example, 10.0.0.0/8, 'fd00::/8']\n", NULL, NULL);

	(void)state;
	assert_int_equal(s->ca_name_constraints.n, 3);
	settings_unref(s);
	refuses("ca:\n  name_constraints: [a.example, 10.0.0.1/8]\n", NULL, NULL,
		"$:2: ca.name_constraints: 10.0.0.1/8 is neither a domain (like example.com: it and all below) nor a network "
		"(like 10.0.0.0/8)");
	refuses("", NULL, "ca.name_constraints=*.a.example",
		"--set ca.name_constraints: *.a.example is neither a domain (like example.com: it and all below) nor a network "
		"(like 10.0.0.0/8)");
}

/* What loading that text writes on stderr. */
static const char *warnings_of(const char *text, const char *set, char *to, size_t size)
{
	int fds[2], kept = dup(STDERR_FILENO);
	ssize_t n;

	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	assert_true(kept >= 0 && dup2(fds[1], STDERR_FILENO) >= 0);
	settings_unref(load(text, NULL, set));
	assert_true(dup2(kept, STDERR_FILENO) >= 0);
	n = read(fds[0], to, size - 1);
	to[n > 0 ? n : 0] = '\0';
	close(fds[0]);
	close(fds[1]);
	close(kept);
	return to;
}

static void test_idle_rules(void **state)
{
	static const char yes[] = "rules: [{when: host, intercept: true}]\n",
			  no[] = "rules: [{when: host, intercept: false}]\n";
	char said[TEXT_BYTES];

	(void)state;
	assert_string_equal(warnings_of(yes, NULL, said, sizeof(said)),
		"viaduct: warn: rules with intercept: true do nothing, since the option intercept is none (is intercept: list "
		"meant?)\n");
	assert_string_equal(warnings_of(no, "intercept=list", said, sizeof(said)),
		"viaduct: warn: no tunnel is opened: the option intercept is list, and no rule has intercept: true\n");
	assert_string_equal(warnings_of(yes, "intercept=list", said, sizeof(said)), "");
	assert_string_equal(warnings_of(yes, "intercept=all", said, sizeof(said)), ""); /* it may stand before one with false */
	assert_string_equal(warnings_of(no, NULL, said, sizeof(said)), "");
}

static int set_up(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/viaduct-intercept-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(file, sizeof(file), "%s/c.yaml", folder);
	snprintf(home, sizeof(home), "HOME=%s", folder);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(file);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_ca_files),
		cmocka_unit_test(test_name_constraints),
		cmocka_unit_test(test_idle_rules),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
