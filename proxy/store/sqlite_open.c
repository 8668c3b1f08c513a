/* The file of the embedded backend while it lives: opening, going on in another one when it was deleted, replaced or damaged.
 * Not for what is written to it: sqlite.c. */
#include "base/log.h"
#include "base/mem.h"
#include "store/database.h"
#include "store/sqlite_part.h"
#include "store/sqlite_prune.h"
#include "store/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { SQL_BYTES = 256, WHY_BYTES = 512, CHECKPOINT_MS = 500 };

enum backend_fault sqlite_fault(const struct sqlite_backend *s)
{
	return s->db && database_is_damaged(s->db) ? FAULT_DAMAGED : FAULT_LATER;
}

/* 0 if there is none. */
static ino_t inode_beside(const struct sqlite_backend *s, const char *suffix)
{
	struct stat st;

	return sqlite_stat(s, suffix, &st) ? st.st_ino : 0;
}

/* Where the numbering goes on. A file that was put in place of ours and has flows that we never gave a number to is not ours to
 * write: new flows would take the place of its own. */
static enum backend_fault read_numbers(struct sqlite_backend *s, char *ret_why, size_t size)
{
	sqlite3_int64 id, change;

	if (!database_number(s->db, "SELECT max(id) FROM exchanges", 0, &id) ||
		!database_number(s->db, "SELECT max(change) FROM exchanges", 0, &change)) {
		snprintf(ret_why, size, "%s", sqlite3_errmsg(s->db));
		return sqlite_fault(s);
	}
	if (s->has_numbers && (uint64_t)id > s->last_id) {
		s->is_foreign = true;
		snprintf(ret_why, size, "it holds flows that did not come through this proxy");
		return FAULT_DAMAGED;
	}
	if (!s->has_numbers)
		s->last_id = (uint64_t)id;
	s->change = change > s->change ? change : s->change;
	s->has_numbers = true;
	return FAULT_NONE;
}

/* What other runs left in flight has ended; the second condition lets the index be used. */
static bool interrupt_flows(struct sqlite_backend *s, char *ret_why, size_t size)
{
	char sql[SQL_BYTES];

	snprintf(sql, sizeof(sql),
		"UPDATE exchanges SET outcome = 'interrupted', change = %" PRId64 " WHERE outcome = 'pending'"
		" AND outcome <> 'delivered' AND run <> %" PRId64,
		++s->change, s->run.id);
	return database_exec(s->db, sql, ret_why, size);
}

static bool begin_here(struct sqlite_backend *s, char *ret_why, size_t size)
{
	bool ok = database_exec(s->db, "BEGIN IMMEDIATE", ret_why, size) && interrupt_flows(s, ret_why, size);

	if (!ok)
		return false;
	if (!sqlite_settle_sessions(s) || !sqlite_continue_run(s)) {
		snprintf(ret_why, size, "%s", sqlite3_errmsg(s->db));
		return false;
	}
	return database_exec(s->db, "COMMIT", ret_why, size);
}

/* What is derived from the file, for this handle. */
static bool open_writer(struct sqlite_backend *s, char *ret_why, size_t size)
{
	sqlite3_int64 ended;
	struct stat st;

	if (!s->writer)
		s->writer = writer_new();
	if (!s->writer) {
		snprintf(ret_why, size, "there is no SHA-256");
		return false;
	}
	if (!database_number(s->db,
		    "SELECT (SELECT count(*) FROM exchanges)"
		    " - (SELECT count(*) FROM exchanges WHERE outcome = 'pending' AND outcome <> 'delivered')",
		    0, &ended) ||
		!writer_open(s->writer, s->db, s->run.id)) {
		snprintf(ret_why, size, "%s", sqlite3_errmsg(s->db));
		return false;
	}
	s->pruner = sqlite_pruner_new(s->db);
	s->ended_n = ended;
	s->base.bodies_lost = writer_bodies_lost(s->writer);
	if (s->base.session.id > 0)
		writer_set_session(s->writer, s->base.session.id);
	s->log_inode = inode_beside(s, "-wal");
	s->index_inode = inode_beside(s, "-shm");
	s->low_bytes = UINT64_MAX;
	sqlite_measure(s);
	s->seen_bytes = sqlite_stat(s, "", &st) ? (uint64_t)st.st_size : 0;
	return true;
}

static enum backend_fault take_over(struct sqlite_backend *s, char *ret_why, size_t size)
{
	enum backend_fault fault = read_numbers(s, ret_why, size);

	if (fault != FAULT_NONE)
		return fault;
	return begin_here(s, ret_why, size) && open_writer(s, ret_why, size) ? FAULT_NONE : sqlite_fault(s);
}

void sqlite_close(struct sqlite_backend *s)
{
	if (s->writer)
		writer_close(s->writer);
	sqlite_pruner_free(s->pruner);
	s->pruner = NULL;
	sqlite3_close(s->db);
	s->db = NULL;
}

static enum backend_fault open_file(struct sqlite_backend *s, char *ret_why, size_t size)
{
	enum backend_fault fault;
	bool is_damaged = false;
	char why[WHY_BYTES] = "";

	s->is_foreign = false;
	if (!database_keep_lock(s->folder, &s->lock_fd, ret_why, size))
		return FAULT_LATER;
	s->db = database_open(s->path, &is_damaged, ret_why, size);
	if (!s->db)
		return is_damaged ? FAULT_DAMAGED : FAULT_LATER;
	fault = take_over(s, why, sizeof(why));
	if (fault == FAULT_NONE)
		return FAULT_NONE;
	snprintf(ret_why, size, "%s: %s", s->path, why);
	sqlite_close(s);
	return fault;
}

