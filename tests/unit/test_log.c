/* The operational log, read back through a packet pipe: one read gives one write. */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* stderr, put aside, and the pipe that stands for it. */
struct captured {
	int stderr_fd, read_fd;
};

static int capture(void **state)
{
	static struct captured c;
	int fds[2];

	if (pipe2(fds, O_DIRECT | O_NONBLOCK) != 0)
		return -1;
	c.stderr_fd = dup(STDERR_FILENO);
	c.read_fd = fds[0];
	if (c.stderr_fd < 0 || dup2(fds[1], STDERR_FILENO) < 0)
		return -1;
	close(fds[1]);
	*state = &c;
	return 0;
}

static int release(void **state)
{
	struct captured *c = *state;

	dup2(c->stderr_fd, STDERR_FILENO);
	close(c->stderr_fd);
	close(c->read_fd);
	log_set_level(LOG_INFO);
	return 0;
}

/* What the next write wrote, as a string; "" if there was none. */
static const char *next_write(void **state, char *to, size_t size)
{
	struct captured *c = *state;
	ssize_t n = read(c->read_fd, to, size - 1);

	to[n > 0 ? n : 0] = '\0';
	return to;
}

static void test_levels_are_named(void **state)
{
	char got[2048];

	log_set_level(LOG_DEBUG);
	log_error("a %d", 1);
	log_warn("b");
	log_info("c");
	log_debug("d");
	assert_string_equal(next_write(state, got, sizeof(got)), "viaduct: error: a 1\n");
	assert_string_equal(next_write(state, got, sizeof(got)), "viaduct: warn: b\n");
	assert_string_equal(next_write(state, got, sizeof(got)), "viaduct: c\n");
	assert_string_equal(next_write(state, got, sizeof(got)), "viaduct: debug: d\n");
	assert_string_equal(log_level_name(LOG_INFO), "info");
	assert_string_equal(log_level_name((enum log_level)9), "unknown");
}

static void test_lines_above_the_level_are_dropped(void **state)
{
	char got[2048];

	assert_int_equal(log_level(), LOG_INFO);
	log_debug("d");
	assert_string_equal(next_write(state, got, sizeof(got)), "");
	log_set_level(LOG_ERROR);
	log_warn("w");
	log_info("i");
	assert_string_equal(next_write(state, got, sizeof(got)), "");
	log_error("e");
	assert_string_equal(next_write(state, got, sizeof(got)), "viaduct: error: e\n");
}

static void test_control_bytes_are_escaped(void **state)
{
	char got[2048];

	log_info("a\nviaduct: b\r\t\x1b[1m\x7f%s", "\x01");
	assert_string_equal(next_write(state, got, sizeof(got)), "viaduct: a\\x0aviaduct: b\\x0d\\x09\\x1b[1m\\x7f\\x01\n");
}

static void test_long_line_is_cut_to_1024_bytes(void **state)
{
	char got[2048], text[3000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_error("%s", text);
	next_write(state, got, sizeof(got));
	assert_int_equal(strlen(got), 1024);
	assert_string_equal(got + 1020, "...\n");
	memset(text, '\n', sizeof(text) - 1);
	log_error("%s", text);
	next_write(state, got, sizeof(got));
	assert_in_range(strlen(got), 1020, 1024);
	assert_string_equal(got + strlen(got) - 8, "\\x0a...\n");
}

static void test_longest_whole_line(void **state)
{
	char got[2048], text[1012];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_info("%s", text);
	next_write(state, got, sizeof(got));
	assert_int_equal(strlen(got), 9 + 1011 + 1);
	assert_string_equal(got + 1018, "xx\n");
}

static void test_errno_is_kept(void **state)
{
	struct captured *c = *state;

	errno = ENOENT;
	log_info("x");
	assert_int_equal(errno, ENOENT);
	/* Also where the write fails. */
	close(STDERR_FILENO);
	log_info("x");
	assert_int_equal(errno, ENOENT);
	dup2(c->stderr_fd, STDERR_FILENO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_levels_are_named, capture, release),
		cmocka_unit_test_setup_teardown(test_lines_above_the_level_are_dropped, capture, release),
		cmocka_unit_test_setup_teardown(test_control_bytes_are_escaped, capture, release),
		cmocka_unit_test_setup_teardown(test_long_line_is_cut_to_1024_bytes, capture, release),
		cmocka_unit_test_setup_teardown(test_longest_whole_line, capture, release),
		cmocka_unit_test_setup_teardown(test_errno_is_kept, capture, release),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
