/* The comparisons of the filter language: a field, an operator and values that fit it. Pure but for memory, and for
 * the clock, from which ages are counted back. */
#include "base/clock.h"
#include "config/filter_build.h"
#include "config/filter_fields.h"
#include "config/filter_regex.h"
#include "config/filter_search.h"
#include "config/filter_time.h"
#include "config/filter_words.h"
#include "net/address.h"

#include <string.h>

enum { REASON_BYTES = 160, NAMES_BYTES = 360 };

static bool is_word(const struct filter_token *t, const char *word)
{
	return t->kind == FILTER_TOKEN_WORD && str_eq(t->text, str_of(word));
}

/* The inner of a text with its escapes undone: \" and \\ only. p is NULL when the arena is full. */
static struct str unescape(struct filter_parser *p, struct str quoted)
{
	size_t len = 0, end = quoted.len - 1;
	char *to = arena_alloc(p->f->arena, quoted.len);

	if (to == NULL)
		return STR_NONE;
	for (size_t i = 1; i < end; i++) {
		if (quoted.p[i] == '\\' && i + 1 < end && (quoted.p[i + 1] == '\\' || quoted.p[i + 1] == '"'))
			i++;
		to[len++] = quoted.p[i];
	}
	to[len] = '\0';
	return (struct str){to, len};
}

/* "id method url …", cut to fit. */
static const char *names_list(bool early, char to[NAMES_BYTES])
{
	size_t len = 0;

	for (int f = 0; f < FILTER_FIELD_COUNT && len < NAMES_BYTES; f++) {
		if (filter_field_is_for((enum filter_field)f, early))
			len += (size_t)snprintf(to + len, NAMES_BYTES - len, " %s", filter_field_name((enum filter_field)f));
	}
	return to;
}

/* The present token is no field. */
static bool field_fail(struct filter_parser *p)
{
	const struct filter_token *t = &p->token;
	enum filter_field nearest;
	char names[NAMES_BYTES];

	if (t->kind == FILTER_TOKEN_BAD)
		return filter_fail(p, t->text, "%s", t->why);
	if (t->kind != FILTER_TOKEN_WORD)
		return filter_fail(p, t->text, "a field was expected, like host");
	if (str_ieq(t->text, STR("not")))
		return filter_fail(p, t->text, "is ! meant?");
	nearest = filter_field_suggest(t->text, p->early);
	if (nearest != FILTER_FIELD_COUNT)
		return filter_fail_field(p, t->text, "is %s meant?", filter_field_name(nearest));
	return filter_fail_field(p, t->text, "there are%s", names_list(p->early, names));
}

/* The name in brackets behind a field that takes one. */
static bool name_read(struct filter_parser *p, struct filter_node *node)
{
	int bare = (int)str_find(str_of(filter_field_name(node->field)), '[');
	const char *field = filter_field_name(node->field);
	struct str name;

	if (p->token.kind != FILTER_TOKEN_LIST)
		return filter_fail(p, p->token.text, "%.*s takes a name, like %.*s[\"Accept\"]", bare, field, bare, field);
	filter_advance(p);
	if (p->token.kind != FILTER_TOKEN_TEXT)
		return filter_fail(p, p->token.text, "a name in double quotes was expected");
	name = unescape(p, p->token.text);
	if (!str_is_token(name))
		return filter_fail(p, p->token.text, "that is no name of a field");
	filter_advance(p);
	if (p->token.kind != FILTER_TOKEN_LIST_END)
		return filter_fail(p, p->token.text, "] was expected");
	filter_advance(p);
	node->name = name;
	return true;
}

/* The field at the front of a comparison. */
static bool field_read(struct filter_parser *p, struct filter_node *node)
{
	struct str name = p->token.text;

	node->field = p->token.kind == FILTER_TOKEN_WORD ? filter_field_of_name(name) : FILTER_FIELD_COUNT;
	if (node->field == FILTER_FIELD_COUNT)
		return field_fail(p);
	if (!filter_field_is_for(node->field, p->early))
		return filter_fail(p, name, "%s",
			p->early ? "it is not known yet when a request arrives"
				 : "only rules can ask for it; hops is the number of hops");
	filter_advance(p);
	if (filter_field_is_named(node->field))
		return name_read(p, node);
	if (p->token.kind == FILTER_TOKEN_LIST)
		return filter_fail(p, p->token.text, "%.*s takes no name", STR_ARG(name));
	return true;
}

/* The operator, if there is one; it is not advanced over. */
static bool op_is_there(const struct filter_token *t, enum filter_op *ret)
{
	if (t->kind == FILTER_TOKEN_OP)
		*ret = t->op;
	else if (is_word(t, "contains"))
		*ret = FILTER_OP_CONTAINS;
	else if (is_word(t, "in"))
		*ret = FILTER_OP_IN;
	else
		return false;
	return true;
}

