/* viaduct import: a HAR file into the flow database, as a session of its own: by the proxy that has the database in use, or,
 * where none does, directly. */
#include "base/mem.h"
#include "base/utf8.h"
#include "cli/cli.h"
#include "cli/cli_options.h"
#include "cli/import_part.h"
#include "config/settings.h"
#include "store/session.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { WHY_BYTES = 1024 };

static const char usage[] =
	"usage: viaduct import FILE.har [--session NAME] [--data DIR] [-c FILE]\n"
	"\n"
	"Puts the requests of a HAR file into the flow database, where they are flows like those that went through the\n"
	"proxy: of browsers (Chromium, Firefox, Safari), of Playwright, Charles, Fiddler, mitmproxy, and of viaduct itself.\n"
	"They form a session of their own. A proxy may run meanwhile.\n"
	"\n"
	"      --session NAME   its name; the file's name if it is missing\n"
	"      --data DIR       data folder of the flow database\n"
	"  -c, --config FILE    the configuration that names the folder, without --data\n"
	"\n"
	"An entry that cannot be used is named and left out, and the rest imported. Secrets in the file are kept as they are\n"
	"unless capture.redact is all.\n";

static const struct cli_flag flags[] = {
	{'s', "--session", true},
	{'d', "--data", true},
	{'c', "--config", true},
	{'c', "-c", true},
	{'h', "--help", false},
	{'h', "-h", false},
};

struct words {
	const char *file, *session, *data, *config;
	bool wants_help;
};

static bool take_value(struct words *w, int id, const char *value)
{
	switch (id) {
	case 's':
		w->session = value;
		return true;
	case 'd':
		w->data = value;
		return true;
	case 'c':
		w->config = value;
		return true;
	case 'h':
		w->wants_help = true;
		return true;
	case CLI_WORD:
		if (w->file != NULL)
			cli_complain("import", "%s: one file at a time (see viaduct import --help)", value);
		else
			w->file = value;
		return w->file == value;
	default:
		return false;
	}
}

/* False after saying what is wrong. */
static bool parse(int argc, char **argv, struct words *ret)
{
	struct cli_args args = {"import", argc, argv, flags, sizeof(flags) / sizeof(flags[0])};
	const char *value = NULL;
	int id;

	while ((id = cli_next(&args, &value)) != CLI_END) {
		if (!take_value(ret, id, value))
			return false;
	}
	if (ret->wants_help || ret->file != NULL)
		return true;
	cli_complain("import", "which file? (see viaduct import --help)");
	return false;
}

void import_hold_interrupt(void)
{
	sigset_t held;

	sigemptyset(&held);
	sigaddset(&held, SIGINT);
	sigprocmask(SIG_BLOCK, &held, NULL);
}

bool import_is_interrupted(int wait_ms)
{
	const struct timespec wait = {.tv_sec = wait_ms / 1000, .tv_nsec = wait_ms % 1000 * 1000000L};
	sigset_t held;

	sigemptyset(&held);
	sigaddset(&held, SIGINT);
	return sigtimedwait(&held, NULL, &wait) == SIGINT;
}

void import_show_progress(uint64_t bytes, uint64_t size, uint64_t flows)
{
	unsigned percent = size > 0 ? (unsigned)(100.0 * (double)bytes / (double)size) : 0;

	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r%3u %%  %llu flows\x1b[K", percent > 100 ? 100 : percent, (unsigned long long)flows);
}

void import_hide_progress(void)
{
	if (isatty(STDERR_FILENO))
		fputs("\r\x1b[K", stderr);
}

bool import_print_end(const struct import_request *r, uint64_t flows, int64_t session_id, uint64_t left_out)
{
	struct text t = {NULL, 0, 0};
	bool ok;

	text_printf(&t, "%llu flow%s of ", (unsigned long long)flows, flows == 1 ? "" : "s");
	text_visible(&t, str_of(r->file));
	text_printf(&t, " %s session %lld, \"", flows == 1 ? "is" : "are", (long long)session_id);
	text_legible(&t, str_of(r->session));
	text_byte(&t, '"');
	if (left_out > 0)
		text_printf(&t, "; %llu entr%s left out", (unsigned long long)left_out, left_out == 1 ? "y was" : "ies were");
	text_byte(&t, '\n');
	ok = cli_print(&t);
	text_fini(&t);
	return ok;
}

/* A proxy that has the folder in use is asked to do it. */
static int dispatch(const struct import_request *r)
{
	struct running running;
	char why[WHY_BYTES] = "";
	int status;

	import_hold_interrupt();
	if (running_find(r->folder, &running, why, sizeof(why))) {
		status = import_running(r, &running);
		running_fini(&running);
		return status;
	}
	if (!reader_is_live(r->folder))
		return import_here(r);
	cli_complain("import", "%s", why);
	return EXIT_FAILED;
}

/* Its name, as a list and a terminal can show it. */
static void name_session(const struct words *w, const char *file, char name[SESSION_NAME_BYTES])
{
	const char *slash = strrchr(file, '/');
	const char *given = w->session != NULL && w->session[0] != '\0' ? w->session : NULL;

	utf8_legible(str_of(given != NULL ? given : slash != NULL ? slash + 1 : file), name, SESSION_NAME_BYTES);
}

static int import(const struct words *w, const struct settings *settings)
{
	char name[SESSION_NAME_BYTES], *file = mem_alloc(PATH_MAX);
	struct import_request r = {
		.file = file, .session = name, .folder = w->data != NULL ? w->data : settings->data, .settings = settings};
	int status = EXIT_FAILED;

	if (realpath(w->file, file) == NULL) {
		cli_complain("import", "%s: %s", w->file, strerror(errno));
	} else {
		name_session(w, file, name);
		status = dispatch(&r);
	}
	mem_free(file);
	return status;
}

int cli_import(int argc, char **argv)
{
	struct settings_source source = {.environ = (const char *const *)environ};
	struct words w = {0};
	struct settings *settings;
	char why[WHY_BYTES] = "";
	int status;

	if (!parse(argc, argv, &w))
		return EXIT_USAGE;
	if (w.wants_help) {
		fputs(usage, stdout);
		return EXIT_OK;
	}
	source.file = w.config;
	settings = settings_load(&source, why, sizeof(why));
	if (settings == NULL) {
		cli_complain("import", "%s", why);
		return EXIT_USAGE;
	}
	status = import(&w, settings);
	settings_unref(settings);
	return status;
}
