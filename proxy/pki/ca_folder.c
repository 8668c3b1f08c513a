/* The folder with what viaduct makes of a CA. Not for: what the files mean (ca_files.c). */
#include "pki/ca_folder.h"

#include "base/mem.h"
#include "pki/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

enum {
	FOLDER_MODE = 0700,
	SECRET_MODE = 0600,
	OTHERS = 077,              /* what nobody but the owner may do with a secret */
	FILE_BYTES_MAX = 16 << 20, /* of roots of a system there are a few hundred kilobytes */
	TEMPORARY_NAME_BYTES = 128
};

static const char LOCK_NAME[] = ".lock";

/* "FOLDER/NAME: WHAT: what the system says". False. */
static bool refuse(const struct ca_folder *f, const char *name, const char *what, char *ret_why, size_t size)
{
	return fault(ret_why, size, "%s/%s: %s: %s", f->path, name, what, strerror(errno));
}

/* Whose it is, and what others may do. */
static bool is_private(const char *path, const struct stat *st, mode_t right_mode, char *ret_why, size_t size)
{
	if (st->st_uid != geteuid())
		return fault(ret_why, size, "%s: belongs to the user %u, not to the one who runs this (%u)", path,
			(unsigned)st->st_uid, (unsigned)geteuid());
	if ((st->st_mode & OTHERS) != 0)
		return fault(ret_why, size, "%s: others than its owner have access to it (mode %04o): chmod %o %s", path,
			(unsigned)(st->st_mode & 07777), (unsigned)right_mode, path);
	return true;
}

bool ca_folder_open(struct ca_folder *f, const char *path, char *ret_why, size_t size)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
		return fault(ret_why, size, "%s: is a symbolic link", path);
	if (fd < 0)
		return fault(ret_why, size, "%s: %s", path, strerror(errno));
	if (fstat(fd, &st) != 0 || !is_private(path, &st, FOLDER_MODE, ret_why, size)) {
		close(fd);
		return false;
	}
	*f = (struct ca_folder){.path = path, .fd = fd, .lock_fd = -1};
	return true;
}

/* Makes all folders of a path that are not there. False with errno. */
static bool make_folders(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		bool ok;

		*slash = '\0';
		ok = mkdir(path, FOLDER_MODE) == 0 || errno == EEXIST;
		*slash = '/';
		if (!ok)
			return false;
	}
	return mkdir(path, FOLDER_MODE) == 0 || errno == EEXIST;
}

bool ca_folder_make(struct ca_folder *f, const char *path, char *ret_why, size_t size)
{
	char *copy;
	bool ok;

	if (path[0] == '\0')
		return fault(ret_why, size, "there is no folder for the CA");
	copy = mem_strdup(path);
	ok = make_folders(copy);
	mem_free(copy);
	if (!ok)
		return fault(ret_why, size, "%s: cannot be made: %s", path, strerror(errno));
	return ca_folder_open(f, path, ret_why, size);
}

bool ca_folder_lock(struct ca_folder *f, char *ret_why, size_t size)
{
	int fd = openat(f->fd, LOCK_NAME, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, SECRET_MODE);
	int result;

	if (fd < 0)
		return refuse(f, LOCK_NAME, "cannot be written", ret_why, size);
	do {
		result = flock(fd, LOCK_EX);
	} while (result != 0 && errno == EINTR);
	if (result != 0) {
		refuse(f, LOCK_NAME, "cannot be locked", ret_why, size);
		close(fd);
		return false;
	}
	f->lock_fd = fd;
	return true;
}

void ca_folder_close(struct ca_folder *f)
{
	if (f->lock_fd >= 0)
		close(f->lock_fd);
	close(f->fd);
}

