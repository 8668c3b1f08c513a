/* See har_file.h. Not for reading the flows: har_feed.c; how the file stays whole: twin_file.c. */
#include "store/har/har_file.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/har/har_feed.h"
#include "store/har/twin_file.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
	SOON_MS = 200,   /* between two steps, */
	LATER_MS = 1000, /* or two larger ones */
	LARGE_BYTES = 1 << 20,
	KEPT_BYTES = 1 << 20,  /* of memory between pages */
	STEP_MS = 1000,        /* when a step is published although there is more */
	COPIED_PER_MS = 16384, /* a step that copies much comes seldom: bytes for each ms */
	FAULT_MS_MAX = 30000,
	SAID_FAULT = 2,
	LAST_TRIES = 3
};

struct har_file {
	struct twin_file *file;
	struct har_feed *feed;
	char *path, *version;
	uint64_t max_bytes;
	pthread_t thread;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t wake;
	struct redactor *redactor;
	bool is_stopping;

	/* The thread's own. */
	struct text t;
	struct har_mark published; /* what the published file holds, */
	uint64_t in_file, in_step; /* entries in it, and those that the step adds */
	unsigned wait_ms;
	unsigned faults; /* one after the other */
	bool said_missed;
	atomic_uint_fast64_t n_entries, n_faults, n_missed;
};

/* As it is set now; a reference. */
static struct redactor *redactor_now(struct har_file *h)
{
	struct redactor *r;

	pthread_mutex_lock(&h->lock);
	r = h->redactor ? redactor_ref(h->redactor) : NULL;
	pthread_mutex_unlock(&h->lock);
	return r;
}

/* What comes first in a new file. */
static struct str begin_text(struct har_file *h)
{
	struct har_options o = {.version = h->version};

	text_clear(&h->t);
	har_put_begin(&h->t, &o);
	return text_str(&h->t);
}

/* Why the file cannot be written; false, for the caller to return. */
static bool tell(int rc, char *ret_why, size_t size)
{
	snprintf(ret_why, size, "it cannot be written: %s", strerror(rc));
	return false;
}

/* The next page of entries; false on a fault, which is told. */
static bool put_page(struct har_file *h, bool *ret_is_more, size_t *ret_bytes, char *ret_why, size_t size)
{
	struct redactor *redactor = redactor_now(h);
	struct har_options o = {.version = h->version, .redactor = redactor};
	enum har_feed_end end;
	size_t n = 0;
	int rc;

	text_clear(&h->t);
	end = har_feed_page(h->feed, &h->t, &o, &n);
	redactor_unref(redactor);
	*ret_is_more = end == HAR_FEED_MORE;
	if (end == HAR_FEED_FAILED) {
		snprintf(ret_why, size, "the flow database cannot be read: %s", har_feed_error(h->feed));
		return false;
	}
	/* Before the first entry of a file there is nothing to divide it from. */
	rc = twin_file_put(h->file, str_from(text_str(&h->t), n > 0 && h->in_file + h->in_step == 0 ? strlen(",\n") : 0));
	h->in_step += n;
	*ret_bytes = h->t.len;
	if (h->t.cap > KEPT_BYTES)
		text_fini(&h->t);
	return rc == 0 || tell(rc, ret_why, size);
}

static bool is_large(const struct har_file *h, uint64_t added)
{
	return twin_file_bytes(h->file) + added >= h->max_bytes;
}

/* Pages until there is no more, or it is time to publish. */
static bool put_pages(struct har_file *h, bool *ret_is_more, uint64_t *ret_added, char *ret_why, size_t size)
{
	int64_t until_us = clock_mono_us() + STEP_MS * INT64_C(1000);

	*ret_added = h->in_step = 0;
	do {
		size_t bytes;

		if (!put_page(h, ret_is_more, &bytes, ret_why, size))
			return false;
		*ret_added += bytes;
	} while (*ret_is_more && !is_large(h, *ret_added) && clock_mono_us() < until_us);
	return true;
}

