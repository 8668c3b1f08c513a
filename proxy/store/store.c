/* The store's thread and its front. The thread takes records from the rings, has the lines about them written (lines.c) and
 * holds them until they are in the backend (hold.c). Busy, it looks at the rings at short intervals, so that a worker does not
 * pay for waking it; idle, it sleeps until a worker does. */
#include "store/store.h"

#include "base/clock.h"
#include "base/mem.h"
#include "store/backend.h"
#include "store/hold.h"
#include "store/lines.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { RING_SLOTS = 4096, MAX_RINGS = 1024, BUSY_MS = 20 };

struct store {
	pthread_t thread;
	int wake_fd;
	atomic_bool is_stopping;

	/* Filled before the workers run, read by the thread; only grows. */
	struct ring *rings[MAX_RINGS];
	atomic_size_t rings_n;

	/* What store_reload hands to the thread. */
	pthread_mutex_t reload_lock;
	bool has_reload;
	struct store_options reload;
	char *reload_log;

	uint64_t next_id;
	struct hold_counts counts;

	/* The thread's own. */
	struct hold hold;
	struct lines lines;
};

static void wake(struct store *s)
{
	const uint64_t one = 1;
	ssize_t n;

	do {
		n = write(s->wake_fd, &one, sizeof(one));
	} while (n < 0 && errno == EINTR);
}

/* Takes records until the rings are empty or enough are held; returns how many. */
static size_t collect(struct store *s, int64_t now_us)
{
	size_t rings_n = atomic_load_explicit(&s->rings_n, memory_order_acquire);
	size_t n = 0;

	for (size_t i = 0; i < rings_n; i++) {
		/* At most one ring's worth of each, so that a busy one does not starve the others. */
		for (size_t taken = 0; taken < RING_SLOTS && hold_has_room(&s->hold); taken++) {
			struct record *r = ring_pop(s->rings[i]);

			if (!r)
				break;
			if (r->facts.outcome != OUTCOME_PENDING)
				lines_put(&s->lines, &r->facts);
			hold_add(&s->hold, r, now_us);
			n++;
		}
	}
	return n;
}

/* Announces sleep to all workers; false when there is work after all. */
static bool may_sleep(struct store *s)
{
	size_t rings_n = atomic_load_explicit(&s->rings_n, memory_order_acquire);

	for (size_t i = 0; i < rings_n; i++) {
		if (!ring_sleep(s->rings[i]))
			return false;
	}
	return true;
}

/* Until when to wait, in poll's terms. */
static int wait_ms(int64_t due_us)
{
	int64_t ms;

	if (due_us == INT64_MAX)
		return -1;
	ms = (due_us - clock_mono_us() + 999) / 1000;
	return ms < 0 ? 0 : (int)(ms < 60000 ? ms : 60000);
}

/* Waits for work. Where records came just now, more are expected: then not for a wake-up but for a short time. */
static void rest(struct store *s, bool was_busy)
{
	struct pollfd p = {.fd = s->wake_fd, .events = POLLIN};
	int64_t due_us = hold_due_us(&s->hold);
	uint64_t count;
	int ms;

	if (lines_are_pending(&s->lines) && due_us == INT64_MAX)
		due_us = clock_mono_us() + STORE_BATCH_MS * INT64_C(1000);
	ms = wait_ms(due_us);
	if (was_busy)
		ms = ms >= 0 && ms < BUSY_MS ? ms : BUSY_MS;
	else if (!may_sleep(s))
		return;
	if (poll(&p, 1, ms) == 1 && read(s->wake_fd, &count, sizeof(count)) < 0)
		return; /* read by an earlier round */
}

static void take_reload(struct store *s)
{
	pthread_mutex_lock(&s->reload_lock);
	if (s->has_reload) {
		s->reload.access_log = s->reload_log;
		lines_reopen(&s->lines, &s->reload);
		s->hold.max_flows = s->reload.max_flows;
		s->hold.has_excess = s->hold.backend != NULL;
		s->has_reload = false;
	}
	pthread_mutex_unlock(&s->reload_lock);
}

static void *run(void *arg)
{
	struct store *s = arg;
	bool is_last = false;

	while (!is_last) {
		bool is_stopping = atomic_load(&s->is_stopping); /* before the look at the rings */
		int64_t now_us = clock_mono_us();
		size_t n;

		take_reload(s);
		n = collect(s, now_us);
		is_last = is_stopping && n == 0;
		hold_work(&s->hold, now_us, is_last);
		lines_flush(&s->lines);
		if (!is_stopping)
			rest(s, n > 0);
	}
	return NULL;
}

/* The signals of the process are for its main thread. */
static int start_thread(struct store *s)
{
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&s->thread, NULL, run, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

static void store_free(struct store *s)
{
	size_t rings_n = atomic_load(&s->rings_n);

	hold_fini(&s->hold);
	lines_fini(&s->lines);
	for (size_t i = 0; i < rings_n; i++)
		ring_free(s->rings[i]);
	if (s->wake_fd >= 0)
		close(s->wake_fd);
	pthread_mutex_destroy(&s->reload_lock);
	mem_free(s->reload_log);
	mem_free(s);
}

struct store *store_start(const struct store_options *o, char *ret_why, size_t size)
{
	struct backend *backend = NULL;
	struct store *s;
	int rc;

	if (o->folder) {
		backend = backend_sqlite(o->folder, o->version, ret_why, size);
		if (!backend)
			return NULL;
	}
	s = mem_calloc(1, sizeof(*s));
	s->next_id = backend ? backend->ops->next_id(backend) : 1;
	hold_init(&s->hold, backend, &s->counts, o->max_flows);
	lines_init(&s->lines, o);
	pthread_mutex_init(&s->reload_lock, NULL);
	s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	rc = s->wake_fd < 0 ? errno : start_thread(s);
	if (rc != 0) {
		snprintf(ret_why, size, "the store's thread cannot be started: %s", strerror(rc));
		store_free(s);
		return NULL;
	}
	return s;
}

uint64_t store_next_id(const struct store *s)
{
	return s->next_id;
}

struct ring *store_add_ring(struct store *s)
{
	size_t n = atomic_load_explicit(&s->rings_n, memory_order_relaxed);

	assert(n < MAX_RINGS);
	s->rings[n] = ring_new(RING_SLOTS, s->wake_fd);
	atomic_store_explicit(&s->rings_n, n + 1, memory_order_release);
	wake(s); /* so that it announces its sleep to this ring too */
	return s->rings[n];
}

void store_reload(struct store *s, const struct store_options *o)
{
	pthread_mutex_lock(&s->reload_lock);
	mem_free(s->reload_log);
	s->reload_log = o->access_log ? mem_strdup(o->access_log) : NULL;
	s->reload = *o;
	s->has_reload = true;
	pthread_mutex_unlock(&s->reload_lock);
	wake(s);
}

void store_stop(struct store *s)
{
	if (!s)
		return;
	atomic_store(&s->is_stopping, true);
	wake(s);
	pthread_join(s->thread, NULL);
	store_free(s);
}

void store_counts(const struct store *s, struct store_counts *ret)
{
	ret->flows_written = atomic_load_explicit(&s->counts.written, memory_order_relaxed);
	ret->write_errors = atomic_load_explicit(&s->counts.errors, memory_order_relaxed);
	ret->flows_lost = atomic_load_explicit(&s->counts.lost, memory_order_relaxed);
}
