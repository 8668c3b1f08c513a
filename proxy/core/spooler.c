/* See spooler.h. Each file has at most one write and one read under way; what comes meanwhile gathers in its queue, so that small pieces
 * become large writes. A job goes to the thread and comes back to the worker's loop as a post. The thread is given vectors: it reads or
 * fills bytes of slabs, but never touches the slabs' own counts, which are the worker's; the queues of the file hold the slabs until the
 * job is back. The descriptor is the thread's alone. */
#include "core/spooler.h"

#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum { JOB_VECTORS = 32 };
static_assert(SPOOL_READ_MAX_BYTES / BUFQ_SLAB_BYTES <= JOB_VECTORS, "a read has room for all it may ask for");

enum job_kind { JOB_WRITE, JOB_READ, JOB_CLOSE };

struct spool_job {
	struct post post; /* first: the worker gets it back by this */
	struct list node; /* of the spooler's jobs */
	struct spool_file *file;
	enum job_kind kind;
	bool is_under_way; /* the worker's to know */
	uint64_t offset;
	size_t bytes;
	struct iovec iov[JOB_VECTORS];
	int iov_n;
	int os_error; /* 0: all bytes are done */
};

/* What spool_file_read was asked for. */
struct wish {
	struct bufq *to; /* NULL: nothing */
	uint64_t offset;
	size_t bytes;
};

struct spool_file {
	struct spooler *spooler;
	struct loop *loop;
	void (*on_change)(void *owner);
	void *owner;
	struct bufq unwritten; /* its first bytes are those of the write under way */
	struct bufq arriving;  /* the room that the read under way fills */
	uint64_t written_bytes;
	struct wish wish;
	bool is_arrival_unwanted; /* the read under way is of a wish that is gone */
	bool is_used;             /* the thread knows it */
	uint64_t counted_bytes;   /* of the spooler's */
	int os_error;             /* 0: all is well */
	struct spool_job write, read, close;
	int fd;                 /* the thread's */
	atomic_bool is_dropped; /* told to the thread, which then spares itself the rest */
};

struct spooler {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct list jobs;
	bool is_over;
	char *folder;
	_Atomic uint64_t bytes, limit_bytes; /* of all files together */
	bool is_failing;                     /* the thread's: said to the operator already */
};

