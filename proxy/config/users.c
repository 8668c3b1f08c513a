/* The users file: lines of name:hash, kept sorted by name. Not for: hashing (crypt_hash.c), nor for the Basic scheme. */
#include "config/users.h"

#include "base/log.h"
#include "base/mem.h"
#include "config/crypt_hash.h"
#include "config/printable.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
	USERS_MAX = 10000,
	NAME_MAX_BYTES = 255,
	LINE_MAX_BYTES = 1024,
};

struct user {
	char *name;
	char *hash;
	int line;
};

struct users {
	struct user *v; /* by name */
	size_t n;
};

struct reader {
	struct users *users;
	const char *file;
	int line;
	char *why;
	size_t why_size;
};

/* Writes "FILE:LINE: …"; false, so that it can be returned. */
static bool fail(const struct reader *r, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));
static bool fail(const struct reader *r, int line, const char *format, ...)
{
	int len = snprintf(r->why, r->why_size, "%s:%d: ", r->file, line);
	va_list args;

	if (len < 0 || (size_t)len >= r->why_size)
		return false;
	va_start(args, format);
	vsnprintf(r->why + len, r->why_size - (size_t)len, format, args);
	va_end(args);
	return false;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct user *)a)->name, ((const struct user *)b)->name);
}

/* Within equal names the earlier line comes first, so that the message blames the later one. */
static int compare_users(const void *a, const void *b)
{
	int order = compare_names(a, b);

	return order != 0 ? order : ((const struct user *)a)->line - ((const struct user *)b)->line;
}

/* One line without its end. */
static bool line_read(struct reader *r, char *line)
{
	char *colon = strchr(line, ':');
	struct users *u = r->users;
	enum crypt_fault fault;

	if (line[0] == '\0' || line[0] == '#')
		return true;
	if (colon == NULL)
		return fail(r, r->line, "there is no colon (name:hash)");
	*colon = '\0';
	if (colon == line || colon - line > NAME_MAX_BYTES || !printable_is(str_of(line)))
		return fail(r, r->line, "the name is empty, longer than %d bytes or not printable", NAME_MAX_BYTES);
	fault = crypt_hash_check(colon + 1);
	if (fault != CRYPT_FINE)
		return fail(r, r->line, "%s", crypt_fault_sentence(fault)); /* the hash is secret, so it is not shown */
	if (u->n == USERS_MAX)
		return fail(r, r->line, "more than %d users", USERS_MAX);
	u->v = mem_realloc(u->v, (u->n + 1) * sizeof(*u->v));
	u->v[u->n++] = (struct user){mem_strdup(line), mem_strdup(colon + 1), r->line};
	return true;
}

/* All lines, each bounded. */
static bool lines_read(struct reader *r, FILE *f)
{
	char line[LINE_MAX_BYTES + 2];

	for (r->line = 1; fgets(line, sizeof(line), f) != NULL; r->line++) {
		size_t len = strlen(line);

		if (len != 0 && line[len - 1] == '\n')
			line[--len] = '\0';
		else if (!feof(f))
			return fail(r, r->line, "the line is longer than %d bytes or holds a NUL byte", LINE_MAX_BYTES);
		if (len != 0 && line[len - 1] == '\r')
			line[len - 1] = '\0';
		if (!line_read(r, line)) {
			explicit_bzero(line, sizeof(line));
			return false;
		}
	}
	explicit_bzero(line, sizeof(line));
	return !ferror(f) || fail(r, r->line, "cannot be read: %s", strerror(errno));
}

/* Sorts by name and refuses doubles. */
static bool users_sort(const struct reader *r)
{
	const struct users *u = r->users;
	char shown[PRINTABLE_BYTES];

	if (u->n != 0)
		qsort(u->v, u->n, sizeof(*u->v), compare_users);
	for (size_t i = 1; i < u->n; i++) {
		if (compare_names(&u->v[i - 1], &u->v[i]) == 0) {
			printable_show(str_of(u->v[i].name), shown);
			return fail(r, u->v[i].line, "the user %s stands in line %d already", shown, u->v[i - 1].line);
		}
	}
	return true;
}

/* What is suspicious but no fault. */
static void users_warn(const struct users *u, const char *file, FILE *f)
{
	struct stat st;

	if (fstat(fileno(f), &st) == 0 && (st.st_mode & S_IROTH) != 0)
		log_warn("%s: password hashes are readable by all users of this machine; chmod o-r helps", file);
	if (u->n == 0)
		log_warn("%s: there are no users in it, so that nobody gets in", file);
}

struct users *users_load(const char *file, char *ret_why, size_t size)
{
	struct users *u;
	struct reader r = {.file = file, .why = ret_why, .why_size = size};
	FILE *f = fopen(file, "re");

	if (f == NULL) {
		snprintf(ret_why, size, "%s: cannot be opened: %s", file, strerror(errno));
		return NULL;
	}
	u = mem_calloc(1, sizeof(*u));
	r.users = u;
	if (!lines_read(&r, f) || !users_sort(&r)) {
		users_free(u);
		u = NULL;
	} else {
		users_warn(u, file, f);
	}
	fclose(f);
	return u;
}

void users_free(struct users *u)
{
	if (u == NULL)
		return;
	for (size_t i = 0; i < u->n; i++) {
		explicit_bzero(u->v[i].hash, strlen(u->v[i].hash));
		mem_free(u->v[i].hash);
		mem_free(u->v[i].name);
	}
	mem_free(u->v);
	mem_free(u);
}

/* NULL if there is none. */
static const struct user *user_find(const struct users *u, struct str name)
{
	char text[NAME_MAX_BYTES + 1];
	const struct user key = {.name = text};

	if (name.len == 0 || name.len > NAME_MAX_BYTES || str_find(name, '\0') != name.len)
		return NULL;
	memcpy(text, name.p, name.len);
	text[name.len] = '\0';
	return bsearch(&key, u->v, u->n, sizeof(*u->v), compare_names);
}

/* Some user for a name that is none, always the same for the same name: so that a stranger costs what a user would, and does
 * not stand out where the hashes are of different methods (FNV-1a). */
static const struct user *user_instead(const struct users *u, struct str name)
{
	uint32_t sum = 2166136261U;

	for (size_t i = 0; i < name.len; i++)
		sum = (sum ^ (unsigned char)name.p[i]) * 16777619U;
	return &u->v[sum % u->n];
}

bool users_verify(const struct users *u, struct str name, struct str password)
{
	const struct user *user;
	bool matches;

	if (u->n == 0)
		return false;
	user = user_find(u, name);
	matches = crypt_hash_matches(user != NULL ? user->hash : user_instead(u, name)->hash, password);
	return matches && user != NULL;
}

size_t users_count(const struct users *u)
{
	return u->n;
}
