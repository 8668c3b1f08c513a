/* The options about redirects, retries and address classes, and rules in a whole configuration: what is made of them, and every
 * message with its place. */
#include "config/settings.h"

#include "base/mem.h"
#include "http/message.h"
#include "net/address_class.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* cmocka wants the above */
#include <cmocka.h>

/* Loads a file's text (NULL: none), one variable (or NULL) and one assignment (or NULL); the file's name is f.yaml in messages. */
static struct settings *try_load(const char *text, const char *variable, const char *set, char *ret_why, size_t size)
{
	char path[] = "/tmp/viaduct-follow-XXXXXX", why[1000] = "";
	const char *const environment[] = {"HOME=/nowhere", variable, NULL};
	struct settings_source source = {.environ = environment, .set = &set, .set_n = set != NULL};
	struct settings *s;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	if (text != NULL) {
		source.file = path;
		assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	}
	close(fd);
	s = settings_load(&source, why, sizeof(why));
	unlink(path);
	if (strncmp(why, path, strlen(path)) == 0)
		snprintf(ret_why, size, "f.yaml%s", why + strlen(path));
	else
		snprintf(ret_why, size, "%s", why);
	return s;
}

static struct settings *load(const char *text, const char *set)
{
	char why[1000];
	struct settings *s = try_load(text, NULL, set, why, sizeof(why));

	assert_string_equal(why, "");
	assert_non_null(s);
	return s;
}

static void refuses(const char *text, const char *variable, const char *set, const char *message)
{
	char why[1000];

	assert_null(try_load(text, variable, set, why, sizeof(why)));
	assert_string_equal(why, message);
}

static void test_defaults(void **state)
{
	struct settings *s = load(NULL, NULL);
	int errors = 0, statuses = 0;

	(void)state;
	assert_int_equal(s->redirects_targets_set, 0);
	assert_int_equal(s->access_deny_targets_set, 0);
	assert_null(s->rules);
	assert_false(s->retry_enabled);
	assert_int_equal(s->redirects_tell, REDIRECTS_TELL_HEADERS);
	assert_int_equal(s->redirects_userinfo, REDIRECTS_OTHER_PASS);
	for (int i = 0; i < ERR_count; i++)
		errors += s->retry_error_set[i];
	for (int i = 0; i < 600; i++)
		statuses += s->retry_status_set[i];
	assert_int_equal(errors, s->retry_errors.n);
	assert_int_equal(errors, 11);
	assert_true(s->retry_error_set[ERR_connect_refused] && s->retry_error_set[ERR_origin_closed]);
	assert_false(s->retry_error_set[ERR_none] || s->retry_error_set[ERR_cancelled]);
	assert_int_equal(statuses, 5);
	assert_true(s->retry_status_set[408] && s->retry_status_set[504]);
	assert_int_equal(s->retry_methods.n, 6);
	settings_unref(s);
}

static void test_classes(void **state)
{
	struct settings *s = load("redirects.targets: [loopback, metadata]\naccess.deny_targets: public, self\n", NULL);

	(void)state;
	assert_int_equal(s->redirects_targets_set, 1U << ADDRESS_LOOPBACK | 1U << ADDRESS_METADATA);
	assert_int_equal(s->access_deny_targets_set, 1U << ADDRESS_PUBLIC | 1U << ADDRESS_SELF);
	settings_unref(s);
	refuses("workers: 1\nredirects:\n  targets: [loopback, privat]\n", NULL, NULL,
		"f.yaml:3: redirects.targets: privat is no class of addresses (is private meant?)");
	refuses(NULL, NULL, "redirects.targets=self",
		"--set redirects.targets: self cannot be allowed: no redirect may lead to the proxy itself");
	refuses(NULL, "VIADUCT_ACCESS_DENY_TARGETS=everything", NULL,
		"VIADUCT_ACCESS_DENY_TARGETS: access.deny_targets: everything is not one of public, reserved, private, shared, "
		"unique-local, loopback, link-local, metadata, multicast, broadcast, unspecified, self");
}

