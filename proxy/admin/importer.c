/* See importer.h. The thread waits for the store by looking again at short intervals, since neither a ring nor the backlog can
 * wake whoever fills it; it does so on a descriptor that ends the wait when the proxy ends. */
#include "admin/importer.h"

#include "base/mem.h"
#include "store/har/har_read.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { LOOK_AGAIN_MS = 5 };

struct importer {
	atomic_size_t backlog_bytes;
	struct importer_needs needs;
	struct ring *ring;
	int stop_fd;
	bool has_thread;
	pthread_t thread;
	char *path; /* the thread's, while it runs */
	int64_t session_id;

	pthread_mutex_t lock;
	struct import_progress progress; /* under the lock */
};

const char *import_state_name(enum import_state s)
{
	static const char *const names[] = {[IMPORT_RUNNING] = "running", [IMPORT_DONE] = "done", [IMPORT_FAILED] = "failed"};

	return (size_t)s < sizeof(names) / sizeof(names[0]) ? names[s] : "?";
}

void importer_set_backlog(struct importer *i, size_t backlog_bytes)
{
	atomic_store_explicit(&i->backlog_bytes, backlog_bytes, memory_order_relaxed);
}

struct importer *importer_new(const struct importer_needs *needs)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct importer *i;

	if (fd < 0)
		return NULL;
	i = mem_calloc(1, sizeof(*i));
	i->needs = *needs;
	importer_set_backlog(i, needs->backlog_bytes);
	i->stop_fd = fd;
	i->ring = store_add_ring(needs->store);
	i->progress.state = IMPORT_DONE;
	pthread_mutex_init(&i->lock, NULL);
	return i;
}

/* Waits for a thread that is through, or will be soon. */
static void join(struct importer *i)
{
	if (i->has_thread)
		pthread_join(i->thread, NULL);
	i->has_thread = false;
	mem_free(i->path);
	i->path = NULL;
}

