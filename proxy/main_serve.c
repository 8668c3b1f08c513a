/* See main_serve.h. The main thread reads the options, makes the store and the workers, and then waits for signals: SIGTERM and
 * SIGINT drain (a second one cuts off), SIGHUP reloads. */
#include "main_serve.h"

#include "base/log.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "core/auth.h"
#include "core/gate.h"
#include "core/shared.h"
#include "core/spooler.h"
#include "http/h1.h"
#include "http/public_suffix.h"
#include "main_options.h"
#include "main_ready.h"
#include "main_workers.h"
#include "net/loop.h"
#include "store/store.h"
#include "version.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

struct serve {
	struct serve_options options;
	struct settings *settings;
	struct settings *started; /* what RESTART options go by */
	struct shared shared;
	struct store *store;
	struct loop *loop;
	struct workers *workers;
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

static struct store_options store_options_of(const struct settings *s)
{
	bool is_terminal = isatty(STDOUT_FILENO);

	return (struct store_options){
		.folder = s->capture_enabled ? s->data : NULL,
		.max_flows = s->capture_max_flows,
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

static void reload(struct serve *v)
{
	char why[512] = "", names[256] = "";
	struct settings *fresh = load(&v->options, why, sizeof(why));
	struct store_options store;

	if (fresh == NULL || !workers_reload(v->workers, fresh, why, sizeof(why))) {
		log_error("%s; the old configuration stays", why);
		settings_unref(fresh);
		return;
	}
	settings_restart_needed(v->started, fresh, names, sizeof(names));
	if (names[0] != '\0')
		log_warn("a restart is needed for: %s", names);
	store = store_options_of(fresh);
	store_reload(v->store, &store);
	spooler_set_limit(v->shared.spooler, (uint64_t)fresh->redirects_spool_limit);
	log_set_level((enum log_level)fresh->log_level);
	settings_unref(v->settings);
	v->settings = fresh;
	log_info("configuration reloaded");
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
	return v->shared.gate != NULL && v->shared.verifier != NULL && v->shared.spooler != NULL;
}

/* Opens what the options ask for. Returns 0 or the exit status. */
static int open_all(struct serve *v)
{
	char why[512] = "";
	struct store_options store;
	struct workers_needs needs;

	/* That of an earlier run would be taken for ours. */
	if (v->options.ready_file != NULL)
		unlink(v->options.ready_file);
	v->settings = load(&v->options, why, sizeof(why));
	if (v->settings == NULL)
		return fail(EXIT_USAGE, why);
	v->started = settings_ref(v->settings);
	log_set_level((enum log_level)v->settings->log_level);
	store = store_options_of(v->settings);
	v->store = store_start(&store, why, sizeof(why));
	if (v->store == NULL)
		return fail(EXIT_USAGE, why);
	v->loop = loop_new();
	if (!make_shared(v) || v->loop == NULL)
		return fail(EXIT_FAILED, "the system gives no thread or no descriptor");
	needs = (struct workers_needs){
		.settings = v->settings,
		.shared = &v->shared,
		.store = v->store,
		.loop = v->loop,
		.version = VIADUCT_VERSION,
		.on_over = on_workers_over,
		.owner = v,
	};
	v->workers = workers_new(&needs, why, sizeof(why));
	return v->workers == NULL ? fail(EXIT_USAGE, why) : 0;
}

static int run(struct serve *v)
{
	struct ready ready = {.settings = v->settings, .inspector = workers_inspector(v->workers)};
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
	ready_print(&ready);
	if (v->options.ready_file != NULL && !ready_write(v->options.ready_file, &ready, why, sizeof(why))) {
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
	/* The verifier and the spooler post to the workers' loops, and the recorders push to the store's rings: each ends before what it needs. */
	if (v->workers != NULL)
		workers_join(v->workers);
	verifier_free(v->shared.verifier);
	spooler_free(v->shared.spooler);
	if (v->workers != NULL)
		workers_free(v->workers);
	gate_free(v->shared.gate);
	public_suffix_fini();
	store_stop(v->store);
	if (v->loop != NULL)
		loop_free(v->loop);
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
	status = open_all(&v);
	if (status == 0)
		status = run(&v);
	close_all(&v);
	return status;
}
