/* Filters evaluated in memory. Pure. */
#include "config/filter_regex.h"
#include "config/filter_search.h"
#include "config/filter_tree.h"
#include "net/address.h"

enum { STEPS_PER_BYTE = 4 };

static bool is_equal(enum filter_field f, const struct filter_value *a, const struct filter_value *b)
{
	if (filter_field_type(f) != FILTER_TEXT)
		return a->number == b->number;
	return filter_field_is_caseless(f) ? str_ieq(a->text, b->text) : str_eq(a->text, b->text);
}

/* Whether the text is an address in one of the node's networks. */
static bool is_within(const struct filter_node *node, struct str text)
{
	struct address a;

	if (!address_parse(text, 0, &a))
		return false;
	for (size_t i = 0; i < node->values_n; i++) {
		if (network_has(&node->networks[i], &a))
			return true;
	}
	return false;
}

static bool is_one_of(const struct filter_node *node, const struct filter_value *v)
{
	if (node->networks != NULL)
		return is_within(node, v->text);
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

/* Whether one value of the field fulfils the comparison, or for != the one that it denies. Not for ~ and !~. */
static bool is_fit(const struct filter_node *node, const struct filter_value *v)
{
	switch (node->op) {
	case FILTER_OP_THERE:
		return is_there(node, v);
	case FILTER_OP_EQ:
	case FILTER_OP_NE:
	case FILTER_OP_IN:
		return is_one_of(node, v);
	case FILTER_OP_LT:
		return v->number < node->values[0].number;
	case FILTER_OP_LE:
		return v->number <= node->values[0].number;
	case FILTER_OP_GT:
		return v->number > node->values[0].number;
	case FILTER_OP_GE:
		return v->number >= node->values[0].number;
	case FILTER_OP_CONTAINS:
		return filter_search(node->values[0].text, node->table, v->text);
	case FILTER_OP_MATCH:
	case FILTER_OP_NOT_MATCH:
		break;
	}
	return false;
}

/* Of a regular expression that shares none: the longer the value, the more places there are to begin at. */
static struct filter_budget own_budget(struct str text)
{
	const size_t most = (UINT32_MAX - FILTER_BUDGET_STEPS) / STEPS_PER_BYTE;
	uint32_t bytes = (uint32_t)(text.len < most ? text.len : most);

	return (struct filter_budget){FILTER_BUDGET_STEPS + STEPS_PER_BYTE * bytes};
}

enum filter_answer filter_value_fits(const struct filter_node *node, const struct filter_value *v)
{
	struct filter_budget budget;

	if (node->regex == NULL)
		return is_fit(node, v) ? FILTER_YES : FILTER_NO;
	budget = own_budget(v->text);
	return filter_regex_finds(node->regex, v->text, &budget);
}

struct question {
	const struct filter_node *node;
	struct filter_budget *budget;
	enum filter_answer answer; /* of the values so far */
};

static enum filter_answer least(enum filter_answer a, enum filter_answer b)
{
	if (a == FILTER_NO || b == FILTER_NO)
		return FILTER_NO;
	return a == FILTER_YES && b == FILTER_YES ? FILTER_YES : FILTER_UNDECIDED;
}

static enum filter_answer greatest(enum filter_answer a, enum filter_answer b)
{
	if (a == FILTER_YES || b == FILTER_YES)
		return FILTER_YES;
	return a == FILTER_NO && b == FILTER_NO ? FILTER_NO : FILTER_UNDECIDED;
}

static enum filter_answer opposite(enum filter_answer a)
{
	if (a == FILTER_UNDECIDED)
		return FILTER_UNDECIDED;
	return a == FILTER_YES ? FILTER_NO : FILTER_YES;
}

/* Takes values until one fits. */
static bool take(void *taker, const struct filter_value *v)
{
	struct question *q = taker;
	enum filter_answer answer;

	if (q->node->regex != NULL && q->budget != NULL)
		answer = filter_regex_finds(q->node->regex, v->text, q->budget);
	else
		answer = filter_value_fits(q->node, v);
	q->answer = greatest(q->answer, answer);
	return q->answer != FILTER_YES;
}

static enum filter_answer compare(const struct filter_node *node, const struct filter_subject *subject,
	struct filter_budget *budget)
{
	struct question q = {node, budget, FILTER_NO};
	bool is_denial = node->op == FILTER_OP_NE || node->op == FILTER_OP_NOT_MATCH;

	if (subject->any == NULL || !subject->any(subject->owner, node, &q.answer))
		subject->each(subject->owner, node->field, node->name, take, &q);
	if (is_denial)
		return opposite(q.answer);
	return q.answer;
}

static enum filter_answer node_ask(const struct filter_node *node, const struct filter_subject *subject,
	struct filter_budget *budget);

/* Asks those children that are dear, or those that are not, until the answer is decisive. */
static enum filter_answer children_ask(const struct filter_node *node, bool is_dear, enum filter_answer answer,
	const struct filter_subject *subject, struct filter_budget *budget)
{
	bool is_all = node->kind == FILTER_NODE_AND;
	enum filter_answer decisive = is_all ? FILTER_NO : FILTER_YES;

	for (const struct filter_node *child = node->child; child != NULL && answer != decisive; child = child->next) {
		enum filter_answer of_child;

		if (child->is_dear != is_dear)
			continue;
		of_child = node_ask(child, subject, budget);
		answer = is_all ? least(answer, of_child) : greatest(answer, of_child);
	}
	return answer;
}

/* The parser bounds the depth of the tree. */
static enum filter_answer node_ask(const struct filter_node *node, const struct filter_subject *subject,
	struct filter_budget *budget)
{
	enum filter_answer answer;

	if (node->kind == FILTER_NODE_COMPARE)
		return compare(node, subject, budget);
	if (node->kind == FILTER_NODE_NOT)
		return opposite(node_ask(node->child, subject, budget));
	answer = children_ask(node, false, node->kind == FILTER_NODE_AND ? FILTER_YES : FILTER_NO, subject, budget);
	return node->is_dear ? children_ask(node, true, answer, subject, budget) : answer;
}

enum filter_answer filter_ask(const struct filter *f, const struct filter_subject *subject, struct filter_budget *budget)
{
	return node_ask(filter_tree(f), subject, budget);
}
