/* See wish.h. */
#include "store/wish.h"

#include "base/clock.h"
#include "base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

void wish_init(struct wish *w, const struct session *present)
{
	pthread_condattr_t monotonic;

	*w = (struct wish){.end = {.session = *present}};
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->is_granted, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

static void forget(struct wish *w)
{
	mem_free(w->name);
	mem_free(w->log_json);
	w->name = w->log_json = NULL;
	w->state = WISH_NONE;
}

void wish_fini(struct wish *w)
{
	forget(w);
	pthread_cond_destroy(&w->is_granted);
	pthread_mutex_destroy(&w->lock);
}

bool wish_make(struct wish *w, struct str name, bool is_import, struct str log_json, char *ret_why, size_t size)
{
	bool is_free;

	pthread_mutex_lock(&w->lock);
	is_free = w->state == WISH_NONE;
	if (is_free) {
		w->name = mem_strndup(name.len > 0 ? name.p : "", name.len);
		w->log_json = mem_strndup(log_json.len > 0 ? log_json.p : "", log_json.len);
		w->is_import = is_import;
		w->has_end = false;
		w->state = WISH_MADE;
	}
	pthread_mutex_unlock(&w->lock);
	if (!is_free)
		snprintf(ret_why, size, "another session is just beginning");
	return is_free;
}

/* Of CLOCK_MONOTONIC. */
static struct timespec deadline(int limit_ms)
{
	int64_t at_us = clock_mono_us() + limit_ms * INT64_C(1000);

	return (struct timespec){.tv_sec = at_us / 1000000, .tv_nsec = at_us % 1000000 * 1000};
}

bool wish_wait(struct wish *w, int limit_ms, int64_t *ret_id, char *ret_why, size_t size)
{
	struct timespec until = deadline(limit_ms);
	bool is_done;

	pthread_mutex_lock(&w->lock);
	while (!w->has_end && pthread_cond_timedwait(&w->is_granted, &w->lock, &until) != ETIMEDOUT)
		;
	is_done = w->has_end && w->end.is_done;
	if (is_done)
		*ret_id = w->end.id;
	else if (w->has_end)
		snprintf(ret_why, size, "%s", w->end.why);
	else
		snprintf(ret_why, size, "the flow database is busy; %s",
			w->state == WISH_TAKEN ? "the session may still begin" : "no session has begun");
	if (w->state == WISH_TAKEN && !w->has_end)
		w->state = WISH_GIVEN_UP;
	else
		forget(w);
	pthread_mutex_unlock(&w->lock);
	return is_done;
}

void wish_session(struct wish *w, struct session *ret)
{
	pthread_mutex_lock(&w->lock);
	*ret = w->end.session;
	pthread_mutex_unlock(&w->lock);
}

bool wish_take(struct wish *w)
{
	bool is_taken;

	pthread_mutex_lock(&w->lock);
	is_taken = w->state == WISH_MADE;
	if (is_taken)
		w->state = WISH_TAKEN;
	pthread_mutex_unlock(&w->lock);
	return is_taken;
}

void wish_grant(struct wish *w, const struct wish_end *end)
{
	pthread_mutex_lock(&w->lock);
	w->end = *end;
	if (w->state == WISH_GIVEN_UP) {
		forget(w);
	} else {
		w->has_end = true;
		pthread_cond_signal(&w->is_granted);
	}
	pthread_mutex_unlock(&w->lock);
}
