/* The regular expressions of the filter language: those that an engine of linear time (RE2) knows too, matched by PCRE2 over
 * bytes, bounded in time and memory whatever the pattern and the subject are. The one place that knows PCRE2. */
#ifndef VIADUCT_CONFIG_FILTER_REGEX_H
#define VIADUCT_CONFIG_FILTER_REGEX_H

#include "config/filter.h"

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
/* Whether the pattern is found anywhere in the subject; undecided when the budget, from which each step is taken, is used
 * up, or the memory. The same pattern, subject and budget always give the same answer. Thread-safe. */
enum filter_answer filter_regex_finds(const struct filter_regex *r, struct str subject, struct filter_budget *budget);

#endif
