/* Retention: which flows leave, and what leaves with them.
 * Bodies and head fields say until which flow they are used, and leave when no flow that has ended is left up to there. Flows
 * in flight are not asked: their bodies count as growing (body_book.h), and the fields in their heads are looked up here. A
 * body of many pieces may take several steps; from the first one on it has no hash, so that no flow comes to refer to it again.
 */
#include "store/sqlite_prune.h"

#include "base/clock.h"
#include "base/mem.h"
#include "store/body/body_rows.h"
#include "store/database.h"

#include <string.h>

enum {
	FLOWS_AT_ONCE = 64,
	BODIES_AT_ONCE = 64,
	PIECES_AT_ONCE = 32,
	FIELDS_AT_ONCE = 500,
	ROWS_BYTES = 1024,                   /* of a flow without bodies, about */
	SPARE = 16,                          /* one part in so many of max_bytes is for what comes between two steps */
	HISTORY = 4,                         /* and one that flows in flight do not drive out */
	MAX_TIMES = 10,                      /* a step is at most so many times as long as it should be */
	DELETE_MS = SQLITE_PRUNE_STEP_MS / 2 /* the rest is for writing the pages that have changed */
};

enum statement {
	FIRST_ENDED,
	OLDEST,
	DELETE_EXCHANGES,
	DELETE_HOPS,
	DELETE_TUNNELS,
	DELETE_DROPS,
	DELETE_COOKIES,
	PAGES,
	FREE_PAGES,
	GROWING,
	EXPIRED,
	DISOWN,
	FIRST_PIECE,
	DELETE_PIECES,
	DELETE_BODY,
	DELETE_FIELDS,
	SHRINK,
	BEGIN,
	COMMIT,
	STATEMENTS
};

/* "+": to be read in the order of the ids, not by an index. */
#define ENDED "+outcome <> 'pending'"
#define DELETE_ROWS(table)                                                                                                     \
	"DELETE FROM " table " WHERE exchange_id <= ?1 AND exchange_id NOT IN (SELECT id FROM exchanges WHERE id <= ?1)"

/* What the heads of flows in flight refer to. The second condition lets the index be used; CROSS: in this order, since few
 * flows are found by it. */
#define OF_EXCHANGES(column)                                                                                                   \
	"SELECT e." column " AS head FROM exchanges e WHERE e.outcome = 'pending' AND e.outcome <> 'delivered'"
#define OF_HOPS(column)                                                                                                        \
	"SELECT h." column " FROM exchanges e CROSS JOIN hops h ON h.exchange_id = e.id WHERE e.outcome = 'pending'"           \
	" AND e.outcome <> 'delivered'"
#define HEADS(of)                                                                                                              \
	of("request_fields") " UNION ALL " of("request_trailers") " UNION ALL " of("response_fields") " UNION ALL " of(        \
		"response_trailers")
#define FIELDS_IN_FLIGHT                                                                                                       \
	"SELECT j.value FROM (" HEADS(OF_EXCHANGES) " UNION ALL " HEADS(                                                       \
		OF_HOPS) ") h,"                                                                                                \
			 " json_each(iif(json_valid(h.head), h.head, NULL)) j WHERE j.type = 'integer'"

