/* The folder of the flow database, its lock and its file: making them, holding them, setting a damaged file aside. Not for what
 * is in the file: database.c. */
#include "store/database.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/text.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { FOLDER_MODE = 0700, FILE_MODE = 0600 };

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

bool database_make_folder(const char *folder)
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

	if (!database_make_folder(folder)) {
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

/* False if the file of the lock was deleted or replaced: then it keeps nobody out. */
static bool holds_lock(const char *folder, int fd)
{
	char *path = path_in(folder, "flows.lock");
	struct stat there, ours;
	bool ok = fd >= 0 && stat(path, &there) == 0 && fstat(fd, &ours) == 0 && there.st_ino == ours.st_ino &&
		there.st_dev == ours.st_dev;

	mem_free(path);
	return ok;
}

bool database_keep_lock(const char *folder, int *ret_fd, char *ret_why, size_t size)
{
	int fd;

	if (holds_lock(folder, *ret_fd))
		return make_file(folder, ret_why, size);
	fd = database_lock(folder, ret_why, size);
	if (fd < 0)
		return false;
	if (*ret_fd >= 0)
		close(*ret_fd);
	*ret_fd = fd;
	return true;
}

/* A name that nothing has yet. */
static char *aside_path(const char *path, const char *word)
{
	time_t now = (time_t)(clock_wall_us() / 1000000);
	struct text t = {NULL, 0, 0};
	char stamp[32] = "";
	struct tm tm;

	if (localtime_r(&now, &tm) != NULL)
		strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", &tm);
	for (int n = 1;; n++) {
		text_clear(&t);
		text_printf(&t, "%s.%s-%s", path, word, stamp);
		if (n > 1)
			text_printf(&t, ".%d", n);
		text_byte(&t, '\0');
		if (access(t.p, F_OK) != 0)
			return t.p;
	}
}

/* What lies beside the database goes where it goes: without its log the last flows would be missing. */
static void move_beside(const char *from, const char *to, const char *suffix)
{
	struct text old = {NULL, 0, 0}, new = {NULL, 0, 0};

	text_printf(&old, "%s%s", from, suffix);
	text_byte(&old, '\0');
	text_printf(&new, "%s%s", to, suffix);
	text_byte(&new, '\0');
	if (rename(old.p, new.p) != 0 && errno != ENOENT)
		log_warn("%s: cannot be set aside: %s", old.p, strerror(errno));
	text_fini(&old);
	text_fini(&new);
}

bool database_set_aside(const char *folder, const char *word, char **ret_path, char *ret_why, size_t size)
{
	char *path = database_path(folder), *aside = aside_path(path, word);
	bool is_moved = rename(path, aside) == 0, ok = is_moved || errno == ENOENT;

	if (!ok)
		snprintf(ret_why, size, "%s: cannot be set aside: %s", path, strerror(errno));
	if (is_moved) {
		move_beside(path, aside, "-wal");
		move_beside(path, aside, "-shm");
	} else {
		mem_free(aside);
		aside = NULL;
	}
	if (ok)
		*ret_path = aside;
	mem_free(path);
	return ok;
}

void database_set_log_aside(const char *folder, const char *word)
{
	char *log = path_in(folder, "flows.db-wal"), *aside;
	struct stat st;

	if (stat(log, &st) == 0 && st.st_size > 0) {
		aside = aside_path(log, word);
		if (rename(log, aside) == 0)
			log_warn("%s: the log of the flow database that was moved is now %s", folder, aside);
		else
			log_warn("%s: cannot be set aside: %s", log, strerror(errno));
		mem_free(aside);
	}
	mem_free(log);
}
