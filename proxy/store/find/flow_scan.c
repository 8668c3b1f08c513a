/* How flows are found. The newest (or oldest) ones are walked through first: what matches often fills a page at once. What
 * does not is looked for by the indexes (flow_set.c), and where they do not help the walk goes on, span by span, so that
 * each span is a question of its own: it can be ended, and gone on with later. */
#include "store/find/flow_scan.h"

#include "base/clock.h"
#include "base/mem.h"
#include "store/database.h"
#include "store/find/filter_sql.h"
#include "store/find/flow_row.h"
#include "store/find/flow_set.h"
#include "store/reader.h"

#include <stdio.h>

enum {
	FIRST_WALK_IDS = 16384, /* before indexes are asked */
	SPAN_IDS = 65536,
	CANDIDATES = 4096,       /* looked at before the indexes are asked again */
	WINDOW_IDS = 1 << 26,    /* of a set: 8 MiB of memory */
	CHECK_OPERATIONS = 1000, /* of SQLite's, between two looks at the clock */
	CHECK_US = 5000,         /* between two questions whether it is enough */
	TURN_US = 250000,        /* then flow_scan_next returns with what it has */
};

struct flow_scan {
	struct reader *reader;
	const struct flow_query *query;
	struct filter_sql where;
	struct flow_row *row;    /* NULL: SQL says it all */
	sqlite3_stmt *statement; /* NULL: not begun yet */
	bool is_up;
	uint64_t low, high; /* what was not looked at yet; low > high: nothing */
	uint64_t ended_id, undecided;
	struct flow_set *set;             /* of the window; NULL: not asked for yet */
	uint64_t window_low, window_high; /* for which the indexes were asked; 0: for none */
	uint64_t walk_ids;                /* of the next span */
	uint64_t candidates;              /* of the set, that were looked at since it was refined */
	int64_t checked_us;
	bool is_cut;
};

/* Whether the query has had enough; asks at most every few milliseconds. Not before something was looked at: who goes on
 * from there shall come to an end. */
static bool is_enough(struct flow_scan *s)
{
	int64_t now_us;

	if (s->is_cut || s->query->is_enough == NULL || s->ended_id == 0)
		return s->is_cut;
	now_us = clock_mono_us();
	if (now_us - s->checked_us < CHECK_US)
		return false;
	s->checked_us = now_us;
	s->is_cut = s->query->is_enough(s->query->owner);
	return s->is_cut;
}

/* Called by SQLite while it works; what is not 0 ends that. */
static int on_progress(void *owner)
{
	return is_enough(owner);
}

/* All flows, without those of before the query's beginning. */
static bool find_bounds(struct flow_scan *s)
{
	const struct flow_query *q = s->query;
	sqlite3_int64 low = 0, high = 0;

	if (!database_number(s->reader->db, "SELECT min(id) FROM exchanges", 1, &low) ||
		!database_number(s->reader->db, "SELECT max(id) FROM exchanges", 0, &high))
		return reader_fail(s->reader);
	s->low = low > 0 ? (uint64_t)low : 1;
	s->high = high > 0 ? (uint64_t)high : 0;
	if (q->after_id != 0 && q->is_oldest_first && q->after_id >= s->low)
		s->low = q->after_id < UINT64_MAX ? q->after_id + 1 : UINT64_MAX;
	if (q->after_id != 0 && !q->is_oldest_first && q->after_id <= s->high)
		s->high = q->after_id - 1;
	return true;
}

/* The flows of a span of ids that match as far as SQL can tell. */
static bool prepare(struct flow_scan *s)
{
	const struct flow_query *q = s->query;
	struct text sql = {NULL, 0, 0};
	int rc;

	text_put(&sql, STR("SELECT e.id"));
	if (s->row != NULL)
		flow_row_columns(s->row, &sql);
	text_put(&sql, STR(" FROM exchanges e NOT INDEXED WHERE e.id BETWEEN ?1 AND ?2 AND e.change > ?3"));
	if (q->is_ended_only)
		text_put(&sql, STR(" AND e.outcome <> 'pending'"));
	if (s->where.where.len > 0) {
		text_put(&sql, STR(" AND "));
		text_put(&sql, text_str(&s->where.where));
	}
	text_put(&sql, s->is_up ? STR(" ORDER BY e.id") : STR(" ORDER BY e.id DESC"));
	rc = sqlite3_prepare_v2(s->reader->db, sql.p, (int)sql.len, &s->statement, NULL);
	text_fini(&sql);
	if (rc != SQLITE_OK)
		return reader_fail(s->reader);
	sqlite3_bind_int64(s->statement, 3, q->after_change > 0 ? q->after_change : -1);
	filter_sql_bind(&s->where, s->statement, 4);
	return true;
}