void importer_free(struct importer *i)
{
	const uint64_t one = 1;

	if (i == NULL)
		return;
	while (write(i->stop_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		continue;
	join(i);
	close(i->stop_fd);
	pthread_mutex_destroy(&i->lock);
	mem_free(i);
}

/* True once the proxy ends. */
static bool is_over(struct importer *i, int wait_ms)
{
	struct pollfd p = {.fd = i->stop_fd, .events = POLLIN};

	return poll(&p, 1, wait_ms) > 0;
}

static void set_why(struct importer *i, const char *why)
{
	pthread_mutex_lock(&i->lock);
	if (i->progress.why[0] == '\0')
		snprintf(i->progress.why, sizeof(i->progress.why), "%s", why);
	pthread_mutex_unlock(&i->lock);
}

static uint64_t next_id(void *owner)
{
	struct importer *i = owner;

	return atomic_fetch_add(&i->needs.shared->next_flow_id, 1);
}

static bool begin_session(void *owner, struct str log)
{
	struct importer *i = owner;
	char why[IMPORT_WHY_BYTES] = "";

	if (!store_begin_import(i->needs.store, str_of(i->progress.name), log, &i->session_id, why, sizeof(why))) {
		set_why(i, why);
		return false;
	}
	pthread_mutex_lock(&i->lock);
	i->progress.session_id = i->session_id;
	pthread_mutex_unlock(&i->lock);
	return true;
}

/* False once the proxy ends. */
static bool wait_for_room(struct importer *i)
{
	while (backlog_bytes(store_backlog(i->needs.store)) > atomic_load_explicit(&i->backlog_bytes, memory_order_relaxed) ||
		ring_room(i->ring) == 0) {
		if (is_over(i, LOOK_AGAIN_MS))
			return false;
	}
	return !is_over(i, 0);
}

static bool take(void *owner, struct record *r)
{
	struct importer *i = owner;

	r->session_id = i->session_id;
	if (!wait_for_room(i)) {
		record_free(r);
		set_why(i, "viaduct ended; what was imported before stays");
		return false;
	}
	record_weigh(r, store_backlog(i->needs.store));
	/* There is room, and nobody else pushes. */
	if (!ring_push(i->ring, r)) {
		record_free(r);
		return false;
	}
	pthread_mutex_lock(&i->lock);
	i->progress.flows++;
	pthread_mutex_unlock(&i->lock);
	return true;
}

static void on_left_out(void *owner, size_t entry, uint64_t at, const char *why)
{
	struct importer *i = owner;
	struct import_progress *p = &i->progress;

	pthread_mutex_lock(&i->lock);
	if (p->left_out < IMPORT_LEFT_OUT_SHOWN)
		snprintf(p->left_out_lines[p->left_out], IMPORT_LINE_BYTES, "entry %zu at byte %llu: %s", entry,
			(unsigned long long)at, why);
	p->left_out++;
	pthread_mutex_unlock(&i->lock);
}

static void on_progress(void *owner, uint64_t bytes)
{
	struct importer *i = owner;

	pthread_mutex_lock(&i->lock);
	i->progress.bytes = bytes;
	pthread_mutex_unlock(&i->lock);
}

/* False with the reason noted. */
static bool read_file(struct importer *i)
{
	const struct har_needs needs = {.next_id = next_id,
		.take = take,
		.take_log = begin_session,
		.on_left_out = on_left_out,
		.on_progress = on_progress,
		.owner = i};
	char why[IMPORT_WHY_BYTES] = "";
	uint64_t size = 0;
	size_t entries;
	FILE *from = har_open(i->path, &size, why, sizeof(why));
	bool ok;

	pthread_mutex_lock(&i->lock);
	i->progress.size = size;
	pthread_mutex_unlock(&i->lock);
	ok = from != NULL && har_read(from, &needs, &entries, why, sizeof(why));
	if (from != NULL)
		fclose(from);
	if (!ok)
		set_why(i, why);
	return ok;
}

static void *run(void *owner)
{
	struct importer *i = owner;
	bool ok = read_file(i);

	pthread_mutex_lock(&i->lock);
	i->progress.state = ok ? IMPORT_DONE : IMPORT_FAILED;
	pthread_mutex_unlock(&i->lock);
	return NULL;
}

/* The signals of the process are for its main thread. */
static bool start_thread(struct importer *i)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	i->has_thread = pthread_create(&i->thread, NULL, run, i) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return i->has_thread;
}

/* Makes the progress that of a new import. False while another runs. */
static bool begin_progress(struct importer *i, const char *name)
{
	struct import_progress *p = &i->progress;
	bool ok;

	pthread_mutex_lock(&i->lock);
	ok = p->state != IMPORT_RUNNING;
	if (ok) {
		*p = (struct import_progress){.id = p->id + 1, .state = IMPORT_RUNNING};
		snprintf(p->name, sizeof(p->name), "%s", name);
	}
	pthread_mutex_unlock(&i->lock);
	return ok;
}

enum import_begun importer_begin(struct importer *i, const char *path, const char *name, uint64_t *ret_id)
{
	if (!begin_progress(i, name))
		return IMPORT_BUSY;
	join(i);
	i->path = mem_strdup(path);
	i->session_id = 0;
	*ret_id = i->progress.id;
	if (start_thread(i))
		return IMPORT_BEGUN;
	pthread_mutex_lock(&i->lock);
	i->progress.state = IMPORT_FAILED;
	pthread_mutex_unlock(&i->lock);
	return IMPORT_NO_THREAD;
}

bool importer_progress(struct importer *i, uint64_t id, struct import_progress *ret)
{
	bool is_it;

	pthread_mutex_lock(&i->lock);
	is_it = id != 0 && i->progress.id == id;
	if (is_it)
		*ret = i->progress;
	pthread_mutex_unlock(&i->lock);
	return is_it;
}
