/* See main_serve.h. The main thread reads the options, makes the store and the workers, and then waits for signals: SIGTERM and
 * SIGINT drain (a second one cuts off), SIGHUP reloads. */
#include "main_serve.h"

#include "base/log.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "core/auth.h"
#include "core/gate.h"
#include "core/learned.h"
#include "core/leaves.h"
#include "core/shared.h"
#include "core/spooler.h"
#include "http/h1.h"
#include "http/public_suffix.h"
#include "main_ca.h"
#include "main_options.h"
#include "main_ready.h"
#include "main_redact.h"
#include "main_workers.h"
#include "net/loop.h"
#include "net/tls_server.h"
#include "store/har/har_file.h"
#include "store/redact/redact.h"
#include "store/store.h"
#include "version.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { DAY_MS = 24 * 60 * 60 * 1000 };

struct serve {
	struct serve_options options;
	struct settings *settings;
	struct settings *started; /* what RESTART options go by */
	struct shared shared;
	struct store *store;
	struct redactor *redactor; /* NULL: capture.redact is off, or nothing is captured */
	struct har_file *har;      /* NULL: there is none */
	struct loop *loop;
	struct workers *workers;
	struct vault *vault;
	struct ca_spkis own; /* whom no origin may be vouched for by, at the start */
	struct timer remark; /* that the CA's end is near */
	bool is_published;
	bool is_draining;
};

static struct settings *load(const struct serve_options *o, char *ret_why, size_t size)
{
	struct settings_source source = {
		.file = o->config,
		.environ = (const char *const *)environ,
		.set = (const char *const *)o->set,
		.set_n = o->set_n,
	};

	return settings_load(&source, ret_why, size);
}

static struct store_options store_options_of(const struct serve *v, const struct settings *s)
{
	bool is_terminal = isatty(STDOUT_FILENO);

	return (struct store_options){
		.folder = s->capture_enabled ? s->data : NULL,
		.max_flows = s->capture_max_flows,
		.max_bytes = s->capture_max_bytes,
		.max_age_us = s->capture_max_age_ms * 1000,
		.memory = s->capture_memory,
		.session = s->capture_session,
		.redactor = s->capture_redact == REDACT_ALL ? v->redactor : NULL,
		.access_log = s->log_access,
		.access_is_json = s->log_access_format == ACCESS_JSON,
		.terminal = s->log_terminal == TERMINAL_ALWAYS || (s->log_terminal == TERMINAL_AUTO && is_terminal),
		.terminal_colour = is_terminal && getenv("NO_COLOR") == NULL,
		.version = VIADUCT_VERSION,
	};
}

/* Each client is a descriptor, and so is each upstream; the soft limit of most systems is for programs that use select(2). */
static void raise_descriptor_limit(const struct settings *s)
{
	struct rlimit limit;
	rlim_t wanted = (rlim_t)s->limit_clients + 256;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < wanted)
		log_warn("the system allows %llu open files; limits.clients %lld needs %llu at least",
			(unsigned long long)limit.rlim_cur, (long long)s->limit_clients, (unsigned long long)wanted);
}

/* The file that other commands find us by. */
static void publish(struct serve *v)
{
	char *path = vault_pem_path(v->vault);
	struct ready ready = {.settings = v->started, .inspector = workers_inspector(v->workers), .ca = path};

	ready_publish(&ready);
	v->is_published = true;
	mem_free(path);
}

/* The CA of the settings; is_wanted: to be made even where tunnels are not opened. That it cannot be read is only worth a warning
 * where it is not needed. False with one line in ret_why. */
static bool find_ca(struct serve *v, const struct settings *s, bool is_wanted, struct ca **ret_ca, char *ret_why, size_t size)
{
	bool is_needed = vault_is_needed(s);

	if (vault_find(v->vault, s, is_needed || is_wanted, ret_ca, ret_why, size))
		return true;
	if (!is_needed)
		log_warn("%s", ret_why);
	return !is_needed;
}

