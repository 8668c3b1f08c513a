/* The one file that knows llhttp. Each head gets a parser of its own, in strict mode, without any leniency, and llhttp stops at
 * the end of the head: bodies are cut by chunked.c and h1_body.c, the same way with every version of llhttp.
 *
 * Not left to llhttp, because 8.1 and 9.x differ there or both are too kind: the start line, names that are no tokens, control
 * bytes in values (see guards 2, 3, 5, 7, 8 of the hostile-input table and the tests of the same numbers). The method is read
 * here too, so that one which an older llhttp does not know is taken all the same. */
#include "http/h1_parse.h"

#include "http/h1.h"
#include "http/url.h"

#include <llhttp.h>
#include <string.h>

enum { VERSION_BYTES = 8 }; /* "HTTP/1.1" */

/* One run of llhttp. It reads `parsed`, which may be a masked copy of `kept`; slices are always of `kept`. */
struct reading {
	struct arena *arena;
	struct message *message;
	const char *parsed, *kept;
	struct str name, value;
	bool is_full;
	bool is_complete;
	bool has_blank_coding;
};

static struct str kept_slice(const struct reading *r, const char *at, size_t len)
{
	return (struct str){r->kept + (at - r->parsed), len};
}

static int on_field(llhttp_t *parser, const char *at, size_t len)
{
	struct reading *r = parser->data;

	r->name = kept_slice(r, at, len);
	r->value = STR_NONE;
	return 0;
}

static int on_value(llhttp_t *parser, const char *at, size_t len)
{
	struct reading *r = parser->data;
	struct str span = kept_slice(r, at, len);

	if (r->value.p)
		r->value.len = (size_t)(span.p + span.len - r->value.p);
	else
		r->value = span;
	return 0;
}

static int on_value_complete(llhttp_t *parser)
{
	struct reading *r = parser->data;
	struct str value = r->value.p ? str_trim(r->value) : (struct str){"", 0};

	if (!str_is_token(r->name))
		return -1;
	if (str_ieq(r->name, STR("Transfer-Encoding")) && value.len < r->value.len &&
		value.p + value.len < r->value.p + r->value.len)
		r->has_blank_coding = true;
	r->is_full = !fields_add(r->arena, &r->message->fields, r->name, value);
	return r->is_full ? -1 : 0;
}

static int on_headers_complete(llhttp_t *parser)
{
	struct reading *r = parser->data;

	r->is_complete = true;
	return HPE_PAUSED;
}

static const llhttp_settings_t head_settings = {
	.on_header_field = on_field,
	.on_header_value = on_value,
	.on_header_value_complete = on_value_complete,
	.on_headers_complete = on_headers_complete,
};

/* What llhttp said about a head that it refused. */
enum refusal { REFUSED_NOT, REFUSED_SYNTAX, REFUSED_FRAMING, REFUSED_FULL };

static enum refusal refusal_of(llhttp_errno_t e)
{
	switch (e) {
	case HPE_UNEXPECTED_CONTENT_LENGTH:
	case HPE_INVALID_CONTENT_LENGTH:
	case HPE_INVALID_TRANSFER_ENCODING:
		return REFUSED_FRAMING;
	default:
		return REFUSED_SYNTAX;
	}
}

/* The text for llhttp: itself, or a copy with control bytes masked, since our rules for them are not llhttp's. */
static const char *maskable(struct arena *a, const struct h1_head *head)
{
	char *copy;

	if (!head->has_controls)
		return head->text.p;
	copy = arena_alloc(a, head->text.len);
	if (!copy)
		return NULL;
	for (size_t i = 0; i < head->text.len; i++) {
		unsigned char c = (unsigned char)head->text.p[i];

		copy[i] = (c < ' ' && c != '\t' && c != '\r' && c != '\n') || c == 0x7f ? '?' : (char)c;
	}
	return copy;
}

/* What llhttp reads instead of a method that not every supported version knows. Its verdict on a head hangs on the method for
 * CONNECT only; POST stands for every method that may have content. p NULL: it reads the method itself. */
static struct str stand_in(const struct message *m)
{
	return m->is_request && m->method == METHOD_QUERY ? STR("POST") : STR_NONE;
}

