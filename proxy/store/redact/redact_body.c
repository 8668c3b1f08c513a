/* Secrets in bodies: by its types, who looks through it. Not for finding them: redact_json.c, redact_text.c,
 * redact_events.c, redact_form.c. */
#include "http/coding.h"
#include "http/media_type.h"
#include "store/redact/redact_part.h"

#include <string.h>

enum {
	TYPE_ARENA_BYTES = 64 * 1024,
	START_BYTES = 1024,
	ASKS_MAX = 8 /* of one body: one of each kind, and a few boundaries */
};

/* From what is not looked at to what is what it says. */
enum kind {
	KIND_OTHER,
	KIND_UNLIKELY, /* looked at if it begins with a bracket */
	KIND_TEXT,     /* says little: it may be anything of the following */
	KIND_JSON,
	KIND_EVENTS,
	KIND_FORM,
	KIND_MULTIPART
};

static enum kind kind_of(struct str essence)
{
	if (essence.len == 0 || str_eq(essence, STR("text/plain")))
		return KIND_TEXT;
	if (memmem(essence.p, essence.len, "json", 4) || media_type_is_json(essence) ||
		str_eq(essence, STR("application/csp-report")))
		return KIND_JSON;
	if (str_eq(essence, STR("text/event-stream")))
		return KIND_EVENTS;
	if (str_eq(essence, STR("application/x-www-form-urlencoded")))
		return KIND_FORM;
	if (str_starts(essence, STR("multipart/")))
		return KIND_MULTIPART;
	if (media_type_is_packed(essence) || str_starts(essence, STR("image/")) || str_starts(essence, STR("audio/")) ||
		str_starts(essence, STR("font/")))
		return KIND_OTHER;
	return KIND_UNLIKELY;
}

static enum kind kind_of_type(struct str content_type)
{
	struct arena *a = arena_new(TYPE_ARENA_BYTES);
	struct media_type type = media_type_parse(a, content_type);
	enum kind kind = kind_of(type.essence);

	arena_free(a);
	return kind;
}

bool redact_covers(struct str content_type)
{
	return kind_of_type(content_type) >= KIND_TEXT;
}

static enum redact_end note(const struct redactor *r, enum redact_end end)
{
	if (end == REDACT_BLIND)
		redact_note_met(r);
	return end;
}

enum redact_end redact_plain_body(const struct redactor *r, struct text *to, struct str content_type, struct str body,
	unsigned depth)
{
	struct arena *a = arena_new(TYPE_ARENA_BYTES);
	struct media_type type = media_type_parse(a, content_type);
	enum kind kind = kind_of(type.essence);
	enum redact_end end = REDACT_NOTHING;

	if (kind == KIND_UNLIKELY || kind == KIND_TEXT)
		end = redact_any_text(r, to, body, kind == KIND_TEXT);
	else if (kind != KIND_OTHER && body.len > REDACT_MAX_BODY)
		end = REDACT_BLIND;
	else if (kind == KIND_JSON)
		end = redact_json(r, to, body, true);
	else if (kind == KIND_EVENTS)
		end = redact_events(r, to, body);
	else if (kind == KIND_FORM)
		end = redact_form(r, to, body);
	else if (kind == KIND_MULTIPART)
		end = redact_multipart(r, to, &type, body, depth);
	arena_free(a);
	return end;
}

static bool take(void *owner, struct str piece)
{
	text_put(owner, piece);
	return true;
}

/* The body without its codings, up to so many bytes; false if it cannot be seen whole, or as far as it was kept. */
static bool decode(struct text *to, struct str codings, struct str body, size_t most)
{
	const struct coding_limits limits = {.max_bytes = most};
	enum coding_end end;
	struct coding *c = coding_new(codings, &limits, take, to, &end);

	if (!c)
		return false;
	coding_put(c, body);
	end = coding_end(c);
	return end == CODING_WHOLE || end == CODING_TRUNCATED || end == CODING_LIMIT;
}

/* Takes the next type that counts; *at is 0 at first. None at all is one that is empty. */
static bool next_type(const struct redact_types *t, size_t *at, struct str *ret_type)
{
	size_t n = t->fields ? t->fields->n : 0;
	const struct field *f = *at < n ? fields_find(t->fields, STR("Content-Type"), *at) : NULL;

	if (f) {
		*ret_type = f->value;
		*at = (size_t)(f - t->fields->v) + 1;
		return true;
	}
	if (*at > n)
		return false;
	*ret_type = t->other;
	f = t->fields ? fields_find(t->fields, STR("Content-Type"), 0) : NULL;
	*at = n + 1;
	return !f || t->other.len > 0;
}

