/* See main_ready.h. */
#include "main_ready.h"

#include "admin/reach.h"
#include "base/mem.h"
#include "net/address.h"

#include <errno.h>
#include <fcntl.h>
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
	fputs(",\"ca\":null,\"data\":", f);
	if (s->capture_enabled)
		print_json(f, s->data);
	else
		fputs("null", f);
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

bool ready_write(const char *path, const struct ready *r, char *ret_why, size_t size)
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
	if (!ok)
		snprintf(ret_why, size, "--ready-file: %s: %s", path, strerror(errno));
	mem_free(temporary);
	return ok;
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

void ready_print(const struct ready *r)
{
	const struct settings *s = r->settings;
	char text[ADDRESS_TEXT_BYTES];
	struct address first = reach_locally(&s->listen_addresses[0]);

	for (size_t i = 0; i < s->listen.n; i++)
		printf("viaduct: listening on %s\n", address_format(&s->listen_addresses[i], text));
	if (r->inspector != NULL)
		printf("viaduct: inspector %s?token=%s\n", inspector_url(r->inspector), inspector_token(r->inspector));
	address_format(&first, text);
	printf("viaduct: try   curl -x http://%s http://example.com/\n", text);
	printf("viaduct: or    export http_proxy=http://%s https_proxy=http://%s\n", text, text);
	if (s->capture_enabled)
		printf("viaduct: then  %s flows --data %s\n", program_invocation_name, s->data);
	fflush(stdout);
}
