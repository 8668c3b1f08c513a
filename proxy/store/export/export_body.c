/* Bodies for export: decoded where their coding is known, as text where they are UTF-8. Not for their files in HAR:
 * har_body.c. */
#include "store/export/export_body.h"

#include "store/body/body_read.h"
#include "store/har/har_put.h"
#include "store/har/har_type.h"
#include "store/json.h"

enum { MOST_BYTES = 64 * 1024 * 1024, MOST_RATIO = 1000 };

/* A body as it is to be put. */
struct content {
	struct text bytes;
	struct str coding; /* that the bytes still have; empty: none */
	const char *cut;   /* why not all are there; NULL: as the view says */
};

/* What was done to the kept body: all values of Content-Encoding in one list, in the text. Where secrets were replaced before
 * it was stored, nothing any more. */
static struct str codings_of(struct text *t, const struct export_body *b)
{
	const struct head_view *head = str_eq(b->kept->cut, STR("redacted")) ? NULL : b->head;
	const struct str name = STR("Content-Encoding");

	for (const struct field *f = head ? fields_find(&head->fields, name, 0) : NULL; f;
		f = fields_find(&head->fields, name, (size_t)(f - head->fields.v) + 1)) {
		if (t->len > 0)
			text_put(t, STR(", "));
		text_put(t, f->value);
	}
	return text_str(t);
}

static bool read_plain(const struct export_body *b, struct content *ret)
{
	if (!reader_body_text(b->reader, b->kept->id, 0, MOST_BYTES + 1, &ret->bytes))
		return false;
	if (ret->bytes.len > MOST_BYTES) {
		ret->bytes.len = MOST_BYTES;
		ret->cut = "export";
	}
	return true;
}

/* Decoded if that can be done. */
static bool read_content(const struct export_body *b, struct str codings, struct content *ret)
{
	const struct coding_limits limits = {.max_bytes = MOST_BYTES, .max_ratio = MOST_RATIO};
	enum coding_end end = CODING_UNKNOWN;

	if (coding_is_identity(codings))
		return read_plain(b, ret);
	if (!reader_body_decoded(b->reader, b->kept->id, codings, &limits, &ret->bytes, &end))
		return false;
	if (end == CODING_WHOLE || end == CODING_TRUNCATED)
		return true;
	if (end == CODING_LIMIT) {
		ret->cut = "export";
		return true;
	}
	ret->coding = codings;
	text_clear(&ret->bytes);
	return read_plain(b, ret);
}

static void redact(const struct export_body *b, struct content *c)
{
	struct text made = {NULL, 0, 0};
	struct redact_types types = {.fields = b->head ? &b->head->fields : NULL};
	struct text own = {NULL, 0, 0};
	enum redact_end end;

	types.other = har_extra_type(b->extra, b->direction, &own);
	end = redact_typed_body(b->redactor, &made, &types, c->coding, text_str(&c->bytes));
	text_fini(&own);
	if (end == REDACT_NOTHING) {
		text_fini(&made);
		return;
	}
	text_fini(&c->bytes);
	c->bytes = made;
	c->coding = STR_NONE;
	if (end == REDACT_BLIND)
		c->cut = "redacted";
}

static void put_content(struct text *t, const struct export_body *b, const struct content *c)
{
	struct str bytes = text_str(&c->bytes);

	text_byte(t, '{');
	json_i64(t, "bytes", (int64_t)bytes.len);
	json_opt(t, "coding", c->coding);
	json_opt(t, "cut", c->cut ? str_of(c->cut) : b->kept->cut);
	if (c->coding.len == 0 && is_plain_utf8(bytes)) {
		json_str(t, "text", bytes);
	} else {
		json_key(t, "base64");
		text_byte(t, '"');
		har_put_base64(t, bytes);
		text_byte(t, '"');
	}
	text_byte(t, '}');
}

bool export_put_body(struct text *t, const struct export_body *b)
{
	struct content c = {{NULL, 0, 0}, STR_NONE, NULL};
	struct text codings = {NULL, 0, 0};
	bool ok = true;

	if (b->kept->id < 0 && b->kept->cut.len == 0) {
		text_put(t, STR("null"));
		return true;
	}
	if (b->kept->id >= 0)
		ok = read_content(b, codings_of(&codings, b), &c);
	if (ok && b->redactor)
		redact(b, &c);
	if (ok)
		put_content(t, b, &c);
	text_fini(&c.bytes);
	text_fini(&codings);
	return ok;
}
