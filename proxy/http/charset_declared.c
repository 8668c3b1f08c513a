/* What a text says of its own encoding: a byte order mark, an XML declaration, an HTML meta element (HTML Standard, section
 * 13.2.3.2, "prescan a byte stream"). Not for: reading HTML. */
#include "http/charset_part.h"

#include <string.h>

enum { SCANNED_BYTES = 1024 };

/* What is left of the bytes that are looked at. */
struct scan {
	struct str left;
};

static bool is_space(char c)
{
	return c == '\t' || c == '\n' || c == '\f' || c == '\r' || c == ' ';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static char first(const struct scan *s)
{
	return s->left.len > 0 ? s->left.p[0] : '\0';
}

static void skip(struct scan *s, size_t n)
{
	s->left = str_from(s->left, n < s->left.len ? n : s->left.len);
}

static void skip_spaces(struct scan *s)
{
	while (s->left.len > 0 && is_space(first(s)))
		skip(s, 1);
}

const struct encoding *encoding_marked(struct str body)
{
	if (str_starts(body, STR("\xef\xbb\xbf")))
		return encoding_of(STR("UTF-8"));
	if (str_starts(body, STR("\xfe\xff")))
		return encoding_of(STR("UTF-16BE"));
	return str_starts(body, STR("\xff\xfe")) ? encoding_of(STR("UTF-16LE")) : NULL;
}

/* Where bytes were read one by one, the text is not in UTF-16, whatever it says. */
static const struct encoding *encoding_said(struct str label)
{
	const struct encoding *e = encoding_of(label);

	if (e && (e->decoding == DECODING_UTF_16LE || e->decoding == DECODING_UTF_16BE))
		return encoding_of(STR("UTF-8"));
	return e;
}

/* The bytes in front of the first occurrence of a word, without case; all if there is none. */
static size_t find_word(struct str s, struct str word)
{
	size_t i = 0;

	while (i < s.len && !str_istarts(str_from(s, i), word))
		i++;
	return i;
}

/* Behind an equals sign and perhaps spaces. */
static bool skip_equals(struct scan *s)
{
	skip_spaces(s);
	if (first(s) != '=')
		return false;
	skip(s, 1);
	skip_spaces(s);
	return true;
}

/* What is in quotes; p NULL if they do not open or do not close. */
static struct str take_quoted(struct scan *s)
{
	char quote = first(s);
	struct str text;

	if (quote != '"' && quote != '\'')
		return STR_NONE;
	skip(s, 1);
	text = str_first(s->left, str_find(s->left, quote));
	if (text.len == s->left.len)
		return STR_NONE;
	skip(s, text.len + 1);
	return text;
}

/* <?xml version="1.0" encoding="…"?> */
static const struct encoding *declared_by_xml(struct str body)
{
	struct scan s = {str_first(body, str_find(body, '>'))};

	if (str_starts(body, STR("<\0?\0x\0")))
		return encoding_of(STR("UTF-16LE"));
	if (str_starts(body, STR("\0<\0?\0x")))
		return encoding_of(STR("UTF-16BE"));
	if (!str_starts(body, STR("<?xml")) || s.left.len == body.len)
		return NULL;
	skip(&s, find_word(s.left, STR("encoding")));
	skip(&s, strlen("encoding"));
	return skip_equals(&s) ? encoding_said(take_quoted(&s)) : NULL;
}

/* The label in text/html; charset=… */
static struct str charset_in(struct str content)
{
	struct scan s = {content};

	while (s.left.len > 0) {
		struct str text;
		size_t n = 0;

		skip(&s, find_word(s.left, STR("charset")));
		skip(&s, strlen("charset"));
		if (!skip_equals(&s))
			continue;
		text = s.left;
		if (first(&s) == '"' || first(&s) == '\'')
			return take_quoted(&s);
		while (n < text.len && !is_space(text.p[n]) && text.p[n] != ';')
			n++;
		return str_first(text, n);
	}
	return STR_NONE;
}

struct attribute {
	struct str name, value;
};

static struct str take_value(struct scan *s)
{
	struct str text = s->left;
	size_t n = 0;

	if (first(s) == '"' || first(s) == '\'') {
		text = take_quoted(s);
		if (!text.p)
			skip(s, s->left.len); /* cut in the middle */
		return text;
	}
	while (n < text.len && !is_space(text.p[n]) && text.p[n] != '>')
		n++;
	skip(s, n);
	return str_first(text, n);
}

/* The next attribute of a tag; false at its end, or that of the bytes. */
static bool take_attribute(struct scan *s, struct attribute *ret)
{
	struct attribute a = {0};
	size_t n = 0;

	while (s->left.len > 0 && (is_space(first(s)) || first(s) == '/'))
		skip(s, 1);
	if (s->left.len == 0 || first(s) == '>')
		return false;
	a.name = s->left;
	/* An equals sign at the front belongs to the name. */
	while (n < a.name.len && !is_space(a.name.p[n]) && a.name.p[n] != '/' && a.name.p[n] != '>' &&
		(n == 0 || a.name.p[n] != '='))
		n++;
	a.name = str_first(a.name, n);
	skip(s, n);
	if (skip_equals(s))
		a.value = take_value(s);
	*ret = a;
	return true;
}

/* The attributes of a meta element. Of each name the first one counts. */
static const struct encoding *declared_by_meta(struct scan *s)
{
	const struct encoding *said = NULL, *e;
	bool is_pragma = false, needs_pragma = false, saw_equiv = false, saw_content = false, saw_charset = false;
	struct attribute a;

	while (take_attribute(s, &a)) {
		if (str_ieq(a.name, STR("http-equiv")) && !saw_equiv) {
			saw_equiv = true;
			is_pragma = str_ieq(a.value, STR("content-type"));
		} else if (str_ieq(a.name, STR("content")) && !saw_content) {
			saw_content = true;
			e = encoding_said(charset_in(a.value));
			if (e && !saw_charset && !said) {
				said = e;
				needs_pragma = true;
			}
		} else if (str_ieq(a.name, STR("charset")) && !saw_charset) {
			saw_charset = true;
			said = encoding_said(a.value);
			needs_pragma = false;
		}
	}
	return needs_pragma && !is_pragma ? NULL : said;
}

/* True at a tag of any name; then behind its name. */
static bool skip_tag_name(struct scan *s)
{
	size_t slash = s->left.len > 1 && s->left.p[1] == '/', n = 1 + slash;

	if (s->left.len <= n || !is_letter(s->left.p[n]))
		return false;
	while (n < s->left.len && !is_space(s->left.p[n]) && s->left.p[n] != '>')
		n++;
	skip(s, n);
	return true;
}

/* Behind a comment; its two hyphens may be those of both ends. */
static void skip_comment(struct scan *s)
{
	skip(s, 2);
	skip(s, find_word(s->left, STR("-->")));
	skip(s, 3);
}

static bool is_meta(struct str s)
{
	size_t n = strlen("<meta");

	return str_istarts(s, STR("<meta")) && s.len > n && (is_space(s.p[n]) || s.p[n] == '/');
}

static bool is_other_markup(struct str s)
{
	return str_starts(s, STR("<!")) || str_starts(s, STR("</")) || str_starts(s, STR("<?"));
}

static const struct encoding *declared_by_html(struct str body)
{
	struct scan s = {body};

	while (s.left.len > 0) {
		struct attribute a;

		skip(&s, str_find(s.left, '<'));
		if (str_starts(s.left, STR("<!--"))) {
			skip_comment(&s);
		} else if (is_meta(s.left)) {
			const struct encoding *e;

			skip(&s, strlen("<meta"));
			e = declared_by_meta(&s);
			if (e)
				return e;
		} else if (skip_tag_name(&s)) {
			while (take_attribute(&s, &a))
				;
		} else if (is_other_markup(s.left)) {
			skip(&s, str_find(s.left, '>'));
		} else {
			skip(&s, 1);
		}
	}
	return NULL;
}

const struct encoding *encoding_declared(struct str body)
{
	struct str looked_at = body.len > SCANNED_BYTES ? str_first(body, SCANNED_BYTES) : body;
	const struct encoding *e = declared_by_html(looked_at);

	return e ? e : declared_by_xml(looked_at);
}