/* The workers' trust, made anew. False with one line in ret_why, and nothing changed. */
static bool reload_workers(struct serve *v, struct settings *s, const struct ca *ca, char *ret_why, size_t size)
{
	struct ca_spkis own;
	bool ok;

	vault_own_spkis(v->vault, s, ca, &own);
	ok = workers_reload(v->workers, s, &own, ret_why, size);
	ca_spkis_fini(&own);
	return ok;
}

/* Settings, CA and trust change together or not at all. */
static bool reload_parts(struct serve *v, struct settings *fresh, char *ret_why, size_t size)
{
	struct ca *ca = NULL;
	bool ok = find_ca(v, fresh, false, &ca, ret_why, size) && reload_workers(v, fresh, ca, ret_why, size);

	if (ok) {
		vault_use(v->vault, fresh, ca);
		leaves_set_max(v->shared.leaves, (size_t)fresh->intercept_max_leaves);
	}
	ca_unref(ca);
	return ok;
}

static void reload(struct serve *v)
{
	char why[512] = "", names[256] = "";
	struct settings *fresh = load(&v->options, why, sizeof(why));
	struct redactor *redactor = NULL;
	struct store_options store;

	if (fresh == NULL || !redact_make(v->started, fresh, &redactor, why, sizeof(why)) ||
		!reload_parts(v, fresh, why, sizeof(why))) {
		log_error("%s; the old configuration stays", why);
		redactor_unref(redactor);
		settings_unref(fresh);
		return;
	}
	redactor_unref(v->redactor);
	v->redactor = redactor;
	settings_restart_needed(v->started, fresh, names, sizeof(names));
	if (names[0] != '\0')
		log_warn("a restart is needed for: %s", names);
	store = store_options_of(v, fresh);
	store_reload(v->store, &store);
	if (v->har != NULL)
		har_file_set_redactor(v->har, redactor);
	spooler_set_limit(v->shared.spooler, (uint64_t)fresh->redirects_spool_limit);
	log_set_level((enum log_level)fresh->log_level);
	settings_unref(v->settings);
	v->settings = fresh;
	publish(v);
	vault_remark(v->vault);
	log_info("configuration reloaded");
}

static void on_remark_due(void *owner)
{
	struct serve *v = owner;

	vault_remark(v->vault);
	timer_set(&v->remark, DAY_MS);
}

struct found_post {
	struct post post;
	struct serve *serve;
};

/* The workers' trust is made anew, so that it knows the CA. */
static void take_found(struct post *p)
{
	struct found_post *m = LIST_ITEM(p, struct found_post, post);
	struct serve *v = m->serve;
	struct ca *ca = leaves_ca(v->shared.leaves);
	char why[512] = "";

	/* At the end of the loop there is nobody left to tell. */
	if (v->workers != NULL && !v->is_draining) {
		if (!reload_workers(v, v->settings, ca, why, sizeof(why)))
			log_warn("%s; the CA that was just found is told to the workers at the next reload", why);
		publish(v);
	}
	ca_unref(ca);
	mem_free(m);
}

static void on_ca_found(void *owner)
{
	struct serve *v = owner;
	struct found_post *m = mem_calloc(1, sizeof(*m));

	m->post.run = take_found;
	m->serve = v;
	loop_post(v->loop, &m->post);
}

static void on_signal(void *owner, int signum)
{
	struct serve *v = owner;

	if (signum == SIGHUP) {
		if (v->is_draining)
			return;
		ready_notify("RELOADING=1");
		reload(v);
		ready_notify("READY=1");
		return;
	}
	ready_notify("STOPPING=1");
	if (!v->is_draining && isatty(STDERR_FILENO))
		log_info("waiting for what is in flight, for timeouts.drain at most; once more to stop at once");
	workers_drain(v->workers, v->is_draining ? 0 : v->settings->timeout_drain_ms);
	v->is_draining = true;
}