struct flow_scan *flow_scan_new(struct reader *r, const struct flow_query *q)
{
	struct flow_scan *s = mem_calloc(1, sizeof(*s));

	s->reader = r;
	s->query = q;
	s->is_up = q->is_oldest_first;
	s->walk_ids = FIRST_WALK_IDS;
	s->checked_us = clock_mono_us();
	filter_sql_init(&s->where, q->filter);
	return s;
}

/* What has to ask the database. */
static bool begin(struct flow_scan *s)
{
	if (s->statement != NULL)
		return true;
	if (!s->where.is_exact && s->row == NULL)
		s->row = flow_row_new(s->reader, s->query->filter, s->query->max_body_bytes);
	return (s->where.is_exact || s->row != NULL) && find_bounds(s) && prepare(s);
}

void flow_scan_free(struct flow_scan *s)
{
	if (s == NULL)
		return;
	sqlite3_finalize(s->statement);
	flow_row_free(s->row);
	filter_sql_fini(&s->where);
	flow_set_free(s->set);
	mem_free(s);
}

uint64_t flow_scan_ended_id(const struct flow_scan *s)
{
	return s->ended_id;
}

uint64_t flow_scan_undecided(const struct flow_scan *s)
{
	return s->undecided;
}

bool flow_scan_has_more(const struct flow_scan *s)
{
	return s->low <= s->high;
}

/* All up to that id, in the order of the scan, was looked at. */
static void pass(struct flow_scan *s, uint64_t id)
{
	s->ended_id = id;
	if (s->is_up)
		s->low = id + 1;
	else
		s->high = id - 1;
}

/* Leaves a gap in the ids behind: the next flow that there is. False on an error. */
static bool skip_gap(struct flow_scan *s)
{
	char sql[96];
	sqlite3_int64 next = 0;

	snprintf(sql, sizeof(sql), "SELECT %s(id) FROM exchanges WHERE id %s %lld", s->is_up ? "min" : "max",
		s->is_up ? ">=" : "<=", (long long)(s->is_up ? s->low : s->high));
	if (!database_number(s->reader->db, sql, -1, &next))
		return reader_fail(s->reader);
	if (next <= 0 || (uint64_t)next < s->low || (uint64_t)next > s->high)
		s->low = s->high + 1;
	else if (s->is_up)
		s->low = (uint64_t)next;
	else
		s->high = (uint64_t)next;
	return true;
}

/* At most n ids from the front of what is left. */
static void front(const struct flow_scan *s, uint64_t n, uint64_t *ret_low, uint64_t *ret_high)
{
	bool is_all = s->high - s->low < n;

	*ret_low = s->is_up || is_all ? s->low : s->high - n + 1;
	*ret_high = !s->is_up || is_all ? s->high : s->low + n - 1;
}

/* Asks the indexes about the ids from here on. */
static bool open_window(struct flow_scan *s)
{
	flow_set_free(s->set);
	front(s, WINDOW_IDS, &s->window_low, &s->window_high);
	s->set = flow_set_new(s->reader, s->query->filter, s->query->after_change, s->window_low, s->window_high);
	s->candidates = 0;
	return s->set != NULL;
}

static bool is_in_window(const struct flow_scan *s)
{
	uint64_t next = s->is_up ? s->low : s->high;

	return s->window_high != 0 && next >= s->window_low && next <= s->window_high;
}

/* The indexes are asked for one more part of the filter when many flows of the set were looked at, so that a page that fills
 * up soon does not wait for them. */
static bool refine(struct flow_scan *s)
{
	if (s->candidates < CANDIDATES || flow_set_is_final(s->set))
		return true;
	s->candidates = 0;
	return flow_set_refine(s->set);
}

/* The next span of the walk. */
static bool walk_on(struct flow_scan *s, uint64_t *ret_low, uint64_t *ret_high, bool *ret_is_any)
{
	if (!skip_gap(s))
		return false;
	*ret_is_any = s->low <= s->high;
	front(s, s->walk_ids, ret_low, ret_high);
	s->walk_ids = SPAN_IDS;
	return true;
}

/* The next span to be looked at; what lies before it is passed. *ret_is_any false: there is none just now. False on an
 * error. */
