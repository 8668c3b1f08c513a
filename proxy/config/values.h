/* The values of options: from text, back to text, compared, freed. One field of struct settings at a time.
 * Not for: what a value means (settings_check.c). */
#ifndef VIADUCT_CONFIG_VALUES_H
#define VIADUCT_CONFIG_VALUES_H

#include "config/option_table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The longest TEXT, PATH or item of a LIST. */
enum { VALUE_TEXT_MAX_BYTES = 4096 };

/* Reads text as the option's type into its field, whose old value is freed. On failure false, the field untouched and the
 * reason in ret_why, as it follows the option's name: "10 parsecs is not a time (use ms, s, m or h)". */
bool value_set(const struct option *o, const char *text, void *field, char *ret_why, size_t size);
/* The same from the items of a list, which only a LIST takes; they may hold commas. */
bool value_set_items(const struct option *o, char *const *items, size_t n, void *field, char *ret_why, size_t size);

bool value_equal(const struct option *o, const void *a, const void *b);
/* Frees what the field holds and zeroes it. */
void value_clear(const struct option *o, void *field);

enum { VALUE_NUMBER_BYTES = 24 };
/* A number of the type in its largest whole unit: "5m", "64k", "200". Returns to. */
const char *value_format_number(enum value_type type, int64_t number, char to[VALUE_NUMBER_BYTES]);
/* The value as YAML, in one line or, a long LIST, as lines indented by indent; the newline included. What stands before it is
 * "name:" of so many columns. */
void value_print(const struct option *o, const void *field, int indent, int columns, FILE *to);

/* A text as YAML that reads back to itself, quoted where it must be. It is printable UTF-8 but for tabs and ends of lines. */
void value_print_text(const char *text, FILE *to);

#endif
