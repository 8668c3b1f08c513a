/* Filters from the command line, and what is wrong with them: the line itself with a caret under the place. */
#include "cli/filter_word.h"

#include "cli/cli_options.h"

#include <stdio.h>

enum { AROUND = 60, INDENT = 2 }; /* columns that are shown on either side of a fault */

static bool is_begin_of_character(char c)
{
	return ((unsigned char)c & 0xc0) != 0x80;
}

/* The expression from `from` on, at most as much as is shown; what would move the caret is a blank or a question mark. */
static void put_piece(struct text *t, struct str expression, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		unsigned char c = (unsigned char)expression.p[i];

		if (c == '\t' || c == '\n' || c == '\r')
			text_byte(t, ' ');
		else if (c < 0x20 || c == 0x7f || (c >= 0x80 && !is_plain_utf8(expression)))
			text_byte(t, '?');
		else
			text_byte(t, (char)c);
	}
}

/* Two lines: the expression, or what is around the fault, and the caret. */
static void point(struct str expression, size_t position)
{
	size_t from = position > AROUND ? position - AROUND : 0;
	size_t to = expression.len - position > AROUND ? position + AROUND : expression.len;
	bool is_utf8 = is_plain_utf8(expression);
	struct text t = {NULL, 0, 0};

	while (is_utf8 && from > 0 && !is_begin_of_character(expression.p[from]))
		from--;
	while (is_utf8 && to < expression.len && !is_begin_of_character(expression.p[to]))
		to++;
	text_printf(&t, "%*s", INDENT, "");
	put_piece(&t, expression, from, to);
	text_printf(&t, "\n%*s", INDENT, "");
	for (size_t i = from; i < position; i++) {
		if (!is_utf8 || is_begin_of_character(expression.p[i]))
			text_byte(&t, ' ');
	}
	fprintf(stderr, "%.*s^\n", STR_ARG(text_str(&t)));
	text_fini(&t);
}

static struct filter *parse(const char *command, struct str expression)
{
	struct filter_error error;
	struct filter *f = filter_parse(expression, false, &error);

	if (f != NULL)
		return f;
	cli_complain(command, "the filter: %s", error.text);
	if (error.position <= expression.len)
		point(expression, error.position);
	return NULL;
}

/* "(expression) && session == "name"" */
static struct text joined(const char *expression, const char *session)
{
	struct text t = {NULL, 0, 0};

	if (expression != NULL)
		text_printf(&t, "(%s) && ", expression);
	text_put(&t, STR("session == \""));
	for (const char *c = session; *c != '\0'; c++) {
		if (*c == '"' || *c == '\\')
			text_byte(&t, '\\');
		text_byte(&t, *c);
	}
	text_byte(&t, '"');
	return t;
}

bool cli_filter(const char *command, const char *expression, const char *session, struct filter **ret)
{
	struct filter *f = expression != NULL ? parse(command, str_of(expression)) : NULL;

	if (expression != NULL && f == NULL)
		return false;
	if (session != NULL) {
		struct text both = joined(expression, session);

		filter_free(f);
		f = parse(command, text_str(&both));
		text_fini(&both);
		if (f == NULL)
			return false;
	}
	*ret = f;
	return true;
}

bool cli_has_session(const char *command, struct reader *r, const char *session)
{
	bool is_there = true;

	if (session != NULL && !reader_has_session(r, session, &is_there))
		cli_complain(command, "%s", reader_error(r));
	else if (!is_there)
		cli_complain(command, "there is no session %s (viaduct session list shows them)", session);
	else
		return true;
	return false;
}
