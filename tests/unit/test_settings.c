/* settings.h: sources and their precedence, every message with its place, what is made from options, differences, counting. */
#include "config/settings.h"

#include "base/mem.h"

#include <errno.h>
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

/* A folder of our own with a configuration file, which is also HOME. */
static char folder[64], file[96], home[80];

static void file_write(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/* Loads the file's text (NULL: no file), one variable (or NULL), and assignments up to NULL. */
static struct settings *load_from(const char *text, const char *variable, const char *const *set, char *ret_why, size_t size)
{
	const char *const environment[] = {"PATH=/bin", home, "VIADUCT_BIN=/bin/viaduct", variable, NULL};
	struct settings_source source = {.environ = environment, .set = set};

	while (set != NULL && set[source.set_n] != NULL)
		source.set_n++;
	if (text != NULL) {
		file_write(file, text);
		source.file = file;
	}
	return settings_load(&source, ret_why, size);
}

static struct settings *load(const char *text, const char *variable, const char *const *set)
{
	char why[500] = "";
	struct settings *s = load_from(text, variable, set, why, sizeof(why));

	assert_string_equal(why, "");
	assert_non_null(s);
	return s;
}

/* Settings by the command line alone. */
static struct settings *load_set(const char *assignment)
{
	const char *const set[] = {assignment, NULL};

	return load(NULL, NULL, set);
}

/* Puts the folder in the place of each @ and the file in that of each $. */
static void expand(const char *text, char *to, size_t size)
{
	size_t len = 0;

	for (; *text != '\0'; text++) {
		const char one[2] = {*text, '\0'}, *piece = *text == '@' ? folder : *text == '$' ? file : one;

		len += (size_t)snprintf(to + len, size - len, "%s", piece);
		assert_true(len < size);
	}
}

/* One bad source of each kind and the whole message, in expand's form. */
static void refuses(const char *text, const char *variable, const char *assignment, const char *message)
{
	const char *const set[] = {assignment, NULL};
	char why[500] = "", expected[500], expanded[500];

	expand(message, expected, sizeof(expected));
	if (text != NULL)
		expand(text, expanded, sizeof(expanded));
	assert_null(load_from(text != NULL ? expanded : NULL, variable, set, why, sizeof(why)));
	assert_string_equal(why, expected);
}

static void test_defaults(void **state)
{
	struct settings *s = load(NULL, NULL, NULL);
	struct codec_limits usual;
	char expected[100], shown[ADDRESS_TEXT_BYTES];

	(void)state;
	codec_limits_default(&usual);
	assert_int_equal(s->listen.n, 1);
	assert_string_equal(address_format(&s->listen_addresses[0], shown), "127.0.0.1:8080");
	assert_true(s->has_inspector);
	assert_string_equal(address_format(&s->inspector_address, shown), "127.0.0.1:8081");
	assert_int_equal(s->redirects_mode, REDIRECTS_AUTO);
	assert_int_equal(s->redirects_max_hops, 20);
	assert_int_equal(s->timeout_tunnel_idle_ms, 7200000);
	assert_int_equal(s->limit_memory, 512 << 20);
	assert_true(s->capture_enabled);
	assert_null(s->users);
	assert_string_equal(s->via, "");
	assert_memory_equal(&s->codec_limits, &usual, sizeof(usual));
	snprintf(expected, sizeof(expected), "%s/.local/state/viaduct", folder);
	assert_string_equal(s->data, expected);
	settings_unref(s);
}

static void test_precedence(void **state)
{
	static const char *const set[] = {"workers=3", "workers = 4 ", NULL};
	struct settings *s;

	(void)state;
	s = load("workers: 1\n", NULL, NULL);
	assert_int_equal(s->workers, 1);
	settings_unref(s);
	s = load("workers: 1\n", "VIADUCT_WORKERS=2", NULL);
	assert_int_equal(s->workers, 2);
	settings_unref(s);
	s = load("workers: 1\n", "VIADUCT_WORKERS=2", set);
	assert_int_equal(s->workers, 4);
	settings_unref(s);
	s = load("redirects: {max_hops: 7}\ntimeouts.connect: 5s\ndns:\n", "VIADUCT_TIMEOUTS_CONNECT=250ms", NULL);
	assert_int_equal(s->redirects_max_hops, 7);
	assert_int_equal(s->timeout_connect_ms, 250);
	settings_unref(s);
	s = load("connect:\n  ports: [1, 2]\n", "VIADUCT_CONNECT_PORTS=3, 4,5", NULL);
	assert_int_equal(s->ports_n, 3);
	assert_int_equal(s->ports[2], 5);
	settings_unref(s);
}

static void test_places(void **state)
{
	(void)state;
	refuses("workers: 1\ntimeouts:\n  connect: 10 parsecs\n", NULL, NULL,
		"$:3: timeouts.connect: 10 parsecs is not a time (use ms, s, m or h)");
	refuses(NULL, "VIADUCT_TIMEOUTS_CONNECT=10 parsecs", NULL,
		"VIADUCT_TIMEOUTS_CONNECT: timeouts.connect: 10 parsecs is not a time (use ms, s, m or h)");
	refuses(NULL, NULL, "timeouts.connect=10 parsecs",
		"--set timeouts.connect: 10 parsecs is not a time (use ms, s, m or h)");
	refuses("workers: [1]\n", NULL, NULL, "$:1: workers: takes one value, not a list");
	refuses("workers:\n", NULL, NULL, "$:1: workers: has no value (write '' for an empty text, [] for an empty list)");
	refuses("listen: []\n", NULL, NULL, "$:1: listen: needs at least 1 item");
	refuses("\nworkers: 1\nworkers: 1\n", NULL, NULL, "$:3: workers: given already in line 2");
	refuses("workers: 100\n", NULL, NULL, "$:1: workers: 100 is too large (at most 64)");
	refuses(NULL, "VIADUCT_WORKERS=", NULL, "VIADUCT_WORKERS: workers: (empty) is not a whole number");
	refuses(NULL, NULL, "workers", "--set workers: has no value (option=value)");
	/* A good value does not hide a bad one of lower precedence. */
	refuses("workers: x\n", "VIADUCT_WORKERS=2", NULL, "$:1: workers: x is not a whole number");
}

static void test_unknown(void **state)
{
	(void)state;
	refuses("redirect:\n  max_hops: 1\n", NULL, NULL,
		"$:2: redirect.max_hops: there is no such option (is redirects.max_hops meant?)");
	refuses("zzzzzzz: 1\n", NULL, NULL, "$:1: zzzzzzz: there is no such option");
	refuses("\"wor\\nkers\": 1\n", NULL, NULL, "$:1: wor\\x0akers: there is no such option (is workers meant?)");
	refuses("dns: 1\n", NULL, NULL, "$:1: dns: is a section and has no value of its own");
	refuses("dsn:\n", NULL, NULL, "$:1: dsn: there is no such option");
	refuses(NULL, NULL, "wokers=1", "--set wokers: there is no such option (is workers meant?)");
	refuses(NULL, NULL, "=1", "--set (empty): there is no such option");
}

static void test_addresses(void **state)
{
	struct settings *s = load_set("inspector=off");

	(void)state;
	assert_false(s->has_inspector);
	settings_unref(s);
	s = load_set("listen=127.0.0.1:0, 127.0.0.1:0, [::1]:8080");
	assert_int_equal(s->listen.n, 3);
	assert_int_equal(address_port(&s->listen_addresses[2]), 8080);
	settings_unref(s);
	s = load_set("listen=[::]:8081");
	settings_unref(s);

	refuses("listen: [127.0.0.1:1, nowhere]\n", NULL, NULL,
		"$:1: listen: nowhere is not ADDRESS:PORT (like 127.0.0.1:8080 or [::1]:8080)");
	refuses(NULL, NULL, "inspector=no", "--set inspector: no is neither ADDRESS:PORT (like 127.0.0.1:8081) nor off");
	refuses(NULL, NULL, "listen=127.0.0.1:1,127.0.0.1:1",
		"--set listen: 127.0.0.1:1 and 127.0.0.1:1 are the same or overlap");
	refuses(NULL, NULL, "listen=127.0.0.1:1,*:1", "--set listen: 127.0.0.1:1 and 0.0.0.0:1 are the same or overlap");
	refuses(NULL, NULL, "listen=127.0.0.1:8081",
		"--set listen: the proxy's address 127.0.0.1:8081 and the inspector's 127.0.0.1:8081 are the same or overlap");
	refuses("listen: 127.0.0.1:9\n", "VIADUCT_INSPECTOR=0.0.0.0:9", NULL,
		"VIADUCT_INSPECTOR: inspector: the proxy's address 127.0.0.1:9 and the inspector's 0.0.0.0:9 are the same or overlap");
}

/* Whether a client of that address may do a thing. */
static bool allows_client(const struct settings *s, const char *ip)
{
	struct address a;

	assert_true(address_parse(str_of(ip), 1234, &a));
	return settings_allows_client(s, &a);
}

static bool allows_port(const struct settings *s, const char *ip, uint16_t port)
{
	struct address a;

	assert_true(address_parse(str_of(ip), 1234, &a));
	return settings_allows_port(s, &a, port);
}

static void test_access(void **state)
{
	struct settings *s = load(NULL, NULL, NULL);

	(void)state;
	assert_true(allows_client(s, "127.9.9.9"));
	assert_true(allows_client(s, "::1"));
	assert_false(allows_client(s, "10.0.0.1"));
	assert_true(allows_port(s, "127.0.0.1", 25));
	assert_true(allows_port(s, "10.0.0.1", 443));
	assert_false(allows_port(s, "10.0.0.1", 25));
	settings_unref(s);

	s = load("access.clients: [10.0.0.0/8]\nconnect.ports: all\n", NULL, NULL);
	assert_true(allows_client(s, "10.1.2.3"));
	assert_false(allows_client(s, "127.0.0.1"));
	assert_true(allows_port(s, "10.0.0.1", 25));
	settings_unref(s);
	s = load("access: {clients: all}\n", NULL, NULL);
	assert_true(allows_client(s, "192.0.2.1"));
	assert_true(allows_client(s, "2001:db8::1"));
	settings_unref(s);

	refuses("access.clients: 10.0.0.1/8\n", NULL, NULL,
		"$:1: access.clients: 10.0.0.1/8 is not a network (like 10.0.0.0/8 or ::1; bits beyond the prefix must be 0) or all");
	refuses("access.clients: ['::1', all]\n", NULL, NULL, "$:1: access.clients: all stands alone or not at all");
	refuses("connect.ports: [443, all]\n", NULL, NULL, "$:1: connect.ports: all stands alone or not at all");
	refuses("connect.ports: 0\n", NULL, NULL, "$:1: connect.ports: 0 is not a port (1 to 65535) or all");
	refuses("connect.ports: 65536\n", NULL, NULL, "$:1: connect.ports: 65536 is not a port (1 to 65535) or all");
	refuses("access.realm: 'say \"x\"'\n", NULL, NULL, "$:1: access.realm: quotes and backslashes cannot stand in it");
}

static void test_names(void **state)
{
	static const char *const good[] = {"dns.servers=9.9.9.9, 127.0.0.1:5353, ::1, [::1]:53",
		"dns.servers=", "hosts=a=127.0.0.1, b_c.d-e.example=::1, a=::1", "via=my-proxy.1"};
	static const char *const bad[] = {"localhost", "*:53", ":53", "127.0.0.1:0", "0.0.0.0", "::", "9.9.9.9:x"};
	static const char *const bad_hosts[] = {"a", "a=", "=127.0.0.1", "a=b", "a.=127.0.0.1", ".a=127.0.0.1", "a b=127.0.0.1",
		"a=127.0.0.1:80", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=1.2.3.4"};
	char assignment[200], message[300];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		settings_unref(load_set(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(assignment, sizeof(assignment), "dns.servers=%s", bad[i]);
		snprintf(message, sizeof(message),
			"--set dns.servers: %s is not an address (like 9.9.9.9, ::1 or 127.0.0.1:5353)", bad[i]);
		refuses(NULL, NULL, assignment, message);
	}
	for (size_t i = 0; i < sizeof(bad_hosts) / sizeof(bad_hosts[0]); i++) {
		snprintf(assignment, sizeof(assignment), "hosts=%s", bad_hosts[i]);
		snprintf(message, sizeof(message), "--set hosts: %s is not name=address (like api.example=127.0.0.1)",
			bad_hosts[i]);
		refuses(NULL, NULL, assignment, message);
	}
	refuses(NULL, NULL, "via=a b", "--set via: a b is not a token (letters, digits and some punctuation, no space)");
}

static void test_limits(void **state)
{
	struct settings *s = load("limits: {request_line: 8k, head: 1M, fields: 10000, buffer: 16k}\n", NULL, NULL);
	struct codec_limits usual;

	(void)state;
	codec_limits_default(&usual);
	assert_int_equal(s->codec_limits.request_line, 8192);
	assert_int_equal(s->codec_limits.head, 1 << 20);
	assert_int_equal(s->codec_limits.fields, 10000);
	assert_int_equal(s->codec_limits.buffer, 16384);
	assert_int_equal(s->codec_limits.chunk_line, usual.chunk_line);
	assert_true(s->codec_limits.arena > 3 << 20); /* room for such a head */
	settings_unref(s);
	refuses("limits.head: 8k\n", NULL, NULL,
		"$:1: limits.head: limits.request_line is above limits.head, of which it is a part");
	refuses("limits.head: 16k\n", NULL, "limits.request_line=17k",
		"--set limits.request_line: limits.request_line is above limits.head, of which it is a part");
	refuses("dns.max_ttl: 500ms\n", NULL, NULL, "$:1: dns.max_ttl: dns.min_ttl is above dns.max_ttl");
}

static void test_paths(void **state)
{
	static const char *const set[] = {"upstream.ca_file=~/x.pem", "data=./rel/data", NULL};
	struct settings *s;
	char expected[200], cwd[4096], text[300];

	(void)state;
	snprintf(text, sizeof(text), "%s/x.pem", folder);
	file_write(text, "");
	s = load("log.access: ./access.log\nupstream.ca_file: x.pem\n", NULL, NULL);
	snprintf(expected, sizeof(expected), "%s/access.log", folder);
	assert_string_equal(s->log_access, expected);
	assert_string_equal(s->upstream_ca_file, text);
	settings_unref(s);

	s = load(NULL, "VIADUCT_DATA=~", set);
	assert_string_equal(s->upstream_ca_file, text);
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	assert_memory_equal(s->data, cwd, strlen(cwd));
	assert_string_equal(s->data + strlen(cwd), "/rel/data");
	settings_unref(s);

	refuses("log.access: none/access.log\n", NULL, NULL,
		"$:1: log.access: @/none/access.log: its folder: No such file or directory");
	refuses("log.access: @\n", NULL, NULL, "$:1: log.access: @: is a folder, or lies in none");
	refuses("log.access: x.pem/a\n", NULL, NULL, "$:1: log.access: @/x.pem/a: is a folder, or lies in none");
	refuses("upstream.ca_file: gone.pem\n", NULL, NULL,
		"$:1: upstream.ca_file: @/gone.pem: cannot be opened: No such file or directory");
	refuses("upstream.ca_file: .\n", NULL, NULL, "$:1: upstream.ca_file: @/: is a folder, not a file");
	refuses("data: x.pem\n", NULL, NULL, "$:1: data: @/x.pem is not a folder");
	unlink(text);
}

/* The data folder by default, with these variables; NULL if it was refused with the right words. */
static char *default_data(const char *const *environment)
{
	struct settings_source source = {.environ = environment};
	char why[200], *data;
	struct settings *s = settings_load(&source, why, sizeof(why));

	if (s == NULL) {
		assert_string_equal(why, "data: neither XDG_STATE_HOME nor HOME is set; say where with --data");
		return NULL;
	}
	data = mem_strdup(s->data);
	settings_unref(s);
	return data;
}

static void test_default_data(void **state)
{
	static const char *const both[] = {"HOME=/nowhere/h/", "XDG_STATE_HOME=/nowhere/s", NULL},
				 *const one[] = {"HOME=/nowhere/h/", NULL},
				 *const relative[] = {"XDG_STATE_HOME=s", "HOME=/nowhere/h", NULL},
				 *const empty[] = {"HOME=", NULL};
	static const char *const set[] = {"data=~/x"};
	struct settings_source source = {.environ = empty, .set = set, .set_n = 1};
	char *data, why[200];

	(void)state;
	data = default_data(both);
	assert_string_equal(data, "/nowhere/s/viaduct");
	mem_free(data);
	data = default_data(one);
	assert_string_equal(data, "/nowhere/h/.local/state/viaduct");
	mem_free(data);
	data = default_data(relative);
	assert_string_equal(data, "/nowhere/h/.local/state/viaduct");
	mem_free(data);
	assert_null(default_data(empty));
	assert_null(default_data(NULL));
	assert_null(settings_load(&source, why, sizeof(why)));
	assert_string_equal(why, "--set data: begins with ~, but HOME is not set");
}

static void test_users(void **state)
{
	char path[100];
	struct settings *s;

	(void)state;
	snprintf(path, sizeof(path), "%s/users", folder);
	file_write(path, "a:abJnggxhB/yWI\n");
	assert_int_equal(chmod(path, 0600), 0);
	s = load("access.users_file: users\n", NULL, NULL);
	assert_non_null(s->users);
	assert_int_equal(users_count(s->users), 1);
	settings_unref(s);
	file_write(path, "\nbad\n");
	refuses("access.users_file: users\n", NULL, NULL, "$:1: access.users_file: @/users:2: there is no colon (name:hash)");
	unlink(path);
	refuses("access.users_file: users\n", NULL, NULL,
		"$:1: access.users_file: @/users: cannot be opened: No such file or directory");
}

static void test_bad_files(void **state)
{
	struct settings_source source = {.file = "/nowhere/x.yaml"};
	char why[200] = "";

	(void)state;
	assert_null(settings_load(&source, why, sizeof(why)));
	assert_string_equal(why, "/nowhere/x.yaml: cannot be opened: No such file or directory");
	source.file = "/nowhere/two\nlines";
	assert_null(settings_load(&source, why, sizeof(why)));
	assert_string_equal(why, "/nowhere/two?lines: cannot be opened: No such file or directory");
	assert_null(settings_load(&source, why, 12)); /* cut, not overrun */
	assert_string_equal(why, "/nowhere/tw");
	assert_null(settings_load(&source, why, 0));
}

static void test_restart_needed(void **state)
{
	struct settings *a = load(NULL, NULL, NULL), *b = load(NULL, NULL, NULL), *c;
	char names[200] = "x";

	(void)state;
	settings_restart_needed(a, b, names, sizeof(names));
	assert_string_equal(names, "");
	settings_unref(b);
	b = load("timeouts.connect: 1s\nredirects.mode: pass\nhosts: [a=::1]\n", NULL, NULL); /* all LIVE */
	settings_restart_needed(a, b, names, sizeof(names));
	assert_string_equal(names, "");
	c = load("listen: [127.0.0.1:8080, 127.0.0.1:8082]\nworkers: 2\ncapture.enabled: no\nlog.terminal: never\ndata: d\n",
		NULL, NULL);
	settings_restart_needed(b, c, names, sizeof(names));
	assert_string_equal(names, "listen, data, workers, log.terminal, capture.enabled");
	settings_restart_needed(b, c, names, 10);
	assert_string_equal(names, "listen, d");
	settings_unref(a);
	settings_unref(b);
	settings_unref(c);
}

static void test_refs(void **state)
{
	struct settings *s = load(NULL, NULL, NULL);

	(void)state;
	assert_ptr_equal(settings_ref(s), s);
	settings_unref(s);
	assert_int_equal(s->workers, 0); /* still there; the sanitizers watch */
	settings_unref(s);
	settings_unref(NULL);
}

static int set_up(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/viaduct-settings-XXXXXX");
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
		cmocka_unit_test(test_precedence),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_access),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_default_data),
		cmocka_unit_test(test_users),
		cmocka_unit_test(test_bad_files),
		cmocka_unit_test(test_restart_needed),
		cmocka_unit_test(test_refs),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
