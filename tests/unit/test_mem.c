/* Allocation: contents, and the end of the process when there is no memory. */
#include "base/mem.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Sanitizers shall answer too big a size with NULL as the C library does, not with a report. They look these up by name. */
#define SEEN_BY_SANITIZERS __attribute__((visibility("default")))
SEEN_BY_SANITIZERS const char *__asan_default_options(void);
SEEN_BY_SANITIZERS const char *__tsan_default_options(void);

const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

const char *__tsan_default_options(void)
{
	return "allocator_may_return_null=1";
}

/* More than any machine has; volatile, so that compilers do not warn of it. */
static volatile size_t too_big = SIZE_MAX / 2 - 4096;

static void test_alloc_and_realloc_keep_bytes(void **state)
{
	char *p = mem_alloc(10);

	(void)state;
	memset(p, 'a', 10);
	p = mem_realloc(p, 100000);
	for (int i = 0; i < 10; i++)
		assert_int_equal(p[i], 'a');
	mem_free(p);
	mem_free(NULL);
	p = mem_realloc(NULL, 5);
	memset(p, 0, 5);
	mem_free(p);
}

static void test_size_zero_is_memory(void **state)
{
	char *p = mem_alloc(0), *q = mem_calloc(0, 8), *r = mem_calloc(8, 0), *s = mem_realloc(mem_alloc(5), 0);

	(void)state;
	assert_non_null(p);
	assert_non_null(q);
	assert_non_null(r);
	assert_non_null(s);
	mem_free(p);
	mem_free(q);
	mem_free(r);
	mem_free(s);
}

static void test_calloc_is_zeroed(void **state)
{
	unsigned char *p = mem_calloc(100, 10);

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(p[i], 0);
	mem_free(p);
}

static void test_strings_are_copied(void **state)
{
	const char unterminated[3] = {'a', 'b', 'c'};
	char *a = mem_strdup("abc"), *b = mem_strndup("abcdef", 2), *c = mem_strndup("ab", 10);
	char *d = mem_strndup(unterminated, 3);

	(void)state;
	assert_string_equal(a, "abc");
	assert_string_equal(b, "ab");
	assert_string_equal(c, "ab");
	assert_string_equal(d, "abc");
	mem_free(a);
	mem_free(b);
	mem_free(c);
	mem_free(d);
}

static void alloc_too_much(void)
{
	mem_free(mem_alloc(too_big));
}

static void calloc_overflow(void)
{
	mem_free(mem_calloc(too_big, 4));
}

static void realloc_too_much(void)
{
	mem_free(mem_realloc(mem_alloc(1), too_big));
}

/* Runs act in a child whose stderr is a pipe; checks status and line. */
static void check_ends(void (*act)(void))
{
	char line[4096];
	int fds[2], status;
	ssize_t n, len = 0;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(fds[1], STDERR_FILENO);
		act();
		_exit(0);
	}
	close(fds[1]);
	while ((n = read(fds[0], line + len, sizeof(line) - 1 - (size_t)len)) > 0)
		len += n;
	line[len] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 70);
	/* A sanitizer may say something of its own before. */
	assert_non_null(strstr(line, "viaduct: error: out of memory: "));
}

static void test_no_memory_ends_the_process(void **state)
{
	(void)state;
	check_ends(alloc_too_much);
	check_ends(calloc_overflow);
	check_ends(realloc_too_much);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alloc_and_realloc_keep_bytes),
		cmocka_unit_test(test_size_zero_is_memory),
		cmocka_unit_test(test_calloc_is_zeroed),
		cmocka_unit_test(test_strings_are_copied),
		cmocka_unit_test(test_no_memory_ends_the_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
