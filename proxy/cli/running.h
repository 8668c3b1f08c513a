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
/* Appends a value of a query, percent-encoded but for letters, digits and "/-_." (RFC 3986 section 3.4). */
void running_put_value(struct text *target, const char *value);

/* A sub-command that is one request. */
struct running_request {
	const char *command; /* its name, for complaints */
	const char *method, *target;
	bool is_json; /* the answer is printed as it is */
	/* Else it is told in words; false if it is not what the API says. */
	bool (*put_answer)(struct text *t, const char *body, const void *owner);
	const void *owner;
};
/* Asks the proxy that runs with the data folder, and prints; EXIT_FAILED after saying why not. */
int running_command(const char *folder, const struct running_request *r);

#endif
