/* Filters evaluated in memory. Pure. */
#include "config/filter_regex.h"
#include "config/filter_tree.h"

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool is_contained(struct str part, struct str text)
{
	if (part.len == 0)
		return true;
	for (size_t i = 0; i + part.len <= text.len; i++) {
		if (lower(text.p[i]) == lower(part.p[0]) && str_ieq((struct str){text.p + i, part.len}, part))
			return true;
	}
	return false;
}

static bool is_equal(enum filter_field f, const struct filter_value *a, const struct filter_value *b)
{
	if (filter_field_type(f) != FILTER_TEXT)
		return a->number == b->number;
	return filter_field_is_caseless(f) ? str_ieq(a->text, b->text) : str_eq(a->text, b->text);
}

static bool is_one_of(const struct filter_node *node, const struct filter_value *v)
{
	for (size_t i = 0; i < node->values_n; i++) {
		if (is_equal(node->field, v, &node->values[i]))
			return true;
	}
	return false;
}

/* Whether there is something to the value: neither empty nor false. A number is there even if it is 0. */
static bool is_there(const struct filter_node *node, const struct filter_value *v)
{
	switch (filter_field_type(node->field)) {
	case FILTER_TEXT:
		return v->text.len != 0;
	case FILTER_BOOL:
		return v->number != 0;
	case FILTER_NUMBER:
		break;
	}
	return true;
}

/* Whether one value of the field fulfils the comparison, or, for != and !~, the comparison that they deny. */
static bool value_fits(const struct filter_node *node, const struct filter_value *v)
{
	switch (node->op) {
	case FILTER_OP_THERE:
		return is_there(node, v);
	case FILTER_OP_EQ:
	case FILTER_OP_NE:
	case FILTER_OP_IN:
		return is_one_of(node, v);
	case FILTER_OP_MATCH:
	case FILTER_OP_NOT_MATCH:
		return filter_regex_finds(node->regex, v->text);
	case FILTER_OP_LT:
		return v->number < node->values[0].number;
	case FILTER_OP_LE:
		return v->number <= node->values[0].number;
	case FILTER_OP_GT:
		return v->number > node->values[0].number;
	case FILTER_OP_GE:
		return v->number >= node->values[0].number;
	case FILTER_OP_CONTAINS:
		break;
	}
	return is_contained(node->values[0].text, v->text);
}

struct question {
	const struct filter_node *node;
	bool has_fit;
};

/* Takes values until one fits. */
static bool take(void *taker, const struct filter_value *v)
{
	struct question *q = taker;

	q->has_fit = value_fits(q->node, v);
	return !q->has_fit;
}

static bool compare(const struct filter_node *node, const struct filter_subject *subject)
{
	struct question q = {node, false};
	bool is_denial = node->op == FILTER_OP_NE || node->op == FILTER_OP_NOT_MATCH;

	subject->each(subject->owner, node->field, node->name, take, &q);
	return q.has_fit != is_denial;
}

/* The parser bounds the depth of the tree. */
static bool node_matches(const struct filter_node *node, const struct filter_subject *subject)
{
	bool is_all = node->kind == FILTER_NODE_AND;

	if (node->kind == FILTER_NODE_COMPARE)
		return compare(node, subject);
	if (node->kind == FILTER_NODE_NOT)
		return !node_matches(node->child, subject);
	for (const struct filter_node *child = node->child; child != NULL; child = child->next) {
		if (node_matches(child, subject) != is_all)
			return !is_all;
	}
	return is_all;
}

bool filter_matches(const struct filter *f, const struct filter_subject *subject)
{
	return node_matches(filter_tree(f), subject);
}
