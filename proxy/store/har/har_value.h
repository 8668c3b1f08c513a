/* Members of a JSON object as they are needed of a HAR: what is missing or of another type is none, never an error. All take
 * NULL for an object that is not there. */
#ifndef VIADUCT_STORE_HAR_VALUE_H
#define VIADUCT_STORE_HAR_VALUE_H

#include "base/arena.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* NULL if there is no object, or array, of that name. */
const json_t *har_object(const json_t *o, const char *key);
const json_t *har_array(const json_t *o, const char *key);
/* The string; where a member beside it has its exact bytes (`_keyHex`, HAR.md), those, which go into the arena. p NULL:
 * none. */
struct str har_str(struct arena *a, const json_t *o, const char *key);
/* The same as it stands there, terminated; "" if there is none. */
const char *har_words(const json_t *o, const char *key);
/* A number, also one that stands in a string. False if there is none. */
bool har_number(const json_t *o, const char *key, double *ret);
/* A number of at least min, else `otherwise`. */
int64_t har_count(const json_t *o, const char *key, int64_t min, int64_t otherwise);
/* Milliseconds to microseconds; -1 if there is no number, or a negative one. */
int64_t har_us(const json_t *o, const char *key);
/* A date, or milliseconds since 1970, to microseconds; else `otherwise`. */
int64_t har_time(const json_t *o, const char *key, int64_t otherwise);
bool har_is_true(const json_t *o, const char *key);

#endif
