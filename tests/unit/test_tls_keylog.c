/* SSLKEYLOGFILE: who may read it, what stands in it, and that a file that cannot be written stops nothing. It is opened once
 * in a process, so each case has one of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <sys/wait.h>

#include "tls_visitor.h"

enum { TEXT_BYTES = 4096 };

struct rig {
	char folder[64], path[80];
};

static int set_up(void **state)
{
	static struct rig r;

	snprintf(r.folder, sizeof(r.folder), "/tmp/test_keylog.XXXXXX");
	if (mkdtemp(r.folder) == NULL)
		return -1;
	snprintf(r.path, sizeof(r.path), "%s/keys", r.folder);
	*state = &r;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *r = *state;

	unlink(r->path);
	return rmdir(r->folder);
}

/* Two visits, of both versions, in a process with the variable set; what it says on stderr goes to ret_said. */
static void visit_in_child(const char *path, char ret_said[TEXT_BYTES])
{
	int fds[2], status = -1;
	size_t len = 0;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		struct certificates *c = calloc(1, sizeof(*c));
		struct visit w;

		dup2(fds[1], STDERR_FILENO);
		setenv("SSLKEYLOGFILE", path, 1);
		if (c == NULL || !certificates_init(c))
			_exit(1);
		visit_init(&w, c, NULL);
		for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
			visit_as(&w, visitor_ctx_new(version));
			if (visit_shake(&w, 0, w.identity, "a.test") != ERR_none)
				_exit(2);
			visit_forget(&w);
			visit_end(&w);
		}
		visit_fini(&w);
		certificates_fini(c);
		free(c);
		_exit(0);
	}
	close(fds[1]);
	while ((n = read(fds[0], ret_said + len, TEXT_BYTES - 1 - len)) > 0)
		len += (size_t)n;
	ret_said[len] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static size_t read_file(const char *path, char ret_text[TEXT_BYTES])
{
	FILE *file = fopen(path, "r");
	size_t n;

	if (file == NULL) {
		fail_msg("%s cannot be read", path);
		return 0;
	}
	n = fread(ret_text, 1, TEXT_BYTES - 1, file);
	ret_text[n] = '\0';
	fclose(file);
	return n;
}

static void test_lines(void **state)
{
	struct rig *r = *state;
	char said[TEXT_BYTES] = "", text[TEXT_BYTES] = "", more[TEXT_BYTES] = "";
	struct stat facts;
	size_t n;

	visit_in_child(r->path, said);
	assert_string_equal(said, "");
	assert_int_equal(stat(r->path, &facts), 0);
	assert_int_equal(facts.st_mode & 07777, 0600);
	n = read_file(r->path, text);
	assert_int_equal(strncmp(text, "CLIENT_RANDOM ", 14), 0);
	assert_non_null(strstr(text, "\nCLIENT_HANDSHAKE_TRAFFIC_SECRET "));
	assert_non_null(strstr(text, "\nSERVER_TRAFFIC_SECRET_0 "));
	assert_int_equal(text[n - 1], '\n');
	/* The next process adds to it. */
	visit_in_child(r->path, said);
	assert_int_equal(read_file(r->path, more), 2 * n);
	assert_memory_equal(more, text, n);
}

/* Every variable that cannot be used is told of once, and that is all. */
static void test_unwritable(void **state)
{
	struct rig *r = *state;
	char said[TEXT_BYTES] = "", want[160];

	visit_in_child(r->folder, said);
	snprintf(want, sizeof(want), "viaduct: warn: SSLKEYLOGFILE: %s: Is a directory; no keys are logged\n", r->folder);
	assert_string_equal(said, want);
}

/* A pipe that nobody reads must not hold the proxy up. */
static void test_pipe(void **state)
{
	struct rig *r = *state;
	char said[TEXT_BYTES] = "";

	unlink(r->path);
	assert_int_equal(mkfifo(r->path, 0600), 0);
	visit_in_child(r->path, said);
	assert_non_null(strstr(said, "no keys are logged\n"));
}

static void test_unset(void **state)
{
	char said[TEXT_BYTES] = "";

	(void)state;
	visit_in_child("", said);
	assert_string_equal(said, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_unwritable),
		cmocka_unit_test(test_pipe),
		cmocka_unit_test(test_unset),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
