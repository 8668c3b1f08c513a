/* Steps, and what is under which name. Not for the bytes of one inode: twin_side.c. */
#include "store/har/twin_file.h"

#include "base/clock.h"
#include "base/mem.h"
#include "store/har/twin_side.h"
#include "store/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	READER_WAIT_US = 10 * 1000 * 1000, /* for somebody who reads, before the inode is left to him */
	CHEAP_BYTES = 1024 * 1024          /* a file that is rather copied than waited for */
};

struct twin_file {
	char *path, *next_path, *old_path;
	struct text end;
	struct twin_side shown, next;
	uint64_t at; /* where the step stands in next */
	bool is_in_step, cannot_exchange;
	int64_t waiting_since_us; /* for a reader; 0: nobody is waited for */
};

/* The place itself if the path is a symbolic link to one. */
static char *real_path(const char *path)
{
	char real[PATH_MAX];

	return mem_strdup(realpath(path, real) ? real : path);
}

static char *beside(const char *path, const char *suffix)
{
	size_t size = strlen(path) + strlen(suffix) + 1;
	char *name = mem_alloc(size);

	snprintf(name, size, "%s%s", path, suffix);
	return name;
}

static int write_whole(struct twin_file *f, struct twin_side *s, struct str begin)
{
	int rc = twin_side_write(s, 0, begin);

	if (rc == 0)
		rc = twin_side_write(s, begin.len, text_str(&f->end));
	if (rc == 0)
		s->len = begin.len;
	return rc;
}

/* Another inode under the second name, with nothing in it. */
static int renew_next(struct twin_file *f)
{
	twin_side_close(&f->next);
	return twin_side_make(&f->next, f->next_path);
}

/* A new file, not published yet, of begin and end. */
static int make_next(struct twin_file *f, struct str begin)
{
	int rc = renew_next(f);

	if (rc == 0)
		rc = write_whole(f, &f->next, begin);
	if (rc != 0)
		twin_side_drop(&f->next, f->next_path);
	return rc;
}

/* Something that is no file is not replaced. */
static int check_place(const char *path)
{
	struct stat st;

	if (lstat(path, &st) != 0)
		return errno == ENOENT ? 0 : errno;
	return S_ISREG(st.st_mode) ? 0 : S_ISDIR(st.st_mode) ? EISDIR : EEXIST;
}

int twin_file_new(const char *path, struct str begin, struct str end, struct twin_file **ret)
{
	struct twin_file *f = mem_calloc(1, sizeof(*f));
	int rc;

	f->shown.fd = f->next.fd = -1;
	f->path = real_path(path);
	f->next_path = beside(f->path, ".next");
	f->old_path = beside(f->path, ".1");
	text_put(&f->end, end);
	rc = check_place(f->path);
	if (rc == 0)
		rc = make_next(f, begin);
	if (rc == 0 && rename(f->next_path, f->path) != 0)
		rc = errno;
	if (rc != 0) {
		twin_file_free(f);
		return rc;
	}
	f->shown = f->next;
	f->next.fd = -1;
	*ret = f;
	return 0;
}

void twin_file_free(struct twin_file *f)
{
	if (!f)
		return;
	twin_side_drop(&f->next, f->next_path);
	twin_side_close(&f->shown);
	text_fini(&f->end);
	mem_free(f->path);
	mem_free(f->next_path);
	mem_free(f->old_path);
	mem_free(f);
}

/* True if the inode that lags behind cannot be written to since somebody reads it, who may soon be through. */
static bool is_to_wait(struct twin_file *f, bool must)
{
	int64_t now_us = clock_mono_us();

	if (f->waiting_since_us == 0)
		f->waiting_since_us = now_us;
	return !must && f->shown.len > CHEAP_BYTES && now_us - f->waiting_since_us < READER_WAIT_US;
}

