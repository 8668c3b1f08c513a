/* The tokens of the filter language. Pure. */
#include "config/filter_lexer.h"

#include <string.h>

struct sign {
	const char *text;
	enum filter_token_kind kind;
	enum filter_op op;
	const char *why;
};

/* Longer ones before those they begin with. What other languages write is here to be explained. */
static const struct sign signs[] = {
	{"===", FILTER_TOKEN_BAD, 0, "is == meant?"},
	{"==", FILTER_TOKEN_OP, FILTER_OP_EQ, NULL},
	{"=~", FILTER_TOKEN_BAD, 0, "is ~ meant?"},
	{"=", FILTER_TOKEN_BAD, 0, "is == meant?"},
	{"!=", FILTER_TOKEN_OP, FILTER_OP_NE, NULL},
	{"!~", FILTER_TOKEN_OP, FILTER_OP_NOT_MATCH, NULL},
	{"!", FILTER_TOKEN_NOT, 0, NULL},
	{"~", FILTER_TOKEN_OP, FILTER_OP_MATCH, NULL},
	{"<>", FILTER_TOKEN_BAD, 0, "is != meant?"},
	{"<=", FILTER_TOKEN_OP, FILTER_OP_LE, NULL},
	{"<", FILTER_TOKEN_OP, FILTER_OP_LT, NULL},
	{">=", FILTER_TOKEN_OP, FILTER_OP_GE, NULL},
	{">", FILTER_TOKEN_OP, FILTER_OP_GT, NULL},
	{"&&", FILTER_TOKEN_AND, 0, NULL},
	{"&", FILTER_TOKEN_BAD, 0, "is && meant?"},
	{"||", FILTER_TOKEN_OR, 0, NULL},
	{"|", FILTER_TOKEN_BAD, 0, "is || meant?"},
	{"(", FILTER_TOKEN_OPEN, 0, NULL},
	{")", FILTER_TOKEN_CLOSE, 0, NULL},
	{"[", FILTER_TOKEN_LIST, 0, NULL},
	{"]", FILTER_TOKEN_LIST_END, 0, NULL},
	{",", FILTER_TOKEN_COMMA, 0, NULL},
	{"'", FILTER_TOKEN_BAD, 0, "texts stand in double quotes"},
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static size_t word_len(struct str rest)
{
	size_t len = 0;

	while (len < rest.len && (is_letter(rest.p[len]) || is_digit(rest.p[len]) || rest.p[len] == '.' || rest.p[len] == '-'))
		len++;
	return len;
}

/* rest begins with a quote. */
static struct filter_token text_token(struct str rest)
{
	for (size_t i = 1; i < rest.len; i++) {
		if (rest.p[i] == '"')
			return (struct filter_token){.kind = FILTER_TOKEN_TEXT, .text = str_first(rest, i + 1)};
		if (rest.p[i] == '\\' && i + 1 < rest.len && (rest.p[i + 1] == '"' || rest.p[i + 1] == '\\'))
			i++;
	}
	return (struct filter_token){.kind = FILTER_TOKEN_BAD, .text = rest, .why = "its closing quote is missing"};
}

static struct filter_token sign_token(struct str rest)
{
	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
		const struct sign *s = &signs[i];

		if (str_starts(rest, str_of(s->text)))
			return (struct filter_token){s->kind, str_first(rest, strlen(s->text)), s->op, s->why};
	}
	return (struct filter_token){.kind = FILTER_TOKEN_BAD, .text = str_first(rest, 1), .why = "nothing begins like that"};
}

/* A number may have a sign in front. */
static size_t sign_len(struct str rest)
{
	return rest.len > 1 && rest.p[0] == '-' && is_digit(rest.p[1]) ? 1 : 0;
}

struct filter_token filter_token_first(struct str rest)
{
	size_t sign;

	while (rest.len != 0 && strchr(" \t\r\n", rest.p[0]) != NULL && rest.p[0] != '\0')
		rest = str_from(rest, 1);
	if (rest.len == 0)
		return (struct filter_token){.kind = FILTER_TOKEN_END, .text = rest};
	if (is_letter(rest.p[0]))
		return (struct filter_token){.kind = FILTER_TOKEN_WORD, .text = str_first(rest, word_len(rest))};
	sign = sign_len(rest);
	if (is_digit(rest.p[sign]))
		return (struct filter_token){
			.kind = FILTER_TOKEN_NUMBER, .text = str_first(rest, sign + word_len(str_from(rest, sign)))};
	return rest.p[0] == '"' ? text_token(rest) : sign_token(rest);
}