static const char *const sql_of[STATEMENTS] = {
	[FIRST_ENDED] = "SELECT id FROM exchanges WHERE " ENDED " ORDER BY id LIMIT 1",
	/* What a file tells may be old: its flows are as old as their import. */
	[OLDEST] = "SELECT e.id, iif(s.is_import, s.started_us, e.started_us), e.request_body_bytes + e.response_body_bytes"
		   " FROM exchanges e LEFT JOIN sessions s ON s.id = e.session_id WHERE " ENDED " ORDER BY e.id LIMIT ?",
	[DELETE_EXCHANGES] = "DELETE FROM exchanges WHERE id <= ? AND " ENDED,
	[DELETE_HOPS] = DELETE_ROWS("hops"),
	[DELETE_TUNNELS] = DELETE_ROWS("tunnels"),
	[DELETE_DROPS] = DELETE_ROWS("drops"),
	[DELETE_COOKIES] = DELETE_ROWS("cookies"),
	[PAGES] = "PRAGMA page_count",
	[FREE_PAGES] = "PRAGMA freelist_count",
	/* A page more for each piece: what is of no use in the pages that hold it. */
	[GROWING] = "SELECT sum(stored_bytes + (bytes / 65536 + 1) * ?2) FROM bodies WHERE used_until = ?1",
	[EXPIRED] = "SELECT id, content IS NULL FROM bodies WHERE used_until < ? ORDER BY used_until LIMIT ?",
	[DISOWN] = "UPDATE bodies SET sha256 = NULL WHERE id = ? AND sha256 IS NOT NULL",
	[FIRST_PIECE] = "SELECT min(id) FROM body_pieces WHERE id BETWEEN ? AND ?",
	[DELETE_PIECES] = "DELETE FROM body_pieces WHERE id BETWEEN ? AND ?",
	[DELETE_BODY] = "DELETE FROM bodies WHERE id = ?",
	[DELETE_FIELDS] = "DELETE FROM head_fields WHERE id IN (SELECT id FROM head_fields WHERE used_until < ?1 AND id NOT IN"
			  " (" FIELDS_IN_FLIGHT ") LIMIT ?2)",
	[SHRINK] = "PRAGMA incremental_vacuum(64)", /* pages, from the end of the file */
	/* A transaction that begins by reading would not wait for a writer beside us. */
	[BEGIN] = "BEGIN IMMEDIATE",
	[COMMIT] = "COMMIT",
};

struct sqlite_pruner {
	sqlite3 *db;
	sqlite3_stmt *statements[STATEMENTS]; /* those that were needed so far */
	int64_t page_bytes;                   /* 0: not asked yet */
};

/* A step. */
struct prune {
	struct sqlite_pruner *of;
	const struct sqlite_prune_needs *needs;
	int64_t deadline_us;
	int64_t growing_bytes; /* what bodies in flight take; -1: not asked yet */
	int64_t deleted;       /* flows */
	int64_t first_kept;    /* of the flows that have ended; INT64_MAX: none is left */
	bool has_deleted;      /* anything */
};

static bool is_late(const struct prune *p)
{
	return clock_mono_us() >= p->deadline_us;
}

/* The statement, ready to be bound; NULL: it cannot be prepared. */
static sqlite3_stmt *statement(struct prune *p, enum statement which)
{
	sqlite3_stmt **s = &p->of->statements[which];

	if (*s)
		sqlite3_reset(*s);
	else if (sqlite3_prepare_v3(p->of->db, sql_of[which], -1, SQLITE_PREPARE_PERSISTENT, s, NULL) != SQLITE_OK)
		return NULL;
	return *s;
}

/* Makes a statement ready for its next use; but one that has failed is left as it is until the transaction is rolled back, so
 * that what the database says of the error can be read after that: finish. */
static int settle(sqlite3_stmt *s, int rc)
{
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return rc;
	sqlite3_reset(s);
	return SQLITE_OK;
}

/* Runs a statement whose results do not count, with up to two numbers. */
static int run(struct prune *p, enum statement which, int64_t first, int64_t second)
{
	sqlite3_stmt *s = statement(p, which);
	int n = s ? sqlite3_bind_parameter_count(s) : 0;
	int rc = SQLITE_ROW;

	if (!s)
		return sqlite3_extended_errcode(p->of->db);
	if (n > 0)
		sqlite3_bind_int64(s, 1, first);
	if (n > 1)
		sqlite3_bind_int64(s, 2, second);
	while (rc == SQLITE_ROW)
		rc = sqlite3_step(s);
	return settle(s, rc);
}

