/* A filter in the making: its memory, its message, its limits. Inside config/ only. */
#ifndef VIADUCT_CONFIG_FILTER_BUILD_H
#define VIADUCT_CONFIG_FILTER_BUILD_H

#include "base/arena.h"
#include "config/filter_lexer.h"
#include "config/filter_tree.h"

#include <stdbool.h>
#include <stddef.h>

enum { FILTER_MAX_REGEXES = 50 };

struct filter {
	struct arena *arena; /* nodes, values, texts */
	const char *text;    /* in the arena */
	const struct filter_node *root;
	struct filter_regex *regexes[FILTER_MAX_REGEXES];
	size_t regexes_n;
};

struct filter_parser {
	struct filter *f;
	struct str whole;          /* the copy in the arena, on which all positions are */
	struct filter_token token; /* the next one */
	bool early;
	unsigned depth, nodes;
	struct filter_error *error;
};

/* Writes the message "what is there at 12: reason" for a piece of the expression; for an empty one "the end". Returns false. */
bool filter_fail(struct filter_parser *p, struct str piece, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The same for what was taken for a field: "unknown field hots at 0: reason". */
bool filter_fail_field(struct filter_parser *p, struct str piece, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Goes on to the token after the present one. */
void filter_advance(struct filter_parser *p);
/* Counts a node or a value; false with the message beyond FILTER_MAX_NODES. */
bool filter_count(struct filter_parser *p);
/* A zeroed node; NULL with the message beyond FILTER_MAX_NODES. */
struct filter_node *filter_node_new(struct filter_parser *p, enum filter_node_kind kind);
/* comparison := field [op value]; NULL with the message. */
struct filter_node *filter_compare_read(struct filter_parser *p);

#endif
