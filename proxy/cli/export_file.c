/* The file of an export. It is written beside its place, mode 0600, and renamed when it is whole. */
#include "cli/export_file.h"

#include "base/clock.h"
#include "base/mem.h"
#include "cli/cli_options.h"
#include "store/format.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { QUIET_US = 1000000, SHOW_EVERY_US = 200000 };

static bool complain(const char *path, const char *why)
{
	cli_complain("export", "%s: %s", path, why);
	return false;
}

/* Opened as it is: a device, a pipe. */
static bool open_directly(struct export_file *f, const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);

	f->to = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (f->to) {
		f->path = mem_strdup(path);
		return true;
	}
	complain(path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return false;
}

/* Interruptions are seen between two flows, so that nothing is left lying about. */
static void block_stop(void)
{
	sigset_t stop;

	sigemptyset(&stop);
	sigaddset(&stop, SIGINT);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGHUP);
	sigprocmask(SIG_BLOCK, &stop, NULL);
}

static bool open_beside(struct export_file *f, const char *path)
{
	char real[PATH_MAX]; /* behind links, if it is there */
	struct text beside = {NULL, 0, 0};
	int fd;

	f->path = mem_strdup(realpath(path, real) ? real : path);
	text_printf(&beside, "%s.XXXXXX", f->path);
	text_byte(&beside, '\0');
	f->beside = beside.p;
	fd = mkostemp(f->beside, O_CLOEXEC);
	f->to = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (f->to) {
		block_stop();
		return true;
	}
	complain(path, strerror(errno));
	if (fd >= 0) {
		close(fd);
		unlink(f->beside);
	}
	mem_free(f->path);
	mem_free(f->beside);
	return false;
}

bool export_file_open(struct export_file *f, const char *path)
{
	struct stat st;

	*f = (struct export_file){.begun_us = clock_mono_us()};
	f->has_progress = isatty(STDERR_FILENO) && ((path && strcmp(path, "-") != 0) || !isatty(STDOUT_FILENO));
	if (!path || strcmp(path, "-") == 0) {
		f->to = stdout;
		return true;
	}
	if (stat(path, &st) != 0)
		return open_beside(f, path);
	if (S_ISDIR(st.st_mode))
		return complain(path, "it is a folder");
	return S_ISREG(st.st_mode) ? open_beside(f, path) : open_directly(f, path);
}

bool export_file_is_stopped(const struct export_file *f)
{
	sigset_t pending;

	if (!f->beside || sigpending(&pending) != 0)
		return false;
	return sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGHUP) == 1;
}

static void show_progress(struct export_file *f, uint64_t flows, int permille)
{
	struct text line = {NULL, 0, 0};
	int64_t now_us = clock_mono_us();

	if (!f->has_progress || now_us - f->begun_us < QUIET_US || now_us - f->shown_us < SHOW_EVERY_US)
		return;
	f->shown_us = now_us;
	if (permille >= 0)
		text_printf(&line, "%d %%, ", permille / 10);
	text_printf(&line, "%" PRIu64 " flows, ", flows);
	format_bytes(&line, f->bytes);
	fprintf(stderr, "\r%.*s\x1b[K", STR_ARG(text_str(&line)));
	text_fini(&line);
}

static void end_progress(struct export_file *f)
{
	if (f->shown_us > 0)
		fputs("\r\x1b[K", stderr);
	f->shown_us = 0;
}

/* That nobody reads any more is no news. */
static bool fail(struct export_file *f)
{
	int why = errno;

	end_progress(f);
	f->is_broken = true;
	if (why != EPIPE)
		complain(f->path ? f->path : "stdout", strerror(why));
	return false;
}

bool export_file_put(struct export_file *f, struct text *t, uint64_t flows, int permille)
{
	size_t n = t->len;

	if (f->is_broken)
		return false;
	if (n > 0 && fwrite(t->p, 1, n, f->to) != n)
		return fail(f);
	f->bytes += n;
	text_clear(t);
	show_progress(f, flows, permille);
	return true;
}

/* Gives the file its place. */
static bool settle(struct export_file *f, bool is_whole)
{
	if (is_whole && !f->is_broken && rename(f->beside, f->path) == 0)
		return true;
	if (is_whole && !f->is_broken)
		complain(f->path, strerror(errno));
	unlink(f->beside);
	return false;
}

bool export_file_close(struct export_file *f, bool is_whole)
{
	bool ok = true;

	end_progress(f);
	if (!f->is_broken && (fflush(f->to) != 0 || (f->beside && fsync(fileno(f->to)) != 0)))
		ok = fail(f);
	if (f->to != stdout && fclose(f->to) != 0 && ok)
		ok = fail(f);
	if (f->beside)
		ok = settle(f, is_whole) && ok;
	mem_free(f->path);
	mem_free(f->beside);
	return ok && !f->is_broken;
}
