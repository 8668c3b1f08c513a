/* Reading sessions. Not for their flows: query.c. */
#include "store/query.h"

#include "store/reader.h"
#include "store/row.h"

/* In the order of the statement. */
static struct session_view read_session(sqlite3_stmt *s)
{
	struct columns c = {s, 0};
	struct session_view v;

	v.id = columns_i64(&c);
	v.run = columns_i64(&c);
	v.name = columns_str(&c);
	v.started_us = columns_i64(&c);
	v.ended_us = columns_i64(&c);
	v.is_import = columns_i64(&c) > 0;
	v.log_json = columns_str(&c);
	v.flows = (int64_t)columns_u64(&c);
	return v;
}

bool reader_has_session(struct reader *r, const char *name, bool *ret)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(r->db, "SELECT 1 FROM sessions WHERE name = ? LIMIT 1", -1, &s, NULL);
	struct row row = {s, 0};

	if (rc != SQLITE_OK)
		return reader_fail(r);
	row_bytes(&row, str_of(name));
	rc = sqlite3_step(s);
	*ret = rc == SQLITE_ROW;
	return reader_finish(r, s, rc);
}

bool reader_sessions(struct reader *r, session_visit *visit, void *owner)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(r->db,
		"SELECT s.id, s.run, s.name, s.started_us, s.ended_us, s.is_import, s.log_json,"
		" (SELECT count(*) FROM exchanges e WHERE e.session_id = s.id) FROM sessions s ORDER BY s.id",
		-1, &s, NULL);

	if (rc != SQLITE_OK)
		return reader_fail(r);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		struct session_view v = read_session(s);

		if (!visit(owner, &v))
			break;
	}
	return reader_finish(r, s, rc);
}
