/* Secrets in bodies: by its type, who looks through it. Not for bodies that are neither JSON nor a form. */
#include "http/coding.h"
#include "http/media_type.h"
#include "store/redact_part.h"

enum { TYPE_ARENA_BYTES = 64 * 1024 };

enum looked_at {
	LOOK_OTHER,
	LOOK_JSON,
	LOOK_QUERY,
	LOOK_MULTIPART,
	LOOK_TEXT /* says little: it is looked at for JSON */
};

static enum looked_at kind_of(struct str essence)
{
	if (media_type_is_json(essence) || str_eq(essence, STR("application/json-seq")))
		return LOOK_JSON;
	if (str_eq(essence, STR("application/x-www-form-urlencoded")))
		return LOOK_QUERY;
	if (str_starts(essence, STR("multipart/")))
		return LOOK_MULTIPART;
	return essence.len == 0 || str_eq(essence, STR("text/plain")) ? LOOK_TEXT : LOOK_OTHER;
}

bool redact_covers(struct str content_type)
{
	struct arena *a = arena_new(TYPE_ARENA_BYTES);
	struct media_type type = media_type_parse(a, content_type);
	bool is_covered = kind_of(type.essence) != LOOK_OTHER;

	arena_free(a);
	return is_covered;
}

/* Whether a text may be JSON. */
static bool looks_like_json(struct str body)
{
	size_t at = str_starts(body, STR("\xef\xbb\xbf")) ? 3 : 0;

	while (at < body.len && (body.p[at] == ' ' || body.p[at] == '\t' || body.p[at] == '\r' || body.p[at] == '\n'))
		at++;
	return at < body.len && (body.p[at] == '{' || body.p[at] == '[');
}

static enum redact_end note(const struct redactor *r, enum redact_end end)
{
	if (end == REDACT_BLIND)
		redact_note_met(r);
	return end;
}

static enum redact_end put_query(const struct redactor *r, struct text *to, struct str body)
{
	size_t len = to->len;

	if (redact_query(r, to, body))
		return REDACT_REPLACED;
	to->len = len;
	return REDACT_NOTHING;
}

enum redact_end redact_plain_body(const struct redactor *r, struct text *to, struct str content_type, struct str body,
	unsigned depth)
{
	struct arena *a = arena_new(TYPE_ARENA_BYTES);
	struct media_type type = media_type_parse(a, content_type);
	enum looked_at kind = kind_of(type.essence);
	enum redact_end end = REDACT_NOTHING;

	if (kind == LOOK_TEXT && !looks_like_json(body))
		kind = LOOK_OTHER;
	if (kind != LOOK_OTHER && body.len > REDACT_MAX_BODY)
		end = REDACT_BLIND;
	else if (kind == LOOK_JSON || kind == LOOK_TEXT)
		end = redact_json(r, to, body, kind == LOOK_JSON);
	else if (kind == LOOK_QUERY)
		end = put_query(r, to, body);
	else if (kind == LOOK_MULTIPART)
		end = redact_multipart(r, to, type.boundary, body, depth);
	arena_free(a);
	return end;
}

static bool take(void *owner, struct str piece)
{
	text_put(owner, piece);
	return true;
}

/* The body without its codings; false if it cannot be seen whole, or as far as it was kept. */
static bool decode(struct text *to, struct str codings, struct str body)
{
	/* One byte more than what is looked through, so that what is longer is seen to be. */
	const struct coding_limits limits = {.max_bytes = REDACT_MAX_BODY + 1};
	enum coding_end end;
	struct coding *c = coding_new(codings, &limits, take, to, &end);

	if (!c)
		return false;
	coding_put(c, body);
	end = coding_end(c);
	return end == CODING_WHOLE || end == CODING_TRUNCATED || end == CODING_LIMIT;
}

enum redact_end redact_body(const struct redactor *r, struct text *to, struct str content_type, struct str codings,
	struct str body)
{
	struct text plain = {NULL, 0, 0};
	enum redact_end end = REDACT_BLIND;

	if (body.len == 0 || !redact_covers(content_type))
		return REDACT_NOTHING;
	if (coding_is_identity(codings))
		return note(r, redact_plain_body(r, to, content_type, body, 0));
	if (decode(&plain, codings, body))
		end = redact_plain_body(r, to, content_type, text_str(&plain), 0);
	text_fini(&plain);
	return note(r, end);
}
