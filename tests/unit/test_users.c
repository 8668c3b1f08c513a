/* users.h: the users file and its hashes, all of which crypt(3) makes here. */
#include "config/users.h"

#include "base/log.h"

#include <crypt.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
/* cmocka wants the above */
#include <cmocka.h>

static char path[64];

/* A hash by the method of that prefix, at its lowest cost. */
static const char *hash_of(const char *prefix, unsigned long cost, const char *password, struct crypt_data *room)
{
	const char *setting, *hash;
	char copy[CRYPT_GENSALT_OUTPUT_SIZE];

	setting = crypt_gensalt_rn(prefix, cost, NULL, 0, copy, sizeof(copy));
	assert_non_null(setting);
	memset(room, 0, sizeof(*room));
	hash = crypt_r(password, setting, room);
	assert_non_null(hash);
	assert_true(hash[0] != '*');
	return hash;
}

/* Writes the users file. */
static void file_write(const char *text, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	close(fd);
}

static struct users *load(void)
{
	char why[400] = "";
	struct users *u = users_load(path, why, sizeof(why));

	assert_string_equal(why, "");
	assert_non_null(u);
	return u;
}

/* The file with this text is refused with this message behind its path. */
static void refuses(struct str text, const char *message)
{
	char why[400] = "";

	file_write(text.p, text.len);
	assert_null(users_load(path, why, sizeof(why)));
	assert_memory_equal(why, path, strlen(path));
	assert_string_equal(why + strlen(path), message);
}

static bool verify(const struct users *u, const char *name, const char *password)
{
	return users_verify(u, str_of(name), str_of(password));
}

static void test_methods(void **state)
{
	static const struct {
		const char *prefix;
		unsigned long cost;
	} methods[] = {{"$y$", 1}, {"$2b$", 4}, {"$6$", 1000}, {"$5$", 1000}, {"$1$", 0}, {"", 0}};
	struct crypt_data *room = calloc(1, sizeof(*room));
	char text[2048] = "# users\n\n";
	size_t n = sizeof(methods) / sizeof(methods[0]);
	struct users *u;

	(void)state;
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(text);

		snprintf(text + len, sizeof(text) - len, "user%zu:%s%s\n", i,
			hash_of(methods[i].prefix, methods[i].cost, "secret", room), i % 2 != 0 ? "\r" : "");
	}
	free(room);
	file_write(text, strlen(text) - 1); /* the last line has no end */
	u = load();
	assert_int_equal(users_count(u), n);
	for (size_t i = 0; i < n; i++) {
		char name[16];

		snprintf(name, sizeof(name), "user%zu", i);
		assert_true(verify(u, name, "secret"));
		assert_false(verify(u, name, "Secret"));
		assert_false(verify(u, name, ""));
	}
	assert_false(verify(u, "user", "secret"));
	assert_false(verify(u, "", "secret"));
	assert_false(verify(u, "USER0", "secret"));
	users_free(u);
}

static void test_strange_passwords(void **state)
{
	struct crypt_data *room = calloc(1, sizeof(*room));
	char text[512], longest[600];
	struct users *u;

	(void)state;
	memset(longest, 'x', sizeof(longest));
	snprintf(text, sizeof(text), "empty:%s\n", hash_of("$2b$", 4, "", room));
	file_write(text, strlen(text));
	u = load();
	assert_true(users_verify(u, STR("empty"), STR_NONE));
	assert_false(users_verify(u, STR("empty"), STR("\0")));
	assert_false(users_verify(u, STR("empty"), (struct str){longest, sizeof(longest)}));
	assert_false(users_verify(u, STR("empty\0"), STR_NONE));
	assert_false(users_verify(u, (struct str){longest, sizeof(longest)}, STR_NONE));
	users_free(u);
	free(room);
}

/* Processor time of one verification. */
static double cost_ms(const struct users *u, const char *name)
{
	struct timespec before, after;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	assert_false(verify(u, name, "wrong"));
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	return (double)(after.tv_sec - before.tv_sec) * 1e3 + (double)(after.tv_nsec - before.tv_nsec) / 1e6;
}

static void test_unknown_costs_as_much(void **state)
{
	struct crypt_data *room = calloc(1, sizeof(*room));
	char text[512];
	struct users *u;
	double known, unknown;

	(void)state;
	snprintf(text, sizeof(text), "known:%s\n", hash_of("$2b$", 8, "secret", room));
	file_write(text, strlen(text));
	u = load();
	known = cost_ms(u, "known");
	unknown = cost_ms(u, "stranger");
	assert_true(unknown > known / 4); /* without the work it would be a thousandth */
	users_free(u);
	free(room);
}

