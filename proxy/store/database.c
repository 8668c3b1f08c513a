/* Opening the flow database. Not for its folder and its file: database_file.c; not for its content: writer.c, query.c. */
#include "store/database.h"

#include "base/log.h"
#include "store/schema.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

enum { BUSY_MS = 2000, LOOKASIDE_BYTES = 4096, LOOKASIDE_N = 64 };

bool database_exec(sqlite3 *db, const char *sql, char *ret_why, size_t size)
{
	char *message = NULL;

	if (sqlite3_exec(db, sql, NULL, NULL, &message) == SQLITE_OK)
		return true;
	snprintf(ret_why, size, "%s", message ? message : sqlite3_errmsg(db));
	sqlite3_free(message);
	return false;
}

bool database_number(sqlite3 *db, const char *sql, sqlite3_int64 fallback, sqlite3_int64 *ret)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(db, sql, -1, &s, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	if (rc == SQLITE_ROW && sqlite3_column_type(s, 0) != SQLITE_NULL)
		*ret = sqlite3_column_int64(s, 0);
	else if (rc == SQLITE_ROW || rc == SQLITE_DONE)
		*ret = fallback;
	sqlite3_finalize(s);
	return rc == SQLITE_ROW || rc == SQLITE_DONE;
}

/* Brings the schema up to date, all or nothing, so that no reader sees one that is half made. What failed is rolled back when
 * the database is closed, which leaves its error to be asked for. */
static bool migrate(sqlite3 *db, int version, char *ret_why, size_t size)
{
	char stamp[64];

	snprintf(stamp, sizeof(stamp), "PRAGMA user_version = %d", SCHEMA_VERSION);
	if (!database_exec(db, "BEGIN IMMEDIATE", ret_why, size))
		return false;
	for (; version < SCHEMA_VERSION; version++) {
		if (!database_exec(db, schema_step(version), ret_why, size))
			return false;
	}
	return database_exec(db, stamp, ret_why, size) && database_exec(db, "COMMIT", ret_why, size);
}

/* Reads whose database this is and how old; false with the reason. An empty file has version 0. */
static bool read_version(sqlite3 *db, int *ret_version, char *ret_why, size_t size)
{
	sqlite3_int64 version = 0, application = 0, objects = 0;

	if (!database_number(db, "PRAGMA user_version", 0, &version) ||
		!database_number(db, "PRAGMA application_id", 0, &application) ||
		!database_number(db, "SELECT count(*) FROM sqlite_schema", 0, &objects)) {
		snprintf(ret_why, size, "%s", sqlite3_errmsg(db));
		return false;
	}
	if (application != SCHEMA_APPLICATION_ID && (objects > 0 || version != 0 || application != 0)) {
		snprintf(ret_why, size, "not a flow database of viaduct");
		return false;
	}
	if (version > SCHEMA_VERSION) {
		snprintf(ret_why, size, "written by a newer viaduct (schema %lld; this one knows up to %d)", (long long)version,
			SCHEMA_VERSION);
		return false;
	}
	*ret_version = version < 0 ? 0 : (int)version;
	return true;
}

/* Debian's SQLite overwrites what is deleted unless it is told not to, and then old flows leave more slowly than new ones come.
 * What must be set before the first table is made, and on every opening. */
static bool configure(sqlite3 *db, bool is_new, char *ret_why, size_t size)
{
	char application[64];

	snprintf(application, sizeof(application), "PRAGMA application_id = %d", SCHEMA_APPLICATION_ID);
	/* Incremental: what flows that left took is given back to the system (sqlite_prune.c). */
	if (is_new && !database_exec(db, "PRAGMA page_size = 8192; PRAGMA auto_vacuum = INCREMENTAL", ret_why, size))
		return false;
	return database_exec(db,
		       "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -16384;"
		       "PRAGMA wal_autocheckpoint = 2000; PRAGMA journal_size_limit = 67108864;"
		       "PRAGMA secure_delete = OFF",
		       ret_why, size) &&
		(!is_new || database_exec(db, application, ret_why, size));
}

static bool prepare_database(sqlite3 *db, const char *path, char *ret_why, size_t size)
{
	int version;

	sqlite3_busy_timeout(db, BUSY_MS);
	sqlite3_extended_result_codes(db, 1);
	if (!read_version(db, &version, ret_why, size) || !configure(db, version == 0, ret_why, size))
		return false;
	if (version > 0 && version < SCHEMA_VERSION)
		log_info("%s: written by an older viaduct; it is being brought up to date", path);
	return version == SCHEMA_VERSION || migrate(db, version, ret_why, size);
}

/* Closes a database that could not be used, with the file's name before the reason. */
static sqlite3 *give_up(sqlite3 *db, const char *path, const char *why, char *ret_why, size_t size)
{
	snprintf(ret_why, size, "%s: %s", path, why);
	sqlite3_close(db);
	return NULL;
}

bool database_is_damaged(sqlite3 *db)
{
	int primary = sqlite3_errcode(db) & 0xff;

	return primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB;
}

/* Of SQLite as a whole: counts of memory, which nobody reads, would take a lock for each piece of it. The pieces of one row
 * come from a store of the database's own, large enough for most. Called with any database open, it would fail, and change
 * nothing. */
static void configure_library(void)
{
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	sqlite3_config(SQLITE_CONFIG_LOOKASIDE, LOOKASIDE_BYTES, LOOKASIDE_N);
}

static int open_file(const char *path, int flags, sqlite3 **ret)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, configure_library);
	return sqlite3_open_v2(path, ret, flags | SQLITE_OPEN_NOMUTEX, NULL);
}

sqlite3 *database_open(const char *path, bool *ret_is_damaged, char *ret_why, size_t size)
{
	sqlite3 *db = NULL;
	char why[256];

	*ret_is_damaged = false;
	if (open_file(path, SQLITE_OPEN_READWRITE, &db) != SQLITE_OK)
		return give_up(db, path, db ? sqlite3_errmsg(db) : "no memory", ret_why, size);
	if (prepare_database(db, path, why, sizeof(why)))
		return db;
	*ret_is_damaged = database_is_damaged(db);
	return give_up(db, path, why, ret_why, size);
}

sqlite3 *database_open_reader(const char *path, bool *ret_is_absent, char *ret_why, size_t size)
{
	sqlite3 *db = NULL;
	char why[256];
	int version;

	*ret_is_absent = false;
	if (access(path, F_OK) != 0 && errno == ENOENT) {
		*ret_is_absent = true;
		return give_up(NULL, path, "there is no flow database yet", ret_why, size);
	}
	if (open_file(path, SQLITE_OPEN_READONLY, &db) != SQLITE_OK)
		return give_up(db, path, db ? sqlite3_errmsg(db) : "no memory", ret_why, size);
	sqlite3_busy_timeout(db, BUSY_MS);
	if (!read_version(db, &version, why, sizeof(why)))
		return give_up(db, path, why, ret_why, size);
	if (version == 0) {
		*ret_is_absent = true;
		return give_up(db, path, "there is no flow database yet", ret_why, size);
	}
	if (version < SCHEMA_VERSION)
		return give_up(db, path, "written by an older viaduct; starting this one brings it up to date", ret_why, size);
	return db;
}
