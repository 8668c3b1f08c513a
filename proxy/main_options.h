/* The command line of serve. */
#ifndef VIADUCT_MAIN_OPTIONS_H
#define VIADUCT_MAIN_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

struct serve_options {
	const char *config;     /* NULL: none */
	const char *ready_file; /* NULL: none */
	bool wants_help;
	char **set; /* "option=value", in order */
	size_t set_n;
};

/* False with one line in ret_why. Ended by serve_options_fini in both cases. */
bool serve_options_parse(int argc, char **argv, struct serve_options *ret, char *ret_why, size_t size);
void serve_options_fini(struct serve_options *o);

#endif