/* Whether the operator makes sense for the field's type. */
static bool op_check(struct filter_parser *p, const struct filter_node *node)
{
	enum filter_op op = node->op;
	bool is_equal = op == FILTER_OP_EQ || op == FILTER_OP_NE;
	bool is_order = op == FILTER_OP_LT || op == FILTER_OP_LE || op == FILTER_OP_GT || op == FILTER_OP_GE;
	const char *field = filter_field_name(node->field);

	switch (filter_field_type(node->field)) {
	case FILTER_TEXT:
		return !is_order ||
			filter_fail(p, p->token.text, "%s is a text: it takes ==, !=, ~, !~, contains and in", field);
	case FILTER_NUMBER:
		return is_equal || is_order || op == FILTER_OP_IN ||
			filter_fail(p, p->token.text, "%s is a number: it takes ==, !=, <, <=, >, >= and in", field);
	case FILTER_BOOL:
		break;
	}
	return is_equal || filter_fail(p, p->token.text, "%s is true or false: it takes == and !=", field);
}

/* "k, M, G" for a field whose numbers carry units; "" for others. */
static const char *units_list(enum filter_field f, char to[NAMES_BYTES])
{
	size_t len = 0;

	to[0] = '\0';
	for (const struct filter_unit *u = filter_field_units(f) + 1; u->suffix != NULL && len < NAMES_BYTES; u++)
		len += (size_t)snprintf(to + len, NAMES_BYTES - len, "%s%s", len != 0 ? ", " : "", u->suffix);
	return to;
}

/* The present token is no point in time. */
static bool time_fail(struct filter_parser *p)
{
	return filter_fail(p, p->token.text,
		"time is like \"2026-01-05\", \"2026-01-05T10:00:00Z\", -1h (an hour ago), or milliseconds since 1970");
}

/* The point in time that is so long ago. */
static int64_t ago(int64_t age_ms)
{
	int64_t now_ms = clock_wall_us() / 1000;

	return age_ms < now_ms ? now_ms - age_ms : 0;
}

/* Digits and a suffix of the field's; a - before them makes an age of a time. */
static bool number_read(struct filter_parser *p, enum filter_field f, int64_t *ret)
{
	bool is_age = f == FILTER_time && p->token.text.p[0] == '-';
	struct str text = str_from(p->token.text, is_age ? 1 : 0), suffix;
	const struct filter_unit *u = filter_field_units(f);
	char units[NAMES_BYTES];
	size_t digits = 0;
	uint64_t number;

	while (digits < text.len && text.p[digits] >= '0' && text.p[digits] <= '9')
		digits++;
	suffix = str_from(text, digits);
	while (u->suffix != NULL && !str_eq(suffix, str_of(u->suffix)))
		u++;
	if (u->suffix == NULL && f == FILTER_time)
		return time_fail(p);
	if (u->suffix == NULL) {
		units_list(f, units);
		return *units == '\0' ? filter_fail(p, text, "%s is a whole number", filter_field_name(f))
				      : filter_fail(p, text, "%s is a whole number with one of %s or nothing behind it",
						filter_field_name(f), units);
	}
	if (!str_to_u64(str_first(text, digits), (uint64_t)(INT64_MAX / u->factor), &number))
		return filter_fail(p, text, "the number is too large");
	*ret = (int64_t)number * u->factor;
	if (is_age)
		*ret = ago(*ret);
	return true;
}

/* A number; of a time it may be a date in quotes. */
static bool number_or_date_read(struct filter_parser *p, enum filter_field f, int64_t *ret)
{
	const struct filter_token *t = &p->token;

	if (t->kind == FILTER_TOKEN_NUMBER)
		return number_read(p, f, ret);
	if (f != FILTER_time)
		return filter_fail(p, t->text, "%s is a number", filter_field_name(f));
	if (t->kind == FILTER_TOKEN_TEXT && filter_time_read(str_first(str_from(t->text, 1), t->text.len - 2), ret))
		return true;
	return time_fail(p);
}

/* One value of the field's type. */
static bool value_read(struct filter_parser *p, enum filter_field f, struct filter_value *ret)
{
	const struct filter_token *t = &p->token;
	const char *field = filter_field_name(f);

	if (!filter_count(p))
		return false;
	if (t->kind == FILTER_TOKEN_BAD)
		return filter_fail(p, t->text, "%s", t->why);
	switch (filter_field_type(f)) {
	case FILTER_TEXT:
		if (t->kind != FILTER_TOKEN_TEXT)
			return filter_fail(p, t->text, "%s is a text, which stands in double quotes", field);
		ret->text = unescape(p, t->text);
		if (ret->text.p == NULL)
			return false;
		break;
	case FILTER_NUMBER:
		if (!number_or_date_read(p, f, &ret->number))
			return false;
		break;
	case FILTER_BOOL:
		if (!is_word(t, "true") && !is_word(t, "false"))
			return filter_fail(p, t->text, "%s is true or false", field);
		ret->number = is_word(t, "true");
		break;
	}
	filter_advance(p);
	return true;
}

