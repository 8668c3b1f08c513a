/* Indexes asked one by one. They are named, so that SQLite need not guess which one is meant; one that is not there is no
 * help. */
#include "store/find/index_leaf.h"

#include "store/row.h"
#include "store/text.h"

struct index_use {
	const char *index, *column, *partial;
	bool is_thousandths;
	int64_t least; /* of the numbers that are in the index */
	bool has_null;
};

static const struct index_use uses[FILTER_FIELD_COUNT] = {
	[FILTER_status] = {"exchanges_status", "status", "", false, INT64_MIN, true},
	[FILTER_time] = {"exchanges_started", "started_us", "", true, INT64_MIN, true},
	[FILTER_hops] = {"exchanges_hops", "hops", "hops > 1 AND ", false, 2, false},
	[FILTER_parent] = {"exchanges_parent", "parent_id", "parent_id IS NOT NULL AND ", false, INT64_MIN, false},
	[FILTER_host] = {"exchanges_host", "host", "", false, 0, false},
	[FILTER_outcome] = {"exchanges_outcome", "outcome", "outcome <> 'delivered' AND ", false, 0, false},
	[FILTER_session] = {"exchanges_session", "session_id", "", false, 0, false},
};

static const struct index_use change_use = {"exchanges_change", "change", "", false, INT64_MIN, true};

/* The statement of one span: "?1" and "?2" are its numbers, or "?1" its text. */
static void put_span(struct text *t, const struct index_leaf *l, bool is_null)
{
	text_printf(t, " FROM exchanges INDEXED BY %s WHERE %s%s", l->index, l->partial, l->column);
	if (l->is_whole)
		text_put(t, STR(" IS NOT NULL"));
	else if (is_null)
		text_put(t, STR(" IS NULL"));
	else if (l->is_number)
		text_put(t, STR(" BETWEEN ?1 AND ?2"));
	else if (l->node->field == FILTER_session)
		text_put(t, STR(" IN (SELECT id FROM sessions WHERE name = ?1)"));
	else
		text_put(t, l->node->field == FILTER_host ? STR(" = lower(?1)") : STR(" = ?1"));
}

static size_t spans_of(const struct index_leaf *l)
{
	return l->is_number ? l->ranges.n : l->node->values_n;
}

static void bind_span(const struct index_leaf *l, sqlite3_stmt *s, size_t i)
{
	struct row row = {s, 0};

	if (l->is_whole)
		return;
	if (l->is_number) {
		row_i64(&row, l->ranges.v[i].first);
		row_i64(&row, l->ranges.v[i].last);
	} else {
		row_bytes(&row, l->node->values[i].text);
	}
}

/* Runs a statement for each span: its rows go to take. An SQLite result code. */
static int run(const struct index_leaf *l, sqlite3 *db, const char *head, const char *tail, bool is_null,
	bool (*take)(void *owner, int64_t number), void *owner)
{
	struct text sql = {NULL, 0, 0};
	size_t n = is_null ? 1 : spans_of(l);
	sqlite3_stmt *s = NULL;
	int rc;

	text_put(&sql, str_of(head));
	put_span(&sql, l, is_null);
	text_put(&sql, str_of(tail));
	rc = sqlite3_prepare_v2(db, sql.p, (int)sql.len, &s, NULL);
	text_fini(&sql);
	for (size_t i = 0; i < n && rc == SQLITE_OK; i++) {
		if (!is_null)
			bind_span(l, s, i);
		while ((rc = sqlite3_step(s)) == SQLITE_ROW && take(owner, sqlite3_column_int64(s, 0)))
			;
		if (rc == SQLITE_ROW || rc == SQLITE_DONE)
			rc = SQLITE_OK;
		sqlite3_reset(s);
	}
	sqlite3_finalize(s);
	return rc;
}

static bool add_count(void *owner, int64_t number)
{
	uint64_t *count = owner;

	*count += (uint64_t)number;
	return true;
}

/* How many flows the spans have. An SQLite result code: SQLITE_ERROR if there is no such index. */
static int count(struct index_leaf *l, sqlite3 *db)
{
	char tail[32];
	int rc;

	snprintf(tail, sizeof(tail), " LIMIT %d)", INDEX_LEAF_MANY);
	l->count = 0;
	rc = run(l, db, "SELECT count(*) FROM (SELECT 1", tail, false, add_count, &l->count);
	if (rc == SQLITE_OK && l->ranges.has_null)
		rc = run(l, db, "SELECT count(*) FROM (SELECT 1", tail, true, add_count, &l->count);
	if (l->count > INDEX_LEAF_MANY)
		l->count = INDEX_LEAF_MANY;
	return rc;
}

/* Whether the index has all of the ranges. */
static bool is_held(const struct index_use *use, const struct number_ranges *r)
{
	return (!r->has_null || use->has_null) && (r->n == 0 || r->v[0].first >= use->least);
}