bool ca_folder_has(const struct ca_folder *f, const char *name)
{
	struct stat st;

	return fstatat(f->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* All bytes of a file of that length; one that grows meanwhile is cut. False with errno. */
static bool read_all(int fd, size_t n, struct ca_file *ret)
{
	struct ca_file file = {.bytes = mem_alloc(n)};

	while (file.n < n) {
		ssize_t got = read(fd, file.bytes + file.n, n - file.n);

		if (got == 0)
			break;
		if (got > 0)
			file.n += (size_t)got;
		else if (errno != EINTR) {
			int error = errno;

			ca_file_free(&file);
			errno = error;
			return false;
		}
	}
	*ret = file;
	return true;
}

/* Reads what is open, and closes it. path is for messages. */
static bool read_open(int fd, const char *path, bool is_secret, struct ca_file *ret, mode_t *ret_mode, char *ret_why,
	size_t size)
{
	struct stat st;
	bool ok;

	if (fstat(fd, &st) != 0)
		ok = fault(ret_why, size, "%s: %s", path, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		ok = fault(ret_why, size, "%s: is no regular file", path);
	else if (st.st_size > FILE_BYTES_MAX)
		ok = fault(ret_why, size, "%s: is longer than %d bytes", path, FILE_BYTES_MAX);
	else if (is_secret && !is_private(path, &st, SECRET_MODE, ret_why, size))
		ok = false;
	else if (!read_all(fd, (size_t)st.st_size, ret))
		ok = fault(ret_why, size, "%s: cannot be read: %s", path, strerror(errno));
	else
		ok = true;
	close(fd);
	if (ok && ret_mode != NULL)
		*ret_mode = st.st_mode;
	return ok;
}

bool ca_folder_read(const struct ca_folder *f, const char *name, bool is_secret, struct ca_file *ret, char *ret_why,
	size_t size)
{
	/* Not blocking, in case somebody has put a FIFO there. */
	int fd = openat(f->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char *path;
	bool ok;

	if (fd < 0 && errno == ELOOP)
		return fault(ret_why, size, "%s/%s: is a symbolic link", f->path, name);
	if (fd < 0)
		return refuse(f, name, "cannot be read", ret_why, size);
	path = ca_path_join(f->path, name);
	ok = read_open(fd, path, is_secret, ret, NULL, ret_why, size);
	mem_free(path);
	return ok;
}

bool ca_file_read(const char *path, struct ca_file *ret, mode_t *ret_mode, char *ret_why, size_t size)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return fault(ret_why, size, "%s: cannot be read: %s", path, strerror(errno));
	return read_open(fd, path, false, ret, ret_mode, ret_why, size);
}

void ca_file_free(struct ca_file *file)
{
	if (file->bytes == NULL)
		return;
	OPENSSL_cleanse(file->bytes, file->n);
	mem_free(file->bytes);
	*file = (struct ca_file){.bytes = NULL};
}

struct str ca_file_str(const struct ca_file *file)
{
	return (struct str){file->bytes, file->n};
}

/* All bytes onto the disk. False with errno. */
static bool write_all(int fd, struct str bytes, mode_t mode)
{
	while (bytes.len != 0) {
		ssize_t n = write(fd, bytes.p, bytes.len);

		if (n > 0)
			bytes = str_from(bytes, (size_t)n);
		else if (n == 0 || errno != EINTR)
			return false;
	}
	return fchmod(fd, mode) == 0 && fsync(fd) == 0;
}

/* The same, and closes. */
static bool write_and_close(int fd, struct str bytes, mode_t mode)
{
	int error = write_all(fd, bytes, mode) ? 0 : errno;

	if (close(fd) != 0 && error == 0)
		error = errno;
	errno = error;
	return error == 0;
}

/* Under a name that only the holder of the lock uses: what a killed program has left of it goes. */
static bool write_beside(const struct ca_folder *f, const char *name, mode_t mode, struct str bytes)
{
	int fd;

	if (unlinkat(f->fd, name, 0) != 0 && errno != ENOENT)
		return false;
	fd = openat(f->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, SECRET_MODE);
	return fd >= 0 && write_and_close(fd, bytes, mode);
}

bool ca_folder_write(const struct ca_folder *f, const char *name, mode_t mode, struct str bytes, char *ret_why, size_t size)
{
	char beside[TEMPORARY_NAME_BYTES];

	snprintf(beside, sizeof(beside), ".%s.new", name);
	if (write_beside(f, beside, mode, bytes) && renameat(f->fd, beside, f->fd, name) == 0) {
		fsync(f->fd); /* some file systems refuse this for folders, and then need none */
		return true;
	}
	refuse(f, name, "cannot be written", ret_why, size);
	unlinkat(f->fd, beside, 0);
	return false;
}

char *ca_path_join(const char *folder, const char *name)
{
	size_t size = strlen(folder) + strlen(name) + 2;
	char *path = mem_alloc(size);

	snprintf(path, size, "%s/%s", folder, name);
	return path;
}
