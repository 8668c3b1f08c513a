/* The actions of rules about opened tunnels and TLS with the origin: read, asked, printed, and every message with its place; and the
 * example in conf/viaduct.yaml, which has them all. */
#include "config/rule_set.h"

#include "base/mem.h"
#include "config/rule.h"
#include "config/rule_read.h"
#include "filter_cases.h"
#include "pki/ca.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
/* cmocka wants the above */
#include <cmocka.h>

#define PIN_A "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define PIN_B "cert-sha256/0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789ABCDEF"

enum { TEXT_BYTES = 1000 };

/* A folder of our own with client.pem, client.key, both.pem, and other.key, which fits nothing. */
static char folder[64];

/* NULL with the message if the text is no list of rules. */
static struct rule_set *try_read(const char *text, char *ret_why, size_t size)
{
	char file[TEXT_BYTES];
	struct yaml_entries *e;
	struct rule_set *set;

	snprintf(file, sizeof(file), "%s/f.yaml", folder);
	e = yaml_read_text(str_of(text), file, ret_why, size);
	if (e == NULL)
		return NULL;
	set = rule_set_read(&e->v[0], file, folder, ret_why, size);
	yaml_entries_free(e);
	return set;
}

static struct rule_set *read_rules(const char *text)
{
	char why[TEXT_BYTES] = "";
	struct rule_set *set = try_read(text, why, sizeof(why));

	assert_string_equal(why, "");
	assert_non_null(set);
	return set;
}

static struct rule_verdict ask(const struct rule_set *set, enum case_flow flow)
{
	const struct filter_subject subject = {.each = case_each, .owner = case_flows[flow]};
	struct rule_verdict v;

	memset(&v, 0xff, sizeof(v));
	rule_set_apply(set, &subject, &v);
	return v;
}

static char *print(const struct rule_set *set)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	assert_non_null(to);
	rule_set_print(set, to);
	assert_int_equal(fclose(to), 0);
	return text;
}

static const char some_rules[] =
	"rules:\n"
	"  - {when: 'method == \"POST\"', intercept: true, verify: false}\n"
	"  - {when: host, intercept: false, pins: 'sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='}\n"
	"  - when: host\n"
	"    intercept: true\n"
	"    verify: true\n"
	"    pin_mode: warn\n"
	"    pins: [" PIN_A ", '" PIN_B "']\n"
	"    client_key: client.key\n"
	"    client_cert: ~/client.pem\n"
	"  - {when: host, client_cert: both.pem}\n";

/* For each action the first rule that states it and matches. */
static void test_first_counts(void **state)
{
	struct rule_set *set = read_rules(some_rules);
	struct rule_verdict v = ask(set, CASE_GET);

	(void)state;
	assert_string_equal(rule_name(v.intercept), "rule 2");
	assert_false(rule_intercept(v.intercept));
	assert_string_equal(rule_name(v.verify), "rule 3");
	assert_true(rule_verify(v.verify));
	assert_string_equal(rule_name(v.pins), "rule 2");
	assert_false(tls_pins_only_warn(rule_pins(v.pins)));
	assert_true(tls_pins_only_warn(rule_pins(&set->v[2])));
	assert_string_equal(rule_name(v.credentials), "rule 3");
	assert_non_null(strstr(tls_credentials_subject(rule_credentials(v.credentials)), "a client"));
	assert_non_null(rule_credentials(&set->v[3]));
	assert_null(rule_credentials(&set->v[0]));

	v = ask(set, CASE_POST);
	assert_true(rule_intercept(v.intercept));
	assert_false(rule_verify(v.verify));
	rule_set_free(set);
}

static void test_intercepts(void **state)
{
	struct rule_set *set = read_rules("rules: [{when: host, intercept: false}, {when: host, block: true}]\n");

	(void)state;
	assert_false(rule_set_intercepts(NULL));
	assert_false(rule_set_intercepts(set));
	rule_set_free(set);
	set = read_rules("rules: [{when: host, intercept: false}, {when: port, intercept: true}]\n");
	assert_true(rule_set_intercepts(set));
	rule_set_free(set);
}