/* Reads the side with fewer flows, of those that the index has. */
static int choose_side(struct index_leaf *l, const struct index_use *use, struct number_ranges *r, sqlite3 *db)
{
	struct number_ranges but = number_ranges_but(r);
	struct index_leaf other = *l;
	int rc = SQLITE_ERROR;

	l->count = other.count = INDEX_LEAF_MANY;
	l->ranges = *r;
	other.ranges = but;
	other.is_denied = true;
	if (is_held(use, &l->ranges))
		rc = count(l, db);
	if ((rc == SQLITE_OK && l->count < INDEX_LEAF_MANY) || !is_held(use, &other.ranges)) {
		number_ranges_fini(&but);
		return rc;
	}
	rc = count(&other, db);
	if (rc == SQLITE_OK && (other.count < l->count || !is_held(use, &l->ranges))) {
		number_ranges_fini(&l->ranges);
		*l = other;
		return rc;
	}
	number_ranges_fini(&but);
	return rc;
}

/* Whether two comparisons are of one number. */
static bool is_same_number(const struct filter_node *a, const struct filter_node *b)
{
	return a->kind == FILTER_NODE_COMPARE && a->field == b->field && filter_field_type(b->field) == FILTER_NUMBER;
}

bool index_leaf_is_covered(const struct filter_node *node, const struct filter_node *all_of)
{
	const struct filter_node *first = all_of != NULL ? all_of->child : node;

	while (first != node && !is_same_number(first, node))
		first = first->next;
	return first != node;
}

static int init_number(struct index_leaf *l, const struct index_use *use, const struct filter_node *node,
	const struct filter_node *all_of, sqlite3 *db)
{
	struct number_ranges r = number_ranges_of(node);

	for (const struct filter_node *other = all_of != NULL ? node->next : NULL; other != NULL; other = other->next) {
		struct number_ranges more;

		if (!is_same_number(other, node))
			continue;
		more = number_ranges_of(other);
		number_ranges_intersect(&r, &more);
		number_ranges_fini(&more);
	}
	l->is_number = true;
	if (use->is_thousandths)
		number_ranges_to_thousandths(&r);
	return choose_side(l, use, &r, db);
}

/* Of texts those are looked up that are named. Most flows are delivered, and those are not in the index: what is in it are
 * the others. */
static int init_text(struct index_leaf *l, const struct filter_node *node, sqlite3 *db)
{
	bool has_delivered = false;

	if (node->op != FILTER_OP_EQ && node->op != FILTER_OP_NE && node->op != FILTER_OP_IN)
		return SQLITE_ERROR;
	for (size_t i = 0; i < node->values_n; i++) {
		if (!is_plain_utf8(node->values[i].text))
			return SQLITE_ERROR;
		has_delivered |= node->field == FILTER_outcome && str_eq(node->values[i].text, STR("delivered"));
	}
	l->is_denied = (node->op == FILTER_OP_NE) != has_delivered;
	l->is_whole = has_delivered;
	return !has_delivered || node->values_n == 1 ? count(l, db) : SQLITE_ERROR;
}

/* No such index, or none that helps, is no error. */
static bool is_fine(struct reader *r, int rc, bool *ret_ok)
{
	*ret_ok = rc == SQLITE_OK || rc == SQLITE_ERROR || reader_fail(r);
	return rc == SQLITE_OK;
}

static struct index_leaf leaf_of(const struct index_use *use, const struct filter_node *node)
{
	return (struct index_leaf){.node = node, .index = use->index, .column = use->column, .partial = use->partial};
}

bool index_leaf_init(struct index_leaf *l, struct reader *r, const struct filter_node *node, const struct filter_node *all_of,
	bool *ret_ok)
{
	const struct index_use *use = &uses[node->field];
	int rc = SQLITE_ERROR;

	*l = leaf_of(use, node);
	if (use->index != NULL && filter_field_type(node->field) == FILTER_NUMBER)
		rc = init_number(l, use, node, all_of, r->db);
	else if (use->index != NULL)
		rc = init_text(l, node, r->db);
	if (is_fine(r, rc, ret_ok))
		return true;
	index_leaf_fini(l);
	return false;
}

bool index_leaf_init_change(struct index_leaf *l, struct reader *r, int64_t after, bool *ret_ok)
{
	const struct filter_value number = {.number = after};
	const struct filter_node node = {.op = FILTER_OP_GT, .values = &number, .values_n = 1};

	*l = leaf_of(&change_use, NULL);
	l->is_number = true;
	l->ranges = number_ranges_of(&node);
	if (is_fine(r, count(l, r->db), ret_ok))
		return true;
	index_leaf_fini(l);
	return false;
}

void index_leaf_fini(struct index_leaf *l)
{
	number_ranges_fini(&l->ranges);
}

static bool add_id(void *owner, int64_t number)
{
	id_set_add(owner, (uint64_t)number);
	return true;
}

bool index_leaf_add(const struct index_leaf *l, struct reader *r, struct id_set *to)
{
	int rc = run(l, r->db, "SELECT id", "", false, add_id, to);

	if (rc == SQLITE_OK && l->ranges.has_null)
		rc = run(l, r->db, "SELECT id", "", true, add_id, to);
	return rc == SQLITE_OK || reader_fail(r);
}
