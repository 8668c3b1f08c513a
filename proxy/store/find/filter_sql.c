/* Filters compiled to conditions. All that is written has two values, never NULL, as no comparison of these is undecided: so
 * NOT is the opposite here, too. Values are bound, never written. */
#include "store/find/filter_sql.h"

#include "base/mem.h"
#include "store/row.h"

/* SQLite bounds the stack of its parser (to 100) and the depth of an expression (to 1000; a chain of so many parts is that
 * deep to it). What is nested deeper is left to the evaluation in memory. */
enum { MAX_NESTING = 10, MAX_WIDTH = 32 };

static const char *const columns[FILTER_FIELD_COUNT] = {
	[FILTER_id] = "e.id",
	[FILTER_method] = "e.method",
	[FILTER_url] = "e.url",
	[FILTER_scheme] = "e.scheme",
	[FILTER_host] = "e.host",
	[FILTER_port] = "e.port",
	[FILTER_path] = "e.path",
	[FILTER_query] = "e.query",
	[FILTER_client] = "e.client",
	[FILTER_user] = "e.user",
	[FILTER_req_header] = "e.request_fields",
	[FILTER_res_header] = "e.response_fields",
	[FILTER_status] = "e.status",
	[FILTER_type] = "e.content_type",
	[FILTER_size] = "iif(e.status IS NOT NULL AND NOT e.is_tunnel, e.response_body_bytes, NULL)",
	[FILTER_time] = "e.started_us / 1000",
	[FILTER_duration] = "e.duration_us / 1000",
	[FILTER_error] = "e.error",
	[FILTER_outcome] = "e.outcome",
	[FILTER_hops] = "e.hops",
	[FILTER_session] = "(SELECT name FROM sessions WHERE id = e.session_id)",
	[FILTER_comment] = "e.comment",
	[FILTER_redirects] = "e.redirects",
	[FILTER_retries] = "e.retries",
	[FILTER_parent] = "e.parent_id",
};

const char *filter_sql_column(enum filter_field f)
{
	return columns[f];
}

/* Whether the column holds the text itself. */
static bool is_whole_text(enum filter_field f)
{
	return columns[f] != NULL && f != FILTER_client && f != FILTER_type && !filter_field_is_named(f);
}

/* Whether SQL can answer the comparison. Letters of either case are alike in what SQLite knows as text only. */
static bool is_plain(const struct filter_node *node)
{
	bool is_equality = node->op == FILTER_OP_EQ || node->op == FILTER_OP_NE || node->op == FILTER_OP_IN;

	if (filter_field_type(node->field) != FILTER_TEXT)
		return columns[node->field] != NULL;
	if (!is_whole_text(node->field) || !(is_equality || node->op == FILTER_OP_THERE))
		return false;
	for (size_t i = 0; i < node->values_n; i++) {
		if (filter_field_is_caseless(node->field) && !is_plain_utf8(node->values[i].text))
			return false;
	}
	return true;
}

/* Whether the node is too deep in others for SQL; depth: of the node, counted in && and ||. */
static bool is_too_deep(const struct filter_node *node, unsigned depth)
{
	return depth == MAX_NESTING && (node->kind == FILTER_NODE_AND || node->kind == FILTER_NODE_OR);
}

/* The depth of its children. */
static unsigned depth_below(const struct filter_node *node, unsigned depth)
{
	return node->kind == FILTER_NODE_NOT ? depth : depth + 1;
}

static bool is_all_plain(const struct filter_node *node, unsigned depth)
{
	if (node->kind == FILTER_NODE_COMPARE)
		return is_plain(node);
	if (is_too_deep(node, depth))
		return false;
	for (const struct filter_node *child = node->child; child != NULL; child = child->next) {
		if (!is_all_plain(child, depth_below(node, depth)))
			return false;
	}
	return true;
}

/* Whether all parts must hold; the opposite of "any of them" is "none of them". */
static bool is_conjunction(const struct filter_node *node, bool is_denied)
{
	return (node->kind == FILTER_NODE_AND) != is_denied;
}

/* Whether nothing can be said: the condition for the node, or for its opposite, would be "all flows". */
static bool is_open(const struct filter_node *node, bool is_denied, unsigned depth)
{
	bool is_all;

	if (node->kind == FILTER_NODE_COMPARE)
		return !is_plain(node);
	if (node->kind == FILTER_NODE_NOT)
		return is_open(node->child, !is_denied, depth);
	if (is_too_deep(node, depth))
		return true;
	is_all = is_conjunction(node, is_denied);
	for (const struct filter_node *child = node->child; child != NULL; child = child->next) {
		if (is_open(child, is_denied, depth + 1) != is_all)
			return !is_all;
	}
	return is_all;
}

/* A parameter for the value. */
static void put_value(struct filter_sql *q, const struct filter_node *node, size_t i)
{
	if (q->values_n == q->cap) {
		q->cap = q->cap != 0 ? 2 * q->cap : 8;
		q->values = mem_realloc(q->values, q->cap * sizeof(*q->values));
		q->is_number = mem_realloc(q->is_number, q->cap * sizeof(*q->is_number));
	}
	q->values[q->values_n] = &node->values[i];
	q->is_number[q->values_n++] = filter_field_type(node->field) != FILTER_TEXT;
	text_byte(&q->where, '?');
}