int twin_file_begin(struct twin_file *f, bool must)
{
	int rc = 0;

	f->is_in_step = false;
	if (!twin_side_is_at(&f->next, f->next_path)) {
		rc = renew_next(f);
	} else if (twin_side_is_read(&f->next)) {
		if (is_to_wait(f, must))
			return EAGAIN;
		rc = renew_next(f);
	}
	f->waiting_since_us = 0;
	if (rc == 0)
		rc = twin_side_follow(&f->next, &f->shown);
	if (rc != 0) {
		twin_file_undo(f);
		return rc;
	}
	f->at = f->next.len;
	f->is_in_step = true;
	return 0;
}

int twin_file_put(struct twin_file *f, struct str s)
{
	int rc = f->is_in_step ? twin_side_write(&f->next, f->at, s) : EINVAL;

	if (rc == 0)
		f->at += s.len;
	return rc;
}

void twin_file_undo(struct twin_file *f)
{
	f->is_in_step = false;
	twin_side_cut(&f->next, f->next.len);
}

/* The two names change places; false: this file system cannot do that. */
static bool exchange(struct twin_file *f, int *ret_rc)
{
	*ret_rc = 0;
	if (f->cannot_exchange)
		return false;
	if (renameat2(AT_FDCWD, f->next_path, AT_FDCWD, f->path, RENAME_EXCHANGE) == 0)
		return true;
	f->cannot_exchange = errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP;
	if (!f->cannot_exchange)
		*ret_rc = errno;
	return !f->cannot_exchange;
}

static void swap(struct twin_file *f)
{
	struct twin_side side = f->shown;

	f->shown = f->next;
	f->next = side;
}

/* What is written goes under the path. What was there goes under the other name; where that cannot be, or where it is not ours,
 * it is lost to us. */
static int show_next(struct twin_file *f)
{
	int rc;

	if (!twin_file_is_lost(f) && exchange(f, &rc)) {
		if (rc == 0)
			swap(f);
		return rc;
	}
	if (rename(f->next_path, f->path) != 0)
		return errno;
	swap(f);
	twin_side_close(&f->next);
	return 0;
}

int twin_file_publish(struct twin_file *f)
{
	uint64_t before = f->next.len;
	int rc = f->is_in_step ? twin_side_write(&f->next, f->at, text_str(&f->end)) : EINVAL;

	if (rc == 0)
		rc = twin_side_cut(&f->next, f->at + f->end.len);
	if (rc != 0)
		return rc;
	f->next.len = f->at;
	rc = show_next(f);
	if (rc != 0)
		f->next.len = before;
	else
		f->is_in_step = false;
	return rc;
}

/* Without a moment in which nothing is under the path. False: names cannot be exchanged. */
static bool turn_by_exchange(struct twin_file *f, int *ret_rc)
{
	if (twin_file_is_lost(f) || !exchange(f, ret_rc))
		return false;
	if (*ret_rc != 0 || rename(f->next_path, f->old_path) == 0)
		return true;
	*ret_rc = errno;
	if (!exchange(f, &(int){0}))
		swap(f);
	return true;
}

static int turn_by_renaming(struct twin_file *f)
{
	if (!twin_file_is_lost(f) && rename(f->path, f->old_path) != 0)
		return errno;
	return rename(f->next_path, f->path) == 0 ? 0 : errno;
}

int twin_file_turn(struct twin_file *f, struct str begin)
{
	int rc = make_next(f, begin);

	f->is_in_step = false;
	if (rc != 0)
		return rc;
	if (!turn_by_exchange(f, &rc))
		rc = turn_by_renaming(f);
	if (rc == 0)
		swap(f);
	twin_side_drop(&f->next, f->next_path);
	return rc;
}

uint64_t twin_file_bytes(const struct twin_file *f)
{
	return f->shown.len + f->end.len;
}

uint64_t twin_file_lag(const struct twin_file *f)
{
	return f->next.fd >= 0 ? f->shown.len - f->next.len : f->shown.len;
}

bool twin_file_is_lost(const struct twin_file *f)
{
	return !twin_side_is_at(&f->shown, f->path);
}
