/* The store's thread and its front. The thread takes records from the rings, has the lines about them written (lines.c) and
 * holds them until they are in the backend (hold.c); it does what others ask for (wish.c). Busy, it looks at the rings at short
 * intervals, so that a worker does not pay for waking it; idle, it sleeps until a worker does. */
#include "store/store.h"

#include "base/clock.h"
#include "base/mem.h"
#include "store/backend.h"
#include "store/hold.h"
#include "store/lines.h"
#include "store/redact/redact.h"
#include "store/wish.h"

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

enum { RING_SLOTS = 4096, MAX_RINGS = 1024, BUSY_MS = 20, EMPTY_MS = 500 };

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
	struct redactor *reload_redactor;

	struct wish wish; /* that a session begins */
	uint64_t next_id;
	struct backlog backlog;
	struct hold_counts counts;

	/* The thread's own. */
	struct hold hold;
	struct redactor *redactor;
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
			/* The lines tell of what went through the proxy; an import did not. */
			if (r->kind == RECORD_FLOW && r->facts.outcome != OUTCOME_PENDING && r->session_id == 0)
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

static struct hold_limits limits_of(const struct store_options *o, const struct redactor *redactor)
{
	return (struct hold_limits){
		.max_flows = o->max_flows,
		.max_bytes = o->max_bytes,
		.max_age_us = o->max_age_us,
		.memory = o->memory > 0 ? (size_t)o->memory : 0,
		.redactor = redactor,
	};
}

static void take_reload(struct store *s)
{
	struct hold_limits limits;

	pthread_mutex_lock(&s->reload_lock);
	if (s->has_reload) {
		s->reload.access_log = s->reload_log;
		lines_reopen(&s->lines, &s->reload);
		redactor_unref(s->redactor);
		s->redactor = s->reload_redactor;
		s->reload_redactor = NULL;
		limits = limits_of(&s->reload, s->redactor);
		hold_set_limits(&s->hold, &limits);
		s->has_reload = false;
	}
	pthread_mutex_unlock(&s->reload_lock);
}

/* What has ended belongs to the session before, so the rings are emptied first, as long as that takes no time. */
static void take_wish(struct store *s)
{
	int64_t now_us = clock_mono_us(), until_us = now_us + EMPTY_MS * INT64_C(1000);
	struct wish_end end = {.is_done = false};
	struct wish *w = &s->wish;

	if (!wish_take(w))
		return;
	while (collect(s, now_us) > 0 && now_us < until_us) {
		hold_work(&s->hold, now_us, true);
		now_us = clock_mono_us();
	}
	end.is_done = hold_begin_session(&s->hold, now_us, str_of(w->name), w->is_import, str_of(w->log_json), &end.id, end.why,
		sizeof(end.why));
	if (s->hold.backend)
		end.session = s->hold.backend->session;
	wish_grant(w, &end);
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
		take_wish(s);
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
	wish_fini(&s->wish);
	pthread_mutex_destroy(&s->reload_lock);
	redactor_unref(s->reload_redactor);
	redactor_unref(s->redactor);
	mem_free(s->reload_log);
	mem_free(s);
}

/* Where flows are kept; NULL in ret: nowhere. False with one line in ret_why. */
static bool open_backend(const struct store_options *o, struct backend **ret, char *ret_why, size_t size)
{
	struct backend_needs needs = {.folder = o->folder, .version = o->version, .session = o->session};

	*ret = o->folder ? backend_sqlite(&needs, ret_why, size) : NULL;
	return *ret || !o->folder;
}

/* What the thread works with. */
static struct store *store_new(const struct store_options *o, struct backend *backend)
{
	struct store *s = mem_calloc(1, sizeof(*s));
	struct session none = {.id = 0};
	struct hold_limits limits;

	s->next_id = backend ? backend->ops->next_id(backend) : 1;
	s->redactor = o->redactor ? redactor_ref(o->redactor) : NULL;
	limits = limits_of(o, s->redactor);
	hold_init(&s->hold, backend, &s->backlog, &s->counts, &limits);
	lines_init(&s->lines, o);
	pthread_mutex_init(&s->reload_lock, NULL);
	wish_init(&s->wish, backend ? &backend->session : &none);
	return s;
}

struct store *store_start(const struct store_options *o, char *ret_why, size_t size)
{
	struct backend *backend;
	struct store *s;
	int rc;

	if (!open_backend(o, &backend, ret_why, size))
		return NULL;
	s = store_new(o, backend);
	s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	rc = s->wake_fd < 0 ? errno : start_thread(s);
	if (rc != 0) {
		snprintf(ret_why, size, "the store's thread cannot be started: %s", strerror(rc));
		store_free(s);
		return NULL;
	}
	return s;
}

struct backlog *store_backlog(struct store *s)
{
	return &s->backlog;
}

static bool begin(struct store *s, struct str name, bool is_import, struct str log_json, int64_t *ret_id, char *ret_why,
	size_t size)
{
	if (!wish_make(&s->wish, name, is_import, log_json, ret_why, size))
		return false;
	wake(s);
	return wish_wait(&s->wish, STORE_BEGIN_MS, ret_id, ret_why, size);
}

bool store_begin_session(struct store *s, struct str name, int64_t *ret_id, char *ret_why, size_t size)
{
	return begin(s, name, false, STR_NONE, ret_id, ret_why, size);
}

bool store_begin_import(struct store *s, struct str name, struct str log_json, int64_t *ret_id, char *ret_why, size_t size)
{
	return begin(s, name, true, log_json, ret_id, ret_why, size);
}

void store_session(struct store *s, struct session *ret)
{
	wish_session(&s->wish, ret);
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
	redactor_unref(s->reload_redactor);
	s->reload_log = o->access_log ? mem_strdup(o->access_log) : NULL;
	s->reload_redactor = o->redactor ? redactor_ref(o->redactor) : NULL;
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

static uint64_t read_count(const atomic_uint_fast64_t *count)
{
	return atomic_load_explicit(count, memory_order_relaxed);
}

void store_counts(const struct store *s, struct store_counts *ret)
{
	*ret = (struct store_counts){
		.flows_written = read_count(&s->counts.written),
		.write_errors = read_count(&s->counts.errors),
		.flows_lost = read_count(&s->counts.lost),
		.bodies_cut_limit = read_count(&s->backlog.bodies_cut_limit),
		.bodies_cut_overload = read_count(&s->backlog.bodies_cut_overload),
		.bodies_cut_store = read_count(&s->backlog.bodies_cut_store),
		.pruned = read_count(&s->counts.pruned),
		.file_bytes = read_count(&s->counts.file_bytes),
		.log_bytes = read_count(&s->counts.log_bytes),
		.backlog_bytes =
			atomic_load_explicit(&s->backlog.bytes, memory_order_relaxed) + read_count(&s->counts.held_bytes),
	};
}