/* The values that a field can have: an empty text is stored as none. */
static void put_list(struct filter_sql *q, const struct filter_node *node)
{
	bool is_text = filter_field_type(node->field) == FILTER_TEXT, is_any = false;

	for (size_t i = 0; i < node->values_n; i++) {
		if (is_text && node->values[i].text.len == 0)
			continue;
		text_put(&q->where, is_any ? STR(",") : STR(" IN ("));
		put_value(q, node, i);
		is_any = true;
	}
	text_put(&q->where, is_any ? STR(")") : STR(" IN ()"));
}

/* The column is one of the values. Of sessions there are few: they are looked up once, not for each flow. */
static void put_equality(struct filter_sql *q, const struct filter_node *node)
{
	bool is_session = node->field == FILTER_session;

	text_put(&q->where, STR("ifnull("));
	text_put(&q->where,
		is_session ? STR("e.session_id IN (SELECT id FROM sessions WHERE name") : str_of(columns[node->field]));
	if (filter_field_type(node->field) == FILTER_TEXT && filter_field_is_caseless(node->field))
		text_put(&q->where, STR(" COLLATE NOCASE"));
	put_list(q, node);
	text_put(&q->where, is_session ? STR("), 0)") : STR(", 0)"));
}

static void put_order(struct filter_sql *q, const struct filter_node *node)
{
	text_printf(&q->where, "ifnull(%s %s ", columns[node->field], filter_op_name(node->op));
	put_value(q, node, 0);
	text_put(&q->where, STR(", 0)"));
}

static void put_compare(struct filter_sql *q, const struct filter_node *node, bool is_denied)
{
	if ((node->op == FILTER_OP_NE) != is_denied)
		text_put(&q->where, STR("NOT "));
	if (node->op != FILTER_OP_THERE && (node->op <= FILTER_OP_NE || node->op == FILTER_OP_IN))
		put_equality(q, node);
	else if (node->op != FILTER_OP_THERE)
		put_order(q, node);
	else if (filter_field_type(node->field) == FILTER_TEXT)
		text_printf(&q->where, "(ifnull(length(%s), 0) > 0)", columns[node->field]);
	else
		text_printf(&q->where, "(%s IS NOT NULL)", columns[node->field]);
}

/* What is written of a chain. */
struct chain {
	const struct filter_node **children; /* those that are not open */
	size_t n;
	struct str between;
	bool is_denied;
	unsigned depth; /* of the children */
};

static void put_node(struct filter_sql *q, const struct filter_node *node, bool is_denied, unsigned depth);

/* n children from that one on. Of more than MAX_WIDTH groups are made. */
static void put_children(struct filter_sql *q, const struct chain *c, size_t from, size_t n)
{
	size_t step = n > MAX_WIDTH ? MAX_WIDTH : 1;

	if (n > 1)
		text_byte(&q->where, '(');
	for (size_t i = 0; i < n; i += step) {
		if (i > 0)
			text_put(&q->where, c->between);
		if (step > 1)
			put_children(q, c, from + i, n - i < step ? n - i : step);
		else
			put_node(q, c->children[from + i], c->is_denied, c->depth);
	}
	if (n > 1)
		text_byte(&q->where, ')');
}

static void put_chain(struct filter_sql *q, const struct filter_node *node, bool is_denied, unsigned depth)
{
	bool is_all = is_conjunction(node, is_denied);
	struct chain c = {.between = is_all ? STR(" AND ") : STR(" OR "), .is_denied = is_denied, .depth = depth + 1};
	size_t n = 0;

	for (const struct filter_node *child = node->child; child != NULL; child = child->next)
		n++;
	c.children = mem_calloc(n, sizeof(struct filter_node *));
	for (const struct filter_node *child = node->child; child != NULL; child = child->next) {
		if (!is_open(child, is_denied, depth + 1))
			c.children[c.n++] = child;
	}
	put_children(q, &c, 0, c.n);
	mem_free(c.children);
}

/* The condition for a node that is not open, or for its opposite. */
static void put_node(struct filter_sql *q, const struct filter_node *node, bool is_denied, unsigned depth)
{
	switch (node->kind) {
	case FILTER_NODE_COMPARE:
		put_compare(q, node, is_denied);
		return;
	case FILTER_NODE_NOT:
		put_node(q, node->child, !is_denied, depth);
		return;
	case FILTER_NODE_AND:
	case FILTER_NODE_OR:
		put_chain(q, node, is_denied, depth);
		return;
	}
}

void filter_sql_init(struct filter_sql *q, const struct filter *f)
{
	*q = (struct filter_sql){.is_exact = f == NULL || is_all_plain(filter_tree(f), 0)};
	if (f != NULL && !is_open(filter_tree(f), false, 0))
		put_node(q, filter_tree(f), false, 0);
}

void filter_sql_fini(struct filter_sql *q)
{
	text_fini(&q->where);
	mem_free(q->values);
	mem_free(q->is_number);
	*q = (struct filter_sql){.is_exact = false};
}

void filter_sql_bind(const struct filter_sql *q, sqlite3_stmt *s, int first)
{
	struct row r = {s, first - 1};

	for (size_t i = 0; i < q->values_n; i++) {
		if (q->is_number[i])
			row_i64(&r, q->values[i]->number);
		else
			row_bytes(&r, q->values[i]->text);
	}
}