static void on_workers_over(void *owner)
{
	struct serve *v = owner;

	loop_stop(v->loop);
}

static int fail(int status, const char *why)
{
	fprintf(stderr, "viaduct: %s\n", why);
	return status;
}

/* Bodies kept for replay lie beside the flow database, in a folder that is ours alone; without one, where temporary files lie. */
static const char *spool_folder(const struct settings *s)
{
	const char *folder = getenv("TMPDIR");

	if (s->capture_enabled)
		return s->data;
	return folder != NULL && folder[0] == '/' ? folder : "/var/tmp";
}

/* What all workers share. False if the system gives no thread. */
static bool make_shared(struct serve *v)
{
	v->shared.next_flow_id = store_next_id(v->store);
	v->shared.next_client_id = 1;
	public_suffix_init();
	v->shared.gate = gate_new();
	v->shared.verifier = verifier_new();
	v->shared.spooler = spooler_new(spool_folder(v->settings));
	if (v->shared.spooler != NULL)
		spooler_set_limit(v->shared.spooler, (uint64_t)v->settings->redirects_spool_limit);
	v->shared.learned = learned_new();
	v->shared.leaves = leaves_new((size_t)v->settings->intercept_max_leaves);
	v->shared.tickets = tls_tickets_new();
	return v->shared.gate != NULL && v->shared.verifier != NULL && v->shared.spooler != NULL && v->shared.learned != NULL &&
		v->shared.leaves != NULL && v->shared.tickets != NULL;
}

/* The CA: needed where tunnels are opened; made too where a ready file is to name it; and else read if it is there, since no origin
 * may be vouched for by it. Returns 0 or the exit status. */
static int open_ca(struct serve *v)
{
	struct vault_needs needs = {.data = v->started->data, .leaves = v->shared.leaves, .on_found = on_ca_found, .owner = v};
	char why[512] = "";
	struct ca *ca = NULL;

	v->vault = vault_new(&needs);
	if (!find_ca(v, v->settings, v->options.ready_file != NULL, &ca, why, sizeof(why)))
		return fail(EXIT_USAGE, why);
	vault_own_spkis(v->vault, v->settings, ca, &v->own);
	vault_use(v->vault, v->settings, ca);
	ca_unref(ca);
	return 0;
}

/* The flow database, and the HAR file that is made of it. False with one line in ret_why. */
static bool open_store(struct serve *v, char *ret_why, size_t size)
{
	const struct settings *s = v->settings;
	struct store_options store;
	struct har_file_options har;

	store = store_options_of(v, s);
	v->store = store_start(&store, ret_why, size);
	/* Its key lies in the folder that the store has made. */
	if (v->store == NULL || !redact_make(v->started, s, &v->redactor, ret_why, size))
		return false;
	store = store_options_of(v, s);
	if (store.redactor != NULL)
		store_reload(v->store, &store);
	if (*s->har_path == '\0')
		return true;
	har = (struct har_file_options){
		.path = s->har_path,
		.folder = s->data,
		.filter = s->har_filter,
		.max_bytes = s->har_max_bytes,
		.version = VIADUCT_VERSION,
		.redactor = v->redactor,
	};
	v->har = har_file_start(&har, ret_why, size);
	return v->har != NULL;
}

/* Opens what the options ask for. Returns 0 or the exit status. */
static int open_all(struct serve *v)
{
	char why[512] = "";
	struct workers_needs needs;
	int status;

	/* That of an earlier run would be taken for ours. */
	if (v->options.ready_file != NULL)
		unlink(v->options.ready_file);
	v->settings = load(&v->options, why, sizeof(why));
	if (v->settings == NULL)
		return fail(EXIT_USAGE, why);
	v->started = settings_ref(v->settings);
	log_set_level((enum log_level)v->settings->log_level);
	if (!open_store(v, why, sizeof(why)))
		return fail(EXIT_USAGE, why);
	v->loop = loop_new();
	if (!make_shared(v) || v->loop == NULL)
		return fail(EXIT_FAILED, "the system gives no thread, no descriptor or no random bits");
	status = open_ca(v);
	if (status != 0)
		return status;
	needs = (struct workers_needs){
		.settings = v->settings,
		.shared = &v->shared,
		.store = v->store,
		.loop = v->loop,
		.ca = vault_source(v->vault),
		.own = &v->own,
		.version = VIADUCT_VERSION,
		.on_over = on_workers_over,
		.owner = v,
	};
	v->workers = workers_new(&needs, why, sizeof(why));
	return v->workers == NULL ? fail(EXIT_USAGE, why) : 0;
}

