/* Changes of identities to rows. What a place was shown last is read from the rows of identities when it is entered, so that
 * all of this can be forgotten at any time. Not for the identities themselves: identity_book.c. */
#include "store/change_book.h"

#include "base/mem.h"
#include "net/keymap.h"
#include "store/database.h"
#include "store/row.h"

#include <string.h>

#define HOUR_US (3600 * INT64_C(1000000))
#define DAY_US (24 * HOUR_US)

enum statement { LAST, ISSUERS, FIND_ISSUER, FIND_RETURN, ADD, COUNT, STATEMENTS };

/* ids are of identities, each of which belongs to one place. */
static const char *const sql_of[STATEMENTS] = {
	[LAST] = "SELECT id, shown_us FROM identities WHERE host = ? AND port = ? ORDER BY shown_us DESC, id DESC LIMIT 1",
	[ISSUERS] = "SELECT a.issuer IS NOT b.issuer FROM identities a, identities b WHERE a.id = ?1 AND b.id = ?2",
	[FIND_ISSUER] = "SELECT id FROM identity_changes WHERE after_id = ?1 AND before_id = ?2 AND what = 'issuer'"
			" AND last_us >= ?3 ORDER BY last_us DESC LIMIT 1",
	/* The same change, or else the one that this undoes, or any other that led to it. */
	[FIND_RETURN] = "SELECT id FROM identity_changes WHERE what <> 'issuer'"
			" AND (after_id = ?1 OR (after_id = ?2 AND before_id = ?1))"
			" ORDER BY after_id = ?1 AND before_id = ?2 DESC, after_id = ?2 DESC, last_us DESC LIMIT 1",
	[ADD] = "INSERT INTO identity_changes (host, port, what, before, after, before_id, after_id, at_us, last_us, times,"
		" exchange_id, is_accepted) SELECT host, port, what,"
		" CASE what WHEN 'issuer' THEN b_issuer WHEN 'key' THEN b_spki ELSE b_certificate END,"
		" CASE what WHEN 'issuer' THEN a_issuer WHEN 'key' THEN a_spki ELSE a_certificate END,"
		" b_id, a_id, ?3, ?3, 1, ?4, ?5 FROM (SELECT a.host, a.port, a.id AS a_id, b.id AS b_id,"
		"  a.issuer AS a_issuer, b.issuer AS b_issuer, a.spki_sha256 AS a_spki, b.spki_sha256 AS b_spki,"
		"  a.certificate_sha256 AS a_certificate, b.certificate_sha256 AS b_certificate,"
		"  CASE WHEN a.issuer IS NOT b.issuer THEN 'issuer'"
		"   WHEN a.spki_sha256 IS NOT b.spki_sha256 THEN 'key' ELSE 'certificate' END AS what"
		"  FROM identities a, identities b WHERE a.id = ?1 AND b.id = ?2)",
	[COUNT] = "UPDATE identity_changes SET times = times + 1, last_us = max(last_us, ?2),"
		  " is_accepted = max(is_accepted, ?3) WHERE id = ?1",
};

struct whereabouts {
	struct keymap_node node; /* its key is behind this struct */
	size_t users;
	int64_t last_id;   /* shown last; 0: nobody was */
	int64_t before_id; /* the one before it; 0: not known */
	int64_t shown_us;
};

struct change_book {
	sqlite3 *db;
	sqlite3_stmt *statements[STATEMENTS];
	struct keymap places;
	int64_t rows;
};

