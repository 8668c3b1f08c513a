/* Bodies in HAR: decoded, as text or base64, marked where they are not whole. Not for forms: har_forms.c. */
#include "store/har/har_part.h"

#include "base/utf8.h"
#include "http/charset.h"
#include "http/media_type.h"
#include "store/body/body_read.h"
#include "store/har/har_put.h"
#include "store/json.h"

#include <inttypes.h>

enum { SNIFF_BYTES = 1445, MAX_RATIO = 200 };
static const uint64_t max_body_bytes = UINT64_C(64) << 20;

/* A body as it is to be shown. */
struct shown {
	struct text bytes;
	struct str type, codings; /* of its head; may be empty */
	struct str cut;           /* empty: it is whole */
	bool is_coded;            /* a content coding could not be undone */
	bool was_coded;           /* one was undone */
	uint64_t kept_bytes;      /* as it was sent */
};

static uint64_t most_bytes(const struct har_out *x)
{
	return x->o->max_body_bytes > 0 ? x->o->max_body_bytes : max_body_bytes;
}

/* The first reason is the one that counts. */
static void mark_cut(struct shown *s, struct str why)
{
	if (s->cut.len == 0)
		s->cut = why;
}

/* As it was sent. */
static bool read_raw(struct har_out *x, const struct kept_body *kept, struct shown *s)
{
	uint64_t most = most_bytes(x);

	if (s->kept_bytes > most)
		mark_cut(s, STR("export"));
	return reader_body_text(x->r, kept->id, 0, most, &s->bytes);
}

static bool read_decoded(struct har_out *x, const struct kept_body *kept, struct shown *s)
{
	const struct coding_limits limits = {.max_bytes = most_bytes(x), .max_ratio = MAX_RATIO};
	enum coding_end end = CODING_WHOLE;

	if (!reader_body_decoded(x->r, kept->id, s->codings, &limits, &s->bytes, &end))
		return false;
	if (end == CODING_UNKNOWN || (end == CODING_DAMAGED && s->bytes.len == 0)) {
		s->is_coded = true;
		return read_raw(x, kept, s);
	}
	s->was_coded = true;
	if (end == CODING_LIMIT)
		mark_cut(s, STR("export"));
	else if (end != CODING_WHOLE)
		mark_cut(s, STR("decoding"));
	return true;
}

/* Replaces the secrets in a body; *ret_is_done: what is to be shown is in s. */
static bool read_redacted(struct har_out *x, const struct har_passed_body *b, struct shown *s, bool *ret_is_done)
{
	const struct redact_types types = {b->fields, STR_NONE};
	struct text clean = {NULL, 0, 0};
	enum redact_end end;

	if (!read_raw(x, &b->kept, s))
		return false;
	end = redact_typed_body(x->o->redactor, &clean, &types, s->codings, text_str(&s->bytes));
	*ret_is_done = end != REDACT_NOTHING || coding_is_identity(s->codings);
	if (end == REDACT_NOTHING) {
		text_fini(&clean);
		if (!*ret_is_done)
			text_clear(&s->bytes);
		return true;
	}
	text_fini(&s->bytes);
	s->bytes = clean;
	s->was_coded = !coding_is_identity(s->codings);
	if (end == REDACT_BLIND) {
		text_clear(&s->bytes);
		s->cut = STR("redacted");
	}
	return true;
}

/* What is there of a body; false on an error of the database. */
static bool read_shown(struct har_out *x, const struct har_passed_body *b, struct shown *s)
{
	struct body_view view;
	bool is_done = false;

	s->type = har_combined(x, b->fields, STR("Content-Type"));
	s->codings = kept_body_codings(&b->kept, har_combined(x, b->fields, STR("Content-Encoding")));
	s->cut = b->kept.cut;
	if (b->kept.id < 0 || !reader_body(x->r, b->kept.id, &view)) {
		if (b->passed_bytes > 0)
			mark_cut(s, STR("none"));
		return b->kept.id < 0 || reader_error(x->r)[0] == '\0';
	}
	s->kept_bytes = view.bytes;
	if (x->o->redactor && !read_redacted(x, b, s, &is_done))
		return false;
	if (is_done)
		return true;
	return coding_is_identity(s->codings) ? read_raw(x, &b->kept, s) : read_decoded(x, &b->kept, s);
}

