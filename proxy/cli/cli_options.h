/* What the sub-commands share: reading their arguments, finding the flow database, writing to the terminal. */
#ifndef VIADUCT_CLI_CLI_OPTIONS_H
#define VIADUCT_CLI_CLI_OPTIONS_H

#include "store/query.h"
#include "store/text.h"

#include <stdbool.h>
#include <stddef.h>

/* One flag of a sub-command. */
struct cli_flag {
	char id;          /* what cli_next returns */
	const char *name; /* "--data" */
	bool has_value;   /* "--data DIR", "--data=DIR" */
};

/* The arguments that have not been looked at yet. */
struct cli_args {
	const char *command;
	int argc;
	char **argv;
	const struct cli_flag *flags;
	size_t flags_n;
};

enum { CLI_END = 0, CLI_WORD = 1, CLI_BAD = 2 };
/* The id of the next flag with its value, CLI_WORD for an argument that is no flag, CLI_END, or CLI_BAD after saying why. */
int cli_next(struct cli_args *a, const char **ret_value);

/* A line on stderr behind "viaduct COMMAND: "; control bytes are escaped. */
void cli_complain(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The folder of the flow database: data if it is not NULL, else what the configuration says; mem_free it. NULL after saying
 * what is wrong with the configuration. */
char *cli_folder(const char *command, const char *data, const char *config);

/* A proxy that runs writes what has just ended within a moment: waits for that long where one has the folder in use, so that "the last flow" is
 * the one that was just made. */
void cli_settle(const char *folder);

/* Whether what goes to stdout is for a person who wants colour: a terminal, and NO_COLOR is not set. */
bool cli_has_colour(void);
/* Columns of the terminal; 0 when stdout is none. */
size_t cli_width(void);
/* Writes the text to stdout and clears it; false after saying why that failed. */
bool cli_print(struct text *t);

#endif