static void tell_counts(struct har_file *h)
{
	const struct har_mark *m = har_feed_mark(h->feed);

	h->published = *m;
	atomic_fetch_add_explicit(&h->n_entries, h->in_step, memory_order_relaxed);
	atomic_store_explicit(&h->n_missed, m->n_missed, memory_order_relaxed);
	if (m->n_missed == 0 || h->said_missed)
		return;
	h->said_missed = true;
	log_warn("har.path: flows left the flow database before they were written to %s: it is behind, and "
		 "capture.max_flows or capture.max_bytes are small",
		h->path);
}

/* The published file is put aside, and another one begins. */
static bool turn(struct har_file *h, char *ret_why, size_t size)
{
	int rc = twin_file_turn(h->file, begin_text(h));

	if (rc != 0)
		return tell(rc, ret_why, size);
	h->in_file = 0;
	return true;
}

/* Publishes what was put, if anything was. */
static bool publish(struct har_file *h, uint64_t added, char *ret_why, size_t size)
{
	int rc = added > 0 || twin_file_is_lost(h->file) ? twin_file_publish(h->file) : 0;

	if (rc != 0)
		return tell(rc, ret_why, size);
	h->in_file += h->in_step;
	tell_counts(h);
	return !is_large(h, 0) || turn(h, ret_why, size);
}

/* Back to what the published file holds. */
static void undo(struct har_file *h)
{
	twin_file_undo(h->file);
	har_feed_go_back(h->feed, &h->published);
}

/* The file stays as it is, and it is tried again ever more seldom. It is said once, if it does not pass at once. */
static void note_fault(struct har_file *h, const char *why)
{
	if (++h->faults == SAID_FAULT)
		log_warn("har.path: %s is behind: %s; what is missing is written later", h->path, why);
	atomic_fetch_add_explicit(&h->n_faults, 1, memory_order_relaxed);
	if (h->wait_ms < SOON_MS)
		h->wait_ms = SOON_MS;
	h->wait_ms = h->wait_ms > FAULT_MS_MAX / 2 ? FAULT_MS_MAX : h->wait_ms * 2;
}

static void note_success(struct har_file *h, uint64_t added)
{
	uint64_t copy_ms = twin_file_lag(h->file) / COPIED_PER_MS;

	if (h->faults >= SAID_FAULT)
		log_info("har.path: %s is written again", h->path);
	h->faults = 0;
	h->wait_ms = added > LARGE_BYTES || copy_ms >= SOON_MS ? LATER_MS : SOON_MS;
	if (copy_ms > h->wait_ms)
		h->wait_ms = (unsigned)(copy_ms < INT32_MAX ? copy_ms : INT32_MAX);
}

enum step_end { STEP_DONE, STEP_MORE, STEP_PUT_OFF, STEP_FAILED };

/* Writes what has ended since the last step. must: now, whoever reads the file. */
static enum step_end step(struct har_file *h, bool must)
{
	char why[512] = "";
	bool is_more = false;
	uint64_t added = 0;
	int rc;

	if (!har_feed_has_news(h->feed) && !twin_file_is_lost(h->file))
		return STEP_DONE;
	rc = twin_file_begin(h->file, must);
	if (rc == EAGAIN)
		return STEP_PUT_OFF;
	if (rc != 0)
		tell(rc, why, sizeof(why));
	if (rc != 0 || !put_pages(h, &is_more, &added, why, sizeof(why)) || !publish(h, added, why, sizeof(why))) {
		undo(h);
		note_fault(h, why);
		return STEP_FAILED;
	}
	note_success(h, added);
	return is_more ? STEP_MORE : STEP_DONE;
}

/* Waits until the next step is due; true: it is the last one. */
static bool wait_for_step(struct har_file *h)
{
	struct timespec until;
	bool is_stopping;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += h->wait_ms / 1000;
	until.tv_nsec += h->wait_ms % 1000 * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	pthread_mutex_lock(&h->lock);
	while (!h->is_stopping && pthread_cond_timedwait(&h->wake, &h->lock, &until) == 0)
		;
	is_stopping = h->is_stopping;
	pthread_mutex_unlock(&h->lock);
	return is_stopping;
}

