/* See worker.h. */
#include "core/worker.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/client.h"
#include "core/exchange.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	KEEP_SLAB_BYTES = 4 << 20,
	/* Beyond limits.clients so many more are told so; then connections are just closed. */
	REFUSED_CLIENTS = 256,
	HOUSEKEEPING_MS = 100,
};

/* Accepting stops while memory is short, the recorder is behind, or the worker drains; established clients go on. */
static void worker_steer_listeners(struct worker *w)
{
	bool pause = w->is_overloaded || w->is_draining || link_budget_is_spent(&w->budget);

	for (size_t i = 0; i < w->listeners_n; i++)
		listener_pause(w->listeners[i], pause);
	/* While something holds us back, look again; an idle worker does not tick. */
	if (link_budget_is_spent(&w->budget))
		timer_set(&w->housekeeping, HOUSEKEEPING_MS);
}

static void worker_on_housekeeping(void *owner)
{
	struct worker *w = owner;

	link_budget_check(&w->budget);
	worker_steer_listeners(w);
}

/* Reading has stopped somewhere: from now on somebody looks whether it may go on. */
static void worker_on_stall(void *owner)
{
	worker_steer_listeners(owner);
}

static void worker_on_accept(void *owner, struct transport *t)
{
	struct worker *w = owner;
	int64_t open = atomic_load(&w->shared->clients), limit = w->settings->limit_clients;

	if (open >= limit + REFUSED_CLIENTS) {
		transport_close(t, false);
		return;
	}
	client_new(w, t, open >= limit ? ERR_too_many_clients : ERR_none);
	if (link_budget_is_spent(&w->budget))
		worker_steer_listeners(w);
}

bool worker_is_own(const struct worker *w, const struct address *to)
{
	for (size_t i = 0; i < w->shared->own_n; i++) {
		const struct address *own = &w->shared->own[i];

		if (address_eq(own, to))
			return true;
		if (address_port(own) != address_port(to))
			continue;
		/* A wildcard listener is reached by all of 127.0.0.0/8, and a loopback one by the unspecified address. */
		if ((address_is_unspecified(own) && address_is_loopback(to)) ||
			(address_is_unspecified(to) && address_is_loopback(own)))
			return true;
	}
	return false;
}

static enum error worker_check_address(void *owner, const struct address *to)
{
	return worker_is_own(owner, to) ? ERR_loop_detected : ERR_none;
}

static void worker_set_via(struct worker *w)
{
	w->via = w->settings->via[0] != '\0' ? str_of(w->settings->via) : str_of(w->via_made);
}

