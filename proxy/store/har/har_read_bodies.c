/* The texts of an entry to bodies. They are kept as the entry has them, without their content coding
 * (har_undone.c). */
#include "store/har/har_body.h"
#include "store/har/har_read_part.h"
#include "store/har/har_value.h"

static int take_dumped(const char *bytes, size_t n, void *owner)
{
	text_put(owner, (struct str){bytes, n});
	return 0;
}

/* The entry whole again: the text goes back to where it was taken out. */
static void put_back(struct har_entry *e, json_t *holder, struct str text)
{
	if (json_object_set_new(holder, "text", json_stringn(text.len > 0 ? text.p : "", text.len)) != 0)
		return; /* not UTF-8 */
	text_clear(&e->extra);
	(void)json_dump_callback(e->json, take_dumped, &e->extra, JSON_COMPACT | JSON_REAL_PRECISION(17));
}

bool har_is_base64(struct har_entry *e, const json_t *holder)
{
	return str_ieq(har_str(e->arena, holder, "encoding"), STR("base64")) ||
		str_ieq(har_str(e->arena, holder, "_encoding"), STR("base64"));
}

/* Why it is not whole; of those reasons that the record does not know, the nearest. */
static enum body_cut cut_of(struct str name)
{
	static const struct {
		const char *name;
		enum body_cut cut;
	} cuts[] = {
		{"limit", CUT_LIMIT},
		{"export", CUT_LIMIT},
		{"overload", CUT_OVERLOAD},
		{"store", CUT_STORE},
		{"decoding", CUT_STORE},
		{"redacted", CUT_REDACTED},
	};

	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		if (str_eq(name, str_of(cuts[i].name)))
			return cuts[i].cut;
	}
	return CUT_NONE;
}

/* The text is taken over. */
static void take_body(struct har_entry *e, json_t *holder, struct har_text *from, struct har_body *to)
{
	to->bytes = from->text;
	from->text = (struct text){NULL, 0, 0};
	har_unescape(&to->bytes);
	to->cut = cut_of(har_str(e->arena, holder, "_cut"));
	if (!har_is_base64(e, holder) || har_unbase64(&to->bytes))
		return;
	put_back(e, holder, text_str(&to->bytes));
	text_fini(&to->bytes);
}

bool har_read_bodies(struct har_entry *e, struct har_cut *cut)
{
	json_t *post = json_object_get(json_object_get(e->json, "request"), "postData");
	json_t *content = json_object_get(json_object_get(e->json, "response"), "content");

	if (cut->request.is_there && json_is_object(post))
		take_body(e, post, &cut->request, &e->bodies[BODY_UP]);
	else
		har_params_body(e, post, &e->bodies[BODY_UP].bytes);
	if (cut->response.is_there && json_is_object(content))
		take_body(e, content, &cut->response, &e->bodies[BODY_DOWN]);
	return har_note_undone(e, &e->request.fields, post, text_str(&e->bodies[BODY_UP].bytes)) &&
		har_note_undone(e, &e->response.fields, content, text_str(&e->bodies[BODY_DOWN].bytes));
}

bool har_read_made(struct har_entry *e, const json_t *content)
{
	text_put(&e->made.bytes, har_str(e->arena, content, "text"));
	e->made.cut = cut_of(har_str(e->arena, content, "_cut"));
	if (har_is_base64(e, content))
		(void)har_unbase64(&e->made.bytes);
	return har_note_undone(e, &e->delivered.fields, content, text_str(&e->made.bytes));
}
