/* Cutting a filter expression into tokens. Inside config/ only. */
#ifndef VIADUCT_CONFIG_FILTER_LEXER_H
#define VIADUCT_CONFIG_FILTER_LEXER_H

#include "base/str.h"
#include "config/filter_tree.h"

#include <stddef.h>

enum filter_token_kind {
	FILTER_TOKEN_END,
	FILTER_TOKEN_WORD,   /* a letter or _, then letters, digits, dots, hyphens and _ */
	FILTER_TOKEN_NUMBER, /* a digit, or - and a digit, then the same */
	FILTER_TOKEN_TEXT,   /* the quotes included */
	FILTER_TOKEN_OP,     /* == != ~ !~ < <= > >=; contains and in are words */
	FILTER_TOKEN_AND,
	FILTER_TOKEN_OR,
	FILTER_TOKEN_NOT,
	FILTER_TOKEN_OPEN,     /* ( */
	FILTER_TOKEN_CLOSE,    /* ) */
	FILTER_TOKEN_LIST,     /* [ */
	FILTER_TOKEN_LIST_END, /* ] */
	FILTER_TOKEN_COMMA,
	FILTER_TOKEN_BAD /* why says what is wrong */
};

struct filter_token {
	enum filter_token_kind kind;
	struct str text; /* as it stands there; for END the empty rest */
	enum filter_op op;
	const char *why;
};

/* The token at the front of what is left of an expression. */
struct filter_token filter_token_first(struct str rest);

#endif
