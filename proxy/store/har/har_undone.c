/* Bodies in a HAR are without their content coding, and texts are in UTF-8, whatever the fields beside them tell: those are of
 * what was sent. Whoever reads the flow database goes by the fields. So the fields that do not hold for the kept body any more
 * get another name there, under which they can be seen and are not obeyed; the entry's extra has them as they were. */
#include "store/har/har_undone.h"

#include "http/charset.h"
#include "http/media_type.h"
#include "store/har/har_read_part.h"
#include "store/har/har_value.h"

static const char undone[] = "Content-Encoding (undone)";
static const char as_sent[] = "Content-Type (as sent)";

bool har_is_undone(struct str name)
{
	return str_eq(name, STR(undone)) || str_eq(name, STR(as_sent));
}

static bool has_beyond_ascii(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		if ((unsigned char)s.p[i] >= 0x80)
			return true;
	}
	return false;
}

static void rename_codings(struct fields *f)
{
	for (size_t i = 0; i < f->n; i++) {
		if (str_ieq(f->v[i].name, STR("Content-Encoding")))
			f->v[i].name = STR(undone);
	}
}

/* True if a reader would take the text for something else than UTF-8. */
static bool is_misread(struct har_entry *e, struct str content_type, struct str text)
{
	struct media_type type = media_type_parse(e->arena, content_type);

	return has_beyond_ascii(text) && !str_eq(str_of(charset_find(type.charset, text)), STR("UTF-8"));
}

/* "text/html; charset=utf-8" in place of what there was. */
static bool state_utf8(struct har_entry *e, struct fields *f)
{
	struct str content_type = fields_value(f, STR("Content-Type"));
	struct media_type type = media_type_parse(e->arena, content_type);
	struct str stated =
		arena_printf(e->arena, "%.*s; charset=utf-8", STR_ARG(type.essence.len > 0 ? type.essence : STR("text/plain")));

	if (stated.p == NULL)
		return false;
	for (size_t i = 0; i < f->n; i++) {
		if (str_ieq(f->v[i].name, STR("Content-Type")))
			f->v[i].name = STR(as_sent);
	}
	return fields_add(e->arena, f, STR("Content-Type"), stated);
}

bool har_note_undone(struct har_entry *e, struct fields *f, const json_t *holder, struct str body)
{
	if (body.len == 0)
		return true;
	/* Of ours, one that could not be undone. */
	if (har_str(e->arena, holder, "_contentEncoding").len == 0)
		rename_codings(f);
	if (har_is_base64(e, holder) || !is_misread(e, fields_value(f, STR("Content-Type")), body))
		return true;
	return state_utf8(e, f);
}