/* What cannot be decided is not opened, and does nothing else. */
static void test_undecided(void **state)
{
	static const char slow[] = "rules:\n"
				   "  - {when: 'path ~ \"[a-z]+[0-9]+x\"', intercept: true, verify: false, pins: '" PIN_A "'}\n"
				   "  - {when: '!(path ~ \"[a-z]+[0-9]+x\")', intercept: false, block: false, verify: false}\n"
				   "  - {when: host, intercept: true}\n";
	enum { LEN = 60000 };
	char *text = mem_alloc(LEN);
	struct str path = {text, LEN};
	const struct filter_subject subject = {.each = slow_each, .owner = &path};
	struct rule_set *set = read_rules(slow);
	struct rule_verdict v;

	(void)state;
	memset(text, 'a', LEN);
	memcpy(text + LEN - 3, "-1x", 3);
	rule_set_apply(set, &subject, &v);
	assert_non_null(v.intercept);
	assert_string_equal(rule_name(v.intercept), "rule 2");
	assert_true(v.verify == NULL && v.pins == NULL && v.block == NULL);
	memcpy(text, "a1x", 3);
	path.len = 3; /* decided now */
	rule_set_apply(set, &subject, &v);
	assert_string_equal(rule_name(v.intercept), "rule 1");
	assert_true(v.verify == v.intercept && v.pins == v.intercept);
	rule_set_free(set);
	mem_free(text);
}

static void test_print(void **state)
{
	char expected[2 * TEXT_BYTES], *once, *twice;
	struct rule_set *set = read_rules(some_rules), *again;

	(void)state;
	snprintf(expected, sizeof(expected),
		"rules:\n"
		"  - when: 'method == \"POST\"'\n"
		"    intercept: true\n"
		"    verify: false\n"
		"  - when: host\n"
		"    intercept: false\n"
		"    pins: [" PIN_A "]\n"
		"    pin_mode: enforce\n"
		"  - when: host\n"
		"    intercept: true\n"
		"    verify: true\n"
		"    pins:\n"
		"      - " PIN_A "\n"
		"      - " PIN_B "\n"
		"    pin_mode: warn\n"
		"    client_cert: %s/client.pem\n"
		"    client_key: %s/client.key\n"
		"  - when: host\n"
		"    client_cert: %s/both.pem\n",
		folder, folder, folder);
	once = print(set);
	assert_string_equal(once, expected);
	again = read_rules(once);
	twice = print(again);
	assert_string_equal(once, twice);
	rule_set_free(set);
	rule_set_free(again);
	free(once);
	free(twice);
}

/* The example in conf/viaduct.yaml is one; its files stand beside it. */
static void test_docs(void **state)
{
	char *text = NULL, *example, *to;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	struct rule_set *set;
	unsigned stated = 0;

	(void)state;
	assert_non_null(f);
	rule_docs_print(f);
	assert_int_equal(fclose(f), 0);
	for (int i = 0; i <= FILTER_req_header; i++) {
		struct str name = str_of(filter_field_name((enum filter_field)i));
		char word[40];

		snprintf(word, sizeof(word), " %.*s", STR_ARG(str_first(name, str_find(name, '['))));
		assert_non_null(strstr(text, word));
	}
	example = strstr(text, "# rules:\n");
	assert_non_null(example);
	to = example;
	for (const char *from = example; *from != '\0'; from++) { /* without the "# " of each line */
		if (*from == '#' && from[1] == ' ' && (from == example || from[-1] == '\n'))
			from++;
		else
			*to++ = *from;
	}
	*to = '\0';
	set = read_rules(example);
	assert_int_equal(rule_set_count(set), 11);
	assert_string_equal(filter_text(set->v[1].when), "host ~ \"\\.internal\\.example$\"");
	for (size_t i = 0; i < rule_set_count(set); i++)
		stated |= set->v[i].actions;
	assert_int_equal(stated, (1U << ACTION_COUNT) - 1); /* each action has an example */
	rule_set_free(set);
	free(text);
}

