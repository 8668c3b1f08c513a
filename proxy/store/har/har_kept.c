/* Entries of imported HAR files: written as they were, with the texts of their bodies put back, which the database keeps apart.
 * Not for secrets in them: har_hide.c; what the files said beside their entries: har_imports.c. */
#include "store/har/har_part.h"

#include "store/body/body_read.h"
#include "store/har/har_json.h"
#include "store/har/har_put.h"
#include "store/reader.h"

#include <string.h>

enum { DUMP_FLAGS = JSON_COMPACT | JSON_ENCODE_ANY };

json_t *har_json_load(struct str text)
{
	json_t *loaded = json_loadb(text.p, text.len, JSON_ALLOW_NUL, NULL);

	/* Whole numbers that are too large for one are the only reason why what was imported would not load. */
	return loaded ? loaded : json_loadb(text.p, text.len, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);
}

static int take_dumped(const char *bytes, size_t n, void *owner)
{
	text_put(owner, (struct str){bytes, n});
	return 0;
}

void har_json_put(struct text *t, const json_t *value)
{
	(void)json_dump_callback(value, take_dumped, t, DUMP_FLAGS);
}

struct str har_json_str(const json_t *value)
{
	return json_is_string(value) ? (struct str){json_string_value(value), json_string_length(value)} : STR_NONE;
}

void har_json_set(json_t *object, const char *key, struct str s)
{
	if (json_is_object(object) && is_plain_utf8(s))
		(void)json_object_set_new(object, key, json_stringn(s.len > 0 ? s.p : "", s.len));
}

bool har_json_is_base64(const json_t *holder)
{
	return str_ieq(har_json_str(json_object_get(holder, "encoding")), STR("base64")) ||
		str_ieq(har_json_str(json_object_get(holder, "_encoding")), STR("base64"));
}

/* As text, NUL bytes and all, unless it is base64 in the entry, or is no UTF-8. */
static void set_text(json_t *holder, const char *encoding_key, struct str bytes)
{
	struct text base64 = {NULL, 0, 0};
	json_t *text = har_json_is_base64(holder) ? NULL : json_stringn(bytes.len > 0 ? bytes.p : "", bytes.len);

	if (!text) {
		if (!har_json_is_base64(holder))
			har_json_set(holder, encoding_key, STR("base64"));
		har_put_base64(&base64, bytes);
		text = json_stringn(base64.len > 0 ? base64.p : "", base64.len);
	}
	(void)json_object_set_new(holder, "text", text);
	text_fini(&base64);
}

/* Puts a body back where the import left "" for it; a text that is there was none that could be taken. */
static bool put_text_back(struct har_out *x, json_t *holder, const char *encoding_key, const struct kept_body *body)
{
	const json_t *text = json_object_get(holder, "text");
	uint64_t most = x->o->max_body_bytes > 0 ? x->o->max_body_bytes : UINT64_MAX;
	struct text bytes = {NULL, 0, 0};
	bool ok;

	if (!json_is_string(text) || json_string_length(text) > 0)
		return true;
	ok = reader_body_text(x->r, body->id, 0, most, &bytes);
	if (ok)
		set_text(holder, encoding_key, text_str(&bytes));
	if (ok && body->cut.len > 0 && !json_is_string(json_object_get(holder, "_cut")))
		har_json_set(holder, "_cut", body->cut);
	text_fini(&bytes);
	return ok;
}

/* The import left "" in their places. */
static bool put_texts_back(struct har_out *x, json_t *entry, const struct hop_view *v)
{
	json_t *post = json_object_get(json_object_get(entry, "request"), "postData");
	json_t *content = json_object_get(json_object_get(entry, "response"), "content");
	bool ok = true;

	if (post && v->request_body.id >= 0)
		ok = put_text_back(x, post, "_encoding", &v->request_body);
	if (ok && content && v->response_body.id >= 0)
		ok = put_text_back(x, content, "encoding", &v->response_body);
	return ok;
}

/* A number that is there is set anew. */
static void renumber(json_t *object, const char *key, int64_t n)
{
	if (json_is_integer(json_object_get(object, key)) && n >= 0)
		(void)json_object_set_new(object, key, json_integer(n));
}

/* Flows have other numbers in another database. */
static void renumber_all(json_t *entry, const struct flow_view *v)
{
	renumber(entry, "_flowId", (int64_t)v->id);
	renumber(json_object_get(entry, "_redirectChain"), "id", (int64_t)v->id);
	renumber(json_object_get(entry, "_flow"), "parentId", v->parent_id);
}

static void mend_page(struct har_out *x, json_t *entry, int64_t session_id)
{
	struct str page = har_json_str(json_object_get(entry, "pageref"));

	if (page.len > 0 && har_page_is_taken(x->r, session_id, page))
		har_json_set(entry, "pageref", har_page_name(x->arena, session_id, page));
}

bool har_put_kept(struct har_out *x, const struct har_flow *f, size_t i)
{
	const struct hop_view *v = &f->hops[i].v;
	json_t *entry = har_json_load(v->extra);
	bool ok;

	if (!json_is_object(entry)) {
		json_decref(entry);
		return har_put_entry(x, f, i);
	}
	renumber_all(entry, f->v);
	mend_page(x, entry, f->v->session_id);
	if (i == 0 && f->v->comment.len > 0)
		har_json_set(entry, "comment", f->v->comment);
	ok = put_texts_back(x, entry, v);
	if (x->o->redactor)
		har_hide(x->o->redactor, entry);
	har_json_put(x->t, entry);
	json_decref(entry);
	return ok;
}
