/* Heads of a HAR entry as messages. What no message can hold stays in the entry's extra alone. */
#include "store/har/har_read_part.h"
#include "store/har/har_value.h"

#include <string.h>

/* HTTP/3 has no name of its own here; it is nearest to HTTP/2. */
static enum version version_of(struct str name)
{
	if (str_istarts(name, STR("h2")) || str_istarts(name, STR("h3")) || str_istarts(name, STR("http/2")) ||
		str_istarts(name, STR("http/3")) || str_istarts(name, STR("quic")) || str_istarts(name, STR("spdy")))
		return VERSION_2;
	return str_ieq(name, STR("http/1.0")) || str_ieq(name, STR("http/0.9")) ? VERSION_1_0 : VERSION_1_1;
}

/* Chromium puts all fields of one name that must not be joined by commas into one, a line each. */
static bool add_lines(struct har_entry *e, struct fields *to, struct str name, struct str value)
{
	for (;;) {
		size_t n = e->is_ours ? value.len : str_find(value, '\n');

		if (!fields_add(e->arena, to, name, str_trim(str_first(value, n))))
			return false;
		if (n == value.len)
			return true;
		value = str_from(value, n + 1);
	}
}

/* [{name, value}, …]; what is not of this form is passed over. */
static bool read_fields(struct har_entry *e, const json_t *list, struct fields *to)
{
	*to = (struct fields){NULL, 0, 0};
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *field = json_array_get(list, i);
		struct str name = har_str(e->arena, field, "name"), value = har_str(e->arena, field, "value");

		if (name.len > 0 && !add_lines(e, to, name, value))
			return false;
	}
	return true;
}

/* Three parts, the middle one of which may have spaces in it. False if it has not three. */
static bool split_line(struct str line, struct str ret_parts[3])
{
	size_t first = str_find(line, ' '), last = line.len;

	while (last > 0 && line.p[last - 1] != ' ')
		last--;
	if (first == 0 || first == line.len || last <= first + 1)
		return false;
	ret_parts[0] = str_first(line, first);
	ret_parts[1] = str_first(str_from(line, first + 1), last - first - 2);
	ret_parts[2] = str_from(line, last);
	return true;
}

static void set_method(struct message *m, struct str name)
{
	m->method_name = name;
	m->method = method_of(name);
}

static void read_status_line(struct message *m, struct str line)
{
	size_t n = str_find(line, ' ');
	uint64_t status;

	if (line.len < n + 4 || !str_to_u64(str_first(str_from(line, n + 1), 3), 999, &status))
		return;
	m->version = version_of(str_first(line, n));
	m->status = (int)status;
	m->reason = line.len > n + 5 ? str_from(line, n + 5) : STR("");
}

static void read_line(struct message *m, struct str line)
{
	struct str parts[3];

	if (!m->is_request) {
		read_status_line(m, line);
		return;
	}
	if (!split_line(line, parts))
		return;
	set_method(m, parts[0]);
	m->target = parts[1];
	m->version = version_of(parts[2]);
}

/* What was sent to an origin, as far as it can be told from the URL. */
static struct str target_of(const struct har_entry *e)
{
	if (!e->flow.has_target || e->request.method == METHOD_CONNECT)
		return e->flow.url;
	return e->flow.target.path;
}

static void read_request_line(struct har_entry *e, const json_t *request)
{
	struct message *m = &e->request;

	m->is_request = true;
	m->version = version_of(har_str(e->arena, request, "httpVersion"));
	set_method(m, har_str(e->arena, request, "method"));
	if (m->method_name.len == 0)
		set_method(m, STR("GET"));
	m->target = target_of(e);
	read_line(m, har_str(e->arena, request, "_line"));
}

/* Browsers give a response with status 0, or −1, where there was none. */
static bool read_status(struct har_entry *e, const json_t *response)
{
	struct message *m = &e->response;

	m->status = (int)har_count(response, "status", 1, 0);
	m->reason = har_str(e->arena, response, "statusText");
	m->version = version_of(har_str(e->arena, response, "httpVersion"));
	return m->status >= 100 && m->status <= 999;
}

bool har_read_heads(struct har_entry *e)
{
	const json_t *request = har_object(e->json, "request"), *response = har_object(e->json, "response");

	read_request_line(e, request);
	if (!read_fields(e, har_array(request, "headers"), &e->request.fields) ||
		!read_fields(e, har_array(request, "_trailers"), &e->request.trailers))
		return false;
	e->hop.request = &e->request;
	if (!read_status(e, response))
		return true;
	e->hop.response = &e->response;
	return read_fields(e, har_array(response, "headers"), &e->response.fields) &&
		read_fields(e, har_array(response, "_trailers"), &e->response.trailers);
}

bool har_read_variant(struct har_entry *e, const json_t *o, const struct message *like, struct message *to)
{
	const json_t *headers = har_array(o, "headers"), *trailers = har_array(o, "trailers");
	struct str line = har_str(e->arena, o, "line");

	*to = *like;
	if (line.len > 0)
		read_line(to, line);
	return (headers == NULL || read_fields(e, headers, &to->fields)) &&
		(trailers == NULL || read_fields(e, trailers, &to->trailers));
}

/* "ws" and "wss" are "http" and "https" behind another name. p NULL when the arena is full. */
static struct str without_socket(struct arena *a, struct str url)
{
	if (str_istarts(url, STR("ws://")))
		return arena_printf(a, "http%.*s", STR_ARG(str_from(url, 2)));
	if (str_istarts(url, STR("wss://")))
		return arena_printf(a, "https%.*s", STR_ARG(str_from(url, 3)));
	return url;
}

bool har_read_target(struct arena *a, struct str url, struct url *ret)
{
	static const struct url nowhere = {
		SCHEME_HTTP, {{"nowhere.invalid", 15}, HOST_NAME, 80}, {"/", 1}, {"", 0}, false, false};
	struct str text = without_socket(a, url);

	if (text.p == NULL || (!str_istarts(text, STR("http://")) && !str_istarts(text, STR("https://"))))
		return false;
	if (url_parse_target(a, str_first(text, str_find(text, '#')), ret) == ERR_none)
		return true;
	/* Less strict with what a person may have typed. */
	return url_resolve(a, &nowhere, text, true, ret) == LOCATION_OK;
}
