/* The fields of the filter language out of a row. Each regular expression has a budget of its own for each value, so the
 * answer is that which any other evaluation of the flow gives (flow_subject.c). */
#include "store/find/flow_row.h"

#include "base/mem.h"
#include "store/body/body_match.h"
#include "store/find/field_match.h"
#include "store/find/filter_sql.h"
#include "store/find/flow_value.h"
#include "store/row.h"

#include <stdio.h>

struct flow_row {
	struct reader *reader;
	const struct filter *filter;
	struct field_match *heads;
	struct body_match *bodies;
	sqlite3_stmt *peers;               /* of a flow; NULL: not asked yet */
	int column_of[FILTER_FIELD_COUNT]; /* 0: it is not asked for */
	sqlite3_stmt *row;                 /* that is asked about */
	enum flow_row_end end;             /* of this row so far */
};

static uint64_t flow_id(const struct flow_row *row)
{
	return (uint64_t)sqlite3_column_int64(row->row, 0);
}

/* A value of another table: the addresses that the hops dialled. */
static void give_peers(struct flow_row *row, bool (*take)(void *taker, const struct filter_value *v), void *taker)
{
	int rc = SQLITE_OK;

	if (row->peers == NULL)
		rc = sqlite3_prepare_v2(row->reader->db, "SELECT peer FROM hops WHERE exchange_id = ? ORDER BY number", -1,
			&row->peers, NULL);
	if (rc != SQLITE_OK) {
		reader_fail(row->reader);
		row->end = FLOW_ROW_FAILED;
		return;
	}
	sqlite3_bind_int64(row->peers, 1, (sqlite3_int64)flow_id(row));
	while ((rc = sqlite3_step(row->peers)) == SQLITE_ROW) {
		struct columns c = {row->peers, 0};

		if (!flow_value_give(FILTER_peer, columns_str(&c), take, taker))
			break;
	}
	if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
		reader_fail(row->reader);
		row->end = FLOW_ROW_FAILED;
	}
	sqlite3_reset(row->peers);
}

/* filter_subject.each; heads and bodies are any's. */
static void each(const void *owner, enum filter_field field, struct str name,
	bool (*take)(void *taker, const struct filter_value *v), void *taker)
{
	struct flow_row *row = (struct flow_row *)owner; /* ours, made by flow_row_new */
	struct columns c = {row->row, row->column_of[field]};

	(void)name;
	if (field == FILTER_peer) {
		give_peers(row, take, taker);
	} else if (c.at == 0) {
		return;
	} else if (filter_field_type(field) == FILTER_TEXT) {
		(void)flow_value_give(field, columns_str(&c), take, taker);
	} else if (sqlite3_column_type(row->row, c.at) != SQLITE_NULL) {
		const struct filter_value v = {.number = columns_i64(&c)};

		(void)take(taker, &v);
	}
}

/* filter_subject.any */
static bool any(const void *owner, const struct filter_node *node, enum filter_answer *ret)
{
	struct flow_row *row = (struct flow_row *)owner; /* as above */
	struct columns c = {row->row, row->column_of[node->field]};
	enum body_match_end end;

	if (filter_field_is_named(node->field)) {
		*ret = FILTER_NO;
		if (!field_match_ask(row->heads, node, columns_str(&c), ret))
			row->end = FLOW_ROW_FAILED;
		return true;
	}
	if (!filter_field_is_body(node->field))
		return false;
	end = body_match_ask(row->bodies, flow_id(row), node, ret);
	if (end == BODY_MATCH_FAILED)
		row->end = FLOW_ROW_FAILED;
	else if (end == BODY_MATCH_LIMIT && row->end == FLOW_ROW_OK)
		row->end = FLOW_ROW_LIMIT;
	return true;
}

/* Marks the fields that the filter asks for. */
static void mark_fields(struct flow_row *row, const struct filter_node *node)
{
	if (node->kind == FILTER_NODE_COMPARE)
		row->column_of[node->field] = 1;
	for (const struct filter_node *child = node->child; child != NULL; child = child->next)
		mark_fields(row, child);
}

struct flow_row *flow_row_new(struct reader *r, const struct filter *f, uint64_t max_body_bytes)
{
	struct flow_row *row = mem_calloc(1, sizeof(*row));
	int at = 1;

	row->reader = r;
	row->filter = f;
	mark_fields(row, filter_tree(f));
	for (int i = 0; i < FILTER_FIELD_COUNT; i++) {
		if (row->column_of[i] != 0)
			row->column_of[i] = filter_sql_column((enum filter_field)i) != NULL ? at++ : 0;
	}
	row->bodies = body_match_new(r, max_body_bytes);
	row->heads = field_match_new(r, f);
	if (row->heads != NULL)
		return row;
	flow_row_free(row);
	return NULL;
}

void flow_row_free(struct flow_row *row)
{
	if (row == NULL)
		return;
	sqlite3_finalize(row->peers);
	body_match_free(row->bodies);
	field_match_free(row->heads);
	mem_free(row);
}

void flow_row_columns(struct flow_row *row, struct text *sql)
{
	for (int i = 0; i < FILTER_FIELD_COUNT; i++) {
		if (row->column_of[i] != 0)
			text_printf(sql, ", %s", filter_sql_column((enum filter_field)i));
	}
}

enum flow_row_end flow_row_ask(struct flow_row *row, sqlite3_stmt *s, enum filter_answer *ret)
{
	const struct filter_subject subject = {.each = each, .any = any, .owner = row};

	row->row = s;
	row->end = FLOW_ROW_OK;
	*ret = filter_ask(row->filter, &subject, NULL);
	/* What was not read did not matter. */
	if (row->end == FLOW_ROW_LIMIT && *ret != FILTER_UNDECIDED)
		return FLOW_ROW_OK;
	return row->end;
}