static const char *cut_words(struct str why)
{
	static const struct {
		const char *why, *words;
	} rows[] = {
		{"limit", "capture.body_limit"},
		{"overload", "the flow database was behind"},
		{"store", "the flow database could not be written"},
		{"redacted", "it may hold secrets, and could not be looked through"},
		{"none", "it was not kept"},
		{"export", "it is too large for an export"},
		{"decoding", "its content coding could not be undone to its end"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (str_eq(why, str_of(rows[i].why)))
			return rows[i].words;
	}
	return "it is not whole";
}

static void put_cut(struct har_out *x, const struct shown *s, const struct har_passed_body *b)
{
	if (str_eq(s->cut, STR("redacted")) && s->bytes.len > 0) {
		har_put_str(x->t, "_cut", s->cut);
		har_put_str(x->t, "comment", STR("secrets in it were replaced before it was stored"));
	} else if (s->cut.len > 0) {
		har_put_str(x->t, "_cut", s->cut);
		json_key(x->t, "comment");
		text_printf(x->t, "\"not the whole body: %" PRIu64 " bytes passed, %" PRIu64 " were kept (%s)\"",
			b->passed_bytes, s->kept_bytes, cut_words(s->cut));
	}
	if (s->is_coded)
		har_put_str(x->t, "_contentEncoding", s->codings);
}

/* Without the beginning of a character at the end, where a cut left one. */
static struct str without_torn(struct str s)
{
	enum { LONGEST = 4 };

	for (size_t n = 1; n < LONGEST && n <= s.len; n++) {
		unsigned char c = (unsigned char)s.p[s.len - n];

		if (c < 0x80)
			return s;
		if (c >= 0xc0)
			return utf8_first(str_from(s, s.len - n)) > 0 ? s : str_first(s, s.len - n);
	}
	return s;
}

static void put_base64(struct har_out *x, const char *encoding_key, struct str bytes)
{
	json_key(x->t, "text");
	text_byte(x->t, '"');
	har_put_base64(x->t, bytes);
	text_byte(x->t, '"');
	har_put_str(x->t, encoding_key, STR("base64"));
}

static bool take_utf8(void *owner, struct str piece)
{
	text_put(owner, piece);
	return true;
}

/* The text of a body whose type is one of text; false if its character set is not known. */
static bool put_converted(struct har_out *x, const struct media_type *type, struct str bytes)
{
	const char *encoding = charset_find(type->charset, bytes);

	if (str_ieq(str_of(encoding), STR("UTF-8")) && is_plain_utf8(bytes)) {
		har_put_str(x->t, "text", bytes);
		return true;
	}
	text_clear(x->scratch);
	if (!charset_to_utf8(encoding, bytes, take_utf8, x->scratch))
		return false;
	har_put_str(x->t, "text", text_str(x->scratch));
	return true;
}

static void put_response_text(struct har_out *x, const struct shown *s)
{
	struct media_type type = media_type_parse(x->arena, s->type);
	struct str bytes = text_str(&s->bytes), start = str_first(bytes, bytes.len < SNIFF_BYTES ? bytes.len : SNIFF_BYTES);

	if (s->is_coded) {
		put_base64(x, "encoding", bytes);
		return;
	}
	if (s->cut.len > 0)
		bytes = without_torn(bytes);
	if (media_type_is_text(media_type_for_view(&type, start)) && put_converted(x, &type, bytes))
		return;
	if (is_plain_utf8(bytes))
		har_put_str(x->t, "text", bytes);
	else
		put_base64(x, "encoding", text_str(&s->bytes));
}

static void put_size(struct har_out *x, const struct har_passed_body *b, const struct shown *s)
{
	bool is_whole = s->cut.len == 0 && b->kept.id >= 0 && !s->is_coded;
	int64_t size = is_whole ? (int64_t)s->bytes.len : (int64_t)b->passed_bytes;

	json_i64(x->t, "size", size);
	if (is_whole && s->was_coded)
		json_i64(x->t, "compression", size - (int64_t)b->passed_bytes);
}

bool har_put_content(struct har_out *x, const struct har_passed_body *b)
{
	struct shown s = {.kept_bytes = 0};
	bool ok = read_shown(x, b, &s);

	json_key(x->t, "content");
	text_byte(x->t, '{');
	put_size(x, b, &s);
	har_put_str(x->t, "mimeType", s.type.len > 0 ? s.type : STR("x-unknown"));
	if (s.bytes.len > 0)
		put_response_text(x, &s);
	put_cut(x, &s, b);
	text_byte(x->t, '}');
	text_fini(&s.bytes);
	return ok;
}

/* Exact, so that the request can be made again. */
static void put_post_text(struct har_out *x, const struct shown *s)
{
	struct str bytes = text_str(&s->bytes);

	if (!s->is_coded && s->cut.len > 0)
		bytes = without_torn(bytes);
	if (s->is_coded || !is_plain_utf8(bytes))
		put_base64(x, "_encoding", text_str(&s->bytes));
	else
		har_put_str(x->t, "text", bytes);
	if (!s->is_coded)
		har_put_params(x, s->type, bytes);
}

bool har_put_post(struct har_out *x, const struct har_passed_body *b)
{
	struct shown s = {.kept_bytes = 0};
	bool ok;

	if (b->kept.id < 0 && b->passed_bytes == 0)
		return true;
	ok = read_shown(x, b, &s);
	json_key(x->t, "postData");
	text_byte(x->t, '{');
	har_put_str(x->t, "mimeType", s.type);
	put_post_text(x, &s);
	put_cut(x, &s, b);
	text_byte(x->t, '}');
	text_fini(&s.bytes);
	return ok;
}