/* Behind the file's name; @ stands for the folder, and what net/ says of a value may follow. */
static const char *const bad[][2] = {
	{"- when: host\n  intercept: all\n", ":3: rule 1: intercept: all is neither true nor false"},
	{"- when: host\n  verify:\n", ":3: rule 1: verify: has no value"},
	{"- when: host\n  pin_mode: warn\n", ":3: rule 1: pin_mode: stands beside pins only"},
	{"- when: host\n  block: true\n  client_key: client.key\n", ":4: rule 1: client_key: stands beside client_cert only"},
	{"- {when: host, pins: " PIN_A ", pin_mode: on}\n", ":2: rule 1: pin_mode: on is not one of enforce|warn"},
	{"- when: host\n  pins: []\n", ":3: rule 1: pins: needs at least 1 item"},
	{"- when: host\n  pins:\n", ":3: rule 1: pins: has no value"},
	{"- when: host\n  pins: [" PIN_A ", sha256/AAAA]\n", ":3: rule 1: pins: "},
	{"- when: host\n  pin: " PIN_A "\n", ":3: rule 1: pin: there is no such key (is pins meant?)"},
	{"- when: host\n  client_cert: ''\n", ":3: rule 1: client_cert: is not the name of a file"},
	{"- when: host\n  client_cert: [client.pem]\n", ":3: rule 1: client_cert: takes one value, not a list"},
	{"- when: host\n  client_cert: gone.pem\n",
		":3: rule 1: client_cert: @/gone.pem: cannot be opened: No such file or directory"},
	{"- when: host\n  client_cert: ~/\n", ":3: rule 1: client_cert: @/: is a folder, not a file"},
	{"- when: host\n  client_cert: /dev/null\n", ":3: rule 1: client_cert: /dev/null: is no regular file"},
	{"- when: host\n  client_cert: client.pem\n  client_key: gone.key\n",
		":4: rule 1: client_key: @/gone.key: cannot be opened: No such file or directory"},
	{"- {when: host, client_cert: client.pem, client_key: other.key}\n", ":2: rule 1: client_cert: @/"},
	{"- {when: host, client_cert: client.pem}\n", ":2: rule 1: client_cert: @/client.pem"}, /* there is no key in it */
	{"- {when: host, client_cert: client.key}\n", ":2: rule 1: client_cert: @/client.key"},
};

/* The message begins with the file's name and what is expected. */
static void assert_begins(const char *why, const char *expected)
{
	char whole[TEXT_BYTES];
	size_t len = (size_t)snprintf(whole, sizeof(whole), "%s/f.yaml", folder);

	for (; *expected != '\0'; expected++) {
		const char one[2] = {*expected, '\0'};

		len += (size_t)snprintf(whole + len, sizeof(whole) - len, "%s", *expected == '@' ? folder : one);
		assert_true(len < sizeof(whole));
	}
	if (strncmp(why, whole, len) != 0)
		assert_string_equal(why, whole);
}

static void test_messages(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[TEXT_BYTES], why[TEXT_BYTES] = "";

		snprintf(text, sizeof(text), "rules:\n%s", bad[i][0]);
		if (try_read(text, why, sizeof(why)) != NULL)
			fail_msg("taken: %s", bad[i][0]);
		assert_begins(why, bad[i][1]);
	}
}

/* Writes both texts, of which the second may be empty, into a file of the folder. */
static void file_write(const char *name, struct str one, const char *other)
{
	char path[TEXT_BYTES];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fprintf(f, "%.*s%s", STR_ARG(one), other) > 0);
	assert_int_equal(fclose(f), 0);
}

static int set_up(void **state)
{
	const struct ca_request request = {.common_name = "a client", .now_s = time(NULL)};
	char why[TEXT_BYTES], *key, *other;
	struct ca *one = ca_make(&request, why, sizeof(why)), *two = ca_make(&request, why, sizeof(why));

	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/viaduct-rules-XXXXXX");
	if (one == NULL || two == NULL || mkdtemp(folder) == NULL)
		return -1;
	key = ca_key_pem(one);
	other = ca_key_pem(two);
	file_write("client.pem", ca_pem(one), "");
	file_write("client.key", str_of(key), "");
	file_write("both.pem", ca_pem(one), key);
	file_write("other.key", str_of(other), "");
	ca_wipe(key);
	ca_wipe(other);
	ca_unref(one);
	ca_unref(two);
	return 0;
}

static int tear_down(void **state)
{
	static const char *const names[] = {"client.pem", "client.key", "both.pem", "other.key"};
	char path[TEXT_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_counts),
		cmocka_unit_test(test_intercepts),
		cmocka_unit_test(test_undecided),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_docs),
		cmocka_unit_test(test_messages),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
