/* See running.h. */
#include "cli/running.h"

#include "base/mem.h"
#include "cli/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LIMIT_MS = 10000, ANSWER_BYTES = 16 << 20, PIECE_BYTES = 65536, READY_BYTES = 65536 };

/* What is in the file; NULL with one line. */
static json_t *read_ready(const char *folder, char *ret_why, size_t size)
{
	struct text path = {NULL, 0, 0};
	char *content = mem_alloc(READY_BYTES);
	json_t *ready = NULL;
	ssize_t n = -1;
	int fd;

	text_printf(&path, "%s/ready.json", folder);
	text_byte(&path, '\0');
	fd = open(path.p, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		n = read(fd, content, READY_BYTES);
	if (n >= 0)
		ready = json_loadb(content, (size_t)n, 0, NULL);
	if (fd < 0 && errno == ENOENT)
		snprintf(ret_why, size, "no viaduct runs with the data folder %s", folder);
	else if (n < 0)
		snprintf(ret_why, size, "%s: %s", path.p, strerror(errno));
	else if (ready == NULL)
		snprintf(ret_why, size, "%s: not what viaduct writes", path.p);
	if (fd >= 0)
		close(fd);
	text_fini(&path);
	mem_free(content);
	return ready;
}

/* A file that was left behind names a process that is gone. */
static bool is_alive(const json_t *ready)
{
	json_int_t pid = json_integer_value(json_object_get(ready, "pid"));

	return pid > 0 && pid <= INT32_MAX && (kill((pid_t)pid, 0) == 0 || errno == EPERM);
}

/* "http://127.0.0.1:8081": an address and never a name, since nothing else is written there. */
static bool read_address(const char *url, struct address *ret)
{
	const struct str scheme = STR("http://");
	struct str text = str_of(url);

	return str_starts(text, scheme) && address_parse_listen(str_from(text, scheme.len), ret);
}

/* Goes into a header line. */
static bool is_token(const char *token)
{
	return token != NULL && str_is_token(str_of(token));
}

static bool read_running(const json_t *ready, const char *folder, struct running *ret, char *ret_why, size_t size)
{
	const char *url = json_string_value(json_object_get(ready, "inspector"));
	const char *token = json_string_value(json_object_get(ready, "token"));
	struct address inspector;

	if (!is_alive(ready)) {
		snprintf(ret_why, size, "no viaduct runs with the data folder %s", folder);
		return false;
	}
	if (url == NULL) {
		snprintf(ret_why, size, "the viaduct that runs has its inspector off");
		return false;
	}
	if (!read_address(url, &inspector) || !is_token(token)) {
		snprintf(ret_why, size, "%s/ready.json: not what viaduct writes", folder);
		return false;
	}
	*ret = (struct running){.inspector = inspector, .token = mem_strdup(token)};
	return true;
}

bool running_find(const char *folder, struct running *ret, char *ret_why, size_t size)
{
	json_t *ready = read_ready(folder, ret_why, size);
	bool ok = ready != NULL && read_running(ready, folder, ret, ret_why, size);

	json_decref(ready);
	return ok;
}

void running_fini(struct running *r)
{
	mem_free(r->token);
	r->token = NULL;
}

static bool send_request(struct wire *w, const struct running *r, const char *method, const char *target)
{
	struct text t = {NULL, 0, 0};
	bool ok;

	text_printf(&t,
		"%s %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nAccept: application/json, text/plain\r\n"
		"Connection: close\r\n\r\n",
		method, target, w->where, r->token);
	ok = wire_send(w, text_str(&t));
	text_fini(&t);
	return ok;
}

/* All until the end, which Connection: close promises. */
static bool read_answer(struct wire *w, struct text *t)
{
	for (;;) {
		long n;

		if (t->len > ANSWER_BYTES)
			return wire_fail(w, "the answer is too long");
		n = wire_read(w, text_room(t, PIECE_BYTES), PIECE_BYTES);
		if (n <= 0)
			return n == 0;
		t->len += (size_t)n;
	}
}

/* Takes a line with its CRLF off; false when there is none. */
static bool take_line(struct str *rest, struct str *ret)
{
	size_t n = str_find(*rest, '\n');

	if (n == rest->len || n == 0 || rest->p[n - 1] != '\r')
		return false;
	*ret = str_first(*rest, n - 1);
	*rest = str_from(*rest, n + 1);
	return true;
}

/* The inspector says how long what it sends is, never chunked; so a part that is missing is seen. */
static bool parse_answer(struct wire *w, struct str answer, uint64_t *ret_status, struct str *ret_body)
{
	const struct str length = STR("Content-Length:");
	uint64_t status, n = UINT64_MAX;
	struct str line;

	if (!take_line(&answer, &line) || !str_starts(line, STR("HTTP/1.1 ")) || line.len < 12 ||
		!str_to_u64(str_first(str_from(line, 9), 3), 999, &status))
		return wire_fail(w, "the answer is not HTTP");
	for (;;) {
		if (!take_line(&answer, &line))
			return wire_fail(w, "the answer is cut short");
		if (line.len == 0)
			break;
		if (str_istarts(line, length))
			(void)str_to_u64(str_trim(str_from(line, length.len)), UINT64_MAX - 1, &n);
	}
	if (n != answer.len)
		return wire_fail(w, "the answer is cut short");
	*ret_status = status;
	*ret_body = answer;
	return true;
}

/* The first line of what is said about a status. */
static bool refuse(struct wire *w, uint64_t status, struct str body)
{
	struct text t = {NULL, 0, 0};

	body = str_first(body, str_find(body, '\n'));
	text_printf(&t, "answered %u: ", (unsigned)status);
	text_visible(&t, body);
	text_byte(&t, '\0');
	wire_fail(w, t.p);
	text_fini(&t);
	return false;
}

bool running_ask(const struct running *r, const char *method, const char *target, char **ret_body, char *ret_why, size_t size)
{
	struct text answer = {NULL, 0, 0};
	struct str body = STR_NONE;
	uint64_t status = 0;
	struct wire w;
	bool ok;

	if (!wire_open(&w, &r->inspector, LIMIT_MS, ret_why, size))
		return false;
	ok = send_request(&w, r, method, target) && read_answer(&w, &answer) &&
		parse_answer(&w, text_str(&answer), &status, &body) && (status / 100 == 2 || refuse(&w, status, body));
	if (ok)
		*ret_body = mem_strndup(body.p, body.len);
	wire_close(&w);
	text_fini(&answer);
	return ok;
}
