/* Which patterns are taken: those of RE2's language that mean the same in PCRE2, so that rules cannot depend on what no engine
 * does in linear time, and other stores can run them too. Inside config/ only. */
#ifndef VIADUCT_CONFIG_FILTER_PATTERN_H
#define VIADUCT_CONFIG_FILTER_PATTERN_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

enum { FILTER_PATTERN_MAX_REPEATS = 1000 }; /* the largest number in a counted repeat, as RE2 has it */

/* False, with the reason and its place, if the pattern holds what is not taken. One that is taken may still be no pattern at
 * all: what is left to the compiler is brackets that do not close, and the like. ret_most_repeats: the largest number in {}. */
bool filter_pattern_check(struct str pattern, unsigned *ret_most_repeats, size_t *ret_position, char *ret_why, size_t size);

#endif
