/* See forward.h. */
#include "core/forward.h"

/* Fields that end here whatever Connection says (RFC 9110 section 7.6.1), and those of other proxies (sections 11.7). The codec
 * writes the framing and Connection fields of its own. Trailer passes: the codec knows whether trailers can be sent. */
static const struct str hop_by_hop[] = {
	{"Connection", 10},
	{"Keep-Alive", 10},
	{"Proxy-Connection", 16},
	{"TE", 2},
	{"Upgrade", 7},
	{"Transfer-Encoding", 17},
	{"HTTP2-Settings", 14},
	{"Proxy-Authorization", 19},
	{"Content-Length", 14},
	{"Viaduct-Redirects", 17},
	{"Proxy-Authenticate", 18},
	{"Proxy-Authentication-Info", 25},
};

/* Fields that describe a body (RFC 9110 section 15.4 step 5); without a body they go. */
static const struct str of_content[] = {
	{"Content-Type", 12},
	{"Content-Encoding", 16},
	{"Content-Language", 16},
	{"Content-Location", 16},
	{"Content-Digest", 14},
	{"Repr-Digest", 11},
	{"Digest", 6},
	{"Last-Modified", 13},
	{"Expect", 6},
	{"Trailer", 7},
};

/* What Connection may not remove, however it names them: the message would mean something else. */
static const struct str never_nominated[] = {
	{"Host", 4},
	{"Via", 3},
	{"Content-Length", 14},
	{"Transfer-Encoding", 17},
};

/* Statements that only this proxy makes; an origin's are not to be believed. */
static const struct str of_viaduct[] = {
	{"Viaduct-Hops", 12},
	{"Viaduct-Final-URL", 17},
};

#define IS_AMONG(name, names) is_among(name, names, sizeof(names) / sizeof((names)[0]))

static bool is_among(struct str name, const struct str *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (str_ieq(name, names[i]))
			return true;
	}
	return false;
}

static bool is_hop_by_hop(const struct message *m, struct str name, bool has_connection)
{
	if (IS_AMONG(name, hop_by_hop))
		return true;
	return has_connection && !IS_AMONG(name, never_nominated) && fields_list_has(&m->fields, STR("Connection"), name);
}

void taint_add(struct taint *t, const struct url *from, const struct url *to)
{
	if (!url_same_origin(from, to))
		t->origin = true;
	/* Cookies know no ports (RFC 6265 section 8.5), but they must not fall from https to http. */
	if (!str_eq(from->authority.host, to->authority.host) || (from->scheme == SCHEME_HTTPS && to->scheme == SCHEME_HTTP))
		t->host = true;
}

/* The names of fields that are credentials for the place they were sent to. */
static bool is_withheld(const struct forward_request *f, struct str name)
{
	if (f->taint.origin && str_ieq(name, STR("Authorization")))
		return true;
	return f->taint.host && (str_ieq(name, STR("Cookie")) || str_ieq(name, STR("Cookie2")));
}

static bool add_dropped(struct arena *a, struct str *dropped, struct str name)
{
	struct str longer = dropped->len == 0 ? arena_str(a, name)
					      : arena_printf(a, "%.*s, %.*s", STR_ARG(*dropped), STR_ARG(name));

	if (longer.p == NULL)
		return false;
	*dropped = longer;
	return true;
}

/* Our Via entry, behind those that are there (RFC 9110 section 7.6.3). */
static bool add_via(struct arena *a, struct fields *fields, enum version received, struct str via)
{
	struct str value = arena_printf(a, "%s %.*s", received == VERSION_1_0 ? "1.0" : "1.1", STR_ARG(via));

	return value.p != NULL && fields_add(a, fields, STR("Via"), value);
}

static bool is_number(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	}
	return s.len > 0;
}

/* Max-Forwards, where it counts, is one less behind us, and at most what we support (RFC 9110 section 7.6.2). 0 is answered by
 * local.c. p NULL when the arena is full. */
static struct str count_down(struct arena *a, struct str value)
{
	uint64_t left;

	if (!str_to_u64(value, UINT32_MAX, &left))
		return is_number(value) ? STR("4294967295") : value;
	return left == 0 ? value : arena_printf(a, "%llu", (unsigned long long)left - 1);
}

static bool copy_request_field(struct arena *a, const struct forward_request *f, struct message *m, const struct field *field)
{
	bool counts = f->method == METHOD_TRACE || f->method == METHOD_OPTIONS;
	struct str value = field->value;

	if (counts && str_ieq(field->name, STR("Max-Forwards"))) {
		value = count_down(a, value);
		if (value.p == NULL)
			return false;
	}
	return fields_add(a, &m->fields, field->name, value);
}

