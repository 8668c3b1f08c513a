/* Programs of the system, run with their words as they are, never through a shell. Blocks until they end. */
#ifndef VIADUCT_CLI_TOOL_H
#define VIADUCT_CLI_TOOL_H

#include "store/text.h"

#include <stdbool.h>
#include <stddef.h>

/* Words end with NULL; the first is the program's name without a folder. It is looked for in PATH and then in /usr/local/sbin, /usr/sbin
 * and /sbin, which the PATH of a user lacks on some systems. */

/* The program's path; mem_free it. NULL if there is none. */
char *tool_find(const char *name);
bool tool_is_here(const char *name);
/* Puts the words as one would type them into a shell. */
void tool_show(struct text *t, const char *const *words);
/* Runs it to its end; its input and output are ours. False unless it exits with 0, with "exit status 3" or the like in ret_why. */
bool tool_run(const char *const *words, char *ret_why, size_t size);
/* The same, but what it writes to stdout (1 MiB at most) is put into ret_out. */
bool tool_read(const char *const *words, struct text *ret_out, char *ret_why, size_t size);

#endif
