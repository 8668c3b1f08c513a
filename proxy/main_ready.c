/* See main_ready.h. */
#include "main_ready.h"

#include "admin/reach.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/local.h"
#include "net/address.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A JSON string; the paths and addresses in here are the operator's own. */
static void print_json(FILE *f, const char *s)
{
	fputc('"', f);
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			fprintf(f, "\\%c", c);
		else if (c < 0x20)
			fprintf(f, "\\u%04x", c);
		else
			fputc(c, f);
	}
	fputc('"', f);
}

/* The URL without the slash at its end, and the token; both null if the inspector is off. */
static void print_inspector(FILE *f, const struct inspector *i)
{
	char url[ADDRESS_TEXT_BYTES + 16];

	if (i == NULL) {
		fputs(",\"inspector\":null,\"token\":null", f);
		return;
	}
	snprintf(url, sizeof(url), "%.*s", (int)strlen(inspector_url(i)) - 1, inspector_url(i));
	fputs(",\"inspector\":", f);
	print_json(f, url);
	fputs(",\"token\":", f);
	print_json(f, inspector_token(i));
}

static void print_path(FILE *f, const char *path)
{
	if (path != NULL)
		print_json(f, path);
	else
		fputs("null", f);
}

static void print_ready(FILE *f, const struct ready *r)
{
	const struct settings *s = r->settings;
	char text[ADDRESS_TEXT_BYTES];

	fputs("{\"proxy\":", f);
	print_json(f, address_format(&s->listen_addresses[0], text));
	fputs(",\"listen\":[", f);
	for (size_t i = 0; i < s->listen.n; i++) {
		fputs(i == 0 ? "" : ",", f);
		print_json(f, address_format(&s->listen_addresses[i], text));
	}
	fputs("]", f);
	print_inspector(f, r->inspector);
	fputs(",\"ca\":", f);
	print_path(f, r->ca);
	fputs(",\"data\":", f);
	print_path(f, s->capture_enabled ? s->data : NULL);
	fprintf(f, ",\"pid\":%ld}\n", (long)getpid());
}

/* A new file, never one that somebody else put there; NULL with errno. */
static FILE *create_private(const char *path)
{
	FILE *f;
	int fd;

	if (unlink(path) != 0 && errno != ENOENT)
		return NULL;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	f = fd < 0 ? NULL : fdopen(fd, "w");
	if (fd >= 0 && f == NULL)
		close(fd);
	return f;
}

/* As ready_write; false with errno. */
static bool write_whole(const char *path, const struct ready *r)
{
	size_t n = strlen(path) + 5;
	char *temporary = mem_alloc(n);
	FILE *f;
	bool ok;

	snprintf(temporary, n, "%s.new", path);
	f = create_private(temporary);
	ok = f != NULL;
	if (ok) {
		print_ready(f, r);
		ok = fflush(f) == 0;
		ok = fclose(f) == 0 && ok;
	}
	ok = ok && rename(temporary, path) == 0;
	mem_free(temporary);
	return ok;
}

bool ready_write(const char *path, const struct ready *r, char *ret_why, size_t size)
{
	if (write_whole(path, r))
		return true;
	snprintf(ret_why, size, "--ready-file: %s: %s", path, strerror(errno));
	return false;
}

static char *published_path(const struct settings *s)
{
	size_t size = strlen(s->data) + sizeof("/ready.json");
	char *path = mem_alloc(size);

	snprintf(path, size, "%s/ready.json", s->data);
	return path;
}

/* The process that wrote it, which is the last thing in it; 0 if that cannot be told. */
static pid_t published_by(const char *path)
{
	static const char key[] = "\"pid\":";
	char end[64];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	off_t from = size > (off_t)sizeof(end) ? size - (off_t)sizeof(end) : 0;
	ssize_t n = size < 0 ? -1 : pread(fd, end, sizeof(end), from);
	const char *at = n < 0 ? NULL : memmem(end, (size_t)n, key, sizeof(key) - 1);
	uint64_t pid = 0;

	if (fd >= 0)
		close(fd);
	if (at != NULL) {
		struct str rest = {at + sizeof(key) - 1, (size_t)(end + n - at) - (sizeof(key) - 1)};

		(void)str_to_u64(str_first(rest, str_find(rest, '}')), INT32_MAX, &pid);
	}
	return (pid_t)pid;
}

/* Another process wrote it, and lives. */
static bool is_anothers(const char *path)
{
	pid_t pid = published_by(path);

	return pid > 0 && pid != getpid() && (kill(pid, 0) == 0 || errno == EPERM);
}

void ready_publish(const struct ready *r)
{
	char *path = published_path(r->settings);

	/* Who captures holds the folder's lock: a file that is there is stale, or of one who does not capture. */
	if (!r->settings->capture_enabled && is_anothers(path))
		log_info("%s is of another viaduct that runs", path);
	else if (!write_whole(path, r) && errno != ENOENT)
		log_warn("%s: %s; viaduct passthrough will not find this proxy", path, strerror(errno));
	mem_free(path);
}

void ready_retract(const struct settings *s)
{
	char *path = published_path(s);

	if (published_by(path) == getpid() && unlink(path) != 0)
		log_warn("%s: %s", path, strerror(errno));
	mem_free(path);
}

void ready_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	size_t n = path == NULL ? 0 : strlen(path);
	int fd;

	if (n < 2 || n >= sizeof(to.sun_path))
		return;
	memcpy(to.sun_path, path, n);
	/* A leading @ means the abstract namespace. */
	if (path[0] == '@')
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	/* systemd waits for its own time-out if this is lost; there is nobody else to tell. */
	(void)!sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&to,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
	close(fd);
}

/* Whether HTTPS is opened, and how its CA comes to be trusted: that of this data folder, not of another. */
static void print_interception(const struct settings *s)
{
	if (s->intercept == INTERCEPT_NONE) {
		puts("viaduct: HTTPS is tunnelled unopened; to open it: --set intercept=all");
		return;
	}
	printf("viaduct: HTTPS is opened%s; trust its CA: http://" SETUP_HOST "/ through the proxy, or: ",
		s->intercept == INTERCEPT_LIST ? " where a rule lists it" : "");
	if (s->ca_cert[0] != '\0')
		printf("trust %s\n", s->ca_cert);
	else
		printf("%s ca install --data %s\n", program_invocation_name, s->data);
}

void ready_print(const struct ready *r)
{
	const struct settings *s = r->settings;
	char text[ADDRESS_TEXT_BYTES];
	struct address first = reach_locally(&s->listen_addresses[0]);

	for (size_t i = 0; i < s->listen.n; i++)
		printf("viaduct: listening on %s\n", address_format(&s->listen_addresses[i], text));
	if (r->inspector != NULL)
		printf("viaduct: inspector %s?token=%s\n", inspector_url(r->inspector), inspector_token(r->inspector));
	print_interception(s);
	address_format(&first, text);
	printf("viaduct: try   curl -x http://%s http://example.com/\n", text);
	printf("viaduct: or    export http_proxy=http://%s https_proxy=http://%s\n", text, text);
	if (s->capture_enabled)
		printf("viaduct: then  %s flows --data %s\n", program_invocation_name, s->data);
	fflush(stdout);
}
