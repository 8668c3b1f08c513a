/* Secrets in event streams (WHATWG HTML, section 9.2). The value of an event may stand in several
 * lines, each behind "data:". */
#include "store/redact/redact_part.h"

static const struct str name = {"data:", 5};

/* The next line, without its end. */
static struct str first_line(struct str s)
{
	return str_first(s, str_find(s, '\n'));
}

/* Takes the lines of one value; what stands behind "data:" comes into the text, a line each. Returns how many bytes they
 * are. */
static size_t take_value(struct text *ret_value, struct str s)
{
	size_t all = s.len;

	text_clear(ret_value);
	while (str_starts(s, name)) {
		struct str line = first_line(s);

		if (s.len < all)
			text_byte(ret_value, '\n');
		text_put(ret_value, str_from(line, name.len));
		s = str_from(s, line.len);
		if (s.len == 0 || !str_starts(str_from(s, 1), name))
			break;
		s = str_from(s, 1);
	}
	return all - s.len;
}

static void put_value(struct text *to, struct str value)
{
	for (;;) {
		struct str line = first_line(value);

		text_put(to, name);
		text_put(to, line);
		if (line.len == value.len)
			return;
		text_byte(to, '\n');
		value = str_from(value, line.len + 1);
	}
}

/* The value that s begins with; *s is what stands behind it. */
static enum redact_end redact_value(const struct redactor *r, struct text *to, struct str *s)
{
	struct text value = {NULL, 0, 0}, shown = {NULL, 0, 0};
	size_t n = take_value(&value, *s);
	enum redact_end end = redact_perhaps_json(r, &shown, text_str(&value));

	if (end == REDACT_REPLACED)
		put_value(to, text_str(&shown));
	else
		text_put(to, str_first(*s, n));
	*s = str_from(*s, n);
	text_fini(&value);
	text_fini(&shown);
	return end;
}

enum redact_end redact_events(const struct redactor *r, struct text *to, struct str body)
{
	enum redact_end all = REDACT_NOTHING;
	size_t len = to->len, n;

	while (body.len > 0 && all != REDACT_BLIND) {
		if (str_starts(body, name)) {
			enum redact_end end = redact_value(r, to, &body);

			if (end != REDACT_NOTHING)
				all = end;
		}
		n = first_line(body).len;
		n += n < body.len;
		text_put(to, str_first(body, n));
		body = str_from(body, n);
	}
	if (all != REDACT_REPLACED)
		to->len = len;
	return all;
}
