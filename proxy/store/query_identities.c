/* Reading who the origins are, and what changed. Not for flows and hops: query.c, query_hops.c. */
#include "store/query.h"

#include "store/reader.h"
#include "store/row.h"

#include <stdio.h>

#define IDENTITY_COLUMNS                                                                                                       \
	"id, host, port, subject, issuer, chain, certificate_sha256, spki_sha256, not_before_s, not_after_s, first_us,"        \
	" last_us, shown_us, first_exchange_id, flows, refused_flows, is_accepted, is_verified"
#define CHANGE_COLUMNS                                                                                                         \
	"id, host, port, at_us, what, before, after, before_id, after_id, exchange_id, times, last_us, is_accepted"

/* In the order of IDENTITY_COLUMNS. */
static struct identity_view read_identity(sqlite3_stmt *s)
{
	struct columns c = {s, 0};
	struct identity_view v;

	v.id = columns_i64(&c);
	v.host = columns_str(&c);
	v.port = columns_i64(&c);
	v.subject = columns_str(&c);
	v.issuer = columns_str(&c);
	v.chain = columns_str(&c);
	v.certificate_sha256 = columns_str(&c);
	v.spki_sha256 = columns_str(&c);
	v.not_before_s = columns_i64(&c);
	v.not_after_s = columns_i64(&c);
	v.first_us = columns_i64(&c);
	v.last_us = columns_i64(&c);
	v.shown_us = columns_i64(&c);
	v.first_exchange_id = columns_i64(&c);
	v.flows = columns_i64(&c);
	v.refused_flows = columns_i64(&c);
	v.is_accepted = columns_i64(&c) > 0;
	v.is_verified = columns_i64(&c) > 0;
	return v;
}

/* In the order of CHANGE_COLUMNS. */
static struct change_view read_change(sqlite3_stmt *s)
{
	struct columns c = {s, 0};
	struct change_view v;

	v.id = columns_i64(&c);
	v.host = columns_str(&c);
	v.port = columns_i64(&c);
	v.at_us = columns_i64(&c);
	v.what = columns_str(&c);
	v.before = columns_str(&c);
	v.after = columns_str(&c);
	v.before_id = columns_i64(&c);
	v.after_id = columns_i64(&c);
	v.exchange_id = columns_i64(&c);
	v.times = columns_i64(&c);
	v.last_us = columns_i64(&c);
	v.is_accepted = columns_i64(&c) > 0;
	return v;
}

/* Copies a text that is valid for this row only; false when the arena is full. */
static bool keep(struct arena *a, struct str *s)
{
	*s = arena_str(a, *s);
	return s->p != NULL;
}

static const struct identity_view *keep_identity(struct arena *a, sqlite3_stmt *s)
{
	struct identity_view *v = arena_zalloc(a, sizeof(*v));

	if (!v)
		return NULL;
	*v = read_identity(s);
	return keep(a, &v->host) && keep(a, &v->subject) && keep(a, &v->issuer) && keep(a, &v->chain) &&
			keep(a, &v->certificate_sha256) && keep(a, &v->spki_sha256)
		? v
		: NULL;
}

static const struct change_view *keep_change(struct arena *a, sqlite3_stmt *s)
{
	struct change_view *v = arena_zalloc(a, sizeof(*v));

	if (!v)
		return NULL;
	*v = read_change(s);
	return keep(a, &v->host) && keep(a, &v->what) && keep(a, &v->before) && keep(a, &v->after) ? v : NULL;
}

/* Steps to the row of an id; ret_has: there is one. The statement is the caller's to finish, unless this fails. */
static bool find(struct reader *r, const char *sql, int64_t id, sqlite3_stmt **ret, bool *ret_has)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(r->db, sql, -1, &s, NULL);

	if (rc != SQLITE_OK)
		return reader_fail(r);
	sqlite3_bind_int64(s, 1, id);
	rc = sqlite3_step(s);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return reader_finish(r, s, rc);
	*ret = s;
	*ret_has = rc == SQLITE_ROW;
	return true;
}

/* Ends a statement whose row was to be kept. */
static bool finish_kept(struct reader *r, sqlite3_stmt *s, bool is_kept)
{
	sqlite3_finalize(s);
	if (!is_kept)
		snprintf(r->error, sizeof(r->error), "a stored identity is too large to be read");
	return is_kept;
}

bool reader_identity(struct reader *r, int64_t id, struct arena *a, const struct identity_view **ret)
{
	const struct identity_view *v = NULL;
	sqlite3_stmt *s = NULL;
	bool has = false;

	*ret = NULL;
	if (id < 0)
		return true;
	if (!find(r, "SELECT " IDENTITY_COLUMNS " FROM identities WHERE id = ?", id, &s, &has))
		return false;
	if (has)
		v = keep_identity(a, s);
	*ret = v;
	return finish_kept(r, s, v || !has);
}

bool reader_identity_change(struct reader *r, int64_t id, struct arena *a, const struct change_view **ret)
{
	const struct change_view *v = NULL;
	sqlite3_stmt *s = NULL;
	bool has = false;

	*ret = NULL;
	if (id < 0)
		return true;
	if (!find(r, "SELECT " CHANGE_COLUMNS " FROM identity_changes WHERE id = ?", id, &s, &has))
		return false;
	if (has)
		v = keep_change(a, s);
	*ret = v;
	return finish_kept(r, s, v || !has);
}

/* A statement with a host, or NULL for all, and a time. */
static bool begin(struct reader *r, const char *sql, struct str host, int64_t since_us, sqlite3_stmt **ret)
{
	struct row row = {NULL, 0};

	if (sqlite3_prepare_v2(r->db, sql, -1, &row.s, NULL) != SQLITE_OK)
		return reader_fail(r);
	row_opt(&row, host);
	row_i64(&row, since_us);
	*ret = row.s;
	return true;
}

bool reader_identities(struct reader *r, struct str host, int64_t since_us, identity_visit *visit, void *owner)
{
	sqlite3_stmt *s = NULL;
	int rc;

	if (!begin(r,
		    "SELECT " IDENTITY_COLUMNS
		    " FROM identities WHERE (?1 IS NULL OR host = ?1) AND last_us >= ?2 ORDER BY last_us, id",
		    host, since_us, &s))
		return false;
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		struct identity_view v = read_identity(s);

		if (!visit(owner, &v))
			break;
	}
	return reader_finish(r, s, rc);
}

bool reader_identity_changes(struct reader *r, struct str host, int64_t since_us, change_visit *visit, void *owner)
{
	sqlite3_stmt *s = NULL;
	int rc;

	if (!begin(r,
		    "SELECT " CHANGE_COLUMNS
		    " FROM identity_changes WHERE (?1 IS NULL OR host = ?1) AND last_us >= ?2 ORDER BY last_us, id",
		    host, since_us, &s))
		return false;
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		struct change_view v = read_change(s);

		if (!visit(owner, &v))
			break;
	}
	return reader_finish(r, s, rc);
}
