/* The bytes of one inode. Not for what it is called: twin_file.c. */
#include "store/har/twin_side.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/types.h>
#include <unistd.h>

int twin_side_make(struct twin_side *s, const char *path)
{
	struct stat st;

	if (unlink(path) != 0 && errno != ENOENT)
		return errno;
	s->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (s->fd < 0)
		return errno;
	s->len = 0;
	if (fstat(s->fd, &st) != 0) {
		int rc = errno;

		twin_side_drop(s, path);
		return rc;
	}
	s->device = st.st_dev;
	s->inode = st.st_ino;
	return 0;
}

void twin_side_close(struct twin_side *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	s->len = 0;
}

void twin_side_drop(struct twin_side *s, const char *path)
{
	if (twin_side_is_at(s, path))
		unlink(path);
	twin_side_close(s);
}

bool twin_side_is_at(const struct twin_side *s, const char *path)
{
	struct stat st;

	return s->fd >= 0 && lstat(path, &st) == 0 && st.st_dev == s->device && st.st_ino == s->inode && st.st_nlink == 1;
}

/* A write lease is only given where nobody else has the file open. Who opens it while we have the lease waits until we have
 * given it back, which is at once; of that we would be told by a signal, so it is one that is ignored by default. */
bool twin_side_is_read(const struct twin_side *s)
{
	(void)fcntl(s->fd, F_SETSIG, SIGURG);
	if (fcntl(s->fd, F_SETLEASE, F_WRLCK) == 0) {
		(void)fcntl(s->fd, F_SETLEASE, F_UNLCK);
		return false;
	}
	/* Other faults: this file system knows no leases. */
	return errno == EAGAIN || errno == EBUSY;
}

int twin_side_write(struct twin_side *s, uint64_t at, struct str bytes)
{
	while (bytes.len > 0) {
		ssize_t n = pwrite(s->fd, bytes.p, bytes.len, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? errno : ENOSPC;
		at += (uint64_t)n;
		bytes = str_from(bytes, (size_t)n);
	}
	return 0;
}

int twin_side_cut(struct twin_side *s, uint64_t at)
{
	return s->fd < 0 || ftruncate(s->fd, (off_t)at) == 0 ? 0 : errno;
}

/* The next piece in the kernel; 0: it cannot. */
static size_t copy_within(struct twin_side *s, const struct twin_side *ahead)
{
	loff_t from = (loff_t)s->len, to = (loff_t)s->len;
	ssize_t n = copy_file_range(ahead->fd, &from, s->fd, &to, ahead->len - s->len, 0);

	return n > 0 ? (size_t)n : 0;
}

/* The next piece through memory. */
static int copy_piece(struct twin_side *s, const struct twin_side *ahead, size_t *ret_n)
{
	enum { PIECE_BYTES = 65536 };
	char piece[PIECE_BYTES];
	uint64_t left = ahead->len - s->len;
	ssize_t n = pread(ahead->fd, piece, left < sizeof(piece) ? left : sizeof(piece), (off_t)s->len);
	int rc;

	if (n <= 0)
		return n < 0 ? errno : EIO;
	rc = twin_side_write(s, s->len, (struct str){piece, (size_t)n});
	if (rc == 0)
		*ret_n = (size_t)n;
	return rc;
}

int twin_side_follow(struct twin_side *s, const struct twin_side *ahead)
{
	while (s->len < ahead->len) {
		size_t n = copy_within(s, ahead);
		int rc = n > 0 ? 0 : copy_piece(s, ahead, &n);

		if (rc == EINTR)
			continue;
		if (rc != 0)
			return rc;
		s->len += n;
	}
	return 0;
}