/* All that is there. */
static void write_rest(struct har_file *h)
{
	unsigned tries = 0;
	enum step_end end;

	do {
		end = step(h, true);
		if (end == STEP_FAILED)
			tries++;
	} while (end == STEP_MORE || (end == STEP_FAILED && tries < LAST_TRIES));
	if (end == STEP_FAILED)
		log_error("har.path: %s does not hold all flows: it could not be written to the end", h->path);
}

static void *run(void *arg)
{
	struct har_file *h = arg;

	while (!wait_for_step(h)) {
		if (step(h, false) == STEP_MORE)
			h->wait_ms = 0;
	}
	write_rest(h);
	return NULL;
}

/* The file itself; one line in ret_why. */
static bool make_file(struct har_file *h, char *ret_why, size_t size)
{
	struct text end = {NULL, 0, 0};
	int rc;

	har_put_end(&end, NULL, &(struct har_options){.redactor = NULL});
	rc = twin_file_new(h->path, begin_text(h), text_str(&end), &h->file);
	text_fini(&end);
	if (rc != 0)
		snprintf(ret_why, size, "har.path: %s: %s", h->path, strerror(rc));
	return rc == 0;
}

static int start_thread(struct har_file *h)
{
	pthread_condattr_t attributes;
	sigset_t all, before;
	int rc;

	pthread_mutex_init(&h->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&h->wake, &attributes);
	pthread_condattr_destroy(&attributes);
	/* Signals are for the main thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&h->thread, NULL, run, h);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0) {
		pthread_cond_destroy(&h->wake);
		pthread_mutex_destroy(&h->lock);
	}
	return rc;
}

/* What is there without the thread. */
static void free_file(struct har_file *h)
{
	twin_file_free(h->file);
	har_feed_free(h->feed);
	redactor_unref(h->redactor);
	text_fini(&h->t);
	mem_free(h->path);
	mem_free(h->version);
	mem_free(h);
}

static bool open_all(struct har_file *h, const struct har_file_options *o, char *ret_why, size_t size)
{
	int rc;

	h->feed = har_feed_new(o->folder, o->filter, ret_why, size);
	if (!h->feed || !make_file(h, ret_why, size))
		return false;
	h->published = *har_feed_mark(h->feed);
	rc = start_thread(h);
	if (rc != 0)
		snprintf(ret_why, size, "no thread for har.path: %s", strerror(rc));
	return rc == 0;
}

struct har_file *har_file_start(const struct har_file_options *o, char *ret_why, size_t size)
{
	struct har_file *h = mem_calloc(1, sizeof(*h));

	h->path = mem_strdup(o->path);
	h->version = mem_strdup(o->version ? o->version : "");
	h->max_bytes = o->max_bytes > 0 ? (uint64_t)o->max_bytes : UINT64_MAX;
	h->redactor = o->redactor ? redactor_ref(o->redactor) : NULL;
	h->wait_ms = SOON_MS;
	if (open_all(h, o, ret_why, size))
		return h;
	free_file(h);
	return NULL;
}

void har_file_set_redactor(struct har_file *h, const struct redactor *redactor)
{
	struct redactor *before;

	pthread_mutex_lock(&h->lock);
	before = h->redactor;
	h->redactor = redactor ? redactor_ref(redactor) : NULL;
	pthread_mutex_unlock(&h->lock);
	redactor_unref(before);
}

void har_file_stop(struct har_file *h)
{
	if (!h)
		return;
	pthread_mutex_lock(&h->lock);
	h->is_stopping = true;
	pthread_cond_signal(&h->wake);
	pthread_mutex_unlock(&h->lock);
	pthread_join(h->thread, NULL);
	pthread_cond_destroy(&h->wake);
	pthread_mutex_destroy(&h->lock);
	free_file(h);
}

void har_file_counts(const struct har_file *h, struct har_file_counts *ret)
{
	ret->entries = atomic_load_explicit(&h->n_entries, memory_order_relaxed);
	ret->write_errors = atomic_load_explicit(&h->n_faults, memory_order_relaxed);
	ret->missed_flows = atomic_load_explicit(&h->n_missed, memory_order_relaxed);
}