/* The first columns of the row that a statement gives; they stay as they are where it gives none. */
static int step_numbers(sqlite3_stmt *s, int64_t *ret, int n)
{
	int rc = sqlite3_step(s);

	for (int i = 0; rc == SQLITE_ROW && i < n; i++)
		ret[i] = sqlite3_column_int64(s, i);
	sqlite3_reset(s);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int read_last(struct change_book *b, struct str host, uint16_t port, int64_t ret_last[2])
{
	struct row r = {b->statements[LAST], 0};

	row_bytes(&r, host);
	row_i64(&r, port);
	return step_numbers(r.s, ret_last, 2);
}

int change_book_enter(struct change_book *b, struct str key, struct str host, uint16_t port, struct whereabouts **ret)
{
	struct keymap_node *node = keymap_find(&b->places, key);
	struct whereabouts *w = node ? LIST_ITEM(node, struct whereabouts, node) : NULL;
	int64_t last[2] = {0, 0};

	if (!w) {
		int rc = read_last(b, host, port, last);

		if (rc != SQLITE_OK)
			return rc;
		w = mem_calloc(1, sizeof(*w) + key.len);
		memcpy(w + 1, key.p, key.len);
		w->last_id = last[0];
		w->shown_us = last[1];
		keymap_add(&b->places, &w->node, (struct str){(const char *)(w + 1), key.len});
	}
	w->users++;
	*ret = w;
	return SQLITE_OK;
}

void change_book_leave(struct change_book *b, struct whereabouts *w)
{
	if (--w->users > 0)
		return;
	keymap_remove(&b->places, &w->node);
	mem_free(w);
}

/* A statement about the two identities of a change. */
static struct row pair_row(struct change_book *b, enum statement statement, const struct showing *s, int64_t before_id)
{
	struct row r = {b->statements[statement], 0};

	row_i64(&r, s->id);
	row_i64(&r, before_id);
	return r;
}

/* The row that the change is to be counted in; 0: it is one of its own. */
static int find_row(struct change_book *b, const struct showing *s, int64_t before_id, int64_t *ret_id)
{
	struct row r = pair_row(b, ISSUERS, s, before_id);
	int64_t is_issuer = 0;
	int rc = step_numbers(r.s, &is_issuer, 1);

	if (rc != SQLITE_OK)
		return rc;
	if (is_issuer == 0 && (s->before_us == 0 || s->before_us < s->at_us - CHANGE_RETURN_H * HOUR_US))
		return SQLITE_OK;
	r = pair_row(b, is_issuer ? FIND_ISSUER : FIND_RETURN, s, before_id);
	if (is_issuer)
		row_i64(&r, s->at_us - CHANGE_ISSUER_H * HOUR_US);
	return step_numbers(r.s, ret_id, 1);
}

static int add_row(struct change_book *b, const struct showing *s, int64_t before_id, int64_t *ret_id)
{
	struct row r = pair_row(b, ADD, s, before_id);
	int rc;

	row_i64(&r, s->at_us);
	row_i64(&r, (int64_t)s->exchange_id);
	row_i64(&r, s->is_accepted);
	rc = row_end(&r);
	if (rc != SQLITE_OK || sqlite3_changes64(b->db) == 0)
		return rc; /* the one before it has left */
	*ret_id = sqlite3_last_insert_rowid(b->db);
	b->rows++;
	return SQLITE_OK;
}

static int count_in(struct change_book *b, const struct showing *s, int64_t id)
{
	struct row r = {b->statements[COUNT], 0};

	row_i64(&r, id);
	row_i64(&r, s->at_us);
	row_i64(&r, s->is_accepted);
	return row_end(&r);
}

static int put_change(struct change_book *b, const struct showing *s, int64_t before_id, int64_t *ret_id)
{
	int64_t id = 0;
	int rc = find_row(b, s, before_id, &id);

	if (rc == SQLITE_OK)
		rc = id == 0 ? add_row(b, s, before_id, &id) : count_in(b, s, id);
	if (rc == SQLITE_OK)
		*ret_id = id;
	return rc;
}

/* Records come in the order in which flows are written, not begun: one that comes late does not become the last, and to show
 * who was there until then is no change. */
int change_book_note(struct change_book *b, struct whereabouts *w, const struct showing *s, int64_t *ret_id)
{
	bool is_late = s->at_us < w->shown_us;
	int rc = SQLITE_OK;

	*ret_id = 0;
	if (w->last_id != 0 && w->last_id != s->id && !(is_late && w->before_id == s->id))
		rc = put_change(b, s, w->last_id, ret_id);
	if (rc != SQLITE_OK || is_late)
		return rc;
	if (w->last_id != s->id)
		w->before_id = w->last_id;
	w->last_id = s->id;
	w->shown_us = s->at_us;
	return SQLITE_OK;
}

bool change_book_is_full(const struct change_book *b)
{
	return b->rows > CHANGES_MAX + CHANGES_SLACK;
}

/* Certificates that nobody accepted are cheap to make: they must not drive out what did happen. */
int change_book_trim(struct change_book *b, int64_t newest_us)
{
	char sql[320];
	int rc;

	sqlite3_snprintf(sizeof(sql), sql,
		"DELETE FROM identity_changes WHERE last_us < %lld;"
		"DELETE FROM identity_changes WHERE id IN (SELECT id FROM identity_changes"
		" ORDER BY is_accepted DESC, last_us DESC, id DESC LIMIT -1 OFFSET %d)",
		(long long)(newest_us - CHANGES_DAYS * DAY_US), CHANGES_MAX);
	rc = sqlite3_exec(b->db, sql, NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		return rc;
	return change_book_count(b) ? SQLITE_OK : sqlite3_errcode(b->db);
}

bool change_book_count(struct change_book *b)
{
	sqlite3_int64 rows;

	if (!database_number(b->db, "SELECT count(*) FROM identity_changes", 0, &rows))
		return false;
	b->rows = rows;
	return true;
}

struct change_book *change_book_new(sqlite3 *db)
{
	struct change_book *b = mem_calloc(1, sizeof(*b));

	b->db = db;
	keymap_init(&b->places);
	for (int i = 0; i < STATEMENTS; i++) {
		if (sqlite3_prepare_v3(db, sql_of[i], -1, SQLITE_PREPARE_PERSISTENT, &b->statements[i], NULL) != SQLITE_OK) {
			change_book_free(b);
			return NULL;
		}
	}
	if (change_book_count(b))
		return b;
	change_book_free(b);
	return NULL;
}

void change_book_free(struct change_book *b)
{
	if (!b)
		return;
	keymap_fini(&b->places);
	for (int i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(b->statements[i]);
	mem_free(b);
}
