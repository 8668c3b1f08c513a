/* The file of the flow database. Not for its content: writer.c, query.c. */
#include "store/database.h"

#include "base/log.h"
#include "base/mem.h"
#include "store/schema.h"
#include "store/text.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FOLDER_MODE = 0700, FILE_MODE = 0600, BUSY_MS = 2000 };

static char *path_in(const char *folder, const char *name)
{
	struct text t = {NULL, 0, 0};

	text_printf(&t, "%s/%s", folder, name);
	text_byte(&t, '\0');
	return t.p;
}

char *database_path(const char *folder)
{
	return path_in(folder, "flows.db");
}

/* Makes a folder and those above it; the ones that are there are left as they are. */
static bool make_folder(const char *folder)
{
	char *path = mem_strdup(folder);
	bool ok = true;

	for (char *p = path + 1; ok && *path != '\0'; p++) {
		char c = *p;

		if (c != '/' && c != '\0')
			continue;
		*p = '\0';
		ok = mkdir(path, FOLDER_MODE) == 0 || errno == EEXIST;
		*p = c;
		if (c == '\0')
			break;
	}
	mem_free(path);
	return ok;
}

/* Writes who holds the lock, for the message of the next one. */
static void write_pid(int fd)
{
	char pid[32];
	int n = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());

	if (ftruncate(fd, 0) != 0 || pwrite(fd, pid, (size_t)n, 0) != n)
		log_debug("the lock file could not be written: %s", strerror(errno));
}

/* The pid in the lock file; false if it holds none. */
static bool read_pid(int fd, uint64_t *ret)
{
	char pid[32];
	ssize_t n = pread(fd, pid, sizeof(pid), 0);

	return str_to_u64(str_trim((struct str){pid, n > 0 ? str_find((struct str){pid, (size_t)n}, '\n') : 0}), INT32_MAX,
		ret);
}

/* To try the lock would be in the way of a viaduct that is just starting, so the pid has to do; a stale one that another
 * process has got since costs a moment's wait. */
bool database_is_in_use(const char *folder)
{
	char *path = path_in(folder, "flows.lock");
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	uint64_t pid = 0;
	bool is_there = fd >= 0 && read_pid(fd, &pid) && pid > 0 && (kill((pid_t)pid, 0) == 0 || errno == EPERM);

	if (fd >= 0)
		close(fd);
	mem_free(path);
	return is_there;
}

/* Says who holds the lock. */
static void explain_lock(int fd, const char *folder, char *ret_why, size_t size)
{
	uint64_t number;

	if (read_pid(fd, &number))
		snprintf(ret_why, size, "%s: in use by another viaduct (pid %u)", folder, (unsigned)number);
	else
		snprintf(ret_why, size, "%s: in use by another viaduct", folder);
}

static int lock_file(const char *folder, char *ret_why, size_t size)
{
	char *path = path_in(folder, "flows.lock");
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);

	if (fd < 0) {
		snprintf(ret_why, size, "%s: %s", path, strerror(errno));
	} else if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		write_pid(fd);
	} else {
		if (errno == EWOULDBLOCK)
			explain_lock(fd, folder, ret_why, size);
		else
			snprintf(ret_why, size, "%s: cannot be locked: %s", path, strerror(errno));
		close(fd);
		fd = -1;
	}
	mem_free(path);
	return fd;
}

/* Makes the file before SQLite does, with our mode; SQLite gives its -wal and -shm files the mode of the database. */
static bool make_file(const char *folder, char *ret_why, size_t size)
{
	char *path = database_path(folder);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
	bool ok = fd >= 0 && fchmod(fd, FILE_MODE) == 0;

	if (!ok)
		snprintf(ret_why, size, "%s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	mem_free(path);
	return ok;
}

int database_lock(const char *folder, char *ret_why, size_t size)
{
	int fd;

	if (!make_folder(folder)) {
		snprintf(ret_why, size, "%s: the folder cannot be made: %s", folder, strerror(errno));
		return -1;
	}
	fd = lock_file(folder, ret_why, size);
	if (fd >= 0 && !make_file(folder, ret_why, size)) {
		close(fd);
		return -1;
	}
	return fd;
}

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

/* Brings the schema one version further, all or nothing. */
static bool migrate_step(sqlite3 *db, int version, char *ret_why, size_t size)
{
	char stamp[64];

	snprintf(stamp, sizeof(stamp), "PRAGMA user_version = %d", version + 1);
	if (database_exec(db, "BEGIN IMMEDIATE", ret_why, size) && database_exec(db, schema_step(version), ret_why, size) &&
		database_exec(db, stamp, ret_why, size) && database_exec(db, "COMMIT", ret_why, size))
		return true;
	sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return false;
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

/* What must be set before the first table is made, and on every opening. */
static bool configure(sqlite3 *db, bool is_new, char *ret_why, size_t size)
{
	char application[64];

	snprintf(application, sizeof(application), "PRAGMA application_id = %d", SCHEMA_APPLICATION_ID);
	if (is_new && (!database_exec(db, "PRAGMA page_size = 8192", ret_why, size)))
		return false;
	return database_exec(db,
		       "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -16384;"
		       "PRAGMA wal_autocheckpoint = 2000; PRAGMA journal_size_limit = 67108864",
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
	for (; version < SCHEMA_VERSION; version++) {
		if (!migrate_step(db, version, ret_why, size))
			return false;
	}
	return true;
}

/* Closes a database that could not be used, with the file's name before the reason. */
static sqlite3 *give_up(sqlite3 *db, const char *path, const char *why, char *ret_why, size_t size)
{
	snprintf(ret_why, size, "%s: %s", path, why);
	sqlite3_close(db);
	return NULL;
}

sqlite3 *database_open(const char *path, char *ret_why, size_t size)
{
	sqlite3 *db = NULL;
	char why[256];

	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		return give_up(db, path, db ? sqlite3_errmsg(db) : "no memory", ret_why, size);
	if (!prepare_database(db, path, why, sizeof(why)))
		return give_up(db, path, why, ret_why, size);
	return db;
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
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
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