static bool copy_request_fields(struct arena *a, const struct forward_request *f, struct message *m, struct str *dropped)
{
	const struct fields *from = &f->original->fields;
	bool has_connection = fields_count(from, STR("Connection")) > 0;

	for (size_t i = 0; i < from->n; i++) {
		const struct field *field = &from->v[i];
		bool upgrades = f->is_upgrade && str_ieq(field->name, STR("Upgrade"));

		if (str_ieq(field->name, STR("Host")) || (!upgrades && is_hop_by_hop(f->original, field->name, has_connection)))
			continue;
		/* RFC 9110 section 10.1.1: from a 1.0 client it is to be ignored. */
		if (f->original->version == VERSION_1_0 && str_ieq(field->name, STR("Expect")))
			continue;
		if (!f->has_body && IS_AMONG(field->name, of_content))
			continue;
		if (is_withheld(f, field->name)) {
			if (!add_dropped(a, dropped, field->name))
				return false;
			continue;
		}
		if (!copy_request_field(a, f, m, field))
			return false;
	}
	return true;
}

struct message *forward_request(struct arena *a, const struct forward_request *f, struct str *ret_dropped)
{
	struct message *m = arena_zalloc(a, sizeof(*m));
	struct str host = url_host_field(a, f->url);
	struct str dropped = STR_NONE;

	if (m == NULL || host.p == NULL)
		return NULL;
	m->is_request = true;
	m->version = VERSION_1_1;
	m->method = f->method;
	m->method_name = f->method == f->original->method ? f->original->method_name : STR("GET");
	m->target = f->asterisk ? STR("*") : f->url->path;
	if (!fields_add(a, &m->fields, STR("Host"), host) || !copy_request_fields(a, f, m, &dropped) ||
		!add_via(a, &m->fields, f->original->version, f->via))
		return NULL;
	*ret_dropped = dropped;
	return m;
}

struct message *forward_response(struct arena *a, const struct message *received, struct str via, bool keep_upgrade)
{
	struct message *m = arena_zalloc(a, sizeof(*m));
	bool has_connection = fields_count(&received->fields, STR("Connection")) > 0;

	if (m == NULL)
		return NULL;
	m->version = VERSION_1_1;
	m->status = received->status;
	m->reason = str_of(status_reason(received->status));
	for (size_t i = 0; i < received->fields.n; i++) {
		const struct field *field = &received->fields.v[i];

		if (IS_AMONG(field->name, of_viaduct))
			continue;
		if (is_hop_by_hop(received, field->name, has_connection) &&
			!(keep_upgrade && str_ieq(field->name, STR("Upgrade"))))
			continue;
		if (!fields_add(a, &m->fields, field->name, field->value))
			return NULL;
	}
	return add_via(a, &m->fields, received->version, via) ? m : NULL;
}

/* Where a word ends: at a space or a tab. */
static size_t word_end(struct str s)
{
	size_t space = str_find(s, ' '), tab = str_find(s, '\t');

	return space < tab ? space : tab;
}

static struct str connection_sent(const struct sent_framing *sent)
{
	if (sent->close)
		return sent->upgrade ? STR("close, upgrade") : STR("close");
	if (sent->upgrade)
		return STR("upgrade");
	return sent->keep_alive ? STR("keep-alive") : STR_NONE;
}

bool forward_add_sent(struct arena *a, struct message *m, const struct sent_framing *sent)
{
	struct str connection = connection_sent(sent), length;

	if (sent->is_chunked && !fields_add(a, &m->fields, STR("Transfer-Encoding"), STR("chunked")))
		return false;
	if (sent->has_length) {
		length = arena_printf(a, "%llu", (unsigned long long)sent->length);
		if (length.p == NULL || !fields_add(a, &m->fields, STR("Content-Length"), length))
			return false;
	}
	return connection.p == NULL || fields_add(a, &m->fields, STR("Connection"), connection);
}

bool forward_has_via(const struct message *m, struct str via)
{
	for (size_t i = 0; i < m->fields.n; i++) {
		struct str list = m->fields.v[i].value, item;

		if (!str_ieq(m->fields.v[i].name, STR("Via")))
			continue;
		while (str_list_next(&list, &item)) {
			/* received-protocol RWS received-by [ RWS comment ] */
			item = str_trim(str_from(item, word_end(item)));
			if (str_ieq(str_first(item, word_end(item)), via))
				return true;
		}
	}
	return false;
}
