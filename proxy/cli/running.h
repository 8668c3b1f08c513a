/* The proxy that runs: found by ready.json in its data folder, and asked over its inspector's API. */
#ifndef VIADUCT_CLI_RUNNING_H
#define VIADUCT_CLI_RUNNING_H

#include "net/address.h"
#include "store/text.h"

#include <stdbool.h>
#include <stddef.h>

struct running {
	struct address inspector;
	char *token; /* for mem_free */
};

/* False with one line: none runs there, or its inspector is off. */
bool running_find(const char *folder, struct running *ret, char *ret_why, size_t size);
void running_fini(struct running *r);

/* One request; ret_body: what a 2xx answer carried, a block of the caller's, terminated, 16 MiB at most, for mem_free. False with
 * one line: no answer in time, or another status, with its words. */
bool running_ask(const struct running *r, const char *method, const char *target, char **ret_body, char *ret_why, size_t size);

#endif