/* The one number that a statement gives; none: it gives none. */
static int ask(struct prune *p, enum statement which, int64_t first, int64_t second, int64_t none, int64_t *ret)
{
	sqlite3_stmt *s = statement(p, which);
	int rc;

	if (!s)
		return sqlite3_extended_errcode(p->of->db);
	if (sqlite3_bind_parameter_count(s) > 0) {
		sqlite3_bind_int64(s, 1, first);
		sqlite3_bind_int64(s, 2, second);
	}
	rc = sqlite3_step(s);
	if (rc == SQLITE_ROW)
		*ret = sqlite3_column_type(s, 0) == SQLITE_NULL ? none : sqlite3_column_int64(s, 0);
	else if (rc == SQLITE_DONE)
		*ret = none;
	return settle(s, rc);
}

/* Deletes pieces until the time is over; ret_is_rest: some are left. */
static int delete_pieces(struct prune *p, int64_t body, bool *ret_is_rest)
{
	int64_t low = (int64_t)((uint64_t)body << BODY_PIECE_BITS), high = low + (1 << BODY_PIECE_BITS) - 1;
	int rc;

	for (;;) {
		rc = ask(p, FIRST_PIECE, low, high, 0, &low);
		*ret_is_rest = low != 0;
		if (rc != SQLITE_OK || low == 0)
			return rc;
		rc = run(p, DELETE_PIECES, low, low + PIECES_AT_ONCE - 1);
		if (rc != SQLITE_OK || is_late(p))
			return rc;
	}
}

static int delete_body(struct prune *p, int64_t id, bool is_in_pieces)
{
	bool is_rest = false;
	int rc = SQLITE_OK;

	p->has_deleted = true;
	if (is_in_pieces)
		rc = delete_pieces(p, id, &is_rest);
	if (rc != SQLITE_OK)
		return rc;
	return is_rest ? run(p, DISOWN, id, 0) : run(p, DELETE_BODY, id, 0);
}

struct expired {
	int64_t ids[BODIES_AT_ONCE];
	bool is_in_pieces[BODIES_AT_ONCE];
	size_t n;
};

/* They are deleted afterwards, not while the index is being read. */
static int list_expired(struct prune *p, struct expired *ret)
{
	sqlite3_stmt *s = statement(p, EXPIRED);
	int rc;

	ret->n = 0;
	if (!s)
		return sqlite3_extended_errcode(p->of->db);
	sqlite3_bind_int64(s, 1, p->first_kept);
	sqlite3_bind_int64(s, 2, BODIES_AT_ONCE);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW && ret->n < BODIES_AT_ONCE) {
		ret->ids[ret->n] = sqlite3_column_int64(s, 0);
		ret->is_in_pieces[ret->n++] = sqlite3_column_int(s, 1) != 0;
	}
	return settle(s, rc);
}

/* Deletes what no flow that is left uses, until the time is over; ret_is_rest: there may be more. */
static int delete_expired(struct prune *p, bool *ret_is_rest)
{
	struct expired expired;
	int rc;

	*ret_is_rest = true;
	do {
		rc = list_expired(p, &expired);
		for (size_t i = 0; i < expired.n && rc == SQLITE_OK; i++) {
			rc = delete_body(p, expired.ids[i], expired.is_in_pieces[i]);
			if (is_late(p))
				return rc;
		}
	} while (expired.n == BODIES_AT_ONCE && rc == SQLITE_OK);
	*ret_is_rest = false;
	return rc;
}

static int read_page_bytes(struct sqlite_pruner *p)
{
	sqlite3_int64 bytes = 0;

	if (!database_number(p->db, "PRAGMA page_size", 0, &bytes))
		return sqlite3_extended_errcode(p->db);
	p->page_bytes = bytes;
	return SQLITE_OK;
}

/* In bytes. */
struct sizes {
	int64_t file; /* without its log */
	int64_t used; /* of it */
};

