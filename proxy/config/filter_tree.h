/* The tree of a parsed filter, for those who walk it: the evaluation here, the printer, and a store that compiles it to its own
 * language. Not for: those who only ask whether something matches (filter.h). */
#ifndef VIADUCT_CONFIG_FILTER_TREE_H
#define VIADUCT_CONFIG_FILTER_TREE_H

#include "config/filter.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum filter_node_kind {
	FILTER_NODE_AND, /* of all children, two or more */
	FILTER_NODE_OR,  /* of all children, two or more */
	FILTER_NODE_NOT, /* of the one child */
	FILTER_NODE_COMPARE
};

enum filter_op {
	FILTER_OP_THERE,     /* the field alone: a value that is neither empty nor false */
	FILTER_OP_EQ,        /* each type */
	FILTER_OP_NE,        /* each type: no value is equal */
	FILTER_OP_MATCH,     /* ~, texts */
	FILTER_OP_NOT_MATCH, /* !~, texts: no value matches */
	FILTER_OP_LT,        /* numbers, as the next three */
	FILTER_OP_LE,
	FILTER_OP_GT,
	FILTER_OP_GE,
	FILTER_OP_CONTAINS, /* texts, without case */
	FILTER_OP_IN        /* texts and numbers: equal to one of the values */
};
/* As it is written: "==", "in"; "" for FILTER_OP_THERE. */
const char *filter_op_name(enum filter_op op);

struct filter_regex;
struct network;

struct filter_node {
	enum filter_node_kind kind;
	const struct filter_node *child; /* the first one */
	const struct filter_node *next;  /* the sibling after this one */
	bool is_dear;                    /* bodies have to be read: its siblings are asked before */

	/* of FILTER_NODE_COMPARE */
	enum filter_field field;
	struct str name; /* of a header, a token as it was written; else empty */
	enum filter_op op;
	const struct filter_value *values; /* of the field's type; none for THERE, one or more for IN, else one */
	size_t values_n;                   /* a text is unescaped; for MATCH and NOT_MATCH it is the pattern */
	const struct filter_regex *regex;  /* of MATCH and NOT_MATCH, compiled (filter_regex.h) */
	const uint16_t *table;             /* of CONTAINS (filter_search.h) */
	/* Of client and peer with EQ, NE and IN: what each value stands for, an address for itself alone. A store asks
	 * network_has too. */
	const struct network *networks;
};

/* Lives as long as the filter. No deeper than FILTER_MAX_DEPTH nested in brackets and NOT: AND and OR take many children. */
const struct filter_node *filter_tree(const struct filter *f);

/* True for texts that ==, !=, ~, !~ and in compare without (ASCII) case: host, scheme, method, type. */
bool filter_field_is_caseless(enum filter_field f);
/* True for client and peer: ==, != and in compare addresses with networks. */
bool filter_field_is_address(enum filter_field f);
/* True for req.header and res.header. */
bool filter_field_is_named(enum filter_field f);
/* True for req.body and res.body. */
bool filter_field_is_body(enum filter_field f);

/* Whether a value fulfils the comparison, or for != and !~ what they deny; a regular expression with a budget for itself.
 * For those who answer comparisons themselves (filter_subject.any). */
enum filter_answer filter_value_fits(const struct filter_node *node, const struct filter_value *v);

/* Prints the tree as an expression that parses to the same tree. */
void filter_print(const struct filter *f, FILE *to);

#endif
