/* The filter language: one language for rules, the command line, the API and the search box. Parsed once to a tree, evaluated
 * in memory here; a store compiles the same tree to its own language (filter_tree.h).
 *
 *   expr       := or;  or := and ("||" and)*;  and := not ("&&" not)*;  not := "!" not | "(" expr ")" | comparison
 *   comparison := field [op value]           a field alone: it is there, not empty, not false (a number may be 0)
 *   op         := == != ~ !~ < <= > >= contains in
 *   value      := "text" | number | -number | true | false | [value, value, …] (after in)
 *
 * Texts compare byte by byte, hosts, schemes, methods and types without case, by ~ and in too; contains is without case for
 * all. In a text \" is a quote and \\ a backslash; any other backslash stands for itself, so that "\.example$" is a good
 * pattern. ~ is a regular expression over bytes, found anywhere. It is of the language that engines of linear time (RE2) know:
 * no look-around, back-references, recursion, conditions, atomic groups, possessive repeats, verbs, comments, flag x, \G, \K,
 * \Q; numbers of repeats are at most 1000; a { that is a character is written \{. client and peer are compared by ==, != and
 * in as addresses, with addresses and networks ("127.0.0.0/8", "fd00::/8"; IPv4 is ::ffff:0:0/96). Numbers are whole; sizes
 * may carry k, M, G (powers of 1024), durations ms, s, m, h (bare: milliseconds). A time is a date in quotes, "2026-01-05" (its
 * beginning), "2026-01-05T10:00:00Z" or with an offset, without both in local time; or an age, -1h being an hour before the
 * filter is read; or milliseconds since 1970. A field with several values (a header that is
 * repeated) matches if any of them does; != and !~ if none does. An absent field equals nothing. White space, ends of lines
 * too, is free between all parts.
 *
 * All regular expressions that are asked for one purpose may share a budget of steps. What it does not suffice for is
 * undecided, and so is what depends on it: "undecided && false" is false, "undecided || true" is true, "!undecided" is
 * undecided. */
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

/* In this order && is the least of its parts, || the greatest. */
enum filter_answer { FILTER_NO, FILTER_UNDECIDED, FILTER_YES };

struct filter_node; /* filter_tree.h */

/* What a filter is asked about. */
struct filter_value {
	struct str text;
	int64_t number; /* FILTER_NUMBER; FILTER_BOOL: 0 or 1 */
};
struct filter_subject {
	/* Calls take with each value of the field until it returns false. name: of a header (any case), else empty. */
	void (*each)(const void *owner, enum filter_field field, struct str name,
		bool (*take)(void *taker, const struct filter_value *v), void *taker);
	/* Asked before each is called: whether any value of the field fulfils a comparison, as filter_value_fits
	 * (filter_tree.h) says it of one. False: it does not know, so each is called. NULL: it never knows. */
	bool (*any)(const void *owner, const struct filter_node *node, enum filter_answer *ret);
	const void *owner;
};

struct filter_error {
	size_t position; /* byte in the expression, from 0 */
	char text[400];  /* in words, with a suggestion where there is one */
};

struct filter;
/* early: only fields that are known when a request arrives (rules); others are refused. Else hop is refused, which only
 * rules can ask for. NULL on failure. */
struct filter *filter_parse(struct str text, bool early, struct filter_error *ret_error);
void filter_free(struct filter *f); /* NULL is fine */

/* Steps that regular expressions may still make; some ms of time in all. */
struct filter_budget {
	uint32_t steps;
};
enum { FILTER_BUDGET_STEPS = 200000 }; /* of a new one */
/* Whether the subject matches. Takes what it needs from the budget, which other filters and subjects may share. NULL: each
 * regular expression has a budget of its own for each value, FILTER_BUDGET_STEPS and four steps for each byte: what is
 * undecided then does not hang on what was asked before, and a store may ask in any order. */
enum filter_answer filter_ask(const struct filter *f, const struct filter_subject *subject, struct filter_budget *budget);
/* The expression as it was written. */
const char *filter_text(const struct filter *f);

#endif
