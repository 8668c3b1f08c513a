/* Where relative paths lead. Nothing is looked up on the disk but the working directory. */
#include "config/paths.h"

#include "base/mem.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* "folder/rest"; a new string. */
static char *join(const char *folder, const char *rest)
{
	size_t folder_len = strlen(folder), size;
	char *path;

	while (folder_len != 0 && folder[folder_len - 1] == '/')
		folder_len--;
	size = folder_len + strlen(rest) + 2;
	path = mem_alloc(size);
	snprintf(path, size, "%.*s/%s", (int)folder_len, folder, rest);
	return path;
}

const char *paths_env(const char *const *environment, const char *name)
{
	size_t len = strlen(name);

	for (; environment != NULL && *environment != NULL; environment++) {
		if (strncmp(*environment, name, len) == 0 && (*environment)[len] == '=')
			return (*environment)[len + 1] != '\0' ? *environment + len + 1 : NULL;
	}
	return NULL;
}

/* The rest of a path behind any "./", which would only be noise in messages. */
static const char *without_dots(const char *path)
{
	while (path[0] == '.' && path[1] == '/')
		path += 1 + strspn(path + 1, "/");
	return strcmp(path, ".") == 0 ? "" : path;
}

/* The path below the working directory. */
static char *below_working_directory(const char *path, char *ret_why, size_t size)
{
	char cwd[PATH_MAX];

	if (getcwd(cwd, sizeof(cwd)) == NULL) {
		snprintf(ret_why, size, "is relative, and there is no working directory: %s", strerror(errno));
		return NULL;
	}
	return *path != '\0' ? join(cwd, path) : mem_strdup(cwd);
}

char *paths_resolve(const char *path, const char *folder, const char *home, char *ret_why, size_t size)
{
	char *below, *resolved;

	if (path[0] == '\0' || path[0] == '/')
		return mem_strdup(path);
	if (path[0] == '~' && (path[1] == '/' || path[1] == '\0')) {
		if (home == NULL) {
			snprintf(ret_why, size, "begins with ~, but HOME is not set");
			return NULL;
		}
		return path[1] == '\0' ? mem_strdup(home) : join(home, path + 1 + strspn(path + 1, "/"));
	}
	if (folder == NULL || *without_dots(folder) == '\0')
		return below_working_directory(without_dots(path), ret_why, size);
	below = join(folder, without_dots(path));
	resolved = folder[0] == '/' ? mem_strdup(below) : below_working_directory(without_dots(below), ret_why, size);
	mem_free(below);
	return resolved;
}

char *paths_folder(const char *file)
{
	const char *slash = strrchr(file, '/');

	if (slash == NULL)
		return mem_strdup(".");
	return slash == file ? mem_strdup("/") : mem_strndup(file, (size_t)(slash - file));
}

char *paths_data(const char *const *environment)
{
	const char *state = paths_env(environment, "XDG_STATE_HOME"), *home = paths_env(environment, "HOME");

	if (state != NULL && state[0] == '/') /* the XDG specification has relative ones ignored */
		return join(state, "viaduct");
	return home != NULL && home[0] == '/' ? join(home, ".local/state/viaduct") : NULL;
}

char *paths_redact_note(const char *folder)
{
	return join(folder, "redact.yaml");
}
