/* The embedded backend: transactions, the numbering of changes, retention. Not for the rows: writer.c. */
#include "store/backend.h"

#include "base/clock.h"
#include "base/mem.h"
#include "store/database.h"
#include "store/writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

struct sqlite_backend {
	struct backend base;
	char *path;
	int lock_fd;
	sqlite3 *db;
	struct writer *writer;
	int64_t run;
	int64_t change;  /* the last one given out */
	int64_t ended_n; /* flows in the file that are not in flight */
	uint64_t next_id;
};

static struct sqlite_backend *self_of(struct backend *b)
{
	return (struct sqlite_backend *)(void *)b;
}

static void say_why(const struct sqlite_backend *s, char *ret_why, size_t size)
{
	snprintf(ret_why, size, "%s", sqlite3_errmsg(s->db));
}

/* Errors that lie in the record: the same one would fail again. */
static bool is_record_fault(int rc)
{
	int primary = rc & 0xff;

	return primary == SQLITE_TOOBIG || primary == SQLITE_CONSTRAINT || primary == SQLITE_MISMATCH ||
		primary == SQLITE_RANGE;
}

/* Ends a transaction that failed; SQLite has ended it itself after some errors. */
static void roll_back(struct sqlite_backend *s)
{
	if (!sqlite3_get_autocommit(s->db))
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	writer_undo(s->writer);
}

static bool write_batch(struct backend *b, struct record *const *records, size_t n, size_t *ret_lost, char *ret_why,
	size_t size)
{
	struct sqlite_backend *s = self_of(b);
	int64_t ended_n = 0;
	size_t lost = 0;

	if (!database_exec(s->db, "BEGIN IMMEDIATE", ret_why, size))
		return false;
	for (size_t i = 0; i < n; i++) {
		int rc = writer_put(s->writer, records[i], s->change + 1 + (int64_t)i);

		if (rc != SQLITE_OK && !is_record_fault(rc)) {
			say_why(s, ret_why, size);
			roll_back(s);
			return false;
		}
		lost += rc != SQLITE_OK;
		ended_n += rc == SQLITE_OK && records[i]->facts.outcome != OUTCOME_PENDING;
	}
	if (writer_end(s->writer) != SQLITE_OK) {
		say_why(s, ret_why, size);
		roll_back(s);
		return false;
	}
	if (!database_exec(s->db, "COMMIT", ret_why, size)) {
		roll_back(s);
		return false;
	}
	s->change += (int64_t)n;
	s->ended_n += ended_n;
	*ret_lost = lost;
	return true;
}

/* Deletes the ended flows before an id, and what belongs to flows that are not there any more. */
static bool delete_before(struct sqlite_backend *s, sqlite3_int64 id, sqlite3_int64 *ret_deleted, char *ret_why, size_t size)
{
	static const char *const tables[] = {"hops", "heads", "tunnels", "drops", "cookies"};
	char sql[256];

	snprintf(sql, sizeof(sql), "DELETE FROM exchanges WHERE id < %lld AND outcome <> 'pending'", (long long)id);
	if (!database_exec(s->db, sql, ret_why, size))
		return false;
	*ret_deleted = sqlite3_changes64(s->db);
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		snprintf(sql, sizeof(sql),
			"DELETE FROM %s WHERE exchange_id < %lld AND exchange_id NOT IN (SELECT id FROM exchanges WHERE id < %lld)",
			tables[i], (long long)id, (long long)id);
		if (!database_exec(s->db, sql, ret_why, size))
			return false;
	}
	return true;
}

