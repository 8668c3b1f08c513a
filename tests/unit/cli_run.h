/* Runs a sub-command on the flow database of a test, and takes what it writes to stdout. */
#ifndef VIADUCT_TESTS_CLI_RUN_H
#define VIADUCT_TESTS_CLI_RUN_H

#include "cli/cli.h"
#include "query_run.h"

#include <fcntl.h>

enum { OUTPUT_BYTES = 32768 };

typedef int command(int argc, char **argv);

/* Runs a sub-command on the folder, with one or two more arguments; its exit code. What it wrote to stdout goes into
 * ret_output. */
static inline int run(command *run_it, const char *first, const char *second, char ret_output[OUTPUT_BYTES])
{
	char *argv[] = {(char *)"--data", folder.data, (char *)first, (char *)second, NULL};
	char path[128];
	int status, out, saved = dup(STDOUT_FILENO);
	ssize_t n;

	snprintf(path, sizeof(path), "%s/stdout", folder.path);
	out = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	assert_true(out >= 0 && saved >= 0);
	fflush(stdout);
	assert_true(dup2(out, STDOUT_FILENO) >= 0);
	status = run_it(second ? 4 : 3, argv);
	fflush(stdout);
	assert_true(dup2(saved, STDOUT_FILENO) >= 0);
	n = pread(out, ret_output, OUTPUT_BYTES - 1, 0);
	assert_true(n >= 0 && n < OUTPUT_BYTES - 1);
	ret_output[n] = '\0';
	close(out);
	close(saved);
	return status;
}

#endif
