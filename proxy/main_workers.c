/* See main_workers.h. */
#include "main_workers.h"

#include "admin/inspector.h"
#include "admin/meter.h"
#include "base/log.h"
#include "base/mem.h"
#include "capture/recorder.h"
#include "core/leaves.h"
#include "core/worker.h"
#include "net/tcp.h"

#include <errno.h>
#include <ifaddrs.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

struct worker_thread {
	struct workers *all;
	struct worker *worker;
	struct recorder *recorder; /* NULL: the inspector's thread, whose requests are no flows */
	struct meter *meter;       /* as above */
	pthread_t thread;
	bool is_started;
	struct post over;
};

struct workers {
	struct workers_needs needs;
	struct worker_thread *v; /* the proxy's, then the inspector's if there is one */
	size_t proxy_n, n, over_n;
	char via[32];
	struct inspector *inspector; /* NULL: off */
	struct shared inspector_shared;
};

static size_t workers_count(const struct settings *s)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (s->workers > 0)
		return (size_t)s->workers;
	return cores < 1 ? 1 : cores > 64 ? 64 : (size_t)cores;
}

/* The listening sockets of one worker: one per address. */
static bool bind_all(struct settings *s, int *fds, char *ret_why, size_t size)
{
	for (size_t i = 0; i < s->listen.n; i++) {
		fds[i] = tcp_listen(&s->listen_addresses[i]);
		if (fds[i] < 0) {
			snprintf(ret_why, size, "listen: %s: %s", s->listen.v[i], strerror(errno));
			while (i-- > 0)
				close(fds[i]);
			return false;
		}
	}
	return true;
}

/* SO_REUSEPORT would let a second viaduct of the same user share the port unnoticed. */
static bool ports_are_free(const struct settings *s, char *ret_why, size_t size)
{
	for (size_t i = 0; i < s->listen.n; i++) {
		if (!tcp_can_listen(&s->listen_addresses[i])) {
			snprintf(ret_why, size, "listen: %s: %s", s->listen.v[i], strerror(errno));
			return false;
		}
	}
	if (s->has_inspector && !tcp_can_listen(&s->inspector_address)) {
		snprintf(ret_why, size, "inspector: %s: %s", s->inspector, strerror(errno));
		return false;
	}
	return true;
}

static void on_overload(void *owner, bool is_over)
{
	worker_set_overloaded(owner, is_over);
}

/* CAs of ours are never trusted upstream, though the system may: else whoever got hold of a key could stand in for any origin.
 * Former ones count: systems trust them until somebody takes them away. */
static struct tls_client *make_tls(const struct settings *s, const struct ca_spkis *own, char *ret_why, size_t size)
{
	const char *file = s->upstream_ca_file[0] == '\0' ? NULL : s->upstream_ca_file;
	char why[256] = "";
	struct tls_client *tls = tls_client_new(file, own->v, own->n, why, sizeof(why));

	if (tls == NULL)
		snprintf(ret_why, size, "upstream.ca_file: %s", why);
	return tls;
}

/* Both roles of a worker of the proxy. */
static bool make_both_tls(struct workers *w, struct worker_needs *needs, char *ret_why, size_t size)
{
	char why[256] = "";

	needs->tls = make_tls(needs->settings, w->needs.own, ret_why, size);
	if (needs->tls == NULL)
		return false;
	needs->tls_server = tls_server_new(w->needs.shared->tickets, why, sizeof(why));
	if (needs->tls_server == NULL)
		snprintf(ret_why, size, "TLS towards clients: %s", why);
	return needs->tls_server != NULL;
}

/* Whether flows are captured at all is settled at the start. */
static struct recorder_limits recorder_limits_of(const struct workers *w, const struct settings *s)
{
	return (struct recorder_limits){
		.body_limit = w->needs.settings->capture_enabled ? s->capture_body_limit : RECORDER_NO_BODIES,
		.memory = s->capture_memory,
		.is_shedding = s->capture_overload == OVERLOAD_SHED,
	};
}

static struct recorder *make_recorder(const struct workers *w, struct worker *worker)
{
	struct recorder_needs needs = {
		.loop = worker->loop,
		.ring = store_add_ring(w->needs.store),
		.backlog = store_backlog(w->needs.store),
		.limits = recorder_limits_of(w, w->needs.settings),
		.on_overload = on_overload,
		.owner = worker,
	};

	return recorder_new(&needs);
}

struct limits_post {
	struct post post;
	struct worker_thread *to;
	struct recorder_limits limits;
};

