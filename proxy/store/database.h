/* The file of the flow database: where it is, locking and setting aside (database_file.c); opening, migrating (database.c). */
#ifndef VIADUCT_STORE_DATABASE_H
#define VIADUCT_STORE_DATABASE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

/* FOLDER/flows.db; mem_free it. */
char *database_path(const char *folder);

/* Makes a folder and those above it, mode 0700; the ones that are there are left as they are. False, with errno, if it
 * cannot. */
bool database_make_folder(const char *folder);
/* Makes the folder (0700) and the file (0600) if missing and takes the lock; the descriptor of the lock, or -1 with one line in
 * ret_why. The lock ends with the descriptor, so with the process. */
int database_lock(const char *folder, char *ret_why, size_t size);
/* The same for who holds the lock already: it is taken anew if its file was deleted, and ret_fd replaced. False with one
 * line. */
bool database_keep_lock(const char *folder, int *ret_fd, char *ret_why, size_t size);
/* True if a viaduct that runs holds the folder. */
bool database_is_in_use(const char *folder);
/* Gives the file and its log another name, "flows.db.WORD-YYYYMMDD-HHMMSS"; mem_free ret_path, which is NULL where no file was.
 * False with one line in ret_why. No handle is open. */
bool database_set_aside(const char *folder, const char *word, char **ret_path, char *ret_why, size_t size);

/* The same for the log alone, if there is anything in it, which is said. */
void database_set_log_aside(const char *folder, const char *word);

/* Opens for writing, the lock being held, and brings the schema up to date. NULL with one line in ret_why. */
sqlite3 *database_open(const char *path, bool *ret_is_damaged, char *ret_why, size_t size);
/* True if the last error says that the file holds what no database holds. */
bool database_is_damaged(sqlite3 *db);
/* Opens for reading beside a writer. NULL with one line in ret_why; ret_is_absent: no file, or nothing in it yet. */
sqlite3 *database_open_reader(const char *path, bool *ret_is_absent, char *ret_why, size_t size);

/* Runs statements without results; false with the reason in ret_why. */
bool database_exec(sqlite3 *db, const char *sql, char *ret_why, size_t size);
/* The one number that a statement gives; fallback if it gives none (no row, NULL). False on an error. */
bool database_number(sqlite3 *db, const char *sql, sqlite3_int64 fallback, sqlite3_int64 *ret);

#endif