static bool next_span(struct flow_scan *s, uint64_t *ret_low, uint64_t *ret_high, bool *ret_is_any)
{
	bool may_narrow = s->query->filter != NULL || s->query->after_change > 0;
	bool is_first = s->walk_ids == FIRST_WALK_IDS && s->query->after_change <= 0;

	if (may_narrow && !is_first && !is_in_window(s) && !open_window(s))
		return false;
	if (is_first || s->set == NULL || flow_set_ids(s->set) == NULL)
		return walk_on(s, ret_low, ret_high, ret_is_any);
	if (!refine(s))
		return false;
	*ret_is_any = id_set_next(flow_set_ids(s->set), s->is_up ? s->low : s->high, s->is_up, ret_low, ret_high);
	if (*ret_is_any)
		s->candidates += *ret_high - *ret_low + 1;
	else
		pass(s, s->is_up ? s->window_high : s->window_low);
	return true;
}

/* Whether the flow of the row that the statement stands on matches. */
static enum flow_row_end ask_row(struct flow_scan *s, bool *ret_is_match)
{
	enum filter_answer answer = FILTER_YES;
	enum flow_row_end end = FLOW_ROW_OK;

	if (s->row != NULL)
		end = flow_row_ask(s->row, s->statement, &answer);
	*ret_is_match = end == FLOW_ROW_OK && answer == FILTER_YES;
	s->undecided += end == FLOW_ROW_OK && answer == FILTER_UNDECIDED;
	return end;
}

/* What to return when something did not work: the query's owner may have wanted it so. */
static enum flow_scan_end fault(const struct flow_scan *s)
{
	return s->is_cut ? FLOW_SCAN_CUT : FLOW_SCAN_FAILED;
}

/* Looks at the flows of a span, until there is no room for more ids. FLOW_SCAN_DONE: the span is over. */
static enum flow_scan_end look_at_span(struct flow_scan *s, uint64_t *ids, size_t max, size_t *n)
{
	int rc;

	while ((rc = sqlite3_step(s->statement)) == SQLITE_ROW) {
		uint64_t id = (uint64_t)sqlite3_column_int64(s->statement, 0);
		enum flow_row_end end;
		bool is_match;

		if (is_enough(s))
			return FLOW_SCAN_CUT;
		end = ask_row(s, &is_match);
		if (end != FLOW_ROW_OK)
			return end == FLOW_ROW_LIMIT ? FLOW_SCAN_CUT : fault(s);
		pass(s, id);
		if (is_match)
			ids[(*n)++] = id;
		if (*n == max)
			return FLOW_SCAN_FULL;
	}
	if (rc == SQLITE_DONE)
		return FLOW_SCAN_DONE;
	reader_fail(s->reader);
	return fault(s);
}

static enum flow_scan_end look_at(struct flow_scan *s, uint64_t low, uint64_t high, uint64_t *ids, size_t max, size_t *n)
{
	enum flow_scan_end end;

	if (low < s->low)
		low = s->low;
	if (high > s->high)
		high = s->high;
	sqlite3_bind_int64(s->statement, 1, (sqlite3_int64)low);
	sqlite3_bind_int64(s->statement, 2, (sqlite3_int64)high);
	end = look_at_span(s, ids, max, n);
	sqlite3_reset(s->statement);
	if (end == FLOW_SCAN_DONE)
		pass(s, s->is_up ? high : low);
	return end;
}

/* Until there is no room for more ids, or it has taken long. */
static enum flow_scan_end go_on(struct flow_scan *s, uint64_t *ids, size_t max, size_t *n)
{
	enum flow_scan_end end = begin(s) ? FLOW_SCAN_DONE : fault(s);
	int64_t turn_us = clock_mono_us() + TURN_US;

	while (end == FLOW_SCAN_DONE && s->low <= s->high) {
		uint64_t low, high;
		bool is_any;

		if (!next_span(s, &low, &high, &is_any))
			end = fault(s);
		else if (is_any)
			end = look_at(s, low, high, ids, max, n);
		if (end == FLOW_SCAN_DONE && s->low <= s->high && clock_mono_us() > turn_us)
			end = FLOW_SCAN_FULL;
	}
	return end;
}

enum flow_scan_end flow_scan_next(struct flow_scan *s, uint64_t *ids, size_t max, size_t *ret_n)
{
	enum flow_scan_end end;

	*ret_n = 0;
	if (s->query->is_enough != NULL)
		sqlite3_progress_handler(s->reader->db, CHECK_OPERATIONS, on_progress, s);
	end = go_on(s, ids, max, ret_n);
	sqlite3_progress_handler(s->reader->db, 0, NULL, NULL);
	return end;
}