/* The free pages are used again by what is written next, so a file that is full of flows stays as large as it is. */
static bool prune(struct backend *b, int64_t max_flows, size_t limit, bool *ret_more, char *ret_why, size_t size)
{
	struct sqlite_backend *s = self_of(b);
	int64_t excess = s->ended_n - max_flows;
	int64_t n = excess < (int64_t)limit ? excess : (int64_t)limit;
	sqlite3_int64 first_kept, deleted = 0;
	char sql[128];

	*ret_more = false;
	if (n <= 0)
		return true;
	snprintf(sql, sizeof(sql), "SELECT id FROM exchanges WHERE outcome <> 'pending' ORDER BY id LIMIT 1 OFFSET %" PRId64,
		n);
	if (!database_number(s->db, sql, 0, &first_kept)) {
		say_why(s, ret_why, size);
		return false;
	}
	if (!database_exec(s->db, "BEGIN IMMEDIATE", ret_why, size))
		return false;
	if (!delete_before(s, first_kept, &deleted, ret_why, size) || !database_exec(s->db, "COMMIT", ret_why, size)) {
		roll_back(s);
		return false;
	}
	s->ended_n -= deleted;
	*ret_more = s->ended_n > max_flows && deleted > 0;
	return true;
}

static uint64_t next_id(const struct backend *b)
{
	return ((const struct sqlite_backend *)(const void *)b)->next_id;
}

static void close_backend(struct backend *b)
{
	struct sqlite_backend *s = self_of(b);
	char sql[128], why[8];

	if (s->db && s->run > 0) {
		snprintf(sql, sizeof(sql), "UPDATE runs SET ended_us = %" PRId64 " WHERE id = %" PRId64, clock_wall_us(),
			s->run);
		(void)database_exec(s->db, sql, why, sizeof(why)); /* a run without an end says as much */
	}
	writer_free(s->writer);
	sqlite3_close(s->db);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	mem_free(s->path);
	mem_free(s);
}

static const struct backend_ops sqlite_ops = {
	.write_batch = write_batch, .prune = prune, .next_id = next_id, .close = close_backend};

/* Adds the row of this run. */
static bool begin_run(struct sqlite_backend *s, const char *version)
{
	sqlite3_stmt *insert = NULL;
	int rc = sqlite3_prepare_v2(s->db, "INSERT INTO runs (version, pid, started_us) VALUES (?, ?, ?)", -1, &insert, NULL);

	if (rc == SQLITE_OK) {
		sqlite3_bind_text(insert, 1, version ? version : "", -1, SQLITE_STATIC);
		sqlite3_bind_int64(insert, 2, getpid());
		sqlite3_bind_int64(insert, 3, clock_wall_us());
		rc = sqlite3_step(insert);
	}
	sqlite3_finalize(insert);
	s->run = sqlite3_last_insert_rowid(s->db);
	return rc == SQLITE_DONE;
}

/* Reads where the numbering goes on, ends what an earlier run left in flight, and begins this run. */
static bool take_over(struct sqlite_backend *s, const char *version)
{
	sqlite3_int64 id, change, ended;
	char sql[160], why[8];

	if (!database_number(s->db, "SELECT max(id) FROM exchanges", 0, &id) ||
		!database_number(s->db, "SELECT max(change) FROM exchanges", 0, &change))
		return false;
	s->next_id = (uint64_t)id + 1;
	s->change = change + 1;
	snprintf(sql, sizeof(sql),
		"UPDATE exchanges SET outcome = 'interrupted', change = %" PRId64 " WHERE outcome = 'pending'"
		" AND outcome <> 'delivered'", /* lets the index be used */
		s->change);
	if (!database_exec(s->db, sql, why, sizeof(why)) ||
		!database_number(s->db, "SELECT count(*) FROM exchanges", 0, &ended))
		return false;
	s->ended_n = ended;
	return begin_run(s, version);
}

struct backend *backend_sqlite(const char *folder, const char *version, char *ret_why, size_t size)
{
	struct sqlite_backend *s = mem_calloc(1, sizeof(*s));

	s->path = database_path(folder);
	s->base = (struct backend){.ops = &sqlite_ops, .name = s->path};
	s->lock_fd = database_lock(folder, ret_why, size);
	if (s->lock_fd >= 0)
		s->db = database_open(s->path, ret_why, size);
	if (!s->db) {
		close_backend(&s->base);
		return NULL;
	}
	if (take_over(s, version))
		s->writer = writer_new(s->db, s->run);
	if (!s->writer) {
		snprintf(ret_why, size, "%s: %s", s->path, sqlite3_errmsg(s->db));
		close_backend(&s->base);
		return NULL;
	}
	return &s->base;
}