static void test_refused(void **state)
{
	char longest[1100];

	(void)state;
	refuses(STR("a-name-alone\n"), ":1: there is no colon (name:hash)");
	refuses(STR("# c\n\n:$2y$05$x\n"), ":3: the name is empty, longer than 255 bytes or not printable");
	refuses(STR("a\x01:x\n"), ":1: the name is empty, longer than 255 bytes or not printable");
	refuses(STR("a:plain-password\n"),
		":1: what follows the colon is no hash that crypt(3) knows (htpasswd -B and mkpasswd make such)");
	refuses(STR("a:secret\n"),
		":1: what follows the colon is no hash that crypt(3) knows (htpasswd -B and mkpasswd make such)");
	refuses(STR("a:\n"), ":1: what follows the colon is no hash that crypt(3) knows (htpasswd -B and mkpasswd make such)");
	refuses(STR("a:*\n"), ":1: what follows the colon is no hash that crypt(3) knows (htpasswd -B and mkpasswd make such)");
	refuses(STR("a:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n"),
		":1: what follows the colon is no hash that crypt(3) knows (htpasswd -B and mkpasswd make such)");
	refuses(STR("a:$apr1$saltsalt$abcdefghijklmnopqrstuv\n"),
		":1: crypt(3) does not know htpasswd's own $apr1$ hashes; use htpasswd -B");
	refuses(STR("\na:$6$saltsalt$abc\n"), ":2: the hash is not whole");
	refuses(STR("a\0b:x\n"), ":1: the line is longer than 1024 bytes or holds a NUL byte");
	refuses(STR("b:abJnggxhB/yWI\na:abJnggxhB/yWI\nb:abJnggxhB/yWI\n"), ":3: the user b stands in line 1 already");
	memset(longest, 'x', sizeof(longest));
	refuses((struct str){longest, sizeof(longest)}, ":1: the line is longer than 1024 bytes or holds a NUL byte");
	unlink(path);
	assert_null(users_load("/tmp", longest, sizeof(longest)));
	assert_string_equal(longest, "/tmp:1: cannot be read: Is a directory");
	assert_null(users_load("/nowhere/users", longest, sizeof(longest)));
	assert_string_equal(longest, "/nowhere/users: cannot be opened: No such file or directory");
}

/* Writes so many users. */
static void many_write(int n)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	for (int i = 0; i < n; i++)
		fprintf(f, "user%d:abJnggxhB/yWI\n", i);
	assert_int_equal(fclose(f), 0);
}

static void test_count(void **state)
{
	struct users *u;
	char why[400];

	(void)state;
	many_write(10000);
	u = load();
	assert_int_equal(users_count(u), 10000);
	users_free(u);
	many_write(10001);
	assert_null(users_load(path, why, sizeof(why)));
	assert_string_equal(why + strlen(path), ":10001: more than 10000 users");
	users_free(NULL);
}

/* What users_load says on stderr, with the file of that mode. */
static void warnings(mode_t mode, char *ret_text, size_t size)
{
	int saved = dup(STDERR_FILENO), pipe_fds[2];
	ssize_t len;

	assert_int_equal(pipe(pipe_fds), 0);
	dup2(pipe_fds[1], STDERR_FILENO);
	assert_int_equal(chmod(path, mode), 0);
	users_free(load());
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(pipe_fds[1]);
	len = read(pipe_fds[0], ret_text, size - 1);
	assert_true(len >= 0);
	ret_text[len] = '\0';
	close(pipe_fds[0]);
}

static void test_warnings(void **state)
{
	char said[500];

	(void)state;
	file_write("a:abJnggxhB/yWI\n", 16);
	warnings(0640, said, sizeof(said));
	assert_string_equal(said, "");
	warnings(0644, said, sizeof(said));
	assert_non_null(strstr(said, "readable by all users of this machine"));
	file_write("", 0);
	warnings(0600, said, sizeof(said));
	assert_non_null(strstr(said, "there are no users in it"));
	{
		struct users *u = load();

		assert_false(verify(u, "a", "b"));
		users_free(u);
	}
}

static int set_up(void **state)
{
	(void)state;
	snprintf(path, sizeof(path), "/tmp/viaduct-users-%d", (int)getpid());
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_methods),
		cmocka_unit_test(test_strange_passwords),
		cmocka_unit_test(test_unknown_costs_as_much),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_warnings),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