static char *join(const struct text_list *list)
{
	size_t size = 1, used = 0;
	char *text;

	for (size_t i = 0; i < list->n; i++)
		size += str_of(list->v[i]).len + 1;
	text = mem_alloc(size);
	text[0] = '\0';
	for (size_t i = 0; i < list->n; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%s", i == 0 ? "" : ",", list->v[i]);
	return text;
}

static struct resolver_options worker_resolver_options(const struct settings *s, const char *servers)
{
	return (struct resolver_options){
		.servers = servers,
		.max_ttl_ms = s->dns_max_ttl_ms,
		.min_ttl_ms = s->dns_min_ttl_ms,
		.failure_ttl_ms = s->dns_failure_ttl_ms,
		.max_names = (size_t)s->dns_max_names,
		.hosts = (const char *const *)s->hosts.v,
		.hosts_n = s->hosts.n,
	};
}

static bool worker_make_resolver(struct worker *w)
{
	char *servers = join(&w->settings->dns_servers);
	struct resolver_options o = worker_resolver_options(w->settings, servers);

	w->resolver = resolver_new(w->loop, &o);
	mem_free(servers);
	return w->resolver != NULL;
}

static void worker_make_pool(struct worker *w)
{
	struct pool_needs needs = {
		.loop = w->loop,
		.resolver = w->resolver,
		.tls = w->tls,
		.budget = &w->budget,
		.gate = w->shared->gate,
		.check = worker_check_address,
		.owner = w,
	};

	w->pool = pool_new(&needs, w->settings);
}

static void worker_on_cut_off(void *owner)
{
	struct worker *w = owner;

	while (!list_is_empty(&w->exchanges))
		exchange_cut_off(LIST_ITEM(w->exchanges.next, struct exchange, node));
	while (!list_is_empty(&w->clients))
		client_end(client_of_node(w->clients.next));
	loop_stop(w->loop);
}

struct worker *worker_new(const struct worker_needs *needs, char *ret_why, size_t size)
{
	struct worker *w = mem_calloc(1, sizeof(*w));

	w->number = needs->number;
	w->of = needs->of;
	w->shared = needs->shared;
	w->settings = settings_ref(needs->settings);
	w->tls = needs->tls;
	w->tls_server = needs->tls_server;
	w->answerer = needs->answerer;
	w->setup = needs->setup;
	snprintf(w->via_made, sizeof(w->via_made), "%s", needs->via_made);
	worker_set_via(w);
	w->loop = loop_new();
	w->bufpool = bufpool_new(KEEP_SLAB_BYTES);
	link_budget_init(&w->budget, w->bufpool, (size_t)w->settings->limit_memory / w->of);
	w->budget.on_stall = worker_on_stall;
	w->budget.owner = w;
	list_init(&w->clients);
	list_init(&w->exchanges);
	list_init(&w->held);
	timer_init(&w->housekeeping, w->loop, worker_on_housekeeping, w);
	timer_init(&w->cut_off, w->loop, worker_on_cut_off, w);
	if (w->loop == NULL) {
		snprintf(ret_why, size, "the event loop cannot start: %s", strerror(errno));
		worker_free(w);
		return NULL;
	}
	if (!worker_make_resolver(w)) {
		snprintf(ret_why, size, "the resolver cannot start (dns.servers)");
		worker_free(w);
		return NULL;
	}
	worker_make_pool(w);
	w->auth = auth_new(w->loop, w->shared->verifier);
	retry_budget_init(&w->retries, clock_mono_us());
	w->listeners = mem_calloc(needs->fds_n, sizeof(struct listener *));
	for (size_t i = 0; i < needs->fds_n; i++)
		w->listeners[w->listeners_n++] = listener_new(w->loop, needs->fds[i], worker_on_accept, w);
	return w;
}

void worker_add_observer(struct worker *w, const struct observer *o)
{
	if (w->observers_n < WORKER_OBSERVERS)
		w->observers[w->observers_n++] = *o;
}

void worker_run(struct worker *w)
{
	loop_run(w->loop);
}

void worker_free(struct worker *w)
{
	for (size_t i = 0; i < w->listeners_n; i++)
		listener_free(w->listeners[i]);
	mem_free(w->listeners);
	timer_stop(&w->housekeeping);
	timer_stop(&w->cut_off);
	pool_free(w->pool);
	w->pool = NULL;
	resolver_free(w->resolver);
	w->resolver = NULL;
	/* Answers of the verifier that are still on their way are run, and freed, by the loop's end. */
	loop_free(w->loop);
	auth_free(w->auth);
	tls_client_free(w->tls);
	tls_server_free(w->tls_server);
	bufpool_free(w->bufpool);
	settings_unref(w->settings);
	mem_free(w);
}

struct settings_post {
	struct post post;
	struct worker *worker;
	struct settings *settings;
	struct tls_client *tls;
};

static void worker_use_settings(struct worker *w, struct settings *settings, struct tls_client *tls)
{
	struct settings *old = w->settings;
	char *servers = join(&settings->dns_servers);
	struct resolver_options o = worker_resolver_options(settings, servers);

	w->settings = settings;
	/* Exchanges under way hold references to the settings, and the Via name, that they began with. */
	worker_set_via(w);
	w->budget.limit_bytes = (size_t)w->settings->limit_memory / w->of;
	resolver_set_options(w->resolver, &o);
	pool_set_settings(w->pool, w->settings, tls);
	tls_client_free(w->tls);
	w->tls = tls;
	settings_unref(old);
	mem_free(servers);
}

static void worker_take_settings(struct post *p)
{
	struct settings_post *m = (struct settings_post *)p;

	if (m->worker->pool != NULL) {
		worker_use_settings(m->worker, m->settings, m->tls);
	} else {
		/* The worker is being freed: there is nobody to use them. */
		settings_unref(m->settings);
		tls_client_free(m->tls);
	}
	mem_free(m);
}

void worker_post_settings(struct worker *w, struct settings *settings, struct tls_client *tls)
{
	struct settings_post *m = mem_calloc(1, sizeof(*m));

	m->post.run = worker_take_settings;
	m->worker = w;
	m->settings = settings_ref(settings);
	m->tls = tls;
	loop_post(w->loop, &m->post);
}

struct drain_post {
	struct post post;
	struct worker *worker;
	int64_t drain_ms;
};

static void worker_drain(struct post *p)
{
	struct drain_post *m = (struct drain_post *)p;
	struct worker *w = m->worker;
	struct list *node;

	if (!w->is_draining) {
		w->is_draining = true;
		for (size_t i = 0; i < w->listeners_n; i++)
			listener_free(w->listeners[i]);
		w->listeners_n = 0;
		pool_drain(w->pool);
		for (node = w->clients.next; node != &w->clients; node = node->next)
			client_drain(client_of_node(node));
	}
	timer_set(&w->cut_off, m->drain_ms);
	worker_client_gone(w);
	mem_free(m);
}

void worker_post_drain(struct worker *w, int64_t drain_ms)
{
	struct drain_post *m = mem_calloc(1, sizeof(*m));

	m->post.run = worker_drain;
	m->worker = w;
	m->drain_ms = drain_ms;
	loop_post(w->loop, &m->post);
}

void worker_client_gone(struct worker *w)
{
	if (w->is_draining && list_is_empty(&w->clients))
		loop_stop(w->loop);
}

void worker_set_overloaded(struct worker *w, bool is_overloaded)
{
	struct list *node;

	w->is_overloaded = is_overloaded;
	worker_steer_listeners(w);
	if (is_overloaded)
		return;
	while ((node = list_take(&w->held)) != NULL)
		exchange_wake(LIST_ITEM(node, struct exchange, held));
}
