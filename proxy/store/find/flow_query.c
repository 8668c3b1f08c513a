/* Pages of flows. Not for how they are found: flow_scan.c. */
#include "store/find/flow_query.h"

#include "base/mem.h"
#include "store/find/flow_scan.h"
#include "store/reader.h"
#include "store/text.h"

#include <stdio.h>

enum { BATCH_FLOWS = 1000 };

/* What is done with the ids that were found; false on an error. ret_ended_id: no more are wanted behind that one; 0: more
 * are. */
typedef bool ids_visit(void *owner, const uint64_t *ids, size_t n, uint64_t *ret_ended_id);

/* ended_id: where the owner had enough; 0: it did not. */
static void note_end(const struct flow_scan *s, enum flow_scan_end end, uint64_t ended_id, struct flow_query_end *ret)
{
	ret->is_cut = end == FLOW_SCAN_CUT;
	ret->is_more = ended_id != 0 || flow_scan_has_more(s);
	ret->ended_id = ended_id != 0 ? ended_id : flow_scan_ended_id(s);
	ret->undecided = flow_scan_undecided(s);
}

/* One batch, of one state of the database. */
static enum flow_scan_end take_batch(struct reader *r, struct flow_scan *s, uint64_t *ids, size_t max, ids_visit *visit,
	void *owner, size_t *ret_n, uint64_t *ret_ended_id)
{
	bool is_alone = sqlite3_get_autocommit(r->db) != 0;
	enum flow_scan_end end = FLOW_SCAN_FAILED;

	*ret_n = 0;
	if (is_alone && !reader_begin(r))
		return FLOW_SCAN_FAILED;
	end = flow_scan_next(s, ids, max, ret_n);
	if (end != FLOW_SCAN_FAILED && *ret_n > 0 && !visit(owner, ids, *ret_n, ret_ended_id))
		end = FLOW_SCAN_FAILED;
	if (is_alone)
		reader_end(r);
	return end;
}

/* Finds flows and has them visited, batch by batch. */
static bool find(struct reader *r, const struct flow_query *q, size_t limit, ids_visit *visit, void *owner,
	struct flow_query_end *ret_end)
{
	size_t left = limit != 0 ? limit : SIZE_MAX;
	uint64_t *ids = mem_calloc(left < BATCH_FLOWS ? left : BATCH_FLOWS, sizeof(*ids));
	struct flow_scan *s = flow_scan_new(r, q);
	enum flow_scan_end end = FLOW_SCAN_FULL;
	uint64_t ended_id = 0;

	while (end == FLOW_SCAN_FULL && left > 0 && ended_id == 0) {
		size_t n;

		end = take_batch(r, s, ids, left < BATCH_FLOWS ? left : BATCH_FLOWS, visit, owner, &n, &ended_id);
		left -= n;
	}
	if (end != FLOW_SCAN_FAILED && ret_end != NULL)
		note_end(s, end, ended_id, ret_end);
	mem_free(ids);
	flow_scan_free(s);
	return end != FLOW_SCAN_FAILED;
}

/* Who visits, and whether it wants more. */
struct flow_visitor {
	struct reader *reader;
	bool is_ascending;
	flow_visit *visit;
	void *owner;
	uint64_t ended_id; /* it did not want more than this one */
};

static bool visit_flow(void *owner, const struct flow_view *v)
{
	struct flow_visitor *f = owner;

	if (f->visit(f->owner, v))
		return true;
	f->ended_id = v->id;
	return false;
}

/* The flows of these ids, in one order. */
static bool read_flows(struct reader *r, const uint64_t *ids, size_t n, bool is_ascending, struct flow_visitor *f)
{
	struct text sql = {NULL, 0, 0}, list = {NULL, 0, 0};
	sqlite3_stmt *s = NULL;
	bool ok;

	text_printf(&sql, "SELECT %s%s WHERE e.id IN (SELECT value FROM json_each(?)) ORDER BY e.id%s", reader_flow_columns,
		reader_flow_tables, is_ascending ? "" : " DESC");
	for (size_t i = 0; i < n; i++) {
		text_byte(&list, i == 0 ? '[' : ',');
		text_i64(&list, (int64_t)ids[i]);
	}
	text_put(&list, n == 0 ? STR("[]") : STR("]"));
	ok = sqlite3_prepare_v2(r->db, sql.p, (int)sql.len, &s, NULL) == SQLITE_OK || reader_fail(r);
	if (ok) {
		sqlite3_bind_text64(s, 1, list.p, list.len, SQLITE_STATIC, SQLITE_UTF8);
		ok = reader_visit_flows(r, s, visit_flow, f);
	}
	text_fini(&sql);
	text_fini(&list);
	return ok;
}

bool reader_flows(struct reader *r, const uint64_t *ids, size_t n, bool is_ascending, flow_visit *visit, void *owner)
{
	struct flow_visitor f = {.visit = visit, .owner = owner};

	return read_flows(r, ids, n, is_ascending, &f);
}

static bool visit_flows(void *owner, const uint64_t *ids, size_t n, uint64_t *ret_ended_id)
{
	struct flow_visitor *f = owner;
	bool ok = read_flows(f->reader, ids, n, f->is_ascending, f);

	*ret_ended_id = f->ended_id;
	return ok;
}

bool reader_select(struct reader *r, const struct flow_query *q, flow_visit *visit, void *owner, struct flow_query_end *ret_end)
{
	struct flow_visitor f = {.reader = r, .is_ascending = q->is_oldest_first, .visit = visit, .owner = owner};

	return find(r, q, q->limit, visit_flows, &f, ret_end);
}

struct id_visitor {
	id_visit *visit;
	void *owner;
};

static bool visit_ids(void *owner, const uint64_t *ids, size_t n, uint64_t *ret_ended_id)
{
	const struct id_visitor *v = owner;

	for (size_t i = 0; i < n && *ret_ended_id == 0; i++)
		*ret_ended_id = v->visit(v->owner, ids[i]) ? 0 : ids[i];
	return true;
}

bool reader_select_ids(struct reader *r, const struct flow_query *q, id_visit *visit, void *owner,
	struct flow_query_end *ret_end)
{
	struct id_visitor v = {visit, owner};

	return find(r, q, q->limit, visit_ids, &v, ret_end);
}

static bool add_count(void *owner, const uint64_t *ids, size_t n, uint64_t *ret_ended_id)
{
	uint64_t *count = owner;

	(void)ids;
	(void)ret_ended_id;
	*count += n;
	return true;
}

bool reader_count(struct reader *r, const struct flow_query *q, uint64_t *ret)
{
	struct flow_query_end end;
	uint64_t count = 0;

	if (!find(r, q, 0, add_count, &count, &end))
		return false;
	if (end.is_cut) {
		snprintf(r->error, sizeof(r->error), "not all flows could be looked at");
		return false;
	}
	*ret = count;
	return true;
}
