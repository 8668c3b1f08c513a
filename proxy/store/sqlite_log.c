/* How long the embedded backend's file and its write-ahead log are: the log is kept short beside readers, and what somebody
 * cut off or wrote over is noticed before much is built on it. Not for what SQLite notices itself. The wal-index is read as
 * https://www.sqlite.org/walformat.html describes it. */
#include "base/clock.h"
#include "base/log.h"
#include "store/sqlite_part.h"
#include "store/text.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

/* From BOUND on, waiting for readers: the longer the longer the log is, and a fifth of the time at most. */
enum { BOUND_BYTES = 64 << 20, SAY_BYTES = 256 << 20, BYTES_PER_WAIT_MS = 256 << 10, WAIT_MAX_MS = 500 };
enum { AGAIN_US = 1000000, PAUSE_TIMES = 4 };
/* Of the wal-index; numbers are in the machine's byte order. */
enum { INDEX_BYTES = 32768, AT_IS_READY = 12, AT_PAGE_BYTES = 14, AT_FRAMES = 16, AT_SALT = 32 };
enum { LOG_HEAD_BYTES = 32, FRAME_HEAD_BYTES = 24, AT_FRAME_SALT = 8, SALT_BYTES = 8, SAMPLES = 16 };

static const char magic[16] = "SQLite format 3";

bool sqlite_stat(const struct sqlite_backend *s, const char *suffix, struct stat *ret)
{
	struct text path = {NULL, 0, 0};
	bool ok;

	text_printf(&path, "%s%s", s->path, suffix);
	text_byte(&path, '\0');
	ok = stat(path.p, ret) == 0;
	text_fini(&path);
	return ok;
}

static sqlite3_file *file_of(const struct sqlite_backend *s)
{
	sqlite3_file *f = NULL;

	sqlite3_file_control(s->db, "main", SQLITE_FCNTL_FILE_POINTER, &f);
	return f && f->pMethods && f->pMethods->iVersion >= 2 ? f : NULL;
}

/* What the index that all share says of the log. */
struct log_index {
	uint32_t frames, page_bytes;
	char salt[SALT_BYTES]; /* of this log, in each frame */
};

/* By SQLite's own mapping: to open and close that file would let go of the locks on it. False: there is nothing in the log. */
static bool read_index(const struct sqlite_backend *s, struct log_index *ret)
{
	sqlite3_file *f = file_of(s);
	void volatile *index = NULL;
	const volatile char *p;

	if (!f || f->pMethods->xShmMap(f, 0, INDEX_BYTES, 0, &index) != SQLITE_OK || !index)
		return false;
	p = index;
	*ret = (struct log_index){
		.frames = *(const volatile uint32_t *)(const volatile void *)(p + AT_FRAMES),
		.page_bytes = *(const volatile uint16_t *)(const volatile void *)(p + AT_PAGE_BYTES),
	};
	if (ret->page_bytes == 1)
		ret->page_bytes = 65536;
	for (size_t i = 0; i < SALT_BYTES; i++)
		ret->salt[i] = p[AT_SALT + i];
	return p[AT_IS_READY] != 0 && ret->frames > 0;
}

/* Where a frame begins; they are counted from 0. */
static uint64_t frame_at(const struct log_index *x, uint32_t frame)
{
	return LOG_HEAD_BYTES + (uint64_t)frame * (FRAME_HEAD_BYTES + x->page_bytes);
}

static uint64_t log_needs(const struct sqlite_backend *s)
{
	struct log_index x;

	return read_index(s, &x) ? frame_at(&x, x.frames) : 0;
}

/* Frames here and there tell whether somebody wrote over the log: nobody would get past that place when it is next read. */
static bool log_is_overwritten(const struct sqlite_backend *s)
{
	struct log_index x = {0}, again = {0};
	sqlite3_file *log = NULL;
	char salt[SALT_BYTES];
	bool is_fine = true;

	sqlite3_file_control(s->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
	if (!log || !log->pMethods || !read_index(s, &x))
		return false;
	for (uint32_t i = 0; i < SAMPLES && is_fine; i++) {
		uint32_t frame = (uint32_t)((uint64_t)(x.frames - 1) * i / (SAMPLES - 1));
		int rc = log->pMethods->xRead(log, salt, SALT_BYTES, (sqlite3_int64)frame_at(&x, frame) + AT_FRAME_SALT);

		is_fine = rc != SQLITE_OK || memcmp(salt, x.salt, SALT_BYTES) == 0;
	}
	/* Another process may have emptied it rightly meanwhile. */
	return !is_fine && read_index(s, &again) && memcmp(&x, &again, sizeof(x)) == 0;
}

bool sqlite_log_is_cut(struct sqlite_backend *s)
{
	struct stat st;

	/* In this order: who empties the log rightly says so in the index first. */
	s->is_cut = sqlite_stat(s, "-wal", &st) && st.st_ino == s->log_inode && (uint64_t)st.st_size < log_needs(s);
	return s->is_cut;
}

/* What no checkpoint does: the file is shorter than it was, and than the database has been since then. */
static bool file_is_cut(struct sqlite_backend *s)
{
	uint64_t before = s->seen_bytes;
	struct stat st;
	bool is_cut;

	if (!sqlite_stat(s, "", &st))
		return false;
	sqlite_measure(s); /* what others made of it too */
	is_cut = (uint64_t)st.st_size < before && (uint64_t)st.st_size < s->low_bytes;
	s->seen_bytes = (uint64_t)st.st_size;
	s->low_bytes = s->base.file_bytes;
	return is_cut;
}

static bool head_is_gone(const struct sqlite_backend *s)
{
	sqlite3_file *f = file_of(s);
	char head[sizeof(magic)];

	return f && f->pMethods->xRead(f, head, sizeof(head), 0) == SQLITE_OK && memcmp(head, magic, sizeof(magic)) != 0;
}

bool sqlite_is_damaged(struct sqlite_backend *s)
{
	s->is_cut = sqlite_log_is_cut(s) || file_is_cut(s) || head_is_gone(s) || log_is_overwritten(s);
	return s->is_cut;
}

static void measure_log(struct sqlite_backend *s)
{
	struct stat st;

	s->base.log_bytes = sqlite_stat(s, "-wal", &st) ? (uint64_t)st.st_size : 0;
	if (s->base.log_bytes <= BOUND_BYTES)
		s->log_is_said = false;
}

static void say_log(struct sqlite_backend *s)
{
	if (s->base.log_bytes > SAY_BYTES && !s->log_is_said) {
		log_warn("%s: its log has grown to %" PRIu64 " MB, since readers keep transactions open", s->path,
			s->base.log_bytes >> 20);
		s->log_is_said = true;
	}
}

/* SQLite's own checkpoints wait for nobody, so readers that overlap keep it from ever beginning the log anew. */
void sqlite_bound_log(struct sqlite_backend *s)
{
	int64_t begin_us = clock_mono_us(), pause_us;
	uint64_t wait_ms;

	measure_log(s);
	if (s->base.log_bytes <= BOUND_BYTES || begin_us < s->log_due_us)
		return;
	say_log(s);
	wait_ms = s->base.log_bytes / BYTES_PER_WAIT_MS;
	sqlite3_busy_timeout(s->db, wait_ms < WAIT_MAX_MS ? (int)wait_ms : WAIT_MAX_MS);
	sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	sqlite3_busy_timeout(s->db, SQLITE_BUSY_MS);
	pause_us = PAUSE_TIMES * (clock_mono_us() - begin_us);
	s->log_due_us = clock_mono_us() + (pause_us > AGAIN_US ? pause_us : AGAIN_US);
	measure_log(s);
}