static void take_limits(struct post *p)
{
	struct limits_post *m = LIST_ITEM(p, struct limits_post, post);

	if (m->to->recorder != NULL)
		recorder_set_limits(m->to->recorder, &m->limits);
	mem_free(m);
}

/* The recorder belongs to its worker's thread. */
static void post_limits(struct worker_thread *t, const struct settings *s)
{
	struct limits_post *m = mem_calloc(1, sizeof(*m));

	m->post.run = take_limits;
	m->to = t;
	m->limits = recorder_limits_of(t->all, s);
	loop_post(t->worker->loop, &m->post);
}

static bool make_worker(struct workers *w, size_t i, char *ret_why, size_t size)
{
	struct settings *s = w->needs.settings;
	struct worker_thread *t = &w->v[i];
	int *fds = mem_calloc(s->listen.n, sizeof(*fds));
	struct worker_needs needs = {
		.number = (unsigned)i,
		.of = (unsigned)w->proxy_n,
		.shared = w->needs.shared,
		.settings = s,
		.via_made = w->via,
		.fds = fds,
		.fds_n = s->listen.n,
		.setup = setup_answerer(&w->needs.ca),
	};

	t->all = w;
	if (make_both_tls(w, &needs, ret_why, size) && bind_all(s, fds, ret_why, size)) {
		t->worker = worker_new(&needs, ret_why, size);
	} else {
		tls_client_free(needs.tls);
		tls_server_free(needs.tls_server);
	}
	mem_free(fds);
	if (t->worker == NULL)
		return false;
	t->recorder = make_recorder(w, t->worker);
	worker_add_observer(t->worker, recorder_observer(t->recorder));
	t->meter = meter_new();
	worker_add_observer(t->worker, meter_observer(t->meter));
	return true;
}

/* The inspector's worker forwards nothing and keeps its own numbers. The proxy's name in Via is its own too, so that a request
 * which came through the proxy is refused here as well. */
static bool make_inspector_worker(struct workers *w, struct worker_thread *t, int fd, char *ret_why, size_t size)
{
	struct worker_needs needs = {
		.number = (unsigned)w->proxy_n,
		.of = (unsigned)w->proxy_n,
		.shared = &w->inspector_shared,
		.settings = w->needs.settings,
		.via_made = w->via,
		.answerer = inspector_answerer(w->inspector),
		.fds = &fd,
		.fds_n = 1,
	};

	w->inspector_shared.next_flow_id = 1;
	w->inspector_shared.next_client_id = 1;
	w->inspector_shared.verifier = w->needs.shared->verifier;
	t->all = w;
	t->worker = worker_new(&needs, ret_why, size);
	return t->worker != NULL;
}

/* After the proxy's workers, whose meters it reads. */
static bool make_inspector(struct workers *w, char *ret_why, size_t size)
{
	struct settings *s = w->needs.settings;
	struct inspector_needs needs = {
		.settings = s,
		.shared = w->needs.shared,
		.store = w->needs.store,
		.version = w->needs.version,
		.ca = w->needs.ca,
	};
	int fd = tcp_listen(&s->inspector_address);

	if (fd < 0) {
		snprintf(ret_why, size, "inspector: %s: %s", s->inspector, strerror(errno));
		return false;
	}
	needs.address = s->inspector_address;
	w->inspector = inspector_new(&needs);
	if (w->inspector == NULL) {
		snprintf(ret_why, size, "inspector: no random bits for its token: %s", strerror(errno));
		close(fd);
		return false;
	}
	for (size_t i = 0; i < w->proxy_n; i++)
		inspector_add_meter(w->inspector, w->v[i].meter);
	w->needs.shared->inspector_url = str_of(inspector_url(w->inspector));
	return make_inspector_worker(w, &w->v[w->proxy_n], fd, ret_why, size);
}

static void own_add(struct shared *shared, const struct address *a)
{
	shared->own = mem_realloc(shared->own, (shared->own_n + 1) * sizeof(*shared->own));
	shared->own[shared->own_n++] = *a;
}

/* A wildcard listener is reached by every address of the machine. */
static void own_add_interfaces(struct shared *shared, const struct address *listener)
{
	struct ifaddrs *all = NULL;

	if (getifaddrs(&all) != 0) {
		log_warn("the addresses of this machine cannot be read (%s): a tunnel to them may reach this proxy itself",
			strerror(errno));
		return;
	}
	for (const struct ifaddrs *i = all; i != NULL; i = i->ifa_next) {
		struct address a = {0};

		if (i->ifa_addr == NULL || i->ifa_addr->sa_family != listener->ss.ss_family)
			continue;
		a.len = listener->len;
		memcpy(&a.ss, i->ifa_addr, a.len);
		address_set_port(&a, address_port(listener));
		own_add(shared, &a);
	}
	freeifaddrs(all);
}