/* Gives a head to llhttp, the method in its own piece where another stands in for it. */
static llhttp_errno_t feed(llhttp_t *parser, const struct message *m, struct str text)
{
	struct str method = stand_in(m);
	llhttp_errno_t e;

	if (!method.p)
		return llhttp_execute(parser, text.p, text.len);
	e = llhttp_execute(parser, method.p, method.len);
	if (e != HPE_OK)
		return e;
	text = str_from(text, m->method_name.len);
	return llhttp_execute(parser, text.p, text.len);
}

static enum refusal run(struct arena *a, const struct h1_head *head, llhttp_type_t type, struct h1_parsed *p)
{
	struct reading r = {.arena = a, .message = p->message, .parsed = maskable(a, head), .kept = head->text.p};
	struct fields *fields = &p->message->fields;
	llhttp_t parser;
	llhttp_errno_t e;

	fields->cap = head->lines - 1;
	fields->v = fields->cap > 0 ? arena_alloc(a, fields->cap * sizeof(*fields->v)) : NULL;
	if (!r.parsed || (fields->cap > 0 && !fields->v))
		return REFUSED_FULL;
	llhttp_init(&parser, type, &head_settings);
	parser.data = &r;
	e = feed(&parser, p->message, (struct str){r.parsed, head->text.len});
	if (r.is_full)
		return REFUSED_FULL;
	if (e != HPE_PAUSED || !r.is_complete) {
		p->why = parser.reason ? parser.reason : "the head does not end where it should";
		return refusal_of(e);
	}
	if (llhttp_get_error_pos(&parser) != r.parsed + head->text.len || fields->n != head->lines - 1) {
		p->why = "the head can be read in two ways";
		return REFUSED_SYNTAX;
	}
	p->is_chunked = parser.flags & F_CHUNKED;
	p->has_blank_coding = r.has_blank_coding;
	p->has_length = parser.flags & F_CONTENT_LENGTH;
	p->length = parser.content_length;
	return REFUSED_NOT;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "HTTP/" digit "." digit */
static bool is_version(struct str s)
{
	return s.len == VERSION_BYTES && str_starts(s, STR("HTTP/")) && is_digit(s.p[5]) && s.p[6] == '.' && is_digit(s.p[7]);
}

/* False unless it is 1.0 or 1.1. */
static bool read_version(struct str s, enum version *ret)
{
	if (s.p[5] != '1' || s.p[7] > '1')
		return false;
	*ret = s.p[7] == '1' ? VERSION_1_1 : VERSION_1_0;
	return true;
}

bool h1_line_has_version(struct str end)
{
	return end.len == VERSION_BYTES + 1 && end.p[0] == ' ' && is_version(str_from(end, 1));
}

static struct message *message_new(struct arena *a, bool is_request)
{
	struct message *m = arena_zalloc(a, sizeof(*m));

	if (m)
		m->is_request = is_request;
	return m;
}

/* method SP target SP version, one space each (RFC 9112 section 3). */
static enum error read_request_line(struct str line, struct message *m, const char **ret_why)
{
	size_t space = str_find(line, ' ');
	struct str version;

	m->method_name = str_first(line, space);
	*ret_why = "the request line is not: method, target, version";
	if (line.len < space + VERSION_BYTES + 2 || !str_is_token(m->method_name))
		return ERR_bad_request;
	version = str_from(line, line.len - VERSION_BYTES);
	if (version.p[-1] != ' ' || !is_version(version))
		return ERR_bad_request;
	m->target = str_first(str_from(line, space + 1), line.len - VERSION_BYTES - space - 2);
	*ret_why = "the version is neither 1.0 nor 1.1";
	if (!read_version(version, &m->version))
		return ERR_version_unsupported;
	*ret_why = "a byte that must not stand in a target";
	if (!target_bytes_are_fine(m->target))
		return ERR_bad_target;
	*ret_why = "the method is not on the list";
	m->method = method_of(m->method_name);
	return m->method == METHOD_UNKNOWN ? ERR_method_unsupported : ERR_none;
}

enum error h1_parse_request(struct arena *a, const struct h1_head *head, struct h1_parsed *ret)
{
	struct h1_parsed p = {.message = message_new(a, true), .why = "the head does not fit into limits.arena"};
	enum error error;