/* A file without a name. Returns -1 with errno. */
static int open_unnamed(const char *folder)
{
	int fd = open(folder, O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
	char path[4096];
	int n, os_error;

	if (fd >= 0)
		return fd;
	/* Not every file system can do that. If it was something else, it will be said again. */
	n = snprintf(path, sizeof(path), "%s/viaduct-XXXXXX", folder);
	if (n < 0 || (size_t)n >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0 || unlink(path) == 0)
		return fd;
	os_error = errno;
	close(fd);
	errno = os_error;
	return -1;
}

/* Leaves n bytes behind. */
static void skip_vectors(struct iovec **iov, int *iov_n, size_t n)
{
	while (*iov_n > 0 && n >= (*iov)->iov_len) {
		n -= (*iov)->iov_len;
		++*iov;
		--*iov_n;
	}
	if (n > 0) {
		(*iov)->iov_base = (char *)(*iov)->iov_base + n;
		(*iov)->iov_len -= n;
	}
}

/* Writes or reads all vectors of the job. Returns 0 or an errno. */
static int job_transfer(const struct spool_job *j, int fd)
{
	struct iovec vectors[JOB_VECTORS], *iov = vectors;
	off_t offset = (off_t)j->offset;
	int iov_n = j->iov_n;

	memcpy(vectors, j->iov, sizeof(*iov) * (size_t)iov_n);
	while (iov_n > 0) {
		ssize_t n = j->kind == JOB_WRITE ? pwritev(fd, iov, iov_n, offset) : preadv(fd, iov, iov_n, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		/* No file ends before what was written to it, and only a full disk takes nothing. */
		if (n == 0)
			return j->kind == JOB_WRITE ? ENOSPC : EIO;
		skip_vectors(&iov, &iov_n, (size_t)n);
		offset += n;
	}
	return 0;
}

/* Does a job, on the thread. Returns 0 or an errno. */
static int job_do(struct spool_job *j, const char *folder)
{
	struct spool_file *f = j->file;

	if (j->kind == JOB_CLOSE) {
		if (f->fd >= 0)
			close(f->fd);
		return 0;
	}
	if (f->fd < 0)
		f->fd = open_unnamed(folder);
	return f->fd < 0 ? errno : job_transfer(j, f->fd);
}

/* Once for each time that things go wrong, not for each body. */
static void tell_operator(struct spooler *s, int os_error)
{
	if (os_error != 0 && !s->is_failing)
		log_warn("request bodies cannot be kept in %s (%s): redirects and retries that need them are not followed",
			s->folder, strerrordesc_np(os_error));
	s->is_failing = os_error != 0;
}

static void job_run(struct spooler *s, struct spool_job *j, bool is_over)
{
	struct loop *l = j->file->loop;

	/* Of work that nobody waits for only the closing is done. */
	if (j->kind != JOB_CLOSE && (is_over || atomic_load(&j->file->is_dropped))) {
		j->os_error = ECANCELED;
	} else {
		j->os_error = job_do(j, s->folder);
		if (j->kind != JOB_CLOSE)
			tell_operator(s, j->os_error);
	}
	loop_post(l, &j->post);
}

static void *spooler_main(void *arg)
{
	struct spooler *s = arg;

	pthread_mutex_lock(&s->lock);
	for (;;) {
		struct list *node;
		bool is_over;

		while ((node = list_take(&s->jobs)) == NULL && !s->is_over)
			pthread_cond_wait(&s->work, &s->lock);
		if (node == NULL)
			break;
		is_over = s->is_over;
		pthread_mutex_unlock(&s->lock);
		job_run(s, LIST_ITEM(node, struct spool_job, node), is_over);
		pthread_mutex_lock(&s->lock);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* The signals of the process are for its main thread, and a limit on the size of files (SIGXFSZ) is an error here, not the end. */
static int start_thread(struct spooler *s)
{
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&s->thread, NULL, spooler_main, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

static void spooler_destroy(struct spooler *s)
{
	pthread_cond_destroy(&s->work);
	pthread_mutex_destroy(&s->lock);
	mem_free(s->folder);
	mem_free(s);
}

struct spooler *spooler_new(const char *folder)
{
	struct spooler *s = mem_calloc(1, sizeof(*s));

	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->work, NULL);
	list_init(&s->jobs);
	s->folder = mem_strdup(folder);
	atomic_store(&s->limit_bytes, UINT64_MAX);
	if (start_thread(s) != 0) {
		spooler_destroy(s);
		return NULL;
	}
	return s;
}

void spooler_set_limit(struct spooler *s, uint64_t bytes)
{
	atomic_store(&s->limit_bytes, bytes);
}

void spooler_free(struct spooler *s)
{
	if (s == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	s->is_over = true;
	pthread_cond_signal(&s->work);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	spooler_destroy(s);
}

static void job_send(struct spool_job *j)
{
	struct spooler *s = j->file->spooler;

	j->is_under_way = true;
	j->file->is_used = true;
	pthread_mutex_lock(&s->lock);
	list_append(&s->jobs, &j->node);
	pthread_cond_signal(&s->work);
	pthread_mutex_unlock(&s->lock);
}

/* Sends the next bytes that wait to be written, if none are under way. */
static void write_next(struct spool_file *f)
{
	struct spool_job *j = &f->write;

	if (j->is_under_way || f->unwritten.len == 0)
		return;
	j->offset = f->written_bytes;
	j->iov_n = bufq_peek(&f->unwritten, j->iov, JOB_VECTORS);
	j->bytes = 0;
	for (int i = 0; i < j->iov_n; i++)
		j->bytes += j->iov[i].iov_len;
	job_send(j);
}

/* Sends the wish, if there is one and its bytes are written. */
static void read_next(struct spool_file *f)
{
	struct spool_job *j = &f->read;

	if (j->is_under_way || f->wish.to == NULL || f->wish.offset + f->wish.bytes > f->written_bytes)
		return;
	bufq_init(&f->arriving, f->wish.to->pool);
	j->offset = f->wish.offset;
	j->bytes = f->wish.bytes;
	j->iov_n = bufq_reserve(&f->arriving, j->bytes, j->iov, JOB_VECTORS);
	job_send(j);
}

/* Nothing waits any more after it: the wish is gone, and what was to be written too, or will be when the write under way is back. */
static void fail(struct spool_file *f, int os_error)
{
	if (f->os_error == 0)
		f->os_error = os_error;
	spool_file_cancel_read(f);
	if (!f->write.is_under_way)
		bufq_clear(&f->unwritten);
}

/* The owner may free the file in its on_change: the last thing that is done with it. */
static void go_on(struct spool_file *f)
{
	write_next(f);
	read_next(f);
	f->on_change(f->owner);
}

static void write_on_post(struct post *p)
{
	struct spool_job *j = (struct spool_job *)p;
	struct spool_file *f = j->file;

	j->is_under_way = false;
	if (f->close.is_under_way)
		return;
	if (f->os_error != 0 || j->os_error != 0) {
		fail(f, j->os_error);
	} else {
		f->written_bytes += j->bytes;
		bufq_drain(&f->unwritten, j->bytes);
	}
	go_on(f);
}

static void read_on_post(struct post *p)
{
	struct spool_job *j = (struct spool_job *)p;
	struct spool_file *f = j->file;

	j->is_under_way = false;
	if (f->close.is_under_way)
		return;
	if (j->os_error != 0) {
		bufq_clear(&f->arriving);
		fail(f, j->os_error);
	} else if (f->is_arrival_unwanted) {
		bufq_clear(&f->arriving);
	} else {
		bufq_commit(&f->arriving, j->bytes);
		bufq_move(f->wish.to, &f->arriving, j->bytes);
		f->wish.to = NULL;
	}
	f->is_arrival_unwanted = false;
	go_on(f);
}

static void file_destroy(struct spool_file *f)
{
	bufq_clear(&f->unwritten);
	bufq_clear(&f->arriving);
	mem_free(f);
}

/* The last job of a file: those before it have come back. */
static void close_on_post(struct post *p)
{
	file_destroy(((struct spool_job *)p)->file);
}

static void job_init(struct spool_job *j, struct spool_file *f, enum job_kind kind, void (*run)(struct post *p))
{
	list_init(&j->post.node);
	j->post.run = run;
	list_init(&j->node);
	j->file = f;
	j->kind = kind;
}

struct spool_file *spool_file_new(struct spooler *s, struct loop *l, void (*on_change)(void *owner), void *owner)
{
	struct spool_file *f = mem_calloc(1, sizeof(*f));

	f->spooler = s;
	f->loop = l;
	f->on_change = on_change;
	f->owner = owner;
	f->fd = -1;
	atomic_init(&f->is_dropped, false);
	job_init(&f->write, f, JOB_WRITE, write_on_post);
	job_init(&f->read, f, JOB_READ, read_on_post);
	job_init(&f->close, f, JOB_CLOSE, close_on_post);
	return f;
}

/* Counts n more bytes as this file's; false if that is more than all may have together. */
static bool count_in(struct spool_file *f, uint64_t n)
{
	struct spooler *s = f->spooler;

	if (atomic_fetch_add(&s->bytes, n) + n > atomic_load(&s->limit_bytes)) {
		atomic_fetch_sub(&s->bytes, n);
		return false;
	}
	f->counted_bytes += n;
	return true;
}

void spool_file_write(struct spool_file *f, struct bufq *q)
{
	if (f->unwritten.pool == NULL)
		bufq_init(&f->unwritten, q->pool);
	if (f->os_error == 0 && !count_in(f, q->len))
		fail(f, EDQUOT);
	/* Shared, not moved: that puts small pieces together, which else would hold a slab each. */
	if (f->os_error == 0)
		bufq_share(&f->unwritten, q, q->len);
	bufq_clear(q);
	write_next(f);
}

uint64_t spool_file_unwritten(const struct spool_file *f)
{
	return f->os_error != 0 ? 0 : f->unwritten.len;
}

void spool_file_read(struct spool_file *f, uint64_t offset, size_t n, struct bufq *to)
{
	assert(f->wish.to == NULL && n <= SPOOL_READ_MAX_BYTES && offset + n <= f->written_bytes + spool_file_unwritten(f));
	if (n == 0 || f->os_error != 0)
		return;
	f->wish = (struct wish){.to = to, .offset = offset, .bytes = n};
	read_next(f);
}

bool spool_file_is_reading(const struct spool_file *f)
{
	return f->wish.to != NULL;
}

void spool_file_cancel_read(struct spool_file *f)
{
	if (f->wish.to != NULL && f->read.is_under_way)
		f->is_arrival_unwanted = true;
	f->wish.to = NULL;
}

bool spool_file_has_failed(const struct spool_file *f, const char **ret_why)
{
	if (f->os_error == 0)
		return false;
	if (ret_why != NULL)
		*ret_why = strerrordesc_np(f->os_error);
	return true;
}

void spool_file_free(struct spool_file *f)
{
	if (f == NULL)
		return;
	atomic_fetch_sub(&f->spooler->bytes, f->counted_bytes);
	atomic_store(&f->is_dropped, true);
	if (f->is_used)
		job_send(&f->close);
	else
		file_destroy(f);
}