/* Tells who waits for it, and whoever looks, that the proxy is up. */
static bool announce(struct serve *v, char *ret_why, size_t size)
{
	char *path = vault_pem_path(v->vault);
	struct ready ready = {.settings = v->settings, .inspector = workers_inspector(v->workers), .ca = path};
	bool ok;

	ready_print(&ready);
	/* First, so that who waits for the other finds it. */
	publish(v);
	ok = v->options.ready_file == NULL || ready_write(v->options.ready_file, &ready, ret_why, size);
	mem_free(path);
	return ok;
}

static int run(struct serve *v)
{
	char why[512] = "";

	loop_on_signal(v->loop, SIGTERM, on_signal, v);
	loop_on_signal(v->loop, SIGINT, on_signal, v);
	loop_on_signal(v->loop, SIGHUP, on_signal, v);
	raise_descriptor_limit(v->settings);
	if (!workers_start(v->workers)) {
		fprintf(stderr, "viaduct: no thread for a worker: %s\n", strerror(errno));
		workers_drain(v->workers, 0);
		return EXIT_FAILED;
	}
	timer_init(&v->remark, v->loop, on_remark_due, v);
	on_remark_due(v);
	if (!announce(v, why, sizeof(why))) {
		workers_drain(v->workers, 0);
		loop_run(v->loop);
		return fail(EXIT_USAGE, why);
	}
	ready_notify("READY=1");
	loop_run(v->loop);
	return EXIT_OK;
}

static void close_all(struct serve *v)
{
	/* The verifier and the spooler post to the workers' loops, and the recorders push to the store's rings: each ends before
	 * what it needs. So do the workers before what they share. */
	if (v->is_published)
		ready_retract(v->started);
	if (v->workers != NULL)
		workers_join(v->workers);
	verifier_free(v->shared.verifier);
	spooler_free(v->shared.spooler);
	if (v->workers != NULL)
		workers_free(v->workers);
	v->workers = NULL;
	gate_free(v->shared.gate);
	public_suffix_fini();
	store_stop(v->store);
	/* It reads what the store has written last. */
	har_file_stop(v->har);
	redactor_unref(v->redactor);
	if (v->loop != NULL) {
		timer_stop(&v->remark);
		loop_free(v->loop);
	}
	vault_free(v->vault);
	ca_spkis_fini(&v->own);
	leaves_free(v->shared.leaves);
	learned_free(v->shared.learned);
	tls_tickets_free(v->shared.tickets);
	settings_unref(v->settings);
	settings_unref(v->started);
	mem_free(v->shared.own);
	serve_options_fini(&v->options);
}

int main_serve(int argc, char **argv)
{
	struct serve v = {0};
	char why[256] = "";
	int status;

	if (!h1_parser_is_strict())
		return fail(EXIT_FAILED,
			"llhttp was built in its loose mode, which lets smuggled requests through; build it strict");
	if (!serve_options_parse(argc, argv, &v.options, why, sizeof(why))) {
		serve_options_fini(&v.options);
		return fail(EXIT_USAGE, why);
	}
	if (v.options.wants_help) {
		serve_options_fini(&v.options);
		puts("viaduct serve [options]: see viaduct --help");
		return EXIT_OK;
	}
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error to be told, not the end */
	status = open_all(&v);
	if (status == 0)
		status = run(&v);
	close_all(&v);
	return status;
}