	ret->why = p.why;
	if (!p.message)
		return ERR_head_too_large;
	error = read_request_line(str_first(head->text, head->first_line), p.message, &ret->why);
	if (error != ERR_none)
		return error;
	ret->why = "a control byte in a field";
	if (head->has_controls)
		return ERR_bad_request;
	switch (run(a, head, HTTP_REQUEST, &p)) {
	case REFUSED_NOT:
		break;
	case REFUSED_FULL:
		error = ERR_head_too_large;
		break;
	case REFUSED_FRAMING:
		error = ERR_bad_framing;
		break;
	case REFUSED_SYNTAX:
		error = ERR_bad_request;
		break;
	}
	if (error == ERR_none)
		*ret = p;
	ret->why = p.why;
	return error;
}

/* version SP 3DIGIT [ SP reason ] (RFC 9112 section 4) */
static bool read_status_line(struct str line, struct message *m)
{
	uint64_t status;

	if (line.len < VERSION_BYTES + 4 || !is_version(str_first(line, VERSION_BYTES)) || line.p[VERSION_BYTES] != ' ' ||
		!read_version(line, &m->version))
		return false;
	if (!str_to_u64(str_first(str_from(line, VERSION_BYTES + 1), 3), 599, &status) || status < 100)
		return false;
	m->status = (int)status;
	line = str_from(line, VERSION_BYTES + 4);
	if (line.len > 0 && line.p[0] != ' ')
		return false;
	m->reason = line.len > 0 ? str_from(line, 1) : line;
	return true;
}

enum error h1_parse_response(struct arena *a, const struct h1_head *head, struct h1_parsed *ret)
{
	struct h1_parsed p = {.message = message_new(a, false), .why = "the head does not fit into limits.arena"};
	enum error error = ERR_none;

	ret->why = p.why;
	if (!p.message)
		return ERR_response_head_too_large;
	ret->why = "the status line is malformed";
	if (!read_status_line(str_first(head->text, head->first_line), p.message))
		return ERR_response_malformed;
	switch (run(a, head, HTTP_RESPONSE, &p)) {
	case REFUSED_NOT:
		break;
	case REFUSED_FULL:
		error = ERR_response_head_too_large;
		break;
	case REFUSED_FRAMING:
		error = ERR_response_framing;
		break;
	case REFUSED_SYNTAX:
		error = ERR_response_malformed;
		break;
	}
	if (error == ERR_none)
		*ret = p;
	ret->why = p.why;
	return error;
}

bool h1_parse_agrees(const struct h1_parsed *parsed, const struct framing *framing)
{
	switch (framing->kind) {
	case BODY_LENGTH:
		return parsed->has_length && !parsed->is_chunked && parsed->length == framing->length;
	case BODY_CHUNKED:
		return (parsed->is_chunked || parsed->has_blank_coding) && !parsed->has_length;
	case BODY_CLOSE:
		return !parsed->is_chunked && !parsed->has_length;
	case BODY_NONE:
		/* a request without a body says nothing; a response may: HEAD, 204, 304 */
		return !parsed->message->is_request || (!parsed->is_chunked && !parsed->has_length);
	case BODY_RAW:
		break;
	}
	return true;
}

/* Whether the linked llhttp takes a head. */
static bool takes(struct str text)
{
	struct message m = {0};
	struct reading r = {.message = &m, .parsed = text.p, .kept = text.p};
	static const llhttp_settings_t settings = {.on_headers_complete = on_headers_complete};
	llhttp_t parser;

	llhttp_init(&parser, HTTP_REQUEST, &settings);
	parser.data = &r;
	return llhttp_execute(&parser, text.p, text.len) == HPE_PAUSED && r.is_complete;
}

bool h1_parser_is_strict(void)
{
	/* asked of the library itself, not of its header: the two may have been built differently */
	return takes(STR("GET / HTTP/1.1\r\n\r\n")) && !takes(STR("GET /\xff HTTP/1.1\r\n\r\n")) &&
		!takes(STR("GET / HTTP/1.1\r\nA :b\r\n\r\n"));
}

const char *h1_parser_version(void)
{
#define NUMBER(n) #n
#define VERSION_TEXT(a, b, c) "llhttp " NUMBER(a) "." NUMBER(b) "." NUMBER(c)
	return h1_parser_is_strict()
		? VERSION_TEXT(LLHTTP_VERSION_MAJOR, LLHTTP_VERSION_MINOR, LLHTTP_VERSION_PATCH) " (strict)"
		: VERSION_TEXT(LLHTTP_VERSION_MAJOR, LLHTTP_VERSION_MINOR, LLHTTP_VERSION_PATCH) " (loose)";
#undef VERSION_TEXT
#undef NUMBER
}
