/* The decisions of RFC 9112 section 6 (body length), 9 (persistence), 3.2 (Host) and RFC 9110 section 10.1.1 (Expect), from
 * our own reading of the fields. What could be read in two ways is refused, never repaired. */
#include "http/framing.h"

#include "http/url.h"

enum { LENGTH_DIGITS = 18 };

/* What the fields of a head say about the length of its body. */
enum told { TOLD_NOTHING, TOLD_LENGTH, TOLD_CHUNKED, TOLD_UNKNOWN_CODING, TOLD_NONSENSE };

/* A coding other than chunked and identity, parameters left aside. */
static bool is_foreign_coding(struct str item)
{
	struct str name = str_trim(str_first(item, str_find(item, ';')));

	return str_is_token(name) && !str_ieq(name, STR("chunked")) && !str_ieq(name, STR("identity"));
}

/* Exactly "chunked", or a list of codings that are not known here, chunked at most as the last of them. */
static enum told read_coding(struct str value)
{
	struct str item, rest = value;
	bool saw_chunked = false;

	if (str_ieq(value, STR("chunked")))
		return TOLD_CHUNKED;
	if (value.len == 0 || value.p[0] == ',' || value.p[value.len - 1] == ',')
		return TOLD_NONSENSE;
	while (str_list_next(&rest, &item)) {
		if (saw_chunked)
			return TOLD_NONSENSE;
		saw_chunked = str_ieq(item, STR("chunked"));
		if (!saw_chunked && !is_foreign_coding(item))
			return TOLD_NONSENSE;
	}
	return TOLD_UNKNOWN_CODING;
}

static enum told read_length(struct str value, uint64_t *ret_length)
{
	if (value.len > LENGTH_DIGITS || !str_to_u64(value, INT64_MAX, ret_length))
		return TOLD_NONSENSE;
	return TOLD_LENGTH;
}

/* Guard: one Content-Length or one Transfer-Encoding, never both. */
static enum told read_fields(const struct message *m, uint64_t *ret_length)
{
	size_t codings = fields_count(&m->fields, STR("Transfer-Encoding"));
	size_t lengths = fields_count(&m->fields, STR("Content-Length"));

	if (codings + lengths == 0)
		return TOLD_NOTHING;
	if (codings + lengths > 1)
		return TOLD_NONSENSE;
	if (codings == 1)
		return read_coding(fields_value(&m->fields, STR("Transfer-Encoding")));
	return read_length(fields_value(&m->fields, STR("Content-Length")), ret_length);
}

/* RFC 9112 section 9.3. The old Proxy-Connection counts for 1.0 requests only: such clients know nothing else. */
static bool keeps_alive(const struct message *m)
{
	if (fields_list_has(&m->fields, STR("Connection"), STR("close")))
		return false;
	if (m->version == VERSION_1_1)
		return true;
	return fields_list_has(&m->fields, STR("Connection"), STR("keep-alive")) ||
		(m->is_request && fields_list_has(&m->fields, STR("Proxy-Connection"), STR("keep-alive")));
}

/* Exactly one in 1.1; at most one in 1.0; well-formed in both, also where an absolute target overrules it. */
static bool host_is_fine(const struct message *m)
{
	const struct field *host = fields_find(&m->fields, STR("Host"), 0);
	size_t n = fields_count(&m->fields, STR("Host"));

	if (n == 0)
		return m->version == VERSION_1_0;
	return n == 1 && host_field_is_valid(host->value);
}

/* Upgrade counts only if Connection names it; h2c is never spoken here. */
static bool asks_upgrade(const struct message *m)
{
	return m->version == VERSION_1_1 && fields_count(&m->fields, STR("Upgrade")) > 0 &&
		fields_list_has(&m->fields, STR("Connection"), STR("upgrade")) &&
		!fields_list_has(&m->fields, STR("Upgrade"), STR("h2c"));
}

/* Only the exact token counts; a 1.0 client cannot expect anything. */
static enum error read_expect(const struct message *m, bool *ret_expects)
{
	size_t n = fields_count(&m->fields, STR("Expect"));

	if (n == 0 || m->version == VERSION_1_0)
		return ERR_none;
	if (n > 1 || !str_ieq(fields_value(&m->fields, STR("Expect")), STR("100-continue")))
		return ERR_expect_unsupported;
	*ret_expects = true;
	return ERR_none;
}

static enum error request_body(const struct message *m, struct framing *f)
{
	enum told told = read_fields(m, &f->length);

	if (told == TOLD_NOTHING)
		return ERR_none;
	if (told == TOLD_NONSENSE || m->method == METHOD_CONNECT)
		return ERR_bad_framing;
	if (told == TOLD_LENGTH) {
		f->kind = BODY_LENGTH;
		return ERR_none;
	}
	if (m->version == VERSION_1_0)
		return ERR_bad_framing;
	if (told == TOLD_UNKNOWN_CODING)
		return ERR_coding_unsupported;
	f->kind = BODY_CHUNKED;
	return ERR_none;
}

enum error framing_of_request(const struct message *m, struct framing *ret)
{
	struct framing f = {.kind = BODY_NONE, .keep_alive = keeps_alive(m)};
	bool expects = false, has_body;
	enum error error = request_body(m, &f);

	if (error == ERR_none && !host_is_fine(m))
		error = ERR_bad_host;
	if (error == ERR_none)
		error = read_expect(m, &expects);
	if (error != ERR_none)
		return error;
	has_body = f.kind == BODY_CHUNKED || f.length > 0;
	f.expects_100 = expects && has_body;
	f.asks_upgrade = !has_body && m->method != METHOD_CONNECT && asks_upgrade(m);
	*ret = f;
	return ERR_none;
}

/* The body of a response that may have one. */
static enum error response_body(const struct message *m, enum told told, struct framing *f)
{
	switch (told) {
	case TOLD_LENGTH:
		f->kind = BODY_LENGTH;
		return ERR_none;
	case TOLD_CHUNKED:
		f->kind = BODY_CHUNKED;
		f->keep_alive = f->keep_alive && m->version == VERSION_1_1;
		return ERR_none;
	case TOLD_NOTHING:
		f->kind = BODY_CLOSE;
		f->keep_alive = false;
		return ERR_none;
	case TOLD_UNKNOWN_CODING:
		return ERR_response_coding;
	case TOLD_NONSENSE:
		break;
	}
	return ERR_response_framing;
}

/* Everything behind the head is another protocol. */
static enum error response_raw(struct framing *f, struct framing *ret)
{
	f->kind = BODY_RAW;
	f->length = 0;
	f->keep_alive = false;
	*ret = *f;
	return ERR_none;
}

enum error framing_of_response(const struct message *m, enum method asked, bool asked_upgrade, struct framing *ret)
{
	struct framing f = {.kind = BODY_NONE, .keep_alive = keeps_alive(m)};
	enum told told = read_fields(m, &f.length);
	enum error error = ERR_none;

	if (m->status < 100 || m->status > 599)
		return ERR_response_malformed;
	if (m->status == 101)
		return asked_upgrade && m->version == VERSION_1_1 ? response_raw(&f, ret) : ERR_upgrade_unasked;
	if (asked == METHOD_CONNECT && m->status / 100 == 2)
		return response_raw(&f, ret);
	if (told == TOLD_NONSENSE)
		return ERR_response_framing;
	if (m->status == 205)
		f.keep_alive = false;
	else if (asked != METHOD_HEAD && m->status / 100 != 1 && m->status != 204 && m->status != 304)
		error = response_body(m, told, &f);
	if (error == ERR_none)
		*ret = f;
	return error;
}
