/* The regular expressions of the filter language: PCRE2 over bytes, bounded in time and memory whatever the pattern and the
 * subject are. The one place that knows PCRE2. */
#ifndef VIADUCT_CONFIG_FILTER_REGEX_H
#define VIADUCT_CONFIG_FILTER_REGEX_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

enum {
	FILTER_REGEX_MAX_BYTES = 1024,           /* of a pattern */
	FILTER_REGEX_MAX_COMPILED_BYTES = 32768, /* of what it becomes */
	FILTER_REGEX_MAX_NESTING = 50,           /* of its parentheses */
};

struct filter_regex;

/* NULL if it is none, or too large, with the reason in ret_why and the byte of the pattern it is found at in ret_position.
 * caseless: letters of ASCII match either case. */
struct filter_regex *filter_regex_new(struct str pattern, bool caseless, size_t *ret_position, char *ret_why, size_t size);
void filter_regex_free(struct filter_regex *r); /* NULL is fine */
/* True if the pattern is found anywhere in the subject. False too if that cannot be said within the bounds; the same pattern and
 * subject always give the same answer. Thread-safe. */
bool filter_regex_finds(const struct filter_regex *r, struct str subject);

#endif