static void test_retry(void **state)
{
	struct settings *s =
		load("retry:\n  statuses: [100, 599]\n  errors: [name_not_found]\n  methods: [GET, M-SEARCH]\n", NULL);

	(void)state;
	assert_true(s->retry_status_set[100] && s->retry_status_set[599]);
	assert_false(s->retry_status_set[503]);
	assert_true(s->retry_error_set[ERR_name_not_found]);
	assert_false(s->retry_error_set[ERR_connect_refused]);
	settings_unref(s);
	settings_unref(load(NULL, "retry.methods="));
	refuses("retry.statuses: 99\n", NULL, NULL, "f.yaml:1: retry.statuses: 99 is not a status (100 to 599)");
	refuses("retry.statuses: [503, 600]\n", NULL, NULL, "f.yaml:1: retry.statuses: 600 is not a status (100 to 599)");
	refuses("retry.statuses: 5xx\n", NULL, NULL, "f.yaml:1: retry.statuses: 5xx is not a status (100 to 599)");
	refuses("retry.errors: [connection_refused]\n", NULL, NULL,
		"f.yaml:1: retry.errors: connection_refused is not the name of an error (is connect_refused meant?)");
	refuses("retry.errors: [everything goes wrong]\n", NULL, NULL,
		"f.yaml:1: retry.errors: everything goes wrong is not the name of an error (like connect_refused)");
	refuses("retry.errors: [cancelled]\n", NULL, NULL,
		"f.yaml:1: retry.errors: cancelled is not the name of an error (like connect_refused)");
	refuses("retry.errors: [none]\n", NULL, NULL,
		"f.yaml:1: retry.errors: none is not the name of an error (like connect_refused)");
	refuses("retry.methods: [get]\n", NULL, NULL, "f.yaml:1: retry.methods: get is not a known method (is GET meant?)");
	refuses("retry.methods: [TELEPORTATION]\n", NULL, NULL,
		"f.yaml:1: retry.methods: TELEPORTATION is not a known method (like GET, PUT or PROPFIND)");
	refuses("redirects.sensitive_fields: [X-Key, cookie]\n", NULL, NULL,
		"f.yaml:1: redirects.sensitive_fields: Cookie has rules of its own: it is dropped where the host changes");
	refuses("redirects.sensitive_fields: ['X-Key:']\n", NULL, NULL,
		"f.yaml:1: redirects.sensitive_fields: X-Key: is not the name of a field (like X-Api-Key)");
}

static void test_rules(void **state)
{
	struct settings *s = load("rules:\n- name: n\n  when: host == \"a\"\n  block: true\nworkers: 1\n", NULL);

	(void)state;
	assert_int_equal(rule_set_count(s->rules), 1);
	assert_int_equal(s->workers, 1);
	settings_unref(s);
	s = load("rules: []\n", NULL);
	assert_null(s->rules); /* so that no rules cost nothing */
	settings_unref(s);
	s = load("rules:\n#  - when: host\n", NULL);
	assert_null(s->rules);
	settings_unref(s);
	refuses("workers: 1\nrules:\n- when: hots\n  block: true\n", NULL, NULL,
		"f.yaml:3: rule 1: when: unknown field hots at 0: is host meant?");
	refuses("rules: yes\n", NULL, NULL,
		"f.yaml:1: rules: a list of rules was expected, each with when: and an action ([] for none)");
	refuses("rules:\n  when: host\n", NULL, NULL,
		"f.yaml:2: rules: a list of rules was expected, each with \"- when: ...\" and an action");
	refuses("rule:\n- when: host\n", NULL, NULL, "f.yaml:1: rule: there is no such option (is rules meant?)");
	refuses("rules: []\nrules: []\n", NULL, NULL, "f.yaml:2: rules: given already in line 1");
	refuses("hosts:\n- a: b\n", NULL, NULL, "f.yaml:1: hosts: takes plain values, not maps");
	refuses("workers:\n- a: b\n", NULL, NULL, "f.yaml:1: workers: takes plain values, not maps");
	refuses(NULL, NULL, "rules=[]", "--set rules: rules can only be given in the file");
	refuses(NULL, "VIADUCT_RULES=[]", NULL, "VIADUCT_RULES: rules can only be given in the file");
}

/* Rules are printed with the rest, and what is printed loads again. */
static void test_print(void **state)
{
	static const char rules[] = "rules:\n  - name: one\n    when: 'host == \"a\"'\n    block: true\n    rate: 5/h\n";
	struct settings *s = load(rules, NULL);

	(void)state;
	for (int with_docs = 0; with_docs <= 1; with_docs++) {
		char *text = NULL;
		size_t size = 0;
		FILE *to = open_memstream(&text, &size);

		assert_non_null(to);
		settings_print(s, to, with_docs);
		assert_int_equal(fclose(to), 0);
		assert_string_equal(text + strlen(text) - strlen(rules), rules);
		settings_unref(load(text, NULL));
		free(text);
	}
	settings_unref(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_retry),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_print),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
