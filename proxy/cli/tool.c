/* See tool.h. */
#include "cli/tool.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OUTPUT_MAX_BYTES = 1 << 20, CHUNK_BYTES = 4096 };

static bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* The program in one of the folders, which are separated by colons. Empty ones, by which PATH means the working directory, do not
 * count. */
static char *find_in(const char *folders, const char *name)
{
	struct text path = {NULL, 0, 0};
	struct str rest = str_of(folders);

	while (rest.len != 0) {
		struct str folder = str_first(rest, str_find(rest, ':'));

		rest = str_from(rest, folder.len < rest.len ? folder.len + 1 : folder.len);
		if (folder.len == 0 || folder.p[0] != '/')
			continue;
		text_clear(&path);
		text_printf(&path, "%.*s/%s", STR_ARG(folder), name);
		text_byte(&path, '\0');
		if (is_program(path.p))
			return path.p;
	}
	text_fini(&path);
	return NULL;
}

char *tool_find(const char *name)
{
	const char *path = getenv("PATH");
	char *found = path != NULL ? find_in(path, name) : NULL;

	return found != NULL ? found : find_in("/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin", name);
}

bool tool_is_here(const char *name)
{
	char *program = tool_find(name);

	mem_free(program);
	return program != NULL;
}

/* True if no shell gives any of its bytes a meaning. */
static bool is_plain_word(const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+:,@%=";

	return *word != '\0' && word[strspn(word, plain)] == '\0';
}

void tool_show(struct text *t, const char *const *words)
{
	for (size_t i = 0; words[i] != NULL; i++) {
		if (i != 0)
			text_byte(t, ' ');
		if (is_plain_word(words[i])) {
			text_put(t, str_of(words[i]));
			continue;
		}
		text_byte(t, '\'');
		for (const char *c = words[i]; *c != '\0'; c++) {
			if (*c == '\'')
				text_put(t, STR("'\\'"));
			text_byte(t, *c);
		}
		text_byte(t, '\'');
	}
}

/* Starts it, with that file as its stdout unless it is negative. */
static bool start(const char *const *words, int out, pid_t *ret_pid, char *ret_why, size_t size)
{
	char *program = tool_find(words[0]);
	posix_spawn_file_actions_t actions;
	int error;

	if (program == NULL) {
		snprintf(ret_why, size, "there is no such program");
		return false;
	}
	error = posix_spawn_file_actions_init(&actions);
	if (error == 0) {
		if (out >= 0)
			error = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
		if (error == 0) /* the words are not written to, whatever the prototype says */
			error = posix_spawn(ret_pid, program, &actions, NULL, (char *const *)words, environ);
		posix_spawn_file_actions_destroy(&actions);
	}
	if (error != 0)
		snprintf(ret_why, size, "%s: cannot be run: %s", program, strerror(error));
	mem_free(program);
	return error == 0;
}

static bool wait_end(pid_t pid, char *ret_why, size_t size)
{
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR) {
			snprintf(ret_why, size, "%s", strerror(errno));
			return false;
		}
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	if (WIFEXITED(status))
		snprintf(ret_why, size, "exit status %d", WEXITSTATUS(status));
	else
		snprintf(ret_why, size, "ended by signal %d", WTERMSIG(status));
	return false;
}

bool tool_run(const char *const *words, char *ret_why, size_t size)
{
	pid_t pid;

	return start(words, -1, &pid, ret_why, size) && wait_end(pid, ret_why, size);
}

/* All that comes, up to the bound. */
static bool read_all(int fd, struct text *t, char *ret_why, size_t size)
{
	ssize_t n;

	do {
		n = read(fd, text_room(t, CHUNK_BYTES), CHUNK_BYTES);
		if (n > 0)
			t->len += (size_t)n;
	} while ((n > 0 && t->len <= OUTPUT_MAX_BYTES) || (n < 0 && errno == EINTR));
	if (n < 0)
		snprintf(ret_why, size, "%s", strerror(errno));
	else if (n > 0)
		snprintf(ret_why, size, "its output is longer than %d bytes", OUTPUT_MAX_BYTES);
	return n == 0;
}

bool tool_read(const char *const *words, struct text *ret_out, char *ret_why, size_t size)
{
	int ends[2];
	pid_t pid;
	bool is_ok;

	if (pipe2(ends, O_CLOEXEC) != 0) {
		snprintf(ret_why, size, "%s", strerror(errno));
		return false;
	}
	is_ok = start(words, ends[1], &pid, ret_why, size);
	close(ends[1]);
	if (is_ok) {
		char why[64];
		bool is_whole = read_all(ends[0], ret_out, ret_why, size);

		close(ends[0]); /* what writes on learns that nobody reads */
		return wait_end(pid, is_whole ? ret_why : why, is_whole ? size : sizeof(why)) && is_whole;
	}
	close(ends[0]);
	return false;
}
