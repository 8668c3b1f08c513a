/* What the sub-commands share. Not for the options of serve: main_options.c. */
#include "cli/cli_options.h"

#include "base/mem.h"
#include "config/settings.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { LINE_BYTES = 1024 };

void cli_complain(const char *command, const char *format, ...)
{
	struct text out = {NULL, 0, 0};
	char line[LINE_BYTES];
	va_list args;

	va_start(args, format);
	if (vsnprintf(line, sizeof(line), format, args) < 0)
		line[0] = '\0';
	va_end(args);
	text_visible(&out, str_of(line));
	fprintf(stderr, "viaduct %s: %.*s\n", command, STR_ARG(text_str(&out)));
	text_fini(&out);
}

/* "--flag=value" or "--flag value"; *ret_value is NULL when it is missing. */
static bool is_flag(struct cli_args *a, const char *argument, const struct cli_flag *f, const char **ret_value)
{
	size_t n = strlen(f->name);

	if (strncmp(argument, f->name, n) != 0)
		return false;
	if (argument[n] == '=' && f->has_value && n > 2) {
		*ret_value = argument + n + 1;
		return true;
	}
	if (argument[n] != '\0')
		return false;
	*ret_value = NULL;
	if (f->has_value && a->argc > 0) {
		*ret_value = *a->argv++;
		a->argc--;
	}
	return true;
}

int cli_next(struct cli_args *a, const char **ret_value)
{
	const char *argument;

	if (a->argc == 0)
		return CLI_END;
	argument = *a->argv++;
	a->argc--;
	if (argument[0] != '-' || argument[1] == '\0') {
		*ret_value = argument;
		return CLI_WORD;
	}
	for (size_t i = 0; i < a->flags_n; i++) {
		if (!is_flag(a, argument, &a->flags[i], ret_value))
			continue;
		if (!a->flags[i].has_value || *ret_value)
			return a->flags[i].id;
		cli_complain(a->command, "%s needs a value (see viaduct %s --help)", argument, a->command);
		return CLI_BAD;
	}
	cli_complain(a->command, "there is no option %s (see viaduct %s --help)", argument, a->command);
	return CLI_BAD;
}

char *cli_folder(const char *command, const char *data, const char *config)
{
	struct settings_source source = {.file = config, .environ = (const char *const *)environ};
	struct settings *s;
	char why[LINE_BYTES];
	char *folder;

	if (data)
		return mem_strdup(data);
	s = settings_load(&source, why, sizeof(why));
	if (!s) {
		cli_complain(command, "%s", why);
		return NULL;
	}
	folder = mem_strdup(s->data);
	settings_unref(s);
	return folder;
}

void cli_settle(const char *folder)
{
	/* A flow in flight is shown after 250 ms, and the writer commits every 200. */
	const struct timespec t = {.tv_nsec = 500 * 1000000L};

	sigset_t none;

	sigemptyset(&none);
	if (reader_is_live(folder))
		sigtimedwait(&none, NULL, &t);
}

bool cli_has_colour(void)
{
	const char *no_colour = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no_colour && *no_colour != '\0') && !(term && strcmp(term, "dumb") == 0);
}

size_t cli_width(void)
{
	struct winsize w;

	return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 ? w.ws_col : 0;
}

bool cli_print(struct text *t)
{
	bool ok = fwrite(t->p ? t->p : "", 1, t->len, stdout) == t->len && fflush(stdout) == 0;

	if (!ok)
		fprintf(stderr, "viaduct: stdout cannot be written: %s\n", strerror(errno));
	text_clear(t);
	return ok;
}
