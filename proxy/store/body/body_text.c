/* Captured bodies as one searches them. Not for showing them: what is cut short is told by a flag only. */
#include "store/body/body_text.h"

#include "http/charset.h"
#include "http/media_type.h"
#include "store/body/body_read.h"

enum { FORM_BYTES = 4096, SNIFFED_BYTES = 1445 };

struct body_form body_form_of(struct arena *a, const struct kept_body *body, const struct fields *fields)
{
	struct body_form form = {STR_NONE, fields_value(fields, STR("content-type"))};

	for (size_t i = 0; i < fields->n; i++) {
		const struct field *f = &fields->v[i];
		struct str both;

		if (!str_ieq(f->name, STR("content-encoding")))
			continue;
		both = form.codings.len == 0 ? f->value
					     : arena_printf(a, "%.*s, %.*s", STR_ARG(form.codings), STR_ARG(f->value));
		if (both.p != NULL)
			form.codings = both;
	}
	form.codings = kept_body_codings(body, form.codings);
	return form;
}

/* The body without its codings; as it was sent where one of them is not known. */
static bool put_decoded(struct reader *r, int64_t id, struct str codings, struct text *to, bool *ret_is_part)
{
	const struct coding_limits limits = {.max_bytes = BODY_TEXT_MAX_BYTES};
	enum coding_end end = CODING_UNKNOWN;
	size_t from = to->len;

	if (!coding_is_identity(codings) && !reader_body_decoded(r, id, codings, &limits, to, &end))
		return false;
	*ret_is_part = end == CODING_LIMIT || end == CODING_BOMB;
	if (end != CODING_UNKNOWN)
		return true;
	if (!reader_body_text(r, id, 0, (uint64_t)BODY_TEXT_MAX_BYTES + 1, to))
		return false;
	*ret_is_part = to->len - from > BODY_TEXT_MAX_BYTES;
	return true;
}

static bool take_text(void *owner, struct str piece)
{
	text_put(owner, piece);
	return true;
}

/* The encoding that the bytes are in; NULL if they are no text. */
static const char *encoding_of(struct str content_type, struct str bytes)
{
	struct str first = str_first(bytes, bytes.len < SNIFFED_BYTES ? bytes.len : SNIFFED_BYTES);
	struct arena *a = arena_new(FORM_BYTES);
	struct media_type given = media_type_parse(a, content_type);
	const char *encoding = NULL;

	if (media_type_is_text(media_type_for_view(&given, first)))
		encoding = charset_find(given.charset, bytes);
	arena_free(a);
	return encoding;
}

bool reader_body_search_text(struct reader *r, int64_t id, const struct body_form *form, struct text *to, bool *ret_is_part,
	bool *ret_is_text)
{
	size_t from = to->len;
	struct str bytes;
	const char *encoding;

	if (!put_decoded(r, id, form->codings, to, ret_is_part))
		return false;
	bytes = str_from(text_str(to), from);
	encoding = encoding_of(form->type, bytes);
	if (ret_is_text != NULL)
		*ret_is_text = encoding != NULL;
	if (encoding != NULL && !(str_eq(str_of(encoding), STR("UTF-8")) && is_plain_utf8(bytes))) {
		struct text utf8 = {NULL, 0, 0};

		if (charset_to_utf8(encoding, bytes, take_text, &utf8)) {
			to->len = from;
			text_put(to, text_str(&utf8));
		}
		text_fini(&utf8);
	}
	return true;
}
