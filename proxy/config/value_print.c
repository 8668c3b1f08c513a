/* Printing values as YAML that reads back to the same value. The texts of options are printable UTF-8 (values.c sees to it), so
 * single quotes are all the quoting they need. */
#include "config/values.h"

#include <string.h>

enum { LINE_COLUMNS = 100 };

/* A word that YAML readers take for null or a truth value. */
static bool is_special_word(struct str s)
{
	static const char *const words[] = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (str_ieq(s, str_of(words[i])))
			return true;
	}
	return false;
}

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* True if YAML takes the text for itself without quotes, in a block as in brackets. */
static bool is_plain(struct str s)
{
	if (s.len == 0 || is_special_word(s) || !(is_alnum(s.p[0]) || s.p[0] == '/') || s.p[s.len - 1] == ':')
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (!is_alnum(s.p[i]) && strchr("/._-+=@%:", s.p[i]) == NULL)
			return false;
	}
	return true;
}

/* In double quotes, where YAML knows escapes. */
static void escaped_print(const char *text, FILE *to)
{
	putc('"', to);
	for (const char *c = text; *c != '\0'; c++) {
		if (*c == '\n')
			fputs("\\n", to);
		else if (*c == '\r')
			fputs("\\r", to);
		else if (*c == '\t')
			fputs("\\t", to);
		else
			fprintf(to, "%s%c", *c == '"' || *c == '\\' ? "\\" : "", *c);
	}
	putc('"', to);
}

void value_print_text(const char *text, FILE *to)
{
	if (is_plain(str_of(text))) {
		fputs(text, to);
		return;
	}
	if (strpbrk(text, "\t\r\n") != NULL) {
		escaped_print(text, to);
		return;
	}
	putc('\'', to);
	for (const char *c = text; *c != '\0'; c++) {
		if (*c == '\'')
			putc('\'', to);
		putc(*c, to);
	}
	putc('\'', to);
}

/* Columns of the list in brackets, the quotes counted generously. */
static size_t list_columns(const struct text_list *list)
{
	size_t columns = 2;

	for (size_t i = 0; i < list->n; i++)
		columns += strlen(list->v[i]) + 4;
	return columns;
}

static void list_print(const struct text_list *list, int indent, int columns, FILE *to)
{
	bool is_block = list->n > 1 && (size_t)columns + list_columns(list) > LINE_COLUMNS;

	fputs(is_block ? "\n" : " [", to);
	for (size_t i = 0; i < list->n; i++) {
		if (is_block)
			fprintf(to, "%*s- ", indent, "");
		else if (i != 0)
			fputs(", ", to);
		value_print_text(list->v[i], to);
		if (is_block)
			putc('\n', to);
	}
	if (!is_block)
		fputs("]\n", to);
}

/* The choice of that number, which value_set has made sure of. */
static struct str choice_at(const char *choices, int64_t number)
{
	struct str s = str_of(choices);

	for (; number > 0; number--)
		s = str_from(s, str_find(s, '|') + 1);
	return str_first(s, str_find(s, '|'));
}

void value_print(const struct option *o, const void *field, int indent, int columns, FILE *to)
{
	char number[VALUE_NUMBER_BYTES];

	switch (o->type) {
	case VALUE_LIST:
		list_print(field, indent, columns, to);
		return;
	case VALUE_TEXT:
	case VALUE_PATH:
		putc(' ', to);
		value_print_text(*(char *const *)field, to);
		putc('\n', to);
		return;
	case VALUE_BOOL:
		fprintf(to, " %s\n", *(const bool *)field ? "true" : "false");
		return;
	case VALUE_ENUM:
		fprintf(to, " %.*s\n", STR_ARG(choice_at(o->choices, *(const int64_t *)field)));
		return;
	case VALUE_INT:
	case VALUE_BYTES:
	case VALUE_MS:
		break;
	}
	fprintf(to, " %s\n", value_format_number(o->type, *(const int64_t *)field, number));
}
