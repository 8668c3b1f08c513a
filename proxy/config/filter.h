/* The filter language: one language for rules, the command line, the API and the search box. Parsed once to a tree, evaluated in
 * memory here; a store compiles the same tree to its own language (filter_tree.h).
 *
 *   expr       := or;  or := and ("||" and)*;  and := not ("&&" not)*;  not := "!" not | "(" expr ")" | comparison
 *   comparison := field [op value]           a field alone: it is there, not empty, not false (a number may be 0)
 *   op         := == != ~ !~ < <= > >= contains in
 *   value      := "text" | number | true | false | [value, value, …] (after in)
 *
 * Texts compare byte by byte, hosts, schemes, methods and types without case, by ~ and in too; contains is without case for all.
 * In a text \" is a quote and \\ a backslash; any other backslash stands for itself, so that "\.example$" is a good pattern.
 * ~ is a PCRE2 regular expression over bytes, found anywhere; it is bounded in time, and what cannot be decided within the bound
 * counts as not found. Numbers are whole; sizes may carry k, M, G (powers of 1024), times ms, s, m, h (bare: milliseconds). A field
 * with several values (a header that is repeated) matches if any of them does; != and !~ if none does. An absent field equals
 * nothing. White space, ends of lines too, is free between all parts. */
#ifndef VIADUCT_CONFIG_FILTER_H
#define VIADUCT_CONFIG_FILTER_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	FILTER_MAX_BYTES = 8192, /* of an expression */
	FILTER_MAX_DEPTH = 64,   /* of parentheses and ! */
	FILTER_MAX_NODES = 1000
};

enum filter_type { FILTER_TEXT, FILTER_NUMBER, FILTER_BOOL };

/* One per row of filter_fields.def: FILTER_method, FILTER_host, FILTER_req_header … */
enum filter_field {
#define FILTER_FIELD(id, name, type, is_known_early, about) FILTER_##id,
#include "config/filter_fields.def"
#undef FILTER_FIELD
	FILTER_FIELD_COUNT
};
const char *filter_field_name(enum filter_field f);
enum filter_type filter_field_type(enum filter_field f);

/* What a filter is asked about. */
struct filter_value {
	struct str text;
	int64_t number; /* FILTER_NUMBER; FILTER_BOOL: 0 or 1 */
};
struct filter_subject {
	/* Calls take with each value of the field until it returns false. name: of a header (any case), else empty. */
	void (*each)(const void *owner, enum filter_field field, struct str name,
		bool (*take)(void *taker, const struct filter_value *v), void *taker);
	const void *owner;
};

struct filter_error {
	size_t position; /* byte in the expression, from 0 */
	char text[200];  /* in words, with a suggestion where there is one */
};

struct filter;
/* early: only fields that are known when a request arrives (rules); others are refused. NULL on failure. */
struct filter *filter_parse(struct str text, bool early, struct filter_error *ret_error);
void filter_free(struct filter *f); /* NULL is fine */
bool filter_matches(const struct filter *f, const struct filter_subject *subject);
/* The expression as it was written. */
const char *filter_text(const struct filter *f);

#endif
