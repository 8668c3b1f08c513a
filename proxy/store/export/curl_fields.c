/* The fields of a curl command: in order, as they were written; curl's own only where the request had them. */
#include "store/export/curl_part.h"
#include "store/export/shell_quote.h"
#include "store/har/har_undone.h"

/* What a client says to its proxy, and not to an origin (RFC 9110 section 7.6.1, 11.7). */
static bool is_for_proxy(struct str name)
{
	return str_ieq(name, STR("Proxy-Connection")) || str_ieq(name, STR("Proxy-Authorization")) ||
		str_ieq(name, STR("Viaduct-Redirects"));
}

static bool has_field(const struct curl_command *c, const char *name)
{
	return fields_count(&c->head->fields, str_of(name)) > 0;
}

/* What curl cannot do the same. */
static void note_host(struct curl_command *c, const struct field *f)
{
	size_t at = (size_t)(f - c->head->fields.v);

	if (at > 0)
		curl_note(c, "Host was field %zu; curl always sends it first", at + 1);
	if (!str_eq(f->name, STR("Host")))
		curl_note(c, "Host was written %.*s; curl always writes Host", STR_ARG(f->name));
}

/* True if curl sends the field on its own, as it was. */
static bool is_left_to_curl(struct curl_command *c, const struct field *f)
{
	if (str_ieq(f->name, STR("Host"))) {
		note_host(c, f);
		return str_eq(f->value, c->authority) && !str_iends(f->value, STR(":80")) && !str_iends(f->value, STR(":443"));
	}
	return c->is_own_length && str_ieq(f->name, STR("Content-Length"));
}

/* Those of HTTP/2, which stand among the fields in HAR files: the request line and Host say the same. */
static bool is_pseudo(struct str name)
{
	return name.len > 0 && name.p[0] == ':';
}

/* True if the field does not belong to what is sent. What is no name goes, too: curl would take it for something else, one that
 * begins with @ for a file. */
static bool is_left_out(struct curl_command *c, const struct field *f)
{
	if (c->hop == 0 && is_for_proxy(f->name)) {
		curl_note(c, "%.*s is left out: it was for the proxy", STR_ARG(f->name));
		return true;
	}
	if (is_pseudo(f->name) || har_is_undone(f->name))
		return true;
	if (!str_is_token(f->name)) {
		curl_note(c, "%.*s is left out: no field has such a name", STR_ARG(f->name));
		return true;
	}
	return c->is_uncoded && str_ieq(f->name, STR("Content-Encoding"));
}

static void put_field(struct curl_command *c, const struct field *f)
{
	struct text line = {NULL, 0, 0};

	text_put(&line, f->name);
	text_put(&line, f->value.len > 0 ? STR(": ") : STR(";"));
	if (c->redactor)
		redact_field(c->redactor, &line, f->name, f->value);
	else
		text_put(&line, f->value);
	curl_option(c, "-H ");
	shell_word(&c->words, text_str(&line));
	text_fini(&line);
}

/* Keeps curl from adding a field of its own. */
static void keep_out(struct curl_command *c, const char *name)
{
	if (!has_field(c, name)) {
		curl_option(c, "-H ");
		text_printf(&c->words, "'%s:'", name);
	}
}

/* Where HTTP/2 has :authority, which not all programs note in a HAR, HTTP/1.1 has Host. */
static void put_host(struct curl_command *c)
{
	const struct field host = {STR("Host"), fields_value(&c->head->fields, STR(":authority"))};

	if (host.value.len == 0 && !curl_is_later_version(c))
		keep_out(c, "Host");
	else if (host.value.len > 0 && !has_field(c, "Host") && !str_eq(host.value, c->authority))
		put_field(c, &host);
}

void curl_put_fields(struct curl_command *c)
{
	const struct fields *f = &c->head->fields;
	bool has_empty = false;

	for (size_t i = 0; i < f->n; i++) {
		has_empty |= f->v[i].value.len == 0;
		if (!is_left_to_curl(c, &f->v[i]) && !is_left_out(c, &f->v[i]))
			put_field(c, &f->v[i]);
	}
	put_host(c);
	keep_out(c, "User-Agent");
	keep_out(c, "Accept");
	if (c->has_body) {
		keep_out(c, "Content-Type");
		keep_out(c, "Expect");
	}
	if (c->hop > 0 && has_empty)
		curl_note(c, "fields without a value had a blank behind the colon; curl sends none");
	if (c->head->trailers.n > 0)
		curl_note(c, "%zu trailer fields are left out: curl cannot send them", c->head->trailers.n);
}
