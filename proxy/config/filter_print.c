/* Filters printed as expressions in one spelling: one space, no needless parentheses, numbers in their largest whole unit. */
#include "config/filter_fields.h"

const char *filter_op_name(enum filter_op op)
{
	static const char *const names[] = {
		[FILTER_OP_THERE] = "",
		[FILTER_OP_EQ] = "==",
		[FILTER_OP_NE] = "!=",
		[FILTER_OP_MATCH] = "~",
		[FILTER_OP_NOT_MATCH] = "!~",
		[FILTER_OP_LT] = "<",
		[FILTER_OP_LE] = "<=",
		[FILTER_OP_GT] = ">",
		[FILTER_OP_GE] = ">=",
		[FILTER_OP_CONTAINS] = "contains",
		[FILTER_OP_IN] = "in",
	};

	return names[op];
}

/* In quotes. A backslash is doubled only where it would escape what follows, so that patterns stay readable. */
static void text_print(struct str s, FILE *to)
{
	putc('"', to);
	for (size_t i = 0; i < s.len; i++) {
		bool is_last = i + 1 == s.len;

		if (s.p[i] == '"' || (s.p[i] == '\\' && (is_last || s.p[i + 1] == '"' || s.p[i + 1] == '\\')))
			putc('\\', to);
		putc(s.p[i], to);
	}
	putc('"', to);
}

static void number_print(enum filter_field f, int64_t number, FILE *to)
{
	const struct filter_unit *best = filter_field_units(f);

	for (const struct filter_unit *u = best; number != 0 && u->suffix != NULL; u++) {
		if (number % u->factor == 0 && u->factor > best->factor)
			best = u;
	}
	fprintf(to, "%lld%s", (long long)(number / best->factor), best->suffix);
}

static void value_print(enum filter_field f, const struct filter_value *v, FILE *to)
{
	switch (filter_field_type(f)) {
	case FILTER_TEXT:
		text_print(v->text, to);
		return;
	case FILTER_NUMBER:
		number_print(f, v->number, to);
		return;
	case FILTER_BOOL:
		fputs(v->number != 0 ? "true" : "false", to);
		return;
	}
}

static void compare_print(const struct filter_node *node, FILE *to)
{
	struct str field = str_of(filter_field_name(node->field));

	fprintf(to, "%.*s", STR_ARG(str_first(field, str_find(field, '['))));
	if (filter_field_is_named(node->field))
		fprintf(to, "[\"%.*s\"]", STR_ARG(node->name));
	if (node->op == FILTER_OP_THERE)
		return;
	fprintf(to, " %s %s", filter_op_name(node->op), node->op == FILTER_OP_IN ? "[" : "");
	for (size_t i = 0; i < node->values_n; i++) {
		if (i != 0)
			fputs(", ", to);
		value_print(node->field, &node->values[i], to);
	}
	if (node->op == FILTER_OP_IN)
		putc(']', to);
}

/* True if the child of that parent needs parentheses to stay one. */
static bool is_loose(const struct filter_node *child, const struct filter_node *parent)
{
	if (child->kind == FILTER_NODE_COMPARE || child->kind == FILTER_NODE_NOT)
		return false;
	return parent->kind != FILTER_NODE_OR || child->kind == FILTER_NODE_OR;
}

static void node_print(const struct filter_node *node, FILE *to)
{
	if (node->kind == FILTER_NODE_COMPARE) {
		compare_print(node, to);
		return;
	}
	if (node->kind == FILTER_NODE_NOT)
		putc('!', to);
	for (const struct filter_node *child = node->child; child != NULL; child = child->next) {
		if (child != node->child)
			fputs(node->kind == FILTER_NODE_AND ? " && " : " || ", to);
		if (is_loose(child, node))
			putc('(', to);
		node_print(child, to);
		if (is_loose(child, node))
			putc(')', to);
	}
}

void filter_print(const struct filter *f, FILE *to)
{
	node_print(filter_tree(f), to);
}