/* Adds a value to the node's; their array grows by doubling in the arena. */
static bool value_add(struct filter_parser *p, struct filter_node *node, struct filter_value value)
{
	size_t n = node->values_n;
	struct filter_value *v = (struct filter_value *)node->values; /* ours until the tree is handed out */

	if ((n & (n - 1)) == 0) { /* 0 or a power of two: full */
		v = arena_alloc(p->f->arena, (n != 0 ? 2 * n : 1) * sizeof(*v));
		if (v == NULL)
			return false;
		if (n != 0)
			memcpy(v, node->values, n * sizeof(*v));
		node->values = v;
	}
	v[node->values_n++] = value;
	return true;
}

/* True for the comparisons of addresses with networks. */
static bool is_network(const struct filter_node *node)
{
	return filter_field_is_address(node->field) &&
		(node->op == FILTER_OP_EQ || node->op == FILTER_OP_NE || node->op == FILTER_OP_IN);
}

/* Whether the text, which has been read from quoted, is an address or a network. */
static bool network_check(struct filter_parser *p, enum filter_field f, struct str text, struct str quoted)
{
	struct network unused;

	if (network_parse(text, &unused))
		return true;
	if (str_find(text, '/') != text.len)
		return filter_fail(p, quoted,
			"no network: it is like \"10.0.0.0/8\" or \"fd00::/8\", all bits behind the prefix 0");
	return filter_fail(p, quoted, "%s is an address or a network, like \"127.0.0.1\" or \"10.0.0.0/8\"",
		filter_field_name(f));
}

/* A value of the comparison, added to the node's. */
static bool node_value_read(struct filter_parser *p, struct filter_node *node)
{
	struct filter_value value = {.number = 0};
	struct str quoted = p->token.text;

	if (!value_read(p, node->field, &value) || !value_add(p, node, value))
		return false;
	if (is_network(node))
		return network_check(p, node->field, value.text, quoted);
	return filter_field_type(node->field) != FILTER_TEXT || filter_word_check(p, node, value.text, quoted);
}

/* What all values, which have been checked, stand for. */
static bool networks_fill(struct filter_parser *p, struct filter_node *node)
{
	struct network *networks = arena_alloc(p->f->arena, node->values_n * sizeof(*networks));

	if (networks == NULL)
		return false;
	for (size_t i = 0; i < node->values_n; i++) {
		if (!network_parse(node->values[i].text, &networks[i]))
			return false;
	}
	node->networks = networks;
	return true;
}

/* [value, value, …] */
static bool list_read(struct filter_parser *p, struct filter_node *node)
{
	bool has_more = true;

	if (p->token.kind != FILTER_TOKEN_LIST)
		return filter_fail(p, p->token.text, "in takes a list, like [%s]",
			filter_field_type(node->field) == FILTER_TEXT ? "\"a\", \"b\"" : "80, 443");
	while (has_more) {
		filter_advance(p);
		if (!node_value_read(p, node))
			return false;
		has_more = p->token.kind == FILTER_TOKEN_COMMA;
	}
	if (p->token.kind != FILTER_TOKEN_LIST_END)
		return filter_fail(p, p->token.text, ", or ] was expected");
	filter_advance(p);
	return true;
}

/* The pattern of ~ and !~, which has just been read from quoted. */
static bool pattern_compile(struct filter_parser *p, struct filter_node *node, struct str quoted)
{
	struct filter *f = p->f;
	struct filter_regex *regex;
	char why[REASON_BYTES];
	size_t position;

	if (f->regexes_n == FILTER_MAX_REGEXES)
		return filter_fail(p, quoted, "more than %d regular expressions", FILTER_MAX_REGEXES);
	regex = filter_regex_new(node->values[0].text, filter_field_is_caseless(node->field), &position, why, sizeof(why));
	if (regex == NULL)
		return filter_fail(p, quoted, "not a regular expression that can be used, at its byte %zu: %s", position, why);
	f->regexes[f->regexes_n++] = regex;
	node->regex = regex;
	return true;
}

/* What the evaluation needs besides the values, which have been read, the last one from quoted. */
static bool values_prepare(struct filter_parser *p, struct filter_node *node, struct str quoted)
{
	if (node->op == FILTER_OP_MATCH || node->op == FILTER_OP_NOT_MATCH)
		return pattern_compile(p, node, quoted);
	if (node->op == FILTER_OP_CONTAINS) {
		node->table = filter_search_table(p->f->arena, node->values[0].text);
		return node->table != NULL;
	}
	return !is_network(node) || networks_fill(p, node);
}

/* op value; the operator is the present token. */
static bool rest_read(struct filter_parser *p, struct filter_node *node)
{
	struct str quoted;
	bool is_read;

	if (!op_check(p, node))
		return false;
	filter_advance(p);
	quoted = p->token.text;
	is_read = node->op == FILTER_OP_IN ? list_read(p, node) : node_value_read(p, node);
	return is_read && values_prepare(p, node, quoted);
}

struct filter_node *filter_compare_read(struct filter_parser *p)
{
	struct filter_node *node = filter_node_new(p, FILTER_NODE_COMPARE);

	if (node == NULL || !field_read(p, node))
		return NULL;
	node->op = FILTER_OP_THERE;
	node->is_dear = filter_field_is_body(node->field);
	if (op_is_there(&p->token, &node->op) && !rest_read(p, node))
		return NULL;
	return node;
}
