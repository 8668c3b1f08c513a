/* postData.params without a text, as many programs write forms: built into the body that they came from, as far as that can be
 * told. Files have their names and types only, unless the program put their content in. */
#include "http/media_type.h"
#include "store/har/har_read_part.h"
#include "store/har/har_value.h"

#include <string.h>

struct param {
	struct str name, value, file_name, content_type;
	bool has_value;
};

static struct param param_at(struct har_entry *e, const json_t *params, size_t i)
{
	const json_t *p = json_array_get(params, i);
	struct param param = {
		.name = har_str(e->arena, p, "name"),
		.value = har_str(e->arena, p, "value"),
		.file_name = har_str(e->arena, p, "fileName"),
		.content_type = har_str(e->arena, p, "contentType"),
	};

	param.has_value = param.value.p != NULL;
	return param;
}

/* What stands for itself in a form, by the WHATWG's set; "%" and "+" if is_escaped. */
static bool is_plain(char c, bool is_escaped)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c != '\0' && strchr("*-._", c)) ||
		(is_escaped && (c == '%' || c == '+' || c == '/' || c == ':' || c == '~' || c == '@' || c == ',' || c == '!'));
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
}

/* It could stand in a form as it is. */
static bool may_be_escaped(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (!is_plain(s.p[i], true))
			return false;
		if (s.p[i] == '%' && (i + 2 >= s.len || !is_hex(s.p[i + 1]) || !is_hex(s.p[i + 2])))
			return false;
	}
	return true;
}

/* Some programs write names and values as they were sent, others decoded: one that could not have been sent so tells. */
static bool are_escaped(struct har_entry *e, const json_t *params)
{
	for (size_t i = 0; i < json_array_size(params); i++) {
		struct param p = param_at(e, params, i);

		if (!may_be_escaped(p.name) || !may_be_escaped(p.value))
			return false;
	}
	return true;
}

static void put_escaped(struct text *t, struct str s, bool is_escaped)
{
	for (size_t i = 0; i < s.len; i++) {
		if (is_escaped || is_plain(s.p[i], false))
			text_byte(t, s.p[i]);
		else if (s.p[i] == ' ')
			text_byte(t, '+');
		else
			text_printf(t, "%%%02X", (unsigned)(unsigned char)s.p[i]);
	}
}

static void put_form(struct har_entry *e, const json_t *params, struct text *to)
{
	bool is_escaped = are_escaped(e, params);

	for (size_t i = 0; i < json_array_size(params); i++) {
		struct param p = param_at(e, params, i);

		if (i > 0)
			text_byte(to, '&');
		put_escaped(to, p.name, is_escaped);
		if (!p.has_value)
			continue;
		text_byte(to, '=');
		put_escaped(to, p.value, is_escaped);
	}
}

/* As browsers do (HTML, section 4.10.21.8). */
static void put_quoted(struct text *t, struct str s)
{
	text_byte(t, '"');
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] == '"' || s.p[i] == '\r' || s.p[i] == '\n')
			text_printf(t, "%%%02X", (unsigned)(unsigned char)s.p[i]);
		else
			text_byte(t, s.p[i]);
	}
	text_byte(t, '"');
}

static void put_part(struct text *t, struct str boundary, const struct param *p)
{
	text_put(t, STR("--"));
	text_put(t, boundary);
	text_put(t, STR("\r\nContent-Disposition: form-data; name="));
	put_quoted(t, p->name);
	if (p->file_name.p != NULL) {
		text_put(t, STR("; filename="));
		put_quoted(t, p->file_name);
	}
	if (p->content_type.len > 0) {
		text_put(t, STR("\r\nContent-Type: "));
		text_put(t, p->content_type);
	}
	text_put(t, STR("\r\n\r\n"));
	text_put(t, p->value);
	text_put(t, STR("\r\n"));
}

static void put_multipart(struct har_entry *e, const json_t *params, struct str boundary, struct text *to)
{
	for (size_t i = 0; i < json_array_size(params); i++) {
		struct param p = param_at(e, params, i);

		put_part(to, boundary, &p);
	}
	text_put(to, STR("--"));
	text_put(to, boundary);
	text_put(to, STR("--\r\n"));
}

void har_params_body(struct har_entry *e, const json_t *post, struct text *to)
{
	const json_t *params = har_array(post, "params");
	struct str field = fields_value(&e->request.fields, STR("content-type"));
	struct media_type type = media_type_parse(e->arena, field.len > 0 ? field : har_str(e->arena, post, "mimeType"));

	if (json_array_size(params) == 0)
		return;
	if (str_eq(type.essence, STR("multipart/form-data")) && type.boundary.len > 0)
		put_multipart(e, params, type.boundary, to);
	else if (type.essence.len == 0 || str_eq(type.essence, STR("application/x-www-form-urlencoded")))
		put_form(e, params, to);
}
