/* Runs and sessions of the embedded backend. A run is a process; it has one session after the other, and imports beside them.
 * Not for reading them: query_sessions.c. */
#include "base/clock.h"
#include "base/utf8.h"
#include "store/database.h"
#include "store/format.h"
#include "store/row.h"
#include "store/sqlite_part.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SQL_BYTES = 512, LAST_FLOWS = 1000 };

/* Statements of which only the database needs to know why they failed. */
static bool exec(struct sqlite_backend *s, const char *sql)
{
	char why[8];

	return database_exec(s->db, sql, why, sizeof(why));
}

/* A session that was killed ended with its last flow; to look at the last ones of all is enough, and quick. Only a session
 * whose every flow has left ended before the oldest one began; an import has flows of any age. */
bool sqlite_settle_sessions(struct sqlite_backend *s)
{
	char sql[SQL_BYTES];

	snprintf(sql, sizeof(sql),
		"UPDATE sessions SET ended_us = max(started_us, coalesce((SELECT max(last.ended_us) FROM"
		" (SELECT session_id, ended_us FROM exchanges ORDER BY id DESC LIMIT %d) AS last"
		" WHERE last.session_id = sessions.id), 0)) WHERE ended_us IS NULL AND run IS NOT %" PRId64 ";"
		"DELETE FROM sessions WHERE ended_us < (SELECT min(started_us) FROM exchanges) AND NOT is_import",
		LAST_FLOWS, s->run.id);
	return exec(s, sql);
}

/* True in ret if there is such a row. */
static bool has_row(struct sqlite_backend *s, const char *table, int64_t id, int64_t started_us, bool *ret)
{
	sqlite3_int64 n = 0;
	char sql[SQL_BYTES];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s WHERE id = %" PRId64 " AND started_us = %" PRId64, table, id,
		started_us);
	if (!database_number(s->db, sql, 0, &n))
		return false;
	*ret = n > 0;
	return true;
}

/* Prepares, has it bound, runs it. The row gets the id that was given, if it is free. */
static bool insert(struct sqlite_backend *s, const char *sql, void (*bind)(struct row *r, const void *of), const void *of,
	int64_t *ret_id)
{
	sqlite3_stmt *statement = NULL;
	int rc = sqlite3_prepare_v2(s->db, sql, -1, &statement, NULL);
	struct row r = {statement, 0};

	if (rc == SQLITE_OK) {
		bind(&r, of);
		rc = row_end(&r);
	}
	sqlite3_finalize(statement);
	if (rc == SQLITE_OK)
		*ret_id = sqlite3_last_insert_rowid(s->db);
	return rc == SQLITE_OK;
}

static void bind_run(struct row *r, const void *of)
{
	const struct sqlite_backend *s = of;

	row_i64_if(r, s->run.id > 0, s->run.id);
	row_bytes(r, str_of(s->version));
	row_i64(r, getpid());
	row_i64(r, s->run.started_us);
}

static bool continue_run(struct sqlite_backend *s)
{
	bool is_there = false;

	if (s->run.id == 0)
		s->run.started_us = clock_wall_us();
	if (!has_row(s, "runs", s->run.id, s->run.started_us, &is_there))
		return false;
	return is_there ||
		insert(s,
			"INSERT INTO runs (id, version, pid, started_us) VALUES"
			" (iif(EXISTS (SELECT 1 FROM runs WHERE id = ?1), NULL, ?1), ?2, ?3, ?4)",
			bind_run, s, &s->run.id);
}

struct new_session {
	const struct session *session;
	int64_t run;
	bool is_import;
	struct str log_json;
};

static void bind_session(struct row *r, const void *of)
{
	const struct new_session *n = of;

	row_i64_if(r, n->session->id > 0, n->session->id);
	row_i64(r, n->run);
	row_bytes(r, str_of(n->session->name));
	row_i64(r, n->session->started_us);
	row_i64(r, n->is_import);
	row_opt(r, n->log_json);
}

static bool insert_session(struct sqlite_backend *s, const struct new_session *n, int64_t *ret_id)
{
	return insert(s,
		"INSERT INTO sessions (id, run, name, started_us, is_import, log_json) VALUES"
		" (iif(EXISTS (SELECT 1 FROM sessions WHERE id = ?1), NULL, ?1), ?2, ?3, ?4, ?5, ?6)",
		bind_session, n, ret_id);
}

/* A session that has begun already; of an import what was beside its entries is in the file that it began in. */
static bool continue_session(struct sqlite_backend *s, struct session *session, bool is_import)
{
	struct new_session n = {.session = session, .run = s->run.id, .is_import = is_import};
	bool is_there = true;

	if (session->started_us == 0)
		return true;
	if (!has_row(s, "sessions", session->id, session->started_us, &is_there))
		return false;
	return is_there || insert_session(s, &n, &session->id);
}

bool sqlite_continue_run(struct sqlite_backend *s)
{
	struct session *session = &s->base.session;

	if (!continue_run(s))
		return false;
	if (session->started_us == 0 && !s->is_import)
		return sqlite_next_session(s, str_of(session->name), false, STR_NONE, session);
	return continue_session(s, session, false) && continue_session(s, &s->import, true);
}

/* Cut between characters; date and time where it is empty. */
static void name_session(struct session *session, struct str name)
{
	struct text t = {NULL, 0, 0};
	size_t n = 0, length;

	if (name.len == 0) {
		format_time_local(&t, session->started_us, TIME_LONG);
		name = text_str(&t);
	}
	while (n < name.len) {
		length = utf8_first(str_from(name, n));
		length = length > 0 ? length : 1;
		if (n + length >= sizeof(session->name))
			break;
		memcpy(session->name + n, name.p + n, length);
		n += length;
	}
	session->name[n] = '\0';
	text_fini(&t);
}

bool sqlite_next_session(struct sqlite_backend *s, struct str name, bool is_import, struct str log_json, struct session *ret)
{
	struct session next = {.started_us = clock_wall_us()};
	struct new_session n = {.session = &next, .run = s->run.id, .is_import = is_import, .log_json = log_json};
	char sql[SQL_BYTES];

	name_session(&next, name);
	snprintf(sql, sizeof(sql), "UPDATE sessions SET ended_us = %" PRId64 " WHERE id = %" PRId64 " AND ended_us IS NULL",
		next.started_us, is_import ? s->import.id : s->base.session.id);
	if (!exec(s, sql) || !insert_session(s, &n, &next.id))
		return false;
	*ret = next;
	return true;
}

bool sqlite_end_run(struct sqlite_backend *s)
{
	int64_t now_us = clock_wall_us();
	char sql[SQL_BYTES];

	snprintf(sql, sizeof(sql),
		"UPDATE runs SET ended_us = %" PRId64 " WHERE id = %" PRId64 ";"
		"UPDATE sessions SET ended_us = max(%" PRId64 ", started_us) WHERE run = %" PRId64 " AND ended_us IS NULL",
		now_us, s->run.id, now_us, s->run.id);
	return exec(s, sql);
}
