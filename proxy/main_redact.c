/* See main_redact.h. */
#include "main_redact.h"

#include "base/log.h"
#include "base/mem.h"
#include "config/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { NOTE_MODE = 0600, PATH_BYTES = 4096 };

/* Written beside its place and then put there, so that nobody reads half of it. False with errno. */
static bool note(const struct settings *s, const char *path)
{
	char beside[PATH_BYTES];
	FILE *to;
	int fd;
	bool ok;

	if ((size_t)snprintf(beside, sizeof(beside), "%s.new", path) >= sizeof(beside)) {
		errno = ENAMETOOLONG;
		return false;
	}
	fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, NOTE_MODE);
	to = fd < 0 ? NULL : fdopen(fd, "w");
	if (to == NULL) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	settings_print_some(s, "capture.redact", to);
	ok = fclose(to) == 0 && rename(beside, path) == 0;
	if (!ok)
		unlink(beside);
	return ok;
}

bool redact_make(const struct settings *started, const struct settings *s, struct redactor **ret, char *ret_why, size_t size)
{
	const struct redact_options options = {
		.folder = started->data,
		.fields = &s->capture_redact_fields,
		.query = &s->capture_redact_query,
		.json = &s->capture_redact_json,
	};
	char *path;

	*ret = NULL;
	if (!started->capture_enabled)
		return true;
	path = paths_redact_note(started->data);
	if (!note(s, path))
		log_warn("%s: cannot be written: %s; exports go by their own configuration", path, strerror(errno));
	mem_free(path);
	if (s->capture_redact == REDACT_OFF)
		return true;
	*ret = redactor_new(&options, ret_why, size);
	return *ret != NULL;
}
