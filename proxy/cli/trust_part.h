/* The parts of trust.c: one per kind of store, and what they share. Inside cli/ only. */
#ifndef VIADUCT_CLI_TRUST_PART_H
#define VIADUCT_CLI_TRUST_PART_H

#include "cli/trust.h"

#include "store/text.h"

#include <stdbool.h>
#include <stddef.h>

/* What is done to one store. */
struct trust_job {
	const struct trust_order *order;
	bool is_for_root; /* its steps are root's to take */
	bool has_failed;
};

/* A heading, as a comment of the shell. */
void trust_title(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Prints the step and takes it, unless this is a dry run, or one before it has failed, or it is root's and we are not root: then it
 * begins with sudo, and the job fails once all its steps are printed. */
void trust_step(struct trust_job *j, const char *const *words);
/* What a program says that changes nothing, so that it is run in any case. False after saying why it could not. */
bool trust_ask(const char *const *words, struct text *ret_out);
/* False if something went wrong. */
bool trust_job_end(const struct trust_job *j);

/* "viaduct-0123456789abcdef.crt" and "viaduct 0123456789abcdef": before and after are what stands around the id. */
bool trust_name_is_ours(struct str name, const char *before, const char *after);

bool trust_system_install(const struct trust_order *o);
bool trust_system_uninstall(const struct trust_order *o);
bool trust_nss_install(const struct trust_order *o);
bool trust_nss_uninstall(const struct trust_order *o);

#endif
