/* What the files of the embedded backend share. Not for those who use it: backend.h. */
#ifndef VIADUCT_STORE_SQLITE_PART_H
#define VIADUCT_STORE_SQLITE_PART_H

#include "store/backend.h"
#include "store/writer.h"

#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/types.h>

/* How long a lock of another process is waited for: long enough that a short one is no failure; and short while it is one,
 * since meanwhile nobody takes what the workers record. */
enum { SQLITE_BUSY_MS = 2000, SQLITE_BUSY_AGAIN_MS = 250 };

/* This run of viaduct, in the table runs. */
struct sqlite_run {
	int64_t id; /* 0: not begun yet */
	int64_t started_us;
};

struct sqlite_backend {
	struct backend base;
	char *folder, *path, *version;
	int lock_fd;
	/* NULL where it could not be opened again yet. */
	sqlite3 *db;
	struct writer *writer; /* as long as the backend, for what is in flight; open while db is; NULL: never was */
	struct sqlite_pruner *pruner;
	ino_t log_inode, index_inode; /* of the files beside it: FILE-wal, FILE-shm */
	/* sqlite_log.c: how long the file was when it was looked at last, and how short it may have become since. */
	uint64_t seen_bytes, low_bytes;
	int64_t log_due_us; /* when to try next to shorten the log */
	bool log_is_said;
	bool is_cut; /* what was written was found to be not there any more */
	/* These stay when the file is another one. */
	struct sqlite_run run;
	struct session import; /* the last one that was begun for a file; its flows may still come */
	bool is_import;        /* only such sessions */
	bool has_numbers;      /* the three below were read from a file */
	int64_t change;        /* the last one given out */
	int64_t ended_n;       /* flows in the file that are not in flight */
	uint64_t last_id;      /* the largest that was ever stored */
	bool is_foreign;       /* the file that is there is another proxy's */
	char *remark;          /* of a file that was set aside, until there is a new one and it is said; owned */
};

/* sqlite_open.c: opens the file that is at the path, reads where its numbering goes on, and goes on with the present run and
 * session in it.
 * At the start: a damaged file is set aside, which is said in the log; one that cannot be written at the moment is left
 * for renew. False with one line in ret_why. */
bool sqlite_open_first(struct sqlite_backend *s, char *ret_why, size_t size);
void sqlite_close(struct sqlite_backend *s);
/* See backend.h. */
enum backend_place sqlite_look(struct backend *b);
bool sqlite_renew(struct backend *b, bool is_damaged, char *ret_why, size_t size);

/* After a transaction. */
void sqlite_measure(struct sqlite_backend *s);

/* sqlite_log.c. Of the file, or of what stands beside it (-wal, -shm); false if there is none. */
bool sqlite_stat(const struct sqlite_backend *s, const char *suffix, struct stat *ret);
/* True if what was written to the log is not there any more; costs two system calls. Before a transaction, for the next
 * checkpoint would copy what is not there into the file. */
bool sqlite_log_is_cut(struct sqlite_backend *s);
/* The same for both files, once a second. */
bool sqlite_is_damaged(struct sqlite_backend *s);
/* After a transaction: makes the log short again where it is long, waiting a little for readers, and says if it cannot be. */
void sqlite_bound_log(struct sqlite_backend *s);

/* What the last error of the file means. */
enum backend_fault sqlite_fault(const struct sqlite_backend *s);

/* sqlite_sessions.c. Each is part of a transaction; false on an error (sqlite3_errmsg). */
/* Ends the sessions that an earlier run left open, and forgets those whose flows have all left. */
bool sqlite_settle_sessions(struct sqlite_backend *s);
/* Makes sure that this run and its sessions are in the file. */
bool sqlite_continue_run(struct sqlite_backend *s);
/* Ends the present session, or the last import, and begins the next; ret is untouched on an error. */
bool sqlite_next_session(struct sqlite_backend *s, struct str name, bool is_import, struct str log_json, struct session *ret);
/* Ends the run with its sessions. */
bool sqlite_end_run(struct sqlite_backend *s);

#endif