static void remark(struct sqlite_backend *s, const char *aside)
{
	struct text t = {NULL, 0, 0};

	if (s->is_foreign)
		text_printf(&t, "another flow database had been put there; it is now %s, and a new one is begun", aside);
	else
		text_printf(&t,
			"%s; it is now %s, and a new one is begun; what it holds can be saved with:"
			" sqlite3 '%s' .recover (or .dump, where the shell has no .recover)",
			s->is_cut ? "a part of what was there is gone, and the flows in it are lost"
				  : "what was there is damaged",
			aside, aside);
	s->is_cut = false;
	text_byte(&t, '\0');
	mem_free(s->remark);
	s->remark = t.p;
}

static bool set_aside(struct sqlite_backend *s, char *ret_why, size_t size)
{
	char *aside = NULL;

	if (!database_set_aside(s->folder, s->is_foreign ? "foreign" : "damaged", &aside, ret_why, size))
		return false;
	if (aside)
		remark(s, aside);
	mem_free(aside);
	return true;
}

/* Opens what is there, or something new in its place if that cannot be used. */
static enum backend_fault open_some(struct sqlite_backend *s, char *ret_why, size_t size)
{
	enum backend_fault fault = open_file(s, ret_why, size);

	if (fault != FAULT_DAMAGED)
		return fault;
	return set_aside(s, ret_why, size) ? open_file(s, ret_why, size) : FAULT_LATER;
}

bool sqlite_open_first(struct sqlite_backend *s, char *ret_why, size_t size)
{
	char why[WHY_BYTES] = "";
	enum backend_fault fault = open_some(s, why, sizeof(why));
	bool is_later = fault == FAULT_LATER && s->has_numbers;

	if (s->remark)
		log_error("%s: %s", s->path, s->remark);
	mem_free(s->remark);
	s->remark = NULL;
	if (is_later)
		log_error("%s; flows are held back until it can be written", why);
	else if (fault != FAULT_NONE)
		snprintf(ret_why, size, "%s", why);
	return fault == FAULT_NONE || is_later;
}

static bool file_is_moved(struct sqlite_backend *s)
{
	int is_moved = 0;

	sqlite3_file_control(s->db, "main", SQLITE_FCNTL_HAS_MOVED, &is_moved);
	return is_moved;
}

/* Who comes next would make these anew, and not see what we write, nor we what they do. */
static bool log_is_moved(struct sqlite_backend *s)
{
	return inode_beside(s, "-wal") != s->log_inode || inode_beside(s, "-shm") != s->index_inode;
}

enum backend_place sqlite_look(struct backend *b)
{
	struct sqlite_backend *s = (struct sqlite_backend *)(void *)b;

	if (!s->db || file_is_moved(s) || log_is_moved(s))
		return PLACE_MOVED;
	return sqlite_is_damaged(s) ? PLACE_DAMAGED : PLACE_SAME;
}

/* What is still in the log goes into the file that it belongs to, wherever that is now, since SQLite does not do so when it
 * closes a file that was moved. Where that failed, the log must not be found beside the next file: it would be played into
 * it. */
static void close_moved(struct sqlite_backend *s)
{
	bool is_moved = file_is_moved(s);

	sqlite3_busy_timeout(s->db, CHECKPOINT_MS);
	sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	sqlite_close(s);
	if (is_moved && inode_beside(s, "-wal") == s->log_inode)
		database_set_log_aside(s->folder, "moved");
}

/* What is damaged stays as it is, for whoever wants to save what is in it. */
static void close_damaged(struct sqlite_backend *s)
{
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite_close(s);
}

/* Without the file's name, which the caller knows. */
static void put_reason(const struct sqlite_backend *s, const char *why, char *ret_why, size_t size)
{
	size_t n = strlen(s->path);
	bool has_name = strncmp(why, s->path, n) == 0 && strncmp(why + n, ": ", 2) == 0;

	snprintf(ret_why, size, "%s", has_name ? why + n + 2 : why);
}

bool sqlite_renew(struct backend *b, bool is_damaged, char *ret_why, size_t size)
{
	struct sqlite_backend *s = (struct sqlite_backend *)(void *)b;
	bool is_moved = s->db && file_is_moved(s), has_new_log = s->db && log_is_moved(s);
	char why[WHY_BYTES] = "";

	/* Damage that was seen in a file that is gone says nothing about the one that is there. */
	is_damaged = is_damaged && !is_moved && !has_new_log && !s->remark;
	if (s->db && is_damaged)
		close_damaged(s);
	else if (s->db)
		close_moved(s);
	s->is_foreign = false;
	if (!database_keep_lock(s->folder, &s->lock_fd, why, sizeof(why)) || (is_damaged && !set_aside(s, why, sizeof(why))) ||
		open_some(s, why, sizeof(why)) != FAULT_NONE) {
		put_reason(s, why, ret_why, size);
		return false;
	}
	snprintf(ret_why, size, "%s",
		s->remark             ? s->remark
			: is_moved    ? "it had been deleted or replaced, and is opened anew"
			: has_new_log ? "its log (-wal, -shm) had been deleted or replaced, and it is opened anew"
				      : "");
	mem_free(s->remark);
	s->remark = NULL;
	return true;
}