static void own_add_listener(struct shared *shared, const struct address *listener)
{
	own_add(shared, listener);
	if (address_is_unspecified(listener))
		own_add_interfaces(shared, listener);
}

static void find_own_addresses(struct shared *shared, const struct settings *s)
{
	for (size_t i = 0; i < s->listen.n; i++)
		own_add_listener(shared, &s->listen_addresses[i]);
	if (s->has_inspector)
		own_add_listener(shared, &s->inspector_address);
}

/* Two viaducts in a row must not take each other's Via for their own. */
static void make_via(char *to, size_t size)
{
	uint32_t number = 0;

	if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
		number = (uint32_t)getpid();
	snprintf(to, size, "viaduct-%08x", number);
}

static bool make_all(struct workers *w, char *ret_why, size_t size)
{
	for (size_t i = 0; i < w->proxy_n; i++) {
		if (!make_worker(w, i, ret_why, size))
			return false;
	}
	return !w->needs.settings->has_inspector || make_inspector(w, ret_why, size);
}

struct workers *workers_new(const struct workers_needs *needs, char *ret_why, size_t size)
{
	struct workers *w = mem_calloc(1, sizeof(*w));

	w->needs = *needs;
	make_via(w->via, sizeof(w->via));
	if (!ports_are_free(needs->settings, ret_why, size)) {
		mem_free(w);
		return NULL;
	}
	w->proxy_n = workers_count(needs->settings);
	w->n = w->proxy_n + (needs->settings->has_inspector ? 1 : 0);
	w->v = mem_calloc(w->n, sizeof(*w->v));
	if (!make_all(w, ret_why, size)) {
		workers_free(w);
		return NULL;
	}
	find_own_addresses(needs->shared, needs->settings);
	return w;
}

const struct inspector *workers_inspector(const struct workers *w)
{
	return w->inspector;
}

static void on_thread_over(struct post *p)
{
	struct worker_thread *t = LIST_ITEM(p, struct worker_thread, over);
	struct workers *w = t->all;

	if (++w->over_n == w->n)
		w->needs.on_over(w->needs.owner);
}

static void *thread_main(void *arg)
{
	struct worker_thread *t = arg;

	worker_run(t->worker);
	if (t->recorder != NULL)
		recorder_free(t->recorder);
	t->recorder = NULL;
	t->over.run = on_thread_over;
	list_init(&t->over.node);
	loop_post(t->all->needs.loop, &t->over);
	return NULL;
}

bool workers_start(struct workers *w)
{
	for (size_t i = 0; i < w->n; i++) {
		int error = pthread_create(&w->v[i].thread, NULL, thread_main, &w->v[i]);

		if (error != 0) {
			errno = error;
			return false;
		}
		w->v[i].is_started = true;
	}
	return true;
}

bool workers_reload(struct workers *w, struct settings *settings, const struct ca_spkis *own, char *ret_why, size_t size)
{
	struct tls_client **tls = mem_calloc(w->n, sizeof(struct tls_client *));
	bool ok = true;

	for (size_t i = 0; i < w->proxy_n && ok; i++) {
		tls[i] = make_tls(settings, own, ret_why, size);
		ok = tls[i] != NULL;
	}
	for (size_t i = 0; i < w->n; i++) {
		if (ok)
			worker_post_settings(w->v[i].worker, settings, tls[i]);
		else
			tls_client_free(tls[i]);
		if (ok && w->v[i].recorder != NULL)
			post_limits(&w->v[i], settings);
	}
	if (ok && w->inspector != NULL)
		inspector_set_memory(w->inspector, settings->capture_memory);
	mem_free(tls);
	return ok;
}

void workers_drain(struct workers *w, int64_t drain_ms)
{
	for (size_t i = 0; i < w->n; i++)
		worker_post_drain(w->v[i].worker, drain_ms);
}

void workers_join(struct workers *w)
{
	for (size_t i = 0; i < w->n; i++) {
		if (w->v[i].is_started)
			pthread_join(w->v[i].thread, NULL);
		w->v[i].is_started = false;
	}
}

void workers_free(struct workers *w)
{
	for (size_t i = 0; i < w->n; i++) {
		struct worker_thread *t = &w->v[i];

		if (t->recorder != NULL)
			recorder_free(t->recorder);
		if (t->worker != NULL)
			worker_free(t->worker);
		meter_free(t->meter);
	}
	inspector_free(w->inspector);
	mem_free(w->v);
	mem_free(w);
}
