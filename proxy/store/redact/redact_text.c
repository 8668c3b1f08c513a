/* Secrets in texts whose type says little: JSON, an event stream or a form, by how they begin. */
#include "store/redact/redact_part.h"

#include <string.h>

enum { LONGEST_NAME = 256, LONGEST_SIGN = 6 /* of those that are looked for: "event:" */ };

static bool is_blank(char c)
{
	/* the record separator of RFC 7464 among them */
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\x1e';
}

/* What stands behind blanks and a byte order mark. */
static struct str without_blanks(struct str s)
{
	if (str_starts(s, STR("\xef\xbb\xbf")))
		s = str_from(s, 3);
	while (s.len > 0 && is_blank(s.p[0]))
		s = str_from(s, 1);
	return s;
}

/* Digits may stand before: Engine.IO sends such packets. */
static bool is_json(struct str s)
{
	while (s.len > 0 && s.p[0] >= '0' && s.p[0] <= '9')
		s = str_from(s, 1);
	return s.len > 0 && (s.p[0] == '{' || s.p[0] == '[');
}

static bool is_events(struct str s)
{
	return str_starts(s, STR("data:")) || str_starts(s, STR("event:"));
}

/* The length of what may be the name of a form's first field: it needs no encoding, or is encoded. */
static size_t name_length(struct str s)
{
	size_t n = 0;

	while (n < s.len && n < LONGEST_NAME &&
		(str_is_token(str_first(str_from(s, n), 1)) || (s.p[n] != '\0' && strchr("[]:@", s.p[n]))))
		n++;
	return n;
}

static bool is_form(struct str s)
{
	size_t n = name_length(s);

	return n > 0 && n < s.len && s.p[n] == '=';
}

bool redact_is_beginning(struct str start, bool may_be_form)
{
	struct str s = without_blanks(start);

	if (s.len < LONGEST_SIGN || is_json(s) || is_events(s))
		return true;
	return may_be_form && (is_form(s) || name_length(s) == s.len);
}

enum redact_end redact_perhaps_json(const struct redactor *r, struct text *to, struct str text)
{
	return is_json(without_blanks(text)) ? redact_json(r, to, text, false) : REDACT_NOTHING;
}

/* One round over a form. JSON comes first: what stands in its strings may be a query as well. */
static enum redact_end put_form(const void *owner, const struct redactor *r, struct text *to, struct str body)
{
	struct text json = {NULL, 0, 0};
	enum redact_end end = redact_perhaps_json(r, &json, body);
	size_t len = to->len;

	(void)owner;
	if (end != REDACT_BLIND) {
		if (redact_query_once(r, to, end == REDACT_REPLACED ? text_str(&json) : body))
			end = REDACT_REPLACED;
		else if (end == REDACT_NOTHING)
			to->len = len;
	}
	text_fini(&json);
	return end;
}

enum redact_end redact_form(const struct redactor *r, struct text *to, struct str body)
{
	return redact_settle(r, to, body, put_form, NULL);
}

enum redact_end redact_any_text(const struct redactor *r, struct text *to, struct str body, bool may_be_form)
{
	struct str s = without_blanks(body);

	if (!is_json(s) && !is_events(s) && !(may_be_form && is_form(s)))
		return REDACT_NOTHING;
	if (body.len > REDACT_MAX_BODY)
		return REDACT_BLIND;
	if (is_json(s))
		return redact_perhaps_json(r, to, body);
	return is_events(s) ? redact_events(r, to, body) : redact_form(r, to, body);
}