static int read_sizes(struct prune *p, struct sizes *ret)
{
	int64_t pages = 0, unused = 0, *page_bytes = &p->of->page_bytes;
	int rc = *page_bytes != 0 ? SQLITE_OK : read_page_bytes(p->of);

	if (rc == SQLITE_OK)
		rc = ask(p, PAGES, 0, 0, 0, &pages);
	if (rc == SQLITE_OK)
		rc = ask(p, FREE_PAGES, 0, 0, 0, &unused);
	*ret = (struct sizes){pages * *page_bytes, (pages - unused) * *page_bytes};
	return rc;
}

/* How much may be stored. A part of the file is for what is written between two steps; and where bodies in flight take most of
 * it, the history is not given up for what cannot be had by that: a part of it stays, and they come on top. */
static int allowed_bytes(struct prune *p, int64_t *ret)
{
	int64_t max = p->needs->limits->max_bytes, least;
	int rc = p->growing_bytes >= 0 ? SQLITE_OK
				       : ask(p, GROWING, BODY_USED_GROWING, p->of->page_bytes, 0, &p->growing_bytes);

	least = p->growing_bytes + max / HISTORY;
	*ret = least > max - max / SPARE ? least : max - max / SPARE;
	return rc;
}

/* By how much what is stored is more than it may be. */
static int excess_bytes(struct prune *p, struct sizes *ret_sizes, int64_t *ret)
{
	int64_t max = p->needs->limits->max_bytes, allowed = 0;
	int rc = max > 0 ? read_sizes(p, ret_sizes) : SQLITE_OK;

	*ret = 0;
	if (rc != SQLITE_OK || max <= 0 || ret_sizes->used <= max - max / SPARE)
		return rc;
	rc = allowed_bytes(p, &allowed);
	*ret = ret_sizes->used - allowed;
	return rc;
}

/* What a flow takes in the file, at least: no less than the average, since what its hops brought and what else there is of it is not in
 * its row. Too large a guess costs another look, too small a one flows that could have stayed. */
static int64_t flow_bytes(const struct sizes *sizes, int64_t ended_n, int64_t bodies)
{
	int64_t average = ended_n > 0 ? sizes->used / ended_n : 0, own = ROWS_BYTES + bodies;

	return own > average ? own : average;
}

/* The last of the flows that leave next; 0: none has to. */
static int choose_flows(struct prune *p, int64_t *ret_last)
{
	const struct backend_limits *limits = p->needs->limits;
	int64_t ended_n = p->needs->ended_n - p->deleted, flows = ended_n - limits->max_flows, bytes = 0;
	sqlite3_stmt *s = statement(p, OLDEST);
	struct sizes sizes = {0, 0};
	int rc = s ? excess_bytes(p, &sizes, &bytes) : sqlite3_extended_errcode(p->of->db);

	*ret_last = 0;
	if (rc != SQLITE_OK)
		return rc;
	sqlite3_bind_int64(s, 1, FLOWS_AT_ONCE);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		if (flows <= 0 && bytes <= 0 && sqlite3_column_int64(s, 1) >= limits->oldest_start_us)
			break;
		*ret_last = sqlite3_column_int64(s, 0);
		flows--;
		bytes -= flow_bytes(&sizes, ended_n, sqlite3_column_int64(s, 2));
	}
	return settle(s, rc);
}

static int delete_flows(struct prune *p, int64_t last)
{
	int rc = SQLITE_OK;

	p->has_deleted = true;
	for (int i = DELETE_EXCHANGES; i <= DELETE_COOKIES && rc == SQLITE_OK; i++) {
		rc = run(p, (enum statement)i, last, 0);
		if (i == DELETE_EXCHANGES && rc == SQLITE_OK)
			p->deleted += sqlite3_changes64(p->of->db);
	}
	return rc;
}

