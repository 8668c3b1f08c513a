/* See inspector.h. Here: its life, and what it knows of the proxy. */
#include "admin/inspector.h"

#include "admin/importer.h"
#include "admin/reach.h"
#include "admin/routes.h"
#include "base/clock.h"
#include "base/mem.h"
#include "core/exchange.h"

#include <stdio.h>

enum { URL_BYTES = ADDRESS_TEXT_BYTES + 16 };

struct inspector {
	struct inspector_needs needs;
	struct importer *importer;
	const struct meter **meters;
	size_t meters_n;
	int64_t started_us, started_mono_us;
	char token[TOKEN_TEXT_BYTES];
	char url[URL_BYTES];
};

/* An import leaves room for traffic, which begins to wait when twice as much is on its way. */
static struct importer *make_importer(const struct inspector_needs *needs)
{
	const struct importer_needs importer = {
		.store = needs->store, .shared = needs->shared, .backlog_bytes = (size_t)needs->settings->capture_memory / 2};

	return importer_new(&importer);
}

void inspector_set_memory(struct inspector *i, int64_t capture_memory)
{
	importer_set_backlog(i->importer, (size_t)capture_memory / 2);
}

struct inspector *inspector_new(const struct inspector_needs *needs)
{
	struct inspector *i = mem_calloc(1, sizeof(*i));
	struct address local = reach_locally(&needs->address);
	char address[ADDRESS_TEXT_BYTES];

	if (!token_make(i->token)) {
		mem_free(i);
		return NULL;
	}
	i->importer = make_importer(needs);
	if (i->importer == NULL) {
		mem_free(i);
		return NULL;
	}
	i->needs = *needs;
	settings_ref(needs->settings);
	i->started_us = clock_wall_us();
	i->started_mono_us = clock_mono_us();
	snprintf(i->url, sizeof(i->url), "http://%s/", address_format(&local, address));
	return i;
}

void inspector_free(struct inspector *i)
{
	if (i == NULL)
		return;
	importer_free(i->importer);
	settings_unref(i->needs.settings);
	mem_free(i->meters);
	mem_free(i);
}

void inspector_add_meter(struct inspector *i, const struct meter *m)
{
	i->meters = mem_realloc(i->meters, (i->meters_n + 1) * sizeof(*i->meters));
	i->meters[i->meters_n++] = m;
}

const char *inspector_url(const struct inspector *i)
{
	return i->url;
}

const char *inspector_token(const struct inspector *i)
{
	return i->token;
}

static struct status inspector_status(const struct inspector *i)
{
	const struct shared *shared = i->needs.shared;
	struct status s = {
		.settings = i->needs.settings,
		.version = i->needs.version,
		.inspector = str_of(i->url),
		.started_us = i->started_us,
		.uptime_us = clock_mono_us() - i->started_mono_us,
		.clients = atomic_load(&shared->clients),
		.clients_ever = atomic_load(&shared->next_client_id) - 1,
		.learned = shared->learned,
		.now_us = clock_mono_us(),
	};

	for (size_t m = 0; m < i->meters_n; m++)
		meter_add_to(i->meters[m], &s.counts);
	store_counts(i->needs.store, &s.store);
	if (shared->leaves != NULL)
		leaves_count(shared->leaves, &s.leaves);
	return s;
}

static struct stream *inspector_answer(void *owner, struct exchange *x)
{
	struct inspector *i = owner;
	const struct address *here = &x->facts.listener;
	struct address proxy = reach_proxy(i->needs.settings, here);
	struct ca *ca = i->needs.shared->leaves == NULL ? NULL : leaves_ca(i->needs.shared->leaves);
	struct status status = inspector_status(i);
	char text[ADDRESS_TEXT_BYTES];
	struct visit visit = {
		.request = x->facts.request,
		.here = here,
		.token = i->token,
		.proxy = &proxy,
		.status = &status,
		.importer = i->importer,
		.sessions = {i->needs.store, i->needs.settings->capture_enabled ? i->needs.settings->data : NULL},
		.ca = i->needs.ca,
		.arena = x->arena,
		.pool = x->worker->bufpool,
	};
	struct stream *s;

	status.proxy = str_of(address_format(&proxy, text));
	status.intercept = x->settings->intercept;
	status.ca = ca;
	s = routes_answer(&visit);
	ca_unref(ca);
	return s;
}

struct answerer inspector_answerer(struct inspector *i)
{
	return (struct answerer){.answer = inspector_answer, .owner = i, .is_only = true};
}
