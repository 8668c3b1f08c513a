/* The embedded backend: transactions, the numbering of changes. Not for the rows: writer.c; not for the file: sqlite_open.c;
 * not for what leaves: sqlite_prune.c. */
#include "store/backend.h"

#include "base/mem.h"
#include "store/database.h"
#include "store/sqlite_part.h"
#include "store/sqlite_prune.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SPARE = 16, SPARE_BYTES = 1024 * 1024 };

static struct sqlite_backend *self_of(struct backend *b)
{
	return (struct sqlite_backend *)(void *)b;
}

/* Ends a transaction that failed, after saying why; SQLite has ended it itself after some errors. */
static enum backend_fault roll_back(struct sqlite_backend *s, char *ret_why, size_t size)
{
	enum backend_fault fault = sqlite_fault(s);

	snprintf(ret_why, size, "%s", sqlite3_errmsg(s->db));
	if (!sqlite3_get_autocommit(s->db))
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	writer_undo(s->writer);
	sqlite3_busy_timeout(s->db, SQLITE_BUSY_AGAIN_MS);
	return fault;
}

static bool exec(struct sqlite_backend *s, const char *sql)
{
	char why[8];

	return database_exec(s->db, sql, why, sizeof(why));
}

/* False on an error that is not one record's own. */
static bool put_all(struct sqlite_backend *s, struct record *const *records, size_t n, const struct redactor *redactor,
	struct writer_sum *ret)
{
	for (size_t i = 0; i < n; i++) {
		if (writer_put(s->writer, records[i], s->change + 1 + (int64_t)i, redactor) != SQLITE_OK)
			return false;
	}
	return writer_end(s->writer, ret) == SQLITE_OK;
}

static enum backend_fault not_open(char *ret_why, size_t size)
{
	snprintf(ret_why, size, "it is not open");
	return FAULT_LATER;
}

static enum backend_fault write_batch(struct backend *b, struct record *const *records, size_t n,
	const struct redactor *redactor, size_t *ret_lost, char *ret_why, size_t size)
{
	struct sqlite_backend *s = self_of(b);
	struct writer_sum sum;

	if (!s->db)
		return not_open(ret_why, size);
	if (sqlite_log_is_cut(s)) {
		snprintf(ret_why, size, "its log was cut short");
		return FAULT_DAMAGED;
	}
	if (!exec(s, "BEGIN IMMEDIATE") || !put_all(s, records, n, redactor, &sum) || !exec(s, "COMMIT"))
		return roll_back(s, ret_why, size);
	writer_commit(s->writer);
	s->change += (int64_t)n;
	s->ended_n += sum.ended;
	if (sum.last_id > s->last_id)
		s->last_id = sum.last_id;
	*ret_lost = sum.lost;
	sqlite3_busy_timeout(s->db, SQLITE_BUSY_MS);
	sqlite_measure(s);
	sqlite_bound_log(s);
	return FAULT_NONE;
}

/* The file gets shorter when the log is written into it, which without traffic nobody does. Only where that is worth it, since
 * while flows come, the room is used again soon; or where the file itself is beyond its limit. */
static void shrink(struct sqlite_backend *s, const struct backend_limits *limits)
{
	uint64_t bytes = s->base.file_bytes, most = bytes + bytes / SPARE + SPARE_BYTES;
	uint64_t limit = limits->max_bytes > 0 ? (uint64_t)limits->max_bytes : UINT64_MAX;
	struct stat st;

	if (bytes <= limit && limit < most)
		most = limit;
	if (stat(s->path, &st) == 0 && (uint64_t)st.st_size > most)
		sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

static enum backend_fault prune(struct backend *b, const struct backend_limits *limits, size_t limit, bool *ret_more,
	char *ret_why, size_t size)
{
	struct sqlite_backend *s = self_of(b);
	struct sqlite_prune_needs needs = {.limits = limits, .limit = limit, .ended_n = s->ended_n};
	struct sqlite_prune_end end = {0, 0, false};

	if (!s->db)
		return not_open(ret_why, size);
	if (sqlite_prune(s->pruner, &needs, &end) != SQLITE_OK) {
		snprintf(ret_why, size, "%s", sqlite3_errmsg(s->db));
		return sqlite_fault(s);
	}
	s->ended_n -= end.deleted;
	b->pruned += (uint64_t)end.deleted;
	if (end.first_kept > 0)
		writer_pruned(s->writer, end.first_kept);
	*ret_more = end.has_more;
	sqlite_measure(s);
	sqlite_bound_log(s);
	if (!end.has_more)
		shrink(s, limits);
	return FAULT_NONE;
}

static enum backend_fault begin_session(struct backend *b, struct str name, bool is_import, struct str log_json,
	int64_t *ret_id, char *ret_why, size_t size)
{
	struct sqlite_backend *s = self_of(b);
	struct session next;

	if (!s->db)
		return not_open(ret_why, size);
	if (!exec(s, "BEGIN IMMEDIATE") || !sqlite_next_session(s, name, is_import, log_json, &next) || !exec(s, "COMMIT"))
		return roll_back(s, ret_why, size);
	if (is_import) {
		s->import = next;
	} else {
		b->session = next;
		writer_set_session(s->writer, next.id);
	}
	*ret_id = next.id;
	return FAULT_NONE;
}

static uint64_t next_id(const struct backend *b)
{
	return ((const struct sqlite_backend *)(const void *)b)->last_id + 1;
}

void sqlite_measure(struct sqlite_backend *s)
{
	sqlite3_int64 bytes;

	if (database_number(s->db, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size", 0, &bytes))
		s->base.file_bytes = (uint64_t)bytes;
	if (s->base.file_bytes < s->low_bytes)
		s->low_bytes = s->base.file_bytes;
}

static void close_backend(struct backend *b)
{
	struct sqlite_backend *s = self_of(b);

	if (s->db)
		(void)sqlite_end_run(s); /* a run without an end says as much */
	sqlite_close(s);
	writer_free(s->writer);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	mem_free(s->remark);
	mem_free(s->folder);
	mem_free(s->path);
	mem_free(s->version);
	mem_free(s);
}

static const struct backend_ops sqlite_ops = {
	.write_batch = write_batch,
	.prune = prune,
	.begin_session = begin_session,
	.look = sqlite_look,
	.renew = sqlite_renew,
	.next_id = next_id,
	.close = close_backend,
};

struct backend *backend_sqlite(const struct backend_needs *needs, char *ret_why, size_t size)
{
	struct sqlite_backend *s = mem_calloc(1, sizeof(*s));

	s->folder = mem_strdup(needs->folder);
	s->path = database_path(needs->folder);
	s->version = mem_strdup(needs->version ? needs->version : "");
	s->is_import = needs->is_import;
	s->base = (struct backend){.ops = &sqlite_ops, .name = s->path};
	snprintf(s->base.session.name, sizeof(s->base.session.name), "%s", needs->session ? needs->session : "");
	s->lock_fd = database_lock(needs->folder, ret_why, size);
	if (s->lock_fd >= 0 && sqlite_open_first(s, ret_why, size))
		return &s->base;
	close_backend(&s->base);
	return NULL;
}