/* Of all types, the one that is most surely covered. */
static enum kind kind_of_types(const struct redact_types *t)
{
	enum kind kind = KIND_OTHER;
	struct str type;
	size_t at = 0;

	while (next_type(t, &at, &type)) {
		enum kind k = kind_of_type(type);

		kind = k > kind ? k : kind;
	}
	return kind;
}

bool redact_may_cover(const struct redact_types *types, struct str codings, struct str start)
{
	enum kind kind = kind_of_types(types);
	struct text plain = {NULL, 0, 0};
	bool is_known, may_cover;

	if (kind == KIND_OTHER || kind > KIND_TEXT || start.len == 0)
		return kind != KIND_OTHER;
	if (coding_is_identity(codings))
		return redact_is_beginning(start, kind == KIND_TEXT);
	is_known = decode(&plain, codings, start, START_BYTES);
	may_cover = is_known ? redact_is_beginning(text_str(&plain), kind == KIND_TEXT) : kind == KIND_TEXT;
	text_fini(&plain);
	return may_cover;
}

/* The types that ask for different things. */
struct asks {
	struct {
		struct str type;
		enum kind kind;
	} v[ASKS_MAX];
	size_t n;
};

/* Only of multipart types there is more to know than the kind. */
static bool is_asked(const struct asks *a, struct str type, enum kind kind)
{
	for (size_t i = 0; i < a->n; i++) {
		if (a->v[i].kind == kind && (kind != KIND_MULTIPART || str_eq(a->v[i].type, type)))
			return true;
	}
	return false;
}

/* False if they are too many: each costs a pass over the body. */
static bool take_asks(struct asks *ret, const struct redact_types *types)
{
	struct asks a = {.n = 0};
	struct str type;
	size_t at = 0;

	while (next_type(types, &at, &type)) {
		enum kind kind = kind_of_type(type);

		if (kind == KIND_OTHER || is_asked(&a, type, kind))
			continue;
		if (a.n == ASKS_MAX)
			return false;
		a.v[a.n].type = type;
		a.v[a.n++].kind = kind;
	}
	*ret = a;
	return true;
}

/* One round: what one type after the other asks for. */
static enum redact_end put_by_types(const void *owner, const struct redactor *r, struct text *to, struct str body)
{
	const struct asks *asks = owner;
	enum redact_end all = REDACT_NOTHING;
	struct text now = {NULL, 0, 0};

	for (size_t i = 0; i < asks->n && all != REDACT_BLIND; i++) {
		struct str s = all == REDACT_REPLACED ? text_str(&now) : body;
		struct text shown = {NULL, 0, 0};
		enum redact_end end = redact_plain_body(r, &shown, asks->v[i].type, s, 0);

		if (end == REDACT_NOTHING) {
			text_fini(&shown);
			continue;
		}
		text_fini(&now);
		now = shown;
		all = end;
	}
	if (all == REDACT_REPLACED)
		text_put(to, text_str(&now));
	text_fini(&now);
	return all;
}

/* What one type asks for settles by itself; several may undo what the others read. What has become too large to be looked
 * through again is kept back at once. */
static enum redact_end redact_by_types(const struct redactor *r, struct text *to, const struct redact_types *types,
	struct str body)
{
	size_t len = to->len;
	struct asks asks;
	enum redact_end end;

	if (!take_asks(&asks, types))
		return REDACT_BLIND;
	if (asks.n <= 1)
		end = put_by_types(&asks, r, to, body);
	else
		end = redact_settle(r, to, body, put_by_types, &asks);
	if (end != REDACT_REPLACED || to->len - len <= REDACT_MAX_BODY)
		return end;
	to->len = len;
	return REDACT_BLIND;
}

enum redact_end redact_typed_body(const struct redactor *r, struct text *to, const struct redact_types *types,
	struct str codings, struct str body)
{
	struct text plain = {NULL, 0, 0};
	enum redact_end end = REDACT_BLIND;

	if (body.len == 0 || !redact_may_cover(types, codings, body))
		return REDACT_NOTHING;
	if (coding_is_identity(codings))
		return note(r, redact_by_types(r, to, types, body));
	/* One byte more than what is looked through, so that what is longer is seen to be. */
	if (decode(&plain, codings, body, REDACT_MAX_BODY + 1))
		end = redact_by_types(r, to, types, text_str(&plain));
	text_fini(&plain);
	return note(r, end);
}

enum redact_end redact_body(const struct redactor *r, struct text *to, struct str content_type, struct str codings,
	struct str body)
{
	const struct redact_types types = {NULL, content_type};

	return redact_typed_body(r, to, &types, codings, body);
}