/* Until nothing is to be done, or the time is over, or the flows of this step are deleted. */
static int work(struct prune *p, bool *ret_has_more)
{
	int64_t last = 0;
	bool is_rest;
	int rc;

	*ret_has_more = true;
	do {
		rc = ask(p, FIRST_ENDED, 0, 0, INT64_MAX, &p->first_kept);
		if (rc == SQLITE_OK)
			rc = delete_expired(p, &is_rest);
		if (rc != SQLITE_OK || is_rest)
			return rc;
		rc = choose_flows(p, &last);
		if (rc == SQLITE_OK && last != 0)
			rc = delete_flows(p, last);
	} while (rc == SQLITE_OK && last != 0 && p->deleted < (int64_t)p->needs->limit && !is_late(p));
	*ret_has_more = last != 0;
	return rc;
}

/* Where flows come in faster than they leave, steps become longer, so that the file stays within bounds. */
static int plan(struct prune *p)
{
	int64_t bytes, max = p->needs->limits->max_bytes, times = 1;
	struct sizes sizes = {0, 0};
	int rc = excess_bytes(p, &sizes, &bytes);

	if (bytes > 0)
		times += bytes / (max / SPARE + 1);
	p->deadline_us = clock_mono_us() + DELETE_MS * INT64_C(1000) * (times < MAX_TIMES ? times : MAX_TIMES);
	return rc;
}

/* Gives what is free at the end of the file back, by and by; only a little where the step has deleted flows, since then what is
 * free may be written again at once. Where the file was made without auto_vacuum, that does nothing. */
static int shrink(struct prune *p, bool *ret_has_more)
{
	struct sizes before, sizes = {0, 0};
	int rc = read_sizes(p, &sizes);

	*ret_has_more = rc == SQLITE_OK && sizes.file > p->needs->limits->max_bytes && sizes.file > sizes.used;
	while (*ret_has_more && !is_late(p)) {
		before = sizes;
		rc = run(p, SHRINK, 0, 0);
		if (rc == SQLITE_OK)
			rc = read_sizes(p, &sizes);
		*ret_has_more = rc == SQLITE_OK && sizes.file < before.file && sizes.file > p->needs->limits->max_bytes &&
			sizes.file > sizes.used;
		if (p->has_deleted)
			break;
	}
	return rc;
}

static int finish(struct prune *p, int rc)
{
	if (rc == SQLITE_OK && p->has_deleted)
		rc = ask(p, FIRST_ENDED, 0, 0, INT64_MAX, &p->first_kept);
	if (rc == SQLITE_OK && p->has_deleted)
		rc = run(p, DELETE_FIELDS, p->first_kept, FIELDS_AT_ONCE);
	if (rc == SQLITE_OK)
		rc = run(p, COMMIT, 0, 0);
	if (rc != SQLITE_OK && !sqlite3_get_autocommit(p->of->db))
		sqlite3_exec(p->of->db, "ROLLBACK", NULL, NULL, NULL);
	for (size_t i = 0; i < STATEMENTS; i++)
		sqlite3_reset(p->of->statements[i]);
	return rc;
}

int sqlite_prune(struct sqlite_pruner *pruner, const struct sqlite_prune_needs *needs, struct sqlite_prune_end *ret)
{
	struct prune p = {.of = pruner, .needs = needs, .growing_bytes = -1};
	bool has_more = false;
	int rc = run(&p, BEGIN, 0, 0);

	if (rc == SQLITE_OK)
		rc = plan(&p);
	if (rc == SQLITE_OK)
		rc = work(&p, &has_more);
	if (rc == SQLITE_OK && !has_more && needs->limits->max_bytes > 0)
		rc = shrink(&p, &has_more);
	rc = finish(&p, rc);
	if (rc == SQLITE_OK)
		*ret = (struct sqlite_prune_end){p.deleted, p.has_deleted ? (uint64_t)p.first_kept : 0, has_more};
	return rc;
}

struct sqlite_pruner *sqlite_pruner_new(sqlite3 *db)
{
	struct sqlite_pruner *p = mem_calloc(1, sizeof(*p));

	p->db = db;
	return p;
}

void sqlite_pruner_free(struct sqlite_pruner *p)
{
	for (size_t i = 0; p && i < STATEMENTS; i++)
		sqlite3_finalize(p->statements[i]);
	mem_free(p);
}
